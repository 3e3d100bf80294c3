"""What a pharmacokinetic model is: a frozen declaration without a number in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import source_name, with_source_names
from ketasim.models.domain import FRACTION, POSITIVE, Domain
from ketasim.models.expression import evaluate, names_in

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Symbol:
    """A named quantity of a model: a state, a parameter or a covariate.

    **Arguments:**

    - `name`, `unit`, `meaning`: of the quantity.
    - `allowed`: the values that a parameter may have, where `domain` is not what its unit says.
    """

    name: str
    unit: str
    meaning: str
    allowed: Domain | None = None

    @property
    def domain(self) -> Domain:
        """Values that a parameter may have: as declared, else 0 to 1 of a fraction, above zero."""
        if self.allowed is not None:
            return self.allowed
        return FRACTION if self.unit == "fraction" else POSITIVE


@dataclass(frozen=True)
class Definition:
    """A quantity computed from parameters and covariates before the rates are formed."""

    name: str
    expression: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Flow:
    """First-order movement out of `source`; what arrives in `target` is `produced` times that.

    **Arguments:**

    - `source`, `target`: states; `target=None` leaves the body or becomes something not followed.
    - `rate`: expression, 1/h; may use `t`, hours since the first dose, for a rate that changes.
    - `produced`: expression; 1 unless the flow changes molecule (ratio of molar masses) or loses
      part.
    - `consumes`: false for a site that only follows the concentration without taking drug from it.
    """

    source: str
    target: str | None
    rate: str
    produced: str = "1"
    consumes: bool = True


@dataclass(frozen=True)
class Branch:
    """One path a dose of a route takes into a state.

    **Arguments:**

    - `target`: the state that receives it.
    - `fraction`: expression; the part of the dose that takes this path.
    - `later_fraction`: the same for the second and later nasal devices of a session, if it differs.
    - `duration`: expression, h, of a zero-order release; without it the dose's own duration counts.
    - `lag`: expression, h.
    """

    target: str
    fraction: str = "1"
    later_fraction: str | None = None
    duration: str | None = None
    lag: str | None = None


@dataclass(frozen=True)
class Output:
    """A concentration: `state` over `volume`, mg/L, times `scale`, given in ng/mL.

    **Arguments:**

    - `analyte`: `ketamine`, `norketamine` or `hnk`; the enantiomer is put in front.
    - `site`: `arterial`, `venous` or `effect`.
    - `scale`: expression; the ratio of molar masses where amounts are kept as parent equivalents.
    """

    analyte: str
    site: str
    state: str
    volume: str
    scale: str = "1"


@dataclass(frozen=True)
class Stream:
    """One molecule that is followed through the model, and its share of the dose."""

    prefix: str
    share: float


@dataclass(frozen=True)
class LinearModel:
    """A linear compartmental model: states, parameters, flows, routes and outputs.

    Amounts are mg, volumes L, time h. Covariates always known to a model: `R` (1 for the
    R-enantiomer, else 0) and those it lists. `routes` says what a dose of a route does; `forms`
    says it for a drug whose form on that route is its own. `describe()` prints the equation sheet.
    """

    name: str
    title: str
    source: str
    states: tuple[Symbol, ...]
    parameters: tuple[Symbol, ...]
    covariates: tuple[Symbol, ...]
    definitions: tuple[Definition, ...]
    flows: tuple[Flow, ...]
    routes: Mapping[str, tuple[Branch, ...]]
    outputs: tuple[Output, ...]
    streams: Mapping[str, tuple[Stream, ...]]
    notes: tuple[str, ...] = field(default=())
    forms: Mapping[tuple[str, str], tuple[Branch, ...]] = field(
        default_factory=dict[tuple[str, str], tuple[Branch, ...]]
    )

    def __post_init__(self) -> None:
        """Check that every symbol used is declared."""
        states = {s.name for s in self.states}
        known = {s.name for s in (*self.parameters, *self.covariates)} | {"R"}
        for definition in self.definitions:
            self._require(definition.expression, known)
            known.add(definition.name)
        for flow in self.flows:
            self._require(flow.rate, known | {"t"})
            self._require(flow.produced, known)
            self._require_states(states, flow.source, flow.target)
        for branches in self._all_branches():
            for branch in branches:
                for text in (
                    branch.fraction,
                    branch.later_fraction,
                    branch.duration,
                    branch.lag,
                ):
                    if text is not None:
                        self._require(text, known)
                self._require_states(states, branch.target)
        for output in self.outputs:
            self._require(output.volume, known)
            self._require(output.scale, known)
            self._require_states(states, output.state)

    def _require(self, text: str, known: set[str]) -> None:
        missing = names_in(text) - known
        if missing:
            raise ValueError(f"{self.name}: '{text}' uses undeclared {sorted(missing)}")

    def _require_states(self, states: set[str], *names: str | None) -> None:
        for name in names:
            if name is not None and name not in states:
                raise ValueError(f"{self.name}: '{name}' is not a state")

    def branches_of(self, route: str, drug: str) -> tuple[Branch, ...]:
        """Paths a dose takes: those of the drug's own form on a route, else those of the route."""
        return self.forms.get((route, drug), self.routes.get(route, ()))

    def _all_branches(self) -> tuple[tuple[Branch, ...], ...]:
        return (*self.routes.values(), *self.forms.values())

    @property
    def analytes(self) -> tuple[str, ...]:
        """Analytes the model predicts, in order."""
        return tuple(dict.fromkeys(output.analyte for output in self.outputs))

    @property
    def sites(self) -> tuple[str, ...]:
        """Sampling sites the model predicts, in order."""
        return tuple(dict.fromkeys(output.site for output in self.outputs))

    @property
    def time_varying(self) -> bool:
        """Whether a rate changes with time."""
        return any("t" in names_in(flow.rate) for flow in self.flows)

    def resolve(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters, covariates and definitions together.

        **Arguments:**

        - `values`: every parameter and covariate, numbers or arrays of one common shape.

        **Returns:** the same plus every definition, computed in order.

        **Raises:** `KeyError` naming a parameter or covariate that is missing.
        """
        resolved: dict[str, Any] = {"R": 0.0, **values}
        for symbol in (*self.parameters, *self.covariates):
            if symbol.name not in resolved:
                raise KeyError(f"{self.name} needs '{symbol.name}' ({symbol.meaning})")
        for definition in self.definitions:
            resolved[definition.name] = evaluate(definition.expression, resolved)
        return resolved

    def rate_matrix(
        self, resolved: Mapping[str, Any], keep: tuple[str, ...], time: float = 0.0
    ) -> Array:
        """Rate matrix K of x' = K x + input.

        **Arguments:**

        - `resolved`: what `resolve` returned, arrays of shape (n,) or numbers.
        - `keep`: the states wanted, as returned by `reachable`.
        - `time`: h since the first dose, for rates that change with time.

        **Returns:** array of shape (n, m, m), 1/h.
        """
        index = {name: i for i, name in enumerate(keep)}
        flows = [flow for flow in self.flows if flow.source in index]
        values = {**resolved, "t": time}
        rates = [np.asarray(evaluate(flow.rate, values), dtype=np.float64) for flow in flows]
        yields = [np.asarray(evaluate(flow.produced, values), dtype=np.float64) for flow in flows]
        n = max((a.size for a in (*rates, *yields)), default=1)
        matrix = np.zeros((n, len(keep), len(keep)))
        for flow, rate, produced in zip(flows, rates, yields, strict=True):
            column = index[flow.source]
            if flow.consumes:
                matrix[:, column, column] -= rate
            if flow.target is not None and flow.target in index:
                matrix[:, index[flow.target], column] += rate * produced
        return matrix

    def reachable(self, targets: set[str], outputs: tuple[Output, ...]) -> tuple[str, ...]:
        """States that a dose into `targets` reaches and that lead to an output."""
        forward = _closure(targets, [(f.source, f.target) for f in self.flows])
        backward = _closure({o.state for o in outputs}, [(f.target, f.source) for f in self.flows])
        return tuple(s.name for s in self.states if s.name in forward & backward)

    def describe(self) -> str:
        """The equation sheet as plain text."""
        lines = [
            f"{self.title} [{self.name}; source {source_name(self.source)}]",
            "",
            "States (mg)",
        ]
        lines += [f"  {s.name:<10} {s.meaning}" for s in self.states]
        lines += ["", "Parameters"]
        lines += [f"  {p.name:<12} {p.unit:<10} {p.meaning}" for p in self.parameters]
        if self.covariates:
            lines += ["", "Covariates"]
            lines += [f"  {c.name:<12} {c.unit:<10} {c.meaning}" for c in self.covariates]
        if self.definitions:
            lines += ["", "Definitions"]
            lines += [
                f"  {d.name} = {d.expression}   ({d.unit}; {d.meaning})" for d in self.definitions
            ]
        lines += ["", "Differential equations"]
        lines += [f"  d{s.name}/dt = {self._right_hand_side(s.name)}" for s in self.states]
        lines += ["", "Routes"]
        for route, branches in self.routes.items():
            lines += [f"  {route}: " + "; ".join(_branch_text(b) for b in branches)]
        for (route, drug), branches in self.forms.items():
            lines += [f"  {route} {drug}: " + "; ".join(_branch_text(b) for b in branches)]
        lines += ["", "Outputs (ng/mL, 1 mg/L = 1000 ng/mL)"]
        for o in self.outputs:
            scale = "" if o.scale == "1" else f" * {o.scale}"
            lines += [f"  {o.analyte} {o.site} = {o.state} / ({o.volume}){scale}"]
        if self.notes:
            lines += ["", "Notes", *(f"  {with_source_names(note)}" for note in self.notes)]
        return "\n".join(lines)

    def _right_hand_side(self, state: str) -> str:
        terms = [
            f"+ ({f.rate})*{f.source}" + ("" if f.produced == "1" else f"*({f.produced})")
            for f in self.flows
            if f.target == state
        ]
        terms += [f"- ({f.rate})*{state}" for f in self.flows if f.source == state and f.consumes]
        fed = any(b.target == state for branches in self._all_branches() for b in branches)
        return " ".join((["input"] if fed else []) + terms) or "0"


def _closure(start: set[str], edges: list[tuple[str | None, str | None]]) -> set[str]:
    found = set(start)
    grown = True
    while grown:
        more = {b for a, b in edges if a in found and b is not None} - found
        found |= more
        grown = bool(more)
    return found


def _branch_text(branch: Branch) -> str:
    text = f"{branch.fraction} of the dose into {branch.target}"
    if branch.later_fraction is not None:
        text += f" ({branch.later_fraction} for later devices)"
    if branch.duration is not None:
        text += f" over {branch.duration}"
    if branch.lag is not None:
        text += f" after {branch.lag}"
    return text
