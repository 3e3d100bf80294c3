"""Names of rating scales as people write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ketasim.vocabulary.phrase import straight

# name without blanks, hyphens and underscores, in small letters, to the scale
_NAMES: Final = {
    "montgomeryasberg": "MADRS",
    "montgomeryåsberg": "MADRS",
    **{
        f"{stem}{items}": f"HDRS{items}"
        for stem in ("hdrs", "hamd", "hrsd", "hamilton")
        for items in ("17", "21", "24")
    },
    "qidssr": "QIDS",
    "qidssr16": "QIDS",
    "qids16": "QIDS",
    "idssr": "IDS",
    "idssr30": "IDS",
    "ids30": "IDS",
}
_SEVERAL: Final = ("hdrs", "hamd", "hrsd", "hamilton")
"""A scale of several lengths, whose name does not say which."""


_WRITTEN: Final = {
    "PHQ9": "PHQ-9",
    **{f"HDRS{items}": f"HDRS-{items}" for items in ("17", "21", "24")},
}


def scale_words(scale: str) -> str:
    """A scale as its users write it, such as `PHQ-9` of `PHQ9`; any other as it is."""
    return _WRITTEN.get(scale, scale)


def scale_of(text: str, known: Iterable[str]) -> str | None:
    """The scale that a name means, in any case, with or without hyphens.

    **Arguments:**

    - `text`: such as `madrs`, `PHQ-9` or `HAM-D 17`.
    - `known`: names of the scales that there are.

    **Returns:** one of `known`; nothing for any other name, a near one too: `HAM-A` is not `HAM-D`.
    """
    names = {name.lower(): name for name in known}
    word = re.sub(r"[\s_-]+", "", straight(text).strip().lower())
    found = names.get(word) or _NAMES.get(word)
    return found if found in names.values() else None


def scale_remedy(text: str, known: Iterable[str]) -> str:
    """What to write in place of a name that is no scale's: all there are, and no guess."""
    word = re.sub(r"[\s_-]+", "", straight(text).strip().lower())
    if word in _SEVERAL:
        several = [name for name in known if name.startswith("HDRS")]
        return f"say which of its lengths: {', '.join(several)}"
    return "use one of: " + ", ".join(sorted(known))
