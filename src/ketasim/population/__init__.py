"""Virtual patients: covariates, enzyme activities and the spread between patients, from a seed."""

from ketasim.population.cohort import Cohort
from ketasim.population.covariates import covariates_of
from ketasim.population.modifiers import (
    ACTIVITIES,
    Modification,
    Modifier,
    activities_of,
    load_modifiers,
    modification_of,
)
from ketasim.population.spread import individual_parameters
from ketasim.population.virtual import virtual_patients

__all__ = [
    "ACTIVITIES",
    "Cohort",
    "Modification",
    "Modifier",
    "activities_of",
    "covariates_of",
    "individual_parameters",
    "load_modifiers",
    "modification_of",
    "virtual_patients",
]
