"""The compiled back end: patients in step in vector registers."""
