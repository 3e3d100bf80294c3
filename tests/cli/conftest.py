"""A course, and a command called on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ketasim.apps.cli import main

COURSE = """
title: Two infusions
patient: {age: 45, weight: 80 kg}
regimen: "ketamine 0.5 mg/kg iv over 40 min on days 0 3"
horizon: 7 d
"""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A file with two infusions."""
    path = tmp_path / "course.yaml"
    path.write_text(COURSE, encoding="utf-8")
    return path


@pytest.fixture
def called(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], tuple[int, str, str]]:
    """Exit status, output and errors of a command."""

    def call(arguments: list[str]) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        captured = capsys.readouterr()
        code = stop.value.code
        return (code if isinstance(code, int) else 0), captured.out, captured.err

    return call
