"""The plan of a session says what its rules say, for the drug they were made for, and no more."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import Dose, Patient, load_course, split_devices
from ketasim.evidence import fact, facts, load_sources
from ketasim.reports.session.plan import session_plan_report
from ketasim.screening import EffectTime, PlanEntry, SessionPlan, session_plan, session_rules
from ketasim.screening.plan import KINDS
from ketasim.screening.plan_result import UNWATCHED
from ketasim.screening.rules.session import COUNTED_FROM, ESTABLISHED_FOR, STAGES, TABLE
from ketasim.simulation import simulate

ROOT = Path(__file__).parents[2]
LATE = ("effect", "discharge")  # an effect beyond the watch
NOBODY = Patient.model_validate({})


def _plan(regimen: str, patient: dict[str, object] | None = None, **more: object) -> SessionPlan:
    course = load_course({"regimen": regimen, "patient": patient or {}})
    return session_plan(course.regimen.doses, course.patient, **more)  # type: ignore[arg-type]


def _entries(plan: SessionPlan, what: str, jurisdiction: str = "US") -> list[PlanEntry]:
    return [
        one for one in plan.entries if one.what == what and one.jurisdiction in (jurisdiction, "")
    ]


# --- the table


def test_every_rule_names_rows_that_exist_and_its_own_source() -> None:
    known = load_sources()
    assert len({rule.rule for rule in session_rules()}) == len(session_rules())
    for rule in session_rules():
        assert rule.source in known, rule.rule
        named = {fact(one).source for one in rule.facts}
        # a rule read in its own source says where; one taken from a row has that row's source
        assert rule.source in named or rule.locator, rule.rule
        assert rule.statement and rule.topic and rule.jurisdiction and rule.date, rule.rule
        assert rule.stage in STAGES and rule.counted_from in COUNTED_FROM, rule.rule
        assert rule.established_for in ESTABLISHED_FOR, rule.rule


def test_the_date_of_a_rule_is_one_that_its_source_or_rows_show() -> None:
    for rule in session_rules():
        year = load_sources()[rule.source].year
        told = " ".join([year, *(" ".join(fact(one).cells.values()) for one in rule.facts)])
        assert rule.date in told or (rule.date == "not shown" and not year), rule.rule


def test_every_minute_of_a_rule_stands_in_its_words() -> None:
    for row, rule in zip(facts(TABLE), session_rules(), strict=True):
        words = f"{rule.statement} {rule.threshold} {rule.note}"
        for minutes in (rule.at_min_from, rule.at_min_to):
            if minutes:
                size = abs(minutes)
                told = {f"{size:g} min", f"{size / 60:g} h", f"{size / 60:g} to"}
                assert any(one in words for one in told), (rule.rule, minutes)
        assert (rule.at_min_from is None and rule.at_min_to is None) or rule.counted_from, row.id


def test_limits_of_blood_pressure_are_those_of_the_rows_named() -> None:
    for rule in session_rules():
        for limit in (rule.sbp_above, rule.dbp_above):
            if limit is None:
                continue
            assert f"{limit:g}" in rule.threshold
            if rule.facts:
                cells = " ".join(" ".join(fact(one).cells.values()) for one in rule.facts)
                assert f"{limit:g}" in cells, rule.rule


# --- sessions


def test_nasal_esketamine_is_the_label_s_own_session() -> None:
    plan = _plan("esketamine 56 mg intranasal once", {"age": 40, "ancestry": "white"})
    doses = [one for one in plan.entries if one.kind == "dose"]
    assert [one.at_min_from for one in doses] == [0, 5]
    assert "5 min apart" in doses[1].statement and doses[1].sources == ("mims_hk",)
    # care/care:43, 44 and 45, care/care:27
    assert {one.at_min_from for one in _entries(plan, "fasting")} == {-120, -30}
    assert [one.at_min_from for one in _entries(plan, "nasal preparation")] == [-60]
    gap = _entries(plan, "benzodiazepine gap", "trial protocol (esketamine phase 3)")
    assert [one.at_min_from for one in gap] == [-720]
    before, after = _entries(plan, "blood pressure")
    assert (before.at_min_from, before.at_min_to) == (None, 0)
    assert (after.at_min_from, after.at_min_to) == (40, 45)
    assert plan.end_min == 5 and plan.watch_end_min == 125 and plan.longer == ()
    driving = _entries(plan, "driving")
    assert len(driving) == 1 and "restful sleep" in driving[0].statement
    assert driving[0].at_min_to is None and driving[0].kind == "after"
    rules = [one for one in plan.entries if one.established_for]
    assert {one.established_for for one in rules} == {"esketamine"}
    told = {one.applies for one in rules}
    assert told == {
        "yes",
        "not assessed: for moderate hepatic impairment",
        "not assessed: for severe hepatic impairment",
    }


def test_for_iv_ketamine_every_rule_of_esketamine_is_marked() -> None:
    plan = _plan("ketamine 0.5 mg/kg iv over 40 min once", {"age": 40, "liver": "normal"})
    assert plan.session == "IV ketamine" and plan.end_min == 40 and plan.watch_end_min == 160
    borrowed = [one for one in plan.entries if one.established_for == "esketamine"]
    for one in borrowed:
        # where and when the rule holds stands in columns of its own
        assert one.applies == "from esketamine; not established for IV ketamine"
        assert one.borrowed and one.jurisdiction and one.date
    assert {one.what for one in borrowed} >= {"observation", "driving", "fasting", "pulse oximetry"}
    own = [one for one in plan.entries if one.established_for.startswith("racemic iv")]
    assert own and {one.applies for one in own} == {"yes"}
    assert not any(one.borrowed for one in own)
    # nothing of the spray's devices, nose and starting dose
    assert {"device spacing", "nasal preparation", "starting dose"}.isdisjoint(
        one.what for one in plan.entries
    )
    watch = next(one for one in borrowed if one.what == "observation" and one.date == "2019")
    assert (watch.at_min_from, watch.at_min_to) == (0, 160)


def test_minutes_are_from_the_first_dose_of_a_later_session() -> None:
    course = load_course({"regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4"})
    starts = course.regimen.sessions
    third = [dose for dose in course.regimen.doses if dose.session == 2]
    late = session_plan(third, course.patient, session_start_h=starts[2])
    first = [dose for dose in course.regimen.doses if dose.session == 0]
    assert late == session_plan(first, course.patient)


DRUG_ROUTES = [
    ("ketamine", "iv"),
    ("ketamine", "im"),
    ("ketamine", "intranasal"),
    ("ketamine", "sublingual"),
    ("esketamine", "intranasal"),
    ("esketamine", "iv"),
    ("esketamine", "oral"),
    ("arketamine", "iv"),
]


@given(
    kind=st.sampled_from(DRUG_ROUTES),
    minutes=st.one_of(st.just(0.0), st.floats(1.0 / 60.0, 600)),
    devices=st.integers(1, 3),
    age=st.one_of(st.none(), st.integers(18, 95)),
    liver=st.sampled_from([None, "normal", "moderate", "severe"]),
    ancestry=st.sampled_from([None, "white", "japanese"]),
)
def test_an_entry_says_no_more_than_its_rule(
    kind: tuple[str, str],
    minutes: float,
    devices: int,
    age: int | None,
    liver: str | None,
    ancestry: str | None,
) -> None:
    drug, route = kind
    if kind == ("esketamine", "intranasal"):
        doses = split_devices(Dose(0, drug, route, 28.0 * devices, "mg"), "dose")
    else:
        duration = minutes / 60 if route in ("iv", "im") else 0.0
        doses = (Dose(0, drug, route, 0.5, "mg/kg", duration=duration),)
    patient = Patient.model_validate({"age": age, "liver": liver, "ancestry": ancestry})
    plan = session_plan(doses, patient)
    assert plan.end_min == pytest.approx(max(dose.end for dose in doses) * 60, abs=1e-5)
    assert plan.watch_end_min == plan.end_min + 120
    for one in plan.entries:
        assert one.kind in KINDS and one.stage in STAGES
        assert one.sources or one.kind == "dose" or one.grade == "assumed"
        if one.kind == "dose":
            continue
        rule = next(
            rule
            for rule in session_rules()
            if one.statement.startswith(rule.statement) and one.jurisdiction == rule.jurisdiction
        )
        assert one.sources == rule.sources and one.facts == rule.facts and one.date == rule.date
        assert ("not established" in one.applies) != rule.established(drug, route)
        for told, said in (
            (one.at_min_from, rule.at_min_from),
            (one.at_min_to, rule.at_min_to),
        ):
            assert (told is None) == (said is None)
            if told is not None and said is not None:
                assert said - 1e-9 <= told <= said + plan.end_min + 1e-9
                if rule.counted_from == "first dose":
                    assert told == said
        concerned = rule.concerns(patient)
        assert concerned is not False and ("not assessed" in one.applies) == (concerned is None)
    shown = {one.statement for one in plan.entries}
    if age is not None and age > 65:
        assert not any("Under 65 years" in text for text in shown)
    if kind == ("esketamine", "intranasal") and ancestry == "japanese":
        assert any("Japanese" in text for text in shown)
    times = [one.at_min_from for one in plan.entries if one.stage in ("during", "after")]
    known = [time for time in times if time is not None]
    assert known == sorted(known)
    order = [min(STAGES.index(one.stage), 1) for one in plan.entries if one.stage in STAGES[:3]]
    assert order == sorted(order)
    order = [max(STAGES.index(one.stage), 2) for one in plan.entries]
    assert order == sorted(order)


# --- the patient


def _limits(age: int, sbp: int, dbp: int | None) -> dict[str, str]:
    vitals = {"sbp": f"{sbp} mmHg", "heart_rate": "70 /min", "spo2": "98 %"}
    vitals |= {} if dbp is None else {"dbp": f"{dbp} mmHg"}
    plan = _plan("esketamine 56 mg intranasal once", {"age": age, "vitals": vitals})
    assert any("not assessed" in note and "heart-rate" in note for note in plan.notes)
    return {
        one.jurisdiction: one.statement
        for one in plan.entries
        if one.what == "blood pressure" and one.stage == "before"
    }


def test_pressure_before_the_dose_is_held_against_the_limit_for_the_age() -> None:
    young, old = _limits(50, 145, 85), _limits(75, 145, 85)
    assert "145 mmHg, above 140" in young["EU"] and "145 mmHg, not above 150" in old["EU"]
    assert "145 mmHg, above 140" in young["US"] and "145 mmHg, above 140" in old["US"]
    trial = "trial protocol (esketamine phase 3)"
    assert "above 140" in young[trial] and "not above 150" in old[trial]
    assert all("85 mmHg, not above 90" in text for text in (*young.values(), *old.values()))
    # at 65 years the trial still has the lower limit, the EU label the higher one
    edge = _limits(65, 145, 85)
    assert "above 140" in edge[trial] and "not above 150" in edge["EU"]
    assert "Diastolic blood pressure not given: not assessed." in _limits(50, 120, None)["US"]


def test_age_ancestry_and_liver_bring_their_rules() -> None:
    spray = "esketamine 56 mg intranasal once"
    nobody = {one.what for one in _plan(spray, {"age": 40, "ancestry": "white"}).entries}
    assert "starting dose" not in nobody
    for patient in ({"age": 70, "ancestry": "white"}, {"age": 40, "ancestry": "japanese"}):
        start = [one for one in _plan(spray, patient).entries if one.what == "starting dose"]
        assert start and all("28 mg" in one.statement for one in start)
        assert all("This session: 56 mg" in one.statement for one in start)
    moderate = [one.statement for one in _plan(spray, {"liver": "moderate"}).entries]
    assert any("longer monitoring may be needed" in text for text in moderate)
    assert not any("severe hepatic impairment" in text for text in moderate)


def test_the_number_of_the_session_tells_whether_it_is_the_first_day() -> None:
    def start(number: int | None) -> str:
        plan = _plan("esketamine 56 mg intranasal once", {"age": 70}, session_number=number)
        return next(one.statement for one in plan.entries if one.what == "starting dose")

    assert "whether it is the first day is not known" in start(None)
    assert "First session of the course: 56 mg." in start(1)
    assert "Session 3 of the course, not the first" in start(3)
    with pytest.raises(InputError, match="session_number: 0 is not a session"):
        start(0)


def test_one_line_says_that_limits_of_pressure_differ() -> None:
    def told(regimen: str, age: int | None) -> list[str]:
        plan = _plan(regimen, {"age": age} if age else {})
        return [note for note in plan.notes if "differ between sources" in note]

    spray, infusion = "esketamine 56 mg intranasal once", "ketamine 0.5 mg/kg iv over 40 min once"
    assert told(spray, 50) == []
    (old,) = told(spray, 70)
    assert "140/90 mmHg (US)" in old and "150/90 mmHg (EU, patients aged 65 years and over;" in old
    assert "None applies" not in old
    assert "None applies to IV ketamine." in told(infusion, 70)[0]
    assert len(told(spray, None)) == 1


def test_what_is_not_known_of_the_patient_is_told() -> None:
    plan = session_plan((Dose(0, "ketamine", "iv", 0.5, "mg/kg"),), NOBODY)
    for word in ("age", "liver", "vital signs"):
        assert any(word in note and "not" in note for note in plan.notes), word
    # the starting dose for Japanese ancestry is that of the spray
    assert not any("ancestry" in note for note in plan.notes)
    spray = session_plan((Dose(0, "esketamine", "intranasal", 28, "mg"),), NOBODY)
    assert any("ancestry" in note for note in spray.notes)
    unknown = [one for one in plan.entries if "not assessed" in one.applies]
    assert {one.what for one in unknown} == {"blood pressure", "liver", "observation"}


# --- effects


def _published(source: str, effect: str) -> tuple[str, str]:
    row = next(
        row
        for row in facts("acute/acute_observed")
        if row.source == source and effect in row.get("effect")
    )
    return row.get("value"), row.get("time_h")


def _effect(back: float | None, high: float | None = None, **more: object) -> EffectTime:
    """Dissociation as published: peak at 40 min, gone by 1.5 h (jnj_dissoc)."""
    words, times = _published("jnj_dissoc", "CADSS dissociation time course")
    peak = float(re.findall(r"[\d.]+", times)[0])
    form: dict[str, object] = {
        "effect": "dissociation",
        "unit": "points",
        "statistic": "published time course, size not computed",
        "onset_h": None,
        "peak": 1.0,
        "peak_low": 1.0,
        "peak_high": 1.0,
        "peak_at_h": peak,
        "peak_at_low": peak,
        "peak_at_high": peak,
        "back_at_h": back,
        "back_low": back,
        "back_high": back if high is None else high,
        "threshold": "CADSS of 4 or less",
        "threshold_grade": "assumed",
        "published": words,
        "source": "jnj_dissoc",
    }
    return EffectTime(**{**form, **more})  # type: ignore[arg-type]


def test_published_effects_stand_at_their_times_and_end_within_the_watch() -> None:
    _, times = _published("jnj_dissoc", "CADSS dissociation time course")
    gone = float(re.findall(r"[\d.]+", times)[1])
    assert gone == 1.5
    plan = _plan("esketamine 84 mg intranasal once", effects=[_effect(gone)])
    peak, back = [one for one in plan.entries if one.kind == "effect"]
    assert peak.at_min_from == pytest.approx(40, abs=0.5) and back.at_min_from == 90
    assert "resolves by 1.5 h" in back.statement and "(assumed)" in back.statement
    assert plan.longer == ()


def test_an_effect_that_outlasts_two_hours_is_told_and_nothing_is_ordered() -> None:
    # the label lets the increase in blood pressure last about four hours (acute/acute_observed)
    words, times = _published("spravatolabel2020", "BP rise: peak and duration")
    peak, lasts = map(float, re.findall(r"[\d.]+", times))
    rise = _effect(
        lasts,
        effect="systolic pressure",
        unit="mmHg",
        peak_at_low=peak,
        peak_at_h=peak,
        peak_at_high=peak,
        threshold="the pressure before the dose",
        threshold_grade="measured",
        published=words,
        source="spravatolabel2020",
    )
    for effect, text in (
        (rise, "predicted to resolve by 240 min"),
        (_effect(1.5, 3.0), "upper end of the range 180 min"),
        (_effect(None), "not resolved in the time computed"),
    ):
        plan = _plan("esketamine 56 mg intranasal once", effects=[effect])
        assert len(plan.longer) == 1 and text in plan.longer[0]
        assert plan.longer[0].endswith(f"; published: {effect.published}")
        told = next(one for one in plan.entries if (one.kind, one.stage) == LATE)
        assert told.at_min_from == 125 and plan.longer[0] in told.statement
        assert "Predicted not to have resolved" in told.statement
        assert "not an instruction" in told.statement
        assert "spravato_pi_2019" in told.sources and effect.source in told.sources
        for order in ("must", "shall", "do not"):
            assert order not in told.statement


@given(st.floats(0, 12), st.floats(0, 12))
def test_the_watch_is_longer_just_when_a_band_ends_after_it(back: float, more: float) -> None:
    effect = _effect(max(back, 0.67), max(back, 0.67) + more)
    plan = session_plan(
        (Dose(0, "ketamine", "iv", 0.5, "mg/kg", duration=2 / 3),), NOBODY, [effect]
    )
    assert effect.back_high is not None
    assert bool(plan.longer) == (round(effect.back_high * 60, 6) > plan.watch_end_min)


# --- forms and errors


def test_table_and_dictionary_hold_every_entry() -> None:
    plan = _plan("ketamine 0.5 mg/kg iv over 40 min once", effects=[_effect(1.5)])
    frame = plan.table()
    assert frame.height == len(plan.entries)
    assert frame.schema["at_min_from"] == pl.Float64
    assert frame["facts"].to_list() == ["; ".join(one.facts) for one in plan.entries]
    back = json.loads(json.dumps(plan.to_dict()))
    assert len(back["entries"]) == len(plan.entries)
    assert back["entries"][0]["sources"] == list(plan.entries[0].sources)


def test_doses_and_effects_that_cannot_be_are_refused() -> None:
    dose = Dose(0, "ketamine", "iv", 0.5, "mg/kg")
    with pytest.raises(InputError, match="there is no dose"):
        session_plan((), NOBODY)
    with pytest.raises(InputError, match="2 sessions"):
        session_plan((dose, replace(dose, time=48, session=1)), NOBODY)
    with pytest.raises(InputError, match="session_start_h: the first dose is at 48 h"):
        session_plan((replace(dose, time=48),), NOBODY)
    with pytest.raises(InputError, match="band is not in order"):
        _effect(1.5, 1.0)
    with pytest.raises(InputError, match="before the session"):
        _effect(1.5, peak_at_low=-1.0)
    with pytest.raises(InputError, match="unknown grade"):
        _effect(1.5, threshold_grade="guessed")
    with pytest.raises(InputError, match="there is no source"):
        _effect(1.5, source="", threshold_grade="measured")


def test_python_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "how-to" / "session-plan.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert blocks
    shared: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "session-plan.md", "exec"), shared)  # noqa: S102 - own text


# --- forms that release over hours


def test_no_times_of_a_spray_beside_a_tablet_of_slow_release() -> None:
    plan = _plan("ketamine 120 mg oral_er once", {"age": 40})
    assert plan.watch_end_min is None and plan.longer == ()
    for entry in plan.entries:
        assert not re.search(r"\b(40 min|2 h|4 h)\b|spray|infusion", entry.statement) or (
            entry.what == UNWATCHED and "no source has one for oral extended" in entry.statement
        ), entry.statement
    assert any("rules for a spray or an infusion are not shown" in note for note in plan.notes)
    assert "no monitoring period in the sources for this form" in repr(plan)


def test_a_simulated_tablet_of_slow_release_says_when_it_peaks() -> None:
    result = simulate({"regimen": "ketamine 120 mg oral_er once"}, mood=False)
    plan = result.session_plan()
    (told,) = [one for one in plan.entries if one.what == UNWATCHED]
    assert plan.monitoring == told.statement
    assert "Predicted peaks, counted from the dose" in told.statement
    assert "at 603 min" in told.statement
    assert not any("Published" in one.statement for one in plan.entries)
    assert "<svg" in session_plan_report(plan)


def test_an_effect_that_peaks_after_the_monitoring_period_is_named() -> None:
    late = _effect(4.0, peak_at_h=3.0, peak_at_low=3.0, peak_at_high=3.0)
    plan = _plan("ketamine 100 mg oral once", {"age": 40}, effects=[late])
    assert any("Predicted to peak after a monitoring period" in note for note in plan.notes)


def test_rules_of_other_routes_are_not_beside_the_point() -> None:
    def rules(regimen: str) -> set[str]:
        shown = {one.statement for one in _plan(regimen, {"age": 40}).entries}
        return {r.rule for r in session_rules() if any(r.statement in one for one in shown)}

    drip = rules("ketamine 0.5 mg/kg iv over 40 min once")
    spray = rules("esketamine 56 mg intranasal once")
    swallowed = rules("ketamine 100 mg oral once")
    # the restricted programme, its devices, and how long the spray's own increase lasts
    programme = {"supervision_us", "rems_people", "watch_rems_form", "bp_lasts_us", "bp_lasts_eu"}
    assert programme <= spray and not programme & (drip | swallowed)
    assert {"bp_limit_iv", "watch_oxford", "place_bc"} <= drip
    assert not {"bp_limit_iv", "watch_oxford", "place_bc", "food_us"} & swallowed
    # limits of the label are shown whatever the drug
    assert "bp_before_us" in drip & spray & swallowed
