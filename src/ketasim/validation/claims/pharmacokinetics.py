"""Pharmacokinetics: published models in their own papers, the reference model, interactions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from ketasim.evidence import load_card
from ketasim.validation.claims.claim import TWO_FOLD, Claim, fold, judged
from ketasim.validation.replays import replay_all

if TYPE_CHECKING:
    from ketasim.calibration.pk import Compared, PkFit

_CLOSE: Final = 1.25
"""Fold error within which a published model counts as replayed: the bounds of bioequivalence."""
_TARGETS: Final = (
    ("training exposures", _CLOSE),
    ("points of measured curves, norketamine", 1.3),
    ("points of measured curves, hydroxynorketamine", 1.4),
)
"""Groups of exposures, and the mean fold error that they are to have at most."""


def replays() -> Iterator[Claim]:
    """Published models beside the tables of their papers, and of their neighbours."""
    for row in replay_all():
        inside = None
        if row.low is not None and row.high is not None:
            inside = row.low <= row.predicted <= row.high
        off = fold(row.predicted, row.published)
        close = None if off is None else off <= _CLOSE
        yield Claim(
            area="replays",
            what=row.quantity,
            where=f"{row.study}, {row.stratum}",
            published=row.published,
            predicted=row.predicted,
            unit=row.unit,
            criterion=f"within {_CLOSE:g}-fold, or in the published range",
            outcome=judged(True if inside else close),
            grade="estimated",
            independent=True,
            source=row.source,
            place=row.locator,
            low=row.low,
            high=row.high,
            error=off,
            measure="fold",
            covered=inside,
            note=row.note,
        )


@cache
def _fit() -> PkFit:
    """The shipped reference model beside everything published."""
    from ketasim.calibration.pk import compare_pk  # slow to load

    return compare_pk(load_card("reference"))


def exposures() -> Iterator[Claim]:
    """The reference model beside every exposure it was fitted to or is compared with."""
    from ketasim.calibration.pk import TrainingRow, agreement_table

    fit = _fit()
    for one in agreement_table(fit):
        for group, most in _TARGETS:
            if one.by == "all" and one.group == group:
                yield Claim(
                    area="exposures",
                    what=f"mean fold error, {group}",
                    where=f"{one.n} numbers",
                    published=None,
                    predicted=one.fold_error,
                    unit="fold",
                    criterion=f"at most {most:g}",
                    outcome=judged(one.fold_error <= most),
                    grade="fitted",
                    independent="curves" in group,
                    source="",
                    place="",
                    high=most,
                )
    for compared in fit.exposures:
        row = compared.row
        if isinstance(row, TrainingRow) and row.design is not None:
            where = f"{row.design.route}, {row.site}"
            yield _two_fold("exposures", compared, f"{row.analyte} {row.metric}", where, row.unit)


def interactions() -> Iterator[Claim]:
    """Measured ratios of exposures with and without another medicine."""
    from ketasim.calibration.pk import InteractionRow

    for compared in _fit().interactions:
        row = compared.row
        if isinstance(row, InteractionRow) and row.design is not None:
            what = f"{row.analyte} {row.metric}, ratio with and without"
            where = f"{row.perpetrator}, {row.design.route}"
            yield _two_fold("interactions", compared, what, where, "ratio")


def _two_fold(area: str, compared: Compared, what: str, where: str, unit: str) -> Claim:
    """A published number, met where the reference model is within two-fold of it."""
    row = compared.row
    return Claim(
        area=area,
        what=what,
        where=where,
        published=row.value,
        predicted=compared.predicted,
        unit=unit,
        criterion="within two-fold",
        outcome=judged(compared.fold <= TWO_FOLD),
        grade="fitted",
        independent=row.use == "check",
        source=row.source,
        place=row.fact,
        error=compared.fold,
        measure="fold",
        note=row.reason,
    )
