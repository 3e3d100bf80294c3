"""The Pareto front against brute force, and what is said of differences that are not told apart."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.planning import CRITERIA, Measure
from ketasim.planning.candidates.front import apart, dominated, placed
from ketasim.planning.measure import UNCERTAINTY

CHOSEN = [CRITERIA[key] for key in ("MADRS_end", "sessions", "days_well")]
SMALL = st.integers(0, 4)
TABLE = st.lists(st.tuples(SMALL, SMALL, SMALL), min_size=1, max_size=12)


def exact(rows: list[tuple[int, ...]]) -> dict[int, dict[str, Measure]]:
    """Candidates whose numbers have no uncertainty."""
    return {
        number: {
            one.key: Measure(one.key, float(value)) for one, value in zip(CHOSEN, row, strict=True)
        }
        for number, row in enumerate(rows, 1)
    }


def measured(value: float, spread: float, key: str = "MADRS_end", shift: float = 0.0) -> Measure:
    """A number with draws, `spread` apart from those of another candidate."""
    draws = value + shift + spread * np.linspace(-1.0, 1.0, 40)
    return Measure(key, value, draws, UNCERTAINTY)


def beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """By the letter: at least as good in all, better in one; days are better when more."""
    signed = [
        (a, b) if place < 2 else (-a, -b)
        for place, (a, b) in enumerate(zip(one, other, strict=True))
    ]
    return all(a <= b for a, b in signed) and any(a < b for a, b in signed)


@given(TABLE)
def test_the_front_is_that_of_brute_force(rows: list[tuple[int, int, int]]) -> None:
    found = placed(exact(rows), CHOSEN)
    for number, row in enumerate(rows, 1):
        assert found[number].on_front is not any(beats(other, row) for other in rows)


@given(TABLE)
def test_a_dominated_candidate_names_one_of_the_front_that_beats_it(
    rows: list[tuple[int, int, int]],
) -> None:
    found = placed(exact(rows), CHOSEN)
    assert any(one.on_front for one in found.values())
    for number, one in found.items():
        if one.on_front is False:
            assert found[one.against].on_front
            assert beats(rows[one.against - 1], rows[number - 1])
            assert one.word == "dominated"


@given(TABLE)
def test_nothing_dominates_itself_and_nobody_each_other(rows: list[tuple[int, int, int]]) -> None:
    found = dominated(np.array(rows, np.float64))
    assert not np.diag(found).any()
    assert not (found & found.T).any()
    for i, j, k in product(range(len(rows)), repeat=3):
        if found[i, j] and found[j, k]:
            assert found[i, k]


@given(TABLE, st.tuples(SMALL, SMALL, SMALL))
def test_a_further_candidate_only_takes_from_the_front_what_it_beats(
    rows: list[tuple[int, int, int]], more: tuple[int, int, int]
) -> None:
    before, after = placed(exact(rows), CHOSEN), placed(exact([*rows, more]), CHOSEN)
    for number, row in enumerate(rows, 1):
        expected = bool(before[number].on_front) and not beats(more, row)
        assert after[number].on_front is expected


def test_a_front_by_less_than_the_uncertainty_says_so() -> None:
    few, many = Measure("sessions", 4.0), Measure("sessions", 8.0)
    days = Measure("days_well", 20.0)
    table = {
        1: {"MADRS_end": measured(20.0, 3.0), "sessions": few, "days_well": days},
        # better by one point, of which its draws say nothing
        2: {
            "MADRS_end": Measure("MADRS_end", 19.0, np.resize([14.0, 26.0], 40), UNCERTAINTY),
            "sessions": many,
            "days_well": days,
        },
    }
    found = placed(table, CHOSEN)
    assert found[1].word == "front"
    assert found[2].word == "front, unclear"
    assert (found[2].against, found[2].clear, found[2].unclear) == (
        1,
        ("sessions",),
        ("MADRS_end",),
    )


def test_a_dominated_candidate_that_is_not_told_apart_says_so() -> None:
    same = {"sessions": Measure("sessions", 4.0), "days_well": Measure("days_well", 20.0)}
    table = {1: {"MADRS_end": measured(20.0, 1.0), **same}}
    table[2] = {"MADRS_end": measured(20.1, 1.0), **same}  # sure, and too small to be told
    found = placed(table, CHOSEN)
    assert found[1].word == "front"
    assert found[2].word == "dominated, unclear"
    assert found[2].unclear == ("MADRS_end",)
    gap = apart(table[2]["MADRS_end"], table[1]["MADRS_end"])
    assert gap.sure
    assert not gap.clear


def test_what_is_not_assessed_is_never_placed_and_takes_nobody_off() -> None:
    table = exact([(3, 3, 3), (0, 0, 4)])
    table[2]["sessions"] = Measure("sessions", None, note="not known")
    found = placed(table, CHOSEN)
    assert found[1].on_front is True
    assert found[2].on_front is None
    assert found[2].word == "not placed"
    assert found[2].missing == ("sessions",)


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_a_criterion_that_is_the_same_in_all_changes_nothing(shift: float) -> None:
    rows = [(1, 4, 2), (2, 3, 2), (3, 3, 2)]
    found = placed(exact(rows), CHOSEN)
    moved = exact(rows)
    for own in moved.values():
        own["days_well"] = Measure("days_well", 2.0 + shift)
    assert {n: one.word for n, one in placed(moved, CHOSEN).items()} == {
        n: one.word for n, one in found.items()
    }
