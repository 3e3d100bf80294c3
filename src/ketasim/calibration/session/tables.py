"""Tables of the calibration of the effects of a session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim.models import SESSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ketasim.calibration.session import SessionCompared, SessionFit, SessionRow

SESSION_MISSES: Final[Mapping[tuple[str, str, str], str]] = MappingProxyType(
    {
        ("china", "dizziness", "ever"): (
            "Dizziness was reported more often after the placebo spray as well, by 20 % against "
            "8 % in the pooled trials; the tables tell no other difference."
        ),
        ("rivaposse", "SBP", "mean_change"): (
            "The same infusion raised the pressure by 7.4 mmHg elsewhere (cvrepeat_pw); people "
            "here were 56.7 years old on average, and 36.1 % hypertensive."
        ),
        ("label_timing", "SBP", "back_time"): (
            "The label says that the rise lasts about 4 h; the trials behind it say that pressure "
            "is back by 1.5 h, and the EU text says 1 to 2 h. The sources disagree."
        ),
        ("yale", "SBP", "mean_max"): (
            "The dose is not reported, nor whether the peak is each patient's own; a mean at one "
            "time would lie farther above the prediction still."
        ),
    }
)
"""Published effects of a session outside their 90 % interval, by study, effect and statistic, and
why, as far as the tables tell."""

GROUPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "label": "Label percentages",
        "dose": "Dose response, and other trials",
        "timing": "Score and timing",
        "pressure": "Blood pressure and heart rate",
        "programme": "Monitoring programme",
        "check": "Comparison only",
        "again": "Facts of the fit in another form",
    }
)
"""Groups of published effects, in the order of tables."""

LITTLE: Final = 0.5
"""Posterior over prior SD from which a number is hardly known better than before."""
MOVED: Final = 0.9
"""Posterior over prior SD from which the published numbers do not move a number."""

CORRELATED: Final = 0.8
"""Correlation from which a pair of numbers is named."""

_LABEL: Final = ("transform", "aspire")
_PRESSURES: Final = ("SBP", "DBP", "HR")
_WHATS: Final = {
    "cadss": "CADSS",
    "SBP": "systolic pressure",
    "DBP": "diastolic pressure",
    "HR": "heart rate",
    "cognition": "cognitive decline",
    **{event.name: event.title for event in SESSION.events},
}
_DOSES: Final = ("56", "84")  # mg; what the label pools
_BY_DOSE: Final = ("ever", "rise_ever", "mean_max")


@dataclass(frozen=True)
class SessionInside:
    """How many published effects of a session lie inside their 90 % interval.

    **Arguments:**

    - `name`: of the rows. `n`: how many. `inside`: of these.
    """

    name: str
    n: int
    inside: int


def group_of(row: SessionRow) -> str:
    """Group of a published effect, a key of `GROUPS`."""
    if row.use != "fit":
        return row.use
    if row.what in _PRESSURES:
        return "pressure"
    if row.what == "cadss" or row.minute is not None or row.statistic.endswith("_time"):
        return "timing"
    if row.study == "rems":
        return "programme"
    return "label" if row.study in _LABEL else "dose"


def effect_words(row: SessionRow) -> str:
    """What a published effect is, in words."""
    return _WHATS.get(row.what, row.what.replace("_", " "))


def statistic_words(row: SessionRow) -> str:
    """How a published effect was counted, in words."""
    several = f"at least once in {row.sessions} sessions"
    sessions = "in one session" if row.sessions == 1 else several
    at = "" if row.minute is None else f" at {row.minute:g} min"
    cut = "" if row.cut is None else f"{row.cut:g}"
    number = "" if row.sessions == 1 else f", session {row.sessions}"
    return {
        "ever": f"patients {sessions}",
        "sessions": f"sessions, {row.sessions} a patient",
        "share_at": f"patients{at}",
        "share_at_most": f"patients{at}, at most",
        "mean_peak": f"highest mean{number}",
        "mean_at_most": f"mean{at}, at most",
        "peak_time": "time of the highest",
        "onset_time": "time it begins",
        "back_time": "time to return to baseline",
        "back_by_time": "time to return to baseline, at most",
        "mean_change": "largest mean change",
        "mean_at": f"mean change{at}",
        "mean_max": "mean of each patient's largest rise",
        "rise_ever": f"patients with a rise of at least {cut} mmHg {sessions}",
    }[row.statistic]


def given_words(row: SessionRow) -> str:
    """What was given to whom, in words."""
    ancestry = "" if row.ancestry == "white" else f"{row.ancestry.capitalize()} people"
    people = "people from 65" if row.older else ancestry
    if row.drug == "none":
        what = "placebo spray"
    else:
        over = f" over {row.over} min" if row.over else ""
        doses = " or ".join(filter(None, (", ".join(row.doses[:-1]), row.doses[-1])))
        what = f"{row.drug} {doses} {row.unit_of_dose} {row.route}{over}"
    return f"{what}, {people}" if people else what


def is_bound(row: SessionRow) -> bool:
    """Whether a published number is one that must not be exceeded."""
    return row.statistic.endswith(("at_most", "by_time"))


def is_met(one: SessionCompared) -> bool:
    """Whether a published bound is kept."""
    return is_bound(one.row) and one.predicted <= one.row.value


def is_inside(one: SessionCompared) -> bool:
    """Whether a published number lies inside the 90 % interval, or is a bound that is kept."""
    return is_met(one) or one.inside


def key_of(row: SessionRow) -> tuple[str, str, str]:
    """Study, effect and statistic: how `SESSION_MISSES` names a row."""
    return row.study, row.what, row.statistic


def session_coverage(fit: SessionFit) -> tuple[SessionInside, ...]:
    """Count what lies inside its 90 % interval.

    **Arguments:**

    - `fit`: what `calibrate_session` or `compare_session` returned.

    **Returns:** first all rows that entered the fit, then each group of `GROUPS`.
    """
    fitted = [one for one in fit.compared if one.row.use == "fit"]
    parts: list[tuple[str, Sequence[SessionCompared]]] = [("In the fit", fitted)]
    for name, title in GROUPS.items():
        parts.append((title, [one for one in fit.compared if group_of(one.row) == name]))
    return tuple(SessionInside(name, len(rows), sum(map(is_inside, rows))) for name, rows in parts)


def session_fit_table(fit: SessionFit) -> pl.DataFrame:
    """Every published effect of a session beside its prediction.

    **Arguments:**

    - `fit`: what `calibrate_session` or `compare_session` returned.

    **Returns:** columns what, statistic, use, study, group, drug, route, doses, dose_unit,
    over_min, ancestry, age_group, sessions, minute, cut, unit, published, published_low,
    published_high, n, comparator, comparator_n, predicted, low, high (90 % interval for such a
    study), z (published less predicted, in SDs; 0 where a published bound is kept), inside, facts,
    source, note.
    """
    rows: list[dict[str, Any]] = []
    for one in fit.compared:
        row = one.row
        rows.append(
            {
                "what": row.what,
                "statistic": row.statistic,
                "use": row.use,
                "study": row.study,
                "group": group_of(row),
                "drug": row.drug,
                "route": row.route,
                "doses": ";".join(row.doses),
                "dose_unit": row.unit_of_dose,
                "over_min": row.over,
                "ancestry": row.ancestry,
                "age_group": "from_65" if row.older else "",
                "sessions": row.sessions,
                "minute": row.minute,
                "cut": row.cut,
                "unit": row.unit,
                "published": row.value,
                "published_low": row.low,
                "published_high": row.high,
                "n": row.n,
                "comparator": row.comparator,
                "comparator_n": row.comparator_n,
                "predicted": one.predicted,
                "low": one.low,
                "high": one.high,
                "z": one.z,
                "inside": is_inside(one),
                "facts": ";".join(row.facts),
                "source": row.source,
                "note": row.note,
            }
        )
    text = ("what", "statistic", "use", "study", "group", "drug", "route", "doses", "dose_unit")
    text += ("over_min", "ancestry", "age_group", "unit", "facts", "source", "note")
    kinds: dict[str, Any] = {**dict.fromkeys(text, pl.String)}
    kinds |= {"sessions": pl.Int64, "inside": pl.Boolean}
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in rows[0]})


def session_parameter_table(fit: SessionFit) -> pl.DataFrame:
    """Prior against posterior of the free numbers and the between-study SDs.

    **Arguments:**

    - `fit`: what `calibrate_session` or `compare_session` returned.

    **Returns:** columns symbol, meaning, unit, kind (`free` or `between studies`), scale, prior,
    prior_sd (on the scale), value, low, high (95 % interval), rse (%), shrinkage (posterior over
    prior SD), grade, prior_source. Between-study variability has neither interval nor shrinkage.
    """
    spread = fit.card.uncertainty
    scales = {} if spread is None else dict(zip(spread.symbols, spread.scales, strict=True))
    priors: dict[str, float] = dict(fit.prior.extra["prior"])
    rows: list[dict[str, Any]] = []
    for symbol, sd in priors.items():
        before, after = fit.prior.entry(symbol), fit.card.entry(symbol)
        rows.append(
            {
                "symbol": symbol,
                "meaning": after.meaning,
                "unit": after.unit,
                "kind": "free" if symbol in fit.free else "between studies",
                "scale": scales.get(symbol, "log"),
                "prior": before.value,
                "prior_sd": float(sd),
                "value": after.value,
                "low": after.low,
                "high": after.high,
                "rse": after.rse,
                "shrinkage": fit.shrinkage.get(symbol),
                "grade": after.grade,
                "prior_source": before.source,
            }
        )
    text = ("symbol", "meaning", "unit", "kind", "scale", "grade", "prior_source")
    kinds: dict[str, Any] = dict.fromkeys(text, pl.String)
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in rows[0]})


def session_dose_table(fit: SessionFit) -> pl.DataFrame:
    """Label percentages for 56 and 84 mg apart, beside the published ones of both together.

    **Arguments:**

    - `fit`: what `calibrate_session` or `compare_session` returned.

    **Returns:** one row an effect of the label's people below 65: columns what, statistic,
    sessions, cut, unit, published, published_low, published_high, published_placebo, predicted,
    low, high (90 % interval), inside, predicted_56, predicted_84, predicted_placebo, facts,
    source. Predicted shares of events hold those who would show it after a placebo, as
    published: there `predicted_placebo` is empty.
    """
    from ketasim.calibration.session import SessionProblem

    label = [one for one in fit.compared if _is_by_dose(one.row)]
    placebo = {
        key_of(one.row): one
        for one in fit.compared
        if one.row.drug == "none" and not one.row.older and one.row.use == "fit"
    }
    values = fit.card.values()
    apart = [replace(one.row, doses=(dose,)) for dose in _DOSES for one in label]
    predicted, _ = SessionProblem(apart, fit.prior).predict(values)
    rows: list[dict[str, Any]] = []
    for i, one in enumerate(label):
        row, none = one.row, placebo.get(key_of(one.row))
        rows.append(
            {
                "what": row.what,
                "statistic": row.statistic,
                "sessions": row.sessions,
                "cut": row.cut,
                "unit": row.unit,
                "published": row.value,
                "published_low": row.low,
                "published_high": row.high,
                "published_placebo": row.comparator if none is None else none.row.value,
                "predicted": one.predicted,
                "low": one.low,
                "high": one.high,
                "inside": is_inside(one),
                "predicted_56": float(predicted[i]),
                "predicted_84": float(predicted[len(label) + i]),
                "predicted_placebo": None if none is None else none.predicted,
                "facts": ";".join(row.facts),
                "source": row.source,
            }
        )
    kinds: dict[str, Any] = dict.fromkeys(
        ("what", "statistic", "unit", "facts", "source"), pl.String
    )
    kinds |= {"sessions": pl.Int64, "inside": pl.Boolean}
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in rows[0]})


def missed_of(fit: SessionFit) -> list[tuple[SessionCompared, str]]:
    """Rows outside their 90 % interval with why, as far as the tables tell; worst first."""
    off = [one for one in fit.compared if not is_inside(one)]
    off.sort(key=lambda one: (one.row.use != "fit", -abs(one.z)))
    return [(one, SESSION_MISSES.get(key_of(one.row), "Not known.")) for one in off]


def little_known(fit: SessionFit) -> list[tuple[str, float]]:
    """Free numbers that keep at least half of the prior's spread, and how much; most first."""
    kept = [(symbol, left) for symbol, left in fit.shrinkage.items() if left >= LITTLE]
    return sorted(kept, key=lambda pair: -pair[1])


def correlated(fit: SessionFit) -> list[tuple[str, str, float]]:
    """Pairs of free numbers whose correlation is at least `CORRELATED` in size; closest first."""
    spread = fit.card.uncertainty
    if spread is None:
        return []
    covariance, names = spread.matrix(), spread.symbols
    pairs = [
        (names[i], names[j], float(covariance[i, j] / (covariance[i, i] * covariance[j, j]) ** 0.5))
        for i in range(len(names))
        for j in range(i)
    ]
    pairs = [pair for pair in pairs if abs(pair[2]) >= CORRELATED]
    return sorted(pairs, key=lambda pair: -abs(pair[2]))


def _is_by_dose(row: SessionRow) -> bool:
    """Whether the row is of the label's two doses together, in people below 65."""
    return (
        row.use == "fit"
        and row.study in ("label", "transform")
        and row.drug == "esketamine"
        and row.doses == _DOSES
        and not row.older
        and row.statistic in _BY_DOSE
    )
