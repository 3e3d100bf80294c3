"""What people write, read in one place: medicines, histories, doses, times and numbers."""

from ketasim.vocabulary.clock import Moment, check_one_order, read_clock, read_moment
from ketasim.vocabulary.context.assertion import assertions
from ketasim.vocabulary.context.denial import Assertion
from ketasim.vocabulary.daily_dose import daily_mg
from ketasim.vocabulary.drug import SALTS, DrugName, drug_of, read_drug
from ketasim.vocabulary.frequency import Frequency, frequency_of
from ketasim.vocabulary.history import HistoryFinding, HistoryForm, HistoryMatch, read_history
from ketasim.vocabulary.measure import Measure, read_measure
from ketasim.vocabulary.medicine import (
    MedicineForm,
    MedicineMatch,
    MedicineMention,
    named_antidepressants,
    resolve_medicine,
)
from ketasim.vocabulary.number import value_of
from ketasim.vocabulary.route import RouteName, read_route, route_of
from ketasim.vocabulary.scale import scale_of, scale_remedy, scale_words

__all__ = [
    "SALTS",
    "Assertion",
    "DrugName",
    "Frequency",
    "HistoryFinding",
    "HistoryForm",
    "HistoryMatch",
    "Measure",
    "MedicineForm",
    "MedicineMatch",
    "MedicineMention",
    "Moment",
    "RouteName",
    "assertions",
    "check_one_order",
    "daily_mg",
    "drug_of",
    "frequency_of",
    "named_antidepressants",
    "read_clock",
    "read_drug",
    "read_history",
    "read_measure",
    "read_moment",
    "read_route",
    "resolve_medicine",
    "route_of",
    "scale_of",
    "scale_remedy",
    "scale_words",
    "value_of",
]
