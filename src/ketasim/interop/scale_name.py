"""Names of scales as records and headings have them: `PHQ-9 total score`, `MADRS (0-60)`."""

from __future__ import annotations

import re
from typing import Final

from ketasim.dosing import scales
from ketasim.vocabulary import scale_of

_TAIL: Final = re.compile(
    r"[\s,:_-]*(?:\[[^\]]*\]|\([^)]*\)|"
    r"(?<![a-z])(?:total|sum|score|points|pts|gesamt|summe|wert|punkte|gesamtwert|summenwert))\s*$",
    re.IGNORECASE,
)


def scale_named(text: str) -> str | None:
    """The scale that a name means, with words for a total behind it or without.

    **Arguments:**

    - `text`: such as `PHQ-9 total score [Reported]`.

    **Returns:** nothing for any other name, that of an item or an interpretation too.
    """
    plain = text.strip()[:120]
    while True:
        found = scale_of(plain, scales())
        shorter = _TAIL.sub("", plain)
        if found is not None or shorter == plain:
            return found
        plain = shorter
