"""One step of the response, as text: which state feeds which decides how each is solved.

The states are taken in the order in which they feed each other. A state whose production does not
depend on itself, directly or in a circle, sees only what is already known over the step: its
solution is an integral, exact in the loss and of fourth order in the production (a parabola through
the start, the middle and the end; the exponential form of Simpson's rule). States that depend on
each other take a fourth-order exponential Runge-Kutta step together (Krogstad, J Comput Phys
2005;203:72; Cox and Matthews, J Comput Phys 2002;176:430), with all that feeds them known at the
middle and the end. So the sharp beginning of the cascade costs two evaluations a step instead of
four, and carries no error of intermediate stages.

A state that begins at a number, such as a ratio that rests at 1, is solved as its distance from it.
What the next state makes of that distance then has all its digits, however small it is; as a
difference of two numbers near 1 it would have what rounding leaves, which is another on another
processor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.response.program import Program
from ketasim.models import ResponseModel, evaluate, names_in

# weights of a step in the order of `ketasim.engine.response.weights`
DECAY_HALF, V_START, V_MIDDLE, V_END = "eh", "v0", "vm", "v1"
DECAY, W_START, W_MIDDLE, W_END = "e", "w0", "wm", "w1"
A_START, B_START, B_MIDDLE, C_START, C_MIDDLE = "a0", "b0", "bm", "c0", "cm"
WEIGHTS = (
    *(DECAY_HALF, V_START, V_MIDDLE, V_END, DECAY, W_START, W_MIDDLE, W_END),
    *(A_START, B_START, B_MIDDLE, C_START, C_MIDDLE),
)


@dataclass(frozen=True)
class Part:
    """States that are solved together.

    **Arguments:**

    - `states`: their positions.
    - `coupled`: a production depends on the states of the part themselves.
    """

    states: tuple[int, ...]
    coupled: bool


@dataclass(frozen=True, eq=False)  # known by identity: what is compiled from it is kept
class Cascade:
    """A step of a response model, written as straight-line arithmetic.

    Names in the text: `p_NAME` parameters and definitions, `y0_i`, `n0_i` states and productions at
    the start, `s_i`, `sm_i`, `se_i` signals at the start, the middle and the end, `WEIGHT_i` the
    weights of state i, all for every patient at once. In `step` and `start` states are distances
    from `rest`, and productions are what exceeds the loss there; in `observe` they are themselves.

    **Arguments:**

    - `model`: the declaration.
    - `parts`: in the order of solution.
    - `rest`: what each state is counted from, length Y; shape (Y, 1) as `origin`.
    - `rounded`: for each state those whose rounding may reach it: states it follows, directly or
      not, that are not solved as a distance, length Y.
    - `used`: the weights that occur, in the order of `WEIGHTS` within each state.
    - `step`: gives `y1_i`, `n1_i`.
    - `start`: gives `n0_i` from `y0_i` and `s_i`.
    - `observe`: gives quantities from `y0_i` and `s_i`.
    """

    model: ResponseModel
    parts: tuple[Part, ...]
    rest: tuple[float, ...]
    rounded: tuple[tuple[int, ...], ...]
    used: tuple[str, ...]
    step: Block
    start: Block
    observe: Block

    @property
    def origin(self) -> NDArray[np.float64]:
        """What the states of many patients are counted from, shape (Y, 1)."""
        return np.array(self.rest, np.float64)[:, None]


@dataclass(frozen=True)
class Block:
    """Lines of arithmetic and the names of what they give.

    **Arguments:**

    - `constants`: name to number.
    - `parameters`: the parameters and definitions that occur, without `p_`.
    - `fixed`, `moving`: lines once a patient, and lines each time.
    - `results`: what the block gives to the name of the value.
    """

    constants: Mapping[str, float]
    parameters: tuple[str, ...]
    fixed: tuple[str, ...]
    moving: tuple[str, ...]
    results: Mapping[str, str] = field(default_factory=dict[str, str])


def cascade_of(model: ResponseModel) -> Cascade:
    """Write the step of a response model."""
    parts = _parts(model)
    writer = _Step(model)
    results = writer.write(parts)
    step = _block(model, writer.program, results)
    words = set(_WORD.findall(" ".join(step.moving)))
    used = tuple(
        f"{weight}_{i}"
        for i in range(len(model.states))
        for weight in WEIGHTS
        if f"{weight}_{i}" in words
    )
    blocks = step, _start(model), _observe(model)
    return Cascade(model, parts, _rest(model), _rounded(model), used, *blocks)


def _depends(model: ResponseModel) -> list[set[int]]:
    """Positions of the states that each state's production uses, through quantities too."""
    position = {s.name: i for i, s in enumerate(model.states)}
    quantities = {q.name: q.expression for q in model.quantities}

    def states_in(text: str) -> set[int]:
        found: set[int] = set()
        for name in names_in(text):
            if name in position:
                found.add(position[name])
            elif name in quantities:
                found |= states_in(quantities[name])
        return found

    return [states_in(s.production) for s in model.states]


def _follows(model: ResponseModel) -> list[set[int]]:
    """Positions of the states that each state follows, directly or over others."""
    reach = _depends(model)
    for _ in model.states:
        for one in reach:
            one |= {k for j in tuple(one) for k in reach[j]}
    return reach


def _rounded(model: ResponseModel) -> tuple[tuple[int, ...], ...]:
    whole = {i for i, s in enumerate(model.states) if names_in(s.initial)}
    return tuple(tuple(sorted(one & whole)) for one in _follows(model))


def _parts(model: ResponseModel) -> tuple[Part, ...]:
    reach = _follows(model)
    left: list[int] = list(range(len(model.states)))
    parts: list[Part] = []
    while left:
        first = next(
            i for i in left if all(j not in left or i in reach[j] or j == i for j in reach[i])
        )
        together = tuple(j for j in left if j == first or (j in reach[first] and first in reach[j]))
        parts.append(Part(together, any(i in reach[i] for i in together)))
        left = [j for j in left if j not in together]
    return tuple(parts)


class _Step:
    """Writes a step, part by part."""

    def __init__(self, model: ResponseModel) -> None:
        self.model = model
        self.program = Program()
        self.known = _patient_names(model, self.program)
        self.middle = {s.name: f"sm_{k}" for k, s in enumerate(model.signals)}
        self.end = {s.name: f"se_{k}" for k, s in enumerate(model.signals)}
        self.results: dict[str, str] = {}

    def write(self, parts: Sequence[Part]) -> dict[str, str]:
        uses = _depends(self.model)
        for number, part in enumerate(parts):
            later = {i for other in parts[number + 1 :] for i in other.states}
            fed = any(uses[i] & set(part.states) for i in later)
            if part.coupled:
                self._coupled(part.states, fed=fed)
            else:
                self._integral(part.states[0], fed=fed)
        return self.results

    def _keep(self, i: int, end: str, production: str, middle: str | None) -> None:
        name = self.model.states[i].name
        self.end[name] = end
        if middle is not None:
            self.middle[name] = middle
        self.results |= {f"y1_{i}": end, f"n1_{i}": production}

    def _integral(self, i: int, *, fed: bool) -> None:
        middle, end = self._production(i, self.middle), self._production(i, self.end)
        self._keep(
            i,
            self._sum(i, (DECAY, "y0"), (W_START, "n0"), (W_MIDDLE, middle), (W_END, end)),
            end,
            self._middle({i: middle}, {i: end})[i] if fed else None,
        )

    def _coupled(self, states: Sequence[int], *, fed: bool) -> None:
        add = self.program.operation
        first = {i: self._sum(i, (DECAY_HALF, "y0"), (A_START, "n0")) for i in states}
        early = self._productions(first, self.middle)
        second = {
            i: self._sum(i, (DECAY_HALF, "y0"), (B_START, "n0"), (B_MIDDLE, early[i]))
            for i in states
        }
        late = self._productions(second, self.middle)
        third = {
            i: self._sum(i, (DECAY, "y0"), (C_START, "n0"), (C_MIDDLE, late[i])) for i in states
        }
        last = self._productions(third, self.end)
        half = self.program.constant(0.5)
        mean = {i: add("*", half, add("+", early[i], late[i])) for i in states}
        end = {
            i: self._sum(i, (DECAY, "y0"), (W_START, "n0"), (W_MIDDLE, mean[i]), (W_END, last[i]))
            for i in states
        }
        final = self._productions(end, self.end)
        middle: dict[int, str] = {}
        if fed:
            # the stages at the middle are of lower order; what follows needs it better
            middle = self._middle(late, final)
            middle = self._middle(self._productions(middle, self.middle), final)
        for i in states:
            self._keep(i, end[i], final[i], middle.get(i))

    def _middle(self, middle: Mapping[int, str], end: Mapping[int, str]) -> dict[int, str]:
        """States at the middle, from productions at the start, the middle and the end."""
        return {
            i: self._sum(
                *(i, (DECAY_HALF, "y0"), (V_START, "n0"), (V_MIDDLE, value), (V_END, end[i]))
            )
            for i, value in middle.items()
        }

    def _sum(self, i: int, *terms: tuple[str, str]) -> str:
        values = [(w, f"{v}_{i}" if v in ("y0", "n0") else v) for w, v in terms]
        return self.program.weighted(*((f"{w}_{i}", v) for w, v in values))

    def _production(self, i: int, moment: Mapping[str, str]) -> str:
        return _excess(self.model, self.program, i, {**self.known, **moment})

    def _productions(self, states: Mapping[int, str], moment: Mapping[str, str]) -> dict[int, str]:
        stage = {**moment, **{self.model.states[i].name: v for i, v in states.items()}}
        return {i: self._production(i, stage) for i in states}


class _Names(dict[str, str]):
    """Symbol to the name of its value; quantities are written where they are first used."""

    def __init__(self, model: ResponseModel, program: Program, known: Mapping[str, str]) -> None:
        super().__init__(known)
        self._quantities = {q.name: q.expression for q in model.quantities}
        self._program = program

    def __missing__(self, name: str) -> str:
        self[name] = self._program.expression(self._quantities[name], self)
        return self[name]


def _patient_names(model: ResponseModel, program: Program) -> dict[str, str]:
    names = [*(p.name for p in model.parameters), *(d.name for d in model.definitions)]
    return {name: program.parameter(f"p_{name}") for name in names}


def _rest(model: ResponseModel) -> tuple[float, ...]:
    """What each state begins at, where that is a number; zero where it differs between patients."""
    return tuple(
        0.0 if names_in(s.initial) else float(evaluate(s.initial, {})) for s in model.states
    )


def _excess(model: ResponseModel, program: Program, i: int, distances: Mapping[str, str]) -> str:
    """Production of a state less its loss at rest.

    **Arguments:**

    - `distances`: parameters, signals, and the distance of every state from its rest.
    """
    rest = _rest(model)
    whole = {
        s.name: program.operation("+", program.constant(rest[k]), distances[s.name])
        for k, s in enumerate(model.states)
        if s.name in distances
    }
    names = _Names(model, program, {**distances, **whole})
    production = program.expression(model.states[i].production, names)
    if rest[i] == 0.0:
        return production
    loss = program.expression(model.states[i].loss, names)
    return program.operation(
        "-", production, program.operation("*", loss, program.constant(rest[i]))
    )


def _moment(model: ResponseModel, program: Program) -> Mapping[str, str]:
    known = _patient_names(model, program)
    known |= {s.name: f"s_{k}" for k, s in enumerate(model.signals)}
    known |= {s.name: f"y0_{i}" for i, s in enumerate(model.states)}
    return known


def _start(model: ResponseModel) -> Block:
    program = Program()
    known = _moment(model, program)
    results = {f"n0_{i}": _excess(model, program, i, known) for i in range(len(model.states))}
    return _block(model, program, results)


def _observe(model: ResponseModel) -> Block:
    program = Program()
    names = _Names(model, program, _moment(model, program))
    return _block(model, program, {q.name: names[q.name] for q in model.quantities})


def _block(model: ResponseModel, program: Program, results: Mapping[str, str]) -> Block:
    words = set(results.values())
    moving = _needed(program.moving, words)
    fixed = _needed(program.fixed, words)
    names = [*(p.name for p in model.parameters), *(d.name for d in model.definitions)]
    return Block(
        constants={name: one for name, one in program.constants.items() if name in words},
        parameters=tuple(name for name in names if f"p_{name}" in words),
        fixed=fixed,
        moving=moving,
        results=dict(results),
    )


def _needed(lines: Sequence[str], words: set[str]) -> tuple[str, ...]:
    """The lines that give some of the words; what they use joins the words."""
    kept: list[str] = []
    for line in reversed(lines):
        name, text = line.split(" = ")
        if name in words:
            kept.append(line)
            words |= set(_WORD.findall(text))
    return tuple(reversed(kept))


_WORD = re.compile(r"\w+")
