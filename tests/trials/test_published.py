"""Published values beside the prediction of the same trial."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from markupsafe import escape

from ketasim.dosing import load_trial
from ketasim.evidence import load_mood_rows, load_table
from ketasim.reports import trial_report
from ketasim.trials import TrialResult, run_trial
from ketasim.trials.published import is_published


@pytest.fixture(scope="module")
def murrough() -> TrialResult:
    return run_trial("murrough2013", replicates=20)


def test_every_published_value_is_there_as_published(murrough: TrialResult) -> None:
    table = murrough.published()
    published = load_table("mood/training").filter(pl.col("trial") == "murrough2013")
    assert set(table["key"]) == set(published["row_id"])
    for row in load_mood_rows():
        if row.trial == "murrough2013":
            told = table.filter(pl.col("key") == row.key).row(0, named=True)
            assert told["published"] == row.value
            assert told["used"] == ("fitted" if row.fitted else "compared only")
            if row.se is not None:
                width = told["published_high"] - told["published_low"]
                assert width == pytest.approx(2 * 1.96 * row.se, rel=1e-3)


def test_wilson_interval_of_a_share(murrough: TrialResult) -> None:
    """30 of 47: Wilson's score interval by its formula."""
    row = murrough.published().filter(arm="ket", metric="response").row(0, named=True)
    n, share, z = 47, 30 / 47, 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert row["published_low"] == pytest.approx(centre - half, rel=1e-5)
    assert row["published_high"] == pytest.approx(centre + half, rel=1e-5)


def test_predictions_are_those_of_the_summary(murrough: TrialResult) -> None:
    summary = murrough.summary()
    shown = murrough.published().filter(pl.col("predicted").is_not_null())
    assert len(shown) == 4
    for row in shown.to_dicts():
        same = summary.filter(arm=row["arm"], metric=row["metric"], time_h=row["time_h"])
        assert row["predicted"] == pytest.approx(same["mean"][0])
        assert (row["p05"], row["p95"]) == (same["p05"][0], same["p95"][0])
        assert row["inside"] == (row["p05"] <= row["published"] <= row["p95"])


def test_metrics_of_other_form_are_told_in_their_own_unit() -> None:
    result = run_trial("TRANSFORM2", replicates=10)
    told = {row["key"]: row for row in result.published().to_dicts()}
    spread = told["TRANSFORM2:ESK:MADRS:648h:sd_change"]
    summary = result.summary().filter(arm="ESK", metric="change", time_h=648.0)
    assert spread["predicted"] == pytest.approx(summary["sd"][0], rel=0.02)
    contrast = told["TRANSFORM2:ESK-PBO:MADRS:648h:contrast"]
    gap = result.summary().filter(arm="ESK - PBO", metric="change", time_h=648.0)
    assert contrast["predicted"] == pytest.approx(gap["mean"][0])
    # remission of this trial is a score of at most 12, and so it is predicted
    assert told["TRANSFORM2:ESK:MADRS:648h:remission"]["definition"] == "score at most 12"


def test_another_design_has_no_published_values() -> None:
    trial = load_trial("murrough2013")
    assert is_published(replace(trial, replicates=7, seed=9))
    assert not is_published(load_trial({**trial.to_dict(), "remission_at_most": 12.0}))
    arms = trial.to_dict()["arms"]
    other = {**trial.to_dict(), "arms": [{**arms[0], "n": 12}, arms[1]], "replicates": 3}
    assert run_trial(other).published().is_empty()
    assert not is_published(load_trial("ketamine_midazolam"))


def test_the_report_shows_them_and_cites_their_sources(murrough: TrialResult) -> None:
    page = trial_report(murrough)
    assert "Published and predicted" in page
    assert "published value, with its 95 % interval" in page
    for one in murrough.reported:
        assert one.source in murrough.sources()
        assert str(escape(one.why)) in page
    for word in ("fitted", "no test of the model"):
        assert word in page
