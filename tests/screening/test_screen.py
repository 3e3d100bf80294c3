"""A screen repeats what the tables say, hides nothing and is never silent."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import ketasim
from ketasim._base import InputError
from ketasim.calibration.pk import load_interactions
from ketasim.calibration.pk.interactions import predict_ratio
from ketasim.dosing import load_course, shipped
from ketasim.evidence import Fact, cite, fact, facts, load_card, load_sources, number, reading
from ketasim.models import MODELS
from ketasim.population import covariates_of
from ketasim.screening import (
    FINDING_KINDS,
    SEVERITIES,
    Screen,
    ScreenFinding,
    screen,
)

EXAMPLE = shipped("course")["screen_interactions"]
SPRAY = "esketamine 56 mg intranasal twice weekly x8"
DRIP = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7"
RULES = facts("care/screening_rules")
INTERACTIONS = facts("care/interactions")
DIRECTIONS = ("", "raises", "lowers", "none", "conflict", "unknown")


def _screen(regimen: str = DRIP, **patient: Any) -> Screen:
    return screen({"regimen": regimen, "patient": {"weight": "70 kg", **patient}}, exposure=False)


def _about(found: Screen, matched: str) -> list[ScreenFinding]:
    return [one for one in found.findings if one.matched == matched]


# --------------------------------------------------------------------------- the tables


@pytest.mark.parametrize(
    "table",
    ["care/screening_rules", "care/interactions", "care/vital_limits", "care/monitoring"],
)
def test_rows_name_carried_facts_and_known_words(table: str) -> None:
    prompts = {row.get("name") for row in facts("care/monitoring")}
    for row in facts(table):
        for one in filter(None, row.get("facts").split(";")):
            assert fact(one).id == one
        assert row.get("severity") in {"", *SEVERITIES[:-1]}, row.id
        assert row.get("applies_to") in ("esketamine", "ketamine", "both"), row.id
        assert row.get("direction") in DIRECTIONS, row.id
        assert set(filter(None, row.get("monitoring").split(";"))) <= prompts, row.id


@pytest.mark.parametrize("table", ["care/screening_rules", "care/interactions"])
def test_numbers_in_other_words_are_those_of_the_facts(table: str) -> None:
    checked = 0
    for row in facts(table):
        ids = [one for one in row.get("facts").split(";") if one]
        if not ids:
            continue  # read in the source itself
        carried = " ".join(text for one in ids for text in fact(one).cells.values())
        numbers = set(re.findall(r"\d+(?:\.\d+)?", carried))
        told = re.findall(r"\b\d+(?:\.\d+)?", re.sub(r"CYP\w+", "", row.get("statement")))
        checked += len(told)
        assert set(told) <= numbers, row.id
    assert checked > 5


def test_limits_of_blood_pressure_are_those_of_the_rows_they_name() -> None:
    for row in facts("care/vital_limits"):
        for one in filter(None, row.get("facts").split(";")):
            if one.startswith("care/care:") and fact(one).get("value").startswith(">"):
                assert reading(fact(one).get("value")).low == float(row.get("value")), row.id
            else:
                assert row.get("value") in " ".join(fact(one).cells.values()), row.id


def _course_for(subject: str) -> dict[str, Any]:
    """A course of which a subject of the rules holds."""
    special: dict[str, dict[str, Any]] = {
        "age under 16": {"age": 14},
        "age under 18": {"age": 17},
        "age 18 to 24": {"age": 20},
        "age 65 or more": {"age": 65},
        "japanese ancestry": {"ancestry": "japanese"},
        "kidney impairment": {"kidney": "severe"},
        "genotype": {"cyp2b6": "*6/*6"},
        "diagnosis suicidality": {"diagnosis": "suicidality"},
        "sleep apnoea with overweight": {"history": ["sleep apnoea", "obesity"]},
        **{f"liver {degree}": {"liver": degree} for degree in ("mild", "moderate", "severe")},
    }
    courses = {
        "rapid intravenous dose": ("ketamine 0.5 mg/kg iv once", {}),
        "intravenous dose faster than studied": ("ketamine 0.5 mg/kg iv over 1 min once", {}),
        "first dose is not 84 mg": (SPRAY, {"diagnosis": "suicidality"}),
        "beyond 4 weeks in acute suicidality": (
            "esketamine 84 mg intranasal on days 0 28",
            {"diagnosis": "suicidality"},
        ),
        "nasal spray at home": (SPRAY, {"place": "home"}),
        "more than twice a week": ("esketamine 56 mg intranasal on days 0 2 4", {}),
        "frequent sessions for over two months": (
            "ketamine 0.5 mg/kg iv over 40 min twice weekly x 24",
            {},
        ),
        "more often than the label": ("esketamine 56 mg intranasal on days 0 28 30", {}),
        "first dose above 28 mg": (SPRAY, {"age": 70}),
        "first dose is not 56 mg": ("esketamine 84 mg intranasal once", {"age": 40}),
        "doses that are often taken at home": ("ketamine 100 mg sublingual once", {}),
        "every course": (SPRAY, {}),
        "repeated sessions": (SPRAY, {}),
    }
    regimen, patient = courses.get(subject, (DRIP, special.get(subject, {"history": [subject]})))
    return {"regimen": regimen, "patient": {"weight": "70 kg", **patient}}


def _course_at(row: Fact, subject: str) -> dict[str, Any]:
    """A course of which a subject holds, at the place that a rule is for."""
    course = _course_for(subject)
    place = {"place": row.get("place")} if row.get("place") else {}
    return {**course, "patient": {**course["patient"], **place}}


def test_every_subject_of_the_rules_can_be_met() -> None:
    for row in RULES:
        partial = row.get("partial").split(";") if row.get("partial") else []
        # what a rule depends on is told where it is not stated
        assert not partial or row.get("note"), row.id
        for subject in (*row.get("subjects").split(";"), *partial):
            found = screen(_course_at(row, subject), exposure=False).findings
            own = [
                one
                for one in found
                if subject in one.subject.split(", ")
                and one.sources[:1] == (row.source,)
                and one.jurisdiction == row.get("jurisdiction")
            ]
            # a rule on how another route is given is told beside that route only
            assert own or row.get("route"), (row.id, subject)
            if subject in partial and own:
                unsure = [one for one in own if f"Not assessed: {row.get('note')}" in one.statement]
                assert unsure, (row.id, subject)
                assert not {"contraindicated", "avoid"}.intersection(o.severity for o in unsure)


def test_every_row_of_screening_is_reached_by_some_course() -> None:
    reached: set[str] = set()
    for row in RULES:
        subject = row.get("subjects").split(";")[0]
        found = screen(_course_at(row, subject), exposure=False)
        reached |= {one for finding in found.findings for one in finding.facts}
    medicines = sorted({s for row in INTERACTIONS for s in row.get("subject").split(";")})
    found = _screen(medicines=medicines)
    reached |= {one for finding in found.findings for one in finding.facts}
    assert {row.id for row in facts("care/screening")} <= reached
    # and so is all that the tables hold on medicines and exposure or benefit
    assert {row.id for row in facts("mood/benefit_modifiers")} <= reached
    pk = {row.id for row in facts("pk/interactions") if row.get("perp_dose") not in ("", "-")}
    assert pk <= reached


# --------------------------------------------------------------------------- never silent


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-z]{3,12} \d{1,3} mg( daily)?")))
def test_any_medicine_yields_a_finding(text: str) -> None:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    written = "; ".join(filter(None, lines))  # a new line begins another statement
    found = _screen(medicines=[text])
    assert [match.text for match in found.medicines] == [written]
    assert any(one.matched == written for one in found.findings if one.kind != "not stated")


@given(st.text(max_size=40))
def test_any_history_yields_a_finding(text: str) -> None:
    lines = (" ".join(line.split()) for line in text.split("\n"))
    written = "; ".join(filter(None, lines))  # a new line begins another statement
    found = _screen(history=[text])
    assert any(written in one.matched or written == one.subject for one in found.findings)


@pytest.mark.parametrize(
    "text",
    [
        "propofol",
        "midazolam",
        "naltrexone",
        "lamotrigine",
        "nimodipine",
        "clonidine",
        "lorazepam",
        "a benzodiazepine",
        "opioids",
        "fentanyl with naloxone",
        "an MAOI",
        "tranylcypromine",
        "stimulants",
        "methylphenidate",
        "theophylline",
        "clarithromycin",
        "a CYP3A4 inhibitor",
        "CYP2B6 inhibitors",
        "rifampicin",
        "a CYP inducer",
        "lithium",
        "valium 5 mg",
    ],
)
@pytest.mark.parametrize("regimen", [DRIP, SPRAY])
def test_medicines_that_must_answer(text: str, regimen: str) -> None:
    found = _about(_screen(regimen, medicines=[text]), text)
    assert any(one.kind in ("pd", "pk") and one.statement for one in found)
    assert all(one.sources for one in found if one.kind in ("pd", "pk"))


def test_a_known_medicine_without_evidence_is_not_called_safe() -> None:
    found = _about(_screen(medicines=["pregabalin 75 mg"]), "pregabalin 75 mg")
    assert [(one.severity, one.kind) for one in found] == [("not assessed", "known medicine")]
    assert "no finding on it with ketamine. That is not proof of safety" in found[0].statement
    unknown = _about(_screen(medicines=["xyzzol 75 mg"]), "xyzzol 75 mg")
    assert [(one.severity, one.kind) for one in unknown] == [("not assessed", "medicine")]


def test_a_part_of_a_combination_without_evidence_is_named() -> None:
    found = _about(_screen(medicines=["lorazepam with ondansetron"]), "lorazepam with ondansetron")
    unassessed = {one.subject for one in found if one.severity == "not assessed"}
    assert unassessed == {"ondansetron", "lorazepam, exposure"}


def test_what_the_file_does_not_state_is_listed() -> None:
    unstated = {one.subject for one in _screen().not_assessed if one.kind == "not stated"}
    assert {"age", "history", "medicines", "liver", "kidney", "vitals", "diagnosis"} <= unstated
    patient = {"age": 40, "history": [], "medicines": [], "liver": "normal", "kidney": "normal"}
    stated = {one.subject for one in _screen(**patient).not_assessed}
    assert stated.isdisjoint(patient)
    # nothing is passed without a word: some things no file can say
    assert "beyond a course file" in stated


def test_denied_and_unknown_entries_of_a_history_are_not_assessed() -> None:
    entries = ["no stroke", "mother with psychosis", "bunions", "FH: stroke"]
    found = _screen(history=entries)
    for text in entries:
        assert [one.severity for one in _about(found, text)] == ["not assessed"]
    assert not found.of("contraindicated")


def test_a_slip_counts_as_what_it_may_be_and_is_named() -> None:
    found = _screen(SPRAY, history=["anuerysm 4 cm"])
    assert len(found.at_least("contraindicated", any_drug=False)) == 2
    assert any("anuerysm" in one.statement for one in found.not_assessed)


# --------------------------------------------------------------------------- what it says


@pytest.mark.parametrize(
    "factor", ["aneurysm", "AVM", "previous brain haemorrhage", "allergic to ketamine"]
)
def test_contraindications_of_the_label(factor: str) -> None:
    found = _about(_screen(SPRAY, history=[factor]), factor)
    label = [one for one in found if "spravatolabel2020" in one.sources]
    assert [one.severity for one in label] == ["contraindicated"]
    assert label[0].applies_here and "care/rules:12" in label[0].facts
    drip = _about(_screen(DRIP, history=[factor]), factor)
    assert not any(one.applies_here for one in drip if "spravatolabel2020" in one.sources)


def test_what_a_rule_depends_on_and_is_not_stated_makes_it_a_caution() -> None:
    unknown = _screen(history=["hypertension"])
    known = _screen(history=["poorly controlled hypertension"])
    assert not unknown.of("contraindicated")
    assert any(one.sources[0] == "pdr_ketalar" for one in known.of("contraindicated"))
    told = [one for one in unknown.of("caution") if "pdr_ketalar" in one.sources]
    assert told[0].severity_in_source == "contraindicated"
    assert "depends on whether the hypertension is controlled" in told[0].statement


@given(
    st.integers(60, 220).flatmap(
        lambda sbp: st.tuples(st.just(sbp), st.integers(40, min(sbp - 1, 200)))
    ),
    st.one_of(st.none(), st.integers(18, 95)),
)
def test_phase_3_limits_of_blood_pressure(pressure: tuple[int, int], age: int | None) -> None:
    sbp, dbp = pressure
    young, old, diastolic = (reading(fact(f"care/care:{n}").get("value")).low for n in (1, 2, 3))
    assert young is not None and old is not None and diastolic is not None
    patient: dict[str, Any] = {"vitals": {"sbp": f"{sbp} mmHg", "dbp": f"{dbp} mmHg"}}
    if age is not None:
        patient["age"] = age
    held = [one for one in _screen(SPRAY, **patient).of("avoid") if one.kind == "vitals"]
    limit = old if age is not None and age > 65 else young
    assert bool(held) == (sbp > limit or dbp > diastolic)
    # for an infusion the same rule is shown, and that it was not made for it
    other = [one for one in _screen(DRIP, **patient).of("avoid") if one.kind == "vitals"]
    assert len(other) == len(held)
    assert all("not established for IV ketamine" in one.statement for one in other)


def test_both_sides_of_a_conflict_are_listed() -> None:
    for text, effect in (("naltrexone", "benefit"), ("tranylcypromine", "blood pressure")):
        found = [o for o in _about(_screen(medicines=[text]), text) if o.effect_on == effect]
        assert {"none"} < {one.direction for one in found} - {"unknown"}
        assert all(one.conflict for one in found if one.direction != "unknown")
    lone = _about(_screen(medicines=["theophylline"]), "theophylline")
    assert not any(one.conflict for one in lone)


def test_a_dose_is_compared_with_the_threshold_whatever_the_name() -> None:
    def told(*medicines: str) -> str:
        found = _screen(medicines=list(medicines)).findings
        return next(o.statement for o in found if "andrashko2020" in o.sources)

    assert "is above it" in told("lorazepam 4 mg twice daily")
    assert told("Ativan 4 mg twice daily") == told("lorazepam 4 mg twice daily")
    assert "is not above it" in told("lorazepam 0.25 mg/day")
    assert "is not known: give the daily dose" in told("a benzodiazepine")
    # the dose is given; what it equals is what the tables disagree on
    assert "tables of equivalents disagree" in told("lorazepam 1 mg at night")
    assert "give the daily dose" not in told("lorazepam 1 mg at night")


@pytest.mark.parametrize(
    "text", ["clarithromycin", "ticlopidine", "rifampicin", "grapefruit juice"]
)
def test_exposure_is_that_of_the_fit_of_the_model(text: str) -> None:
    found = screen(
        {
            "regimen": "esketamine 0.2 mg/kg oral once",
            "patient": {"weight": "70 kg", "age": 40, "ancestry": "white", "medicines": [text]},
        }
    )
    one = next(one for one in found.findings if one.computed)
    ratios = {ratio.metric: ratio.ratio for ratio in one.computed}
    model, card = MODELS["reference"], load_card("reference")
    patient = load_course({"regimen": DRIP, "patient": {"age": 40, "ancestry": "white"}}).patient
    covariates, _ = covariates_of(patient, model, card)
    values = {**card.values(), **covariates}
    for row in load_interactions():
        if row.modifier != text or row.analyte != "s_ketamine" or row.metric not in ("auc", "cmax"):
            continue
        expected = float(predict_ratio(model, values, row)[0])
        metric = {"auc": "AUC", "cmax": "Cmax"}[row.metric]
        assert ratios[metric] == pytest.approx(expected, rel=2e-3)
        # the measured value stands beside
        assert any(row.fact in told for told in one.measured) or ":" not in row.fact


def test_measured_ratios_say_what_differs_from_the_course() -> None:
    def measured(regimen: str) -> list[str]:
        found = screen({"regimen": regimen, "patient": {"medicines": ["clarithromycin"]}})
        return list(next(one for one in found.findings if one.computed).measured)

    assert all(
        told.endswith("another drug and route than in this course") for told in measured(DRIP)
    )
    assert not any("another" in told for told in measured("esketamine 0.2 mg/kg oral once"))
    carried = fact("pk/interactions:2").get("ratio")
    assert any(f"× {carried} " in told for told in measured(SPRAY))


def test_medicines_together_multiply_in_the_model() -> None:
    two = ["ticlopidine", "itraconazole"]
    found = screen({"regimen": DRIP, "patient": {"weight": "70 kg", "medicines": two}})
    area = {one.subject: one.computed[0].ratio for one in found.findings if one.computed}
    assert area["all medicines together"] > max(area[name] for name in two) > 1
    assert not any(one.computed for one in _screen(medicines=two).findings)


def test_genotype_and_kidneys_are_computed() -> None:
    found = screen({"regimen": DRIP, "patient": {"cyp2b6": "*6/*6", "kidney": "moderate"}})
    for subject in ("genotype", "kidney impairment"):
        one = next(one for one in found.findings if one.subject == subject)
        assert one.computed[0].ratio > 1


@pytest.mark.parametrize(
    ("patient", "severity", "part"),
    [
        ({"age": 16}, "avoid", "Not approved below 18 years"),
        ({"age": 16}, "caution", "14 more per 1000 patients"),
        ({"age": 24}, "caution", "5 more per 1000 patients"),
        ({"liver": "severe"}, "avoid", "not studied"),
        ({"liver": "moderate"}, "caution", "higher AUC and half-life"),
        ({"diagnosis": "bipolar"}, "caution", "Current or past bipolar disorder or mania"),
        ({"history": ["pregnant"]}, "avoid", "may cause fetal harm"),
        ({"history": ["bladder symptoms"]}, "note", "urinary/bladder symptoms"),
    ],
)
def test_the_patient(patient: dict[str, Any], severity: str, part: str) -> None:
    assert any(part in one.statement for one in _screen(SPRAY, **patient).of(severity))


def test_starting_dose_by_age_and_ancestry() -> None:
    def first(mg: int, **patient: Any) -> set[str]:
        found = _screen(f"esketamine {mg} mg intranasal once", **patient)
        return {one.subject for one in found.findings if one.subject.startswith("first dose")}

    assert first(56, age=40) == set()
    assert first(84, age=40) == {"first dose is not 56 mg"}
    assert first(56, age=65) == first(56, ancestry="japanese") == {"first dose above 28 mg"}
    assert first(28, age=70) == set()


def test_schedule() -> None:
    def subjects(regimen: str) -> set[str]:
        return {one.subject for one in _screen(regimen).findings if one.kind == "course"}

    label = "esketamine 56 mg intranasal on days 0 3 7 10 14 17 21 24 28 35 42 49"
    assert "more often than the label" not in subjects(label)
    assert "more often than the label" in subjects(label.replace("28 35", "28 31"))
    assert "more than twice a week" not in subjects(label)
    assert "more than twice a week" in subjects("esketamine 56 mg intranasal on days 0 2 4")
    assert "rapid intravenous dose" in subjects("ketamine 0.5 mg/kg iv once")
    assert "repeated sessions" not in subjects("ketamine 0.5 mg/kg iv over 40 min once")


def test_doses_beside_what_was_studied_in_the_condition() -> None:
    def dose(regimen: str, **patient: Any) -> list[ScreenFinding]:
        return [one for one in _screen(regimen, **patient).findings if one.kind == "dose"]

    high = dose("ketamine 1.6 mg/kg iv over 40 min once", diagnosis="trd")
    assert any("above the studied doses" in one.statement for one in high)
    assert any("above the published psychiatric range" in one.statement for one in high)
    within = dose("ketamine 40 mg iv over 40 min once", diagnosis="trd")
    assert [one.severity for one in within] == ["note"]
    never = dose("esketamine 56 mg intranasal once", diagnosis="ocd")
    assert [one.severity for one in never] == ["not assessed"]
    assert dose("ketamine 0.5 mg/kg iv over 40 min once") == []


def test_monitoring_says_what_prompts_it_and_where_it_comes_from() -> None:
    found = _screen(SPRAY, medicines=["lorazepam"], history=["bladder pain"])
    asked = {prompt.name: prompt for prompt in found.monitoring if prompt.applies_here}
    assert "cns depressant" in asked["sedation"].prompted_by
    assert "bladder symptoms" in asked["urine"].prompted_by
    assert all(prompt.sources and prompt.what_to_do for prompt in found.monitoring)


# --------------------------------------------------------------------------- the result


def test_the_result_is_ordered_whole_and_the_same_from_every_form() -> None:
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    found = ketasim.screen(EXAMPLE)
    assert isinstance(found, ketasim.Screen)
    assert found == ketasim.screen(content) == ketasim.screen(ketasim.load_course(content))
    assert screen(found.metadata["course"]).findings == found.findings
    places = [SEVERITIES.index(one.severity) for one in found.findings]
    assert places == sorted(places)
    assert sum(found.counts().values()) == len(found.findings) == found.table().height
    assert set(found.counts()) == set(SEVERITIES)
    for one in found.findings:
        assert one.kind in FINDING_KINDS and one.severity in SEVERITIES and one.statement
        assert one.direction in DIRECTIONS
        # whoever says something is named; what was not assessed has nobody to name
        assert one.sources or one.severity == "not assessed"
        assert set(one.sources) <= set(load_sources())
        assert one.applies_here or "not established for" in one.statement
    names = {f.name for f in fields(ScreenFinding)} | {"source_names"}
    assert names == set(found.table().columns)


def test_the_dictionary_is_json_and_cites_every_source() -> None:
    found = ketasim.screen(EXAMPLE)
    told = json.loads(found.to_json())
    assert told == json.loads(json.dumps(found.to_dict()))
    assert told["counts"] == found.counts()
    assert tuple(told["sources"]) == found.sources()
    assert told["sources"]["jnj_benzo"] == cite(["jnj_benzo"])
    assert "verdict" not in told and "safe" in told["statement"]
    codes = {
        name: code
        for m in told["medicines"]
        for name, code in zip(m["names"], m["rxcui"], strict=True)
    }
    row = next(r for r in facts("care/medicines") if r.get("medicine") == "lorazepam")
    assert codes["lorazepam"] == row.get("rxcui") and number(row.get("rxcui")) is not None


def test_at_least() -> None:
    found = ketasim.screen(EXAMPLE)
    assert found.at_least("note") == tuple(
        o for o in found.findings if o.severity != "not assessed"
    )
    assert found.at_least("not assessed") == found.not_assessed
    assert set(found.at_least("avoid")) == {*found.of("contraindicated"), *found.of("avoid")}


def test_counts_keep_what_is_of_another_drug_apart() -> None:
    found = _screen(SPRAY, history=["stroke"])
    assert found.counts(here=True)["contraindicated"] == 0
    assert found.counts(here=False)["contraindicated"] == found.counts()["contraindicated"] == 2
    words = dict(found.count_words())
    assert words["contraindicated (all for another drug or route)"] == 2
    for severity in ("caution", "note"):
        many = found.counts()[severity] != 1
        assert sum(name.split(" (")[0] == severity + "s" * many for name in words) == 1
    assert found.at_least("contraindicated", any_drug=False) == ()
    assert len(found.at_least("contraindicated")) == 2
    assert found.to_dict()["counts_here"] == found.counts(here=True)


def test_bad_input_names_the_field() -> None:
    with pytest.raises(InputError, match="not below the systolic"):
        _screen(vitals={"sbp": "90 mmHg", "dbp": "95 mmHg"})
    with pytest.raises(InputError, match="anaesthetic range"):
        screen({"regimen": "ketamine 20 mg/kg iv once"})
