"""Courses and trials as YAML text: read from a file, and made a mapping of names to values."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, cast

from ketasim._base import InputError, named, read_whole, read_yaml

_EXAMPLES: Final = {
    "course": "regimen: ketamine 0.5 mg/kg im once",
    "trial": "trial: ketamine_saline",
}
_MOST: Final = 4_000_000  # bytes; the longest course of 10,000 doses has a third of them


def read_mapping(text: str, field: str) -> dict[str, Any]:
    """Read YAML whose top is a mapping.

    **Arguments:**

    - `text`: the YAML.
    - `field`: what to call the whole in an error.

    **Returns:** as of `read_yaml`: a bare `9:00` or `no` is text, `010` is ten.

    **Raises:** `InputError` when it is not YAML, is not a mapping, or names a key twice.
    """
    content = read_yaml(text, field)
    if not isinstance(content, dict):
        raise InputError(
            field,
            "is empty" if content is None else "is not a mapping of names to values",
            f"write 'name: value' lines, such as '{_EXAMPLES.get(field, _EXAMPLES['course'])}'",
        )
    return cast("dict[str, Any]", content)


def read_text(source: str | Path, field: str) -> str:
    """Read a file of YAML.

    **Arguments:**

    - `source`: its path, or an open pipe such as `/dev/stdin`. `field`: what it holds, such as
      `course`.

    **Raises:** `InputError` when it cannot be read, has more than 4 MB or is not text.
    """
    path = Path(source)
    content = read_whole(path, field, _MOST)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            field, f"'{named(path)}' is not text", "write it as YAML in UTF-8"
        ) from None
    return text.translate(_SPACES)


# spaces that a page or a text program puts between a number and its unit
_SPACES: Final = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f"), " ")
