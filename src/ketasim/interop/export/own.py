"""A compartmental model of one's own as differential equations."""

from __future__ import annotations

from collections.abc import Sequence

from ketasim._base import InputError
from ketasim.interop.export.ode import (
    Constant,
    Effects,
    Formula,
    OdeModel,
    State,
)
from ketasim.models.pk.declaration import (
    TIME_SYMBOL,
    CompartmentModel,
    Flow,
    names_used,
)


def ode_of_own(model: CompartmentModel) -> OdeModel:
    """The equations of a model of one's own.

    **Raises:** `InputError` for a parameter or a covariate without a number, or a symbol that only
    a table would have.
    """
    for one in model.parameters:
        if one.value is None:
            raise InputError(
                f"parameter {one.name}", "has no number", f"set it, as --set {one.name}=1"
            )
    for one in model.covariates:
        if one.default is None:
            raise InputError(
                f"covariates.{one.name}", "has no default", "give the typical patient's, as default"
            )
    parts = (model.parameters, model.covariates, model.compartments)
    known = {TIME_SYMBOL, *model.definitions, *(one.name for part in parts for one in part)}
    for field, text in model.expressions():
        for name in sorted(names_used(text, field) - known):
            raise InputError(
                field,
                f"'{name}' is no parameter, covariate or compartment",
                "declare it under [covariates] with a default: an export has no table",
            )
    values = [(one, 0.0 if one.value is None else one.value) for one in model.parameters]
    defaults = [(one, 0.0 if one.default is None else one.default) for one in model.covariates]
    spread, covariance = model.covariance()
    return OdeModel(
        model.name,
        model.name,
        tuple(
            Constant(
                one.name, value, one.unit, one.meaning, f"RSE {one.rse:g} %" if one.rse else ""
            )
            for one, value in values
        ),
        tuple(Constant(one.name, value, one.unit, one.meaning) for one, value in defaults),
        tuple(Formula(name, text) for name, text in model.definitions.items()),
        tuple(
            State(
                one.name,
                "",
                "amount, as AMT",
                right_hand_side(one.name, model.flows),
                one.F,
                one.lag,
                one.duration,
                one.rate,
            )
            for one in model.compartments
        ),
        model.outputs,
        Effects(dict.fromkeys(spread, "log"), covariance),
        (f"Amounts in {model.amount}, times in h.",),
        amount=model.amount,
    )


def right_hand_side(state: str, flows: Sequence[Flow]) -> str:
    """Rate of change of a compartment, without what doses put into it."""
    terms: list[str] = []
    for flow in flows:
        if flow.target == state:
            produced = "" if flow.produced == "1" else f"*({flow.produced})"
            terms.append(f"+ ({flow.rate})*{flow.source}{produced}")
        if flow.source == state and flow.consumes:
            terms.append(f"- ({flow.rate})*{state}")
    return " ".join(terms).removeprefix("+ ") or "0"
