"""How many virtual patients share one solution of the chain."""

from typing import Final

SHARED: Final = 8
"""Virtual patients who share one solution: they differ in what acts outside the solved states."""
