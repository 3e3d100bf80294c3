"""Trials whose patients differ in what they get: by a rule, missed sessions, rescue."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim.evidence import Card, load_card, load_table
from ketasim.trials import TrialResult, run_trial
from ketasim.trials.patients.individual import orders_of

ESK: dict[str, Any] = {
    "id": "esk",
    "n": 80,
    "open": True,
    "drug": "esketamine",
    "route": "intranasal",
    "dose": "84 mg",
    "days": [0, 3, 7, 10],
}
RULE: dict[str, Any] = {"while": "MADRS > 15", "every": "7 d", "else": "14 d"}
WEEKS = [f"{7 * week} d" for week in range(1, 11)]
TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "background": "none"},
    "arms": [ESK],
    "assess": [{"scale": "MADRS", "at": WEEKS, "metrics": ["score", "change"]}],
    "replicates": 2,
    "seed": 5,
}


def _nobody_leaves() -> Card:
    card = load_card("mood")
    return card.with_entries(
        *(card.entry(name).replace(value=0.0) for name in ("stop_drug", "stop_control"))
    )


def _run(**keys: Any) -> TrialResult:
    return run_trial(TRIAL | keys, card=_nobody_leaves())


def _scores(result: TrialResult) -> np.ndarray:
    """Scores as (replicate and patient, visit)."""
    table = result.patients().sort("replicate", "id", "time_h")
    return table["score"].to_numpy().reshape(-1, table["time_h"].n_unique())


def _sessions(result: TrialResult) -> np.ndarray:
    first = result.patients().filter(time_h=0.0).sort("replicate", "id")
    return first["sessions"].to_numpy()


def test_the_own_rated_score_decides_on_the_next_session() -> None:
    result = _run(arms=[ESK | {"dosing_rule": RULE | {"from": "21 d"}}])
    scores, sessions = _scores(result), _sessions(result)
    for patient, own in enumerate(scores):
        week, count = 3, 4
        while week < 10:
            count += 1
            week += 1 if own[week] > 15 else 2
        assert sessions[patient] == count
    flow = result.flow().row(0, named=True)
    assert flow["sessions"] == pytest.approx(sessions.mean())
    parts = [flow[name] for name in ("never_changed", "changed_once", "changed_more")]
    assert sum(parts) == pytest.approx(1.0)
    assert min(parts) > 0.0
    assert any("every 7 days while MADRS > 15, else every 14 days" in n for n in result.taken)


def test_a_check_keeps_the_interval_until_the_next() -> None:
    rule = RULE | {"from": "14 d", "check": "28 d"}
    result = _run(arms=[ESK | {"dosing_rule": rule}])
    scores, sessions = _scores(result), _sessions(result)
    for own, found in zip(scores, sessions, strict=True):
        # decided in weeks 2 and 6; no session in week 10, the last visit
        count = 4 + sum(4 if own[week] > 15 else 2 for week in (2, 6))
        assert found == count


def test_no_session_while_well() -> None:
    rule = RULE | {"from": "14 d", "else": "none"}
    result = _run(arms=[ESK | {"dosing_rule": rule}])
    for own, found in zip(_scores(result), _sessions(result), strict=True):
        assert found == 4 + (own[2:10] > 15).sum()


def test_a_rule_that_always_holds_is_a_calendar() -> None:
    always = RULE | {"while": "MADRS >= 0", "from": "14 d"}
    ruled = _run(arms=[ESK | {"dosing_rule": always}])
    fixed = _run(arms=[ESK | {"days": [0, 3, 7, 10, *range(14, 70, 7)]}])
    gap = np.abs(_scores(ruled) - _scores(fixed))
    # by sessions added up, and by the engine at once; scores are whole
    assert gap.mean() < 0.05
    assert gap.max() <= 1.0
    assert (_sessions(ruled) == _sessions(fixed)).all()


def test_missed_sessions() -> None:
    every = _run(adherence=1.0)
    assert (_sessions(every) == 4).all()
    half = _run(adherence="50 %", arms=[ESK | {"n": 300}])
    sessions = _sessions(half)
    assert sessions.min() == 1  # nobody misses the first
    assert (sessions - 1).mean() == pytest.approx(1.5, abs=0.15)
    missed = half.patients().filter(time_h=0.0)["missed"].to_numpy()
    assert missed.mean() == pytest.approx(1.5, abs=0.15)
    at = half.summary().filter(metric="change", time_h=14 * 24.0)["mean"].item()
    assert at > every.summary().filter(metric="change", time_h=14 * 24.0)["mean"].item()
    published = _run(adherence="clarivate273")
    assert any("17.6 % of 273" in note and "derived" in note for note in published.taken)


def test_rescue_begins_at_the_first_visit_that_asks_for_it() -> None:
    plain = _run(arms=[{"id": "sal", "n": 150, "control": "saline"}])
    rescue = {"when": "MADRS >= 30", "from": "14 d"}
    result = _run(arms=[{"id": "sal", "n": 150, "control": "saline"}], rescue=rescue)
    table = result.patients().sort("replicate", "id", "time_h")
    flags = table["rescued"].to_numpy().reshape(-1, 11)
    scores = _scores(result)
    begun = np.where(flags.any(axis=1), flags.argmax(axis=1), 99)
    asked = scores[:, 2:] >= 30
    first = np.where(asked.any(axis=1), asked.argmax(axis=1) + 2, 99)
    np.testing.assert_array_equal(begun, first)
    # until then nothing is otherwise, and who is rescued gets better
    others = _scores(plain)
    # sessions added up and the calendar solved whole differ by less than a rounded point
    assert np.abs(others[:, 1] - scores[:, 1]).max() <= 1.0
    rescued = begun == 2
    assert scores[rescued, 10].mean() < others[rescued, 10].mean() - 2.0
    assert result.flow()["rescued"].item() == pytest.approx((begun < 99).mean() * 150)
    assert any("fitted" in note for note in result.taken if note.startswith("Rescue"))


def test_patients_leave_by_the_first_of_several_causes() -> None:
    causes = [
        {"share": "30 %", "by": "70 d"},
        {"share": "20 %", "by": "10 d", "pattern": "adverse_event"},
        {"share": "30 %", "by": "70 d", "pattern": "lack_of_effect"},
    ]
    result = run_trial(TRIAL | {"arms": [ESK | {"n": 400}], "dropout": causes})
    flow = result.flow().row(0, named=True)
    left = {name: flow[f"left_{name}"] / 400 for name in ("completely_at_random", "adverse_event")}
    # an adverse event comes early, before the others take their part
    assert left["adverse_event"] == pytest.approx(0.19, abs=0.04)
    assert 0.18 < left["completely_at_random"] < 0.28
    assert 0.14 < flow["left_lack_of_effect"] / 400 < 0.28
    assert flow["left_other"] == 0.0
    total = flow["completed"] + sum(v for k, v in flow.items() if k.startswith("left_"))
    assert total == pytest.approx(400)
    last = result.patients().filter(pl.col("time_h") == 70 * 24.0)
    counts = dict(last["left"].value_counts().iter_rows())
    assert counts[None] == last["score"].is_not_null().sum()
    told = counts["lack_of_effect"] / len(last)
    assert told == pytest.approx(flow["left_lack_of_effect"] / 400)


def test_a_cause_may_be_of_some_arms() -> None:
    arms = [ESK | {"n": 400, "open": False}, {"id": "pbo", "n": 400, "control": "placebo_spray"}]
    causes = [
        {"share": "10 %", "by": "28 d", "pattern": "adverse_event", "arms": ["esk"]},
        {"share": "40 %", "by": "1 d", "pattern": "adverse_event", "arms": ["pbo"]},
    ]
    result = run_trial(TRIAL | {"arms": arms, "dropout": causes})
    flow = {row["arm"]: row for row in result.flow().to_dicts()}
    assert flow["pbo"]["left_adverse_event"] / 400 == pytest.approx(0.4, abs=0.05)
    assert flow["esk"]["left_adverse_event"] / 400 == pytest.approx(0.1, abs=0.04)


def test_without_causes_those_of_the_card_are_told() -> None:
    result = run_trial(TRIAL | {"arms": [ESK | {"n": 600}], "replicates": 2})
    flow = result.flow().row(0, named=True)
    left = flow["left_adverse_event"] + flow["left_other"]
    assert flow["left_adverse_event"] / left == pytest.approx(0.49, abs=0.08)
    assert any("frontpsy" in note or "Front Psychiatry" in note for note in result.taken)


def test_a_rule_goes_on_after_a_randomised_withdrawal() -> None:
    arm = ESK | {
        "dosing_rule": RULE | {"from": "14 d"},
        "withdrawal": {"after": "35 d", "entry": "all", "to": ["continue", "placebo_spray"]},
    }
    assess = [
        {"scale": "MADRS", "at": WEEKS, "metrics": ["score", "change"]},
        {"scale": "MADRS", "metrics": ["no_relapse"], "from": "35 d", "every": "7 d",
         "until": "70 d", "relapse": {"score_at_least": 22}},
    ]  # fmt: skip
    result = _run(arms=[arm | {"n": 200}], assess=assess)
    table = result.patients().filter(pl.col("arm") != "esk")
    key = ["replicate", "id"]
    # before the randomisation both arms had what the open phase gave, rated in the same way
    before = result.patients().filter(arm="esk", time_h=35 * 24.0).select(*key, "score")
    again = table.filter(time_h=35 * 24.0).join(before, on=key, suffix="_open")
    assert (again["score"] - again["score_open"]).abs().max() == 0
    at = result.summary().filter(time_h=70 * 24.0, metric="score")
    on, off = (
        at.filter(arm=f"esk:{name}")["mean"].item() for name in ("continue", "placebo_spray")
    )
    assert on < off - 1.5


def test_sessions_before_a_withdrawal_are_those_that_its_patients_had() -> None:
    arm = ESK | {
        "days": [0, 7],
        "dosing_rule": RULE,
        "withdrawal": {"after": "28 d", "entry": "all", "to": ["continue", "none"]},
    }
    result = _run(arms=[arm], replicates=1)
    table = result.patients().filter(arm="esk")
    first, second = (table.filter(time_h=hours)["score"] > 15 for hours in (336.0, 504.0))
    # who is not well on day 14 has a session on day 21 as well; all others are from day 28 on
    assert table.filter(time_h=0.0)["sessions"].to_list() == (3 + first.cast(int)).to_list()
    flow = result.flow().filter(arm="esk").row(0, named=True)
    assert flow["sessions"] == pytest.approx(3 + first.mean())
    assert flow["never_changed"] == pytest.approx((first & second).mean())
    assert flow["changed_once"] == pytest.approx(1 - (first & second).mean())


def test_nobody_is_lost_between_the_phases_of_a_withdrawal() -> None:
    """Who has left in the open phase has left in the arms after it, and no other."""
    arm = ESK | {
        "n": 150,
        "dosing_rule": RULE | {"from": "14 d"},
        "withdrawal": {"after": "35 d", "entry": "all", "to": ["continue", "placebo_spray"]},
    }
    causes = [
        {"share": "30 %", "by": "35 d", "pattern": "lack_of_effect"},
        {"share": "20 %", "by": "35 d", "pattern": "adverse_event"},
    ]
    result = run_trial(TRIAL | {"arms": [arm], "dropout": causes})
    table = result.patients().filter(time_h=35 * 24.0)
    there = table.filter(pl.col("arm") == "esk", pl.col("score").is_not_null())
    again = table.filter(pl.col("arm") != "esk", pl.col("score").is_not_null())
    key = ["replicate", "id"]
    assert again.select(key).sort(key).equals(there.select(key).sort(key))
    # sessions are counted from the randomisation on: weekly or every other week for five weeks
    flow = result.flow().filter(arm="esk:continue")
    assert 2.0 < flow["sessions"].item() < 5.1


@pytest.mark.parametrize("design", ["parallel", "crossover"])
def test_replicates_do_not_depend_on_how_many_there_are(design: str) -> None:
    keys: dict[str, Any] = {"adherence": 0.8}
    if design == "crossover":
        pbo = {"id": "pbo", "n": 20, "control": "placebo_spray"}
        keys |= {"design": design, "washout": "0 d"}
        keys["arms"] = [ESK | {"n": 20, "open": False}, pbo]
    else:
        keys["arms"] = [ESK | {"n": 20, "dosing_rule": RULE}]
        keys["rescue"] = {"when": "MADRS >= 26"}
    few, more = (run_trial(TRIAL | keys, replicates=count) for count in (2, 4))
    assert more.patients().filter(pl.col("replicate") < 2).equals(few.patients())


def test_everybody_goes_through_all_arms_of_a_crossover() -> None:
    arms = [
        {**ESK, "id": "high", "open": False, "days": [0]},
        {"id": "pbo", "n": 80, "control": "placebo_spray"},
    ]
    assess = [{"scale": "MADRS", "at": ["24 h", "7 d"], "metrics": ["change"]}]
    result = _run(arms=arms, design="crossover", washout="14 d", assess=assess)
    assert orders_of(result.trial) == ((0, 1), (1, 0))
    ids = {
        arm["id"]: set(result.patients().filter(arm=arm["id"]).select("replicate", "id").rows())
        for arm in arms
    }
    assert ids["high"] == ids["pbo"]
    means = {name: result.summary().filter(arm=name, time_h=24.0)["mean"].item() for name in ids}
    assert means["high"] < means["pbo"] - 2.0


def test_the_rule_of_sustain_2_gives_the_intervals_that_it_reported() -> None:
    """Responders to four weeks, then weekly or every other week by a MADRS of 12, for a year.

    Reported of 580: weekly throughout, once to every other week, more often changed (nijs2020).
    """
    table = load_table("mood/adherence").filter(study="SUSTAIN-2 maintenance frequency")
    reported = dict(table.select("measure", "value").iter_rows())
    rule = {"while": "MADRS > 12", "every": "7 d", "else": "14 d", "check": "28 d", "from": "56 d"}
    arm = ESK | {
        "n": 300,
        "days": [0, 3, 7, 10, 14, 17, 21, 24, 28, 35, 42, 49],
        "dosing_rule": rule,
        "withdrawal": {"after": "28 d", "entry": "response", "to": ["continue"]},
    }
    own = TRIAL["population"] | {"background": "new"}
    metrics = ["change_from_phase", "response"]
    assess = [{"scale": "MADRS", "at": ["28 d", "217 d"], "metrics": metrics}]
    result = run_trial(TRIAL | {"arms": [arm], "population": own, "assess": assess})
    row = result.flow().filter(arm="esk:continue").row(0, named=True)
    more = float(reported["alternating weekly and every other week"]) / 100.0
    assert row["changed_more"] == pytest.approx(more, abs=0.12)
    # patients stay weekly less often than reported, and change once more often
    assert row["never_changed"] < float(reported["weekly throughout"]) / 100.0
    change = result.summary().filter(metric="change_from_phase", time_h=217 * 24.0)
    # 0.3 (SD 8.12) to the end of the phase (wajs2020)
    assert change["mean"].item() == pytest.approx(0.3, abs=2.0)
