"""The effects of a session as declared: bounds, directions, and what plays no part."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.calibration.session.problem import exposure
from ketasim.dosing import Course, load_course
from ketasim.evidence import load_card, with_source_names
from ketasim.models import SESSION

CARD = load_card("session").values()
levels = st.floats(0.0, 3000.0)
numbers = st.fixed_dictionaries(
    {"C50": st.floats(5.0, 1000.0), "C100": st.floats(5.0, 5000.0), "hill": st.floats(0.3, 6.0)}
)


@given(numbers, levels, levels, levels)
def test_the_effect_is_a_share_that_rises_with_s_ketamine(values, low, more, against) -> None:
    one, two = SESSION.effect(values, [low, low + more], [against, against])
    assert 0.0 <= one <= two <= 1.0


@given(numbers, levels, levels, levels)
def test_the_effect_falls_with_s_norketamine(values, drug, low, more) -> None:
    one, two = SESSION.effect(values, [drug, drug], [low, low + more])
    assert two <= one
    if drug > 1.0 and more > 1.0 and 0.01 < one < 0.99:
        assert two < one


@given(numbers, levels)
def test_half_of_the_effect_is_at_the_c50_that_s_norketamine_moves(values, against) -> None:
    c50 = values["C50"] * (1.0 + against / values["C100"])
    assert SESSION.effect(values, c50, against) == pytest.approx(0.5)
    # as much S-norketamine as the C100 doubles it
    assert SESSION.effect(values, 2.0 * values["C50"], values["C100"]) == pytest.approx(0.5)


def test_nothing_drives_nothing_and_a_hair_below_zero_is_zero() -> None:
    assert SESSION.effect(CARD, [0.0, -1e-15], [0.0, -1e-15]).tolist() == [0.0, 0.0]


def _course(regimen: str) -> Course:
    head = {"title": regimen, "population": {"n": 5, "seed": 1}, "horizon": "1 d"}
    return load_course({**head, "regimen": f"{regimen} iv over 40 min once"})


def test_r_ketamine_has_no_part_in_it() -> None:
    # the racemate does what its S-ketamine does
    half = _course("esketamine 0.25 mg/kg")
    both = _course("ketamine 0.5 mg/kg")
    np.testing.assert_allclose(
        SESSION.effect(CARD, *exposure(half)), SESSION.effect(CARD, *exposure(both)), rtol=1e-6
    )


@given(st.floats(0.0, 1.0), st.floats(0.05, 20.0), st.integers(1, 200))
def test_habituation_starts_at_one_and_falls_to_what_is_left(left, pace, session) -> None:
    values = {"left": left, "sessions_A": pace}
    assert SESSION.habituation(values, 1) == 1.0
    now, then = SESSION.habituation(values, [session, session + 1])
    assert left <= then <= now <= 1.0
    assert SESSION.habituation(values, 1 + 40 * pace) == pytest.approx(left, abs=1e-12)


@given(levels, levels)
def test_the_drug_high_stays_on_its_scale(low, more) -> None:
    one, two = SESSION.drug_high(CARD, [low, low + more])
    assert 0.0 <= one <= two <= CARD["Emax_high"]
    half = SESSION.drug_high(CARD, CARD["C50_high"])
    assert half == pytest.approx(CARD["Emax_high"] / 2.0)


@given(levels, levels)
def test_pain_relief_stays_on_its_scale_and_s_norketamine_undoes_it(drug, against) -> None:
    with_it, without = SESSION.pain_relief(CARD, [drug, drug], [against, 0.0])
    assert 0.0 <= with_it <= without <= CARD["pain_max"]


def test_the_card_and_the_declaration_name_the_same_numbers_with_the_same_units() -> None:
    entries = load_card("session").entries
    declared = {symbol.name: symbol.unit for symbol in SESSION.parameters}
    assert {symbol: entry.unit for symbol, entry in entries.items()} == declared
    assert set(load_card("session_prior").entries) == set(declared)


def test_every_event_has_a_threshold_of_its_own() -> None:
    names = [event.name for event in SESSION.events]
    assert len(set(names)) == len(names)
    thresholds = [event.threshold for event in SESSION.events if event.threshold]
    assert len(set(thresholds)) == len(thresholds) == len(names) - 1
    assert set(thresholds) <= {symbol.name for symbol in SESSION.parameters}
    assert all(SESSION.event(name).name == name for name in names)
    with pytest.raises(KeyError):
        SESSION.event("boredom")


def test_the_sheet_tells_every_number_event_and_note() -> None:
    told = SESSION.describe()
    for symbol in SESSION.parameters:
        assert symbol.name in told and symbol.meaning in told
    for event in SESSION.events:
        assert f"{event.title}: {event.definition}" in told
    assert all(with_source_names(note) in told for note in SESSION.notes)
