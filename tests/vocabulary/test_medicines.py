"""Names of medicines are recognised or said to be unknown, never taken for another."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.evidence import facts, load_sources
from ketasim.population import load_modifiers
from ketasim.screening import MedicineMatch, resolve_medicine

MEDICINES = {row.get("medicine"): row for row in facts("care/medicines")}
CLASSES = {row.get("class"): row for row in facts("care/medicine_classes")}
STATUSES = ("recognised", "class", "stopped", "not taken", "unknown")


def _split(text: str) -> list[str]:
    return [part for part in text.split(";") if part]


def test_rows_name_known_sources_classes_and_parts() -> None:
    for row in MEDICINES.values():
        assert set(_split(row.get("classes"))) <= set(CLASSES), row.id
        assert set(_split(row.get("parts"))) <= set(MEDICINES), row.id
        assert set(_split(row.get("class_source"))) <= set(load_sources()), row.id
        # classes and the source of them come together
        assert bool(row.get("classes")) == bool(row.get("class_source")), row.id
        assert re.fullmatch(r"\d*", row.get("rxcui")), row.id
    for row in CLASSES.values():
        assert row.get("part_of") in {"", *CLASSES}, row.id


def test_no_word_names_two_medicines_and_no_code_two() -> None:
    words = Counter(
        word.lower()
        for row in MEDICINES.values()
        for word in (row.get("medicine"), *_split(row.get("synonyms")), *_split(row.get("brands")))
    )
    assert [word for word, count in words.items() if count > 1] == []
    codes = Counter(row.get("rxcui") for row in MEDICINES.values() if row.get("rxcui"))
    assert [code for code, count in codes.items() if count > 1] == []


@pytest.mark.parametrize("name", MEDICINES)
def test_every_name_brand_and_synonym_leads_to_its_medicine(name: str) -> None:
    row = MEDICINES[name]
    expected = tuple(_split(row.get("parts"))) or (name,)
    for word in (name, *_split(row.get("synonyms")), *_split(row.get("brands"))):
        match = resolve_medicine(f"{word.upper()} 20 mg twice daily")
        assert match.status == "recognised"
        assert match.names == expected, word
        assert match.unread == ()
        assert set(match.rxcui) - {""} <= {MEDICINES[n].get("rxcui") for n in expected}


@pytest.mark.parametrize("name", CLASSES)
def test_every_word_for_a_class_leads_to_it_and_to_what_it_is_part_of(name: str) -> None:
    if name in MEDICINES:
        return
    for word in (name, *_split(CLASSES[name].get("synonyms"))):
        for text in (word, f"an {word}", f"{word}s"):
            match = resolve_medicine(text)
            assert match.status == "class" and match.classes[0] == name, text
            part_of = CLASSES[name].get("part_of")
            assert not part_of or part_of in match.classes


def test_every_modifier_of_exposure_is_a_medicine_of_the_list() -> None:
    for modifier in load_modifiers().values():
        if modifier.kind == "medicine":
            for word in (modifier.name, *modifier.synonyms):
                assert resolve_medicine(word).names == (modifier.name,)


@pytest.mark.parametrize(
    ("text", "names", "a_class"),
    [
        ("lorazepam 1 mg twice daily", ("lorazepam",), "benzodiazepine"),
        ("a benzodiazepine", (), "cns depressant"),
        ("an MAOI", (), "maoi"),
        ("opioids", (), "opioid"),
        ("fentanyl with naloxone", ("fentanyl", "naloxone"), "opioid antagonist"),
        ("Suboxone 8 mg/2 mg", ("buprenorphine", "naloxone"), "opioid"),
        ("Symproic", ("naldemedine",), "opioid antagonist"),
        ("buprenorphine/naloxone", ("buprenorphine", "naloxone"), "opioid antagonist"),
        ("Adderall XR 20 mg", ("dextroamphetamine", "amphetamine"), "stimulant"),
        ("St. John’s wort", ("st john's wort",), "cyp3a inducer"),
        ("a strong-ish CYP3A4 inhibitor", (), "cyp3a inhibitor"),
        ("rapamycin", ("sirolimus",), "mtor inhibitor"),
        ("Paxlovid", ("nirmatrelvir", "ritonavir"), "cyp3a inhibitor"),
        ("Cafergot 1 mg", ("ergotamine", "caffeine"), "ergot"),
        ("Strattera 40 mg", ("atomoxetine",), "sympathomimetic"),
    ],
)
def test_texts_as_people_write_them(text: str, names: tuple[str, ...], a_class: str) -> None:
    match = resolve_medicine(text)
    assert match.names == names
    assert a_class in match.classes


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("lorazpam 1 mg", "lorazepam"),
        ("sertrlaine", "sertraline"),
        ("clonidnie 0.1 mg", "clonidine"),
        ("quetiapnie", "quetiapine"),
        ("xyzzy", ""),
    ],
)
def test_a_slip_is_hinted_at_and_stays_unknown(text: str, hint: str) -> None:
    match = resolve_medicine(text)
    assert (match.status, match.names, match.hint) == ("unknown", (), hint)


@pytest.mark.parametrize(
    "text", ["no opioids", "never took lorazepam", "allergic to fentanyl", "none", "Never"]
)
def test_what_is_denied_is_not_taken(text: str) -> None:
    match = resolve_medicine(text)
    assert match.status == "not taken" and match.names == () and match.classes == ()


def test_what_is_left_of_a_text_is_named() -> None:
    assert resolve_medicine("sertraline 50 mg and xyzzol").unread == ("xyzzol",)
    assert resolve_medicine("tramadol/xyzzol 37.5 mg/325 mg").unread == ("xyzzol",)
    assert resolve_medicine("morphine ER 30 mg by mouth every 12 h as needed").unread == ()


def test_a_longer_name_is_not_read_as_a_shorter_one() -> None:
    assert resolve_medicine("desvenlafaxine").names == ("desvenlafaxine",)
    assert resolve_medicine("esketamine").names == ("esketamine",)
    assert resolve_medicine("norketamine").status == "unknown"
    assert resolve_medicine("oxymorphone").names == ("oxymorphone",)


@given(st.text(max_size=60))
def test_any_text_is_understood_one_way(text: str) -> None:
    match = resolve_medicine(text)
    assert isinstance(match, MedicineMatch) and match.text == text
    assert match.status in STATUSES
    assert bool(match.subjects) == (match.status in ("recognised", "class"))
    assert set(match.names) <= set(MEDICINES) and set(match.classes) <= set(CLASSES)


@given(st.sampled_from(sorted(MEDICINES)), st.sampled_from(sorted(MEDICINES)))
def test_two_medicines_in_one_text_are_both_found(one: str, other: str) -> None:
    found = set(resolve_medicine(f"{one} 5 mg, {other} 10 mg daily").names)
    assert found == {*resolve_medicine(one).names, *resolve_medicine(other).names}
