"""Every published exposure is accounted for, and the shipped reference card agrees with them."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.calibration.pk import agreement, load_interactions, load_training
from ketasim.calibration.pk.fit import PkFit, compare
from ketasim.evidence import load_card, load_table
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
