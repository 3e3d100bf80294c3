"""Pages from results and figures, which open offline and print."""

from typing import TYPE_CHECKING

from ketasim._base.rooms import opened
from ketasim.reports.report import print_page, report

if TYPE_CHECKING:
    from ketasim.reports.calibration.mood import mood_calibration_report
    from ketasim.reports.calibration.pk import calibration_report
    from ketasim.reports.calibration.session import session_calibration_report
    from ketasim.reports.calibration.validation import validation_report
    from ketasim.reports.course import simulation_report
    from ketasim.reports.page import read_sources_used
    from ketasim.reports.trial import trial_report

__all__ = [
    "calibration_report",
    "mood_calibration_report",
    "print_page",
    "read_sources_used",
    "report",
    "session_calibration_report",
    "simulation_report",
    "trial_report",
    "validation_report",
]

__getattr__ = opened(
    __name__,
    {
        "mood_calibration_report": "calibration.mood",
        "calibration_report": "calibration.pk",
        "session_calibration_report": "calibration.session",
        "simulation_report": "course",
        "read_sources_used": "page",
        "trial_report": "trial",
        "validation_report": "calibration.validation",
    },
)
