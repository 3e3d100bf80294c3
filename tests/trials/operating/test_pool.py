"""Replicates drawn from pools: as those of which every patient is solved."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim.dosing import load_trial
from ketasim.trials import run_trial
from ketasim.trials.operating import draw
from ketasim.trials.operating.question import question_of
from ketasim.trials.operating.shares import share_of

REPLICATES = 400


def file(**keys: Any) -> dict[str, Any]:
    session = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    form: dict[str, Any] = {
        "trial": "t",
        "population": {
            "baseline": {"scale": "HDRS17", "mean": 23, "sd": 3},
            "background": "new",
            "weight": {"mean": 80, "sd": 15},
        },
        "arms": [
            {"id": "ket", "n": 40, "days": [0, 3, 7, 10], **session},
            {"id": "mdz", "n": 20, "control": "midazolam", "days": [0, 3, 7, 10]},
        ],
        "assess": [{"scale": "MADRS", "at": ["24 h", "7 d", "14 d"], "metrics": ["change"]}],
        "primary": {"scale": "MADRS", "at": "14 d", "contrast": ["ket", "mdz"]},
        "analysis": ["ancova", "responder"],
        "estimands": ["hypothetical", "treatment_policy"],
        "dropout": [
            {"share": 0.2, "by": "14 d", "pattern": "lack_of_effect"},
            {"share": 0.3, "by": "7 d", "pattern": "adverse_event"},
            {"share": 0.1, "by": "14 d", "arms": ["mdz"]},
        ],
        "replicates": REPLICATES,
        "seed": 3,
    }
    return form | keys


@pytest.fixture(scope="module")
def both() -> tuple[Any, Any]:
    strata = [{"baseline": [23]}, {"weight": [80]}]
    form = file(randomisation={"strata": strata, "block": 6})
    solved = run_trial(form)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(draw, "SOLVED", 1)
        drawn = run_trial(form)
    return solved, drawn


def test_power_and_errors_are_those_of_solved_patients(both: tuple[Any, Any]) -> None:
    solved, drawn = (one.analysis().to_dicts() for one in both)
    assert [row["pool_se"] is None for row in solved] == [True] * len(solved)
    for one, other in zip(solved, drawn, strict=True):
        assert (one["analysis"], one["estimand"]) == (other["analysis"], other["estimand"])
        error = np.hypot(np.hypot(one["mc_se"], other["mc_se"]), other["pool_se"] or 0.0)
        assert one["estimate"] == pytest.approx(other["estimate"], abs=4.0 * error)
        assert one["predicted"] == pytest.approx(other["predicted"], abs=6.0 * error)
        # a standard deviation is known to one part in the root of twice the replicates
        assert one["sd"] == pytest.approx(other["sd"], rel=4.0 / np.sqrt(REPLICATES))
        assert one["se"] == pytest.approx(other["se"], rel=0.02)
        for name in ("power", "type1", "coverage", "assurance"):
            error = np.hypot(one[f"{name}_mc_se"], other[f"{name}_mc_se"])
            assert one[name] == pytest.approx(other[name], abs=4.0 * error)
        wide = [row["p95"] - row["p05"] for row in (one, other)]
        # four standard errors of such a width, 6.4 % of it
        assert wide[0] == pytest.approx(wide[1], rel=0.26)
        if one["truth"] is not None:
            error = 4.0 * np.hypot(one["sd"], other["sd"]) / np.sqrt(REPLICATES)
            assert one["truth"] == pytest.approx(other["truth"], abs=error)


def test_without_a_difference_arms_leave_alike(both: tuple[Any, Any]) -> None:
    """Responders and treatment policy depend on who leaves; one false alarm in 2,000 runs."""
    for result in both:
        found = result.characteristics
        for way in found.question.ways:
            outcome = found.none.outcome(way, 40)
            error = outcome.estimate.std() / np.sqrt(REPLICATES)
            assert abs(outcome.estimate.mean()) < 4.0 * np.hypot(error, 0.001), way


def test_the_arms_are_those_of_solved_patients(both: tuple[Any, Any]) -> None:
    solved, drawn = both
    replicates = drawn.patients()["replicate"].max() + 1
    assert replicates == draw.solved_replicates(load_trial(file())) or replicates == 100
    first = solved.patients().filter(pl.col("replicate") < replicates)
    assert drawn.patients().equals(first)
    assert any("drawn from a pool" in line for line in drawn.taken)
    assert not any("drawn from a pool" in line for line in solved.taken)


def test_replicates_do_not_depend_on_how_many_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "SOLVED", 1)
    form = file(estimands=[], analysis=[])
    few, many = (run_trial(form, replicates=count) for count in (110, 130))
    way = few.characteristics.question.ways[0]
    for world in ("fixed", "uncertain", "none"):
        one, other = (getattr(r.characteristics, world).outcome(way, 40) for r in (few, many))
        assert np.array_equal(one.estimate, other.estimate[:110])


def test_only_what_depends_on_the_treatment_alone_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draw, "SOLVED", 1)

    def drawn(**keys: Any) -> bool:
        form = file(estimands=[], analysis=[], **keys)
        form["arms"] = [arm | {"n": 20} for arm in form["arms"]]
        trial = load_trial(form)
        question = question_of(trial)
        assert question is not None
        return draw.draws(trial, question)

    assert drawn()
    assert not drawn(adherence=0.8)
    assert not drawn(design="crossover", washout="14 d", dropout={"share": 0, "by": "7 d"})
    assert not drawn(replicates=50)


def test_replicates_of_one_draw_count_as_one() -> None:
    flags = np.tile([1.0, 0.0, 1.0, 0.0], 100)
    assert share_of("power", flags)["power_mc_se"] == pytest.approx(0.025)
    assert share_of("power", flags, draws=4)["power_mc_se"] == pytest.approx(0.25)
