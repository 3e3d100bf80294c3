"""The back ends behind one face: NumPy, Numba, JAX."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError, near
from ketasim.engine.backends.numba.kept import numba_there
from ketasim.engine.backends.numpy.arrays import (
    NUMPY,
    Track,
    bind,
    linear_modes,
    rows_arrays,
    track_arrays,
    track_numbers,
)
from ketasim.engine.grid import Grid, OutputPlan, place_parts
from ketasim.engine.pilot import Solver
from ketasim.engine.planning import Plan
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.system import System
from ketasim.engine.trajectories import QUANTITY, ROW, STATE, Request

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
T = TypeVar("T")

ENGINES = ("auto", "numpy", "numba", "jax", "oracle")

# solves a system into (n, T, Q); gives the patients among whom a state blew up, or nothing
Solve = Callable[[System, Grid, OutputPlan, Request, Array], Integers | None]


@dataclass(frozen=True)
class Backend:
    """One way to solve systems.

    **Arguments:**

    - `name`: as the user knows it.
    - `solve`: solves a system.
    - `pilot`: solves one for the pilot.
    - `parallel`: whether threads help.
    - `largest`: patients of a chunk at most.
    - `lanes`: a chunk is a multiple of this.
    - `made_by`: name, and what else decides on the bits of its numbers.
    - `few`: for few patients, all of whom are checked.
    - `ready`: whether nothing has to be compiled first.
    """

    name: str
    solve: Solve
    pilot: Solver
    parallel: bool
    largest: int
    made_by: str = "numpy"
    lanes: int = 1
    few: bool = False
    ready: Callable[[], bool] = field(default=lambda: True)

    def chunk(self, wanted: int) -> int:
        """Patients of a chunk."""
        size = min(wanted, self.largest)
        return max(size // self.lanes, 1) * self.lanes

    def used(self, plan: Plan) -> Plan | None:
        """The plan, where one was used."""
        return None if self.name == "oracle" else plan


def backend_of(engine: str, cascade: Cascade, patients: int, few: int) -> Backend:
    """Choose a back end.

    **Arguments:**

    - `engine`: one of `ENGINES`.
    - `cascade`: the step of the response.
    - `patients`: how many there are.
    - `few`: up to how many NumPy is chosen.

    **Raises:** `InputError` for an unknown name; `KetasimError` when what it needs is not there.
    """
    if engine not in ENGINES:
        raise InputError("engine", f"unknown engine '{engine}'", near(engine, ENGINES))
    if engine == "auto":
        engine = "numba" if patients > few and numba_there() else "numpy"
    if engine == "numba":
        return _numba(cascade)
    if engine == "jax":
        if importlib.util.find_spec("jax") is None:
            raise KetasimError("engine: 'jax' is not installed; pip install 'ketasim[jax]'")
        return _jax(cascade)
    if engine == "oracle":
        return _oracle(cascade)
    return Backend(
        name="numpy",
        solve=partial(_solve_numpy, cascade, patients <= few),
        pilot=_numpy_pilot(cascade, patients <= few),
        parallel=False,
        largest=256,
        few=patients <= few,
    )


class _Latest(Generic[T]):
    """What was made of the last system: one system is solved on several grids in a row."""

    def __init__(self, make: Callable[[System], T]) -> None:
        self._make = make
        self._last: tuple[System, T] | None = None

    def __call__(self, system: System) -> T:
        last = self._last  # of any thread
        if last is None or last[0] is not system:
            self._last = last = system, self._make(system)
        return last[1]


_MODES = _Latest(linear_modes)


def gather(cascade: Cascade, system: System, request: Request, rows: Any, states: Any) -> Array:
    """Put what was asked for into one table.

    **Arguments:**

    - `rows`: shape (T, R, n). `states`: shape (T, Y, n).

    **Returns:** shape (n, T, Q).
    """
    quantities: dict[str, Any] = {}
    signals = len(cascade.model.signals)
    if (request.kind == QUANTITY).any():
        _, _, observe = bind(cascade, system.parameters, NUMPY)
        with np.errstate(all="ignore"):
            quantities = observe(
                tuple(np.moveaxis(states, 1, 0)), tuple(np.moveaxis(rows[:, :signals], 1, 0))
            )
    seen = list(quantities.values())
    out = np.empty((system.n, len(rows), len(request.kind)))
    for column, (kind, index) in enumerate(zip(request.kind, request.index, strict=True)):
        table = {STATE: states, ROW: rows}.get(int(kind))
        value = seen[index] if table is None else table[:, index]
        out[:, :, column] = np.broadcast_to(value, (len(rows), system.n)).T
    return out


def _solve_numpy(
    cascade: Cascade,
    few: bool,
    system: System,
    grid: Grid,
    outputs: OutputPlan,
    request: Request,
    out: Array,
) -> Integers | None:
    track = _track_numpy(cascade, few, system, grid)
    rows = rows_arrays(system, grid, outputs, _MODES(system))
    out[:] = gather(cascade, system, request, rows, track.at(outputs))
    good = np.isfinite(track.states).all(axis=(0, 1, 2))
    return None if good.all() else np.flatnonzero(~good)


def _track_numpy(cascade: Cascade, few: bool, system: System, grid: Grid) -> Track:
    if not few:
        return track_arrays(system, cascade, grid, _MODES(system))
    # the last steps that were tried for few patients are the ones that are used
    key = _key(cascade, system, grid)
    if key not in _TRACKS:
        while len(_TRACKS) >= _KEPT:
            _TRACKS.pop(next(iter(_TRACKS)))
        _TRACKS[key] = _track_few(cascade, system, grid)
    return _TRACKS[key]


def _numpy_pilot(cascade: Cascade, few: bool = False) -> Solver:
    track = partial(_track_numpy, cascade, few)

    def states(system: System, grid: Grid, outputs: OutputPlan) -> Array:
        return track(system, grid).at(outputs).transpose(2, 0, 1)

    return Solver(track, states)


def _track_few(cascade: Cascade, system: System, grid: Grid) -> Track:
    if system.n <= _HANDFUL:
        try:
            return track_numbers(system, cascade, grid, _MODES(system))
        except (ArithmeticError, ValueError):
            pass  # arrays can hold what is not finite
    return track_arrays(system, cascade, grid, _MODES(system))


_HANDFUL = 8  # patients up to whom plain numbers are quicker than arrays
_KEPT = 8  # tracks
_TRACKS: dict[bytes, Track] = {}


def _key(cascade: Cascade, system: System, grid: Grid) -> bytes:
    """A digest of all that a track depends on."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((cascade.step, cascade.start, system.events)).encode())
    digest.update(grid.segments.tobytes())
    signals = len(cascade.model.signals)
    for array in (
        *(system.amounts, system.initial, system.losses, grid.starts, grid.breaks),
        *system.parameters.values(),
        *(one.matrix for one in system.streams),
        *(one.rows[:signals] for one in system.streams),
    ):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()


def _numba(cascade: Cascade) -> Backend:
    from ketasim.engine.backends.numba.compiled import (
        LANES,
        Columns,
        kernel_of,
        made_by,
        prepare,
        solve_lanes,
    )

    kernel = kernel_of(cascade)
    prepared = _Latest(partial(prepare, kernel))

    def solve(
        system: System, grid: Grid, outputs: OutputPlan, request: Request, out: Array
    ) -> Integers | None:
        columns = Columns(request.kind, request.index)
        blown = solve_lanes(kernel, system, prepared(system), grid, outputs, columns, out)
        if not blown.any():
            return None
        group = int(np.flatnonzero(blown)[0])
        return np.arange(LANES * group, min(LANES * (group + 1), system.n))

    def read(system: System, grid: Grid, outputs: OutputPlan, signals: int = 0) -> Array:
        states = len(cascade.model.states)
        kind = np.repeat([STATE, ROW], [states, signals]).astype(np.int64)
        index = np.concatenate([np.arange(states), np.arange(signals)])
        out = np.empty((system.n, len(outputs.times), states + signals))
        columns = Columns(kind, index)
        solve_lanes(kernel, system, prepared(system), grid, outputs, columns, out)
        return out

    def track(system: System, grid: Grid) -> Track:
        outputs = place_parts(grid, (0.0, 0.5, 1.0))
        out = read(system, grid, outputs, len(cascade.model.signals))
        return track_of(cascade, system, out.transpose(1, 2, 0))

    def ready() -> bool:
        return bool(kernel.run.function.signatures)

    pilot = Solver(track, read)
    return Backend(
        *("numba", solve, pilot),
        parallel=True,
        largest=2**20,
        made_by=f"numba {made_by()}",
        lanes=LANES,
        ready=ready,
    )


def track_of(cascade: Cascade, system: System, found: Array) -> Track:
    """A track from states and signals at the beginning, the middle and the end of every step.

    **Arguments:**

    - `found`: shape (3 * S, Y + K, n).
    """
    states = len(cascade.model.states)
    table = found.reshape(-1, 3, found.shape[1], found.shape[2])
    ends, signals = table[:, ::2, :states], table[:, :, states:]
    distances = ends - cascade.origin
    start, _, _ = bind(cascade, system.parameters, NUMPY)
    with np.errstate(all="ignore"):
        produced = start(
            tuple(np.moveaxis(distances, 2, 0)), tuple(np.moveaxis(signals[:, ::2], 2, 0))
        )
    slopes = -system.losses * distances
    for i, one in enumerate(produced):
        slopes[:, :, i] += one
    return Track(np.ascontiguousarray(ends), slopes, np.ascontiguousarray(signals))


def _jax(cascade: Cascade) -> Backend:
    from ketasim.engine.backends.jax.backend import solve_jax

    def solve(
        system: System, grid: Grid, outputs: OutputPlan, request: Request, out: Array
    ) -> Integers | None:
        rows, states = solve_jax(cascade, system, grid, outputs)
        out[:] = gather(cascade, system, request, rows, states)
        good = np.isfinite(states).all(axis=(0, 1))
        return None if good.all() else np.flatnonzero(~good)

    return Backend("jax", solve, _numpy_pilot(cascade), parallel=False, largest=512)


def _oracle(cascade: Cascade) -> Backend:
    from ketasim.engine.oracle import solve_oracle

    def solve(
        system: System, _grid: Grid, outputs: OutputPlan, request: Request, out: Array
    ) -> Integers | None:
        rows, states = solve_oracle(cascade.model, system, outputs.times)
        out[:] = gather(cascade, system, request, rows, states)
        return None

    return Backend("oracle", solve, _numpy_pilot(cascade), parallel=False, largest=64)
