"""Concentration profiles of the published models, which the joint fit takes as prior knowledge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.pk.training import Design
from ketasim.engine import concentrations
from ketasim.evidence import load_card
from ketasim.models import MODELS

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Profile:
    """A published model's typical profile in a design it was built on.

    **Arguments:**

    - `model`: key of the published model.
    - `design`: doses and patient.
    - `analyte`, `site`: what is compared.
    - `minutes`: times after the first dose, min.
    """

    model: str
    design: Design
    analyte: str
    site: str
    minutes: tuple[float, ...]

    def published(self) -> Array:
        """The published model's concentrations, ng/mL, shape (len(minutes),)."""
        model = MODELS[self.model]
        values = {**load_card(self.model).values(), **self.design.covariates(), "TICLOPIDINE": 0.0}
        times = np.array([0.0, *self.minutes]) / 60.0
        solved = concentrations(
            model, values, self.design.doses(), times, np.array([self.design.weight]), areas=False
        )
        return solved.values[self.analyte, self.site][1:, 0]


def _design(drug: str, route: str, dose: float, over_min: float = 0.0) -> Design:
    return Design(drug, route, str(dose), "mg", over_min / 60.0, 70.0, 40.0, "white")


_FILM = (10.0, 20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 360.0)
_FORTY = (10.0, 20.0, 30.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0)
_DAY = (20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0, 360.0, 480.0, 720.0, 1440.0)

PROFILES: tuple[Profile, ...] = (
    *(
        Profile("simons2022", _design("esketamine", "sublingual", 100), analyte, "arterial", _FILM)
        for analyte in ("s_ketamine", "s_norketamine", "s_hnk")
    ),
    *(
        Profile("otto2021", _design("esketamine", "iv", 17.5, 40), analyte, "venous", _FORTY)
        for analyte in ("s_ketamine", "s_norketamine")
    ),
    Profile("kamp2020", _design("ketamine", "iv", 35, 40), "ketamine", "arterial", _FORTY[:-1]),
    Profile("perezruixo2021", _design("esketamine", "iv", 28, 40), "s_ketamine", "venous", _DAY),
    Profile(
        "perezruixo2021", _design("esketamine", "intranasal", 84), "s_ketamine", "venous", _DAY
    ),
    Profile("perezruixo2021", _design("esketamine", "oral", 84), "s_ketamine", "venous", _DAY),
    *(
        Profile("ashraf2018", _design("esketamine", "oral", 14), analyte, "venous", _DAY)
        for analyte in ("s_ketamine", "s_norketamine")
    ),
    Profile("ashraf2018", _design("esketamine", "iv", 7, 2), "s_ketamine", "venous", _DAY),
)
"""Designs of the published models: drug, route, dose and duration as their own studies used."""
