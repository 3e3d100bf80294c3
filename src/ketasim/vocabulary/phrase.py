"""Phrases of a vocabulary found in a text, whatever their case and spacing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_SAME: Final = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00a0\u2007\u2009\u202f\t\n\r\v\f", " "),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u2044\u2215", "/"),
        "\u00d7": "x",
        "\u03bc": "\u00b5",
    }
)


def straight(text: str) -> str:
    """Text with plain dashes, spaces, quotes and signs, each letter at its place."""
    return text.translate(_SAME)


def pattern_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Pattern that finds any of some phrases as whole words, the longest first.

    A blank or underscore stands for blanks, a hyphen or an underscore, a dot for one or nothing.
    """
    longest = sorted({one.replace("_", " ") for one in phrases}, key=len, reverse=True)
    found = "|".join(
        re.escape(one).replace(r"\ ", r"[\s_-]+").replace(r"\.", r"\.?") for one in longest
    )
    return re.compile(rf"(?<![\w])(?:{found})(?!\w)", re.IGNORECASE | re.ASCII)


def key(text: str) -> str:
    """A phrase as it stands in a vocabulary: small letters, single blanks, no dots."""
    return " ".join(re.sub(r"[\s_-]+", " ", straight(text).lower().replace(".", "")).split())
