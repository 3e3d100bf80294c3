"""The effects of a session over patients."""
