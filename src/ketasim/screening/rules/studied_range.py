"""What was studied in a condition in words, with the rows behind every number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from ketasim.evidence import Fact, fact, facts, interval_of, number, source_name
from ketasim.screening.finding import ScreenFinding

if TYPE_CHECKING:
    from ketasim.evidence import StudiedDoses

_REGIMENS: Final = "care/studied_regimens"
_HOUR: Final = 60.0  # min
_OVER: Final = re.compile(r"\bover (\d+)(?:-(\d+))? min(?:-(\d+) h)?")
_BOLUS: Final = "bolus"
_YOUNG: Final = "adolescent"
# what a row without a number of sessions says when its course went on for long
_LONG: Final = re.compile(r"maintenance|long.term|week \d\d|months|less often|every 4 weeks")
_NAMED: Final = 3  # courses named one by one
_CITED: Final = 2  # rows cited for one end of a dose


@dataclass(frozen=True)
class InfusionTimes:
    """How fast infusions were given in the rows, minutes.

    **Arguments:**

    - `low`, `high`: the shortest and the longest. `low_fact`, `high_fact`: rows they stand in.
    - `boluses`: rows that gave the dose at once.
    - `rows`: how many rows give a time.
    """

    low: float
    high: float
    low_fact: str
    high_fact: str
    boluses: tuple[str, ...]
    rows: int

    def words(self) -> str:
        """Return such as `40 to 45 min`."""
        return f"{_span(self.low, self.high)} min"


@cache
def _used() -> tuple[Fact, ...]:
    return tuple(row for row in facts(_REGIMENS) if row.get("used") == "yes")


def _rows(studied: StudiedDoses) -> list[Fact]:
    """Rows of the table of regimens behind what was studied."""
    return [
        row
        for row in _used()
        if (row.get("drug"), row.get("route")) == (studied.drug, studied.route)
        and row.get("fact") in studied.facts
    ]


def infusion_times(drug: str, studied: StudiedDoses | None) -> InfusionTimes | None:
    """How fast a drug was given intravenously, as far as rows give a time.

    **Arguments:**

    - `drug`: such as `ketamine`.
    - `studied`: in one condition; left out, in every condition.

    **Returns:** nothing where no row gives a time. Infusions over hours to days are not in it.
    """
    named = [
        row
        for row in (_used() if studied is None else _rows(studied))
        if (row.get("drug"), row.get("route"), row.get("kind")) == (drug, "iv", "session")
    ]
    ids = tuple(dict.fromkeys(row.get("fact") for row in named))
    known = [(minutes, one) for one in ids for minutes in _minutes(fact(one))]
    if not known:
        return None
    low, high = min(known), max(known)
    boluses = tuple(one for one in ids if _BOLUS in fact(one).get("route").lower())
    return InfusionTimes(low[0], high[0], low[1], high[1], boluses, len({one for _, one in known}))


def _minutes(row: Fact) -> Iterator[float]:
    """Minutes over which a row gives its dose."""
    own = number(row.get("infusion_min"))
    if own is not None:
        yield own
    for match in _OVER.finditer(f"{row.get('route')} {row.get('dose')}"):
        yield float(match[1])
        if match[2]:
            yield float(match[2])
        if match[3]:
            yield float(match[3]) * _HOUR


def young_studies(studied: StudiedDoses) -> list[str]:
    """Regimens that were studied in adolescents, each in words with its row."""
    said: list[str] = []
    for row in _rows(studied):
        one = fact(row.get("fact"))
        trial = _trial(one)
        people = "" if trial is None else trial.get("population")
        if _YOUNG not in f"{row.get('note')} {people}".lower():
            continue
        dose = _span_text(row.get("low"), row.get("high"), row.get("unit"))
        sessions = _span_text(row.get("sessions_low"), row.get("sessions_high"), "sessions")
        told = ", ".join(part for part in (people, dose, sessions) if part)
        said.append(f"{told} ({source_name(one.source)}, {one.id})")
    return said


def _trial(row: Fact) -> Fact | None:
    found = (t for t in facts("mood/trials") if t.get("trial_id") == row.get("trial_id"))
    return next(found, None) if row.get("trial_id") else None


def _span_text(low: str, high: str, unit: str) -> str:
    if not low and not high:
        return ""
    ends = low if low == high or not high else f"{low}-{high}"
    one = (low or high) == "1" and high in ("", "1")
    return f"{ends or high} {unit.removesuffix('s') if one else unit}"


def longer_courses(studied: StudiedDoses) -> str:
    """A sentence on courses that went on for long and whose sessions are not counted."""
    rows = {row.get("fact"): row for row in _rows(studied)}
    said: list[str] = []
    for one in studied.uncounted:
        row, study = rows[one], fact(one)
        words = row.get("note") or row.get("spacing")
        if _LONG.search(f"{words} {study.get('condition')} {study.get('schedule')}".lower()):
            name = study.get("trial_id") or study.source
            said.append(f"{name} ({words.replace(';', ',')}; {one})")
    if not said:
        return ""
    more = f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    return (
        "Longer courses were also studied, number of sessions not in the rows: "
        f"{'; '.join(said[:_NAMED])}{more}."
    )


def spans_words(studied: StudiedDoses) -> str:
    """Doses that were studied, such as `0.1-1 mg/kg`."""
    return "; ".join(span.words() for span in studied.spans) or "no dose in the rows"


def counts_words(studied: StudiedDoses) -> str:
    """Numbers of sessions, days between them, and times of infusion."""
    text = ""
    if studied.sessions is not None:
        low, high = studied.sessions
        text += f", {_span(low, high)} session{'s' if high != 1 else ''}"
    if studied.interval_days is not None:
        low, high = studied.interval_days
        text += f", {_span(low, high)} day{'s' if high != 1 else ''} apart"
    times = infusion_times(studied.drug, studied) if studied.route == "iv" else None
    if times is not None:
        text += f", over {times.words()}"
        if times.boluses:
            text += f" or as a bolus ({', '.join(times.boluses)})"
    return text


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def cited_rows(studied: StudiedDoses) -> tuple[str, ...]:
    """Rows in which the ends of doses, sessions, spacing and times of infusion stand."""
    rows = _rows(studied)
    ids: list[str] = []
    for span in studied.spans:
        own = [r for r in rows if (r.get("kind"), r.get("unit")) == (span.kind, span.unit)]
        for end in dict.fromkeys((span.low, span.high)):
            hits = [r for r in own if end in (number(r.get("low")), number(r.get("high")))]
            ids += _plainest(hits)[:_CITED]
    counted = [row for row in rows if row.get("kind") == "session"]
    for count in studied.sessions or ():
        columns = ("sessions_low", "sessions_high")
        hits = [r for r in counted if count in [number(r.get(name)) for name in columns]]
        ids += _plainest(hits)[:1]
    if studied.interval_days is not None:
        for day in studied.interval_days:
            ids += _plainest([r for r in counted if day in _interval(r.get("spacing"))])[:1]
    times = infusion_times(studied.drug, studied) if studied.route == "iv" else None
    if times is not None:
        ids += [times.low_fact, times.high_fact, *times.boluses]
    return tuple(dict.fromkeys(ids)) or studied.facts[:1]


def _plainest(rows: Sequence[Fact]) -> list[str]:
    """Ids of rows, those without a remark on who or how first."""
    return [row.get("fact") for row in sorted(rows, key=lambda row: bool(row.get("note")))]


def _interval(spacing: str) -> tuple[float, ...]:
    return interval_of(spacing) or ()


def studied_finding(
    severity: str, text: str, studied: StudiedDoses, subject: str, matched: str
) -> ScreenFinding:
    """A finding on what was studied, with the rows of its numbers.

    **Arguments:**

    - `severity`, `text`, `subject`, `matched`: of the finding. `studied`: what it speaks of.
    """
    ids = cited_rows(studied)
    return ScreenFinding(
        subject=subject,
        matched=matched,
        kind="dose",
        severity=severity,
        statement=f"{text} See `ketasim evidence condition {studied.condition}`.",
        quality="studies in the tables",
        applies_to=f"{studied.drug} ({studied.route})",
        sources=tuple(dict.fromkeys(fact(one).source for one in ids)),
        facts=ids,
    )
