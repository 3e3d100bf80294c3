"""Rates of a model of one's own that change with amounts or time, record by record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim._base.text import shortened
from ketasim.engine.stretches.numerical import Change
from ketasim.models.expression import own_expression, own_value
from ketasim.models.pk.declaration import TIME_SYMBOL
from ketasim.models.pk.switch import switches_of

Array = NDArray[np.float64]

OwnFlow = tuple[int, int | None, str, str | None]
"""Source, target, and the expressions of what arrives and of what leaves."""

_LONGEST: Final = 1.0  # h of a step where a rate is a formula of the time: shorter peaks are seen
_NOISE: Final = 1e-9  # of the largest rate, by which a solution may be off


class ChangingRates:
    """Rates of change of amounts.

    **Arguments:**

    - `names`: of the compartments. `flows`: between them.
    - `numbers`: of the rows, for errors.

    **Raises:** `InputError` for a rate that compares the time so that its moment is not told.
    """

    def __init__(
        self, names: Sequence[str], flows: Sequence[OwnFlow], numbers: NDArray[np.int64]
    ) -> None:
        self._names, self._flows, self._numbers = names, flows, numbers
        self._texts = [
            (number, text)
            for number, (_, _, *both) in enumerate(flows, start=1)
            for text in dict.fromkeys(one for one in both if one is not None)
        ]
        found = [
            switches_of(f"flow {n}, rate", text, TIME_SYMBOL, names) for n, text in self._texts
        ]
        self._differences = tuple(dict.fromkeys(one for each in found for one in each.differences))
        self._timed = any(one.timed for one in found)
        self._longest = _LONGEST if any(one.smooth for one in found) else np.inf
        used = {name for _, text in self._texts for name in own_expression(text)[1]}
        self._used = used - {*names, TIME_SYMBOL}
        self._largest = dict.fromkeys((text for _, text in self._texts), 0.0)

    def of(self, known: Mapping[str, Any], count: int) -> Any:
        """Number of a record to what changes amounts there; see `follow_numerically`.

        **Arguments:**

        - `known`: symbol to a number or an array of shape (count,). `count`: of records.
        """
        arrays = {
            name: np.broadcast_to(np.asarray(known[name], np.float64), (count,))
            for name in self._used
        }

        def at(record: int) -> Change:
            return self._at(record, {name: float(value[record]) for name, value in arrays.items()})

        return at

    def _at(self, record: int, own: dict[str, Any]) -> Change:
        names, flows = self._names, self._flows

        def change(time: float, amounts: Array) -> Array:
            own[TIME_SYMBOL] = time
            own.update(zip(names, amounts, strict=True))
            found = np.zeros(len(names))
            for source, target, arriving, leaving in flows:
                if leaving is not None:
                    found[source] -= own_value(leaving, own) * amounts[source]
                if target is not None:
                    found[target] += own_value(arriving, own) * amounts[source]
            return found

        def check(times: Array, amounts: Array) -> None:
            self._check(record, own, times, amounts)

        turns: list[float] = []
        for text in self._differences:
            first, second = (float(own_value(text, own | {TIME_SYMBOL: at})) for at in (0.0, 1.0))
            if np.isfinite(first) and second != first:
                turns.append(-first / (second - first))
        return Change(change, tuple(sorted(set(turns))), self._longest, self._timed, check)

    def _check(self, record: int, own: Mapping[str, Any], times: Array, amounts: Array) -> None:
        """Refuse a rate below 0 on the way that was found; noise around 0 is none."""
        here = dict(own)
        here[TIME_SYMBOL] = times
        here |= dict(zip(self._names, np.maximum(amounts, 0.0), strict=True))
        for number, text in self._texts:
            rates = np.broadcast_to(np.asarray(own_value(text, here), np.float64), times.shape)
            self._largest[text] = float(rates[np.isfinite(rates)].max(initial=self._largest[text]))
            bad = rates < -_NOISE * self._largest[text]
            if bad.any():
                one = int(np.argmax(bad))
                row = self._numbers[record % len(self._numbers)]
                raise InputError(
                    f"flow {number}, rate",
                    f"'{shortened(text)}' is {rates[one]:g} at {times[one]:g} h, before row {row}",
                    "check the numbers that it uses; a rate is 0 or more",
                )
