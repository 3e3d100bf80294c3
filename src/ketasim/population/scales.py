"""Rating scales of depression in terms of MADRS, by published cross-walks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.evidence import Fact, facts, interval, number

Array = NDArray[np.float64]

_MADRS: Final = "MADRS"
_TABLE: Final = "mood/crosswalks"


@dataclass(frozen=True)
class Crosswalk:
    """How scores of a scale and of MADRS correspond.

    **Arguments:**

    - `scale`: one of `convertible()`.
    - `scores`, `madrs`: corresponding scores, points, both rising; straight lines lie between.
    - `method`: how they were linked. `sources`: source keys. `grades`: grade of each point.
    - `note`: a caveat. `points`: ids of the rows used.
    - `comparisons`: ids of the rows of other authors, which are kept beside and not used.
    """

    scale: str
    scores: tuple[float, ...]
    madrs: tuple[float, ...]
    method: str
    sources: tuple[str, ...]
    grades: tuple[str, ...]
    note: str
    points: tuple[str, ...]
    comparisons: tuple[str, ...]


def convertible() -> tuple[str, ...]:
    """Return the scales with a published cross-walk to MADRS, MADRS itself first."""
    return (_MADRS, *_crosswalks())


def crosswalk(scale: str) -> Crosswalk:
    """Look up how a scale corresponds to MADRS.

    **Arguments:**

    - `scale`: such as `HDRS17`.

    **Returns:** `Crosswalk`. Links are of groups: for one person they can be some points off.

    **Raises:** `InputError` when the scale is unknown or no published cross-walk is carried.
    """
    low, high = _range(scale)
    if scale == _MADRS:
        return Crosswalk(scale, (low, high), (low, high), "identity", (), (), "", (), ())
    found = _crosswalks().get(scale)
    if found is None:
        raise InputError(
            "scale",
            f"no published cross-walk between {scale} and {_MADRS} is in the evidence",
            "use one of: " + ", ".join(convertible()),
        )
    return found


@overload
def to_madrs(scale: str, score: float) -> float: ...
@overload
def to_madrs(scale: str, score: NDArray[Any]) -> Array: ...
def to_madrs(scale: str, score: float | NDArray[Any]) -> float | Array:
    """Convert scores of a scale to MADRS.

    **Arguments:**

    - `scale`: one of `convertible()`.
    - `score`: points, a number or an array of any shape.

    **Returns:** MADRS points, not rounded, on straight lines between the published points; the
    same shape.

    **Raises:** `InputError` when there is no cross-walk, or a score is not one of the scale.
    """
    link = crosswalk(scale)
    return _converted(scale, score, lambda x: np.interp(x, link.scores, link.madrs), _MADRS)


@overload
def from_madrs(scale: str, score: float) -> float: ...
@overload
def from_madrs(scale: str, score: NDArray[Any]) -> Array: ...
def from_madrs(scale: str, score: float | NDArray[Any]) -> float | Array:
    """Convert MADRS scores to another scale: the same lines as `to_madrs`, read backwards.

    **Arguments:**

    - `scale`: one of `convertible()`.
    - `score`: MADRS points, a number or an array of any shape.

    **Returns:** points of the scale, not rounded; the same shape. A MADRS score above the one that
    corresponds to the scale's highest score gives the highest score.

    **Raises:** `InputError` when there is no cross-walk, or a score is not one of MADRS.
    """
    link = crosswalk(scale)
    return _converted(_MADRS, score, lambda x: np.interp(x, link.madrs, link.scores), scale)


def _converted(
    scale: str, score: float | NDArray[Any], convert: Callable[[Array], Any], to: str
) -> float | Array:
    values = np.asarray(score, np.float64)
    low, high = _range(scale)
    wrong = ~((values >= low) & (values <= high))  # true for what is not a number, too
    if wrong.any():
        raise InputError(
            "score",
            f"{values[wrong].flat[0]:g} is not a score of {scale}",
            f"give {low:g} to {high:g} points",
        )
    result = np.clip(np.asarray(convert(values), np.float64), *_range(to))
    return float(result) if result.ndim == 0 else result


def _range(scale: str) -> tuple[float, float]:
    """Lowest and highest score of a scale."""
    known = _ranges()
    if scale not in known:
        raise InputError("scale", f"unknown scale '{scale}'", near(scale, known))
    return known[scale]


@cache
def _ranges() -> dict[str, tuple[float, float]]:
    return {
        row.get("scale"): (float(row.get("low")), float(row.get("high"))) for row in facts("scales")
    }


@cache
def _crosswalks() -> dict[str, Crosswalk]:
    """Cross-walks by scale: rows to MADRS marked `table`, beside those marked `comparison`."""
    rows: dict[str, list[Fact]] = {}
    others: dict[str, list[str]] = {}
    for row in facts(_TABLE):
        ends = (row.get("from_scale"), row.get("to_scale"))
        if row.get("use") == "table":
            rows.setdefault(ends[0], []).append(row)
        elif row.get("use") == "comparison":
            others.setdefault(next(end for end in ends if end != _MADRS), []).append(row.id)
    return {scale: _linked(scale, kept, others.get(scale, [])) for scale, kept in rows.items()}


def _linked(scale: str, rows: list[Fact], comparisons: list[str]) -> Crosswalk:
    rows = sorted(rows, key=lambda row: _score(row.get("from_score")))
    notes = dict.fromkeys(row.get("note") for row in rows if row.get("note"))
    return Crosswalk(
        scale=scale,
        scores=tuple(_score(row.get("from_score")) for row in rows),
        madrs=tuple(_score(row.get("to_score")) for row in rows),
        method=", ".join(dict.fromkeys(row.get("method") for row in rows)),
        sources=tuple(dict.fromkeys(row.source for row in rows)),
        grades=tuple(row.get("grade") for row in rows),
        note="; ".join(notes),
        points=tuple(row.id for row in rows),
        comparisons=tuple(comparisons),
    )


def _score(text: str) -> float:
    """A score as printed; of a range such as `52-53`, the middle."""
    ends = interval(text)
    if ends is not None:
        return (ends[0] + ends[1]) / 2
    score = number(text)
    assert score is not None, text
    return score
