"""The report of a calibration: what fits, what does not, and which numbers the data moved."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ketasim._base import words
from ketasim.calibration.pk.tables import exposure_shown, interaction_shown, left_out_rows
from ketasim.figures.calibration.pk import TWO_FOLD, by_analyte, curves, profiles, scatter
from ketasim.reports.page import render

if TYPE_CHECKING:
    from ketasim.calibration.pk import PkFit
INTERACTION_FOLD = 1.5


def calibration_report(fit: PkFit, *, command: str = "ketasim calibrate pk --out DIR") -> str:
    """Write the report of a calibration as one page of HTML.

    **Arguments:**

    - `fit`: what `calibrate_pk` returned.
    - `command`: what reproduces it.
    """
    from ketasim.calibration.pk import agreement_table

    exposures = sorted((exposure_shown(one) for one in fit.exposures), key=lambda s: -s.fold)
    interactions = [interaction_shown(one) for one in fit.interactions]
    used = [s for s in exposures if s.use == "fit"]
    targets = [s for s in interactions if s.use == "fit"]
    agreement = agreement_table(fit)
    left_out = Counter((kind, reason) for kind, _, _, reason in left_out_rows())
    return render(
        "calibration_pk.html",
        title="Calibration of the reference pharmacokinetic model",
        sources=list(fit.sources()),
        overall=agreement[0],
        observed=agreement[1],
        agreement=agreement,
        words=words,
        two_fold=TWO_FOLD,
        interaction_fold=INTERACTION_FOLD,
        near=sum(s.fold <= INTERACTION_FOLD for s in targets),
        targets=targets,
        missed=[s for s in used if s.fold > TWO_FOLD],
        missed_others=[s for s in exposures if s.use != "fit" and s.fold > TWO_FOLD],
        missed_interactions=[s for s in interactions if s.fold > INTERACTION_FOLD],
        scatter=scatter(fit),
        by_analyte=by_analyte(fit),
        curves=curves(fit),
        profiles=profiles(fit),
        interactions=interactions,
        parameters=_parameters(fit),
        fixed=[e for symbol, e in fit.card.entries.items() if symbol not in fit.free],
        exposures=exposures,
        left_out=sorted(left_out.items(), key=lambda item: (item[0][0], -item[1])),
        costs=(fit.cost_before, fit.cost_after),
        card_hash=fit.card.hash,
        prior_hash=fit.prior.hash,
        prior_key=fit.prior.key,
        command=command,
    )


def _parameters(fit: PkFit) -> list[dict[str, Any]]:
    from ketasim.calibration.pk.fit import NOT_IDENTIFIED

    rows: list[dict[str, Any]] = []
    for symbol, left in fit.shrinkage().items():
        before, after = fit.prior.entry(symbol), fit.card.entry(symbol)
        rows.append(
            {
                "entry": after,
                "before": before,
                "prior_sd": fit.prior.extra["prior"][symbol],
                "left": left,
                "unmoved": left >= NOT_IDENTIFIED,
            }
        )
    return rows
