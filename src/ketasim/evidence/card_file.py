"""Cards as TOML files: read, written, and those the package carries."""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, cast, get_args

from ketasim._base import InputError, near
from ketasim.evidence.card import Card
from ketasim.evidence.card_entry import SPREAD_TYPES, Entry, Scale, Spread, SpreadType, Uncertainty
from ketasim.evidence.grade import Grade

_TOP = ("card", "parameter", "correlation", "uncertainty", "extra")


@cache
def card_keys() -> tuple[str, ...]:
    """Return the keys of the cards the package carries, sorted."""
    folder = resources.files("ketasim.evidence").joinpath("cards")
    names = [item.name for item in folder.iterdir() if item.name.endswith(".toml")]
    return tuple(sorted(name.removesuffix(".toml") for name in names))


@cache
def load_card(key: str) -> Card:
    """Load a card the package carries.

    **Raises:** `InputError` when there is no such card or its file cannot be used.
    """
    if key not in card_keys():
        raise InputError("card", f"unknown card '{key}'", near(key, card_keys()))
    file = resources.files("ketasim.evidence").joinpath("cards", f"{key}.toml")
    card = read_card(file.read_text(encoding="utf-8"), origin=f"cards/{key}.toml")
    if card.key != key:
        raise InputError(f"cards/{key}.toml: card.key", f"is '{card.key}'", f"write '{key}'")
    return card


def read_card(text: str, *, origin: str = "card") -> Card:
    """Read a card from TOML text.

    **Arguments:**

    - `text`: the file's content.
    - `origin`: what to call the file in an error.

    **Raises:** `InputError` naming the field when the text is not a valid card.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(origin, f"not TOML ({error})", "correct the file's syntax") from None
    try:
        return _card(document, hashlib.sha256(text.encode()).hexdigest())
    except InputError as error:
        raise InputError(f"{origin}: {error.field}", error.problem, error.remedy) from None


class _Table:
    """Typed access to a TOML table; what is left unread at the end is an unknown key."""

    def __init__(self, content: object, where: str) -> None:
        if not isinstance(content, dict):
            raise InputError(where, "is not a table", "write it as a TOML table")
        self.content = cast(dict[str, Any], content)
        self.where = where
        self.read: list[str] = []

    def _get(self, key: str) -> Any:
        self.read.append(key)
        return self.content.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            problem = "is missing" if value is None else f"{value!r} is not text"
            raise InputError(f"{self.where}.{key}", problem, "write a text in quotes")
        return value

    def optional_number(self, key: str) -> float | None:
        value = self._get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise InputError(f"{self.where}.{key}", f"{value!r} is not a number", "write a number")
        if not math.isfinite(value):
            raise InputError(f"{self.where}.{key}", f"{value} is not finite", "write a number")
        return float(value)

    def number(self, key: str) -> float:
        value = self.optional_number(key)
        if value is None:
            raise InputError(f"{self.where}.{key}", "is missing", "write a number")
        return value

    def optional_count(self, key: str) -> int | None:
        value = self._get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise InputError(f"{self.where}.{key}", f"{value!r} is not a count", "write an integer")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        items = self.items(key)
        if not all(isinstance(item, str) for item in items):
            raise InputError(f"{self.where}.{key}", "is not a list of texts", "write texts")
        return tuple(cast(list[str], items))

    def items(self, key: str) -> list[Any]:
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise InputError(f"{self.where}.{key}", "is not a list", 'write it as ["..."]')
        return cast(list[Any], value)

    def table(self, key: str) -> _Table | None:
        value = self._get(key)
        return None if value is None else _Table(value, f"{self.where}.{key}")

    def done(self) -> None:
        for key in self.content:
            if key not in self.read:
                raise InputError(f"{self.where}.{key}", "unknown key", near(key, self.read))


def _card(document: Mapping[str, Any], file_hash: str) -> Card:
    for key in document:
        if key not in _TOP:
            raise InputError(key, "unknown table", near(key, _TOP))
    head = _Table(document.get("card", {}), "card")
    key, title, model = head.text("key"), head.text("title"), head.text("model")
    source, population = head.text("source"), head.text("population", "")
    n, sites, notes = head.optional_count("n"), head.texts("sites"), head.texts("notes")
    defaults = (head.text("grade", ""), source, head.text("locator", ""))
    head.done()
    parameters = _Table(document.get("parameter", {}), "parameter")
    entries = {
        symbol: _entry(symbol, _Table(content, f"parameter.{symbol}"), defaults)
        for symbol, content in parameters.content.items()
    }
    return Card(
        key=key,
        title=title,
        model=model,
        source=source,
        population=population,
        n=n,
        sites=sites,
        entries=entries,
        correlations=_correlations(_Table(document, "card").items("correlation"), entries),
        uncertainty=_uncertainty(document.get("uncertainty"), entries),
        notes=notes,
        extra=_Table(document.get("extra", {}), "extra").content,
        file_hash=file_hash,
    )


def _entry(symbol: str, table: _Table, defaults: tuple[str, str, str]) -> Entry:
    grade = cast(Grade, table.text("grade", defaults[0]))
    # an assumption has no source: the card's own must not slip in
    source = table.text("source", "" if grade == "assumed" else defaults[1])
    locator = table.text("locator", defaults[2] if source == defaults[1] else "")
    origin = (grade, source, locator)
    entry = Entry(
        symbol=symbol,
        value=table.number("value"),
        unit=table.text("unit"),
        grade=grade,
        source=source,
        locator=locator,
        meaning=table.text("meaning", ""),
        rse=table.optional_number("rse"),
        low=table.optional_number("low"),
        high=table.optional_number("high"),
        interval=table.text("interval", ""),
        iiv=_spread(table.table("iiv"), origin),
        iov=_spread(table.table("iov"), origin),
        note=table.text("note", ""),
    )
    table.done()
    return entry


def _spread(table: _Table | None, origin: tuple[str, str, str]) -> Spread | None:
    if table is None:
        return None
    given = [(kind, table.optional_number(kind)) for kind in SPREAD_TYPES]
    present = [(kind, value) for kind, value in given if value is not None]
    grade = table.text("grade", origin[0])
    source = table.text("source", "" if grade == "assumed" else origin[1])
    locator = table.text("locator", origin[2] if source == origin[1] else "")
    note = table.text("note", "")
    table.done()
    if len(present) != 1:
        raise InputError(
            table.where,
            "needs exactly one spread",
            "give one of: " + ", ".join(SPREAD_TYPES),
        )
    kind, value = present[0]
    try:
        return Spread(cast(SpreadType, kind), value, cast(Grade, grade), source, locator, note)
    except InputError as error:
        field = table.where + error.field.removeprefix("spread")
        raise InputError(field, error.problem, error.remedy) from None


def _correlations(
    items: list[Any], entries: Mapping[str, Entry]
) -> tuple[tuple[str, str, float], ...]:
    found: list[tuple[str, str, float]] = []
    for index, item in enumerate(items):
        table = _Table(item, f"correlation[{index}]")
        between = table.texts("between")
        value, covariance = (
            table.optional_number("value"),
            table.optional_number("covariance"),
        )
        table.done()
        if len(between) != 2 or between[0] == between[1]:
            raise InputError(
                f"{table.where}.between",
                "needs two symbols",
                'write it as ["V1", "CL"]',
            )
        spreads = [entries[symbol].iiv if symbol in entries else None for symbol in between]
        first, second = spreads
        if first is None or second is None or first.sd == 0.0 or second.sd == 0.0:
            absent = between[0] if first is None or first.sd == 0.0 else between[1]
            raise InputError(
                f"{table.where}.between",
                f"'{absent}' has no iiv",
                "name parameters with a spread",
            )
        if (value is None) == (covariance is None):
            raise InputError(table.where, "needs a value or a covariance", "give one of the two")
        if value is None:
            value = cast(float, covariance) / (first.sd * second.sd)
        if not -1.0 < value < 1.0:
            raise InputError(
                table.where,
                f"{value:g} is not a correlation",
                "it must lie between -1 and 1",
            )
        found.append((between[0], between[1], value))
    return tuple(found)


def _uncertainty(content: object, entries: Mapping[str, Entry]) -> Uncertainty | None:
    if content is None:
        return None
    table = _Table(content, "uncertainty")
    symbols, scales = table.texts("symbols"), table.texts("scales")
    rows = table.items("covariance")
    table.done()
    for symbol in symbols:
        if symbol not in entries:
            raise InputError(
                "uncertainty.symbols", f"no parameter '{symbol}'", near(symbol, entries)
            )
    for scale in scales:
        if scale not in get_args(Scale):
            raise InputError(
                "uncertainty.scales", f"unknown scale '{scale}'", near(scale, get_args(Scale))
            )
    try:
        covariance = tuple(tuple(float(number) for number in row) for row in rows)
    except (TypeError, ValueError):
        raise InputError(
            "uncertainty.covariance",
            "is not rows of numbers",
            "write [[1.0, 0.0], [0.0, 1.0]]",
        ) from None
    return Uncertainty(symbols, cast(tuple[Scale, ...], scales), covariance)
