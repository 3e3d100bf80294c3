"""A clinic's own table of dates, scores and doses, as CSV or Excel, read into a course."""
