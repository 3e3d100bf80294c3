"""What the benchmarks give another solver is what ketasim declares."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> Iterator[Any]:
    """Imports a module of the benchmarks."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_the_written_equations_are_those_declared(modules: Any) -> None:
    waiting, driven = modules("waiting"), modules("driven")
    declared = modules("peers.declared")
    patients = waiting.patients_of(waiting.course_of(3))
    given = driven.driven(waiting.CHAIN, patients, driven.everything(waiting.CHAIN))
    numbers = declared.table(given)
    known: dict[str, Any] = {"carray": lambda array, _size: array, "maximum": max, "minimum": min}
    exec(declared.text(given.model), known)  # noqa: S102 - written from the declaration

    n, m = given.supply.shape
    states = [state.name for state in given.model.states]
    signals = [signal.name for signal in given.model.signals]
    y = np.random.default_rng(1).uniform(0.1, 2.0, (n, m + len(states)))
    for running in (0.0, 1.0):
        numbers[:, 0] = running
        for i in range(n):
            found = np.zeros(m + len(states))
            known["equations"](0.0, y[i], found, numbers[i])
            linear = given.rates[i] @ y[i, :m] + running * given.supply[i]
            slow = given.model.rates(
                {name: value[i] for name, value in given.parameters.items()},
                dict(zip(signals, given.signals[i] @ y[i, :m], strict=True)),
                dict(zip(states, y[i, m:], strict=True)),
            )
            assert found[:m] == pytest.approx(linear, rel=1e-12, abs=1e-12)
            assert found[m:] == pytest.approx([float(slow[s]) for s in states], rel=1e-12)


def test_every_session_is_an_infusion_and_a_mark(modules: Any) -> None:
    waiting, driven = modules("waiting"), modules("driven")
    course = waiting.course_of(2)
    patients = waiting.patients_of(course)
    given = driven.driven(waiting.CHAIN, patients, ("MADRS",))
    assert given.infusions[:, 0].tolist() == list(course.regimen.sessions)
    assert np.ptp(given.infusions, axis=1) == pytest.approx(2 / 3)
    # half of the racemate, of each patient's weight, goes into each enantiomer
    assert given.supply.sum(axis=1) * 2 / 3 == pytest.approx(0.5 * patients.weight)
    assert given.marks.sum(axis=1).tolist() == [1.0, 1.0]


def test_a_control_arm_has_marks_and_no_drug(modules: Any) -> None:
    waiting, driven = modules("waiting"), modules("driven")
    from ketasim.dosing import load_trial

    trial = load_trial(waiting.TRIAL)
    patients = waiting.arm_of(trial, trial.arms[1], 2, 336.0)
    given = driven.driven(waiting.CHAIN, patients, ("MADRS",))
    assert len(given.infusions) == 1
    assert not given.supply.any()
    assert given.marks.sum(axis=1).tolist() == [1.0, 1.0]


def test_a_search_has_two_hundred_regimens(modules: Any) -> None:
    waiting = modules("waiting")
    courses = [waiting.course_of(2, text) for text in waiting.regimens(200)]
    doses = {tuple((dose.time, dose.amount) for dose in one.regimen.doses) for one in courses}
    assert len(doses) == 200


@pytest.mark.parametrize("names", ["ALL", "MOOD"])
def test_the_kernel_written_by_hand_is_the_engine(modules: Any, names: str) -> None:
    compare, kernel = modules("kernel.compare"), modules("kernel.kernel")
    chain, workload = modules("chain"), modules("workload")
    if reason := kernel.available():
        pytest.skip(reason)
    n = 20  # one group of patients in full, and one in part
    chosen = compare.plan(chain.CHAIN, chain.patients(n), rtol=1e-2, engine="numba")
    prepared = kernel.prepare(n, getattr(kernel, names), chosen)
    kernel.run_engine(prepared, 1)
    out = np.zeros_like(prepared.out)
    assert not kernel.run(prepared, out, 1).any()
    assert workload.error(out, prepared.out).max() < compare.AGREEMENT
