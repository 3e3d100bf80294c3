"""Units of an own model: what its parts have units for must come out as it should."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Final

from ketasim._base import InputError
from ketasim._base.text import shortened

Powers = dict[str, float]

_SAME: Final = {
    **dict.fromkeys(("hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("minute", "minutes", "mins"), "min"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), "L"),
    **dict.fromkeys(("ml", "milliliter", "millilitre"), "mL"),
    **dict.fromkeys(("ug", "mcg", "\u03bcg"), "\u00b5g"),
}
_TIMES: Final = ("h", "min", "d", "s")
_PURE: Final = ("1", "-", "fraction", "ratio", "%", "")
_PART: Final = re.compile(r"([^\d^\s-]+)(?:\^?(-?\d+))?")


_OF_DOSES: Final[Mapping[str, tuple[str, tuple[Powers, ...]]]] = {
    "F": ("a bioavailability has no unit", ({},)),
    "lag": ("a lag is in h", tuple({one: 1.0} for one in _TIMES)),
    "duration": ("a duration is in h", tuple({one: 1.0} for one in _TIMES)),
}


def check_units(
    units: Mapping[str, str],
    *,
    definitions: Mapping[str, str],
    doses: Iterable[tuple[str, str]],
    rates: Iterable[tuple[str, str]],
) -> None:
    """Refuse expressions whose units are known and do not come out as they should.

    Numbers other than 1 and functions may carry a unit of their own: what has them is not judged.

    **Arguments:**

    - `units`: symbol to its unit, empty where none is given.
    - `definitions`: symbol to its expression, each of those before it.
    - `doses`: what a dose needs: what it is called in an error, which ends with its key, and its
      expression. `rates`: of flows, likewise.

    **Raises:** `InputError` for parts with unlike units that are added, a rate that is not one over
    a time, two rates in different times, or a dose's key in another unit than its own.
    """
    known = {name: found for name, text in units.items() if (found := _powers(text)) is not None}
    for name, text in definitions.items():
        found = _unit(f"definitions.{name}", text, known)
        if found is not None:
            known[name] = found
    for field, text in doses:
        key = field.rsplit(".", 1)[-1]
        said, allowed = _OF_DOSES.get(key, ("", ()))
        found = _unit(field, text, known)
        if found is not None and allowed and found not in allowed:
            raise InputError(
                field,
                f"'{shortened(text)}' is in {_written(found)}, and {said}",
                "check the expression and the units of its parameters",
            )
    _check_rates(rates, known)


def _unit(field: str, text: str, known: Mapping[str, Powers]) -> Powers | None:
    """The unit of an expression; nothing of what is not judged."""
    body = ast.parse(text.strip(), mode="eval").body
    if isinstance(body, ast.Constant):
        return None
    try:
        return _of(body, known)
    except _UnlikeError as error:
        raise InputError(
            field, f"'{shortened(text)}' adds {error}", "check the units of its parameters"
        ) from None


def _check_rates(rates: Iterable[tuple[str, str]], known: Mapping[str, Powers]) -> None:
    first: tuple[str, str] | None = None
    for field, text in rates:
        found = _unit(field, text, known)
        if found is None:
            continue
        time = next((unit for unit in _TIMES if found == {unit: -1.0}), "")
        if not time:
            raise InputError(
                field,
                f"'{shortened(text)}' is in {_written(found)}, and a rate is in 1/h",
                "check the expression and the units of its parameters",
            )
        if first is not None and time != first[1]:
            raise InputError(
                field,
                f"'{shortened(text)}' is in 1/{time}, and {first[0]} in 1/{first[1]}",
                "give all parameters in one unit of time, that of TIME",
            )
        first = first or (field, time)


class _UnlikeError(Exception):
    """Two units that cannot be added."""


def _powers(text: str) -> Powers | None:
    """Unit to its power; nothing of what is not understood or not given."""
    if not text.strip():
        return None
    found: Powers = {}
    for number, part in enumerate(re.split(r"/", text.replace("·", "*"))):
        for one in part.strip().strip("()").split("*"):
            word = one.strip()
            if word in _PURE:
                continue
            match = _PART.fullmatch(word)
            if match is None:
                return None
            unit = _SAME.get(match[1], match[1])
            found[unit] = found.get(unit, 0.0) + float(match[2] or 1) * (-1 if number else 1)
    return {unit: power for unit, power in found.items() if power}


def _of(node: ast.expr, known: Mapping[str, Powers]) -> Powers | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Constant):
        return {} if node.value == 1 else None
    if isinstance(node, ast.UnaryOp):
        return _of(node.operand, known)
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _of(node.left, known), _of(node.right, known)
    if isinstance(node.op, ast.Pow):
        power = node.right.value if isinstance(node.right, ast.Constant) else None
        if left is None or not isinstance(power, int | float):
            return None
        return {unit: one * power for unit, one in left.items()}
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Mult | ast.Div):
        sign = 1.0 if isinstance(node.op, ast.Mult) else -1.0
        units = {u: left.get(u, 0.0) + sign * right.get(u, 0.0) for u in (*left, *right)}
        return {unit: power for unit, power in units.items() if power}
    if left != right:
        raise _UnlikeError(f"{_written(left)} and {_written(right)}")
    return left


def _written(powers: Powers) -> str:
    """A unit as people write it."""

    def one(unit: str, power: float) -> str:
        return unit if power == 1 else f"{unit}^{power:g}"

    over = "*".join(one(u, p) for u, p in powers.items() if p > 0)
    under = "".join(f"/{one(u, -p)}" for u, p in powers.items() if p < 0)
    return f"{over or '1'}{under}" if powers else "no unit"
