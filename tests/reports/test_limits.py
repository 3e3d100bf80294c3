"""Reports under the limits that batch systems set."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ketasim

COURSE = {
    "population": {"n": 6, "seed": 1},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
    "horizon": "14 d",
}
TRIAL = "ketamine_midazolam"
LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
import sys, ketasim
sys.stdout.write(ketasim.report({result}))
assert "vl_convert" not in sys.modules and "altair" not in sys.modules
"""
CHART = '<svg xmlns="http://www.w3.org/2000/svg" class="chart"'


def _limited(result: str) -> str:
    """The report of an expression's value, written under a limit."""
    pytest.importorskip("resource")
    found = subprocess.run(
        [sys.executable, "-c", LIMITED.format(result=result)],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_a_report_is_complete_under_a_limit_of_the_address_space() -> None:
    page = ketasim.report(ketasim.simulate(COURSE))
    assert _limited(f"ketasim.simulate({COURSE!r})") == page
    assert page.count(CHART) > 20


def test_so_is_the_report_of_a_trial() -> None:
    page = ketasim.report(ketasim.run_trial(TRIAL, replicates=5, seed=3))
    assert _limited(f"ketasim.run_trial({TRIAL!r}, replicates=5, seed=3)") == page
    assert page.count(CHART) == page.count("</svg>") - page.count('aria-hidden="true"') > 3
