"""Strata of a randomisation as they are written, and what of them cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim._base import InputError
from ketasim.dosing import block_of, load_trial, ratio_of


def file(given: object = None, **keys: Any) -> dict[str, Any]:
    form: dict[str, Any] = {
        "trial": "t",
        "population": {
            "baseline": {"scale": "MADRS", "mean": 33, "sd": 5},
            "age": {"mean": 43, "sd": 12},
            "female": 0.6,
        },
        "arms": [
            {"id": "ket", "n": 60, "drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg"}
            | {"over": "40 min", "days": [0]},
            {"id": "sal", "n": 30, "control": "saline", "days": [0]},
        ],
        "assess": [{"scale": "MADRS", "at": ["7 d"], "metrics": ["change"]}],
    }
    return form | ({} if given is None else {"randomisation": given}) | keys


REGION = {"region": {"EU": 0.6, "US": 0.4}}


@pytest.mark.parametrize(
    ("given", "levels", "block"),
    [
        ({"strata": "sex"}, [("F", "M")], 6),
        ({"strata": ["sex", {"age": 65}], "block": 3}, [("F", "M"), ("<65", ">=65")], 3),
        ({"strata": [{"baseline": [30, 36]}]}, [("<30", "30 to <36", ">=36")], 6),
        ({"strata": [REGION], "ratio": [1, 1], "adjust": False}, [("EU", "US")], 4),
    ],
)
def test_strata_are_read_and_written_back(
    given: dict[str, Any], levels: list[tuple[str, ...]], block: int
) -> None:
    trial = load_trial(file(given))
    assert trial.randomisation is not None
    assert [one.levels for one in trial.randomisation.strata] == levels
    assert block_of(trial.randomisation, trial.arms) == block
    assert load_trial(trial.to_dict()) == trial
    assert trial.to_dict() == load_trial(trial.to_dict()).to_dict()


def test_sizes_without_a_ratio_of_a_block_need_one() -> None:
    form = file({"strata": ["sex"]})
    form["arms"][0]["n"] = 61
    with pytest.raises(InputError, match="61:30") as caught:
        load_trial(form)
    assert "ratio" in caught.value.remedy
    form["randomisation"]["ratio"] = [2, 1]
    trial = load_trial(form)
    assert trial.randomisation is not None
    assert ratio_of(trial.randomisation, trial.arms) == (2, 1)


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ("sex", "randomisation", "sex"),
        ({"block": 3}, "randomisation.strata", "missing"),
        ({"strata": []}, "randomisation.strata", "no factor"),
        ({"strata": ["age"]}, "randomisation.strata", "{age: [65]}"),
        ({"strata": ["site"]}, "randomisation.strata", "site"),
        ({"strata": [{"sex": [1]}]}, "randomisation.strata", "'sex'"),
        ({"strata": ["sex", "gender"]}, "randomisation.strata", "twice"),
        ({"strata": [{"age": [65, 60]}]}, "randomisation.strata", "'60'"),
        ({"strata": [{"age": []}]}, "randomisation.strata", "age"),
        ({"strata": [{"age": [110]}]}, "randomisation.strata[0]", ">=110"),
        ({"strata": [{"weight": [80]}]}, "randomisation.strata[0]", "weight"),
        ({"strata": [{"region": {"EU": 0.6, "US": 0.3}}]}, "randomisation.strata", "0.9"),
        ({"strata": [{"region": {"EU": 1.0}}]}, "randomisation.strata", "EU"),
        ({"strata": [{"age": list(range(20, 90))}]}, "randomisation.strata", "71 strata"),
        ({"strata": ["sex"], "block": 4}, "randomisation.block", "multiple of 3"),
        ({"strata": ["sex"], "block": 400}, "randomisation.block", "400"),
        ({"strata": ["sex"], "ratio": [1]}, "randomisation.ratio", "2 arms"),
        ({"strata": ["sex"], "adjust": "maybe"}, "randomisation.adjust", "maybe"),
        ({"strata": ["sex"], "blocks": 6}, "randomisation.blocks", "'block'"),
    ],
)
def test_what_cannot_be_is_refused(given: object, field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(file(given))
    assert caught.value.field == field
    assert words in str(caught.value)
    assert caught.value.remedy


def test_strata_need_patients_who_are_randomised_once_from_one_population() -> None:
    given = {"strata": ["sex"]}
    with pytest.raises(InputError, match="crossover"):
        load_trial(file(given, design="crossover", washout="14 d"))
    form = file(given)
    with pytest.raises(InputError, match="one arm"):
        load_trial(form | {"arms": form["arms"][:1]})
    with pytest.raises(InputError, match="share of women"):
        load_trial(form | {"population": form["population"] | {"female": None}})
    form["arms"][1]["female"] = 0.3
    with pytest.raises(InputError, match=r"arms\[1\].female"):
        load_trial(form)
    form = file(given, remission_at_most=12, horizon="16 wk")
    form["arms"][0]["days"] = [0, 14]
    form["arms"][0]["withdrawal"] = {
        "after": "7 d",
        "entry": "remission",
        "to": ["continue", {"id": "other", "control": "saline"}],
    }
    with pytest.raises(InputError, match="'ket' are randomised again"):
        load_trial(form)
