"""Every table loads whole, cells keep their meaning, grades follow the written rules."""

from __future__ import annotations

import math

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import (
    GRADES,
    Fact,
    all_facts,
    fact,
    facts,
    grade_row,
    interval,
    load_table,
    number,
    reading,
    table_names,
)

LEAST_ROWS = {
    "acute/acute_observed": 91,
    "acute/label_adverse_events": 171,
    "acute/pd_models": 33,
    "acute/psych": 19,
    "care/bladder_abuse": 48,
    "care/care": 84,
    "care/conditions": 39,
    "care/rules": 30,
    "care/screening": 49,
    "mechanism/computational_models": 18,
    "mechanism/interaction_pd": 42,
    "mechanism/receptor": 61,
    "mechanism/stress_disease": 54,
    "mechanism/timecourse": 112,
    "mood/adherence": 43,
    "mood/arms": 267,
    "mood/early_response": 33,
    "mood/change_by_level": 24,
    "mood/natural_course": 243,
    "mood/outcomes": 1019,
    "mood/rating_error": 52,
    "mood/trials": 163,
    "mood/visit_moments": 30,
    "mood/visit_to_visit_change": 28,
    "pk/constants": 49,
    "pk/curves_metabolites": 45,
    "pk/interactions": 47,
    "pk/models": 214,
    "pk/observed": 245,
}

UNGRADED = {
    "care/care",
    "care/harms",
    "care/interactions",
    "care/medicine_classes",
    "care/medicines",
    "care/monitoring",
    "care/rules",
    "care/screening",
    "care/screening_rules",
    "care/session_rules",
    "care/vital_limits",
}


def test_every_table_is_carried_whole() -> None:
    for table, rows in LEAST_ROWS.items():
        assert len(facts(table)) >= rows, table
    assert LEAST_ROWS.keys() <= set(table_names())


@pytest.mark.parametrize("table", table_names())
def test_the_frame_holds_the_same_text_as_the_facts(table: str) -> None:
    frame = load_table(table)
    assert set(frame.dtypes) == {polars.String}
    assert frame.to_dicts() == [dict(row.cells) for row in facts(table)]


def test_no_row_is_ragged() -> None:
    for row in all_facts():
        assert None not in row.cells, row.id
        assert None not in row.cells.values(), row.id


def test_a_fact_is_found_by_its_id() -> None:
    for row in facts("pk/observed"):
        assert fact(row.id) is row
    for wrong in ("pk/observed:0", "pk/observed:99999", "pk/observed:x", "pk/observed:-1"):
        with pytest.raises(InputError, match="no such row"):
            fact(wrong)
    with pytest.raises(InputError, match="did you mean 'pk/observed'"):
        fact("pk/observd:1")


def test_a_known_row_says_what_its_paper_says() -> None:
    # Table 4 of perezruixo2021, 28 mg in white adults
    row = fact("pk/observed:1")
    assert (row.source, row.get("metric")) == ("perezruixo2021", "Cmax")
    assert number(row.get("value")) == 43.8


@pytest.mark.parametrize(
    ("text", "relation", "value", "low", "high"),
    [
        ("0.54", "exact", 0.54, None, None),
        (" -6.1 ", "exact", -6.1, None, None),
        ("1e-3", "exact", 1e-3, None, None),
        ("1.20-1.26", "range", None, 1.20, 1.26),
        ("-5--3", "range", None, -5.0, -3.0),
        ("1.0 to 11.16", "range", None, 1.0, 11.16),
        (">=2", "above", None, 2.0, None),
        ("<7", "below", None, None, 7.0),
        ("~17", "about", 17.0, None, None),
        ("no increase", "text", None, None, None),
        ("29 vs 8", "text", None, None, None),
        ("10/11", "text", None, None, None),
        ("5-3", "text", None, None, None),
        ("nan", "text", None, None, None),
        ("", "text", None, None, None),
    ],
)
def test_a_cell_keeps_its_meaning(
    text: str, relation: str, value: float | None, low: float | None, high: float | None
) -> None:
    cell = reading(text)
    assert (cell.relation, cell.value, cell.low, cell.high) == (relation, value, low, high)
    assert cell.text == text
    assert (number(text) is not None) == (relation == "exact")
    assert (interval(text) is not None) == (relation == "range")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_written_number_is_read_back(value: float) -> None:
    read = number(repr(value))
    assert read is not None
    assert math.isclose(read, value, rel_tol=0.0, abs_tol=0.0)


@given(st.text(max_size=20))
def test_no_text_breaks_the_reader(text: str) -> None:
    cell = reading(text)
    assert cell.low is None or cell.high is None or cell.low <= cell.high


def _row(table: str, **cells: str) -> Fact:
    return Fact(table, 1, {"source": "otto2021", **cells})


@pytest.mark.parametrize(
    ("row", "grade", "quality"),
    [
        (_row("pk/models", locator="Table 2"), "estimated", "primary"),
        (
            _row("pk/models", locator="Table 3 as transcribed in x"),
            "estimated",
            "second hand",
        ),
        (_row("pk/observed", stat="mean", locator="abstract"), "measured", "primary"),
        (_row("pk/observed", stat="model-typical"), "estimated", "primary"),
        (_row("pk/observed", stat="mean", note="digitised from Figure 2"), "measured", "digitised"),
        (_row("pk/observed", stat="secondary"), "measured", "weak"),
        (_row("pk/interactions", locator="as cited in a summary"), "measured", "weak"),
        (_row("pk/interactions", note="reported as 54% decrease"), "derived", "primary"),
        (_row("mood/outcomes", locator="abstract: 1/12 (computed)"), "derived", "primary"),
        (_row("mood/outcomes", locator="news digest"), "measured", "weak"),
        (
            _row("mood/outcomes", locator="ClinicalTrials.gov results, secondary (LOCF)"),
            "measured",
            "primary",
        ),
        (_row("mood/outcomes", source="nikolin2023meta", locator="abstract"), "derived", "primary"),
        (_row("care/rules", locator="section 5.1"), None, "primary"),
        (_row("dose_ranges", grade="assumed"), "assumed", "primary"),
    ],
)
def test_grades_follow_the_rules(row: Fact, grade: str | None, quality: str) -> None:
    given = grade_row(row)
    assert (given.grade, given.quality) == (grade, quality)


def test_animals_are_not_people() -> None:
    dogs = [row for row in facts("pk/constants") if "DOG" in row.get("property")]
    assert dogs
    assert all(grade_row(row).species == ("dog",) for row in dogs)
    for row in facts("mechanism/timecourse"):
        told = row.get("species_strain")
        assert ("human" in grade_row(row).species) == ("human" in told), row.id


def test_every_row_gets_a_grade_with_its_reason() -> None:
    for row in all_facts():
        given = grade_row(row)
        assert given.reason, row.id
        assert given.grade is None or given.grade in GRADES
        # only rules and practice go without, and what restates other rows
        assert (given.grade is None) <= (row.table in UNGRADED), row.id
