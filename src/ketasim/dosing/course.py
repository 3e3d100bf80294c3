"""A course of treatment: who gets what, and how long it is followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, Field

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import FROZEN, Text, quantity, refuse, shortened, validated
from ketasim.dosing.follow_up.candidate import Candidate, CandidateItem, read_candidates
from ketasim.dosing.follow_up.now import known_until, to_follow
from ketasim.dosing.follow_up.score import Score, ScoreItem, read_scores
from ketasim.dosing.follow_up.when import hours_of, read_now
from ketasim.dosing.guards import check_doses, late_start
from ketasim.dosing.mood_options import MoodOptions
from ketasim.dosing.patient import HEALTHY, Patient, entry_form
from ketasim.dosing.people import PopulationSpec
from ketasim.dosing.plan_options import PlanOptions
from ketasim.dosing.regimen import Regimen, overlapping
from ketasim.dosing.sentence.dates import undated
from ketasim.dosing.sentence.parse import parse_regimen
from ketasim.dosing.shipped import read_input
from ketasim.dosing.structured import DoseItem, items_of, regimen_of
from ketasim.dosing.yaml_text import read_mapping
from ketasim.vocabulary import Moment, check_one_order, read_moment

FOLLOW_UP: Final = 7 * 24.0
"""How long a course is followed after its last session when no horizon is given, h."""

REFERENCE: Final = "reference"
"""The pharmacokinetic model used when none is named."""


def _start(value: object) -> Moment:
    try:
        found = read_moment(value)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if found is None:
        raise refuse(f"'{shortened(value)}' is not a date", "write it such as '2026-01-05'")
    return found


class CourseFile(BaseModel):
    """What a course file may say; its JSON schema is the schema of the file.

    **Arguments:**

    - `title`: of the course.
    - `patient`: who is treated.
    - `population`: left out, the typical patient.
    - `start`: date of day 0, such as `2026-01-05`, with a clock time or without; then `doses` may
      have dates.
    - `regimen`: as a sentence, or
    - `doses`: as a list.
    - `horizon`: such as `84 d`; left out, seven days after the last session.
    - `pk_model`: `reference`, or the name of a published model.
    - `mood`: what decides on mood beside the drug.
    - `scores`: what was measured in the patient, for `ketasim forecast`.
    - `now`: until when the patient is known, such as `14 d`; the last score or session when left
      out.
    - `next`: candidates for what follows.
    - `plan`: candidates that `ketasim plan` sets side by side.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("model", "pk", "pkmodel", "pk-model"), "write it as 'pk_model'"),
        **dict.fromkeys(
            ("date", "start_date", "startdate", "day0", "begin"), "write it as 'start'"
        ),
        **dict.fromkeys(
            ("duration", "followup", "follow_up", "until", "end", "weeks"),
            "write how long the course is followed as 'horizon', such as 'horizon: 84 d'",
        ),
        **dict.fromkeys(
            (
                "drug",
                "route",
                "dose",
                "amount",
                "over",
                "day",
                "days",
                "time",
                "dosing",
                "schedule",
            ),
            "write it as a sentence under 'regimen', or in an entry of 'doses'",
        ),
        **dict.fromkeys(("name", "label", "note", "notes", "comment"), "write it as 'title'"),
        **dict.fromkeys(("arms", "assess", "replicates"), "it belongs to a trial file"),
    }
    """Keys that people write, which a course has not, to what to write."""

    title: Text = ""
    patient: Patient = Field(default_factory=lambda: Patient.model_validate({}))
    population: PopulationSpec | None = None
    start: Annotated[Moment, BeforeValidator(_start, json_schema_input_type=str)] | None = None
    regimen: str | None = None
    doses: tuple[DoseItem, ...] | None = None
    horizon: Annotated[float, quantity("h", 0, LONGEST, example="84 d")] | None = None
    pk_model: Text = REFERENCE
    mood: MoodOptions = Field(default_factory=MoodOptions)
    scores: tuple[ScoreItem, ...] | None = None
    now: Annotated[float | Moment, BeforeValidator(read_now, json_schema_input_type=str)] | None = (
        None
    )
    next: tuple[CandidateItem, ...] | None = None
    plan: PlanOptions | None = None


@dataclass(frozen=True)
class Course:
    """A course of treatment.

    **Arguments:**

    - `title`: of the course.
    - `patient`: who is treated.
    - `population`: nothing for the typical patient.
    - `regimen`: everything given.
    - `horizon`: h from the start of the course, how long it is followed.
    - `pk_model`: name of the pharmacokinetic model.
    - `horizon_given`: false when the horizon is the default, seven days after the last session.
    - `mood`: what decides on mood beside the drug.
    - `start`: date of day 0, or nothing.
    - `scores`: what was measured in the patient, in the order of time.
    - `now`: h from the start, until when the patient is known; nothing where neither scores nor
      candidates are given.
    - `next`: candidates for what follows.
    - `plan`: candidates for `ketasim plan`, or nothing.
    """

    title: str
    patient: Patient
    population: PopulationSpec | None
    regimen: Regimen
    horizon: float
    pk_model: str = REFERENCE
    horizon_given: bool = True
    mood: MoodOptions = field(default_factory=MoodOptions)
    start: Moment | None = None
    scores: tuple[Score, ...] = ()
    now: float | None = None
    next: tuple[Candidate, ...] = ()
    plan: PlanOptions | None = None

    def __post_init__(self) -> None:
        """Refuse a horizon before anything is given, deadly doses, what contradicts itself."""
        if self.patient.diagnosis == HEALTHY and self.patient.baseline is not None:
            raise InputError(
                "patient.baseline",
                "a healthy volunteer has no score before treatment",
                "leave 'baseline' out, or name the diagnosis that the score is of",
            )
        _ = self.background
        first = self.regimen.doses[0].time
        if not first < self.horizon <= LONGEST:
            raise InputError(
                "horizon",
                f"{self.horizon:g} h is not after the first dose at {first:g} h, within 20 years",
                "give a later one, such as '84 d'",
            )
        _ = self.warnings

    def with_population(self, n: int | None, seed: int | None) -> Course:
        """The same course with another number of virtual patients, or another seed.

        **Arguments:**

        - `n`, `seed`: of the population, which keeps what is left out.

        **Raises:** `InputError` for what is no number of patients, or no seed.
        """
        asked = {name: value for name, value in (("n", n), ("seed", seed)) if value is not None}
        form = self.to_dict()
        return load_course(form | {"population": form.get("population", {}) | asked})

    @property
    def age(self) -> float | None:
        """Mean age of those who are simulated, years; nothing where no age is given."""
        spread = None if self.population is None else self.population.age
        return self.patient.age if spread is None else spread.mean

    @property
    def background(self) -> str:
        """Oral antidepressants beside the treatment: none, continued, or new from day 0."""
        return self.mood.background_with(self.patient.medicines)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a result must know of the input, as sentences."""
        late = sum(dose.time >= self.horizon for dose in self.regimen.doses)
        come = "dose comes" if late == 1 else "doses come"
        after = (f"{late} {come} after the horizon and are not seen.",) if late else ()
        doses = (*check_doses(self.regimen, self.patient.weight), *self.regimen.warnings)
        return (
            *doses,
            *overlapping(self.regimen),
            *after,
            *late_start(self.regimen),
            *self._replaced,
        )

    @property
    def _replaced(self) -> tuple[str, ...]:
        """Say where the population's covariates stand above those of the patient."""
        patient, population = self.patient, self.population
        if population is None:
            return ()
        found: list[str] = []
        for name, unit, own, spread in (
            ("weight", "kg", patient.weight, population.weight),
            ("age", "years", patient.age, population.age),
        ):
            if own is not None and spread is not None and own != spread.mean:
                found.append(
                    f"The virtual patients have the {name}s of the population (mean "
                    f"{spread.mean:g} {unit}), not the patient's {own:g} {unit}; that is the "
                    "typical patient's alone."
                )
        if patient.sex is not None and population.female is not None:
            found.append("The virtual patients are as often female as the population says.")
        return tuple(found)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Paths of the fields of which something was assumed."""
        horizon = () if self.horizon_given else ("horizon",)
        drawn = () if self.population is None else self.population.assumed
        return (
            *(f"patient.{name}" for name in self.patient.assumed),
            *(field for field, _ in drawn),
            *self.regimen.assumed,
            *horizon,
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed of the input, as sentences for reports."""
        horizon = (
            f"The horizon is not given: {self.horizon / 24:g} d, seven days after the last session."
        )
        drawn = () if self.population is None else self.population.assumed
        return (
            *self.patient.assumptions,
            *(sentence for _, sentence in drawn),
            *self.regimen.assumptions,
            *(() if self.horizon_given else (horizon,)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form: text, numbers, lists and mappings that load back as equal."""
        form: dict[str, Any] = {"title": self.title} if self.title else {}
        if self.patient.model_fields_set:
            form["patient"] = _patient_form(self.patient)
        if self.population is not None:
            form["population"] = self.population.to_dict()
        if self.start is not None:
            form["start"] = str(self.start)
        if self.regimen.text is None:
            form["doses"] = items_of(self.regimen)
        else:
            form["regimen"] = self.regimen.text
        if self.horizon_given:
            form["horizon"] = f"{self.horizon!r} h"
        form["pk_model"] = self.pk_model
        if self.mood.model_fields_set:
            form["mood"] = self.mood.model_dump(exclude_unset=True)
        if self.plan is not None:
            form["plan"] = self.plan.to_dict()
        return form | to_follow(self.regimen, self.scores, self.now, self.next)


def load_course(source: str | Path | Mapping[str, Any]) -> Course:
    """Load a course.

    **Arguments:**

    - `source`: path of a YAML file, its content as a mapping, or the name of an example that ships
      (`ketasim simulate --list`); a file of that name comes first.

    **Returns:** the course, its doses checked against the published ranges.

    **Raises:** `InputError` with the dotted path of the field.
    """
    return _course(read_input(source, "course"))


def parse_course(text: str) -> Course:
    """Read a course from the text of a YAML file; see `load_course`."""
    return _course(read_input(read_mapping(text, "course"), "course"))


def _course(content: Mapping[str, Any]) -> Course:
    file = validated(CourseFile, dict(content))
    check_one_order(_dates(content))
    if (file.regimen is None) == (file.doses is None):
        problem = "both are" if file.regimen is not None else "neither is"
        raise InputError(
            "regimen", f"{problem} given: regimen and doses", "give exactly one of the two"
        )
    regimen = (
        parse_regimen(undated(file.regimen, file.start))
        if file.regimen is not None
        else regimen_of(file.doses or (), file.start)
    )
    default = max(regimen.sessions[-1] + FOLLOW_UP, regimen.end)
    scores = read_scores(file.scores or (), file.start, regimen)
    now = None if file.now is None else hours_of(file.now, file.start, "now")
    until = None
    if file.scores is not None or file.next is not None or now is not None:
        until = known_until(now, scores, regimen)
    candidates = file.next or ()
    return Course(
        title=file.title,
        patient=_middle(file.patient, file.population),
        population=file.population,
        regimen=regimen,
        horizon=min(default, LONGEST) if file.horizon is None else file.horizon,
        pk_model=file.pk_model,
        horizon_given=file.horizon is not None,
        mood=file.mood,
        start=file.start,
        scores=scores,
        now=until,
        next=read_candidates(candidates, file.start, until or 0.0, regimen),
        plan=file.plan,
    )


def _dates(content: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Fields that may hold dates, with what was written."""
    for name in ("start", "now"):
        yield name, content.get(name)
    for name in ("doses", "scores"):
        for place, entry in enumerate(content.get(name) or ()):
            for key in ("day", "date", "time"):
                yield f"{name}[{place}].{key}", entry.get(key)


def _middle(patient: Patient, population: PopulationSpec | None) -> Patient:
    """The patient, who has the mean of what is drawn where nothing else is given."""
    if population is None:
        return patient
    means: dict[str, float] = {}
    if population.weight is not None and "weight" not in patient.model_fields_set:
        means["weight"] = population.weight.mean
    if population.age is not None and patient.age is None:
        means["age"] = population.age.mean
    return patient.model_copy(update=means) if means else patient


def _patient_form(patient: Patient) -> dict[str, Any]:
    form: dict[str, Any] = patient.model_dump(exclude_unset=True)
    if "weight" in form:
        form["weight"] = f"{patient.weight!r} kg"
    if patient.height is not None:
        form["height"] = f"{patient.height!r} m"
    if "medicines" in form:
        form["medicines"] = [entry_form(one) for one in patient.medicines]
    if "history" in form:
        form["history"] = [entry_form(one) for one in patient.history]
    if patient.vitals is not None:
        form["vitals"] = patient.vitals.written()
    return form
