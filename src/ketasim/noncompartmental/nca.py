"""The verb `nca`: sampled concentrations become non-compartmental metrics."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ketasim._base import InputError, KetasimWarning, near
from ketasim._base.text import shortened
from ketasim.dosing import NOT_READ, Samples
from ketasim.dosing.events.left_out import rows_named
from ketasim.dosing.events.samples import FLAGS
from ketasim.noncompartmental.metrics import Measured, Options, Partial, measure
from ketasim.noncompartmental.result import NonCompartmental
from ketasim.noncompartmental.simulated import check_profiles, of_prediction, of_simulation
from ketasim.noncompartmental.table import EventRows
from ketasim.noncompartmental.units import Units, units_of
from ketasim.simulation import Prediction, Simulation


def nca(
    source: Any,
    *,
    dv: str | Sequence[str] | None = None,
    unit: str = "",
    dose_unit: str = "mg",
    lloq: float | None = None,
    route: str | None = None,
    steady_state: bool = False,
    partial: Sequence[Partial] = (),
    terminal: Partial | None = None,
    method: str = "linear up, log down",
    by: str | Sequence[str] = (),
    at: Sequence[float] = (),
    individuals: int | None = None,
) -> NonCompartmental:
    """Measure sampled concentrations without a model, by the rules of the field.

    A profile is what was sampled of one subject from a dose to the next. Rules, and what each
    column is: `docs/how-to/nca.md`. Rows that are not used, an assumed route and profiles without a
    terminal slope are a `KetasimWarning`; these and what else was assumed are in
    `NonCompartmental.notes`.

    **Main arguments:**

    - `source`: an event table with doses as rows (path, mapping or data frame), or what `predict`
      or `simulate` returned.
    - `dv`: columns with concentrations (`DV` when left out), or outputs of a prediction and
      quantities of a simulation (all when left out), such as `ketamine_venous`.
    - `unit`: of concentrations, such as `ng/mL`, in a table. `dose_unit`: of AMT.

    **Other arguments:**

    - `lloq`: lower limit of quantification; values below it count as below.
    - `route`: `iv` or `extravascular`, of every dose, instead of what the table says.
    - `steady_state`: doses after others at equal intervals are at steady state.
    - `partial`: pairs of h after the dose. `terminal`: h after the dose between which every point
      is taken for the terminal line, instead of choosing by the adjusted R².
    - `method`: `linear up, log down`, or `linear`.
    - `by`: columns that the summary is grouped by.
    - `at`: of a simulation, h after each session's first dose at which it is sampled; all its times
      when left out. `individuals`: how many patients, the first of them.

    **Returns:** `NonCompartmental`.

    **Raises:** `InputError`, one line with the field and the remedy.
    """
    options = Options(_is_linear(method), _pairs(partial), _terminal(terminal))
    number = isinstance(lloq, int | float) and math.isfinite(lloq) and lloq >= 0
    if lloq is not None and not number:
        raise InputError("lloq", f"{lloq} is no limit", "give a concentration above 0")
    by = [by] if isinstance(by, str) else list(by)
    wanted = [dv] if isinstance(dv, str) else list(dv or ())
    notes: list[str] = []
    assumed: list[str] = []
    units: dict[str, Units]
    if isinstance(source, Simulation):
        _not_of_a_simulation(unit, dose_unit, route, by, steady_state=steady_state)
        profiles, units = of_simulation(source, wanted, at, individuals, lloq)
        name = source.course.title or "course"
        groups: tuple[str, ...] = ()
    else:
        if len(at) or individuals is not None:
            field = "at" if len(at) else "individuals"
            raise InputError(field, "is of a simulation alone", "leave it out")
        predicted = isinstance(source, Prediction)
        table: Any = source.carried if predicted else source
        rows = EventRows.read(table, by, route, dose_unit, steady_state=steady_state)
        assumed += [text for text in rows.notes if text.endswith(NOT_READ)]
        notes += [text for text in rows.notes if text not in assumed]
        groups = tuple(by)
        quantities: dict[tuple[str, int], Samples]
        if predicted:
            if unit:
                raise InputError("unit", "the prediction has its own", "leave it out")
            quantities, units = of_prediction(source, rows, wanted, dose_unit, lloq)
            name = source.model
        else:
            quantities = {(one, 0): rows.columns(one, lloq) for one in wanted or ["DV"]}
            units = dict.fromkeys(wanted or ["DV"], units_of(unit, dose_unit))
            name = Path(source).name if isinstance(source, str | Path) else "table"
        check_profiles(rows.count * len(quantities), "source")
        left: set[int] = set()
        profiles = list(rows.profiles(quantities, left))
        if not profiles:
            raise InputError(
                *_nothing(wanted or ["DV"]), "give the values in rows with EVID 0 after a dose"
            )
        if left:
            many = rows_named(sorted(left))
            assumed.append(f"{many} samples without a dose before them and {NOT_READ}")
        notes += _not_used(rows, {name for name, _ in quantities}, groups)
        told = route is not None or "ROUTE" in rows.sheet.columns
        if not told and any(one.given.route == "extravascular" for one in profiles):
            assumed.append(
                "no ROUTE: doses without RATE or DUR are taken for extravascular; "
                "say route iv where they went into the vein at once"
            )
    measured = tuple(measure(one, options) for one in profiles)
    without = sum(one.slope is None for one in measured)
    if without:
        assumed.append(
            f"no terminal slope in {without} of {len(measured)} profiles; the column why says why"
        )
    for text in assumed:
        warnings.warn(text, KetasimWarning, stacklevel=2)
    notes += [*assumed, *_said(measured)]
    return NonCompartmental(measured, units, groups, options, tuple(notes), name)


def _not_used(rows: EventRows, names: set[str], groups: tuple[str, ...]) -> list[str]:
    """Which columns of a table nothing was made of."""
    sheet = rows.sheet
    used = {*sheet.events.values(), *sheet.read, *names, *groups, "ROUTE", *FLAGS}
    columns = [shortened(name) for name in sheet.columns if name not in used]
    return [f"not used: {', '.join(columns[:20])}"] if columns else []


def _nothing(names: list[str]) -> tuple[str, str]:
    return ", ".join(map(shortened, names)), "no dose is followed by a value"


def _said(measured: tuple[Measured, ...]) -> list[str]:
    """What was assumed of values at doses, and how often."""
    words = {
        "zero": "no sample at the dose, and none given before: 0 there",
        "back-extrapolated": "no sample at the bolus: drawn back from the first two",
        "first value": "no sample at the bolus, and the first two do not fall: the first one there",
        "least value": "no sample at a later dose: the least value of its interval there",
    }
    starts = [one.curve.start for one in measured if one.curve]
    return [
        f"{text} ({starts.count(key)} of {len(measured)} profiles)"
        for key, text in words.items()
        if key in starts
    ]


def _is_linear(method: str) -> bool:
    known = ("linear up, log down", "linear")
    if method not in known:
        raise InputError("method", f"'{shortened(method)}' is not known", near(str(method), known))
    return method == "linear"


def _pairs(partial: Sequence[Partial]) -> tuple[Partial, ...]:
    return tuple(dict.fromkeys(_hours(pair, "partial", "0-24") for pair in partial))


def _terminal(pair: Partial | None) -> Partial | None:
    return None if pair is None else _hours(pair, "terminal", "6-24")


def _hours(pair: Sequence[float], field: str, example: str) -> Partial:
    """Two times after the dose, the later one behind."""
    told = "-".join(str(one).removesuffix(".0") for one in pair)
    try:
        start, end = map(float, pair)
    except (TypeError, ValueError):
        start = end = math.nan
    if not 0 <= start < end < math.inf:
        raise InputError(
            field, f"'{shortened(told)}' is no interval", f"give h after the dose, as {example}"
        )
    return start, end


def _not_of_a_simulation(
    unit: str, dose_unit: str, route: str | None, by: Sequence[str], *, steady_state: bool
) -> None:
    given = {"unit": bool(unit), "dose_unit": dose_unit != "mg", "route": route is not None}
    given |= {"by": bool(by), "steady_state": steady_state}
    for field, there in given.items():
        if there:
            raise InputError(field, "a simulation has its own", "leave it out")
