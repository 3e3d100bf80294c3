"""Drugs, routes, frequencies, amounts and scales in the short forms of the clinic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import DRUGS, ROUTES, InputError
from ketasim.evidence import facts, load_sources
from ketasim.vocabulary import (
    frequency_of,
    read_drug,
    read_measure,
    read_route,
    scale_of,
    scale_remedy,
)

SCALES = ("MADRS", "HDRS17", "HDRS21", "HDRS24", "QIDS", "IDS", "PHQ9")


@pytest.mark.parametrize(
    ("text", "drug", "salt"),
    [
        ("ketamine", "ketamine", None),
        ("Ketamine HCl", "ketamine", "hydrochloride"),
        ("ketamine (hydrochloride)", "ketamine", "hydrochloride"),
        ("racemic ketamine", "ketamine", None),
        ("S-ketamine", "esketamine", None),
        ("(S)-ketamine", "esketamine", None),
        ("S(+)-ketamine", "esketamine", None),
        ("R-ketamine", "arketamine", None),
        ("Ketalar", "ketamine", "base"),
        ("Ketanest S", "esketamine", "base"),
        ("Ketanest-S", "esketamine", "base"),
        ("SPRAVATO", "esketamine", "base"),
    ],
)
def test_drugs(text: str, drug: str, salt: str | None) -> None:
    found = read_drug(text)
    assert (found.drug, found.salt) == (drug, salt)


@pytest.mark.parametrize("text", ["norketamine", "Ketanest", "sketamine", "midazolam", "", 5, None])
def test_another_drug_is_refused_and_none_is_guessed(text: object) -> None:
    with pytest.raises(InputError) as caught:
        read_drug(text)
    assert "did you mean" not in str(caught.value)


def test_brands_have_a_source_and_a_known_drug() -> None:
    for row in facts("care/brands"):
        found = read_drug(row.get("brand"))
        assert found.drug in DRUGS and found.brand == row.get("brand")
        assert found.route is None or found.route in ROUTES
        assert row.source in load_sources()


@pytest.mark.parametrize(
    ("text", "route"),
    [
        *((route, route) for route in ROUTES),
        *((text, "iv") for text in ("IV", "i.v.", "intravenously", "IVI", "IV push", "iv drip")),
        *((text, "im") for text in ("IM", "i.m.", "intramuscular injection")),
        *((text, "sc") for text in ("SC", "s.c.", "subcut", "sub-q", "subcutaneous")),
        *((text, "intranasal") for text in ("IN", "i.n.", "nasal spray", "nasally", "in")),
        *((text, "oral") for text in ("PO", "p.o.", "by mouth", "tablets", "oral solution")),
        *((text, "oral_er") for text in ("ER", "XR tablet", "extended-release oral", "oral SR")),
        *((text, "sublingual") for text in ("SL", "S/L", "troche", "sublingual tablet")),
        *((text, "rectal") for text in ("PR", "p.r.", "suppository")),
        *((text, "inhaled") for text in ("nebulised", "by inhalation")),
        ("buccal lozenge", "buccal"),
    ],
)
def test_routes(text: str, route: str) -> None:
    found = read_route(text)
    assert found.route == route
    assert found.timed == (
        True if text in ("IVI", "iv drip") else False if "push" in text else None
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("epidural", "not simulated"),
        ("ODT", "does not say the route"),
        ("injection", "iv, im or sc"),
        ("ivv", "use one of"),
        ("intranassal", "did you mean 'intranasal'"),
        ("iv oral", "unknown route"),
        (5, "not a route"),
    ],
)
def test_routes_that_are_not_simulated_or_may_be_several(text: object, part: str) -> None:
    with pytest.raises(InputError, match=part):
        read_route(text)


@pytest.mark.parametrize(
    ("texts", "per_week", "interval"),
    [
        (("weekly", "QW", "once a week", "every week", "1x/week", "1/wk"), 1, 0),
        (("BIW", "twice weekly", "2x/week", "twice per week", "two times a week"), 2, 0),
        (("TIW", "3/week", "thrice weekly", "3 x weekly", "three times weekly"), 3, 0),
        (("daily", "qd", "od", "q.d.", "nocte", "qhs", "every day", "once daily", "q24h"), 0, 24),
        (("bid", "BD", "b.i.d.", "q12h", "every 12 hours", "twice daily", "2x/day"), 0, 12),
        (("tid", "tds", "q8h", "three times a day"), 0, 8),
        (("qid", "q6h", "6-hourly"), 0, 6),
        (("qod", "every other day", "every second day", "alternate days", "q2d"), 0, 48),
        (("every third day", "every 3 days", "q3d", "q72h", "every 3rd day"), 0, 72),
        (("fortnightly", "q2w", "Q2W", "every second week", "every two weeks", "2-weekly"), 0, 336),
        (("q4w", "every four weeks", "every 28 days"), 0, 672),
    ],
)
def test_frequencies(texts: tuple[str, ...], per_week: int, interval: float) -> None:
    for text in texts:
        found = frequency_of(text)
        assert found is not None, text
        assert (found.per_week, found.interval) == (per_week, interval), text


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mon/Wed/Fri", (0, 2, 4)),
        ("mon wed fri", (0, 2, 4)),
        ("MWF", (0, 2, 4)),
        ("on Mondays and Thursdays", (0, 3)),
        ("Fri, Tue", (4, 1)),
        ("every Sunday", (6,)),
    ],
)
def test_weekdays(text: str, days: tuple[int, ...]) -> None:
    found = frequency_of(text)
    assert found is not None and found.weekdays == days


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("biweekly", "'twice weekly' or 'every 2 weeks'"),
        ("monthly", "every 4 weeks"),
        ("every 2 months", "every 4 weeks"),
        ("prn", "as needed"),
        ("9/week", "not a pattern"),
        ("Wed Mon Fri", "in order"),
    ],
)
def test_frequencies_that_may_be_two_are_refused_with_both(text: str, part: str) -> None:
    with pytest.raises(InputError, match=part):
        frequency_of(text)


@pytest.mark.parametrize("text", ["4 weekly", "every", "often", "every 3-4 days", ""])
def test_what_is_no_frequency(text: str) -> None:
    assert frequency_of(text) is None


@given(st.text(alphabet="qevrytwodmonfhiax/0123456789 .-", max_size=25))
def test_any_text_is_a_frequency_or_not(text: str) -> None:
    try:
        found = frequency_of(text)
    except InputError:
        return
    assert found is None or found.per_week > 0 or found.interval >= 0


@pytest.mark.parametrize(
    ("text", "kind", "value", "per_kg"),
    [
        ("0,5 mg/kg", "dose", 0.5, True),
        ("56 mg", "dose", 56, False),
        ("5 mcg/kg/min", "rate", 0.3, True),
        ("0.3 mg/kg per h", "rate", 0.3, True),
        ("21 mL/h", "flow", 21, False),
        ("50 mg/ml", "concentration", 50, False),
        ("0.7 mL", "volume", 0.7, False),
        ("2400 s", "time", 2 / 3, False),
    ],
)
def test_measures(text: str, kind: str, value: float, per_kg: bool) -> None:
    found = read_measure(text, field="f")
    assert (found.kind, float(found.value), found.per_kg) == (kind, value, per_kg)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("madrs", "MADRS"),
        ("PHQ-9", "PHQ9"),
        ("phq 9", "PHQ9"),
        ("HAM-D 17", "HDRS17"),
        ("HDRS-21", "HDRS21"),
        ("hamd24", "HDRS24"),
        ("QIDS-SR", "QIDS"),
        ("qids-sr16", "QIDS"),
        ("HAM-A", None),
        ("HAM-D", None),
        ("MADRS-S", None),
        ("CADSS", None),
        ("PHQ", None),
    ],
)
def test_scales(text: str, scale: str | None) -> None:
    assert scale_of(text, SCALES) == scale


def test_no_scale_is_guessed() -> None:
    assert scale_remedy("HAM-A", SCALES).startswith("use one of: HDRS17")
    assert scale_remedy("HAM-D", SCALES) == "say which of its lengths: HDRS17, HDRS21, HDRS24"
