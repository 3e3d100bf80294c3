"""Checks over tables, cards and the bibliography."""
