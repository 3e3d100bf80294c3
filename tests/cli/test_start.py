"""The command line starts light, and says what it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ketasim import __version__

HEAVY = ("numpy", "scipy", "polars", "altair", "vl_convert", "pydantic", "pint", "jinja2")


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["simulate", "--help"], ["evidence", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from ketasim.apps.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "finally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = _python("-c", code)
    assert done.returncode == 0, done.stderr
    assert "Usage: ketasim" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_python_m_is_the_command_line() -> None:
    done = _python("-m", "ketasim", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


def test_bad_input_ends_the_process_with_two() -> None:
    done = _python("-m", "ketasim", "simulate", "absent.yaml", "--out", "absent")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: COURSE: there is no file 'absent.yaml'; check the path\n"


def test_the_page_of_a_course_loads_no_statistics_or_optimisers() -> None:
    code = (
        "import sys, ketasim.reports.course\n"
        "slow = ('scipy.stats', 'scipy.optimize', 'scipy.integrate', 'numba', 'altair')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = _python("-c", code)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_an_interrupt_while_the_commands_load_is_one_line() -> None:
    code = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # off in a background job
        "class Interrupts:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'cyclopts':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupts())\n"
        "from ketasim.apps.cli import main\n"
        "main(['--help'])"
    )
    done = _python("-c", code)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "interrupted; nothing was written\n"
