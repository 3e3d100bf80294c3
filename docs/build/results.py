"""Results that take minutes to compute, kept here, and the cards that they follow.

A result is current while its cards have the numbers that they had when it was computed. Figures
have no table; they are here because they are drawn from cards as well.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ketasim.evidence import load_card

KEPT = Path(__file__).parent / "results"
OUT = Path(__file__).parents[2] / "out"
"""Where long work leaves what is done of it."""
STAMPS = KEPT / "cards.json"
FOLLOWED = {
    "figures": ("mood", "receptor", "reference"),
    "forecast-calibration": ("mood", "receptor", "reference"),
    "forecast-early": ("mood", "receptor", "reference"),
    "forecast-skill": ("mood", "receptor", "reference"),
    "forecast-walk": ("mood", "receptor", "reference"),
    "mood-beside": ("mood", "receptor", "reference", "session"),
    "mood-recovery": ("mood", "mood_prior"),
    "mood-refit": ("mood", "mood_prior"),
    "mood-unseen": ("mood", "mood_prior"),
    "session-firmness": ("session", "session_prior"),
}
"""The cards that a result follows."""


def kept(name: str) -> bool:
    """Return whether a result was ever computed."""
    return (KEPT / f"{name}.csv").is_file()


def read(name: str) -> pl.DataFrame:
    """Return a table of a kept result."""
    return pl.read_csv(KEPT / f"{name}.csv", infer_schema_length=None)


def keep(name: str, table: pl.DataFrame) -> None:
    """Write a table of a result, numbers to six digits."""
    KEPT.mkdir(exist_ok=True)
    table.with_columns(pl.col(pl.Float64).round_sig_figs(6)).write_csv(KEPT / f"{name}.csv")


def tell(text: str) -> None:
    """Say how far long work is."""
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


def outdated() -> list[str]:
    """Return the results whose cards have other numbers now."""
    stamps = _stamps()
    return [name for name in FOLLOWED if name in stamps and stamps[name] != _stamp(name)]


def missing() -> list[str]:
    """Return the results that were never computed: their pages say so."""
    return [name for name in FOLLOWED if not computed(name)]


def computed(name: str) -> bool:
    """Return whether a result was computed with any cards."""
    return name in _stamps()


def stamp(name: str) -> None:
    """Note that a result was computed with the cards as they are."""
    stamps = _stamps() | {name: _stamp(name)}
    STAMPS.write_text(json.dumps(stamps, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _stamps() -> dict[str, dict[str, str]]:
    return json.loads(STAMPS.read_text(encoding="utf-8")) if STAMPS.is_file() else {}


def _stamp(name: str) -> dict[str, str]:
    """A digest of the numbers of each card; its words may change."""
    return {key: _digest(load_card(key).values()) for key in FOLLOWED[name]}


def digest_of(cards: Sequence[str]) -> str:
    """A short digest of the numbers of some cards, for names of files of long work."""
    text = " ".join(_digest(load_card(key).values()) for key in cards)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _digest(values: dict[str, float]) -> str:
    text = json.dumps({symbol: f"{value:.6g}" for symbol, value in sorted(values.items())})
    return hashlib.sha256(text.encode()).hexdigest()[:16]
