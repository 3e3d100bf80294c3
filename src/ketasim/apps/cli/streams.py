"""The streams of the process, whatever state they come in: closed, full, narrow, of few signs."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TextIO

from ketasim._base.text import fitting, visible

_NARROWEST = 40  # characters; a table of options needs so many
_WIDEST = 4  # digits of a number of characters


class OutputLostError(OSError):
    """Standard output does not take what is printed."""


class Shield(io.TextIOBase):
    """A text stream that takes any text, and passes on none that acts on the terminal.

    **Arguments:**

    - `inner`: the stream.
    - `vital`: whether text that cannot be written is an error; else it is dropped.
    """

    def __init__(self, inner: TextIO, *, vital: bool) -> None:
        self.inner = inner
        self._vital = vital

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How the stream encodes."""
        return getattr(self.inner, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """Of the stream itself."""
        return self.inner.fileno()

    def write(self, text: str, /) -> int:
        """Write text, with controls shown and signs the stream lacks replaced."""
        with self._told():
            self.inner.write(fitting(visible(text), self.encoding))
        return len(text)

    def flush(self) -> None:
        """Pass on what waits."""
        with self._told():
            self.inner.flush()

    @contextmanager
    def _told(self) -> Generator[None]:
        try:
            yield
        except BrokenPipeError:
            if self._vital:
                raise
        except OSError as error:
            if self._vital:
                raise OutputLostError(error.errno, error.strerror) from None


@contextmanager
def shielded() -> Generator[None]:
    """Let everything printed go through a `Shield`; closed streams swallow what they get."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # else the next file opened takes its number
    columns = os.environ.get("COLUMNS", "")
    if columns and not (
        columns.isdecimal() and len(columns) <= _WIDEST and int(columns) >= _NARROWEST
    ):
        os.environ["COLUMNS"] = str(_NARROWEST if columns.strip("0").isdecimal() else 80)
    with (
        _open(sys.stdout) as out,
        _open(sys.stderr) as err,
        redirect_stdout(Shield(out, vital=True)),
        redirect_stderr(Shield(err, vital=False)),
    ):
        yield


@contextmanager
def _open(stream: TextIO | None) -> Generator[TextIO]:
    if stream is not None and not stream.closed:
        yield stream
    else:
        with open(os.devnull, "w", encoding="utf-8") as nothing:  # noqa: PTH123 -- a device
            yield nothing


def bare(stream: TextIO) -> TextIO:
    """The stream itself, for what draws on a terminal and shows no text of users."""
    return stream.inner if isinstance(stream, Shield) else stream


def let_go() -> None:
    """Send what still waits to be printed nowhere, so that the end of the process is silent."""
    for stream in (bare(sys.stdout), bare(sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, stream.fileno())
                os.close(nothing)


def asks_for_help(words: Iterable[str]) -> bool:
    """Tell whether the words of a command ask for its options."""
    given = list(words)
    return not given or "--help" in given or "-h" in given
