"""The reference model beside the exposures and interactions it was fitted to."""

from __future__ import annotations

from functools import cache

from ketasim.calibration.pk import (
    Agreement,
    Compared,
    InteractionRow,
    PkFit,
    agreement_table,
    compare_pk,
)
from ketasim.evidence import fact, load_card, number, source_name
from table import table

_NAMED = {
    ("all", "training exposures"): "**all training exposures**",
    ("all", "training exposures, observed only"): "observed ones only",
    ("all", "training exposures, model rows weighted as in the fit"): (
        "all, the 54 of perezruixo2021 counted as 13, as in the fit"
    ),
    ("group", "published model, 820 people"): "typical exposures of perezruixo2021 (820 people)",
    ("route", "iv"): "intravenous",
    ("route", "oral_er"): "oral, extended release",
    ("analyte", "each_norketamine"): "each enantiomer of norketamine",
    ("analyte", "hnk"): "hydroxynorketamine, all isomers",
    ("analyte", "ketamine"): "ketamine, both enantiomers",
    ("analyte", "ketamine+norketamine"): "ketamine and norketamine together",
    ("analyte", "norketamine"): "norketamine, both enantiomers",
    ("analyte", "r_ketamine"): "R-ketamine",
    ("analyte", "s_hnk"): "S-hydroxynorketamine",
    ("analyte", "s_ketamine"): "S-ketamine",
    ("analyte", "s_norketamine"): "S-norketamine",
    ("all", "times, half-lives, volume"): "*apart*: times, half-lives, volume",
    ("all", "compared, not fitted"): "*apart*: compared, not fitted",
    ("all", "points of measured curves, norketamine"): (
        "*apart*: points of measured curves, norketamine"
    ),
    ("all", "points of measured curves, hydroxynorketamine"): (
        "*apart*: points of measured curves, hydroxynorketamine"
    ),
}
_MOLECULES = {
    "ketamine": "ketamine",
    "s_ketamine": "S-ketamine",
    "s_norketamine": "S-norketamine",
}
_METRICS = {
    "auc": "AUC",
    "auc24": "AUC0-24",
    "cl": "clearance",
    "cmax": "Cmax",
    "t_half": "half-life",
}
_USES = {"fit": "fitted", "check": "predicted"}


@cache
def _fit() -> PkFit:
    """The shipped card beside everything published."""
    return compare_pk(load_card("reference"))


def agreement() -> str:
    """Return how far predictions are from the published exposures, by group."""
    found = agreement_table(_fit())
    whole = [one for one in found if one.by == "all" and "training" in one.group]
    typical = [one for one in found if (one.by, one.group) in _NAMED and one.by == "group"]
    apart = [one for one in found if one.by == "all" and one not in whole]
    rows = [_row(one) for one in (*whole, *typical)]
    for by in ("route", "analyte", "site"):
        group = [_row(one) for one in found if one.by == by]
        group[0][0] = f"by {by}: {group[0][0]}"
        rows += group
    rows += [_row(one) for one in apart]
    head = ["exposures", "n", "GMFE", "predicted/published", "within two-fold"]
    return table(head, rows)


def _row(one: Agreement) -> list[str]:
    name = _NAMED.get((one.by, one.group), one.group)
    shown = [f"{one.fold_error:.2f}", f"{one.bias:.2f}", f"{100 * one.within_two:.0f} %"]
    return [name, str(one.n), *shown]


def interactions() -> str:
    """Return every measured ratio of exposures with and without a modifier, and the model's."""
    head = ["modifier", "route", "of what", "measured", "predicted", "fold error", "use", "source"]
    return table(head, [_ratio(one) for one in _fit().interactions])


def _ratio(one: Compared) -> list[str]:
    row = one.row
    if not isinstance(row, InteractionRow) or row.design is None:
        raise TypeError(f"{row.fact} is no ratio of two designs")
    molecules = " over ".join(_MOLECULES[name] for name in row.analyte.split("/"))
    fold = f"{one.fold:.2f}" if one.fold <= 2.0 else f"**{one.fold:.2f}**"
    shown = [_measured(row.fact), f"{one.predicted:.2f}", fold]
    what = f"{molecules} {_METRICS[row.metric]}"
    return [
        row.perpetrator,
        row.design.route,
        what,
        *shown,
        _USES[row.use],
        source_name(row.source),
    ]


def _measured(key: str) -> str:
    """The ratio as its source prints it, with its range."""
    cells = fact(key).cells
    printed = cells.get("ratio", cells.get("value", ""))
    value = number(printed)
    shown = printed if value is None else f"{value:g}"
    low, high = cells.get("ci_low"), cells.get("ci_high")
    return f"{shown} ({low}-{high})" if low and high else shown
