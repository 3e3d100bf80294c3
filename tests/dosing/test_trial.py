"""Trial files: read, refused with the field's path, and written back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import (
    BACKGROUNDS,
    CONTROLS,
    FROM_PHASE,
    METRICS,
    RELAPSES,
    Trial,
    TrialFile,
    load_trial,
    parse_trial,
    scales,
)
from ketasim.dosing.patient import ANCESTRIES, DIAGNOSES, SETTINGS
from ketasim.evidence import load_sources

EXAMPLE = """
trial: example
population: {diagnosis: trd, age: {mean: 43, sd: 12}, weight: {mean: 82, sd: 18}, female: 0.6,
  ancestry: white, baseline: {scale: MADRS, mean: 34, sd: 5}, setting: outpatient,
  background: continued}
arms:
  - {id: ket, n: 18, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min, days: [0, 3, 7, 10]}
  - {id: saline, n: 17, control: saline, days: [0, 3, 7, 10]}
assess:
  - {scale: MADRS, at: [24 h, 15 d], metrics: [score, change, response, remission]}
  - {scale: MADRS, metrics: [relapse], from: 28 d, relapse: {score_at_least: 22, visits: 2},
     at: [8 wk, 16 wk]}
remission_at_most: 10
replicates: 200
seed: 1
"""
FULL = """
trial: whole
title: Everything a file may say
source: fava2020
population: {diagnosis: trd, age: {mean: 43 year, sd: 12}, weight: {mean: 82 kg, sd: 18 kg},
  female: 0.6, baseline: {scale: MADRS, mean: 34, sd: 5}, setting: inpatient, background: new,
  medicines: [sertraline], country: several}
arms:
  - {id: x, n: 20, phases: [{drug: esketamine, route: intranasal, dose: 56 mg, days: [0]},
      {drug: esketamine, route: intranasal, dose: 84 mg, days: [3, 7, 10]}],
     open: true, baseline: {mean: 33, sd: 4}, age: {mean: 40, sd: 10}, medicines: []}
  - {id: sleep, n: 9, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min, days: [0],
     masked: true, background: none, medicines: [thyroxine]}
  - {id: sham, n: 10, control: masked}
  - {id: pill, n: 11, control: antidepressant}
assess:
  - {scale: MADRS, arms: [sleep, x], metrics: [time_to_relapse], from: 24 h, of: responders,
     every: 1 d, until: 28 d, relapse: {lost_response: true, visits: 1}}
  - {scale: PHQ9, at: [28 d], metrics: [remission, response], remission_at_most: 4,
     response_at_least: 0.3}
remission_at_most: 12
horizon: 60 d
"""


def changed(path: str, value: Any = None, *, text: str = EXAMPLE) -> dict[str, Any]:
    """The example with one value put in, or taken out where `value` is nothing."""
    content = copy.deepcopy(yaml.safe_load(text))
    *way, last = path.split(".")
    place: Any = content
    for part in way:
        place = place[int(part)] if part.isdigit() else place[part]
    if value is None:
        del place[last]
    elif last.isdigit():
        place[int(last)] = value
    else:
        place[last] = value
    return content


def arm(line: str) -> dict[str, Any]:
    return changed("arms.0", yaml.safe_load("{id: a, n: 3, " + line + "}"))


def assess(line: str) -> dict[str, Any]:
    return changed("assess.0", yaml.safe_load("{scale: MADRS, " + line + "}"))


def test_the_example_of_the_format() -> None:
    trial = parse_trial(EXAMPLE)
    ket, saline = trial.arms
    assert (trial.key, trial.design) == ("example", "parallel")
    assert (trial.replicates, trial.seed) == (200, 1)
    assert (ket.n, ket.drug, ket.control, saline.drug, saline.control) == (
        18,
        "ketamine",
        None,
        None,
        "saline",
    )
    assert ket.sessions == saline.sessions == (0, 72, 168, 240)
    assert [d.time for d in ket.doses] == [0, 72, 168, 240] and saline.doses == ()
    assert all((d.amount, d.unit, d.duration) == (0.5, "mg/kg", 40 / 60) for d in ket.doses)
    assert saline.regimen is None and ket.regimen is not None
    assert ket.baseline.mean == 34 and ket.age is not None and ket.age.sd == 12
    assert (ket.female, ket.setting, ket.background) == (0.6, "outpatient", "continued")
    first, second = trial.assessments
    assert first.times == (24, 15 * 24) and first.arms == ("ket", "saline")
    assert (first.remission_at_most, first.response_at_least) == (10, 0.5)
    assert second.start == 28 * 24 and second.times == (56 * 24, 112 * 24)
    assert second.relapse is not None and second.relapse.visits == 2
    assert trial.horizon == ket.horizon == 112 * 24
    assert trial.assumed == ("population.weight.sd", "population.age.sd", "horizon")
    assert "kept within 35 to 200 kg" in trial.assumptions[0]
    assert "112 d" in trial.assumptions[2]
    assert trial.warnings == ()


def test_arms_take_from_the_population_what_they_leave_out() -> None:
    trial = parse_trial(FULL)
    x, sleep, sham, pill = trial.arms
    assert (x.baseline.scale, x.baseline.mean, sham.baseline.mean) == ("MADRS", 33, 34)
    assert x.age is not None and x.age.mean == 40 and sham.age is not None and sham.age.mean == 43
    assert (x.open, sleep.open, sleep.masked, sham.masked) == (True, False, True, True)
    assert (x.background, sleep.background) == ("new", "none")
    assert (x.medicines, sleep.medicines, pill.medicines) == ((), ("thyroxine",), ("sertraline",))
    assert sham.sessions == (0,) and pill.sessions == ()
    assert trial.arm("sham") is sham and trial.horizon == 1440
    assert trial.assumed == ("population.weight.sd", "population.age.sd")
    follow, other = trial.assessments
    assert follow.arms == ("x", "sleep") and follow.last == 28 * 24
    assert follow.times == tuple(24.0 * day for day in range(2, 29))
    assert (other.remission_at_most, other.response_at_least) == (4, 0.3)
    assert follow.remission_at_most == 12


def test_nasal_sessions_are_split_into_devices() -> None:
    x = parse_trial(FULL).arms[0]
    assert [d.device for d in x.doses] == [0, 1, *[0, 1, 2] * 3]
    assert {d.amount for d in x.doses} == {28}
    assert [d.session for d in x.doses] == [0, 0, *[1] * 3, *[2] * 3, *[3] * 3]
    assert x.sessions == (0, 72, 168, 240) and x.days == (0, 3, 7, 10)


@pytest.mark.parametrize("control", CONTROLS)
def test_controls_without_days(control: str) -> None:
    found = load_trial(arm(f"control: {control}")).arms[0]
    at_start = control not in {"antidepressant", "none"}
    assert found.sessions == ((0,) if at_start else ())
    assert found.doses == () and found.drug is None


def test_a_minimal_trial_names_what_it_assumes() -> None:
    trial = load_trial(
        {
            "trial": "small",
            "population": {"baseline": {"scale": "HDRS17", "mean": 22, "sd": 4}},
            "arms": [{"id": "a", "n": 1, "control": "none"}],
            "assess": [{"scale": "HDRS17", "at": ["1 d"], "metrics": ["score"]}],
        }
    )
    assert trial.assumed == (
        "population.setting",
        "population.background",
        "population.weight",
        "horizon",
    )
    assert len(trial.assumptions) == 4
    assert (trial.arms[0].setting, trial.arms[0].background) == ("outpatient", "none")


def test_thresholds_of_the_trial_are_those_of_its_scale() -> None:
    content = changed("assess.0.scale", "QIDS")
    with pytest.raises(InputError) as caught:
        load_trial(content)
    assert caught.value.field == "assess[0].metrics" and "QIDS" in str(caught.value)
    content["assess"][0]["remission_at_most"] = 5
    assert load_trial(content).assessments[0].remission_at_most == 5


def test_doses_are_checked_and_late_sessions_told() -> None:
    trial = load_trial(changed("arms.0.dose", "1.5 mg/kg"))
    assert [w[:40] for w in trial.warnings] == ["Arm ket (ketamine 1.5 mg/kg IV): 1.5 mg/"]
    content = changed("arms.1.days", [0, 200])
    assert load_trial(content).warnings == (
        "Arm saline: 1 session comes after the horizon and is not seen.",
    )


def test_a_crossover() -> None:
    content = changed("design", "crossover") | {"washout": "14 d"}
    with pytest.raises(InputError, match=r"arms\[1\].n: 17 patients are not the 18"):
        load_trial(content)
    content["arms"][1]["n"] = 18
    trial = load_trial(content)
    assert (trial.design, trial.washout) == ("crossover", 336)
    assert load_trial(trial.to_dict()) == trial


BASE = "drug: ketamine, route: iv, dose: 0.5 mg/kg, days: [0]"
FOLLOW = "metrics: [relapse], from: 1 d"
TELL = "relapse: {score_at_least: 22}"


@pytest.mark.parametrize(
    ("content", "field", "part"),
    [
        (changed("trial"), "trial", "missing"),
        (changed("trial", 3), "trial", "not text"),
        (changed("trial", "two words"), "trial", "not a key"),
        (changed("titel", "x"), "titel", "did you mean 'title'?"),
        (changed("source", "nobody1900"), "source", "unknown source"),
        (changed("design", "paralel"), "design", "did you mean 'parallel'?"),
        (changed("design", "crossover"), "washout", "a crossover needs one"),
        (changed("washout", "14 d"), "washout", "only a crossover"),
        (changed("washout", 14), "washout", "such as '14 d'"),
        (changed("withdrawal", {"at": "28 d"}), "withdrawal", "write it in the arm"),
        (changed("replicates", 0), "replicates", "greater than or equal to 1"),
        (changed("replicates", 2.5), "replicates", "whole number"),
        (changed("seed", -1), "seed", "greater than or equal to 0"),
        (changed("horizon", "100 d"), "horizon", "before the last visit that is assessed"),
        (changed("horizon", 100), "horizon", "no unit"),
        (changed("remission_at_most", 61), "remission_at_most", "0 to 60 points"),
        (changed("remission_at_most", -1), "remission_at_most", "greater than or equal to 0"),
        (changed("remission_at_most"), "assess[0].metrics", "what a remission is on MADRS"),
        (changed("response_at_least", 0), "response_at_least", "greater than 0"),
        (changed("response_at_least", 50), "response_at_least", "above 1"),
        # the population
        (changed("population"), "population.baseline", "is missing"),
        (changed("population", 3), "population", "not a mapping"),
        (changed("population.agee", 3), "population.agee", "did you mean 'age'?"),
        (changed("population.diagnosis", "flu"), "population.diagnosis", "use one of"),
        (changed("population.diagnosis", "healthy"), "population.diagnosis", "ketasim simulate"),
        (changed("population.diagnosis", "none"), "population.diagnosis", "ketasim simulate"),
        (changed("population.weight", {"mean": 20, "sd": 5}), "population.weight", "35 to 200 kg"),
        (changed("population.age.mean", 430), "population.age.mean", "outside 0 to 120 year"),
        (changed("population.age.sd", 0), "population.age", "above 0"),
        (changed("population.weight.sd"), "population.weight.sd", "missing"),
        (changed("population.age.median", 3), "population.age.median", "unknown key"),
        (changed("population.weight.mean", 8200), "population.weight.mean", "outside"),
        (changed("population.weight.sd", -2), "population.weight.sd", "outside"),
        (changed("population.weight.sd", 0), "population.weight", "'sd' above 0"),
        (changed("population.female", 60), "population.female", "a percentage with '%'"),
        (changed("population.ancestry", "martian"), "population.ancestry", "use one of"),
        (changed("population.baseline.scale", "MADS"), "population.baseline.scale", "MADRS"),
        (changed("population.baseline.scale"), "population.baseline.scale", "missing"),
        (changed("population.baseline.mean", 61), "population.baseline", "0 to 60 points"),
        (changed("population.baseline.sd", 0), "population.baseline", "above 0"),
        (changed("population.baseline.mean", "high"), "population.baseline.mean", "not a number"),
        (changed("population.setting", "home"), "population.setting", "use one of: outpatient"),
        (changed("population.background", "old"), "population.background", "use one of: none"),
        (changed("population.medicines", 3), "population.medicines", "[a, b]"),
        (changed("population.medicines", ["Ketamine"]), "population.medicines", "what the trial"),
        # the arms
        (changed("arms"), "arms", "missing"),
        (changed("arms", []), "arms", "there is no arm"),
        (changed("arms", 3), "arms", "not a list"),
        (changed("arms.0.id"), "arms[0].id", "missing"),
        (changed("arms.0.id", 7), "arms[0].id", "not text"),
        (changed("arms.1.id", "ket"), "arms[1].id", "the id of two arms"),
        (changed("arms.0.n"), "arms[0].n", "missing"),
        (changed("arms.0.n", 0), "arms[0].n", "0 patients are no arm"),
        (changed("arms.0.n", 2.5), "arms[0].n", "whole number"),
        (changed("arms.0.doze", 3), "arms[0].doze", "did you mean 'dose'?"),
        (arm("open: true"), "arms[0]", "an arm has a drug or a control"),
        (arm(BASE + ", control: saline"), "arms[0].control", "an arm has a drug or a control"),
        (arm("phases: [], control: saline"), "arms[0].control", "an arm has a drug or a control"),
        (arm("phases: [], drug: ketamine"), "arms[0].phases", "drug and phases are both given"),
        (arm("phases: []"), "arms[0].phases", "give at least one"),
        (arm("phases: [{days: [0]}]"), "arms[0].phases[0].drug", "missing"),
        (arm("phases: [{dosis: 3}]"), "arms[0].phases[0].dosis", "write it as 'dose'"),
        (arm(f"phases: [{{{BASE}}}], days: [0]"), "arms[0].days", "in each phase"),
        (arm(f"phases: [{{{BASE}}}], dose: 5 mg"), "arms[0].dose", "in each phase"),
        (arm(f"phases: [{{{BASE}}}, {{{BASE}}}]"), "arms[0].phases[1].days", "an earlier phase"),
        (arm(f"phases: [{{{BASE}, over: 40}}]"), "arms[0].phases[0].over", "no unit"),
        (arm("phases: [{drug: ketamine, route: iv, dose: 50 mg/kg, days: [0]}]"), "arms[0].phases",
         "above the anaesthetic range"),
        (arm(BASE.replace("0.5", "50")), "arms[0].dose", "above the anaesthetic range"),
        (arm(BASE.replace("0.5 mg/kg", "0.5")), "arms[0].dose", "no unit"),
        (arm(BASE.replace("ketamine", "ketamin")), "arms[0].drug", "did you mean 'ketamine'?"),
        (arm(BASE.replace("iv", "ivv")), "arms[0].route", "use one of: iv, im"),
        (arm(BASE.replace("iv", "oral") + ", over: 1 h"), "arms[0]", "only iv, im and sc"),
        (arm("drug: ketamine, dose: 5 mg, days: [0]"), "arms[0].route", "missing"),
        (arm("drug: ketamine, route: iv, days: [0]"), "arms[0].dose", "missing"),
        (arm("drug: ketamine, route: iv, dose: 5 mg"), "arms[0].days", "missing"),
        (arm("drug: esketamine, route: intranasal, dose: 50 mg, days: [0]"), "arms[0].dose",
         "devices of 28 mg"),
        (arm(BASE.replace("[0]", "[]")), "arms[0].days", "at least one"),
        (arm(BASE.replace("[0]", "[-1]")), "arms[0].days[0]", "greater than or equal to 0"),
        (arm(BASE.replace("[0]", "[1, 0]")), "arms[0].days", "ascending order"),
        (arm(BASE.replace("[0]", "[1, 1]")), "arms[0].days", "each once"),
        (arm(BASE.replace("[0]", "[3 d]")), "arms[0].days[0]", "not a number"),
        (arm(BASE + ", open: perhaps"), "arms[0].open", "write true or false"),
        (arm(BASE + ", open: true, masked: true"), "arms[0].open", "nobody can know"),
        (arm("control: masked, open: true"), "arms[0].open", "nobody can know"),
        (arm("control: saline, masked: true"), "arms[0].masked", "'control: masked'"),
        (arm("control: salin"), "arms[0].control", "did you mean 'saline'?"),
        (arm("control: saline, dose: 5 mg"), "arms[0].dose", "a control has no 'dose'"),
        (arm("control: none, days: [0]"), "arms[0].days", "has no sessions"),
        (arm("control: antidepressant, days: [0]"), "arms[0].days", "has no sessions"),
        (arm("control: antidepressant, background: none"), "arms[0].background", "contradicts"),
        (arm("control: saline, background: none, medicines: [Sertraline 50 mg]"),
         "arms[0].background", "contradicts the medicine 'Sertraline 50 mg'"),
        (arm("control: saline, medicines: [esketamine]"), "arms[0].medicines", "what the trial"),
        (arm(BASE + ", withdrawal: {}"), "arms[0].withdrawal.after", "missing"),
        (arm(BASE + ", baseline: {mean: 61, sd: 3}"), "arms[0].baseline", "0 to 60 points"),
        (arm(BASE + ", baseline: {mean: 31, sd: 0}"), "arms[0].baseline", "above 0"),
        (arm(BASE + ", baseline: {mean: 3, sd: 3, scale: X}"), "arms[0].baseline.scale", "unknown"),
        (arm(BASE + ", weight: {mean: 80}"), "arms[0].weight.sd", "missing"),
        (arm(BASE + ", baseline: {mean: 15, sd: 3, scale: PHQ9}"), "arms[1].baseline.scale",
         "not PHQ9"),
        # the assessments
        (changed("assess"), "assess", "missing"),
        (changed("assess", []), "assess", "nothing is assessed"),
        (changed("assess.0.scale"), "assess[0].scale", "missing"),
        (changed("assess.0.scale", "MADS"), "assess[0].scale", "use one of"),
        (changed("assess.0.metrics"), "assess[0].metrics", "missing"),
        (changed("assess.0.metrics", []), "assess[0].metrics", "no metric"),
        (changed("assess.0.metrics", ["score", "score"]), "assess[0].metrics", "named twice"),
        (changed("assess.0.metrics", ["scor"]), "assess[0].metrics[0]", "did you mean 'score'?"),
        (changed("assess.0.form", "1 d"), "assess[0].form", "did you mean 'from'?"),
        (changed("assess.0.at"), "assess[0].at", "nothing says when"),
        (changed("assess.0.at", []), "assess[0].at", "no visit"),
        (changed("assess.0.at", [24]), "assess[0].at[0]", "such as '24 h'"),
        (changed("assess.0.at", ["2 d", "1 d"]), "assess[0].at", "ascending order"),
        (changed("assess.0.at", ["-1 d"]), "assess[0].at[0]", "outside"),
        (changed("assess.0.arms", ["kit"]), "assess[0].arms[0]", "did you mean 'ket'?"),
        (changed("assess.0.arms", []), "assess[0].arms", "no arm"),
        (changed("assess.0.arms", ["ket", "ket"]), "assess[0].arms", "named twice"),
        (changed("assess", [{"scale": "MADRS", "at": ["0 h"], "metrics": ["score"]}]), "assess",
         "nothing is assessed after 0 h"),
        (assess("metrics: [remission], at: [1 d], remission_at_most: 70"),
         "assess[0].remission_at_most", "0 to 60 points"),
        (assess("metrics: [response], at: [1 d], response_at_least: 2"),
         "assess[0].response_at_least", "above 1"),
        (assess("metrics: [relapse], at: [2 d], " + TELL), "assess[0].from", "is missing"),
        (assess("metrics: [sustained_response], at: [2 d]"), "assess[0].from", "is missing"),
        (assess("metrics: [score], at: [2 d], from: 1 d"), "assess[0].from", "no metric"),
        (assess("metrics: [score], at: [2 d], of: responders"), "assess[0].of", "no metric"),
        (assess("metrics: [score], at: [2 d], " + TELL), "assess[0].relapse", "no metric"),
        (assess("metrics: [score], every: 1 d, until: 3 d"), "assess[0].every", "no metric"),
        (assess("metrics: [sustained_response], at: [2 d], from: 1 d, " + TELL),
         "assess[0].relapse", "no metric"),
        (assess(FOLLOW + ", at: [2 d]"), "assess[0].relapse", "is missing"),
        (assess(FOLLOW + ", at: [1 d], " + TELL), "assess[0].at", "'from', 24 h"),
        (assess(FOLLOW + ", at: [2 d], every: 1 d, until: 3 d, " + TELL), "assess[0].at", "both"),
        (assess(FOLLOW + ", every: 1 d, " + TELL), "assess[0].until", "is missing"),
        (assess(FOLLOW + ", until: 3 d, " + TELL), "assess[0].every", "is missing"),
        (assess(FOLLOW + ", every: 1 d, until: 1.5 d, " + TELL), "assess[0].until", "no visit"),
        (assess(FOLLOW + ", every: 1 min, until: 300 d, " + TELL), "assess[0].every", "longer"),
        (assess(FOLLOW + ", at: [2 d], of: everybody, " + TELL), "assess[0].of", "use one of"),
        (assess(FOLLOW + ", at: [2 d], relapse: {}"), "assess[0].relapse", "exactly one of"),
        (assess(FOLLOW + ", at: [2 d], relapse: {score_at_least: 2, lost_response: true}"),
         "assess[0].relapse", "exactly one of"),
        (assess(FOLLOW + ", at: [2 d], relapse: {lost_response: false}"), "assess[0].relapse",
         "defines nothing"),
        (assess(FOLLOW + ", at: [2 d], relapse: {lost_response: true}"), "assess[0].of",
         "only be lost by those who have one"),
        (assess(FOLLOW + ", at: [2 d], relapse: {score_at_least: 61}"),
         "assess[0].relapse.score_at_least", "at most 60 points"),
        (assess(FOLLOW + ", at: [2 d], relapse: {percent_of_baseline_at_least: 800}"),
         "assess[0].relapse.percent_of_baseline_at_least", "less than or equal to 100"),
        (assess(FOLLOW + ", at: [2 d], relapse: {score_at_least: 22, visits: 2}"),
         "assess[0].relapse.visits", "there are 1"),
        (assess(FOLLOW + ", at: [2 d], relapse: {score_at_least: 22, visit: 2}"),
         "assess[0].relapse.visit", "did you mean 'visits'?"),
    ],
)  # fmt: skip
def test_bad_files_name_the_field(content: dict[str, Any], field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(content)
    assert caught.value.field == field, str(caught.value)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize("key", ["age", "weight"])
def test_the_arms_of_a_crossover_hold_the_same_patients(key: str) -> None:
    content = changed("design", "crossover") | {"washout": "14 d"}
    content["arms"][1][key] = {"mean": 50, "sd": 5}
    with pytest.raises(InputError, match=rf"arms\[1\]\.{key}: .*the same patients"):
        load_trial(content)
    with pytest.raises(InputError, match="arms: a crossover has one arm"):
        load_trial(content | {"arms": content["arms"][:1]})


def test_none_contradicts_what_the_population_takes() -> None:
    content = changed("population.medicines", ["sertraline"])
    assert load_trial(content).arms[0].medicines == ("sertraline",)
    content["population"]["background"] = "none"
    with pytest.raises(InputError, match=r"population\.background: .*'sertraline' of arms\[0\]"):
        load_trial(content)


def test_an_unknown_arm_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'saline'"):
        parse_trial(EXAMPLE).arm("salin")


@pytest.mark.parametrize(("text", "part"), [("{", "not YAML"), ("", "empty"), ("- 1", "mapping")])
def test_what_is_not_a_mapping(text: str, part: str) -> None:
    with pytest.raises(InputError, match="trial: ") as caught:
        parse_trial(text)
    assert part in str(caught.value)


def test_a_file_a_path_and_a_mapping_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(FULL, encoding="utf-8")
    assert load_trial(path) == load_trial(str(path)) == load_trial(yaml.safe_load(FULL))
    with pytest.raises(InputError, match="trial: there is no file"):
        load_trial(tmp_path / "absent.yaml")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        load_trial(path)


def test_the_schema_lists_what_may_be_written() -> None:
    schema = TrialFile.model_json_schema()
    assert schema["additionalProperties"] is False
    assert {"trial", "population", "arms", "assess", "design"} <= set(schema["properties"])
    assert "from" in schema["$defs"]["AssessmentItem"]["properties"]


def through(trial: Trial) -> Trial:
    return load_trial(yaml.safe_load(yaml.safe_dump(trial.to_dict())))


@pytest.mark.parametrize("text", [EXAMPLE, FULL])
def test_a_trial_loads_back_from_its_normal_form(text: str) -> None:
    trial = parse_trial(text)
    again = through(trial)
    assert again == trial and again.to_dict() == trial.to_dict()
    assert (again.assumed, again.warnings) == (trial.assumed, trial.warnings)


def spread(low: float, high: float) -> st.SearchStrategy[dict[str, float]]:
    return st.fixed_dictionaries({"mean": st.floats(low, high), "sd": st.floats(0.1, 20)})


medicine_lists = st.lists(st.sampled_from(["lithium", "thyroxine", "zolpidem"]), max_size=2)
many_days = st.lists(
    st.one_of(st.integers(0, 40), st.floats(0, 40)), min_size=1, max_size=5, unique=True
).map(sorted)


@st.composite
def phases(draw: st.DrawFn, days: list[float]) -> dict[str, Any]:
    if draw(st.booleans()):
        dose = f"{28 * draw(st.integers(1, 3))} mg"
        return {"drug": "esketamine", "route": "intranasal", "dose": dose, "days": days}
    phase: dict[str, Any] = {
        "drug": draw(st.sampled_from(["ketamine", "esketamine"])),
        "route": draw(st.sampled_from(["iv", "im"])),
        "dose": f"{draw(st.floats(0.0001, 0.01))} mg/kg",
        "days": days,
    }
    if draw(st.booleans()):
        phase["over"] = f"{draw(st.floats(1, 90))} min"
    if draw(st.booleans()):
        phase["salt"] = "hydrochloride"
    return phase


@st.composite
def arms(draw: st.DrawFn, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {"id": name, "n": draw(st.integers(1, 500))}
    days = draw(many_days)
    kind = draw(st.sampled_from(["drug", "phases", "control"]))
    if kind == "control":
        found["control"] = draw(st.sampled_from(CONTROLS))
        if found["control"] not in {"none", "antidepressant"} and draw(st.booleans()):
            found["days"] = days
        found["open"] = found["control"] != "masked" and draw(st.booleans())
    else:
        if kind == "drug":
            found |= draw(phases(days))
        else:
            halves = [half for half in (days[::2], days[1::2]) if half]
            found["phases"] = [draw(phases(half)) for half in halves]
        found |= draw(st.sampled_from([{}, {"open": True}, {"masked": True}]))
    usual = [b for b in BACKGROUNDS if found.get("control") != "antidepressant" or b != "none"]
    own = {
        "background": st.sampled_from(usual),
        "medicines": medicine_lists,
        "baseline": spread(10, 50),
        "age": spread(18, 90),
        "weight": spread(50, 100),
        "female": st.floats(0, 1),
    }
    if found.get("control") == "antidepressant":
        found["background"] = draw(own.pop("background"))
    return found | draw(st.fixed_dictionaries({}, optional=own))


@st.composite
def assessments(draw: st.DrawFn, ids: list[str]) -> dict[str, Any]:
    scale = draw(st.sampled_from(sorted(scales())))
    found: dict[str, Any] = {"scale": scale, "remission_at_most": draw(st.integers(0, 27))}
    metrics = st.sampled_from([name for name in METRICS if name not in FROM_PHASE])
    found["metrics"] = draw(st.lists(metrics, min_size=1, max_size=4, unique=True))
    relapse = set(RELAPSES) & set(found["metrics"])
    start = 0.0
    if relapse or "sustained_response" in found["metrics"]:
        start = draw(st.floats(0, 500))
        found |= {"from": f"{start} h", "of": draw(st.sampled_from(["responders", "remitters"]))}
        if draw(st.booleans()):
            every = draw(st.floats(1, 200))
            found |= {"every": f"{every} h", "until": f"{start + every * 3.5} h"}
    if relapse:
        found["relapse"] = draw(
            st.sampled_from(
                [
                    {"score_at_least": 20},
                    {"percent_of_baseline_at_least": 80},
                    {"lost_response": True},
                ]
            )
        )
    if "every" not in found:
        steps = draw(st.lists(st.floats(0.5, 400), min_size=1, max_size=4))
        times = [start + sum(steps[: k + 1]) for k in range(len(steps))]
        found["at"] = [f"{time} h" for time in times]
    if draw(st.booleans()):
        found["arms"] = draw(st.permutations(ids))[: draw(st.integers(1, len(ids)))]
    if draw(st.booleans()):
        found["response_at_least"] = draw(st.floats(0.1, 1))
    return found


@st.composite
def trials(draw: st.DrawFn) -> dict[str, Any]:
    ids = ["a", "b", "c"][: draw(st.integers(1, 3))]
    population = {
        "diagnosis": st.sampled_from(DIAGNOSES),
        "age": spread(18, 90),
        "weight": spread(50, 100),
        "female": st.floats(0, 1),
        "ancestry": st.sampled_from(ANCESTRIES),
        "setting": st.sampled_from(SETTINGS),
        "background": st.sampled_from(BACKGROUNDS),
        "medicines": medicine_lists,
        "country": st.sampled_from(["", "Japan"]),
    }
    optional = {
        "title": st.just("A trial"),
        "source": st.sampled_from(sorted(load_sources())[:5]),
        "remission_at_most": st.floats(0, 20),
        "response_at_least": st.floats(0.1, 1),
        "replicates": st.integers(1, 1000),
        "seed": st.integers(0, 9),
        "horizon": st.floats(5000, 9000).map(lambda h: f"{h} h"),
    }
    return {
        "trial": "t",
        "population": {"baseline": draw(spread(10, 50)) | {"scale": "MADRS"}}
        | draw(st.fixed_dictionaries({}, optional=population)),
        "arms": [draw(arms(name)) for name in ids],
        "assess": draw(st.lists(assessments(ids), min_size=1, max_size=3)),
    } | draw(st.fixed_dictionaries({}, optional=optional))


@settings(max_examples=80)
@given(trials())
def test_any_trial_loads_back_from_its_normal_form(content: dict[str, Any]) -> None:
    trial = load_trial(content)
    again = through(trial)
    assert again == trial
    assert again.to_dict() == trial.to_dict()
    assert (again.assumed, again.warnings) == (trial.assumed, trial.warnings)
    for one in trial.arms:
        assert list(one.sessions) == sorted(one.sessions)
        assert (one.control is None) == bool(one.doses)
        assert {d.time for d in one.doses if d.device == 0} >= set(one.sessions) or not one.doses
    for assessment in trial.assessments:
        assert list(assessment.times) == sorted(set(assessment.times))
        assert assessment.times[0] >= 0 and assessment.last <= trial.horizon


def test_a_mean_age_without_sd_is_everybody_s_age_and_a_note_is_kept() -> None:
    content = changed("population.age.sd") | {"note": "the SD is not published"}
    trial = load_trial(content)
    assert trial.population.age is not None
    assert (trial.population.age.mean, trial.population.age.sd) == (43, None)
    assert load_trial(trial.to_dict()) == trial
    assert trial.note == "the SD is not published"


def test_the_device_of_14_mg_of_a_study_is_one_device() -> None:
    nasal = {"id": "low", "n": 11, "drug": "esketamine", "route": "intranasal", "dose": "14 mg"}
    content = changed("population.age.sd") | {"arms": [nasal | {"days": [0, 3]}]}
    content["assess"] = [{"scale": "MADRS", "metrics": ["score"], "at": ["7 d"]}]
    assert [(d.amount, d.device) for d in load_trial(content).arms[0].doses] == [(14.0, 0)] * 2
