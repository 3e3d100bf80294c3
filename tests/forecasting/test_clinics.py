"""A patient's clinic is one that nobody has seen: clinics differ as trials do."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dosing import load_course, load_trial
from ketasim.evidence import load_card
from ketasim.forecasting.simulated import simulated_patients
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation

DAYS = (1.0, 8.0, 28.0)
COUNT = 3000


@pytest.mark.parametrize("blinded", [False, True])
def test_ratings_vary_as_those_of_patients_of_many_trials(blinded: bool) -> None:
    """One patient of each of many simulated trials, drawn by other code, has the same law."""
    times = np.asarray(DAYS) * 24.0
    course = load_course(
        {
            "patient": {"weight": "80 kg", "baseline": {"scale": "MADRS", "score": 34}},
            "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
            "mood": {"background": "continued", "blinded": blinded},
            "horizon": "28 d",
        }
    )
    patients = simulated_patients(course, times, ["MADRS"] * 3, count=COUNT, seed=3)
    own = np.clip(patients.ratings, 0.0, 60.0)
    control = (
        [{"id": "c", "n": 1, "control": "midazolam", "days": [0, 3, 7, 10]}] if blinded else []
    )
    trial = load_trial(
        {
            "trial": "clinics",
            "source": "wilkinson2019",
            "population": {
                "baseline": {"scale": "MADRS", "mean": 34, "sd": 0.01},
                "background": "continued",
            },
            "arms": [
                {
                    "id": "k",
                    "n": 1,
                    "drug": "ketamine",
                    "route": "iv",
                    "dose": "0.5 mg/kg",
                    "over": "40 min",
                    "days": [0, 3, 7, 10],
                    "open": not blinded,
                },
                *control,
            ],
            "assess": [{"scale": "MADRS", "at": ["7 d"], "metrics": ["score"]}],
        }
    )
    card = load_card("mood")
    stay = card.with_entries(
        *(card.entry(name).replace(value=0.0) for name in ("stop_drug", "stop_control"))
    )
    drawn = worlds(trial, stay, 1, COUNT, uncertainty=True, between_trials=True)
    arm = ArmSimulation(trial, trial.arms[0], times, 1, drawn, patients=True)
    ratings = arm.ratings(0, COUNT)[0]
    theirs = ratings.madrs[:, 0, :].astype(np.float64)
    for place in range(len(DAYS)):
        assert own[:, place].mean() == pytest.approx(theirs[:, place].mean(), abs=0.8)
        assert own[:, place].std() == pytest.approx(theirs[:, place].std(), rel=0.05)
    ours, others = (np.corrcoef(table.T) for table in (own, theirs))
    assert ours == pytest.approx(others, abs=0.05)
