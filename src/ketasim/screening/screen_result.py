"""The result of a screen: findings, medicines as understood, what was not assessed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.result import csv
from ketasim.screening.finding import (
    FINDING_KINDS,
    SEVERITIES,
    MonitoringPrompt,
    ScreenFinding,
)
from ketasim.screening.interpreted import history_words, medicine_words
from ketasim.vocabulary import HistoryMatch, MedicineMatch

if TYPE_CHECKING:
    import polars

    from ketasim.population import PressureOutlook

NO_VERDICT: Final = (
    "What the evidence says about this course. No verdict; what is not listed is not thereby safe."
)
"""What every screen says of itself."""

_NONE: Final = "No verdict; what is not listed is not thereby safe."
_SEVERE: Final = SEVERITIES[:3]  # what may be among the most severe
_FOREMOST: Final = 5
# effects that stand for their matter before those on the benefit
_HARM: Final = ("respiration", "sedation", "blood pressure", "seizure threshold")
_COUNTED: Final = ("caution", "note")  # severities that have a plural
_JOINED: Final = ("measured", "sources", "facts", "monitoring")


@dataclass(frozen=True, repr=False)
class Screen(Result):
    """What the evidence says of a course.

    **Arguments:**

    - `title`: of the course. `given`: what it gives, such as `IV ketamine`.
    - `findings`: the most severe first, what was not assessed last.
    - `medicines`: how the name of each was understood.
    - `monitoring`: what to measure because of the findings.
    - `assumptions`: sentences. `history`: how each of its entries was understood.
    - `record`: version and input, in a form that loads back; see `metadata`.
    - `warnings`: what the reader must know of the course as it was read, as sentences.
    - `pressure`: predicted blood pressure in sessions; none when it was not computed.
    - `pressure_lines`: the patient's blood pressure, the limits of labels and the prediction, in
      words.
    """

    title: str
    given: str
    findings: tuple[ScreenFinding, ...]
    medicines: tuple[MedicineMatch, ...]
    monitoring: tuple[MonitoringPrompt, ...]
    assumptions: tuple[str, ...] = ()
    history: tuple[HistoryMatch, ...] = ()
    record: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
    warnings: tuple[str, ...] = ()
    pressure: tuple[PressureOutlook, ...] = ()
    pressure_lines: tuple[str, ...] = ()

    @cached_property
    def foremost(self) -> tuple[ScreenFinding, ...]:
        """The most severe findings, at most five, of as many different matters.

        Notes and what was not assessed are not among them. Of equal severity those on a drug and
        route of this course come first, then those that depend on nothing unknown, those on this
        patient, boxed warnings.
        """
        severe = [one for one in self.findings if one.severity in _SEVERE]
        # of equal rank a matter that more sources name comes first
        often = Counter((one.severity, one.applies_here, _matter(one)) for one in severe)

        def rank(one: ScreenFinding) -> tuple[int | bool, ...]:
            named = often[one.severity, one.applies_here, _matter(one)]
            kind = FINDING_KINDS.index(one.kind)
            other = one.effect_on not in _HARM
            return (*_standing(one), -named, kind, other, one.quality != "label")

        found: dict[str, ScreenFinding] = {}
        for one in sorted(severe, key=rank):
            found.setdefault(_matter(one), one)
        return tuple(found.values())[:_FOREMOST]

    @property
    def unread(self) -> tuple[str, ...]:
        """Entries of history and medicines that were not assessed, in whole or in part."""
        history = [one.matched for one in self.not_assessed if one.kind == "history"]
        medicines = [
            match.text
            for match in self.medicines
            if match.unread or match.status not in ("recognised", "class")
        ]
        return tuple(dict.fromkeys((*history, *medicines)))

    @property
    def interpreted(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """`history` and `medicines`, each with its entries as written and how they were read."""
        history = tuple((one.text, history_words(one)) for one in self.history)
        medicines = tuple((one.text, medicine_words(one)) for one in self.medicines)
        both = (("history", history), ("medicines", medicines))
        return tuple((title, entries) for title, entries in both if entries)

    def on_same(self, finding: ScreenFinding) -> tuple[ScreenFinding, ...]:
        """The other findings on what a finding is about, notes included."""
        matter = _matter(finding)
        return tuple(one for one in self.findings if _matter(one) == matter and one != finding)

    def headline(self) -> Headline:
        """The most severe findings, and how many each severity has; no verdict over all."""
        here, others = self.counts(here=True), self.counts(here=False)
        rows = [_headline_row(one) for one in self.foremost]
        told = [f"{here[one]} {_plural(one, here[one])}" for one in SEVERITIES]
        rows.append(HeadlineRow(", ".join(told), ""))
        rows += [
            HeadlineRow(
                severity,
                str(here[severity]),
                f"{others[severity]} more for another drug or route" if others[severity] else "",
                "finding" if here[severity] == 1 else "findings",
                brief=False,
            )
            for severity in SEVERITIES
        ]
        prompts = "prompt" if len(self.monitoring) == 1 else "prompts"
        rows.append(HeadlineRow("what to measure", str(len(self.monitoring)), unit=prompts))
        return Headline(f"Screen of {self.title or 'a course'}: {self.given}", tuple(rows), _NONE)

    @property
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version and input, in a form that loads back."""
        return dict(self.record)

    def main_table(self) -> polars.DataFrame:
        """The findings, as `table` returns them."""
        return self.table()

    def files(self) -> dict[str, bytes]:
        """What `save` writes: screening.csv and screening.json."""
        return {
            "screening.csv": csv(self.table()),
            "screening.json": f"{self.to_json()}\n".encode(),
        }

    @property
    def not_assessed(self) -> tuple[ScreenFinding, ...]:
        """Findings that say what was not assessed."""
        return self.of("not assessed")

    def of(self, severity: str) -> tuple[ScreenFinding, ...]:
        """The findings of one severity."""
        return tuple(one for one in self.findings if one.severity == severity)

    def counts(self, *, here: bool | None = None) -> dict[str, int]:
        """How many findings each severity has; there is no verdict over all.

        **Arguments:**

        - `here`: count only what was said of a drug and route of this course, or, when false, only
          what was said of others; left out, both.
        """
        return {
            severity: sum(here in (None, one.applies_here) for one in self.of(severity))
            for severity in SEVERITIES
        }

    def count_words(self) -> tuple[tuple[str, int], ...]:
        """Each severity with how many findings it has, as many as are listed.

        **Returns:** a severity, such as `contraindicated (1 of them for another drug or route)`, as
        it is written behind its number, to that number.
        """
        others = self.counts(here=False)
        found: list[tuple[str, int]] = []
        for name, count in self.counts().items():
            other = others[name]
            which = "" if count == 1 else "all " if other == count else f"{other} of them "
            aside = f" ({which}for another drug or route)" if other else ""
            found.append((f"{_plural(name, count)}{aside}", count))
        return tuple(found)

    def at_least(self, severity: str, *, any_drug: bool = True) -> tuple[ScreenFinding, ...]:
        """Findings of a severity or a more severe one; of `not assessed`, those only.

        **Arguments:**

        - `severity`: one of `SEVERITIES`.
        - `any_drug`: with those for another drug or route; left off, without them.
        """
        if severity == "not assessed":
            return self.not_assessed
        within = SEVERITIES[: SEVERITIES.index(severity) + 1]
        return tuple(
            one
            for one in self.findings
            if one.severity in within and (any_drug or one.applies_here)
        )

    def table(self) -> polars.DataFrame:
        """Return the findings, a row each; lists are joined by `; `."""
        import polars as pl

        rows = [_row(one) for one in self.findings]
        schema = {name: pl.Boolean if name in _FLAGS else pl.String for name in _COLUMNS}
        return pl.DataFrame(rows, schema=schema)

    def sources(self) -> tuple[str, ...]:
        """Keys of every source, in the order in which they are met."""
        from ketasim.screening.pressure import pressure_sources

        keys = [key for one in self.findings for key in one.sources]
        keys += [key for prompt in self.monitoring for key in prompt.sources]
        keys += [key for match in self.medicines for key in match.sources]
        if self.pressure_lines:
            keys += pressure_sources(self.pressure)
        return tuple(dict.fromkeys(keys))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dictionaries and lists."""
        from ketasim.evidence import cite

        return {
            "title": self.title,
            "given": self.given,
            "statement": NO_VERDICT,
            "counts": self.counts(),
            "counts_here": self.counts(here=True),
            "foremost": [one.to_dict() for one in self.foremost],
            "findings": [one.to_dict() for one in self.findings],
            "medicines": [one.to_dict() for one in self.medicines],
            "history": [one.to_dict() for one in self.history],
            "monitoring": [asdict(one) for one in self.monitoring],
            "pressure": [one.to_dict() for one in self.pressure],
            "pressure_lines": list(self.pressure_lines),
            "warnings": list(self.warnings),
            "assumptions": list(self.assumptions),
            "sources": {key: cite([key]) for key in self.sources()},
            "metadata": self.metadata,
        }

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=2)


def _plural(severity: str, count: int) -> str:
    return f"{severity}s" if severity in _COUNTED and count != 1 else severity


def _standing(one: ScreenFinding) -> tuple[int, bool, bool, bool, bool]:
    return (
        SEVERITIES.index(one.severity),
        not one.applies_here,
        one.conditional,
        one.kind == "course",
        not one.boxed,
    )


def _matter(one: ScreenFinding) -> str:
    """What of the course a finding is about; the pressures before a session are one matter."""
    return one.subject if one.kind in ("vitals", "course") else one.matched or one.subject


def _headline_row(one: ScreenFinding) -> HeadlineRow:
    about = one.about if one.matched in ("", one.subject) else f"{one.about} ({one.matched})"
    other = "" if one.applies_here else ", for another drug or route"
    return HeadlineRow(f"{one.severity}{other}: {about}", "")


_FLAGS: Final = ("conflict", "applies_here", "conditional")
_COLUMNS: Final = (
    "severity",
    "kind",
    "subject",
    "matched",
    "statement",
    "severity_in_source",
    "effect_on",
    "direction",
    "size",
    "computed",
    "measured",
    "quality",
    "conflict",
    "applies_to",
    "applies_here",
    "jurisdiction",
    "date",
    "sources",
    "source_names",
    "facts",
    "monitoring",
    "conditional",
)


def _row(one: ScreenFinding) -> dict[str, Any]:
    from ketasim.evidence import source_names

    row: dict[str, Any] = {name: getattr(one, name, None) for name in _COLUMNS}
    for name in _JOINED:
        row[name] = "; ".join(row[name])
    row["source_names"] = source_names(one.sources)
    row["computed"] = "; ".join(
        f"{r.metric} of {r.quantity} ({r.site}) x {r.ratio:.4g} with {r.with_}"
        for r in one.computed
    )
    return row
