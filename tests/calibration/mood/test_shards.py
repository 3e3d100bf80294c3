"""Full refits in shards: a shard is a refit, and together they are what one process does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ketasim._base import InputError
from ketasim._base.shards.plan import MANIFEST, Plan, read_plan
from ketasim._base.shards.store import read_shard
from ketasim.apps.cli.application import run
from ketasim.calibration.mood import refit
from ketasim.calibration.mood.judgement import LeftOut, Unseen
from ketasim.calibration.mood.shards import (
    gather_refits,
    plan_refits,
    unwritten,
    work_refits,
    write_refits,
)
from ketasim.evidence import load_mood_rows

FEW = ("murrough2013", "ASPIRE1")
PATIENTS = 2


@pytest.fixture(autouse=True)
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of two trials, and few steps: a refit of all takes minutes."""
    few = [row for row in load_mood_rows() if row.fitted and row.trial in FEW]
    monkeypatch.setattr(refit, "fitted_rows", lambda: few)
    monkeypatch.setattr(refit.without_trial, "__kwdefaults__", {"most_steps": 1})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    made = unwritten(tmp_path / "p", seed=1, patients=PATIENTS, given={"seed": 1, "refit": True})
    return write_refits(made, dict.fromkeys(FEW, "followed longest"))


def test_a_shard_is_a_refit(plan: Plan) -> None:
    """And what is gathered stands where one process puts its own."""
    assert plan.shards == len(FEW)
    assert read_plan(plan.folder) == plan
    assert work_refits(plan, 0)
    assert not work_refits(plan, 0)
    arrays, about = read_shard(plan, 0)
    done = refit.refit({"trial": FEW[0], "patients": PATIENTS, "seed": 1})
    assert (arrays, about["trial"], about["refit"]) == ({}, FEW[0], done)
    values = done["values"]
    unseen = tuple(_unseen(value) for value in values)
    left_out = LeftOut(FEW[0], arms=unseen, contrasts=(), moved=0.0)
    known = {FEW[0]: about["refit"]}
    found = refit.refit_trials([left_out], patients=PATIENTS, seed=1, known=known)
    assert [(one.full, one.full_sd) for one in found] == [(v["predicted"], v["sd"]) for v in values]


def _unseen(value: dict[str, Any]) -> Unseen:
    where = {name: value[name] for name in ("arm", "control", "time", "start")}
    words = dict.fromkeys(("side", "window", "route", "against", "openness", "drug"), "")
    numbers = ("published", "se", "predicted", "sd", "similar", "exponential", "empirical")
    return Unseen(trial=FEW[0], **where, **words, **dict.fromkeys(numbers, 1.0))


def test_what_is_missing_or_changed_is_refused(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="2 of 2 shards are missing: 0-1"):
        gather_refits(plan)
    assert run(["gather", str(plan.folder)]) == 1
    assert "missing: 0-1" in capsys.readouterr().out
    # the same is planned already, and nothing is fitted to know it
    assert plan_refits(plan.folder, seed=1, patients=PATIENTS) == plan
    with pytest.raises(InputError, match="holds the plan of another input"):
        plan_refits(plan.folder, seed=2, patients=PATIENTS)
    other = read_plan(plan.folder)
    object.__setattr__(other, "options", {**other.options, "package": "0"})
    with pytest.raises(InputError, match="planned with other files of ketasim"):
        work_refits(other, 0)
    manifest = plan.folder / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"total": 3}))
    with pytest.raises(InputError, match="was changed since it was planned"):
        read_plan(plan.folder)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--plan", "p"], "--plan: only full refits are divided; add --refit"),
        (["--refit", "--plan", "p", "--out", "o"], "--out: a plan writes no results"),
        (["--refit"], "--out: is missing"),
        (["--refit", "--seed", "-1", "--plan", "p"], "--seed: -1 is below 0"),
    ],
)
def test_refusals(
    words: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["calibrate", "mood", *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
