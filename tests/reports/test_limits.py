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
LIMITED = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (4_000_000_000, 4_000_000_000))
import sys, ketasim
course = {COURSE!r}
sys.stdout.write(ketasim.report(ketasim.simulate(course)))
assert "vl_convert" not in sys.modules and "altair" not in sys.modules
"""


def test_a_report_is_complete_under_a_limit_of_the_address_space() -> None:
    pytest.importorskip("resource")
    found = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, encoding="utf-8", check=False
    )
    assert found.returncode == 0, found.stderr
    assert "figures are left out" not in found.stderr
    page = ketasim.report(ketasim.simulate(COURSE))
    assert found.stdout == page
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') > 20
