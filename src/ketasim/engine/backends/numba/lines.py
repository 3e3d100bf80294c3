"""Straight lines of arithmetic as one operation of compiled code.

Numba takes milliseconds for every operation it infers the types of, and a step of a response has
hundreds, all of them of one type. Here they go to LLVM as they are written.
"""

# Numba has no types of its own
# pyright: basic, reportOptionalCall=false
from __future__ import annotations

import ast
from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from ketasim.engine.backends.numba.lanes import OPERATIONS, address, everywhere, lanes, numbers

_TRIES = 20
_SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def _parsed(text: str) -> list[ast.stmt]:
    """Read lines, also while other threads do so.

    In some versions of Python the count of the depth is one for all threads, so that reading in
    one of them may fail because another reads; compare issue 106905 of python/cpython.
    """
    for _ in range(_TRIES):
        try:
            return ast.parse(text).body
        except SystemError:
            continue
    return ast.parse(text).body


def written(takes: Sequence[str | Sequence[str]], text: str, gives: Sequence[str] = ()) -> Any:
    """An operation from its text.

    Lines are `x = ...` of `+ - * /`, of the functions of `ketasim.engine.backends.numba.lanes`, of
    `load(array, place)` and `each(array, place)`, one number for all lanes; `store(array, place,
    x)`; and `if flags[number]:` before such lines. A place is a number, the name of one, or a sum.

    **Arguments:**

    - `takes`: names of the arguments: an array or a place has one; a tuple of lanes has one for
      each of them.
    - `text`: the lines.
    - `gives`: names that come back as a tuple; nothing comes back without.
    """
    lines = _parsed(text)
    result = types.UniTuple(lanes, len(gives)) if gives else types.void

    def definition(_typing: Any, *given: Any) -> Any:
        kinds = [types.intp if isinstance(one, types.Integer) else one for one in given]

        def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            names: dict[str, Any] = {}
            for name, kind, value in zip(takes, sig.args, args, strict=True):
                if not isinstance(name, str):
                    names |= zip(name, cgutils.unpack_tuple(builder, value), strict=True)
                else:
                    names[name] = (kind, value) if isinstance(kind, types.Array) else value
            _Writer(context, builder, names).write(lines)
            if not gives:
                return context.get_dummy_value()
            return context.make_tuple(builder, result, [names[name] for name in gives])

        return result(*kinds), emit

    places = [Parameter(f"_{k}", Parameter.POSITIONAL_OR_KEYWORD) for k in range(len(takes) + 1)]
    definition.__signature__ = Signature(places)  # Numba takes no arguments without names
    return intrinsic(definition)


class _Writer:
    """Writes lines; `names` has the value of each name, of an array its type too."""

    def __init__(self, context: Any, builder: Any, names: dict[str, Any]) -> None:
        self._context, self._builder, self._names = context, builder, names

    def write(self, lines: Sequence[ast.stmt]) -> None:
        for line in lines:
            match line:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._names[name] = self._value(value)
                case ast.Expr(
                    value=ast.Call(func=ast.Name(id="store"), args=[array, place, value])
                ):
                    self._builder.store(self._value(value), self._address(array, place), align=8)
                case ast.If(test=ast.Subscript(value=flags, slice=number), body=body):
                    found = self._builder.load(self._element(flags, number))
                    marked = self._builder.icmp_unsigned("!=", found, found.type(0))
                    with self._builder.if_then(marked):
                        self.write(body)
                case _:
                    raise ValueError(ast.unparse(line))

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return self._names[name]
            case ast.BinOp(left=left, op=sign, right=right):
                parts = self._value(left), self._value(right)
                return OPERATIONS[_SIGNS[type(sign)]](self._builder, *parts)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return OPERATIONS["neg"](self._builder, self._value(operand))
            case ast.Call(func=ast.Name(id="spread"), args=[number]):
                return numbers(float(ast.literal_eval(number)))
            case ast.Call(func=ast.Name(id="load"), args=[array, place]):
                return self._builder.load(self._address(array, place), align=8)
            case ast.Call(func=ast.Name(id="each"), args=[array, place]):
                return everywhere(self._builder, self._builder.load(self._element(array, place)))
            case ast.Call(func=ast.Name(id=name), args=operands):
                return OPERATIONS[name](self._builder, *(self._value(one) for one in operands))
            case _:
                raise ValueError(ast.unparse(node))

    def _address(self, array: ast.expr, place: ast.expr) -> Any:
        kind, value = self._value(array)
        return address(self._context, self._builder, kind, value, self._place(place))

    def _element(self, array: ast.expr, place: ast.expr) -> Any:
        kind, value = self._value(array)
        data = self._context.make_array(kind)(self._context, self._builder, value).data
        return self._builder.gep(data, [self._place(place)])

    def _place(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int(number)):
                return ir.Constant(self._context.get_value_type(types.intp), number)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._builder.add(self._place(left), self._place(right))
            case _:
                return self._value(node)
