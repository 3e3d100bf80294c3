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


PRIMARY = {"scale": "MADRS", "at": "7 d", "contrast": ["ket", "sal"]}


def test_the_keys_are_read_and_written_back() -> None:
    trial = load_trial(
        file(
            primary=PRIMARY,
            analysis=["responder", "mmrm"],
            estimands="hypothetical",
            dropout={"share": "20 %", "by": "28 d", "pattern": "lack_of_effect"},
            power={"n": [60, 40], "target": 0.9},
            scenario={"unblinding": 0.6, "expectation": 1.2, "drug_effect": 0.5},
        )
    )
    assert trial.primary is not None and trial.primary.at == 168.0
    assert trial.analyses == ("mmrm", "responder")
    assert trial.dropout[0].share == pytest.approx(0.2)
    assert trial.power is not None and trial.power.n == (40, 60)
    assert trial.scenario is not None and trial.scenario.drug_effect == 0.5
    assert analysed_visits(trial.primary, trial.assessments) == (24.0, 168.0)
    assert load_trial(trial.to_dict()) == trial


def test_a_trial_without_them_is_written_as_before() -> None:
    form = load_trial(file()).to_dict()
    assert not {"primary", "analysis", "estimands", "dropout", "power", "scenario"} & set(form)


@pytest.mark.parametrize(
    ("keys", "field", "words"),
    [
        ({"primary": PRIMARY | {"at": "8 d"}}, "primary.at", "192 h"),
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
        ({"primary": PRIMARY, "estimands": ["treatment_policy"]}, "estimands[0]", "after"),
        ({"primary": PRIMARY, "power": {"n": []}}, "power.n", "no size"),
        ({"primary": PRIMARY, "power": {"n": [40, 40]}}, "power.n", "twice"),
        ({"primary": PRIMARY, "power": {"n": [0]}}, "power.n[0]", "0"),
        ({"primary": PRIMARY, "power": {"n": [40], "target": 1.0}}, "power.target", "1"),
        ({"dropout": {"share": 0.2, "by": "28 d", "pattern": "MNAR"}}, "dropout.pattern", "MNAR"),
        ({"dropout": {"share": 0.2}}, "dropout.by", "missing"),
        ({"dropout": {"share": 0, "by": "28 d"}}, "dropout.share", "0"),
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


def test_a_crossover_and_a_withdrawal_are_not_analysed() -> None:
    with pytest.raises(InputError, match="crossover"):
        load_trial(file(primary=PRIMARY, design="crossover", washout="14 d"))
    again = file(primary=PRIMARY)
    again["arms"][0]["withdrawal"] = {
        "after": "7 d",
        "entry": "all",
        "to": ["continue", "saline"],
    }
    with pytest.raises(InputError, match="withdrawal"):
        load_trial(again)
