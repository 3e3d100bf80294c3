"""Any population: calendars, horizons, chunks, order and threads; what is refused, and how."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError
from ketasim.dosing import Dose
from ketasim.engine import (
    BlowUp,
    Calendar,
    Outcomes,
    Patients,
    Plan,
    Summary,
    Trajectories,
    at_time,
    hours_above,
    jacobian,
    largest,
    plan,
    run,
    solve,
    stream,
)
from ketasim.models import ChainModel, ResponseModel, Turnover

Array = NDArray[np.float64]

TIMES = np.array([0.0, 5.0, 24.0, 300.0, 700.0])
NAMES = ["M", "A", "B", ("Ac", "amount")]


@pytest.fixture(scope="module")
def mixed(chains: ModuleType) -> Patients:
    """300 patients of W on three calendars."""
    base = chains.patients(300)
    every = base.calendars[0].doses
    calendars = (
        Calendar(every, 800.0),
        Calendar(every[:3], 400.0),
        Calendar((Dose(2.0, "ketamine", "oral", 80.0, "mg"), *every[4:6]), 750.0),
    )
    return Patients(base.values, base.weight, calendars, np.arange(300) % 3)


def test_calendars_and_horizons_in_one_call(chains: ModuleType, mixed: Patients) -> None:
    together = solve(chains.CHAIN, mixed, TIMES, NAMES, engine="numba")
    for number, calendar in enumerate(mixed.calendars):
        members = np.flatnonzero(mixed.calendar_of == number)
        alone = Patients(
            {k: v if v.ndim == 0 else v[members] for k, v in mixed.values.items()},
            mixed.weight[members],
            (calendar,),
        )
        inside = calendar.horizon >= TIMES
        separately = solve(
            chains.CHAIN, alone, TIMES[inside], NAMES, plan=together.plan, engine="numba"
        )
        np.testing.assert_array_equal(together.values[members][:, inside], separately.values)
        assert np.isnan(together.values[members][:, ~inside]).all()


def test_threads_pieces_and_order_change_no_bit(
    chains: ModuleType, mixed: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = solve(chains.CHAIN, mixed, TIMES, NAMES, engine="numba", threads=1)
    assert first.plan == plan(chains.CHAIN, mixed, engine="numba")
    order = np.random.default_rng(1).permutation(mixed.n)
    shuffled = mixed.take(order)
    again = solve(chains.CHAIN, shuffled, TIMES, NAMES, engine="numba", threads=2)
    assert again.plan == first.plan
    np.testing.assert_array_equal(again.values, first.values[order])
    monkeypatch.setattr(run, "_MOST_CHUNK", 32)
    pieces = solve(chains.CHAIN, mixed, TIMES, NAMES, plan=first.plan, engine="numba", threads=3)
    np.testing.assert_array_equal(pieces.values, first.values)
    # a patient does not depend on who else is there
    few = mixed.take(np.array([7, 200, 33]))
    alone = solve(chains.CHAIN, few, TIMES, NAMES, plan=first.plan, engine="numba")
    np.testing.assert_array_equal(alone.values, first.values[[7, 200, 33]])


def test_summaries_are_those_of_the_whole_and_do_not_depend_on_the_order(
    chains: ModuleType, mixed: Patients, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = solve(chains.CHAIN, mixed, TIMES, NAMES, engine="numba")
    outcomes = Outcomes(
        {"peak": largest("A"), "late": at_time("M", 300.0), "hours": hours_above("B", 0.2)}
    )
    order = np.random.default_rng(2).permutation(mixed.n)

    def streamed(patients: Patients, threads: int) -> list[Any]:
        return stream(
            chains.CHAIN,
            patients,
            TIMES,
            NAMES,
            [Summary(), outcomes],
            plan=whole.plan,
            engine="numba",
            threads=threads,
        )

    table, found = streamed(mixed, 1)
    np.testing.assert_array_equal(table.count, np.isfinite(whole.values).sum(axis=0))
    # what is at rest differs from it by less than any rounding of it
    np.testing.assert_allclose(table.mean, np.nanmean(whole.values, axis=0), rtol=1e-13, atol=1e-27)
    spread = np.nanstd(whole.values, axis=0, ddof=1)
    np.testing.assert_allclose(table.sd, spread, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(
        table.percentiles, np.nanpercentile(whole.values, table.percents, axis=0), rtol=1e-12
    )
    np.testing.assert_array_equal(found["peak"], np.nanmax(whole["A"], axis=1))
    np.testing.assert_array_equal(found["late"], whole["M"][:, 3])
    other, moved = streamed(mixed.take(order), 2)
    for name in ("mean", "sd", "least", "most", "percentiles"):
        np.testing.assert_array_equal(getattr(other, name), getattr(table, name))
    np.testing.assert_array_equal(moved["hours"], found["hours"][order])
    # many patients: percentiles off a histogram
    monkeypatch.setattr("ketasim.engine.reduce._EXACT_BYTES", 0.0)
    binned, _ = streamed(mixed, 2)
    np.testing.assert_array_equal(binned.mean, table.mean)
    ranks = (whole.values[:, 1:3, 0, None] <= binned.percentiles[:, 1:3, 0].T[None]).mean(axis=0)
    assert np.abs(ranks - np.array(table.percents) / 100.0).max() < 0.01


def test_a_summary_keeps_no_memory_of_a_piece(chains: ModuleType) -> None:
    """One time and one output: the smallest table, on many threads, merged late."""

    class Late(Outcomes):
        def merge(self, whole: Any, part: Any) -> Any:
            time.sleep(0.01)
            return super().merge(whole, part)

    patients = chains.patients(4000)
    chosen = plan(chains.CHAIN, patients, engine="numba")
    whole = solve(chains.CHAIN, patients, [24.0], "M", plan=chosen, engine="numba")
    table, _ = stream(
        chains.CHAIN,
        patients,
        [24.0],
        ["M"],
        [Summary((2.5, 50.0)), Late({"m": at_time("M", 24.0)})],
        plan=chosen,
        engine="numba",
        threads=4,
    )
    exact = np.percentile(whole["M"], [2.5, 50.0], axis=0)
    np.testing.assert_allclose(table.percentiles[:, :, 0], exact, rtol=1e-12)
    assert {"p2.5", "p50"} <= set(table.of("M"))


def test_placebo_and_doses_after_the_horizon_change_nothing(chains: ModuleType) -> None:
    base = chains.patients(40)
    doses = base.calendars[0].doses
    calendars = (Calendar(doses[:2], 100.0), Calendar((), 100.0), Calendar(doses[3:], 24.0))
    patients = Patients(base.values, base.weight, calendars, np.arange(40) % 3)
    for engine in ("numpy", "numba"):
        found = solve(chains.CHAIN, patients, [0.0, 20.0], ["A", "D", "B"], engine=engine).values
        for untreated in (found[1::3, 1], found[2::3, 1]):
            np.testing.assert_allclose(untreated - [0.0, 1.0, 0.0], 0.0, atol=1e-14)


def test_percentiles_off_a_histogram_are_within_a_thousandth() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.lognormal(0, 2, 40_000), -rng.lognormal(1, 1, 20_000), [0.0]])
    reducer = Summary((1.0, 10.0, 50.0, 90.0, 99.0))
    state = {**reducer.begin(10**9, np.array([0.0]), ("x",))}
    for part in np.array_split(values, 7):
        piece = Trajectories(np.array([0.0]), ("x",), part[:, None, None], 0, "numba", None)
        state = reducer.merge(state, reducer.reduce(piece, np.arange(len(part))))
    found = reducer.finish(state).percentiles[:, 0, 0]
    np.testing.assert_allclose(found, np.percentile(values, reducer.percents), rtol=2e-3)


def test_hours_above_follow_straight_lines() -> None:
    times = np.array([0.0, 2.0, 4.0])
    values = np.array([[0.0, 2.0, 0.0], [3.0, 3.0, 3.0], [0.0, 0.0, 0.0]])[:, :, None]
    piece = Trajectories(times, ("y",), values, 0, "numpy", None)
    np.testing.assert_allclose(hours_above("y", 1.0)(piece), [2.0, 4.0, 0.0])


def test_engines_agree_to_rounding_on_one_plan(chains: ModuleType, mixed: Patients) -> None:
    chosen = plan(chains.CHAIN, mixed, engine="numpy")
    a, b = (
        solve(chains.CHAIN, mixed, TIMES, NAMES, plan=chosen, engine=engine).values
        for engine in ("numpy", "numba")
    )
    scale = np.nanmax(np.abs(a), axis=(0, 1))
    assert np.nanmax(np.abs(a - b) / scale) < 1e-11


def test_auto_takes_numpy_for_few_and_the_compiled_engine_for_many(chains: ModuleType) -> None:
    few, many = chains.patients(3), chains.patients(run.FEW + 1)
    assert solve(chains.CHAIN, few, [1.0], ["M"]).engine == "numpy"
    assert solve(chains.CHAIN, many, [1.0], ["M"]).engine == "numba"


def test_jacobian_is_smooth_and_agrees_with_finer_steps(chains: ModuleType) -> None:
    patients = chains.patients(6)
    names = ("IC50", "kS", "CLint")
    rough = jacobian(chains.CHAIN, patients, [30.0, 400.0], ["M", "D"], names, engine="numba")
    fine = jacobian(
        chains.CHAIN, patients, [30.0, 400.0], ["M", "D"], names, engine="numba", rtol=1e-7
    )
    assert rough.shape == (6, 2, 2, 3)
    scale = np.abs(fine).max(axis=(0, 1))
    assert (np.abs(rough - fine) / np.where(scale > 0, scale, 1.0)).max() < 1e-3
    assert (fine[:, :, 1, 1] == 0.0).all()  # the growth factor does not know of spine turnover


def test_the_memory_of_a_result_can_be_used_again(chains: ModuleType) -> None:
    patients = chains.patients(40)
    out = np.empty((40, 2, 1))
    found = solve(chains.CHAIN, patients, [1.0, 2.0], ["M"], out=out)
    assert found.values is out
    with pytest.raises(InputError, match="out"):
        solve(chains.CHAIN, patients, [1.0], ["M"], out=out)


def _exploding(chains: ModuleType) -> ChainModel:
    """W's linear block, and a state that runs away once enough drug has come."""
    response = chains.CHAIN.response
    return ChainModel(
        "exploding",
        chains.CHAIN.pharmacokinetics,
        ResponseModel(
            name="exploding",
            title="A state that runs away",
            source="test",
            parameters=(*response.parameters,),
            signals=response.signals,
            states=(Turnover("E", "-", "runs away", "kM", "kG*Ce/IC50*(1 + E)**2*psi", "0"),),
        ),
    )


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_a_blow_up_names_patient_time_and_state(chains: ModuleType, engine: str) -> None:
    patients = chains.patients(50)
    psi = np.full(50, 1e-9)
    psi[37] = 1e3
    # the first infusion is enough; the steps of a long calendar take long to plan
    calendar = Calendar(patients.calendars[0].doses[:1], 72.0)
    bad = Patients({**patients.values, "psi": psi}, patients.weight, (calendar,))
    with pytest.raises(BlowUp, match=r"patient 37: state 'E' is no longer finite at") as caught:
        solve(_exploding(chains), bad, [10.0], ["E"], engine=engine)
    assert caught.value.patient == 37 and caught.value.state == "E"
    assert 0.0 < caught.value.time < 10.0


REFUSED: list[tuple[str, Callable[[ModuleType], object]]] = [
    ("engine: unknown engine 'mumba'; did you mean 'numba'", lambda c: _solve(c, engine="mumba")),
    ("rtol: 1 is outside", lambda c: _solve(c, rtol=1.0)),
    ("times: are not hours", lambda c: _solve(c, times=[-1.0])),
    ("times: 9999 h is after the longest horizon", lambda c: _solve(c, times=[9999.0])),
    ("outputs: 'w' has no 'Mood'", lambda c: _solve(c, outputs=["Mood"])),
    ("outputs: nothing is asked for", lambda c: _solve(c, outputs=[])),
    ("outputs: 'w' has no", lambda c: _solve(c, outputs=[("ketamine", "brain")])),
    ("threads: is 0", lambda c: _solve(c, threads=0)),
    ("kS: the value of patient 1 is nan", lambda c: _changed(c, kS=np.array([1.0, np.nan]))),
    ("kS: has the shape", lambda c: _changed(c, kS=np.ones(5))),
    ("psi: 'w' needs it", lambda c: _without(c, "psi")),
    ("horizon: is -3 h", lambda _: Calendar((), -3.0)),
    ("weight: of patient 1 is -70 kg", lambda _: Patients({}, np.array([70.0, -70.0]), ())),
    ("plan: was made for the model 'x'", lambda c: _solve(c, plan=_other_plan(c))),
]


def _other_plan(chains: ModuleType) -> Plan:
    return replace(plan(chains.CHAIN, chains.patients(2)), model="x")


def _solve(chains: ModuleType, **changed: Any) -> object:
    given = {"times": [1.0], "outputs": ["M"], **changed}
    times, outputs = given.pop("times"), given.pop("outputs")
    return solve(chains.CHAIN, chains.patients(2), times, outputs, **given)


def _changed(chains: ModuleType, **values: Any) -> object:
    patients = chains.patients(2)
    return Patients({**patients.values, **values}, patients.weight, patients.calendars)


def _without(chains: ModuleType, name: str) -> object:
    patients = chains.patients(2)
    values = {k: v for k, v in patients.values.items() if k != name}
    return solve(chains.CHAIN, Patients(values, patients.weight, patients.calendars), [1.0], ["M"])


@pytest.mark.parametrize(("text", "call"), REFUSED, ids=[text for text, _ in REFUSED])
def test_bad_input_is_one_line(
    chains: ModuleType, text: str, call: Callable[[ModuleType], object]
) -> None:
    with pytest.raises(InputError) as caught:
        call(chains)
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


def test_an_engine_that_is_not_installed_names_the_remedy(
    chains: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("ketasim.engine.backends.backend.numba_there", lambda: False)
    with pytest.raises(KetasimError, match=r"pip install 'ketasim\[jax\]'"):
        _solve(chains, engine="jax")
    # without Numba, many patients still run
    assert solve(chains.CHAIN, chains.patients(run.FEW + 1), [1.0], ["M"]).engine == "numpy"


def test_an_interrupt_leaves_no_thread_running(chains: ModuleType) -> None:
    patients = chains.patients(2000)
    chosen = plan(chains.CHAIN, patients, engine="numba")

    def outcome(piece: Trajectories) -> Array:
        if piece.first > 300:
            raise KeyboardInterrupt
        return piece["M"][:, 0]

    with pytest.raises(KeyboardInterrupt):
        stream(
            chains.CHAIN,
            patients,
            [1.0],
            ["M"],
            [Outcomes({"x": outcome})],
            plan=chosen,
            engine="numba",
            threads=2,
        )
    assert not [t for t in threading.enumerate() if t.name.startswith("ketasim")]
