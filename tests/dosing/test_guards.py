"""Doses against the published ranges, and one dose by itself."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import (
    DRUGS,
    ROUTES,
    Dose,
    DoseRange,
    Regimen,
    check_doses,
    dose_ranges,
    parse_regimen,
)
from ketasim.dosing.dose import DEVICE_AMOUNT, DEVICE_GAP, base_fraction
from ketasim.dosing.guards import largest, ranges_for
from ketasim.evidence import GRADES, facts, number, source


def test_every_range_has_a_known_source_and_a_grade() -> None:
    for one in dose_ranges():
        assert source(one.source).key == one.source
        assert one.grade in GRADES
        assert one.drug in DRUGS and one.route in ROUTES
        assert (one.grade == "assumed") == (one.context == "limit")
        assert one.low is None or 0 < one.low <= one.high


def test_psychiatric_ends_are_the_doses_of_the_arms_they_name() -> None:
    """The locator names rows of mood/arms; the ends of the range stand there."""
    arms = facts("mood/arms")
    for one in dose_ranges():
        if one.context == "psychiatric":
            rows = re.findall(r"mood/arms:(\d+)", f"{one.locator} {one.note}")
            told = [
                float(n) for r in rows for n in re.findall(r"[\d.]+", arms[int(r) - 1].get("dose"))
            ]
            assert {one.low, one.high} <= set(told), one
            assert one.source in {arms[int(r) - 1].source for r in rows}


def test_every_drug_and_route_has_an_upper_end() -> None:
    for drug in DRUGS:
        for route in ROUTES:
            assert bool(ranges_for(drug, route, "anaesthetic")) != bool(
                ranges_for(drug, route, "limit")
            )


def test_nasal_devices_are_those_of_the_label_rule() -> None:
    (rule,) = (row for row in facts("care/rules") if row.get("rule_id") == "R10")
    amount, gap = re.findall(r"\d+", rule.get("threshold_values"))
    assert float(amount) == DEVICE_AMOUNT
    assert float(gap) == pytest.approx(DEVICE_GAP * 60)


@pytest.mark.parametrize("salt_row", ["salt factor (28 mg base = 32.3 mg HCl)"])
def test_the_molar_masses_agree_with_the_label(salt_row: str) -> None:
    (row,) = (r for r in facts("pk/constants") if r.get("property") == salt_row)
    assert base_fraction("hydrochloride") == pytest.approx(number(row.get("value")), rel=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        "ketamine 1 mg/kg iv over 40 min daily x 4",
        "ketamine 0.5 mg/kg im weekly x 4",
        "ketamine hydrochloride 1.15 mg/kg iv over 40 min once",
        "esketamine 84 mg intranasal twice weekly x 8",
        "ketamine 450 mg sublingual every 3 days x 4",
        "ketamine 180 mg oral_er daily x 4",
    ],
)
def test_published_doses_pass(text: str) -> None:
    assert check_doses(parse_regimen(text), 70.0) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ketamine 1.1 mg/kg iv over 40 min once", "0.1 to 1 mg/kg (Fava et al., 2018)"),
        ("ketamine 0.6 mg/kg iv bolus + 0.6 mg/kg iv over 1 h once", "iv within one hour is above"),
        ("ketamine 0.6 mg/kg iv bolus at 0, 0.75 h", "1.2 mg/kg of ketamine iv within one hour"),
        ("ketamine 2 mg/kg iv over 4 h once", "2 mg/kg of ketamine iv in total within 24 h"),
        ("ketamine 86.4 mg/kg iv over 72 h once", "of ketamine iv within one hour"),
        ("ketamine 0.6 mg/kg iv over 1 h at 0, 12 h", "1.2 mg/kg of ketamine iv in total within"),
        ("ketamine 100 mg iv over 40 min once", "1.429 mg/kg"),
        ("esketamine 112 mg intranasal once", "14 to 84 mg (Daly et al., 2018)"),
        ("esketamine 112 mg intranasal once", "no anaesthetic range is published"),
        ("ketamine 30 mg rectal once", "No psychiatric dose of ketamine rectal"),
        ("arketamine 0.6 mg/kg iv over 40 min once", "0.5 mg/kg (Leal et al., 2021)"),
    ],
)
def test_above_the_psychiatric_range_warns(text: str, part: str) -> None:
    warnings = check_doses(parse_regimen(text), 70.0)
    assert any(part in warning for warning in warnings)
    assert len(warnings) == 1 + ("over 72 h" in text)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (
            "ketamine 4.6 mg/kg iv over 40 min once",
            "1 to 4.5 mg/kg (US label of Ketalar, ",
        ),
        (
            "ketamine 14 mg/kg im once",
            "6.5 to 13 mg/kg (US label of Ketalar, ",
        ),
        (
            "esketamine 1.1 mg/kg iv over 40 min once",
            "0.5 to 1 mg/kg (German label ",
        ),
        ("ketamine 5 g oral once", "no anaesthetic range is published"),
        ("ketamine 2.5 mg/kg iv bolus at 0, 0.75 h", "within one hour is above"),
        ("ketamine 800 mg sublingual once", "assumed limit, 10 mg/kg (Brunette et al., 2011)"),
    ],
)
def test_above_the_anaesthetic_range_is_refused(text: str, part: str) -> None:
    with pytest.raises(InputError, match=re.escape(part)):
        check_doses(parse_regimen(text), 70.0)


def test_devices_within_the_hour_add_up() -> None:
    regimen = parse_regimen("esketamine 2800 mg intranasal once")
    with pytest.raises(InputError, match=r"11\.2 mg/kg of esketamine intranasal within one hour"):
        check_doses(regimen, 30.0)  # twelve devices of the hundred


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("ketamine 86.4 mg/kg iv over 72 h once", 70.0),
        ("ketamine 2 mg/kg iv bolus + 14.76 mg/kg iv over 6 h once", 70.0),
        ("esketamine 2000 mg iv over 100 h once", 70.0),
        ("ketamine 24 mg/kg iv over 24 h once", 10.0),
    ],
)
def test_long_infusions_are_simulated_with_the_day_told(text: str, weight: float) -> None:
    assert "in total within 24 h" in check_doses(parse_regimen(text), weight)[-1]


def test_an_assumed_limit_is_not_below_a_studied_dose() -> None:
    assert check_doses(parse_regimen("ketamine 450 mg sublingual once"), 40.0) == []
    with pytest.raises(InputError, match=r"450 mg \(Hull et al., 2022\).*at most 11.25 mg/kg"):
        check_doses(parse_regimen("ketamine 460 mg sublingual once"), 40.0)


@given(st.floats(5, 300), st.sampled_from([r for r in dose_ranges() if r.context == "psychiatric"]))
def test_a_studied_dose_is_never_refused_by_an_assumption(weight: float, one: DoseRange) -> None:
    if not ranges_for(one.drug, one.route, "anaesthetic"):
        dose = Dose(0, one.drug, one.route, one.high, one.unit)
        assert check_doses(Regimen((dose,)), weight) == []


def test_the_lightest_patient_decides() -> None:
    regimen = parse_regimen("ketamine 60 mg iv over 40 min once")
    assert check_doses(regimen, 70.0) == []
    assert len(check_doses(regimen, np.array([90.0, 50.0]))) == 1


_GIVEN = st.tuples(
    st.integers(0, 400),  # quarters of an hour
    st.floats(1, 50),
    st.sampled_from([0.0, 1.0, 30.0]),
)


@pytest.mark.parametrize("window", [1, 24])
@given(given_doses=st.lists(_GIVEN, min_size=1, max_size=12))
def test_the_largest_window_is_found(
    window: int, given_doses: list[tuple[int, float, float]]
) -> None:
    """Windows tried one by one hold no more, and one of them holds as much."""
    doses = [Dose(t / 4, "ketamine", "iv", a, "mg", d) for t, a, d in given_doses]

    def given_in(begin: float) -> float:
        total = 0.0
        for dose in doses:
            if dose.duration == 0:
                total += dose.amount * (begin <= dose.time < begin + window)
            else:
                inside = min(dose.end, begin + window) - max(dose.time, begin)
                total += dose.amount * max(inside, 0) / dose.duration
        return total

    # between quarters of an hour the amount is linear in the window's place
    quarters = np.arange(-24, 131, 0.25)
    tried = max(given_in(b + slip) for b in quarters for slip in (0, 1e-9))
    found = largest(doses, "mg", np.array([70.0]), window)
    assert found == pytest.approx(tried, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"drug": "ketamin"}, "dose.drug"),
        ({"route": "intravenous"}, "dose.route"),
        ({"unit": "g"}, "dose.unit"),
        ({"salt": "hcl"}, "dose.salt"),
        ({"amount": 0.0}, "dose.amount"),
        ({"amount": math.nan}, "dose.amount"),
        ({"amount": math.inf}, "dose.amount"),
        ({"time": -1.0}, "dose.time"),
        ({"time": math.nan}, "dose.time"),
        ({"duration": -1.0}, "dose.duration"),
        ({"duration": 1.0, "route": "oral"}, "dose.duration"),
        ({"steady_state_interval": 0.0}, "dose.steady_state_interval"),
        ({"device": -1}, "dose.device"),
    ],
)
def test_what_cannot_be_a_dose_is_refused(change: dict[str, object], field: str) -> None:
    values: dict[str, object] = {"time": 0.0, "drug": "ketamine", "route": "iv", "amount": 1.0}
    with pytest.raises(InputError) as caught:
        Dose(**(values | {"unit": "mg"} | change))  # type: ignore[arg-type]
    assert caught.value.field == field


@given(amount=st.floats(0.01, 500), weights=st.lists(st.floats(3, 300), min_size=1, max_size=5))
def test_milligrams_keep_the_shape_of_the_weight(amount: float, weights: list[float]) -> None:
    array = np.array(weights)
    relative = Dose(0, "ketamine", "iv", amount, "mg/kg")
    fixed = Dose(0, "ketamine", "iv", amount, "mg", salt="hydrochloride")
    assert relative.milligrams(array) == pytest.approx(amount * array)
    assert fixed.milligrams(array) == pytest.approx(
        amount * base_fraction("hydrochloride") + 0 * array
    )
    assert isinstance(fixed.milligrams(70.0), float)
