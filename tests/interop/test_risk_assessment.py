"""A forecast as a RiskAssessment: probabilities by day, nobody's identity."""

import json

import pytest
from fhir.resources.R4B.riskassessment import RiskAssessment

from ketasim._base import InputError
from ketasim.interop import risk_assessment, risk_assessment_file


def row(option: str, day: float, response: float | None) -> dict[str, object]:
    return {
        "option": option,
        "day": day,
        "scale": "PHQ9",
        "mean": 11.26,
        "p05": 4.0,
        "p95": 19.0,
        "p_response": response,
        "p_remission": 0.21,
        "p_well": None,
    }


ROWS = [row("weekly", 14.0, 0.4), row("weekly", 15.0, 0.41), row("stop", 14.0, None)]


def test_probabilities_have_their_day_and_option() -> None:
    found = risk_assessment(ROWS[:1] + ROWS[2:], notes=["Two scores say little."])
    RiskAssessment.model_validate(found)
    first, *others = found["prediction"]
    assert first["outcome"] == {"text": "response on the PHQ9, option: weekly"}
    assert first["probabilityDecimal"] == 0.4
    assert first["whenRange"]["low"]["value"] == first["whenRange"]["high"]["value"] == 14.0
    assert first["rationale"] == "Expected PHQ9 11.3 points, 90 % interval 4 to 19"
    assert len(others) == 2  # remission of both options; the response of one is not known


def test_days_between_are_left_out() -> None:
    rows = [row("weekly", float(day), 0.4) for day in range(14, 31)]
    found = risk_assessment(rows)["prediction"]
    days = [one["whenRange"]["low"]["value"] for one in found]
    assert sorted(set(days)) == [14.0, 21.0, 28.0, 30.0]


def test_nobody_is_named_and_nothing_is_a_basis() -> None:
    found = json.loads(risk_assessment_file(ROWS))
    assert found["contained"] == [{"resourceType": "Patient", "id": "patient"}]
    assert found["subject"] == {"reference": "#patient"}
    assert not {"basis", "identifier", "performer", "occurrenceDateTime"} & set(found)
    assert found["note"][0]["text"].startswith("Decision support for professionals")


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="no probability"):
        risk_assessment([row("weekly", 14.0, 1.2)])
