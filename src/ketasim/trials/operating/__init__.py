"""Operating characteristics: power, type-I error, bias and coverage of a trial's analyses."""

from ketasim.trials.operating.characteristics import TARGETS, TWO_POWERS, Characteristics
from ketasim.trials.operating.needed import Needed, needed

__all__ = ["TARGETS", "TWO_POWERS", "Characteristics", "Needed", "needed"]
