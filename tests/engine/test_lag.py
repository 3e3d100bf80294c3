"""A lag shifts what comes after it, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.dosing import Dose
from ketasim.engine import concentrations, inputs_of, solve_adaptive
from ketasim.models import Branch, Flow, LinearModel, Output, Stream, Symbol

DELAYED = LinearModel(
    name="delayed",
    title="one compartment behind a gut that waits, then releases",
    source="ketasim",
    states=(Symbol("A_gut", "mg", "gut"), Symbol("A_central", "mg", "central")),
    parameters=tuple(Symbol(n, "", n) for n in ("ka", "CL", "V", "wait", "release")),
    covariates=(),
    definitions=(),
    flows=(Flow("A_gut", "A_central", "ka"), Flow("A_central", None, "CL/V")),
    routes={
        "iv": (Branch("A_central"),),
        "oral": (Branch("A_gut", lag="wait", duration="release"),),
        "im": (Branch("A_central", lag="wait"),),
    },
    outputs=(Output("ketamine", "venous", "A_central", "V"),),
    streams={"ketamine": (Stream("", 1.0),)},
)
VALUES = {"ka": 1.3, "CL": 70.0, "V": 150.0, "release": 0.5}
WEIGHT = np.array([70.0])


def _curve(route: str, wait: float, times: np.ndarray) -> np.ndarray:
    dose = [Dose(0.0, "ketamine", route, 40.0, "mg")]
    found = concentrations(DELAYED, {**VALUES, "wait": wait}, dose, times, WEIGHT)
    return found.values["ketamine", "venous"][:, 0]


@pytest.mark.parametrize("route", ["oral", "im"])
@given(wait=st.floats(0.05, 3.0))
def test_a_lag_shifts_the_curve(route: str, wait: float) -> None:
    times = np.linspace(0.01, 6.0, 13)
    np.testing.assert_allclose(
        _curve(route, wait, times + wait), _curve(route, 0.0, times), rtol=1e-6, atol=1e-9
    )
    assert _curve(route, wait, np.array([wait * 0.9]))[0] == 0.0


def test_a_lagged_release_agrees_with_the_adaptive_solver() -> None:
    doses = [Dose(t, "ketamine", "oral", 40.0, "mg") for t in (0.0, 0.7, 5.0)]
    resolved = DELAYED.resolve({**VALUES, "wait": 0.4})
    inputs = inputs_of(DELAYED, doses, resolved, WEIGHT, Stream("", 1.0))
    keep = DELAYED.reachable({i.state for i in inputs}, DELAYED.outputs)
    matrix = DELAYED.rate_matrix(resolved, keep)
    times = np.linspace(0.0, 12.0, 61)
    other = solve_adaptive(lambda _: matrix, keep, inputs, times)[:, keep.index("A_central")]
    exact = concentrations(DELAYED, {**VALUES, "wait": 0.4}, doses, times, WEIGHT)
    ours = exact.values["ketamine", "venous"][:, 0] * VALUES["V"] / 1000.0
    np.testing.assert_allclose(ours, other, atol=1e-8 * other.max())
