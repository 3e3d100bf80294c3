"""Operating characteristics: power, type-I error, bias and coverage of a trial's analyses."""
