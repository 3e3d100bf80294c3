"""Calibration: the joint fit of the reference model, and the replays of published models."""

from ketasim.inference.agreement import Agreement, agreement, agreement_table
from ketasim.inference.interactions import InteractionRow, load_interactions
from ketasim.inference.mechanism import MechanismCheck, mechanism_checks, mechanism_table
from ketasim.inference.mechanism_simulation import mechanism_curves
from ketasim.inference.mood_calibration import (
    Curve,
    MoodFit,
    Number,
    RowFit,
    calibrate_mood,
)
from ketasim.inference.mood_judgement import Judged, Unseen, judged
from ketasim.inference.mood_training import MoodRow, load_mood_rows, load_studies
from ketasim.inference.pk_calibration import Compared, PkFit, ProfileCompared, calibrate_pk
from ketasim.inference.profiles import PROFILES, Profile
from ketasim.inference.replays import ReplayRow, replay, replay_all
from ketasim.inference.training import Design, TrainingRow, load_training

__all__ = [
    "PROFILES",
    "Agreement",
    "Compared",
    "Curve",
    "Design",
    "InteractionRow",
    "Judged",
    "MechanismCheck",
    "MoodFit",
    "MoodRow",
    "Number",
    "PkFit",
    "Profile",
    "ProfileCompared",
    "ReplayRow",
    "RowFit",
    "TrainingRow",
    "Unseen",
    "agreement",
    "agreement_table",
    "calibrate_mood",
    "calibrate_pk",
    "judged",
    "load_interactions",
    "load_mood_rows",
    "load_studies",
    "load_training",
    "mechanism_checks",
    "mechanism_curves",
    "mechanism_table",
    "replay",
    "replay_all",
]
