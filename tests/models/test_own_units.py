"""Units of the parameters of an own model: what makes one over a time, and what does not."""

from __future__ import annotations

import pytest

from ketasim._base import InputError
from ketasim.models.pk.dimensions import check_units


def check_rates(rates: list[tuple[str, str]], units: dict[str, str], **defined: str) -> None:
    check_units(
        units,
        definitions=defined,
        rates=rates,
        compartments=["central"],
        covariates=["WT", "AGE", "INH"],
    )


@pytest.mark.parametrize(
    ("rate", "units"),
    [
        ("CL/V", {"CL": "L/h", "V": "L"}),
        ("CL*(WT/70)**0.75/V", {"CL": "L/h", "V": "L", "WT": "kg"}),  # 70 has a unit of its own
        ("CL*F/V", {"CL": "L/hr", "V": "l", "F": "fraction"}),
        ("60/MTT", {"MTT": "min"}),
        ("0.06*CL/V", {"CL": "mL/min", "V": "L"}),
        ("CL*60/V", {"CL": "mL/min", "V": "mL"}),
        ("2*CL/V", {"CL": "L/h", "V": "L"}),
        ("CL*(1 + 0.01*(AGE - 40))/V", {"CL": "L/h", "V": "L", "AGE": "years"}),
        ("CL*exp(0.3*log(WT/70))/V", {"CL": "L/h", "V": "L", "WT": "kg"}),
        ("exp(log(CL/V))", {"CL": "L/h", "V": "L"}),
        ("CL*(1 - INH/100)/V", {"CL": "L/h", "V": "L", "INH": "%"}),
        ("VM/(KM + central/V)/V", {"VM": "mg/h", "KM": "mg/L", "V": "L"}),
        ("VM/(KM + 1000*central/V)/V*1000", {"VM": "mg/h", "KM": "ng/mL", "V": "L"}),
        ("K*where(t > TL, 1, 0.5)", {"K": "1/h", "TL": "h"}),
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
        ("1/MTT", {"MTT": "min"}, r"is in 1/min, and a rate is in 1/h; write it as 60\*\(1/MTT\)"),
        ("CL/V", {"CL": "mL/min", "V": "mL"}, r"1/min.* write it as 60\*\(CL/V\)"),
        ("CL/V", {"CL": "mL/min", "V": "L"}, r"write it as \(CL/V\)/16\.66"),
        ("K", {"K": "1/d"}, r"is in 1/d, .* write it as \(K\)/24"),
        # numbers and functions do not end the check
        ("2*CL/V", {"CL": "mL/min", "V": "L"}, "mL/min/L"),
        ("CL*0.5", {"CL": "L/h"}, "is in L/h"),
        ("CL/20", {"CL": "L/h"}, "is in L/h"),
        ("60*K", {"K": "1/h"}, "is in 0.0166667 1/h"),
        ("exp(log(CL))", {"CL": "L/h"}, "is in L/h"),
        ("sqrt(CL)", {"CL": "L/h"}, r"L\^0.5/h\^0.5"),
        ("K*exp(-K2*t)", {"K": "1/h", "K2": "1/min"}, "takes exp of what is in h/min"),
        ("K*where(t > TL, 1, 2)", {"K": "1/h", "TL": "min"}, "compares h and min"),
        ("where(WT > 70, CL, V)", {"CL": "L/h", "V": "L"}, "chooses between L/h and L"),
        ("VM/(KM + central/V)/V", {"VM": "mg/h", "KM": "ng/mL", "V": "L"}, "adds ng/mL and mg/L"),
    ],
)
def test_rates_that_are_not(rate: str, units: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_rates([("flow 1, rate", rate)], units)


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
    check_rates([("flow 1, rate", "CLI/V")], {"CL": "L/h", "V": "L"}, CLI="CL*(WT/70)**0.75")


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("lag", "V", "'V' is in L, and a lag is in h"),
        ("duration", "CL/V", "'CL/V' is in 1/h, and a duration is in h"),
        ("F", "CL", "'CL' is in L/h, and a bioavailability is a part of 1"),
        ("lag", "LAGM", r"is in min, and a lag is in h; write it as \(LAGM\)/60"),
        ("duration", "2*LAGM", "is in min, and a duration is in h"),
        ("F", "BIOP", r"is in %, and a bioavailability is a part of 1; write it as \(BIOP\)/100"),
        ("rate", "V", "'V' is in L, and the rate of a dose is in mg/h"),
        ("rate", "RUG", r"is in µg/h, and the rate of a dose is in mg/h; write it as \(RUG\)/1000"),
    ],
)
def test_units_of_what_a_dose_needs(key: str, text: str, said: str) -> None:
    units = {"CL": "L/h", "V": "L", "BIO": "ratio", "LAG": "h"}
    units |= {"LAGM": "min", "BIOP": "%", "RUG": "µg/h"}
    doses = [(f"compartments.depot.{key}", text)]
    with pytest.raises(InputError, match=said):
        check_units(units, definitions={}, doses=doses)
    fine = [("compartments.depot.F", "BIO"), ("compartments.depot.lag", "LAG")]
    check_units(units, definitions={}, doses=[*fine, ("compartments.depot.F", "BIOP/100")])


OUTPUT = {"CL": "L/h", "V": "L", "V1": "L/kg", "MW": "g/mol", "WT": "kg"}


def check_output(text: str, unit: str, amount: str = "mg") -> None:
    check_units(
        OUTPUT,
        definitions={},
        outputs=[("output.CP", text, unit)],
        amount=amount,
        compartments=["central"],
    )


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("1000*central/V", "ng/mL", "mg"),
        ("central/V", "mg/L", "mg"),
        ("central/V", "ng/mL", "µg"),
        ("central/V", "µg/mL", "mg"),
        ("central/V", "nM", "nmol"),
        ("central/V", "IU/L", "IU"),
        ("central/V1", "mg/L", "mg/kg"),
        ("1e6*central/V/MW", "nmol/mL", "g"),
        ("central", "mg", "mg"),
        ("100*central/AMT", "%", "mg"),
        ("log(1000*central/V)", "log(ng/mL)", "mg"),
        ("central/V", "", "mg"),
        ("central/V2", "ng/mL", "mg"),  # nothing is said of V2
    ],
)
def test_outputs_in_their_unit(text: str, unit: str, amount: str) -> None:
    check_output(text, unit, amount)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        (
            "central/V",
            "ng/mL",
            r"in mg/L, .* write it as 1000\*\(central/V\), or say amount = 'µg'",
        ),
        ("1000*central/V", "mg/L", "in 0.001 mg/L"),
        ("central*V", "ng/mL", r"in mg\*L"),
        ("central/CL", "ng/mL", r"in mg\*h/L"),
        ("central/V", "nmol/L", "say amount = 'nmol'"),
        ("central/V1", "mg/L", "say amount = 'mg/kg'"),
        ("log(central/V)", "mg/L", r"in log\(mg/L\)"),
    ],
)
def test_outputs_in_another(text: str, unit: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_output(text, unit)


@pytest.mark.parametrize("amount", ["ng", "g"])
@pytest.mark.parametrize("unit", ["ng/mL", "mg/L", "µg/dL"])
def test_the_remedy_of_an_output_is_taken(amount: str, unit: str) -> None:
    with pytest.raises(InputError) as caught:
        check_output("central/V", unit, amount)
    check_output(str(caught.value).split("write it as ")[1].split(", or ")[0], unit, amount)
