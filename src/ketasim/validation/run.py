"""Compute every claim of the package on this machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

from ketasim.__about__ import __version__
from ketasim._base import InputError, near
from ketasim.evidence import card_keys, load_card
from ketasim.validation.claims.areas import AREAS
from ketasim.validation.claims.claim import Claim
from ketasim.validation.result import Validation

_LIBRARIES: Final = ("numpy", "numba", "scipy", "polars")


def validate(
    areas: Sequence[str] = (), *, progress: Callable[[str], None] | None = None
) -> Validation:
    """Put everything published that ketasim claims to agree with beside what it computes here.

    Nothing is fitted. Misses stay in the table.

    **Main arguments:**

    - `areas`: keys of `ketasim.validation.AREAS`; all when left out.

    **Other arguments:**

    - `progress`: told what is being computed.

    **Returns:** claims with published and predicted values, errors, coverage, grade and outcome.

    **Raises:** `InputError` for an area that there is not.
    """
    from ketasim.calibration.mood.processes import package_stamp

    known = [area.key for area in AREAS]
    for key in areas:
        if key not in known:
            raise InputError("areas", f"unknown area '{key}'", near(key, known))
    claims: list[Claim] = []
    seconds: dict[str, float] = {}
    for area in AREAS:
        if areas and area.key not in areas:
            continue
        if progress is not None:
            progress(area.title)
        begun = time.perf_counter()
        claims += area.claims(progress)
        seconds[area.key] = time.perf_counter() - begun
    return Validation(
        claims=tuple(claims),
        environment=_environment(),
        hashes={key: load_card(key).hash for key in card_keys()},
        stamp=package_stamp(),
        seconds=seconds,
    )


def _environment() -> dict[str, str]:
    return {
        "ketasim": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(os.cpu_count() or 1),
    }
