"""An arm of a trial: who is in it, and what they are given or given in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from ketasim._base import InputError
from ketasim.dosing.dose import DRUGS, LONGEST, Dose
from ketasim.dosing.fields import FROZEN, Text, as_number, refuse, shortened, validated, word
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
from ketasim.dosing.regimen import Regimen, overlapping
from ketasim.dosing.trial.assessment import Flag
from ketasim.dosing.trial.phase import (
    CONTROLS,
    DRUG_KEYS,
    MEANT_MEDICINES,
    WITHOUT_SESSIONS,
    Key,
    Phase,
    PhaseItem,
    days_of,
    given,
    plain,
)
from ketasim.dosing.trial.rule import DosingRule, check_rule, rule_times
from ketasim.dosing.trial.withdrawal import Branch, WithdrawalItem
from ketasim.vocabulary import named_antidepressants, resolve_medicine

BACKGROUNDS: Final = ("none", "continued", "new")
"""Oral antidepressants beside the treatment: none, as before, or a new one from day 0."""

DEFAULT_SETTING: Final = "outpatient"
"""Setting that is taken when a trial does not say it."""

DEFAULT_BACKGROUND: Final = "none"
"""Background that is taken when a trial does not say it."""

MOST_IN_ARM: Final = 1_000_000
"""Most patients in an arm: a limit against slips of the pen."""


_Score = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(as_number)]


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
        **MEANT_MEDICINES,
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


def _some(n: int) -> int:
    if n < 1:
        raise refuse(f"{n} patients are no arm", "give 1 or more, or leave the arm out")
    return n


def _no_sentence(value: object) -> object:
    """A rule in words is not read: what it would mean is not sure."""
    if isinstance(value, str):
        raise refuse(
            f"'{shortened(value)}' is a rule in words",
            "write it as {while: 'MADRS > 12', every: 7 d, else: 14 d}",
        )
    return value


class ArmItem(PhaseItem):
    """An entry of `arms:`; see `Arm`."""

    id: Key
    label: Text = ""
    n: Annotated[
        int,
        Field(strict=True, le=MOST_IN_ARM, json_schema_extra={"minimum": 1}),
        AfterValidator(_some),
    ]
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
    withdrawal: WithdrawalItem | None = None
    dosing_rule: Annotated[DosingRule | None, BeforeValidator(_no_sentence)] = None


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
    - `withdrawal`: who of it is randomised again, and to what; `branch`: of an arm that this makes,
      whose `control`, `open` and `label` are those from then on. Such an arm has all patients of
      the arm it is of; who is in it is decided in a replicate.
    - `dosing_rule`: by which score sessions come after those of `days`.
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
    withdrawal: WithdrawalItem | None = None
    branch: Branch | None = None
    dosing_rule: DosingRule | None = None

    @property
    def rule_times(self) -> tuple[float, ...]:
        """Times at which a session may take place by the dosing rule, h; none without one."""
        return () if self.dosing_rule is None else rule_times(self.dosing_rule, self.horizon)

    @property
    def last_session(self) -> tuple[Dose, ...]:
        """Doses of the session that a dosing rule repeats: the last one listed."""
        if not self.doses:
            return ()
        last = max(dose.session for dose in self.doses)
        return tuple(dose for dose in self.doses if dose.session == last)

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
                form["days"] = plain(self.days)
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
        if self.withdrawal is not None:
            form["withdrawal"] = self.withdrawal.form()
        if self.dosing_rule is not None:
            form["dosing_rule"] = self.dosing_rule.form()
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
        entries = [item] if item.phases is None else item.phases
        inner = "" if item.phases is None else ".phases[{}]"
        places = [(one, field + inner.format(place)) for place, one in enumerate(entries)]
        phases, doses = given(places, field)
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
        withdrawal=item.withdrawal,
        dosing_rule=_rule(item, days, field),
    )
    _check_background(item, arm, field)
    try:
        _ = arm.warnings
    except InputError as error:
        place = "phases" if item.phases is not None else "dose"
        raise InputError(f"{field}.{place}", error.problem, error.remedy) from None
    return arm


def _rule(item: ArmItem, days: tuple[float, ...], field: str) -> DosingRule | None:
    """The dosing rule of an arm, with its first session."""
    if item.dosing_rule is None:
        return None
    path = f"{field}.dosing_rule"
    if item.control in WITHOUT_SESSIONS:
        raise InputError(
            path, f"the control '{item.control}' has no sessions", "leave 'dosing_rule' out"
        )
    return check_rule(item.dosing_rule, path, days)


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
    for name in (*DRUG_KEYS, *(("days",) if "phases" in kinds else ())):
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
        return () if item.control in WITHOUT_SESSIONS else (0.0,)
    if item.control in WITHOUT_SESSIONS:
        raise InputError(
            f"{field}.days", f"the control '{item.control}' has no sessions", "leave 'days' out"
        )
    return days_of(item, field)


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
