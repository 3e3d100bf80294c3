"""The regimen sentence: what it means, what it says back, and what it refuses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import DRUGS, ROUTES, Regimen, parse_regimen

IV = "ketamine 0.5 mg/kg iv over 40 min"
LABEL = [0, 3, 7, 10, 14, 17, 21, 24, 31, 38, 45, 52, 66, 80, 94, 108]


def days(regimen: Regimen) -> list[float]:
    return [start / 24 for start in regimen.sessions]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{IV} on days 0 2 4 7 9 11, then weekly x4", [0, 2, 4, 7, 9, 11, 18, 25, 32, 39]),
        (
            f"{IV} 3/week x 2 wk, then weekly x 4, then every 2 weeks x 4",
            [0, 2, 4, 7, 9, 11, 18, 25, 32, 39, 53, 67, 81, 95],
        ),
        (
            (
                "esketamine 56 mg intranasal twice weekly x 4 wk, then weekly x 4, "
                "then every 2 weeks x 4"
            ),
            LABEL,
        ),
        (
            (
                "esketamine 56 mg intranasal on day 0, then 84 mg twice weekly x 7, "
                "then 84 mg weekly x 4, then 56 mg every 2 weeks x 4"
            ),
            LABEL,
        ),
        ("ketamine 25 mg sublingual every 3 days x 10", list(range(0, 30, 3))),
        ("ketamine 120 mg oral_er daily x 14", list(range(14))),
        ("ketamine 0.5 mg/kg im once", [0]),
        ("ketamine 0.5 mg/kg im", [0]),
        ("ketamine 0.5 mg/kg im once on day 3", [3]),
        ("ketamine 50 mg oral every 12 h x 6", [0, 0.5, 1, 1.5, 2, 2.5]),
        ("ketamine 50 mg oral on days 0-4", [0, 1, 2, 3, 4]),
        ("ketamine 50 mg oral on days 0-2, 5 and 7", [0, 1, 2, 5, 7]),
        ("ketamine 50 mg oral daily for 2 weeks", list(range(14))),
        ("ketamine 50 mg oral twice daily for 2 days", [0, 0.5, 1, 1.5]),
        ("ketamine 50 mg oral twice weekly x 3", [0, 3, 7]),
        ("ketamine 50 mg oral twice a week for 10 days", [0, 3, 7]),
        ("ketamine 50 mg oral 4/week x 5", [0, 1, 3, 5, 7]),
        ("ketamine 50 mg oral three times per week x 4 doses", [0, 2, 4, 7]),
        ("ketamine 50 mg oral every 10 days x 3", [0, 10, 20]),
        ("ketamine 50 mg oral every other day x 3", [0, 2, 4]),
        ("ketamine 50 mg oral at 0, 6, 12 h", [0, 0.25, 0.5]),
        ("ketamine 50 mg oral weekly x 2 from day 5", [5, 12]),
        ("ketamine 50 mg oral weekly x 2, then daily x 2 from day 10", [0, 7, 10, 11]),
        ("ketamine 50 mg oral on day 11 then twice weekly x 4", [11, 14, 18, 21, 25]),
    ],
)
def test_days(text: str, expected: list[float]) -> None:
    assert days(parse_regimen(text)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("words", "route"),
    [
        ("extended-release oral", "oral_er"),
        ("oral er", "oral_er"),
        ("Oral Extended Release", "oral_er"),
        ("subcutaneously", "sc"),
        ("PO", "oral"),
        ("sl", "sublingual"),
        ("nasal", "intranasal"),
        *((route, route) for route in ROUTES),
    ],
)
def test_names_of_routes(words: str, route: str) -> None:
    assert parse_regimen(f"Ketamine 20 mg {words} once").doses[0].route == route


def test_a_phase_restates_what_changes() -> None:
    regimen = parse_regimen(
        "ketamine hydrochloride 0.5 mg/kg iv over 40 min on day 0, then 0.3 mg/kg on day 1, "
        "then over 1 h on day 2, then esketamine hydrochloride on day 3, then 20 mg im on day 4, "
        "then base on day 5"
    )
    told = [(d.drug, d.amount, d.unit, d.route, d.duration, d.salt) for d in regimen.doses]
    salt = "hydrochloride"
    assert told == [
        ("ketamine", 0.5, "mg/kg", "iv", pytest.approx(2 / 3), salt),
        ("ketamine", 0.3, "mg/kg", "iv", pytest.approx(2 / 3), salt),
        ("ketamine", 0.3, "mg/kg", "iv", 1.0, salt),
        ("esketamine", 0.3, "mg/kg", "iv", 1.0, salt),
        ("esketamine", 20.0, "mg", "im", 0.0, salt),
        ("esketamine", 20.0, "mg", "im", 0.0, "base"),
    ]


def test_steps_of_an_infusion_follow_each_other() -> None:
    regimen = parse_regimen("ketamine 0.3 mg/kg iv over 10 min + 0.2 mg/kg over 30 min on days 0 7")
    assert days(regimen) == [0, 7]
    assert [d.session for d in regimen.doses] == [0, 0, 1, 1]
    assert [d.time for d in regimen.doses] == pytest.approx([0, 1 / 6, 168, 168 + 1 / 6])
    assert [d.amount for d in regimen.doses] == [0.3, 0.2, 0.3, 0.2]


def test_a_bolus_then_an_infusion_is_one_session() -> None:
    then = parse_regimen("ketamine 0.1 mg/kg iv bolus then 0.3 mg/kg iv over 60 min on day 0")
    plus = parse_regimen("ketamine 0.1 mg/kg iv bolus + 0.3 mg/kg iv over 60 min on day 0")
    assert then.doses == plus.doses
    assert [(d.time, d.duration) for d in then.doses] == [(0, 0), (0, 1)]
    assert then.sessions == (0,)


@pytest.mark.parametrize(("amount", "devices"), [(28, 1), (56, 2), (84, 3), (112, 4)])
def test_nasal_esketamine_is_split_into_devices(amount: int, devices: int) -> None:
    regimen = parse_regimen(f"esketamine {amount} mg intranasal weekly x 2")
    first = [d for d in regimen.doses if d.session == 0]
    assert [d.device for d in first] == list(range(devices))
    assert [d.time * 60 for d in first] == pytest.approx([5 * n for n in range(devices)])
    assert all(d.amount == 28 for d in first)
    assert days(regimen) == [0, 7]


@pytest.mark.parametrize("drug", ["ketamine", "arketamine"])
def test_a_plain_nasal_spray_has_no_devices(drug: str) -> None:
    (dose,) = parse_regimen(f"{drug} 30 mg intranasal once").doses
    assert (dose.amount, dose.device) == (30, 0)


@pytest.mark.parametrize(
    "text", ["ketamine hydrochloride 50 mg im", "ketamine 50 mg (hydrochloride) im"]
)
def test_the_salt_is_converted_and_said(text: str) -> None:
    regimen = parse_regimen(text)
    assert regimen.doses[0].milligrams(70.0) == pytest.approx(50 * 237.73 / 274.19)
    assert "hydrochloride, 43.35 mg of base" in regimen.describe()[0]


def test_describe_says_days_devices_and_base() -> None:
    regimen = parse_regimen(
        "esketamine 56 mg intranasal on day 0, then 84 mg twice weekly x 3, "
        "then ketamine 25 mg sublingual daily x 50"
    )
    assert regimen.describe() == [
        "1 session: esketamine 56 mg (base) intranasal (2 devices of 28 mg, 5 min apart) on day 0",
        (
            "3 sessions: esketamine 84 mg (base) intranasal (3 devices of 28 mg, 5 min apart) "
            "on days 3, 7, 10"
        ),
        "50 sessions: ketamine 25 mg (base) sublingual every 24 h from day 11 to day 60",
    ]


REFUSED = [
    ("", "empty"),
    ("ketamin 5 mg im once", "did you mean 'ketamine'"),
    ("midazolam 5 mg im once", "use one of: arketamine, esketamine, ketamine"),
    ("ketamine 5 im once", "'5' has no unit after 'ketamine'"),
    ("ketamine 5", "'5' has no unit"),
    ("ketamine 5 ml iv once", "add the concentration in mg/mL"),
    ("ketamine 5 mg/kg/h iv once", "does not say for how long"),
    ("ketamine 5 mg iv over 40 once", "'40' has no unit; write it with its unit"),
    ("ketamine 5 mg intranassal once", "after 'ketamine 5 mg'; did you mean 'intranasal'"),
    ("ketamine 5 mg im weekli x 4", "did you mean 'weekly'"),
    ("ketamine 5 mg im biweekly x 4", "write 'twice weekly' or 'every 2 weeks'"),
    ("ketamine 5 mg im weekly", "'x 4' or 'for 4 weeks'"),
    ("ketamine 5 mg im weekly x", "cannot read 'x'"),
    ("ketamine 5 mg im weekly x 0", "whole number above 0"),
    ("ketamine 5 mg im weekly x 2.5", "whole number above 0"),
    ("ketamine 5 mg im weekly x 1e9", "more than 10,000 doses"),
    ("ketamine 5 mg im every 0.001 min for 3 weeks", "more than 10,000 doses"),
    ("ketamine 5 mg im on days 0-999999999", "more than 10,000 doses"),
    ("esketamine 2800000 mg intranasal once", "more than 10,000 doses"),
    ("ketamine 5 mg im weekly x 2000", "20 years"),
    ("ketamine 5 mg im on day 99999", "not a day"),
    ("ketamine 5 mg im on day -1", "count days from 0"),
    ("ketamine 5 mg im at -3 h", "before day 0"),
    ("ketamine 5 mg im on days 3 2", "ascending"),
    ("ketamine 5 mg im on days 2 2", "ascending"),
    ("ketamine 5 mg im on days 4-2", "backwards"),
    ("ketamine 5 mg im weekly x 4 then on day 3", "day 3 does not come after day 21"),
    ("ketamine 5 mg im weekly x 4 then once", "on day 14"),
    ("ketamine 5 mg im on day 0 then 3 mg", "does not say when"),
    ("ketamine 5 mg im on days 0 3 x 4", "name the day of every session"),
    ("ketamine 5 mg im weekly x 4 x 5", "twice"),
    ("ketamine 5 mg im 9/week x 3", "not a pattern"),
    ("ketamine 5 mg im every 0 days x 3", "duration"),
    ("ketamine -5 mg im once", "above 0"),
    ("ketamine 0 mg im once", "above 0"),
    ("ketamine nan mg im once", "cannot read 'nan'"),
    ("ketamine 1e999 mg im once", "finite"),
    ("ketamine 5 mg im 3 mg once", "amount twice"),
    ("ketamine 5 mg oral over 3 h once", "only iv, im and sc"),
    ("ketamine 5 mg iv over -3 min once", "duration"),
    ("ketamine 5 mg iv over 400000 h once", "20 years"),
    ("5 mg im once", "the drug is missing"),
    ("ketamine im once", "the dose is missing"),
    ("ketamine 5 mg once", "the route is missing"),
    ("weekly x 4", "what is given"),
    ("esketamine 50 mg intranasal once", "devices of 28 mg"),
    ("esketamine 0.5 mg/kg intranasal once", "devices of 28 mg"),
    ("esketamine hydrochloride 56 mg intranasal once", "mg of base"),
    ("esketamine 56 mg intranasal then 84 mg weekly x 4", "join the steps of one session"),
    ("ketamine 0.3 mg/kg iv over 10 min + 0.2 mg/kg once", "'bolus'"),
    (
        "ketamine 0.3 mg/kg iv over 10 min + 0.2 mg/kg over 1 h once then 0.5 mg/kg weekly x 2",
        "'bolus'",
    ),
]


@pytest.mark.parametrize(("text", "part"), REFUSED)
def test_refusals_are_one_line_with_field_and_remedy(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_regimen(text)
    message = str(caught.value)
    assert caught.value.field == "regimen"
    assert part in message
    assert "\n" not in message and "; " in message and caught.value.remedy


_WORDS = re.findall(
    r"\S+",
    "ketamine esketamine 5 0.5 mg mg/kg iv im intranasal oral over bolus 40 min h on day days 0-3 "
    "at once daily weekly 3/week twice a week every other x for from then + (base) , and nan -1",
)


@given(
    st.one_of(
        st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join),
        st.lists(st.sampled_from(_WORDS), max_size=8).map(
            lambda words: "ketamine 5 mg im " + " ".join(words)
        ),
        st.text(alphabet="ketamin 05.mg/kivover,+x-dsthwly()\n", max_size=60),
    )
)
def test_any_text_is_read_or_refused(text: str) -> None:
    refused: InputError | None = None
    regimen: Regimen | None = None
    try:
        regimen = parse_regimen(text)
    except InputError as error:
        refused = error
    assert regimen is None or regimen.describe()
    assert refused is None or (refused.field == "regimen" and "\n" not in str(refused))


@given(
    drug=st.sampled_from(DRUGS),
    amount=st.floats(0.001, 1000).map(lambda x: float(f"{x:.3g}")),
    unit=st.sampled_from(["mg", "mg/kg"]),
    minutes=st.integers(1, 600),
    phases=st.lists(st.tuples(st.integers(1, 7), st.integers(1, 20)), min_size=1, max_size=4),
)
def test_weekly_patterns_keep_their_rhythm(
    drug: str, amount: float, unit: str, minutes: int, phases: list[tuple[int, int]]
) -> None:
    """Each phase gives its number of doses, with the gaps of its pattern, the first included."""
    pattern = ", then ".join(f"{n}/week x {count} doses" for n, count in phases)
    regimen = parse_regimen(f"{drug} {amount} {unit} iv over {minutes} min {pattern}")
    assert len(regimen.doses) == sum(count for _, count in phases)
    starts = days(regimen)
    assert starts[0] == 0
    expected = [0.0]
    for place, (n, count) in enumerate(phases):
        origin, first = expected[-1], 1
        last = first + count - (1 if place == 0 else 0)
        expected += [origin + 7 * k // n for k in range(first, last)]
    assert starts == pytest.approx(expected)
    assert all(
        d.amount == amount and d.duration == pytest.approx(minutes / 60) for d in regimen.doses
    )


@given(
    n=st.integers(1, 7),
    weeks=st.integers(1, 30),
    before=st.sampled_from(["", "once, then "]),
)
def test_a_span_of_weeks_holds_every_session_of_them(n: int, weeks: int, before: str) -> None:
    """Weeks of several sessions have a single first dose inside, as those of a label do."""
    regimen = parse_regimen(f"ketamine 5 mg im {before}{n}/week for {weeks} weeks")
    assert len(regimen.sessions) == n * weeks + (bool(before) and n == 1)
