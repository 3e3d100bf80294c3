"""Files appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ketasim._base.errors import InputError


def write_whole(folder: Path, files: Mapping[str, bytes], *, field: str = "--out") -> list[Path]:
    """Write several files into a folder: all are written aside first and renamed together.

    **Arguments:**

    - `folder`: where the files go; created when missing.
    - `files`: file name to content.
    - `field`: what to call the folder in an error.

    **Returns:** the paths written, in the order given.

    **Raises:** `InputError` when the folder cannot be created or written to; nothing is left then.
    """
    created = not folder.exists()
    staged: list[tuple[str, Path]] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            handle, aside = tempfile.mkstemp(prefix=f".{name}.", dir=folder)
            staged.append((aside, folder / name))
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
        umask = os.umask(0)
        os.umask(umask)
        for aside, target in staged:
            Path(aside).chmod(0o666 & ~umask)
            Path(aside).replace(target)
    except OSError as error:
        for aside, _ in staged:
            Path(aside).unlink(missing_ok=True)
        if created and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        reason = error.strerror or str(error)
        raise InputError(
            field, f"cannot write to '{folder}' ({reason})", "name a folder you may write to"
        ) from error
    except BaseException:
        for aside, _ in staged:
            Path(aside).unlink(missing_ok=True)
        raise
    return [target for _, target in staged]
