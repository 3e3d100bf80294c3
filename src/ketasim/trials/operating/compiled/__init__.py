"""Compiled loops over the patients of many replicates."""
