"""How well a rating of a scale shows the patient's state, and from where it counts as remission."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import InputError
from ketasim.evidence import facts, load_card
from ketasim.population import convertible
from ketasim.simulation.mood.weeks import REMISSION

TABLE: Final = "mood/scale_error"
_MADRS: Final = "MADRS"


@dataclass(frozen=True)
class ScaleError:
    """The errors of a scale in one patient.

    **Arguments:**

    - `scale`: such as `PHQ9`.
    - `error`: SD of the error of a rating, new each time, points of the MADRS.
    - `offset`: SD of what the scale differs from the MADRS in one patient for good, such as a
      patient who rates all items high, points of the MADRS; 0 of the MADRS itself.
    - `remission`: at most so many points of the scale.
    - `grades`: of error and offset. `sources`: keys of all three.
    """

    scale: str
    error: float
    offset: float
    remission: float
    grades: tuple[str, str]
    sources: tuple[str, ...]


@cache
def scale_error(scale: str) -> ScaleError:
    """Look up the errors of a scale.

    **Raises:** `InputError` when no cross-walk to the MADRS is carried.
    """
    if scale == _MADRS:
        entry = load_card("mood").entry("sigma")
        grades, sources = (entry.grade, "measured"), (entry.source,)
        return ScaleError(scale, entry.value, 0.0, REMISSION, grades, sources)
    if scale not in convertible():
        raise InputError(
            "scale",
            f"no published cross-walk links {scale} and MADRS",
            "use one of: " + ", ".join(convertible()),
        )
    rows = {row.get("quantity"): row for row in facts(TABLE) if row.get("scale") == scale}
    error, offset, remission = (
        rows[name] for name in ("error_sd", "offset_sd", "remission_at_most")
    )
    return ScaleError(
        scale,
        *(float(row.get("value")) for row in (error, offset, remission)),
        grades=(error.get("grade"), offset.get("grade")),
        sources=tuple(dict.fromkeys(row.source for row in (error, offset, remission))),
    )
