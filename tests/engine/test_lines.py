"""Lines of arithmetic that go to LLVM as they are written give what the written lines say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from numba import njit

from ketasim.engine.backends.numba.lanes import LANES, load, store
from ketasim.engine.backends.numba.lines import written

TEXT = """
c = spread(0.5)
x = load(source, at + 16)
sum = x + c
product = -sum * each(source, 3)
if flags[1]:
    store(target, 0, maximum(product, sum) / c)
if flags[0]:
    store(target, 16, sum)
store(target, 32, exp(first) - sqrt(second))
"""

first_two = written(["source"], "a = load(source, 0)\nb = load(source, 16)", ["a", "b"])
lines = written(
    [("first", "second"), "source", "at", "flags", "target"], TEXT, ["product", "first"]
)


@njit
def all_of(source, at, flags, target):  # type: ignore[no-untyped-def]
    product, first = lines(first_two(source), source, at, flags, target)
    store(target, 48, product)
    store(target, 64, first)
    store(target, 80, load(source, 0))


def test_lines_do_what_they_say() -> None:
    source = np.random.default_rng(1).uniform(0.1, 2.0, 4 * LANES)
    target = np.full(6 * LANES, -7.0)
    all_of(source, 32, np.array([False, True]), target)
    rows, found = source.reshape(4, LANES), target.reshape(6, LANES)
    total, root = rows[3] + 0.5, np.sqrt(rows[1])
    product = -total * source[3]
    expected = [
        *(
            np.maximum(product, total) / 0.5,
            np.full(LANES, -7.0),
            np.exp(rows[0]) - root,
        ),
        *(product, rows[0], rows[0]),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("text", ["while x: pass", "a = x ** y", "a.b = x", "a = 1"])
def test_what_is_no_line_is_refused(text: str) -> None:
    operation = written(["x", "y"], text)

    @njit
    def call(x, y):  # type: ignore[no-untyped-def]
        operation(x, y)

    with pytest.raises(Exception, match=r".+"):
        call(1, 2)
