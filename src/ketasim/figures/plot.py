"""The verb `plot`: a result goes in, the chart made for its kind comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import Result
from ketasim._base.result import dispatch

if TYPE_CHECKING:
    import altair

_CHARTS: Final = {
    "Simulation": "ketasim.figures.course:plot_course",
    "TrialResult": "ketasim.figures.trial.courses:plot_trial",
    "Comparison": "ketasim.figures.comparison:plot_comparison",
    "Plan": "ketasim.figures.plan:plot_plan",
    "Forecast": "ketasim.figures.forecast:plot_forecast",
    "SessionPlan": "ketasim.figures.session_plan:plot_plan",
    "ModelFit": "ketasim.figures.fit:plot_fit",
    "MetaResult": "ketasim.figures.forest.chart:forest_plot",
}


def plot(result: Result, **options: Any) -> altair.LayerChart:
    """Draw a result as an altair chart: summaries, never single patients.

    **Main arguments:**

    - `result`: a `Simulation` (one quantity over time), a `TrialResult` (one metric of its arms), a
      `Comparison` (one metric of its options), a `Plan` (two of its criteria), a `Forecast` (scores
      and one candidate), a `SessionPlan` (timeline), a `ModelFit` (observed against predicted) or a
      `MetaResult` (forest plot).

    **Other arguments:**

    - `options`: of a simulation `quantity`, `site` and `hours`, the first and last of them; the
      parent drug over all of the course when left out. Of a trial `metric` and `scale`; the change
      on the scale of the baseline when left out. Of a comparison `metric`; of a plan `x` and `y`;
      of a forecast `option`; of a fit `against`.

    **Returns:** the chart; the median (of one patient the line) with the ranges of 25-75 % and of
    5-95 % of patients, or of a trial expected values with 90 % prediction intervals.

    **Raises:** `InputError` when there is no chart of such a result, no such option, or nothing of
    that name in the result.
    """
    return dispatch("plot", _CHARTS, result, options)
