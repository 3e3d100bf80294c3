"""Arms are called by what they are; their ids stay in machine columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ketasim.dosing import Arm, arm_details, arm_label, load_studies, load_trial
from ketasim.trials.published import is_published


def _arms(trial: str) -> dict[str, Arm]:
    return {arm.id: arm for arm in load_trial(trial).arms}


@pytest.mark.parametrize(
    ("trial", "arm", "label", "details"),
    [
        ("murrough2013", "ket", "ketamine 0.5 mg/kg IV", "ketamine 0.5 mg/kg IV over 40 min"),
        ("murrough2013", "mdz", "midazolam", "midazolam"),
        ("ASPIRE1", "PBO", "placebo spray", "placebo spray"),
        (
            "TRANSFORM2",
            "ESK",
            "esketamine 56-84 mg nasal",
            "esketamine 56, then 84 mg intranasal",
        ),
        ("lii2023", "lii_pbo", "sham under anaesthesia", "sham under anaesthesia"),
        (
            "glue2024",
            "r107_ol",
            "ketamine 120 mg oral extended-release",
            "ketamine 120 mg oral extended-release",
        ),
    ],
)
def test_an_arm_in_words(trial: str, arm: str, label: str, details: str) -> None:
    found = _arms(trial)[arm]
    assert (arm_label(found), arm_details(found)) == (label, details)


def test_labels_of_every_trial_differ_from_each_other() -> None:
    for trial in load_studies():
        assert len(set(trial.labels.values())) == len(trial.arms), trial.key
        assert set(trial.labels) == {arm.id for arm in trial.arms}


def test_arms_that_read_alike_have_their_id_in_brackets() -> None:
    labels = load_trial("mathew2010").labels
    assert labels["k_all"] == "ketamine 0.5 mg/kg IV (k_all)"
    assert labels["cont_placebo"] == "ketamine 0.5 mg/kg IV (cont_placebo)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ket", "ketamine 0.5 mg/kg IV"),
        ("ket - mdz", "ketamine 0.5 mg/kg IV vs midazolam"),
        ("ket-mdz", "ketamine 0.5 mg/kg IV vs midazolam"),
        ("all_arms", "all arms"),
    ],
)
def test_one_arm_against_another(text: str, words: str) -> None:
    assert load_trial("murrough2013").label(text) == words


def test_a_file_may_say_the_label_and_it_loads_back() -> None:
    content = load_trial("murrough2013").to_dict()
    content["arms"][0]["label"] = "racemate, one infusion"
    trial = load_trial(content)
    assert trial.labels["ket"] == "racemate, one infusion"
    assert load_trial(trial.to_dict()).arms[0].label == "racemate, one infusion"
    # a name alone makes no other trial
    assert trial == load_trial("murrough2013") and is_published(trial)
    arms = (replace(trial.arms[0], label="midazolam"), trial.arms[1])
    assert replace(trial, arms=arms).labels == {"ket": "midazolam (ket)", "mdz": "midazolam (mdz)"}
