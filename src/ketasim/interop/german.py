"""German words for doses, put into those that a regimen is written in."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = {
    "ketamin": "ketamine",
    "esketamin": "esketamine",
    "s-ketamin": "esketamine",
    "ketaminhydrochlorid": "ketamine hydrochloride",
    "esketaminhydrochlorid": "esketamine hydrochloride",
    "über": "over",
    "intravenös": "iv",
    "subkutan": "sc",
    "intramuskulär": "im",
    "nasenspray": "nasal spray",
}
_FOUND: Final = re.compile(
    rf"(?<![\w-])(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?!\w)", re.IGNORECASE
)


def in_english(text: str) -> str:
    """The text with these words in English; any other stays."""
    return _FOUND.sub(lambda hit: _WORDS[hit[0].lower()], text)
