"""A `LinearModel` of one's own as compartments: numbers of CMT are the order of its states."""

from __future__ import annotations

from ketasim._base import InputError
from ketasim.models import Branch, LinearModel
from ketasim.models.pk.declaration import (
    Compartment,
    CompartmentModel,
    Covariate,
    Output,
    Parameter,
)


def own_model(model: LinearModel) -> CompartmentModel:
    """The compartments of a linear model, to be predicted with numbers of a table or a call.

    A dose into a state takes what the route into it says: its part, lag and duration. Routes are
    other names of the states they lead to; those with several paths have no compartment.

    **Arguments:**

    - `model`: a declaration that follows one molecule.

    **Raises:** `InputError` when it follows several molecules, or two routes into a state differ.
    """
    streams = {one for several in model.streams.values() for one in several}
    if len({one.prefix for one in streams}) > 1 or any(one.share != 1.0 for one in streams):
        raise InputError(
            "MODEL",
            f"'{model.name}' follows several molecules",
            "declare one molecule, or use a model that ships by its name",
        )
    into: dict[str, Branch] = {}
    also: dict[str, list[str]] = {}
    for route, branches in model.routes.items():
        if len(branches) != 1:
            continue
        (branch,) = branches
        said = into.setdefault(branch.target, branch)
        if said != branch:
            raise InputError(
                f"routes.{route}",
                f"another route leads into '{branch.target}' in another way",
                "give each route a state of its own",
            )
        also.setdefault(branch.target, []).append(route)
    return CompartmentModel(
        model.name,
        tuple(Parameter(one.name, None, one.unit, one.meaning) for one in model.parameters),
        tuple(_compartment(s.name, into.get(s.name), also.get(s.name, [])) for s in model.states),
        model.flows,
        tuple(
            Output(
                f"{one.analyte}_{one.site}",
                f"1000*{one.state}/({one.volume})*({one.scale})",
                "ng/mL",
            )
            for one in model.outputs
        ),
        tuple(Covariate(one.name, one.unit, one.meaning) for one in model.covariates),
        {"R": "0", **{one.name: one.expression for one in model.definitions}},
    )


def _compartment(name: str, branch: Branch | None, also: list[str]) -> Compartment:
    if branch is None:
        return Compartment(name)
    fraction = None if branch.fraction == "1" else branch.fraction
    return Compartment(name, fraction, branch.lag, branch.duration, None, tuple(also))
