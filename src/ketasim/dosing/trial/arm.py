"""An arm of a trial: who is in it, and what they are given or given in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from ketasim._base import InputError
from ketasim.dosing.dose import DRUGS, LONGEST, Dose
from ketasim.dosing.fields import FROZEN, Text, refuse, validated, word
from ketasim.dosing.guards import check_doses
from ketasim.dosing.patient import (
    ANCESTRIES,
    DIAGNOSES,
    HEALTHY_WORDS,
    SETTINGS,
    MedicineEntry,
    Medicines,
    check_score,
    entry_form,
    known_scale,
    reference_weight,
)
from ketasim.dosing.people import AgeSpread, Female, MeanSd, WeightSpread
from ketasim.dosing.regimen import Regimen, check_count, number_sessions, overlapping
from ketasim.dosing.structured import DoseItem
from ketasim.dosing.trial.assessment import Flag
from ketasim.vocabulary import named_antidepressants, resolve_medicine

CONTROLS: Final = (
    "saline",
    "midazolam",
    "placebo_spray",
    "placebo_oral",
    "placebo_inhaled",
    "masked",
    "antidepressant",
    "none",
)
"""What an arm gets in place of a drug. `masked` is a sham given under anaesthesia, `antidepressant`
a usual oral one."""

BACKGROUNDS: Final = ("none", "continued", "new")
"""Oral antidepressants beside the treatment: none, as before, or a new one from day 0."""

DEFAULT_SETTING: Final = "outpatient"
"""Setting that is taken when a trial does not say it."""

DEFAULT_BACKGROUND: Final = "none"
"""Background that is taken when a trial does not say it."""

MOST_IN_ARM: Final = 1_000_000
"""Most patients in an arm: a limit against slips of the pen."""

_MEDICINES: Final = dict.fromkeys(("medications", "medication"), "write it as 'medicines'")
_WITHOUT_SESSIONS: Final = ("antidepressant", "none")
_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_DRUG_KEYS: Final = ("route", "dose", "over", "salt")


_Score = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class ScoreSpread(MeanSd):
    """Scores before treatment in one arm.

    **Arguments:**

    - `mean`, `sd`: points.
    - `scale`: left out, that of the population.
    """

    mean: _Score
    sd: _Score
    scale: str | None = None


class BaselineSpread(MeanSd):
    """Scores of a rating scale before treatment.

    **Arguments:**

    - `scale`: one of `scales()`.
    - `mean`, `sd`: points.
    """

    scale: str
    mean: _Score
    sd: _Score

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)

    @model_validator(mode="after")
    def _in_range(self) -> BaselineSpread:
        for value in (self.mean, self.sd):
            check_score(self.scale, value)
        return self


def _not_healthy(value: object) -> object:
    """A trial simulates mood, which a healthy volunteer's is not."""
    if isinstance(value, str) and value.strip().lower() in HEALTHY_WORDS:
        raise refuse(
            f"'{value.strip()}' has no course of depression, which a trial simulates",
            "name a diagnosis, leave it out, or simulate volunteers as a course: ketasim simulate",
        )
    return value


class TrialPopulation(BaseModel):
    """Who is in a trial; everything may be left out, the baseline if every arm has one.

    **Arguments:**

    - `diagnosis`, `ancestry`, `setting`: as of `Patient`.
    - `age`, `weight`: mean and SD, years and kg.
    - `female`: fraction of women.
    - `baseline`: scale, mean and SD before treatment.
    - `background`: one of `BACKGROUNDS`.
    - `medicines`: other medicines that everybody takes, in words or as `MedicineEntry`.
    - `country`: text.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **_MEDICINES,
        **dict.fromkeys(("sex", "male", "women", "men"), "write the share of women as 'female'"),
        **dict.fromkeys(("n", "size"), "write 'n' in each arm"),
    }
    """Keys that people write, which a population has not, to what to write."""

    diagnosis: Annotated[str, word(DIAGNOSES), BeforeValidator(_not_healthy)] | None = None
    age: AgeSpread | None = None
    weight: WeightSpread | None = None
    female: Female | None = None
    ancestry: Annotated[str, word(ANCESTRIES)] | None = None
    baseline: BaselineSpread | None = None
    setting: Annotated[str, word(SETTINGS)] | None = None
    background: Annotated[str, word(BACKGROUNDS)] | None = None
    medicines: Medicines = ()
    country: Text = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form."""
        form: dict[str, Any] = self.model_dump(exclude_unset=True, exclude_none=True)
        if "medicines" in form:
            form["medicines"] = [entry_form(one) for one in self.medicines]
        return form


_REPEATED: Final = ("frequency", "every", "repeat", "interval", "times")
# read as a dose of a course is, with the same errors
_AsInDoses = Annotated[Any, WithJsonSchema({"type": "string"})]


class PhaseItem(BaseModel):
    """An entry of `phases:`; an arm of one phase has these keys itself.

    **Arguments:**

    - `drug`, `route`, `dose`, `over`, `salt`: as of `DoseItem`.
    - `days`: start of each session, days from 0.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **{name: said for name, said in DoseItem.meant.items() if name not in _REPEATED},
        **dict.fromkeys(
            (*_REPEATED, "regimen", "schedule", "sessions", "visits"),
            "write the day of each session under 'days', such as 'days: [0, 3, 7, 10]'",
        ),
        "day": "write it as 'days', such as 'days: [0]'",
        "name": "write it as 'id', or as 'label'",
        **_MEDICINES,
    }
    """Keys that people write, which an arm has not, to what to write."""

    drug: _AsInDoses = None
    route: _AsInDoses = None
    dose: _AsInDoses = None
    over: _AsInDoses = None
    salt: _AsInDoses = None
    days: tuple[Annotated[float, Field(strict=True, ge=0, le=LONGEST / 24)], ...] | None = None


def not_yet(_value: object) -> None:
    """Validator of `withdrawal`, which the format has and nothing simulates."""
    raise refuse("a randomised withdrawal is not available yet", "leave 'withdrawal' out")


Withdrawal = Annotated[Any, BeforeValidator(not_yet), WithJsonSchema({})]
"""The randomised withdrawal of the format, refused with a line that says so."""


def _key(value: object) -> str:
    if not isinstance(value, str):
        raise refuse(f"'{value}' is not text", "write it as text, in quotes if it is a number")
    if _KEY.fullmatch(value.strip()) is None:
        raise refuse(
            f"'{value[:40]}' is not a key".replace("\n", " "),
            "use letters, digits and . _ + -, such as 'ket-0.5'",
        )
    return value.strip()


Key = Annotated[str, BeforeValidator(_key)]
"""A short name without blanks."""


class ArmItem(PhaseItem):
    """An entry of `arms:`; see `Arm`."""

    id: Key
    label: Text = ""
    n: Annotated[int, Field(strict=True, ge=1, le=MOST_IN_ARM)]
    phases: tuple[PhaseItem, ...] | None = None
    control: Annotated[str, word(CONTROLS)] | None = None
    open: Flag = False
    masked: Flag = False
    background: Annotated[str, word(BACKGROUNDS)] | None = None
    medicines: Medicines | None = None
    baseline: ScoreSpread | None = None
    age: AgeSpread | None = None
    weight: WeightSpread | None = None
    female: Female | None = None
    withdrawal: Withdrawal = None


@dataclass(frozen=True)
class Phase:
    """Sessions of an arm that give the same.

    **Arguments:**

    - `drug`, `route`, `amount`, `unit`, `duration`, `salt`: as of `Dose`; of nasal esketamine the
      amount of the whole session.
    - `days`: start of each session, days from 0, ascending.
    - `duration_given`: as of `Dose`.
    - `notes`, `readings`: as of `Regimen`.
    """

    drug: str
    route: str
    amount: float
    unit: str
    duration: float
    salt: str
    days: tuple[float, ...]
    duration_given: bool = field(default=True, compare=False)
    notes: tuple[str, ...] = field(default=(), compare=False)
    readings: tuple[str, ...] = field(default=(), compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form."""
        form: dict[str, Any] = {
            "drug": self.drug,
            "route": self.route,
            "dose": f"{self.amount!r} {self.unit}",
        }
        if self.duration > 0:
            form["over"] = f"{self.duration!r} h"
        elif self.route == "iv" and self.duration_given:
            form["over"] = "bolus"
        if self.salt != "base":
            form["salt"] = self.salt
        return form | {"days": _plain(self.days)}


@dataclass(frozen=True)
class Arm:
    """An arm of a trial, everything it takes from the population filled in.

    **Arguments:**

    - `id`: unique in the trial.
    - `n`: number of patients who receive it.
    - `phases`: of an arm with a drug; empty for a control.
    - `control`: one of `CONTROLS`, nothing for an arm with a drug.
    - `doses`: everything given of the drug, nasal sessions split into their devices.
    - `days`: of the file, of all phases, ascending.
    - `sessions`: start of every session, sham sessions included, h, ascending.
    - `open`: patients know what they get.
    - `masked`: given under anaesthesia, so that treatment is indistinguishable; true of the
      control `masked` too.
    - `setting`, `background`: see `TrialPopulation`.
    - `baseline`: scale, mean and SD before treatment.
    - `age`, `weight`: mean and SD, years and kg; nothing where the trial does not say it.
    - `female`: fraction of women; nothing where the trial does not say it.
    - `diagnosis`, `ancestry`, `medicines`: see `TrialPopulation`.
    - `horizon`: how long the arm is followed, h.
    - `label`: what results call it, as the file has it; empty for what follows from the treatment.
    """

    id: str
    n: int
    phases: tuple[Phase, ...]
    control: str | None
    doses: tuple[Dose, ...]
    days: tuple[float, ...]
    sessions: tuple[float, ...]
    open: bool
    masked: bool
    setting: str
    background: str
    baseline: BaselineSpread
    age: AgeSpread | None
    weight: WeightSpread | None
    female: float | None
    diagnosis: str | None
    ancestry: str | None
    medicines: tuple[str | MedicineEntry, ...]
    horizon: float = LONGEST
    # a name alone makes no other arm
    label: str = field(default="", compare=False)

    @property
    def drug(self) -> str | None:
        """The drug, of the first phase if phases differ; nothing for a control."""
        return self.phases[0].drug if self.phases else None

    @property
    def regimen(self) -> Regimen | None:
        """The doses as a regimen; nothing for a control."""
        if not self.doses:
            return None
        notes = dict.fromkeys(one for phase in self.phases for one in phase.notes)
        readings = dict.fromkeys(one for phase in self.phases for one in phase.readings)
        return Regimen(self.doses, notes=tuple(notes), readings=tuple(readings))

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a result must know of the arm, as sentences."""
        regimen = self.regimen
        found: tuple[str, ...] = ()
        if regimen is not None:
            overlap = overlapping(regimen)
            found = (*check_doses(regimen, self._kilograms), *regimen.assumptions, *overlap)
        late = sum(time >= self.horizon for time in self.sessions)
        come, are = ("session comes", "is") if late == 1 else ("sessions come", "are")
        after = (f"{late} {come} after the horizon and {are} not seen.",) if late else ()
        return (*found, *after)

    @property
    def _kilograms(self) -> float:
        return reference_weight()[0] if self.weight is None else self.weight.mean

    def to_dict(self, population: TrialPopulation) -> dict[str, Any]:
        """Return the normal form, without what the arm takes from the population."""
        form: dict[str, Any] = {"id": self.id, "n": self.n}
        if self.label:
            form["label"] = self.label
        if self.control is not None:
            form["control"] = self.control
            if self.days:
                form["days"] = _plain(self.days)
        elif len(self.phases) == 1:
            form |= self.phases[0].to_dict()
        else:
            form["phases"] = [phase.to_dict() for phase in self.phases]
        if self.open:
            form["open"] = True
        if self.masked and self.control is None:
            form["masked"] = True
        if self.background != (population.background or DEFAULT_BACKGROUND):
            form["background"] = self.background
        if self.medicines != population.medicines:
            form["medicines"] = [entry_form(one) for one in self.medicines]
        if self.baseline != population.baseline:
            form["baseline"] = self.baseline.model_dump()
        for key in ("age", "weight"):
            own: MeanSd | None = getattr(self, key)
            if own is not None and own != getattr(population, key):
                form[key] = own.model_dump()
        if self.female != population.female:
            form["female"] = self.female
        return form


def arm_of(item: ArmItem, field: str, population: TrialPopulation) -> Arm:
    """Make an arm of an entry that was read.

    **Arguments:**

    - `item`: the entry.
    - `field`: its path, for errors.
    - `population`: fills in what the entry leaves out.

    **Returns:** the arm; how long it is followed is left to the trial.

    **Raises:** `InputError` with the path of the field.
    """
    _check_kind(item, field)
    phases: tuple[Phase, ...] = ()
    doses: tuple[Dose, ...] = ()
    if item.control is not None:
        days = _sham(item, field)
        sessions = tuple(24.0 * day for day in days)
    else:
        phases, doses = _given(item, field)
        days = tuple(sorted(day for phase in phases for day in phase.days))
        sessions = Regimen(doses).sessions
    arm = Arm(
        id=item.id,
        n=item.n,
        phases=phases,
        control=item.control,
        doses=doses,
        days=days,
        sessions=sessions,
        open=item.open,
        masked=item.masked or item.control == "masked",
        setting=population.setting or DEFAULT_SETTING,
        background=item.background or population.background or DEFAULT_BACKGROUND,
        baseline=_baseline(item, field, population),
        age=item.age or population.age,
        weight=item.weight or population.weight,
        female=population.female if item.female is None else item.female,
        diagnosis=population.diagnosis,
        ancestry=population.ancestry,
        medicines=population.medicines if item.medicines is None else item.medicines,
        label=item.label,
    )
    _check_background(item, arm, field)
    try:
        _ = arm.warnings
    except InputError as error:
        place = "phases" if item.phases is not None else "dose"
        raise InputError(f"{field}.{place}", error.problem, error.remedy) from None
    return arm


def _check_kind(item: ArmItem, field: str) -> None:
    """Refuse an arm that is not exactly one thing."""
    kinds = [name for name in ("drug", "phases", "control") if getattr(item, name) is not None]
    if not kinds:
        raise InputError(
            field, "neither a drug nor a control is given", "an arm has a drug or a control"
        )
    if "control" in kinds and len(kinds) > 1:
        raise InputError(
            f"{field}.control",
            f"{kinds[0]} and control are both given",
            "an arm has a drug or a control",
        )
    if len(kinds) > 1:
        raise InputError(
            f"{field}.phases", "drug and phases are both given", "write the drug in each phase"
        )
    for name in (*_DRUG_KEYS, *(("days",) if "phases" in kinds else ())):
        if getattr(item, name) is not None and "drug" not in kinds:
            what = "a control" if "control" in kinds else "an arm with phases"
            remedy = "leave it out" if "control" in kinds else "write it in each phase"
            raise InputError(f"{field}.{name}", f"{what} has no '{name}'", remedy)
    if item.control is not None and item.masked:
        raise InputError(
            f"{field}.masked",
            "only an arm with a drug is masked",
            "write 'control: masked' for a sham under anaesthesia",
        )
    if item.open and (item.masked or item.control == "masked"):
        raise InputError(
            f"{field}.open",
            "the arm is masked: nobody can know what is given",
            "leave 'open' or 'masked' out",
        )


def _sham(item: ArmItem, field: str) -> tuple[float, ...]:
    """Days of the sessions of a control."""
    if item.days is None:
        return () if item.control in _WITHOUT_SESSIONS else (0.0,)
    if item.control in _WITHOUT_SESSIONS:
        raise InputError(
            f"{field}.days", f"the control '{item.control}' has no sessions", "leave 'days' out"
        )
    return _days(item, field)


def _days(item: PhaseItem, field: str) -> tuple[float, ...]:
    if item.days is None:
        raise InputError(f"{field}.days", "is missing", "add it, such as 'days: [0, 3, 7, 10]'")
    check_count(len(item.days), f"{field}.days")
    for earlier, later in zip(item.days, item.days[1:], strict=False):
        if later <= earlier:
            raise InputError(
                f"{field}.days",
                f"day {later:g} does not come after day {earlier:g}",
                "give days in ascending order, each once",
            )
    return item.days


def _given(item: ArmItem, field: str) -> tuple[tuple[Phase, ...], tuple[Dose, ...]]:
    """Phases of an arm with a drug, and their doses."""
    places: Sequence[tuple[PhaseItem, str]] = (
        [(item, field)]
        if item.phases is None
        else [(phase, f"{field}.phases[{place}]") for place, phase in enumerate(item.phases)]
    )
    check_count(len(places), f"{field}.phases")
    phases: list[Phase] = []
    groups: list[tuple[Dose, ...]] = []
    taken: set[float] = set()
    for one, path in places:
        days = _days(one, path)
        twice = taken.intersection(days)
        if twice:
            raise InputError(
                f"{path}.days",
                f"day {min(twice):g} is in an earlier phase already",
                "give each day to one phase",
            )
        taken.update(days)
        keys = ("drug", *_DRUG_KEYS)
        content = {key: getattr(one, key) for key in keys if getattr(one, key) is not None}
        first = validated(DoseItem, content | {"day": days[0]}, prefix=path)
        step = first.step
        assert step.drug and step.route and step.amount is not None
        phases.append(
            Phase(
                step.drug,
                step.route,
                step.amount,
                step.unit,
                duration=step.duration or 0.0,
                salt=step.salt or "base",
                days=days,
                duration_given=step.route != "iv" or step.duration is not None,
                notes=step.notes,
                readings=step.readings,
            )
        )
        groups += [first.model_copy(update={"day": day}).doses(path) for day in days]
    check_count(sum(len(group) for group in groups), field)
    return tuple(phases), number_sessions(groups)


def _baseline(item: ArmItem, field: str, population: TrialPopulation) -> BaselineSpread:
    own, general = item.baseline, population.baseline
    if own is None:
        if general is None:
            raise InputError(
                "population.baseline",
                f"is missing, and {field} has none",
                "add it, such as '{scale: MADRS, mean: 34, sd: 5}'",
            )
        return general
    scale = own.scale or (general.scale if general is not None else None)
    content = {"mean": own.mean, "sd": own.sd} | ({} if scale is None else {"scale": scale})
    return validated(BaselineSpread, content, prefix=f"{field}.baseline")


def _check_background(item: ArmItem, arm: Arm, field: str) -> None:
    """Refuse antidepressants in an arm that has none."""
    place = f"{field}.background" if item.background is not None else "population.background"
    for entry in arm.medicines:
        match = resolve_medicine(entry)
        # arketamine is no medicine of the list
        words = re.findall(r"[a-z]+", match.text.lower()) if match.status == "unknown" else ()
        if {*match.names, *words}.intersection(DRUGS):
            raise InputError(
                f"{field}.medicines" if item.medicines is not None else "population.medicines",
                f"'{entry}' is what the trial gives",
                "write it as the drug of an arm",
            )
    if arm.background != "none":
        return
    if arm.control == "antidepressant":
        raise InputError(
            place,
            f"'none' contradicts the control 'antidepressant' of {field}",
            "write 'background: new' or 'background: continued'",
        )
    named = named_antidepressants(arm.medicines)
    if named:
        raise InputError(
            place,
            f"'none' contradicts the medicine '{named[0]}' of {field}, an antidepressant",
            "write 'background: continued', or say that the medicine is not taken",
        )


def _plain(days: Sequence[float]) -> list[float]:
    """Whole days without a decimal point."""
    return [int(day) if day == int(day) else day for day in days]
