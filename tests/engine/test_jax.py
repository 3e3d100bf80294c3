"""The JAX back end: the numbers of the NumPy back end, and derivatives that differences confirm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients, plan, solve
from ketasim.engine.grid import grid_of, place_outputs
from ketasim.engine.linear.modes import modes_of
from ketasim.engine.response.cascade import cascade_of
from ketasim.engine.system import Row, system_of

jax = pytest.importorskip("jax")

from ketasim.engine.backends.jax import backend  # noqa: E402 - needs jax
from ketasim.engine.backends.jax.backend import jacobian_jax, solve_jax  # noqa: E402 - needs jax

Array = NDArray[np.float64]


@pytest.fixture(autouse=True)
def _compiled_programs_leave_the_process(trim_heap: Callable[[], None]) -> Iterator[None]:
    """The programs of all tests together take more than 2 GB, and a freed one stays in the heap."""
    yield
    for kept in (backend._compiled, backend._derivative):
        kept.cache_clear()
    jax.clear_caches()
    trim_heap()


@pytest.fixture
def compiled_plainly() -> Iterator[None]:
    """A third of the time of compiling is for speed; what is for speed is proven with W alone."""
    name = "jax_disable_most_optimizations"
    before = jax.config.read(name)
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)


HORIZON = 24.0 * 9
DOSES = (
    Dose(0.5, "ketamine", "iv", 0.5, "mg/kg", duration=2 / 3),
    Dose(30.0, "ketamine", "iv", 20.0, "mg"),
    Dose(72.0, "ketamine", "oral", 1.0, "mg/kg"),
    Dose(72.25, "ketamine", "iv", 0.3, "mg/kg", duration=4.0),
)
TIMES = np.unique(np.concatenate([np.linspace(0.0, HORIZON, 40), 72.0 + np.linspace(0, 6, 20)]))


def changed(patients: Patients, calendars: Any = None, which: Any = (), **values: Any) -> Patients:
    """The same patients with other numbers or calendars."""
    if calendars is None:
        calendars, which = patients.calendars, patients.calendar_of
    return Patients({**patients.values, **values}, patients.weight, calendars, which)


def random_patients(chains: ModuleType, n: int) -> Patients:
    """Workload W's patients, every number moved by its own random factor; steep and flat hills."""
    rng = np.random.Generator(np.random.PCG64(11))
    base = changed(chains.patients(n), (Calendar(DOSES, HORIZON),))
    moved = {k: v * np.exp(0.2 * rng.standard_normal(n)) for k, v in base.values.items()}
    return changed(base, **{**moved, "gamma": rng.uniform(0.7, 1.6, n)})


def agree(found: Array, wanted: Array, tolerance: float = 1e-9) -> None:
    """To a tolerance; a number below a thousandth of the largest in that patient counts as that."""
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    scale = np.maximum(np.abs(wanted), 1e-3 * np.nanmax(np.abs(wanted), axis=1, keepdims=True))
    # states near one give rates of change that are zero but for rounding
    error = np.abs(np.nan_to_num(found - wanted))
    assert (error <= tolerance * np.nan_to_num(scale) + 1e-14).all()


def differences(
    model: Any, patients: Patients, outputs: Any, names: Any, steps: Any, part: float = 1e-4
) -> Array:
    """Central differences with NumPy on the same steps, shape (n, T, Q, P)."""
    columns = []
    for name in names:
        value = np.broadcast_to(patients.values[name], patients.weight.shape)
        move = part * np.abs(value)
        above, below = (
            solve(
                model,
                changed(patients, **{name: value + side * move}),
                TIMES,
                outputs,
                engine="numpy",
                plan=steps,
            ).values
            for side in (1.0, -1.0)
        )
        columns.append((above - below) / (2.0 * move)[:, None, None])
    return np.stack(columns, -1)


def close(found: Array, wanted: Array, tolerance: float, least: float = 1e-12) -> None:
    """To a part of the largest derivative of that output by that parameter in that patient."""
    assert np.isfinite(found).all()
    largest = np.abs(wanted).max(axis=1, keepdims=True)
    assert (np.abs(found - wanted) <= tolerance * largest + least).all()


@pytest.mark.slow
def test_what_is_compiled_gives_the_numbers_of_numpy_and_serves_similar_runs(
    chains: ModuleType,
) -> None:
    events: list[str] = []

    def listen(event: str, _: float, **__: Any) -> None:
        events.append(event)

    patients = random_patients(chains, 16)
    outputs = [*chains.NAMES, "B", "g", "Ch", ("hnk", "venous")]
    steps = plan(chains.CHAIN, patients, engine="numpy")

    def run(some: Patients) -> int:
        """How many programs are compiled."""
        wanted = solve(chains.CHAIN, some, TIMES, outputs, engine="numpy", plan=steps)
        events.clear()
        found = solve(chains.CHAIN, some, TIMES, outputs, engine="jax", plan=steps)
        assert found.engine == "jax" and found.values.dtype == np.float64
        agree(found.values, wanted.values)
        return sum("backend_compile" in event for event in events)

    before = jax.numpy.zeros(1).dtype
    later = tuple(
        Dose(d.time + 0.5, d.drug, d.route, 9.0 + d.time, "mg", d.duration) for d in DOSES
    )
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        assert run(patients) > 0
        assert run(changed(patients, psi=patients.values["psi"] * 1.1)) == 0
        assert run(patients.take(np.arange(15))) == 0
        assert run(changed(patients, (Calendar(later, HORIZON),))) == 0
    finally:
        jax.monitoring.clear_event_listeners()
    # the types of the user's process stay
    assert jax.numpy.zeros(1).dtype == before == np.float32


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_plainly")
def test_same_numbers_for_two_molecules_and_several_calendars(chains: ModuleType) -> None:
    """One stream has a muscle and the other none; one calendar has no dose, and no stream."""
    muscle = Dose(4.0, "esketamine", "im", 28.0, "mg")
    calendars = (Calendar((DOSES[0], muscle), HORIZON), Calendar((), 24.0))
    patients = changed(chains.realistic(5), calendars, np.array([0, 1, 0, 1, 0]))
    outputs = list(chains.REALISTIC_NAMES)
    wanted = solve(chains.REALISTIC, patients, TIMES, outputs, engine="numpy")
    found = solve(chains.REALISTIC, patients, TIMES, outputs, engine="jax", plan=wanted.plan)
    assert np.isnan(found.values[1, TIMES > 24.0]).all()
    # two alike compartments in a row: vectors of 1e5 cancel, and leave their rounding
    agree(found.values, wanted.values, 1e-7)


@pytest.mark.slow
def test_single_precision_is_near(chains: ModuleType) -> None:
    patients = random_patients(chains, 3)
    states = [state.name for state in chains.CHAIN.response.states]
    double = solve(chains.CHAIN, patients, TIMES, states, engine="numpy")
    assert double.plan is not None
    cascade = cascade_of(chains.CHAIN.response)
    rows = [Row(dict(signal.parts)) for signal in chains.CHAIN.response.signals]
    system = system_of(chains.CHAIN, patients.values, DOSES, patients.weight, HORIZON, rows)
    grid = grid_of(double.plan.profile, list(system.breaks), system.running)
    outputs = place_outputs(grid, TIMES)
    _, single = solve_jax(cascade, system, grid, outputs, dtype=np.float32)
    wanted = double.values.transpose(1, 2, 0)
    error = np.abs(single - wanted).max(axis=0) / np.abs(wanted).max(axis=0)
    assert 1e-9 < error.max() < 1e-3


RESPONSE = ("IC50", "gamma", "kG", "SD", "psi", "S0")
LINEAR = ("V1", "Q2", "CLint", "Vc", "ke0", "f_NK", "Vh", "Ka")
READ = ("S", "M", "B", "Ch", ("ketamine", "effect"), ("hnk", "venous"))


def alike(chains: ModuleType) -> dict[str, Any]:
    """Two patients whose peripheral compartments are alike; one's effect site is as slow as a mode.

    **Returns:** their numbers, and in `WT` the weight.
    """
    one = chains.patients(1)
    values = {k: np.broadcast_to(v, (2,)) for k, v in one.values.items()}
    values |= {"Q2": values["Q1"], "V2": values["V1"], "WT": np.repeat(one.weight, 2)}
    central = [Row({("Ac", "amount"): None})]
    system = system_of(chains.CHAIN, values, DOSES, values["WT"], HORIZON, central)
    rate = modes_of(system.streams[0].matrix, system.streams[0].structure).rates
    slowest = -rate[rate[:, 0] < 0].max(axis=0)
    return {**values, "ke0": np.array([slowest[0], 4.0])}


@pytest.mark.slow
@pytest.mark.usefixtures("compiled_plainly")
def test_derivatives(chains: ModuleType) -> None:
    """Also where rates are equal; each patient's end with the calendar that is the patient's."""
    some, equal = random_patients(chains, 6), alike(chains)
    values = {
        name: np.concatenate([np.broadcast_to(value, (6,)), equal[name]])
        for name, value in some.values.items()
    }
    end = HORIZON - 10.0
    later = tuple(replace(dose, time=dose.time + 0.5) for dose in DOSES)
    which = np.array([0, 1] * 4)
    patients = Patients(
        values,
        np.concatenate([some.weight, equal["WT"]]),
        (Calendar(DOSES, HORIZON), Calendar(later, end)),
        which,
    )
    steps = plan(chains.CHAIN, patients, engine="numpy")
    names = (*RESPONSE, *LINEAR)
    found = jacobian_jax(chains.CHAIN, patients, TIMES, READ, names, steps)
    assert found.shape == (8, len(TIMES), len(READ), len(names))
    # equal rates are moved apart by a part of 1e-5, which small steps would take for a change
    apart = names.index("V1"), names.index("Q2"), names.index("CLint")
    near = differences(chains.CHAIN, patients, READ, names, steps)
    far = differences(chains.CHAIN, patients, READ, LINEAR[:3], steps, part=1e-2)
    for group, until in ((0, HORIZON), (1, end)):
        mine, after = which == group, until < TIMES
        asked = ~after
        assert np.isnan(found[mine][:, after]).all()
        # the step of the differences leaves a part of 1e-8, times the curvature; they also see how
        # far rates are moved apart, which JAX leaves out
        first = mine & (np.arange(8) < 6)
        close(found[first][:, asked], near[first][:, asked], 1e-6, 3e-7)
        last = mine & (np.arange(8) >= 6)
        close(found[last][:, asked][..., apart], far[last][:, asked], 3e-4)


def test_names_that_have_no_derivative(chains: ModuleType) -> None:
    patients = random_patients(chains, 2)
    steps = plan(chains.CHAIN, patients, engine="numpy")
    with pytest.raises(InputError, match="no 'CLinf'"):
        jacobian_jax(chains.CHAIN, patients, TIMES, ("S",), ("CLinf",), steps)
    realistic = changed(chains.realistic(2), (Calendar(DOSES, HORIZON),))
    with pytest.raises(InputError, match="'D_oral' moves an input in time"):
        jacobian_jax(chains.REALISTIC, realistic, TIMES, ("S",), ("D_oral",), steps)
