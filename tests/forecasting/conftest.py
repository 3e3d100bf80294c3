"""One forecast that several tests look at."""

from __future__ import annotations

import pytest

from ketasim.forecasting import Forecast, forecast

COURSE = {
    "title": "Two infusions",
    "patient": {"age": 45, "weight": "80 kg", "diagnosis": "trd"},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
    "scores": [
        {"day": 0, "scale": "PHQ9", "score": 21},
        {"day": 3, "scale": "PHQ9", "score": 13},
        {"day": 7, "scale": "PHQ9", "score": 11},
    ],
    "now": "7 d",
    "next": [
        {"name": "weekly", "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 3"},
        {"name": "the same by another name", "regimen": "ketamine 0.5 mg/kg iv over 40 min qw x 3"},
        {"name": "stop"},
    ],
    "horizon": "28 d",
}


@pytest.fixture(scope="session")
def three() -> Forecast:
    """Three candidates, two of them alike."""
    return forecast(COURSE, n=2000, seed=4)
