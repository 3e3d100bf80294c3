"""Pages from results and figures, which open offline and print."""

from ketasim.reports.calibration_mood import mood_calibration_report
from ketasim.reports.calibration_pk import calibration_report
from ketasim.reports.calibration_session import session_calibration_report
from ketasim.reports.course import simulation_report
from ketasim.reports.page import read_sources_used
from ketasim.reports.report import report
from ketasim.reports.trial import trial_report

__all__ = [
    "calibration_report",
    "mood_calibration_report",
    "read_sources_used",
    "report",
    "session_calibration_report",
    "simulation_report",
    "trial_report",
]
