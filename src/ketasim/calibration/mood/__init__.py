"""The fit of the chain to mood to published trials, judged on trials left out."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened

if TYPE_CHECKING:
    from ketasim.calibration.mood.fit import (
        Curve,
        MoodFit,
        Number,
        RowFit,
        calibrate_mood,
        rows_by,
    )
    from ketasim.calibration.mood.judgement import (
        Judged,
        Unseen,
        judge_mood,
        judged,
    )
    from ketasim.calibration.mood.mechanism import mechanism_curves
    from ketasim.calibration.mood.noise import (
        NoiseFit,
        NoiseRow,
        estimate_noise,
        level_power,
    )
    from ketasim.calibration.mood.recovery import (
        RecoveredNumber,
        Recovery,
        recover_mood,
    )
    from ketasim.calibration.mood.refit import (
        RefitSummary,
        Refitted,
        refit_summary,
    )
    from ketasim.calibration.mood.tables import (
        MoodTarget,
        mood_correlation_table,
        mood_draws_table,
        mood_fit_table,
        mood_parameter_table,
        mood_targets,
        recovery_table,
        refit_table,
        unseen_table,
        unseen_targets,
    )

__all__ = [
    "Curve",
    "Judged",
    "MoodFit",
    "MoodTarget",
    "NoiseFit",
    "NoiseRow",
    "Number",
    "RecoveredNumber",
    "Recovery",
    "RefitSummary",
    "Refitted",
    "RowFit",
    "Unseen",
    "calibrate_mood",
    "estimate_noise",
    "judge_mood",
    "judged",
    "level_power",
    "mechanism_curves",
    "mood_correlation_table",
    "mood_draws_table",
    "mood_fit_table",
    "mood_parameter_table",
    "mood_targets",
    "recover_mood",
    "recovery_table",
    "refit_summary",
    "refit_table",
    "rows_by",
    "unseen_table",
    "unseen_targets",
]

__getattr__ = opened(
    __name__,
    {
        "Curve": "fit",
        "MoodFit": "fit",
        "Number": "fit",
        "RowFit": "fit",
        "calibrate_mood": "fit",
        "rows_by": "fit",
        "Judged": "judgement",
        "Unseen": "judgement",
        "judge_mood": "judgement",
        "judged": "judgement",
        "mechanism_curves": "mechanism",
        "NoiseFit": "noise",
        "NoiseRow": "noise",
        "estimate_noise": "noise",
        "level_power": "noise",
        "RecoveredNumber": "recovery",
        "Recovery": "recovery",
        "recover_mood": "recovery",
        "RefitSummary": "refit",
        "Refitted": "refit",
        "refit_summary": "refit",
        "MoodTarget": "tables",
        "mood_correlation_table": "tables",
        "mood_draws_table": "tables",
        "mood_fit_table": "tables",
        "mood_parameter_table": "tables",
        "mood_targets": "tables",
        "recovery_table": "tables",
        "refit_table": "tables",
        "unseen_table": "tables",
        "unseen_targets": "tables",
    },
)
