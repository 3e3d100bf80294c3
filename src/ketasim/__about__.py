"""What the package is called, and its version: in one place."""

__version__ = "0.1.0"

YEAR = "2026"
"""Year of this version."""

AUTHOR = "ketasim developers"

TITLE = "ketasim: simulation of ketamine therapy from dose to mood"

LICENSE = "Apache-2.0"

ADDRESS = ""
"""Where the project is found; empty until it has a public address."""
