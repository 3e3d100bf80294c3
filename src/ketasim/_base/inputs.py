"""Files that are read: whole, of a bounded size, and never a device."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from ketasim._base.errors import InputError
from ketasim._base.text import named

_OPEN: Final = re.compile(r"/dev/(?:stdin|fd/\d+)|/proc/self/fd/\d+")


def read_whole(path: Path, field: str, most: int, *, what: str = "") -> bytes:
    """Read a file, or what comes through a pipe that is open already.

    **Main arguments:**

    - `path`: of a file, or of an open pipe such as `/dev/stdin`.
    - `field`: what to call it in an error. `most`: bytes that are read at most.

    **Other arguments:**

    - `what`: it holds, for errors; the field when left out.

    **Raises:** `InputError` when it is too large, is a folder or a device, or cannot be read.
    """
    shown = named(path)
    try:
        check_kind(path, field)
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        remedy = f"name a {what or field} file that exists"
        raise InputError(field, f"cannot read '{shown}' ({reason})", remedy) from None
    if len(content) > most:
        size = f"{most / 1_000_000:g} MB"
        raise InputError(field, f"'{shown}' has more than {size}", f"give a file of at most {size}")
    return content


def check_kind(path: Path, field: str) -> None:
    """Refuse what is no file to read: a folder, a device, or a pipe that nobody may be writing to.

    **Raises:** `InputError`; `OSError` when the system does not say what it is.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        return
    shown = named(path)
    if stat.S_ISDIR(mode):
        raise InputError(field, f"'{shown}' is a folder", "name a file")
    if _OPEN.fullmatch(os.fspath(path)) and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return  # as in `cat FILE | ketasim screen /dev/stdin`
    if _OPEN.fullmatch(os.fspath(path)) and _is_terminal(path):
        return
    kind = "pipe" if stat.S_ISFIFO(mode) else "device"
    raise InputError(field, f"'{shown}' is a {kind}, not a file", "name a file")


def _is_terminal(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOCTTY", 0) | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return os.isatty(handle)
    finally:
        os.close(handle)
