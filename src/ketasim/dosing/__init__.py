"""What is given to whom: doses, regimens, patients, courses, event tables, guards."""

from ketasim.dosing.course import Course, CourseFile, load_course, parse_course
from ketasim.dosing.dose import DRUGS, ROUTES, Dose
from ketasim.dosing.event_contract import COMPARTMENTS, CONTRACT, Column
from ketasim.dosing.events import EventTable, Observation, Subject, read_events, write_events
from ketasim.dosing.guards import DoseRange, check_doses, dose_ranges
from ketasim.dosing.patient import Baseline, Patient, PopulationSpec, scales
from ketasim.dosing.regimen import Regimen, split_devices
from ketasim.dosing.sentence import parse_regimen
from ketasim.dosing.structured import DoseItem, items_of, structured_regimen

__all__ = [
    "COMPARTMENTS",
    "CONTRACT",
    "DRUGS",
    "ROUTES",
    "Baseline",
    "Column",
    "Course",
    "CourseFile",
    "Dose",
    "DoseItem",
    "DoseRange",
    "EventTable",
    "Observation",
    "Patient",
    "PopulationSpec",
    "Regimen",
    "Subject",
    "check_doses",
    "dose_ranges",
    "items_of",
    "load_course",
    "parse_course",
    "parse_regimen",
    "read_events",
    "scales",
    "split_devices",
    "structured_regimen",
    "write_events",
]
