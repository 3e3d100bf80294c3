"""Cross-walks give back the published points, keep order, and refuse what is not published."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import Fact, fact, facts, interval, number
from ketasim.population import convertible, crosswalk, from_madrs, to_madrs

RANGES = {r.get("scale"): (float(r.get("low")), float(r.get("high"))) for r in facts("scales")}
LINKED = [scale for scale in convertible() if scale != "MADRS"]


def _rows(use: str, origin: str) -> list[Fact]:
    return [
        r for r in facts("mood/crosswalks") if r.get("use") == use and r.get("from_scale") == origin
    ]


def _middle(text: str) -> float:
    ends = interval(text)
    value = sum(ends) / 2 if ends else number(text)
    assert value is not None, text
    return value


def test_the_scales_users_ask_for_are_linked() -> None:
    assert convertible() == ("MADRS", "HDRS17", "QIDS", "PHQ9")


@pytest.mark.parametrize("scale", LINKED)
def test_published_points_come_out(scale: str) -> None:
    rows = _rows("table", scale)
    assert rows
    for row in rows:
        score, madrs = _middle(row.get("from_score")), _middle(row.get("to_score"))
        assert to_madrs(scale, score) == pytest.approx(madrs)
        assert from_madrs(scale, madrs) == pytest.approx(score)


def test_points_of_the_abstracts() -> None:
    # leucht2018, liu2013 and optimum2023, as their abstracts print them
    for score, madrs in ((10, 13), (20, 26), (30, 39)):
        assert to_madrs("HDRS17", score) == madrs
    assert 52 <= to_madrs("HDRS17", 40) <= 53
    for score, madrs in ((6, 9), (11, 18), (16, 25), (21, 34)):
        assert to_madrs("QIDS", score) == madrs
    for score, madrs in ((1, 1), (15, 24), (27, 48)):
        assert to_madrs("PHQ9", score) == madrs


@pytest.mark.parametrize("scale", convertible())
def test_points_rise_inside_both_ranges(scale: str) -> None:
    link = crosswalk(scale)
    assert np.all(np.diff(link.scores) > 0)
    assert np.all(np.diff(link.madrs) > 0)
    assert (link.scores[0], link.scores[-1]) == RANGES[scale]
    assert link.madrs[0] >= 0
    assert link.madrs[-1] <= RANGES["MADRS"][1]


@given(st.sampled_from(convertible()), st.floats(0, 1), st.floats(0, 1))
def test_order_is_kept_both_ways(scale: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    top = RANGES[scale][1]
    assert to_madrs(scale, low * top) <= to_madrs(scale, high * top)
    assert from_madrs(scale, low * 60) <= from_madrs(scale, high * 60)


@given(st.sampled_from(convertible()), st.floats(0, 1))
def test_there_and_back_is_the_same_score(scale: str, part: float) -> None:
    score = part * RANGES[scale][1]
    assert from_madrs(scale, to_madrs(scale, score)) == pytest.approx(score, abs=1e-9)


@given(st.sampled_from(convertible()), st.floats(0, 60))
def test_what_is_converted_stays_a_score(scale: str, madrs: float) -> None:
    low, high = RANGES[scale]
    assert low <= from_madrs(scale, madrs) <= high


def test_a_score_above_what_the_scale_reaches_is_its_highest() -> None:
    assert from_madrs("PHQ9", 60) == 27


def test_arrays_keep_their_shape_and_agree_with_numbers() -> None:
    scores = np.array([[0, 7, 10], [20, 33, 52]])
    madrs = to_madrs("HDRS17", scores)
    assert madrs.shape == scores.shape
    assert madrs.tolist() == [[to_madrs("HDRS17", float(x)) for x in row] for row in scores]
    assert to_madrs("HDRS17", np.array([])).shape == (0,)


def test_madrs_is_itself() -> None:
    values = np.linspace(0, 60, 7)
    assert to_madrs("MADRS", values).tolist() == values.tolist()
    assert from_madrs("MADRS", 31.5) == 31.5
    assert crosswalk("MADRS").sources == ()


def test_derived_points_follow_from_the_two_published_tables() -> None:
    steps = {r.get("from_score"): _middle(r.get("to_score")) for r in _rows("step", "QIDS")}
    derived = [r for r in _rows("table", "QIDS") if r.get("grade") == "derived"]
    assert derived
    for row in derived:
        expected = to_madrs("HDRS17", steps[row.get("from_score")])
        assert _middle(row.get("to_score")) == pytest.approx(expected, abs=0.001)


def test_derived_comparisons_follow_from_the_printed_equation() -> None:
    rows = [r for r in _rows("comparison", "MADRS") if r.source == "heo2007"]
    assert rows
    for row in rows:
        expected = -1.58 + 0.86 * _middle(row.get("from_score"))
        assert _middle(row.get("to_score")) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("scale", LINKED)
def test_other_authors_agree_within_five_points(scale: str) -> None:
    for row in map(fact, crosswalk(scale).comparisons):
        one, other = _middle(row.get("from_score")), _middle(row.get("to_score"))
        score, madrs = (one, other) if row.get("from_scale") == scale else (other, one)
        assert abs(to_madrs(scale, score) - madrs) < 5, row.id


@pytest.mark.parametrize("scale", LINKED)
def test_a_crosswalk_says_where_it_is_from(scale: str) -> None:
    link = crosswalk(scale)
    assert {row.source for row in _rows("table", scale)} == set(link.sources)
    assert len(link.grades) == len(link.scores) == len(link.points)
    assert link.method
    assert link.note


def test_a_scale_without_a_crosswalk_is_refused() -> None:
    for convert in (to_madrs, from_madrs):
        with pytest.raises(InputError, match="no published cross-walk between HDRS21 and MADRS"):
            convert("HDRS21", 10)
        with pytest.raises(InputError, match="did you mean 'HDRS17'"):
            convert("HDRS-17", 10)


@pytest.mark.parametrize("scale", convertible())
@pytest.mark.parametrize("wrong", [-0.1, 60.1, math.nan, math.inf])
def test_a_score_out_of_range_is_refused(scale: str, wrong: float) -> None:
    with pytest.raises(InputError, match=f"is not a score of {scale}; give 0 to"):
        to_madrs(scale, wrong)
    with pytest.raises(InputError, match="is not a score of MADRS; give 0 to 60 points"):
        from_madrs(scale, np.array([3.0, wrong]))
