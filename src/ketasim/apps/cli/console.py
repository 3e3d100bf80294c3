"""What commands share: plain numbers, JSON, tables of text, an output folder checked early."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter

AsJson = Annotated[bool, Parameter(name="--json", help="Print one JSON object instead of text.")]
OutFolder = Annotated[Path, Parameter(name="--out", help="Folder for the files; made if missing.")]


def print_json(value: object) -> None:
    """Print one JSON document; numbers that are not finite become null."""
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=2))


def plain(value: object) -> Any:
    """Turn what the package returns into what JSON can hold."""
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        return {str(key): plain(item) for key, item in table.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(cast("Any", value).tolist())
    return str(value)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns side by side, numbers to the right; nothing is cut off."""
    if not rows:
        return
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    for line in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def note(text: str) -> None:
    """Print a line for people on the error stream."""
    print(text, file=sys.stderr)


def check_folder(folder: Path, field: str = "--out") -> None:
    """Refuse, before any work, a folder that is taken by a file or may not be written to.

    **Raises:** `InputError`.
    """
    from ketasim._base import InputError

    for place in (folder, *folder.parents):
        if place.exists():
            if not place.is_dir():
                raise InputError(field, f"'{place}' is a file", "name a folder you may write to")
            if not os.access(place, os.W_OK | os.X_OK):
                raise InputError(
                    field, f"'{place}' cannot be written to", "name a folder you may write to"
                )
            return


def check_file(path: Path, field: str) -> None:
    """Refuse a file that is not there.

    **Raises:** `InputError`.
    """
    from ketasim._base import InputError

    if path.is_dir():
        raise InputError(field, f"'{path}' is a folder", "name a file")
    if not path.exists():
        raise InputError(field, f"there is no file '{path}'", "check the path")
