"""The modal solution of linear models: against matrix exponentials, and what it promises."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Dose
from ketasim.engine import LinearSolver, inputs_of, solve_linear
from ketasim.engine.linear import reading
from ketasim.evidence import load_card
from ketasim.models import MODELS, Branch, Flow, LinearModel, Output, Stream, Symbol, evaluate

Array = NDArray[np.float64]
Key = tuple[str, str]

COVARIATES = {
    "WT": 82.0,
    "AGE": 66.0,
    "ASIAN": 0.0,
    "JAPANESE": 0.0,
    "TICLOPIDINE": 0.0,
    **dict.fromkeys(("act_2B6", "act_3A", "act_gut", "act_liver", "act_N"), 1.0),
}
SOME = settings(
    max_examples=8,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
MANY = settings(SOME, max_examples=60)


def _patients(key: str, n: int) -> dict[str, Any]:
    """Patients who differ in every number of a card."""
    rng = np.random.default_rng(11)
    values = {
        name: value * np.exp(rng.normal(0.0, 0.3, n)) if value > 0 and "lag" not in name else value
        for name, value in load_card(key).values().items()
    }
    # lags and durations are shared, so that the oracle takes all at once
    texts = {
        text
        for branches in (*MODELS[key].routes.values(), *MODELS[key].forms.values())
        for branch in branches
        for text in (branch.lag, branch.duration)
        if text is not None
    }
    for name in texts:
        if name in values:
            values[name] = load_card(key).values()[name]
    fractions = {s.name for s in MODELS[key].parameters if s.unit == "fraction"}
    for name in fractions & set(values):
        values[name] = np.minimum(values[name], 0.95)
    return {**values, **COVARIATES}


def _oracle(
    model: LinearModel,
    values: Mapping[str, Any],
    doses: Sequence[Dose],
    times: Array,
    weight: Array,
    *,
    areas: bool = True,
) -> tuple[dict[Key, Array], dict[Key, Array]]:
    """Values and areas by matrix exponentials, molecule by molecule."""
    found: dict[Key, Array] = {}
    under: dict[Key, Array] = {}
    dosed = {dose.drug for dose in doses}
    followed = {s.prefix: s for drug in model.streams if drug in dosed for s in model.streams[drug]}
    for prefix, stream in followed.items():
        resolved = model.resolve({**values, "R": float(prefix == "r")})
        inputs = inputs_of(model, doses, resolved, weight, stream)
        keep = model.reachable({i.state for i in inputs}, model.outputs)
        shape = (len(weight), len(keep), len(keep))

        def matrix(
            time: float, resolved: Any = resolved, keep: Any = keep, shape: Any = shape
        ) -> Array:
            return np.broadcast_to(model.rate_matrix(resolved, keep, time), shape)

        solution = solve_linear(matrix, keep, inputs, times, time_varying=model.time_varying)
        area = solution.areas(matrix(0.0)) if areas else solution.amounts
        for output in model.outputs:
            name = f"{prefix}_{output.analyte}" if prefix else output.analyte
            per = 1000.0 * evaluate(output.scale, resolved) / evaluate(output.volume, resolved)
            for table, states in ((found, solution.amounts), (under, area)):
                value = states[:, :, keep.index(output.state)] if output.state in keep else 0.0
                table[name, output.site] = np.broadcast_to(value * per, (len(times), len(weight)))
    for table in (found, under):
        for output in model.outputs:
            parts = [
                table[f"{prefix}_{output.analyte}", output.site]
                for prefix in ("s", "r")
                if (f"{prefix}_{output.analyte}", output.site) in table
            ]
            if parts:
                table[output.analyte, output.site] = np.sum(parts, axis=0)
    return found, under


def _agree(found: Mapping[Key, Array], wanted: Mapping[Key, Array], peak: Any = None) -> None:
    """To 1e-8 of the value, and of a tenth of its peak where it is less."""
    assert list(found) == list(wanted)
    for key, table in wanted.items():
        top = np.abs(table).max(axis=0) if peak is None else np.abs(peak[key]).max(axis=0)
        scale = np.maximum(np.abs(table), 0.1 * top)
        assert (np.abs(found[key] - table) <= 1e-8 * scale + 1e-300).all(), key


@st.composite
def calendars(draw: st.DrawFn, model: LinearModel) -> list[Dose]:
    """One to five doses: boluses, infusions that overlap, releases, devices, a steady state."""
    doses: list[Dose] = []
    for number in range(draw(st.integers(1, 5))):
        drug = draw(st.sampled_from(sorted(model.streams)))
        route = draw(st.sampled_from(sorted(model.routes)))
        timed = route in ("iv", "im", "sc")
        # a device's delays are of its own branch: steady states need those without a lag
        steady = number == 0 and not any(b.lag for b in model.branches_of(route, drug))
        doses.append(
            Dose(
                0.0 if number == 0 else draw(st.integers(0, 600)) / 12,
                drug,
                route,
                draw(st.floats(1.0, 100.0)),
                draw(st.sampled_from(["mg", "mg/kg"])),
                duration=draw(st.sampled_from([0.0, 0.5, 2 / 3, 4.0])) if timed else 0.0,
                device=draw(st.integers(0, 2)) if route == "intranasal" else 0,
                steady_state_interval=draw(st.sampled_from([None, 24.0])) if steady else None,
            )
        )
    return doses


@pytest.mark.parametrize("key", sorted(MODELS))
def test_values_and_areas_are_those_of_matrix_exponentials(key: str) -> None:
    # the oracle follows a rate that changes with time by short steps, each an exponential a patient
    stepped = MODELS[key].time_varying
    model, n = MODELS[key], 3 if stepped else 12
    values, weight = _patients(key, n), np.linspace(45.0, 130.0, n)
    late = () if stepped else (400.0,)
    times = np.array([0.0, 0.1, 0.66, 1.0, 7.25, 24.0, 50.0, 58.5, *late])

    @SOME
    @given(doses=calendars(model))
    def check(doses: list[Dose]) -> None:
        if model.time_varying:
            doses = [d for d in doses if d.steady_state_interval is None]
        if not doses:
            return
        solution = LinearSolver(model, values, weight).solve(doses)
        wanted, under = _oracle(model, values, doses, times, weight)
        _agree(solution.at(times), wanted)
        _agree(solution.areas(times), under)

    check()


@pytest.mark.parametrize("key", sorted(set(MODELS) - {"flint2017"}))
def test_each_route_alone_agrees(key: str) -> None:
    model = MODELS[key]
    values, weight = _patients(key, 5), np.linspace(60.0, 90.0, 5)
    solver = LinearSolver(model, values, weight)
    times = np.array([0.0, 0.02, 0.5, 2.0, 9.0, 36.0])
    for route, drug in itertools.product(model.routes, model.streams):
        doses = [Dose(start, drug, route, 20.0, "mg") for start in (0.0, 5.0)]
        # one decomposition serves all routes
        _agree(solver.solve(doses).at(times), _oracle(model, values, doses, times, weight)[0])


def _row(rates: int) -> LinearModel:
    """A depot, a central compartment with a deep one, and sites in a row behind it."""
    names = [f"k{i}" for i in range(rates)]
    flows = [
        Flow("A_depot", "A_central", "ka"),
        Flow("A_central", "A_deep", "k12"),
        Flow("A_deep", "A_central", "k21"),
        Flow("A_central", "A_0", "ke"),
        *(Flow(f"A_{i}", f"A_{i + 1}" if i + 1 < rates else None, f"k{i}") for i in range(rates)),
    ]
    states = ["A_depot", "A_central", "A_deep", *(f"A_{i}" for i in range(rates))]
    return LinearModel(
        name="row",
        title="a row",
        source="test",
        states=tuple(Symbol(name, "mg", "a test's amount") for name in states),
        parameters=tuple(
            Symbol(name, "1/h", "a test's rate") for name in ("ka", "k12", "k21", "ke", *names)
        ),
        covariates=(),
        definitions=(),
        flows=tuple(flows),
        routes={"im": (Branch("A_depot"),), "iv": (Branch("A_central"),)},
        outputs=(
            Output("ketamine", "arterial", "A_central", "1"),
            *(Output(f"m{i}", "arterial", f"A_{i}", "1") for i in range(rates)),
        ),
        streams={"ketamine": (Stream("", 1.0),)},
    )


@MANY
@given(
    near=st.lists(
        st.tuples(st.integers(0, 1), st.floats(-16.0, -0.5), st.booleans()),
        min_size=4,
        max_size=4,
    ),
    gap=st.floats(0.0, 1.0),
)
def test_rates_that_meet_or_nearly_meet_are_no_obstacle(
    near: list[tuple[int, float, bool]], gap: float
) -> None:
    """Each of four sites, and the depot, has the rate of a mode of the centre, or nearly."""
    model = _row(3)
    k12, k21, ke = 1.3, 0.4, 0.9
    centre = -np.linalg.eigvals(np.array([[-k12 - ke, k21], [k12, -k21]])).real
    rates = [
        centre[which] * (1.0 + (0.0 if exact else 10.0**power)) for which, power, exact in near
    ]
    # a second patient whose rates lie apart, whom the first must not touch
    values = {
        "k12": np.full(2, k12),
        "k21": np.full(2, k21),
        "ke": np.full(2, ke),
        "ka": np.array([rates[3], 3.0 + gap]),
        **{f"k{i}": np.array([rates[i], 0.11 * (i + 1)]) for i in range(3)},
    }
    weight = np.array([70.0, 80.0])
    doses = [
        Dose(0.0, "ketamine", "im", 10.0, "mg"),
        Dose(2.0, "ketamine", "iv", 10.0, "mg", duration=1.5),
        Dose(5.0, "ketamine", "im", 10.0, "mg", duration=0.5),
    ]
    times = np.array([0.0, 0.5, 2.0, 3.0, 4.0, 6.0, 15.0, 60.0])
    wanted, under = _oracle(model, values, doses, times, weight)
    solution = LinearSolver(model, values, weight).solve(doses)
    _agree(solution.at(times), wanted)
    _agree(solution.areas(times), under)
    steady = [Dose(0.0, "ketamine", "im", 10.0, "mg", duration=0.5, steady_state_interval=8.0)]
    solution = LinearSolver(model, values, weight).solve(steady)
    _agree(solution.at(times), _oracle(model, values, steady, times, weight)[0])


def _reference(n: int) -> tuple[LinearSolver, list[Dose]]:
    solver = LinearSolver(MODELS["reference"], _patients("reference", n), np.linspace(50, 99, n))
    doses = [
        Dose(24.0 * i, "ketamine", "iv", 0.5, "mg/kg", duration=2 / 3, session=i) for i in range(3)
    ]
    return solver, [*doses, Dose(30.0, "esketamine", "intranasal", 28.0, "mg")]


def _same(found: Mapping[Key, Array], wanted: Mapping[Key, Array]) -> None:
    assert list(found) == list(wanted)
    for key, table in found.items():
        np.testing.assert_array_equal(table, wanted[key])


def test_a_value_depends_on_its_patient_and_time_alone() -> None:
    """To the last bit, whatever else is asked for."""
    n = 700
    solver, doses = _reference(n)
    times = np.unique(np.concatenate([np.linspace(0.0, 90.0, 61), [24.0, 24.0 + 2 / 3]]))
    solution = solver.solve(doses)
    whole, area = solution.at(times), solution.areas(times)
    few, part = [3, 17, 40], slice(600, 640)
    _same(solution.at(times[few]), {key: table[few] for key, table in whole.items()})
    _same(solution.areas(times[few]), {key: table[few] for key, table in area.items()})
    backwards = solution.at(times[::-1])
    _same(backwards, {key: table[::-1] for key, table in whole.items()})
    wanted = {key: table[:, part] for key, table in whole.items()}
    _same(solution.at(times, patients=part), wanted)
    _same(solver.take(part).solve(doses).at(times), wanted)
    alone = solver.take(np.array([613])).solve(doses)
    _same(alone.at(times), {key: table[:, 613:614] for key, table in whole.items()})
    fresh = LinearSolver(
        MODELS["reference"],
        {k: v[613:614] if np.ndim(v) else v for k, v in _patients("reference", n).items()},
        np.linspace(50, 99, n)[613:614],
    )
    _same(fresh.solve(doses).at(times), alone.at(times))


def test_what_is_asked_for_is_given() -> None:
    solver, doses = _reference(3)
    times = np.array([0.0, 1.0, 31.0])
    solution = solver.solve(doses)
    whole = solution.at(times)
    effect = solution.at(times, sites=("effect",))
    assert {site for _, site in effect} == {"effect"}
    _same(effect, {key: table for key, table in whole.items() if key[1] == "effect"})
    s_alone = solution.at(times, ("effect",), ("s_ketamine", "s_norketamine"))
    assert list(s_alone) == [("s_ketamine", "effect"), ("s_norketamine", "effect")]
    _same(s_alone, {key: whole[key] for key in s_alone})
    parent = solution.at(times, ("venous",), ("ketamine",))
    assert [name for name, _ in parent] == ["s_ketamine", "r_ketamine", "ketamine"]
    assert solution.at(np.zeros(0))["hnk", "effect"].shape == (0, 3)
    with pytest.raises(ValueError, match="before time 0"):
        solution.at(np.array([-1.0]))


def test_nothing_is_anywhere_before_it_comes() -> None:
    """No rounding shows as a concentration below zero, or before the first dose."""
    solver, _ = _reference(40)
    doses = [Dose(1.0, "ketamine", "oral", 50.0, "mg"), Dose(1.0, "ketamine", "im", 50.0, "mg")]
    found = solver.solve(doses).at(np.concatenate([[0.0, 0.5, 1.0], np.geomspace(1.001, 4e3)]))
    for table in found.values():
        assert (table[:3] == 0.0).all()
        assert (table >= 0.0).all()


def test_compiled_code_reads_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough patients for some whose rates nearly meet."""
    solver, doses = _reference(400)
    times = np.linspace(0.0, 80.0, 33)
    found = []
    for worth in (10**12, 1):
        monkeypatch.setattr(reading, "_MANY", worth)
        monkeypatch.setattr(reading, "_LOADING", worth)
        assert (reading._compiled(1000) is None) == (worth > 1)
        solution = solver.solve(doses)
        found.append((solution.at(times), solution.areas(times)))
    for plain, compiled in zip(*found, strict=True):
        _same(plain, compiled)


def test_patients_with_their_own_lags_and_durations() -> None:
    """Each is solved as if alone, and they come back in their order."""
    model, n = MODELS["reference"], 6
    values = _patients("reference", n)
    values["D_oral"] = np.array([0.5, 1.0, 0.5, 1.5, 1.0, 0.5])
    weight = np.linspace(60.0, 90.0, n)
    doses = [Dose(0.0, "ketamine", "oral", 50.0, "mg"), Dose(3.0, "ketamine", "iv", 20.0, "mg")]
    times = np.array([0.25, 0.9, 1.6, 8.0])
    solution = LinearSolver(model, values, weight).solve(doses)
    whole, area = solution.at(times), solution.areas(times)
    part = solution.at(times, patients=slice(1, 4))
    for i in range(n):
        own = {name: one[i : i + 1] if np.ndim(one) else one for name, one in values.items()}
        wanted, under = _oracle(model, own, doses, times, weight[i : i + 1])
        _agree({key: table[:, i : i + 1] for key, table in whole.items()}, wanted)
        _agree({key: table[:, i : i + 1] for key, table in area.items()}, under)
    _same(part, {key: table[:, 1:4] for key, table in whole.items()})


def test_a_flow_of_zero_within_a_block_is_solved_another_way() -> None:
    """Its modes have no symmetric form; the matrix exponential does not care."""
    model, n = _row(1), 3
    k21 = np.array([0.4, 0.0, 0.5])
    values = {"ka": 1.0, "k12": 0.7, "k21": k21, "ke": 0.5, "k0": 0.2}
    doses = [Dose(0.0, "ketamine", "iv", 10.0, "mg", duration=1.0)]
    times, weight = np.array([0.0, 1.0, 5.0]), np.full(n, 70.0)
    found = LinearSolver(model, values, weight).solve(doses).at(times)
    _agree(found, _oracle(model, values, doses, times, weight, areas=False)[0])
    # the others keep their modes, to the last bit
    others = np.array([0, 2])
    alone = LinearSolver(model, {**values, "k21": k21[others]}, weight[others]).solve(doses)
    _same(alone.at(times), {key: table[:, others] for key, table in found.items()})


def test_a_steady_state_that_cannot_be_is_refused() -> None:
    solver, _ = _reference(1)
    late = Dose(2.0, "ketamine", "iv", 10.0, "mg", steady_state_interval=8.0)
    long = Dose(0.0, "ketamine", "iv", 10.0, "mg", duration=9.0, steady_state_interval=8.0)
    for dose, field in ((late, "SS"), (long, "II")):
        with pytest.raises(InputError) as error:
            solver.solve([dose]).at(np.array([1.0]))
        assert error.value.field == field
