"""Checks over the parameter cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np

from ketasim._base import InputError, near
from ketasim.evidence.card import Card
from ketasim.evidence.card_entry import is_positive_definite
from ketasim.evidence.linting.finding import Check, Evidence, Hits
from ketasim.evidence.linting.units import is_unit

_PURE: Final = ("", "1", "-", "ratio", "fraction", "fold")


def _cards(evidence: Evidence) -> Iterator[tuple[str, Card]]:
    for key, card in evidence.cards.items():
        yield f"cards/{key}", card


def _readable(evidence: Evidence) -> Hits:
    for key, reason in evidence.unreadable.items():
        yield f"cards/{key}", None, reason


def _sources_known(evidence: Evidence) -> Hits:
    keys = evidence.keys()
    for name, card in _cards(evidence):
        cited = [("source", card.source)] if card.source else []
        for symbol, entry in card.entries.items():
            cited.append((symbol, entry.source))
            cited += [(symbol, one.source) for one in (entry.iiv, entry.iov) if one is not None]
        for where, key in dict.fromkeys(cited):
            if key and key not in keys:
                hint = near(key, keys) if keys else ""
                hint = hint if hint.startswith("did you mean") else "add it to sources_added.csv"
                yield name, where, f"unknown source '{key}'; {hint}"


def _sourced(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            for spread, kind in ((entry.iiv, "iiv"), (entry.iov, "iov")):
                if spread is not None and spread.grade != "assumed" and not spread.source:
                    yield name, symbol, f"{kind} is graded '{spread.grade}' without a source"


def _assumptions_explained(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            if entry.grade == "assumed" and not entry.note:
                yield name, symbol, "an assumption should say in its note why this value"
            for spread, kind in ((entry.iiv, "iiv"), (entry.iov, "iov")):
                if spread is not None and spread.grade == "assumed" and not spread.note:
                    # the note of the value covers a spread assumed along with it
                    if entry.grade == "assumed" and entry.note:
                        continue
                    yield name, symbol, f"the assumed {kind} should say in its note why"


def _located(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            if entry.source and not entry.locator and entry.grade != "fitted":
                yield name, symbol, "the locator does not say where in the source the number stands"


def _units(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            if entry.unit not in _PURE and not is_unit(entry.unit):
                yield name, symbol, f"'{entry.unit}' is not a unit"


def _values(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            if entry.unit == "fraction" and not 0.0 <= entry.value <= 1.0:
                yield name, symbol, f"fraction {entry.value:g} is not in 0 to 1"
            if entry.value < 0.0 and re.match(r"m?L\b(?!.*\byear)", entry.unit):
                yield name, symbol, f"{entry.value:g} {entry.unit} is negative"
            if entry.value <= 0.0 and entry.iiv is not None and entry.iiv.kind == "lognormal":
                yield name, symbol, f"a lognormal spread around {entry.value:g} has no meaning"
            if entry.iiv is not None and entry.iiv.kind == "logit" and not 0 < entry.value < 1:
                yield name, symbol, f"a logit spread around {entry.value:g} has no meaning"
            if entry.rse is not None and entry.rse < 0.0:
                yield name, symbol, f"rse {entry.rse:g} is negative"


def _intervals(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        for symbol, entry in card.entries.items():
            low = -np.inf if entry.low is None else entry.low
            high = np.inf if entry.high is None else entry.high
            if not low <= entry.value <= high:
                yield name, symbol, f"{entry.value:g} lies outside its interval {low:g} to {high:g}"


def _positive_definite(evidence: Evidence) -> Hits:
    for name, card in _cards(evidence):
        try:
            card.omega()
        except InputError as error:
            yield name, "correlation", f"{error.problem}; {error.remedy}"
        if card.uncertainty is not None:
            matrix = card.uncertainty.matrix()
            # correlations, so that parameters of very different size do not hide each other
            scale = np.sqrt(np.abs(np.diag(matrix)))
            if np.any(scale == 0.0) or not is_positive_definite(matrix / np.outer(scale, scale)):
                yield (
                    name,
                    "uncertainty",
                    "the covariance of the estimates is not positive definite",
                )


CARD_CHECKS: Final = (
    Check("card_file", "error", _readable),
    Check("card_source_key", "error", _sources_known),
    Check("card_spread_source", "error", _sourced),
    Check("card_unit", "error", _units),
    Check("card_value", "error", _values),
    Check("card_interval", "error", _intervals),
    Check("card_positive_definite", "error", _positive_definite),
    Check("card_assumption", "warning", _assumptions_explained),
    Check("card_locator", "warning", _located),
)
