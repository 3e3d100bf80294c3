"""Patients per second of ketasim and of other solvers, in turns, at equal accuracy."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from importlib import metadata
from typing import Any

import chain
import numpy as np
from fresh import seconds
from measure_workload import SAMPLE, ready, solve_all
from peers import PEERS, peer
from tolerances import PASS, loosest, loosest_chain
from tolerances import scan as scan_tolerances
from workload import INFUSIONS, LINEAR, SLOW, STATES, TIMES, Chain, error, patients

from ketasim.engine import Patients, plan, solve
from ketasim.engine.system import START, System, system_of
from ketasim.engine.trajectories import request_of

Array = np.ndarray

KETASIM = "ketasim"

# Loosest relative tolerance, in half decades, at which a peer meets the error on 64 patients, as
# `tolerances.py` found it; `--scan` looks again.
_TOLERANCES = {"numbalsoda": 1e-5, "roadrunner": 3.16e-6, "scipy": 1e-5, "diffrax": 1e-5}
_CHAIN_TOLERANCES = {"numbalsoda": 1e-5, "scipy": 1e-5}

# Patients a thread is tried with, and a multiple of which it is given. A batch of diffrax takes
# more than the seconds wanted, so it is not tried but given one, which `prepare` has warmed.
_BATCHES = {"diffrax": 64}
_FEW = 16
_MOST = 4_000  # patients of a peer
_PACKAGES = {"numbalsoda": "numbalsoda", "roadrunner": "libroadrunner", "diffrax": "diffrax"}

_SLOW_STATES = STATES[LINEAR:]


class _Entrant:
    """A solver that takes part.

    **Arguments:**

    - `name`: as the tables show it.
    - `solve`: a function of patients and threads that gives states (n, T, Q).
    - `more`: what else is known of it.
    - `multiple`: the number of patients is a multiple of this for each thread.
    - `most`: patients at most; ketasim may take more than it has and solves them again.
    """

    def __init__(
        self,
        name: str,
        solve: Callable[[int, int], Array],
        more: dict[str, Any],
        multiple: int,
        most: int = 10**9,
    ) -> None:
        self.name, self.solve, self.more = name, solve, more
        self.multiple, self.most = multiple, most
        self.sizes = dict[int, int]()
        self.seconds = dict[int, list[float]]()
        self.values: Array | None = None

    def find_size(self, threads: int, wanted: float) -> None:
        """Choose so many patients that a run takes a few seconds; this also warms up."""
        n = self.multiple * threads
        self.sizes[threads], self.seconds[threads] = n, []
        if self.more.get("peer") in _BATCHES:
            return
        rate = n / seconds(lambda: self.solve(n, threads))
        rounds = max(round(rate * wanted / n), 1)
        self.sizes[threads] = min(n * rounds, max(self.most // n, 1) * n)

    def run(self, threads: int) -> None:
        """One timed run; its values are kept for the error."""
        kept: list[Array] = []
        n = self.sizes[threads]
        self.seconds[threads].append(seconds(lambda: kept.append(self.solve(n, threads))))
        self.values = kept[0][:SAMPLE].copy()

    def result(self, exact: Array) -> dict[str, Any]:
        """Medians, and the error of the last run."""
        assert self.values is not None
        n = min(len(self.values), len(exact))
        found: dict[str, Any] = {"name": self.name} | self.more
        for threads, taken in self.seconds.items():
            found[f"patients_{threads}"] = self.sizes[threads]
            found[f"seconds_{threads}"] = round(statistics.median(taken), 3)
            found[f"per_second_{threads}"] = float(
                f"{self.sizes[threads] / statistics.median(taken):.5g}"
            )
        found["error"] = float(error(self.values[:n], exact[:n]).max())
        found["error_patients"] = n
        return found


def workload(exact: str, n: int, rounds: int, wanted: float, scan: bool) -> dict[str, Any]:
    """Workload W: all 14 states at 407 times.

    **Arguments:**

    - `exact`: the file of the reference. `n`: patients of ketasim. `rounds`: of all in turns.
    - `wanted`: seconds a run should take.
    - `scan`: whether the tolerances are sought again.
    """
    truth = np.load(exact)
    everyone = patients(_MOST)
    entrants = [_ketasim(n, _own_tolerance(truth))]
    missing = list[dict[str, str]]()
    for name in PEERS:
        solver = peer(name)
        reason = solver.available()
        if reason is not None:
            missing.append({"name": solver.NAME, "reason": reason})
            continue
        tolerance = _TOLERANCES.get(name)
        if scan or tolerance is None:
            tolerance = loosest(name, truth).tolerance
        for threads in (1, 2):
            solver.prepare(threads)

        def run(n: int, threads: int, solver: Any = solver, tolerance: float = tolerance) -> Array:
            return solver.run(everyone, n, threads, tolerance)

        more = {"peer": name, "tolerance": tolerance, "version": _version(name)}
        entrants.append(_Entrant(solver.NAME, run, more, _BATCHES.get(name, _FEW), _MOST))
    return _race(entrants, truth, rounds, wanted) | {"missing": missing}


def realistic(n: int, few: int, rounds: int, wanted: float, scan: bool) -> dict[str, Any]:
    """The reference model with both enantiomers, the receptor and W's slow block.

    **Arguments:**

    - `n`: patients of ketasim. `few`: patients of the oracle, by which the error is judged.
    - `rounds`, `wanted`, `scan`: as of `workload`.
    """
    model, names = chain.REALISTIC, _SLOW_STATES
    everyone = chain.realistic(max(n, _MOST))
    exact = solve(
        *(model, everyone.take(np.arange(few)), TIMES, names), engine="oracle", progress=False
    ).values
    own = everyone.take(np.arange(n))
    solve(*(model, own.take(np.arange(64)), TIMES[:3], names), engine="numba", progress=False)
    kept: list[Any] = []
    planned = seconds(lambda: kept.append(plan(model, own, engine="numba")))
    out = np.empty((n, len(TIMES), len(names)))

    entrants = list[_Entrant]()
    for size in (n, n // 10):
        part, buffer = own.take(np.arange(size)), out[:size]

        def run(asked: int, threads: int, part: Patients = part, buffer: Array = buffer) -> Array:
            for _ in range(asked // part.n):
                solve(
                    *(model, part, TIMES, names),
                    engine="numba",
                    plan=kept[0],
                    threads=threads,
                    progress=False,
                    out=buffer,
                )
            return buffer

        more = {"plan_seconds": round(planned, 2), "population": size}
        entrants.append(_Entrant(KETASIM, run, more, size))
    drawn, system = _chain(_MOST)
    missing = list[dict[str, str]]()
    for name, fixed in _CHAIN_TOLERANCES.items():
        solver = peer(name)
        reason = solver.available()
        if reason is not None:
            missing.append({"name": solver.NAME, "reason": reason})
            continue
        tolerance = loosest_chain(name, _first(drawn, SAMPLE)).tolerance if scan else fixed
        solver.prepare(1)

        def compete(
            n: int, threads: int, solver: Any = solver, tolerance: float = tolerance
        ) -> Array:
            part = _first(drawn, n)
            return solver.run_chain(
                *(part.rates, part.supply, part.signals, part.hill, part.slow),
                *(INFUSIONS, TIMES, tolerance, threads),
            )

        more = {"peer": name, "tolerance": tolerance, "version": _version(name)}
        entrants.append(_Entrant(solver.NAME, compete, more, _FEW, _MOST))
    states = sum(len(part.structure.states) for part in system.streams) + len(names)
    return _race(entrants, exact, rounds, wanted) | {"missing": missing, "states": states}


def _race(entrants: list[_Entrant], exact: Array, rounds: int, wanted: float) -> dict[str, Any]:
    """All in turns, with one thread and with two."""
    for one in entrants:
        for threads in (1, 2):
            one.find_size(threads, wanted)
    for _ in range(rounds):
        for threads in (1, 2):
            for one in entrants:
                one.run(threads)
    found = [one.result(exact) for one in entrants]
    for one in (one for one in found if "peer" in one):
        for threads in (1, 2):
            key = f"per_second_{threads}"
            one[f"ratio_{threads}"] = round(found[0][key] / one[key], 1)
    return {"solvers": found, "rounds": rounds, "passes": PASS}


def _own_tolerance(truth: Array) -> float:
    """The loosest tolerance of ketasim that passes, sought as for every other solver."""
    drawn = chain.patients(len(truth))

    def run(tolerance: float) -> Array:
        return solve(
            *(chain.CHAIN, drawn, TIMES, chain.NAMES), engine="numba", rtol=tolerance
        ).values

    return scan_tolerances(run, truth).tolerance


def _ketasim(n: int, rtol: float) -> _Entrant:
    """Workload W by ketasim; a run is as many solutions as fit into the seconds."""
    drawn = chain.patients(n)
    ready()
    kept: list[Any] = []
    planned = seconds(lambda: kept.append(plan(chain.CHAIN, drawn, engine="numba", rtol=rtol)))
    out = np.empty((n, len(TIMES), len(STATES)))

    def run(asked: int, threads: int) -> Array:
        for _ in range(asked // n):
            solve_all(drawn, chain.NAMES, kept[0], out, threads)
        return out

    more = {"plan_seconds": round(planned, 2), "population": n, "tolerance": rtol}
    return _Entrant(KETASIM, run, more, n)


def _chain(n: int) -> tuple[Chain, System]:
    """The realistic model in the form the peers take: streams one behind the other."""
    drawn = chain.realistic(n)
    calendar = drawn.calendars[0]
    rows = request_of(chain.REALISTIC, ("M",)).rows
    system = system_of(
        *(chain.REALISTIC, drawn.values, calendar.doses, drawn.weight, calendar.horizon, rows)
    )
    first = np.cumsum([0, *(len(part.structure.states) for part in system.streams)])
    m = int(first[-1])
    rates, supply, signals = np.zeros((n, m, m)), np.zeros((n, m)), np.zeros((n, 2, m))
    for number, part in enumerate(system.streams):
        mine = slice(first[number], first[number + 1])
        rates[:, mine, mine] = np.moveaxis(part.matrix, 2, 0)
        signals[:, :, mine] = np.moveaxis(part.rows[:2], 2, 0)
    # all infusions are alike, so any of them says what enters while one runs
    for event in system.events:
        if event.kind == START:
            entered = system.amounts[event.source] / event.duration
            supply[:, first[event.stream] + event.state] = entered
    slow = {name: system.parameters[name] for name in SLOW}
    return Chain(rates, supply, signals, system.parameters["hill"], slow), system


def _first(whole: Chain, n: int) -> Chain:
    return Chain(
        *(whole.rates[:n], whole.supply[:n], whole.signals[:n], whole.hill[:n]),
        {name: value[:n] for name, value in whole.slow.items()},
    )


def _version(name: str) -> str:
    try:
        return metadata.version(_PACKAGES.get(name, name))
    except metadata.PackageNotFoundError:
        return ""
