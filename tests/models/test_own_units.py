"""Units of the parameters of an own model: what makes one over a time, and what does not."""

from __future__ import annotations

import pytest

from ketasim._base import InputError
from ketasim.models.pk.dimensions import check_units


def check_rates(rates: list[tuple[str, str]], units: dict[str, str], **defined: str) -> None:
    check_units(units, definitions=defined, doses=(), rates=rates)


@pytest.mark.parametrize(
    ("rate", "units"),
    [
        ("CL/V", {"CL": "L/h", "V": "L"}),
        ("CL*(WT/70)**0.75/V", {"CL": "L/h", "V": "L", "WT": "kg"}),  # 70 has a unit of its own
        ("CL*F/V", {"CL": "L/hr", "V": "l", "F": "fraction"}),
        ("1/MTT", {"MTT": "min"}),
        ("K", {"K": "h-1"}),
        ("K + CL/V", {"K": "1/h", "CL": "L/h", "V": "L"}),
        ("CL/V", {"CL": "L/h"}),  # nothing is said of V
        ("2", {}),
    ],
)
def test_rates_that_are_or_may_be_one_over_a_time(rate: str, units: dict[str, str]) -> None:
    check_rates([("flow 1, rate", rate)], units)


@pytest.mark.parametrize(
    ("rate", "units", "said"),
    [
        ("CL*V", {"CL": "L/h", "V": "L"}, r"'CL\*V' is in L\^2/h"),
        ("CL/V", {"CL": "mL/min", "V": "L"}, "mL/min/L"),
        ("CL/V", {"CL": "L/h/kg", "V": "L"}, "1/h/kg"),
        ("CL + V", {"CL": "L/h", "V": "L"}, "adds L/h and L"),
        ("V/V1", {"V": "L", "V1": "L"}, "no unit"),
    ],
)
def test_rates_that_are_not(rate: str, units: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_rates([("flow 1, rate", rate)], units)


def test_two_units_of_time_are_refused() -> None:
    with pytest.raises(InputError, match="1/min, and flow 1, rate in 1/h"):
        check_rates([("flow 1, rate", "KA"), ("flow 2, rate", "K")], {"KA": "1/h", "K": "1/min"})


@pytest.mark.parametrize(
    ("rate", "defined", "said"),
    [
        ("KEL", {"KEL": "CL"}, "flow 1, rate: 'KEL' is in L/h, and a rate"),
        ("CLI/V", {"HALF": "CL*V", "CLI": "HALF*V"}, "flow 1, rate: 'CLI/V' is in L"),
        ("CLI/V", {"CLI": "CL + V"}, "definitions.CLI: 'CL \\+ V' adds L/h and L"),
    ],
)
def test_units_go_through_definitions(rate: str, defined: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_rates([("flow 1, rate", rate)], {"CL": "L/h", "V": "L"}, **defined)
    # what a number may carry is not judged
    check_rates([("flow 1, rate", "CLI/V")], {"CL": "L/h", "V": "L"}, CLI="CL*(WT/70)**0.75")


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("lag", "V", "'V' is in L, and a lag is in h"),
        ("duration", "CL/V", "'CL/V' is in 1/h, and a duration is in h"),
        ("F", "CL", "'CL' is in L/h, and a bioavailability has no unit"),
    ],
)
def test_units_of_what_a_dose_needs(key: str, text: str, said: str) -> None:
    units = {"CL": "L/h", "V": "L", "BIO": "ratio", "LAG": "h"}
    doses = [(f"compartments.depot.{key}", text)]
    with pytest.raises(InputError, match=said):
        check_units(units, definitions={}, doses=doses, rates=())
    fine = [("compartments.depot.F", "BIO"), ("compartments.depot.lag", "LAG")]
    check_units(units, definitions={}, doses=[*fine, ("compartments.depot.F", "0.5")], rates=())
