"""Figures of a trial: its scheme, its courses, responders, relapse, single patients, and power."""
