"""Stretches of events: subjects of event tables, each with actions and parameters of its own."""
