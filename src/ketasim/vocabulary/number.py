"""Numbers as people write them: digits, decimal commas and words."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from ketasim._base import read_number

_SMALL: Final = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBER_WORDS: Final[Mapping[str, int]] = (
    {word: value for value, word in enumerate(_SMALL.split(), start=1)}
    | {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
    | {f"{word}-five": 10 * value + 5 for value, word in enumerate(_TENS.split(), start=2)}
)
"""Numbers in words to their value: 1 to 20, the tens, and the fives between them."""

ORDINALS: Final[Mapping[str, int]] = {
    "other": 2,
    "second": 2,
    "2nd": 2,
    "alternate": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
    "fifth": 5,
    "5th": 5,
    "sixth": 6,
    "6th": 6,
    "seventh": 7,
    "7th": 7,
}
"""Words of order after `every`, such as `every third day`, to the number of days or weeks."""

TIMES: Final[Mapping[str, int]] = {"once": 1, "twice": 2, "thrice": 3}
"""Words for how often."""


def value_of(text: str, *, field: str = "") -> Fraction:
    """The value of a number in digits or words.

    **Arguments:**

    - `text`: such as `0,5`, `six` or `twice`.
    - `field`: the field's name for the error.

    **Raises:** `InputError` for what is no number or may be two.
    """
    word = text.strip().lower().replace(" ", "-")
    known = NUMBER_WORDS.get(word, TIMES.get(word))
    return read_number(text.strip(), field=field) if known is None else Fraction(known)
