"""Sentences in the words of the clinic: read alike everywhere, or refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import Regimen, load_course, load_trial, parse_regimen, structured_regimen

IV = "ketamine 0.5 mg/kg iv over 40 min"


def days(regimen: Regimen) -> list[float]:
    return [start / 24 for start in regimen.sessions]


@pytest.mark.parametrize(
    "text",
    [
        "ketamine 0.5mg/kg IV x 40 mins",
        "Ketamine 0,5 mg/kg i.v. over 40 min once",
        "ketamine 0.5 mg/kg IV infusion over 40 min, single dose",
        "ketamine 0.5 mg/kg iv over 2400 s once",
        "ketamine 0.5 mg/kg iv 40 min once",
        "ketamine 0.5 mg/kg iv for 40 minutes",
        "ketamine 0.5 mg/kg/40 min iv",
        "ketamine 500 mcg/kg intravenously over forty minutes x 1",
        "a 40-minute IV infusion of racemic ketamine 0.5 mg per kg",
        "ketamine 0.75 mg/kg/h iv over 40 min",
        "ketamine 12.5 mcg/kg/min iv for 40 min",
        "ketamine 0.5 mg/kg iv at 0.75 mg/kg/h",
        "ketamine 1 mg/kg iv over 80 min stopped after 40 min",
        "ketamine 1 mg/kg iv, stopped after 40 of 80 min",
    ],
)
def test_one_infusion_in_many_words(text: str) -> None:
    (dose,) = parse_regimen(text).doses
    assert (dose.drug, dose.route, dose.unit, dose.time) == ("ketamine", "iv", "mg/kg", 0)
    assert dose.amount == pytest.approx(0.5) and dose.duration == pytest.approx(2 / 3)
    assert dose.duration_given


@pytest.mark.parametrize(
    ("text", "amount", "minutes"),
    [
        ("ketamine 2 mL of 50 mg/mL im", 100, 0),
        ("ketamine 50 mg/mL, 0.7 mL im", 35, 0),
        ("ketamine 35 mg in 50 mL saline iv over 40 min", 35, 40),
        ("ketamine 50 mg in 50 mL at 21 mL/h iv over 40 min", 14, 40),
        ("ketamine 21 mL/h of 1 mg/mL iv over 40 min", 14, 40),
        ("ketamine 52.5 mg/h iv over 40 min", 35, 40),
        ("ketamine 10 mg/h iv for 96 h", 960, 96 * 60),
    ],
)
def test_volumes_and_rates_are_computed_and_said(text: str, amount: float, minutes: float) -> None:
    regimen = parse_regimen(text)
    (dose,) = regimen.doses
    assert dose.amount == pytest.approx(amount) and dose.duration * 60 == pytest.approx(minutes)
    computed = "in 50 mL saline" not in text
    assert any(f"{amount:g} mg" in line for line in regimen.describe()[1:]) is computed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{IV} TIW x 2 weeks", [0, 2, 4, 7, 9, 11]),
        (f"{IV} mon wed fri x 2 weeks", [0, 2, 4, 7, 9, 11]),
        (f"{IV} Tue/Fri x 5", [0, 3, 7, 10, 14]),
        (f"{IV} on Mondays x 2, then Thursdays x 2", [0, 7, 10, 17]),
        (f"six infusions of {IV} on days 0, 2, 4, 7, 9 and 11", [0, 2, 4, 7, 9, 11]),
        (f"{IV} 3 times a week for a total of 6 infusions", [0, 2, 4, 7, 9, 11]),
        (f"{IV} every two weeks x 4", [0, 14, 28, 42]),
        (f"{IV} twice weekly in weeks 1-2, then weekly in weeks 3-4", [0, 3, 7, 10, 14, 21]),
        (f"{IV} on days 0,2,4", [0, 2, 4]),
        (f"{IV} twice weekly over 2 weeks", [0, 3, 7, 10]),
        ("ketamine 200 mg SL every third day x 3", [0, 3, 6]),
        ("ketamine 35 mg im at 0,5 h", [0.5 / 24]),
        ("ketamine 35 mg im at 0,6,12 h", [0, 0.25, 0.5]),
        ("ketamine 50 mg PO TID x 1 day", [0, 1 / 3, 2 / 3]),
        ("ketamine 50 mg/day po x 3", [0, 1, 2]),
        ("Spravato 56 mg on day 0, then 84 mg twice weekly for 2 weeks", [0, 3, 7, 10]),
        ("Spravato 56 mg on day 0, then 84 mg twice weekly in weeks 1-2", [0, 3, 7, 10]),
        ("ketamine 50 mg po once, then 50 mg daily for 2 days", [0, 1, 2]),
        (f"{IV} once, then 50 mg po daily for 2 days", [0, 1, 2]),
    ],
)
def test_when(text: str, expected: list[float]) -> None:
    assert days(parse_regimen(text)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "minutes", "expected"),
    [
        ("ketamine 0.75 mg/kg/h iv for 40 min, 3x/week for 1 week", 40, [0, 2, 4]),
        ("ketamine 10 mg/h iv for 4 hours daily for 3 days", 240, [0, 1, 2]),
        (f"{IV} thrice weekly for a fortnight", 40, [0, 2, 4, 7, 9, 11]),
        ("ketamine 0.5 mg/kg iv q72h x 3, each over 40 min", 40, [0, 3, 6]),
        (f"{IV} Monday through Friday for 1 week", 40, [0, 1, 2, 3, 4]),
        (f"{IV} M-W-F for 1 week", 40, [0, 2, 4]),
        (f"{IV} on day 0, day 3 and day 7", 40, [0, 3, 7]),
        (f"{IV} at 0 and 24 h", 40, [0, 1]),
        (f"{IV} three sessions a week x 3", 40, [0, 2, 4]),
        (f"{IV} x 3/week x 1 week", 40, [0, 2, 4]),
        ("ketamine 40 mg in 100 mL NaCl 0.9 % IVPB over 40 min once", 40, [0]),
        ("ketamine 40 mg iv in 0,9 % NaCl over an hour once", 60, [0]),
    ],
)
def test_durations_beside_spans(text: str, minutes: float, expected: list[float]) -> None:
    regimen = parse_regimen(text)
    assert days(regimen) == expected
    assert all(60 * dose.duration == pytest.approx(minutes) for dose in regimen.doses)


@pytest.mark.parametrize(
    "link", ["+ pause 10 min +", "+ pause 10 min", "pause 10 min +", "pause 10 min"]
)
def test_a_pause_between_steps(link: str) -> None:
    first, second = parse_regimen(
        f"ketamine 0.3 mg/kg iv over 10 min {link} 0.2 mg/kg over 30 min"
    ).doses
    assert second.time == pytest.approx(first.end + 1 / 6) and second.amount == 0.2


def test_the_weeks_of_a_label_count_from_its_first_dose_and_that_is_said() -> None:
    regimen = parse_regimen(
        "esketamine 56 mg intranasal on day 0, then 84 mg twice weekly for 4 weeks"
    )
    assert days(regimen) == [0, 3, 7, 10, 14, 17, 21, 24]
    (told,) = regimen.assumptions
    assert "count from the single dose on day 0: 7 sessions" in told
    assert load_course({"regimen": regimen.text}).assumptions[-2:-1] == (told,)


def test_a_form_without_a_route_is_an_assumption() -> None:
    regimen = parse_regimen("ketamine 200 mg lozenge every 3 days x 10")
    assert regimen.doses[0].route == "sublingual"
    assert regimen.assumptions == ("'lozenge' is read as sublingual, which is assumed.",)
    assert parse_regimen("ketamine 200 mg buccal lozenge once").assumptions == ()


REFUSED = [
    (f"{IV.replace('over', 'twice weekly for')}", "number of sessions is missing"),
    ("ketamine 0.5 mg/kg im weekly for 3 days", "shorter than the time between two sessions"),
    ("ketamine 0.5 mg/kg IV infusion weekly x 4", "how long it takes"),
    ("ketamine 5 mcg/kg/min iv", "does not say for how long"),
    ("ketamine 21 mL/h iv over 40 min", "without a concentration"),
    ("ketamine 2 mL im", "without a concentration"),
    ("ketamine 35 mg, 2 mL of 50 mg/mL im", "is not '2 mL' of 50 mg/mL"),
    ("ketamine 0.5 mg/kg at 1 mg/kg/h iv over 40 min", "write two of the three"),
    (f"{IV} x6", "how many, 6, but not how often"),
    (f"{IV}, six infusions over two weeks", "does not say how often"),
    (f"{IV} 4 weekly", "'4/week', 'x 4' or 'every 4 weeks'"),
    (f"{IV} six weekly infusions", "may be six a week"),
    (f"{IV} every 3-4 days x 5", "is a range"),
    (f"{IV} weekly x 3 for 4 weeks", "do not agree: that time has 4"),
    (f"{IV} weekly x 4, then on Tuesdays x 2", "which weekday day 0 is"),
    (f"{IV} Mon-Fri for 1 week", "may be the days named or all"),
    (f"{IV} Mon, Wed-Fri for 1 week", "may be the days named or all"),
    (f"{IV} twice weekly in weeks 1 and 4", "weeks with others between"),
    (f"{IV} weekly for 6 months", "months and years differ in length"),
    (f"{IV} weekly for a month", "write the time in weeks or days"),
    (f"{IV} x 6 on days 0 2 4", "3 times named, and 6 sessions"),
    (f"{IV} x 6 then 0.75 mg/kg x 2 if no response", "without a condition"),
    (f"{IV} or im once", "write the one that is given"),
    (f"{IV} in 2 weeks", "how often"),
    (f"{IV} on day 0; 1 mg/kg on day 3", "sessions that differ with 'then'"),
    ("ketamine 50 mg (1 mL) im once", "may be a dose and its volume"),
    # the rest of the day is no part of the infusion: 0.5 mg/kg, not a 36th of it
    ("ketamine 0.5 mg/kg/day iv over 40 min daily x 5", "may be a dose or a rate"),
    ("ketamine 0.5 mg/kg/week iv over 40 min once", "may be a dose or a rate"),
    ("ketamine 50 mg/8 h im once", "may be given over 8 h, or every 8 h"),
    ("ketamine 50 mg/2 days im once", "write 'over 2 days' or 'every 2 days'"),
    (f"{IV} 3x/week x 2", "write 'x 2 sessions' or 'x 2 weeks'"),
    (f"{IV} Mon, Wed, Fri x 2", "may be sessions or weeks"),
    ("ketamine 50 mg oral TID x 5", "write 'x 5 doses' or 'x 5 days'"),
    ("ketamine 50 mg oral x 2 daily for 2 days", "may be 2 a day, or 2 doses, one a day"),
    ("Spravato 84 mg x 2 weekly for 2 weeks", "write '2/week', or 'weekly, x 2'"),
    (f"{IV}, 2 infusions weekly for 2 weeks", "may be 2 a week, 2 doses"),
    ("Spravato 28 mg x 2 twice weekly", "how many at a time, or how many sessions"),
    ("esketamine 28 mg nasal x 2 twice weekly for 1 week", "how many at a time"),
    ("esketamine 28 mg nasal x 2 devices once", "whole dose of a session"),
    ("ketamine 10 mg nasal x 5 sprays once", "'x 5 sprays' is not read"),
    ("ketamine 2 tablets of 50 mg oral once", "'2 tablets' is not read"),
    ("ketamine 200 mg, half a troche, SL once", "'half a troche' is not read"),
    ("ketamine 1 000 mg oral once", "with nothing between its digits"),
    ("ketamine 1 1/2 mg/kg im once", "decimal number for a fraction"),
    ("ketamine 50 mg iv over 2/3 h once", "decimal number for a fraction"),
    ("ketamine 50 mg iv over 1 h 30 min once", "in one unit"),
    ("ketamine 50 mg iv over 2 weeks", "how long one infusion takes, or how long sessions"),
    (f"{IV} thrice", "does not say how often"),
    (f"{IV} week 1: 3x, week 2: 2x", "part by 'then'"),
    (f"{IV} 3 days/week for 2 weeks", "'days/week' is not read"),
    (f"{IV} x 6, 48 h apart", "write 'every' before"),
    (f"{IV} weekly x 4, hold if SBP > 160", "'hold' is not read"),
    (f"{IV} x 6 with 2 days between", "cannot read 'with'"),
    (f"{IV} on 1 May, 3 May", "'1 May' is a date"),
    ("racemic ketamine (1:1 R:S) 50 mg im once", "'1:1' is not read"),
    ("first dose 0.25 mg/kg, then ketamine 0.5 mg/kg iv weekly x 4", "'first dose' is not read"),
    ("ketamine 0.5 mg/kg IVPB once", "how long it takes"),
    ("esketamine 28 mg per nostril once", "whole dose of a session"),
    (f"{IV} once, half given", "write the amount that was given"),
    (f"{IV} stopped after 20 min, then weekly x 3", "say its dose"),
    (f"{IV} stopped after 50 min", "not within the infusion"),
    ("ketamine 0.5-1 mg/kg iv over 40 min once", "is a range"),
    ("ketamine 0.5 mg/kg iv over 40-60 min once", "is a range"),
    ("ketamine 0.5 mg/m2 iv over 40 min", "'mg/m2' is not a unit of a dose"),
    ("ketamine 0.5 mg/kg iv over 40 m\u0131n", "'m\u0131n' after '40' is not a unit"),
    ("ketamine ,5 mg/kg oral once", "',5' begins with a comma"),
    ("ketamine 1,000 mg oral once", "1000 or 1.000"),
    ("ketamine 1.000 mg oral once", "1 or 1000"),
    ("ketamine 35 mg im on days 1,8", "1 and 8, or 1.8"),
    ("ketamine 35 mg im at 9:00", "time of the clock"),
    ("ketamine 35 mg im at 9 am", "time of the clock"),
    ("ketamine 35 mg im on 2026-01-05", "is a date"),
    ("ketamine 50 % mg im once", "percentage"),
    ("ketamine 50 mg? im once", "cannot read '?'"),
    ("ketamine 50 mg*pi im once", "cannot read '*pi'"),
    ("ketamine 50 mg # im once", "cannot read '#'"),
    ("ketamine (50 mg im once", "bracket"),
    ("ketamine 4 x 50 mg oral daily x 3", "one dose or several"),
    ("ketamine 150 mg oral in three doses", "write each dose"),
    ("ketamine 50 mg ODT once", "does not say the route"),
    ("ketamine 50 mg epidural once", "not simulated"),
    ("ketamine 50 mg iv oral once", "two routes"),
    ("Spravato 56 mg iv once", "two routes"),
    ("Ketanest 25 mg iv once", "the racemate or esketamine"),
    ("ketamine and midazolam 2 mg iv once", "cannot read 'midazolam'"),
    ("norketamine 5 mg im once", "unknown drug"),
    ("ketamine 5e-324 mg im once", "too little"),
    ("ketamine hydrochloride 50 mg im once, then esketamine 50 mg oral on day 3", "named anew"),
    ("ketamine hydrochloride 50 mg im once, then ketamine 30 mg on day 3", "named anew"),
    ("k" * 60_000, "more than 20,000 letters"),
]


@pytest.mark.parametrize(("text", "part"), REFUSED, ids=[text[:60] for text, _ in REFUSED])
def test_refusals(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_regimen(text)
    message = str(caught.value)
    assert caught.value.field == "regimen" and part in message
    assert "\n" not in message and len(message) < 500


@pytest.mark.parametrize(("text", "part"), REFUSED, ids=[text[:60] for text, _ in REFUSED])
def test_no_remedy_changes_a_drug_a_dose_or_an_amount(text: str, part: str) -> None:
    """Amounts in a remedy are none but the user's own; drugs are none, or all of them."""
    del part
    with pytest.raises(InputError) as caught:
        parse_regimen(text)
    remedy = caught.value.remedy
    assert re.search(r"\d\s*(?:mg|ug|mcg|g|mL)\b", remedy) is None
    named = [
        drug
        for drug in ("ketamine", "esketamine", "arketamine")
        if drug in re.findall(r"\w+", remedy)
    ]
    assert len(named) != 1


def test_amounts_by_the_day_run_for_days() -> None:
    """A day and more at a rate by the day is an infusion; without a time it is a daily dose."""
    (driver,) = parse_regimen("ketamine 100 mg/day sc infusion over 3 days").doses
    assert (driver.amount, driver.duration) == (pytest.approx(300), 72)
    assert [d.amount for d in parse_regimen("ketamine 100 mg/day oral x 3 days").doses] == [100] * 3
    (slow,) = parse_regimen("ketamine 500 mg iv infusion over 2 weeks").doses
    assert (slow.amount, slow.duration) == (500, 336)


@pytest.mark.parametrize(
    ("text", "sessions"),
    [
        ("ketamine 50 mg oral x 14 daily", 14),
        ("ketamine 50 mg oral bd x 6 doses", 6),
        (f"{IV} 3x/week x 2 sessions", 2),
        (f"{IV} 3x/week x 2 weeks", 6),
        (f"{IV}, 4 infusions, weekly", 4),
        (f"{IV} weekly x 4 doses", 4),
        (f"{IV} weekly x 4 in weeks 3-6", 4),
        ("S-Ketamin 25 mg s.c. weekly x 3", 3),
    ],
)
def test_numbers_of_sessions_that_leave_no_doubt(text: str, sessions: int) -> None:
    assert len(parse_regimen(text).sessions) == sessions


# One vocabulary for the sentence, the list and the arms

SYNONYMS = [
    ({"route": "IV"}, {"route": "intravenous"}),
    ({"route": "i.v."}, {"route": "iv"}),
    ({"drug": "S-ketamine"}, {"drug": "esketamine"}),
    ({"drug": "Ketanest S"}, {"drug": "esketamine"}),
    ({"drug": "Ketalar"}, {"drug": "racemic ketamine"}),
    ({"dose": "0,5 mg/kg"}, {"dose": "500 mcg/kg"}),
    ({"dose": "0.75 mg/kg/h"}, {"dose": "0.5 mg/kg"}),
    ({"dose": "3.5 mL of 10 mg/mL"}, {"dose": "35 mg"}),
    ({"over": "2400 s"}, {"over": "forty minutes"}),
    ({"drug": "ketamine HCl"}, {"drug": "ketamine hydrochloride"}),
]
PLAIN = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}


def as_sentence(entry: dict[str, str]) -> Regimen:
    words = f"{entry['drug']} {entry['dose']} {entry['route']} over {entry['over']}"
    return parse_regimen(f"{words} on days 0 3")


def as_list(entry: dict[str, str]) -> Regimen:
    items: list[dict[str, Any]] = [{**entry, "day": day} for day in (0, 3)]
    return structured_regimen(items)


def as_arm(entry: dict[str, str]) -> Regimen:
    trial = load_trial(
        {
            "trial": "words",
            "population": {"baseline": {"scale": "madrs", "mean": 30, "sd": 5}},
            "arms": [{"id": "a", "n": 10, **entry, "days": [0, 3]}],
            "assess": [{"scale": "MADRS", "at": ["4 d"], "metrics": ["score"]}],
        }
    )
    regimen = trial.arms[0].regimen
    assert regimen is not None
    return regimen


@pytest.mark.parametrize(("one", "other"), SYNONYMS, ids=[str(one) for one, _ in SYNONYMS])
def test_synonyms_are_equal_in_every_form(one: dict[str, str], other: dict[str, str]) -> None:
    """As a sentence, as a list and as an arm, each in both words: six times the same doses."""
    found = [
        read(PLAIN | words) for words in (one, other) for read in (as_sentence, as_list, as_arm)
    ]
    for regimen in found[1:]:
        for dose, first in zip(regimen.doses, found[0].doses, strict=True):
            assert (dose.time, dose.drug, dose.route, dose.unit, dose.salt) == (
                first.time,
                first.drug,
                first.route,
                first.unit,
                first.salt,
            )
            assert dose.amount == pytest.approx(first.amount)
            assert dose.duration == pytest.approx(first.duration)


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"dose": "50 mg?"}, "doses[0].dose", "not an amount"),
        ({"dose": "50 mg BD"}, "doses[0].dose", "when it is given in its own field"),
        ({"dose": "0.5 mg/kg/day"}, "doses[0].dose", "not read in an amount"),
        ({"dose": "28 mg x 2 devices"}, "doses[0].dose", "whole dose of a session"),
        ({"dose": "1 000 mg"}, "doses[0].dose", "nothing between its digits"),
        ({"dose": "50 mg*pi"}, "doses[0].dose", "not an amount"),
        ({"dose": "50 % mg"}, "doses[0].dose", "percentage"),
        ({"dose": ",5 mg/kg"}, "doses[0].dose", "begins with a comma"),
        ({"dose": "1,000 mg"}, "doses[0].dose", "1000 or 1.000"),
        ({"dose": "1.000 mg"}, "doses[0].dose", "1 or 1000"),
        ({"dose": "k" * 100_000}, "doses[0].dose", "not an amount"),
        ({"dose": "2 mL"}, "doses[0].dose", "concentration"),
        ({"dose": "50 mg/day"}, "doses[0].dose", "not read in an amount"),
        ({"dose": "5 mcg/kg/min", "over": None}, "doses[0].dose", "for how long"),
        ({"route": "IV infusion", "over": None}, "doses[0].dose", "how long it takes"),
        ({"route": None}, "doses[0].route", "missing"),
        ({"drug": "Spravato"}, "doses[0].route", "intranasal"),
        ({"salt": "sulphate"}, "doses[0].salt", "base, hydrochloride"),
        ({"duration": "40 min"}, "doses[0].duration", "'over'"),
        ({"amount": "5 mg"}, "doses[0].amount", "'dose'"),
        ({"frequency": "weekly"}, "doses[0].frequency", "an entry for each dose"),
    ],
)
def test_entries_that_are_refused(changes: dict[str, Any], field: str, part: str) -> None:
    entry: dict[str, Any] = {**PLAIN, "day": 0, **changes}
    with pytest.raises(InputError) as caught:
        structured_regimen([{key: value for key, value in entry.items() if value is not None}])
    assert caught.value.field == field and part in str(caught.value)


def test_what_is_computed_is_exact() -> None:
    """Two thirds of an hour at 0.3 mg/kg/h are 0.2 mg/kg to the last digit."""
    entry = {**PLAIN, "dose": "5 mcg/kg/min"}
    for regimen in (as_sentence(entry), as_list(entry), as_arm(entry)):
        assert {dose.amount for dose in regimen.doses} == {0.2}


# An infusion without a duration


def test_an_iv_dose_without_a_duration_is_an_assumption_everywhere() -> None:
    sentence = load_course({"regimen": "ketamine 0.5 mg/kg iv twice weekly x 4"})
    entry = {"day": 0, "drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg"}
    listed = load_course({"doses": [entry]})
    trial = load_trial(
        {
            "trial": "words",
            "population": {"baseline": {"scale": "MADRS", "mean": 30, "sd": 5}},
            "arms": [
                {"id": "a", "n": 9, **{k: v for k, v in entry.items() if k != "day"}, "days": [0]}
            ],
            "assess": [{"scale": "MADRS", "at": ["1 d"], "metrics": ["score"]}],
        }
    )
    for found, path in ((sentence, "regimen"), (listed, "doses.over"), (trial, "arms[0].over")):
        assert path in found.assumed
        assert any("given at once (bolus) is assumed" in line for line in found.assumptions)
        assert any("given at once (bolus) is assumed" in line for line in found.warnings)
    again = load_course(listed.to_dict())
    assert again == listed and again.assumed == listed.assumed
    assert "no duration is given" in sentence.regimen.describe()[0]


@pytest.mark.parametrize("over", ["bolus", "0 min", "40 min"])
def test_a_duration_that_is_given_is_no_assumption(over: str) -> None:
    entry = {"day": 0, "drug": "ketamine", "route": "iv", "dose": "0.1 mg/kg", "over": over}
    course = load_course({"doses": [entry]})
    again = load_course(course.to_dict())
    assert course.regimen.assumptions == again.regimen.assumptions == ()
    assert again.regimen == course.regimen
    assert parse_regimen("ketamine 0.1 mg/kg iv bolus once").assumptions == ()
    assert parse_regimen("ketamine 0.1 mg/kg im once").assumptions == ()


# What is understood, said and read again

_ROUTES = st.sampled_from(["iv", "im", "oral", "oral_er", "sublingual", "intranasal", "inhaled"])
_WHEN = st.sampled_from(
    ["once", "on days 0 2 4", "at 0, 6, 12 h", "weekly x 4", "BIW x 3 wk", "daily x 60", "q8h x 5"]
)


@given(
    drug=st.sampled_from(["ketamine", "esketamine", "arketamine", "ketamine hydrochloride"]),
    amount=st.integers(1, 400).map(lambda n: n / 4),
    unit=st.sampled_from(["mg", "mg/kg"]),
    route=_ROUTES,
    over=st.sampled_from(["", "bolus", "over 40 min", "over 2 h"]),
    when=_WHEN,
    more=st.booleans(),
)
def test_what_is_described_is_read_as_the_same(
    drug: str, amount: float, unit: str, route: str, over: str, when: str, more: bool
) -> None:
    if route == "intranasal" and drug == "esketamine":
        amount, unit = 56, "mg"
    over = over if route in ("iv", "im") else ""
    # more than 40 days in a row that breaks are not all named
    then = ", then every 3 days x 2" if more and "60" not in when else ""
    regimen = parse_regimen(f"{drug} {amount} {unit} {route} {over} {when}{then}")
    again = parse_regimen(", then ".join(regimen.describe()))
    assert len(again.doses) == len(regimen.doses)
    for one, other in zip(again.doses, regimen.doses, strict=True):
        assert one.time == pytest.approx(other.time)
        assert (one.drug, one.route, one.amount, one.unit, one.salt, one.device) == (
            other.drug,
            other.route,
            other.amount,
            other.unit,
            other.salt,
            other.device,
        )
        assert one.duration == pytest.approx(other.duration)


_WORDS = """
ketamine esketamine Spravato (S)-ketamine HCl base iv IV i.v. im SC PO lozenge ER 0.5 0,5 ,5 1,000 5
40 x for over at on day days and then + pause stopped after once mg mg/kg mL mg/mL mcg/kg/min mL/h
min h s d weeks weekly BIW q2w every third other Mon Wed 3/week twice a six infusions infusion bolus
from in weeks 1-4 0-3 : . ( ) \u0131 \u00d7 \u00b5g % ? # \x00 \u202e 9:00 2026-01-05
"""
_PIECES = [*_WORDS.split()]


@given(st.lists(st.sampled_from(_PIECES), max_size=16).map(" ".join) | st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        regimen = parse_regimen(text)
    except InputError as error:
        refused = error
    else:
        assert regimen.describe() and all(dose.amount > 0 for dose in regimen.doses)
        return
    assert "\n" not in str(refused) and refused.field and refused.remedy


# The patient's fields


@pytest.mark.parametrize(
    ("patient", "name", "value"),
    [
        ({"sex": "F"}, "sex", "female"),
        ({"sex": "man"}, "sex", "male"),
        ({"weight": "78 Kg"}, "weight", 78.0),
        ({"weight": "78,5 kg"}, "weight", 78.5),
        ({"age": "45 y"}, "age", 45.0),
        ({"kidney": "Mild impairment"}, "kidney", "mild"),
    ],
)
def test_a_patient_in_the_words_of_the_clinic(
    patient: dict[str, Any], name: str, value: object
) -> None:
    assert getattr(load_course({"patient": patient, "regimen": IV}).patient, name) == value


@pytest.mark.parametrize(
    ("patient", "field", "part"),
    [
        ({"age": "40 min"}, "patient.age", "years, months"),
        ({"sex": "divers"}, "patient.sex", "female, male"),
        ({"kidney": "haemodialysis"}, "patient.kidney", "'history: [haemodialysis]'"),
        ({"pregnant": True}, "patient.pregnant", "under 'history'"),
        ({"medication": []}, "patient.medication", "under 'medicines'"),
        ({"gender": "F"}, "patient.gender", "'sex'"),
        ({"baseline": {"scale": "HAM-D", "score": 20}}, "patient.baseline.scale", "HDRS17, HDRS21"),
        ({"baseline": {"scale": "HAM-A", "score": 20}}, "patient.baseline.scale", "use one of"),
        ({"ancestry": "indian"}, "patient.ancestry", "use one of"),
    ],
)
def test_what_a_patient_has_elsewhere(patient: dict[str, Any], field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_course({"patient": patient, "regimen": IV})
    assert caught.value.field == field and part in str(caught.value)


def test_a_share_of_women_is_a_fraction_or_a_percentage() -> None:
    for female in (0.6, "60 %", "60%", "60 per cent"):
        course = load_course({"population": {"n": 5, "female": female}, "regimen": IV})
        assert course.population is not None and course.population.female == 0.6
    for wrong in ("60", 60, "half", "160 %", "-5 %"):
        with pytest.raises(InputError, match=r"population\.female"):
            load_course({"population": {"n": 5, "female": wrong}, "regimen": IV})


@pytest.mark.parametrize(
    "text",
    [
        "KETAM\u0130NE 50 mg oral once",
        "ketam\u0131ne 50 mg oral once",
        "S-\u212aetamine 50 mg oral once",
        "\u017fpravato 56 mg once",
        "ketamine \u017fixty mg oral once",
    ],
)
def test_letters_that_only_look_alike_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_regimen(text)
