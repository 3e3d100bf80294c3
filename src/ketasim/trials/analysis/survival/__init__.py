"""Time to an event: curves, log-rank test, Cox regression."""
