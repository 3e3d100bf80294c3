"""The exact solution: against an adaptive stiff solver, and the laws it must obey."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from ketasim._base import InputError
from ketasim.dosing import Dose
from ketasim.engine import Input, Solution, concentrations, inputs_of, solve_adaptive, solve_linear
from ketasim.evidence import load_card
from ketasim.models import MODELS, LinearModel, Stream

Array = NDArray[np.float64]

CONSTANT = sorted(key for key, model in MODELS.items() if not model.time_varying)
COVARIATES = {
    "WT": 82.0,
    "AGE": 66.0,
    "ASIAN": 0.0,
    "JAPANESE": 0.0,
    "TICLOPIDINE": 0.0,
    **dict.fromkeys(("act_2B6", "act_3A", "act_gut", "act_liver", "act_N"), 1.0),
}
WEIGHT = np.array([82.0])
# shrinking would solve hundreds of systems more; the seed keeps the run the same everywhere
FEW = settings(
    max_examples=4,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
SOME = settings(FEW, max_examples=12)


def _values(key: str) -> dict[str, Any]:
    return {**load_card(key).values(), **COVARIATES}


def _stream(model: LinearModel) -> tuple[str, Stream]:
    """A drug of the model, and the molecule followed."""
    drug = min(model.streams)
    return drug, model.streams[drug][0]


@st.composite
def doses_of(draw: st.DrawFn, model: LinearModel) -> list[Dose]:
    """Two to five doses over six hours: boluses, infusions that overlap, releases, devices."""
    drug = min(model.streams)
    doses: list[Dose] = []
    for _ in range(draw(st.integers(2, 5))):
        route = draw(st.sampled_from(sorted(model.routes)))
        timed = route in ("iv", "im", "sc")
        doses.append(
            Dose(
                draw(st.integers(0, 72)) / 12,
                drug,
                route,
                draw(st.floats(1.0, 100.0)),
                "mg",
                duration=draw(st.sampled_from([0.0, 0.5, 2 / 3, 4.0])) if timed else 0.0,
                device=draw(st.integers(0, 2)) if route == "intranasal" else 0,
            )
        )
    return doses


class System:
    """A model with its card's numbers, and a regimen turned into inputs."""

    def __init__(self, key: str, doses: Sequence[Dose], *, prune: bool = True) -> None:
        self.model = MODELS[key]
        _, stream = _stream(self.model)
        self.resolved = self.model.resolve({**_values(key), "R": float(stream.prefix == "r")})
        self.inputs = inputs_of(self.model, doses, self.resolved, WEIGHT, stream)
        targets = {item.state for item in self.inputs}
        self.states = (
            self.model.reachable(targets, self.model.outputs)
            if prune
            else tuple(s.name for s in self.model.states)
        )
        constant = self.model.rate_matrix(self.resolved, self.states)
        self.matrix: Callable[[float], Array] = (
            (lambda t: self.model.rate_matrix(self.resolved, self.states, t))
            if self.model.time_varying
            else (lambda _t: constant)
        )

    def exact(self, times: Array) -> Solution:
        return solve_linear(
            self.matrix, self.states, self.inputs, times, time_varying=self.model.time_varying
        )


def _close(found: Array, wanted: Array, tolerance: float) -> None:
    """Equal to a tolerance relative to each state's highest amount."""
    scale = np.abs(wanted).max(axis=0)
    assert np.all(np.abs(found - wanted) <= tolerance * scale + 1e-300)


def _same(found: Array, wanted: Array, system: System) -> None:
    """Equal but for rounding, relative to all that is given."""
    total = sum(item.amount[0] for item in system.inputs)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * total)


@pytest.mark.parametrize("key", CONSTANT)
def test_agrees_with_an_adaptive_stiff_solver(key: str) -> None:
    @FEW
    @given(doses=doses_of(MODELS[key]), late=st.floats(6.0, 14.0))
    def check(doses: list[Dose], late: float) -> None:
        system = System(key, doses)
        times = np.unique([0.0, 0.1, 1.0, 2.5, 4.0, late])
        adaptive = solve_adaptive(
            system.matrix, system.states, system.inputs, times, rtol=1e-10, atol=1e-12
        )
        _close(system.exact(times).amounts[:, 0], adaptive, 1e-8)

    check()


@FEW
@given(doses=doses_of(MODELS["flint2017"]))
def test_a_rate_that_changes_with_time_is_held_over_short_steps(doses: list[Dose]) -> None:
    """Not exact: norketamine clearance changes by half a thousandth within a step."""
    system = System("flint2017", doses)
    times = np.array([0.0, 1.0, 3.0, 9.0])
    adaptive = solve_adaptive(system.matrix, system.states, system.inputs, times, rtol=1e-9)
    solution = system.exact(times)
    _close(solution.amounts[:, 0], adaptive, 1e-3)
    parent = [system.states.index(name) for name in ("A_central", "A_peripheral")]
    _close(solution.amounts[:, 0, parent], adaptive[:, parent], 1e-8)


@pytest.mark.parametrize("key", CONSTANT)
def test_doses_add_up(key: str) -> None:
    @SOME
    @given(doses=doses_of(MODELS[key]))
    def check(doses: list[Dose]) -> None:
        times = np.array([0.0, 0.5, 1.7, 6.0, 30.0])
        whole = System(key, doses, prune=False)
        parts = [System(key, [dose], prune=False).exact(times).amounts for dose in doses]
        _same(whole.exact(times).amounts, np.sum(parts, axis=0), whole)

    check()


@pytest.mark.parametrize("key", CONSTANT)
def test_order_grid_and_pruning_change_nothing(key: str) -> None:
    @SOME
    @given(doses=doses_of(MODELS[key]), shuffled=st.randoms())
    def check(doses: list[Dose], shuffled: Any) -> None:
        coarse, fine = np.array([2.0, 9.0]), np.linspace(0.0, 9.0, 37)
        system = System(key, doses)
        amounts = system.exact(coarse).amounts
        _same(system.exact(fine).amounts[[8, 36]], amounts, system)
        again = list(doses)
        shuffled.shuffle(again)
        _same(System(key, again).exact(coarse).amounts, amounts, system)
        full = System(key, doses, prune=False)
        columns = [full.states.index(name) for name in system.states]
        _same(full.exact(coarse).amounts[:, :, columns], amounts, system)
        # what was pruned never shows in an output
        outputs = {output.state for output in system.model.outputs}
        rest = [i for i, name in enumerate(full.states) if name not in system.states]
        reached = full.exact(coarse).amounts[:, 0, rest].any(axis=0)
        assert not outputs & {full.states[i] for i, hit in zip(rest, reached, strict=True) if hit}

    check()


@pytest.mark.parametrize("key", CONSTANT)
def test_a_later_dose_is_the_same_dose_later(key: str) -> None:
    model = MODELS[key]
    drug, _ = _stream(model)
    times = np.array([0.0, 0.3, 1.0, 7.0])
    for route in model.routes:
        at_once, later = (
            System(key, [Dose(start, drug, route, 10.0, "mg")], prune=False)
            .exact(times + start)
            .amounts
            for start in (0.0, 31.0)
        )
        _close(later[:, 0], at_once[:, 0], 1e-10)


def _moles(system: System) -> Array:
    """Weights that turn mg into mg of ketamine; nothing for sites that only follow."""
    following = {flow.target for flow in system.model.flows if not flow.consumes}
    weights = np.ones(len(system.states))
    for i, name in enumerate(system.states):
        if name in following:
            weights[i] = 0.0
        elif system.model.name == "reference" and name[0] in "MNH":
            mass = "MW_HNK" if name[0] == "H" else "MW_NK"
            weights[i] = system.resolved["MW_K"] / system.resolved[mass]
    return weights


@pytest.mark.parametrize("key", CONSTANT)
def test_nothing_is_made_and_all_of_it_leaves(key: str) -> None:
    @SOME
    @given(doses=doses_of(MODELS[key]))
    def check(doses: list[Dose]) -> None:
        system = System(key, doses, prune=False)
        times = np.concatenate([np.linspace(0.0, 40.0, 81), [3000.0]])
        solution = system.exact(times)
        assert solution.amounts.min() > -1e-9
        weights = _moles(system)
        body, given_ = (part[:, 0] @ weights for part in (solution.amounts, solution.given))
        assert np.all(body <= given_ * (1 + 1e-9) + 1e-9)
        done = max(item.start + item.duration for item in system.inputs)
        assert np.all(np.diff(body[times >= done]) <= 1e-9)
        assert body[-1] < 1e-3 * given_[-1]
        # all that the inputs hold has been given; the film's metabolite input is above 1
        total = sum(item.amount[0] for item in system.inputs)
        assert given_[-1] == pytest.approx(total, rel=1e-9)

    check()


@pytest.mark.parametrize("key", ["reference", "perezruixo2021", "kamp2020"])
def test_areas_are_those_of_adaptive_quadrature(key: str) -> None:
    model = MODELS[key]
    drug, stream = _stream(model)
    route = "intranasal" if "intranasal" in model.routes else "iv"
    doses = [
        Dose(0.0, drug, "iv", 20.0, "mg", duration=2 / 3),
        Dose(0.25, drug, route, 28.0, "mg"),
    ]
    name = f"{stream.prefix}_ketamine" if stream.prefix else "ketamine"
    at = (name, model.outputs[0].site)
    end = 5.0
    system = System(key, doses)
    breaks = sorted(
        {item.start + part * item.duration for item in system.inputs for part in (0, 1)}
    )

    def curve(time: float) -> float:
        found = concentrations(model, _values(key), doses, np.array([time]), WEIGHT, areas=False)
        return float(found.values[at][0, 0])

    exact = concentrations(model, _values(key), doses, np.array([0.0, end]), WEIGHT)
    edges = [0.0, *(time for time in breaks if 0 < time < end), end]
    # just inside the edges: at a break itself the curve is already that of the next piece
    pieces = [
        quad(curve, begin + 1e-10, stop - 1e-10, epsrel=1e-8)[0]
        for begin, stop in itertools.pairwise(edges)
    ]
    assert exact.areas[at][0, 0] == 0
    assert exact.areas[at][1, 0] == pytest.approx(sum(pieces), rel=1e-7)


def test_areas_where_a_rate_changes_with_time() -> None:
    """Dense trapezoids agree, and the grid asked for does not matter."""
    doses = [Dose(0.0, "esketamine", "iv", 50.0, "mg", duration=2.0)]
    dense = np.linspace(0.0, 12.0, 4801)
    model, values = MODELS["flint2017"], _values("flint2017")
    fine = concentrations(model, values, doses, dense, WEIGHT)
    coarse = concentrations(model, values, doses, np.array([0.0, 12.0]), WEIGHT)
    for name in ("s_ketamine", "s_norketamine"):
        area = np.trapezoid(fine.values[name, "venous"][:, 0], dense)
        assert coarse.areas[name, "venous"][-1, 0] == pytest.approx(area, rel=1e-3)
    parent = ("s_ketamine", "venous")
    assert coarse.areas[parent][-1, 0] == pytest.approx(fine.areas[parent][-1, 0], rel=1e-9)


@pytest.mark.parametrize("key", CONSTANT)
def test_steady_state_is_a_long_run_in(key: str) -> None:
    """Bolus, infusion and release, on every route."""
    model = MODELS[key]
    drug, _ = _stream(model)
    interval, runs = 24.0, 150
    times = np.array([0.0, 0.4, 3.0, 11.0, 23.9])
    for route in model.routes:
        over = 2.0 if route == "iv" else 0.0
        steady = Dose(0.0, drug, route, 10.0, "mg", duration=over, steady_state_interval=interval)
        runin = [Dose(i * interval, drug, route, 10.0, "mg", duration=over) for i in range(runs)]
        now = System(key, [steady]).exact(times).amounts
        later = System(key, runin).exact(times + (runs - 1) * interval).amounts
        _close(now[:, 0], later[:, 0], 1e-6)


def test_areas_of_an_interval_at_steady_state_are_those_of_one_dose() -> None:
    """Over one interval at steady state the area is that of a single dose to the end."""
    model, values = MODELS["perezruixo2021"], _values("perezruixo2021")
    steady = [Dose(0.0, "esketamine", "iv", 20.0, "mg", duration=1.0, steady_state_interval=12.0)]
    single = [Dose(0.0, "esketamine", "iv", 20.0, "mg", duration=1.0)]
    at = ("s_norketamine", "venous")
    interval = concentrations(model, values, steady, np.array([0.0, 12.0]), WEIGHT).areas[at]
    whole = concentrations(model, values, single, np.array([0.0, 4000.0]), WEIGHT).areas[at]
    assert interval[-1, 0] == pytest.approx(whole[-1, 0], rel=1e-9)


def test_infusions_that_overlap_are_a_staircase() -> None:
    overlapping = [
        Dose(0.0, "ketamine", "iv", 20.0, "mg", duration=2.0),
        Dose(1.0, "ketamine", "iv", 20.0, "mg", duration=2.0),
    ]
    staircase = [
        Dose(start, "ketamine", "iv", amount, "mg", duration=1.0)
        for start, amount in ((0.0, 10.0), (1.0, 20.0), (2.0, 10.0))
    ]
    times = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 8.0])
    found = [
        System("kamp2020", doses).exact(times).amounts[:, 0] for doses in (overlapping, staircase)
    ]
    _close(found[0], found[1], 1e-12)


@FEW
@given(weights=st.lists(st.floats(45.0, 130.0), min_size=2, max_size=4, unique=True))
def test_a_batch_is_its_patients_one_by_one(weights: list[float]) -> None:
    model = MODELS["reference"]
    doses = [
        Dose(0.0, "ketamine", "iv", 0.5, "mg/kg", duration=2 / 3),
        Dose(5.0, "esketamine", "oral", 30.0, "mg"),
    ]
    times = np.array([0.0, 0.7, 5.5, 24.0])

    def solve(each: Array) -> Any:
        return concentrations(model, {**_values("reference"), "WT": each}, doses, times, each)

    batch = solve(np.array(weights))
    for i, weight in enumerate(weights):
        alone = solve(np.array([weight]))
        for at, curve in alone.values.items():
            np.testing.assert_allclose(batch.values[at][:, i], curve[:, 0], rtol=1e-10)
            np.testing.assert_allclose(batch.areas[at][:, i], alone.areas[at][:, 0], rtol=1e-9)


def test_enantiomers_of_the_racemate_are_half_and_half() -> None:
    """Racemic doses follow both; arketamine has no S part; the sum is what an assay sees."""
    times, values = np.array([0.0, 1.0, 4.0]), _values("reference")
    solved = {
        drug: concentrations(
            MODELS["reference"], values, [Dose(0.0, drug, "iv", mg, "mg")], times, WEIGHT
        ).values
        for drug, mg in (("ketamine", 40.0), ("esketamine", 20.0), ("arketamine", 20.0))
    }
    site = "arterial"
    both = solved["ketamine"]
    for drug, prefix in (("esketamine", "s"), ("arketamine", "r")):
        at = (f"{prefix}_ketamine", site)
        np.testing.assert_allclose(both[at], solved[drug][at], rtol=1e-12)
    assert ("s_ketamine", site) not in solved["arketamine"]
    total = both["s_ketamine", site] + both["r_ketamine", site]
    np.testing.assert_allclose(both["ketamine", site], total, rtol=1e-12)


@pytest.mark.parametrize(
    ("drug", "route", "words"),
    [
        ("arketamine", "iv", "does not describe arketamine"),
        ("esketamine", "rectal", "does not describe the route rectal"),
    ],
)
def test_what_a_model_does_not_know_is_refused(drug: str, route: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        concentrations(
            MODELS["perezruixo2021"],
            _values("perezruixo2021"),
            [Dose(0.0, drug, route, 10.0, "mg")],
            np.array([0.0]),
            WEIGHT,
        )


@pytest.mark.parametrize(("start", "duration", "field"), [(1.0, 0.0, "SS"), (0.0, 13.0, "II")])
def test_a_steady_state_that_cannot_be_is_refused(
    start: float, duration: float, field: str
) -> None:
    rates = -np.ones((1, 1, 1))
    dose = Input(start, duration, "a", np.array([1.0]), interval=12.0)
    with pytest.raises(InputError) as caught:
        solve_linear(lambda _t: rates, ("a",), [dose], np.array([0.0]))
    assert caught.value.field == field


def test_an_input_into_a_state_that_is_not_followed_is_ignored() -> None:
    rates = -np.ones((1, 1, 1))
    items = [Input(0.0, 0.0, "a", np.array([2.0])), Input(0.0, 0.0, "b", np.array([5.0]))]
    solution = solve_linear(lambda _t: rates, ("a",), items, np.array([0.0, 1.0]))
    np.testing.assert_allclose(solution.amounts[:, 0, 0], [2.0, 2.0 / np.e], rtol=1e-12)


def test_a_nasal_spray_and_esketamine_devices_mix_in_one_course() -> None:
    """Each dose takes the path of its own drug's form; S-ketamine adds up."""
    times = np.array([0.0, 0.5, 2.0, 7.0])
    model, weight = MODELS["reference"], WEIGHT
    spray = Dose(0.0, "ketamine", "intranasal", 50.0, "mg")
    devices = [Dose(i / 12, "esketamine", "intranasal", 28.0, "mg", device=i) for i in range(2)]

    def s_ketamine(doses: list[Dose]) -> Array:
        found = concentrations(model, _values("reference"), doses, times, weight)
        return found.values["s_ketamine", "arterial"][:, 0]

    together = s_ketamine([spray, *devices])
    np.testing.assert_allclose(together, s_ketamine([spray]) + s_ketamine(devices), rtol=1e-9)
