"""Measured concentration curves, point by point, beside the exposures of the training table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.pk.training import Design, TrainingRow
from ketasim.evidence import Fact, facts, load_card

Array = NDArray[np.float64]

# analyte of the table: that of the model, and the molar mass that takes nmol/mL to ng/mL
_ANALYTES = {
    "S-norketamine": ("s_norketamine", "MW_NK"),
    "R-norketamine": ("r_norketamine", "MW_NK"),
    "HNK-total": ("hnk", "MW_HNK"),
}
_DESIGNS = {
    "kamp2020bja": Design(
        "ketamine", "iv", "0.28 then 0.57 then 1.14 mg/kg/h", "mg/kg/h", 1.0, 70.0, 40.0, "white"
    )
}
_LOG_SD = 0.2  # difference between studies, as of every other exposure
_READING = 0.01  # how well a figure is read, as a part of the highest point of its curve


@dataclass(frozen=True)
class MeasuredCurve:
    """A study's mean curve of one analyte, read off its figure.

    **Arguments:**

    - `source`: source key.
    - `design`: doses and patient.
    - `analyte`, `site`: what was measured.
    - `minutes`: times after the first dose, min.
    - `points`: one exposure for each time, ng/mL; `log_sd` joins the difference between studies
      with the reading of the figure.
    """

    source: str
    design: Design
    analyte: str
    site: str
    minutes: tuple[float, ...]
    points: tuple[TrainingRow, ...]

    def published(self) -> Array:
        """The measured concentrations, ng/mL, shape (len(minutes),)."""
        return np.array([point.value for point in self.points])


@cache
def load_curves() -> tuple[MeasuredCurve, ...]:
    """Read the table of curves, one for every analyte of a source."""
    groups: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts("pk/curves_metabolites"):
        groups.setdefault((fact.source, fact.get("analyte")), []).append(fact)
    return tuple(_curve(source, name, members) for (source, name), members in groups.items())


def _curve(source: str, name: str, members: list[Fact]) -> MeasuredCurve:
    analyte, mass = _ANALYTES[name]
    assert all(fact.get("unit") == "nmol/mL" for fact in members)
    values = float(load_card("reference_prior").values()[mass]) * np.array(
        [float(fact.get("value")) for fact in members]
    )
    sds = np.hypot(_LOG_SD, _READING * values.max() / values)
    points = tuple(
        TrainingRow(
            fact=fact.id,
            source=source,
            use="fit",
            group="measured curve",
            design=_DESIGNS[source],
            analyte=analyte,
            site="arterial",
            metric="c_at",
            until=float(fact.get("time_h")),
            value=float(value),
            unit="ng/mL",
            log_sd=float(sd),
            reason="",
        )
        for fact, value, sd in zip(members, values, sds, strict=True)
    )
    minutes = tuple(60.0 * point.until for point in points)
    return MeasuredCurve(source, _DESIGNS[source], analyte, "arterial", minutes, points)
