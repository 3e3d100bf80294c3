"""Arithmetic of a model declaration, written as plain text and compiled once."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from types import CodeType
from typing import Any

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
