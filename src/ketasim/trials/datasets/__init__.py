"""Data sets of simulated trials, with the names and labels of CDISC ADaM."""

from ketasim.trials.datasets.tables import DataSet, data_sets
from ketasim.trials.datasets.write import FORMATS, data_files

__all__ = ["FORMATS", "DataSet", "data_files", "data_sets"]
