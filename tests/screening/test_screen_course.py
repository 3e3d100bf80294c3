"""A screen follows the diagnosis, the age, the place and the words of a course."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ketasim._base import InputError
from ketasim.dosing import load_course
from ketasim.evidence import condition, condition_names, fact, facts, number
from ketasim.screening import Screen, ScreenFinding, read_history, screen
from ketasim.screening.wording import source_words

SPRAY = "esketamine 56 mg intranasal twice weekly x8"
DRIP = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7"
INTERACTIONS = facts("care/interactions")


def _screen(regimen: str = DRIP, **patient: Any) -> Screen:
    return screen({"regimen": regimen, "patient": {"weight": "70 kg", **patient}}, exposure=False)


def _about(found: Screen, matched: str) -> list[ScreenFinding]:
    return [one for one in found.findings if one.matched == matched]


def test_the_label_of_acute_suicidality_is_another() -> None:
    def subjects(regimen: str, diagnosis: str) -> set[str]:
        found = _screen(regimen, diagnosis=diagnosis, age=40).findings
        return {one.subject for one in found if one.kind == "course"}

    course = "esketamine 84 mg intranasal twice weekly x16"
    own = subjects(course, "suicidality")
    assert "beyond 4 weeks in acute suicidality" in own
    assert own.isdisjoint({"more often than the label", "first dose is not 56 mg"})
    assert {"more often than the label", "first dose is not 56 mg"} <= subjects(course, "trd")
    within = subjects(course.replace("x16", "x8"), "suicidality")
    assert not any("beyond" in one or "first dose" in one for one in within)
    assert "first dose is not 84 mg" in subjects(SPRAY, "suicidality")
    # the dose and the weeks are those of the row
    row = " ".join(fact("care/rules:7").cells.values())
    assert "84 mg twice weekly for 4 weeks" in row
    old = _screen(SPRAY, diagnosis="suicidality", age=70).not_assessed
    assert "first dose of the label" in {one.subject for one in old}


def test_how_fast_a_dose_is_given_is_compared_with_the_studied_ones() -> None:
    def speed(over: str, **patient: Any) -> list[ScreenFinding]:
        found = _screen(f"ketamine 0.5 mg/kg iv {over} once", **patient).findings
        return [one for one in found if one.subject == "how fast ketamine is given"]

    for over in ("over 1 min", "over 39 min"):
        fast = speed(over, diagnosis="trd")
        assert [one.severity for one in fast] == ["caution"]
        assert "how fast it is given was not studied" in fast[0].statement
    assert "no duration is stated" in speed("", diagnosis="trd")[0].statement
    assert [one.severity for one in speed("over 2 h", diagnosis="trd")] == ["note"]
    assert speed("over 40 min", diagnosis="trd") == []
    minutes = {float(fact(one).get("infusion_min")) for one in fast[0].facts}
    # vandevoort2016 gave it over 100 minutes
    assert minutes == {40, 100} and "40 to 100 min" in fast[0].statement
    # a bolus was studied in depression, and is named with its row
    assert "as a bolus in mood/arms:73" in speed("over 1 min", diagnosis="mdd")[0].statement
    assert "bolus" in fact("mood/arms:73").get("route")
    assert [one.severity for one in speed("over 40 min", diagnosis="crps")] == ["not assessed"]
    assert [one.severity for one in speed("over 1 min")] == ["caution"]


def test_ranges_of_adults_are_not_those_of_the_young() -> None:
    def told(**patient: Any) -> ScreenFinding:
        found = _screen("ketamine 0.5 mg/kg iv over 40 min once", **patient).findings
        return next(one for one in found if "ketamine IV in" in one.subject)

    young = told(age=15, diagnosis="mdd")
    assert young.severity == "caution" and "ranges are for adults" in young.statement
    assert "Within what was studied" not in young.statement
    assert "mood/arms:107" in young.statement and "13-17" in young.statement
    assert told(age=18, diagnosis="mdd").severity == "note"
    assert "No row is for adolescents" in told(age=15, diagnosis="ptsd").statement


def test_numbers_of_a_studied_range_stand_in_the_rows_that_are_cited() -> None:
    found = _screen("ketamine 0.5 mg/kg iv over 40 min twice weekly x2", diagnosis="trd").findings
    one = next(one for one in found if "Within what was studied" in one.statement)
    assert "0.1-1 mg/kg, 1 to 45 sessions, 2 to 28 days apart" in one.statement
    rows = [row for row in facts("care/studied_regimens") if row.get("fact") in one.facts]
    for column, value in (("low", 0.1), ("high", 1), ("sessions_high", 45)):
        assert value in {number(row.get(column)) for row in rows}
    assert any("28 days" in row.get("spacing") for row in rows)
    # depression says what was studied in resistant depression too, with its rows
    wider = _screen(DRIP, diagnosis="mdd").findings
    one = next(one for one in wider if "In treatment-resistant depression" in one.statement)
    assert "0.1-1 mg/kg" in one.statement and "mood/arms:3" in one.facts


def test_longer_courses_are_named_before_the_count() -> None:
    found = _screen("esketamine 56 mg intranasal twice weekly x16", diagnosis="trd").findings
    one = next(one for one in found if "the most in any row is 8" in one.statement)
    assert one.statement.startswith("Longer courses were also studied")
    assert "SUSTAIN2" in one.statement and "SUSTAIN3" in one.statement
    spray = _screen("esketamine 84 mg intranasal twice weekly x8", diagnosis="suicidality").findings
    texts = [one.statement for one in spray if one.kind == "dose"]
    assert any(", 8 sessions," in text for text in texts)
    assert not any("8 to 8" in text or "1 to 1 " in text for text in texts)


@pytest.mark.parametrize("name", condition_names())
def test_every_condition_is_a_diagnosis(name: str) -> None:
    for word in (name, condition(name).title):
        course = load_course({"regimen": DRIP, "patient": {"diagnosis": word}})
        assert course.patient.diagnosis == name
        assert load_course(course.to_dict()) == course
    found = _screen(DRIP, diagnosis=name).findings
    assert any(one.matched.endswith(f"diagnosis: {name}") for one in found)


def test_an_addiction_as_diagnosis_is_screened_like_one_of_the_history() -> None:
    for diagnosis, factor in (("alcohol", "alcohol"), ("cocaine", "substance use")):
        found = _screen(DRIP, diagnosis=diagnosis).findings
        assert any(factor in one.subject.split(", ") for one in found)
    crps = _screen("ketamine 0.5 mg/kg iv over 40 min once", diagnosis="crps")
    told = next(one for one in crps.findings if "ketamine IV in" in one.subject)
    assert told.severity == "not assessed" and "of another kind" in told.statement


# --------------------------------------------------------------------------- place and words


def test_rules_on_treatment_at_home_follow_the_place() -> None:
    history = ["suicide attempt", "psychosis", "opioid use disorder"]

    def home(regimen: str, **patient: Any) -> list[ScreenFinding]:
        found = _screen(regimen, history=history, **patient).findings
        return [one for one in found if "hull2022blossom" in one.sources]

    for regimen in (DRIP, SPRAY):
        assert home(regimen, place="clinic") == []
        unstated = home(regimen)
        assert [one.severity for one in unstated] == ["not assessed"]
        assert all(text in unstated[0].matched for text in history)
    lozenge = "ketamine 100 mg sublingual once"
    assert [one.severity for one in home(lozenge)] == ["caution"]
    assert {one.severity for one in home(lozenge, place="home")} == {"avoid"}
    assert "place" in {one.subject for one in _screen().not_assessed}
    spray = _screen(SPRAY, place="home").of("avoid")
    assert "nasal spray at home" in {one.subject for one in spray}


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("heart attack 3 weeks ago", "recent myocardial infarction"),
        ("heart attack six weeks ago", "recent myocardial infarction"),
        ("MI in the last 2 weeks", "recent myocardial infarction"),
        ("myocardial infarction 4 months ago", "myocardial infarction within 6 months"),
        ("heart attack 3 years ago", "myocardial infarction more than 6 months ago"),
        ("heart attack", "myocardial infarction"),
        ("heart attack and stroke 3 years ago", "myocardial infarction"),
        ("ketamine misuse", "substance use"),
        ("Ketamine abuse", "substance use"),
        ("suicidal", "suicidal ideation"),
        ("suicidal ideation", "suicidal ideation"),
        ("active suicidal intent", "suicidal intent"),
        ("AAA", "aneurysm"),
        ("CKD stage 3", "kidney disease"),
        ("on dialysis", "dialysis"),
        ("CKD stage 5", "kidney disease"),
        ("obesity", "overweight"),
    ],
)
def test_words_of_a_history(text: str, factor: str) -> None:
    assert factor in read_history(text).factors


def test_how_long_ago_a_heart_attack_was_decides() -> None:
    def label(text: str) -> list[str]:
        found = _about(_screen(SPRAY, history=[text]), text)
        return [one.severity for one in found if one.severity_in_source.endswith("last 6 weeks")]

    assert label("heart attack 3 weeks ago") == ["contraindicated"]
    assert label("heart attack") == ["caution"]
    assert label("heart attack 3 months ago") == label("heart attack 3 years ago") == []
    for ago in ("3 weeks", "3 months", "9 years"):
        text = f"heart attack {ago} ago"
        found = _about(_screen(SPRAY, history=[text]), text)
        assert any("spravatolabel2019" in one.sources for one in found)


def test_no_effect_is_worded_as_a_protection() -> None:
    row = next(r for r in INTERACTIONS if r.get("facts") == "mood/benefit_modifiers:17")
    found = _about(_screen(medicines=["naltrexone"]), "naltrexone")
    one = next(one for one in found if one.facts == (row.get("facts"),))
    assert "suicidality" not in one.effect_on and one.direction == "lowers"
    assert one.effect == "reduces the effect of ketamine on suicidal thoughts"
    assert "does not mean protection" in one.statement
    # what is lower is said in words of its own, but for numbers that are read as such
    plain = {"blood pressure", "exposure", "seizure threshold"}
    lowered = {
        (one.direction, one.effect_on): one.effect
        for medicine in sorted({s for r in INTERACTIONS for s in r.get("subject").split(";")})
        for one in _screen(medicines=[medicine]).findings
        if one.direction == "lowers"
    }
    assert lowered["lowers", "respiration"] == "respiratory depression"
    for (_, effect_on), words in lowered.items():
        assert effect_on in plain or not words.startswith("lowers")


def test_words_in_another_language_have_their_english_beside() -> None:
    foreign = re.compile(r"[äöüß]|\b(?:darf|nicht|kann|die|das|von)\b")
    tables = ("care/screening_rules", "care/interactions", "care/vital_limits")
    words = {r.get("severity_in_source") for table in tables for r in facts(table)}
    checked = [text for text in words if foreign.search(text)]
    assert len(checked) > 5
    for text in checked:
        assert "in English: " in source_words(text), text


def test_a_medicine_with_nothing_on_exposure_says_so() -> None:
    for text in ("fluvoxamine", "bupropion"):
        found = _about(_screen(medicines=[text]), text)
        unknown = [one for one in found if one.severity == "not assessed"]
        assert any("Effect on exposure" in one.statement for one in unknown)
        review = next(one for one in found if "andrade2017" in one.sources)
        assert '"probably safe to combine"' in review.statement
    known = _about(_screen(medicines=["clarithromycin"]), "clarithromycin")
    assert not any("Effect on exposure" in one.statement for one in known)


def test_a_low_pressure_is_not_called_passed() -> None:
    found = _screen(SPRAY, vitals={"sbp": "85 mmHg", "dbp": "50 mmHg"}).findings
    told = next(one for one in found if one.statement.startswith("Not above"))
    assert "No lower limit in the sources" in told.statement


def test_a_source_with_two_words_is_taken_at_the_milder() -> None:
    found = _about(_screen(history=["hyperthyroidism"]), "hyperthyroidism")
    row = next(one for one in found if "care/screening:40" in one.facts)
    assert row.severity == "caution" and "contraindicated/caution" in row.severity_in_source


def test_boxed_warnings_are_marked_and_first() -> None:
    cautions = [one for one in _screen(SPRAY, age=20).of("caution") if one.applies_here]
    marks = [one.boxed for one in cautions]
    assert sum(marks) == 3 and marks == sorted(marks, reverse=True)
    assert cautions[0].to_dict()["boxed"] is True


def test_a_model_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="unknown model 'nonsense'") as error:
        screen({"regimen": "ketamine 0.5 mg/kg iv over 40 min once", "pk_model": "nonsense"})
    assert error.value.field == "pk_model"
