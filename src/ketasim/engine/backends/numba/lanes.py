"""Patients in vector registers: a Numba type with the arithmetic of a declaration.

Compilers vectorise loops when they can prove it safe and find it worth it; here the vectors are
written out, so the code is the same whatever they think. Exponential and logarithm are polynomials
without branches: the ones of the C library would be called eight times.
"""

# ruff: noqa: ARG001 - an intrinsic's arguments are types, used by their position
# Numba has no types of its own
# pyright: basic, reportOptionalCall=false
from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from ketasim.engine.backends.numba.lane_source import LANES

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_BITS = ir.VectorType(ir.IntType(64), LANES)
_I32 = ir.IntType(32)
_FIRST = {"target": "cpu"}  # of templates: Numba asks those for the processor before the others
_FUSED = ("contract",)  # a product and a sum may become one rounding, the same for every lane

inner = njit(  # pyright: ignore[reportCallIssue] - wrappers are options of the target
    nogil=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
)
"""Decorator of what only compiled functions call: nothing is compiled to call it from Python."""


class Lanes(types.Type):
    """Numbers of `LANES` patients."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes{LANES}")


lanes = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, _VECTOR)


def numbers(value: float) -> Any:
    """The same number in all lanes, when it is known."""
    return ir.Constant(_VECTOR, [float(value)] * LANES)


def _words(value: int) -> Any:
    return ir.Constant(_BITS, [value] * LANES)


def _binary(function: Any, sign: str) -> None:
    @infer_global(function)
    class _Template(AbstractTemplate):
        metadata = _FIRST

        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and not kws and all(isinstance(one, Lanes) for one in args):
                return signature(lanes, lanes, lanes)
            return None

    @lower_builtin(function, Lanes, Lanes)
    def _lower(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return OPERATIONS[sign](builder, *args)


_binary(operator.add, "+")
_binary(operator.sub, "-")
_binary(operator.mul, "*")
_binary(operator.truediv, "/")


@infer_global(operator.neg)
class _Negative(AbstractTemplate):
    metadata = _FIRST

    def generic(self, args: Any, kws: Any) -> Any:
        if len(args) == 1 and not kws and isinstance(args[0], Lanes):
            return signature(lanes, lanes)
        return None


@lower_builtin(operator.neg, Lanes)
def _lower_negative(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
    return OPERATIONS["neg"](builder, *args)


def address(context: Any, builder: Any, array_type: Any, array: Any, place: Any) -> Any:
    """Where the lanes of a flat array lie that begin at a place."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), _VECTOR.as_pointer())


@intrinsic
def load(_typing, array, place):
    """The numbers of a flat array from a place on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(address(context, builder, sig.args[0], args[0], args[1]), align=8)

    return lanes(array, types.intp), emit


@intrinsic
def store(_typing, array, place, value):
    """Write into a flat array from a place on."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], address(context, builder, sig.args[0], args[0], args[1]), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), emit


@intrinsic
def spread(_typing, value):
    """The same number in all lanes."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return everywhere(builder, args[0])

    return lanes(types.float64), emit


def everywhere(builder: Any, value: Any) -> Any:
    """A number in all lanes, as it is compiled."""
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, mask)


@intrinsic
def turn(_typing, source, places, first, target, place, stride):
    """Write eight rows of lanes as one row of eight a patient.

    `places` from `first` on are where the eight rows begin in `source`; patient l gets eight
    numbers of `target` from `place + l*stride` on.
    """

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        array, where, begin, out, place, stride = args
        starts = context.make_array(sig.args[1])(context, builder, where).data
        rows = []
        for k in range(8):
            number = builder.add(begin, ir.Constant(begin.type, k))
            at = builder.load(builder.gep(starts, [number]))
            lies = address(context, builder, sig.args[0], array, at)
            rows.append(builder.load(lies, align=8))
        eight = ir.VectorType(_DOUBLE, 8)
        data = context.make_array(sig.args[3])(context, builder, out).data
        for half in range(LANES // 8):
            part = ir.Constant(ir.VectorType(_I32, 8), [half * 8 + lane for lane in range(8)])
            nothing = ir.Constant(_VECTOR, ir.Undefined)
            tile = [builder.shuffle_vector(row, nothing, part) for row in rows]
            for lane, row in enumerate(_transposed(builder, tile)):
                number = ir.Constant(place.type, half * 8 + lane)
                at = builder.add(place, builder.mul(number, stride))
                lies = builder.bitcast(builder.gep(data, [at]), eight.as_pointer())
                builder.store(row, lies, align=8)
        return context.get_dummy_value()

    kinds = (source, places, types.intp, target, types.intp, types.intp)
    return types.void(*kinds), emit


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Eight rows of eight, turned: pairs, then fours, then halves are exchanged."""
    for width in (1, 2, 4):
        low = [i // width % 2 * 8 + i - i // width % 2 * width for i in range(8)]
        high = [one + width for one in low]
        masks = [ir.Constant(ir.VectorType(_I32, 8), mask) for mask in (low, high)]
        turned = list(rows)
        for i in range(8):
            if i // width % 2 == 0:
                pair = rows[i], rows[i + width]
                turned[i] = builder.shuffle_vector(*pair, masks[0])
                turned[i + width] = builder.shuffle_vector(*pair, masks[1])
        rows = turned
    return rows


def _call(builder: Any, name: str, *args: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * len(args))
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, args)


def _at_most(builder: Any, x: Any, bound: float) -> Any:
    # what is not a number fails the comparison and stays
    limit = numbers(bound)
    return builder.select(builder.fcmp_ordered(">", x, limit), limit, x)


def _at_least(builder: Any, x: Any, bound: float) -> Any:
    limit = numbers(bound)
    return builder.select(builder.fcmp_ordered("<", x, limit), limit, x)


def _fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    return _call(builder, f"llvm.fma.v{LANES}f64", x, y, z)


def _polynomial(builder: Any, x: Any, coefficients: list[float]) -> Any:
    """Value of a polynomial, highest power first; two halves, so that they run side by side."""
    total = numbers(coefficients[0])
    for one in coefficients[1:]:
        total = _fused(builder, total, x, numbers(one))
    return total


def _emit_exp(builder: Any, x: Any) -> Any:
    x = _at_least(builder, _at_most(builder, x, 709.0), -708.0)
    # adding 1.5 * 2**52 leaves the nearest whole number in the lowest bits
    shift = numbers(6755399441055744.0)
    moved = _fused(builder, x, numbers(1.4426950408889634), shift)
    whole = builder.fsub(moved, shift)
    rest = _fused(builder, whole, numbers(-0.6931471803691238), x)
    rest = _fused(builder, whole, numbers(-1.9082149292705877e-10), rest)
    # Taylor series to the twelfth power, even and odd powers apart
    square = builder.fmul(rest, rest)
    factorials = [1.0]
    for n in range(1, 13):
        factorials.append(factorials[-1] * n)
    even = _polynomial(builder, square, [1.0 / factorials[n] for n in range(12, -1, -2)])
    odd = _polynomial(builder, square, [1.0 / factorials[n] for n in range(11, 0, -2)])
    value = _fused(builder, odd, rest, even)
    bits = builder.shl(builder.add(builder.bitcast(moved, _BITS), _words(1023)), _words(52))
    return builder.fmul(value, builder.bitcast(bits, _VECTOR))


# of the logarithm of fdlibm (Sun Microsystems 1993, e_log.c): log(1 + f) by s = f/(2 + f)
_LOG = [
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
]
_LEAST = 1e-300  # zero and what rounding leaves below it count as this


def _emit_log(builder: Any, given: Any) -> Any:
    x = _at_least(builder, given, _LEAST)
    root_half = 0x3FE6A09E00000000
    moved = builder.add(builder.bitcast(x, _BITS), _words(0x3FF0000000000000 - root_half))
    # the exponent as a number: its bits behind those of 2**52
    power = builder.lshr(moved, _words(52))
    exponent = builder.fsub(
        builder.bitcast(builder.or_(power, _words(0x4330000000000000)), _VECTOR),
        numbers(4503599627370496.0 + 1023.0),
    )
    fraction = builder.add(builder.and_(moved, _words(0x000FFFFFFFFFFFFF)), _words(root_half))
    f = builder.fsub(builder.bitcast(fraction, _VECTOR), numbers(1.0))
    s = builder.fdiv(f, builder.fadd(f, numbers(2.0)))
    z = builder.fmul(s, s)
    r = builder.fmul(z, _polynomial(builder, z, _LOG))
    half = builder.fmul(builder.fmul(f, f), numbers(0.5))
    low = _fused(
        builder,
        s,
        builder.fadd(half, r),
        builder.fmul(exponent, numbers(1.90821492927058770002e-10)),
    )
    found = _fused(
        builder,
        exponent,
        numbers(6.93147180369123816490e-01),
        builder.fsub(f, builder.fsub(half, low)),
    )
    # bits of what is not a number would pass for one
    return builder.select(builder.fcmp_unordered("uno", given, given), given, found)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda b, x, y: b.fadd(x, y, flags=_FUSED),
    "-": lambda b, x, y: b.fsub(x, y, flags=_FUSED),
    "*": lambda b, x, y: b.fmul(x, y, flags=_FUSED),
    "/": lambda b, x, y: b.fdiv(x, y, flags=_FUSED),
    "neg": lambda b, x: b.fneg(x),
    "exp": _emit_exp,
    "log": _emit_log,
    "power": lambda b, x, y: _emit_exp(b, b.fmul(y, _emit_log(b, x))),
    "sqrt": lambda b, x: _call(b, f"llvm.sqrt.v{LANES}f64", x),
    "maximum": lambda b, x, y: b.select(b.fcmp_ordered("<", x, y), y, x),
    "minimum": lambda b, x, y: b.select(b.fcmp_ordered(">", x, y), y, x),
}
"""What is done with lanes, as it is compiled; by sign or name."""


@intrinsic
def exp(_typing, x):
    """Exponential, to the last two bits."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return _emit_exp(builder, args[0])

    return lanes(lanes), emit


@intrinsic
def log(_typing, x):
    """Natural logarithm of a positive number, to the last two bits."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return _emit_log(builder, args[0])

    return lanes(lanes), emit


@intrinsic
def power(_typing, x, y):
    """A power of what is zero or more."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return OPERATIONS["power"](builder, *args)

    return lanes(lanes, lanes), emit


@intrinsic
def sqrt(_typing, x):
    """Square root."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return OPERATIONS["sqrt"](builder, args[0])

    return lanes(lanes), emit


@intrinsic
def maximum(_typing, x, y):
    """The larger; what is not a number stays so when it comes first."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return OPERATIONS["maximum"](builder, *args)

    return lanes(lanes, lanes), emit


@intrinsic
def minimum(_typing, x, y):
    """The smaller; what is not a number stays so when it comes first."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return OPERATIONS["minimum"](builder, *args)

    return lanes(lanes, lanes), emit


@intrinsic
def where_less(_typing, x, y, yes, no):
    """In every lane the third where the first is less than the second, else the fourth."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return lanes(lanes, lanes, lanes, lanes), emit


@intrinsic
def magnitude(_typing, x):
    """Absolute value."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return _call(builder, f"llvm.fabs.v{LANES}f64", args[0])

    return lanes(lanes), emit


@intrinsic
def all_finite(_typing, x):
    """Whether every lane holds a finite number."""

    def emit(_context: Any, builder: Any, _sig: Any, args: Any) -> Any:
        # the difference of a number with itself is zero only when it is finite
        nothing = builder.fsub(args[0], args[0])
        good = builder.fcmp_ordered("==", nothing, numbers(0.0))
        whole = builder.bitcast(good, ir.IntType(LANES))
        return builder.icmp_unsigned("==", whole, ir.Constant(ir.IntType(LANES), 2**LANES - 1))

    return types.boolean(lanes), emit
