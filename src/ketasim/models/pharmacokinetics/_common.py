"""Pieces that several pharmacokinetic structures share."""

from __future__ import annotations

from ketasim.models.declaration import Definition, Flow, Stream, Symbol

WEIGHT = Symbol("WT", "kg", "body weight")
WEIGHT_REFERENCE = Symbol("WT_ref", "kg", "reference weight")
MASS_KETAMINE = Symbol("MW_K", "g/mol", "molar mass of ketamine base")
MASS_NORKETAMINE = Symbol("MW_NK", "g/mol", "molar mass of norketamine")
MASS_HYDROXYNORKETAMINE = Symbol("MW_HNK", "g/mol", "molar mass of hydroxynorketamine")

S_ONLY = {"esketamine": (Stream("s", 1.0),)}
RACEMATE_AS_ONE = {"ketamine": (Stream("", 1.0),)}
BOTH = {
    "ketamine": (Stream("s", 0.5), Stream("r", 0.5)),
    "esketamine": (Stream("s", 1.0),),
    "arketamine": (Stream("r", 1.0),),
}


def exchange(a: str, b: str, clearance: str, volume_a: str, volume_b: str) -> tuple[Flow, Flow]:
    """Two-way distribution between compartments `a` and `b`."""
    return (
        Flow(a, b, f"{clearance}/{volume_a}"),
        Flow(b, a, f"{clearance}/{volume_b}"),
    )


def allometric(symbol: str, exponent: str, unit: str, meaning: str) -> Definition:
    """`symbol_i`: the parameter scaled to the patient's weight."""
    return Definition(f"{symbol}_i", f"{symbol}*(WT/WT_ref)**{exponent}", unit, meaning)
