"""How medicines, genes and kidneys change exposure, computed through the reference model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ketasim.screening.finding import ExposureRatio

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ketasim.dosing import Course, Dose
    from ketasim.population import Modifier

    Array = NDArray[np.float64]

SITE: Final = "venous"
"""Where exposure is compared: clinics sample veins."""

QUANTITIES: Final = {"ketamine": "ketamine", "esketamine": "s_ketamine", "arketamine": "r_ketamine"}
"""What is compared for each drug."""

TOGETHER: Final = "all medicines together"
"""Name of what several medicines do at once."""

_COMPLETE: Final = 10_000.0  # h after the last dose; every area is complete by then
_DENSE, _SOON, _PEAK = 0.02, 3.0, 24.0  # h: steps, and how long after the last dose a peak may come


def exposure_ratios(
    course: Course, medicines: Sequence[Modifier], others: Sequence[Modifier]
) -> dict[str, tuple[ExposureRatio, ...]]:
    """Exposure to the first session with and without what changes enzymes.

    **Arguments:**

    - `course`: whose first session is computed, for its typical patient.
    - `medicines`: each is compared with the same patient without any medicine; with several, all
      together too.
    - `others`: genotype and kidney impairment, each compared with a patient without them.

    **Returns:** name to the ratios of the area under the curve and of the peak; empty when nothing
    is asked for.
    """
    if not medicines and not others:
        return {}
    import numpy as np

    from ketasim.evidence import load_card
    from ketasim.models import MODELS
    from ketasim.population import activities_of, covariates_of

    model, card = MODELS["reference"], load_card("reference")
    doses = [
        replace(dose, steady_state_interval=None)
        for dose in course.regimen.doses
        if dose.session == 0
    ]
    covariates, _ = covariates_of(course.patient, model, card)
    base: dict[str, Any] = {s.name: card.entry(s.name).value for s in model.parameters}
    base |= covariates
    numbers = card.values()
    weight = np.array([float(course.patient.weight)])

    def exposure(modifiers: Sequence[Modifier]) -> dict[tuple[str, str], float]:
        return _exposure({**base, **activities_of(modifiers, numbers)}, doses, weight)

    plain = exposure(())
    without = exposure(others) if others else plain
    found = {m.name: _ratios(m.name, exposure((*others, m)), without) for m in medicines}
    found |= {m.name: _ratios(m.name, exposure((m,)), plain) for m in others}
    if len(medicines) > 1:
        found[TOGETHER] = _ratios(TOGETHER, exposure((*others, *medicines)), without)
    return found


def _exposure(
    values: Mapping[str, Any], doses: Sequence[Dose], weight: Array
) -> dict[tuple[str, str], float]:
    """Area and peak of the drugs of a session, by quantity and metric."""
    import numpy as np

    from ketasim.engine import concentrations, peak
    from ketasim.models import MODELS

    turns = sorted({time for dose in doses for time in (dose.time, dose.end)})
    first, last = turns[0], turns[-1]
    times = np.unique(
        np.concatenate(
            [
                np.linspace(first, last, 200),
                last + np.arange(0.0, _SOON, _DENSE),
                last + np.arange(_SOON, _PEAK, 0.25),
                np.array([*turns, last + _COMPLETE]),
            ]
        )
    )
    solved = concentrations(MODELS["reference"], values, doses, times, weight, sites=(SITE,))
    found: dict[tuple[str, str], float] = {}
    for drug in dict.fromkeys(dose.drug for dose in doses):
        key = (QUANTITIES[drug], SITE)
        top, _ = peak(solved.times, solved.values[key], breaks=turns)
        found[key[0], "AUC"] = float(solved.areas[key][-1, 0])
        found[key[0], "Cmax"] = float(top[0])
    return found


def _ratios(
    name: str,
    with_it: Mapping[tuple[str, str], float],
    without: Mapping[tuple[str, str], float],
) -> tuple[ExposureRatio, ...]:
    return tuple(
        ExposureRatio(name, quantity, SITE, metric, with_it[quantity, metric] / value)
        for (quantity, metric), value in without.items()
    )
