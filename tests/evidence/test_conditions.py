"""Conditions hold every row of theirs; doses are read as their rows print them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import DRUGS, ROUTES, Patient
from ketasim.dosing.patient import DIAGNOSES
from ketasim.evidence import (
    Fact,
    condition,
    condition_names,
    fact,
    facts,
    load_sources,
    studied_doses,
)
from ketasim.evidence import studied as readings

ROWS = facts("care/condition_rows")
REGIMENS = facts("care/studied_regimens")
DRUG_WORDS = {
    "ketamine": r"ketamine",
    "esketamine": r"esketamine|S-ketamine",
    "arketamine": r"arketamine",
}
ROUTE_WORDS = {
    "iv": r"\bIV\b|\biv infusion",
    "im": r"\bIM\b",
    "sc": r"\bSC\b",
    "intranasal": "intranasal",
    "oral": "oral",
    "oral_er": "oral ER|ER tablet",
    "sublingual": "sublingual",
}
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _numbers(text: str) -> set[float]:
    return {float(one) for one in NUMBER.findall(text)}


def _read(row: Fact) -> Fact:
    return fact(row.get("fact"))


def test_every_row_on_a_condition_belongs_to_one() -> None:
    named = {row.get("fact") for row in ROWS if row.get("use") == "study"}
    assert {row.id for row in facts("care/conditions")} <= named
    assert {row.id for row in facts("mood/trials")} <= named


def test_rows_name_known_conditions_and_uses() -> None:
    named = {row.get("condition") for row in ROWS}
    assert named <= set(condition_names())
    # a condition without rows of its own is made of its parts
    assert all(condition(one).parts for one in set(condition_names()) - named)
    assert {row.get("use") for row in ROWS} == {"study", "effect", "context"}
    assert len({tuple(row.cells.values()) for row in ROWS}) == len(ROWS)
    for row in facts("care/condition_names"):
        assert row.get("part_of") in ("", *condition_names())


def test_a_result_belongs_to_a_study_of_its_condition() -> None:
    for row in ROWS:
        if row.get("use") != "effect":
            continue
        trial = fact(row.get("fact")).get("trial_id")
        one = condition(row.get("condition"))
        trials = {fact(study).get("trial_id") for study in one.studies}
        # abbar2022 prints its bipolar patients apart, within a trial of people with suicidal ideas
        assert trial in trials or (one.name, trial) == ("bipolar", "abbar2022")


def test_every_diagnosis_of_a_patient_is_a_condition() -> None:
    for diagnosis in DIAGNOSES:
        assert condition(Patient(diagnosis=diagnosis).diagnosis or "").name == diagnosis


@pytest.mark.parametrize("name", condition_names())
def test_a_condition_is_whole(name: str) -> None:
    one = condition(name)
    assert one.certainty and one.not_known and one.studies and one.effects and one.gradings
    assert set(one.sources) <= set(load_sources())
    for grading in one.gradings:
        row = fact(grading.fact)
        assert row.source == grading.source
        assert grading.words in row.cells.values()
    # it says so where nobody graded, and a grade is always somebody's
    assert ("not graded in the evidence" in one.certainty.lower()) == (
        not one.graded_by or name == "trd"
    )
    assert set(one.graded_by) <= {grading.source for grading in one.gradings}
    for effect in (*one.effects, *one.context):
        assert fact(effect.fact).source == effect.source
    for word in (name.upper(), one.title, *one.synonyms):
        assert condition(word) is condition(name) or condition(word) == one


def test_cochrane_is_quoted_with_its_own_words() -> None:
    pain = {one.fact: one for one in condition("chronic pain").gradings}
    assert pain["care/conditions:15"].words == "very low"
    assert pain["care/conditions:15"].source == "ferraro2025cochrane"
    assert "very low certainty" in condition("pain").certainty


def test_a_wider_condition_holds_its_parts() -> None:
    pain = condition("pain")
    assert pain.parts == ("crps", "neuropathic", "fibromyalgia")
    for part in pain.parts:
        assert set(condition(part).studies) <= set(pain.studies)
        for doses in condition(part).doses:
            whole = studied_doses("pain", doses.drug, doses.route)
            assert whole is not None
            assert set(doses.facts) <= set(whole.facts)


def test_what_is_unknown_is_refused_and_never_called_without_effect() -> None:
    with pytest.raises(InputError, match="no evidence that ketamine has no effect; use one of"):
        condition("autism")
    with pytest.raises(InputError, match="did you mean 'ptsd'"):
        condition("ptds")
    with pytest.raises(InputError, match="drug: unknown drug 's-ketamine'"):
        studied_doses("trd", "s-ketamine", "iv")
    with pytest.raises(InputError, match="did you mean 'intranasal'"):
        studied_doses("trd", "esketamine", "intransal")
    assert studied_doses("ptsd", "esketamine", "intranasal") is None
    assert condition("ptsd").unstudied[0] == "im"


def test_words_of_drugs_and_routes_are_those_of_courses() -> None:
    assert set(readings.DRUGS) == set(DRUGS)
    assert set(readings.ROUTES) == set(ROUTES)


def test_every_arm_of_the_drug_has_a_reading() -> None:
    read = {row.get("fact") for row in REGIMENS}
    for row in facts("mood/arms"):
        drug = row.get("drug").lower()
        # what is given, not what is expressly left out
        given = "ketamine" in drug.replace("no esketamine", "")
        assert (row.id in read) == (given or "esketamine induction" in drug), row.id
    assert {row.id for row in facts("care/conditions")} <= read
    for row in REGIMENS:
        # what is not used says why
        assert row.get("used") == "yes" or (row.get("used") == "no" and row.get("note"))


@pytest.mark.parametrize("row", REGIMENS, ids=lambda row: f"{row.row}-{row.get('fact')}")
def test_a_dose_stands_in_its_row_as_written(row: Fact) -> None:
    cells = _read(row)
    given = " ".join(cells.get(one) for one in ("drug", "route", "dose"))
    unit = cells.get("dose_unit")
    if row.get("low") or row.get("high"):
        ends = {float(row.get(end)) for end in ("low", "high") if row.get(end)}
        assert ends <= _numbers(given), given
        base = row.get("unit").removesuffix("/70kg")
        assert base in f"{given} {unit}", (base, given, unit)
        assert (
            not row.get("low")
            or not row.get("high")
            or (float(row.get("low")) <= float(row.get("high")))
        )
        # every other number of a dose cell that is a plain list or range is inside
        if re.fullmatch(r"[\d., /-]+(?: flexible)?", cells.get("dose")):
            assert ends == {min(_numbers(cells.get("dose"))), max(_numbers(cells.get("dose")))}
    if row.get("used") == "yes":
        assert re.search(DRUG_WORDS[row.get("drug")], given, re.IGNORECASE)
        assert re.search(ROUTE_WORDS[row.get("route")], given)
        # S- and R-ketamine are never read as the racemate, nor the racemate as one of them
        single = bool(re.search(r"esketamine|arketamine|(?<!/)\bS-ketamine", given))
        assert single == (row.get("drug") != "ketamine") or "racemic/S-ketamine" in given


@pytest.mark.parametrize(
    "row",
    [row for row in REGIMENS if row.get("sessions_low") or row.get("sessions_high")],
    ids=lambda row: f"{row.row}-{row.get('fact')}",
)
def test_a_number_of_sessions_follows_from_its_row(row: Fact) -> None:
    cells = _read(row)
    text = " ".join(
        cells.get(one)
        for one in ("schedule_days", "arm_id", "drug", "dose", "n_treatments", "interval", "note")
    )
    text += " ".join(value for name, value in cells.cells.items() if "schedule" in name)
    # one session is written as day 0, as a course or not at all
    allowed = _numbers(text) | {1.0}
    # counted: days of a list, doses of an ascending list, and `1 then 3 more`
    for counted in re.findall(r"\d+(?:\.\d+)?(?:, ?\d+(?:\.\d+)?)+", text):
        allowed.add(float(len(counted.split(","))))
    if "1 then 3 more" in text:
        allowed.add(4.0)
    per_week = re.search(r"(\d)x?/week|(twice) weekly", text)
    weeks = re.search(r"(\d+) (?:weeks?|wk)", text)
    if per_week and weeks:
        allowed.add(float(per_week[1] or 2) * float(weeks[1]))
    for end in ("sessions_low", "sessions_high"):
        if row.get(end):
            assert float(row.get(end)) in allowed, (row.get(end), text)


def test_published_ranges_come_out() -> None:
    trd = studied_doses("trd", "ketamine", "iv")
    assert trd is not None
    span = trd.span("mg/kg")
    assert span is not None
    # fava2020: arms of 0.1 and 1.0 mg/kg
    assert (span.low, span.low_fact) == (0.1, "mood/arms:3")
    assert (span.high, span.high_fact) == (1.0, "mood/arms:6")
    veterans = studied_doses("post-traumatic stress disorder", "ketamine", "iv")
    assert veterans is not None
    assert veterans.sessions == (1, 8)
    assert "care/conditions:2" in veterans.facts
    nasal = studied_doses("trd", "esketamine", "intranasal")
    assert nasal is not None
    assert [one.words() for one in nasal.spans] == ["14-84 mg"]
    # SUSTAIN-2 runs for a year without a printed number of sessions
    assert "mood/arms:193" in nasal.uncounted


def test_kinds_and_units_of_doses_stay_apart() -> None:
    crps = studied_doses("crps", "ketamine", "iv")
    assert crps is not None
    assert crps.span("mg/kg") is None
    assert {one.kind for one in crps.spans} == {"rate"}
    assert crps.sessions is None
    rate = crps.span("mg/h", "rate")
    assert rate is not None
    assert (rate.low, rate.high) == (10.0, 40.0)
    oral = studied_doses("mdd", "ketamine", "oral")
    assert oral is not None
    assert {(one.kind, one.unit) for one in oral.spans} == {("daily", "mg"), ("session", "mg/kg")}
    assert oral.sessions == (6, 9)


def test_an_open_end_is_not_made_up() -> None:
    row = next(row for row in REGIMENS if row.get("fact") == "mood/arms:143")
    assert (row.get("low"), row.get("high")) == ("0.5", "")
    mean = [row for row in REGIMENS if row.get("fact") in ("mood/arms:120", "mood/arms:121")]
    assert all(row.get("low") == "" and "mean" in row.get("note") for row in mean)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("2/week", (3.0, 4.0)),
        ("every 2 days", (2.0, 2.0)),
        ("2/week, weekly, every 2 weeks, every 4 weeks", (3.0, 28.0)),
        ("at least 7 days apart", (7.0, 7.0)),
        ("once", None),
        ("6 in 12 days", None),
    ],
)
def test_spacing_is_read_only_where_the_words_tell(
    words: str, days: tuple[float, float] | None
) -> None:
    assert readings.interval_of(words) == days


@given(st.sampled_from(condition_names()), st.sampled_from(DRUGS), st.sampled_from(ROUTES))
def test_a_range_holds_every_dose_of_its_rows(name: str, drug: str, route: str) -> None:
    doses = studied_doses(name, drug, route)
    if doses is None:
        assert (drug, route) not in {(one.drug, one.route) for one in condition(name).doses}
        return
    for span in doses.spans:
        assert span.low <= span.high
        assert {span.low_fact, span.high_fact} <= set(span.facts) <= set(doses.facts)
        for row in REGIMENS:
            asked = (row.get("drug"), row.get("route"), row.get("kind"), row.get("unit"))
            if row.get("fact") in span.facts and asked == (drug, route, span.kind, span.unit):
                for end in ("low", "high"):
                    assert not row.get(end) or span.low <= float(row.get(end)) <= span.high


def test_results_are_told_in_words_without_keys_of_the_tables() -> None:
    trials = {row.get("trial_id") for row in facts("mood/trials")}
    raw = re.compile(r"contrast|_|\bpct\b|\bLSMD\b|\bvs (?:PBO|pbo|mdz)\b|\bls mean")
    for name in condition_names():
        for one in condition(name).effects:
            if one.fact.startswith("mood/outcomes"):
                text = f"{one.study}; {one.outcome}"
                assert not raw.search(text), text
                assert not trials.intersection(re.findall(r"[\w-]+", text)), text


@pytest.mark.parametrize(
    ("row", "study", "outcome", "value"),
    [
        (
            "mood/outcomes:632",
            "TRD adults 18-64: esketamine 56 mg intranasal vs placebo intranasal",
            "MADRS, difference of least-squares means, day 28",
            "-4.1",
        ),
        (
            "mood/outcomes:195",
            "TRD: ketamine 0.5 mg/kg IV",
            "HAMD (version not stated), response, day 2-5",
            "45.8 %",
        ),
    ],
)
def test_a_result_in_words(row: str, study: str, outcome: str, value: str) -> None:
    found = next(one for one in condition("trd").effects if one.fact == row)
    assert (found.study, found.outcome, found.value) == (study, outcome, value)
