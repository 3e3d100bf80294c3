"""Compiled code kept on disk: used while it is what was written, made anew otherwise."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.abc import ExecutionLoader
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER_VARIABLE = "KETASIM_CACHE_DIR"
_COMPILED = "__pycache__"  # where Numba puts what belongs to a file
_KINDS = (".nbi", ".nbc")  # its index, and its machine code


@lru_cache(maxsize=1)
def cache_folder() -> Path | None:
    """Folder that keeps compiled functions; nothing when none can be written to.

    `KETASIM_CACHE_DIR` names it, else the user's folder for caches does.
    """
    folder: Path | None = None
    try:
        folder = chosen_folder()
        compiled = folder / _COMPILED
        compiled.mkdir(parents=True, exist_ok=True)
        for place in (folder, compiled):
            with tempfile.TemporaryFile(dir=place) as probe:
                probe.write(b" ")
    except (OSError, RuntimeError, ValueError) as error:  # `Path.home` raises the second
        what = "there is no home folder" if folder is None else f"'{folder}' cannot be written to"
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        note(
            f"{what}{reason}: the engine is compiled anew in every process; set "
            f"{FOLDER_VARIABLE} to a folder that can be written to"
        )
        return None
    return folder


def chosen_folder() -> Path:
    """Folder for what is kept between processes, whether or not it can be written to.

    **Raises:** `RuntimeError` where there is no home folder.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path.home() / ".cache"
    if not base.is_absolute():  # HOME is there and empty: not below the folder of the moment
        raise RuntimeError
    return base / "ketasim"


@lru_cache(maxsize=1)
def numba_there() -> bool:
    """Whether Numba can be loaded; where it is installed and cannot, that is said once."""
    try:
        import numba
    except ImportError as error:
        if not (isinstance(error, ModuleNotFoundError) and error.name == "numba"):
            note(f"Numba cannot be loaded ({error}); everything is computed by NumPy, more slowly")
        return False
    del numba
    return True


def note(text: str) -> None:
    """Tell people something while they wait."""
    with suppress(OSError):
        print(f"ketasim: {text}", file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True)
class KeptCode:
    """What is kept of one module: its text, what Numba compiled, and a checksum of each file.

    Machine code that is not what was written can end the process, so it is never tried.

    **Arguments:**

    - `folder`: where.
    - `name`: of the module.
    """

    folder: Path
    name: str

    @property
    def source(self) -> Path:
        """The file of the module's text; Numba goes by it."""
        return self.folder / f"{self.name}.py"

    def prepare(self, text: str) -> None:
        """Write the text where it is not there, and remove what is not as it was sealed.

        **Raises:** `OSError` when that cannot be done.
        """
        sealed = self._sealed()
        for path in self._files():
            if sealed.get(path.name) != _checksum(path):
                path.unlink(missing_ok=True)
        try:
            same = self.source.read_bytes() == text.encode()
        except OSError:
            same = False
        if not same:
            self._write(self.source, text)

    def seal(self) -> None:
        """Note what is there now, as far as it can be."""
        try:
            found = {path.name: _checksum(path) for path in self._files()}
            if found != self._sealed():
                lines = [f"{checksum}  {name}\n" for name, checksum in sorted(found.items())]
                self._write(self._seal, "".join(lines))
        except OSError as error:
            self.told(error)

    def told(self, error: OSError) -> None:
        """Say that something could not be kept."""
        note(
            f"'{self.folder}' does not take what was compiled ({error.strerror or error}): the "
            f"next process compiles again"
        )

    def keeps(self, function: str) -> bool:
        """Tell whether something is kept of a function."""
        return any(path.name.startswith(f"{self.name}.{function}-") for path in self._files())

    @property
    def _seal(self) -> Path:
        return self.folder / f"{self.name}.sums"

    def _files(self) -> Iterator[Path]:
        for path in sorted((self.folder / _COMPILED).glob(f"{self.name}.*")):
            if path.suffix in _KINDS:
                yield path

    def _sealed(self) -> dict[str, str]:
        try:
            lines = self._seal.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return {}
        return {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}

    def _write(self, path: Path, text: str) -> None:
        # beside, then renamed: another process never reads half a file
        beside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            beside.write_text(text, encoding="utf-8", newline="\n")
            beside.replace(path)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def _checksum(path: Path) -> str:
    """BLAKE2 of a file; empty for one that has just gone."""
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=20).hexdigest()
    except FileNotFoundError:
        return ""


class _Text(ExecutionLoader):
    """Loads a module from its text, without the byte code that Python would keep unchecked."""

    def __init__(self, text: str, path: str) -> None:
        self._text, self._path = text, path

    def get_source(self, fullname: str) -> str:  # noqa: ARG002 -- one loader a module
        return self._text

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 -- one loader a module
        return self._path


def loaded_module(name: str, text: str, kept: KeptCode | None) -> ModuleType:
    """A module from its text, in the file that keeps it if there is one."""
    from numba import config

    settings: Any = config
    path = f"{name}.py" if kept is None else str(kept.source)
    spec = importlib.util.spec_from_loader(name, _Text(text, path))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba looks it up by name when it loads what it kept
    elsewhere = settings.CACHE_DIR
    settings.CACHE_DIR = ""  # of NUMBA_CACHE_DIR: what lies there has no seal
    try:
        spec.loader.exec_module(module)
    finally:
        settings.CACHE_DIR = elsewhere
    return module
