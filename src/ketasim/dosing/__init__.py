"""What is given to whom: doses, regimens, patients, courses, event tables, guards."""

from ketasim.dosing.catalogue import CatalogueEntry, catalogue
from ketasim.dosing.course import Course, CourseFile, load_course, parse_course
from ketasim.dosing.dose import DRUGS, ROUTES, Dose
from ketasim.dosing.editing import (
    Dial,
    dial,
    dose_table,
    plainest,
    session_days,
    turned,
    with_session,
    with_session_moved,
    without_session,
)
from ketasim.dosing.events.contract import COMPARTMENTS, CONTRACT, Column
from ketasim.dosing.events.doses import GivenDose
from ketasim.dosing.events.left_out import NOT_READ
from ketasim.dosing.events.meaning import (
    Actions,
    Entries,
    EventError,
    Records,
    Steady,
    actions_of,
    tiled,
)
from ketasim.dosing.events.records import (
    MODELLED_DURATION,
    MODELLED_RATE,
    DoseRecords,
    read_records,
)
from ketasim.dosing.events.routed import RoutedTable, read_routed
from ketasim.dosing.events.samples import Samples, samples_of
from ketasim.dosing.events.sheet import EVENT_COLUMNS, Sheet, carried, read_sheet
from ketasim.dosing.events.table import EventTable, Observation, Subject, read_events
from ketasim.dosing.events.written import write_events
from ketasim.dosing.follow_up.candidate import Candidate
from ketasim.dosing.follow_up.score import Score
from ketasim.dosing.guards import DoseRange, check_doses, dose_ranges
from ketasim.dosing.mood_options import (
    LEAST_STRESS,
    MOST_STRESS,
    STRESS,
    SWITCHES,
    MoodOptions,
    MoodSwitches,
)
from ketasim.dosing.patient import (
    HEALTHY,
    VITAL_LIMITS,
    Baseline,
    HistoryEntry,
    MedicineEntry,
    Patient,
    Vitals,
    scales,
)
from ketasim.dosing.people import (
    DRAWN_AGES,
    DRAWN_WEIGHTS,
    AgeSpread,
    MeanSd,
    PopulationSpec,
    WeightSpread,
)
from ketasim.dosing.plan_options import MOST_NUMBER, PlanOptions, interval_words
from ketasim.dosing.regimen import Regimen, split_devices
from ketasim.dosing.sentence.parse import parse_regimen
from ketasim.dosing.shipped import located, shipped
from ketasim.dosing.structured import DoseItem, items_of, structured_regimen
from ketasim.dosing.trial.analyses import (
    ANALYSES,
    ESTIMANDS,
    IMPUTED,
    PATTERNS,
    Dropout,
    Power,
    Primary,
    Scenario,
    analysed_visits,
    followed_relapse,
    whose,
)
from ketasim.dosing.trial.arm import (
    BACKGROUNDS,
    DEFAULT_BACKGROUND,
    DEFAULT_SETTING,
    Arm,
    BaselineSpread,
    TrialPopulation,
)
from ketasim.dosing.trial.assessment import (
    FOLLOWED,
    FROM_PHASE,
    GROUPS,
    METRICS,
    RELAPSES,
    RESPONSE,
    Assessment,
    Relapse,
)
from ketasim.dosing.trial.design import Trial, load_studies, load_trial, parse_trial
from ketasim.dosing.trial.file import DESIGNS, REPLICATES, TrialFile
from ketasim.dosing.trial.label import arm_details, arm_label, arm_name
from ketasim.dosing.trial.looks import BOUNDARIES, SPENDING, Futility, Looks
from ketasim.dosing.trial.phase import CONTROLS, Phase
from ketasim.dosing.trial.strata import Randomisation, Stratum, block_of, factor_names, ratio_of
from ketasim.dosing.trial.withdrawal import ENTRIES, Branch, Entry, TargetItem, WithdrawalItem

__all__ = [
    "ANALYSES",
    "BACKGROUNDS",
    "BOUNDARIES",
    "COMPARTMENTS",
    "CONTRACT",
    "CONTROLS",
    "DEFAULT_BACKGROUND",
    "DEFAULT_SETTING",
    "DESIGNS",
    "DRAWN_AGES",
    "DRAWN_WEIGHTS",
    "DRUGS",
    "ENTRIES",
    "ESTIMANDS",
    "EVENT_COLUMNS",
    "FOLLOWED",
    "FROM_PHASE",
    "GROUPS",
    "HEALTHY",
    "IMPUTED",
    "LEAST_STRESS",
    "METRICS",
    "MODELLED_DURATION",
    "MODELLED_RATE",
    "MOST_NUMBER",
    "MOST_STRESS",
    "NOT_READ",
    "PATTERNS",
    "RELAPSES",
    "REPLICATES",
    "RESPONSE",
    "ROUTES",
    "SPENDING",
    "STRESS",
    "SWITCHES",
    "VITAL_LIMITS",
    "Actions",
    "AgeSpread",
    "Arm",
    "Assessment",
    "Baseline",
    "BaselineSpread",
    "Branch",
    "Candidate",
    "CatalogueEntry",
    "Column",
    "Course",
    "CourseFile",
    "Dial",
    "Dose",
    "DoseItem",
    "DoseRange",
    "DoseRecords",
    "Dropout",
    "Entries",
    "Entry",
    "EventError",
    "EventTable",
    "Futility",
    "GivenDose",
    "HistoryEntry",
    "Looks",
    "MeanSd",
    "MedicineEntry",
    "MoodOptions",
    "MoodSwitches",
    "Observation",
    "Patient",
    "Phase",
    "PlanOptions",
    "PopulationSpec",
    "Power",
    "Primary",
    "Randomisation",
    "Records",
    "Regimen",
    "Relapse",
    "RoutedTable",
    "Samples",
    "Scenario",
    "Score",
    "Sheet",
    "Steady",
    "Stratum",
    "Subject",
    "TargetItem",
    "Trial",
    "TrialFile",
    "TrialPopulation",
    "Vitals",
    "WeightSpread",
    "WithdrawalItem",
    "actions_of",
    "analysed_visits",
    "arm_details",
    "arm_label",
    "arm_name",
    "block_of",
    "carried",
    "catalogue",
    "check_doses",
    "dial",
    "dose_ranges",
    "dose_table",
    "factor_names",
    "followed_relapse",
    "interval_words",
    "items_of",
    "load_course",
    "load_studies",
    "load_trial",
    "located",
    "parse_course",
    "parse_regimen",
    "parse_trial",
    "plainest",
    "ratio_of",
    "read_events",
    "read_records",
    "read_routed",
    "read_sheet",
    "samples_of",
    "scales",
    "session_days",
    "shipped",
    "split_devices",
    "structured_regimen",
    "tiled",
    "turned",
    "whose",
    "with_session",
    "with_session_moved",
    "without_session",
    "write_events",
]
