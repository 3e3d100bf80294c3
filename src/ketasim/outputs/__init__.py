"""Results: the verb `simulate`, its tables and where their numbers come from."""

from ketasim.outputs.calendar import Session
from ketasim.outputs.event_predictions import predict_events
from ketasim.outputs.mood import MADRS, MOOD_UNITS, Mood, OuterBand
from ketasim.outputs.mood_calibration_tables import (
    MoodTarget,
    mood_correlation_table,
    mood_draws_table,
    mood_fit_table,
    mood_parameter_table,
    mood_targets,
    unseen_table,
)
from ketasim.outputs.report import simulation_report
from ketasim.outputs.report_calibration import calibration_report, fit_table
from ketasim.outputs.report_figures import plot
from ketasim.outputs.report_mood_calibration import mood_calibration_report
from ketasim.outputs.report_page import read_sources_used
from ketasim.outputs.report_trial import plot_trial, trial_report
from ketasim.outputs.sensitivity import Elasticity
from ketasim.outputs.simulate import simulate
from ketasim.outputs.simulation import Assumption, Simulation

__all__ = [
    "MADRS",
    "MOOD_UNITS",
    "Assumption",
    "Elasticity",
    "Mood",
    "MoodTarget",
    "OuterBand",
    "Session",
    "Simulation",
    "calibration_report",
    "fit_table",
    "mood_calibration_report",
    "mood_correlation_table",
    "mood_draws_table",
    "mood_fit_table",
    "mood_parameter_table",
    "mood_targets",
    "plot",
    "plot_trial",
    "predict_events",
    "read_sources_used",
    "simulate",
    "simulation_report",
    "trial_report",
    "unseen_table",
]
