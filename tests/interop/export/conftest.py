"""Models of one's own that several files of these tests export."""

from __future__ import annotations

import pytest

from ketasim.models.pk import Compartment, CompartmentModel, Flow, Output, Parameter


@pytest.fixture
def clashing() -> CompartmentModel:
    """A model of one's own with names that the files of all formats would also use."""
    return CompartmentModel(
        "two lag-times.",
        (
            Parameter("CL", 5.0, sd_log=0.2),
            *(Parameter(name, 2.0) for name in ("TVCL", "ETA_CL", "tv_CL", "eta_CL", "_CL")),
            *(Parameter(name, 2.0) for name in ("prop_CP", "PROP_CP", "DV_CP", "NOETA", "body")),
            *(Parameter(name, 2.0) for name in ("central_0", "input_central", "F_central")),
            *(Parameter(name, 2.0) for name in ("ALAG_central", "R_central", "dxdt_central", "mg")),
            *(Parameter(name, 2.0) for name in ("TVTVCL", "P_TVCL", "P_tv_CL", "model_", "A_0")),
        ),
        (Compartment("central", F="0.5"),),
        (
            Flow(
                "central",
                None,
                "CL*TVCL/ETA_CL*tv_CL/eta_CL*_CL/prop_CP*PROP_CP/DV_CP*NOETA/body*central_0"
                "/input_central*F_central/ALAG_central*R_central/dxdt_central*mg/TVTVCL*P_TVCL"
                "/P_tv_CL*model_/A_0",
            ),
        ),
        (Output("CP", "central", proportional=0.2),),
    )
