"""Results: the verb `simulate`, its tables and where their numbers come from."""

from ketasim.outputs.acute import ACUTE_UNITS, Acute, AcuteSession
from ketasim.outputs.acute_calibration_tables import (
    acute_dose_table,
    acute_fit_table,
    acute_parameter_table,
)
from ketasim.outputs.acute_checks import AcuteCheck, acute_checks
from ketasim.outputs.acute_times import effect_times
from ketasim.outputs.calendar import Session
from ketasim.outputs.driving import Driving
from ketasim.outputs.event_predictions import predict_events
from ketasim.outputs.forest import forest_plot, forest_png, forest_svg
from ketasim.outputs.meta_tables import (
    NORMAL,
    left_out_table,
    meta_table,
    plain_number,
    shown,
)
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
from ketasim.outputs.report_acute_calibration import acute_calibration_report
from ketasim.outputs.report_calibration import calibration_report, fit_table
from ketasim.outputs.report_figures import plot
from ketasim.outputs.report_mood_calibration import mood_calibration_report
from ketasim.outputs.report_page import read_sources_used
from ketasim.outputs.report_trial import plot_trial, trial_report
from ketasim.outputs.sensitivity import Elasticity
from ketasim.outputs.simulate import simulate
from ketasim.outputs.simulation import Assumption, Simulation

__all__ = [
    "ACUTE_UNITS",
    "MADRS",
    "MOOD_UNITS",
    "NORMAL",
    "Acute",
    "AcuteCheck",
    "AcuteSession",
    "Assumption",
    "Driving",
    "Elasticity",
    "Mood",
    "MoodTarget",
    "OuterBand",
    "Session",
    "Simulation",
    "acute_calibration_report",
    "acute_checks",
    "acute_dose_table",
    "acute_fit_table",
    "acute_parameter_table",
    "calibration_report",
    "effect_times",
    "fit_table",
    "forest_plot",
    "forest_png",
    "forest_svg",
    "left_out_table",
    "meta_table",
    "mood_calibration_report",
    "mood_correlation_table",
    "mood_draws_table",
    "mood_fit_table",
    "mood_parameter_table",
    "mood_targets",
    "plain_number",
    "plot",
    "plot_trial",
    "predict_events",
    "read_sources_used",
    "shown",
    "simulate",
    "simulation_report",
    "trial_report",
    "unseen_table",
]
