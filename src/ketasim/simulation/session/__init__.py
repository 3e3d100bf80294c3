"""The effects of the sessions of a course."""
