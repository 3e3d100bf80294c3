"""JSON of a health record: read whole, of a bounded size, every number finite."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Final, NoReturn

from ketasim._base import InputError, named, read_whole

_MOST: Final = 50_000_000  # bytes
_FIELD: Final = "bundle"


def read_json(path: Path) -> Any:
    """Read a JSON file.

    **Arguments:**

    - `path`: of the file, or of an open pipe.

    **Raises:** `InputError`, which shows nothing of what the file holds.
    """
    content = read_whole(path, _FIELD, _MOST, what="FHIR Bundle")
    shown = named(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            _FIELD, f"'{shown}' is not text in UTF-8", "save the Bundle as JSON in UTF-8"
        ) from None
    try:
        return json.loads(
            text, parse_constant=_constant, parse_float=_finite, object_pairs_hook=_once
        )
    except InputError:
        raise
    except RecursionError:
        raise InputError(
            _FIELD, f"'{shown}' is nested too deeply to be a Bundle", "export it again"
        ) from None
    except json.JSONDecodeError as error:
        raise InputError(
            _FIELD,
            f"'{shown}' is not JSON (line {error.lineno}, column {error.colno})",
            "give a FHIR R4 Bundle as JSON",
        ) from None
    except ValueError:  # a whole number of thousands of digits
        raise InputError(
            _FIELD, f"'{shown}' has a number that is too long", "export it again"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that stands twice has two values, and JSON does not say which counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InputError(_FIELD, "an object has a key twice, with two values", "export it again")
    return found


def _constant(name: str) -> NoReturn:
    raise InputError(_FIELD, f"it has the number {name}, which JSON has not", "export it again")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InputError(_FIELD, "it has a number that is too large", "export it again")
    return value
