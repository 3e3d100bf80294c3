"""Figures of a fit: predictions beside observations, residuals, and the visual predictive check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.figures.figure import DOTS, Drawing, Figure, Legend
from ketasim.figures.svg import Axis, Frame, Look, nice
from ketasim.figures.svg.palette import AXIS, COLOURS, INK, SOFT

if TYPE_CHECKING:
    from ketasim.estimation import ModelFit

Array = NDArray[np.float64]

MODEL: Final = COLOURS["ketamine"]
"""What the model says of the subject."""
TYPICAL: Final = COLOURS["r"]
"""What it says of the typical subject."""
SMOOTH: Final = COLOURS["s"]
"""The running middle of residuals."""

_WIDE, _HIGH = 350, 240
_SMALL: Final = (230, 150)
_ALONE: Final = (760, 300)
_DOT: Final = Look(INK, 1.0, opacity=0.55)
_SIZE: Final = 2.8
_LIMIT: Final = 1.959963984540054
_SUBJECTS: Final = 12  # drawn one by one
_MOST_POINTS: Final = 1500  # of one panel, evenly thinned beyond
_NEIGHBOURS: Final = 0.4  # of the points, in a running middle
_PLACES: Final = 25  # at which it is taken
_LOG: Final = 30.0  # ratio of values from which an axis is logarithmic


def fit_figures(fit: ModelFit) -> list[Figure]:
    """Every figure of a fit, in the order of the report.

    **Arguments:**

    - `fit`: what `fit` returned.
    """
    table = fit.predictions()
    seen = table.filter(pl.col("DV").is_not_null())
    made = [_subjects(fit, table), _predicted(fit, seen)]
    if fit.population:
        made += [_residuals(seen), _errors(seen), *_checks(fit)]
    figures = [one for one in made if one is not None]
    return [
        Figure(
            one.name,
            f"Figure {place}. {one.title}",
            one.drawings,
            one.legend,
            one.caption,
            one.columns,
        )
        for place, one in enumerate(figures, start=1)
    ]


def _thinned(table: pl.DataFrame) -> pl.DataFrame:
    step = math.ceil(table.height / _MOST_POINTS)
    return table.gather_every(step) if step > 1 else table


def _numbers(table: pl.DataFrame, name: str) -> Array:
    return table[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _words(outputs: Sequence[str], name: str) -> str:
    return f" of {name}" if len(outputs) > 1 else ""


def _names(table: pl.DataFrame) -> list[str]:
    return [f"{row['ID']}, {row['time_h']:g} h" for row in table.iter_rows(named=True)]


def _outputs(table: pl.DataFrame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(table["output"], table["unit"], strict=True)))


def _predicted(fit: ModelFit, seen: pl.DataFrame) -> Figure:
    """Observed against predicted values, one panel for each prediction."""
    outputs = _outputs(seen)
    drawings: list[Drawing] = []
    for name, unit in outputs:
        own = _thinned(seen.filter((pl.col("output") == name) & ~pl.col("below_limit")))
        observed = _numbers(own, "DV")
        for column, words in (("PRED", "typical subject (PRED)"), ("IPRED", "subject (IPRED)")):
            predicted = _numbers(own, column)
            both = np.concatenate([observed, predicted])
            both = both[np.isfinite(both)]
            positive = both[both > 0]
            log = len(positive) == len(both) and positive.max() > _LOG * positive.min()
            low, high = (
                (positive.min() / 1.2, positive.max() * 1.2)
                if log
                else nice(min(float(both.min()), 0.0), float(both.max()))
            )
            title = _words([n for n, _ in outputs], name)
            after = f", {unit}" if unit else ""
            frame = Frame(
                Axis(low, high, f"predicted{after}", log=log),
                Axis(low, high, f"observed{title}{after}", log=log),
                width=_WIDE,
                height=_HIGH,
                title=f"Predicted for the {words}",
            )
            frame.line([low, high], [low, high], Look(SOFT, 1.0, (4.0, 3.0)))
            frame.points(predicted, observed, _DOT, size=_SIZE, names=_names(own))
            drawings.append(
                Drawing(
                    frame.canvas.document(
                        f"Observed against predicted values{title}",
                        f"{own.height} values; predicted for the {words}. Every value is in "
                        "predictions.csv.",
                    )
                )
            )
    legend = (
        Legend("dot", "a value", INK, DOTS["circle"]),
        Legend("line", "observed as predicted", SOFT, "4 3"),
    )
    caption = (
        "Values below the limit of quantification are not shown."
        if (fit.problem.observed.below.any())
        else ""
    )
    return Figure("predicted", "Observed against predicted", tuple(drawings), legend, caption)


def _smooth(x: Array, y: Array) -> tuple[Array, Array]:
    """A running middle: local lines weighted by the distance of the nearest points."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 10 or np.ptp(x) <= 0:
        return np.zeros(0), np.zeros(0)
    places = np.unique(np.quantile(x, np.linspace(0.0, 1.0, _PLACES)))
    count = max(int(_NEIGHBOURS * len(x)), 5)
    found: list[float] = []
    for place in places:
        distance = np.abs(x - place)
        reach = max(float(np.partition(distance, count - 1)[count - 1]), 1e-12)
        weight = np.clip(1.0 - (distance / (reach * 1.000001)) ** 3, 0.0, None) ** 3
        total = weight.sum()
        mean_x, mean_y = (weight * x).sum() / total, (weight * y).sum() / total
        spread = (weight * (x - mean_x) ** 2).sum()
        slope = (weight * (x - mean_x) * (y - mean_y)).sum() / spread if spread > 1e-12 else 0.0
        found.append(float(mean_y + slope * (place - mean_x)))
    return places, np.array(found)


def _against(own: pl.DataFrame, x: str, y: str, title: str, unit: str, heading: str) -> Drawing:
    """Residuals against something, with the running middle."""
    across, down = _numbers(own, x), _numbers(own, y)
    known = np.isfinite(across) & np.isfinite(down)
    reach = max(3.0, float(np.abs(down[known]).max(initial=0.0)) * 1.05)
    low, high = float(across[known].min(initial=0.0)), float(across[known].max(initial=1.0))
    style = "hours" if x == "time_h" else "number"
    frame = Frame(
        Axis(low, high, f"{title}, {unit}" if unit else title, style=style),
        Axis(-reach, reach, heading),
        width=_WIDE,
        height=_HIGH,
    )
    for level in (-_LIMIT, _LIMIT):
        frame.line([low, high], [level, level], Look(SOFT, 1.0, (4.0, 3.0)))
    frame.points(across, down, _DOT, size=_SIZE, names=_names(own))
    frame.line(*_smooth(across, down), Look(SMOOTH, 2.0))
    outside = int((np.abs(down[known]) > _LIMIT).sum())
    return Drawing(
        frame.canvas.document(
            f"{heading} against {title}",
            f"{int(known.sum())} values, {outside} of them beyond 1.96; 5 % are expected.",
        )
    )


_BEYOND: Final = (
    Legend("dot", "a value", INK, DOTS["circle"]),
    Legend("line", "−1.96 and 1.96, between which 95 % are expected", SOFT, "4 3"),
    Legend("line", "running middle", SMOOTH),
)


def _residuals(seen: pl.DataFrame) -> Figure:
    own = _thinned(seen.filter(pl.col("CWRES").is_not_null()))
    units = dict(_outputs(own))
    unit = next(iter(units.values())) if len(set(units.values())) == 1 else ""
    return Figure(
        "residuals",
        "Conditional weighted residuals (CWRES)",
        (
            _against(own, "time_h", "CWRES", "time", "h", "CWRES"),
            _against(own, "PRED", "CWRES", "predicted for the typical subject", unit, "CWRES"),
        ),
        _BEYOND,
        "Of a right model they are normal with mean 0 and SD 1, whatever the time and the "
        "prediction.",
    )


def _errors(seen: pl.DataFrame) -> Figure | None:
    own = _thinned(seen.filter(pl.col("NPDE").is_not_null()))
    if not own.height:
        return None
    from scipy.special import ndtri  # scipy is slow to load

    values = np.sort(_numbers(own, "NPDE"))
    expected = ndtri((np.arange(len(values)) + 0.5) / len(values))
    reach = max(3.0, float(np.abs(values).max()) * 1.05)
    frame = Frame(
        Axis(-reach, reach, "expected of a normal distribution"),
        Axis(-reach, reach, "NPDE"),
        width=_WIDE,
        height=_HIGH,
    )
    frame.line([-reach, reach], [-reach, reach], Look(SOFT, 1.0, (4.0, 3.0)))
    frame.points(expected, values, _DOT, size=_SIZE)
    mean, sd = float(values.mean()), float(values.std())
    quantiles = Drawing(
        frame.canvas.document(
            "NPDE against normal quantiles",
            f"Mean {mean:.2f}, SD {sd:.2f} of {len(values)} values; 0 and 1 are expected.",
        ),
        caption=f"Mean {mean:.2f}, SD {sd:.2f}; 0 and 1 are expected.".replace("-", "−"),
    )
    return Figure(
        "npde",
        "Normalised prediction distribution errors (NPDE)",
        (_against(own, "time_h", "NPDE", "time", "h", "NPDE"), quantiles),
        _BEYOND,
        "What share of data simulated from the model lies below each value, as a normal number.",
    )


def _checks(fit: ModelFit) -> list[Figure]:
    """The visual predictive check, a figure for each output, a panel for each stratum."""
    table = fit.vpc()
    problem = fit.problem
    found: list[Figure] = []
    for name, unit in problem.outputs:
        own = table.filter(pl.col("output") == name)
        strata = list(dict.fromkeys(own["stratum"]))
        drawings = [_check(fit, own, name, unit, stratum) for stratum in strata]
        words = " (prediction-corrected)" if fit.corrected else ""
        found.append(
            Figure(
                f"vpc-{name}",
                f"Visual predictive check{_words([n for n, _ in problem.outputs], name)}{words}",
                tuple(drawings),
                (
                    Legend("dot", "a value", INK, DOTS["circle"]),
                    Legend("line", "median of the values", INK),
                    Legend("line", "their 5 and 95 % quantiles", INK, "5 3"),
                    Legend("band", "90 % of simulated medians", MODEL, opacity=0.3),
                    Legend("band", "90 % of simulated 5 and 95 % quantiles", TYPICAL, opacity=0.25),
                ),
                f"{fit.simulated:,} data sets with the doses, times and covariates of this one, "
                "simulated from the estimates without their uncertainty.",
                2 if len(drawings) > 1 else 1,
            )
        )
    return found


def _check(fit: ModelFit, table: pl.DataFrame, name: str, unit: str, stratum: str) -> Drawing:
    own = table.filter((pl.col("stratum") == stratum) & pl.col("quantile").is_not_null())
    parts = {q: own.filter(pl.col("quantile") == q).sort("time_h") for q in (0.05, 0.5, 0.95)}
    x = _numbers(parts[0.5], "time_h")
    highest = max(float(np.nanmax(_numbers(own, column))) for column in ("observed", "p95"))
    lowest = min(float(np.nanmin(_numbers(own, c))) for c in ("observed", "p05"))
    y = Axis(*nice(min(lowest, 0.0), highest), unit or name)
    single = stratum == "" and len(set(table["stratum"])) == 1
    frame = Frame(
        Axis(float(x.min()), float(x.max()), "time, h", style="hours"),
        y,
        width=_ALONE[0] if single else _WIDE,
        height=_ALONE[1] if single else _HIGH,
        title=stratum,
    )
    for quantile, colour, opacity in (
        (0.05, TYPICAL, 0.25),
        (0.95, TYPICAL, 0.25),
        (0.5, MODEL, 0.3),
    ):
        part = parts[quantile]
        low, high = _numbers(part, "p05"), _numbers(part, "p95")
        frame.band(x, low, high, Look(colour, opacity=opacity))
    if not fit.corrected:
        times, values = _values_of(fit, name, stratum)
        frame.points(times, values, Look(INK, 1.0, opacity=0.35), size=2.2)
    for quantile, dash in ((0.05, (5.0, 3.0)), (0.5, ()), (0.95, (5.0, 3.0))):
        frame.line(x, _numbers(parts[quantile], "observed"), Look(INK, 1.6, dash))
    inside = own.filter(pl.col("observed").is_not_null())
    within = inside.filter(pl.col("observed").is_between(pl.col("p05"), pl.col("p95"))).height
    return Drawing(
        frame.canvas.document(
            f"Visual predictive check{f', {stratum}' if stratum else ''}",
            f"{within} of {inside.height} quantiles of the values lie within 90 % of the simulated "
            "ones; the table is vpc.csv.",
        )
    )


def _values_of(fit: ModelFit, name: str, stratum: str) -> tuple[Array, Array]:
    observed = fit.problem.observed
    number = [n for n, _ in fit.problem.outputs].index(name)
    mine = (observed.output == number) & ~observed.below
    mine &= np.array([one == stratum for one in fit.strata])
    step = max(math.ceil(int(mine.sum()) / _MOST_POINTS), 1)
    return fit.problem.time[observed.row[mine]][::step], observed.value[mine][::step]


def _subjects(fit: ModelFit, table: pl.DataFrame) -> Figure:
    """Values and predictions over time, a panel for each of the first subjects."""
    outputs = _outputs(table)
    seen = table.filter(pl.col("DV").is_not_null())
    every = list(dict.fromkeys(seen["ID"]))
    several = len(every) * len(outputs) > 2
    size = _SMALL if several else _ALONE if len(every) == len(outputs) == 1 else (_WIDE, _HIGH)
    drawings: list[Drawing] = []
    for identity in every[:_SUBJECTS]:
        for name, unit in outputs:
            own = table.filter((pl.col("ID") == identity) & (pl.col("output") == name))
            if own["DV"].is_not_null().any():
                drawings.append(_subject(own, identity, name, unit, len(outputs) > 1, size))
    legend = [
        Legend("dot", "a value", INK, DOTS["circle"]),
        Legend("line", "the subject's prediction (IPRED)", MODEL),
        Legend("line", "the typical subject's (PRED)", TYPICAL, "5 3"),
    ]
    if "low95" in table.columns:
        words = "95 % interval of it (parameter uncertainty)"
        legend.insert(2, Legend("band", words, MODEL, opacity=0.2))
    if fit.problem.observed.below.any():
        words = "below the limit of quantification, at the limit"
        legend.append(Legend("dot", words, TYPICAL, DOTS["triangle-down"]))
    more = len(every) - _SUBJECTS
    caption = "Lines join the rows of the table: rows without a value draw them smoother."
    if more > 0:
        caption = f"The first {_SUBJECTS} of {len(every)} subjects. {caption}"
    return Figure(
        "subjects",
        "Values and predictions",
        tuple(drawings),
        tuple(legend),
        caption,
        min(len(drawings), 3 if several else 2),
    )


def _subject(
    own: pl.DataFrame, identity: str, name: str, unit: str, several: bool, size: tuple[int, int]
) -> Drawing:
    time = _numbers(own, "time_h")
    columns = ["DV", "IPRED", "PRED", *(["high95"] if "high95" in own.columns else [])]
    values = np.concatenate([_numbers(own, c) for c in columns])
    low, high = nice(min(float(np.nanmin(values)), 0.0), float(np.nanmax(values)))
    title = f"ID {identity}: {name}" if several else f"ID {identity}"
    frame = Frame(
        Axis(float(time.min()), float(time.max()), "h", style="hours"),
        Axis(low, high, unit),
        width=size[0],
        height=size[1],
        title=title,
    )
    if "low95" in own.columns:
        frame.band(time, _numbers(own, "low95"), _numbers(own, "high95"), Look(MODEL, opacity=0.2))
    frame.line(time, _numbers(own, "PRED"), Look(TYPICAL, 1.2, (5.0, 3.0)))
    frame.line(time, _numbers(own, "IPRED"), Look(MODEL, 1.8))
    for below in (False, True):
        part = own.filter(pl.col("DV").is_not_null() & (pl.col("below_limit") == below))
        look = Look(TYPICAL if below else INK, 1.0, opacity=0.9)
        shape = "triangle-down" if below else "circle"
        frame.points(
            _numbers(part, "time_h"),
            _numbers(part, "DV"),
            look,
            shape=shape,
            size=_SIZE,
            names=_names(part),
        )
    count = own["DV"].is_not_null().sum()
    return Drawing(
        frame.canvas.document(
            f"{title} over time", f"{count} values, the subject's prediction and the typical one's."
        )
    )


def plot_fit(fit: ModelFit, *, against: str = "IPRED") -> Any:
    """Draw observed against predicted values.

    **Arguments:**

    - `fit`: what `fit` returned. `against`: `IPRED` or `PRED`.

    **Raises:** `InputError` for another prediction.
    """
    import altair as alt

    from ketasim._base import InputError, near

    if against not in ("IPRED", "PRED"):
        raise InputError("against", f"'{against}' is not known", near(against, ("IPRED", "PRED")))
    seen = fit.predictions().filter(pl.col("DV").is_not_null() & ~pl.col("below_limit"))
    rows = seen.select("ID", "time_h", "output", "DV", against).to_dicts()
    highest = float(seen.select(pl.max_horizontal("DV", against)).max().item() or 1.0)
    unit = fit.problem.outputs[0][1]
    points = (
        alt.Chart(alt.Data(values=rows))
        .mark_point(filled=True, size=30, color=AXIS)
        .encode(
            x=alt.X(f"{against}:Q", title=f"predicted, {unit}"),
            y=alt.Y("DV:Q", title=f"observed, {unit}"),
            tooltip=["ID:N", "time_h:Q", "output:N"],
        )
    )
    ends = [{"a": 0.0}, {"a": highest}]
    line = (
        alt.Chart(alt.Data(values=ends))
        .mark_line(color=SOFT, strokeDash=[4, 3])
        .encode(x="a:Q", y="a:Q")
    )
    return alt.LayerChart(layer=[line, points]).properties(width=320, height=300)
