"""Which numbers mattered: elasticities of the first session, and the assumptions used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.engine import LinearSolver, peak
from ketasim.evidence import Card, Entry, source, source_name
from ketasim.models import LinearModel, ReceptorModel
from ketasim.population import Cohort, covariate_symbols, covariates_of
from ketasim.simulation.calendar import Session, output_times
from ketasim.simulation.concentrations import Key
from ketasim.simulation.exposure import complete_after

Array = NDArray[np.float64]

_STEP = 0.01  # relative change of a parameter, up and down
_ACTS = 1e-9  # relative change of any result that counts as acting
_DECIMALS = 10  # of an elasticity: what is below is rounding
_SPARSE = 8  # of so many times one, to see what acts
_FOLLOWED = 48.0  # h after the first session's last input


@dataclass(frozen=True)
class Elasticity:
    """How much the first session changes with one number, in percent for one percent.

    **Arguments:**

    - `card`, `entry`: the number.
    - `cmax`, `auc`: of the main quantity's peak and its area to infinity.
    - `block`: of the peak NMDA block, nothing when the model has no effect site.
    - `acts`: any result of the session changes at all.
    """

    card: str
    entry: Entry
    cmax: float
    auc: float
    block: float | None
    acts: bool

    @property
    def size(self) -> float:
        """The largest of the three, without sign."""
        return max(abs(self.cmax), abs(self.auc), abs(self.block or 0.0))


def main_quantity(values: Mapping[Key, Array]) -> Key | None:
    """The quantity whose exposure stands for the others: the parent drug, venous if there is such.

    Of one enantiomer alone it is that enantiomer, which equals the sum.
    """
    single = [q for q in ("s_ketamine", "r_ketamine") if any(q == known for known, _ in values)]
    for quantity in single if len(single) == 1 else ("ketamine", *single):
        for site in ("venous", "arterial"):
            if (quantity, site) in values:
                return quantity, site
    return None


def elasticities(
    course: Course,
    model: LinearModel,
    card: Card,
    typical: Cohort,
    session: Session,
    receptor: ReceptorModel,
    receptor_card: Card,
) -> tuple[Elasticity, ...]:
    """Elasticities of the first session of the typical patient, by central differences of 1 %.

    **Arguments:**

    - `course`: for the patient, whose covariates may depend on the card.
    - `model`, `card`: structure and numbers.
    - `typical`: the typical patient.
    - `session`: the first session.
    - `receptor`, `receptor_card`: of the block.

    **Returns:** one for each number of the cards that can matter, largest first.
    """
    entries = [entry for entry in card.entries.values() if entry.value != 0.0]
    end = session.end + _FOLLOWED
    times = output_times([replace(session, until=end)], end)
    values = _values(course, model, card, entries, typical)
    solver = LinearSolver(model, values, np.full(2 * len(entries) + 1, typical.weight[0]))
    # what acts shows in some curve at some time: the peak is sought in the columns of these alone
    seen = solver.solve(session.doses).at(times[::_SPARSE])
    main = main_quantity(seen)
    if main is None:
        return ()
    acts = _acting(seen)
    followed = acts[1::2] | acts[2::2]
    kept = np.concatenate([[True], np.repeat(followed, 2)])
    solution = solver.take(np.flatnonzero(kept)).solve(session.doses)
    quantity, site = main
    curves = solution.at(times, tuple({site, receptor.site}))
    ever = np.array([session.end + complete_after(model)])
    auc = solution.areas(ever, (site,), (quantity,))[main][0]
    cmax = peak(times, curves[main], breaks=session.turns)[0]
    effect = {q: table for (q, where), table in curves.items() if where == receptor.site}
    block = _peak_block(receptor, receptor_card.values(), effect, times)
    # of what does not act, both columns are those of the typical patient
    column = np.where(followed, 2 * np.cumsum(followed) - 1, 0)
    found = [
        Elasticity(
            card=card.key,
            entry=entry,
            cmax=_slope(cmax, at),
            auc=_slope(auc, at),
            block=None if block is None else _slope(block, at),
            acts=at > 0,
        )
        for entry, at in zip(entries, column.tolist(), strict=True)
    ]
    if block is not None:
        at_rest = {quantity: table[:, :1] for quantity, table in effect.items()}
        found += _receptor_elasticities(receptor, receptor_card, at_rest, times)
    return tuple(sorted(found, key=lambda e: -e.size))


def _values(
    course: Course, model: LinearModel, card: Card, entries: Sequence[Entry], typical: Cohort
) -> dict[str, Array]:
    """The typical patient as the card has it, then with each number up and down.

    **Returns:** parameter or covariate to values, shape (2*entries + 1,).
    """
    numbers = _columns(card, entries)
    found = {symbol: numbers[symbol] for symbol in typical.parameters}
    described = covariates_of(course.patient, model, card)[0]
    found |= {name: np.full(2 * len(entries) + 1, described[name]) for name in typical.covariates}
    behind = covariate_symbols(course.patient)
    for i, entry in enumerate(entries):
        if entry.symbol not in behind:
            continue
        for place in (2 * i + 1, 2 * i + 2):
            other = card.with_entries(entry.replace(value=float(numbers[entry.symbol][place])))
            for name, value in covariates_of(course.patient, model, other)[0].items():
                found[name][place] = value
    return found


def _columns(card: Card, entries: Sequence[Entry]) -> dict[str, Array]:
    """Numbers of a card as they are, then with each of some entries up and down."""
    n = 2 * len(entries) + 1
    found = {symbol: np.full(n, value) for symbol, value in card.values().items()}
    for i, entry in enumerate(entries):
        found[entry.symbol][2 * i + 1] = (1.0 + _STEP) * entry.value
        found[entry.symbol][2 * i + 2] = (1.0 - _STEP) * entry.value
    return found


def _slope(values: Array, up: int) -> float:
    """Percent for one percent; `up` is the column of the number up, or 0 for no change."""
    if not up:
        return 0.0
    high, low = values[up], values[up + 1]
    if high <= 0.0 or low <= 0.0:
        return 0.0
    slope = float(np.log(high / low) / np.log((1.0 + _STEP) / (1.0 - _STEP)))
    return round(slope, _DECIMALS)


def _acting(curves: Mapping[Key, Array]) -> NDArray[np.bool_]:
    """Whether any curve of each column differs from the first column's."""
    acts: NDArray[np.bool_] | None = None
    for table in curves.values():
        largest = np.abs(table - table[:, :1]).max(axis=0)
        here = largest > _ACTS * np.abs(table[:, 0]).max()
        acts = here if acts is None else acts | here
    assert acts is not None
    return acts


def _peak_block(
    receptor: ReceptorModel, values: Mapping[str, Any], effect: Mapping[str, Array], times: Array
) -> Array | None:
    if not any(blocker.quantity in effect for blocker in receptor.blockers):
        return None
    return peak(times, receptor.block(receptor.resolve(values), effect))[0]


def _receptor_elasticities(
    receptor: ReceptorModel, card: Card, effect: Mapping[str, Array], times: Array
) -> list[Elasticity]:
    entries = list(card.entries.values())
    block = _peak_block(receptor, _columns(card, entries), effect, times)
    assert block is not None
    slopes = [_slope(block, 2 * i + 1) for i in range(len(entries))]
    return [
        Elasticity(card.key, entry, 0.0, 0.0, slope, acts=abs(slope) > _ACTS)
        for entry, slope in zip(entries, slopes, strict=True)
    ]


def parameter_table(found: tuple[Elasticity, ...], main: Key | None, top: int) -> pl.DataFrame:
    """The numbers that mattered most, with where they come from.

    **Returns:** columns card, symbol, meaning, value, unit, of (the main quantity),
    elasticity_cmax, elasticity_auc, elasticity_block, grade, source, locator, link, rse,
    spread_sd, spread_scale, note.
    """
    # molar masses and the reference weight are conventions, not what a result hangs on
    shown = [one for one in found if one.acts and one.entry.unit != "g/mol"]
    chosen = [one for one in shown if one.entry.symbol != "WT_ref"][:top]
    of = "" if main is None else f"{main[0]} {main[1]}"
    columns: dict[str, tuple[type[pl.DataType], list[object]]] = {
        "card": (pl.String, [one.card for one in chosen]),
        "symbol": (pl.String, [one.entry.symbol for one in chosen]),
        "meaning": (pl.String, [one.entry.meaning for one in chosen]),
        "value": (pl.Float64, [one.entry.value for one in chosen]),
        "unit": (pl.String, [one.entry.unit for one in chosen]),
        "of": (pl.String, [of for _ in chosen]),
        "elasticity_cmax": (pl.Float64, [one.cmax for one in chosen]),
        "elasticity_auc": (pl.Float64, [one.auc for one in chosen]),
        "elasticity_block": (pl.Float64, [one.block for one in chosen]),
        "grade": (pl.String, [one.entry.grade for one in chosen]),
        "source": (pl.String, [one.entry.source for one in chosen]),
        "source_name": (pl.String, [source_name(one.entry.source) for one in chosen]),
        "locator": (pl.String, [one.entry.locator for one in chosen]),
        "link": (pl.String, [_link(one.entry.source) for one in chosen]),
        "rse": (pl.Float64, [one.entry.rse for one in chosen]),
        "spread_sd": (pl.Float64, [i.sd if (i := one.entry.iiv) else None for one in chosen]),
        "spread_scale": (pl.String, [i.kind if (i := one.entry.iiv) else None for one in chosen]),
        "note": (pl.String, [one.entry.note for one in chosen]),
    }
    return pl.DataFrame(
        {name: values for name, (_, values) in columns.items()},
        schema={name: kind for name, (kind, _) in columns.items()},
    )


def _link(key: str) -> str:
    return source(key).link() if key else ""
