"""A model of one's own at the rows of a table: doses into compartments, amounts, outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.dosing import (
    MODELLED_DURATION,
    MODELLED_RATE,
    Actions,
    DoseRecords,
    Entries,
    EventError,
    Records,
    Sheet,
    actions_of,
    tiled,
)
from ketasim.engine.stretches.follow import follow
from ketasim.engine.stretches.numerical import follow_numerically
from ketasim.models.expression import own_expression, own_value
from ketasim.models.pk.declaration import CompartmentModel, names_used
from ketasim.simulation.prediction.rates import ChangingRates
from ketasim.simulation.prediction.unread import check_unread

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_KEYS: Final = {"F": "AMT", "lag": "TIME", "duration": "RATE", "rate": "RATE"}


class OwnProblem:
    """A table for a model of one's own, to be solved with some numbers.

    **Arguments:**

    - `model`: the declaration. `sheet`: the table. `records`, `doses`: its rows as read.
    - `compartments`: what numbers in CMT stand for, where the user said so.

    **Raises:** `InputError` for a dose into a compartment that is not known.
    """

    def __init__(
        self,
        model: CompartmentModel,
        sheet: Sheet,
        records: Records,
        doses: DoseRecords,
        compartments: Mapping[int, str],
    ) -> None:
        self._model, self._sheet = model, sheet
        self._records, self._doses = records, doses
        self._state = self._compartments(compartments)
        used = {name for field, text in model.expressions() for name in names_used(text, field)}
        used |= {one.name for one in (*model.parameters, *model.covariates)}
        check_unread(sheet, used, doses, self._state.tolist(), model.compartment_names)
        place = {name: i for i, name in enumerate(model.compartment_names)}
        self._flows = [
            (
                place[f.source],
                None if f.target is None else place[f.target],
                f.rate if f.produced == "1" or f.target is None else f"({f.rate})*({f.produced})",
                f.rate if f.consumes else None,
            )
            for f in model.flows
        ]
        self._changing = ChangingRates(model.compartment_names, self._flows, sheet.numbers)
        m = len(place)
        reaches = np.eye(m, dtype=bool)
        for source, target, _, _ in self._flows:
            if target is not None:
                reaches[source, target] = True
        for middle in range(m):
            reaches |= reaches[:, middle : middle + 1] & reaches[middle]
        self._reaches = reaches
        self._kept: dict[int, tuple[Entries, Actions]] = {}

    def outputs(self, numbers: Mapping[str, Any], draws: int = 1) -> dict[str, Array]:
        """Predictions at every row.

        **Arguments:**

        - `numbers`: symbol to a number or an array of shape (draws*R,).
        - `draws`: how many draws stand behind each other.

        **Returns:** output to values, shape (draws, R).

        **Raises:** `InputError` for a number that a rate, a dose or an output cannot have.
        """
        count = len(self._records.time) * draws
        known = dict(numbers)
        for name, text in self._model.definitions.items():
            known[name] = own_value(text, known)
        amounts = self._amounts(known, draws)
        known |= {name: amounts[:, i] for i, name in enumerate(self._model.compartment_names)}
        found: dict[str, Array] = {}
        for one in self._model.outputs:
            values = np.broadcast_to(
                np.asarray(own_value(one.expression, known), np.float64), (count,)
            )
            if not np.isfinite(values).all():
                row = int(np.argmin(np.isfinite(values))) % len(self._records.time)
                raise InputError(
                    f"output.{one.name}",
                    f"'{shortened(one.expression)}' has no finite value in row "
                    f"{self._sheet.numbers[row]}",
                    "check the numbers that it uses",
                )
            found[one.name] = values.reshape(draws, -1)
        return found

    def _amounts(self, known: dict[str, Any], draws: int) -> Array:
        rows = len(self._records.time)
        records, offset = tiled(self._records, draws), np.arange(draws) * rows
        entries = self._entries(known, offset, rows)
        try:
            actions = self._meant(records, entries, draws)
            if self._model.nonlinear:
                rates = self._changing.of(known, rows * draws)
                return follow_numerically(actions, records.time, rates, len(self._reaches))
            return follow(
                actions, self._matrices(known, rows * draws), len(records.time), self._reaches
            )
        except EventError as error:
            row = error.record % rows
            column = _KEYS.get(error.column, error.column)
            raise InputError(self._sheet.field(column, row), error.problem, error.remedy) from None

    def _meant(self, records: Records, entries: Entries, draws: int) -> Actions:
        """What the rows mean, which a fit asks for again and again with the same doses."""
        last = self._kept.get(draws)
        if last is not None and _same(last[0], entries):
            return last[1]
        actions = actions_of(records, entries)
        self._kept = {draws: (entries, actions)}
        return actions

    def _entries(self, known: Mapping[str, Any], offset: Integers, rows: int) -> Entries:
        doses, draws = self._doses, len(offset)
        record = (doses.record + offset[:, None]).reshape(-1)
        state = np.tile(self._state, draws)
        given = np.tile(doses.rate, draws)
        fraction, lag = (
            self._key("F", 1.0, known, record, state),
            self._key("lag", 0.0, known, record, state),
        )
        rate, duration = np.maximum(given, 0.0), np.tile(doses.duration, draws)
        for key, sign in (("rate", MODELLED_RATE), ("duration", MODELLED_DURATION)):
            asked = given == sign
            if not asked.any():
                continue
            said = self._key(key, np.nan, known, record, state)
            bad = asked & ~(np.isfinite(said) & (said > 0))
            if bad.any():
                one = int(np.argmax(bad))
                compartment = self._model.compartments[int(state[one])]
                name = compartment.name
                value = said[one]
                where = self._sheet.field("RATE", int(record[one] % rows))
                if getattr(compartment, key) is None:
                    raise InputError(
                        where,
                        f"{sign:g}, and the compartment '{name}' has no {key}",
                        f"give it one, as {name} = {{{key} = …}} in [compartments]",
                    )
                raise InputError(
                    where, f"{sign:g}, and the {key} of '{name}' is {value:g}", "give it above 0"
                )
            if key == "rate":
                rate = np.where(asked, said, rate)
            else:
                duration = np.where(asked, said, duration)
        return Entries(
            record,
            state,
            np.tile(doses.amount, draws),
            fraction,
            rate,
            duration,
            lag,
            np.tile(doses.interval, draws),
            np.tile(doses.further, draws),
            np.tile(doses.steady, draws),
        )

    def _key(
        self,
        key: str,
        otherwise: float,
        known: Mapping[str, Any],
        record: Integers,
        state: Integers,
    ) -> Array:
        """What a compartment says of its doses, at each of them."""
        found = np.full(len(record), otherwise)
        for number, one in enumerate(self._model.compartments):
            text = getattr(one, key)
            here = np.flatnonzero(state == number)
            if text is None or not len(here):
                continue
            own = {
                name: known[name][record[here]] if np.ndim(known[name]) else known[name]
                for name in own_expression(text)[1]
            }
            found[here] = own_value(text, own)
        return found

    def _matrices(self, known: Mapping[str, Any], count: int) -> Array:
        m = len(self._reaches)
        found = np.zeros((count, m, m))
        for number, (source, target, arriving, leaving) in enumerate(self._flows, start=1):
            for into, text, sign in ((source, leaving, -1.0), (target, arriving, 1.0)):
                if into is not None and text is not None:
                    found[:, into, source] += sign * self._rate(number, text, known, count)
        return found

    def _rate(self, number: int, text: str, known: Mapping[str, Any], count: int) -> Array:
        """Rate of a flow at every row, 1/h."""
        rate = np.broadcast_to(np.asarray(own_value(text, known), np.float64), (count,))
        bad = ~(np.isfinite(rate) & (rate >= 0))
        if bad.any():
            row = int(np.argmax(bad))
            raise InputError(
                f"flow {number}, rate",
                f"'{shortened(text)}' is {rate[row]:g} in row "
                f"{self._sheet.numbers[row % len(self._records.time)]}",
                "check the numbers that it uses; a rate is 0 or more",
            )
        return rate

    def _compartments(self, numbers: Mapping[int, str]) -> Integers:
        names = self._model.compartment_names
        for name in numbers.values():
            if name not in names:
                raise InputError("--cmt", f"unknown compartment '{name}'", near(name, names))
        known: dict[str, int] = {}
        found: list[int] = []
        for row, text in zip(self._doses.record, self._doses.compartment, strict=True):
            if text not in known:
                known[text] = self._compartment(text, int(row), names, numbers)
            found.append(known[text])
        return np.array(found, np.int64)

    def _compartment(
        self, text: str, row: int, names: Sequence[str], numbers: Mapping[int, str]
    ) -> int:
        if not text or text == "0":
            if len(names) == 1:
                return 0
            field = self._sheet.field("CMT", row)
            if not self._sheet.has("CMT"):
                raise InputError("CMT", "the column is missing", f"add it; {_numbered(names)}")
            raise InputError(field, "is blank on a dose", _numbered(names))
        if text in names:
            return names.index(text)
        alike = [
            i
            for i, one in enumerate(self._model.compartments)
            if text.lower() in (one.name.lower(), *map(str.lower, one.also))
        ]
        if len(alike) == 1:
            return alike[0]
        try:
            number = float(text) if text.isascii() else np.nan
        except ValueError:
            raise InputError(
                self._sheet.field("CMT", row),
                f"unknown compartment '{shortened(text)}'",
                near(text, names),
            ) from None
        if numbers:
            if number in numbers:
                return names.index(numbers[int(number)])
            known = ", ".join(f"{n} {name}" for n, name in numbers.items())
            raise InputError(
                self._sheet.field("CMT", row),
                f"unknown compartment '{shortened(text)}'",
                f"use one of: {known}",
            )
        if number in range(1, len(names) + 1):
            return int(number) - 1
        raise InputError(
            self._sheet.field("CMT", row),
            f"there is no compartment {shortened(text)}",
            f"use {_numbered(names)}",
        )


def _same(one: Entries, other: Entries) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("amount", "fraction", "rate", "duration", "lag")
    )


def _numbered(names: Sequence[str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names, start=1))
