"""Figures of the calibrations."""
