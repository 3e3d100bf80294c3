"""The fit of the effects of a session to published shares, scores and pressures."""

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
