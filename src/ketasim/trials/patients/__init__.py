"""Patients of a trial: what they differ in, what they are given, when they leave, and why."""
