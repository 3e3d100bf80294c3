"""The verbs `compare` and `plan`: regimens on the same virtual patients, ranked only if asked."""

from ketasim.planning.candidates.candidate import Candidate
from ketasim.planning.certainty import Certainty
from ketasim.planning.compare import MOST, compare
from ketasim.planning.criteria import CRITERIA, PLANNED, Criterion
from ketasim.planning.difference import Difference
from ketasim.planning.measure import Measure
from ketasim.planning.option import Option
from ketasim.planning.plan import plan
from ketasim.planning.planned import Plan
from ketasim.planning.ranking import Ranked
from ketasim.planning.result import Comparison

__all__ = [
    "CRITERIA",
    "MOST",
    "PLANNED",
    "Candidate",
    "Certainty",
    "Comparison",
    "Criterion",
    "Difference",
    "Measure",
    "Option",
    "Plan",
    "Ranked",
    "compare",
    "plan",
]
