"""Virtual patients: covariates, enzyme activities and between-patient variability, from a seed."""

from ketasim.population.arms import arm_calendar, arm_patients, receptor_values
from ketasim.population.benefit import (
    BenefitModifier,
    DiazepamEquivalent,
    benefit_modifiers,
    diazepam_equivalent,
)
from ketasim.population.cohort import Cohort
from ketasim.population.covariates import covariates_of
from ketasim.population.expectation import (
    EXPECTATION_WORDS,
    OLDER,
    Situation,
    situation_of,
)
from ketasim.population.modifiers import (
    ACTIVITIES,
    Modification,
    Modifier,
    activities_of,
    load_modifiers,
    modification_of,
)
from ketasim.population.mood import (
    MOOD_SPREADS,
    MOOD_STATES,
    baseline_scores,
    chain_scores,
    correlated,
    in_madrs,
    mood_effects,
    mood_values,
    typical_effects,
)
from ketasim.population.outcomes import (
    HALF_POINT,
    remission_chance,
    response_chance,
    still_well,
)
from ketasim.population.scales import Crosswalk, convertible, crosswalk, from_madrs, to_madrs
from ketasim.population.session.curves import (
    SESSION_CURVES,
    Sensitivity,
    SessionCurve,
    session_curve,
    time_back,
    time_from,
)
from ketasim.population.session.effects import (
    event_threshold,
    mean_of_maxima,
    mean_score,
    share_ever,
    share_in_course,
    share_now,
    share_of_sessions,
    share_per_patient,
    share_rising,
    share_rising_either,
)
from ketasim.population.session.pressure import (
    PRESSURES,
    SEVERE,
    SEVERE_FACT,
    PressureOutlook,
    PressureRise,
    at_readings,
    pressure_outlook,
    pressure_sensitivity,
    reading_minutes,
)
from ketasim.population.sessions import SessionMark, session_marks
from ketasim.population.spread import individual_parameters
from ketasim.population.steps import MOOD_TOLERANCES, mood_plan
from ketasim.population.uncertainty import card_draws, uncertainty_note, uncertainty_of
from ketasim.population.virtual import virtual_patients

__all__ = [
    "ACTIVITIES",
    "EXPECTATION_WORDS",
    "HALF_POINT",
    "MOOD_SPREADS",
    "MOOD_STATES",
    "MOOD_TOLERANCES",
    "OLDER",
    "PRESSURES",
    "SESSION_CURVES",
    "SEVERE",
    "SEVERE_FACT",
    "BenefitModifier",
    "Cohort",
    "Crosswalk",
    "DiazepamEquivalent",
    "Modification",
    "Modifier",
    "PressureOutlook",
    "PressureRise",
    "Sensitivity",
    "SessionCurve",
    "SessionMark",
    "Situation",
    "activities_of",
    "arm_calendar",
    "arm_patients",
    "at_readings",
    "baseline_scores",
    "benefit_modifiers",
    "card_draws",
    "chain_scores",
    "convertible",
    "correlated",
    "covariates_of",
    "crosswalk",
    "diazepam_equivalent",
    "event_threshold",
    "from_madrs",
    "in_madrs",
    "individual_parameters",
    "load_modifiers",
    "mean_of_maxima",
    "mean_score",
    "modification_of",
    "mood_effects",
    "mood_plan",
    "mood_values",
    "pressure_outlook",
    "pressure_sensitivity",
    "reading_minutes",
    "receptor_values",
    "remission_chance",
    "response_chance",
    "session_curve",
    "session_marks",
    "share_ever",
    "share_in_course",
    "share_now",
    "share_of_sessions",
    "share_per_patient",
    "share_rising",
    "share_rising_either",
    "situation_of",
    "still_well",
    "time_back",
    "time_from",
    "to_madrs",
    "typical_effects",
    "uncertainty_note",
    "uncertainty_of",
    "virtual_patients",
]
