"""Words for sex."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "female": "female f woman women girl w",
    "male": "male m man men boy",
}


def sex_of(text: str) -> str | None:
    """`female` or `male`, of a word such as `F`, `Male` or `woman`; nothing for any other."""
    word = text.strip().lower().rstrip(".")
    return next((sex for sex, words in _WORDS.items() if word in words.split()), None)
