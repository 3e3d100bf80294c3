"""Calibration: the joint fit of the reference model, and the replays of published models."""

from ketasim.inference.acute_calibration import calibrate_acute
from ketasim.inference.acute_comparison import AcuteCompared, AcuteFit, compare_acute
from ketasim.inference.acute_problem import AcuteProblem
from ketasim.inference.acute_training import AcuteRow, load_acute_training
from ketasim.inference.agreement import Agreement, agreement, agreement_table
from ketasim.inference.interactions import InteractionRow, load_interactions
from ketasim.inference.mechanism import MechanismCheck, mechanism_checks, mechanism_table
from ketasim.inference.mechanism_simulation import mechanism_curves
from ketasim.inference.meta_analysis import (
    FEWEST_FOR_EGGER,
    FEWEST_FOR_PREDICTION,
    INTERVALS,
    MeanInterval,
    PooledEffect,
    SmallStudyCheck,
    WithoutOne,
    pool_effects,
)
from ketasim.inference.meta_published import comparable_studies, pool_comparable, published_pools
from ketasim.inference.meta_selection import (
    META_CONTROLS,
    META_MEASURES,
    META_METRICS,
    LeftOut,
    MetaQuery,
    MetaResult,
    MetaSelection,
    PublishedPool,
    StudyEffect,
    control_words,
    time_words,
)
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
    "FEWEST_FOR_EGGER",
    "FEWEST_FOR_PREDICTION",
    "INTERVALS",
    "META_CONTROLS",
    "META_MEASURES",
    "META_METRICS",
    "PROFILES",
    "AcuteCompared",
    "AcuteFit",
    "AcuteProblem",
    "AcuteRow",
    "Agreement",
    "Compared",
    "Curve",
    "Design",
    "InteractionRow",
    "Judged",
    "LeftOut",
    "MeanInterval",
    "MechanismCheck",
    "MetaQuery",
    "MetaResult",
    "MetaSelection",
    "MoodFit",
    "MoodRow",
    "Number",
    "PkFit",
    "PooledEffect",
    "Profile",
    "ProfileCompared",
    "PublishedPool",
    "ReplayRow",
    "RowFit",
    "SmallStudyCheck",
    "StudyEffect",
    "TrainingRow",
    "Unseen",
    "WithoutOne",
    "agreement",
    "agreement_table",
    "calibrate_acute",
    "calibrate_mood",
    "calibrate_pk",
    "comparable_studies",
    "compare_acute",
    "control_words",
    "judged",
    "load_acute_training",
    "load_interactions",
    "load_mood_rows",
    "load_studies",
    "load_training",
    "mechanism_checks",
    "mechanism_curves",
    "mechanism_table",
    "pool_comparable",
    "pool_effects",
    "published_pools",
    "replay",
    "replay_all",
    "time_words",
]
