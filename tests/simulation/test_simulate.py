"""The verb `simulate`: invariants of the curves, its tables, and what it says about itself."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim import Simulation, simulate
from ketasim._base import InputError
from ketasim.simulation import MADRS, MOOD_UNITS, SESSION_UNITS
from ketasim.simulation.curves import Curves
from ketasim.simulation.tables import summary_columns, summary_table, with_spread

PATIENT = {"age": 40, "weight": "70 kg"}
IV = "ketamine 0.5 mg/kg iv over 40 min on day 0"
NASAL = "esketamine 56 mg intranasal on days 0 3"


def course(regimen: str = IV, **more: Any) -> dict[str, Any]:
    return {"patient": PATIENT, "regimen": regimen, "horizon": "4 d", **more}


@pytest.fixture(scope="module")
def typical() -> Simulation:
    return simulate(course())


@pytest.fixture(scope="module")
def many() -> Simulation:
    return simulate(course(NASAL, population={"n": 40, "seed": 1}))


def _metric(
    run: Simulation, metric: str, quantity: str, site: str, session: str = "first"
) -> float:
    table = run.exposure().filter(
        pl.col("metric").eq(metric)
        & pl.col("quantity").eq(quantity)
        & pl.col("site").eq(site)
        & pl.col("session").eq(session)
    )
    return table["mean"].item()


# ---- curves


@settings(max_examples=10)
@given(st.floats(0.01, 0.9), st.sampled_from(["iv over 40 min", "oral", "sublingual", "im"]))
def test_concentrations_are_proportional_to_the_dose_and_the_block_rises(
    share: float, route: str
) -> None:
    times = [0.1, 0.5, 1.0, 4.0, 24.0]
    high = simulate(course(f"ketamine 35 mg {route} on day 0"), times=times)
    low = simulate(course(f"ketamine {35 * share!r} mg {route} on day 0"), times=times)
    for key, curve in high.values.items():
        if key in MOOD_UNITS or key in SESSION_UNITS:
            continue
        if key[0] == "nmda_block":
            assert np.all((curve >= 0) & (curve <= 1))
            assert np.all(low.values[key] < curve)
        else:
            # what just begins to rise is a difference of modes: rounding is of the peak
            rounding = 1e-11 * curve.max()
            np.testing.assert_allclose(low.values[key], share * curve, rtol=1e-9, atol=rounding)


def test_an_assay_of_the_racemate_reads_the_sum_of_both(typical: Simulation) -> None:
    for molecule in ("ketamine", "norketamine", "hnk"):
        for site in ("arterial", "venous", "effect"):
            parts = [typical.values[f"{hand}_{molecule}", site] for hand in ("s", "r")]
            np.testing.assert_allclose(typical.values[molecule, site], sum(parts), rtol=1e-14)


def test_mg_per_kg_follow_the_weight() -> None:
    heavy = {"age": 40, "weight": "140 kg"}
    per_kg = simulate(course("ketamine 0.5 mg/kg iv over 40 min on day 0", patient=heavy))
    plain = simulate(course("ketamine 70 mg iv over 40 min on day 0", patient=heavy))
    for key, curve in per_kg.values.items():
        # concentrations are exact; the brain and the scores follow in steps, which may differ
        exact = key[0].endswith(("ketamine", "hnk"))
        room = 0.0 if exact else 1e-3 * float(np.abs(curve).max())
        np.testing.assert_allclose(plain.values[key], curve, rtol=1e-12, atol=room)


def test_the_effect_site_lags_and_the_vein_differs_from_the_artery(typical: Simulation) -> None:
    assert _metric(typical, "tmax", "ketamine", "arterial") == pytest.approx(40 / 60, abs=1e-9)
    assert _metric(typical, "tmax", "ketamine", "effect") > 40 / 60 - 1e-9
    arterial = _metric(typical, "cmax", "ketamine", "arterial")
    assert _metric(typical, "cmax", "ketamine", "venous") < arterial


def test_the_first_patients_do_not_depend_on_how_many_there_are(many: Simulation) -> None:
    few = simulate(course(NASAL, population={"n": 7, "seed": 1}), times=many.times)
    for key, curve in few.values.items():
        # the same numbers enter; a batch's size may change the last digits of its algebra, and the
        # steps of the chain to mood within its tolerance
        rtol = 2e-3 if key in MOOD_UNITS else 1e-10
        atol = 2e-3 if key in MOOD_UNITS else 1e-12
        np.testing.assert_allclose(curve, many.values[key][:, :7], rtol=rtol, atol=atol)


def test_what_is_not_kept_is_the_same(many: Simulation) -> None:
    recipe = many.values._recipe
    pieces = Curves(recipe, held=0.0, piece=1e6)
    assert not pieces.held
    assert many.values.held
    assert list(pieces) == list(many.values)
    for key, curve in many.values.items():
        np.testing.assert_array_equal(pieces[key], curve)
        np.testing.assert_array_equal(pieces.of(slice(3, 9))[key], curve[:, 3:9])
    columns = summary_columns(many.times, pieces, typical=False)
    streamed = summary_table(many.times, list(pieces), many.units, columns)
    assert many.mood is not None and many.mood.rated is not None
    streamed = with_spread(streamed, MADRS, many.mood.rated)
    assert streamed.equals(many.summary())
    exposed = replace(many, values=pieces).patient_exposure()
    assert exposed.equals(many.patient_exposure())


def test_the_seed_of_the_call_stands_above_the_files() -> None:
    asked = simulate(course(population={"n": 3, "seed": 1}), seed=2, times=[1.0])
    written = simulate(course(population={"n": 3, "seed": 2}), times=[1.0])
    assert asked.metadata["seed"] == 2
    for key, curve in asked.values.items():
        np.testing.assert_array_equal(curve, written.values[key])


# ---- tables


def test_columns_are_those_of_the_contract(typical: Simulation, many: Simulation) -> None:
    head = ["time_h", "quantity", "site", "unit", "mean"]
    assert typical.summary().columns == head
    spread = ["sd", "p05", "p25", "p50", "p75", "p95"]
    assert many.summary().columns == head + spread
    assert many.timecourse().columns == ["id", "time_h", "quantity", "site", "value", "unit"]
    for run in (typical, many):
        assert set(run.summary()["unit"]) == {
            "ng/mL",
            "fraction",
            "ratio",
            "point",
            "mmHg",
            "1/min",
            "cm",
        }
        assert {"nmda_block", "glutamate", "bdnf", "synapses", "MADRS"} <= set(
            run.summary()["quantity"]
        )


def test_quantiles_are_in_order_and_hold_the_patients(many: Simulation) -> None:
    table = many.summary()
    for low, high in (("p05", "p25"), ("p25", "p50"), ("p50", "p75"), ("p75", "p95")):
        assert (table[low] <= table[high]).all()
    at = table.filter(pl.col("quantity").eq("s_ketamine") & pl.col("site").eq("venous"))
    curves = many.values["s_ketamine", "venous"]
    np.testing.assert_allclose(at["p50"], np.median(curves, axis=1), rtol=1e-12)
    np.testing.assert_allclose(at["sd"], curves.std(axis=1, ddof=1), rtol=1e-12, atol=1e-12)


def test_parquet_reads_back(tmp_path: Path, many: Simulation) -> None:
    many.to_parquet(tmp_path / "timecourse.parquet")
    table = pl.read_parquet(tmp_path / "timecourse.parquet")
    assert table.columns == ["id", "time_h", "quantity", "site", "value", "unit"]
    assert len(table) == many.cohort.n * len(many.times) * len(many.values)
    one = table.filter(
        pl.col("id").eq(3)
        & pl.col("quantity").cast(pl.String).eq("norketamine")
        & pl.col("site").cast(pl.String).eq("venous")
    )
    np.testing.assert_array_equal(one["time_h"], many.times)
    np.testing.assert_array_equal(one["value"], many.values["norketamine", "venous"][:, 2])


def test_xarray_holds_the_same_numbers(many: Simulation) -> None:
    data = many.to_xarray()
    variable = data["s_ketamine_effect"]
    assert variable.attrs["unit"] == "ng/mL"
    np.testing.assert_array_equal(
        variable.sel(id=4).to_numpy(), many.values["s_ketamine", "effect"][:, 3]
    )


def test_json_is_strict_and_complete(many: Simulation) -> None:
    document = json.loads(many.to_json(), parse_constant=pytest.fail)
    assert document["metadata"]["patients"] == 40
    assert set(document) >= {"summary", "exposure", "parameters", "warnings", "assumptions"}
    assert len(document["summary"]["mean"]) == len(many.summary())


def test_the_same_input_gives_the_same_bytes(many: Simulation) -> None:
    again = simulate(course(NASAL, population={"n": 40, "seed": 1}))
    assert again.to_json() == many.to_json()


# ---- exposure


def test_areas_agree_with_the_curve(typical: Simulation) -> None:
    """The exact area equals the trapezoid on a fine grid."""
    fine = simulate(course(), times=np.arange(0, 96.0001, 1 / 60))
    area = np.trapezoid(fine.values["ketamine", "venous"][:, 0], fine.times)
    assert _metric(typical, "auc", "ketamine", "venous") == pytest.approx(area, rel=1e-4)


def test_peaks_agree_with_a_fine_grid() -> None:
    for regimen in (IV, NASAL, "ketamine 2 mg/kg oral on day 0", "ketamine 1 mg/kg im on day 0"):
        coarse = simulate(course(regimen))
        fine = simulate(course(regimen), times=np.arange(0, 8, 1 / 240))
        for key, curve in fine.values.items():
            if key in MOOD_UNITS or key in SESSION_UNITS:
                continue
            assert _metric(coarse, "cmax", *key) == pytest.approx(curve.max(), rel=2e-3)


def test_into_a_vein_everything_arrives(typical: Simulation) -> None:
    for quantity in ("ketamine", "s_ketamine", "r_ketamine"):
        assert _metric(typical, "F", quantity, "venous") == pytest.approx(1.0, rel=1e-9)


def test_bioavailability_is_the_declared_one() -> None:
    """By mouth: what passes gut and liver, from the model's own definition."""
    run = simulate(course("esketamine 50 mg oral on day 0"))
    resolved = run.model.resolve(run.cohort.values)
    expected = float(resolved["F_oral"][0])
    assert 0 < expected < 1
    assert _metric(run, "F", "s_ketamine", "venous") == pytest.approx(expected, rel=1e-6)


def test_sessions_add_up(many: Simulation) -> None:
    """Two equal sessions: the course's area is twice that of one."""
    one = _metric(many, "auc_inf", "s_ketamine", "venous", "first")
    both = _metric(many, "auc_inf", "s_ketamine", "venous", "course")
    assert both == pytest.approx(2 * one, rel=1e-9)
    assert [len(s.doses) for s in many.sessions] == [2, 2]


def test_doses_after_the_horizon_count_for_nothing() -> None:
    within = simulate(course("esketamine 56 mg intranasal on days 0 3"))
    beyond = simulate(course("esketamine 56 mg intranasal on days 0 3 9"))
    assert _metric(beyond, "auc_inf", "s_ketamine", "venous", "course") == pytest.approx(
        _metric(within, "auc_inf", "s_ketamine", "venous", "course"), rel=1e-12
    )
    assert any("horizon" in warning for warning in beyond.warnings)


def test_the_last_session_is_measured_from_its_own_start(many: Simulation) -> None:
    first = _metric(many, "tmax", "s_ketamine", "venous", "first")
    last = _metric(many, "tmax", "s_ketamine", "venous", "last")
    assert last == pytest.approx(first, abs=0.05)


# ---- where the numbers come from


def test_parameters_that_mattered_carry_their_source(typical: Simulation) -> None:
    table = typical.parameters()
    assert 0 < len(table) <= 12
    assert {"symbol", "value", "unit", "source", "grade", "elasticity_cmax"} <= set(table.columns)
    for row in table.iter_rows(named=True):
        assert row["source"] or row["grade"] == "assumed"
    assert typical.parameters(top=3)["symbol"].to_list() == table["symbol"].to_list()[:3]


def test_an_elasticity_is_the_slope_of_the_result() -> None:
    """Halved intrinsic clearance on the way changes the area as the elasticity says, locally."""
    run = simulate(course("esketamine 50 mg oral on day 0"))
    found = {one.entry.symbol: one for one in run.elasticities if one.card == "reference"}
    # area by mouth: F_gut*dose/CLint for a well-stirred liver, whatever the flow
    assert found["CLint"].auc == pytest.approx(-1.0, abs=0.02)
    assert found["Vc"].auc == pytest.approx(0.0, abs=1e-6)


def test_routes_not_taken_are_not_blamed(typical: Simulation) -> None:
    acted = {one.entry.symbol for one in typical.elasticities if one.acts}
    assert "Vc" in acted
    assert not acted & {"F_sc", "ka_im", "F_device", "ka_oral", "theta_Japanese", "a_renal_liver"}


def test_assumptions_that_acted_are_listed() -> None:
    under_the_skin = simulate(course("ketamine 0.5 mg/kg sc on day 0"))
    assert {"F_sc", "ka_sc", "Kp_uu"} <= {one.symbol for one in under_the_skin.assumptions}
    assert "F_sc" not in {one.symbol for one in simulate(course()).assumptions}


def test_what_was_assumed_of_the_input_is_listed() -> None:
    run = simulate({"regimen": IV})
    assert {one.symbol for one in run.assumptions if one.what == "input"} == {
        "patient.weight",
        "patient.age",
        "horizon",
        "patient.baseline",
        "patient.setting",
        "mood.background",
        "mood.blinded",
    }


def test_who_was_simulated_is_said(typical: Simulation, many: Simulation) -> None:
    assert "Typical patient" in typical.cohort.describe()
    assert "40 virtual patients" in many.cohort.describe()
    assert "seed 1" in many.cohort.describe()


def test_citations_are_those_of_what_acted(typical: Simulation) -> None:
    assert "gilling2009" in typical.sources()
    text = typical.cite()
    for key in typical.sources():
        assert f"{{{key}," in text


def test_metadata_reproduce_the_run(many: Simulation) -> None:
    data = many.metadata
    assert data["ketasim"] == ketasim.__version__
    assert set(data["cards"]) == {"reference", "receptor", "mood", "session"}
    assert all(len(digest) == 64 for digest in data["cards"].values())
    again = simulate(data["input"])
    np.testing.assert_array_equal(
        again.values["ketamine", "venous"], many.values["ketamine", "venous"]
    )


def test_a_model_without_effect_site_says_so() -> None:
    run = simulate(course(NASAL, pk_model="perezruixo2021"))
    assert not any(quantity == "nmda_block" for quantity, _ in run.values)
    assert any("effect site" in warning for warning in run.warnings)


def test_results_are_read_only(typical: Simulation) -> None:
    with pytest.raises(ValueError, match="read-only"):
        typical.values["ketamine", "venous"][0] = 1.0
    with pytest.raises(TypeError):
        typical.values["ketamine", "venous"] = np.zeros(1)  # type: ignore[index]


# ---- input


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"sites": ["venus"]}, "sites"),
        ({"times": []}, "times"),
        ({"times": [-1.0]}, "times"),
        ({"times": [float("nan")]}, "times"),
    ],
)
def test_bad_options_are_refused(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        simulate(course(), **arguments)


def test_sites_restrict_the_result() -> None:
    run = simulate(course(), sites=["venous"])
    assert {site for _, site in run.values} == {"venous"}


def test_importing_the_package_loads_no_room() -> None:
    code = (
        "import sys, ketasim; print({'ketasim.simulation', 'numpy', 'polars'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="simulat"):
        _ = ketasim.simulat  # type: ignore[attr-defined]
    assert dir(ketasim) == sorted(ketasim.__all__)


def test_a_result_is_drawn() -> None:
    course = {"regimen": "ketamine 0.5 mg/kg iv over 40 min once", "horizon": "1 d"}
    drawn = ketasim.plot(simulate(course), hours=(0.0, 3.0)).to_dict()
    assert drawn["layer"]


def test_copies_are_read_only_and_curves_say_what_they_are(typical: Simulation) -> None:
    copied = pickle.loads(pickle.dumps(typical))
    for result in (typical, copied, copy.deepcopy(typical)):
        assert not any(curve.flags.writeable for curve in result.values.values())
        assert "nmda_block" in repr(result.values)
        with pytest.raises(KeyError, match="no curve"):
            result.values["ketamine", "brain"]
    assert typical != copied
