"""FHIR R4 bundles, of our own making in the shapes of public examples, become courses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ketasim._base import InputError
from ketasim.dosing import parse_course
from ketasim.interop import Imported, course_of, course_text, read_fhir, remarks

LOINC = "http://loinc.org"
PATIENT = {"reference": "Patient/p1"}
ITEMS = (
    "44250-9",
    "44255-8",
    "44259-0",
    "44254-1",
    "44251-7",
    "44258-2",
    "44252-5",
    "44253-3",
    "44260-8",
)
ANSWERS = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")


def observation(when: str, value: Any = None, code: str = "44261-6", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": PATIENT,
        "effectiveDateTime": when,
    }
    if value is not None:
        found["valueInteger"] = value
    return found | more


def dose(when: str, amount: str = "0.5 mg/kg", minutes: int = 40, **more: Any) -> dict[str, Any]:
    value, unit = amount.split()
    start, zone = when[:16], when[19:]
    end = f"{when[:11]}{int(when[11:13]):02}:{minutes:02}:00{zone}"
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130"}]
        },
        "subject": PATIENT,
        "effectivePeriod": {"start": f"{start}:00{zone}", "end": end},
        "dosage": {
            "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
            "dose": {"value": float(value), "code": unit, "system": "http://unitsofmeasure.org"},
        },
    } | more


def response(
    when: str, points: list[int], *, link: str = "/{}", total: float | None = None, **more: Any
) -> dict[str, Any]:
    """A PHQ-9 as US Core has it: items by code, answers by code."""
    items: list[dict[str, Any]] = [
        {
            "linkId": link.format(code),
            "answer": [{"valueCoding": {"system": LOINC, "code": ANSWERS[one]}}],
        }
        for code, one in zip(ITEMS, points, strict=False)
    ]
    if total is not None:
        items.append({"linkId": link.format("44261-6"), "answer": [{"valueDecimal": total}]})
    return {
        "resourceType": "QuestionnaireResponse",
        "status": "completed",
        "subject": PATIENT,
        "authored": when,
        "item": items,
    } | more


def patient(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": "1984-03-07",
        "gender": "female",
    } | more


def weight(when: str, kilograms: float, unit: str = "kg") -> dict[str, Any]:
    return observation(when, code="29463-7", valueQuantity={"value": kilograms, "code": unit})


def written(folder: Path, *resources: Mapping[str, Any], name: str = "bundle.json") -> Path:
    path = folder / name
    entries = [{"resource": one} for one in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return path


def read(folder: Path, *resources: Mapping[str, Any], **options: Any) -> Imported:
    return read_fhir(written(folder, *resources), **options)


def scores(found: Imported) -> list[tuple[str, float]]:
    return [(one.scale, one.score) for one in found.scores]


COURSE = (
    patient(),
    weight("2026-01-04", 78),
    observation("2026-01-02T09:00:00+01:00", 21),
    dose("2026-01-05T10:00:00+01:00"),
    observation("2026-01-08T09:00:00+01:00", 16),
    dose("2026-01-08T10:00:00+01:00"),
    observation("2026-01-08T14:00:00+01:00", 12),
)


def test_a_course_has_days_since_the_first_session_and_no_date(tmp_path: Path) -> None:
    found = read(tmp_path, *COURSE)
    given = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    assert course_of(found) == {
        "patient": {"age": 42, "weight": "78 kg", "sex": "female"},
        "doses": [{"day": 0, "at": "10:00", **given}, {"day": 3, "at": "10:00", **given}],
        "scores": [
            {"day": -3, "scale": "PHQ9", "score": 21},
            {"day": 3, "scale": "PHQ9", "score": 16},
            {"day": 3, "scale": "PHQ9", "score": 12, "after": "4 h"},
        ],
    }
    assert "2026" not in course_text(found)
    assert "1984" not in course_text(found)


def test_dates_are_written_when_they_are_asked_for(tmp_path: Path) -> None:
    course = course_of(read(tmp_path, *COURSE), dates=True)
    assert course["start"] == "2026-01-05"
    assert [one["day"] for one in course["doses"]] == ["2026-01-05", "2026-01-08"]
    assert course["scores"][0]["day"] == "2026-01-02"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Of the doses; the keys on scores are those of a course that a forecast reads."""
    for dates in (False, True):
        text = course_text(read(tmp_path, *COURSE), dates=dates).partition("scores:")[0]
        course = parse_course(text)
        assert [one.time for one in course.regimen.doses] == [10.0, 82.0]
        assert course.patient.weight == 78.0


@pytest.mark.parametrize("link", ["/{}", "{}", "http://loinc.org/{}"])
def test_nine_items_by_code_are_a_total(tmp_path: Path, link: str) -> None:
    points = [2, 2, 2, 2, 1, 1, 2, 0, 0]
    found = read(tmp_path, response("2022-11-29T20:50:32.718Z", points, link=link))
    assert scores(found) == [("PHQ9", 12)]


def test_items_within_groups_with_weights_and_integers_are_read(tmp_path: Path) -> None:
    ordinal = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
    answers: list[dict[str, Any]] = [
        {"valueCoding": {"extension": [{"url": ordinal, "valueDecimal": 3}], "code": "x"}},
        *({"valueInteger": 1} for _ in ITEMS[1:5]),
        *({"valueDecimal": 2.0} for _ in ITEMS[5:]),
    ]
    items = [
        {"linkId": f"/44249-1/{code}", "answer": [one]}
        for code, one in zip(ITEMS, answers, strict=True)
    ]
    form = response("2026-01-05", [], item=[{"linkId": "group", "item": items}])
    assert scores(read(tmp_path, form)) == [("PHQ9", 15)]


def test_a_form_with_names_of_its_own_is_read_where_its_address_says_phq9(tmp_path: Path) -> None:
    """As the German module has it: `PHQ.1`, answers without a system, a total in points."""
    items: list[dict[str, Any]] = [
        {"linkId": f"PHQ.{n}", "answer": [{"valueCoding": {"code": "LA6571-9"}}]}
        for n in range(1, 10)
    ]
    items.append({"linkId": "PHQ.10", "answer": [{"valueCoding": {"code": "LA6574-3"}}]})
    total = {"valueQuantity": {"value": 27, "unit": "pts."}}
    items.append({"linkId": "PHQ.Score", "answer": [total]})
    form = response("2023-10-01T12:00:00Z", [], item=items)
    assert scores(read(tmp_path, form | {"questionnaire": "Questionnaire/mii-qst-pro-phq-9"})) == [
        ("PHQ9", 27)
    ]
    with pytest.raises(InputError, match="not a PHQ-9"):
        course_of(read(tmp_path, form | {"questionnaire": "Questionnaire/other"}))


def test_codes_of_a_questionnaire_in_the_bundle_say_what_its_items_are(tmp_path: Path) -> None:
    items = [
        {"linkId": f"q{n}", "type": "choice", "code": [{"system": LOINC, "code": code}]}
        for n, code in enumerate(ITEMS)
    ]
    form = {"resourceType": "Questionnaire", "status": "active", "url": "http://x/y", "item": items}
    answers = [{"linkId": f"q{n}", "answer": [{"valueInteger": 2}]} for n in range(9)]
    filled = response("2026-01-05", [], item=answers, questionnaire="http://x/y|1.0")
    assert scores(read(tmp_path, form, filled)) == [("PHQ9", 18)]


def test_a_missing_item_is_not_guessed(tmp_path: Path) -> None:
    found = read(tmp_path, *COURSE[:4], response("2026-01-12", [2] * 8))
    assert scores(found) == [("PHQ9", 21)]
    assert any("8 of nine items" in one for one in found.left_out)
    stated = read(tmp_path, response("2026-01-12", [2] * 8, total=17))
    assert scores(stated) == [("PHQ9", 17)]


def test_a_total_that_differs_from_its_items_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, *COURSE, response("2026-01-12", [2] * 9, total=17))
    assert len(found.scores) == 3
    assert any("differs from the sum" in one for one in found.left_out)


def test_form_items_and_total_of_one_visit_are_one_score(tmp_path: Path) -> None:
    """As US Core has it: one visit as a form, ten observations, and a panel that lists them."""
    when, points = "2022-11-29T20:50:32.718000+00:00", [2, 2, 2, 2, 1, 1, 2, 0, 0]
    items = [
        observation(
            when,
            code=code,
            valueCodeableConcept={"coding": [{"system": LOINC, "code": ANSWERS[one]}]},
        )
        for code, one in zip(ITEMS, points, strict=True)
    ]
    panel = observation(when, code="44249-1", hasMember=[{"reference": "Observation/x"}])
    found = read(
        tmp_path,
        response("2022-11-29T20:50:32.718Z", points, total=12),
        *items,
        observation(when, valueString="12"),
        panel,
    )
    assert scores(found) == [("PHQ9", 12)]


def test_status_decides_and_is_told(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        *COURSE,
        observation("2026-01-12", 9, status="entered-in-error"),
        observation("2026-01-13", 9, status="preliminary"),
        response("2026-01-14", [1] * 9, status="in-progress"),
        dose("2026-01-12T10:00:00+01:00", status="not-done"),
        dose("2026-01-13T10:00:00+01:00", status="stopped"),
    )
    assert (len(found.doses), len(found.scores)) == (2, 3)
    told = " ".join(found.left_out)
    for status in ("entered-in-error", "preliminary", "in-progress", "not-done", "stopped"):
        assert status in told
    assert any("may be missing" in one for one in found.notes)  # the stopped one gave something


def test_an_amended_score_takes_the_place_of_the_first(tmp_path: Path) -> None:
    first = observation("2026-01-12T09:00:00Z", 9)
    second = observation("2026-01-12T09:00:00Z", 11, status="amended")
    assert scores(read(tmp_path, first, second)) == [("PHQ9", 11)]


def test_two_different_scores_of_a_day_are_both_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path, *COURSE, observation("2026-01-12", 9), observation("2026-01-12T08:00:00Z", 11)
    )
    assert len(found.scores) == 3
    assert any("differs" in one for one in found.left_out)


def test_of_versions_of_a_resource_the_newest_counts(tmp_path: Path) -> None:
    old = observation("2026-01-12", 9, id="a", meta={"versionId": "1"})
    new = observation("2026-01-12", 11, id="a", meta={"versionId": "2"})
    assert scores(read(tmp_path, new, old)) == [("PHQ9", 11)]
    with pytest.raises(InputError, match="different content"):
        read(tmp_path, old, old | {"valueInteger": 3})


def test_days_are_those_of_the_clinic(tmp_path: Path) -> None:
    """A session at 23:30 UTC is on the next day in Berlin."""
    late = dose("2026-01-05T23:10:00Z", minutes=50)
    scored = observation("2026-01-06T09:00:00+01:00", 9)
    assert course_of(read(tmp_path, late, scored))["scores"][0]["day"] == 1
    berlin = course_of(read(tmp_path, late, scored, zone="Europe/Berlin"))
    assert berlin["doses"][0] | {"day": 0, "at": "00:10"} == berlin["doses"][0]
    assert berlin["scores"][0]["day"] == 0
    with pytest.raises(InputError, match="time zone"):
        read(tmp_path, late, zone="Europe/Nowhere")


def test_the_last_score_before_treatment_counts_and_older_ones_are_told(tmp_path: Path) -> None:
    found = read(tmp_path, observation("2025-12-20", 24), observation("2025-10-01", 23), *COURSE)
    assert len(found.scores) == 3
    assert sum("before treatment" in one for one in found.left_out) == 1
    old = read(tmp_path, observation("2025-10-01", 23), *COURSE[3:4])
    assert not old.scores
    assert any("28 days or more" in one for one in old.left_out)


def amounts(folder: Path, **dosage: Any) -> dict[str, str]:
    when = "2026-01-05T10:00:00+01:00"
    route = {"text": "IV"}
    given = dose(when, dosage={"route": route, **dosage})
    period = dosage.pop("period", None)
    if period is None:
        del given["effectivePeriod"]
        given["effectiveDateTime"] = when
    return read(folder, given).doses[0].entry


def test_rates_say_how_long_a_dose_took(tmp_path: Path) -> None:
    at = {"value": 60, "code": "mg/h"}
    assert amounts(tmp_path, dose={"value": 40, "code": "mg"}, rateQuantity=at) == {
        "drug": "ketamine",
        "route": "iv",
        "dose": "40 mg",
        "over": "40 min",
    }
    ratio = {"numerator": {"value": 40, "code": "mg"}, "denominator": {"value": 45, "code": "min"}}
    assert amounts(tmp_path, dose={"value": 20, "code": "mg"}, rateRatio=ratio)["over"] == (
        "22.5 min"
    )


def test_dose_rate_and_time_must_agree(tmp_path: Path) -> None:
    """As the German module has it: dose, rate as a ratio, and period, all the same."""
    given = dose("2026-01-05T10:00:00Z", "40 mg")
    given["dosage"]["rateRatio"] = {
        "numerator": {"value": 40, "code": "mg"},
        "denominator": {"value": 40, "code": "min", "unit": "Minuten"},
    }
    assert read(tmp_path, given).doses[0].entry["over"] == "40 min"
    given["dosage"]["rateRatio"]["denominator"]["value"] = 60
    with pytest.raises(InputError, match="do not agree"):
        course_of(read(tmp_path, given))


def test_a_ratio_is_a_rate_and_no_dose(tmp_path: Path) -> None:
    """60 mg an hour for 40 min is 40 mg, not 60."""
    given = dose("2026-01-05T10:00:00Z")
    del given["dosage"]["dose"]
    given["dosage"]["rateRatio"] = {
        "numerator": {"value": 60, "code": "mg"},
        "denominator": {"value": 1, "code": "h"},
    }
    found = course_text(read(tmp_path, given))
    assert parse_course(found).regimen.doses[0].amount == pytest.approx(40)
    del given["effectivePeriod"]
    given["effectiveDateTime"] = "2026-01-05T10:00:00Z"
    with pytest.raises(InputError, match="how long it ran"):
        course_of(read(tmp_path, given))


def test_a_rate_over_a_time_is_a_dose(tmp_path: Path) -> None:
    given = dose("2026-01-05T10:00:00Z")
    del given["dosage"]["dose"]
    given["dosage"]["rateQuantity"] = {"value": 0.75, "code": "mg/kg/h"}
    found = read(tmp_path, given).doses[0].entry
    assert (found["dose"], found["over"]) == ("0.75 mg/kg/h", "40 min")


def test_a_volume_needs_the_strength_of_its_medicine(tmp_path: Path) -> None:
    given = dose("2026-01-05T10:00:00Z", "4 mL")
    with pytest.raises(InputError, match="volume without a strength"):
        course_of(read(tmp_path, given))
    del given["medicationCodeableConcept"]
    given["medicationReference"] = {"reference": "#m"}
    strength = {"numerator": {"value": 50, "code": "mg"}, "denominator": {"value": 5, "code": "mL"}}
    ingredient = {"itemCodeableConcept": {"text": "Ketamine"}, "strength": strength}
    given["contained"] = [{"resourceType": "Medication", "id": "m", "ingredient": [ingredient]}]
    assert read(tmp_path, given).doses[0].entry["dose"] == "4 mL of 10 mg/mL"


@pytest.mark.parametrize(
    ("concept", "drug", "route"),
    [
        ({"coding": [{"system": "http://www.whocc.no/atc", "code": "N01AX03"}]}, "ketamine", "iv"),
        (
            {"coding": [{"system": "http://www.whocc.no/atc", "code": "N06AX27"}]},
            "esketamine",
            "iv",
        ),
        ({"text": "Spravato 28 mg nasal spray"}, "esketamine", "intranasal"),
        ({"text": "ketamine 50 MG/ML Injectable Solution"}, "ketamine", "iv"),
    ],
)
def test_drugs_by_code_brand_and_product(
    tmp_path: Path, concept: dict[str, Any], drug: str, route: str
) -> None:
    given = dose("2026-01-05T10:00:00Z", "56 mg", medicationCodeableConcept=concept)
    found = read(tmp_path, given).doses[0].entry
    assert (found["drug"], found["route"]) == (drug, route)


def test_codes_and_words_that_disagree_are_no_drug(tmp_path: Path) -> None:
    concept = {
        "coding": [{"system": "http://www.whocc.no/atc", "code": "N01AX03"}],
        "text": "esketamine",
    }
    given = dose("2026-01-05T10:00:00Z", medicationCodeableConcept=concept)
    assert not read(tmp_path, given).doses


def test_two_sprays_at_one_time_are_two_doses(tmp_path: Path) -> None:
    sprays = {"coding": [{"system": "http://www.whocc.no/atc", "code": "N06AX27"}]}
    one = dose("2026-01-05T10:00:00Z", "28 mg", medicationCodeableConcept=sprays)
    one["dosage"]["route"] = {"text": "Nasal use"}
    found = read(tmp_path, one | {"id": "a"}, one | {"id": "b"})
    assert len(found.doses) == 2
    assert any("all kept" in note for note in found.notes)


def test_other_scales_are_read_by_name(tmp_path: Path) -> None:
    code = {"code": {"text": "MADRS total score"}}
    found = read(tmp_path, observation("2026-01-05", 33) | code)
    assert scores(found) == [("MADRS", 33)]
    assert any("by name" in one for one in found.notes)
    for name in ("MADRS item 1", "HAM-D", "PHQ-9 interpretation", "GAD-7 total score"):
        again = read(tmp_path, *COURSE, observation("2026-01-12", 3) | {"code": {"text": name}})
        assert len(again.scores) == 3


def test_weight_in_pounds_and_the_one_before_the_first_session(tmp_path: Path) -> None:
    found = read(
        tmp_path, weight("2026-01-01", 171.96, "[lb_av]"), *COURSE[2:], weight("2026-02-01", 90)
    )
    assert course_of(found)["patient"]["weight"] == "78 kg"
    old = read(tmp_path, weight("2025-01-01", 78), *COURSE[2:])
    assert any("days from the first session" in one for one in remarks(old))
    none = read(tmp_path, *COURSE[2:])
    assert any("no body weight was read" in one for one in remarks(none))


def test_an_age_above_ninety_is_written_as_ninety(tmp_path: Path) -> None:
    found = read(tmp_path, patient(birthDate="1930"), *COURSE[1:])
    assert course_of(found)["patient"]["age"] == 90


def test_several_patients_are_refused(tmp_path: Path) -> None:
    other = observation("2026-01-12", 9, subject={"reference": "Patient/p2"})
    with pytest.raises(InputError, match="of 2 patients"):
        read(tmp_path, *COURSE, other)
    same = observation("2026-01-12", 9, subject={"reference": "https://x.org/fhir/Patient/p1"})
    assert len(read(tmp_path, *COURSE, same).scores) == 4


SECRETS = (
    "Mustermann",
    "Erika",
    "MRN-778899",
    "Heidestrasse",
    "Koeln",
    "0221-555",
    "erika@example.org",
    "Narrativtext",
    "Freitextnotiz",
    "Bergmann",
    "1984-03-07",
)


def test_nothing_that_tells_who_somebody_is_is_written_or_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from ketasim.apps.cli.application import run

    named = {
        "id": "Mustermann-1",
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">Narrativtext Erika</div>',
        },
        "identifier": [{"system": "urn:x", "value": "MRN-778899"}],
    }
    who = {"reference": "Patient/Mustermann-1", "display": "Erika Mustermann"}
    noted = {"note": [{"text": "Freitextnotiz zu Erika Mustermann"}], "subject": who}
    person = patient(
        **named,
        name=[{"family": "Mustermann", "given": ["Erika"]}],
        address=[{"line": ["Heidestrasse 17"], "city": "Koeln"}],
        telecom=[{"value": "0221-555"}, {"value": "erika@example.org"}],
        contact=[{"name": {"text": "Bergmann"}}],
    )
    bundle = written(
        tmp_path,
        person,
        observation("2026-01-05T09:00:00Z", 20, **noted),
        observation("2026-01-06", 20, **noted | {"code": {"text": "Erika Mustermann"}}),
        observation("2026-01-07", 99, **noted),
        observation("Erika", 20, **noted),
        observation("2026-01-08", 9, **noted, Mustermann="Erika"),
        dose("2026-01-05T10:00:00Z", **noted),
        dose("2026-01-06T10:00:00Z", "5 Mustermann", **noted),
        dose("2026-01-07T10:00:00Z", **noted | {"medicationCodeableConcept": {"text": "Erika"}}),
        {"resourceType": "Practitioner", "name": [{"text": "Bergmann"}]},
        {"resourceType": "Mustermann99"},
    )
    out = tmp_path / "course.yaml"
    for options in ([], ["--json"], ["--dates"]):
        assert run(["import", "fhir", str(bundle), "--out", str(out), *options]) == 0
        told = capsys.readouterr()
        said = out.read_text() + told.out + told.err + caplog.text
        assert not [word for word in SECRETS if word in said]
    assert "Mustermann" not in repr(read_fhir(bundle))
    two = written(tmp_path, person, observation("2026-01-05", 9), name="two.json")
    assert run(["import", "fhir", str(two), "--out", str(tmp_path / "no.yaml")]) == 2
    told = capsys.readouterr()
    assert not [word for word in SECRETS if word in told.err]


def test_everything_left_out_is_told_without_a_name(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        *COURSE,
        {"resourceType": "MedicationRequest"},
        {"resourceType": "Encounter"},
        observation("2026-01-05", 80, code="8867-4"),
        observation("2026-01", 9),
        observation("2026-01-12T09:00:00", 9),
    )
    told = " ".join(found.left_out)
    for part in ("MedicationRequest: an order", "Encounter", "LOINC 8867-4", "its time"):
        assert part in told


HOSTILE = {
    "text": b"hello",
    "nothing": b"",
    "list": b"[1]",
    "nan": b'{"resourceType": "Bundle", "x": NaN}',
    "infinite": b'{"resourceType": "Bundle", "x": 1e999}',
    "digits": b'{"x": ' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "one": json.dumps(patient()).encode(),
    "empty": b'{"resourceType": "Bundle"}',
    "odd": b'{"resourceType": "Bundle", "entry": [1, null, {"resource": 5}, {}]}',
    "utf-16": json.dumps({"resourceType": "Bundle"}).encode("utf-16"),
    "r5": b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": '
    b'"MedicationAdministration", "medication": {"concept": {"text": "ketamine"}}, '
    b'"occurenceDateTime": "2026-01-05"}}]}',
    "nested": b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": '
    b'"QuestionnaireResponse", "status": "completed", "item": '
    + b'[{"linkId": "a", "item":' * 300
    + b"[]"
    + b"}]" * 300
    + b"}}]}",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    from ketasim.apps.cli.application import run

    bundle, out = tmp_path / "b.json", tmp_path / "course.yaml"
    bundle.write_bytes(HOSTILE[kind])
    assert run(["import", "fhir", str(bundle), "--out", str(out)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()


def test_a_mark_of_byte_order_is_no_matter(tmp_path: Path) -> None:
    path = written(tmp_path, *COURSE)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_fhir(path).doses) == 2


def test_without_the_package_the_remedy_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    real = importlib.import_module

    def gone(name: str, package: str | None = None) -> Any:
        if name.startswith("fhir."):
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", gone)
    with pytest.raises(InputError, match=r"pip install ketasim\[fhir\]"):
        read(tmp_path, *COURSE)
