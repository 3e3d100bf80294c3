"""The verb `simulate`: a course becomes concentrations, receptor block, session and mood."""

from ketasim.simulation.calendar import Session
from ketasim.simulation.event_predictions import predict_events
from ketasim.simulation.mood.beside import NearValue
from ketasim.simulation.mood.course import (
    MADRS,
    MOOD_UNITS,
    Mood,
    OuterBand,
)
from ketasim.simulation.mood.regimens import RegimenScores, compare_regimens
from ketasim.simulation.mood.weeks import shown_weeks
from ketasim.simulation.prediction.predict import predict
from ketasim.simulation.prediction.result import Predicted, Prediction
from ketasim.simulation.result import (
    Assumption,
    Simulation,
)
from ketasim.simulation.sensitivity import Elasticity
from ketasim.simulation.session.curves import (
    SESSION_UNITS,
    SessionEffects,
    SessionProfile,
)
from ketasim.simulation.session.driving import Driving
from ketasim.simulation.session.times import effect_times
from ketasim.simulation.simulate import simulate, with_profiles
from ketasim.simulation.tables import INDIVIDUALS, individuals_note

__all__ = [
    "INDIVIDUALS",
    "MADRS",
    "MOOD_UNITS",
    "SESSION_UNITS",
    "Assumption",
    "Driving",
    "Elasticity",
    "Mood",
    "NearValue",
    "OuterBand",
    "Predicted",
    "Prediction",
    "RegimenScores",
    "Session",
    "SessionEffects",
    "SessionProfile",
    "Simulation",
    "compare_regimens",
    "effect_times",
    "individuals_note",
    "predict",
    "predict_events",
    "shown_weeks",
    "simulate",
    "with_profiles",
]
