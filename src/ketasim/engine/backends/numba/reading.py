"""The compiled reading of modes, kept on disk and loaded when there is much to read."""

from __future__ import annotations

from pathlib import Path

from ketasim.engine.backends.numba.kernel import Kernel

read_modes = Kernel(
    Path(__file__).parent / "reading_kernel.py", "read_modes", "the reading of concentrations"
)
"""Calls `reading_kernel.read_modes`."""
