"""The verbs `report` and `print_page`: a result goes in, the page of its kind comes out."""

from __future__ import annotations

from typing import Any, Final

from ketasim._base import Result
from ketasim._base.result import dispatch

_PAGES: Final = {
    "Simulation": "ketasim.reports.course:simulation_report",
    "TrialResult": "ketasim.reports.trial:trial_report",
    "Comparison": "ketasim.reports.compare:comparison_report",
    "Plan": "ketasim.reports.planning.plan:plan_report",
    "Forecast": "ketasim.reports.forecast.report:forecast_report",
    "Screen": "ketasim.reports.screen:screen_report",
    "SessionPlan": "ketasim.reports.session.plan:session_plan_report",
    "ModelFit": "ketasim.reports.fit.report:fit_report",
    "PkFit": "ketasim.reports.calibration.pk:calibration_report",
    "MoodFit": "ketasim.reports.calibration.mood:mood_calibration_report",
    "Validation": "ketasim.reports.calibration.validation:validation_report",
    "SessionFit": "ketasim.reports.calibration.session:session_calibration_report",
}

_PRINTED: Final = {
    "Simulation": "ketasim.reports.print:print_course",
    "Forecast": "ketasim.reports.print:print_forecast",
    "SessionPlan": "ketasim.reports.print:print_session",
}


def report(result: Result, **options: Any) -> str:
    """Write the report of a result: one page of HTML that opens offline, and prints.

    **Main arguments:**

    - `result`: a `Simulation`, a `TrialResult`, a `Comparison`, a `Plan`, a `Forecast`, a
      `Screen`, a `SessionPlan`, a `ModelFit`, a calibration (`PkFit`, `MoodFit`, `SessionFit`), or
      a `Validation`.

    **Other arguments:**

    - `options`: of a simulation, a trial, a comparison, a plan, a forecast, a fit or a calibration
      `command`, what the page says reproduces the result; of a simulation also `costs`, whether
      the page has the course at published prices.

    **Returns:** the text of the page; `result.save` writes it with the tables.

    **Raises:** `InputError` when there is no report of such a result, or no such option.
    """
    return dispatch("report", _PAGES, result, options)


def print_page(result: Result, **options: Any) -> bytes:
    """Set the main content of a result on one side of A4, as PDF.

    **Main arguments:**

    - `result`: a `Simulation`, a `Forecast` or a `SessionPlan`.

    **Other arguments:**

    - `options`: of a session's plan `title`, that of the course.

    **Returns:** a PDF of one page, the same bytes for the same result. What has no room on it is
    counted and is in the report.

    **Raises:** `InputError` when there is no such page of a result, or no such option.
    """
    return dispatch("print_page", _PRINTED, result, options)
