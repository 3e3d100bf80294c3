"""Children in intensive care: without exposures of the paper, what its constants imply."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dosing import Dose
from ketasim.evidence import load_card
from ketasim.validation import replay
from ketasim.validation.replays import simulate

KEY = "flint2017"


def test_the_plateau_is_the_rate_over_the_clearance() -> None:
    (row,) = replay(KEY)
    assert row.ratio == pytest.approx(1.0, abs=1e-6)


def test_clearance_per_kg_falls_with_weight_to_the_quarter() -> None:
    def area(weight: float) -> float:
        dose = [Dose(0.0, "esketamine", "iv", 1.0, "mg/kg")]
        solved = simulate(KEY, dose, [0.0, 100.0], weight=weight)
        return float(solved.areas["s_ketamine", "venous"][-1, 0])

    assert area(40.0) / area(5.0) == pytest.approx(8**0.25, rel=1e-6)


def test_norketamine_clearance_rises_with_time() -> None:
    """At a plateau of the parent the metabolite follows CL / (CLnk (1 + theta t)) at every time."""
    card = load_card(KEY).values()
    weight, hours = 15.0, 96.0
    infusion = [Dose(0.0, "esketamine", "iv", hours, "mg/kg", duration=hours)]
    times = np.array([0.0, 48.0, 72.0, 96.0])
    solved = simulate(KEY, infusion, times, weight=weight)
    parent, metabolite = (
        solved.values[name, "venous"][1:, 0] for name in ("s_ketamine", "s_norketamine")
    )
    expected = card["CL"] / (card["CLnk"] * (1 + card["theta_t"] * times[1:]))
    np.testing.assert_allclose(metabolite / parent, expected, rtol=2e-3)
