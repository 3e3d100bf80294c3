"""Course files: read, refused with the field's path, and written back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ketasim._base import InputError
from ketasim.dosing import CourseFile, Patient, load_course, parse_course, structured_regimen

FULL = """
title: Six infusions, then weekly
patient: {age: 42, weight: 78 kg, sex: female, ancestry: white, cyp2b6: "*1/*6", diagnosis: trd,
  baseline: {scale: MADRS, score: 33}, setting: outpatient, medicines: [sertraline, ticlopidine]}
population: {n: 500, seed: 1}
regimen: "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4"
horizon: 84 d
pk_model: reference
"""
REGIMEN = "regimen: ketamine 0.5 mg/kg im once\n"
DOSE = "day: 0, drug: ketamine, route: iv, dose: 0.5 mg/kg"


def test_a_whole_course() -> None:
    course = parse_course(FULL)
    assert course.title == "Six infusions, then weekly"
    assert course.patient.age == 42 and course.patient.weight == 78
    assert course.patient.cyp2b6 == "*1/*6"
    assert course.patient.baseline is not None and course.patient.baseline.score == 33
    assert course.patient.medicines == ("sertraline", "ticlopidine")
    assert course.population is not None and (course.population.n, course.population.seed) == (
        500,
        1,
    )
    assert course.horizon == 84 * 24
    assert len(course.regimen.sessions) == 10
    assert course.assumed == () and course.assumptions == () and course.warnings == ()


def test_defaults_are_named() -> None:
    course = parse_course("regimen: ketamine 0.5 mg/kg im on days 0 3")
    assert course.assumed == ("patient.weight", "horizon")
    assert course.patient.age is None
    assert course.horizon == 10 * 24
    assert "70 kg" in course.assumptions[0] and "Otto et al., 2021" in course.assumptions[0]
    assert course.pk_model == "reference" and course.population is None
    assert Patient.model_validate({"weight": "70 kg"}).assumed == ()


def test_a_file_a_path_and_a_mapping_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "course.yaml"
    path.write_text(FULL, encoding="utf-8")
    assert load_course(path) == load_course(str(path)) == load_course(yaml.safe_load(FULL))


def test_structured_doses_make_steps_and_sessions() -> None:
    course = parse_course(
        "doses:\n"
        f"- {{{DOSE}, over: 40 min}}\n"
        "- {time: 40 min, drug: ketamine, route: iv, dose: 20 mg, over: 1 h}\n"
        "- {day: 3, drug: esketamine, route: intranasal, dose: 84 mg}\n"
        "- {time: 36, drug: ketamine, route: oral, dose: 20 mg, salt: hydrochloride}\n"
    )
    assert course.regimen.sessions == pytest.approx((0, 36, 72))
    assert [d.session for d in course.regimen.doses] == [0, 0, 1, 2, 2, 2]
    assert [d.device for d in course.regimen.doses] == [0, 0, 0, 0, 1, 2]


@pytest.mark.parametrize(
    ("text", "field", "part"),
    [
        ("{", "course", "is not YAML in line"),
        ("- 1", "course", "not a mapping"),
        ("", "course", "empty"),
        ("plain words", "course", "not a mapping"),
        (REGIMEN + REGIMEN, "course", "'regimen' in line 2 stands twice"),
        (REGIMEN + "patient: {age: 3, age: 4}", "course", "'age' in line 2 stands twice"),
        (REGIMEN + "010: 2", "010", "unknown key '010'"),
        (REGIMEN + "~: 2", "course", "not a name"),
        ("a: !!python/object:os.system {}", "a", "the tag '!!python/object:os.system' in line 1"),
        (REGIMEN + "patient: {cyp2b6: *1/*6}", "course", "put it in quotes"),
        (REGIMEN + "horizn: 3 d", "horizn", "did you mean 'horizon'?"),
        (REGIMEN + "horizon: 3", "horizon", "'3' has no unit; write it with its unit, such as '84"),
        (REGIMEN + "horizon: 0 d", "horizon", "not after the first dose"),
        ("regimen: ketamine 5 mg im on day 9\nhorizon: 8 d", "horizon", "first dose at 216 h"),
        (REGIMEN + "horizon: 30 years", "horizon", "outside"),
        (REGIMEN + "horizon: 3 kg", "horizon", "not a unit"),
        ("title: x", "regimen", "neither is given"),
        (REGIMEN + f"doses: [{{{DOSE}}}]", "regimen", "both are given"),
        ("doses: []", "doses", "no dose"),
        ("doses: 3", "doses", "not a list"),
        ("regimen: 3", "regimen", "not text"),
        (REGIMEN + "title: [1]", "title", "not text"),
        (REGIMEN + "patient: 3", "patient", "not a mapping"),
        (REGIMEN + "patient: {wieght: 78 kg}", "patient.wieght", "did you mean 'weight'?"),
        (REGIMEN + "patient: {weight: 78}", "patient.weight", "no unit"),
        (REGIMEN + "patient: {weight: 780 kg}", "patient.weight", "outside"),
        (REGIMEN + "patient: {weight: -78 kg}", "patient.weight", "outside"),
        (REGIMEN + "patient: {weight: .nan}", "patient.weight", "not a number with a unit"),
        (REGIMEN + "patient: {weight: 78 h}", "patient.weight", "not a unit usable as kg"),
        (REGIMEN + "patient: {age: 420}", "patient.age", "outside 0 to 120 year"),
        (REGIMEN + "patient: {age: -1}", "patient.age", "outside"),
        (REGIMEN + "patient: {age: .nan}", "patient.age", "not a number"),
        (REGIMEN + "patient: {age: true}", "patient.age", "not a quantity"),
        (REGIMEN + "patient: {sex: femal}", "patient.sex", "did you mean 'female'?"),
        (REGIMEN + "patient: {sex: 1}", "patient.sex", "use one of: female, male"),
        (REGIMEN + "patient: {cyp2b6: '*2/*2'}", "patient.cyp2b6", "*1/*1, *1/*6, *6/*6"),
        (REGIMEN + "patient: {diagnosis: flu}", "patient.diagnosis", "use one of: mdd, trd"),
        (REGIMEN + "patient: {medicines: 3}", "patient.medicines", "[a, b]"),
        (REGIMEN + "patient: {medicines: [x, 3]}", "patient.medicines[1]", "not text"),
        (
            REGIMEN + "patient: {baseline: {scale: MADRS, score: 61}}",
            "patient.baseline",
            "0 to 60 points",
        ),
        (
            REGIMEN + "patient: {baseline: {scale: MADS, score: 1}}",
            "patient.baseline.scale",
            "MADRS",
        ),
        (REGIMEN + "patient: {baseline: {scale: MADRS}}", "patient.baseline.score", "missing"),
        (REGIMEN + "population: {n: 0}", "population.n", "greater than or equal to 1"),
        (REGIMEN + "population: {n: 3.5}", "population.n", "whole number"),
        (REGIMEN + "population: {n: 10000000}", "population.n", "less than or equal"),
        (REGIMEN + "population: {seed: 3}", "population.n", "missing"),
        (REGIMEN + "population: {n: 3, sead: 3}", "population.sead", "did you mean 'seed'?"),
        ("doses: [{day: 0}]", "doses[0].drug", "missing"),
        (f"doses: [{{{DOSE}, ovr: 40 min}}]", "doses[0].ovr", "did you mean 'over'?"),
        (f"doses: [{{{DOSE}}}, {{{DOSE}, over: 40}}]", "doses[1].over", "no unit"),
        (f"doses: [{{{DOSE}, time: 3 h}}]", "doses[0]", "both day and time"),
        ("doses: [{drug: ketamine, route: iv, dose: 5 mg}]", "doses[0]", "neither day nor time"),
        ("doses: [{day: 0, drug: ketamine, route: ivv, dose: 5 mg}]", "doses[0].route", "iv, im"),
        ("doses: [{day: 0, drug: ketamin, route: iv, dose: 5 mg}]", "doses[0].drug", "'ketamine'"),
        ("doses: [{day: 0, drug: ketamine, route: iv, dose: 5}]", "doses[0].dose", "no unit"),
        ("doses: [{day: 0, drug: ketamine, route: iv, dose: -5 mg}]", "doses[0].dose", "above 0"),
        (
            "doses: [{day: 0, drug: ketamine, route: iv, dose: 5 mL}]",
            "doses[0].dose",
            "concentration",
        ),
        ("doses: [{day: -1, drug: ketamine, route: iv, dose: 5 mg}]", "doses[0].day", "'-1'"),
        ("doses: [{day: .nan, drug: ketamine, route: iv, dose: 5 mg}]", "doses[0].day", "'.nan'"),
        (
            "doses: [{day: 0, drug: ketamine, route: oral, dose: 5 mg, over: 1 h}]",
            "doses[0]",
            "only iv, im and sc",
        ),
        (
            "doses: [{day: 0, drug: esketamine, route: intranasal, dose: 50 mg}]",
            "doses[0].dose",
            "devices of 28 mg",
        ),
        (
            f"doses: [{{{DOSE}}}, {{{DOSE.replace('day: 0', 'day: 2')}, steady_state: 12 h}}]",
            "doses[1].steady_state",
            "write the earlier doses out",
        ),
        (
            f"doses: [{{{DOSE}, steady_state: 12 h}}, {{{DOSE}, steady_state: 12 h}}]",
            "doses[1].steady_state",
            "a second steady state",
        ),
        (
            "doses: [{day: 0, drug: esketamine, route: intranasal, dose: 56 mg, steady_state: 9h}]",
            "doses[0].steady_state",
            "several nasal devices",
        ),
        (f"doses: [{{{DOSE}, session: 0}}, {{{DOSE}}}]", "doses[1].session", "number every dose"),
    ],
)
def test_bad_files_name_the_field(text: str, field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_course(text)
    assert caught.value.field == field
    assert part in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("diagnosis: healthy", "patient: patient.diagnosis"),
        ("weight: 70 kg", "patient: patient.weight"),
        ("medicines: [lithium]", "patient: patient.medicines"),
        ("n: 3", "population: population.n"),
        ("stress: high", "mood: mood.stress"),
    ],
)
def test_a_key_that_belongs_below_is_sent_there(key: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_course(f"{key}\nregimen: 'ketamine 0.5 mg/kg iv over 40 min once'")
    name = key.split(":", maxsplit=1)[0]
    assert str(caught.value) == f"{name}: unknown key '{name}'; write it under {where}"


@pytest.mark.parametrize(
    ("name", "told"), [("absent.yaml", "there is no file"), (".", "is a folder")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=f"course: .*{told}"):
        load_course(tmp_path / name)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "course.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        load_course(path)


def test_a_course_loads_back_from_its_normal_form() -> None:
    course = parse_course(FULL)
    assert parse_course(yaml.safe_dump(course.to_dict())) == course


def test_doses_after_the_horizon_are_told() -> None:
    course = parse_course("regimen: ketamine 0.5 mg/kg im weekly x 4\nhorizon: 10 d")
    assert course.warnings == ("2 doses come after the horizon and are not seen.",)


def test_kidney_and_liver_may_say_impairment() -> None:
    patient = Patient.model_validate({"kidney": "Mild impairment", "liver": "severe"})
    assert (patient.kidney, patient.liver) == ("mild", "severe")


def test_the_schema_lists_what_may_be_written() -> None:
    schema: dict[str, Any] = CourseFile.model_json_schema()
    assert set(schema["properties"]) == {
        "title",
        "patient",
        "population",
        "start",
        "regimen",
        "doses",
        "horizon",
        "pk_model",
        "plan",
        "mood",
        "scores",
        "now",
        "next",
    }
    assert schema["additionalProperties"] is False


def test_items_need_not_be_a_list_of_plain_dicts() -> None:
    item = {"time": "2 h", "drug": "ketamine", "route": "sc", "dose": "20 mg", "over": "1 h"}
    regimen = structured_regimen((item,))
    assert regimen.text is None and regimen.end == 3
