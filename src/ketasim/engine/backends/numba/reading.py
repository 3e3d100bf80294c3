"""The compiled reading of modes, kept on disk and loaded when there is much to read."""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from ketasim.engine.backends.numba.compiled import made_by
from ketasim.engine.backends.numba.kept import KeptCode, cache_folder, loaded_module, note

_SOURCE = Path(__file__).parent / "reading_kernel.py"
_FUNCTION = "read_modes"


def read_modes(*arguments: Any) -> None:
    """Call `reading_kernel.read_modes`; the first time in a process it is loaded or compiled."""
    function, kept = _function()
    first = not function.signatures
    if first and (kept is None or not kept.keeps(_FUNCTION)):
        note("compiling the reading of concentrations, once on this machine: seconds")
    try:
        function(*arguments)
    except OSError as error:
        # the function reads and writes no file: Numba has compiled, and cannot keep it
        if kept is not None:
            kept.told(error)
        function(*arguments)
    if first and kept is not None:
        kept.seal()


@cache
def _function() -> tuple[Any, KeptCode | None]:
    text = _SOURCE.read_text(encoding="utf-8")
    digest = hashlib.blake2b(digest_size=10)
    digest.update(f"{text} {made_by()} {sys.version_info[:2]}".encode())
    name = f"reading_{digest.hexdigest()}"
    folder = cache_folder()
    kept = None if folder is None else KeptCode(folder, name)
    if kept is not None:
        try:
            kept.prepare(text)
        except OSError as error:
            kept.told(error)
            kept = None
    if kept is None:
        text = text.replace("cache=True", "cache=False")
    return getattr(loaded_module(name, text, kept), _FUNCTION), kept
