"""Calibration: the joint fit of the reference model, and the replays of published models."""

from ketasim.inference.agreement import Agreement, agreement, agreement_table
from ketasim.inference.interactions import InteractionRow, load_interactions
from ketasim.inference.pk_calibration import Compared, PkFit, ProfileCompared, calibrate_pk
from ketasim.inference.profiles import PROFILES, Profile
from ketasim.inference.replays import ReplayRow, replay, replay_all
from ketasim.inference.training import Design, TrainingRow, load_training

__all__ = [
    "PROFILES",
    "Agreement",
    "Compared",
    "Design",
    "InteractionRow",
    "PkFit",
    "Profile",
    "ProfileCompared",
    "ReplayRow",
    "TrainingRow",
    "agreement",
    "agreement_table",
    "calibrate_pk",
    "load_interactions",
    "load_training",
    "replay",
    "replay_all",
]
