"""The NMDA block: its equilibrium, its limits, and how far the kinetic form is from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from ketasim.engine import concentrations
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.models.receptor import RECEPTOR

CARD = load_card("receptor")
VALUES = RECEPTOR.resolve(CARD.values())
LEVEL = st.floats(0.0, 1e6)


@dataclass(frozen=True)
class Dose:
    time: float
    drug: str
    route: str
    amount: float
    duration: float = 0.0
    device: int = 0
    steady_state_interval: float | None = None
    rate_given: bool = False

    def milligrams(self, weight: Any) -> Any:
        return self.amount + 0.0 * weight


def test_the_card_names_every_parameter_with_its_unit() -> None:
    for symbol in RECEPTOR.parameters:
        assert CARD.entry(symbol.name).unit == symbol.unit
    assert set(CARD.entries) == {symbol.name for symbol in RECEPTOR.parameters}


def test_numbers_are_those_of_the_tables() -> None:
    """The card repeats the evidence: the rows it cites say the same numbers."""
    from ketasim.evidence import load_table

    rows = load_table("mechanism/receptor").to_dicts()
    found = {(r["source"], r["compound"], r["assay"]): r["value"] for r in rows}
    for assay, symbol in (("IC50", "IC50"), ("Hill", "hill"), ("kon", "kon"), ("koff", "koff")):
        assert float(found["gilling2009", "ketamine", assay]) == CARD.entry(symbol).value
    for name in ("S-ketamine", "R-ketamine", "S-norketamine", "R-norketamine"):
        symbol = "Ki_" + name.lower().replace("-", "_")
        assert float(found["ebert1997", name, "Ki"]) == CARD.entry(symbol).value


def test_equal_parts_of_the_enantiomers_give_the_measured_racemate_back() -> None:
    """Half of the current is blocked by the racemate's own half-blocking concentration."""
    unbound = VALUES["IC50"] / 2  # umol/L of each enantiomer
    each = unbound / VALUES["fu_ketamine"] / VALUES["Kp_uu"] * VALUES["MW_K"]
    block = RECEPTOR.block(VALUES, {"s_ketamine": each, "r_ketamine": each})
    assert block == pytest.approx(0.5, rel=1e-12)


def test_relative_potencies_are_those_of_the_affinities() -> None:
    ratio = VALUES["IC50_r_norketamine"] / VALUES["IC50_s_ketamine"]
    assert ratio == pytest.approx(13.0 / 0.3, rel=1e-12)


@given(LEVEL, LEVEL, LEVEL, LEVEL, st.floats(1.0, 10.0))
def test_block_stays_between_zero_and_one_and_rises_with_every_blocker(
    s: float, r: float, sn: float, rn: float, factor: float
) -> None:
    levels = {"s_ketamine": s, "r_ketamine": r, "s_norketamine": sn, "r_norketamine": rn}
    block = float(RECEPTOR.block(VALUES, levels))
    assert 0.0 <= block <= 1.0
    for name, level in levels.items():
        more = RECEPTOR.block(VALUES, {**levels, name: factor * level + 1.0})
        assert more >= block


def test_no_drug_is_no_block_and_rounding_below_zero_is_no_drug() -> None:
    assert float(RECEPTOR.block(VALUES, {})) == 0.0
    levels = {"s_ketamine": np.array([0.0, -1e-18, 1e12])}
    block = RECEPTOR.block(VALUES, levels)
    assert block[0] == 0.0
    assert block[1] == 0.0
    assert 0.999 < block[2] <= 1.0


def test_a_missing_parameter_is_named() -> None:
    values = CARD.values()
    del values["hill"]
    with pytest.raises(KeyError, match="hill"):
        RECEPTOR.resolve(values)


def test_the_equation_sheet_names_parameters_and_form() -> None:
    sheet = RECEPTOR.describe()
    for symbol in RECEPTOR.parameters:
        assert symbol.name in sheet
    assert "dB/dt" in sheet


def _profile(doses: list[Dose]) -> tuple[np.ndarray, np.ndarray]:
    """Drive of the typical patient every second for three hours; shape (T,) each."""
    covariates = {"WT": 70.0, "AGE": 40.0, "ASIAN": 0.0, "JAPANESE": 0.0}
    activities = dict.fromkeys(("act_2B6", "act_3A", "act_gut", "act_liver", "act_N"), 1.0)
    times = np.arange(10801) / 3600
    found = concentrations(
        MODELS["reference"],
        {**load_card("reference").values(), **covariates, **activities},
        doses,
        times,
        np.array([70.0]),
        sites=("effect",),
        areas=False,
    )
    levels = {quantity: values[:, 0] for (quantity, _), values in found.values.items()}
    return times, RECEPTOR.drive(VALUES, levels)


def _blocks(doses: list[Dose], open_probability: float) -> tuple[np.ndarray, np.ndarray]:
    """Algebraic and kinetic block every second for three hours."""
    times, drive = _profile(doses)
    algebraic = drive ** VALUES["hill"] / (1 + drive ** VALUES["hill"])

    def slope(time: float, block: np.ndarray) -> Any:
        here = np.interp(time, times, drive)
        return RECEPTOR.rate(VALUES, here, block, open_probability)

    solved = solve_ivp(
        slope,
        (0, times[-1]),
        [0.0],
        method="LSODA",
        t_eval=times,
        rtol=1e-8,
        atol=1e-10,
        max_step=1 / 60,
    )
    return algebraic, solved.y[0]


def _difference(doses: list[Dose], open_probability: float) -> np.ndarray:
    """Kinetic less algebraic block over the peak of the algebraic one, every second."""
    algebraic, kinetic = _blocks(doses, open_probability)
    return (kinetic - algebraic) / algebraic.max()


INFUSION = [Dose(0, "ketamine", "iv", 35.0, 40 / 60)]
INJECTION = [Dose(0, "ketamine", "iv", 35.0, 2 / 60)]
NASAL = [Dose(i * 5 / 60, "esketamine", "intranasal", 28.0, 0.0, i) for i in range(3)]


@pytest.mark.parametrize("doses", [INFUSION, NASAL], ids=["0.5 mg/kg over 40 min", "84 mg nasal"])
def test_the_kinetic_block_of_therapeutic_doses_is_within_one_percent(doses: list[Dose]) -> None:
    assert np.abs(_difference(doses, 1.0)).max() < 0.01


@pytest.mark.parametrize("doses", [INFUSION, NASAL], ids=["0.5 mg/kg over 40 min", "84 mg nasal"])
def test_one_percent_holds_down_to_about_half_the_activation(doses: list[Dose]) -> None:
    """Fewer open channels slow a trapping block: the difference grows as they become fewer."""
    full = np.abs(_difference(doses, 1.0)).max()
    half = np.abs(_difference(doses, 0.55)).max()
    assert half < 0.01
    assert half == pytest.approx(full / 0.55, rel=0.05)
    assert np.abs(_difference(doses, 0.25)).max() > 0.01


def test_a_rapid_injection_is_late_by_seconds_but_not_lower() -> None:
    """Over 2 min the block rises faster than the channel follows, then agrees."""
    difference = _difference(INJECTION, 1.0)
    assert 0.01 < np.abs(difference).max() < 0.03
    assert np.abs(difference[4 * 60 :]).max() < 0.01
    algebraic, kinetic = _blocks(INJECTION, 1.0)
    assert kinetic.max() == pytest.approx(algebraic.max(), rel=1e-3)
