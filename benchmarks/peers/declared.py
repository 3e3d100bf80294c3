"""The equations of a response that ketasim declares, written for numbalsoda.

The text comes from the declaration, so nobody copies an equation by hand; `measure_waits` holds
what is solved by it against ketasim's own oracle, which evaluates the same declaration.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from driven import Driven
from numpy.typing import NDArray

from ketasim.models import ResponseModel, names_in

Array = NDArray[np.float64]

_HEAD = 2  # numbers before the parameters: whether an infusion runs, number of linear states
_OPTIONS = {"fastmath": True, "error_model": "numpy"}

_LINEAR = """def equations(_t, _u, _du, _p):
    _m = int(_p[1])
    _y, _dy = carray(_u, _m + {states}), carray(_du, _m + {states})
    _rows = {supply} + {tables} * _m
    _columns = _rows + _m + 1
    _values = _columns + int(_p[_rows + _m])
    {zero}
    for _i in range(_m):
        _total = _p[0] * _p[{supply} + _i]
        for _k in range(int(_p[_rows + _i]), int(_p[_rows + _i + 1])):
            _total += _p[_values + _k] * _y[int(_p[_columns + _k])]
        _dy[_i] = _total
{sums}
"""


@cache
def equations(model: ResponseModel) -> Any:
    """Compile the linear chain and the response behind it.

    **Arguments:**

    - `model`: the declaration.

    **Returns:** what numbalsoda calls; its `address` holds as long as it is kept.
    """
    import numba
    from numbalsoda import lsoda_sig

    inner = numba.njit(inline="always", **_OPTIONS)
    known = {"carray": numba.carray, "exp": math.exp, "log": math.log, "sqrt": math.sqrt}
    known |= {
        "maximum": inner(lambda a, b: max(float(a), float(b))),
        "minimum": inner(lambda a, b: min(float(a), float(b))),
    }
    exec(text(model), known)  # noqa: S102 - written below, from a declaration that was parsed
    return numba.cfunc(lsoda_sig, **_OPTIONS)(known["equations"])


def text(model: ResponseModel) -> str:
    """The equations as Python; `table` gives the numbers they read."""
    used, states = _parameters(model), [state.name for state in model.states]
    signals = [signal.name for signal in model.signals]
    supply = _HEAD + len(used)
    sums = [
        f"        {name} += _p[{supply} + {k} * _m + _i] * _y[_i]"
        for k, name in enumerate(signals, start=1)
    ]
    lines = [
        _LINEAR.format(
            states=len(states),
            supply=supply,
            tables=1 + len(signals),
            zero=f"{' = '.join(signals)} = 0.0",
            sums="\n".join(sums),
        )
    ]
    # rounding may leave a signal a hair below zero, where powers have no value
    lines += [f"    {name} = max({name}, 0.0)" for name in signals]
    lines += [f"    {name} = _p[{_HEAD + k}]" for k, name in enumerate(used)]
    lines += [f"    {name} = _y[_m + {k}]" for k, name in enumerate(states)]
    needed = _needed(model)
    lines += [f"    {q.name} = {q.expression}" for q in model.quantities if q.name in needed]
    lines += [
        f"    _dy[_m + {k}] = {state.production} - ({state.loss})*{state.name}"
        for k, state in enumerate(model.states)
    ]
    return "\n".join(lines) + "\n"


def table(given: Driven) -> Array:
    """What the equations read, the first column written by the loop: (n, k)."""
    n, m = given.supply.shape
    # only entries that some patient has are multiplied: chains are sparse
    row, column = np.nonzero(np.any(given.rates != 0.0, axis=0))
    pattern = np.concatenate([np.searchsorted(row, np.arange(m + 1)), column]).astype(float)
    return np.column_stack(
        [
            *(np.zeros(n), np.full(n, float(m))),
            *(given.parameters[name] for name in _parameters(given.model)),
            *(given.supply, given.signals.reshape(n, -1)),
            *(np.tile(pattern, (n, 1)), given.rates[:, row, column]),
        ]
    )


def _needed(model: ResponseModel) -> frozenset[str]:
    """Every name that the rates of the states depend on."""
    found = {name for state in model.states for name in names_in(state.production)}
    found |= {name for state in model.states for name in names_in(state.loss)}
    for quantity in reversed(model.quantities):
        if quantity.name in found:
            found |= names_in(quantity.expression)
    return frozenset(found)


def _parameters(model: ResponseModel) -> list[str]:
    """Parameters and definitions among them, in the order of the declaration."""
    needed = _needed(model)
    return [one.name for one in (*model.parameters, *model.definitions) if one.name in needed]
