"""The likelihood of observations: what it is of one subject, of all, and where it is largest."""
