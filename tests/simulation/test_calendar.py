"""Times at which results are given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import Dose
from ketasim.simulation.calendar import checked_times, output_times, sessions_of


def _infusions(days: list[int], minutes: float) -> list[Dose]:
    return [
        Dose(24.0 * day, "ketamine", "iv", 35.0, "mg", minutes / 60, session=number)
        for number, day in enumerate(days)
    ]


@given(
    st.lists(st.integers(0, 80), min_size=1, max_size=20, unique=True).map(sorted),
    st.floats(1.0, 2000.0),
    st.floats(1.0, 2400.0),
)
def test_times_are_in_order_and_hold_every_start_and_end(
    days: list[int], minutes: float, horizon: float
) -> None:
    doses = _infusions(days, minutes)
    times = output_times(sessions_of(doses, horizon, {}), horizon)
    assert np.all(np.diff(times) > 0)
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(horizon, abs=1e-9)
    until = [dose.time for dose in doses[1:]] + [horizon]
    for dose, end in zip(doses, until, strict=True):
        for time in (dose.time, dose.time + dose.duration):
            if time <= min(end, horizon):
                assert np.abs(times - time).min() < 1e-9


def test_few_distinct_steps_for_a_long_course() -> None:
    """Each distinct step costs a matrix exponential: twelve weeks must not need hundreds."""
    doses = _infusions([0, 2, 4, 7, 9, 11, *range(18, 74, 7)], 40.0)
    times = output_times(sessions_of(doses, 2016.0, {}), 2016.0)
    assert len(times) < 800
    assert len(np.unique(np.round(np.diff(times), 9))) < 40


def test_a_slow_release_is_part_of_its_session() -> None:
    tablet = Dose(0.0, "ketamine", "oral_er", 120.0, "mg")
    (session,) = sessions_of([tablet], 48.0, {"oral_er": [10.0]})
    assert session.end == 10.0
    times = output_times([session], 48.0)
    near = times[(times > 9.9) & (times < 11.0)]
    assert len(near) > 20


def test_steps_of_an_infusion_are_one_session() -> None:
    doses = [
        Dose(0.0, "ketamine", "iv", 10.0, "mg", 0.25),
        Dose(0.25, "ketamine", "iv", 20.0, "mg", 0.5),
        Dose(48.0, "ketamine", "iv", 30.0, "mg", 0.5, session=1),
    ]
    first, last = sessions_of(doses, 96.0, {})
    assert (first.start, first.end, first.until) == (0.0, 0.75, 48.0)
    assert first.turns == (0.0, 0.25, 0.75)
    assert (last.start, last.until) == (48.0, 96.0)


def test_doses_after_the_horizon_are_not_seen() -> None:
    (session,) = sessions_of(_infusions([0, 7], 40.0), 100.0, {})
    assert session.until == 100.0
    assert len(session.doses) == 1
    assert sessions_of(_infusions([7], 40.0), 100.0, {}) == ()


def test_given_times_are_sorted_once() -> None:
    assert checked_times([3, 1, 2, 1]).tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("times", [[], [-0.1, 1.0], [np.inf], [np.nan]])
def test_times_that_are_none_are_refused(times: list[float]) -> None:
    with pytest.raises(InputError, match="times"):
        checked_times(times)
