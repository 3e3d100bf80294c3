"""Venous S-ketamine and S-norketamine: Otto 2021 and the Fanta 2015 model inside it."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dosing import Dose
from ketasim.evidence import load_card
from ketasim.validation import replay
from ketasim.validation.replays import simulate

FORTY = 40 / 60


@pytest.mark.parametrize("key", ["otto2021", "fanta2015"])
def test_clearance_is_that_of_the_abstract(key: str) -> None:
    (row,) = (row for row in replay(key) if row.quantity == "S-ketamine CL")
    assert row.ratio == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("key", ["otto2021", "fanta2015"])
def test_the_clinical_infusion_as_a_venous_model_sees_it(key: str) -> None:
    """The notes on the evidence: 157 ng/mL racemate-equivalent at the end of 0.5 mg/kg."""
    (row,) = (row for row in replay(key) if "end of the infusion" in row.quantity)
    assert row.predicted == pytest.approx(157, rel=0.01)
    assert row.low is not None and row.high is not None
    assert row.low < row.predicted < row.high


def test_the_two_agree_on_s_ketamine() -> None:
    dose = [Dose(0.0, "esketamine", "iv", 0.25, "mg/kg", duration=FORTY)]
    times = np.linspace(0.0, 24.0, 49)
    at = ("s_ketamine", "venous")
    otto, fanta = (
        simulate(key, dose, times, weight=82.0).values[at] for key in ("otto2021", "fanta2015")
    )
    np.testing.assert_allclose(otto, fanta, rtol=1e-10)


def test_all_cleared_s_ketamine_becomes_norketamine() -> None:
    """Area of the metabolite = dose / its clearance, without a change of molar mass."""
    solved = simulate("otto2021", [Dose(0.0, "esketamine", "iv", 20.0, "mg")], [0.0, 5000.0])
    area = solved.areas["s_norketamine", "venous"][-1, 0]
    assert area == pytest.approx(1000 * 20.0 / load_card("otto2021").entry("CLn").value, rel=1e-9)


def test_volume_at_steady_state_is_the_sum_of_volumes() -> None:
    """Vss from what a long infusion leaves in the body, against V1 + Vp1 + Vp2 of the card."""
    hours, rate = 1000.0, 3.0
    infusion = [Dose(0.0, "esketamine", "iv", rate * hours, "mg", duration=hours)]
    solved = simulate("fanta2015", infusion, [0.0, hours, 5000.0])
    at = ("s_ketamine", "venous")
    plateau = solved.values[at][1, 0]
    left = solved.areas[at][2, 0] - solved.areas[at][1, 0]
    volume = rate / plateau * 1000 * left / plateau
    card = load_card("fanta2015").values()
    assert volume == pytest.approx(card["V1"] + card["Vp1"] + card["Vp2"], rel=1e-6)
    assert plateau == pytest.approx(1000 * rate / card["CL"], rel=1e-6)
