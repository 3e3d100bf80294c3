"""Templates kept on disk as Python compiled them: used while they are what was written."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import jinja2
from jinja2.bccache import Bucket

from ketasim.__about__ import __version__
from ketasim.engine.backends.numba.kept import chosen_folder

_DIGEST: Final = 20  # bytes


class KeptTemplates(jinja2.BytecodeCache):
    """The compiled templates of an environment.

    A file that is damaged, of another version or unreadable is compiled again; where nothing can
    be written, every process compiles. Jinja itself compares the text of the template.

    **Arguments:**

    - `options`: of the environment, which the compiled text depends on.
    """

    def __init__(self, options: str) -> None:
        about = f"{__version__} {jinja2.__version__} {sys.implementation.cache_tag} {options}"
        self._about = hashlib.blake2b(about.encode(), digest_size=8).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket with what is kept."""
        with suppress(OSError, RuntimeError, ValueError, EOFError, TypeError):
            content = self._path(bucket).read_bytes()
            # code that is not what was written could end the process, so it is never tried
            if _digest(content[_DIGEST:]) == content[:_DIGEST]:
                bucket.bytecode_from_string(content[_DIGEST:])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled, as far as it can be."""
        with suppress(OSError, RuntimeError, ValueError):
            path, content = self._path(bucket), bucket.bytecode_to_string()
            path.parent.mkdir(parents=True, exist_ok=True)
            # beside, then renamed: another process never reads half a file
            beside = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")
            try:
                beside.write_bytes(_digest(content) + content)
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)

    def _path(self, bucket: Bucket) -> Path:
        return chosen_folder() / "templates" / f"{self._about}-{bucket.key}.bin"


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST).digest()
