"""Published values beside the prediction of the same trial."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from markupsafe import escape
from scipy.stats import binomtest

from ketasim.dosing import load_trial
from ketasim.evidence import load_card, load_mood_rows, load_table
from ketasim.population import EXPECTATION_WORDS
from ketasim.reports import trial_report
from ketasim.trials import PublishedValue, TrialResult, run_trial
from ketasim.trials.published import _difference_ends, is_published  # pyright: ignore[reportPrivateUsage]


@pytest.fixture(scope="module")
def murrough() -> TrialResult:
    return run_trial("murrough2013", replicates=20)


def test_every_published_value_is_there_as_published(murrough: TrialResult) -> None:
    table = murrough.published()
    published = load_table("mood/training").filter(pl.col("trial") == "murrough2013")
    printed = table.filter(pl.col("grade") != "derived")
    assert set(printed["key"]) == set(published["row_id"])
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
    assert len(shown) == 6
    for row in shown.to_dicts():
        metric = "change" if row["metric"] == "contrast" else row["metric"]
        same = summary.filter(arm=row["arm"], metric=metric, time_h=row["time_h"])
        assert row["predicted"] == pytest.approx(same["mean"][0])
        assert (row["p05"], row["p95"]) == (same["p05"][0], same["p95"][0])
        assert row["inside"] == (row["p05"] <= row["published"] <= row["p95"])


def test_the_contrast_of_two_published_arms_is_derived(murrough: TrialResult) -> None:
    """-16.5 (SE 1.60) less -8.8 (SE 1.90): SEs add in squares."""
    rows = murrough.published().filter(grade="derived")
    gap = rows.filter(metric="contrast").row(0, named=True)
    assert (gap["arm"], gap["used"]) == ("ket - mdz", "derived")
    assert gap["published"] == pytest.approx(-16.5 + 8.8)
    half = 1.959964 * np.hypot(1.60039, 1.90065)
    assert gap["published_high"] - gap["published"] == pytest.approx(half, rel=1e-5)
    assert gap["published"] - gap["published_low"] == pytest.approx(half, rel=1e-5)
    share = rows.filter(metric="response").row(0, named=True)
    assert share["published"] == pytest.approx(0.64 - 0.28)
    assert 0.1 < share["published_low"] < 0.36 < share["published_high"] < 0.6


def test_newcombes_interval_of_his_first_example() -> None:
    """56 of 70 and 48 of 80: 0.0524 to 0.3339 by the hybrid score method."""
    a = _share(56, 70)
    b = _share(48, 80)
    assert _difference_ends(a, b) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def _share(count: int, n: int) -> PublishedValue:
    ends = binomtest(count, n).proportion_ci(method="wilson")
    nothing: dict[str, Any] = dict.fromkeys(PublishedValue.__dataclass_fields__)
    told = {"published": count / n, "published_low": ends.low, "published_high": ends.high}
    return PublishedValue(**{**nothing, **told})


@pytest.mark.parametrize("key", ["TRANSFORM2", "wilkinson2019", "SYNAPSE_A", "zarate2012"])
def test_no_contrast_is_derived_where_one_is_printed_or_arms_did_not_start_together(
    key: str,
) -> None:
    table = run_trial(key, replicates=2).published()
    printed = table.filter(pl.col("grade") != "derived")
    derived = table.filter(grade="derived")
    same = derived.join(printed, on=["arm", "scale", "metric", "time_h"], how="inner")
    assert same.is_empty()
    if key in ("wilkinson2019", "SYNAPSE_A"):
        assert derived.is_empty()
    if load_trial(key).design == "crossover":
        assert derived["published_low"].is_null().all()


def test_metrics_of_other_form_are_told_in_their_own_unit() -> None:
    result = run_trial("TRANSFORM2", replicates=10)
    told = {row["key"]: row for row in result.published().to_dicts()}
    spread = told["TRANSFORM2:ESK:MADRS:648h:sd_change"]
    summary = result.summary().filter(arm="ESK", metric="change", time_h=648.0)
    # a mean of SDs is a little below the root of the mean variance
    assert spread["predicted"] == pytest.approx(summary["sd"][0], rel=0.04)
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
    for word in (
        "fitted",
        "agreement is not a test",
        "derived",
        "second-hand",
        "before their visit",
    ):
        assert word in page
    assert "the only published value of this share" in page


def test_the_report_calls_arms_by_what_they_are(murrough: TrialResult) -> None:
    page = trial_report(murrough)
    assert "ketamine 0.5 mg/kg IV vs midazolam: MADRS" in page
    assert "<td>ketamine 0.5 mg/kg IV<small>ket</small></td>" in page
    felt = "belief to get the drug; effects of the session; sedation by midazolam"
    assert f">{felt}<small>p_belief, u_scale, u_midazolam</small></td>" in page
    assert "Probability of guessing the drug" in page
    body = page[: page.index('id="reproduce"')]
    for raw in ("<td>ket</td>", "<td>mdz</td>", ">ket - mdz<", "ket:", "ket, expected"):
        assert raw not in body
    assert "ketamine 0.5 mg/kg IV vs midazolam: MADRS change, 24 h" in repr(murrough)
    assert set(murrough.summary()["arm"]) == {"ket", "mdz", "ket - mdz"}


def test_what_patients_can_tell_stands_in_every_table(murrough: TrialResult) -> None:
    told = {row["arm"]: row for row in murrough.blinding().to_dicts()}
    assert {row["told"] for row in told.values()} == {"blinded"}
    assert told["ket"]["felt"] > told["mdz"]["felt"] > 0
    # of two arms both guess right as often, by signal detection
    assert told["ket"]["guess_right"] == pytest.approx(told["mdz"]["guess_right"])
    assert told["mdz"]["guess_drug"] == pytest.approx(1.0 - told["mdz"]["guess_right"])
    # 48 to 25 patients: those on the control too take the drug for likely
    assert told["ket"]["belief"] > told["mdz"]["belief"] > 0.5
    for row in murrough.summary().to_dicts():
        known = told.get(row["arm"], {"belief": None, "guess_drug": None})
        assert (row["belief"], row["guess_drug"]) == (known["belief"], known["guess_drug"])
    assert json.loads(murrough.to_json())["blinding"]["arm"] == ["ket", "mdz"]
    assert "probability of guessing the drug" in murrough.headline().html()


def test_every_part_of_expectation_has_words() -> None:
    symbols = {one for one in load_card("mood").values() if one.startswith(("p_", "u_"))}
    assert set(EXPECTATION_WORDS) == symbols
