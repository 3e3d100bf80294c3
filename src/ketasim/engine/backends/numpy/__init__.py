"""The back end in NumPy: readable, ready at once."""
