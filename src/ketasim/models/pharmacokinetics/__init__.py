"""Pharmacokinetic structures: the published ones, and the reference model."""

from ketasim._base import InputError, near
from ketasim.models.declaration import LinearModel
from ketasim.models.pharmacokinetics import (
    anaesthesia,
    ashraf2018,
    flint2017,
    otto2021,
    perezruixo2021,
    reference,
    simons2022,
)

MODELS: dict[str, LinearModel] = {
    model.name: model
    for model in (
        reference.MODEL,
        perezruixo2021.MODEL,
        simons2022.MODEL,
        otto2021.MODEL,
        otto2021.FANTA2015,
        ashraf2018.MODEL,
        anaesthesia.KAMP2020,
        flint2017.MODEL,
        anaesthesia.DOMINO1982,
        anaesthesia.CLEMENTS1981,
    )
}
"""Every pharmacokinetic model by its name."""


def known_model(name: str) -> LinearModel:
    """Return the pharmacokinetic model that a course names.

    **Raises:** `InputError` when there is none of that name, with the nearest.
    """
    if name not in MODELS:
        raise InputError("pk_model", f"unknown model '{name}'", near(name, MODELS))
    return MODELS[name]


__all__ = ["MODELS", "known_model"]
