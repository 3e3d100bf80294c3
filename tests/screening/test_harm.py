"""Harm over time: published exposures stay apart, counts are the course's, nothing is scored."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import load_course
from ketasim.evidence import fact, load_sources
from ketasim.screening import (
    EXPOSURE_CLASSES,
    HARMS,
    HarmReport,
    TreatmentExposure,
    course_exposure,
    harms_over_time,
    published_harms,
)

SPRAY = "esketamine 84 mg intranasal on days 0 3 7 10 14 17 21 24"
INFUSIONS = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4"
CLINIC, HOME, RECREATIONAL, BACKGROUND, ANY = EXPOSURE_CLASSES


def _report(regimen: str, setting: str | None = None, weight: str = "80 kg") -> HarmReport:
    course = load_course({"regimen": regimen, "patient": {"weight": weight}})
    return harms_over_time(course, setting=setting)


# --- the table


def test_every_row_has_a_source_and_its_facts_exist() -> None:
    known = load_sources()
    for row in published_harms():
        assert row.source in known, row.id
        assert row.harm in HARMS and row.exposure_class in EXPOSURE_CLASSES, row.id
        assert row.statement and row.certainty and row.date and row.jurisdiction, row.id
        named = {fact(one).source for one in row.facts}
        # own words on a row have that row's source; what was read elsewhere says where
        assert row.source in named or row.locator, row.id
        if row.known and not row.facts:
            assert row.locator and row.source != "ketasim", row.id


def test_a_number_stands_in_the_row_it_is_taken_from() -> None:
    numbers = 0
    for row in published_harms():
        if row.value is None:
            continue
        cells = " ".join(" ".join(fact(one).cells.values()) for one in row.facts)
        assert f"{row.value:g}" in cells.replace(",", "") or f"{row.value:.0f}" in cells, row.id
        # rules and practice carry no grade, and what is taken from them neither
        rule = row.facts[0].startswith(("care/rules", "care/care"))
        assert (row.grade is None) == rule, row.id
        numbers += 1
    assert numbers > 30


def test_every_number_in_the_words_stands_in_the_rows_named() -> None:
    for row in published_harms():
        if not row.facts or row.harm == "controlled status":
            continue
        cells = " ".join(" ".join(fact(one).cells.values()) for one in row.facts)
        told = {one.replace(",", "") for one in re.findall(r"\d[\d,]*(?:\.\d+)?", row.statement)}
        # 1,000 patients is "per 1000"; 95 % names the interval; 100-h and 1.0 are as in the cells
        missing = {one for one in told - {"95"} if one not in cells.replace(",", "")}
        assert not missing, (row.id, missing)


def test_dates_are_shown_by_the_source_or_its_rows() -> None:
    for row in published_harms():
        cells = " ".join(" ".join(fact(one).cells.values()) for one in row.facts)
        entry = load_sources()[row.source]
        shown = f"{entry.year} {entry.title} {entry.venue} {entry.metadata_note} {cells}"
        assert row.date == "not shown" or row.date in f"{shown} {row.statement}", row.id


def test_therapeutic_and_recreational_exposure_are_never_mixed() -> None:
    recreational = re.compile(r"abus|recreational|illicit|use disorder|chronic use|mean use")
    for row in published_harms():
        for one in row.facts:
            cells = fact(one).cells
            exposure = f"{cells.get('exposure', '')} {cells.get('population', '')}".lower()
            if not one.startswith("care/bladder_abuse") or not exposure.strip():
                continue
            if "esketamine" in exposure or "therapeutic" in exposure:
                assert row.exposure_class == CLINIC, (row.id, one)
            elif recreational.search(exposure):
                assert row.exposure_class == RECREATIONAL, (row.id, one)
    classes = Counter(row.exposure_class for row in published_harms())
    assert all(classes[one] for one in EXPOSURE_CLASSES)
    for harm in (
        "bladder and urinary",
        "misuse and dependence",
        "cognition",
        "mortality and poisoning",
    ):
        of = {row.exposure_class for row in published_harms() if row.harm == harm}
        assert {CLINIC, RECREATIONAL} <= of


def test_versions_of_the_boxed_warning_are_kept_apart() -> None:
    report = _report(SPRAY)
    named = {
        version: " ".join(
            row.statement for row in report.of("boxed warning") if row.topic == version
        )
        for version in ("text of 2019", "text of 2020", "current text")
    }
    for text in named.values():
        for element in ("sedation", "dissociation", "abuse and misuse", "suicidal thoughts"):
            assert element in text
    assert "respiratory depression" in named["current text"]
    assert "respiratory" not in named["text of 2019"] + named["text of 2020"]


def test_controlled_status_has_a_date_and_keeps_the_canadian_conflict() -> None:
    status = _report(SPRAY).of("controlled status")
    assert {"US", "UK", "Canada", "Australia", "EU", "United Nations"} <= {
        row.jurisdiction for row in status
    }
    canada = [row for row in status if row.jurisdiction == "Canada"]
    assert any("Schedule I " in row.statement and row.certainty == "law" for row in canada)
    assert any("Schedule III" in row.statement and row.certainty == "conflict" for row in canada)
    for row in status:
        assert row.date != "not shown" or row.source.startswith("legal_"), row.id


# --- what a course gives


def test_counts_of_the_label_s_schedule() -> None:
    exposure = _report(SPRAY).exposure
    assert exposure.sessions == 8 and dict(exposure.milligrams) == {"esketamine": 672.0}
    assert exposure.milligrams_per_kg == {"esketamine": 8.4}
    assert exposure.most_in_7_days == 2
    assert exposure.weeks == pytest.approx(24 / 7)
    assert exposure.sessions_per_week == pytest.approx(7 / (24 / 7))
    assert exposure.most_mg_in_a_day["esketamine"] == 84
    assert exposure.most_mg_in_7_days["esketamine"] == 168


def test_racemate_and_esketamine_are_counted_apart() -> None:
    doses = [
        {"day": 0, "drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"},
        {"day": 7, "drug": "esketamine", "route": "intranasal", "dose": "56 mg"},
    ]
    course = load_course({"doses": doses, "patient": {"weight": "80 kg"}})
    exposure = course_exposure(course)
    assert dict(exposure.milligrams) == {"ketamine": 40.0, "esketamine": 56.0}
    assert exposure.sessions == 2 and exposure.most_in_7_days == 1


@given(
    days=st.lists(st.integers(0, 400), min_size=1, max_size=30, unique=True),
    dose=st.sampled_from([28, 56, 84]),
    weight=st.integers(40, 150),
    later=st.integers(0, 50),
)
def test_counts_hold_for_any_days(days: list[int], dose: int, weight: int, later: int) -> None:
    def of(shift: int) -> TreatmentExposure:
        listed = " ".join(str(day + shift) for day in sorted(days))
        regimen = f"esketamine {dose} mg intranasal on days {listed}"
        patient = {"weight": f"{weight} kg"}
        return course_exposure(load_course({"regimen": regimen, "patient": patient}))

    exposure = of(0)
    assert exposure.sessions == len(days)
    assert exposure.milligrams["esketamine"] == pytest.approx(dose * len(days))
    assert exposure.milligrams_per_kg["esketamine"] * weight == pytest.approx(dose * len(days))
    expected = max(sum(start <= day < start + 7 for day in days) for start in days)
    assert exposure.most_in_7_days == expected
    assert exposure.most_mg_in_7_days["esketamine"] == pytest.approx(dose * expected)
    assert exposure.most_mg_in_a_day["esketamine"] == pytest.approx(dose)
    assert exposure.weeks == pytest.approx((max(days) - min(days)) / 7)
    if len(days) > 1:
        assert exposure.sessions_per_week is not None
        assert exposure.sessions_per_week * exposure.weeks == pytest.approx(len(days) - 1)
    else:
        assert exposure.sessions_per_week is None
    again = of(later)
    assert again.milligrams == exposure.milligrams
    assert again.most_in_7_days == exposure.most_in_7_days
    assert again.weeks == pytest.approx(exposure.weeks)


def test_doses_after_the_horizon_are_left_out_and_told() -> None:
    course = load_course({"regimen": SPRAY, "patient": {"weight": "80 kg"}, "horizon": "10 d"})
    exposure = course_exposure(course)
    assert exposure.sessions == 3
    assert any("after the horizon are not counted" in note for note in exposure.notes)


# --- beside what was published


def test_nasal_esketamine_lies_within_or_above_what_its_trials_and_label_had() -> None:
    relation = {one.what: one.relation for one in _report(SPRAY).positions}
    assert relation["length of treatment"] == "within"
    assert relation["sessions in any seven days"] == "within"
    often = _report("esketamine 56 mg intranasal on days 0 2 4")
    assert {one.what: one.relation for one in often.positions}[
        "sessions in any seven days"
    ] == "above"
    years = _report(f"esketamine 56 mg intranasal on days 0 {round(6.6 * 365.25)}")
    assert {one.what: one.relation for one in years.positions}["length of treatment"] == "above"


@pytest.mark.parametrize(
    ("regimen", "setting"),
    [(INFUSIONS, None), (SPRAY, "home"), ("ketamine 300 mg sublingual weekly x4", "home")],
)
def test_numbers_of_esketamine_do_not_answer_for_other_treatment(
    regimen: str, setting: str | None
) -> None:
    report = _report(regimen, setting)
    assert {one.relation for one in report.positions} == {"beside"}
    assert all(one.meaning and one.source and one.facts for one in report.positions)


def test_recreational_exposure_is_beside_and_never_the_course_s_class() -> None:
    for regimen in (SPRAY, INFUSIONS):
        report = _report(regimen)
        assert report.exposure_classes == (CLINIC, HOME)
        beside = [one for one in report.positions if one.exposure_class == RECREATIONAL]
        assert {one.relation for one in beside} == {"beside"}
        assert "2.0 g a day" in " ".join(one.published for one in beside)
        seen = report.seen_in_class()
        assert {row.exposure_class for row in seen} <= {CLINIC, HOME, ANY}
    assert _report(SPRAY, "supervised").exposure_classes == (CLINIC,)
    assert _report(SPRAY, "home").exposure_classes == (HOME,)


def test_years_of_racemic_ketamine_have_no_denominator() -> None:
    unknown = _report(INFUSIONS, "supervised").not_known
    assert any(
        row.harm == "bladder and urinary" and "racemic ketamine" in row.statement for row in unknown
    )
    assert not any(row.known for row in unknown)
    assert not any("racemic" in row.statement for row in _report(SPRAY).not_known)


def test_nothing_is_a_score() -> None:
    report = _report(INFUSIONS).to_dict()
    keys: set[str] = set()

    def walk(value: object) -> None:
        if isinstance(value, dict):
            keys.update(map(str, value))
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    walk(report)
    assert not {key for key in keys if re.search("risk|score|probab|hazard", key)}
    assert json.loads(json.dumps(report))["exposure"]["sessions"] == 10


def test_the_table_has_every_row_and_marks_the_course_s_classes() -> None:
    report = _report(INFUSIONS, "supervised")
    frame = report.table()
    assert frame.height == len(published_harms())
    assert set(frame.filter("own_class")["exposure_class"]) == {CLINIC}


def test_every_factor_of_a_person_is_looked_for_in_the_history() -> None:
    nobody = _report(SPRAY)
    assert nobody.factors and not any(nobody.factors.values())
    course = load_course(
        {"regimen": SPRAY, "patient": {"weight": "80 kg", "history": ["active substance use"]}}
    )
    report = harms_over_time(course)
    rows = {row.id: row for row in report.of("misuse risk factors")}
    assert set(report.factors) <= set(rows)
    # all but the duty to assess everybody, which names no factor
    (left,) = [row for name, row in rows.items() if name not in report.factors]
    assert "assessed before prescribing" in left.statement
    for name, words in report.factors.items():
        assert words in ((), ("active substance use",)), name
        if "substance use" in rows[name].statement.lower():
            assert words, name
    told = report.to_dict()["factors"]
    assert {one["said"] for one in told} == {"named", "not stated"}
    alone = harms_over_time(report.exposure)
    assert alone.factors == {} and any("not assessed" in note for note in alone.notes)


# --- errors


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="setting: unknown setting 'clinic'"):
        _report(SPRAY, "clinic")
    report = _report(SPRAY)
    with pytest.raises(InputError, match="did you mean 'liver'"):
        report.of("livver")
    with pytest.raises(InputError, match="exposure_class"):
        report.of("liver", "medical")
    good: dict[str, object] = {
        "sessions": 2,
        "milligrams": {"ketamine": 80.0},
        "weight": 80.0,
        "routes": ("iv",),
        "weeks": 1.0,
        "sessions_per_week": 1.0,
        "most_in_7_days": 1,
    }
    assert harms_over_time(TreatmentExposure(**good)).exposure.sessions == 2  # type: ignore[arg-type]
    for field, value in (
        ("sessions", 0),
        ("milligrams", {}),
        ("milligrams", {"ketamin": 80.0}),
        ("milligrams", {"ketamine": -1.0}),
        ("weight", 0.0),
        ("routes", ("nose",)),
        ("weeks", float("nan")),
        ("most_in_7_days", 3),
    ):
        with pytest.raises(InputError):
            TreatmentExposure(**{**good, field: value})  # type: ignore[arg-type]
