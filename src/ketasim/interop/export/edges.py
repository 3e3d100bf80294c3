"""Doses of a course as moments at which something changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ketasim.interop.export.ode import Given, OdeModel


@dataclass(frozen=True)
class Edge:
    """A moment at which doses are given at once, begin or end.

    **Arguments:**

    - `time`: h.
    - `inputs`: compartment to what flows into it from then on, 1/h times its unit.
    - `amounts`: compartment to what is put into it at once.
    """

    time: float
    inputs: dict[str, float] = field(default_factory=dict[str, float])
    amounts: dict[str, float] = field(default_factory=dict[str, float])

    def assigned(self, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Variables that an event sets, and their new values in words that SBML and Antimony share.

        **Arguments:**

        - `names`: symbol to what the engine calls it.
        """
        for state, level in self.inputs.items():
            yield f"input_{names[state]}", repr(level)
        for state, amount in self.amounts.items():
            yield names[state], f"{names[state]} + {amount!r}"


def edges_of(given: Sequence[Given]) -> list[Edge]:
    """The moments of some doses, ascending."""
    found: dict[float, Edge] = {}

    def at(time: float) -> Edge:
        return found.setdefault(time, Edge(time))

    for one in given:
        if one.duration == 0.0:
            amounts = at(one.start).amounts
            amounts[one.state] = amounts.get(one.state, 0.0) + one.amount
    for state in dict.fromkeys(one.state for one in given if one.duration > 0.0):
        running = [one for one in given if one.state == state and one.duration > 0.0]
        turns = sorted({t for one in running for t in (one.start, one.start + one.duration)})
        for time in turns:
            # summed anew each time, so that nothing is left of what has ended
            rates = [
                one.amount / one.duration
                for one in running
                if one.start <= time < one.start + one.duration
            ]
            at(time).inputs[state] = sum(rates, 0.0)
    return [found[time] for time in sorted(found)]


def inputs_beside(model: OdeModel) -> Callable[[str, str], list[str]]:
    """What stands in the file beside a compartment that is dosed: what flows in from outside."""
    dosed = {one.name for one in model.states if one.dosed}
    return lambda symbol, name: [f"input_{name}"] if symbol in dosed else []
