"""Compiling in a process beside this one, so that two parts are compiled at a time.

Numba compiles one function at a time in a process. What the process beside compiles it leaves in
the folder that keeps compiled code; when it fails, whoever waited compiles the part itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from ketasim.engine.backends.numba.kept import KeptCode, loaded_module

_PATIENCE = 120.0  # s, after which it is taken to have failed
_PROGRAM = (
    "import json, sys; given = json.loads(sys.stdin.readline()); sys.path[:] = given.pop(); "
    "from ketasim.engine.backends.numba.beside import main; main(*given)"
)


class Beside:
    """A process that compiles one function of a module, from when it is made.

    It ends with this one, however this one ends.

    **Arguments:**

    - `kept`: the module. `function`: its name.
    - `signature`: for which arguments, as Numba writes it.
    """

    def __init__(self, kept: KeptCode, function: str, signature: str) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        given = [str(kept.folder), kept.name, function, signature, sys.path]
        flags = ["-I", *(["-B"] if sys.dont_write_bytecode else [])]
        try:
            self._child = subprocess.Popen(
                [sys.executable, *flags, "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            weakref.finalize(self, _end, self._child)
            assert self._child.stdin is not None
            # it stays open: when it closes, the process that writes is no more
            self._child.stdin.write(json.dumps(given).encode() + b"\n")
            self._child.stdin.flush()
        except (OSError, ValueError):
            pass  # no process can be started here, or it has ended: this one compiles

    def wait(self) -> None:
        """Wait until it has compiled, or failed."""
        if self._child is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(_PATIENCE)


def can_start() -> bool:
    """Whether a process of the same Python can be started; a frozen program is none."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def _end(child: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        child.kill()
    child.wait()
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()


def main(folder: str, name: str, function: str, signature: str) -> None:
    """Compile a function of a kept module; end when the standard input does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    kept = KeptCode(Path(folder), name)
    module = loaded_module(name, kept.source.read_text(encoding="utf-8"), kept)
    compile_for(getattr(module, function), signature)


def compile_for(function: Any, signature: str) -> None:
    """Compile a function, or load what is kept of it, for arguments as Numba writes them.

    **Raises:** `OSError` when it is compiled and cannot be kept.
    """
    from numba.core import sigutils

    # the key of what is kept is what a call looks for: the types, not the text
    function.compile(sigutils.normalize_signature(signature)[0])


def _end_with_parent() -> None:
    with suppress(OSError):
        sys.stdin.buffer.read()
    os._exit(1)
