"""How many patients are drawn for a replicate, from which seeds, and how high their scores go."""

from __future__ import annotations

import hashlib
from typing import Final

from ketasim.dosing import Arm, Trial

HIGHEST: Final = 60.0
"""Highest score of the MADRS, points."""

PILOT: Final = 256
"""Patients the steps are chosen with, always the same."""

PILOT_SEED: Final = 0
"""Seed of the patients and numbers with which steps are chosen, whatever that of the trial."""


def strides(trial: Trial, arm: Arm) -> int:
    """Patients drawn a replicate for an arm: those of the largest period in a crossover."""
    return max(one.n for one in trial.arms) if trial.design == "crossover" else arm.n


def pilot_replicates(trial: Trial) -> int:
    """How many replicates hold the patients with whom the steps are chosen."""
    return max(-(-PILOT // strides(trial, arm)) for arm in trial.arms)


def derived(seed: int, purpose: str) -> int:
    """A seed of its own for a purpose."""
    digest = hashlib.blake2b(f"{seed}:trial:{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
