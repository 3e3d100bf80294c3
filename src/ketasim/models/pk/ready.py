"""Ready declarations of the usual compartmental models; numbers come from you or from a table."""

from __future__ import annotations

from ketasim.models.pk.declaration import (
    Compartment,
    CompartmentModel,
    Flow,
    Output,
    Parameter,
)
from ketasim.models.pk.dimensions import AMOUNT

_CLEARANCE = Parameter("CL", unit="L/h", meaning="clearance")
_ABSORPTION = Parameter("KA", unit="1/h", meaning="absorption rate constant")


def one_compartment(
    *, depot: bool = False, scale: float = 1000.0, unit: str = "ng/mL", amount: str = AMOUNT
) -> CompartmentModel:
    """One compartment with linear elimination: parameters CL and V, and KA with a depot.

    **Arguments:**

    - `depot`: a first-order input; CMT 1 is then the depot and 2 the central compartment.
    - `scale`: of the output CP, `scale*central/V`; 1000 gives ng/mL of mg and L. `unit`: of CP.
    - `amount`: unit of AMT.

    **Returns:** a model whose doses take F, ALAG, D and R from expressions once they are declared:
    `dataclasses.replace` changes its parts.
    """
    volume = Parameter("V", unit="L", meaning="volume of distribution")
    return _with_depot(
        "one_compartment",
        depot,
        (_CLEARANCE, volume),
        (Compartment("central"),),
        (Flow("central", None, "CL/V"),),
        Output("CP", f"{scale!r}*central/V", unit),
        amount,
    )


def two_compartments(
    *, depot: bool = False, scale: float = 1000.0, unit: str = "ng/mL", amount: str = AMOUNT
) -> CompartmentModel:
    """Two compartments with linear elimination: CL, V2, Q and V3, and KA with a depot.

    **Arguments, Returns:** as of `one_compartment`; the peripheral compartment is the last.
    """
    return _with_depot(
        "two_compartments",
        depot,
        (
            _CLEARANCE,
            Parameter("V2", unit="L", meaning="central volume"),
            Parameter("Q", unit="L/h", meaning="intercompartmental clearance"),
            Parameter("V3", unit="L", meaning="peripheral volume"),
        ),
        (Compartment("central"), Compartment("peripheral")),
        (
            Flow("central", None, "CL/V2"),
            Flow("central", "peripheral", "Q/V2"),
            Flow("peripheral", "central", "Q/V3"),
        ),
        Output("CP", f"{scale!r}*central/V2", unit),
        amount,
    )


def _with_depot(
    name: str,
    depot: bool,
    parameters: tuple[Parameter, ...],
    compartments: tuple[Compartment, ...],
    flows: tuple[Flow, ...],
    output: Output,
    amount: str,
) -> CompartmentModel:
    if depot:
        name += "_with_depot"
        parameters = (*parameters, _ABSORPTION)
        compartments = (Compartment("depot"), *compartments)
        flows = (Flow("depot", "central", "KA"), *flows)
    return CompartmentModel(name, parameters, compartments, flows, (output,), amount=amount)
