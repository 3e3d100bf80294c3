"""The rules behind a screen and a plan."""
