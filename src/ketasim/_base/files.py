"""Files appear whole or not at all, and never in the place of an input."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from ketasim._base.errors import InputError
from ketasim._base.signals import HeldSignals, held_signals
from ketasim._base.staging import clear_stale, exchangeable, mode_of, show, staging_in, take_back
from ketasim._base.text import named

_ANOTHER: Final = "name a folder you may write to"
_OPEN: Final = re.compile(r"/dev/(?:fd/(\d+)|(stdout)|(stderr))|/proc/self/fd/(\d+)")

_made: list[Path] = []


def files_made() -> int:
    """How many files this process has written, for the answer to an interrupt."""
    return len(_made)


def check_targets(
    folder: Path, names: Iterable[str], *, field: str = "--out", inputs: Sequence[Path] = ()
) -> None:
    """Refuse, before any work, files that cannot be written or that are an input.

    **Arguments:**

    - `folder`: where they go; it need not exist.
    - `names`: of the files.
    - `field`: what to call the folder in an error.
    - `inputs`: files that are read; links to them count.

    **Raises:** `InputError`.
    """
    folder, several = _settled(folder), list(names)
    single = folder / several[0] if len(several) == 1 else None
    through = single is not None and is_stream(single)
    if not through:
        _check_place(folder, field)
    for name in several:
        target = folder / name
        if target.parent != folder:
            _check_place(target.parent, field)
        found = _status(target, field)
        if found is None:
            continue
        if any(_same(found, one) for one in inputs):
            raise InputError(
                field, f"'{named(target)}' is the input, and would be lost", "write somewhere else"
            )
        if through:
            continue
        if stat.S_ISDIR(found.st_mode):
            raise InputError(field, f"'{named(target)}' is a folder", "write somewhere else")
        if not stat.S_ISREG(found.st_mode):
            raise InputError(
                field, f"'{named(target)}' is a device or a pipe", "name a folder for the files"
            )
        if not os.access(target, os.W_OK):
            raise InputError(field, f"'{named(target)}' is write-protected", "write somewhere else")


def _settled(folder: Path) -> Path:
    """The folder without `..`, which would mean another one once folders before it are made."""
    return Path(os.path.realpath(folder)) if ".." in folder.parts else folder


def _check_place(folder: Path, field: str) -> None:
    """Refuse a folder that is taken by a file or is write-protected."""
    for place in (folder, *folder.parents):
        found = _status(place, field)
        if found is None:
            continue
        if not stat.S_ISDIR(found.st_mode):
            raise InputError(field, f"'{named(place)}' is a file", _ANOTHER)
        if not os.access(place, os.W_OK | os.X_OK):
            raise InputError(field, f"'{named(place)}' cannot be written to", _ANOTHER)
        return


def _status(path: Path, field: str) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _refused(path, field, error) from None


def _same(found: os.stat_result, path: Path) -> bool:
    try:
        return os.path.samestat(found, path.stat())
    except (OSError, ValueError):
        return False


def _refused(path: Path, field: str, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error)
    return InputError(field, f"cannot write to '{named(path)}' ({reason})", _ANOTHER)


def is_stream(path: Path) -> bool:
    """Tell whether a path is a device, a pipe or a socket: written into, never replaced."""
    if _OPEN.fullmatch(str(path)):
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def write_whole(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    field: str = "--out",
    inputs: Sequence[Path] = (),
) -> list[Path]:
    """Write several files into a folder: all of them appear, or none.

    A signal that comes while they are written acts afterwards, with all or none of them there. A
    single file may be a device or a pipe, which is written into.

    **Arguments:**

    - `folder`: where the files go; created when missing.
    - `files`: file name to content; `datasets/adsl.csv` goes into a folder of that folder.
    - `field`: what to call the folder in an error.
    - `inputs`: files that were read and must not be replaced.

    **Returns:** the paths written, in the order given; none for a device or a pipe.

    **Raises:** `InputError` when the files cannot be written or one is an input; the folder and
    those above it are as they were then.
    """
    told, folder, names = Path(folder), _settled(Path(folder)), list(files)
    check_targets(folder, names, field=field, inputs=inputs)
    if len(names) == 1 and is_stream(folder / names[0]):
        _write_through(folder / names[0], files[names[0]], field)
        return []
    with held_signals() as held:
        try:
            _write(folder, files, held)
        except OSError as error:
            raise _refused(told, field, error) from error
        _made.extend(folder / name for name in names)
    return [told / name for name in names]


def _write(folder: Path, files: Mapping[str, bytes], held: HeldSignals) -> None:
    names = list(files)
    made: list[Path] = []
    staging: Path | None = None
    whole = False
    try:
        _make(folder.parent, made)
        there = folder.exists()
        if there:
            clear_stale(folder)
        if os.access(folder.parent, os.W_OK | os.X_OK):
            clear_stale(folder.parent)
        staging = staging_in(folder if there and not exchangeable(folder, names) else folder.parent)
        (staging / "new").mkdir(parents=True)
        for name, content in files.items():
            aside = staging / "new" / name
            aside.parent.mkdir(exist_ok=True)
            aside.write_bytes(content)
            mode = mode_of(folder / name)
            if mode is not None:
                aside.chmod(mode)
        held.waiting = True
        held.check()
        show(staging, folder, names, held.check)
        whole = True
    finally:
        held.waiting = True
        if staging is not None:
            if not whole:
                take_back(staging)
            shutil.rmtree(staging, ignore_errors=True)
        for place in reversed(made):
            if whole:
                break
            with suppress(OSError):
                place.rmdir()


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it, noting each."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        made.append(place)
        place.mkdir(exist_ok=True)


def _write_through(path: Path, content: bytes, field: str) -> None:
    """Write into something that is no file; of an open one its own end is used."""
    try:
        hit = _OPEN.fullmatch(str(path))
        if hit:
            number = next((int(one) for one in (hit[1], hit[4]) if one), 2 if hit[3] else 1)
            handle = os.dup(number)
        else:
            handle = os.open(path, os.O_WRONLY)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    except BrokenPipeError:
        raise  # the reader has gone
    except OSError as error:
        raise _refused(path, field, error) from error
