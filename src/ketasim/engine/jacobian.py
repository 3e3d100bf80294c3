"""How results change with parameters: the Jacobians that calibration needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError, near
from ketasim.engine.patients import Patients
from ketasim.engine.planning import Plan
from ketasim.engine.run import DEFAULT_TOLERANCE, solve
from ketasim.engine.run import plan as plan_for
from ketasim.engine.trajectories import Name
from ketasim.models import ChainModel

Array = NDArray[np.float64]

METHODS = ("differences", "jax")
_STEP = 1e-4  # of the parameter; its square is far below the tolerance, its roundings too


def jacobian(
    model: ChainModel,
    patients: Patients,
    times: Iterable[float],
    outputs: Sequence[Name],
    parameters: Sequence[str],
    *,
    method: str = "differences",
    engine: str = "auto",
    rtol: float = DEFAULT_TOLERANCE,
    plan: Plan | None = None,
    threads: int | None = None,
) -> Array:
    """Derivatives of values with respect to parameters, for every patient.

    Central differences, a ten-thousandth of the parameter to either side, on one grid: the steps
    are the same for all runs, so the result is as smooth in the parameters as the equations are.
    With `method="jax"` the derivatives are exact for the numbers that the steps give.

    **Main arguments:**

    - `model`, `patients`, `times`, `outputs`: as of `ketasim.engine.solve`.
    - `parameters`: names of parameters or covariates of the model.

    **Other arguments:**

    - `method`: `differences`, or `jax` (an extra).
    - `engine`, `rtol`, `plan`, `threads`: as of `solve`, for the differences.

    **Returns:** unit of the output per unit of the parameter, shape (n, T, Q, P), times ascending
    and each once.

    **Raises:** `InputError` for a name that is not known; as `solve`.
    """
    if method not in METHODS:
        raise InputError("method", f"unknown method '{method}'", near(method, METHODS))
    # a name by itself is one name, not its letters
    parameters = (parameters,) if isinstance(parameters, str) else tuple(parameters)
    outputs = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in parameters:
        if name not in patients.values:
            raise InputError(
                "parameters", f"'{name}' is not among the values", near(name, patients.values)
            )
    hours = np.unique(np.asarray(list(times), np.float64))
    if plan is None:
        plan = plan_for(model, patients, rtol=rtol, engine=engine)
    if method == "jax":
        return _by_jax(model, patients, hours, outputs, parameters, plan)
    shape = (patients.n, len(hours), len(outputs))
    found = np.empty((*shape, len(parameters)))
    above, below = np.empty(shape), np.empty(shape)
    for place, name in enumerate(parameters):
        value = np.broadcast_to(patients.values[name], (patients.n,))
        step = np.where(value == 0.0, _STEP, _STEP * np.abs(value))
        for moved, out in ((value + step, above), (value - step, below)):
            changed = Patients(
                {**patients.values, name: moved},
                patients.weight,
                patients.calendars,
                patients.calendar_of,
            )
            solve(
                model, changed, hours, outputs, engine=engine, plan=plan, threads=threads, out=out
            )
        np.subtract(above, below, out=above)
        found[..., place] = above / (2.0 * step)[:, None, None]
    return found


def _by_jax(
    model: ChainModel,
    patients: Patients,
    hours: Array,
    outputs: Sequence[Name],
    parameters: Sequence[str],
    plan: Plan,
) -> Array:
    try:
        from ketasim.engine.backends.jax.backend import jacobian_jax
    except ImportError as error:
        raise KetasimError("method: 'jax' is not installed; pip install 'ketasim[jax]'") from error
    return jacobian_jax(model, patients, hours, tuple(outputs), tuple(parameters), plan)
