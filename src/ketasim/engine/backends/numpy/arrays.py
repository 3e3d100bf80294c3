"""The NumPy back end: every operation over all patients at once, readable and ready at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.grid import Grid, OutputPlan
from ketasim.engine.linear.modes import modes_of
from ketasim.engine.response.cascade import Block, Cascade
from ketasim.engine.response.weights import step_weights
from ketasim.engine.system import END, PULSE, System

Array = NDArray[np.float64]

_EMPTY = 1e-250  # keeps modes that have decayed from becoming denormal numbers, which are slow


@dataclass(frozen=True)
class LinearModes:
    """The linear block of all streams together, as modes.

    **Arguments:**

    - `rates`: 1/h, shape (M, n).
    - `entries`: for each input the modes it excites for one mg, shape (E, M, n); `entry_of` says
      which belongs to a (stream, state).
    - `rows`: weight of every mode in every row, shape (R, M, n).
    """

    rates: Any
    entries: Any
    entry_of: Mapping[tuple[int, int], int]
    rows: Any


def linear_modes(system: System, xp: Any = np) -> LinearModes:
    """Decompose the linear block of a system."""
    n = system.n
    targets = sorted({(e.stream, e.state) for e in system.events})
    rates: list[Any] = []
    rows: list[Any] = []
    entries: list[list[Any]] = [[] for _ in targets]
    for number, part in enumerate(system.streams):
        modes = modes_of(xp.asarray(part.matrix), part.structure, xp)
        m = len(part.structure.states)
        rates.append(modes.rates)
        rows.append(xp.einsum("rsn,smn->rmn", xp.asarray(part.rows), modes.right))
        for place, (stream, state) in enumerate(targets):
            own = stream == number
            entries[place].append(modes.left[:, state] if own else xp.zeros((m, n)))
    if not rates:
        nothing = xp.zeros((1, n))
        return LinearModes(nothing, nothing[None], {}, xp.zeros((system.rows, 1, n)))
    joined = [xp.concatenate(one) for one in entries]
    return LinearModes(
        rates=xp.concatenate(rates),
        entries=xp.stack(joined) if joined else xp.zeros((0, *xp.concatenate(rates).shape)),
        entry_of={target: place for place, target in enumerate(targets)},
        rows=xp.concatenate(rows, 1),
    )


class Drive:
    """The rows of a system along its calendar, segment by segment."""

    def __init__(self, system: System, modes: LinearModes | None = None) -> None:
        self._system = system
        self._modes = linear_modes(system) if modes is None else modes
        self._state = np.zeros_like(self._modes.rates)
        self._supply = np.zeros_like(self._modes.rates)
        self._running = 0
        self._next = 0

    def begin(self, segment: int) -> None:
        """Apply what changes at the beginning of a segment."""
        events = self._system.events
        while self._next < len(events) and events[self._next].segment == segment:
            event = events[self._next]
            entry = self._modes.entries[self._modes.entry_of[event.stream, event.state]]
            amount = self._system.amounts[event.source]
            if event.kind == PULSE:
                self._state += entry * amount
            else:
                self._supply += entry * (
                    amount / event.duration * (-1.0 if event.kind == END else 1.0)
                )
                self._running += -1 if event.kind == END else 1
            self._next += 1
        if self._running == 0:
            self._supply[:] = 0.0  # what rounding leaves would run on for ever

    def rows(self, after: Array) -> Array:
        """Rows at times after the beginning of the segment, shape (K, R, n)."""
        return np.einsum("rmn,kmn->krn", self._modes.rows, self._at(after))

    def end(self, length: float) -> None:
        """Move to the end of the segment."""
        self._state = self._at(np.array([length]))[0]

    def _at(self, after: Array) -> Array:
        growth = np.exp(self._modes.rates * after[:, None, None])
        found = self._state * growth + _EMPTY
        if self._running:
            rates = self._modes.rates
            still = np.abs(rates) < 1e-14
            filled = np.where(
                still, after[:, None, None], (growth - 1.0) / np.where(still, 1, rates)
            )
            found += filled * self._supply
        return found


@dataclass(frozen=True)
class Track:
    """A solution at its own steps.

    **Arguments:**

    - `states`: at the beginning and the end of every step, shape (S, 2, Y, n).
    - `slopes`: rates of change there, shape (S, 2, Y, n).
    - `signals`: at the beginning, the middle and the end of every step, shape (S, 3, K, n).
    """

    states: Array
    slopes: Array
    signals: Array

    def take(self, which: NDArray[np.int64]) -> Track:
        """The same of some patients."""
        return Track(self.states[..., which], self.slopes[..., which], self.signals[..., which])

    def at(self, outputs: OutputPlan) -> Array:
        """States at the requested times, shape (T, Y, n)."""
        anchor, shape = outputs.anchor, outputs.shape[:, :, None, None]
        # as distances from the first value: what rests stays there to the last bit
        first = self.states[0, 0]
        found = shape[:, 0] * (self.states[anchor - 1, 0] - first)
        found += shape[:, 1] * (self.states[anchor, 0] - first)
        found += shape[:, 2] * (self.states[anchor, 1] - first)
        found += shape[:, 3] * self.slopes[anchor - 1, 0]
        found += shape[:, 4] * self.slopes[anchor, 0]
        found += shape[:, 5] * self.slopes[anchor, 1]
        return found + first


def track_arrays(
    system: System, cascade: Cascade, grid: Grid, modes: LinearModes | None = None
) -> Track:
    """Solve a system with NumPy, step by step.

    **Arguments:**

    - `system`: the patients and their calendar.
    - `cascade`: the step of the response.
    - `grid`: the steps.
    - `modes`: of the system, where they are known.

    **Returns:** `Track`; a state that blew up is infinite or not a number from there on.
    """
    seen = signals_arrays(system, grid, len(cascade.model.signals), modes)
    weights = list(zip(*_size_weights(system, cascade, grid), strict=True))
    start, step, _ = bind(cascade, system.parameters, NUMPY)
    states = np.zeros((grid.steps, 2, *system.initial.shape))
    produced = np.zeros_like(states)
    begins = set(grid.segments.tolist())
    now: Any = tuple(system.initial - cascade.origin)
    production: Any = ()
    if not now:  # quantities alone: nothing to step
        return Track(states, produced, seen)
    with np.errstate(all="ignore"):
        for number in range(grid.steps):
            if number in begins:
                production = start(now, seen[number, 0])
            size, (middle, final) = grid.size_of[number], seen[number, 1:]
            states[number, 0] = now
            for i, one in enumerate(production):
                produced[number, 0, i] = one
            now, production = step(now, production, middle, final, weights[size])
            states[number, 1] = now
            for i, one in enumerate(production):
                produced[number, 1, i] = one
        return Track(states + cascade.origin, produced - system.losses * states, seen)


def track_numbers(
    system: System, cascade: Cascade, grid: Grid, modes: LinearModes | None = None
) -> Track:
    """The same, patient by patient with plain numbers: sooner done for a handful of patients.

    **Raises:** `ArithmeticError` or `ValueError` where an array would hold what is not finite.
    """
    seen = signals_arrays(system, grid, len(cascade.model.signals), modes)
    weights = _size_weights(system, cascade, grid)
    states = np.zeros((grid.steps, 2, *system.initial.shape))
    produced = np.zeros_like(states)
    if not len(system.initial):
        return Track(states, produced, seen)
    begins, sizes = set(grid.segments.tolist()), grid.size_of.tolist()
    for patient in range(system.n):
        numbers = {name: float(value[patient]) for name, value in system.parameters.items()}
        start, step, _ = bind(cascade, numbers, NUMBERS)
        mine = list(zip(*(one[:, patient].tolist() for one in weights), strict=True))
        moments = seen[..., patient].tolist()
        now: Any = tuple((system.initial[:, patient] - cascade.rest).tolist())
        production: Any = ()
        path: list[tuple[Any, Any, Any, Any]] = []
        for number in range(grid.steps):
            first, middle, final = moments[number]
            if number in begins:
                production = start(now, first)
            before, was = now, production
            now, production = step(now, production, middle, final, mine[sizes[number]])
            path.append((before, now, was, production))
        table = np.array(path)
        states[..., patient], produced[..., patient] = table[:, :2], table[:, 2:]
    return Track(states + cascade.origin, produced - system.losses * states, seen)


def signals_arrays(
    system: System, grid: Grid, signals: int, modes: LinearModes | None = None
) -> Array:
    """Signals at the beginning, the middle and the end of every step, shape (S, 3, K, n)."""
    seen = np.zeros((grid.steps, 3, signals, system.n))
    drive = Drive(system, modes)
    for segment in range(len(grid.segments) - 1):
        first, last = grid.segments[segment], grid.segments[segment + 1]
        drive.begin(segment)
        half = np.repeat(grid.lengths[first:last] / 2.0, 2)
        signal = drive.rows(np.concatenate([[0.0], np.cumsum(half)]))[:, :signals]
        for place in range(3):
            seen[first:last, place] = signal[place : len(signal) - 2 + place : 2]
        drive.end(grid.breaks[segment + 1] - grid.breaks[segment])
    return seen


def rows_arrays(
    system: System, grid: Grid, outputs: OutputPlan, modes: LinearModes | None = None
) -> Array:
    """Rows of a system at the requested times, shape (T, R, n); exact whatever the steps."""
    found = np.zeros((len(outputs.times), system.rows, system.n))
    drive = Drive(system, modes)
    for segment in range(len(grid.segments) - 1):
        begin, end = grid.breaks[segment], grid.breaks[segment + 1]
        drive.begin(segment)
        inside = slice(*outputs.held[grid.segments[segment : segment + 2]])
        found[inside] = drive.rows(outputs.times[inside] - begin)
        drive.end(end - begin)
    return found


def _size_weights(system: System, cascade: Cascade, grid: Grid) -> list[Array]:
    """Weights of every distinct step, shape (sizes, n), in the order of `cascade.used`."""
    table = step_weights(system.losses[None], grid.sizes[:, None, None])
    names = [one.rsplit("_", 1) for one in cascade.used]
    return [table[name][:, int(state)] for name, state in names]


def power(base: Any, exponent: Any) -> Array:
    """A power of what is zero or more; rounding may leave a hair less."""
    return np.power(np.maximum(base, 0.0), exponent)


NUMPY: Mapping[str, Any] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "power": power,
}


def _number_power(base: float, exponent: float) -> float:
    return max(base, 0.0) ** exponent


NUMBERS: Mapping[str, Any] = {
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
    "maximum": max,
    "minimum": min,
    "power": _number_power,
}


def bind(
    cascade: Cascade, parameters: Mapping[str, Any], functions: Mapping[str, Any]
) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Functions of a response for given patients: start, step and observe.

    **Arguments:**

    - `cascade`: the step.
    - `parameters`: parameters and definitions to arrays of one shape.
    - `functions`: `exp`, `log`, `sqrt`, `maximum`, `minimum`, `power` of the array library.

    **Returns:** `start(states, signals)` gives productions; `step(states, productions, middle
    signals, end signals, weights)` gives states and productions, both with states as distances from
    `cascade.rest`; `observe(states, signals)` gives quantities by name, with states themselves.
    """
    space: dict[str, Any] = {"__builtins__": {}, **functions}
    exec(_code(cascade_text(cascade)), space)  # noqa: S102 - written by `cascade_text`
    return space["bind"](parameters)


@lru_cache(maxsize=64)
def _code(text: str) -> CodeType:
    return compile(text, "<cascade>", "exec")


def cascade_text(cascade: Cascade) -> str:
    """The functions of a cascade as Python text, for arrays of any library."""
    states = range(len(cascade.model.states))
    signals = range(len(cascade.model.signals))
    step_arguments = [
        _unpack("y0", states, "y"),
        _unpack("n0", states, "n"),
        _unpack("sm", signals, "sm"),
        _unpack("se", signals, "se"),
        f"{_tuple(cascade.used)} = w",
    ]
    given = cascade.step.results
    step_result = ", ".join(_tuple([given[f"{what}_{i}"] for i in states]) for what in ("y1", "n1"))
    moment = [_unpack("y0", states, "y"), _unpack("s", signals, "s")]
    starts = _tuple([cascade.start.results[f"n0_{i}"] for i in states])
    seen = ", ".join(f"{name!r}: {value}" for name, value in cascade.observe.results.items())
    lines = ["def bind(p):"]
    for number, (block, name, inner, result) in enumerate(
        (
            (cascade.start, "start(y, s)", moment, starts),
            (cascade.step, "step(y, n, sm, se, w)", step_arguments, step_result),
            (cascade.observe, "observe(y, s)", moment, f"{{{seen}}}"),
        )
    ):
        # every function has its own fixed values: their names repeat from block to block
        lines.append(f"    def make_{number}():")
        lines += [f"        {line}" for line in _fixed(block)]
        lines.append(f"        def {name}:")
        lines += [f"            {line}" for line in (*inner, *block.moving)]
        lines.append(f"            return {result}")
        lines.append(f"        return {name.split('(', maxsplit=1)[0]}")
    lines.append("    return make_0(), make_1(), make_2()")
    return "\n".join(lines) + "\n"


def _fixed(block: Block) -> Sequence[str]:
    return (
        *(f"{name} = {value!r}" for name, value in block.constants.items()),
        *(f"p_{name} = p[{name!r}]" for name in block.parameters),
        *block.fixed,
    )


def _unpack(stem: str, numbers: range, source: str) -> str:
    return f"{_tuple([f'{stem}_{i}' for i in numbers])} = {source}"


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)},)" if names else "()"
