"""What is published on medicines and benefit is found by name, with its size or without."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import Fact, fact, facts, interval, number
from ketasim.population import BenefitModifier, benefit_modifiers, diazepam_equivalent

ROWS = facts("mood/benefit_modifiers")
DRUGS = sorted({row.get("drug") for row in facts("mood/diazepam_equivalents")})


def _one(medicine: str, effect: str, source: str) -> BenefitModifier:
    found = [
        m for m in benefit_modifiers([medicine]) if m.effect_on == effect and m.sources == (source,)
    ]
    assert len(found) == 1, found
    return found[0]


def _threshold(*medicines: str) -> BenefitModifier:
    found = [m for m in benefit_modifiers(medicines) if m.threshold is not None]
    assert len(found) == 1
    return found[0]


def test_every_row_uses_the_words_of_the_table() -> None:
    for row in ROWS:
        assert row.get("kind") in ("size", "direction"), row.id
        assert row.get("direction") in ("lowers", "raises", "none", "conflict"), row.id
        if row.get("kind") == "size":
            assert number(row.get("value")) is not None, row.id
            assert number(row.get("comparator_value")) is not None, row.id
            assert row.get("direction") in ("lowers", "raises"), row.id


def test_every_row_names_a_carried_row_of_the_same_source() -> None:
    for row in ROWS:
        named = re.findall(r"m\w+/\w+:\d+", row.get("locator"))
        assert named, row.id
        for name in named:
            assert fact(name).source == row.source, row.id


def test_numbers_are_those_of_the_carried_rows() -> None:
    for row in ROWS:
        if not row.get("value"):
            continue
        named = [
            fact(name).get("value") for name in re.findall(r"m\w+/\w+:\d+", row.get("locator"))
        ]
        wanted = [row.get("value"), row.get("comparator_value")]
        assert wanted in (named, named[0].split(" vs ")), row.id


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_member_is_found_in_any_case(row: Fact) -> None:
    for member in row.get("members").split(";"):
        for text in (member.upper(), f"  {member}  10 mg/day", f"{member} hydrochloride"):
            assert row.id in {m.fact for m in benefit_modifiers([text])}


def test_unknown_medicines_give_nothing() -> None:
    assert benefit_modifiers([]) == ()
    assert benefit_modifiers(["sertraline", "lithiumless", "nonlorazepam"]) == ()


def test_rapamycin_has_a_size_at_two_weeks_and_none_at_a_day() -> None:
    sizes = {m.unit: m for m in benefit_modifiers(["Sirolimus 6 mg"]) if m.kind == "size"}
    response = sizes["% responders"]
    assert (response.value, response.comparator, response.at_days) == (41, 13, 14)
    assert response.effect_on == "benefit_duration"
    assert _one("rapamycin", "benefit_onset", "abdallah2020rapa").direction == "none"


def test_only_rapamycin_has_a_size() -> None:
    assert {row.get("modifier") for row in ROWS if row.get("kind") == "size"} == {"rapamycin"}


def test_sources_that_disagree_stay_side_by_side() -> None:
    def directions(medicine: str, effect: str) -> set[str]:
        return {m.direction for m in benefit_modifiers([medicine]) if m.effect_on == effect}

    assert directions("naltrexone 50 mg", "benefit") == {"lowers", "none"}
    assert {"lowers", "none"} <= directions("diazepam", "benefit")


def test_lithium_keeps_its_interval_and_has_no_value() -> None:
    lithium = _one("Lithium carbonate 900 mg/day", "benefit_duration", "costi2019")
    assert (lithium.kind, lithium.direction, lithium.value) == ("direction", "none", None)
    assert (lithium.low, lithium.high, lithium.unit) == (-7.87, 8.76, "MADRS points")


@pytest.mark.parametrize(
    ("medicine", "dose", "above"),
    [
        ("diazepam 5 mg/day", 5, False),
        ("Diazepam 10 mg daily", 10, True),
        ("diazepam 5 mg twice daily", 10, True),
        ("diazepam 2 mg tid", 6, False),
        ("diazepam 8 mg/d", 8, False),
        ("diazepam 8000 mcg", 8, False),
        ("lorazepam 2 mg/day", 20, True),
        ("lorazepam 0.25 mg/day", 2.5, False),
        # 15 mg of diazepam by one table and 7.5 by another
        ("lorazepam 1.5 mg/day", 15, None),
        ("diazepam", None, None),
        ("diazepam 10 mg when needed", None, None),
        ("diazepam 20 mg once a week", None, None),
        ("diazepam 5-10 mg/day", None, None),
        ("2 x 5 mg diazepam", 10, True),
        ("diazepam 5 mg in the morning, 10 mg at night", 15, True),
        ("benzodiazepine 10 mg/day", None, None),
    ],
)
def test_the_daily_dose_is_set_against_the_threshold(
    medicine: str, dose: float | None, above: bool | None
) -> None:
    found = _threshold(medicine)
    assert (found.sources, found.threshold, found.kind) == (("andrashko2020",), 8, "direction")
    assert found.daily_dose == (None if dose is None else pytest.approx(dose))
    assert found.above_threshold is above


def test_benzodiazepines_add_up() -> None:
    both = _threshold("diazepam 5 mg/day", "Clonazepam 0.25 mg/day")
    assert both.matched == ("diazepam 5 mg/day", "Clonazepam 0.25 mg/day")
    assert both.daily_dose == pytest.approx(10)
    assert _threshold("diazepam 10 mg/day", "lorazepam").above_threshold is True
    assert _threshold("diazepam 5 mg/day", "lorazepam").above_threshold is None


def test_published_equivalents_come_out() -> None:
    for row in facts("mood/diazepam_equivalents"):
        ends = interval(row.get("mg")) or (float(row.get("mg")),) * 2
        for mg in ends:
            got = diazepam_equivalent(row.get("drug").upper(), mg)
            assert got.low <= 10 + 1e-9
            assert got.high >= 10 - 1e-9
            assert row.source in got.sources
        if row.get("use") == "yes":
            assert diazepam_equivalent(row.get("drug"), sum(ends) / 2).value == pytest.approx(10)


def test_each_drug_has_one_table_that_is_used() -> None:
    used = [r.get("drug") for r in facts("mood/diazepam_equivalents") if r.get("use") == "yes"]
    assert sorted(used) == DRUGS


def test_what_the_who_prints_comes_out() -> None:
    # its examples: 4 mg of lorazepam are 40 mg of diazepam, 60 mg of temazepam are 30 mg
    assert diazepam_equivalent("lorazepam", 4).high == pytest.approx(40)
    assert diazepam_equivalent("temazepam", 60).value == pytest.approx(30)


@given(st.sampled_from(DRUGS), st.floats(0.01, 1000), st.floats(1.1, 10))
def test_equivalents_are_proportional_and_ordered(drug: str, mg: float, times: float) -> None:
    once, more = diazepam_equivalent(drug, mg), diazepam_equivalent(drug, mg * times)
    assert once.low <= once.value <= once.high
    assert more.value == pytest.approx(once.value * times)


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(InputError, match="no published diazepam equivalent of 'zolpidem'"):
        diazepam_equivalent("zolpidem", 10)
    for wrong in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="is not a dose"):
            diazepam_equivalent("lorazepam", wrong)
