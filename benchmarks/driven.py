"""Patients of a chain that ketasim declares, from dose to response, as arrays a peer takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine import Patients
from ketasim.engine.system import PULSE, START, Event, System, system_of
from ketasim.engine.trajectories import Name, request_of
from ketasim.models import ChainModel, ResponseModel, evaluate, names_in

Array = NDArray[np.float64]

_MARK_HOURS = 2.0 / 3.0  # of a session without a drug: nothing happens at its end


@dataclass(frozen=True)
class Driven:
    """A linear chain per patient that drives a response, all by one calendar.

    **Arguments:**

    - `model`: the response as it is declared.
    - `rates`: linear rate matrices, streams one behind the other, 1/h: (n, m, m).
    - `supply`: what enters each linear state while an infusion runs, per h: (n, m).
    - `marks`: what is added to each linear state at the start of an infusion: (n, m).
    - `signals`: rows that make the signals, in the order of the declaration: (n, S, m).
    - `parameters`: parameters and definitions of the response by name: (n,) each.
    - `initial`: states of the response at time 0: (n, Y).
    - `infusions`: start and end of each, h, not overlapping: (k, 2).
    """

    model: ResponseModel
    rates: Array
    supply: Array
    marks: Array
    signals: Array
    parameters: dict[str, Array]
    initial: Array
    infusions: Array

    def quantities(self, solved: Array, names: Sequence[str]) -> Array:
        """States and what follows from them alone.

        **Arguments:**

        - `solved`: linear states and those of the response: (n, T, m + Y).
        - `names`: of states, and of quantities that need no signal.

        **Returns:** (n, T, len(names)).
        """
        first = self.supply.shape[1]
        known = {name: value[:, None] for name, value in self.parameters.items()}
        for k, state in enumerate(self.model.states):
            known[state.name] = solved[:, :, first + k]
        for quantity in self.model.quantities:
            if names_in(quantity.expression) <= known.keys():
                known[quantity.name] = evaluate(quantity.expression, known)
        return np.stack([known[name] for name in names], axis=-1)


def everything(model: ChainModel, prefixes: Sequence[str] = ("s", "r")) -> tuple[Name, ...]:
    """Every concentration of both enantiomers at every site: to ask that no state is left out."""
    outputs = model.pharmacokinetics.outputs
    return tuple((f"{p}_{o.analyte}", o.site) for p in prefixes for o in outputs)


def driven(model: ChainModel, patients: Patients, names: Sequence[Name]) -> Driven:
    """Write out the patients of the first calendar.

    **Arguments:**

    - `model`: the declaration. `patients`: all of one calendar, whose infusions are alike.
    - `names`: outputs as of `ketasim.engine.solve`; linear states that none of them needs are left
      out, as ketasim leaves them out.

    **Raises:** `ValueError` where infusions differ, or a mark is not set at the start of one.
    """
    calendar, response = patients.calendars[0], model.response
    system = system_of(
        *(model, patients.values, calendar.doses, patients.weight, calendar.horizon),
        request_of(model, tuple(names)).rows,
    )
    first = np.cumsum([0, *(len(part.structure.states) for part in system.streams)])
    n, m, seen = patients.n, int(first[-1]), len(response.signals)
    rates, signals = np.zeros((n, m, m)), np.zeros((n, seen, m))
    for number, part in enumerate(system.streams):
        mine = slice(first[number], first[number + 1])
        rates[:, mine, mine] = np.moveaxis(part.matrix, 2, 0)
        signals[:, :, mine] = np.moveaxis(part.rows[:seen], 2, 0)
    starts = [event for event in system.events if event.kind == START]
    pulses = [event for event in system.events if event.kind == PULSE]
    infusions = _infusions(system, starts or pulses)
    if not set(_times(system, pulses)) <= set(infusions[:, 0]):
        raise ValueError("a mark is set where no infusion starts")
    return Driven(
        response,
        rates,
        _entering(system, starts, first),
        _entering(system, pulses, first),
        signals,
        dict(system.parameters),
        np.ascontiguousarray(system.initial.T),
        infusions,
    )


def _times(system: System, events: Sequence[Event]) -> list[float]:
    return [float(system.breaks[event.segment]) for event in events]


def _infusions(system: System, events: Sequence[Event]) -> Array:
    """Start and end of every infusion, or of every mark where there is none: (k, 2)."""
    lasting = {event.duration or _MARK_HOURS for event in events}
    if len(lasting) != 1:
        raise ValueError("infusions last differently long")
    begin = np.unique(_times(system, events))
    return np.column_stack([begin, begin + lasting.pop()])


def _entering(system: System, events: Sequence[Event], first: Array) -> Array:
    """What events of a kind bring into each linear state, mg or mg/h: (n, m)."""
    found = np.zeros((system.n, int(first[-1])))
    sources = dict[int, int]()
    for event in events:
        place = int(first[event.stream]) + event.state
        if sources.setdefault(place, event.source) != event.source:
            raise ValueError("doses differ")
        found[:, place] = system.amounts[event.source] / (event.duration or 1.0)
    return found
