"""The loosest tolerance of each peer that meets the error of workload W.

Tolerances are sought in half decades from loose to tight; the first that passes is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from peers import PEERS, peer
from workload import INFUSIONS, TIMES, Chain, error, patients, reference

Array = NDArray[np.float64]

PASS = 1e-4
"""The largest error of any patient, state and time that passes."""
SAMPLE = 64
"""Patients the error is taken over."""
TOLERANCES = tuple(float(f"{10.0 ** (-k / 2):.3g}") for k in range(6, 23))
"""1e-3, 3.16e-4, 1e-4 … 1e-11."""
EXACT = 1e-11
"""Relative tolerance of the reference of a chain."""


@dataclass(frozen=True)
class Found:
    """What a scan found.

    **Arguments:**

    - `tolerance`: the loosest relative tolerance that passes.
    - `error`: the largest error it reached.
    - `patients`: how many patients that was taken over.
    """

    tolerance: float
    error: float
    patients: int


def scan(solve: Callable[[float], Array], exact: Array, passes: float = PASS) -> Found:
    """Tighten the tolerance until the error passes.

    **Arguments:**

    - `solve`: a function of the relative tolerance that gives states: (n, T, states).
    - `exact`: the reference: the same shape.
    - `passes`: the largest error that passes.

    **Returns:** the tolerance and the error.

    **Raises:** `RuntimeError` where no tolerance passes.
    """
    for tolerance in TOLERANCES:
        try:
            largest = float(error(solve(tolerance), exact).max())
        except RuntimeError:  # the solver gave up, as some do where the tolerance is loose
            continue
        if largest <= passes:
            return Found(tolerance, largest, len(exact))
    raise RuntimeError("no tolerance passes")


def loosest(name: str, exact: Array) -> Found:
    """The loosest tolerance of a peer on workload W.

    **Arguments:**

    - `name`: one of `peers.PEERS`.
    - `exact`: `workload.reference(n)`; its length is the number of patients.

    **Returns:** the tolerance and the error.

    **Raises:** `RuntimeError` where no tolerance passes.
    """
    n, solver = len(exact), peer(name)
    parameters = patients(n)
    return scan(lambda tolerance: solver.run(parameters, n, 1, tolerance), exact)


def loosest_chain(
    name: str,
    chain: Chain,
    infusions: Array = INFUSIONS,
    times: Array = TIMES,
    exact: Array | None = None,
) -> Found:
    """The loosest tolerance of a peer on a general linear chain.

    **Arguments:**

    - `name`: `numbalsoda` or `scipy`.
    - `chain`: the patients.
    - `infusions`: start and end of each, h: (k, 2).
    - `times`: output times, h: (T,).
    - `exact`: G, D, S, A and M: (n, T, 5); solved by SciPy at `EXACT` where absent.

    **Returns:** the tolerance and the error.

    **Raises:** `RuntimeError` where no tolerance passes.
    """
    arguments = (
        *(chain.rates, chain.supply, chain.signals, chain.hill, chain.slow),
        *(infusions, times),
    )
    if exact is None:
        exact = peer("scipy").run_chain(*arguments, EXACT, 1)
    solver = peer(name)
    return scan(lambda tolerance: solver.run_chain(*arguments, tolerance, 1), exact)


def main() -> None:
    """Print the tolerance of every peer that can run."""
    exact = reference(SAMPLE)
    for name in PEERS:
        solver = peer(name)
        reason = solver.available()
        if reason is not None:
            print(f"{solver.NAME}: {reason}")
            continue
        found = loosest(name, exact)
        print(f"{solver.NAME}: {found.tolerance:g}, error {found.error:.1e}")


if __name__ == "__main__":
    main()
