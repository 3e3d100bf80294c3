"""What is given to whom: doses, regimens, patients, courses, event tables, guards."""

from ketasim.dosing.course import Course, CourseFile, load_course, parse_course
from ketasim.dosing.dose import DRUGS, ROUTES, Dose
from ketasim.dosing.guards import DoseRange, check_doses, dose_ranges
from ketasim.dosing.patient import SCALES, Baseline, Patient, PopulationSpec
from ketasim.dosing.regimen import Regimen
from ketasim.dosing.sentence import parse_regimen
from ketasim.dosing.structured import DoseItem, items_of, structured_regimen

__all__ = [
    "DRUGS",
    "ROUTES",
    "SCALES",
    "Baseline",
    "Course",
    "CourseFile",
    "Dose",
    "DoseItem",
    "DoseRange",
    "Patient",
    "PopulationSpec",
    "Regimen",
    "check_doses",
    "dose_ranges",
    "items_of",
    "load_course",
    "parse_course",
    "parse_regimen",
    "structured_regimen",
]
