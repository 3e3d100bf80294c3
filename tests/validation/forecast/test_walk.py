"""A walk that uses nothing of the weighing finds what the forecast finds."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.dosing import Score
from ketasim.forecasting.forecast import weighed
from ketasim.forecasting.simulated import predicted
from ketasim.validation.forecast.fits import drawn_for, simulated
from ketasim.validation.forecast.settings import SETTINGS
from ketasim.validation.forecast.walk import Walk


def test_a_walk_agrees_with_the_forecast() -> None:
    """PHQ-9 with a MADRS between: two scales, rounding, lasting differences, clinics."""
    setting, count, later = SETTINGS[7], 3, 28.0 * 24.0
    patients, drawn = simulated(setting, 2), drawn_for(setting)
    known = [patients.known(patient, count).scores for patient in range(2)]
    walked = Walk(setting, known, later, walkers=60, seed=1).run(30, 60)
    for patient, one in enumerate(walked):
        found = weighed(
            setting.course, patients.known(patient, count), plan=setting.plan, drawn=drawn
        )
        spread = predicted(found, [later], "PHQ9", count=3200, seed=0).spread("PHQ9")
        assert abs(one.drift) < 4.5
        assert spread["mean"][0] == pytest.approx(one.mean, abs=0.15 + 4.0 * one.mean_error)
        assert spread["sd"][0] == pytest.approx(one.sd, abs=0.15 + 4.0 * one.sd_error)


def test_a_score_at_the_end_of_its_scale_is_walked() -> None:
    setting, later = SETTINGS[2], 28.0 * 24.0
    known = [[Score(24.0, "PHQ9", 0.0)]]
    one = Walk(setting, known, later, walkers=60, seed=2).run(20, 40)[0]
    assert np.isfinite([one.mean, one.sd, one.mean_error, one.sd_error]).all()
    assert 0.0 < one.mean < 15.0  # a patient without any complaint on day 1 is well on day 28
