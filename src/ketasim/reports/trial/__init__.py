"""The report of a trial, and its parts that the page shows before it is run."""

from ketasim.reports.trial.report import (
    assessed_rows,
    design_rows,
    planned_rows,
    scheme_drawing,
    trial_answer,
    trial_report,
)

__all__ = [
    "assessed_rows",
    "design_rows",
    "planned_rows",
    "scheme_drawing",
    "trial_answer",
    "trial_report",
]
