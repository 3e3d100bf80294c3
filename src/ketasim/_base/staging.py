"""A hidden folder in which files wait until all of them are whole, and the step that shows them.

Its name tells who made it: `.ketasim-PLACE-PROCESS-RANDOM`. It holds `new`, the files to come, and
while files are renamed one by one `old`, those they replace, and `names`, which they are and where.
So what a killed process left can be taken back by whoever comes next.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

_NAME: Final = re.compile(r"\.ketasim-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}")
_ABANDONED: Final = 24 * 3600.0  # s; a process on another machine is not asked, and needs seconds
_HERE: Final = -100  # AT_FDCWD of Linux
_SWAP: Final = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def staging_in(place: Path) -> Path:
    """Path of a new staging folder; it is not made yet."""
    return place / f".ketasim-{_place()}-{os.getpid()}-{secrets.token_hex(4)}"


@cache
def _place() -> str:
    """Where the numbers of processes mean the same: this machine, this container."""
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 -- no file, only a name
    except OSError:
        space = ""
    return hashlib.blake2b(f"{platform.node()} {space}".encode(), digest_size=4).hexdigest()


def clear_stale(place: Path) -> None:
    """Take back and remove what killed processes left in a folder; what cannot be, stays."""
    with suppress(OSError):
        for entry in list(place.iterdir()):
            hit = _NAME.fullmatch(entry.name)
            if hit and entry.is_dir() and _dead(entry, hit[1], int(hit[2])):
                take_back(entry, stale=True)
                shutil.rmtree(entry, ignore_errors=True)


def _dead(entry: Path, where: str, process: int) -> bool:
    found = entry.lstat()
    if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
        return False  # what others leave, they clear
    if where != _place():
        return time.time() - found.st_mtime > _ABANDONED
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def exchangeable(folder: Path, names: Sequence[str]) -> bool:
    """Tell whether a folder holds nothing but files to be replaced, and may itself be replaced.

    Then one step shows all of them. A folder somebody works in, or that is mounted, is kept.
    """
    inside = os.path.realpath(folder)
    try:
        within = Path.cwd().is_relative_to(inside)
    except OSError:
        within = True
    return (
        len(names) > 1
        and not within
        and not folder.is_symlink()
        and not os.path.ismount(folder)
        and os.access(folder.parent, os.W_OK | os.X_OK)
        and all(
            entry.name in names and entry.is_file() and not entry.is_symlink()
            for entry in folder.iterdir()
        )
    )


def show(staging: Path, folder: Path, names: Sequence[str], check: Callable[[], None]) -> None:
    """Put the files of a staging folder in their places.

    **Arguments:**

    - `staging`: the staging folder; `new` in it holds the files.
    - `folder`: where they go. One that is not there appears in one step with all of them; one that
      `exchangeable` accepts is exchanged in one step where the system can; else files are renamed
      one by one.
    - `names`: of the files, `datasets/adsl.csv` in a folder of that folder.
    - `check`: called between two renames; raises to stop, and `take_back` undoes them.
    """
    new = staging / "new"
    if not folder.exists():
        with suppress(OSError):  # somebody has just made it
            new.rename(folder)
            return
        folder.mkdir(exist_ok=True)
    if exchangeable(folder, names) and _exchanged(new, folder):
        _bring_along(new, folder, names)
        return
    if len(names) > 1:
        inside = "." if staging.parent == folder else folder.name
        folders = dict.fromkeys(Path(name).parent.name for name in names)
        made = [one for one in folders if one and not (folder / one).exists()]
        told = {"folder": inside, "names": list(names), "made": made}
        (staging / "names").write_text(json.dumps(told), encoding="utf-8")
        (staging / "old").mkdir()
    for name in names:
        check()
        if len(names) > 1:
            _keep(folder / name, staging / "old" / name)
        (folder / name).parent.mkdir(exist_ok=True)
        (new / name).replace(folder / name)


def _keep(place: Path, old: Path) -> None:
    if not os.path.lexists(place):
        return
    old.parent.mkdir(exist_ok=True)
    try:
        os.link(place, old, follow_symlinks=False)
    except (OSError, NotImplementedError):  # a file system without hard links
        place.replace(old)


def take_back(staging: Path, *, stale: bool = False) -> None:
    """Undo renames that were not finished; those of a finished set stay.

    **Arguments:**

    - `staging`: the staging folder.
    - `stale`: leave files alone that were written to since.
    """
    new, old = staging / "new", staging / "old"
    try:
        told = json.loads((staging / "names").read_text(encoding="utf-8"))
        folder = staging.parent / Path(told["folder"]).name
        names = [_inside(name) for name in told["names"]]
        made = [Path(one).name for one in told.get("made", ())]
        waiting = {
            entry.relative_to(new).as_posix() for entry in new.rglob("*") if not entry.is_dir()
        }
        last = new.stat().st_mtime
    except (OSError, ValueError, TypeError, KeyError):
        return  # no file was renamed yet
    if not waiting:
        return
    for name in names:
        place, before = folder / name, old / name
        with suppress(OSError):
            if name in waiting:
                if not os.path.lexists(place) and os.path.lexists(before):
                    before.replace(place)
            elif stale and place.lstat().st_mtime > last:
                pass
            elif os.path.lexists(before):
                before.replace(place)
            else:
                place.unlink()
    for one in made:
        with suppress(OSError):
            (folder / one).rmdir()


def _inside(name: str) -> str:
    """Name of a file in a folder, or in a folder of it, whatever else is written there."""
    return "/".join(part for part in Path(name).parts[-2:] if part not in ("/", ".."))


def _exchanged(new: Path, folder: Path) -> bool:
    """Exchange two folders in one step, where the system can and nobody would notice."""
    held, made = folder.stat(), new.stat()
    if (held.st_uid, held.st_gid, held.st_dev) != (made.st_uid, made.st_gid, made.st_dev):
        return False
    call = _exchange_call()
    if call is None:
        return False
    shutil.copystat(folder, new)  # its mode, and rights beside the mode
    os.utime(new)
    return call(os.fsencode(new), os.fsencode(folder)) == 0


@cache
def _exchange_call() -> Callable[[bytes, bytes], int] | None:
    library: Any = ctypes.CDLL(None) if os.name == "posix" else None
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return lambda one, other: library.renameat2(_HERE, one, _HERE, other, _SWAP)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return lambda one, other: library.renamex_np(one, other, _SWAP)
    return None


def _bring_along(old: Path, folder: Path, names: Sequence[str]) -> None:
    """Move what somebody put into the old folder in the last moment into the new one."""
    for entry in list(old.iterdir()):
        if entry.name not in names and not os.path.lexists(folder / entry.name):
            with suppress(OSError):
                entry.rename(folder / entry.name)


def mode_of(target: Path) -> int | None:
    """Mode of a file that is to be replaced, which the new one keeps; nothing without one."""
    try:
        held = target.lstat()
    except OSError:
        return None
    return stat.S_IMODE(held.st_mode) if stat.S_ISREG(held.st_mode) else None
