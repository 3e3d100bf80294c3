"""Expressions of a declaration in the words of another engine."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ketasim._base import InputError

_SIGNS: Final[Mapping[type[ast.AST], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_RANKS: Final[Mapping[type[ast.AST], int]] = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2}
_POWER: Final = 4
_NEGATIVE: Final = 3
_ALONE: Final = 9
_OTHERS: Final = {"maximum": "max", "minimum": "min"}


@dataclass(frozen=True)
class Syntax:
    """How an engine writes an expression.

    **Arguments:**

    - `engine`: its name in errors. `time`: what it calls the time, h.
    - `power`: writes a power of two written parts; nothing for `a^b`.
    - `choice`: writes `where(condition, if true, if false)`; nothing where it cannot.
    - `functions`: name to its own. `signs`: of comparisons that differ.
    - `compares`: whether a comparison is a number, 1 or 0.
    """

    engine: str
    time: str
    power: Callable[[str, str], str] | None = None
    choice: Callable[[str, str, str], str] | None = None
    functions: Mapping[str, str] = field(default_factory=dict[str, str])
    signs: Mapping[str, str] = field(default_factory=dict[str, str])
    compares: bool = True

    def written(self, text: str, names: Mapping[str, str]) -> str:
        """Write an expression.

        **Arguments:**

        - `text`: of a declaration. `names`: symbol to what the engine calls it.

        **Raises:** `InputError` for what the engine has no word for.
        """
        return self._of(ast.parse(text.strip(), mode="eval").body, names)[0]

    def _of(self, node: ast.expr, names: Mapping[str, str]) -> tuple[str, int]:
        """An expression, and how tightly its outermost sign binds."""
        match node:
            case ast.Constant():
                return repr(float(str(node.value))), _ALONE
            case ast.Name():
                return names.get(node.id, self.time if node.id == "t" else node.id), _ALONE
            case ast.UnaryOp():
                inner = self._within(node.operand, names, _NEGATIVE)
                return (f"-{inner}" if isinstance(node.op, ast.USub) else inner), _NEGATIVE
            case ast.BinOp(op=ast.Pow()):
                if self.power is not None:
                    low, high = (self._of(one, names)[0] for one in (node.left, node.right))
                    return self.power(low, high), _ALONE
                low = self._within(node.left, names, _ALONE)
                return f"{low}^{self._within(node.right, names, _ALONE)}", _POWER
            case ast.BinOp():
                rank = _RANKS[type(node.op)]
                left = self._within(node.left, names, rank)
                right = self._within(node.right, names, rank + 1)
                return f"{left}{_SIGNS[type(node.op)]}{right}", rank
            case ast.Compare() if not self.compares:
                raise self._wordless("a comparison")
            case ast.Compare():
                low, high = (self._of(one, names)[0] for one in (node.left, node.comparators[0]))
                sign = _SIGNS[type(node.ops[0])]
                return f"{low} {self.signs.get(sign, sign)} {high}", 0
            case ast.Call(func=ast.Name(id="where")) if self.choice is None:
                raise self._wordless("where(…)")
            case ast.Call(func=ast.Name(id=called)):
                return self._call(called, [self._of(one, names)[0] for one in node.args]), _ALONE
            case _:
                raise AssertionError(ast.dump(node))

    def _within(self, node: ast.expr, names: Mapping[str, str], rank: int) -> str:
        text, own = self._of(node, names)
        return text if own >= rank else f"({text})"

    def _wordless(self, what: str) -> InputError:
        return InputError(
            "--to",
            f"{self.engine} has no word for {what} within an expression",
            "write the choice without it, as with min and max, or choose another format",
        )

    def _call(self, called: str, parts: list[str]) -> str:
        called = _OTHERS.get(called, called)
        if called in ("min", "max") and called not in self.functions and self.choice is not None:
            sign = "<" if called == "min" else ">"
            return self.choice(f"{parts[0]} {sign} {parts[1]}", parts[0], parts[1])
        if called == "where":
            assert self.choice is not None
            return self.choice(*parts)
        return f"{self.functions.get(called, called)}({', '.join(parts)})"


def named_for(
    symbols: tuple[str, ...],
    reserved: Callable[[str], bool],
    *,
    upper: bool = False,
    longest: int = 60,
    made: Callable[[str, str], Iterable[str]] = lambda _, __: (),
) -> dict[str, str]:
    """What an engine calls each symbol.

    **Arguments:**

    - `symbols`: of a model. `reserved`: tells whether the engine has a use of its own for a name.
    - `upper`: whether it makes no difference of upper and lower case. `longest`: letters.
    - `made`: names that the file has beside a symbol's own, from the symbol and its name. No
      other symbol gets one of them.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    beside: set[str] = set()
    # those that bring other names come first, so that the others make way
    for symbol in sorted(symbols, key=lambda one: not tuple(made(one, one))):
        name = symbol.upper() if upper else symbol
        if reserved(name) or name in beside or name.startswith("_"):
            name = f"P_{name}"
        name, number = name[:longest], 2
        while name in taken | beside or not taken.isdisjoint(made(symbol, name)):
            name, number = f"{name[: longest - 2]}_{number}", number + 1
        taken.add(name)
        beside.update(made(symbol, name))
        found[symbol] = name
    return found


def identifier(name: str, reserved: Callable[[str], bool] = lambda _: False) -> str:
    """The name of a model as engines take it: letters, digits and _, none of which begins it."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
    if not plain[:1].isalpha():
        plain = f"model_{plain}".rstrip("_")
    return named_for((plain,), reserved)[plain]


_TERMS: Final = 55  # of the series: the error is 2e-13 within the SDs where it is used
_FAR: Final = 6.0  # SDs beyond which a share is taken as none or all: 1e-9 at most


def normal_cdf_series(z: str, syntax: Syntax) -> str:
    """The normal distribution for engines that have none.

    The series 1/2 + phi(z)*(z + z^3/3 + z^5/15 + ...) of Marsaglia, J Stat Softw 2004;11(4), within
    6 SDs; its error there is below 1e-12, and 1e-9 beyond them.

    **Arguments:**

    - `z`: name of the number. `syntax`: of the engine.
    """
    inner = "1.0"
    for term in range(_TERMS, 0, -1):
        inner = f"1.0 + {z}*{z}/{2 * term + 1}*({inner})"
    density = f"exp(-{z}*{z}/2)/sqrt(2*{math.pi!r})"
    series = f"0.5 + {density}*{z}*({inner})"
    text = f"where({z} < -{_FAR}, 0, where({z} > {_FAR}, 1, {series}))"
    return syntax.written(text, {z: z})
