"""Numbers and units as people write them: read exactly, or refused at once, never evaluated."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError, near, parse_quantity, read_number, read_unit


@pytest.mark.parametrize(
    ("text", "to", "value"),
    [
        ("78 kg", "kg", 78.0),
        ("78 Kg", "kg", 78.0),
        ("78,5 kg", "kg", 78.5),
        ("172 lb", "kg", 78.01788764),
        ("172 lbs", "kg", 78.01788764),
        ("0,5 mg/kg", "mg/kg", 0.5),
        ("0.5mg/kg", "mg/kg", 0.5),
        ("500 mcg/kg", "mg/kg", 0.5),
        ("500 \u00b5g/kg", "mg/kg", 0.5),
        ("500 \u03bcg / kg", "mg/kg", 0.5),
        ("0.5 mg per kg", "mg/kg", 0.5),
        ("0.5 mg/kg BW", "mg/kg", 0.5),
        ("45 y", "year", 45.0),
        ("45 yr", "year", 45.0),
        ("45 years", "year", 45.0),
        ("18 months", "year", 1.5),
        ("2400 s", "h", 2 / 3),
        ("40 mins", "h", 2 / 3),
        ("84 d", "h", 2016.0),
        ("2 wk", "h", 336.0),
        ("150 mm Hg", "mmHg", 150.0),
        ("5 ft", "m", 1.524),
        ("1e-3 g", "mg", 1.0),
        ("1e300 ng", "mg", 1e294),
        ("5e-324 mg", "mg", 5e-324),
        ("0,125 mg", "mg", 0.125),
        ("5 ft 8 in", "m", 1.7272),
        ("5' 8\"", "m", 1.7272),
        ("12 st 8 lb", "kg", 79.83225712),
        ("3 years 6 months", "year", 3.5),
        ("42 years old", "year", 42.0),
        ("1 h 30 min", "h", 1.5),
    ],
)
def test_what_is_written_is_read_exactly(text: str, to: str, value: float) -> None:
    assert parse_quantity(text, to, field="f") == value


@pytest.mark.parametrize(
    ("text", "to", "part"),
    [
        ("50 % mg", "mg", "not a unit"),
        ("50 mg*pi", "mg", "not a unit"),
        ("50 mg # twice", "mg", "not a unit"),
        ("50 mg?", "mg", "not a unit"),
        ("50 (mg", "mg", "not a unit"),
        ("50 mg\x1b[2J", "mg", "not a unit"),
        ("50 2 mg", "mg", "not a unit"),
        ("78 kg**9**9", "kg", "not a unit"),
        ("78 kg/0", "kg", "not a unit"),
        ("78 kg kg", "kg", "not a unit"),
        ("78 " + "k" * 100_000, "kg", "not a unit"),
        ("k" * 100_000, "kg", "not a number"),
        ("9" * 100_000 + " kg", "kg", "not a number"),
        ("5 mg/g", "mg/kg", "not a unit"),
        ("40 min", "year", "years, months"),
        ("40 m\u0131n", "h", "not a unit"),
        ("5 ft 14 in", "m", "not a unit"),
        ("1.5 h 10 min", "h", "not a unit"),
        ("5 ft 8 kg", "m", "not a unit"),
        (",5 mg", "mg", "begins with a comma"),
        ("1,000 mg", "mg", "may be 1000 or 1.000"),
        ("1,000,000 mg", "mg", "more than one point or comma"),
        ("1.000,5 mg", "mg", "more than one point or comma"),
        ("0.5. mg", "mg", "more than one point or comma"),
        ("nan mg", "mg", "not a number"),
        ("inf mg", "mg", "not a number"),
        ("1e400 mg", "mg", "finite"),
        ("1e99999999 mg", "mg", "finite"),
        ("1e308 kg", "mg", "finite"),
        ("\u0665 kg", "kg", "not a number"),
        ("", "kg", "not a number"),
        (78, "kg", "no unit"),
        (math.nan, "kg", "not a number"),
        (True, "kg", "not a quantity"),
        (None, "kg", "not a quantity"),
        ([78], "kg", "not a quantity"),
    ],
)
def test_what_is_no_quantity_is_refused_in_a_short_line(text: object, to: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_quantity(text, to, field="f")
    message = str(caught.value)
    assert part in message and "\n" not in message and len(message) < 300


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300))
def test_a_number_written_by_the_code_is_read_back_to_the_bit(value: float) -> None:
    assert parse_quantity(f"{value!r} kg", "kg", field="f") == value


@given(st.integers(0, 99_999), st.integers(0, 9_999), st.sampled_from(".,"))
def test_a_decimal_comma_is_a_decimal_point(whole: int, rest: int, sign: str) -> None:
    digits = f"{rest:04d}"
    assert read_number(f"{whole}{sign}{digits}", field="f") == whole + Fraction(rest, 10_000)


@given(
    st.text(alphabet="0123456789.,eE+- mgkd\u00b5/*^%#()\n\u0131h", max_size=30),
    st.sampled_from(["mg", "kg", "h", "year"]),
)
def test_any_text_is_a_finite_number_or_refused(text: str, to: str) -> None:
    try:
        value = parse_quantity(text, to, field="f")
    except InputError:
        return
    assert math.isfinite(value)


def test_a_whole_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(InputError, match="too many digits"):
        parse_quantity(10**5000, "kg", field="f")


@given(st.text(max_size=60))
def test_any_unit_is_read_or_not(text: str) -> None:
    found = read_unit(text)
    assert found is None or found.factor > 0


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("wieght", ["weight", "height"], "weight"),
        ("horizn", ["horizon"], "horizon"),
        ("ketamin", ["ketamine", "esketamine", "arketamine"], "ketamine"),
        ("im", ["iv", "sc"], ""),
        ("F1", ["f1", "CL", "V"], "f1"),
        ("F1", ["f1", "F2"], "f1"),
        ("Cl", ["cl", "CL"], ""),
        ("HAMA", ["HAMD", "MADRS", "HAM17"], "HAMD"),
        ("eketamine", ["ketamine", "esketamine"], ""),
        ("sketamine", ["ketamine", "esketamine"], ""),
        ("other", ["over"], ""),
        ("fourth", ["weekly"], ""),
        ("k" * 100_000, ["ketamine"], ""),
    ],
)
def test_a_hint_is_for_a_slip_of_the_pen(word: str, known: list[str], meant: str) -> None:
    hint = near(word, known)
    assert hint == (f"did you mean '{meant}'?" if meant else hint)
    assert meant or hint.startswith("use one of")
