"""ketasim simulates ketamine therapy from dose to mood; every number shows its source.

Concentrations, NMDA receptor block, the effects of a session, MADRS and response of virtual
patients (`simulate`); regimens side by side on the same patients (`compare`), and many of them with
their Pareto front (`plan`); one patient's scores so far and what may follow (`forecast`); trials
with their controls and prediction intervals (`run_trial`); what the evidence says of a course
before it is given (`screen`); a model of your own at the rows of an event table (`predict`, and
`pk` for its parts) or fitted to observations (`fit`); sampled concentrations without a model
(`nca`); everything published that it claims to agree with, computed on this machine (`validate`).
Results are shown by `plot`, laid out on a page by `report`, and say with `cite` what they rest on.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ketasim.__about__ import __version__

if TYPE_CHECKING:
    from ketasim._base import InputError, KetasimError
    from ketasim.dosing import Course, Trial, load_course, load_trial
    from ketasim.estimation import ModelFit, fit
    from ketasim.evidence import citation
    from ketasim.figures import plot
    from ketasim.forecasting import Forecast, forecast
    from ketasim.models import pk as pk
    from ketasim.noncompartmental import NonCompartmental, nca
    from ketasim.planning import Comparison, Plan, compare, plan
    from ketasim.reports import print_page, report
    from ketasim.screening import Screen, SessionPlan, screen
    from ketasim.simulation import Prediction, Simulation, predict, simulate
    from ketasim.trials import TrialResult, run_trial
    from ketasim.validation import Validation, validate

__all__ = [
    "Comparison",
    "Course",
    "Forecast",
    "InputError",
    "KetasimError",
    "ModelFit",
    "NonCompartmental",
    "Plan",
    "Prediction",
    "Screen",
    "SessionPlan",
    "Simulation",
    "Trial",
    "TrialResult",
    "Validation",
    "__version__",
    "citation",
    "compare",
    "fit",
    "forecast",
    "load_course",
    "load_trial",
    "nca",
    "plan",
    "plot",
    "predict",
    "print_page",
    "report",
    "run_trial",
    "screen",
    "simulate",
    "validate",
]

# imported when first used, so that `import ketasim` and `ketasim --help` stay fast
_ROOMS = {
    "Comparison": "ketasim.planning",
    "Course": "ketasim.dosing",
    "Forecast": "ketasim.forecasting",
    "InputError": "ketasim._base",
    "KetasimError": "ketasim._base",
    "ModelFit": "ketasim.estimation",
    "NonCompartmental": "ketasim.noncompartmental",
    "Prediction": "ketasim.simulation",
    "Plan": "ketasim.planning",
    "Screen": "ketasim.screening",
    "SessionPlan": "ketasim.screening",
    "Simulation": "ketasim.simulation",
    "Trial": "ketasim.dosing",
    "TrialResult": "ketasim.trials",
    "Validation": "ketasim.validation",
    "citation": "ketasim.evidence",
    "compare": "ketasim.planning",
    "fit": "ketasim.estimation",
    "forecast": "ketasim.forecasting",
    "load_course": "ketasim.dosing",
    "load_trial": "ketasim.dosing",
    "nca": "ketasim.noncompartmental",
    "plan": "ketasim.planning",
    "plot": "ketasim.figures",
    "predict": "ketasim.simulation",
    "print_page": "ketasim.reports",
    "report": "ketasim.reports",
    "run_trial": "ketasim.trials",
    "screen": "ketasim.screening",
    "simulate": "ketasim.simulation",
    "validate": "ketasim.validation",
}


def __getattr__(name: str) -> object:
    if name == "pk":  # a module, whose names are its own
        return importlib.import_module("ketasim.models.pk")
    if name not in _ROOMS:
        raise AttributeError(f"module 'ketasim' has no attribute '{name}'")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
