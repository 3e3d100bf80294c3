"""Fits of the models to published results, a room for each model."""
