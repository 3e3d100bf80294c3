"""What people write, read in one place: medicines, histories, doses, times and numbers."""

from ketasim.vocabulary.clock import Moment, read_clock, read_moment
from ketasim.vocabulary.drug import SALTS, DrugName, drug_of, read_drug
from ketasim.vocabulary.frequency import Frequency, frequency_of
from ketasim.vocabulary.measure import Measure, read_measure
from ketasim.vocabulary.medicine import MedicineMatch, resolve_medicine
from ketasim.vocabulary.number import value_of
from ketasim.vocabulary.route import RouteName, read_route, route_of
from ketasim.vocabulary.scale import scale_of, scale_remedy
from ketasim.vocabulary.sex import sex_of

__all__ = [
    "SALTS",
    "DrugName",
    "Frequency",
    "Measure",
    "MedicineMatch",
    "Moment",
    "RouteName",
    "drug_of",
    "frequency_of",
    "read_clock",
    "read_drug",
    "read_measure",
    "read_moment",
    "read_route",
    "resolve_medicine",
    "route_of",
    "scale_of",
    "scale_remedy",
    "sex_of",
    "value_of",
]
