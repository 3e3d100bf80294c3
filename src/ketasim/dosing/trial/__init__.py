"""Trials: population, arms, assessments."""
