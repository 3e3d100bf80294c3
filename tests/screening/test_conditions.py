"""Rules speak under the conditions of their rows, and are silent beside them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import load_course
from ketasim.evidence import fact, facts, number
from ketasim.screening import ScreenFinding, screen

DRIP = "ketamine 0.5 mg/kg iv over 40 min"
FREQUENT = "frequent sessions for over two months"


def _found(regimen: str, **patient: Any) -> tuple[ScreenFinding, ...]:
    return screen({"regimen": regimen, "patient": patient}, exposure=False).findings


def _subjects(regimen: str, **patient: Any) -> set[str]:
    return {name for one in _found(regimen, **patient) for name in one.subject.split(", ")}


@pytest.mark.parametrize(
    ("regimen", "speaks"),
    [
        (f"{DRIP} three times a week for 2 weeks", False),  # the standard induction
        (f"{DRIP} on days 0 1 2 3 4 5", False),
        (f"{DRIP} twice weekly x 16", False),  # eight weeks
        (f"{DRIP} twice weekly x 24", True),
        (f"{DRIP} three times a week for 12 weeks", True),
        (f"{DRIP} twice weekly for 4 weeks, then weekly x 20", False),
        ("ketamine 50 mg oral daily x 120", True),
        ("ketamine 50 mg oral daily x 28", False),
    ],
)
def test_a_statement_on_treatment_beyond_two_months(regimen: str, speaks: bool) -> None:
    found = [one for one in _found(regimen) if one.subject == FREQUENT]
    assert bool(found) is speaks
    for one in found:
        assert one.severity == "caution"
        # how often, and when, is what it was matched to
        assert "sessions within 7 days after week 8.7" in one.matched
        assert "two months" in fact("care/care:23").get("value")


def test_the_label_of_the_spray_has_at_most_two_sessions_a_week() -> None:
    spray = "esketamine 56 mg intranasal"
    assert "more than twice a week" in _subjects(f"{spray} on days 0 2 4")
    assert "more than twice a week" not in _subjects(f"{spray} twice weekly x 8")
    assert "more than twice a week" not in _subjects(f"{DRIP} on days 0 2 4")


@given(st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True).map(sorted))
def test_no_rule_speaks_of_fewer_or_earlier_sessions_than_its_row(days: list[int]) -> None:
    course = load_course({"doses": [{"day": d, "drug": "ketamine", "route": "iv", "dose": "35 mg",
                                     "over": "40 min"} for d in days]})  # fmt: skip
    found = screen(course, exposure=False).findings
    for row in facts("care/screening_rules"):
        told = [one for one in found if one.subject == row.get("subjects")]
        least = number(row.get("least_sessions"))
        if least is not None and len(days) < least:
            assert not told
    late = [day for day in days if day - days[0] > 8.7 * 7]
    often = any(later - day < 7 for day, later in pairwise(late))
    assert any(one.subject == FREQUENT for one in found) is often


def test_serial_infusions_are_more_than_one() -> None:
    def serial(regimen: str) -> bool:
        found = _found(regimen, history=["active substance use"])
        return any("no serial infusions" in one.statement for one in found)

    assert serial(f"{DRIP} weekly x 4")
    assert not serial(f"{DRIP} once")
    # what the label says of one dose stays
    assert any("drug abuse" in one.statement for one in _found(f"{DRIP} once", history=["cocaine"]))


def test_times_of_the_spray_are_not_prompted_for_a_tablet_of_slow_release() -> None:
    slow = screen({"regimen": "ketamine 120 mg oral_er once", "patient": {}}, exposure=False)
    assert not any("40 minutes" in one.what_to_do for one in slow.monitoring)
    assert not any("2 hours" in one.what_to_do for one in slow.monitoring)
    drip = screen({"regimen": f"{DRIP} once", "patient": {}}, exposure=False)
    assert any("2 hours" in one.what_to_do for one in drip.monitoring)


def test_doses_taken_in_a_clinic_are_not_those_taken_at_home() -> None:
    def at_home(regimen: str, **patient: Any) -> bool:
        return "doses that are often taken at home" in _subjects(regimen, **patient)

    assert at_home("ketamine 100 mg sublingual once")
    assert at_home("ketamine 100 mg sublingual once", place="home")
    assert not at_home("ketamine 100 mg sublingual once", place="clinic")
    assert at_home("ketamine 30 mg im once", place="home")
    assert not at_home("ketamine 30 mg im once")


# --------------------------------------------------------------------------- body mass index


@pytest.mark.parametrize(
    ("patient", "severity"),
    [
        ({"height": "172 cm", "weight": "92 kg"}, "caution"),  # 31 kg/m²
        ({"height": "1.72 m", "weight": "74 kg"}, "caution"),  # 25.01
        ({"height": "1.72 m", "weight": "73 kg"}, None),  # 24.7: the rule does not fit
        ({"weight": "92 kg"}, "depends"),
        ({"height": "172 cm"}, "depends"),  # an assumed weight tells nothing
        ({"height": "172 cm", "weight": "92 kg", "age": 15}, "depends"),  # adults' limits
        ({"height": "172 cm", "weight": "60 kg", "history": ["OSA", "obese"]}, "caution"),
    ],
)
def test_sleep_apnoea_with_overweight(patient: dict[str, Any], severity: str | None) -> None:
    history = patient.get("history", ["sleep apnoea"])
    found = [
        one
        for one in _found("esketamine 56 mg intranasal once", **{**patient, "history": history})
        if one.statement.startswith("Sleep apnoea together with overweight")
    ]
    if severity is None:
        assert not found
        return
    (one,) = found
    assert one.severity == "caution"
    assert one.conditional is (severity == "depends")
    assert ("give height and weight" in one.statement) is (severity == "depends")
    if severity == "caution" and "obese" not in history:
        assert "body mass index" in one.matched and "WHO" in one.matched


@given(st.floats(35, 300), st.floats(1.2, 2.2))
def test_the_body_mass_index_is_weight_over_height_squared(weight: float, height: float) -> None:
    patient = load_course(
        {"regimen": f"{DRIP} once", "patient": {"weight": f"{weight} kg", "height": f"{height} m"}}
    ).patient
    assert patient.body_mass_index == pytest.approx(weight / height**2)
    course = load_course({"regimen": f"{DRIP} once", "patient": {"height": f"{100 * height} cm"}})
    assert course.patient.height == pytest.approx(height)
    # what is written loads back
    assert load_course(course.to_dict()) == course


@pytest.mark.parametrize("height", ["172", "17.2 m", "1.72 cm", "172 kg", "tall"])
def test_heights_that_cannot_be(height: str) -> None:
    with pytest.raises(InputError) as error:
        load_course({"regimen": f"{DRIP} once", "patient": {"height": height}})
    assert error.value.field == "patient.height"


# --------------------------------------------------------------------------- dialysis


@pytest.mark.parametrize("words", ["on dialysis", "haemodialysis", "peritoneal dialysis"])
def test_dialysis_is_a_factor_of_its_own(words: str) -> None:
    found = _found("esketamine 56 mg intranasal once", history=[words])
    own = [one for one in found if one.subject == "dialysis"]
    # and the note on renal impairment, of which the degree is not known
    assert {one.severity for one in own} == {"caution", "note"}
    assert any("No clinical experience" in one.statement and one.applies_here for one in own)
    drip = [one for one in _found(f"{DRIP} once", history=[words]) if one.subject == "dialysis"]
    assert any("haemodialysis" in one.statement and one.applies_here for one in drip)
