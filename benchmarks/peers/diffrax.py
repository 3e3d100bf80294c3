"""Kvaerno3 by diffrax: patients under vmap, compiled by JAX for the CPU in float64."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from workload import INFUSIONS, TIMES, initial, patients

from peers import ABSOLUTE
from peers.workers import first, spread, warm

Array = NDArray[np.float64]

NAME = "diffrax (Kvaerno3, JAX)"

# Patients under one vmap, which steps until the slowest of them is done. Of Kvaerno3, 4 and 5,
# Tsit5 and Dopri8, Kvaerno3 met the error of W soonest; batches of 128 were no faster.
_BATCH = 64


def available() -> str | None:
    """Why diffrax cannot run, or None."""
    for module in ("jax", "diffrax"):
        if find_spec(module) is None:
            return f"the Python package {module} is not installed"
    return None


def prepare(threads: int = 1) -> None:
    """Compile the solver in every worker process.

    **Arguments:**

    - `threads`: as in `run`.
    """
    warm(_solve, patients(_BATCH), threads)


def run(parameters: Mapping[str, Array], n: int, threads: int, tolerance: float) -> Array:
    """Solve workload W.

    **Arguments:**

    - `parameters`: as `workload.patients` gives them, for n patients or more.
    - `n`: number of patients; multiples of 64 times `threads` leave no batch part empty.
    - `threads`: number of worker processes, each with one thread; JAX cannot be held to one
      thread once it runs, so 1 is a process of its own too.
    - `tolerance`: relative tolerance.

    **Returns:** all states at `workload.TIMES`: (n, 407, 14).

    **Raises:** `RuntimeError` where a step fails.
    """
    return spread(_solve, first(parameters, n), tolerance, threads, _BATCH)


def _solve(parameters: Mapping[str, Array], tolerance: float) -> Array:
    """One batch, filled up by repeating its last patient so that all batches have one shape."""
    y0 = initial(parameters)
    n = len(y0)
    rows = np.minimum(np.arange(_BATCH), n - 1)
    solved, good = _compiled()(
        {name: values[rows] for name, values in parameters.items()}, y0[rows], tolerance
    )
    if not np.all(good):
        raise RuntimeError("Kvaerno3 gave up")
    return np.asarray(solved)[:n]


@cache
def _compiled() -> Callable[..., tuple[Array, Array]]:
    """The compiled solver of one batch, in a worker process."""
    # JAX reads these once, when it is imported.
    os.environ |= {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "NPROC": "1"}
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    import diffrax
    import jax
    import jax.numpy as jnp

    starts, ends = jnp.asarray(INFUSIONS[:, 0]), jnp.asarray(INFUSIONS[:, 1])

    def equations(t, y, p):  # type: ignore[no-untyped-def]
        depot, liver, central, c1, c2, nor, deep, hydroxy, effect, g, d, s, a, m = y
        infused = p["rate"] * jnp.any((starts <= t) & (t < ends))
        absorbed, cleared = p["Ka"] * depot, p["CLint"] * liver / p["Vl"]
        c = central / p["Vc"]
        to_liver = p["Qh"] * (c - liver / p["Vl"])
        to_first, to_second = p["Q1"] * (c - c1 / p["V1"]), p["Q2"] * (c - c2 / p["V2"])
        onward, ch = p["CLn"] * nor / p["Vn"], hydroxy / p["Vh"]
        to_deep = p["Qn"] * (nor / p["Vn"] - deep / p["Vnp"])
        # Not below 1e-30: the derivative of a power is not finite at 0.
        drive = (jnp.maximum(effect, 1e-30) / p["IC50"]) ** p["gamma"]
        block = drive / (1.0 + drive)
        g2, up, s4 = (g - 1.0) ** 2, d - 1.0, s**4
        grown = p["SD"] * g2 / (p["g50"] ** 2 + g2) + p["SH"] * ch / (p["EC50H"] + ch)
        gain = p["SS"] * up / (p["d50"] + up)
        return jnp.stack(
            [
                -absorbed,
                absorbed + to_liver - cleared,
                infused - to_liver - to_first - to_second,
                to_first,
                to_second,
                p["f_NK"] * cleared - onward - to_deep,
                to_deep,
                p["f_HNK"] * onward - p["CLh"] * ch,
                p["ke0"] * (c - effect),
                p["kG"] * (1.0 + p["SG"] * 4.0 * block * (1.0 - block) - g),
                p["kD"] * (1.0 + grown - d),
                p["kS"] * (1.0 + gain - (1.0 + p["psi"] * (1.0 - m)) * s),
                p["kAin"] * (g - 1.0) * (1.0 - a) - p["kAout"] * a,
                p["kM"] * (s4 / (p["s50"] ** 4 + s4) + p["wA"] * a * (1.0 - m) - m),
            ]
        )

    def one(p, y0, tolerance):  # type: ignore[no-untyped-def]
        steps = diffrax.PIDController(rtol=tolerance, atol=ABSOLUTE * tolerance)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(equations),
            diffrax.Kvaerno3(),
            *(0.0, TIMES[-1], 1e-3, y0, p),
            saveat=diffrax.SaveAt(ts=jnp.asarray(TIMES)),
            stepsize_controller=diffrax.ClipStepSizeController(
                steps, jump_ts=jnp.asarray(np.unique(INFUSIONS)[1:])
            ),
            max_steps=100_000,
            throw=False,
        )
        return solution.ys, solution.result == diffrax.RESULTS.successful

    return jax.jit(jax.vmap(one, in_axes=(0, 0, None)))
