"""What is kept of a population that is too large to keep: summaries and outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.engine.trajectories import Name, Trajectories

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# A number is split into whole multiples of these, so that sums are exact and their order is free.
_LIMBS = (24, -12, -48, -84)
_LARGEST = 2.0**60

# A count for every sign, power of two and tenth of a binary digit between 2**-40 and 2**40.
_MANTISSA_BITS = 10
_SHIFT = 52 - _MANTISSA_BITS
_LOWEST = (1023 - 40) << _MANTISSA_BITS
_BINS = 80 << _MANTISSA_BITS
_EXACT_BYTES = 64e6


class Reducer(Protocol):
    """Makes something small of the pieces of a run.

    `reduce` runs on many threads at once and must not keep what it is given: its memory is used
    again. `merge` is called from one thread, in any order of the pieces; it must give the same for
    every order.
    """

    def begin(self, patients: int, times: Array, names: tuple[Name, ...]) -> Any:
        """What nothing was merged into yet."""
        ...

    def reduce(self, piece: Trajectories, members: Integers) -> Any:
        """Something small of a piece; `members` are the positions of its patients."""
        ...

    def merge(self, whole: Any, part: Any) -> Any:
        """Both together."""
        ...

    def finish(self, whole: Any) -> Any:
        """What the user gets."""
        ...


@dataclass(frozen=True)
class SummaryTable:
    """Statistics over patients.

    **Arguments:**

    - `times`: h, shape (T,). `names`: length Q.
    - `count`: patients with a value, shape (T, Q).
    - `mean`, `sd`: shape (T, Q); the standard deviation of one patient is not a number.
    - `least`, `most`: the smallest and the largest value, shape (T, Q).
    - `percents`: length P. `percentiles`: shape (P, T, Q).
    """

    times: Array
    names: tuple[Name, ...]
    count: Integers
    mean: Array
    sd: Array
    least: Array
    most: Array
    percents: tuple[float, ...]
    percentiles: Array

    def of(self, name: Name) -> dict[str, Array]:
        """The statistics of one name, each of shape (T,), by the names of summary tables."""
        q = self.names.index(name)
        found = {"n": self.count[:, q].astype(np.float64)}
        found |= {"mean": self.mean[:, q], "sd": self.sd[:, q]}
        return found | {
            f"p{_two_digits(percent)}": self.percentiles[p, :, q]
            for p, percent in enumerate(self.percents)
        }


def _two_digits(percent: float) -> str:
    """5 as 05 and 2.5 as 2.5, as the columns of summaries are named."""
    text = f"{percent:g}"
    return text if "." in text else text.zfill(2)


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation and percentiles over patients at every time.

    Sums of values, and of their squares in units of 2^-84 (5e-26), are exact, so the order of the
    patients does not matter to the last bit. Percentiles are
    exact (linear between patients) while all values fit into 64 MB, and else read off a histogram
    with 1024 bins for every doubling: within 0.1 % of the value.

    **Arguments:**

    - `percents`: which percentiles.
    """

    percents: tuple[float, ...] = (5.0, 25.0, 50.0, 75.0, 95.0)

    def __post_init__(self) -> None:
        """Check the percents."""
        twice = len(set(self.percents)) < len(self.percents)
        if twice or not all(0.0 <= percent <= 100.0 for percent in self.percents):
            raise InputError(
                "percents", f"{self.percents} are not from 0 to 100, each once", "name each once"
            )

    def held(self, patients: int, cells: int) -> int:
        """Bytes held for all patients.

        **Arguments:**

        - `patients`: how many. `cells`: times and outputs of each.
        """
        exact = patients * cells * 8
        return exact if exact <= _EXACT_BYTES else cells * 2 * _BINS * 4

    def begin(self, patients: int, times: Array, names: tuple[Name, ...]) -> dict[str, Any]:
        """Nothing counted yet."""
        shape = (len(times), len(names))
        exact = patients * shape[0] * shape[1] * 8 <= _EXACT_BYTES
        return {
            "times": times,
            "names": names,
            "exact": exact,
            "values": np.full((*shape, patients), np.nan) if exact else None,
            "counts": None if exact else np.zeros((*shape, 2 * _BINS), np.int32),
            "count": np.zeros(shape, np.int64),
            "sums": [np.zeros(shape, object) for _ in range(2)],
            "least": np.full(shape, np.inf),
            "most": np.full(shape, -np.inf),
        }

    def reduce(self, piece: Trajectories, members: Integers) -> dict[str, Any]:
        """Counts and sums of a piece."""
        values = piece.values
        there = ~np.isnan(values)
        known = np.where(there, values, 0.0)
        if np.abs(known).max(initial=0.0) >= _LARGEST**0.5:
            raise InputError(
                "outputs", f"values beyond {_LARGEST**0.5:.0g} cannot be summed", "change the unit"
            )
        return {
            "members": members,
            "values": np.moveaxis(values, 0, 2).copy(),  # the memory is used again
            "count": there.sum(axis=0),
            "sums": [_exact_sum(known), _exact_sum(known**2)],
            "least": np.where(there, values, np.inf).min(axis=0),
            "most": np.where(there, values, -np.inf).max(axis=0),
        }

    def merge(self, whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Both together."""
        if whole["exact"]:
            whole["values"][:, :, part["members"]] = part["values"]
        else:
            _count(whole["counts"], part["values"])
        whole["count"] += part["count"]
        whole["sums"] = [a + b for a, b in zip(whole["sums"], part["sums"], strict=True)]
        np.minimum(whole["least"], part["least"], out=whole["least"])
        np.maximum(whole["most"], part["most"], out=whole["most"])
        return whole

    def finish(self, whole: dict[str, Any]) -> SummaryTable:
        """The statistics."""
        count = whole["count"]
        mean, sd = _moments(count, *whole["sums"])
        if whole["exact"]:
            whole["values"].sort(axis=2)  # what is not a number comes last
            percentiles = np.stack(
                [_quantile(whole["values"], count, percent / 100.0) for percent in self.percents]
            )
        else:
            percentiles = np.stack(
                [
                    _read(whole["counts"], count, percent / 100.0, whole["least"], whole["most"])
                    for percent in self.percents
                ]
            )
        empty = count == 0
        return SummaryTable(
            times=whole["times"],
            names=whole["names"],
            count=count,
            mean=mean,
            sd=sd,
            least=np.where(empty, np.nan, whole["least"]),
            most=np.where(empty, np.nan, whole["most"]),
            percents=self.percents,
            percentiles=percentiles,
        )


def _exact_sum(values: Array) -> NDArray[np.object_]:
    """Sum over patients in units of the smallest limb, as whole numbers of any size."""
    rest = values
    total = np.zeros(values.shape[1:], object)
    for power in _LIMBS:
        limb = np.rint(np.ldexp(rest, -power))
        rest = rest - np.ldexp(limb, power)
        total += limb.astype(np.int64).sum(axis=0).astype(object) * 2 ** (power - _LIMBS[-1])
    return total


def _moments(
    count: Integers, sums: NDArray[np.object_], squares: NDArray[np.object_]
) -> tuple[Array, Array]:
    mean, sd = np.full(count.shape, np.nan), np.full(count.shape, np.nan)
    unit = Fraction(1, 2 ** -_LIMBS[-1])
    for place in np.ndindex(count.shape):
        n = int(count[place])
        if n:
            mean[place] = float(Fraction(int(sums[place]), n) * unit)
        if n > 1:
            spread = n * int(squares[place]) - int(sums[place]) ** 2 * unit
            variance = float(max(spread, Fraction(0)) * unit / (n * (n - 1)))
            sd[place] = variance**0.5
    return mean, sd


def _quantile(ordered: Array, count: Integers, part: float) -> Array:
    """Linear between the two patients around it; patients without a value do not count."""
    place = np.maximum(count - 1, 0) * part
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below = np.take_along_axis(ordered, low[:, :, None], 2)[:, :, 0]
    above = np.take_along_axis(ordered, high[:, :, None], 2)[:, :, 0]
    return below + (above - below) * (place - low)


def _count(counts: NDArray[np.int32], values: Array) -> None:
    """Add values, shape (T, Q, m), to the histograms: negative ones below, ascending."""
    bits = np.abs(values).view(np.int64) >> _SHIFT
    place = np.clip(bits - _LOWEST, 0, _BINS - 1)
    place = np.where(values < 0.0, _BINS - 1 - place, _BINS + place)
    first = 2 * _BINS * np.arange(counts.size // (2 * _BINS))
    place += first.reshape(*counts.shape[:2], 1)
    np.add.at(counts.reshape(-1), place[~np.isnan(values)], 1)


def _read(
    counts: NDArray[np.int32], count: Integers, part: float, least: Array, most: Array
) -> Array:
    found = np.full(count.shape, np.nan)
    for place in np.ndindex(count.shape):
        if not count[place]:
            continue
        rank = part * (count[place] - 1) + 0.5
        total = np.cumsum(counts[place])
        bin_ = int(np.searchsorted(total, rank))
        before = total[bin_ - 1] if bin_ else 0
        inside = (rank - before) / counts[place][bin_]
        low, high = _edge(bin_), _edge(bin_ + 1)
        found[place] = np.clip(low + inside * (high - low), least[place], most[place])
    return found


def _edge(place: int) -> float:
    """Lower edge of a bin of the histogram."""
    if place == _BINS:
        return 0.0
    size = place - _BINS if place > _BINS else _BINS - place
    value = float(np.int64((_LOWEST + size) << _SHIFT).view(np.float64))
    return value if place > _BINS else -value


@dataclass(frozen=True)
class Outcomes:
    """One number a patient: what each function makes of the trajectories.

    **Arguments:**

    - `functions`: name to a function of `Trajectories` that returns an array (m,), one number for
      each of its patients. It runs on several threads.
    """

    functions: Mapping[str, Callable[[Trajectories], Array]]

    def begin(self, patients: int, times: Array, names: tuple[Name, ...]) -> dict[str, Array]:
        """No outcome known yet."""
        del times, names
        return {name: np.full(patients, np.nan) for name in self.functions}

    def reduce(self, piece: Trajectories, members: Integers) -> tuple[Integers, dict[str, Array]]:
        """Outcomes of a piece."""
        found: dict[str, Array] = {}
        for name, function in self.functions.items():
            value = np.asarray(function(piece), np.float64)
            if value.shape != (len(members),):
                raise InputError(
                    f"outcomes.{name}",
                    f"the function returned the shape {value.shape}",
                    "return one number a patient",
                )
            found[name] = value.copy()
        return members, found

    def merge(
        self, whole: dict[str, Array], part: tuple[Integers, dict[str, Array]]
    ) -> dict[str, Array]:
        """Both together."""
        members, found = part
        for name, value in found.items():
            whole[name][members] = value
        return whole

    def finish(self, whole: dict[str, Array]) -> dict[str, Array]:
        """Name to outcomes, shape (n,)."""
        return whole


def at_time(name: Name, time: float) -> Callable[[Trajectories], Array]:
    """An outcome: the value at a time that is asked for, h."""

    def value(piece: Trajectories) -> Array:
        place = np.flatnonzero(np.abs(piece.times - time) < 1e-9)
        if not len(place):
            raise InputError("outcomes", f"{time:g} h is not among the times", "ask for it")
        return piece[name][:, place[0]]

    return value


def largest(name: Name) -> Callable[[Trajectories], Array]:
    """An outcome: the largest value at the times that are asked for."""
    return lambda piece: np.nanmax(piece[name], axis=1)


def hours_above(name: Name, limit: float) -> Callable[[Trajectories], Array]:
    """An outcome: hours for which a value lies above a limit, linear between the times."""

    def hours(piece: Trajectories) -> Array:
        values = piece[name] - limit
        before, after = values[:, :-1], values[:, 1:]
        step = np.diff(piece.times)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.clip(before / (before - after), 0.0, 1.0)
            part = np.where(
                (before > 0) & (after > 0),
                1.0,
                np.where(before > 0, crossing, np.where(after > 0, 1.0 - crossing, 0.0)),
            )
        return np.nansum(part * step, axis=1)

    return hours
