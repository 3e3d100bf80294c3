"""Compiled parts that every model shares: modes, weights, and the linear block along a calendar.

All arrays are flat; a place counts numbers, and eight in a row are eight patients.
"""

# intrinsics take one argument less than is written
# pyright: basic, reportCallIssue=false
from __future__ import annotations

import math

import numpy as np

from ketasim.engine.backends.numba.lane_source import LANES
from ketasim.engine.backends.numba.lanes import (
    exp,
    inner,
    load,
    magnitude,
    spread,
    sqrt,
    store,
    turn,
    where_less,
)

SWEEPS = 6  # of Jacobi's method, which converges quadratically: a block of five settles in five
_TERMS = 15
_SERIES = tuple(1.0 / math.factorial(n + 3) for n in range(_TERMS))  # of phi_3


@inner
def decompose(matrix, at, m, starts, parents, flows, follows, apart, work, rates, right, left):
    """Modes of one group of eight patients, as `ketasim.engine.linear.modes.modes_of` has them.

    `matrix` holds m*m rows from `at` on. `rates` gets m rows, `right` (state, mode) and `left`
    (mode, state) m*m rows. `work` needs 3*m*m + 2*m rows.
    """
    sym, vec, inv = 0, m * m, 2 * m * m
    scale, push = 3 * m * m, 3 * m * m + m
    one, zero = spread(1.0), spread(0.0)
    for i in range(m * m):
        store(right, LANES * i, zero)
        store(left, LANES * i, zero)
        store(work, LANES * (vec + i), zero)
        store(work, LANES * (inv + i), zero)
    for block in range(len(starts) - 1):
        a, b = starts[block], starts[block + 1]
        store(work, LANES * (scale + a), one)
        for i in range(a + 1, b):
            p = parents[i]
            ratio = load(matrix, at + LANES * (i * m + p)) / load(matrix, at + LANES * (p * m + i))
            store(work, LANES * (scale + i), load(work, LANES * (scale + p)) * sqrt(ratio))
        for i in range(a, b):
            for j in range(a, b):
                across = load(matrix, at + LANES * (i * m + j)) * load(work, LANES * (scale + j))
                store(work, LANES * (sym + i * m + j), across / load(work, LANES * (scale + i)))
                store(work, LANES * (vec + i * m + j), one if i == j else zero)
        _jacobi(work, sym, vec, m, a, b)
        for i in range(a, b):
            store(rates, LANES * i, load(work, LANES * (sym + i * m + i)))
        for i in range(a, b):
            by = load(work, LANES * (scale + i))
            for j in range(a, b):
                v = load(work, LANES * (vec + i * m + j))
                store(work, LANES * (inv + j * m + i), v / by)
                store(work, LANES * (vec + i * m + j), v * by)
    _move_apart(rates, m, starts, follows, apart)
    for block in range(len(starts) - 1):
        a, b = starts[block], starts[block + 1]
        for mode in range(a, b):
            for i in range(a, b):
                store(right, LANES * (i * m + mode), load(work, LANES * (vec + i * m + mode)))
                store(left, LANES * (mode * m + i), load(work, LANES * (inv + mode * m + i)))
            for later in range(block + 1, len(starts) - 1):
                _downstream(
                    matrix, at, m, starts, flows, follows, work, vec, inv, push, rates, right,
                    mode, later,
                )  # fmt: skip
            for earlier in range(block - 1, -1, -1):
                _upstream(
                    matrix, at, m, starts, flows, follows, work, vec, inv, push, rates, left,
                    mode, earlier,
                )  # fmt: skip


@inner
def _jacobi(work, sym, vec, m, a, b):
    """Eigenvalues onto the diagonal, vectors into `vec`, by rotations in a fixed order."""
    one, zero, tiny = spread(1.0), spread(0.0), spread(1e-300)
    for _ in range(SWEEPS if b - a > 2 else 1):
        for p in range(a, b - 1):
            for q in range(p + 1, b):
                off = load(work, LANES * (sym + p * m + q))
                first, last = (
                    load(work, LANES * (sym + p * m + p)),
                    load(work, LANES * (sym + q * m + q)),
                )
                gap = last - first
                # tangent of the smaller angle that makes the pair vanish
                double = off + off
                size = magnitude(gap) + sqrt(gap * gap + double * double) + tiny
                tangent = where_less(gap, zero, -double, double) / size
                cosine = one / sqrt(one + tangent * tangent)
                sine = tangent * cosine
                store(work, LANES * (sym + p * m + p), first - tangent * off)
                store(work, LANES * (sym + q * m + q), last + tangent * off)
                store(work, LANES * (sym + p * m + q), zero)
                store(work, LANES * (sym + q * m + p), zero)
                for k in range(a, b):
                    if k not in (p, q):
                        x = load(work, LANES * (sym + k * m + p))
                        y = load(work, LANES * (sym + k * m + q))
                        store(work, LANES * (sym + k * m + p), cosine * x - sine * y)
                        store(work, LANES * (sym + p * m + k), cosine * x - sine * y)
                        store(work, LANES * (sym + k * m + q), sine * x + cosine * y)
                        store(work, LANES * (sym + q * m + k), sine * x + cosine * y)
                    x, y = (
                        load(work, LANES * (vec + k * m + p)),
                        load(work, LANES * (vec + k * m + q)),
                    )
                    store(work, LANES * (vec + k * m + p), cosine * x - sine * y)
                    store(work, LANES * (vec + k * m + q), sine * x + cosine * y)


@inner
def _move_apart(rates, m, starts, follows, apart):
    part, zero = spread(0.5), spread(0.0)
    for block in range(len(starts) - 1):
        for i in range(starts[block], starts[block + 1]):
            for j in range(starts[block + 1], m):
                if follows[j * m + i]:
                    x, y = load(rates, LANES * i), load(rates, LANES * j)
                    mean, half = part * (x + y), part * (x - y)
                    least, square = spread(apart) * mean, half * half
                    least = least * least
                    moved = sqrt(sqrt(square * square + least * least))
                    moved = where_less(half, zero, -moved, moved)
                    store(rates, LANES * i, mean + moved)
                    store(rates, LANES * j, mean - moved)


@inner
def _downstream(
    matrix, at, m, starts, flows, follows, work, vec, inv, push, rates, right, mode, number
):
    a, b = starts[number], starts[number + 1]
    some = False
    for state in range(a, b):
        total = spread(0.0)
        for other in range(a):
            if flows[state * m + other] and follows[other * m + mode]:
                some = True
                coefficient = load(matrix, at + LANES * (state * m + other))
                total = total + coefficient * load(right, LANES * (other * m + mode))
        store(work, LANES * (push + state), total)
    if not some:
        return
    rate = load(rates, LANES * mode)
    for k in range(a, b):
        projected = spread(0.0)
        for state in range(a, b):
            into = load(work, LANES * (inv + k * m + state))
            projected = projected + into * load(work, LANES * (push + state))
        projected = projected / (rate - load(rates, LANES * k))
        for state in range(a, b):
            place = LANES * (state * m + mode)
            into = load(work, LANES * (vec + state * m + k))
            store(right, place, load(right, place) + into * projected)


@inner
def _upstream(
    matrix, at, m, starts, flows, follows, work, vec, inv, push, rates, left, mode, number
):
    a, b = starts[number], starts[number + 1]
    some = False
    for state in range(a, b):
        total = spread(0.0)
        for other in range(b, m):
            if flows[other * m + state] and follows[mode * m + other]:
                some = True
                coefficient = load(matrix, at + LANES * (other * m + state))
                total = total + coefficient * load(left, LANES * (mode * m + other))
        store(work, LANES * (push + state), total)
    if not some:
        return
    rate = load(rates, LANES * mode)
    for k in range(a, b):
        projected = spread(0.0)
        for state in range(a, b):
            into = load(work, LANES * (vec + state * m + k))
            projected = projected + into * load(work, LANES * (push + state))
        projected = projected / (rate - load(rates, LANES * k))
        for state in range(a, b):
            place = LANES * (mode * m + state)
            into = load(work, LANES * (inv + k * m + state))
            store(left, place, load(left, place) + into * projected)


@inner
def spread_weights(loss, sizes, weight_of, state_of, used, table):
    """Weights of every distinct step, as `ketasim.engine.response.weights.step_weights` has them.

    `loss` holds a row a state; `weight_of` and `state_of` say which weight of which state each of
    the `used` rows of a step holds.
    """
    for h in range(len(sizes)):
        size = sizes[h]
        last = -1
        for u in range(used):
            state = state_of[u]
            if state != last:
                k = load(loss, LANES * state)
                eh, p1, p2, p3 = _phi(spread(-0.5 * size) * k)
                e, q1, q2, q3 = _phi(spread(-size) * k)
                last = state
            full, half = spread(size), spread(0.5 * size)
            w = weight_of[u]
            if w == 0:
                value = eh
            elif w == 1:
                value = half * (p1 - spread(1.5) * p2 + p3)
            elif w == 2:
                value = half * spread(2.0) * (p2 - p3)
            elif w == 3:
                value = half * (p3 - spread(0.5) * p2)
            elif w == 4:
                value = e
            elif w == 5:
                value = full * (q1 - spread(3.0) * q2 + spread(4.0) * q3)
            elif w == 6:
                value = full * (spread(4.0) * q2 - spread(8.0) * q3)
            elif w == 7:
                value = full * (spread(4.0) * q3 - q2)
            elif w == 8:
                value = half * p1
            elif w == 9:
                value = full * (spread(0.5) * p1 - p2)
            elif w == 10:
                value = full * p2
            elif w == 11:
                value = full * (q1 - spread(2.0) * q2)
            else:
                value = full * spread(2.0) * q2
            store(table, LANES * (h * used + u), value)


@inner
def _phi(z):
    one, edge = spread(1.0), spread(-1.0)
    near = where_less(z, edge, edge, z)
    series = spread(0.0)
    for n in range(_TERMS - 1, -1, -1):
        series = series * near + spread(_SERIES[n])
    close_2 = near * series + spread(0.5)
    close_1 = near * close_2 + one
    whole = exp(z)
    per = one / where_less(z, edge, z, edge)
    far_1 = (whole - one) * per
    far_2 = (far_1 - one) * per
    far_3 = (far_2 - spread(0.5)) * per
    return (
        whole,
        where_less(z, edge, far_1, close_1),
        where_less(z, edge, far_2, close_2),
        where_less(z, edge, far_3, series),
    )


@inner
def growth_table(rates, at, modes, times, filling, growth, filled):
    """For each of some times, what is left of each mode then, and what a unit input has added.

    The latter only for the times that `filling` marks.
    """
    for h in range(len(times)):
        time = spread(times[h])
        for i in range(modes):
            z = load(rates, at + LANES * i) * time
            if filling[h]:
                left, one, _, _ = _phi(z)
                store(growth, LANES * (h * modes + i), left)
                store(filled, LANES * (h * modes + i), time * one)
            else:
                store(growth, LANES * (h * modes + i), exp(z))


@inner
def read_rows(
    state, supply, running, modes, terms, term_mode, weights, at, growth, filled, offset, after,
    found, place,
):  # fmt: skip
    """Rows at a time after the beginning of a step: distinct offset 0 is the beginning itself.

    Row r is the sum over `term_mode` from `terms[r]` to `terms[r + 1]`: not every mode shows in
    every row, and not every row is wanted.
    """
    base = offset * modes
    for i in range(modes):
        value = load(state, LANES * i)
        if offset > 0:
            value = value * load(growth, LANES * (base + i))
            if running:
                value = value + load(filled, LANES * (base + i)) * load(supply, LANES * i)
        store(after, LANES * i, value)
    for r in range(len(terms) - 1):
        if terms[r] == terms[r + 1]:
            continue
        total = spread(0.0)
        for k in range(terms[r], terms[r + 1]):
            i = term_mode[k]
            weight = load(weights, at + LANES * (r * modes + i))
            total = total + weight * load(after, LANES * i)
        store(found, LANES * (place + r), total)


@inner
def decompose_stream(
    matrices, m, starts, parents, flows, follows, apart, weights, used, rows, targets, target_of,
    modes, offset, entries, rates, row_modes, entry_modes,
):  # fmt: skip
    """Modes of one molecule for every group of eight patients, into the tables of all molecules.

    `matrices` (groups, m*m), `weights` (groups, rows*m) and `used` (rows, m) give the rates and
    what is read; `targets` are the states that inputs enter and `target_of` their entries. Fills
    columns `offset` to `offset + m` of `rates` (groups, modes), `row_modes` (groups, rows*modes)
    and `entry_modes` (groups, entries*modes).
    """
    work = np.empty(LANES * (3 * m * m + 2 * m))
    own, right = np.empty(LANES * m), np.empty(LANES * m * m)
    left = np.empty(LANES * m * m)
    groups = len(rates) // (LANES * modes)
    for g in range(groups):
        decompose(
            matrices, LANES * g * m * m, m, starts, parents, flows, follows, apart, work, own,
            right, left,
        )  # fmt: skip
        for i in range(m):
            store(rates, LANES * (g * modes + offset + i), load(own, LANES * i))
        for r in range(rows):
            for i in range(m):
                total = spread(0.0)
                for s in range(m):
                    if used[r * m + s]:
                        weight = load(weights, LANES * ((g * rows + r) * m + s))
                        total = total + weight * load(right, LANES * (s * m + i))
                store(row_modes, LANES * ((g * rows + r) * modes + offset + i), total)
        for k in range(len(targets)):
            for i in range(m):
                value = load(left, LANES * (i * m + targets[k]))
                place = (g * entries + target_of[k]) * modes + offset + i
                store(entry_modes, LANES * place, value)


@inner
def apply_events(
    first, last, kind, entry, source, duration, entry_modes, entry_at, amounts, amounts_at, modes,
    state, supply,
):  # fmt: skip
    """Apply the changes of inputs at the beginning of a segment."""
    for e in range(first, last):
        amount = load(amounts, amounts_at + LANES * source[e])
        if kind[e] > 0:
            amount = amount * spread((1.0 if kind[e] == 1 else -1.0) / duration[e])
        for i in range(modes):
            into = amount * load(entry_modes, entry_at + LANES * (entry[e] * modes + i))
            if kind[e] == 0:
                store(state, LANES * i, load(state, LANES * i) + into)
            else:
                store(supply, LANES * i, load(supply, LANES * i) + into)


@inner
def clear(array, rows):
    """Set rows of a flat array to zero."""
    for i in range(rows):
        store(array, LANES * i, spread(0.0))


@inner
def deliver(values, places, first, count, patient, patients, whole, out):
    """Copy what was asked for into the table of patients, times and columns.

    `count` numbers of a patient, which begin in `values` at `places`, go to `out` from `first` on
    among the patient's `whole`.
    """
    some = min(LANES, patients - patient)
    if some == LANES and count >= 8:
        # by eight; the last eight may begin among those before them
        for k in range(0, count, 8):
            at = min(k, count - 8)
            turn(values, places, at, out, patient * whole + first + at, whole)
        return
    for lane in range(some):
        for k in range(count):
            out[(patient + lane) * whole + first + k] = values[places[k] + lane]
