"""The mood training table points at real numbers, arms and rules, and counts nothing twice."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib import resources
from typing import Any

import pytest
import yaml

from ketasim.evidence import Fact, fact, facts, load_sources, number
from ketasim.evidence.mood_training import (
    FOLLOWED,
    MEANS,
    OF_ENTERED,
    SPREADS,
    load_mood_rows,
    same_people,
)

ROWS = facts("mood/training")
FIT = [row for row in ROWS if row.get("used") == "fit"]
# highest total of the scales whose points are used
POINTS = {"MADRS": 60.0}
FRACTIONS = {"response", "remission", "response30", *FOLLOWED, "dropout"}


@cache
def studies() -> dict[str, dict[str, Any]]:
    folder = resources.files("ketasim.evidence").joinpath("studies")
    found = [f for f in folder.iterdir() if f.name.endswith(".yaml")]
    return {f.name.removesuffix(".yaml"): yaml.safe_load(f.read_text("utf-8")) for f in found}


def value_of(row: Fact) -> float:
    value = number(row.get("value"))
    assert value is not None, row.get("row_id")
    return value


def test_a_study_file_is_named_by_its_trial_and_cited() -> None:
    assert studies()
    for name, study in studies().items():
        assert study["trial"] == name
        assert study["source"] in load_sources()
        arms = [arm["id"] for arm in study["arms"]]
        assert len(arms) == len(set(arms)), name
        for arm in study["arms"]:
            given = [key for key in ("drug", "control", "phases") if key in arm]
            assert len(given) == 1, (name, arm["id"])


def test_every_number_used_has_its_arm() -> None:
    for row in ROWS:
        if row.get("used") == "no":
            continue
        arms = {
            one["id"]
            for arm in studies()[row.get("trial")]["arms"]
            for one in (arm, *arm.get("withdrawal", {}).get("to", ()))
        }
        named = [row.get("arm")] if row.get("arm") in arms else row.get("arm").split("-")
        assert set(named) <= arms, row.get("row_id")


def test_every_study_is_used() -> None:
    assert set(studies()) == {row.get("trial") for row in ROWS if row.get("used") != "no"}


@pytest.mark.parametrize("row", FIT, ids=lambda row: row.get("row_id"))
def test_a_fitted_number_is_possible_and_has_a_weight(row: Fact) -> None:
    value, metric = value_of(row), row.get("metric")
    if metric in FRACTIONS:
        assert 0 <= value <= 1
    elif metric in MEANS:
        assert abs(value) <= POINTS[row.get("scale")]
    elif metric in SPREADS:
        assert 0 < value <= POINTS[row.get("scale")] / 2
    elif metric.startswith("days_to_relapse"):
        assert value > 0 and row.get("from_h")
    else:
        assert metric == "cohen_d"
    se, people = number(row.get("se")), number(row.get("n"))
    assert (se is not None and se > 0) or (people is not None and people > 0)
    # a share needs people or an error, anything else an error
    assert se is not None or metric in FRACTIONS
    assert row.get("time_h") or metric.startswith("days_to_relapse")
    if metric == "remission":
        assert row.get("threshold")
    if metric in (*OF_ENTERED, "sustained_response"):
        assert 0 < float(row.get("from_h")) < float(row.get("time_h"))


def behind(row: Fact) -> list[Fact]:
    """The facts behind a row, the one with its value first."""
    return [
        fact(one if ":" in one else f"mood/outcomes:{one}") for one in row.listed("outcome_row")
    ]


def test_a_measured_value_is_that_of_its_row() -> None:
    people: dict[str, set[str]] = {}
    for row in ROWS:
        first, *others = behind(row)
        for one in (first, *others):
            if one.table == "mood/outcomes":
                assert one.get("trial_id") == row.get("trial"), row.get("row_id")
            elif row.get("used") != "no":
                people.setdefault(row.get("trial"), set()).add(one.get("study"))
        value, printed = number(row.get("value")), number(first.get("value"))
        if row.get("grade") != "measured" or printed is None:
            continue
        scale = 100 if row.get("metric") in FRACTIONS else 1
        assert value == pytest.approx(printed / scale, rel=1e-4), row.get("row_id")
    # one cohort a trial, and no cohort twice
    assert all(len(studies) == 1 for studies in people.values()), people
    assert len({name for names in people.values() for name in names}) == len(people)


def test_care_without_the_drug_has_no_sessions_and_no_effect_of_open_series() -> None:
    care = [row for row in ROWS if "usual_care" in row.listed("rule")]
    assert {row.get("trial") for row in care if row.get("used") == "fit"} >= {"TRAL", "EOTC"}
    for row in care:
        if row.get("used") == "no":
            continue
        (arm,) = (a for a in studies()[row.get("trial")]["arms"] if a["id"] == row.get("arm"))
        assert arm["control"] == "none" and not arm.get("open") and "days" not in arm
        assert studies()[row.get("trial")]["population"]["background"] == "continued"


def test_parts_of_a_trial_are_not_fitted_beside_it() -> None:
    fitted = {row.get("trial") for row in FIT}
    assert "SUSTAIN2" in fitted and "zheng2018" in fitted
    assert not fitted & {"SUSTAIN2_SR440", "ICEBERG", "GZ_IV6_9MO", "NIMH_ANX26"}
    # of SUSTAIN-2 the first four weeks enter by age, what follows as a whole
    times = {
        key: {row.get("time_h") for row in FIT if row.get("trial") == key and row.get("time_h")}
        for key in ("SUSTAIN2", "SUSTAIN2_AGE")
    }
    assert times["SUSTAIN2_AGE"] == {"672"}
    assert not {
        row.get("row_id")
        for row in FIT
        if row.get("trial") == "SUSTAIN2"
        and row.get("time_h") in times["SUSTAIN2_AGE"]
        and row.get("metric") != "dropout"
    }


def test_people_are_shared_both_ways() -> None:
    assert set(same_people("SUSTAIN2")) == {"SUSTAIN2_SR440", "SUSTAIN2_AGE", "ICEBERG"}
    assert same_people("SUSTAIN2_AGE") == ("SUSTAIN2",)
    assert same_people("ICEBERG") == ("SUSTAIN2", "EOTC")
    assert same_people("zheng2018") == ("zheng2019",)
    assert same_people("lii2023") == ()


def test_who_entered_a_phase_is_read_with_its_start() -> None:
    rows = {row.metric: row for row in load_mood_rows() if row.trial == "SUSTAIN2"}
    for metric in ("change_from_phase", "sd_change_from_phase"):
        row = rows[metric]
        assert row.fitted and row.start == 672.0 and row.time is not None and row.time > row.start
        assert row.n == 603


def test_no_number_counts_twice() -> None:
    ids = Counter(row.get("row_id") for row in ROWS)
    assert max(ids.values()) == 1
    firsts = Counter((row.get("outcome_row").split(";")[0], row.get("metric")) for row in ROWS)
    assert max(firsts.values()) == 1
    quantity = Counter(
        tuple(row.get(c) for c in ("trial", "arm", "scale", "time_h", "metric", "note"))
        for row in FIT
    )
    assert max(quantity.values()) == 1


def test_every_number_of_a_depression_scale_is_considered() -> None:
    named = {part for row in ROWS for part in row.get("outcome_row").split(";")}
    kinds = ("MADRS", "HDRS", "HAMD", "QIDS", "PHQ9", "mixed", "depression scale")
    for one in facts("mood/outcomes"):
        if one.get("scale").startswith(kinds):
            assert str(one.row) in named, one.id


def test_every_choice_gives_a_known_rule_and_a_reason() -> None:
    codes = {rule.get("code") for rule in facts("mood/training_rules")}
    for row in ROWS:
        assert set(row.get("rule").split(";")) <= codes
        assert row.get("why") and row.get("used") in ("fit", "compare", "no")
    assert codes == {code for row in ROWS for code in row.get("rule").split(";")}
