"""Moments at which a rate jumps or bends, because an expression compares the time."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from ketasim._base import InputError
from ketasim._base.text import shortened

_BENDS: Final = ("min", "max", "minimum", "maximum")


@dataclass(frozen=True)
class Switches:
    """What changes a rate with time.

    **Arguments:**

    - `differences`: expressions, linear in the time, at whose zero the rate jumps or bends.
    - `timed`: whether the rate uses the time. `smooth`: whether it does so elsewhere too.
    """

    differences: tuple[str, ...] = ()
    timed: bool = False
    smooth: bool = False


def switches_of(field: str, text: str, time: str, amounts: Collection[str]) -> Switches:
    """Find where a rate compares the time.

    **Arguments:**

    - `field`, `text`: of the rate. `time`: what it calls the time. `amounts`: symbols that are.

    **Raises:** `InputError` for a comparison whose moment cannot be told: of a formula in which the
    time does not stand alone, of an amount, or for equality.
    """
    tree = ast.parse(text.strip(), mode="eval").body
    found: list[str] = []
    smooth = False
    for one, sides in _places(tree, time):
        if sides is None:
            smooth = True
            continue
        low, high = sides
        difference = f"({ast.unparse(low)}) - ({ast.unparse(high)})"
        told = _linear(low, time) and _linear(high, time) and _names(one).isdisjoint(amounts)
        if isinstance(one, ast.Compare) and (
            not told or isinstance(one.ops[0], ast.Eq | ast.NotEq)
        ):
            raise InputError(
                field,
                f"'{shortened(ast.unparse(one))}' compares the time so that its moment is not told",
                f"compare {time} with an expression of parameters by < or >, as {time} > 24",
            )
        if told:
            found.append(difference)
        else:
            smooth = True
    return Switches(tuple(found), time in _names(tree), smooth)


def _places(node: ast.AST, time: str) -> Iterator[tuple[ast.AST, tuple[ast.expr, ast.expr] | None]]:
    """Where the time stands: in a comparison with its two sides, or elsewhere."""
    sides: tuple[ast.expr, ast.expr] | None = None
    if isinstance(node, ast.Compare):
        sides = node.left, node.comparators[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BENDS:
        sides = node.args[0], node.args[1]
    elif isinstance(node, ast.Name) and node.id == time:
        yield node, None
    if sides is not None and any(time in _names(one) for one in sides):
        yield node, sides
        if isinstance(node, ast.Compare):
            return
    for child in ast.iter_child_nodes(node):
        yield from _places(child, time)


def _linear(node: ast.expr, time: str) -> bool:
    if time not in _names(node):
        return True
    match node:
        case ast.Name():
            return True
        case ast.UnaryOp():
            return _linear(node.operand, time)
        case ast.BinOp(op=ast.Add() | ast.Sub()):
            return _linear(node.left, time) and _linear(node.right, time)
        case ast.BinOp(op=ast.Mult()):
            alone = time not in _names(node.left) or time not in _names(node.right)
            return alone and _linear(node.left, time) and _linear(node.right, time)
        case ast.BinOp(op=ast.Div()):
            return time not in _names(node.right) and _linear(node.left, time)
        case _:
            return False


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
