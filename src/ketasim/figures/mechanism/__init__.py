"""The chain from dose to mood, drawn: beside published windows, and of one course."""
