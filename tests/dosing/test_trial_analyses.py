"""Keys of a trial file for its analysis, drop-out, sizes and scenario."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim._base import InputError
from ketasim.dosing import analysed_visits, load_trial


def file(**keys: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "trial": "t",
        "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
        "arms": [
            {
                "id": "ket",
                "n": 20,
                "drug": "ketamine",
                "route": "iv",
                "dose": "0.5 mg/kg",
                "over": "40 min",
                "days": [0, 3],
            },
            {"id": "sal", "n": 10, "control": "saline"},
        ],
        "assess": [
            {"scale": "MADRS", "at": ["24 h", "7 d", "14 d"], "metrics": ["change"]},
            {"scale": "HDRS17", "at": ["7 d"], "arms": ["ket"], "metrics": ["change"]},
        ],
    }
    return form | keys


def test_numbers_are_read_in_one_way() -> None:
    """A decimal comma, a percentage and a minus between arms, in every key that takes them."""
    form = file(
        primary=PRIMARY | {"contrast": "ket - sal"},
        scenario={"drug_effect": "50 %", "expectation": "1,2", "unblinding": "0,6"},
        looks=["0,5", 1],
        delta="2,5",
        estimands="delta",
        dropout={"share": "0,2", "by": "28 d"},
        remission_at_most="10,5",
    )
    form["population"] |= {
        "female": "0,55",
        "age": {"mean": "45,5", "sd": "12,5"},
        "baseline": {"scale": "MADRS", "mean": 33, "sd": "5,0"},
    }
    trial = load_trial(form)
    assert trial.primary is not None and trial.primary.contrast == ("ket", "sal")
    assert trial.scenario is not None and trial.looks is not None
    assert (trial.scenario.drug_effect, trial.scenario.expectation) == (0.5, 1.2)
    assert (trial.scenario.unblinding, trial.looks.at) == (0.6, (0.5, 1.0))
    assert (trial.delta, trial.dropout[0].share, trial.remission_at_most) == (2.5, 0.2, 10.5)
    arm = trial.arms[0]
    assert arm.age is not None
    assert (arm.female, arm.age.mean, arm.age.sd, arm.baseline.sd) == (0.55, 45.5, 12.5, 5.0)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"power": {"n": [40, "1,000"]}}, "power.n[1]: '1,000' is not a whole number; write it w"),
        ({"scenario": {"drug_effect": "600 %"}}, "scenario.drug_effect: '600 %' is above 5"),
        ({"delta": "1,000", "estimands": "delta"}, "delta: '1,000' may be 1000 or 1.000"),
        ({"dropout": []}, "dropout: no cause is given; write such as"),
        ({"dropout": "none"}, "dropout: 'none' is not a cause; write such as"),
        ({"dropout": {"share": 1, "by": "7 d"}}, "dropout.share: '1' is everybody"),
    ],
)
def test_what_may_mean_two_things_is_refused(keys: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(file(primary=PRIMARY, **keys))
    assert str(caught.value).startswith(told)


PRIMARY = {"scale": "MADRS", "at": "7 d", "contrast": ["ket", "sal"]}


def test_the_keys_are_read_and_written_back() -> None:
    trial = load_trial(
        file(
            primary=PRIMARY,
            analysis=["responder", "mmrm"],
            estimands="hypothetical",
            dropout={"share": "20 %", "by": "28 d", "pattern": "lack_of_effect"},
            power={"n": [60, 40], "target": 0.9},
            looks=2,
            scenario={"unblinding": 0.6, "expectation": 1.2, "drug_effect": 0.5},
        )
    )
    assert trial.primary is not None and trial.primary.at == 168.0
    assert trial.analyses == ("mmrm", "responder")
    assert trial.dropout[0].share == pytest.approx(0.2)
    assert trial.power is not None and trial.power.n == (40, 60)
    assert trial.scenario is not None and trial.scenario.drug_effect == 0.5
    both = [trial.assessed(arm) for arm in trial.arms]
    assert analysed_visits(trial.primary, *both) == (24.0, 168.0)
    assert trial.looks is not None and trial.looks.at == (0.5, 1.0)
    assert load_trial(trial.to_dict()) == trial


@pytest.mark.parametrize("rule", [{"z": 0}, {"z": [-0.5, 0]}, {"conditional_power": "20 %"}])
def test_futility_is_written_back(rule: dict[str, Any]) -> None:
    trial = load_trial(file(primary=PRIMARY, looks={"at": 3, "futility": rule}))
    assert load_trial(trial.to_dict()) == trial


def test_a_trial_without_them_is_written_as_before() -> None:
    form = load_trial(file()).to_dict()
    assert not {"primary", "analysis", "estimands", "dropout", "power", "scenario"} & set(form)


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({"primary": PRIMARY | {"at": "8 d"}}, "primary.at", "not assessed at 8 d"),
        ({"primary": PRIMARY | {"at": "7"}}, "primary.at", "7"),
        ({"primary": PRIMARY | {"scale": "HDRS17"}}, "primary.scale", "'sal'"),
        ({"primary": PRIMARY | {"scale": "PHQ-10"}}, "primary.scale", "PHQ-10"),
        ({"primary": PRIMARY | {"contrast": ["ket", "mdz"]}}, "primary.contrast[1]", "mdz"),
        ({"primary": PRIMARY | {"contrast": ["ket", "ket"]}}, "primary.contrast", "itself"),
        ({"primary": PRIMARY | {"contrast": ["ket"]}}, "primary.contrast", "two arms"),
        ({"primary": PRIMARY | {"analysis": "t-test"}}, "primary.analysis", "t-test"),
        ({"primary": PRIMARY | {"visit": "7 d"}}, "primary.visit", "visit"),
        ({"analysis": ["mmrm"]}, "analysis", "primary"),
        ({"power": {"n": [40]}}, "power", "primary"),
        ({"primary": PRIMARY, "analysis": ["mmrm", "mmrm"]}, "analysis", "twice"),
        ({"primary": PRIMARY, "analysis": ["anova"]}, "analysis[0]", "anova"),
        ({"primary": PRIMARY, "estimands": ["per_protocol"]}, "estimands[0]", "per_protocol"),
        ({"primary": PRIMARY, "estimands": ["j2r", "j2r"]}, "estimands", "twice"),
        ({"primary": PRIMARY, "delta": 3}, "delta", "estimands"),
        ({"primary": PRIMARY, "estimands": ["delta"], "delta": 99}, "delta", "99"),
        ({"primary": PRIMARY, "analysis": ["survival"]}, "analysis", "relapse"),
        ({"primary": PRIMARY | {"analysis": "survival"}}, "primary.analysis", "relapse"),
        ({"looks": [0.5, 1]}, "looks", "primary"),
        ({"primary": PRIMARY, "looks": [0.5, 0.9]}, "looks.at", "0.9"),
        ({"primary": PRIMARY, "looks": 1}, "looks.at", "1"),
        ({"primary": PRIMARY, "looks": {"at": 2, "boundary": "x"}}, "looks.boundary", "x"),
        *(
            ({"primary": PRIMARY, "looks": {"at": 3, "futility": rule}}, f"looks{field}", words)
            for rule, field, words in (
                ({"z": 1.96}, ".futility.z[0]", "1.96"),
                ({"z": [0, 0, 0]}, "", "3 numbers"),
                ({"z": "none"}, ".futility.z[0]", "none"),
                ({"z": 0, "conditional_power": 0.2}, ".futility", "'conditional_power'"),
                ({}, ".futility", "no rule"),
                ({"conditional_power": "120 %"}, ".futility.conditional_power", "120 %"),
                ({"spending": "pocock"}, ".futility", "beta"),
                ({"spending": "linear", "beta": 0.2}, ".futility.spending", "linear"),
                ({"z": 0, "beta": 0.2}, ".futility", "'beta'"),
                (0.2, ".futility", "0.2"),
                ({"bound": 0}, ".futility.bound", "bound"),
            )
        ),
        (
            {
                "primary": PRIMARY | {"contrast": ["sal", "ket"]},
                "looks": {"at": 2, "futility": {"z": 0}},
            },
            *("looks.futility", "'sal'"),
        ),
        ({"primary": PRIMARY, "power": {"n": []}}, "power.n", "no size"),
        ({"primary": PRIMARY, "power": {"n": [40, 40]}}, "power.n", "twice"),
        ({"primary": PRIMARY, "power": {"n": [0]}}, "power.n[0]", "0"),
        ({"primary": PRIMARY, "power": {"n": [40], "target": 1.0}}, "power.target", "1"),
        ({"dropout": {"share": 0.2, "by": "28 d", "pattern": "MNAR"}}, "dropout.pattern", "MNAR"),
        ({"dropout": {"share": 0.2}}, "dropout.by", "missing"),
        ({"dropout": {"share": 1, "by": "28 d"}}, "dropout.share", "1"),
        ({"scenario": {"unblinding": 1.5}}, "scenario.unblinding", "1.5"),
        ({"scenario": {"drug_effect": -1}}, "scenario.drug_effect", "-1"),
        ({"scenario": {"placebo": 2}}, "scenario.placebo", "placebo"),
    ],
)
def test_what_cannot_be_is_refused(keys: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(file(**keys))
    assert caught.value.field == field
    assert words in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"primary": PRIMARY | {"analysis": "ancova"}}, "primary.analysis"),
        ({"primary": PRIMARY, "analysis": ["responder"]}, "analysis"),
        ({"primary": PRIMARY, "estimands": ["j2r"]}, "estimands"),
    ],
)
def test_a_crossover_is_analysed_by_its_periods_alone(keys: dict[str, Any], field: str) -> None:
    arms = [arm | {"n": 10} for arm in file()["arms"]]
    crossover = {"design": "crossover", "washout": "14 d", "arms": arms}
    with pytest.raises(InputError, match="crossover") as caught:
        load_trial(file(**crossover, **keys))
    assert caught.value.field == field
    assert load_trial(file(primary=PRIMARY, **crossover)).primary


def again(**primary: Any) -> dict[str, Any]:
    form = file(primary=PRIMARY | primary, remission_at_most=12)
    form["arms"][0]["days"] = [0, 3, 7, 10]
    form["arms"][0]["withdrawal"] = {
        "after": "7 d",
        "entry": "response",
        "to": ["continue", "saline"],
    }
    form["assess"] = [
        {"scale": "MADRS", "at": ["24 h", "7 d", "14 d"], "metrics": ["change"]},
        {
            "scale": "MADRS",
            "metrics": ["no_relapse"],
            "from": "7 d",
            "every": "2 d",
            "until": "14 d",
            "relapse": {"score_at_least": 22},
        },
    ]
    return form


def test_a_randomised_withdrawal_is_analysed_by_the_time_to_relapse() -> None:
    arms = ["ket:continue", "ket:saline"]
    assert load_trial(again(contrast=arms, analysis="survival", at="13 d")).primary
    for keys, field in (
        ({"contrast": arms}, "primary.analysis"),
        ({"contrast": arms, "analysis": "survival", "at": "12 d"}, "primary.at"),
        ({"contrast": ["ket:continue", "sal"]}, "primary.contrast"),
    ):
        with pytest.raises(InputError) as caught:
            load_trial(again(**keys))
        assert caught.value.field == field
    # until then the arms are compared as in any trial
    assert load_trial(again()).primary


def test_sessions_that_differ_have_a_treatment_policy() -> None:
    trial = load_trial(file(primary=PRIMARY, estimands=["treatment_policy"], adherence=0.8))
    assert trial.estimands == ("treatment_policy",)
