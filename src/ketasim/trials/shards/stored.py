"""Parts of a trial as arrays, and back: to the last bit."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base.result import parquet
from ketasim.trials.assess import Cell, Values
from ketasim.trials.operating.characteristics import Drawn
from ketasim.trials.operating.outcomes import Outcome
from ketasim.trials.operating.question import Question, Way
from ketasim.trials.operating.world import World
from ketasim.trials.patients.flow import Flow
from ketasim.trials.shards.part import Found, Part

Arrays = dict[str, NDArray[Any]]

_VALUES: Final = ("value", "count", "spread", "sampling")


def arrays_of(part: Part) -> tuple[Arrays, dict[str, Any]]:
    """A part as arrays, and what they are.

    **Returns:** name to array, and what JSON can hold.
    """
    arrays: Arrays = {}
    rows: list[tuple[Cell, str]] = []
    counts = part.flow.counts
    kinds = [kind for own in list(counts.values())[:1] for kind in own]
    if part.pieces:  # there are none where all replicates are drawn from pools
        rows = [(cell, name) for cell, arms in part.pieces[0].items() for name in arms]
        arrays |= _rated(part, rows, kinds)
    if part.tables:
        arrays["patients"] = np.frombuffer(parquet(pl.concat(part.tables)), np.uint8)
    failures: dict[str, Mapping[str, int]] = {}
    for name, world in part.worlds.items():
        for estimand, truths in world.truths.items():
            arrays[f"{name}/truths/{estimand}"] = np.concatenate(truths)
        for (way, place), outcomes in world.found.items():
            key = f"{name}/{way.analysis}/{way.estimand}/{place}"
            for field in _fields():
                arrays[f"{key}/{field}"] = np.concatenate([getattr(o, field) for o in outcomes])
            failures[key] = _summed(outcomes)
    about = {
        "first": part.first,
        "count": part.count,
        "rows": [[*vars(cell).values(), name] for cell, name in rows],
        "arms": list(part.members),
        "flow": [list(counts), kinds],
        "worlds": list(part.worlds),
        "failures": failures,
        "drawn": None if part.drawn is None else part.drawn._asdict(),
    }
    return arrays, about


def _rated(part: Part, rows: list[tuple[Cell, str]], kinds: list[str]) -> Arrays:
    """What the arms of solved replicates are told by."""
    arrays: Arrays = {}
    for field in _VALUES:
        arrays[field] = _stacked(
            [[getattr(piece[cell][name][0], field) for piece in part.pieces] for cell, name in rows]
        )
    arrays["plain"] = _stacked(
        [[piece[cell][name][1].value for piece in part.pieces] for cell, name in rows]
    )
    arrays["members"] = _stacked(list(part.members.values()))
    for place, own in enumerate(part.flow.counts.values()):
        arrays[f"flow/{place}"] = _stacked([own[kind] for kind in kinds])
    return arrays


def part_of(arrays: Arrays, about: Mapping[str, Any], question: Question | None) -> Part:
    """The part that `arrays_of` made arrays of.

    **Arguments:**

    - `question`: of the trial.
    """
    piece: Found = {}
    for place, (*cell, name) in enumerate(about["rows"]):
        values = Values(*(arrays[field][place] for field in _VALUES))
        none = np.zeros(0)  # of those without trial effects only the value is used
        plain = Values(arrays["plain"][place], none, none, none)
        piece.setdefault(Cell(*cell), {})[name] = values, plain
    worlds: dict[str, World] = {}
    for name in about["worlds"]:
        assert question is not None
        world = World(question)
        truths = f"{name}/truths/"
        for key in arrays:
            if key.startswith(truths):
                world.truths[key.removeprefix(truths)] = [arrays[key]]
        for key, failures in about["failures"].items():
            whose, analysis, estimand, place = key.split("/")
            if whose == name:
                numbers = {field: arrays[f"{key}/{field}"] for field in _fields()}
                way = Way(analysis, estimand)
                world.found[way, int(place)] = [Outcome(**numbers, failures=failures)]
        worlds[name] = world
    arms, kinds = about["flow"]
    flow = Flow(
        {
            arm: {kind: [row] for kind, row in zip(kinds, arrays[f"flow/{place}"], strict=True)}
            for place, arm in enumerate(arms)
        }
    )
    tables: list[pl.DataFrame] = []
    if "patients" in arrays:
        tables.append(pl.read_parquet(io.BytesIO(arrays["patients"].tobytes())))
    return Part(
        about["first"],
        about["count"],
        [piece] if piece else [],
        {name: [arrays["members"][place]] for place, name in enumerate(about["arms"])},
        flow,
        tables,
        worlds,
        None if about["drawn"] is None else Drawn(**about["drawn"]),
    )


def _fields() -> tuple[str, ...]:
    """Arrays of an outcome."""
    return tuple(name for name in Outcome._fields if name != "failures")


def _stacked(rows: list[list[NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Arrays of pieces one after the other, a row each."""
    return np.stack([np.concatenate(row) for row in rows])


def _summed(outcomes: list[Outcome]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in outcomes:
        for why, count in one.failures.items():
            found[why] = found.get(why, 0) + count
    return found
