"""Records of others read into a course, results written as others read them."""

from ketasim.interop.course_file import course_of, course_text, remarks
from ketasim.interop.fhir.package import r4_class
from ketasim.interop.fhir.read import read_fhir
from ketasim.interop.fhir.risk_assessment import risk_assessment, risk_assessment_file
from ketasim.interop.pasted import Pasted, read_pasted
from ketasim.interop.records import Given, Imported, Person, Rating
from ketasim.interop.tables.read import read_table

__all__ = [
    "Given",
    "Imported",
    "Pasted",
    "Person",
    "Rating",
    "course_of",
    "course_text",
    "r4_class",
    "read_fhir",
    "read_pasted",
    "read_table",
    "remarks",
    "risk_assessment",
    "risk_assessment_file",
]
