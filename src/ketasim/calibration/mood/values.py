"""Published changes of arms, and the groups by which predictions of them are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ketasim.calibration.mood.world import ArmDesign
from ketasim.dosing import Arm, Phase, Trial
from ketasim.evidence.mood_training import MoodRow

WINDOWS: Final = (
    ("hours", 0.0, 6.0),
    ("a day", 6.0, 36.0),
    ("2 to 4 days", 36.0, 108.0),
    ("a week", 108.0, 264.0),
    ("2 to 4 weeks", 264.0, 708.0),
    ("1 to 3 months", 708.0, 2304.0),
    ("beyond 3 months", 2304.0, float("inf")),
)
"""Windows of time in which values are taken to be of the same time: name, start and end, h."""
WINDOW_NAMES: Final = tuple(name for name, _, _ in WINDOWS)
"""Names of the windows."""
OPEN: Final = "open, no control"
"""The control of an arm whose patients know what they get."""
UNCONTROLLED: Final = "blinded, no control"
"""The control of a blinded arm in a trial that has no control arm."""

_ROUTES: Final = {
    "intranasal": "spray",
    "iv": "vein",
    "im": "injection",
    "sc": "injection",
    "oral": "mouth",
    "oral_er": "mouth",
    "sublingual": "mouth",
}
_OTHER: Final = "other way"
_DAY: Final = 24.0


@dataclass(frozen=True)
class ArmValue:
    """A published change of an arm.

    **Arguments:**

    - `study`: the trial. `arm`: what was given.
    - `time`: h. `change`: points of the MADRS. `se`: of it.
    - `start`: h, from when the change counts; nothing for a change from before the first dose.
    """

    study: Trial
    arm: Arm
    time: float
    change: float
    se: float
    start: float | None = None

    @property
    def trial(self) -> str:
        """Key of the trial."""
        return self.study.key

    @property
    def side(self) -> str:
        """Drug or control."""
        return "drug" if self.arm.control is None else "control"

    @property
    def window(self) -> str:
        """Name of its window of time."""
        return window_of(self.time)

    @property
    def kind(self) -> str:
        """Kind of arm: its control, or the drug's way and whether patients know."""
        if self.arm.control is not None:
            return self.arm.control
        if self.arm.masked:
            return f"{self.route}, masked"
        return f"{self.route}, open" if self.arm.open else self.route

    @cached_property
    def route(self) -> str:
        """How the drug is given in the arm; for a control, in the arms that it is a control of."""
        if self.arm.phases:
            return route_of(self.arm.phases[0].route)
        blinded = [a for a in self.study.arms if a.phases and not a.open]
        drugs = blinded or [a for a in self.study.arms if a.phases]
        return route_of(drugs[0].phases[0].route) if drugs else _OTHER

    @cached_property
    def against(self) -> str:
        """Kind of control of the trial, or that it has none."""
        if self.arm.control is not None:
            return self.arm.control
        if self.arm.open:
            return OPEN
        kinds = [a.control for a in self.study.arms if a.control is not None]
        return kinds[0] if kinds else UNCONTROLLED

    @property
    def openness(self) -> str:
        """Whether patients can know what they get."""
        if self.arm.masked:
            return "under anaesthesia"
        return "open" if self.arm.open else "blinded"

    def phase(self, time: float) -> Phase | None:
        """Phase of the last session before a time, h; nothing where there was none."""
        last: tuple[float, Phase] | None = None
        for phase in self.arm.phases:
            for day in phase.days:
                if day * _DAY < time and (last is None or day >= last[0]):
                    last = day, phase
        return None if last is None else last[1]

    def since(self, time: float) -> tuple[float, float] | None:
        """Days from the first and from the last dose to a time, h; nothing before any dose."""
        before = [dose.time for dose in self.arm.doses if dose.time < time]
        if not before:
            return None
        return (time - min(before)) / _DAY, (time - max(before)) / _DAY


def window_of(time: float) -> str:
    """Name of the window of a time, h."""
    return next(name for name, _, end in WINDOWS if time < end)


def route_of(route: str) -> str:
    """A route in one of a few words."""
    return _ROUTES.get(route, _OTHER)


def arm_values(rows: Sequence[MoodRow], designs: Sequence[ArmDesign]) -> dict[int, ArmValue]:
    """The rows that are changes of arms on the MADRS with a standard error.

    Changes from the start of a later phase are among them.

    **Arguments:**

    - `rows`: of the training table. `designs`: of their arms.

    **Returns:** position of the row to its value.
    """
    arms = {d.key: d for d in designs}
    found: dict[int, ArmValue] = {}
    for i, row in enumerate(rows):
        if row.scale != "MADRS" or not row.metric.startswith("change"):
            continue
        if row.time is None or row.se is None:
            continue
        design = arms[row.trial, row.arm]
        found[i] = ArmValue(design.trial, design.arm, row.time, row.value, row.se, row.start)
    return found
