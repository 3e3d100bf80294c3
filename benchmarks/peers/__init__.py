"""The peers of the benchmark: other solvers on workload W, one file each.

Each file has `NAME`, `available()` (None, or why it cannot run), `prepare(threads)` (compile or
build, timed apart) and `run(parameters, n, threads, tolerance)`, which returns all states of the
first n patients at `workload.TIMES`: (n, 407, 14). `numbalsoda` and `scipy` have `run_chain` too,
for a general linear chain. Every peer stops and starts again at the start and the end of every
infusion. `tolerance` is the relative one; the absolute one is `ABSOLUTE * tolerance`.
"""

from importlib import import_module
from types import ModuleType

PEERS = ("numbalsoda", "roadrunner", "scipy", "diffrax", "mrgsolve")
"""The peers by the names of their files."""

ABSOLUTE = 1e-4
"""The absolute tolerance of every peer, as a part of the relative one.

An error counts against at least 1e-3 of the largest value of a state, and the smallest of these
values is about 0.1; at 1e-4 the peers meet the error at a looser tolerance, and sooner, than at
1e-3 or 1e-2.
"""


def peer(name: str) -> ModuleType:
    """The module of a peer.

    **Arguments:**

    - `name`: one of `PEERS`.

    **Returns:** the module, which imports its solver only when asked to run.
    """
    return import_module(f"peers.{name}")
