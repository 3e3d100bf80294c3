"""The compiled step of a response model, as Python text for Numba."""

from __future__ import annotations

from collections.abc import Sequence

from ketasim.engine.response.cascade import WEIGHTS, Block, Cascade

# Patients in step with each other: two registers of eight, so that one can go on while the other
# waits for a division.
LANES = 16

_HEAD = '''"""Written by ketasim from the declaration of a response model."""

import numpy as np
from numba import njit

from ketasim.engine.backends.numba.lane_kernels import (
    apply_events,
    clear,
    deliver,
    growth_table,
    read_rows,
    spread_weights,
)
from ketasim.engine.backends.numba.lane_source import LANES as L
from ketasim.engine.backends.numba.lanes import all_finite, inner, load, spread, store
from ketasim.engine.backends.numba.lines import written
'''

_PREPARE = '''"""Written by ketasim: what is done before the steps of any response model."""

from numba import njit

from ketasim.engine.backends.numba.lane_kernels import decompose_stream

CACHE = {cache}


@njit(nogil=True, cache=CACHE, error_model="numpy")
def prepare(
    matrices, m, starts, parents, flows, follows, apart, weights, used, rows, targets, target_of,
    modes, offset, entries, rates, row_modes, entry_modes,
):
    decompose_stream(
        matrices, m, starts, parents, flows, follows, apart, weights, used, rows, targets,
        target_of, modes, offset, entries, rates, row_modes, entry_modes,
    )
'''

_RUN = """

@njit(nogil=True, cache=CACHE, error_model="numpy")
def run(
    first_group, last_group, patients, parameters, initial, losses, amounts, rates, row_modes,
    entry_modes, modes, entries, sources, rows, event_first, kind, entry, source, duration,
    running, sizes, filling, size_of, segments, held, anchored, offsets, filling_later, offset_of,
    shape, weight_of, state_of, shows, terms, term_mode, wanted, observing, column, out, blown,
):
    times, used = len(offset_of), len(weight_of)
    width, reading = STATES + QUANTITIES + rows, len(term_mode) > 0
    halves = 0.5 * sizes
    past = np.empty(2 * L * STATES)
    # times of one segment at once: what is delivered soon is still near
    most = 0
    for g in range(len(segments) - 1):
        most = max(most, held[segments[g + 1]] - held[segments[g]])
    places = np.empty(most * len(column), np.int64)
    for t in range(most):
        for c in range(len(column)):
            places[t * len(column) + c] = L * (t * width + column[c])
    longest = 0
    for g in range(len(segments) - 1):
        longest = max(longest, segments[g + 1] - segments[g])
    weights = np.empty(L * len(sizes) * used)
    growth = np.empty(L * len(sizes) * modes)
    filled = np.empty(L * len(sizes) * modes)
    state, supply = np.empty(L * modes), np.empty(L * modes)
    seen = np.empty(L * (2 * longest + 1) * SIGNALS)
    later = np.empty(L * len(offsets) * modes)
    later_filled = np.empty(L * len(offsets) * modes)
    after = np.empty(L * modes)
    now, produced = np.empty(L * STATES), np.empty(L * STATES)
    values = np.zeros(L * most * width)  # a row that no dose reaches is never written
    for group in range(first_group, last_group):
        p = L * group * PARAMETERS
        k = L * group * STATES
        own = losses[k : k + L * STATES]
        spread_weights(own, sizes, weight_of, state_of, used, weights)
        growth_table(rates, L * group * modes, modes, halves, filling, growth, filled)
        if reading:
            growth_table(
                rates, L * group * modes, modes, offsets, filling_later, later, later_filled
            )
        clear(state, modes)
        clear(supply, modes)
        for i in range(STATES):
            store(now, L * i, load(initial, k + L * i))
        active = 0
        for g in range(len(segments) - 1):
            for e in range(event_first[g], event_first[g + 1]):
                active += 1 if kind[e] == 1 else (-1 if kind[e] == 2 else 0)
            apply_events(
                event_first[g], event_first[g + 1], kind, entry, source, duration, entry_modes,
                L * group * entries * modes, amounts, L * group * sources, modes, state, supply,
            )
            if active == 0:
                clear(supply, modes)
            drive(
                state, supply, running[g], modes, rows, row_modes, L * group * rows * modes,
                growth, filled, size_of, segments[g], segments[g + 1], reading, held,
                offset_of, shows, terms, term_mode, later, later_filled, after, width, seen,
                values,
            )
            produce(parameters, p, now, seen, produced)
            respond(
                parameters, p, own, weights, now, produced, past, seen, size_of, segments[g],
                segments[g + 1], anchored, shape, wanted, width, values,
            )
            first, count = held[segments[g]], held[segments[g + 1]] - held[segments[g]]
            if observing:
                observe(parameters, p, count, width, values)
            deliver(
                values, places, first * len(column), count * len(column), L * group, patients,
                times * len(column), out,
            )
            good = True
            for i in range(STATES):
                good = good and all_finite(load(now, L * i))
            if not good and blown[group] == 0:
                blown[group] = g + 1
"""

_KINDS = {
    "f": "float64[::1]",
    "i": "int64[::1]",
    "b": "boolean[::1]",
    "I": "int64",
    "F": "float64",
    "B": "boolean",
}
SIGNATURES = {
    name: f"void({', '.join(_KINDS[kind] for kind in kinds)})"
    for name, kinds in (
        ("prepare", "fIiibbFfbIiiIIIfff"),
        ("run", "IIIfffffffIIIIiiiifbfbiiiifbifiibiibBifi"),
    )
}
"""What the functions are called with, as Numba writes it; the shorter one first."""


def prepare_text(*, cache: bool) -> str:
    """A module whose `prepare` finds the modes of groups of patients: the same for all models.

    **Arguments:**

    - `cache`: whether Numba keeps what it compiled beside the module's file.
    """
    return _PREPARE.format(cache=cache)


def lane_text(cascade: Cascade, *, cache: bool) -> str:
    """A module whose `run` solves groups of eight patients.

    **Arguments:**

    - `cascade`: the step.
    - `cache`: whether Numba keeps what it compiled beside the module's file.
    """
    names = parameter_names(cascade)
    counts = {
        "CACHE": cache,
        "STATES": len(cascade.model.states),
        "SIGNALS": len(cascade.model.signals),
        "QUANTITIES": len(cascade.model.quantities),
        "PARAMETERS": len(names),
    }
    lines = [_HEAD, *(f"{name} = {value}" for name, value in counts.items()), ""]
    lines += _drive(cascade)
    lines += _produce(cascade, names)
    lines += _respond(cascade, names)
    lines += _observe(cascade, names)
    return "\n".join(lines) + _RUN


def parameter_names(cascade: Cascade) -> tuple[str, ...]:
    """Parameters and definitions that the step uses, in the order of its table."""
    wanted = {
        name
        for block in (cascade.step, cascade.start, cascade.observe)
        for name in block.parameters
    }
    model = cascade.model
    every = [*(p.name for p in model.parameters), *(d.name for d in model.definitions)]
    return tuple(name for name in every if name in wanted)


def weight_places(cascade: Cascade) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which weight of which state each row of a step's table holds."""
    pairs = [one.rsplit("_", 1) for one in cascade.used]
    return (
        tuple(WEIGHTS.index(weight) for weight, _ in pairs),
        tuple(int(state) for _, state in pairs),
    )


_DECORATOR = "@inner"


def _once(block: Block, names: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Lines that read the parameters and follow from them alone, and the names they give."""
    lines = [
        *_constants(block),
        *(
            f"p_{name} = load(parameters, p + {LANES * names.index(name)})"
            for name in block.parameters
        ),
        *block.fixed,
    ]
    gives = [f"p_{name}" for name in block.parameters] + [_target(one) for one in block.fixed]
    if not gives:  # a tuple of nothing has no type
        lines, gives = [*lines, "nothing = spread(0.0)"], ["nothing"]
    return lines, gives


def _constants(block: Block) -> list[str]:
    return [f"{name} = spread({value!r})" for name, value in block.constants.items()]


def _target(line: str) -> str:
    return line.partition(" = ")[0]


def _rows(prefix: str, count: int, array: str, place: str, first: int = 0) -> list[str]:
    """Lines that read as many rows, one after the other."""
    return [f"{prefix}_{i} = load({array}, {place}{LANES * (first + i)})" for i in range(count)]


def _named(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{i}" for i in range(count)]


def _written(name: str, takes: list[str], lines: list[str], gives: Sequence[str] = ()) -> list[str]:
    """An operation of the module: see `ketasim.engine.backends.numba.lines.written`."""
    return [
        "",
        f"{name} = written(",
        f"    [{', '.join(takes)}],",
        '    """',
        *lines,
        '""",',
        f"    {list(gives)},",
        ")",
        "",
    ]


def _words(names: Sequence[str]) -> list[str]:
    return [repr(name) for name in names]


def _drive(cascade: Cascade) -> list[str]:
    """Move the modes along a segment; signals at its beginning and at every middle and end."""
    signals = range(len(cascade.model.signals))
    s = len(signals)
    # a signal that a mode does not show in is left alone
    sums = [
        line
        for k in signals
        for line in (
            f"            if shows[{k} * modes + i]:",
            f"                w_{k} = load(weights, at + L * ({k} * modes + i))",
            f"                m_{k} = m_{k} + w_{k} * half",
            f"                e_{k} = e_{k} + w_{k} * full",
        )
    ]
    advance = {
        "running": (
            "more = load(filled, base + L * i) * load(supply, L * i) + tiny",
            "half = load(state, L * i) * grow + more",
            "full = half * grow + more",
        ),
        "not running": (
            "half = load(state, L * i) * grow + tiny",
            "full = half * grow + tiny",
        ),
    }
    lines = [
        "",
        _DECORATOR,
        "def drive(",
        "    state, supply, running, modes, rows, weights, at, growth, filled, size_of, first,",
        "    last, reading, held, offset_of, shows, terms, term_mode, later, later_filled, after,",
        "    width, seen, values,",
        "):",
        "    zero, tiny = spread(0.0), spread(1e-250)",
        *(f"    m_{k} = zero" for k in signals),
        "    for i in range(modes):",
        "        value = load(state, L * i)",
        *(
            f"        m_{k} = m_{k} + load(weights, at + L * ({k} * modes + i)) * value"
            for k in signals
        ),
        *(f"    store(seen, {LANES * k}, m_{k})" for k in signals),
        "    for step in range(first, last):",
        "        if reading:",
        "            for o in range(held[step], held[step + 1]):",
        "                read_rows(",
        "                    state, supply, running, modes, terms, term_mode, weights, at, later,",
        "                    later_filled, offset_of[o], after, values,",
        "                    (o - held[first]) * width + STATES + QUANTITIES,",
        "                )",
        "        base = L * size_of[step] * modes",
        *(f"        m_{k} = zero" for k in signals),
        *(f"        e_{k} = zero" for k in signals),
    ]
    for test, moves in advance.items():
        lines += [
            f"        if {test}:",
            "          for i in range(modes):",
            "            grow = load(growth, base + L * i)",
            *(f"            {move}" for move in moves),
            "            store(state, L * i, full)",
            *sums,
        ]
    lines += [
        f"        place = {2 * LANES * s} * (step - first)",
        *(f"        store(seen, place + {LANES * (s + k)}, m_{k})" for k in signals),
        *(f"        store(seen, place + {LANES * (2 * s + k)}, e_{k})" for k in signals),
        "",
    ]
    return lines


def _produce(cascade: Cascade, names: tuple[str, ...]) -> list[str]:
    states, signals = len(cascade.model.states), len(cascade.model.signals)
    block = cascade.start
    lines, _ = _once(block, names)
    lines += [
        *_rows("y0", states, "now", ""),
        *_rows("s", signals, "seen", ""),
        *block.moving,
        *(f"store(produced, {LANES * i}, {block.results[f'n0_{i}']})" for i in range(states)),
    ]
    return _written("produce", _words(["parameters", "p", "now", "seen", "produced"]), lines)


def _respond(cascade: Cascade, names: tuple[str, ...]) -> list[str]:
    """Move the states along a segment, and to the requested times in it."""
    states, signals = len(cascade.model.states), len(cascade.model.signals)
    block = cascade.step
    once, fixed = _once(block, names)
    before = [*_named("y0", states), *_named("n0", states)]
    # of the step; one that stays as it was is not made by it
    after = [block.results[f"{kind}1_{i}"] for kind in "yn" for i in range(states)]
    begin = [*_rows("y0", states, "now", ""), *_rows("n0", states, "produced", "")]
    step = [
        *_constants(block),
        *_rows("sm", signals, "seen", "at + ", signals),
        *_rows("se", signals, "seen", "at + ", 2 * signals),
        *(f"{name} = load(weights, w + {LANES * u})" for u, name in enumerate(cascade.used)),
        *block.moving,
    ]
    dense = [f"b{place} = each(shape, o + {place})" for place in range(6)]
    for i in range(states):
        rest = f" + spread({cascade.rest[i]!r})" if cascade.rest[i] else ""
        dense += [
            f"if wanted[{i}]:",
            f"    k = load(losses, {LANES * i})",
            f"    yp = load(past, {2 * LANES * i})",
            f"    np = load(past, {2 * LANES * i + LANES})",
            f"    value = b0 * yp + b1 * y0_{i} + b2 * y1_{i} + b3 * (np - k * yp)",
            f"    more = b4 * (n0_{i} - k * y0_{i}) + b5 * (n1_{i} - k * y1_{i})",
            f"    store(values, at + {LANES * i}, value + more{rest})",
        ]
    head = [
        "",
        _DECORATOR,
        "def respond(",
        "    parameters, p, losses, weights, now, produced, past, seen, size_of, first, last,",
        "    anchored, shape, wanted, width, values,",
        "):",
    ]
    if not states:  # a tuple of nothing has no type
        return [*head, "    pass", ""]
    leave = [
        line
        for i in range(states)
        for line in (
            f"store(past, {2 * LANES * i}, y0_{i})",
            f"store(past, {2 * LANES * i + LANES}, n0_{i})",
        )
    ]
    end = [
        *(f"store(now, {LANES * i}, y0_{i})" for i in range(states)),
        *(f"store(produced, {LANES * i}, n0_{i})" for i in range(states)),
    ]
    later = [*_named("y1", states), *_named("n1", states)]
    return [
        "",
        f"FIXED = {fixed}",
        f"BEFORE = {before}",
        f"AFTER = {later}",
        *_written("respond_fixed", _words(["parameters", "p"]), once, fixed),
        *_written("respond_begin", _words(["now", "produced"]), begin, before),
        *_written(
            "respond_step",
            ["FIXED", "BEFORE", *_words(["seen", "at", "weights", "w"])],
            step,
            after,
        ),
        *_written(
            "respond_dense",
            [
                *("BEFORE", "AFTER"),
                *_words(["losses", "past", "shape", "o", "wanted", "values", "at"]),
            ],
            dense,
        ),
        *_written("respond_leave", ["BEFORE", *_words(["past"])], leave),
        *_written("respond_end", ["BEFORE", *_words(["now", "produced"])], end),
        *head,
        "    fixed = respond_fixed(parameters, p)",
        "    before = respond_begin(now, produced)",
        "    for step in range(first, last):",
        f"        w = {LANES * len(cascade.used)} * size_of[step]",
        f"        at = {2 * LANES * signals} * (step - first)",
        "        after = respond_step(fixed, before, seen, at, weights, w)",
        "        for o in range(anchored[step], anchored[step + 1]):",
        "            place = L * (o - anchored[first]) * width",
        "            respond_dense(",
        "                before, after, losses, past, shape, 6 * o, wanted, values, place",
        "            )",
        "        if step + 1 < last and anchored[step + 1] < anchored[step + 2]:",
        "            respond_leave(before, past)",
        "        before = after",
        "    respond_end(before, now, produced)",
        "",
    ]


def _observe(cascade: Cascade, names: tuple[str, ...]) -> list[str]:
    states, signals = len(cascade.model.states), len(cascade.model.signals)
    block, count = cascade.observe, len(cascade.model.quantities)
    once, fixed = _once(block, names)
    lines = [
        *_constants(block),
        *_rows("y0", states, "values", "at + "),
        *_rows("s", signals, "values", "at + ", states + count),
        *block.moving,
        *(
            f"store(values, at + {LANES * (states + q)}, {value})"
            for q, value in enumerate(block.results.values())
        ),
    ]
    return [
        "",
        f"SEEN = {fixed}",
        *_written("observe_fixed", _words(["parameters", "p"]), once, fixed),
        *_written("observe_lines", ["SEEN", *_words(["values", "at"])], lines),
        "",
        _DECORATOR,
        "def observe(parameters, p, times, width, values):",
        "    fixed = observe_fixed(parameters, p)",
        "    for t in range(times):",
        "        observe_lines(fixed, values, L * t * width)",
        "",
    ]
