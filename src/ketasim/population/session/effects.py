"""What a population of patients shows in sessions: shares of people, pressure, before any drawing.

All functions take the effect h of `ketasim.models.SESSION` and average over patients' sensitivity
by quadrature, so that a result has no noise and can be fitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.models import SESSION, SessionEvent

Array = NDArray[np.float64]
Numbers = Mapping[str, Any]

_RULE = np.polynomial.hermite_e.hermegauss(15)
_NODES: Array = np.asarray(_RULE[0], np.float64)
_WEIGHTS: Array = np.asarray(_RULE[1] / np.sum(_RULE[1]), np.float64)
_TINY = 1e-300  # keeps the logarithm of no effect finite
_FAR = 5.0  # SDs beyond which no reading lies
_SETTLED = 12  # sessions after which habituation is complete for all purposes of counting


def event_threshold(values: Numbers, event: SessionEvent) -> Any:
    """Effect at which the median patient shows an event in the first session."""
    if event.threshold:
        return values[event.threshold]
    return values["CADSS_cut"] / values["CADSS_full"]


def highest_effect(values: Numbers, drugs: Sequence[Array]) -> Array:
    """Highest effect h over the times, shape (n,): where most of S-ketamine is left to act.

    **Arguments:**

    - `values`: numbers of the card, or of each patient, shape (n,).
    - `drugs`: S-ketamine and S-norketamine at the effect site, ng/mL, each of shape (T, n).
    """
    drug, other = drugs
    acting = drug / (1.0 + np.maximum(other, 0.0) / values["C100"])
    when = np.argmax(acting, axis=0)[None]
    highest = (np.take_along_axis(one, when, axis=0)[0] for one in drugs)
    return SESSION.effect(values, *highest)


def share_now(values: Numbers, event: SessionEvent, effect: Any, session: Any = 1) -> Array:
    """Share of patients who show an event while the effect is `effect`.

    **Arguments:**

    - `values`: the numbers of the card `session`.
    - `event`: one of `SESSION.events`.
    - `effect`: h, any shape. `session`: which one, from 1, where the event habituates.

    **Returns:** share 0 to 1, of the shape of the effect.
    """
    return _below(_standing(values, event, effect_level(effect), session) / values["omega"])


def effect_level(effect: Any) -> Array:
    """Logarithm of an effect, finite where there is none."""
    return np.log(np.maximum(np.asarray(effect, np.float64), _TINY))


def share_per_patient(
    values: Numbers, event: SessionEvent, effect: Any, sensitivity: Any, session: Any = 1
) -> Array:
    """Chance of patients of known sensitivity to show an event; sessions of one still differ.

    **Arguments:** as of `share_now`; `sensitivity`: standard normal, broadcast with the effect.
    """
    return share_at_level(values, event, effect_level(effect), sensitivity, session)


def share_at_level(
    values: Numbers,
    event: SessionEvent,
    level: Array,
    sensitivity: Any,
    session: Any = 1,
    out: Array | None = None,
) -> Array:
    """As `share_per_patient`, from what `effect_level` returns: several events share it.

    `out`: where to write, of the result's shape; left out, into a new array.
    """
    shift = values["omega"] * np.sqrt(values["between"]) * np.asarray(sensitivity, np.float64)
    within = values["omega"] * np.sqrt(1.0 - values["between"])
    standing = np.add(_standing(values, event, level, session), shift, out=out)
    return _below(np.divide(standing, within, out=out), out)


def share_ever(values: Numbers, event: SessionEvent, peaks: Array, sessions: int) -> float:
    """Share of patients who show an event in at least one of some sessions.

    **Arguments:**

    - `peaks`: highest effect of a session of each patient, shape (n,).
    - `sessions`: how many, all alike.
    """
    last = min(sessions, _SETTLED) if event.habituates else 1
    spared = np.ones((len(peaks), len(_NODES)))
    for session in range(1, last + 1):
        chance = share_per_patient(values, event, peaks[:, None], _NODES[None, :], session)
        times = sessions - last + 1 if session == last else 1
        spared = spared * (1.0 - chance) ** times
    return float(np.mean((1.0 - spared) @ _WEIGHTS))


def share_in_course(values: Numbers, event: SessionEvent, peaks: Array) -> float:
    """Share of patients who show an event in at least one session of a course.

    **Arguments:**

    - `peaks`: highest effect of each session of each patient, shape (sessions, n).
    """
    sessions = np.arange(1, len(peaks) + 1)[:, None, None]
    chance = share_per_patient(values, event, peaks[:, :, None], _NODES, sessions)
    spared: Array = np.asarray(np.multiply.reduce(1.0 - chance, axis=0), np.float64)
    return float(np.mean((1.0 - spared) @ _WEIGHTS))


def share_of_sessions(values: Numbers, event: SessionEvent, peaks: Array, sessions: int) -> float:
    """Share of all sessions in which an event is shown; arguments as of `share_ever`."""
    last = min(sessions, _SETTLED) if event.habituates else 1
    total = 0.0
    for session in range(1, last + 1):
        times = sessions - last + 1 if session == last else 1
        total += times * float(np.mean(share_now(values, event, peaks, session)))
    return total / sessions


def mean_score(values: Numbers, effect: Any, session: Any = 1) -> Array:
    """Mean CADSS over patients at an effect, points, of the shape of the effect.

    The score of a patient is log-normal and ends at the highest score of the scale.
    """
    spread, most = values["omega"], values["CADSS_most"]
    full = values["CADSS_full"] * SESSION.habituation(values, session)
    middle = np.maximum(full * np.asarray(effect, np.float64), _TINY)
    # share and mean of those below the end, and the end for all others
    beyond = np.log(most / middle) / spread
    inside = middle * np.exp(spread**2 / 2.0) * _below(beyond - spread)
    return np.where(np.asarray(effect) > 0.0, inside + most * (1.0 - _below(beyond)), 0.0)


def gains(values: Numbers, standard: Any) -> Array:
    """A patient's increase in blood pressure over the mean's, from a standard normal number."""
    spread = values["omega_g"]
    return np.exp(spread * np.asarray(standard, np.float64) - spread**2 / 2.0)


def mean_of_maxima(
    full: float, values: Numbers, effect: Array, scatter: float, base: float = 0.0
) -> float:
    """Mean over patients of the largest rise among the readings of a session.

    **Arguments:**

    - `full`: rise at the full effect, mean patient (0 for a placebo).
    - `effect`: h at each reading, shape (readings, n).
    - `scatter`: SD of one reading; the reading before the dose scatters as well, and its error is
      zero on average.
    - `base`: mmHg, a rise that comes without the drug as well.
    """
    rise = np.sort(
        full * effect[:, :, None] * gains(values, _NODES), axis=0
    )  # (readings, n, nodes)
    top = rise[-1]
    # around each patient's own highest rise, in SDs of a reading
    grid = np.linspace(-_FAR, _FAR, 41)[:, None, None]
    below = np.broadcast_to(_below(grid), (len(grid), *top.shape)).copy()
    for reading in rise[:-1]:
        below *= _below(grid + (top - reading) / scatter)
    # the mean of a quantity from the share of patients below each value
    heights = (1.0 - below)[1:] + (1.0 - below)[:-1]
    steps = 2.0 * _FAR / (len(grid) - 1)
    above: Array = np.asarray(0.5 * steps * heights.sum(axis=0) - _FAR, np.float64)
    means: Array = np.asarray(top + scatter * above, np.float64) @ _WEIGHTS
    return base + float(means.mean())


def share_rising(
    cut: float,
    full: float,
    values: Numbers,
    effect: Array,
    scatter: float,
    sessions: int | Sequence[tuple[float, int]],
    base: float = 0.0,
) -> float:
    """Share of patients whose pressure rises by at least `cut` in one of some sessions.

    **Arguments:** as of `mean_of_maxima`; `cut`: mmHg; `sessions`: how many, all alike, or pairs of
    a factor on the effect and how many sessions have it.
    """
    kinds = ((1.0, sessions),) if isinstance(sessions, int) else sessions
    all_spared = np.ones((effect.shape[1], len(_NODES)))
    for factor, count in kinds:
        rise = base + full * factor * effect[:, :, None] * gains(values, _NODES)
        all_spared = all_spared * _unread(cut, rise, scatter) ** count
    return float(np.mean((1.0 - all_spared) @ _WEIGHTS))


def share_rising_either(
    cuts: Mapping[str, float], values: Numbers, effect: Array, *, older: bool
) -> Array:
    """Share of patients with a reading of a session at or above a cut, of one pressure or another.

    The pressures of a patient rise together, and their readings scatter each on its own.

    **Arguments:**

    - `cuts`: SBP, DBP or both to mmHg above the reading before the dose.
    - `values`: the numbers of the card, or of several draws, each of shape (draws, 1).
    - `effect`: h at each reading, shape (readings, n), or (readings, draws, n).
    - `older`: whether a rise without the drug is added, as from 65 years.

    **Returns:** a number, or shape (draws,).
    """
    spared = np.ones((*effect.shape[1:], len(_NODES)))
    for name, cut in cuts.items():
        full, scatter, spread, base = (
            np.asarray(values[symbol], np.float64)[..., None]
            for symbol in (f"{name}_full", f"sigma_{name}", "omega_g", f"older_{name}")
        )
        rise = full * effect[..., None] * gains({"omega_g": spread}, _NODES)
        spared *= _unread(cut, base + rise if older else rise, scatter)
    shares: Array = (1.0 - spared) @ _WEIGHTS
    return np.mean(shares, axis=-1)


def _unread(cut: float, rise: Array, scatter: Any) -> Array:
    """Chance that no reading is at the cut, over the scatter of all and of that before the dose."""
    shape = np.broadcast_shapes(rise.shape, np.shape(scatter))[1:]
    spared, quiet = np.zeros(shape), np.empty(shape)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        quiet.fill(1.0)
        for reading in rise:
            quiet *= _below((cut + scatter * node - reading) / scatter)
        quiet *= weight
        spared += quiet
    return spared


def _below(standard: Any, out: Array | None = None) -> Array:
    """Share of a standard normal distribution below a number."""
    from scipy.special import ndtr  # only here: scipy is slow to load

    return np.asarray(ndtr(standard, out=out), np.float64)


def _standing(values: Numbers, event: SessionEvent, level: Array, session: Any) -> Array:
    """Logarithm of how far the median patient is above the event's threshold."""
    if event.habituates:
        level = level + np.log(SESSION.habituation(values, session))
    return level - np.log(event_threshold(values, event))
