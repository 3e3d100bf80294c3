"""The simulated patients on whom the forecast is checked: who, treated how, rated when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ketasim.dosing import Course, load_course
from ketasim.engine import Plan
from ketasim.forecasting.simulated import Simulated, simulated_patients
from ketasim.forecasting.weighing.steps import steps_for

_DAY: Final = 24.0

KNOWN: Final = (1.0, 4.0, 8.0, 11.0, 15.0, 22.0)
"""Days of the scores that a forecast may know, each before the session of that day or after the
last one."""

LATER: Final = (28.0, 56.0)
"""Days of the scores that are forecast."""

COUNTS: Final = (1, 2, 3, 4, 6)
"""How many scores after that before treatment a forecast knows."""

_INFUSIONS: Final = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"
_SPRAY: Final = "esketamine 56 mg intranasal on day 0, then 84 mg on days 3 7 10 14 17 21 24"


@dataclass(frozen=True)
class Setting:
    """Patients with one course, one score before treatment and one scale that is forecast.

    **Arguments:**

    - `name`: of the setting. `baseline`: scale and score before treatment.
    - `regimen`: as a sentence. `background`: oral antidepressant.
    - `between`: scale of every second score that is known; that of the baseline when left out.
    """

    name: str
    baseline: tuple[str, float]
    regimen: str
    background: str = "none"
    between: str | None = None

    @property
    def place(self) -> int:
        """Among `SETTINGS`."""
        return SETTINGS.index(self)

    @property
    def course(self) -> Course:
        """The course, with the score before treatment."""
        return _course(self)

    @property
    def plan(self) -> Plan:
        """Steps of the solver."""
        return _plan(self)

    @property
    def times(self) -> tuple[float, ...]:
        """Of the scores that are known and those that are forecast, h."""
        return tuple(day * _DAY for day in (*KNOWN, *LATER))

    @property
    def scales(self) -> tuple[str, ...]:
        """Scale of each score."""
        own = self.baseline[0]
        other = own if self.between is None else self.between
        known = tuple((own, other)[place % 2] for place in range(len(KNOWN)))
        return (*known, *(own for _ in LATER))

    def patients(self, count: int, seed: int) -> Simulated:
        """Patients with their ratings at `times`."""
        return simulated_patients(
            self.course, self.times, self.scales, count=count, seed=seed, plan=self.plan
        )


SETTINGS: Final = (
    Setting("infusions, MADRS 34", ("MADRS", 34.0), _INFUSIONS),
    Setting("infusions, MADRS 26", ("MADRS", 26.0), _INFUSIONS),
    Setting("infusions, PHQ-9 21", ("PHQ9", 21.0), _INFUSIONS),
    Setting("infusions, PHQ-9 15", ("PHQ9", 15.0), _INFUSIONS),
    Setting("spray, MADRS 36", ("MADRS", 36.0), _SPRAY, "new"),
    Setting("spray, PHQ-9 19", ("PHQ9", 19.0), _SPRAY),
    Setting("infusions, MADRS 30, PHQ-9 between", ("MADRS", 30.0), _INFUSIONS, between="PHQ9"),
    Setting("spray, PHQ-9 18, MADRS between", ("PHQ9", 18.0), _SPRAY, between="MADRS"),
)
"""Infusions and spray, two scales, high and low scores before treatment, and two scales in one
patient."""


def setting_of(name: str) -> Setting:
    """A setting by its name."""
    return next(one for one in SETTINGS if one.name == name)


@cache
def _course(setting: Setting) -> Course:
    scale, score = setting.baseline
    content: dict[str, Any] = {
        "patient": {"weight": "80 kg", "baseline": {"scale": scale, "score": score}},
        "regimen": setting.regimen,
        "mood": {"background": setting.background},
        "horizon": f"{LATER[-1]:g} d",
    }
    return load_course(content)


@cache
def _plan(setting: Setting) -> Plan:
    return steps_for([_course(setting)])
