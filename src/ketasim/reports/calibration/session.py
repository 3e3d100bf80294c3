"""The report of the calibration of the effects of a session: what fits, what misses, numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ketasim._base import words
from ketasim.calibration.session.tables import (
    CORRELATED,
    GROUPS,
    LITTLE,
    MOVED,
    correlated,
    effect_words,
    little_known,
    missed_of,
    session_coverage,
    session_dose_table,
    session_parameter_table,
    statistic_words,
)
from ketasim.calibration.session.words import effect_shown, printed_words, unit_words, value_words
from ketasim.figures.calibration.session import intervals, scatter
from ketasim.models import SESSION
from ketasim.reports.page import render

if TYPE_CHECKING:
    from ketasim.calibration.session import SessionFit, SessionRow


def session_calibration_report(
    fit: SessionFit, *, command: str = "ketasim calibrate session --out DIR"
) -> str:
    """Write the report of the calibration of the effects of a session as one page of HTML.

    **Main arguments:**

    - `fit`: what `calibrate_session` or `compare_session` returned.

    **Other arguments:**

    - `command`: what reproduces it.
    """
    coverage = session_coverage(fit)
    shown = [effect_shown(one) for one in fit.compared]
    missed = [effect_shown(one, why) for one, why in missed_of(fit)]
    numbers = session_parameter_table(fit).to_dicts()
    free = {row["symbol"] for row in numbers}
    sources = [one.row.source for one in fit.compared]
    return render(
        "calibration_session.html",
        title="Calibration of the effects of a session",
        sources=sorted({*sources, *fit.prior.sources(), *fit.card.sources()}),
        words=words,
        fit=fit,
        equations=_equations(),
        fitted=coverage[0],
        coverage=coverage,
        label=next(one for one in coverage if one.name == GROUPS["label"]),
        checks=next(one for one in coverage if one.name == GROUPS["check"]),
        scatter=scatter(fit),
        by_dose=_by_dose(fit),
        groups=[(title, [s for s in shown if s.group == name]) for name, title in GROUPS.items()],
        missed=missed,
        events=SESSION.events,
        intervals=intervals(fit),
        numbers=[row for row in numbers if row["kind"] == "free"],
        between=[row for row in numbers if row["kind"] != "free"],
        little=little_known(fit),
        pairs=correlated(fit),
        least_correlation=CORRELATED,
        least=LITTLE,
        moved=MOVED,
        prior=fit.prior,
        fixed=[e for symbol, e in fit.card.entries.items() if symbol not in free],
        command=command,
    )


def _equations() -> str:
    """Equations of the declaration, without its lists of parameters, events and notes."""
    text = SESSION.describe()
    return text[text.index("\nEffect (") : text.index("\nEvents")].strip()


def _by_dose(fit: SessionFit) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    label = {(o.row.what, o.row.statistic, o.row.source): o.row for o in reversed(fit.compared)}
    for cells in session_dose_table(fit).to_dicts():
        row, unit = label[cells["what"], cells["statistic"], cells["source"]], cells["unit"]
        printed = ("published", "published_placebo")
        computed = ("predicted", "low", "high", "predicted_56", "predicted_84", "predicted_placebo")
        rows.append(
            {name: printed_words(unit, cells[name]) for name in printed}
            | {name: value_words(unit, cells[name]) for name in computed}
            | {
                "what": words.capital(effect_words(row)),
                "how": statistic_words(row),
                "unit": unit_words(unit),
                "inside": cells["inside"],
                "source": cells["source"],
                "facts": cells["facts"].replace(";", ", "),
                "range": _range(row),
                "added": cells["predicted_placebo"] is None and row.comparator is not None,
            }
        )
    return rows


def _range(row: SessionRow) -> str:
    """A printed range, nothing where one number is printed."""
    if row.low is None or row.high is None:
        return ""
    return f"{printed_words(row.unit, row.low)} to {printed_words(row.unit, row.high)}"
