"""Memory and time of a run of the engine, counted from its arrays before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ketasim._base.size import Size
from ketasim.engine.grid import BINS
from ketasim.engine.patients import Calendar
from ketasim.engine.planning import starting_profile

NUMBER: Final = 8  # bytes

_PATIENT: Final = 6_000  # bytes of one being solved: matrices, modes, amounts, parameters
_STEP: Final = 6.5e-8  # s, of one patient over one step
_OUTPUT: Final = 1.6e-8  # s, of one value
_READY: Final = 1.6e-5  # s, of one patient: modes, rows, parameters
_PILOT: Final = 16  # patients whose steps are compared at once
_HALVINGS: Final = 8  # values at a step of one state held for it


def steps_of(calendar: Calendar, rtol: float) -> int:
    """How many steps a calendar takes, about: those the search for them begins with.

    **Arguments:**

    - `calendar`: doses and horizon. `rtol`: relative error allowed.
    """
    doses = [dose for dose in calendar.doses if dose.time < calendar.horizon]
    ends = {round(dose.time + dose.duration, 6) for dose in doses if dose.duration > 0.0}
    starts = {round(dose.time, 6) for dose in doses}
    breaks = sorted({0.0, calendar.horizon, *starts, *ends})
    profile = starting_profile(rtol)
    steps = 0
    for begin, end in pairwise(breaks):
        counts = profile.running if begin in starts and begin not in ends else profile.free
        whole, width = 0.0, 2.0**-6
        for number in range(BINS):
            part = min((end - begin - whole) / width, 1.0) if number < BINS - 1 else 1.0
            steps += max(round(part * counts[number]), 1)
            whole += width
            if whole >= end - begin:
                break
            width = whole
    return steps


def pilot_size(steps: int, states: int) -> Size:
    """What the choice of the steps takes.

    **Arguments:**

    - `steps`: of the longest calendar. `states`: of the response.
    """
    numbers = _PILOT * steps * states * _HALVINGS
    return Size(numbers * NUMBER, 60 * steps * states * _STEP)


def solve_size(
    patients: int,
    steps: Sequence[int] | int,
    times: int,
    outputs: int,
    *,
    together: int,
    held: int | None = None,
) -> Size:
    """What `solve` takes, the choice of the steps aside.

    **Main arguments:**

    - `patients`: how many. `steps`: of the calendar, as `steps_of` counts them; of several,
      those of each.
    - `times`, `outputs`: of the values that are kept.

    **Other arguments:**

    - `together`: patients being solved at one time, by all threads.
    - `held`: values held at one time; all when left out.
    """
    mean = steps if isinstance(steps, int) else sum(steps) / max(len(steps), 1)
    values = float(patients) * times * outputs
    return Size(
        NUMBER * (values if held is None else min(values, held))
        + _PATIENT * min(patients, together),
        patients * (_READY + mean * _STEP) + values * _OUTPUT,
    )
