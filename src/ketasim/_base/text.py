"""Text of users on its way to a terminal: nothing in it acts on the terminal."""

from __future__ import annotations

import re
from typing import Final

# controls (C0, C1, DEL), marks that turn the direction of writing, separators of lines that a
# terminal may take for an end of line, and halves of characters, which stand for undecodable bytes
_HIDDEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_PLAINER: Final = str.maketrans(
    {
        "–": "-",
        "—": "-",
        "−": "-",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "…": "...",
        "≥": ">=",
        "≤": "<=",
        "τ": "tau",
        "µ": "u",
        "μ": "u",
        "\u202f": " ",
        "\u2009": " ",
    }
)


def visible(text: str) -> str:
    r"""Text with everything that acts on a terminal written out, such as `\x1b` for the escape.

    **Arguments:**

    - `text`: of any origin; ends of lines and tabs stay.
    """
    return _HIDDEN.sub(lambda hit: ascii(hit[0])[1:-1], text)


def shortened(value: object, longest: int = 40) -> str:
    """What a user wrote, on one line and not too long for a message."""
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    text = " ".join(str(value)[: 4 * longest].split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def named(path: object, longest: int = 100) -> str:
    """A path as a message shows it: the middle of a long one is left out."""
    text = str(path)
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half]}…{text[-half:]}"


def fitting(text: str, encoding: str) -> str:
    """Text that an encoding can write: signs it lacks become plainer ones, or their number.

    **Arguments:**

    - `text`: of any kind.
    - `encoding`: such as `latin-1`; one that is unknown is taken for ASCII.
    """
    try:
        text.encode(encoding)
    except LookupError:
        return fitting(text, "ascii")
    except UnicodeEncodeError:
        plainer = "".join(_plainer(sign, encoding) for sign in text)
        return plainer.encode(encoding, "backslashreplace").decode(encoding)
    return text


def _plainer(sign: str, encoding: str) -> str:
    try:
        sign.encode(encoding)
    except UnicodeEncodeError:
        return sign.translate(_PLAINER)
    return sign
