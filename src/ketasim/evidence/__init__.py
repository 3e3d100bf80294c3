"""Published numbers with their sources and grades: cards, tables, citations, linter."""

from ketasim.evidence.card import (
    SPREAD_TYPES,
    Card,
    Entry,
    Spread,
    Uncertainty,
    is_positive_definite,
)
from ketasim.evidence.card_file import card_keys, load_card, read_card, write_card
from ketasim.evidence.grade import GRADES, Grade

__all__ = [
    "GRADES",
    "SPREAD_TYPES",
    "Card",
    "Entry",
    "Grade",
    "Spread",
    "Uncertainty",
    "card_keys",
    "is_positive_definite",
    "load_card",
    "read_card",
    "write_card",
]
