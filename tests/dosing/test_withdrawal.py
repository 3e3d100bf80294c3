"""Randomised withdrawals: the arms they make, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ketasim._base import InputError
from ketasim.dosing import Trial, TrialFile, load_trial

OPEN = "id: esk, n: 40, open: true, drug: esketamine, route: intranasal, dose: 84 mg"
DAYS = "days: [0, 3, 7, 10, 14, 21, 28, 35, 42, 49]"
CHANGE = "{scale: MADRS, at: [28 d, 42 d, 56 d], metrics: [change]}"


def content(withdrawal: str, arm: str = f"{OPEN}, {DAYS}", assess: str = CHANGE) -> dict[str, Any]:
    return yaml.safe_load(f"""
        trial: t
        population: {{baseline: {{scale: MADRS, mean: 35, sd: 5}}}}
        arms:
          - {{{arm}, withdrawal: {{{withdrawal}}}}}
        assess: [{assess}]
        remission_at_most: 12
        replicates: 5
        """)


def made(withdrawal: str, **more: str) -> Trial:
    return load_trial(content(withdrawal, **more))


USUAL = "after: 28 d, entry: remission, to: [continue, placebo_spray]"


def test_the_arms_begin_alike_and_part_at_the_withdrawal() -> None:
    trial = made(USUAL)
    assert [arm.id for arm in trial.arms] == ["esk", "esk:continue", "esk:placebo_spray"]
    arm, on, off = trial.arms
    assert on.doses == arm.doses
    assert on.sessions == off.sessions == arm.sessions
    assert [dose for dose in arm.doses if dose.time < 672] == list(off.doses)
    assert (on.control, off.control) == (None, "placebo_spray")
    assert (arm.open, on.open, off.open) == (True, False, False)
    assert trial.enrolled == 40
    assert trial.labels["esk:continue"] == "esketamine 84 mg nasal continued"
    assert trial.labels["esk:placebo_spray"] == "placebo spray after esketamine 84 mg nasal"
    assert load_trial(trial.to_dict()) == trial


def test_visits_belong_to_the_phase_they_are_in() -> None:
    trial = made(USUAL)
    times = {arm.id: trial.assessed(arm)[0].times for arm in trial.arms}
    assert times == {
        "esk": (672.0,),
        "esk:continue": (672.0, 1008.0, 1344.0),
        "esk:placebo_spray": (672.0, 1008.0, 1344.0),
    }


def test_relapse_that_is_not_defined_is_that_of_sustain_1_and_said() -> None:
    trial = made(USUAL)
    (own,) = trial.assessed(trial.arm("esk:continue"))[1:]
    assert (own.start, own.times) == (672.0, (840.0, 1008.0, 1176.0, 1344.0))
    assert own.relapse is not None
    assert (own.relapse.score_at_least, own.relapse.visits) == (22, 2)
    assert "relapse" in trial.assumed
    assert "MADRS of 22 or more at 2 visits" in " ".join(trial.assumptions)
    assert trial.to_dict()["assess"] == load_trial(trial.to_dict()).to_dict()["assess"]
    assert len(trial.to_dict()["assess"]) == 1
    asked = (
        "{scale: MADRS, metrics: [no_relapse], from: 28 d, at: [35 d, 56 d], "
        "relapse: {score_at_least: 18}}"
    )
    told = made(USUAL, assess=asked)
    assert "relapse" not in told.assumed
    assert [one.relapse.score_at_least for one in told.assessments if one.relapse] == [18]
    assert not told.assessed(told.arm("esk"))


def test_a_schedule_for_afterwards_holds_for_all_and_an_entry_may_have_another() -> None:
    trial = made(
        "after: 28 d, entry: response, days: [28, 42], "
        "to: [continue, {id: low, dose: 28 mg}, {id: late, days: [49]}, placebo_spray, none]"
    )
    days = {arm.id: arm.days[6:] for arm in trial.arms[1:]}
    assert days == {
        "esk:continue": (28.0, 42.0),
        "low": (28.0, 42.0),
        "late": (49.0,),
        "esk:placebo_spray": (28.0, 42.0),
        "esk:none": (),
    }
    low = trial.arm("low")
    assert {dose.amount for dose in low.doses if dose.time >= 672} == {28.0}
    assert trial.labels["low"] == "esketamine 28 mg nasal after esketamine 84 mg nasal"
    assert load_trial(trial.to_dict()) == trial


def test_patients_on_a_control_can_be_randomised_to_a_drug() -> None:
    trial = made(
        "after: 7 d, entry: {scale: QIDS, score_at_least: 11}, days: [7, 10], to: [continue, "
        "{id: ket, drug: esketamine, route: intranasal, dose: 56 mg, ratio: 2}]",
        arm="id: pbo, n: 30, control: placebo_spray, days: [0, 3]",
    )
    ket = trial.arm("ket")
    assert ket.sessions == (0.0, 72.0, 168.0, 240.0)
    assert {dose.time for dose in ket.doses if dose.device == 0} == {168.0, 240.0}
    assert ket.branch is not None
    assert ket.branch.ratio == 2
    assert trial.arm("pbo:continue").days == (0.0, 3.0, 7.0, 10.0)
    assert load_trial(trial.to_dict()) == trial


@pytest.mark.parametrize(
    ("withdrawal", "field", "part"),
    [
        (USUAL.replace("after: 28 d, ", ""), "withdrawal.after", "missing"),
        (USUAL.replace("28 d", "28"), "withdrawal.after", "such as '16 wk'"),
        (USUAL.replace("28 d", "60 d"), "withdrawal.after", "no session is left after day 60"),
        (USUAL.replace("28 d", "week 4"), "withdrawal.after", "write '4 wk'"),
        (USUAL.replace("entry: remission, ", ""), "withdrawal.entry", "missing"),
        (USUAL.replace("remission", "remitters"), "withdrawal.entry", "'remitters'"),
        (USUAL.replace("remission", "{scale: MADRS}"), "withdrawal.entry", "no score says"),
        (
            USUAL.replace("remission", "{score_at_most: 61}"),
            "withdrawal.entry.score_at_most",
            "0 to 60",
        ),
        (
            USUAL.replace("remission", "{scale: MADRS, score_at_least: 20, score_at_most: 10}"),
            "withdrawal.entry",
            "no score is 20 or more and 10 or less",
        ),
        (USUAL.replace("placebo_spray", "{}"), "withdrawal.to[1]", "nothing is named"),
        (USUAL.replace("remission", "{kind: all}"), "withdrawal.entry", "unknown key 'kind'"),
        (USUAL.replace("placebo_spray", "placebo_sprey"), "withdrawal.to[1]", "'placebo_spray'"),
        (USUAL.replace("placebo_spray", "antidepressant"), "withdrawal.to[1]", "not simulated"),
        (USUAL.replace("placebo_spray", "masked"), "withdrawal.to[1].control", "anaesthesia"),
        (USUAL.replace("placebo_spray", "continue"), "withdrawal.to[1]", "id of two arms"),
        (USUAL.replace("placebo_spray", "{id: esk, control: saline}"), "withdrawal.to[1]", "two"),
        (USUAL.replace("placebo_spray", "{dose: 28 mg}"), "withdrawal.to[1].id", "missing"),
        (
            USUAL.replace("placebo_spray", "{id: x, dose: 28 mg, control: saline}"),
            "withdrawal.to[1]",
            "a drug and a control",
        ),
        (
            USUAL.replace("placebo_spray", "{id: x, control: none, days: [30]}"),
            "withdrawal.to[1].days",
            "has no sessions",
        ),
        (
            USUAL.replace("placebo_spray", "{id: x, days: [21, 30]}"),
            "withdrawal.to[1].days",
            "day 21 comes before the withdrawal on day 28",
        ),
        (USUAL + ", days: [7]", "withdrawal.days", "day 7 comes before"),
        (USUAL.replace("[continue, placebo_spray]", "[]"), "withdrawal.to", "nothing is named"),
        (USUAL + ", relapse: {score_at_least: 20}", "withdrawal.relapse", "'assess'"),
        (USUAL.replace("28 d", "1 min").replace("after", "at"), "withdrawal.at", "'after'"),
        (USUAL.replace("28 d", "56 d") + ", days: [60]", "withdrawal.after", "nobody is followed"),
    ],
)
def test_what_is_refused_names_the_field(withdrawal: str, field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        made(withdrawal)
    assert caught.value.field == f"arms[0].{field}", str(caught.value)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_whole_trial_shows_is_refused_too() -> None:
    def refused(field: str, **changes: Any) -> str:
        with pytest.raises(InputError) as caught:
            load_trial(content(USUAL) | changes)
        assert caught.value.field == field, str(caught.value)
        return str(caught.value)

    two = content(USUAL)["arms"] + [{"id": "b", "n": 40, "control": "saline"}]
    crossover = {"design": "crossover", "washout": "7 d", "arms": two}
    assert "crossover" in refused("arms[0].withdrawal", **crossover)
    assert "what a remission is" in refused("arms[0].withdrawal.entry", remission_at_most=None)
    late = {"scale": "MADRS", "at": ["56 d"], "metrics": ["change"], "arms": ["esk"]}
    assert "from 0 to 672 h" in refused("assess[0].arms", assess=[late])
    early = {"metrics": ["no_relapse"], "from": "14 d", "relapse": {"score_at_least": 22}}
    early |= {"scale": "MADRS", "at": ["56 d"], "arms": ["esk:continue"]}
    assert "'esk:continue'" in refused("assess[0].arms", assess=[early])
    again = {"scale": "MADRS", "at": ["7 d"], "metrics": ["change_from_phase"]}
    assert "randomised again" in refused("assess[0].metrics", arms=two[1:], assess=[again])


def test_the_schema_of_the_file_has_the_withdrawal() -> None:
    text = str(TrialFile.model_json_schema())
    assert "WithdrawalItem" in text
    assert "TargetItem" in text
