"""What the mechanism of the chain to mood is checked with: the typical patient, and trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import load_course, load_trial
from ketasim.engine import Calendar, Patients, solve
from ketasim.evidence import Card, load_card, studies
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    Situation,
    VisitNoise,
    arm_calendar,
    arm_patients,
    baseline_scores,
    mood_effects,
    mood_values,
    receptor_values,
    session_answers,
    session_marks,
    session_normals,
    situation_of,
    typical_effects,
    virtual_patients,
)

Array = NDArray[np.float64]

INFUSION: Final = "ketamine 0.5 mg/kg iv over 40 min once"
"""The session of most published studies."""
MULTIPLES: Final = (1, 2, 4, 8)
"""Of its dose, for what changes with the dose."""
END: Final = 40.0 / 60.0
"""End of it, h."""
PEOPLE: Final = 500
"""Virtual patients behind a mean or a correlation."""
DAY: Final = 24.0
"""Hours."""
_DAILY: Final = "ketamine 0.5 mg/kg iv over 40 min daily for 5 days"
_UNDER_SKIN: Final = "ketamine 0.5 mg/kg sc once"
_SEED: Final = 1
_NAMES: Final = ("nmda_block", "glutamate", "bdnf", "synapses", "restored", "fast_arm")


def mechanism_curves(
    regimens: Sequence[str],
    times: Array,
    names: Sequence[str],
    card: Card | None = None,
    *,
    situation: Situation | None = None,
    baseline: float | None = None,
) -> dict[str, Array]:
    """Curves of the typical patient under some regimens.

    **Main arguments:**

    - `regimens`: as sentences. `times`: h, ascending, shape (T,).
    - `names`: states and quantities of the chain, or `formation_rate`: formation of synapses over
      that without the drug.

    **Other arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.
    - `situation`: what decides on expectation; of a patient who knows the
      treatment when left out.
    - `baseline`: MADRS before treatment; half of the highest when left out.

    **Returns:** name to array of shape (regimens, T).
    """
    numbers = _numbers(card)
    model, horizon = MODELS["reference"], float(times[-1]) + 1.0
    courses = [
        load_course({"regimen": regimen, "horizon": f"{horizon:g} h"}) for regimen in regimens
    ]
    cohort = virtual_patients(courses[0], load_card("reference"), model, typical=True)
    start = np.full(1, numbers["M_max"] / 2.0 if baseline is None else baseline)
    mood = mood_values(numbers, typical_effects(), situation or Situation(), start, spread=False)
    values = {**cohort.values, **receptor_values(), **mood, "k_session": numbers["k_session"]}
    calendars = tuple(
        Calendar((*c.regimen.doses, *session_marks(c.regimen.sessions)), horizon) for c in courses
    )
    n = len(regimens)
    patients = Patients(
        {name: np.ravel(value)[0] for name, value in values.items()},
        np.full(n, cohort.weight[0]),
        calendars,
        np.arange(n),
    )
    asked = [name for name in names if name != "formation_rate"]
    more = [name for name in ("drive", "synapses") if name not in asked]
    solved = solve(
        mood_chain(model), patients, times, [*asked, *more], engine="numpy", progress=False
    )
    found = {name: solved[name] for name in asked}
    if "formation_rate" in names:
        found["formation_rate"] = _formation(solved["drive"], solved["synapses"], numbers)
    return found


def _formation(drive: Array, synapses: Array, numbers: Mapping[str, float]) -> Array:
    """Formation of synapses over that without the drug."""
    return 1.0 + numbers["s_gain"] * drive * (1.0 - synapses) / numbers["kS"]


def _numbers(card: Card | None) -> dict[str, float]:
    return (load_card("mood") if card is None else card).values()


@dataclass(frozen=True)
class Typical:
    """What the typical patient shows.

    **Arguments:**

    - `times`: h, of the curves. `infusion`: name to the curve after 0.5 mg/kg over 40 minutes.
    - `ends`: glutamate above rest at the end of `MULTIPLES` of that dose.
    - `under_skin`: block after the same dose under the skin, on the first of the times.
    - `daily`: formation of synapses under five doses in as many days, on the first of the times.
    """

    times: Array
    infusion: Mapping[str, Array]
    ends: tuple[float, ...]
    under_skin: Array
    daily: Array

    def at(self, name: str, hours: float) -> float:
        """Value after one infusion."""
        return float(np.interp(hours, self.times, self.infusion[name]))

    def risen(self, name: str, hours: float, rest: float) -> float:
        """Distance from rest, as part of the largest one."""
        return (self.at(name, hours) - rest) / (float(self.infusion[name].max()) - rest)

    def between(self, curve: Array, first: float, last: float) -> float:
        """Mean over a window, h."""
        known = self.times[: len(curve)]
        inside = (known >= first - 1e-9) & (known <= last + 1e-9)
        at = known[inside]
        area: Array = np.asarray(np.trapezoid(curve[inside], at))
        return float(area) / float(at[-1] - at[0])


def typical_patient(card: Card | None) -> Typical:
    """Simulate the typical patient.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.
    """
    times = np.unique(
        np.concatenate([np.arange(0.0, 4.0, 1 / 60), np.arange(4.0, 26.0, 0.25), [END]])
    )
    few = np.union1d(times, np.arange(26.0, 133.0, 1.0))
    times = np.union1d(few, np.arange(133.0, 505.0, 1.0))
    one = mechanism_curves([INFUSION], times, (*_NAMES, "formation_rate"), card)
    soon = times[: int(np.searchsorted(times, 2.0))]
    doses = [f"ketamine {0.5 * m:g} mg/kg iv over 40 min once" for m in MULTIPLES]
    more = mechanism_curves([*doses, _UNDER_SKIN], soon, ("glutamate", "nmda_block"), card)
    return Typical(
        times=times,
        infusion={name: curve[0] for name, curve in one.items()},
        ends=tuple(
            float(curve[int(np.searchsorted(soon, END - 1e-9))]) - 1.0
            for curve in more["glutamate"][:-1]
        ),
        under_skin=more["nmda_block"][-1],
        daily=mechanism_curves([_DAILY], few, ("formation_rate",), card)["formation_rate"][0],
    )


def effect_sizes(numbers: Mapping[str, float]) -> tuple[float, float]:
    """Cohen's d against saline in the trial of diazgranados2010, at 40 min and 2 d.

    **Arguments:**

    - `numbers`: of the card `mood`.
    """
    path = next(path for path in studies() if path.stem == "diazgranados2010")
    times = np.array([END, 2.0 * DAY])
    effects = mood_effects(_SEED, 0, PEOPLE)
    falls: list[Array] = []
    scores: list[Array] = []
    trial = load_trial(path)
    for arm in trial.arms:
        values, weight, _ = arm_patients(arm, _SEED, 0, PEOPLE)
        assert arm.baseline is not None
        start = baseline_scores(arm.baseline.mean, arm.baseline.sd, effects["M0"], numbers["M_max"])
        values |= mood_values(numbers, effects, situation_of(trial, arm), start)
        values["e_A"] = values["e_A"] * _answers(numbers)
        values["k_session"] = numbers["k_session"]
        patients = Patients(values, weight, (arm_calendar(arm, float(times[-1]) + 1.0),))
        chain = mood_chain(MODELS["reference"])
        solved = solve(chain, patients, times, ["MADRS"], engine="numpy", progress=False)
        scores.append(solved["MADRS"])
        falls.append(start[:, None] - solved["MADRS"])
    noise = VisitNoise.of(numbers).covariance(times, times)
    spread = [score.var(axis=0) + noise for score in scores]
    sizes = (falls[0] - falls[1]).mean(axis=0) / np.sqrt((spread[0] + spread[1]) / 2.0)
    return float(sizes[0]), float(sizes[1])


def _answers(numbers: Mapping[str, float]) -> Array:
    """How much the mood of each patient answers to the only session, shape (`PEOPLE`,)."""
    return session_answers(numbers["omega_A"], session_normals(_SEED, 0, PEOPLE, 1))[:, 0]


def drive_and_mood(numbers: Mapping[str, float]) -> tuple[float, float]:
    """Correlation of the drive at 240 min with the score, and what responders have more, %.

    **Arguments:**

    - `numbers`: of the card `mood`.
    """
    course = load_course(
        {
            "population": {"n": PEOPLE, "seed": _SEED},
            "regimen": INFUSION,
            "horizon": "2 d",
        }
    )
    model = MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model)
    effects = mood_effects(_SEED, 0, PEOPLE)
    start = np.full(PEOPLE, numbers["M_max"] / 2.0)
    values: dict[str, Any] = {
        **cohort.values,
        **receptor_values(),
        "k_session": numbers["k_session"],
    }
    values |= mood_values(numbers, effects, Situation(), start)
    values["e_A"] = values["e_A"] * _answers(numbers)
    doses = (*course.regimen.doses, *session_marks(course.regimen.sessions))
    patients = Patients(values, cohort.weight, (Calendar(doses, 2.0 * DAY),))
    solved = solve(
        mood_chain(model),
        patients,
        np.array([4.0, DAY]),
        ["MADRS", "bdnf"],
        engine="numpy",
        progress=False,
    )
    drive, score = solved["bdnf"][:, 0] - 1.0, solved["MADRS"]
    well = score[:, 1] <= start / 2.0
    gap = (drive[well].mean() - drive[~well].mean()) / drive.mean()
    return float(np.corrcoef(drive, score[:, 0])[0, 1]), 100.0 * float(gap)
