"""The verb `compare`: regimens side by side on the same virtual patients, ranked only if asked."""

from ketasim.planning.certainty import Certainty
from ketasim.planning.compare import MOST, compare
from ketasim.planning.criteria import CRITERIA, Criterion
from ketasim.planning.difference import Difference
from ketasim.planning.measure import Measure
from ketasim.planning.option import Option
from ketasim.planning.result import Comparison, Ranked

__all__ = [
    "CRITERIA",
    "MOST",
    "Certainty",
    "Comparison",
    "Criterion",
    "Difference",
    "Measure",
    "Option",
    "Ranked",
    "compare",
]
