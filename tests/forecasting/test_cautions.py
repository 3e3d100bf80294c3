"""What the evidence has against a forecast is said with it."""

from __future__ import annotations

from typing import Any

from ketasim.dosing import load_course
from ketasim.forecasting.cautions import cautions
from ketasim.forecasting.options import options_of


def said(regimen: str, now: str, following: list[dict[str, Any]]) -> str:
    course = load_course(
        {
            "patient": {"diagnosis": "trd"},
            "regimen": regimen,
            "scores": [{"day": 0, "scale": "PHQ-9", "score": 21}],
            "now": now,
            "next": following,
        }
    )
    return " ".join(cautions(options_of(course), "outpatient"))


def test_an_end_of_long_treatment_is_not_to_be_relied_on() -> None:
    weekly = "esketamine 84 mg intranasal weekly x 20"
    more = {"name": "on", "regimen": "esketamine 84 mg intranasal weekly x 4"}
    found = said(weekly, "134 d", [more, {"name": "stop"}])
    assert "After 133 days of sessions" in found
    assert "(stop)" in found
    assert "not to be relied on" not in said(weekly, "134 d", [more])
    short = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7"
    assert "not to be relied on" not in said(short, "14 d", [{"name": "stop"}])


def test_trials_that_disagree_are_named_as_they_are_for_a_course() -> None:
    short = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7"
    assert "The evidence disagrees with the model" in said(short, "14 d", [{"name": "stop"}])
