"""Words for what is given, and how, that every room uses."""

from __future__ import annotations

from typing import Final

DRUGS: Final = ("ketamine", "esketamine", "arketamine")
"""Racemic ketamine, its S- and its R-enantiomer."""

ROUTES: Final = (
    "iv",
    "im",
    "sc",
    "intranasal",
    "oral",
    "oral_er",
    "sublingual",
    "buccal",
    "rectal",
    "inhaled",
)
"""Routes of administration; `oral_er` is the extended-release tablet."""
