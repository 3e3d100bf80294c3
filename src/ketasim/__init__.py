"""ketasim simulates ketamine therapy, dose to receptor; every number shows its source."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ketasim.__about__ import __version__

if TYPE_CHECKING:
    from ketasim.dosing import Course, load_course, load_trial
    from ketasim.screening import Screen, screen
    from ketasim.simulation import Simulation, simulate
    from ketasim.trials import TrialResult, run_trial

__all__ = [
    "Course",
    "Screen",
    "Simulation",
    "TrialResult",
    "__version__",
    "load_course",
    "load_trial",
    "run_trial",
    "screen",
    "simulate",
]

# imported when first used, so that `import ketasim` and `ketasim --help` stay fast
_ROOMS = {
    "Course": "ketasim.dosing",
    "Screen": "ketasim.screening",
    "Simulation": "ketasim.simulation",
    "TrialResult": "ketasim.trials",
    "load_course": "ketasim.dosing",
    "load_trial": "ketasim.dosing",
    "run_trial": "ketasim.trials",
    "screen": "ketasim.screening",
    "simulate": "ketasim.simulation",
}


def __getattr__(name: str) -> object:
    if name not in _ROOMS:
        raise AttributeError(f"module 'ketasim' has no attribute '{name}'")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
