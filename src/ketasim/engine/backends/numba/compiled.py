"""The compiled back end: written once a model, compiled once a machine, patients in step."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import KetasimError
from ketasim._base.size import processors
from ketasim.engine.backends.numba.beside import Beside, can_start, compile_for
from ketasim.engine.backends.numba.kept import KeptCode, cache_folder, loaded_module, note
from ketasim.engine.backends.numba.lane_source import (
    LANES,
    SIGNATURES,
    lane_text,
    parameter_names,
    prepare_text,
    weight_places,
)
from ketasim.engine.grid import Grid, OutputPlan
from ketasim.engine.linear.modes import APART
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.system import System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_SOURCES = ("lanes.py", "lines.py", "lane_kernels.py", "lane_source.py")


@dataclass(frozen=True)
class Columns:
    """Which values are delivered, in order.

    **Arguments:**

    - `kind`: 0 a state, 1 a quantity, 2 a row; shape (Q,).
    - `index`: its position among these, shape (Q,).
    """

    kind: Integers
    index: Integers

    def places(self, cascade: Cascade) -> Integers:
        """Positions among states, quantities and rows, in this order."""
        states, quantities = len(cascade.model.states), len(cascade.model.quantities)
        return self.index + np.array([0, states, states + quantities], np.int64)[self.kind]

    @property
    def observing(self) -> bool:
        """Whether a quantity is among them."""
        return bool((self.kind == 1).any())

    def wanted(self, states: int) -> NDArray[np.bool_]:
        """States that are needed at the requested times; quantities may need any."""
        found = np.full(states, self.observing)
        found[self.index[self.kind == 0]] = True
        return found

    def rows(self, signals: int) -> set[int]:
        """Rows that are needed at the requested times; quantities need the signals."""
        asked = {int(one) for one in self.index[self.kind == 2]}
        return asked | (set(range(signals)) if self.observing else set())


@dataclass(frozen=True)
class Part:
    """A compiled function.

    **Arguments:**

    - `name`: of the function.
    - `module`: the module, of this function alone.
    - `kept`: what is on disk of it, nothing when no folder can be written to.
    """

    name: str
    module: ModuleType
    kept: KeptCode | None

    @property
    def function(self) -> Any:
        """What is called."""
        return getattr(self.module, self.name)

    @property
    def missing(self) -> bool:
        """Whether it is neither loaded nor kept."""
        return not self.function.signatures and (
            self.kept is None or not self.kept.keeps(self.name)
        )


@dataclass(frozen=True)
class Kernel:
    """A compiled response model.

    **Arguments:**

    - `cascade`: the step.
    - `prepare`: the function for what comes before the steps, the same for all models.
    - `run`: the function that takes the steps.
    - `beside`: name of a function to the process that compiles it.
    """

    cascade: Cascade
    prepare: Part
    run: Part
    beside: Mapping[str, Beside]

    @cached_property
    def weights(self) -> tuple[Integers, Integers]:
        """Which weight of which state each row of a step's table holds."""
        weight_of, state_of = weight_places(self.cascade)
        return np.array(weight_of, np.int64), np.array(state_of, np.int64)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters' rows."""
        return parameter_names(self.cascade)


def kernel_of(cascade: Cascade) -> Kernel:
    """The compiled functions of a response model, compiled when first called.

    **Raises:** `KetasimError` when Numba is not there.
    """
    try:
        import numba
    except ImportError as error:
        raise KetasimError(
            "engine: 'numba' is not installed; install numba, or use engine='numpy'"
        ) from error
    del numba
    return _kernel(_key_here(cascade), cascade)


@lru_cache(maxsize=32)
def _key_here(cascade: Cascade) -> str:
    return cascade_key(cascade, made_by())


@lru_cache(maxsize=1)
def made_by() -> str:
    """Numba's version and the processor: machines of several kinds may share a folder."""
    import numba
    from llvmlite import binding  # pyright: ignore[reportMissingTypeStubs]

    return f"{numba.__version__} {binding.get_host_cpu_name()}"


def cascade_key(cascade: Cascade, made_by: str) -> str:
    """A name for what is compiled: the text, the shared parts, Numba's version, the processor."""
    return _text_key(lane_text(cascade, cache=True), made_by)


def _text_key(text: str, made_by: str) -> str:
    digest = hashlib.blake2b(digest_size=10)
    digest.update(text.encode())
    digest.update(f"{made_by} {sys.version_info[:2]}".encode())
    for name in _SOURCES:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()


_KERNELS: dict[str, Kernel] = {}


def _kernel(key: str, cascade: Cascade) -> Kernel:
    if key not in _KERNELS:
        first = _preparing()
        run = _part("run", f"response_{key}", partial(lane_text, cascade))
        _KERNELS[key] = Kernel(cascade, first, run, _begun([first, run]))
    return _KERNELS[key]


@lru_cache(maxsize=1)
def _preparing() -> Part:
    key = _text_key(prepare_text(cache=True), made_by())
    return _part("prepare", f"prepare_{key}", prepare_text)


def _part(function: str, name: str, text: Callable[..., str]) -> Part:
    """A function of a module that is written here, and kept where that can be done."""
    folder = cache_folder()
    kept = None if folder is None else KeptCode(folder, name)
    if kept is not None:
        try:
            kept.prepare(text(cache=True))
        except OSError as error:
            kept.told(error)
            kept = None
    return Part(function, loaded_module(name, text(cache=kept is not None), kept), kept)


def _begun(parts: Sequence[Part]) -> dict[str, Beside]:
    """Processes that compile what is missing, one core left to this one."""
    missing = [part for part in parts if part.missing]
    if len(missing) < len(parts) or not can_start():
        return {}  # a part alone is compiled here as soon
    beside = missing[: processors() - 1]
    return {
        part.name: Beside(part.kept, part.name, SIGNATURES[part.name])
        for part in beside
        if part.kept is not None
    }


def _call(kernel: Kernel, part: Part, *arguments: Any) -> None:
    """Call a compiled function; when it has to be compiled, say so."""
    if not part.function.signatures:
        _compile(kernel)
    try:
        part.function(*arguments)
    except OSError as error:
        # the functions read and write no file: Numba has compiled, and cannot keep it
        if part.kept is not None:
            part.kept.told(error)
        part.function(*arguments)


def _compile(kernel: Kernel) -> None:
    """Compile what is neither loaded nor kept, and seal it; what is compiled beside comes last."""
    beside = kernel.beside
    missing = [
        part
        for part in (kernel.prepare, kernel.run)
        if part.missing or (part.name in beside and not part.function.signatures)
    ]
    if not missing:
        return
    started = time.perf_counter()
    note(f"compiling the engine for '{kernel.cascade.model.name}', once on this machine ...")
    for part in sorted(missing, key=lambda one: one.name in beside):
        if part.name in beside:
            beside[part.name].wait()
        try:
            compile_for(part.function, SIGNATURES[part.name])
        except OSError as error:
            # Numba has compiled, and cannot keep it
            if part.kept is not None:
                part.kept.told(error)
        else:
            if part.kept is not None:
                part.kept.seal()
    note(f"compiling took {time.perf_counter() - started:.0f} s")


def grouped(table: Array) -> Array:
    """Rows of patients as groups: (R, n) to a flat (groups, R, LANES).

    The last group is filled up with its last patient.
    """
    rows, n = table.shape
    groups = -(-n // LANES)
    filled = table
    if groups * LANES != n:
        filled = np.empty((rows, groups * LANES))
        filled[:, :n] = table
        filled[:, n:] = table[:, n - 1 :]
    return np.ascontiguousarray(filled.reshape(rows, groups, LANES).transpose(1, 0, 2)).reshape(-1)


@dataclass(frozen=True)
class Prepared:
    """A system as the compiled functions take it: groups of patients in step.

    **Arguments:**

    - `n`, `groups`: patients, and groups of `LANES`.
    - `modes`, `entries`: how many modes there are, and how many ways into them.
    - the rest: flat tables, a group after the other.
    """

    n: int
    groups: int
    modes: int
    entries: int
    parameters: Array
    initial: Array
    losses: Array
    amounts: Array
    rates: Array
    row_modes: Array
    entry_modes: Array
    entry_of: dict[tuple[int, int], int]


def prepare(kernel: Kernel, system: System) -> Prepared:
    """Find the modes of every patient and lay everything out."""
    n = system.n
    groups = -(-n // LANES)
    targets = sorted({(e.stream, e.state) for e in system.events})
    modes = max(sum(len(p.structure.states) for p in system.streams), 1)
    entries = max(len(targets), 1)
    rates = np.zeros(groups * modes * LANES)
    row_modes = np.zeros(groups * max(system.rows, 1) * modes * LANES)
    entry_modes = np.zeros(groups * entries * modes * LANES)
    offset = 0
    for number, part in enumerate(system.streams):
        m = len(part.structure.states)
        if m == 0:
            continue
        mine = [(place, state) for place, (stream, state) in enumerate(targets) if stream == number]
        matrices = grouped(part.matrix.reshape(m * m, n))
        weights = grouped(part.rows.reshape(system.rows * m, n))
        _call(
            kernel,
            kernel.prepare,
            matrices,
            m,
            np.asarray(part.structure.starts, np.int64),
            np.asarray(part.structure.parents, np.int64),
            np.ascontiguousarray(part.structure.flows).reshape(-1),
            np.ascontiguousarray(part.structure.follows).reshape(-1),
            APART,
            weights,
            np.ascontiguousarray(part.used).reshape(-1),
            system.rows,
            np.array([state for _, state in mine], np.int64),
            np.array([place for place, _ in mine], np.int64),
            modes,
            offset,
            entries,
            rates,
            row_modes,
            entry_modes,
        )
        offset += m
    names = kernel.parameters
    table = np.stack([system.parameters[name] for name in names]) if names else np.zeros((0, n))
    return Prepared(
        *(n, groups, modes, entries),
        grouped(table),
        grouped(system.initial - kernel.cascade.origin),
        grouped(system.losses),
        grouped(system.amounts),
        *(rates, row_modes, entry_modes),
        {target: place for place, target in enumerate(targets)},
    )


def solve_lanes(
    kernel: Kernel,
    system: System,
    ready: Prepared,
    grid: Grid,
    outputs: OutputPlan,
    columns: Columns,
    out: Array,
) -> Integers:
    """Solve a system with the compiled functions.

    **Arguments:**

    - `kernel`: the compiled model.
    - `system`: the patients and their calendar. `ready`: the same, as `prepare` lays it out.
    - `grid`, `outputs`: the steps, and where the requested times lie in them.
    - `columns`: what is delivered.
    - `out`: receives it, shape (n, T, Q), contiguous.

    **Returns:** for each group of `LANES` patients 0, or 1 plus the segment after which a state of
    one of them was no longer finite.
    """
    blown = np.zeros(ready.groups, np.int64)
    events = system.events
    segment = np.array([e.segment for e in events], np.int64)
    # the beginning of a step comes first, whether or not a time falls on it
    offsets, offset_of = np.unique(
        np.round(np.concatenate([[0.0], outputs.offsets]), 12), return_inverse=True
    )
    offset_of = offset_of.reshape(-1)[1:].astype(np.int64)
    running = np.repeat(np.array(system.running, np.bool_), np.diff(grid.segments))
    terms, term_mode = _terms(system, columns, len(kernel.cascade.model.signals))
    weight_of, state_of = kernel.weights
    _call(
        kernel,
        kernel.run,
        0,
        ready.groups,
        ready.n,
        ready.parameters,
        ready.initial,
        ready.losses,
        ready.amounts,
        ready.rates,
        ready.row_modes,
        ready.entry_modes,
        ready.modes,
        ready.entries,
        system.amounts.shape[0],
        system.rows,
        np.searchsorted(segment, np.arange(len(grid.segments))).astype(np.int64),
        np.array([e.kind for e in events], np.int64),
        np.array([ready.entry_of[e.stream, e.state] for e in events], np.int64),
        np.array([e.source for e in events], np.int64),
        np.array([e.duration for e in events], np.float64),
        np.array(system.running, np.bool_),
        grid.sizes,
        _marked(grid.size_of, running, len(grid.sizes)),
        grid.size_of,
        grid.segments,
        outputs.held,
        outputs.first,
        offsets,
        _marked(offset_of, running[outputs.step_of], len(offsets)),
        offset_of,
        outputs.shape.reshape(-1),
        weight_of,
        state_of,
        _shows(system, range(len(kernel.cascade.model.signals))).reshape(-1),
        terms,
        term_mode,
        columns.wanted(len(kernel.cascade.model.states)),
        columns.observing,
        columns.places(kernel.cascade),
        out.reshape(-1),
        blown,
    )
    return blown


def _marked(which: Integers, marks: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """Which of some things is ever used where a mark stands."""
    found = np.zeros(count, np.bool_)
    found[which[marks]] = True
    return found


def _terms(system: System, columns: Columns, signals: int) -> tuple[Integers, Integers]:
    """Modes that show in each wanted row: first places, one more than rows, and the modes."""
    shows = _shows(system, range(system.rows))
    wanted = columns.rows(signals)
    shows[[row for row in range(system.rows) if row not in wanted]] = False
    first = np.concatenate([[0], np.cumsum(shows.sum(axis=1))])
    return first.astype(np.int64), np.nonzero(shows)[1].astype(np.int64)


def _shows(system: System, rows: range) -> NDArray[np.bool_]:
    """Whether a mode shows in a row: some state of the row follows it; shape (R, M)."""
    parts = [
        (one.used[rows.start : rows.stop, :, None] & one.structure.follows[None]).any(axis=1)
        for one in system.streams
    ]
    return np.concatenate(parts, 1) if parts else np.zeros((len(rows), 1), np.bool_)
