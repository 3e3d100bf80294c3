"""Checks over the tables and the bibliography."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from ketasim._base import near
from ketasim.evidence.citing.names import name_fault
from ketasim.evidence.citing.sources import joined
from ketasim.evidence.grade import GRADES
from ketasim.evidence.linting.finding import Check, Evidence, Hits
from ketasim.evidence.linting.units import is_unit
from ketasim.evidence.tables import CHOICES, Fact, interval, number, reading

_UNIT_COLUMNS: Final = ("unit", "dose_unit", "time_unit", "converted_unit")
_COUNTS: Final = ("n", "n_at_time", "n_total", "comparator_n")
_PERCENTS: Final = ("percent", "comparator_percent", "female_pct")
_NOT_NEGATIVE: Final = (
    "infusion_min",
    "age_mean",
    "weight_mean",
    "rse_pct",
    "iiv_value",
    "time_days_converted",
)
# columns that should hold a number besides the table's own; what does not is listed
_NUMERIC: Final = ("comparator_percent", "ci_low", "ci_high")
_INTERVALS: Final = (("ci_low", "ci_high"), ("low", "high"))
# a volume, flow, rate, concentration or time cannot be negative; a change in points can
_POSITIVE_UNITS: Final = re.compile(
    r"m?L(?:/(?:h|min|kg|70\s?kg))*|1/h|1/min|(?:ng|ug|mg|nmol|umol|mcg)(?:\*\w+)?/(?:m?L|ml)"
    r"|g/mol|nM|uM|mM|h|min|s|ms|mg|mg/kg"
)
# the numbers of a fact; the other columns tell one fact from another of the same source
_NOT_IDENTITY: Final = frozenset(
    (
        "value",
        "ratio",
        "percent",
        "comparator_percent",
        "comparator_value",
        "spread",
        "spread_type",
        "ci_low",
        "ci_high",
        "ci_type",
        "rse_pct",
        "rse_or_ci",
        "iiv",
        "iiv_value",
        "iiv_type",
        "converted_value",
        "n",
        "n_at_time",
        "magnitude",
        "time_days_converted",
        "low",
        "high",
    )
)
_DIGIT: Final = re.compile(r"\d")
# the first of these that a table has holds its number
_NUMBER_COLUMNS: Final = ("value", "ratio", "percent", "effect")
# columns of choices that hold whole ids of rows, several joined by ';'
_FACT_COLUMNS: Final = ("fact", "facts", "certainty_facts")
_REGISTRY: Final = re.compile(r"NCT\d{8}|ACTRN\d+|ChiCTR\S*\d|NTR ?\d+|ISRCTN\d+|EudraCT \S+")


def _source_keys_known(evidence: Evidence) -> Hits:
    keys = evidence.keys()
    for fact in evidence.facts():
        if "source" not in fact.cells:
            continue
        if not fact.source:
            yield fact.table, fact.row, "the row has no source"
        elif fact.source not in keys:
            hint = near(fact.source, keys) if keys else "the bibliography is empty"
            # a list of every key would bury the message
            hint = hint if hint.startswith("did you mean") else "add it to sources_added.csv"
            yield fact.table, fact.row, f"unknown source '{fact.source}'; {hint}"


def _source_column(evidence: Evidence) -> Hits:
    for table, rows in evidence.tables.items():
        if rows and "source" not in rows[0].cells:
            yield table, None, "a table of facts needs a 'source' column"


def _bibliography_keys(evidence: Evidence) -> Hits:
    for key, count in Counter(entry.key for entry in evidence.sources).items():
        if count > 1:
            yield "sources", key, f"the key stands {count} times"
        if not re.fullmatch(r"[A-Za-z0-9_-]+", key):
            yield "sources", key, "a key is letters, digits, '_' and '-'"


def _bibliography_fields(evidence: Evidence) -> Hits:
    for entry in evidence.sources:
        if entry.doi not in ("", "-") and not re.fullmatch(r"10\.\d{4,9}/\S+", entry.doi):
            yield "sources", entry.key, f"'{entry.doi}' is not a DOI"
        if entry.nct not in ("", "-") and not _REGISTRY.search(entry.nct):
            yield "sources", entry.key, f"'{entry.nct}' is not a registry number"


def _source_names(evidence: Evidence) -> Hits:
    """Every source has a name that people cite it by, and no two documents have the same."""
    entries = joined({entry.key: entry for entry in evidence.sources})
    first: dict[str, str] = {}
    for key, entry in entries.items():
        fault = name_fault(entry.display, entries)
        if fault:
            yield "sources", key, fault
        elif entry.document != first.setdefault(entry.display, entry.document):
            yield "sources", key, f"'{entry.display}' also names '{first[entry.display]}'"
        if entry.same_as and entry.same_as not in entries:
            yield "sources", key, f"'same_as' names the unknown source '{entry.same_as}'"


def _cited_nowhere(evidence: Evidence) -> Hits:
    cited = {fact.source for fact in evidence.facts()}
    cited.update(key for card in evidence.cards.values() for key in card.sources())
    for entry in evidence.sources:
        if entry.key not in cited:
            yield "sources", entry.key, "no row or card cites it"


def _units(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for column in _UNIT_COLUMNS:
            unit = fact.get(column)
            if unit and not is_unit(unit):
                yield fact.table, fact.row, f"{column} '{unit}' is not a unit"


def _counts(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for column in _COUNTS:
            count = number(fact.get(column))
            if count is not None and (count < 0 or count != int(count)):
                yield fact.table, fact.row, f"{column} {fact.get(column)} is not a count"


def _number_column(fact: Fact) -> str:
    """The column that holds the number of a row's table, empty when it has none."""
    return next((column for column in _NUMBER_COLUMNS if column in fact.cells), "")


def _values(fact: Fact, column: str) -> Iterator[float]:
    """The number of a cell, or both ends of its range."""
    cell = reading(fact.get(column))
    yield from (end for end in (cell.value, cell.low, cell.high) if end is not None)


def _ranges(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for column in _PERCENTS:
            if any(not 0 <= value <= 100 for value in _values(fact, column)):
                yield fact.table, fact.row, f"{column} {fact.get(column)} is not in 0 to 100"
        for column in _NOT_NEGATIVE:
            if any(value < 0 for value in _values(fact, column)):
                yield fact.table, fact.row, f"{column} {fact.get(column)} is negative"
        unit = fact.get("unit")
        for value in _values(fact, "value"):
            if unit == "fraction" and not 0 <= value <= 1:
                yield fact.table, fact.row, f"fraction {value:g} is not in 0 to 1"
            if value < 0 and _POSITIVE_UNITS.fullmatch(unit):
                yield fact.table, fact.row, f"{value:g} {unit} is negative"
            metric = fact.get("metric")
            # a change in percent may be a fall
            share = metric.endswith("_pct") and not metric.startswith("change")
            if share and not 0 <= value <= 100:
                yield fact.table, fact.row, f"{metric} {value:g} is not in 0 to 100"


def _intervals(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for low_column, high_column in _INTERVALS:
            low, high = number(fact.get(low_column)), number(fact.get(high_column))
            if low is not None and high is not None and low > high:
                yield fact.table, fact.row, f"the interval {low:g} to {high:g} runs backwards"


def _interval_holds(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        low, high = number(fact.get("ci_low")), number(fact.get("ci_high"))
        bounds = None if low is None or high is None else (low, high)
        if bounds is None and "CI" in fact.get("spread_type"):
            bounds = interval(fact.get("spread"))
        value = number(fact.get(_number_column(fact)))
        if bounds is not None and value is not None and not bounds[0] <= value <= bounds[1]:
            yield (
                fact.table,
                fact.row,
                f"{value:g} lies outside its interval {bounds[0]:g} to {bounds[1]:g}",
            )


def _spread_type(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for spread, kind in (("spread", "spread_type"), ("iiv_value", "iiv_type")):
            if kind in fact.cells and fact.get(spread) and not fact.get(kind):
                yield fact.table, fact.row, f"{spread} '{fact.get(spread)}' has no {kind}"
        # in tables without a type column the text itself must tell
        if "spread_type" not in fact.cells and number(fact.get("spread")) is not None:
            yield fact.table, fact.row, f"spread '{fact.get('spread')}' does not say what it is"


def _exact_duplicates(evidence: Evidence) -> Hits:
    for table, rows in evidence.tables.items():
        first: dict[tuple[str, ...], int] = {}
        for fact in rows:
            cells = tuple(fact.cells.values())
            if cells in first:
                yield table, fact.row, f"repeats row {first[cells]}"
            first.setdefault(cells, fact.row)


def _conflicting_duplicates(evidence: Evidence) -> Hits:
    for table, rows in evidence.tables.items():
        column = _number_column(rows[0]) if rows else ""
        if not column:
            continue
        first: dict[tuple[str, ...], Fact] = {}
        for fact in rows:
            # without a column for it, words tell an SD of scores from one of changes
            told = "spread_type" in fact.cells or _DIGIT.search(fact.get("spread"))
            words = "" if told else "spread"
            identity = tuple(
                text
                for name, text in fact.cells.items()
                if name == words or (name not in _NOT_IDENTITY and name != column)
            )
            before = first.setdefault(identity, fact)
            if fact.get(column) != before.get(column):
                yield (
                    table,
                    fact.row,
                    (
                        f"{column} '{fact.get(column)}' where row {before.row}, otherwise the same,"
                        f" has '{before.get(column)}'"
                    ),
                )


def _unparsable(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        for column in (_number_column(fact), *_NUMERIC):
            text = fact.get(column)
            if text and fact.get("unit") != "text" and reading(text).relation == "text":
                yield fact.table, fact.row, f"{column} '{text}' is text"


def _trials_known(evidence: Evidence) -> Hits:
    trials = {fact.get("trial_id") for fact in evidence.tables.get("mood/trials", ())}
    if not trials:
        return
    for table in ("mood/arms", "mood/outcomes"):
        for fact in evidence.tables.get(table, ()):
            if fact.get("trial_id") not in trials:
                yield table, fact.row, f"unknown trial '{fact.get('trial_id')}'"


def _choices(evidence: Evidence) -> Hits:
    for table, rows in evidence.choices.items():
        about = CHOICES.get(table, "")
        if not about:
            continue
        known = {str(fact.row) for fact in evidence.tables.get(about, ())}
        known |= {fact.id for fact in evidence.facts()}
        for fact in rows:
            # a choice names one row, or several joined by ';'; of another table by its whole id
            for row in (fact.get("row") or fact.get("outcome_row")).split(";"):
                if row not in known:
                    yield table, fact.row, f"'{row}' is no row of '{about}'"


def _choice_words(evidence: Evidence) -> Hits:
    """Sources, grades and rules that a choice names are known."""
    keys = evidence.keys()
    for table, rows in evidence.choices.items():
        rules = {rule.get("code") for rule in evidence.choices.get(f"{table}_rules", ())}
        for fact in rows:
            if "source" in fact.cells and fact.source not in keys:
                yield table, fact.row, f"unknown source '{fact.source}'"
            if "grade" in fact.cells and fact.get("grade") not in GRADES:
                yield table, fact.row, f"unknown grade '{fact.get('grade')}'"
            for code in fact.get("rule").split(";") if rules else ():
                if code not in rules:
                    yield table, fact.row, f"'{code}' is no rule of '{table}_rules'"


def _facts_named(evidence: Evidence) -> Hits:
    """Rows that a choice names by their whole id, such as `care/care:29`, are there."""
    known = {fact.id for fact in evidence.facts()}
    for table, rows in evidence.choices.items():
        for fact in rows:
            for column in _FACT_COLUMNS:
                for one in fact.get(column).split(";") if fact.get(column) else ():
                    if one not in known:
                        yield table, fact.row, f"{column} '{one}' is no row of a table"


def _own_grades(evidence: Evidence) -> Hits:
    for fact in evidence.facts():
        grade = fact.cells.get("grade")
        if grade is not None and grade not in GRADES:
            yield fact.table, fact.row, f"unknown grade '{grade}'; {near(grade, GRADES)}"


TABLE_CHECKS: Final = (
    Check("source_column", "error", _source_column),
    Check("source_key", "error", _source_keys_known),
    Check("bibliography_key", "error", _bibliography_keys),
    Check("source_name", "error", _source_names),
    Check("bibliography_field", "warning", _bibliography_fields),
    Check("cited_nowhere", "info", _cited_nowhere),
    Check("unit", "error", _units),
    Check("count", "error", _counts),
    Check("range", "error", _ranges),
    Check("interval_order", "error", _intervals),
    Check("interval_value", "warning", _interval_holds),
    Check("spread_type", "warning", _spread_type),
    Check("duplicate_fact", "warning", _exact_duplicates),
    Check("conflicting_fact", "warning", _conflicting_duplicates),
    Check("trial_key", "error", _trials_known),
    Check("row_reference", "error", _choices),
    Check("choice_word", "error", _choice_words),
    Check("fact_reference", "error", _facts_named),
    Check("grade", "error", _own_grades),
    Check("unparsable_number", "info", _unparsable),
)
