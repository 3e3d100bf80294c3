"""What sessions do to the patients of an arm, by the session model: scores, pressure, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Arm, Dose, Trial
from ketasim.engine import Calendar, concentrations
from ketasim.evidence import Card, load_card
from ketasim.models import MODELS, SESSION
from ketasim.models.session import SessionEvent
from ketasim.population import arm_patients
from ketasim.population.session.effects import (
    highest_effect,
    mean_score,
    share_in_course,
    share_now,
)
from ketasim.population.session.means import session_draws
from ketasim.trials.patients.individual import Schedule

Array = NDArray[np.float64]

EVENTS: Final = (
    *("cadss_above_4", "dissociation_report", "sedation_moaas", "sedation_report"),
    *("dizziness", "nausea", "vomiting"),
)
"""Events that are told of an arm, names of `SESSION.events`."""

COLUMNS: Final = {
    "arm": pl.String,
    "effect": pl.String,
    "statistic": pl.String,
    "unit": pl.String,
    "sessions": pl.Int64,
    "mean": pl.Float64,
    "p05": pl.Float64,
    "p95": pl.Float64,
    "note": pl.String,
}
"""Columns of the table; `statistic` is `first_session` (share of patients, or mean of the peaks) or
`any_session` (share of patients with it in at least one of `sessions`)."""

_PATIENTS: Final = 100
_MINUTES: Final = np.concatenate([np.arange(0.0, 2.0, 1 / 30), np.arange(2.0, 12.0, 0.25)])
_CONTROL: Final = "not assessed: the session model has no rates of a control"
_MASKED: Final = "not assessed: given under anaesthesia"
_OTHER: Final = "not assessed: session effects of arketamine are not modelled"


def session_table(trial: Trial, attended: Mapping[str, float]) -> pl.DataFrame:
    """Effects of the sessions of every arm, with their uncertainty.

    **Arguments:**

    - `trial`: with its arms. `attended`: arm to the mean number of sessions that its patients had;
      under a dosing rule as many are taken, otherwise all that are planned.

    **Returns:** `COLUMNS`: a row an arm, effect and statistic. `p05` to `p95` is the 90 % interval
    by the uncertainty of the card `session`; patients differ in exposure and sensitivity.
    """
    rows: list[dict[str, Any]] = []
    for arm in trial.arms:
        if not arm.sessions and not arm.rule_times:
            continue
        rows += _rows(trial, arm, attended.get(arm.id))
    return pl.DataFrame(rows, schema=COLUMNS)


def _rows(trial: Trial, arm: Arm, attended: float | None) -> list[dict[str, Any]]:
    schedule = Schedule()
    schedule.add(arm, 0.0, since=trial.phase(arm)[0], until=trial.phase(arm)[1])
    kinds = [slot.kind for slot in schedule.slots]
    if arm.dosing_rule is not None and attended is not None:
        kinds = kinds[: max(round(attended), 1)]
    doses = [session_doses(calendar) for calendar in schedule.calendars]
    given = [doses[kind] for kind in kinds]
    why = not_assessed(arm, given)
    if why:
        return [_row(arm, "all", "", "", len(kinds), None, why)]
    card = load_card("session")
    peaks = [_peaks(arm, one) if one else [np.zeros(_PATIENTS)] * 2 for one in doses]
    sequence = [peaks[kind] for kind in kinds]
    note = _reach(card, {dose.route for one in given for dose in one})
    return [
        _row(arm, effect, statistic, unit, len(kinds), found, note)
        for effect, statistic, unit, found in _effects(card, sequence)
    ]


def not_assessed(arm: Arm, given: Sequence[Sequence[Dose]]) -> str:
    """Why effects of the sessions of an arm are not known; empty where they are.

    **Arguments:**

    - `given`: doses of each session.
    """
    if not any(given):
        return _CONTROL
    if arm.masked:
        return _MASKED
    return _OTHER if all(dose.drug == "arketamine" for one in given for dose in one) else ""


def _effects(
    card: Card, sequence: Sequence[Sequence[Array]]
) -> list[tuple[str, str, str, tuple[float, Array]]]:
    """Effect, statistic, unit, value by the card and under each draw."""
    draws = session_draws(card)
    count = len(next(iter(draws.values())))
    sets: list[Mapping[str, Any]] = [
        card.values(),
        *({symbol: column[i] for symbol, column in draws.items()} for i in range(count)),
    ]
    events = {one.name: one for one in SESSION.events}
    found: list[tuple[str, str, str, list[float]]] = [
        ("CADSS", "first_session", "point", []),
        *((name, "first_session", "mmHg", []) for name in ("SBP", "DBP")),
        *(
            (name, statistic, "fraction", [])
            for name in EVENTS
            for statistic in ("first_session", "any_session")
        ),
    ]
    for values in sets:
        levels = {id(one): highest_effect(values, [x[None] for x in one]) for one in sequence}
        peaks = np.stack([levels[id(one)] for one in sequence])
        for name, statistic, _, told in found:
            told.append(_value(values, events.get(name), name, statistic, peaks))
    return [
        (name, statistic, unit, (told[0], np.array(told[1:])))
        for name, statistic, unit, told in found
    ]


def _value(
    values: Mapping[str, Any], event: SessionEvent | None, name: str, statistic: str, peaks: Array
) -> float:
    if name == "CADSS":
        return float(mean_score(values, peaks[0]).mean())
    if event is None:
        return float(values[f"{name}_full"] * peaks[0].mean())
    if statistic == "any_session":
        return share_in_course(values, event, peaks)
    return float(share_now(values, event, peaks[0]).mean())


def _peaks(arm: Arm, doses: Sequence[Dose]) -> list[Array]:
    values, weight, _ = arm_patients(arm, 0, 0, _PATIENTS)
    return session_peaks(values, weight, doses, _PATIENTS)


def session_peaks(
    values: Mapping[str, Any], weight: Any, doses: Sequence[Dose], n: int
) -> list[Array]:
    """S-ketamine and S-norketamine at the effect site when the first acts most, ng/mL, (n,) each.

    **Arguments:**

    - `values`, `weight`: of the patients, as `arm_patients` returns them. `doses`: of a session.
    - `n`: how many patients.
    """
    ends = {0.0, *(dose.end for dose in doses)}
    times = np.unique(np.concatenate([end + _MINUTES for end in ends]))
    found = concentrations(
        MODELS["reference"], values, list(doses), times, weight, sites=(SESSION.site,)
    ).values
    nothing = np.zeros((len(times), n))
    drug, other = (found.get((x, SESSION.site), nothing) for x in ("s_ketamine", "s_norketamine"))
    acting = drug / (1.0 + np.maximum(other, 0.0) / load_card("session").values()["C100"])
    when = np.argmax(acting, axis=0)[None]
    return [np.take_along_axis(one, when, axis=0)[0] for one in (drug, other)]


def session_doses(calendar: Calendar) -> list[Dose]:
    """Doses of a session."""
    return [dose for dose in calendar.doses if isinstance(dose, Dose)]


def _reach(card: Card, routes: set[str]) -> str:
    beyond = sorted(routes - set(card.extra["event_routes"]))
    if not beyond:
        return ""
    return f"rates of events were fitted to other routes than {', '.join(beyond)}"


def _row(
    arm: Arm,
    effect: str,
    statistic: str,
    unit: str,
    sessions: int,
    found: tuple[float, Array] | None,
    note: str,
) -> dict[str, Any]:
    low, high = (None, None) if found is None else np.quantile(found[1], (0.05, 0.95))
    return {
        "arm": arm.id,
        "effect": effect,
        "statistic": statistic,
        "unit": unit,
        "sessions": sessions,
        "mean": None if found is None else found[0],
        "p05": low,
        "p95": high,
        "note": note,
    }
