"""Effects of sessions in `simulate`: what must hold whatever the numbers, tables, plan, checks."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim import Simulation, load_course, simulate
from ketasim._base import InputError
from ketasim.engine import LinearSolver
from ketasim.evidence import facts, load_card, load_sources, number
from ketasim.models import MODELS
from ketasim.population import SESSION_CURVES, virtual_patients
from ketasim.reports import simulation_report
from ketasim.simulation import SESSION_UNITS, effect_times
from ketasim.simulation.session.driving import driving_after
from ketasim.simulation.session.group import Group
from ketasim.validation import session_checks

SPRAY = "esketamine 84 mg intranasal twice weekly x8"
INFUSION = "ketamine 0.5 mg/kg iv over 40 min once"


def run(regimen: str, **more: Any) -> Simulation:
    course = {"patient": {"weight": "70 kg", **more.pop("patient", {})}, "regimen": regimen}
    return simulate({**course, "horizon": "28 d", **more}, mood=False)


@pytest.fixture(scope="module")
def spray() -> Simulation:
    return run(SPRAY)


def row(simulation: Simulation, effect: str, session: int = 1) -> dict[str, Any]:
    assert simulation.session_effects is not None
    table = simulation.session_effects.table
    return table.filter(pl.col("effect") == effect, pl.col("session") == session).to_dicts()[0]


def test_every_effect_is_in_the_tables(spray: Simulation) -> None:
    table = spray.summary()
    for (quantity, site), unit in SESSION_UNITS.items():
        part = table.filter(pl.col("quantity") == quantity, pl.col("site") == site)
        assert part["unit"].unique().to_list() == [unit]
        assert np.all(np.isfinite(part["mean"].to_numpy()))
        if unit == "fraction":
            assert part["mean"].is_between(0.0, 1.0).all()
    assert spray.sources()
    assert set(spray.sources()) <= set(load_sources())


def test_dissociation_falls_over_sessions_and_pressure_does_not(spray: Simulation) -> None:
    left = load_card("session").entry("left").value
    # the end of the scale takes a little from the first session
    fell = row(spray, "CADSS", 8)["peak"] / row(spray, "CADSS")["peak"]
    assert left <= fell < 1.05 * left
    assert row(spray, "dissociation", 8)["in_session"] < row(spray, "dissociation")["in_session"]
    for effect in ("SBP", "DBP", "HR", "sedation", "drug_high"):
        assert row(spray, effect, 8)["peak"] == pytest.approx(row(spray, effect)["peak"], rel=0.01)


def test_an_event_is_likelier_in_a_course_than_in_its_first_session(spray: Simulation) -> None:
    for curve in SESSION_CURVES:
        if curve.kind == "share":
            found = row(spray, curve.name)
            assert found["peak"] <= found["in_session"] <= found["in_course"] <= 1.0


def test_s_ketamine_carries_the_effects_alone() -> None:
    both = run("ketamine 0.5 mg/kg iv over 40 min once")
    alone = run("esketamine 0.25 mg/kg iv over 40 min once")
    other = run("arketamine 0.25 mg/kg iv over 40 min once")
    # not zero, which would read as safe: not assessed
    assert other.session_effects is None
    assert "not assessed: in one model arketamine does not contribute" in " ".join(other.warnings)
    for curve in SESSION_CURVES:
        key = (curve.name, "patient")
        np.testing.assert_allclose(both.values[key], alone.values[key], rtol=1e-6, atol=1e-9)
        assert key not in other.values


def test_a_patient_does_not_depend_on_how_many_there_are() -> None:
    few, more = (run(INFUSION, population={"n": n, "seed": 5}) for n in (3, 6))
    for key in SESSION_UNITS:
        np.testing.assert_allclose(few.values[key], more.values[key][:, :3], rtol=1e-12)


def test_more_drug_does_more() -> None:
    low, high = run("esketamine 28 mg intranasal once"), run("esketamine 84 mg intranasal once")
    for curve in SESSION_CURVES:
        assert row(low, curve.name)["peak"] < row(high, curve.name)["peak"]


def test_times_are_in_order_and_ranges_hold_their_value(spray: Simulation) -> None:
    assert spray.session_effects is not None
    for found in spray.session_effects.table.to_dicts():
        if found["effect"] in ("drug_high", "pain_relief"):
            assert found["peak_low"] is None  # no fitted number acts in them
        else:
            assert found["peak_low"] <= found["peak"] <= found["peak_high"]
        assert found["peak_at_low"] <= found["peak_at_min"] <= found["peak_at_high"]
        if found["state"] == "back":
            assert found["onset_min"] <= found["peak_at_min"] <= found["back_at_min"]
            late = found["back_at_high"]
            assert found["back_at_low"] <= found["back_at_min"]
            assert late is None or found["back_at_min"] <= late
            # a parameter draw without the effect has no say in when it is back
            assert found["back_at_low"] >= found["onset_min"]
        elif found["state"] == "never above":
            assert found["peak"] <= found["level"]
        assert (found["state"] == "") == (found["level"] is None)


def test_the_minutes_hold_the_peaks(spray: Simulation) -> None:
    assert spray.session_effects is not None
    session = spray.session_effects.sessions[0]
    table = session.by_minute()
    for found in session.table.to_dicts():
        curve = table.filter(pl.col("effect") == found["effect"])
        assert curve["expected"].max() == pytest.approx(found["peak"])
        assert np.all(np.diff(curve["minute"].to_numpy()) > 0)


def test_a_mean_of_maxima_is_above_its_placebo_and_above_the_mean_change() -> None:
    young, old = (run(INFUSION, patient={"age": age}) for age in (40, 70))
    assert young.session_effects is not None
    assert old.session_effects is not None
    for part in (young.session_effects.pressure, old.session_effects.pressure):
        for found in part.to_dicts():
            assert found["mean_of_maxima"] > found["placebo_mean_of_maxima"] > 0
            assert found["mean_of_maxima"] > found["mean_change"]
            assert found["placebo_rise_in_course"] < found["rise_in_course"]
    # from 65 years a placebo raises the pressure as well
    column = "placebo_mean_of_maxima"
    assert (old.session_effects.pressure[column] > young.session_effects.pressure[column]).all()


@pytest.mark.parametrize("minutes", [1, 40, 180])
def test_a_mean_of_maxima_is_above_the_mean_change_however_fast(minutes: int) -> None:
    found = run(f"ketamine 1 mg/kg iv over {minutes} min once")
    assert found.session_effects is not None
    for one in found.session_effects.pressure.to_dicts():
        assert one["mean_of_maxima"] > one["mean_change"]


def test_a_share_in_the_course_is_one_number(spray: Simulation) -> None:
    stepped = run("esketamine 56 mg intranasal on day 0, then 84 mg on days 3 7 10 14")
    for result in (spray, stepped):
        assert result.session_effects is not None
        first, last = (one.pressure for one in result.session_effects.sessions)
        for column in ("rise_in_course", "placebo_rise_in_course"):
            assert first[column].to_list() == last[column].to_list()


def test_driving_is_at_the_tested_level_when_it_was_tested() -> None:
    test = next(one for one in facts("acute/acute_observed") if one.source == "vandeloo2017")
    course = load_course(
        {"patient": {"weight": "70 kg"}, "regimen": "esketamine 84 mg intranasal once"}
    )
    model = MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model, typical=True)
    session = simulate(course, mood=False).sessions[0]
    solver = LinearSolver(model, cohort.values, cohort.weight)
    found = driving_after(Group(cohort, solver.solve(course.regimen.doses)), session)
    assert found.fact == test.id
    assert found.median_h == pytest.approx(float(test.get("time_h")), abs=0.02)
    assert "until the next day" in found.statement


def test_what_the_plan_says_is_what_was_computed(spray: Simulation) -> None:
    assert spray.session_effects is not None
    plan = spray.session_plan()
    effects = effect_times(spray.session_effects, spray.session_effects.sessions[0])
    assert [one.effect for one in effects] == [curve.title for curve in SESSION_CURVES]
    shown = {entry.what for entry in plan.entries if entry.kind == "effect"}
    assert shown == {one.effect for one in effects} | {"blood pressure with the predicted increase"}
    late = {
        one.effect
        for one in effects
        if one.comes_back and (one.back_at_h is None or 60 * one.back_at_h > plan.watch_end_min)
    }
    assert late <= {line.split(": ", 1)[0] for line in plan.longer}
    assert spray.session_plan(8).session == plan.session
    with pytest.raises(InputError, match="session 3"):
        spray.session_plan(3)


def test_published_numbers_stand_beside_predictions() -> None:
    checks = session_checks([("esketamine", "intranasal")])
    assert {one.fitted for one in checks} == {True, False}
    label = next(
        one
        for one in facts("acute/label_adverse_events")
        if one.get("event") == "Dissociation" and one.source == "spravatohcp"
    )
    beside = next(one for one in checks if label.id in one.facts)
    assert beside.published == pytest.approx(float(label.get("percent")) / 100)
    assert beside.placebo == pytest.approx((number(label.get("comparator_percent")) or 0) / 100)
    assert abs(beside.predicted - beside.published) < 0.1
    # nothing is published for these, and nothing is made up
    assert session_checks([("ketamine", "rectal")]) == ()


def test_a_published_model_has_no_effects_of_sessions() -> None:
    course = {"regimen": "esketamine 56 mg intranasal once", "pk_model": "perezruixo2021"}
    result = simulate(course, mood=False)
    assert result.session_effects is None
    assert not set(SESSION_UNITS) & set(result.values)
    assert "Not computed: session effects need the reference model" in simulation_report(result)


def test_routes_and_doses_that_the_fit_has_not_seen_are_named() -> None:
    warnings = " ".join(run("ketamine 100 mg sublingual once").warnings)
    assert "for sublingual doses they are predicted from the concentration alone" in warnings
    warnings = " ".join(run("ketamine 2 mg/kg iv over 2 min once").warnings)
    assert "above the range of the fitted data" in warnings
    warnings = " ".join(run(INFUSION).warnings)
    assert "for IV infusions they are predicted" in warnings
    assert "extrapolated" not in warnings
    assert "about twice as many patients reported dizziness" in warnings
    assert "Percentages of patients" not in " ".join(
        run("esketamine 56 mg intranasal once").warnings
    )


def test_the_report_shows_session_plan_screening_and_costs(spray: Simulation) -> None:
    page = simulation_report(spray, costs=True)
    for part in ("session", "plan", "screening", "costs"):
        assert f'id="{part}"' in page
    assert 'figtitle">The session' in page
    assert "Costs at published prices" not in simulation_report(spray)
    # what the screen could not assess stands on the first page
    assert "<strong>Not assessed</strong>" in page
