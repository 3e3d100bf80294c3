"""Words that mean two things, numbers that are findings, who tells and who is compared."""

from __future__ import annotations

import pytest

from ketasim.evidence import facts
from ketasim.vocabulary import read_history, resolve_medicine
from ketasim.vocabulary.everyday import EVERYDAY


@pytest.mark.parametrize(
    ("finding", "other"),
    [
        ("hears voices", "voices concern about the cost"),
        ("takes speed at weekends", "works at speed"),
        ("drinks heavily", "drinks tea and coffee"),
        ("drinks like a fish", "drinks two litres of water a day"),
        ("BD, on lithium", "takes his tablets bd"),
        ("BD II", "BD 12/04/1970"),
        ("HT on ramipril", "Ht 172 cm, Wt 80 kg"),
        ("HT 160/95", "Ht 165"),
        ("has intent and means", "attends with intent to continue"),
        ("nursing, postpartum 5 weeks", "nursing student in her second year"),
        ("urgency since ketamine", "sense of urgency about going back to work"),
        ("liver function abnormal", "liver and kidney function tests normal"),
    ],
)
def test_an_everyday_word_is_a_finding_only_where_its_company_allows(
    finding: str, other: str
) -> None:
    assert read_history(finding).factors
    assert not read_history(other).factors


def test_each_everyday_word_names_a_factor_where_it_stands_alone() -> None:
    known = {
        term
        for row in facts("care/history_words")
        for term in (row.get("factor"), *row.listed("synonyms"))
    }
    for row in facts(EVERYDAY):
        for term in row.listed("terms"):
            assert term in known, term
            assert read_history(term).factors, term
        assert row.listed("beside") or row.listed("other"), row.id


def test_what_an_everyday_word_was_not_is_among_the_unread() -> None:
    found = read_history("no stroke; voices satisfaction")
    assert not found.factors
    assert found.unread == ("voices satisfaction",)


@pytest.mark.parametrize(
    ("text", "presence"),
    [
        ("BP 192/104 on arrival", "uncertain"),
        ("BP 150/101", "uncertain"),
        ("SBP 185 sitting", "uncertain"),
        ("RR 190/110", "uncertain"),
        ("mother BP 192/104", "family"),
        ("BP 150/95", ""),
        ("BP 118/70", ""),
        ("RR 16, sats 98 %", ""),
    ],
)
def test_a_pressure_above_the_limit_of_a_label_is_one_reading(text: str, presence: str) -> None:
    said = {
        one.presence
        for one in read_history(text).findings
        if one.factor == "uncontrolled hypertension"
    }
    assert said == ({presence} if presence else set())


@pytest.mark.parametrize(
    ("text", "factors"),
    [("BMI 41", ("overweight",)), ("BMI of 27,5 kg/m2", ("overweight",)), ("BMI 22.4", ())],
)
def test_a_body_mass_index_is_read(text: str, factors: tuple[str, ...]) -> None:
    assert read_history(text).factors == factors


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("Unlike his brother he has had a psychosis", "psychosis"),
        ("Like his father he has hypertension", "hypertension"),
        ("According to the mother psychotic two years ago", "psychosis"),
        ("sister cares for him since his stroke", "stroke"),
        ("found by his brother after a suicide attempt", "suicidal intent"),
        ("his mother found him after an overdose", "suicidal intent"),
        ("Mother denies that he has had a stroke", "stroke"),
        ("cannot deny that he hears voices", "psychosis"),
        ("He does not deny hearing voices", "psychosis"),
        ("It is not true that she has no glaucoma", "glaucoma"),
        ("Not known to be free of coronary disease", "coronary disease"),
        ("Doesn't have hypertension any longer", "hypertension"),
        ("Cirrhosis Child A, no varices", "liver disease"),
        ("Hypertonie, nicht eingestellt", "uncontrolled hypertension"),
        ("Z.n. Herzinfarkt vor 3 Wochen", "recent myocardial infarction"),
    ],
)
def test_these_are_the_patients_own(text: str, factor: str) -> None:
    assert factor in read_history(text).factors


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("father reported to have had a stroke", "family"),
        ("accompanied by his mother who has glaucoma", "family"),
        ("mother's side: heart failure", "family"),
        ("Vater: Herzinfarkt mit 50", "family"),
        ("panic attacks rather than angina", "denied"),
        ("denies psychosis, mania and substance misuse", "denied"),
        ("KHK ausgeschlossen", "denied"),
        ("Psychosis: \u00d8", "denied"),
        ("kein Schlaganfall bekannt", "denied"),
    ],
)
def test_these_are_not(text: str, status: str) -> None:
    assert read_history(text).status == status


@pytest.mark.parametrize(
    "text",
    [
        "Hypertension [ ] Glaucoma [x] Aneurysm [ ]",
        "[ ] Hypertension [x] Glaucoma [ ] Aneurysm",
        "hypertension \u2610 glaucoma \u2612 aneurysm \u2610",
    ],
)
def test_boxes_of_a_form(text: str) -> None:
    found = read_history(text)
    assert found.factors == ("glaucoma",)
    assert {one.factor for one in found.findings} == {"hypertension", "glaucoma", "aneurysm"}


@pytest.mark.parametrize(
    ("text", "presence", "mg"),
    [
        ("unlike his brother he takes lithium, 800 mg nocte", "taken", 800),
        ("stopped and restarted olanzapine 10 mg nocte", "taken", 10),
        ("clarithromycin not needed", "not taken", None),
        ("zopiclone not needed most nights", "taken", None),
        ("amitriptyline 25 mg \u00d7 2 at bedtime", "taken", 50),
        ("lithium carbonate MR 400 mg ii nocte", "taken", 800),
        ("diazepam 10 mg x 3 nights", "taken", None),
        ("lorazepam 2 mg iv", "taken", None),
        ("Bedarf: Tavor 1 mg", "taken", None),
        ("Tranylcypromin vor 10 Tagen abgesetzt", "stopped", None),
        ("nicht mehr auf Sertralin", "stopped", None),
    ],
)
def test_a_medicine_and_its_daily_amount(text: str, presence: str, mg: float | None) -> None:
    (one,) = resolve_medicine(text).mentions
    assert (one.presence, one.daily_mg) == (presence, mg)


def test_a_session_is_no_medicine_but_ketamine_alone_is_one() -> None:
    assert resolve_medicine("lorazepam 1 mg, omit on the morning of ketamine").names == (
        "lorazepam",
    )
    assert resolve_medicine("ketamine lozenges 100 mg nightly").names == ("ketamine",)
