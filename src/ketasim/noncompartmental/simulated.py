"""Profiles of what was predicted or simulated, sampled as a study would."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.size import Size, check_size
from ketasim._base.text import shortened
from ketasim.dosing import Dose, Samples
from ketasim.noncompartmental.doses import Dosed, given_of
from ketasim.noncompartmental.profile import Given, Profile
from ketasim.noncompartmental.table import EventRows
from ketasim.noncompartmental.units import Units, units_of
from ketasim.simulation import Predicted, Prediction, Session, Simulation

Array = NDArray[np.float64]
Key = tuple[str, str]

_BYTES: Final = 6_000.0  # of a profile with its metrics, about
_SECONDS: Final = 1e-3  # of a profile
_PARENT: Final = {"ketamine": 1.0, "s_ketamine": 0.5, "r_ketamine": 0.5}  # of the racemate
_ENANTIOMER: Final = {"esketamine": "s_ketamine", "arketamine": "r_ketamine"}
_CONCENTRATION: Final = "ng/mL"
_DOSE: Final = "mg"  # where nobody says it


def check_profiles(count: int, field: str) -> None:
    """Refuse more profiles than fit."""
    size = Size(_BYTES * count, _SECONDS * count)
    check_size(size, field, f"{count:,} profiles", or_else="ask for less")


def of_prediction(
    source: Prediction, rows: EventRows, wanted: list[str], dose_unit: str, limit: float | None
) -> tuple[dict[tuple[str, int], Samples], dict[str, Units]]:
    """Samples of the outputs of a prediction: the draws where there are any, else the typical.

    **Arguments:**

    - `rows`: of its table. `wanted`: names of outputs, all when empty. `dose_unit`: of AMT,
      where the model does not say it.
    - `limit`: of quantification, or nothing.

    **Raises:** `InputError` for an output that is not there, or whose unit is none.
    """
    known = {one.name: one for one in source.outputs}
    for name in wanted:
        if name not in known:
            raise InputError(
                "dv", f"the prediction has no output '{shortened(name)}'", near(name, known)
            )
    if source.amount != _DOSE:
        if dose_unit not in (_DOSE, source.amount):
            raise InputError(
                "dose_unit",
                f"'{shortened(dose_unit)}', and AMT of the model is in {source.amount}",
                "leave it out",
            )
        dose_unit = source.amount
    events = rows.events
    found: dict[tuple[str, int], Samples] = {}
    units: dict[str, Units] = {}
    for name in wanted or known:
        units[name] = units_of(known[name].unit, dose_unit)
        for draw, values in _curves(known[name]):
            below = values <= (0.0 if limit is None else np.nextafter(limit, 0))
            found[name, draw] = Samples(np.where(below, 0.0, values), below, ~events)
    return found, units


def _curves(one: Predicted) -> Iterator[tuple[int, Array]]:
    if one.drawn is not None:
        yield from enumerate(one.drawn, start=1)
    else:
        yield 0, one.typical if one.observed is None else one.observed


def of_simulation(
    source: Simulation,
    wanted: list[str],
    at: Sequence[float],
    individuals: int | None,
    limit: float | None,
) -> tuple[list[Profile], dict[str, Units]]:
    """Profiles of the patients of a simulation after every session.

    **Arguments:**

    - `wanted`: quantities as `ketamine_venous`; the main one when empty.
    - `at`: h after a session's first dose, those of the simulation when empty.
    - `individuals`: how many patients, the first of them. `limit`: of quantification, or nothing.

    **Raises:** `InputError` for a quantity or times that are not there, or a course without doses.
    """
    if not source.sessions or source.main is None:
        raise InputError("source", "nothing is given in the course", "give a dose")
    for time in at:
        if not (np.isfinite(time) and time >= 0):
            raise InputError("at", f"{time:g} h is before the dose", "give h from 0 on")
    known: dict[str, Key] = {
        "_".join(key): key for key, unit in source.units.items() if unit == _CONCENTRATION
    }
    for name in wanted:
        if name not in known:
            raise InputError(
                "dv", f"the simulation has no concentration '{shortened(name)}'", near(name, known)
            )
    names = wanted or ["_".join(source.main)]
    n = source.cohort.n if individuals is None else individuals
    if not 1 <= n <= source.cohort.n:
        raise InputError(
            "individuals", f"{n} of {source.cohort.n} patients", "give 1 or more, and not more"
        )
    check_profiles(n * len(source.sessions) * len(names), "individuals")
    starts = [session.start for session in source.sessions]
    sampled = [_times(source, session, at) for session in source.sessions]
    every = np.unique(np.concatenate(sampled))
    sites = tuple(dict.fromkeys(known[name][1] for name in names))
    curves = source.values.solution.at(every, sites, patients=slice(0, n))
    least = 0.0 if limit is None else float(np.nextafter(limit, 0))
    found: list[Profile] = []
    for patient in range(n):
        weight = float(source.cohort.weight[patient])
        for place, (session, times) in enumerate(zip(source.sessions, sampled, strict=True)):
            rows = np.searchsorted(every, times)
            for name in names:
                key = known[name]
                values = curves[key][rows, patient]
                below = values <= least
                found.append(
                    Profile(
                        str(source.cohort.ids[patient]),
                        name,
                        0,
                        _given(session, weight, key[0], place, starts),
                        times - session.start,
                        np.where(below, 0.0, values),
                        below,
                    )
                )
    return found, {name: units_of(_CONCENTRATION, "mg") for name in names}


def _times(source: Simulation, session: Session, at: Sequence[float]) -> Array:
    """Times at which a session is sampled, h from the start of the course."""
    last = session is source.sessions[-1]
    until = source.course.horizon if last else session.until
    own = session.start + np.array(sorted(set(at))) if len(at) else source.times
    found = own[(own >= session.start) & ((own <= until) if last else (own < until))]
    if not len(found):
        raise InputError(
            "at", f"no time is within the session at {session.start:g} h", "give earlier times"
        )
    return found


def _given(
    session: Session, weight: float, quantity: str, place: int, starts: Sequence[float]
) -> Given:
    """The doses of a session as one, in mg of what is measured."""
    group = [_dosed(dose, weight, quantity) for dose in session.doses]
    given = given_of(group, place, starts)
    return replace(given, steady=session.doses[0].steady_state_interval is not None)


def _dosed(dose: Dose, weight: float, quantity: str) -> Dosed:
    part = _PARENT.get(quantity, np.nan)
    if dose.drug in _ENANTIOMER:
        part = 1.0 if quantity in ("ketamine", _ENANTIOMER[dose.drug]) else np.nan
    into_vein = "infusion" if dose.duration > 0 else "bolus"
    route = into_vein if dose.route == "iv" else "extravascular"
    amount = float(dose.milligrams(weight)) * part
    every = dose.steady_state_interval or 0.0
    return Dosed(dose.time, 0, amount, dose.duration, route, every, dose.device < 0)
