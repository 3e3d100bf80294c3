"""The verb `export`: a model as the source of another engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.interop.export.antimony import antimony_text
from ketasim.interop.export.mrgsolve import mrgsolve_text
from ketasim.interop.export.nonmem import nonmem_text
from ketasim.interop.export.ode import OdeModel
from ketasim.interop.export.own import ode_of_own
from ketasim.interop.export.rxode2 import rxode2_text
from ketasim.interop.export.sbml import sbml_text
from ketasim.interop.export.shipped import ode_of_shipped
from ketasim.models import MODELS, LinearModel
from ketasim.models.pk.declaration import CompartmentModel
from ketasim.models.pk.file import read_model

FORMATS: Final = {
    "sbml": sbml_text,
    "antimony": antimony_text,
    "mrgsolve": mrgsolve_text,
    "rxode2": rxode2_text,
    "nonmem": nonmem_text,
}
"""Format to what writes it."""

_OTHERS: Final = ("receptor", "mood", "session")


def export(
    model: CompartmentModel | LinearModel | str | Path,
    to: str,
    *,
    parameters: Mapping[str, float] | None = None,
) -> str:
    """Write a pharmacokinetic model as the source of another engine.

    **Arguments:**

    - `model`: the name of a model that ships, the path of a TOML file, or a declaration
      (`ketasim.pk`).
    - `to`: one of `FORMATS`.
    - `parameters`: name to number, instead of those of a model of one's own.

    **Returns:** the text of the file.

    **Raises:** `InputError` for a model or a format that is not known, a model of one's own without
    numbers, and what the format has no word for.
    """
    if to not in FORMATS:
        raise InputError("--to", f"'{shortened(to)}' is not known", near(to, FORMATS))
    return FORMATS[to](_equations(model, dict(parameters or {})))


def _equations(model: Any, parameters: dict[str, float]) -> OdeModel:
    if isinstance(model, str | Path):
        text = str(model)
        if text in _OTHERS and not Path(text).exists():
            raise InputError(
                "MODEL",
                f"'{text}' has no export yet: it is driven by concentrations and events",
                "name a pharmacokinetic model ('ketasim models'), or a TOML file",
            )
        if text in MODELS and not Path(text).exists():
            model = MODELS[text]
        elif Path(text).suffix.lower() == ".toml" or Path(text).exists():
            model = read_model(text)
        else:
            raise InputError(
                "MODEL",
                f"'{shortened(text)}' is no model that ships, and there is no such file",
                f"{near(text, MODELS)}; a model of your own is a file with the ending .toml",
            )
    if isinstance(model, LinearModel):
        if MODELS.get(model.name) is not model:
            raise InputError(
                "MODEL",
                f"'{model.name}' is a LinearModel without numbers",
                "write it as a TOML file, or as a CompartmentModel of ketasim.pk",
            )
        if parameters:
            raise InputError(
                "--set", "is of a model of your own", "leave it out, and change the file written"
            )
        return ode_of_shipped(model)
    return ode_of_own(model.with_values(parameters))
