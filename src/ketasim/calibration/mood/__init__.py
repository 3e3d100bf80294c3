"""The fit of the chain to mood to published trials, judged on trials left out."""

from ketasim.calibration.mood.fit import (
    Curve,
    MoodFit,
    Number,
    RowFit,
    calibrate_mood,
)
from ketasim.calibration.mood.judgement import (
    Judged,
    Unseen,
    judged,
)
from ketasim.calibration.mood.mechanism import mechanism_curves
from ketasim.calibration.mood.tables import (
    MoodTarget,
    mood_correlation_table,
    mood_draws_table,
    mood_fit_table,
    mood_parameter_table,
    mood_targets,
    unseen_table,
)

__all__ = [
    "Curve",
    "Judged",
    "MoodFit",
    "MoodTarget",
    "Number",
    "RowFit",
    "Unseen",
    "calibrate_mood",
    "judged",
    "mechanism_curves",
    "mood_correlation_table",
    "mood_draws_table",
    "mood_fit_table",
    "mood_parameter_table",
    "mood_targets",
    "unseen_table",
]
