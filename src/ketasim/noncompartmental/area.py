"""Areas under sampled concentrations: linear where they rise, logarithmic where they fall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def area(times: Array, values: Array, *, moment: bool = False, linear: bool = False) -> float:
    """Area from the first to the last time.

    Between two values the curve is taken for a straight line where it rises, stays or touches 0,
    and for an exponential where it falls ("linear up, log down").

    **Arguments:**

    - `times`: h, ascending, shape (P,). `values`: concentrations, shape (P,).
    - `moment`: of time times concentration (AUMC) instead. `linear`: straight lines everywhere.

    **Returns:** concentration·h, or concentration·h² of the moment.
    """
    step = np.diff(times)
    before, after = values[:-1], values[1:]
    weighted = values * times if moment else values
    straight = step * (weighted[:-1] + weighted[1:]) / 2
    if linear:
        return float(straight.sum())
    falls = (after < before) & (after > 0)
    ratio = np.log(np.where(falls, after, 1.0) / np.where(falls, before, np.e))
    curved = step * np.diff(weighted) / ratio
    if moment:
        curved -= step**2 * (after - before) / ratio**2
    return float(np.where(falls, curved, straight).sum())


def tail(last: float, time: float, rate: float, *, moment: bool = False) -> float:
    """Area from a time to infinity of an exponential.

    **Arguments:**

    - `last`: concentration at `time` (h). `rate`: terminal rate constant, 1/h.
    - `moment`: of time times concentration instead.
    """
    return last * time / rate + last / rate**2 if moment else last / rate


def value_at(times: Array, values: Array, at: float, rate: float, *, linear: bool = False) -> float:
    """Concentration at a time, by the curve that `area` takes.

    **Arguments:**

    - `times`, `values`: as of `area`. `at`: h, not before the first time.
    - `rate`: terminal rate constant, 1/h, by which it falls after the last time; not a number
      where there is none. `linear`: straight lines everywhere.

    **Returns:** not a number after the last time where there is no rate.
    """
    if at > times[-1]:
        return float(values[-1] * np.exp(-rate * (at - times[-1])))
    place = max(int(np.searchsorted(times, at)), 1)
    low, high = values[place - 1], values[place]
    part = (at - times[place - 1]) / (times[place] - times[place - 1])
    if not linear and 0 < high < low:
        return float(low * (high / low) ** part)
    return float(low + part * (high - low))


def area_between(
    times: Array, values: Array, start: float, end: float, rate: float, *, linear: bool = False
) -> float:
    """Area between two times, within the samples or beyond the last of them.

    **Arguments:** as of `value_at`; `start` (h) is not before the first time.

    **Returns:** not a number where it ends after the last time and there is no rate.
    """
    ends = [value_at(times, values, at, rate, linear=linear) for at in (start, end)]
    within = (times > start) & (times < end)
    at = np.concatenate([[start], times[within], [end]])
    curve = np.concatenate([ends[:1], values[within], ends[1:]])
    return area(at, curve, linear=linear)
