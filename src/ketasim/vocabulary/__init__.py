"""What people write, read in one place: medicines, histories, doses, times and numbers."""

from ketasim.vocabulary.clock import Moment, read_clock, read_moment
from ketasim.vocabulary.medicine import MedicineMatch, resolve_medicine

__all__ = ["MedicineMatch", "Moment", "read_clock", "read_moment", "resolve_medicine"]
