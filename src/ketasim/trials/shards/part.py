"""Some replicates of a trial, simulated and analysed: all that its result is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.trials.assess import Cell, Values
from ketasim.trials.operating.characteristics import Drawn
from ketasim.trials.operating.world import World
from ketasim.trials.patients.flow import Flow

Array = NDArray[np.float64]
Found = dict[Cell, dict[str, tuple[Values, Values]]]
"""Metric and arm to its values with and without the effects of the trials."""

WORLDS: Final = ("uncertain", "fixed", "none")
"""What the analyses are done in, by the names of `Characteristics`."""


@dataclass(frozen=True)
class Part:
    """Replicates from one on.

    **Arguments:**

    - `first`, `count`: the replicates, counted from 0.
    - `pieces`: arms and comparisons, some replicates after the others.
    - `members`: arm to how many patients are in it, of each piece, shape (R,).
    - `flow`: who begins, leaves and completes.
    - `tables`: patients of the replicates that are kept.
    - `worlds`: what the analyses found, by `WORLDS`; none where the trial is not analysed.
    - `drawn`: of which pools the replicates of the worlds are; nothing where they are solved. Then
      all others are of those replicates alone of which every patient is solved, if any.
    """

    first: int
    count: int
    pieces: list[Found] = field(default_factory=list[Found])
    members: dict[str, list[Array]] = field(default_factory=dict[str, list[Array]])
    flow: Flow = field(default_factory=Flow)
    tables: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    worlds: Mapping[str, World] = field(default_factory=dict[str, World])
    drawn: Drawn | None = None


def by_name(worlds: tuple[World, World, World]) -> dict[str, World]:
    """Worlds by their names, in the order of `WORLDS`."""
    return dict(zip(WORLDS, worlds, strict=True))


def joined_worlds(parts: list[Part]) -> dict[str, World]:
    """The worlds of parts, one after the other; none where the trial is not analysed."""
    made: dict[str, World] = {}
    for name in parts[0].worlds:
        world = World(parts[0].worlds[name].question)
        for part in parts:
            for key, outcomes in part.worlds[name].found.items():
                world.found.setdefault(key, []).extend(outcomes)
            for estimand, truths in part.worlds[name].truths.items():
                world.truths.setdefault(estimand, []).extend(truths)
        made[name] = world
    return made
