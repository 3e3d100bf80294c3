"""The fields of the form of a course: their names are the keys of its YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from ketasim.apps.web.state import LINES, PageState


@dataclass(frozen=True)
class Entry:
    """A field of the form.

    **Arguments:**

    - `name`: with dots. `words`: what is asked for. `hint`: how it is written.
    - `kind`: `line`, `lines` or `choice`. `choices`: value to words; the first is that of nothing.
    - `wide`: whether it takes the whole width.
    - `unit`: of a bare number; nothing where there is no single one.
    """

    name: str
    words: str
    hint: str = ""
    kind: str = "line"
    choices: tuple[tuple[str, str], ...] = ()
    wide: bool = False
    unit: str = ""

    @property
    def label(self) -> str:
        """What is asked for, and in which unit a bare number is."""
        return f"{self.words}, {self.unit}" if self.unit else self.words

    @property
    def id(self) -> str:
        """Of the element."""
        return "f-" + self.name.replace(".", "-")


@dataclass(frozen=True)
class Section:
    """Fields under one heading; `opened` where they are shown at once."""

    title: str
    entries: tuple[Entry, ...]
    opened: bool = False


@cache
def sections() -> tuple[Section, ...]:
    """The fields of a course beside its regimen."""
    from ketasim.dosing import BACKGROUNDS, STRESS, SWITCHES, scales
    from ketasim.dosing.patient import (
        ANCESTRIES,
        DIAGNOSES,
        GENOTYPES,
        HEALTHY,
        IMPAIRMENTS,
        PLACES,
        SETTINGS,
        SEXES,
    )
    from ketasim.models import MODELS

    none = "not given"
    numbers = tuple((str(n), f"{n:,} virtual patients") for n in (100, 200, 500, 1_000, 2_000))
    return (
        Section(
            "Patient",
            (
                Entry("patient.age", "Age, years", "such as 42"),
                Entry("patient.weight", "Weight", "such as 78", unit="kg"),
                _choice("patient.sex", "Sex", SEXES),
                _choice("patient.diagnosis", "Diagnosis", (*DIAGNOSES, HEALTHY)),
                _choice("patient.baseline.scale", "Rating scale", tuple(scales())),
                Entry("patient.baseline.score", "Score before treatment, points", "such as 33"),
                Entry(
                    "patient.medicines",
                    "Other medicines",
                    "one a line, such as sertraline 100 mg daily; or none",
                    "lines",
                    wide=True,
                ),
                Entry(
                    "patient.history",
                    "History",
                    "one a line, such as hypertension; or none",
                    "lines",
                    wide=True,
                ),
            ),
            opened=True,
        ),
        Section(
            "Virtual patients and follow-up",
            (
                Entry(
                    "population.n",
                    "Of whom",
                    kind="choice",
                    choices=(("", "the typical patient"), *numbers),
                ),
                Entry("population.seed", "Seed of the virtual patients", "a whole number"),
                Entry("horizon", "Followed for", "such as 84, or 12 weeks", wide=True, unit="d"),
            ),
            opened=True,
        ),
        Section(
            "Vital signs, genotype, setting",
            (
                Entry("patient.vitals.sbp", "Systolic pressure", "such as 135", unit="mmHg"),
                Entry("patient.vitals.dbp", "Diastolic pressure", "such as 85", unit="mmHg"),
                Entry("patient.vitals.heart_rate", "Heart rate", "such as 72", unit="/min"),
                Entry("patient.vitals.spo2", "Oxygen saturation", "such as 97", unit="%"),
                Entry("patient.height", "Height", "such as 172", unit="cm"),
                _choice("patient.ancestry", "Ancestry", ANCESTRIES),
                _choice("patient.cyp2b6", "CYP2B6 genotype", GENOTYPES),
                _choice("patient.setting", "Setting", SETTINGS),
                _choice("patient.place", "Where doses are taken", PLACES),
                _choice("patient.kidney", "Kidney", IMPAIRMENTS),
                _choice("patient.liver", "Liver", IMPAIRMENTS),
            ),
        ),
        Section(
            "Model and open questions",
            (
                Entry("title", "Title", wide=True),
                Entry("start", "Date of day 0", "such as 2026-01-05"),
                Entry(
                    "pk_model",
                    "Model of concentrations",
                    kind="choice",
                    choices=(("", "reference"), *((n, n) for n in MODELS if n != "reference")),
                ),
                _choice("mood.background", "Oral antidepressant", BACKGROUNDS),
                Entry(
                    "mood.blinded",
                    "Patient knows the treatment",
                    kind="choice",
                    choices=(("", "yes, open label"), ("true", "no, blinded")),
                ),
                Entry(
                    "mood.stress",
                    "Stress",
                    kind="choice",
                    choices=(("", none), *((one, one) for one in STRESS)),
                ),
                *(
                    Entry(
                        f"mood.switches.{name}",
                        f"Switch: {name.replace('_', ' ')}",
                        kind="choice",
                        choices=(("", values[0]), *((one, one) for one in values[1:])),
                    )
                    for name, values in SWITCHES.items()
                ),
            ),
        ),
    )


def _choice(name: str, label: str, values: tuple[str, ...]) -> Entry:
    words = tuple(
        (one, one.upper() if one in ("mdd", "trd", "ptsd", "ocd") else one) for one in values
    )
    return Entry(name, label, kind="choice", choices=(("", "not given"), *words))


def known_names() -> frozenset[str]:
    """Names of all fields of the form."""
    return frozenset(entry.name for section in sections() for entry in section.entries)


def field_label(field: str) -> str:
    """Name of a field as the form has it; the field itself where the form has none."""
    name = field.replace("[", ".").replace("]", "")
    labels = {entry.name: entry.words for section in sections() for entry in section.entries}
    return {**labels, "regimen": "Regimen"}.get(name, field)


def as_meant(state: PageState) -> PageState:
    """The state with what the form leaves no doubt about.

    A bare number in a field of one unit has that unit. A seed is not used where no virtual patients
    are asked for.
    """
    course = dict(state.course)
    for section in sections():
        for entry in section.entries:
            if entry.unit:
                _with_unit(course, entry.name.split("."), entry.unit)
    population = course.get("population")
    if isinstance(population, Mapping) and set(cast("Mapping[str, Any]", population)) == {"seed"}:
        del course["population"]
    return state if course == state.course else state.with_course(course)


def _with_unit(table: dict[str, Any], parts: list[str], unit: str) -> None:
    value = table.get(parts[0])
    if len(parts) > 1:
        if isinstance(value, Mapping):
            inner = dict(cast("Mapping[str, Any]", value))
            _with_unit(inner, parts[1:], unit)
            table[parts[0]] = inner
    elif isinstance(value, int | float) and not isinstance(value, bool):
        table[parts[0]] = f"{value} {unit}"


def typed(state: PageState, name: str) -> str:
    """What stands in a field."""
    value: Any = state.course
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = cast("Mapping[str, Any]", value)[part]
    if isinstance(value, list | tuple):
        entries = cast("list[Any]", value)
        if name in LINES and not entries:
            return "none"
        return ("\n" if name in LINES else ", ").join(map(_line, entries))
    return "" if value is None else _line(value)


def _line(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):  # a medicine with keys, in the words that say the same
        table = cast("Mapping[str, Any]", value)
        said = " ".join(str(table[key]) for key in ("name", "condition", "dose") if key in table)
        since = f"since {table['since']}" if "since" in table else ""
        return ", ".join(filter(None, (said, str(table.get("status", "")), since)))
    return str(value)
