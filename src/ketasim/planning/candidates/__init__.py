"""Candidates of a plan: the grid they come from, their numbers, and who dominates whom."""
