"""Compiling in a process beside: what it leaves is used, and it never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ketasim.engine.backends.numba.beside import Beside
from ketasim.engine.backends.numba.kept import KeptCode

TEXT = """
from numba import njit

@njit(cache=True)
def twice(x):
    return 2.0 * x
"""

PARENT = """
import time
from pathlib import Path
from ketasim.engine.backends.numba.beside import Beside
from ketasim.engine.backends.numba.kept import KeptCode

kept = KeptCode(Path({folder!r}), "response_x")
kept.prepare("import time; time.sleep(60.0)")
beside = Beside(kept, "twice", "float64(float64)")
print(beside._child.pid, flush=True)
{then}
"""


def _kept(folder: Path, text: str = TEXT) -> KeptCode:
    (folder / "__pycache__").mkdir()
    kept = KeptCode(folder, "response_x")
    kept.prepare(text)
    return kept


def test_what_it_compiles_is_kept(tmp_path: Path) -> None:
    kept = _kept(tmp_path)
    Beside(kept, "twice", "float64(float64)").wait()
    assert kept.keeps("twice")


@pytest.mark.parametrize("text", ["not Python", "twice = None", ""])
def test_what_it_cannot_compile_is_left_to_others(tmp_path: Path, text: str) -> None:
    kept = _kept(tmp_path, text)
    Beside(kept, "twice", "float64(float64)").wait()
    assert not kept.keeps("twice")


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for a process in /proc")
@pytest.mark.parametrize("then", ["", "raise KeyboardInterrupt", "time.sleep(60.0)"])
def test_it_ends_with_the_process_that_began_it(tmp_path: Path, then: str) -> None:
    (tmp_path / "__pycache__").mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(folder=str(tmp_path), then=then)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if then.startswith("time"):
            parent.send_signal(signal.SIGKILL)  # nothing of its own runs any more
        parent.wait()
    for _ in range(600):
        if not _runs(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the process beside goes on")


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.split()[0] != "Z"
