"""Arithmetic of a model declaration, written as plain text and compiled once."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any, Final

import numpy as np

_FUNCTIONS: dict[str, Any] = {
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "maximum": np.maximum,
    "minimum": np.minimum,
}
_SPACE: dict[str, Any] = {"__builtins__": {}, **_FUNCTIONS}
_ALLOWED = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Pow,
    ast.USub,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Call,
)


_OWN: Final[dict[str, Any]] = {
    **{name: _FUNCTIONS[name] for name in ("exp", "log", "sqrt")},
    "min": np.minimum,
    "max": np.maximum,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "where": np.where,
}
_NAMED: Final = tuple(name for name in _OWN if name not in ("minimum", "maximum"))
_COMPARED: Final = (
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq),
    ast.UAdd,
)
_ARGUMENTS: Final = {"min": 2, "max": 2, "minimum": 2, "maximum": 2, "where": 3}
_LONGEST: Final = 1_000  # characters of a user's expression; a limit against floods


@cache
def _parse(text: str) -> tuple[CodeType, frozenset[str]]:
    tree = ast.parse(text, mode="eval")
    names: set[str] = set()
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(f"'{text}': {type(node).__name__} is not arithmetic")
        if isinstance(node, ast.Constant) and (
            isinstance(node.value, bool) or node.value not in (0, 1, 2)
        ):
            raise ValueError(f"'{text}': a declaration holds no numbers but 0, 1 and 2")
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in _FUNCTIONS
        ):
            raise ValueError(f"'{text}': only {', '.join(_FUNCTIONS)} may be called")
        if isinstance(node, ast.Name) and id(node) not in called:
            if node.id in _FUNCTIONS:
                raise ValueError(f"'{text}': {node.id} is a function and no symbol")
            names.add(node.id)
    return compile(tree, f"<{text}>", "eval"), frozenset(names)


def names_in(text: str) -> frozenset[str]:
    """Symbols an expression uses.

    **Raises:** `ValueError` when the text is anything but arithmetic on symbols, 0, 1 and 2.
    """
    return _parse(text)[1]


def evaluate(text: str, values: Mapping[str, Any]) -> Any:
    """Value of an expression; arrays broadcast.

    **Arguments:**

    - `text`: such as `"Qh/Vh"` or `"CL*(WT/WT_ref)**b_CL"`.
    - `values`: symbol to number or array.

    **Returns:** a number or an array of the broadcast shape.
    """
    code, _ = _parse(text)
    known = values if isinstance(values, dict) else dict(values)
    return eval(code, _SPACE, known)  # noqa: S307 - parsed above


class _Powers(ast.NodeTransformer):
    """Powers as calls: a fraction of a negative number is no number then, and never complex."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        called = ast.Name(_POWER, ast.Load())
        return ast.copy_location(ast.Call(called, [node.left, node.right], []), node)


def _power(low: Any, high: Any) -> Any:
    return np.asarray(low, np.float64) ** high


_POWER: Final = "power "  # no symbol can be called so
_OWN_SPACE: Final[dict[str, Any]] = {"__builtins__": {}, **_OWN, _POWER: _power}


@cache
def own_expression(text: str) -> tuple[CodeType, frozenset[str]]:
    """Read an expression that a user wrote: arithmetic on symbols and numbers, and comparisons.

    **Arguments:**

    - `text`: such as `"1.1*(WT/70)**0.75"`; `exp`, `log`, `sqrt`, `min`, `max` and
      `where(condition, if true, if false)` may be called.

    **Returns:** the compiled expression, and the symbols it uses.

    **Raises:** `ValueError` that says in one clause what is not read.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"has {len(text):,} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError("is no expression") from None
    names: set[str] = set()
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.BitXor):
            raise ValueError("has '^'; write a power as **")
        if not isinstance(node, (*_ALLOWED, *_COMPARED)):
            raise ValueError(f"is no arithmetic ({type(node).__name__})")
        if isinstance(node, ast.Compare) and len(node.ops) != 1:
            raise ValueError("compares more than two things at once")
        if isinstance(node, ast.Constant):
            number = node.value
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"has {number!r}, which is no number")
            try:
                # whole numbers of Python have no bound, and their powers no end
                node.value = float(number)
            except OverflowError:
                node.value = math.inf
            if not math.isfinite(node.value):
                raise ValueError("has a number that is too large")
        if isinstance(node, ast.Call):
            if not isinstance(node.func, ast.Name) or node.func.id not in _OWN:
                raise ValueError(f"calls what is not known; known are {', '.join(_NAMED)}")
            wanted = _ARGUMENTS.get(node.func.id, 1)
            if node.keywords or len(node.args) != wanted:
                raise ValueError(f"calls {node.func.id} with other than {wanted} arguments")
        if isinstance(node, ast.Name) and id(node) not in called:
            if node.id in _OWN:
                raise ValueError(f"uses the function {node.id} without brackets")
            names.add(node.id)
    try:
        powers = ast.fix_missing_locations(_Powers().visit(tree))
        return compile(powers, "<expression>", "eval"), frozenset(names)
    except (RecursionError, MemoryError, ValueError):
        raise ValueError("is nested too deeply") from None


def own_value(text: str, values: Mapping[str, Any]) -> Any:
    """Value of an expression that a user wrote; arrays broadcast.

    What has no value, as a division by 0 or a root of a negative number, becomes infinite or no
    number, which the caller refuses.
    """
    code, _ = own_expression(text)
    known = values if isinstance(values, dict) else dict(values)
    with np.errstate(all="ignore"):
        try:
            return eval(code, _OWN_SPACE, known)  # noqa: S307 - read above
        except (ZeroDivisionError, OverflowError):
            return np.nan
