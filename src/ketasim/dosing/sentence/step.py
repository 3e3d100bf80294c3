"""A step of a session: what it says of itself, completed from what came before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from ketasim._base import DRUGS, ROUTES, InputError
from ketasim.dosing.dose import SMALLEST, TIMED_ROUTES, Dose, too_short
from ketasim.dosing.regimen import split_devices
from ketasim.dosing.sentence.refusal import FIELD
from ketasim.dosing.words import describe_duration
from ketasim.vocabulary.measure import Measure, written
from ketasim.vocabulary.route import RouteName

_SAME: Final = Fraction(1, 10**6)  # relative; two amounts that say the same


@dataclass(frozen=True)
class Step:
    """What a step says of itself; nothing where it leaves it to what came before.

    **Arguments:**

    - `drug`, `route`, `salt`: as of `Dose`.
    - `amount`: in `unit`.
    - `duration`: h; 0 for a bolus.
    - `infusion`: the words say that it is one.
    - `pause`: h between the end of the step before and its start.
    - `stopped`: it was stopped before its end, and `amount` is what was given.
    - `assumed`: the route is what a form, such as a lozenge, usually has.
    - `notes`: what was computed, as sentences.
    """

    drug: str | None = None
    amount: float | None = None
    unit: str = ""
    salt: str | None = None
    route: str | None = None
    duration: float | None = None
    infusion: bool = False
    pause: float = 0.0
    stopped: bool = False
    by_rate: bool = False
    assumed: str = ""
    notes: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[str, ...]:
        """What the words may mean otherwise, as sentences."""
        if not self.assumed:
            return ()
        return (f"'{self.assumed}' is read as {self.route}, which is assumed.",)

    def after(self, before: Step, *, same_place: bool) -> Step:
        """Fill what is left out from another step; a duration only at the same route and place."""
        keeps = same_place and self.route in (None, before.route)
        self._check_salt(before)
        if self.amount is None and before.stopped:
            raise InputError(
                FIELD, "a phase after a session that was stopped gives no dose", "say its dose"
            )
        if self.amount is None and before.by_rate and self.duration is not None:
            raise InputError(
                FIELD,
                "a phase changes the duration of a dose that was given as a rate",
                "say its rate or its dose",
            )
        return replace(
            self,
            drug=self.drug or before.drug,
            amount=before.amount if self.amount is None else self.amount,
            unit=self.unit or before.unit,
            salt=self.salt or before.salt,
            route=self.route or before.route,
            duration=before.duration if keeps and self.duration is None else self.duration,
            by_rate=before.by_rate if self.amount is None else self.by_rate,
        )

    def _check_salt(self, before: Step) -> None:
        """A salt is that of the drug it was named for: of a drug that is named anew it is asked."""
        if self.drug is None or self.salt is not None or before.salt in (None, "base"):
            return
        if self.drug != before.drug or self.amount is not None:
            raise InputError(
                FIELD,
                f"'{self.drug}' is named anew after an amount of {before.salt}",
                "add 'base' or 'hydrochloride' to it",
            )

    def checked(self) -> Step:
        """Refuse a step that is not complete."""
        if self.drug is None:
            raise InputError(FIELD, "the drug is missing", f"start with one of: {', '.join(DRUGS)}")
        if self.amount is None:
            raise InputError(
                FIELD, "the dose is missing", "add its amount in mg, g or ug, or each per kg"
            )
        if self.route is None:
            raise InputError(FIELD, "the route is missing", f"add one of: {', '.join(ROUTES)}")
        if self.infusion and not self.duration and self.route in TIMED_ROUTES:
            raise InputError(
                FIELD,
                "an infusion does not say how long it takes",
                "add 'over' with the time it takes",
            )
        if (self.duration or self.infusion) and self.route not in TIMED_ROUTES:
            raise InputError(
                FIELD,
                f"a dose by the route {self.route} is given all at once",
                "leave 'over' out; only iv, im and sc take it",
            )
        return self

    def dose(self, start: float) -> Dose:
        """What the step gives, complete, from a time on, h; of nasal devices all together."""
        assert self.drug and self.route and self.amount is not None
        return Dose(
            time=start,
            drug=self.drug,
            route=self.route,
            amount=self.amount,
            unit=self.unit,
            duration=self.duration or 0.0,
            salt=self.salt or "base",
            duration_given=self.route != "iv" or self.duration is not None,
        )

    def doses(self, start: float, session: int) -> tuple[Dose, ...]:
        """The doses of the step that starts at a time, h; nasal devices one by one."""
        return split_devices(replace(self.dose(start), session=session), FIELD)


@dataclass
class Said:
    """The amounts that the words of a step name, before they are computed.

    **Arguments:**

    - `dose`, `rate`, `flow`, `volume`, `concentration`: as written.
    - `bag`: mL in which the dose is dissolved.
    - `over`: h, and as written.
    - `stop`: h after which it was stopped.
    """

    dose: Measure | None = None
    rate: Measure | None = None
    flow: Measure | None = None
    volume: Measure | None = None
    concentration: Measure | None = None
    bag: Measure | None = None
    over: Measure | None = None
    stop: Measure | None = None

    def computed(self, step: Step) -> Step:
        """The step with its amount and duration, both exact, and what was computed in words."""
        self._dissolve()
        notes: list[str] = []
        dose, over = self.dose, self.over
        if self.rate is not None:
            dose, over = self._run(self.rate, notes)
        elif self.volume is not None and self.concentration is not None:
            dose = self._filled(self.volume, self.concentration, notes)
        elif self.volume is not None and dose is not None:
            raise InputError(
                FIELD,
                f"'{dose.text}' and '{self.volume.text}' may be a dose and its volume, or the "
                "strength of each mL",
                "write the dose alone, or the volume with the concentration in mg/mL",
            )
        elif self.volume is not None:
            raise InputError(
                FIELD,
                f"'{self.volume.text}' says no dose without a concentration",
                "add the concentration in mg/mL, or write the dose in mg",
            )
        duration = step.duration if over is None else float(over.value)
        stopped = False
        if self.stop is not None:
            dose, duration = _part(dose, duration, self.stop, notes)
            stopped = True
        if dose is None:
            return replace(step, duration=duration)
        if not dose.value > 0:
            raise InputError(FIELD, f"'{dose.text}' is not a dose", "give an amount above 0")
        if float(dose.value) < SMALLEST:
            raise InputError(FIELD, f"'{dose.text}' is too little for a dose", "check the unit")
        return replace(
            step,
            amount=float(dose.value),
            unit=dose.dose_unit,
            duration=duration,
            stopped=stopped,
            by_rate=self.rate is not None and self.dose is None,
            notes=tuple(notes),
        )

    def _dissolve(self) -> None:
        """A dose in a bag that runs in mL/h, and a flow of a known concentration, are a rate."""
        if self.flow is None:
            return
        conc = None if self.concentration is None else self.concentration.value
        bag, dose, flow = self.bag, self.dose, self.flow
        if conc is None and bag is not None and dose is not None and not dose.per_kg:
            conc, self.dose = dose.value / bag.value, None
        if conc is None:
            raise InputError(
                FIELD,
                f"'{flow.text}' says no dose without a concentration",
                "add the concentration in mg/mL, or write the rate in mg/h",
            )
        text = f"{flow.text} of {written('concentration', float(conc))}"
        self.rate = Measure("rate", flow.value * conc, text=text)
        self.flow = None

    def _run(self, rate: Measure, notes: list[str]) -> tuple[Measure, Measure]:
        """Dose and duration of an infusion at a rate."""
        if not rate.value > 0:
            raise InputError(FIELD, f"'{rate.text}' is not a rate", "give one above 0")
        dose, over = self.dose, self.over
        if dose is not None and dose.per_kg != rate.per_kg:
            raise InputError(
                FIELD,
                f"'{dose.text}' and '{rate.text}' are not both per kg",
                "write the dose or the rate alone",
            )
        if over is None and dose is None:
            raise InputError(
                FIELD,
                f"the rate '{rate.text}' does not say for how long",
                "add 'over' with the time it runs",
            )
        if over is None:
            assert dose is not None
            over = Measure("time", dose.value / rate.value, text="")
            took = describe_duration(float(over.value))
            notes.append(f"{dose.text} at {rate.text} takes {took}.")
        if dose is None and rate.per_day and float(over.value) < rate.per_day * (1 - float(_SAME)):
            raise InputError(
                FIELD,
                f"'{rate.text}' over {over.text} may be a dose or a rate",
                "write the dose of one session and how often it is given, or the rate by the hour",
            )
        given = Measure("dose", rate.value * over.value, rate.per_kg, rate.text)
        if dose is None:
            amount = written("dose", float(given.value), rate.per_kg)
            notes.append(f"{rate.text} over {over.text} is {amount}.")
        elif abs(dose.value - given.value) > _SAME * given.value:
            raise InputError(
                FIELD,
                f"'{dose.text}' is not '{rate.text}' over {over.text}",
                "write two of the three",
            )
        return dose or given, over

    def _filled(self, volume: Measure, conc: Measure, notes: list[str]) -> Measure:
        """The dose in a volume of a known concentration."""
        value = volume.value * conc.value
        if self.dose is None:
            amount = written("dose", float(value))
            notes.append(f"{volume.text} of {conc.text} is {amount}.")
            return Measure("dose", value, text=volume.text)
        if self.dose.per_kg or abs(self.dose.value - value) > _SAME * value:
            raise InputError(
                FIELD,
                f"'{self.dose.text}' is not '{volume.text}' of {conc.text}",
                "write the dose alone",
            )
        return self.dose


def _part(
    dose: Measure | None, duration: float | None, stop: Measure, notes: list[str]
) -> tuple[Measure, float]:
    """What was given of an infusion until it was stopped."""
    if dose is None or not duration:
        raise InputError(
            FIELD,
            f"'stopped after {stop.text}' needs the dose and the time of the whole infusion",
            "add them, or write what was given and over what time",
        )
    share = stop.value / exact(duration)
    if not 0 < share < 1:
        raise InputError(
            FIELD,
            f"{stop.text} is not within the infusion of {describe_duration(duration)}",
            "write what was given and over what time",
        )
    given = replace(dose, value=dose.value * share)
    amount = written("dose", float(given.value), dose.per_kg)
    notes.append(
        f"Stopped after {stop.text} of {describe_duration(duration)}: {amount} of {dose.text}."
    )
    return given, float(stop.value)


def exact(hours: float) -> Fraction:
    """The fraction that a number of hours stands for: 40 min are two thirds of an hour."""
    simple = Fraction(hours).limit_denominator(10**6)
    return simple if float(simple) == hours else Fraction(hours)


def over_of(time: Measure, *, words: str) -> Measure:
    """The time an infusion takes, or the refusal of one that cannot be meant."""
    if not 0 < time.value <= 24 * 366 * 20:
        raise InputError(
            FIELD, f"'{time.text}' is not a duration", "give one above 0, up to 20 years"
        )
    if too_short(float(time.value)):
        raise InputError(
            FIELD, f"'{words} {time.text}' is shorter than 1 s", "write 'bolus' in its place"
        )
    return time


def joined(routes: list[RouteName]) -> RouteName | None:
    """The route that one or two words say, such as `sublingual` and `tablet`.

    **Raises:** `InputError` when they contradict each other.
    """
    found: RouteName | None = None
    for one in routes:
        both = one if found is None else found.with_form(one)
        if both is None:
            assert found is not None
            raise InputError(
                FIELD,
                f"'{found.text}' and '{one.text}' are two routes",
                "give one, or join the steps of a session with '+'",
            )
        if found is not None and None in (found.timed, one.timed):
            timed = found.timed if one.timed is None else one.timed
            both = replace(both, timed=timed)
        found = both
    return found
