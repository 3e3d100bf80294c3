"""Block of NMDA receptors by the enantiomers of ketamine and norketamine, without numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import source_name, with_source_names
from ketasim.models.declaration import Definition, Symbol
from ketasim.models.expression import evaluate, names_in

Array = NDArray[np.float64]

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Blocker:
    """One molecule that competes for the site.

    **Arguments:**

    - `quantity`: its concentration, such as `s_ketamine`, ng/mL.
    - `potency`: definition of its half-blocking unbound concentration, µmol/L.
    - `unbound`: parameter, the fraction not bound to plasma proteins.
    - `molar_mass`: parameter, g/mol.
    """

    quantity: str
    potency: str
    unbound: str
    molar_mass: str


@dataclass(frozen=True)
class ReceptorModel:
    """A competitive, channel-activated, fully trapping block: parameters, blockers and equations.

    The unbound concentration of every blocker over its half-blocking concentration adds up to the
    drive x; the block is x^h/(1 + x^h) at equilibrium and approaches it at the rate
    koff·(1 + x^h) while the channels are activated. `describe()` prints its equation sheet.
    """

    name: str
    title: str
    source: str
    parameters: tuple[Symbol, ...]
    definitions: tuple[Definition, ...]
    blockers: tuple[Blocker, ...]
    site: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that every symbol used is declared."""
        known = {symbol.name for symbol in self.parameters}
        for definition in self.definitions:
            missing = names_in(definition.expression) - known
            if missing:
                raise ValueError(f"{self.name}: '{definition.name}' uses {sorted(missing)}")
            known.add(definition.name)
        for blocker in self.blockers:
            missing = {blocker.potency, blocker.unbound, blocker.molar_mass} - known
            if missing:
                raise ValueError(f"{self.name}: '{blocker.quantity}' uses {sorted(missing)}")

    def resolve(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters and definitions together.

        **Arguments:**

        - `values`: every parameter, numbers or arrays of one common shape.

        **Raises:** `KeyError` naming a parameter that is missing.
        """
        resolved: dict[str, Any] = dict(values)
        for symbol in self.parameters:
            if symbol.name not in resolved:
                raise KeyError(f"{self.name} needs '{symbol.name}' ({symbol.meaning})")
        for definition in self.definitions:
            resolved[definition.name] = evaluate(definition.expression, resolved)
        return resolved

    def drive(self, resolved: Mapping[str, Any], concentrations: Mapping[str, Any]) -> Array:
        """Unbound concentrations over half-blocking ones, summed over the blockers.

        **Arguments:**

        - `resolved`: what `resolve` returned.
        - `concentrations`: quantity such as `s_ketamine` to ng/mL at the effect site, any common
          shape; a blocker that is missing is taken as absent, other quantities are ignored.

        **Returns:** x, zero or more, of that shape.
        """
        x: Any = np.zeros(())
        for blocker in self.blockers:
            if blocker.quantity not in concentrations:
                continue
            micromolar = (
                # rounding may leave a concentration a hair below zero
                np.maximum(np.asarray(concentrations[blocker.quantity], np.float64), 0.0)
                * resolved["Kp_uu"]
                * resolved[blocker.unbound]
                / resolved[blocker.molar_mass]
            )
            x = x + micromolar / resolved[blocker.potency]
        return np.asarray(x, np.float64)

    def block(self, resolved: Mapping[str, Any], concentrations: Mapping[str, Any]) -> Array:
        """Block at equilibrium, fraction of the current, 0 to 1.

        **Arguments:** as of `drive`.

        **Returns:** x^h/(1 + x^h), of the shape of the concentrations.
        """
        power = self.drive(resolved, concentrations) ** resolved["hill"]
        # written so that neither a drive of zero nor a huge one divides zero by zero
        return 1.0 - 1.0 / (1.0 + power)

    def rate(
        self,
        resolved: Mapping[str, Any],
        drive: Any,
        block: Any,
        open_probability: float = 1.0,
    ) -> Any:
        """Change of the kinetic block, dB/dt = p·koff·(x^h·(1 - B) - B), in 1/h.

        **Arguments:**

        - `resolved`: what `resolve` returned.
        - `drive`: x, as `drive` returns it.
        - `block`: B, fraction.
        - `open_probability`: p, openness relative to the activation under which koff was measured;
          a fully trapped blocker enters and leaves through the open channel only, so it slows
          binding and unbinding alike and leaves the equilibrium as it is.
        """
        power = drive ** resolved["hill"]
        per_hour = _SECONDS_PER_HOUR * open_probability * resolved["koff"]
        return per_hour * (power * (1.0 - block) - block)

    def describe(self) -> str:
        """The equation sheet as plain text."""
        lines = [f"{self.title} [{self.name}; source {source_name(self.source)}]", "", "Parameters"]
        lines += [f"  {p.name:<12} {p.unit:<10} {p.meaning}" for p in self.parameters]
        lines += ["", "Definitions"]
        lines += [
            f"  {d.name} = {d.expression}   ({d.unit}; {d.meaning})" for d in self.definitions
        ]
        terms = " + ".join(
            f"Kp_uu*{b.unbound}*{b.quantity}/{b.molar_mass}/{b.potency}" for b in self.blockers
        )
        lines += [
            "",
            f"Block (concentrations at the {self.site} site, ng/mL)",
            f"  x = {terms}",
            "  B = x^hill/(1 + x^hill)",
            "  dB/dt = p*koff*(x^hill*(1 - B) - B)   (kinetic form, same equilibrium)",
        ]
        if self.notes:
            lines += ["", "Notes", *(f"  {with_source_names(note)}" for note in self.notes)]
        return "\n".join(lines)


RECEPTOR = ReceptorModel(
    name="receptor",
    title="NMDA block by S- and R-ketamine and S- and R-norketamine",
    source="gilling2009",
    parameters=(
        Symbol("IC50", "umol/L", "unbound racemic ketamine, IC50 of the current"),
        Symbol("hill", "-", "Hill coefficient of the block"),
        Symbol("kon", "L/umol/s", "binding rate constant of ketamine, channels activated"),
        Symbol("koff", "1/s", "unbinding rate constant of ketamine, channels activated"),
        Symbol("Ki_s_ketamine", "umol/L", "affinity constant of S-ketamine"),
        Symbol("Ki_r_ketamine", "umol/L", "affinity constant of R-ketamine"),
        Symbol("Ki_s_norketamine", "umol/L", "affinity constant of S-norketamine"),
        Symbol("Ki_r_norketamine", "umol/L", "affinity constant of R-norketamine"),
        Symbol("fu_ketamine", "fraction", "ketamine not bound to plasma proteins"),
        Symbol("fu_norketamine", "fraction", "norketamine not bound to plasma proteins"),
        Symbol("Kp_uu", "ratio", "unbound concentration in the brain over that in plasma"),
        Symbol("MW_K", "g/mol", "molar mass of ketamine base"),
        Symbol("MW_NK", "g/mol", "molar mass of norketamine"),
    ),
    definitions=(
        Definition(
            "per_Ki",
            "IC50*(1/Ki_s_ketamine + 1/Ki_r_ketamine)/2",
            "ratio",
            "half-blocking concentration over affinity constant, the same for every blocker",
        ),
        *(
            Definition(
                f"IC50_{blocker}",
                f"per_Ki*Ki_{blocker}",
                "umol/L",
                f"unbound {blocker.replace('s_', 'S-').replace('r_', 'R-')} that blocks half",
            )
            for blocker in ("s_ketamine", "r_ketamine", "s_norketamine", "r_norketamine")
        ),
    ),
    blockers=tuple(
        Blocker(f"{hand}_{molecule}", f"IC50_{hand}_{molecule}", f"fu_{molecule}", mass)
        for molecule, mass in (("ketamine", "MW_K"), ("norketamine", "MW_NK"))
        for hand in ("s", "r")
    ),
    site="effect",
    notes=(
        "Enantiomers share the racemate's IC50 by affinity: equal parts of both give it back.",
        "Hydroxynorketamine is left out: it is about a hundred times weaker (abbott2020hnk).",
        "The block is taken at equilibrium; the kinetic form stays within 1 % of the peak for",
        "infusions over 40 min and nasal doses, down to half of the activation under which koff",
        "was measured. After an injection over 2 min it is late by seconds, with the same peak.",
        "The measured kon does not enter: with koff it would give another IC50.",
    ),
)
"""The block of NMDA receptors, as declared here; its numbers are on the card `receptor`."""
