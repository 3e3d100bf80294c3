"""The published trials nearest to the arms of a trial."""

from __future__ import annotations

import json

from ketasim.evidence.mood_training import same_people
from ketasim.reports import trial_report
from ketasim.trials import run_trial

MINE = {
    "trial": "mine",
    "population": {"baseline": {"scale": "MADRS", "mean": 34, "sd": 5}, "diagnosis": "trd"},
    "arms": [
        {
            "id": "ket",
            "n": 20,
            "drug": "ketamine",
            "route": "iv",
            "dose": "0.5 mg/kg",
            "over": "40 min",
            "days": [0],
        },
        {"id": "mdz", "n": 20, "control": "midazolam", "days": [0]},
    ],
    "assess": [{"scale": "MADRS", "at": ["24 h", "90 d"], "metrics": ["change", "response"]}],
    "replicates": 2,
    "seed": 1,
}


def test_arms_are_beside_their_like_and_the_horizon_is_told() -> None:
    result = run_trial(MINE)
    table = result.nearest()
    assert set(table["own"]) == {"ket", "mdz"}
    first = table.filter(own="ket", own_time_h=24.0).row(0, named=True)
    assert (first["trial"], first["distance"]) == ("murrough2013", 0.0)
    beyond = [text for text in result.warnings if "beyond the evidence" in text]
    assert len(beyond) == 2
    assert (
        "Arm ket (ketamine 0.5 mg/kg IV): The horizon of 90 days" in beyond[0]
        and "blinded IV ketamine" in beyond[0]
    )
    assert "Arm mdz" in beyond[1] and "trial of midazolam" in beyond[1]
    assert len(json.loads(result.to_json())["nearest"]["own"]) == len(table)
    page = trial_report(result)
    assert 'id="nearest"' in page and "model for the arm: MADRS, change" in page


def test_a_published_trial_is_not_beside_itself() -> None:
    result = run_trial("murrough2013", replicates=2)
    assert not {"murrough2013", *same_people("murrough2013")} & set(result.nearest()["trial"])
    assert not any("beyond the evidence" in text for text in result.warnings)
