"""The tolerance is kept: against the oracle over random courses, and on the worst of thousands."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients, Plan, plan, solve
from ketasim.models import ChainModel, Definition, Turnover

Array = NDArray[np.float64]

STATES = ["G", "D", "S", "A", "M"]
# shrinking would solve dozens of courses more; the seed keeps the run the same everywhere
FEW = settings(
    max_examples=10,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
VARIED = ("kG", "kD", "kS", "kAin", "kAout", "kM", "psi", "SG", "SD")
PHARMACOKINETIC = ("CLint", "Vc", "ke0", "CLn", "hill")


def relative(found: Array, wanted: Array) -> Array:
    """Relative error of every patient; small numbers count as a thousandth of the largest."""
    scale = np.maximum(np.abs(wanted), 1e-3 * np.abs(wanted).max(axis=1, keepdims=True))
    return (np.abs(found - wanted) / scale).max(axis=(1, 2))


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[Dose], float]:
    """Infusions of minutes to days, boluses, nasal sessions and swallowed doses, mixed or not."""
    horizon = draw(st.sampled_from([20.0, 24.0 * 10, 24.0 * 40]))
    kinds = draw(
        st.sampled_from([("infusion",), ("nasal",), ("mouth",), ("bolus", "infusion", "mouth")])
    )
    time, doses = draw(st.sampled_from([0.0, 0.4])), list[Dose]()
    while time < horizon and len(doses) < 40:
        kind = draw(st.sampled_from(kinds))
        if kind == "infusion":
            lasts = draw(st.sampled_from([2 / 60, 2 / 3, 4.0, 30.0]))
            doses.append(Dose(time, "ketamine", "iv", draw(st.floats(5, 60)), "mg", lasts))
        elif kind == "bolus":
            drug = draw(st.sampled_from(["ketamine", "arketamine"]))
            doses.append(Dose(time, drug, "iv", draw(st.floats(5, 40)), "mg"))
        elif kind == "nasal":
            for device in range(draw(st.integers(1, 3))):
                at = round(time + device / 12, 6)
                doses.append(Dose(at, "esketamine", "intranasal", 28.0, "mg", device=device))
        else:
            route = draw(st.sampled_from(["oral", "oral_er", "sublingual", "im", "rectal"]))
            doses.append(Dose(time, "ketamine", route, 50.0, "mg"))
        time += draw(st.sampled_from([1.0, 12.0, 72.0, 168.0]))
    return doses, horizon


def varied(patients: Patients, spread: float, seed: int) -> dict[str, Any]:
    """The patients' numbers, each multiplied by a lognormal number."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = dict(patients.values)
    for name in (*VARIED, *PHARMACOKINETIC):
        values[name] = values[name] * np.exp(rng.normal(0.0, spread, patients.n))
    return values


@FEW
@given(course=courses(), spread=st.sampled_from([0.2, 0.7]), seed=st.integers(0, 99))
def test_random_courses_keep_the_tolerance(
    chains: ModuleType, course: tuple[list[Dose], float], spread: float, seed: int
) -> None:
    """NumPy and the compiled engine against an adaptive solver that shares nothing with them."""
    doses, horizon = course
    base = chains.realistic(40)
    patients = Patients(varied(base, spread, seed), base.weight, (Calendar(tuple(doses), horizon),))
    rng = np.random.default_rng(seed)
    times = np.unique([0.0, horizon, *(d.time for d in doses[:9]), *rng.uniform(0, horizon, 20)])
    times = times[times <= horizon]
    one = patients.take(np.array([3]))
    exact = solve(chains.REALISTIC, one, times, STATES, engine="oracle").values
    quick = solve(chains.REALISTIC, one, times, STATES, engine="numpy", rtol=1e-4)
    assert relative(quick.values, exact).max() <= 1e-4
    assert quick.plan is not None and quick.plan.error <= 1e-4
    many = solve(chains.REALISTIC, patients, times, STATES, engine="numba", rtol=1e-4)
    assert relative(many.values[3:4], exact).max() <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("rtol", "n"), [(1e-4, 10_000), (1e-6, 10_000)])
def test_the_worst_of_ten_thousand(chains: ModuleType, rtol: float, n: int) -> None:
    """Not the pilot's patients: every patient of W, against a quarter of every step."""
    patients = chains.patients(n)
    chosen = plan(chains.CHAIN, patients, rtol=rtol, engine="numba")
    finer = Plan(chosen.profile.finer(4), rtol, 0.0, 0)
    pieces: list[Array] = []
    for first in range(0, n, 1000):  # all at once would need more than a gigabyte
        piece = patients.take(np.arange(first, min(first + 1000, n)))
        found, exact = (
            solve(chains.CHAIN, piece, chains.TIMES, STATES, plan=one, engine="numba").values
            for one in (chosen, finer)
        )
        pieces.append(relative(found, exact))
    worst = np.concatenate(pieces)
    assert worst.max() <= rtol
    assert chosen.error <= rtol
    # what the plan says of its own error is no understatement
    assert worst.max() <= 1.5 * chosen.error


def test_workload_w_against_its_own_reference(chains: ModuleType) -> None:
    """All 14 states of W by another solver on other equations: LSODA on WORKLOAD.md's text."""
    import workload

    exact = workload.reference(3)
    patients = chains.patients(3)
    for rtol in (1e-4, 1e-6):
        found = solve(
            chains.CHAIN, patients, chains.TIMES, chains.NAMES, engine="numba", rtol=rtol
        ).values
        assert workload.error(found, exact).max() <= rtol


def test_the_error_falls_with_the_fourth_power_of_the_step(chains: ModuleType) -> None:
    patients = chains.patients(8)
    first = plan(chains.CHAIN, patients, rtol=1e-4, engine="numba").profile
    exact, *rest = (
        solve(
            chains.CHAIN,
            patients,
            chains.TIMES,
            STATES,
            plan=Plan(first.finer(cut), 1e-4, 0, 0),
            engine="numpy",
        ).values
        for cut in (8, 1, 2)
    )
    rough, fine = (relative(one, exact).max() for one in rest)
    assert 10.0 < rough / fine < 30.0


@pytest.mark.parametrize("factor", [1e3, 1e6])
@pytest.mark.parametrize("name", ["CLint", "ke0", "Q_fast", "IC50", "kD"])
def test_fast_rates_stay_finite(chains: ModuleType, name: str, factor: float) -> None:
    """A fast liver or effect site is exact in its decay, whatever the step."""
    patients = chains.realistic(2)
    values = {**patients.values, name: patients.values[name] * factor}
    stiff = Patients(values, patients.weight, patients.calendars)
    times = np.linspace(0.0, 2016.0, 30)
    for engine in ("numpy", "numba"):
        found = solve(chains.REALISTIC, stiff, times, [*STATES, "x", "B"], engine=engine).values
        assert np.isfinite(found).all()


@pytest.mark.parametrize("factor", [1e-4, 1e4, 1e8])
def test_a_receptor_blocked_by_traces_or_hardly_at_all(chains: ModuleType, factor: float) -> None:
    patients = chains.patients(2)
    values = {**patients.values, "IC50": patients.values["IC50"] * factor}
    calendar = Calendar(patients.calendars[0].doses[:4], 700.0)
    extreme = Patients(values, patients.weight, (calendar,))
    times = [0.0, 1.0, 30.0, 500.0, 700.0]
    exact = solve(chains.CHAIN, extreme, times, STATES, engine="oracle").values
    for engine in ("numpy", "numba"):
        found = solve(chains.CHAIN, extreme, times, STATES, engine=engine).values
        assert relative(found, exact).max() <= 1e-4


def apart(chain: ChainModel) -> ChainModel:
    """W by hand as distances from rest: no small number is a difference of two that are near 1."""
    old = chain.response
    rest = {s.name: s for s in old.states}
    drive = "(Ce/IC50)**gamma"
    burst = Turnover("g", "-", "burst above rest", "kG", "kG*2*2*SG*B*(1 - B)")
    stimulus = "SD*g**2/(g50**2 + g**2) + SH*Ch/(EC50H + Ch)"
    factor = Turnover("d", "-", "growth factor above rest", "kD", f"kD*({stimulus})")
    return replace(
        chain,
        response=replace(
            old,
            quantities=(
                Definition("B", f"{drive}/(1 + {drive})", "-", "block"),
                Definition("G", "1 + g", "-", "glutamate burst"),
                Definition("D", "1 + d", "-", "growth factor"),
            ),
            states=(burst, factor, rest["S"], rest["A"], rest["M"]),
        ),
    )


@pytest.mark.parametrize("factor", [1e8])
def test_traces_keep_their_digits(chains: ModuleType, factor: float) -> None:
    """Of a trace the burst is 1e-12 of its level at rest, or 1e-17; what follows it is no worse."""
    patients = chains.patients(2)
    values = {**patients.values, "IC50": patients.values["IC50"] * factor}
    traces = Patients(values, patients.weight, patients.calendars)
    times = [0.0, 1.0, 30.0, 500.0, 2016.0]
    wanted = solve(apart(chains.CHAIN), traces, times, STATES, engine="numpy", rtol=1e-6).values
    for engine in ("numpy", "numba"):
        found = solve(chains.CHAIN, traces, times, STATES, engine=engine).values
        assert relative(found, wanted).max() <= 0.8e-4


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_at_rest_nothing_moves_by_a_bit(chains: ModuleType, engine: str) -> None:
    """Without a dose, states that rest at 1 stay there exactly: rounding does not add up."""
    patients = chains.patients(3)
    quiet = Patients(patients.values, patients.weight, (Calendar((), 2016.0),))
    found = solve(chains.CHAIN, quiet, np.linspace(0.0, 2016.0, 50), STATES, engine=engine)
    assert (found["G"] == 1.0).all()
    assert (found["D"] == 1.0).all()
    # the compiled engine keeps what has decayed at 1e-250, since denormal numbers are slow
    assert (found["A"] < 1e-200).all()
