"""The fit of the effects of a session to published shares, scores and pressures."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened

if TYPE_CHECKING:
    from ketasim.calibration.session.fit import calibrate_session
    from ketasim.calibration.session.judgement import (
        SessionCompared,
        SessionFit,
        compare_session,
    )
    from ketasim.calibration.session.problem import SessionProblem
    from ketasim.calibration.session.tables import (
        session_dose_table,
        session_fit_table,
        session_parameter_table,
    )
    from ketasim.calibration.session.training import (
        SessionRow,
        load_session_training,
    )

__all__ = [
    "SessionCompared",
    "SessionFit",
    "SessionProblem",
    "SessionRow",
    "calibrate_session",
    "compare_session",
    "load_session_training",
    "session_dose_table",
    "session_fit_table",
    "session_parameter_table",
]

__getattr__ = opened(
    __name__,
    {
        "calibrate_session": "fit",
        "SessionCompared": "judgement",
        "SessionFit": "judgement",
        "compare_session": "judgement",
        "SessionProblem": "problem",
        "session_dose_table": "tables",
        "session_fit_table": "tables",
        "session_parameter_table": "tables",
        "SessionRow": "training",
        "load_session_training": "training",
    },
)
