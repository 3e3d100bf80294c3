"""The parts of the engine: modes, weights, grid, arithmetic in lanes, the written step."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import expm

from ketasim.engine import solve
from ketasim.engine.grid import BINS, Profile, grid_of, place_outputs
from ketasim.engine.linear.modes import modes_of, structure_of
from ketasim.engine.response.cascade import cascade_of
from ketasim.engine.response.weights import step_weights
from ketasim.evidence import load_card
from ketasim.models import (
    MODELS,
    RECEPTOR,
    ChainModel,
    Definition,
    LinearModel,
    ResponseModel,
    Symbol,
    Turnover,
    receptor_signal,
)

Array = NDArray[np.float64]

COVARIATES = {
    "WT": 82.0,
    "AGE": 66.0,
    "ASIAN": 0.0,
    "JAPANESE": 0.0,
    "TICLOPIDINE": 0.0,
    **dict.fromkeys(("act_2B6", "act_3A", "act_gut", "act_liver", "act_N"), 1.0),
}
REAL = sorted(key for key, model in MODELS.items() if not model.time_varying)


def _every_state(model: LinearModel) -> tuple[str, ...]:
    targets = {b.target for branches in model.routes.values() for b in branches}
    targets |= {b.target for branches in model.forms.values() for b in branches}
    return model.reachable(targets, model.outputs)


@pytest.mark.parametrize("key", REAL)
def test_modes_give_the_matrix_exponential(key: str) -> None:
    model = MODELS[key]
    rng = np.random.default_rng(8)
    n = 20
    values = {
        name: value * np.exp(rng.normal(0.0, 0.3, n)) if value > 0 else value
        for name, value in load_card(key).values().items()
    }
    resolved = model.resolve({**values, **COVARIATES, "R": np.zeros(n)})
    structure = structure_of(model, _every_state(model))
    assert structure is not None
    rates = model.rate_matrix(resolved, structure.states)
    modes = modes_of(np.moveaxis(rates, 0, 2), structure)
    assert (modes.rates <= 0).all()
    for time in (0.0, 0.02, 1.0, 30.0):
        grown = np.einsum("imn,mn,mjn->nij", modes.right, np.exp(modes.rates * time), modes.left)
        # equal rates in a row are moved apart: their own amounts move by as much
        np.testing.assert_allclose(grown, expm(rates * time), rtol=0, atol=1e-5)
    # what is read lies behind them, and moves by the square
    read = [structure.states.index(o.state) for o in model.outputs]
    exact = np.stack([expm(rates * t)[:, read] for t in (0.02, 0.3, 1.0, 4.0, 30.0)])
    found = np.stack(
        [
            np.einsum("imn,mn,mjn->nij", modes.right[read], np.exp(modes.rates * t), modes.left)
            for t in (0.02, 0.3, 1.0, 4.0, 30.0)
        ]
    )
    entered = [
        structure.states.index(b.target)
        for branches in (*model.routes.values(), *model.forms.values())
        for b in branches
        if b.target in structure.states
    ]
    exact, found = exact[..., entered], found[..., entered]
    peak = np.abs(exact).max(axis=(0, 1))
    assert (np.abs(found - exact) <= 1e-6 * peak).all()


@pytest.mark.parametrize("key", REAL)
def test_one_patient_has_the_modes_of_a_patient_among_others(key: str) -> None:
    model = MODELS[key]
    resolved = model.resolve({**load_card(key).values(), **COVARIATES, "R": np.zeros(1)})
    structure = structure_of(model, _every_state(model))
    assert structure is not None
    size = len(structure.states)
    matrix = np.moveaxis(model.rate_matrix(resolved, structure.states), 0, 2).reshape(size, size, 1)
    alone, among = (modes_of(np.repeat(matrix, n, axis=2), structure) for n in (1, 3))
    for one, other in zip(vars(alone).values(), vars(among).values(), strict=True):
        np.testing.assert_array_equal(one, other[..., :1])


def test_a_rate_that_changes_with_time_has_no_modes() -> None:
    model = MODELS["flint2017"]
    assert structure_of(model, _every_state(model)) is None


@given(loss=st.floats(0.0, 1e4), size=st.floats(1e-4, 100.0), power=st.integers(0, 2))
@settings(max_examples=60, derandomize=True)
def test_weights_are_exact_for_a_parabola(loss: float, size: float, power: int) -> None:
    """Production t^power from zero: the step must give the integral, at the middle and the end."""
    weights = step_weights(np.array(loss), np.array(size))
    nodes = [0.0, 0.5**power if power else 1.0, 1.0]
    nodes[0] = 1.0 if power == 0 else 0.0
    # y' = -loss*size*y + s^power along s from 0 to 1, and the powers of s beside it
    system = np.zeros((4, 4))
    system[0, 0], system[0, 1 + power] = -loss * size, 1.0
    system[2, 1], system[3, 2] = 1.0, 2.0
    for part, names in ((0.5, ("v0", "vm", "v1")), (1.0, ("w0", "wm", "w1"))):
        found = sum(float(weights[w]) * v for w, v in zip(names, nodes, strict=True))
        exact = expm(system * part)[0, 1]
        assert found == pytest.approx(size * exact, rel=1e-9, abs=1e-13 * size)
        decay = weights["eh" if part == 0.5 else "e"]
        assert float(decay) == pytest.approx(math.exp(-loss * size * part), abs=1e-15)


@given(
    counts=st.lists(st.integers(1, 9), min_size=2 * BINS, max_size=2 * BINS),
    gaps=st.lists(st.floats(0.01, 2000.0), min_size=1, max_size=6),
    cut=st.integers(1, 3),
)
@settings(max_examples=60, derandomize=True)
def test_steps_cover_the_calendar_and_end_at_every_break(
    counts: list[int], gaps: list[float], cut: int
) -> None:
    breaks = np.concatenate([[0.0], np.cumsum(gaps)])
    running = [i % 2 == 0 for i in range(len(gaps))]
    profile = Profile(tuple(counts[:BINS]), tuple(counts[BINS:]))
    grid = grid_of(profile, list(breaks), running, cut=cut)
    ends = grid.starts + grid.lengths
    np.testing.assert_allclose(ends[:-1], grid.starts[1:], rtol=0, atol=1e-9)
    np.testing.assert_allclose(grid.starts[grid.segments[:-1]], breaks[:-1], rtol=0, atol=1e-9)
    assert ends[-1] == pytest.approx(breaks[-1], abs=1e-9)
    assert (np.diff(grid.segments) >= 2).all()
    if cut > 1:
        whole = grid_of(profile, list(breaks), running)
        np.testing.assert_allclose(grid.starts[::cut], whole.starts, rtol=0, atol=1e-9)


@given(
    gaps=st.lists(st.floats(0.05, 300.0), min_size=1, max_size=4),
    parts=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12),
)
@settings(max_examples=60, derandomize=True)
def test_reading_between_steps_is_exact_for_polynomials_of_degree_five(
    gaps: list[float], parts: list[float]
) -> None:
    breaks = np.concatenate([[0.0], np.cumsum(gaps)])
    grid = grid_of(Profile((2,) * BINS, (2,) * BINS), list(breaks), [False] * len(gaps))
    times = np.unique([*(p * breaks[-1] for p in parts), *breaks])
    outputs = place_outputs(grid, times)
    center, width = breaks[-1] / 2, breaks[-1] / 2
    power = np.polynomial.Polynomial([0.3, -1.0, 0.5, 2.0, -1.5, 0.7], domain=[0.0, 2 * center])
    slope = power.deriv()
    ends = grid.starts + grid.lengths
    anchor, shape = outputs.anchor, outputs.shape
    found = (
        shape[:, 0] * power(grid.starts[anchor - 1])
        + shape[:, 1] * power(grid.starts[anchor])
        + shape[:, 2] * power(ends[anchor])
        + shape[:, 3] * slope(grid.starts[anchor - 1])
        + shape[:, 4] * slope(grid.starts[anchor])
        + shape[:, 5] * slope(ends[anchor])
    )
    assert width > 0
    np.testing.assert_allclose(found, power(times), rtol=0, atol=1e-8)


def test_states_are_solved_in_the_order_in_which_they_feed_each_other(chains: ModuleType) -> None:
    cascade = cascade_of(chains.CHAIN.response)
    names = [s.name for s in chains.CHAIN.response.states]
    order = [({names[i] for i in part.states}, part.coupled) for part in cascade.parts]
    assert order == [({"G"}, False), ({"D"}, False), ({"A"}, True), ({"S", "M"}, True)]
    # the block is computed at the middle and at the end of a step, and nowhere else
    assert sum("power(" in line for line in cascade.step.moving) == 2


def test_a_state_and_a_parameter_more_touch_the_declaration_alone(chains: ModuleType) -> None:
    """The same declaration with one more state, on every engine."""
    old = chains.CHAIN.response
    more = ResponseModel(
        name="more",
        title="W and one state more",
        source="test",
        parameters=(*old.parameters, Symbol("k_test", "1/h", "a test's rate")),
        signals=old.signals,
        definitions=(*old.definitions, Definition("k_half", "k_test/2", "1/h", "half of it")),
        quantities=old.quantities,
        states=(
            *old.states,
            Turnover("T", "-", "a test's state", "k_test", "k_half*sqrt(maximum(M, 0))*exp(-A)"),
        ),
    )
    model = ChainModel("more", chains.CHAIN.pharmacokinetics, more)
    base = chains.patients(3)
    calendar = type(base.calendars[0])(base.calendars[0].doses[:6], 400.0)
    patients = type(base)({**base.values, "k_test": 0.05}, base.weight, (calendar,))
    times = [1.0, 30.0, 400.0]
    exact, *others = (
        solve(model, patients, times, ["T", "M"], engine=engine, rtol=1e-5).values
        for engine in ("oracle", "numpy", "numba")
    )
    for found in others:
        np.testing.assert_allclose(found, exact, rtol=1e-5)
    assert "k_half*sqrt" in model.describe()


def test_a_response_without_states_gives_its_quantities(chains: ModuleType) -> None:
    """The block of the receptor for many patients: exact on every engine."""
    drive, parameters, definitions = receptor_signal(RECEPTOR, "x")
    block = Definition("B", "1 - 1/(1 + x**hill)", "fraction", "block")
    response = ResponseModel(
        "block", "block", "test", parameters, (drive,), (), definitions, (block,)
    )
    model = ChainModel("block", MODELS["reference"], response)
    patients = chains.realistic(40)
    names = ["B", "x", ("ketamine", "arterial")]
    exact = solve(model, patients.take(np.arange(2)), [0.7, 24.0], names, engine="oracle").values
    for engine in ("numpy", "numba"):
        found = solve(model, patients, [0.7, 24.0], names, engine=engine).values
        np.testing.assert_allclose(found[:2], exact, rtol=1e-6)


def test_what_a_declaration_does_not_know_is_refused(chains: ModuleType) -> None:
    old = chains.CHAIN.response
    with pytest.raises(ValueError, match="undeclared"):
        ResponseModel("x", "x", "test", (), (), (Turnover("T", "-", "t", "k", "0"),))
    with pytest.raises(ValueError, match="more than once"):
        ResponseModel("x", "x", "test", old.parameters, old.signals, (*old.states, old.states[0]))
    with pytest.raises(ValueError, match="does not give"):
        ChainModel("x", MODELS["domino1982"], chains.REALISTIC.response)


def test_functions_in_lanes_are_those_of_the_library() -> None:
    from numba import njit

    from ketasim.engine.backends.numba import lanes

    @njit
    def all_of(x: Array, y: Array, out: Array) -> None:
        for i in range(0, x.size, lanes.LANES):
            a, b = lanes.load(x, i), lanes.load(y, i)
            lanes.store(out[0], i, lanes.exp(a))
            lanes.store(out[1], i, lanes.log(b))
            lanes.store(out[2], i, lanes.power(b, a))
            lanes.store(out[3], i, lanes.sqrt(b))
            lanes.store(out[4], i, lanes.maximum(a, b))
            lanes.store(out[5], i, lanes.minimum(a, b))

    rng = np.random.default_rng(4)
    x = np.concatenate([rng.uniform(-700, 700, 1600), rng.uniform(-2, 2, 1600)])
    y = np.concatenate([10.0 ** rng.uniform(-290, 290, 1600), rng.uniform(0.3, 3, 1600)])
    out = np.empty((6, x.size))
    all_of(x, y, out)
    epsilon = np.finfo(np.float64).eps
    np.testing.assert_allclose(out[0], np.exp(x), rtol=4 * epsilon)
    np.testing.assert_allclose(out[1], np.log(y), rtol=4 * epsilon)
    small = np.abs(x) < 2
    small[:1600] = False
    np.testing.assert_allclose(out[2][small], y[small] ** x[small], rtol=16 * epsilon)
    np.testing.assert_array_equal(out[3:], [np.sqrt(y), np.maximum(x, y), np.minimum(x, y)])
    # what is not a number stays so; zero and less count as next to nothing, huge as huge
    odd = np.array([0.0, -1.0, np.nan, np.inf, -np.inf, 1e4, -1e4, 1.0] * (lanes.LANES // 8))
    out = np.empty((6, odd.size))
    all_of(odd, odd, out)
    assert np.isnan(out[:2, 2]).all()
    assert out[0, 5] > 1e300 and 0.0 <= out[0, 6] < 1e-300
    assert out[1, 0] < -690 and np.isfinite(out[1, 1])


def test_what_comes_before_the_steps_is_one_for_all_models(chains: ModuleType) -> None:
    pytest.importorskip("numba")
    from ketasim.engine.backends.numba.compiled import kernel_of

    models = chains.CHAIN, chains.REALISTIC
    one, other = (kernel_of(cascade_of(model.response)) for model in models)
    assert one.prepare is other.prepare
    assert one.run.module is not other.run.module


SCRIPT = """
import sys
sys.path.insert(0, {benchmarks!r})
import chain
from ketasim.engine import solve
print(solve(chain.CHAIN, chain.patients(2), [24.0], ["M"], engine="numba").values[0, 0, 0])
"""


def _run(folder: str) -> subprocess.CompletedProcess[str]:
    benchmarks = str(Path(__file__).parents[2] / "benchmarks")
    environment = {**os.environ, "KETASIM_CACHE_DIR": folder}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT.format(benchmarks=benchmarks)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )


Twice = tuple[Path, subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Twice:
    """A folder, and what two processes after each other tell, the first of which compiles."""
    folder = tmp_path_factory.mktemp("kept")
    return folder, _run(str(folder)), _run(str(folder))


@pytest.mark.slow
def test_compilation_is_announced_once_and_kept(twice: Twice) -> None:
    _, first, second = twice
    assert "compiling the engine for 'w', once on this machine" in first.stderr
    assert "compiling took" in first.stderr
    assert second.stderr == ""
    assert first.stdout == second.stdout


@pytest.mark.slow
def test_a_damaged_cache_is_made_anew(twice: Twice) -> None:
    """Emptied, as a full disk or a power loss leaves files; the run after that finds all whole."""
    folder, first, _ = twice
    emptied = [path for path in folder.rglob("*") if path.is_file()]
    assert len(emptied) >= 6  # the text, the checksums, index and code of two functions
    for path in emptied:
        path.write_bytes(b"")
    second, third = _run(str(folder)), _run(str(folder))
    assert "compiling the engine" in second.stderr
    assert third.stderr == ""
    assert first.stdout == second.stdout == third.stdout


@pytest.mark.slow
def test_a_cache_folder_that_cannot_be_written_to_is_no_obstacle(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("not a folder")
    found = _run(str(taken / "below"))
    assert "cannot be written to" in found.stderr and "KETASIM_CACHE_DIR" in found.stderr
    assert 0.0 < float(found.stdout) < 1.0
