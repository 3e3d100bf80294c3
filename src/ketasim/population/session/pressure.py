"""The highest blood pressure of a session: the patient's own before it and the predicted rise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card
from ketasim.models import SESSION
from ketasim.population.session.effects import gains, highest_effect, share_rising_either
from ketasim.population.session.means import drawn_effect, mean_effect, session_draws

Array = NDArray[np.float64]
Numbers = Mapping[str, Any]

PRESSURES: Final[Mapping[str, str]] = MappingProxyType({"SBP": "systolic", "DBP": "diastolic"})
"""The two pressures, in words."""

SEVERE: Final[Mapping[str, float]] = MappingProxyType({"SBP": 180.0, "DBP": 110.0})
"""Pressures that the trials of nasal esketamine counted, either of them, mmHg."""

SEVERE_FACT: Final = "acute/acute_observed:18"
"""Where they are counted."""

_PATIENTS_A_DRAW: Final = 40  # in whom a chance is counted in each draw
_RANGE: Final = (5.0, 95.0)


@dataclass(frozen=True)
class PressureRise:
    """One pressure of a session, mmHg.

    **Arguments:**

    - `name`: SBP or DBP.
    - `before`: the patient's own; nothing when it is not given.
    - `mean`: largest mean rise by the drug. `at_min`: when, min after the start.
    - `low`, `high`: 90 % of patients; nothing where the model has no variability between them.
    - `mean_low`, `mean_high`: 90 % uncertainty interval of the mean.
    - `base`: a rise that comes without the drug as well, from 65 years.
    """

    name: str
    before: float | None
    mean: float
    at_min: float
    low: float | None
    high: float | None
    mean_low: float
    mean_high: float
    base: float = 0.0

    def reached(self, rise: float | None) -> float | None:
        """The patient's own pressure with a rise, mmHg; nothing when one of them is not known."""
        if self.before is None or rise is None:
            return None
        return self.before + self.base + rise


@dataclass(frozen=True)
class PressureOutlook:
    """Blood pressure in one session.

    **Arguments:**

    - `session`: its number, from 1.
    - `rises`: systolic and diastolic.
    - `chance`: that one of three readings is `SEVERE` or above, a fraction; of the pressures that
      are given, and nothing when neither is.
    - `chance_low`, `chance_high`: its 90 % uncertainty interval.
    - `without_drug`: the same chance by the scatter of readings alone.
    - `scatter`: name of a pressure to the SD of one reading, mmHg; it is in the chance alone.
    """

    session: int
    rises: tuple[PressureRise, ...]
    chance: float | None
    chance_low: float | None
    chance_high: float | None
    without_drug: float | None
    scatter: Mapping[str, float]

    def rise(self, name: str) -> PressureRise:
        """Return the rise of SBP or DBP."""
        return next(one for one in self.rises if one.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dictionary, with the pressures reached."""
        return {
            "session": self.session,
            "rises": [
                {
                    **vars(one),
                    "highest": one.reached(one.mean),
                    "highest_low": one.reached(one.low),
                    "highest_high": one.reached(one.high),
                }
                for one in self.rises
            ],
            "severe": dict(SEVERE),
            "chance": self.chance,
            "chance_low": self.chance_low,
            "chance_high": self.chance_high,
            "chance_without_drug": self.without_drug,
            "reading_sd": dict(self.scatter),
        }


def pressure_sensitivity(seed: int, n: int, first: int = 0) -> Array:
    """Standard normal numbers of patients that set how strongly pressure rises, shape (n,).

    **Arguments:**

    - `seed`: of the population. `n`: patients. `first`: of them, counted from 0.
    """
    return standard_normals(seed, "acute", first, n, 2)[:, 1]


def reading_minutes(values: Numbers, minutes: Array, effect: Array, *, nasal: bool) -> Array:
    """When pressure is read after a session, min: as trials did, or from the peak on (assumed).

    **Arguments:**

    - `values`: numbers of the card `session`.
    - `minutes`: after the start, shape (M,). `effect`: h, shape (M, n).
    - `nasal`: whether all doses are nasal.
    """
    readings = np.array([values[f"reading_{i}"] for i in (1, 2, 3)])
    if nasal:
        return readings
    return np.asarray(readings - readings[0] + minutes[np.argmax(effect.mean(axis=1))], np.float64)


def at_readings(readings: Array, minutes: Array, curves: Array) -> Array:
    """Curves of patients, shape (M, n), at the readings, shape (readings, n)."""
    if len(minutes) == 1:
        return np.repeat(curves, len(readings), axis=0)
    last = len(minutes) - 1
    before = np.clip(np.searchsorted(minutes, readings, side="right") - 1, 0, last - 1)
    when = np.clip(readings, minutes[0], minutes[-1])
    step = minutes[before + 1] - minutes[before]
    slope = (curves[before + 1] - curves[before]) / step[:, None]
    found = slope * (when - minutes[before])[:, None] + curves[before]
    # beyond the last minute, and at it, what is there
    return np.where((readings >= minutes[-1])[:, None], curves[-1], found)


def pressure_outlook(
    card: Card,
    minutes: Array,
    drugs: Sequence[Array],
    before: Mapping[str, float | None],
    *,
    session: int,
    nasal: bool,
    older: bool,
    sensitivity: Array | None,
    values: Numbers | None = None,
    known: tuple[Array, Array] | None = None,
) -> PressureOutlook:
    """Blood pressure in a session.

    **Main arguments:**

    - `card`: the card `session`, with its uncertainty.
    - `minutes`: after the start, shape (M,).
    - `drugs`: S-ketamine and S-norketamine at the effect site, ng/mL, each of shape (M, n).
    - `before`: SBP and DBP to the patient's own, mmHg, or nothing.

    **Other arguments:**

    - `session`: its number, from 1. `nasal`: whether all its doses are nasal.
    - `older`: whether the patient is 65 or more.
    - `sensitivity`: of each patient, shape (n,), as `pressure_sensitivity` draws it; nothing
      without variability between patients.
    - `values`: numbers of the card or, of each patient, within their uncertainty; left out, the
      card's own.
    - `known`: what `mean_effect` and `drawn_effect` return for these drugs, where they are known.
    """
    own = card.values()
    spread = own if values is None else values
    felt = highest_effect(spread, drugs)
    draws = session_draws(card)
    effect, drawn = known or (mean_effect(card, drugs), drawn_effect(card, drugs))
    highest = drawn.max(axis=1)
    rises: list[PressureRise] = []
    for name in PRESSURES:
        full = f"{name}_full"
        mean = own[full] * effect
        ends: tuple[float | None, float | None] = (None, None)
        if sensitivity is not None and len(felt) > 1:
            most = spread[full] * felt * gains(spread, sensitivity)
            low, high = np.percentile(most, _RANGE)
            ends = (float(low), float(high))
        low, high = np.percentile(draws[full] * highest, _RANGE)
        rises.append(
            PressureRise(
                name=name,
                before=before.get(name),
                mean=float(mean.max()),
                at_min=float(minutes[np.argmax(mean)]),
                low=ends[0],
                high=ends[1],
                mean_low=min(float(low), float(mean.max())),
                mean_high=max(float(high), float(mean.max())),
                base=own[f"older_{name}"] if older else 0.0,
            )
        )
    chances = _chances(card, draws, minutes, drugs, before, effect, nasal=nasal, older=older)
    return PressureOutlook(
        session=session,
        rises=tuple(rises),
        chance=chances[0],
        chance_low=chances[1],
        chance_high=chances[2],
        without_drug=chances[3],
        scatter=MappingProxyType({name: own[f"sigma_{name}"] for name in PRESSURES}),
    )


def _chances(
    card: Card,
    draws: Mapping[str, Array],
    minutes: Array,
    drugs: Sequence[Array],
    before: Mapping[str, float | None],
    effect: Array,
    *,
    nasal: bool,
    older: bool,
) -> tuple[float | None, float | None, float | None, float | None]:
    """Chance of a severe reading, its uncertainty interval, and the chance without the drug."""
    cuts = {
        name: SEVERE[name] - known for name in PRESSURES if (known := before.get(name)) is not None
    }
    if not cuts:
        return None, None, None, None
    own = card.values()
    when = reading_minutes(own, minutes, effect[:, None], nasal=nasal)
    levels = [at_readings(when, minutes, one) for one in drugs]
    chance = float(share_rising_either(cuts, own, SESSION.effect(own, *levels), older=older))
    columns = {symbol: one[:, None] for symbol, one in draws.items()}
    few = [one[:, None, :_PATIENTS_A_DRAW] for one in levels]
    found = share_rising_either(cuts, columns, SESSION.effect(columns, *few), older=older)
    low, high = np.percentile(found, _RANGE)
    alone = float(share_rising_either(cuts, own, np.zeros((len(when), 1)), older=older))
    return chance, min(float(low), chance), max(float(high), chance), alone
