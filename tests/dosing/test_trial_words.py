"""Trials in the words of a protocol: read, or refused with a remedy that keeps the meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ketasim import run_trial
from ketasim._base import InputError
from ketasim.dosing import load_trial

DRUG = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min", "days": [0, 3]}


def _trial(
    arm: dict[str, Any] | None = None,
    assess: dict[str, Any] | None = None,
    population: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A trial with changes; a value of nothing takes a key away."""

    def changed(given: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
        return {k: v for k, v in {**given, **(changes or {})}.items() if v is not None}

    baseline = {"scale": "MADRS", "mean": 34, "sd": 5}
    return {
        "trial": "words",
        "population": changed({"background": "none", "baseline": baseline}, population),
        "arms": [
            changed({"id": "ket", "n": 20, **DRUG}, arm),
            {"id": "saline", "n": 20, "control": "saline", "days": [0, 3]},
        ],
        "assess": [changed({"scale": "MADRS", "at": ["4 d"], "metrics": ["change"]}, assess)],
        **more,
    }


@pytest.mark.parametrize(
    ("visit", "part"),
    [
        ("day 15", "write '14 d' where the first dose is on day 1, '15 d' where it is on day 0"),
        ("D15", "write '14 d'"),
        ("week 4", "write '4 wk' after day 0"),
        ("W4", "write '4 wk' after day 0"),
        ("24-48 h", "is a range"),
        ("baseline", "is before treatment"),
        ("Screening", "is before treatment"),
        ("-7 d", "outside 0 to"),
        ("24", "has no unit"),
        ("2026-01-05", "is a date"),
        ("9:00", "is a clock time"),
    ],
)
def test_visits_that_are_no_times(visit: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(_trial(assess={"at": [visit]}))
    assert caught.value.field == "assess[0].at[0]" and part in str(caught.value)


@pytest.mark.parametrize("visit", ["96 hrs", "4 days", "4d", "96.0 h", "4,0 d", "5760 min"])
def test_visits_in_all_units(visit: str) -> None:
    (one,) = load_trial(_trial(assess={"at": [visit]})).assessments
    assert one.at == (96.0,)


@pytest.mark.parametrize("weeks", ["2 w", "2 wk", "2 wks", "2 weeks", "14 d"])
def test_weeks(weeks: str) -> None:
    assert load_trial(_trial(horizon=weeks)).horizon == 336


@pytest.mark.parametrize(
    ("changes", "field", "part"),
    [
        ({"arm": {"n": "20"}}, "arms[0].n", "write 20, a number without quotes"),
        ({"arm": {"schedule": "weekly"}}, "arms[0].schedule", "under 'days'"),
        ({"arm": {"day": 0}}, "arms[0].day", "'days'"),
        ({"arm": {"name": "ket"}}, "arms[0].name", "'id'"),
        ({"arm": {"N": 20}}, "arms[0].N", "did you mean 'n'?"),
        ({"arm": {"over": "40-60 min"}}, "arms[0].over", "is a range"),
        ({"arm": {"weight": {"mean": "180 lb", "sd": 18}}}, "arms[0].weight", "'sd' with its unit"),
        ({"population": {"n": 40}}, "population.n", "in each arm"),
        ({"population": {"sex": "F"}}, "population.sex", "'female'"),
        ({"population": {"medications": []}}, "population.medications", "'medicines'"),
        ({"assess": {"visits": ["4 d"]}}, "assess[0].visits", "'at'"),
        ({"visits": ["4 d"]}, "visits", "'assess'"),
        ({"start": "2026-01-05"}, "start", "count from day 0"),
        ({"response_at_least": 50}, "response_at_least", "a percentage with '%'"),
    ],
)
def test_keys_and_numbers_of_a_protocol(changes: dict[str, Any], field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        load_trial(_trial(**changes))
    assert caught.value.field == field and part in str(caught.value)


def test_percentages() -> None:
    assert load_trial(_trial(response_at_least="40 %")).response_at_least == 0.4
    relapse = {"metrics": ["relapse"], "from": "2 d"}
    for said in ("80 %", 80):
        given = {**relapse, "relapse": {"percent_of_baseline_at_least": said}}
        (one,) = load_trial(_trial(assess=given)).assessments
        assert one.relapse is not None and one.relapse.percent_of_baseline_at_least == 80
    # 0.8 was taken as 0.8 percent: everybody relapsed
    with pytest.raises(InputError, match="write percent, such as 80"):
        load_trial(_trial(assess={**relapse, "relapse": {"percent_of_baseline_at_least": 0.8}}))


def test_infusions_that_run_together_are_named() -> None:
    arm = {"over": "4 d"}
    assert any("both run together" in one for one in load_trial(_trial(arm)).warnings)
    assert not any("run together" in one for one in load_trial(_trial()).warnings)


def test_what_is_computed_or_assumed_of_an_arm_is_printed(tmp_path: Path) -> None:
    computed = load_trial(_trial({"dose": "0.75 mg/kg/h"}))
    assert computed.notes == (
        "Arm ket (ketamine 0.5 mg/kg IV): 0.75 mg/kg/h over 40 min is 0.5 mg/kg.",
    )
    lozenge = load_trial(_trial({"dose": "100 mg", "route": "lozenge", "over": None}))
    said = "'lozenge' is read as sublingual, which is assumed."
    assert any(said in one for one in lozenge.assumptions)
    assert any(said in one for one in lozenge.warnings)
    untimed = load_trial(_trial({"over": None}))
    assert "arms[0].over" in untimed.assumed
    result = run_trial(_trial({"dose": "0.75 mg/kg/h"}), replicates=2)
    result.save(tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "0.75 mg/kg/h over 40 min is 0.5 mg/kg." in page
