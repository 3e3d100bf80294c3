"""What people write, read in one place: medicines, histories, doses, times and numbers."""

from ketasim.vocabulary.medicine import MedicineMatch, resolve_medicine

__all__ = ["MedicineMatch", "resolve_medicine"]
