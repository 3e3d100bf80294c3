"""Parameters of a card as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from ketasim.evidence.card_entry import Entry, Spread

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def entry_lines(entry: Entry) -> list[str]:
    """Lines of one parameter, without its heading."""
    fields: list[tuple[str, object]] = [
        ("value", entry.value),
        ("unit", entry.unit),
        ("meaning", entry.meaning or None),
        ("grade", entry.grade),
        # written even when empty: the card's own source and locator would stand in otherwise
        ("source", entry.source),
        ("locator", entry.locator),
        ("rse", entry.rse),
        ("low", entry.low),
        ("high", entry.high),
        ("interval", entry.interval or None),
        ("iiv", _spread_table(entry.iiv)),
        ("iov", _spread_table(entry.iov)),
        ("note", entry.note or None),
    ]
    return [f"{key} = {value_text(value)}" for key, value in fields if value is not None]


def _spread_table(spread: Spread | None) -> dict[str, object] | None:
    if spread is None:
        return None
    table: dict[str, object] = {
        spread.printed_type: spread.printed_value,
        "grade": spread.grade,
        "source": spread.source,
        "locator": spread.locator,
    }
    return {**table, "note": spread.note} if spread.note else table


def key_text(key: str) -> str:
    """A key, in quotes where TOML needs them."""
    return key if _BARE_KEY.fullmatch(key) else value_text(key)


def value_text(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, object], value).items()
        return (
            "{ " + ", ".join(f"{key_text(key)} = {value_text(item)}" for key, item in pairs) + " }"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(item) for item in cast(list[object], value)) + "]"
    raise TypeError(f"a card cannot hold {type(value).__name__} '{value}'")
