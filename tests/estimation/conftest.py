from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from ketasim.models import pk

_DOSE = 320.0  # mg, which the published runs give to everybody


@pytest.fixture(scope="session")
def theophylline() -> dict[str, list[Any]]:
    """Theophylline in twelve subjects (R's `Theoph`), each with 320 mg."""
    path = Path(__file__).parents[1] / "noncompartmental" / "theophylline.py"
    spec = importlib.util.spec_from_file_location("theophylline", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table: dict[str, list[Any]] = module.theophylline()
    table["AMT"] = [None if amount is None else _DOSE for amount in table["AMT"]]
    return table | {"CMT": ["depot" if event else None for event in table["EVID"]]}


@pytest.fixture(scope="session")
def absorbed() -> pk.CompartmentModel:
    """One compartment with a depot in KA, V and K, as the published runs have it."""
    return pk.CompartmentModel(
        "theophylline",
        (
            pk.Parameter("KA", 2.0, "1/h", "absorption rate constant", 0.2**0.5),
            pk.Parameter("V", 50.0, "L", "volume of distribution", 0.2**0.5),
            pk.Parameter("K", 0.1, "1/h", "elimination rate constant", 0.2**0.5),
        ),
        (pk.Compartment("depot"), pk.Compartment("central")),
        (pk.Flow("depot", "central", "KA"), pk.Flow("central", None, "K")),
        (pk.Output("CP", "central/V", "mg/L", proportional=0.1**0.5, additive=0.1**0.5),),
        correlations={("KA", "V"): 0.5, ("KA", "K"): 0.5, ("V", "K"): 0.5},
    )
