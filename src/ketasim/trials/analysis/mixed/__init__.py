"""Mixed models for repeated measures: sums by missing pattern, likelihood, Kenward-Roger."""
