"""The effects of a session beside what was published on them."""

from __future__ import annotations

from ketasim.calibration.session import SessionCompared, SessionFit, session_dose_table
from ketasim.calibration.session.tables import (
    GROUPS,
    effect_words,
    given_words,
    group_of,
    is_inside,
    is_met,
    missed_of,
    session_coverage,
    statistic_words,
)
from ketasim.evidence import source_name
from table import table


def agreement(fit: SessionFit) -> str:
    """Return the tables of the validation page."""
    return "\n".join([_coverage(fit), _doses(fit), _missed(fit), _rows(fit)])


def _coverage(fit: SessionFit) -> str:
    first, *groups = session_coverage(fit)
    told = "; ".join(f"{one.name} {one.inside} of {one.n}" for one in groups)
    return f"Inside their 90 % interval: {first.inside} of {first.n} fitted numbers. {told}.\n"


def _doses(fit: SessionFit) -> str:
    source_rows = {_key(one): one.row for one in reversed(fit.compared)}
    head = ["effect", "published, 56-84 mg", "predicted", "90 % interval", "56 mg", "84 mg"]
    head += ["placebo, published", "placebo, predicted", "source"]
    rows: list[list[str]] = []
    for cells in session_dose_table(fit).to_dicts():
        unit = cells["unit"]
        row = source_rows[cells["what"], cells["statistic"], cells["source"]]
        published = shown(unit, cells["published"])
        if cells["published_low"] is not None:
            ends = [shown(unit, cells[name]) for name in ("published_low", "published_high")]
            published += f" ({' to '.join(ends)})"
        added = cells["predicted_placebo"] is None and row.comparator is not None
        rows.append(
            [
                f"{effect_words(row)}, {statistic_words(row)}",
                published,
                shown(unit, cells["predicted"]),
                f"{shown(unit, cells['low'])} to {shown(unit, cells['high'])}",
                shown(unit, cells["predicted_56"]),
                shown(unit, cells["predicted_84"]),
                shown(unit, cells["published_placebo"]),
                "added" if added else shown(unit, cells["predicted_placebo"]),
                f"{cells['source']}; {cells['facts']}",
            ]
        )
    title = "Label percentages for 56 and 84 mg apart; published, and in the fit, half and half:"
    return f"{title}\n\n{table(head, rows)}\n"


def _missed(fit: SessionFit) -> str:
    head = ["effect", "given", "published", "predicted", "z", "use"]
    head += ["why, as far as the tables tell"]
    rows: list[list[str]] = []
    for one, why in missed_of(fit):
        row = one.row
        use = "in the fit" if row.use == "fit" else "compared"
        values = [shown(row.unit, row.value), shown(row.unit, one.predicted), f"{one.z:+.1f}"]
        what = f"{effect_words(row)}, {statistic_words(row)}"
        rows.append([what, f"{given_words(row)} ({source_name(row.source)})", *values, use, why])
    return f"Outside their 90 % interval:\n\n{table(head, rows)}\n"


def _rows(fit: SessionFit) -> str:
    head = ["effect", "given", "published", "predicted", "90 % interval", "source"]
    rows: list[list[str]] = []
    for name, title in GROUPS.items():
        rows.append([f"*{title}*", "", "", "", "", ""])
        rows += [_row(one) for one in fit.compared if group_of(one.row) == name]
    return f"All rows:\n\n{table(head, rows)}\n"


def _row(one: SessionCompared) -> list[str]:
    row = one.row
    ends = " to ".join(shown(row.unit, end) for end in (one.low, one.high))
    predicted = shown(row.unit, one.predicted)
    return [
        f"{effect_words(row)}, {statistic_words(row)}",
        given_words(row),
        shown(row.unit, row.value),
        predicted if is_inside(one) else f"**{predicted}**",
        f"{ends}; bound kept" if is_met(one) else ends,
        f"{source_name(row.source)}; {', '.join(row.facts)}",
    ]


def _key(one: SessionCompared) -> tuple[str, str, str]:
    return one.row.what, one.row.statistic, one.row.source


def shown(unit: str, value: float | None) -> str:
    """Return a number with its unit, a fraction in percent."""
    if value is None:
        return ""
    if unit != "fraction":
        return f"{value:.3g} {unit}"
    return f"{100 * value:.1f} %" if value > 0.02 else f"{100 * value:.2g} %"
