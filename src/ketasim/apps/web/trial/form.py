"""The fields of the form of a trial: their names are the keys of its YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from ketasim.apps.web.entries import Entry, Section
from ketasim.apps.web.state import PageState
from ketasim.apps.web.trial.design import MORE, TABLES, Design

_NONE: Final = "not given"
_SPREAD: Final = (("mean", "mean"), ("sd", "SD"))


@cache
def sections() -> tuple[Section, ...]:
    """The fields of a trial beside its arms and assessments."""
    from ketasim.dosing import ANALYSES, BOUNDARIES, ESTIMANDS, SPENDING, scales
    from ketasim.dosing.patient import ANCESTRIES, DIAGNOSES, SETTINGS
    from ketasim.dosing.trial.arm import BACKGROUNDS
    from ketasim.dosing.trial.file import DESIGNS

    def spread(name: str, label: str, unit: str) -> tuple[Entry, ...]:
        return tuple(
            Entry(f"population.{name}.{key}", f"{label}, {word}", unit) for key, word in _SPREAD
        )

    return (
        Section(
            "Patients",
            (
                _choice("population.diagnosis", "Diagnosis", DIAGNOSES),
                _choice("population.setting", "Setting", SETTINGS),
                _choice("population.background", "Oral antidepressant", BACKGROUNDS),
                _choice("population.baseline.scale", "Rating scale", tuple(scales())),
                *spread("baseline", "Score before", "points"),
                *spread("age", "Age", "years"),
                *spread("weight", "Weight", "kg"),
                Entry("population.female", "Women", "fraction, such as 0.6"),
                _choice("population.ancestry", "Ancestry", ANCESTRIES),
                Entry(
                    "population.medicines",
                    "Other medicines of everybody",
                    "one a line",
                    "lines",
                    wide=True,
                ),
            ),
        ),
        Section(
            "Primary contrast, analysis, power",
            (
                _choice("primary.scale", "Scale of the contrast", tuple(scales())),
                Entry("primary.at", "Visit", "one that is assessed, such as 14 d"),
                Entry("primary.contrast", "Arms", "the first minus the second, such as ket, mdz"),
                _choice("primary.analysis", "Analysis", ANALYSES, none="MMRM"),
                Entry("analysis", "Further analyses", f"some of {', '.join(ANALYSES)}"),
                Entry("estimands", "Estimands", f"some of {', '.join(ESTIMANDS)}"),
                Entry("power.n", "Sizes", "patients in the first arm, such as 40, 60, 90"),
                Entry("power.target", "Power wanted", "such as 0.8"),
                Entry("delta", "Delta", "points added to imputed scores, such as 2"),
                Entry("looks.at", "Looks", "parts of the patients, such as 0.5, 1; or how many"),
                _choice("looks.boundary", "Boundary of the looks", BOUNDARIES),
                Entry("looks.futility.z", "Futility below z", "such as 0, or one a look"),
                Entry("looks.futility.conditional_power", "or conditional power", "such as 0.2"),
                _choice("looks.futility.spending", "or by beta spending", SPENDING),
                Entry("looks.futility.beta", "Type-II error spent", "such as 0.2"),
            ),
        ),
        Section(
            "Missed sessions, rescue, scenario",
            (
                Entry("adherence", "Sessions attended", "such as 90 %, or clarivate273"),
                Entry("rescue.when", "Rescue when", "such as MADRS >= 28"),
                Entry("rescue.from", "Rescue from", "such as 14 d"),
                Entry("scenario.drug_effect", "Drug's effect", "factor, such as 0.5"),
                Entry("scenario.expectation", "Expectation", "factor, such as 1.2"),
                Entry("scenario.unblinding", "Unblinded", "part who know, such as 0.6"),
            ),
        ),
        Section(
            "Simulation",
            (
                Entry("replicates", "Replicates", "how often it is simulated, such as 200"),
                Entry("seed", "Seed", "of the random numbers"),
                Entry("remission_at_most", "Remission", "points at most, such as 10"),
                Entry("response_at_least", "Response", "improvement, such as 50 %"),
                Entry("horizon", "Horizon", "such as 84 d; else the last visit"),
                _choice("design", "Design", DESIGNS),
                Entry("washout", "Washout of a crossover", "such as 14 d"),
                Entry(
                    "randomisation",
                    "Randomisation within strata, as YAML",
                    "such as strata: [sex, {age: [65]}]",
                    "lines",
                    wide=True,
                ),
            ),
        ),
        Section(
            "Name",
            (
                Entry("trial", "Short name", "letters and digits"),
                Entry("title", "Title"),
                Entry("source", "Source", "key of a source of the evidence"),
                Entry("note", "Note", "", "lines", wide=True),
            ),
        ),
    )


@cache
def arm_entries() -> tuple[Entry, ...]:
    """The fields of an arm, with the names of its keys."""
    from ketasim._base import DRUGS, ROUTES
    from ketasim.dosing.trial.phase import CONTROLS

    return (
        Entry("id", "Short name", "such as ket"),
        Entry("n", "Patients", "such as 40"),
        _choice("control", "Control", CONTROLS, none="none: a drug is given"),
        _choice("drug", "Drug", DRUGS, none="none: a control"),
        _choice("route", "Route", ROUTES),
        Entry("dose", "Dose", "such as 0.5 mg/kg"),
        Entry("over", "Over", "of an infusion, such as 40 min"),
        Entry("days", "Days of sessions", "such as 0, 3, 7, 10"),
        _choice("open", "Patients", ("true",), none="are blinded", words={"true": "know"}),
        Entry("label", "Name in results", "left out: what is given"),
        Entry(
            MORE,
            "More, as YAML",
            "such as phases, dosing_rule, withdrawal, baseline",
            "lines",
            wide=True,
        ),
    )


@cache
def assess_entries() -> tuple[Entry, ...]:
    """The fields of an assessment, with the names of its keys."""
    from ketasim.dosing import scales

    return (
        _choice("scale", "Scale", tuple(scales())),
        Entry("at", "Visits", "such as 24 h, 7 d, 14 d"),
        Entry("metrics", "Metrics", "such as score, change, response, remission", wide=True),
        Entry(MORE, "More, as YAML", "such as from, of, relapse, every, until", "lines", wide=True),
    )


@cache
def dropout_entries() -> tuple[Entry, ...]:
    """The fields of a cause of drop-out, with the names of its keys."""
    from ketasim.dosing import PATTERNS

    return (
        _choice("pattern", "Cause", PATTERNS),
        Entry("share", "Patients who leave", "such as 20 %"),
        Entry("by", "By", "such as 28 d"),
        Entry("arms", "Of which arms", "left out: all"),
    )


def entries_of(table: str, count: int) -> list[list[Entry]]:
    """The fields of all entries of a table of `TABLES`, with their full names."""
    known = {"arms": arm_entries, "assess": assess_entries, "dropout": dropout_entries}[table]()
    return [
        [
            Entry(f"{table}.{place}.{one.name}", *(one.label, one.hint, one.kind), one.choices)
            if not one.wide
            else Entry(
                f"{table}.{place}.{one.name}",
                *(one.label, one.hint, one.kind),
                one.choices,
                wide=True,
            )
            for one in known
        ]
        for place in range(count)
    ]


def typed(design: Design, name: str) -> str:
    """What a field of the form shows.

    **Arguments:**

    - `design`: as it was given. `name`: of the field, with dots.
    """
    parts = name.split(".")
    if parts[0] in TABLES:
        rows = design.rows(parts[0])
        place = int(parts[1])
        row = rows[place] if place < len(rows) else {}
        if parts[2] == MORE:
            return _rest(row, TABLES[parts[0]])
        return _text(row.get(parts[2]), ", ")
    if name == "looks.at" and not isinstance(design.content.get("looks"), Mapping):
        return _text(design.content.get("looks"), ", ")  # written without its boundary
    value: Any = design.content
    for part in parts:
        value = cast("Mapping[str, Any]", value).get(part) if isinstance(value, Mapping) else None
    return _text(value, ", " if name in _ONE_LINE else "\n")


_ONE_LINE: Final = (
    "primary.contrast",
    "analysis",
    "estimands",
    "power.n",
    "looks.at",
    "looks.futility.z",
)


def place_of(field: str, names: Sequence[str]) -> str:
    """The field of the form that an error is about; empty where there is none.

    **Arguments:**

    - `field`: of the error, such as `arms[1].days`. `names`: of the form.
    """
    name = field.replace("[", ".").replace("]", "")
    while name:
        if name in names:
            return name
        if name.startswith("dropout") and f"dropout.0{name.removeprefix('dropout')}" in names:
            return f"dropout.0{name.removeprefix('dropout')}"
        parts = name.split(".")
        if parts[0] in ("arms", "assess") and len(parts) == 3:
            more = f"{parts[0]}.{parts[1]}.{MORE}"
            if more in names:
                return more
        inside = [one for one in names if one.startswith(name + ".")]
        if inside:
            return inside[0]
        name = name.rpartition(".")[0]
    return ""


def _rest(row: Mapping[str, Any], shown: Sequence[str]) -> str:
    """Keys that the form has no field for, as YAML."""
    rest = {key: value for key, value in row.items() if key not in shown}
    return PageState(rest).yaml().strip()


def _text(value: Any, between: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return between.join(_text(one, " ") for one in cast("list[Any]", value))
    if isinstance(value, Mapping):
        return PageState(cast("Mapping[str, Any]", value)).yaml().strip()
    return str(value)


def _choice(
    name: str,
    label: str,
    known: Sequence[str],
    *,
    none: str = _NONE,
    words: Mapping[str, str] | None = None,
) -> Entry:
    said = words or {}
    choices = (("", none), *((one, said.get(one, one.replace("_", " "))) for one in known))
    return Entry(name, label, "", "choice", choices)
