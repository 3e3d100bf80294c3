"""A function of a file compiled when it is first called, and kept on disk."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ketasim.engine.backends.numba.compiled import made_by
from ketasim.engine.backends.numba.kept import KeptCode, cache_folder, loaded_module, note

_FIRST = threading.RLock()


@dataclass(frozen=True)
class Kernel:
    """A compiled function; the first call in a process loads or compiles it.

    **Arguments:**

    - `source`: the file, whose text stands alone; its name ends with `_kernel.py`.
    - `function`: its name, with `cache=True` among the options of Numba.
    - `what`: that is compiled, for who waits.
    """

    source: Path
    function: str
    what: str

    def __call__(self, *arguments: Any) -> None:
        """Call it."""
        with _FIRST:
            function, kept = self._loaded
        if function.signatures:
            function(*arguments)
            return
        with _FIRST:
            self._first(function, kept, arguments)

    def _first(self, function: Any, kept: KeptCode | None, arguments: tuple[Any, ...]) -> None:
        first = not function.signatures
        if first and (kept is None or not kept.keeps(self.function)):
            note(f"compiling {self.what}, once on this machine: seconds")
        try:
            function(*arguments)
        except OSError as error:
            # the function reads and writes no file: Numba has compiled, and cannot keep it
            if kept is not None:
                kept.told(error)
            function(*arguments)
        if first and kept is not None:
            kept.seal()

    @cached_property
    def _loaded(self) -> tuple[Any, KeptCode | None]:
        text = self.source.read_text(encoding="utf-8")
        digest = hashlib.blake2b(digest_size=10)
        digest.update(f"{text} {made_by()} {sys.version_info[:2]}".encode())
        name = f"{self.source.stem.removesuffix('_kernel')}_{digest.hexdigest()}"
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
        return getattr(loaded_module(name, text, kept), self.function), kept
