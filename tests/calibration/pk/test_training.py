"""Every published exposure is accounted for, and the shipped reference card agrees with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ketasim.calibration.pk import (
    Design,
    agreement,
    agreement_table,
    fit_table,
    load_curves,
    load_interactions,
    load_training,
)
from ketasim.calibration.pk.fit import PkFit, compare
from ketasim.calibration.pk.problem import predict
from ketasim.evidence import load_card, load_table
from ketasim.models import MODELS
from ketasim.population.modifiers import load_modifiers


def test_every_observed_exposure_is_accounted_for_once_and_left_out_ones_say_why() -> None:
    rows = load_training()
    assert [r.fact for r in rows] == [
        f"pk/observed:{i + 1}" for i in range(load_table("pk/observed").height)
    ]
    assert {r.use for r in rows} == {"fit", "timing", "check", "out"}
    assert all(r.reason for r in rows if r.use in ("check", "out"))
    assert all(r.value > 0 and r.log_sd > 0 for r in rows if r.use != "out")


def test_every_measured_interaction_is_accounted_for_and_its_modifier_is_known() -> None:
    rows = load_interactions()
    facts = [r.fact for r in rows]
    assert len(facts) == len(set(facts))
    known = {f"pk/interactions:{i + 1}" for i in range(load_table("pk/interactions").height)}
    assert known < set(facts)
    assert all(r.reason for r in rows if r.use == "out")
    assert {r.modifier for r in rows if r.modifier} <= set(load_modifiers())


def test_every_activity_of_a_modifier_is_a_number_of_the_reference_card() -> None:
    symbols = set(load_card("reference").values())
    for modifier in load_modifiers().values():
        assert set(modifier.activities.values()) <= symbols


@pytest.fixture(scope="module")
def shipped() -> PkFit:
    card = load_card("reference")
    free = tuple(card.uncertainty.symbols) if card.uncertainty else ()
    covariance = card.uncertainty.matrix() if card.uncertainty else np.zeros((0, 0))
    return compare(card, load_card("reference_prior"), free, covariance, np.nan, np.nan)


def test_training_exposures_meet_the_target(shipped: PkFit) -> None:
    used = [c for c in shipped.exposures if c.row.use == "fit"]
    overall = agreement("all", "training", used)
    assert overall.n > 100
    assert overall.fold_error <= 1.25
    assert overall.within_two >= 0.95


@pytest.mark.parametrize(
    "perpetrator",
    ["ticlopidine", "clarithromycin", "grapefruit", "St John", "rifampicin", "itraconazole"],
)
def test_oral_interactions_come_out_within_one_and_a_half_fold(
    shipped: PkFit, perpetrator: str
) -> None:
    rows = [
        c
        for c in shipped.interactions
        if c.row.use == "fit" and c.row.metric == "auc" and perpetrator in c.row.perpetrator  # type: ignore[union-attr]
    ]
    assert rows
    assert all(c.fold <= 1.5 for c in rows)


def test_every_point_of_a_measured_curve_enters_once_in_ng_per_ml_of_base() -> None:
    table = load_table("pk/curves_metabolites").to_dicts()
    points = {point.fact: point for curve in load_curves() for point in curve.points}
    assert set(points) == {f"pk/curves_metabolites:{i + 1}" for i in range(len(table))}
    mass = {"S-norketamine": 223.7, "R-norketamine": 223.7, "HNK-total": 239.7}
    for i, row in enumerate(table):
        expected = float(row["value"]) * mass[row["analyte"]]
        assert points[f"pk/curves_metabolites:{i + 1}"].value == pytest.approx(expected)
    assert all(point.log_sd >= 0.2 for point in points.values())


def test_an_infusion_in_steps_runs_one_rate_after_the_other() -> None:
    design = load_curves()[0].design
    doses = design.doses()
    assert [(d.time, d.duration) for d in doses] == [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]
    assert [d.milligrams(70.0) for d in doses] == pytest.approx([19.6, 39.9, 79.8])
    assert design.breaks() == (0.0, 1.0, 2.0, 1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("molecule", "analytes", "most"),
    [
        ("norketamine", ("norketamine", "s_norketamine", "r_norketamine", "each_norketamine"), 1.3),
        ("hydroxynorketamine", ("hnk", "s_hnk", "r_hnk"), 1.4),
    ],
)
def test_metabolites_meet_the_target_on_observed_rows_and_on_curves(
    shipped: PkFit, molecule: str, analytes: tuple[str, ...], most: float
) -> None:
    curves = f"points of measured curves, {molecule}"
    assert next(a for a in agreement_table(shipped) if a.group == curves).fold_error <= most
    rows = [
        c
        for c in shipped.exposures
        if c.row.use == "fit" and c.row.analyte in analytes and c.row.group == "measured"  # type: ignore[union-attr]
    ]
    assert agreement("analyte", molecule, rows).fold_error <= most


def test_points_of_curves_stand_in_the_table_of_the_fit(shipped: PkFit) -> None:
    table = fit_table(shipped)
    kinds = table["kind"].value_counts(sort=True)
    found = dict(zip(kinds["kind"].to_list(), kinds["count"].to_list(), strict=True))
    assert found["curve"] == load_table("pk/curves_metabolites").height
    assert "kamp2020bja" in shipped.sources()


def _areas(route: str, *analytes: str) -> list[float]:
    """Areas to infinity in the vein after 100 mg of racemate."""
    rows = [r for r in load_training() if r.metric == "auc" and r.until == float("inf")][:1]
    values = {k: np.array([v]) for k, v in load_card("reference").values().items()}
    design = Design("ketamine", route, "100", "mg", 0.0, 70.0, 40.0, "white")
    wanted = [replace(rows[0], analyte=analyte, site="venous") for analyte in analytes]
    return predict(MODELS["reference"], values, design, wanted)[:, 0].tolist()


def test_norketamine_is_cleared_slower_as_r_and_swallowed_drug_gives_more_hydroxynorketamine() -> (
    None
):
    iv = _areas("iv", "s_norketamine", "r_norketamine", "norketamine", "hnk")
    oral = _areas("oral", "norketamine", "hnk")
    assert iv[1] > iv[0]
    assert oral[1] / oral[0] > iv[3] / iv[2]
    assert iv[3] > 0
