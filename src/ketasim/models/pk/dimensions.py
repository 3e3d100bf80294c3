"""Units of an own model: what its parts have units for must come out as it should."""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from ketasim._base import InputError
from ketasim._base.text import shortened
from ketasim.models.expression import own_value
from ketasim.models.pk.measure import Measure, amount_within, measure_of

AMOUNT: Final = "mg"
"""The unit of AMT where a model says none."""

# what a quantity may be counted in: a number that multiplies may or may not convert units
_Found = tuple[Measure, ...] | float | None

_NUMBER: Final = Measure()
_HOUR: Final = Measure((("h", 1.0),))
_RATE: Final = _HOUR.raised(-1.0)
# factors between units of mass, volume and time, which have no other meaning in a formula
_CONVERTS: Final = (1e3, 1e6, 1e9, 1e12, 60.0, 1440.0, 3600.0)
_MOST: Final = 64  # readings of an expression that are followed


def check_units(
    units: Mapping[str, str],
    *,
    definitions: Mapping[str, str],
    doses: Iterable[tuple[str, str]] = (),
    rates: Iterable[tuple[str, str]] = (),
    outputs: Iterable[tuple[str, str, str]] = (),
    amount: str = AMOUNT,
    compartments: Collection[str] = (),
    covariates: Collection[str] = (),
) -> None:
    """Refuse expressions whose units are known and do not come out as they should.

    A number that multiplies is one without a unit, or converts units; over or under one, a
    quantity may also become a ratio, as WT/70, and a covariate that is multiplied with one loses
    its unit to a coefficient. An expression is refused where no such reading comes out.

    **Arguments:**

    - `units`: symbol to its unit, empty where none is given.
    - `definitions`: symbol to its expression, each of those before it.
    - `doses`: what a dose needs: what it is called in an error, which ends with its key, and its
      expression. `rates`: of flows, likewise. `outputs`: likewise, with its unit.
    - `amount`: unit of AMT. `compartments`: symbols that are amounts.
    - `covariates`: symbols that differ between subjects.

    **Raises:** `InputError` for parts with unlike units that are added, a rate that is not in 1/h,
    a dose's key in another unit than its own, or an output in another than it says.
    """
    read = _Units(units, amount, compartments, covariates)
    for name, text in definitions.items():
        read.define(name, text)
    given = read.amount
    wanted: dict[str, tuple[str, Measure | None]] = {
        "F": ("a bioavailability is a part of 1", _NUMBER),
        "lag": ("a lag is in h", _HOUR),
        "duration": ("a duration is in h", _HOUR),
        "rate": (
            f"the rate of a dose is in {amount}/h",
            None if given is None else given.times(_RATE),
        ),
    }
    for field, text in doses:
        said, target = wanted.get(field.rsplit(".", 1)[-1], ("", None))
        read.expect(field, text, target, said)
    for field, text in rates:
        read.expect(field, text, _RATE, "a rate is in 1/h")
    for field, text, unit in outputs:
        target = measure_of(unit)
        read.expect(field, text, target, f"the output says {shortened(unit)}", output=True)


class _UnlikeError(Exception):
    """Units that do not go together, in words."""


class _Units:
    def __init__(
        self,
        units: Mapping[str, str],
        amount: str,
        compartments: Collection[str],
        covariates: Collection[str],
    ) -> None:
        self.amount = measure_of(amount)
        self._said = amount
        given = None if self.amount is None else (self.amount,)
        self._known: dict[str, _Found] = {"t": (_HOUR,), "TIME": (_HOUR,), "AMT": given}
        self._known |= dict.fromkeys(compartments, given)
        for name, text in units.items():
            found = measure_of(text)
            self._known[name] = None if found is None else (found,)
        self._amounts = {*compartments, "AMT"}
        self._given = {name for name in units if self._known[name] is not None}
        self._free = {*covariates, "t", "TIME"}

    def define(self, name: str, text: str) -> None:
        """Keep what a definition is counted in."""
        self._known[name] = self._read(f"definitions.{name}", text)
        names = _names(_body(text))
        if names and names <= self._free:
            self._free.add(name)
        if not self._given.isdisjoint(names):
            self._given.add(name)

    def expect(
        self, field: str, text: str, target: Measure | None, said: str, *, output: bool = False
    ) -> None:
        """Refuse an expression that is known and does not come out in a unit."""
        found = self._read(field, text)
        if target is None or not isinstance(found, tuple):
            return
        sizes = [one.over(target) for one in found]
        if 1.0 in sizes:
            return
        first, size = found[0], sizes[0]
        remedy = _remedy(text, "check the expression and the units of its parameters")
        if size is not None and not first.logged:
            remedy = f"write it as {_converted(shortened(text), size)}"
        if output and self.amount is not None and self._said == AMOUNT:
            other = amount_within(target, first.times(self.amount, -1.0))
            if other and not self._amounts.isdisjoint(_names(_body(text))):
                remedy += f", or say amount = '{other}' at the top of the model where AMT is in it"
            said += f" (AMT in {self._said})"
        raise InputError(field, f"'{shortened(text)}' is in {first}, and {said}", remedy)

    def _read(self, field: str, text: str) -> _Found:
        body = _body(text)
        if _numbered(body) and self._given.isdisjoint(_names(body)):
            return None  # nothing has a unit but time and amounts, and the numbers may have any
        try:
            return self._of(body)
        except _UnlikeError as error:
            remedy = _remedy(
                text, "check the units of its parameters, and bring both into one unit"
            )
            raise InputError(field, f"'{shortened(text)}' {error}", remedy) from None

    def _of(self, node: ast.expr) -> _Found:
        if not _names(node):
            value = float(own_value(ast.unparse(node), {}))
            return value if math.isfinite(value) else None
        match node:
            case ast.Name():
                return self._known.get(node.id)
            case ast.UnaryOp():
                return self._of(node.operand)
            case ast.Compare():
                _together("compares", self._of(node.left), self._of(node.comparators[0]))
                return (_NUMBER,)
            case ast.BinOp(op=ast.Pow()):
                return self._power(node.left, node.right)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                sign = 1.0 if isinstance(node.op, ast.Mult) else -1.0
                return self._product(node.left, node.right, sign)
            case ast.BinOp():
                sign = 1.0 if isinstance(node.op, ast.Add) else -1.0
                return _sum(self._of(node.left), self._of(node.right), sign)
            case ast.Call(func=ast.Name(id=called)):
                return self._call(called, node.args)
            case _:
                return None

    def _power(self, low: ast.expr, high: ast.expr) -> _Found:
        base, power = self._of(low), self._of(high)
        if isinstance(power, tuple):
            self._plain("has a power of", high, power)
            return (_NUMBER,) if isinstance(base, float) or _pure(base) else None
        if not isinstance(base, tuple) or any(one.logged for one in base):
            return None
        if power is None:
            return (_NUMBER,) if _pure(base) else None
        return _each(one.raised(power) for one in base)

    def _product(self, left: ast.expr, right: ast.expr, sign: float) -> _Found:
        one, other = self._of(left), self._of(right)
        if isinstance(one, float) and isinstance(other, float):
            return None
        if isinstance(one, float) and isinstance(other, tuple):
            return self._multiplied(right, other, one, sign)
        if isinstance(other, float) and isinstance(one, tuple):
            factor = other if sign > 0 or not other else 1.0 / other
            return self._multiplied(left, one, factor, 1.0, divided=sign < 0)
        if not isinstance(one, tuple) or not isinstance(other, tuple):
            return None
        if any(m.logged for m in (*one, *other)):
            return None
        return _each(a.times(b, sign) for a in one for b in other)

    def _multiplied(
        self,
        node: ast.expr,
        found: tuple[Measure, ...],
        factor: float,
        sign: float,
        *,
        divided: bool = False,
    ) -> _Found:
        """A number times a quantity, or over it with `sign` -1."""
        if factor == 0:
            return 0.0
        size = abs(factor)
        if any(one.logged for one in found):
            power = factor if sign > 0 else None
            return (
                None if power is None else _each(one.raised(power).as_logarithm() for one in found)
            )
        own = [one if sign > 0 else one.raised(-1.0) for one in found]
        readings: list[Measure] = []
        converts = any(math.isclose(size, k) or math.isclose(1.0 / size, k) for k in _CONVERTS)
        if not converts:
            readings += own
        if size != 1.0:
            readings += [one.scaled(1.0 / size) for one in own]
            ratio = divided or sign < 0 or _names(node) <= self._free
            readings += [_NUMBER] if ratio else []
        return _each(readings)

    def _call(self, called: str, args: list[ast.expr]) -> _Found:
        if called == "where":
            self._of(args[0])
            return _together("chooses between", self._of(args[1]), self._of(args[2]))
        if len(args) == 2:
            return _together("compares", self._of(args[0]), self._of(args[1]))
        found = self._of(args[0])
        if not isinstance(found, tuple):
            return None
        if called == "sqrt":
            return None if any(one.logged for one in found) else _each(m.raised(0.5) for m in found)
        if called == "log":
            return (
                None if any(one.logged for one in found) else _each(m.as_logarithm() for m in found)
            )
        if any(one.logged for one in found):
            return _each(one.as_logarithm(logged=False) for one in found)
        self._plain("takes exp of", args[0], found)
        return (_NUMBER,)

    def _plain(self, does: str, node: ast.expr, found: tuple[Measure, ...]) -> None:
        """Refuse an exponent that has a unit; a number in it may have the inverse one."""
        if not _pure(found) and not _numbered(node) and not any(one.logged for one in found):
            raise _UnlikeError(f"{does} what is in {found[0]}")


def _sum(left: _Found, right: _Found, sign: float) -> _Found:
    if isinstance(left, tuple) and isinstance(right, tuple):
        logged = [any(one.logged for one in part) for part in (left, right)]
        if any(logged):
            product = _each(
                a.as_logarithm(logged=False).times(b.as_logarithm(logged=False), sign)
                for a in left
                for b in right
            )
            return _each(one.as_logarithm() for one in product)
    return _together("adds", left, right)


def _together(does: str, left: _Found, right: _Found) -> _Found:
    """Quantities that have to be alike; a number is counted as the other is."""
    if isinstance(left, tuple) and isinstance(right, tuple):
        shared = _each(a for a in left if any(a.over(b) == 1.0 for b in right))
        if not shared:
            raise _UnlikeError(f"{does} {left[0]} and {right[0]}")
        return shared
    if isinstance(left, tuple):
        return left
    if isinstance(right, tuple):
        return right
    return None


def _each(found: Iterable[Measure]) -> tuple[Measure, ...]:
    return tuple(dict.fromkeys(found))[:_MOST]


def _pure(found: _Found) -> bool:
    return isinstance(found, tuple) and any(one.pure for one in found)


def _body(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _numbered(node: ast.expr) -> bool:
    """Whether there are numbers in an expression."""
    return any(isinstance(one, ast.Constant) for one in ast.walk(node))


def _remedy(text: str, remedy: str) -> str:
    return (
        f"{remedy}; a number that has a unit is a parameter" if _numbered(_body(text)) else remedy
    )


def _names(node: ast.expr) -> set[str]:
    called = {id(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and id(one) not in called}


def _converted(text: str, size: float) -> str:
    """An expression in other words that counts it in a unit that is `size` times smaller."""
    return f"{size:.12g}*({text})" if size >= 1 else f"({text})/{1.0 / size:.12g}"
