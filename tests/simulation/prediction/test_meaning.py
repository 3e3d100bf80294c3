"""Events mean what NONMEM says they mean: every kind against sums of single doses."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import expm

import ketasim
from ketasim.models import pk

Array = NDArray[np.float64]

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

ENDLESS = 400  # doses before now that stand for infinitely many
GRID = (
    0.0,
    0.5,
    1.0,
    2.5,
    4.0,
    6.0,
    8.0,
    11.0,
    12.0,
    17.0,
    24.0,
    26.5,
    30.0,
    37.0,
    48.0,
    60.0,
    75.0,
)
CL, V, KA = 1.7, 14.0, 0.9


@dataclass(frozen=True)
class Event:
    """A row that does something, in the words of the table."""

    time: float
    amount: float = 0.0
    into: int = 1
    evid: int = 1
    rate: float = 0.0
    every: float = 0.0
    more: int = 0
    steady: int = 0
    lag: float = 0.0
    part: float = 1.0
    lasts: float = 3.0
    speed: float = 8.0


# what each is called, and its rows; observations stand at the times of the grid
SCENARIOS: dict[str, tuple[Event, ...]] = {
    "a dose and three more": (Event(0, 80, 1, every=12, more=3),),
    "late, and more than all of it": (Event(0, 80, 2, every=12, more=3, lag=7.3, part=1.9),),
    "an infusion of which half arrives": (Event(0, 200, 2, rate=10, part=0.5),),
    "half of it in a given time": (Event(0, 200, 2, rate=-2, part=0.5, lasts=20),),
    "half of it at a speed of its own": (Event(0, 200, 2, rate=-1, part=0.5, speed=13),),
    "an infusion into the depot": (Event(0, 90, 1, rate=9, every=24, more=2),),
    "infusions after a lag": (Event(0, 90, 2, rate=9, every=24, more=2, lag=3.6),),
    "overlapping infusions": (Event(0, 90, 2, rate=6, every=6, more=5),),
    "settled": (Event(0, 80, 1, every=12, steady=1),),
    "settled, late and in part": (Event(0, 80, 2, every=12, steady=1, more=2, lag=5, part=0.4),),
    "settled, the lag is the interval": (Event(0, 80, 2, every=12, steady=1, more=2, lag=12),),
    "settled on infusions": (Event(0, 80, 2, rate=16, every=12, steady=1, more=3, lag=3),),
    "settled, infusions without a pause": (Event(0, 80, 2, rate=8, every=10, steady=1, more=3),),
    "settled, one begins before the last ends": (
        Event(0, 80, 2, rate=3, every=10, steady=1, more=4, lag=4, part=0.8),
    ),
    "settled on a time of its own": (
        Event(0, 80, 2, rate=-2, every=10, steady=1, more=2, lasts=14, part=0.6),
    ),
    "settled on a speed of its own": (
        Event(0, 80, 2, rate=-1, every=12, steady=1, more=1, speed=11, lag=2),
    ),
    "settled on a drip that stops": (Event(6, 0, 2, rate=5, steady=1),),
    "settled on a drip into the depot": (Event(0, 0, 1, rate=5, steady=1), Event(17, 40, 1)),
    "a second regimen on top of a settled one": (
        Event(0, 80, 1, every=24, more=2, steady=1),
        Event(12, 30, 1, every=24, more=2, steady=2),
    ),
    "on top, late, as infusions": (
        Event(0, 80, 1, every=24, more=2),
        Event(8, 30, 2, rate=10, every=12, more=2, steady=2, lag=2.2),
    ),
    "settled anew in the midst": (
        Event(0, 90, 2, rate=6, every=24, more=2),
        Event(26.5, 50, 2, every=12, more=2, steady=1),
    ),
    "cleared in an infusion, doses to come": (
        Event(0, 90, 2, rate=9, every=12, more=4, lag=1.4),
        Event(26.5, evid=3),
        Event(37, 20, 1, every=8, more=1),
    ),
    "cleared, and dosed at once": (
        Event(0, 90, 1, rate=45, every=12, more=3, part=0.7),
        Event(26.5, 60, 1, evid=4, every=12, more=2),
    ),
    "cleared and settled, again and again": tuple(
        Event(t, 50 + t, 2, evid=4, every=12, steady=1, lag=5) for t in (0, 12, 24)
    ),
    "cleared while a dose is on its way": (
        Event(0, 90, 1, lag=11.5),
        Event(8, evid=3),
        Event(8, 10, 2),
    ),
    "two at once": (Event(4, 30, 1), Event(4, 20, 2), Event(4, 20, 2, rate=10)),
}


def _rows(events: Sequence[Event], times: Sequence[float]) -> list[tuple[float, Event | None]]:
    """Rows in order: at the same time, observations before and after the events."""
    rows: list[tuple[float, int, Event | None]] = [(t, 0, None) for t in times]
    rows += [(t, 2, None) for t in times]
    rows += [(e.time, 1, e) for e in events]
    return [(t, e) for t, _, e in sorted(rows, key=lambda row: row[:2])]


def _table(rows: Sequence[tuple[float, Event | None]]) -> pl.DataFrame:
    def cells(time: float, e: Event | None) -> dict[str, Any]:
        blank = {"ID": 1, "TIME": time, "EVID": 0, "AMT": 0.0, "CMT": 2, "RATE": 0.0}
        blank |= {
            "II": 0.0,
            "ADDL": 0,
            "SS": 0,
            "PART": 1.0,
            "LATE": 0.0,
            "LASTS": 1.0,
            "SPEED": 1.0,
        }
        if e is None:
            return blank
        said = {"EVID": e.evid, "AMT": e.amount, "CMT": e.into, "RATE": float(e.rate)}
        said |= {"II": float(e.every), "ADDL": e.more, "SS": e.steady, "PART": e.part}
        return (
            blank | said | {"LATE": float(e.lag), "LASTS": float(e.lasts), "SPEED": float(e.speed)}
        )

    return pl.DataFrame([cells(*row) for row in rows])


Single = Callable[[float, int, float, float], float]


def _expected(
    rows: Sequence[tuple[float, Event | None]], single: Single, endless: int = ENDLESS
) -> Array:
    """Sums of single doses since the last reset, each after its own time.

    `single(hours, into, amount, duration)` is what one dose has left after some hours.
    """
    found = np.zeros(len(rows))
    doses: list[tuple[float, int, float, float]] = []
    for number, (time, e) in enumerate(rows):
        if e is not None:
            if e.evid in (3, 4) or e.steady == 1:
                doses.clear()
            doses += _arrivals(e, endless) if e.evid != 3 else []
        found[number] = sum(
            single(max(time - arrival, 0.0), *dose)
            for arrival, *dose in doses
            if time - arrival >= -1e-9
        )
    return found


def _arrivals(e: Event, endless: int) -> list[tuple[float, int, float, float]]:
    if e.steady and e.amount == 0:  # since ever, and until now
        return [(e.time - 3000.0, e.into, 3000.0 * e.rate, 3000.0)]
    amount = e.part * e.amount
    duration = {0.0: 0.0, -1.0: amount / e.speed, -2.0: e.lasts}.get(
        float(e.rate), amount / e.rate if e.rate > 0 else 0.0
    )
    first = -endless if e.steady else 0
    return [
        (e.time + e.lag + n * e.every, e.into, amount, duration) for n in range(first, e.more + 1)
    ]


def _one_compartment(hours: float, into: int, amount: float, duration: float) -> float:
    """Concentration after one dose, from the textbook's exponentials, ng/mL."""
    k = CL / V

    def decay(rate: float) -> float:
        if duration == 0:
            return math.exp(-rate * hours)
        running = min(hours, duration)
        given = -math.expm1(-rate * running) / (rate * duration)
        return given * math.exp(-rate * (hours - running))

    if into == 2:
        return 1000 * amount / V * decay(k)
    return 1000 * amount / V * KA / (KA - k) * (decay(k) - decay(KA))


KEYS = {"F": "PART", "lag": "LATE", "duration": "LASTS", "rate": "SPEED"}


def _with_keys(model: pk.CompartmentModel) -> pk.CompartmentModel:
    return replace(model, compartments=tuple(replace(one, **KEYS) for one in model.compartments))


@quiet
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_kind_of_event_is_a_sum_of_single_doses(name: str) -> None:
    rows = _rows(SCENARIOS[name], GRID)
    model = _with_keys(pk.one_compartment(depot=True)).with_values({"CL": CL, "V": V, "KA": KA})
    found = ketasim.predict(model, _table(rows)).table()["CP"].to_numpy()
    expected = _expected(rows, _one_compartment)
    assert expected.max() > 100
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


NUMBERS = {"CL": 5.0, "V2": 9.0, "Q": 4.0, "V3": 21.0, "KA": 1.3}
FORGOTTEN = 280.0  # h; the slowest mode has a half-life of 7 h
MATRIX = np.array(
    [[-1.3, 0.0, 0.0], [1.3, -(5.0 + 4.0) / 9.0, 4.0 / 21.0], [0.0, 4.0 / 9.0, -4.0 / 21.0]]
)


def _two_compartments(hours: float, into: int, amount: float, duration: float) -> float:
    """Concentration after one dose, by the matrix exponential of states and input."""
    return 0.0 if hours > FORGOTTEN else amount * _one(round(hours, 9), into, duration)


@cache
def _one(hours: float, into: int, duration: float) -> float:
    start, wide = np.zeros(4), np.zeros((4, 4))
    start[3 if duration else into - 1] = 1.0
    wide[:3, :3] = MATRIX
    if duration:
        wide[into - 1, 3] = 1.0 / duration
    running = min(hours, duration)
    now = expm(MATRIX * (hours - running)) @ (expm(wide * running) @ start)[:3]
    return float(1000 * now[1] / NUMBERS["V2"])


EVENTS = st.lists(
    st.builds(
        Event,
        time=st.sampled_from([0.0, 2.5, 6.0, 12.0, 24.0]),
        amount=st.sampled_from([20.0, 75.0]),
        into=st.integers(1, 3),
        evid=st.sampled_from([1, 1, 1, 4]),
        rate=st.sampled_from([0.0, 0.0, 5.0, -1.0, -2.0]),
        every=st.sampled_from([8.0, 12.5]),
        more=st.integers(0, 3),
        steady=st.sampled_from([0, 0, 1, 2]),
        lag=st.sampled_from([0.0, 0.0, 1.5, 8.0]),
        part=st.sampled_from([1.0, 0.35]),
        lasts=st.sampled_from([2.0, 11.0]),
    ),
    min_size=1,
    max_size=4,
)


@quiet
@settings(max_examples=20)
@given(EVENTS)
def test_any_events_of_two_compartments_are_sums_of_single_doses(
    drawn: list[Event],
) -> None:
    events = [e if e.more or e.steady else replace(e, every=0.0) for e in drawn]
    rows = _rows(events, (0.0, 1.0, 6.0, 9.5, 24.0, 31.0))
    model = _with_keys(pk.two_compartments(depot=True)).with_values(NUMBERS)
    found = ketasim.predict(model, _table(rows)).table()["CP"].to_numpy()
    expected = _expected(rows, _two_compartments, 40)
    assert found == pytest.approx(expected, rel=1e-7, abs=1e-7)


@quiet
def test_what_changes_holds_from_the_row_before() -> None:
    """Weight and its clearance step by step: 1 h at 60 kg, then 3 h at 90 kg."""
    model = replace(
        pk.one_compartment().with_values({"CL": CL, "V": V}),
        flows=(pk.Flow("central", None, "CL*(WT/70)**0.75/V"),),
        covariates=(pk.Covariate("WT", "kg"),),
    )
    table = {
        "ID": [1] * 4,
        "TIME": [0, 1, 4, 4],
        "AMT": [10, 0, 0, 0],
        "EVID": [1, 0, 0, 2],
        "WT": [75, 60, 90, 20],
    }
    found = ketasim.predict(model, table).table()["CP"].to_list()
    rates = [CL / V * (weight / 70) ** 0.75 for weight in (60, 90)]
    first = 1000 * 10 / V
    late = first * np.exp(-rates[0] - 3 * rates[1])
    assert found == pytest.approx([first, first * np.exp(-rates[0]), late, late], rel=1e-12)


@quiet
def test_equal_rates_in_a_chain_have_no_modes_and_are_exact() -> None:
    """Five equal rates in a row: the amounts are a gamma density."""
    names = [f"c{i}" for i in range(5)]
    model = pk.CompartmentModel(
        "transit",
        (pk.Parameter("K", 0.7),),
        tuple(pk.Compartment(name) for name in names),
        tuple(
            pk.Flow(one, after, "K") for one, after in zip(names, [*names[1:], None], strict=True)
        ),
        (pk.Output("LAST", "c4"),),
    )
    hours = np.array([0.0, 0.5, 2.0, 9.0, 30.0])
    table = {
        "ID": [1] * 6,
        "TIME": [0.0, *hours],
        "AMT": [3.0, *[0.0] * 5],
        "EVID": [1, *[0] * 5],
        "CMT": ["c0", *[""] * 5],
    }
    found = ketasim.predict(model, table).table()["LAST"].to_numpy()[1:]
    expected = 3 * (0.7 * hours) ** 4 / 24 * np.exp(-0.7 * hours)
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-15)


@quiet
def test_a_reset_may_begin_the_time_anew() -> None:
    model = pk.one_compartment().with_values({"CL": CL, "V": V})
    table = {
        "ID": [1] * 4,
        "TIME": [0, 30, 0, 2],
        "AMT": [10, 0, 20, 0],
        "EVID": [1, 0, 4, 0],
    }
    last = ketasim.predict(model, table).table()["CP"][-1]
    assert last == pytest.approx(1000 * 20 / V * np.exp(-2 * CL / V), rel=1e-12)
