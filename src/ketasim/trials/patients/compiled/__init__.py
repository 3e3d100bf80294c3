"""Compiled loops over the patients of many replicates, before they are treated."""
