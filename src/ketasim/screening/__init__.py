"""The session and its safety: screening, interactions, rules of a session, harm over time."""

from ketasim.screening.assessment import screen
from ketasim.screening.costs import course_costs
from ketasim.screening.exposure import TreatmentExposure, course_exposure
from ketasim.screening.finding import (
    FINDING_KINDS,
    SEVERITIES,
    ExposureRatio,
    MonitoringPrompt,
    ScreenFinding,
)
from ketasim.screening.harm import (
    EXPOSURE_CLASSES,
    HARMS,
    HarmPosition,
    HarmReport,
    HarmStatement,
    harm_source,
    harms_over_time,
    published_harms,
)
from ketasim.screening.plan import EffectTime, session_plan
from ketasim.screening.plan_result import PlanEntry, SessionPlan
from ketasim.screening.pressure import PressureLimit, pressure_limits
from ketasim.screening.rules.session import SessionRule, session_rules
from ketasim.screening.screen_result import NO_VERDICT, Screen
from ketasim.screening.wording import subject_words
from ketasim.vocabulary import HistoryMatch, MedicineMatch, read_history, resolve_medicine

__all__ = [
    "EXPOSURE_CLASSES",
    "FINDING_KINDS",
    "HARMS",
    "NO_VERDICT",
    "SEVERITIES",
    "EffectTime",
    "ExposureRatio",
    "HarmPosition",
    "HarmReport",
    "HarmStatement",
    "HistoryMatch",
    "MedicineMatch",
    "MonitoringPrompt",
    "PlanEntry",
    "PressureLimit",
    "Screen",
    "ScreenFinding",
    "SessionPlan",
    "SessionRule",
    "TreatmentExposure",
    "course_costs",
    "course_exposure",
    "harm_source",
    "harms_over_time",
    "pressure_limits",
    "published_harms",
    "read_history",
    "resolve_medicine",
    "screen",
    "session_plan",
    "session_rules",
    "subject_words",
]
