"""A parameter card: the numbers of one model, each with its source and grade."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.evidence.card_entry import Entry, Uncertainty, is_positive_definite
from ketasim.evidence.card_text import entry_lines, key_text, value_text


@dataclass(frozen=True)
class Card:
    """The parameters of one model as published or fitted, for one population.

    **Arguments:**

    - `key`, `title`: name of the card and what it is.
    - `model`: name of the model structure the numbers belong to.
    - `source`: source key of the card as a whole.
    - `population`, `n`: who was studied, and how many.
    - `sites`: sampling sites of the data, such as `("arterial", "venous")`.
    - `entries`: the parameters by symbol, in the order of the file.
    - `correlations`: (symbol, symbol, correlation) between the between-patient effects.
    - `uncertainty`: covariance of the estimates.
    - `notes`: what the reader must know.
    - `extra`: anything else, such as the record of a fit.
    - `file_hash`: sha256 of the file the card was read from, empty when made in memory.
    """

    key: str
    title: str
    model: str
    source: str
    population: str = ""
    n: int | None = None
    sites: tuple[str, ...] = ()
    entries: Mapping[str, Entry] = dataclasses.field(default_factory=dict[str, Entry])
    correlations: tuple[tuple[str, str, float], ...] = ()
    uncertainty: Uncertainty | None = None
    notes: tuple[str, ...] = ()
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    file_hash: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        # read-only views: a loaded card is shared by everything that asks for it
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))
        object.__setattr__(self, "extra", MappingProxyType(dict(self.extra)))

    def __reduce__(self) -> tuple[type[Card], tuple[Any, ...]]:
        # a read-only view cannot be pickled: hand over plain dictionaries
        values: dict[str, Any] = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        values.update(entries=dict(self.entries), extra=dict(self.extra))
        return (Card, tuple(values.values()))

    def __hash__(self) -> int:
        """By its key: equal cards have the same, so that what is made of a card can be kept."""
        return hash(self.key)

    @property
    def hash(self) -> str:
        """The sha256 of the card's file, or of its written text when it was made in memory."""
        if self.file_hash:
            return self.file_hash
        return hashlib.sha256(write_card(self).encode()).hexdigest()

    def entry(self, symbol: str) -> Entry:
        """Return one parameter.

        **Raises:** `InputError` when the card has no such symbol.
        """
        try:
            return self.entries[symbol]
        except KeyError:
            raise InputError(
                f"card {self.key}",
                f"no parameter '{symbol}'",
                near(symbol, self.entries),
            ) from None

    def values(self) -> dict[str, float]:
        """Return the typical values by symbol, in the units of the card."""
        return {symbol: entry.value for symbol, entry in self.entries.items()}

    def omega(self) -> tuple[tuple[str, ...], NDArray[np.float64]]:
        """Return the between-patient variability as a covariance on the transformed scales.

        **Returns:** the p symbols that have a spread above zero, in the card's order, and their
        covariance, an array of shape (p, p); each effect is normal on the scale of its
        `Spread.kind`.

        **Raises:** `InputError` when a correlation names a parameter without spread or the
        matrix is not positive definite.
        """
        spreads = {
            symbol: entry.iiv.sd
            for symbol, entry in self.entries.items()
            if entry.iiv is not None and entry.iiv.sd > 0.0
        }
        symbols = tuple(spreads)
        sds = np.array([spreads[symbol] for symbol in symbols], dtype=np.float64)
        correlation = np.eye(len(symbols))
        for first, second, value in self.correlations:
            for symbol in (first, second):
                if symbol not in spreads:
                    raise InputError(
                        f"card {self.key}.correlation",
                        f"'{symbol}' has no between-patient variability",
                        near(symbol, symbols) if symbols else "give it one under iiv",
                    )
            row, column = symbols.index(first), symbols.index(second)
            correlation[row, column] = correlation[column, row] = value
        if not is_positive_definite(correlation):
            raise InputError(
                f"card {self.key}.correlation",
                "the between-patient variability is not positive definite",
                "check the correlations and covariances",
            )
        return symbols, correlation * np.outer(sds, sds)

    def replace(self, **changes: Any) -> Card:
        """Return a copy with some fields changed, such as `title=...` or `entries=...`.

        The copy's hash is that of its own text, no longer the file's.
        """
        changes.setdefault("file_hash", "")
        return dataclasses.replace(self, **changes)

    def with_entries(self, *entries: Entry) -> Card:
        """Return a copy with parameters replaced or added."""
        return self.replace(entries={**self.entries, **{entry.symbol: entry for entry in entries}})

    def sources(self) -> tuple[str, ...]:
        """Return every source key the card cites, its own first, without repetition."""
        keys = [self.source]
        for entry in self.entries.values():
            keys.append(entry.source)
            keys.extend(spread.source for spread in (entry.iiv, entry.iov) if spread is not None)
        return tuple(dict.fromkeys(key for key in keys if key))


def write_card(card: Card) -> str:
    """Write a card as TOML text that `read_card` reads back to an equal card."""
    lines = ["[card]"]
    head: list[tuple[str, object]] = [
        ("key", card.key),
        ("title", card.title),
        ("model", card.model),
        ("source", card.source),
        ("population", card.population),
        ("n", card.n),
        ("sites", list(card.sites)),
        ("notes", list(card.notes)),
    ]
    lines += [f"{key} = {value_text(value)}" for key, value in head if value not in (None, [], "")]
    lines += [f'{key} = ""' for key in ("title", "model", "source") if not getattr(card, key)]
    for symbol, entry in card.entries.items():
        lines += ["", f"[parameter.{key_text(symbol)}]", *entry_lines(entry)]
    for first, second, value in card.correlations:
        between = value_text([first, second])
        lines += [
            "",
            "[[correlation]]",
            f"between = {between}",
            f"value = {value_text(value)}",
        ]
    if card.uncertainty is not None:
        lines += [
            "",
            "[uncertainty]",
            f"symbols = {value_text(list(card.uncertainty.symbols))}",
            f"scales = {value_text(list(card.uncertainty.scales))}",
            "covariance = [",
            *(f"  {value_text(list(row))}," for row in card.uncertainty.covariance),
            "]",
        ]
    if card.extra:
        lines += ["", "[extra]"]
        lines += [f"{key_text(key)} = {value_text(value)}" for key, value in card.extra.items()]
    return "\n".join(lines) + "\n"
