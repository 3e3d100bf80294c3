"""Pharmacokinetic structures: the published ones, and the reference model."""

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

__all__ = ["MODELS"]
