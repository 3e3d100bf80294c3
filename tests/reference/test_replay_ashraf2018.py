"""Oral S-ketamine and ticlopidine: the measured interaction, and the published system in full."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from ketasim.dosing import Dose
from ketasim.evidence import facts, load_card
from ketasim.validation import replay
from ketasim.validation.replays import Ashraf2018, derived, simulate

KEY = "ashraf2018"
STUDY = Ashraf2018()
WEIGHT = 70.0
TICLOPIDINE = 250.0  # mg, twice daily
GIVEN = 12.0 * np.arange(12)  # h; six days
KETAMINE_AT = 133.0  # h; an hour after the last ticlopidine
END = KETAMINE_AT + 24.0


def test_ticlopidine_raises_the_oral_area_as_measured() -> None:
    (row,) = (row for row in replay(KEY) if "ticlopidine" in row.quantity)
    assert row.published == 2.4
    assert row.fold < 1.15


def test_the_rise_is_the_limit_set_by_the_cyp2b6_fraction() -> None:
    """Without the enzyme 1 - fm of the clearance is left; the oral area goes as its inverse."""
    fraction = load_card(KEY).entry("fm_2B6").value
    ratio = STUDY.area("oral", TICLOPIDINE) / STUDY.area("oral", 0.0)
    assert ratio == pytest.approx(1 / (1 - fraction), rel=2e-3)
    assert ratio < 1 / (1 - fraction)


def test_bioavailability_is_the_product_of_gut_and_liver() -> None:
    for dose in (0.0, TICLOPIDINE):
        parts = derived(KEY, TICLOPIDINE=dose)
        share = STUDY.area("oral", dose) / STUDY.area("iv", dose)
        assert share == pytest.approx(parts["FG"] * parts["FH"], rel=1e-9)


def test_intravenous_clearance_is_flow_times_extraction() -> None:
    parts = derived(KEY, TICLOPIDINE=0.0)
    area = STUDY.area("iv", 0.0)
    assert 1000 * 0.2 * WEIGHT / area == pytest.approx(parts["QH"] * (1 - parts["FH"]), rel=1e-9)


def _published(symbol: str) -> float:
    (value,) = (
        float(fact.get("value"))
        for fact in facts("pk/models")
        if fact.source == KEY
        and fact.get("symbol") == symbol
        and fact.get("analyte") in ("ticlopidine", "physiology")
    )
    return value


def _full_system() -> float:
    """Area of S-ketamine, ng*h/mL, with ticlopidine followed from the tablet to the liver.

    Gut wall, portal vein and liver hold one litre each, as published.
    """
    card = load_card(KEY).values()
    parts = derived(KEY, TICLOPIDINE=0.0)
    flow, villous = parts["QH"], parts["QVI"]
    portal_flow, artery_flow = _published("fPV") * flow, _published("fHA") * flow
    rate, central_volume = _published("ka"), _published("Vc")
    between, outer_volume = _published("Q1"), _published("Vp1")
    unbound = card["fu_TIC"]
    passes = flow / (flow + _published("CLint,H") * unbound)

    def activity(portal: float) -> float:
        at_enzyme = unbound * (portal + rate * TICLOPIDINE / flow)
        reversible = 1 / (1 + at_enzyme / card["ki_TIC"])
        inactivation = card["kinact_TIC"] * at_enzyme / (card["KI_TIC"] + at_enzyme)
        return reversible * card["kdeg_2B6"] / (card["kdeg_2B6"] + inactivation)

    def slope(_time: float, x: NDArray[np.float64]) -> NDArray[np.float64]:
        chain, (gut, portal, liver, central, outer) = x[:5], x[5:10]
        swallowed, ketamine, first, second, _ = x[10:]
        d = np.zeros_like(x)
        d[:5] = -rate * chain
        d[1:6] += rate * chain
        d[5] -= villous * gut
        d[6] = villous * gut + portal_flow * (central / central_volume - portal)
        d[7] = portal_flow * portal + artery_flow * central / central_volume - flow * liver
        exchange = between * (central / central_volume - outer / outer_volume)
        d[8] = passes * flow * liver - flow * central / central_volume - exchange
        d[9] = exchange
        left = card["fm_2B6"] * activity(portal) + 1 - card["fm_2B6"]
        intrinsic = card["CLint_H"] * left * card["fu_SK"] / card["BP_SK"]
        liver_passes = flow / (flow + intrinsic)
        one = card["Q1"] * (ketamine / card["Vc"] - first / card["Vp1"])
        two = card["Q2"] * (ketamine / card["Vc"] - second / card["Vp2"])
        d[10] = -card["ka"] * swallowed
        absorbed = card["ka"] * swallowed * parts["FG"] * liver_passes
        d[11] = absorbed - flow * (1 - liver_passes) * ketamine / card["Vc"] - one - two
        d[12], d[13] = one, two
        d[14] = 1000 * ketamine / card["Vc"]
        return d

    x = np.zeros(15)
    events: list[tuple[float, int, float]] = [(t, 0, TICLOPIDINE) for t in GIVEN]
    events += [(KETAMINE_AT, 10, 0.2 * WEIGHT)]
    stops = [time for time, _, _ in events[1:]] + [END]
    for (time, state, amount), stop in zip(events, stops, strict=True):
        x[state] += amount
        solved: Any = solve_ivp(slope, (time, stop), x, method="LSODA", rtol=1e-9, atol=1e-10)
        assert solved.success
        x = solved.y[:, -1]
    return float(x[14])


def test_holding_the_enzyme_constant_changes_nothing_that_matters() -> None:
    dose = [Dose(0.0, "esketamine", "oral", 0.2, "mg/kg")]
    solved = simulate(KEY, dose, [0.0, END - KETAMINE_AT], TICLOPIDINE=TICLOPIDINE)
    ours = float(solved.areas["s_ketamine", "venous"][-1, 0])
    assert ours == pytest.approx(_full_system(), rel=2e-3)
