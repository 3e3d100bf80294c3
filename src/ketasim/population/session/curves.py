"""Curves of a session: what each effect is in a patient at a time, and when it resolves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ketasim.models import SESSION
from ketasim.population.session.effects import (
    effect_level,
    gains,
    mean_score,
    share_at_level,
    share_now,
)

Array = NDArray[np.float64]
Numbers = Mapping[str, Any]
CurveKind = Literal["score", "high", "share", "change", "pain", "cognition"]


@dataclass(frozen=True)
class SessionCurve:
    """One effect over the time of a session.

    **Arguments:**

    - `name`: as in tables, such as `CADSS`. `title`: in words. `unit`: of its values.
    - `kind`: score (CADSS), high (visual analogue scale), share (of patients who show an event),
      change (of a pressure or the heart rate), pain, or cognition (share of the full effect).
    - `level`: parameter of the card at or below which the effect has resolved; empty where none.
    - `event`: of `SESSION.events`, for a share.
    """

    name: str
    title: str
    unit: str
    kind: CurveKind
    level: str = ""
    event: str = ""


SESSION_CURVES: Final = (
    SessionCurve("CADSS", "Dissociation, CADSS", "point", "score", "CADSS_cut"),
    SessionCurve(
        "dissociation", "Dissociation, CADSS above 4", "fraction", "share", "few", "cadss_above_4"
    ),
    SessionCurve("drug_high", "Drug high, 0 to 10", "point", "high"),
    SessionCurve(
        "sedation", "Sedation, MOAA/S 4 or less", "fraction", "share", "few", "sedation_moaas"
    ),
    SessionCurve("dizziness", "Dizziness", "fraction", "share", "few", "dizziness"),
    SessionCurve("nausea", "Nausea", "fraction", "share", "few", "nausea"),
    SessionCurve("vomiting", "Vomiting", "fraction", "share", "few", "vomiting"),
    SessionCurve("SBP", "Systolic blood pressure, change", "mmHg", "change", "near_BP"),
    SessionCurve("DBP", "Diastolic blood pressure, change", "mmHg", "change", "near_BP"),
    SessionCurve("HR", "Heart rate, change", "1/min", "change", "near_HR"),
    SessionCurve("pain_relief", "Experimental pain relief", "cm", "pain"),
    SessionCurve(
        "cognition", "Cognitive decline, fraction of full", "fraction", "cognition", "few"
    ),
)
"""The effects that a session is followed by, in the order of tables."""


@dataclass(frozen=True)
class Sensitivity:
    """Standard normal numbers of patients that set how strongly each is affected.

    **Arguments:**

    - `dissociation`: of scores and events. `pressure`: of pressures and heart rate.
    - `session`: of scores, between the sessions of one patient; or at each time, shape (T, n).

    All others of shape (n,).
    """

    dissociation: Array
    pressure: Array
    session: Array


def session_curve(
    values: Numbers,
    curve: SessionCurve,
    effect: Array,
    s_ketamine: Array,
    s_norketamine: Array,
    *,
    session: Any = 1,
    patients: Sensitivity | None = None,
) -> Array:
    """One effect of every patient at every time.

    **Main arguments:**

    - `values`: numbers of the card `session`, or arrays that broadcast with the rest.
    - `curve`: which effect.
    - `effect`: h as `SESSION.effect` returns it, shape (T, n).
    - `s_ketamine`, `s_norketamine`: ng/mL at the effect site, of that shape.

    **Other arguments:**

    - `session`: number of the session, from 1, or shape (T, 1).
    - `patients`: their sensitivities; left out, means over all sensitivities, of events the share
      of patients who show them.

    **Returns:** shape (T, n), in the curve's unit. A share is the chance of this patient.
    """
    return _curve(values, curve, effect, (s_ketamine, s_norketamine), session, patients)


def session_curves(
    values: Numbers,
    effect: Array,
    drugs: Sequence[Array],
    *,
    session: Any = 1,
    patients: Sensitivity | None = None,
    out: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """All effects of every patient at every time, by name.

    **Arguments:** as of `session_curve`; `out`: name to where the effect is written, shape (T, n);
    left out, into new arrays.
    """
    level = None if patients is None else effect_level(effect)
    found: dict[str, Array] = {}
    for curve in SESSION_CURVES:
        own = None if out is None else out[curve.name]
        made = _curve(values, curve, effect, drugs, session, patients, level, own)
        if own is not None and made is not own:
            own[...] = made
        found[curve.name] = made if own is None else own
    return found


def _curve(
    values: Numbers,
    curve: SessionCurve,
    effect: Array,
    drugs: Sequence[Array],
    session: Any,
    patients: Sensitivity | None,
    level: Array | None = None,
    out: Array | None = None,
) -> Array:
    """One effect; `level`: what `effect_level` returns, where it is known; `out`: may be used."""
    if curve.kind == "score":
        if patients is None:
            return mean_score(values, effect, session)
        score = values["CADSS_full"] * SESSION.habituation(values, session) * effect
        split, spread = values["between"], values["omega"]
        shift = np.sqrt(split) * patients.dissociation + np.sqrt(1 - split) * patients.session
        return np.minimum(score * np.exp(spread * shift), values["CADSS_most"], out=out)
    if curve.kind == "share":
        event = SESSION.event(curve.event)
        if patients is None:
            return share_now(values, event, effect, session)
        if level is None:
            level = effect_level(effect)
        return share_at_level(values, event, level, patients.dissociation, session, out)
    if curve.kind == "change":
        rise = values[f"{curve.name}_full"] * effect
        return (
            rise
            if patients is None
            else np.multiply(rise, gains(values, patients.pressure), out=out)
        )
    if curve.kind == "high":
        return SESSION.drug_high(values, drugs[0])
    if curve.kind == "pain":
        return SESSION.pain_relief(values, *drugs)
    return effect


def time_back(times: Array, curve: Array, level: float) -> float:
    """When a curve is at or below a level for good.

    **Arguments:**

    - `times`: ascending, shape (T,). `curve`: shape (T,).

    **Returns:** a time between two of the grid, by a straight line; the first time when the curve
    is never above, and infinity when it is above at the end.
    """
    return float(times_back(times, curve[None], level)[0])


def times_back(times: Array, curves: Array, level: Any) -> Array:
    """When each of some curves is at or below a level for good; see `time_back`.

    **Arguments:**

    - `times`: ascending, shape (T,). `curves`: shape (k, T). `level`: one for all, or shape (k,).

    **Returns:** shape (k,).
    """
    rows, end = len(curves), len(times) - 1
    level = np.broadcast_to(level, (rows,))
    above = curves > level[:, None]
    last = end - np.argmax(above[:, ::-1], axis=1)
    here = np.minimum(last, max(end - 1, 0))
    after = np.minimum(here + 1, end)
    row = np.arange(rows)
    high, low = curves[row, here], curves[row, after]
    falls = above[row, last] & (last < end)
    part = np.divide(high - level, high - low, out=np.zeros(rows), where=falls)
    found = times[here] + part * (times[after] - times[here])
    return np.where(falls, found, np.where(above[:, -1], np.inf, times[0]))


def time_from(times: Array, curve: Array, level: float) -> float:
    """When a curve first exceeds a level; infinity when it never does. Arguments as above."""
    above = np.flatnonzero(curve > level)
    if above.size == 0:
        return float("inf")
    first = int(above[0])
    if first == 0:
        return float(times[0])
    part = (level - curve[first - 1]) / (curve[first] - curve[first - 1])
    return float(times[first - 1] + part * (times[first] - times[first - 1]))
