"""What follows the concentrations: a declaration of turnover states, without a number in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ketasim.evidence import source_name, with_source_names
from ketasim.models.declaration import Definition, LinearModel, Symbol
from ketasim.models.expression import evaluate, names_in
from ketasim.models.receptor import ReceptorModel

AMOUNT = "amount"
"""The site of a raw state of the linear block, such as `("s_A_central", "amount")`, mg."""

Key = tuple[str, str]


@dataclass(frozen=True)
class Signal:
    """What the response sees of the concentrations: a weighted sum of them.

    **Arguments:**

    - `name`, `unit`, `meaning`: of the sum.
    - `parts`: (quantity, site), such as `("s_ketamine", "effect")`, to the expression it is
      multiplied with; concentrations are in ng/mL. A quantity without enantiomer, such as `hnk`,
      is the sum of both; `("A_central", "amount")` is the amount in a state, mg.
    """

    name: str
    unit: str
    meaning: str
    parts: Mapping[Key, str]


@dataclass(frozen=True)
class Turnover:
    """One state of the response: dy/dt = production - loss*y.

    **Arguments:**

    - `name`, `unit`, `meaning`: of the state.
    - `loss`: expression of parameters, 1/h; the part of the loss that never changes. It is solved
      exactly, so it should carry what is fast.
    - `production`: expression of parameters, signals, quantities and states: all the rest.
    - `initial`: expression of parameters; the value at time 0.
    """

    name: str
    unit: str
    meaning: str
    loss: str
    production: str
    initial: str = "0"


@dataclass(frozen=True, eq=False)  # known by identity: what is written from it is kept
class ResponseModel:
    """Turnover states driven by concentrations: parameters, signals, quantities, states.

    `definitions` are computed once a patient, `quantities` at every moment (from parameters,
    signals, states and quantities before them). `describe()` prints the equation sheet. Adding a
    state, a parameter or a quantity changes the declaration and nothing else: the engine reads
    from it which state feeds which.
    """

    name: str
    title: str
    source: str
    parameters: tuple[Symbol, ...]
    signals: tuple[Signal, ...]
    states: tuple[Turnover, ...]
    definitions: tuple[Definition, ...] = ()
    quantities: tuple[Definition, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Check that every symbol used is declared, and declared once."""
        names = [
            *(p.name for p in self.parameters),
            *(d.name for d in self.definitions),
            *(s.name for s in self.signals),
            *(q.name for q in self.quantities),
            *(s.name for s in self.states),
        ]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.name}: {twice} declared more than once")
        known = {p.name for p in self.parameters}
        for definition in self.definitions:
            self._require(definition.expression, known)
            known.add(definition.name)
        for signal in self.signals:
            for weight in signal.parts.values():
                self._require(weight, known)
        for state in self.states:
            self._require(state.loss, known)
            self._require(state.initial, known)
        moving = known | {s.name for s in self.signals} | {s.name for s in self.states}
        for quantity in self.quantities:
            self._require(quantity.expression, moving)
            moving.add(quantity.name)
        for state in self.states:
            self._require(state.production, moving)

    def _require(self, text: str, known: set[str]) -> None:
        missing = names_in(text) - known
        if missing:
            raise ValueError(f"{self.name}: '{text}' uses undeclared {sorted(missing)}")

    def resolve(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters and definitions together.

        **Arguments:**

        - `values`: every parameter, numbers or arrays of one common shape; others are ignored.

        **Raises:** `KeyError` naming a parameter that is missing.
        """
        resolved: dict[str, Any] = {}
        for symbol in self.parameters:
            if symbol.name not in values:
                raise KeyError(f"{self.name} needs '{symbol.name}' ({symbol.meaning})")
            resolved[symbol.name] = values[symbol.name]
        for definition in self.definitions:
            resolved[definition.name] = evaluate(definition.expression, resolved)
        return resolved

    def initial(self, resolved: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the states at time 0, in the order of the states."""
        return {s.name: evaluate(s.initial, resolved) for s in self.states}

    def moments(
        self, resolved: Mapping[str, Any], signals: Mapping[str, Any], states: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Everything at one moment: parameters, signals, states and quantities.

        **Arguments:**

        - `resolved`: what `resolve` returned.
        - `signals`, `states`: name to numbers or arrays of one common shape.
        """
        everything = {**resolved, **signals, **states}
        for quantity in self.quantities:
            everything[quantity.name] = evaluate(quantity.expression, everything)
        return everything

    def rates(
        self, resolved: Mapping[str, Any], signals: Mapping[str, Any], states: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Rate of change of every state, 1/h times its unit; arguments as of `moments`."""
        everything = self.moments(resolved, signals, states)
        return {
            s.name: evaluate(s.production, everything)
            - evaluate(s.loss, everything) * everything[s.name]
            for s in self.states
        }

    def describe(self) -> str:
        """The equation sheet as plain text."""
        lines = [f"{self.title} [{self.name}; source {source_name(self.source)}]", "", "Parameters"]
        lines += [f"  {p.name:<12} {p.unit:<10} {p.meaning}" for p in self.parameters]
        if self.definitions:
            lines += ["", "Definitions"]
            lines += [
                f"  {d.name} = {d.expression}   ({d.unit}; {d.meaning})" for d in self.definitions
            ]
        lines += ["", "Signals"]
        for signal in self.signals:
            terms = " + ".join(
                f"({weight})*{quantity}[{site}]"
                for (quantity, site), weight in signal.parts.items()
            )
            lines += [f"  {signal.name} = {terms}   ({signal.unit}; {signal.meaning})"]
        if self.quantities:
            lines += ["", "Quantities"]
            lines += [
                f"  {q.name} = {q.expression}   ({q.unit}; {q.meaning})" for q in self.quantities
            ]
        lines += ["", "Differential equations"]
        for s in self.states:
            rate = f"{s.production} - ({s.loss})*{s.name}"
            lines.append(
                f"  d{s.name}/dt = {rate}, {s.name}(0) = {s.initial}   ({s.unit}; {s.meaning})"
            )
        if self.notes:
            lines += ["", "Notes", *(f"  {with_source_names(note)}" for note in self.notes)]
        return "\n".join(lines)


@dataclass(frozen=True)
class ChainModel:
    """Dose to response: a linear pharmacokinetic model and the response it drives."""

    name: str
    pharmacokinetics: LinearModel
    response: ResponseModel

    def __post_init__(self) -> None:
        """Check that the response asks for what the pharmacokinetic model gives."""
        pk, response = self.pharmacokinetics, self.response
        prefixes = {stream.prefix for streams in pk.streams.values() for stream in streams}
        known = {(o.analyte, o.site) for o in pk.outputs} | {(s.name, AMOUNT) for s in pk.states}
        known |= {(f"{p}_{name}", site) for name, site in known for p in prefixes if p}
        for signal in response.signals:
            for part in signal.parts:
                if part not in known:
                    raise ValueError(
                        f"{self.name}: signal '{signal.name}' uses {part}, "
                        f"which '{pk.name}' does not give"
                    )
        # what is not a parameter lives in the model's own name space
        own = {d.name for d in response.definitions} | {s.name for s in response.states}
        both = own & {s.name for s in (*pk.parameters, *pk.covariates)}
        if both:
            raise ValueError(f"{self.name}: {sorted(both)} mean two things")

    def describe(self) -> str:
        """The equation sheets of both parts as plain text."""
        return self.pharmacokinetics.describe() + "\n\n" + self.response.describe()


def receptor_signal(
    receptor: ReceptorModel, name: str, *, molecules: tuple[str, ...] | None = None
) -> tuple[Signal, tuple[Symbol, ...], tuple[Definition, ...]]:
    """The drive of a receptor model as a signal: unbound over half-blocking concentrations, summed.

    **Main arguments:**

    - `receptor`: its declaration.
    - `name`: of the signal.

    **Other arguments:**

    - `molecules`: the blockers to count; all when left out.

    **Returns:** the signal, and the parameters and definitions that its weights use.
    """
    parts = {
        (b.quantity, receptor.site): f"Kp_uu*{b.unbound}/{b.molar_mass}/{b.potency}"
        for b in receptor.blockers
        if molecules is None or b.quantity in molecules
    }
    signal = Signal(name, "ratio", "unbound over half-blocking concentrations, summed", parts)
    return signal, receptor.parameters, receptor.definitions
