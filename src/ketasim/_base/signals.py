"""Signals that come while files are written: everything is put in order before they act."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_NUMBERS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Stopped(BaseException):
    """A signal asks to stop; it acts when `held_signals` is left."""


class HeldSignals:
    """What has come so far.

    While `waiting` is false a signal raises `Stopped` at once; while it is true, `check` does.
    """

    def __init__(self) -> None:
        self.waiting = False
        self.came: int | None = None

    def check(self) -> None:
        """Raise `Stopped` when a signal has come."""
        if self.came is not None:
            raise Stopped

    def receive(self, number: int, _: FrameType | None) -> None:
        """Note a signal; the handler."""
        self.came = number if self.came is None else self.came
        if not self.waiting:
            self.waiting = True  # what is put in order now is not stopped again
            raise Stopped


@contextmanager
def held_signals() -> Generator[HeldSignals]:
    """Hold interrupt, termination and hang-up back; what came acts when the block is left.

    Signals that the process ignores stay ignored. Outside the main thread, which alone receives
    signals, nothing is held.
    """
    held = HeldSignals()
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in _NUMBERS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, held.receive)
    stopped = False
    try:
        yield held
    except Stopped:
        stopped = True
    finally:
        held.waiting = True
        for number, handler in before.items():
            signal.signal(number, handler)
    if held.came is not None:
        signal.raise_signal(held.came)
    if stopped:
        raise KeyboardInterrupt  # a handler of the program's own has let the signal pass
