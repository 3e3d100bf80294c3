"""When things happen in a course: its sessions, and the times at which results are given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Dose

Array = NDArray[np.float64]

# Hours after the start of a session. The steps are decimal fractions of an hour, so that they
# repeat exactly: times equally long after a change of the input share their exponentials.
_CLOSE = (
    np.arange(0.0, 0.25, 0.0125),
    np.arange(0.25, 0.5, 0.025),
    np.arange(0.5, 1.5, 0.05),
    np.arange(1.5, 2.5, 0.1),
    np.arange(2.5, 4.0, 0.25),
    np.arange(4.0, 25.0, 1.0),
)
_AFTER = (np.array([0.01, 0.02, 0.03, 0.05, 0.075]),)  # an input's end: the effect site peaks then
_COARSE = (
    np.arange(0.0, 1.0, 0.1),
    np.arange(1.0, 2.0, 0.5),
    np.arange(2.0, 4.0, 1.0),
    np.arange(4.0, 8.0, 2.0),
    np.array([8.0, 12.0, 18.0, 24.0]),
)
_SPARSE = (np.array([0.0, 0.5, 1.0, 2.0, 4.0, 12.0]),)
_BETWEEN = 12.0  # h, where nothing happens
_MANY = 60  # sessions; beyond, those between the first and the last get fewer times
_DECIMALS = 10  # as the engine rounds times


@dataclass(frozen=True)
class Session:
    """Doses given together, such as the devices of a nasal session or the steps of an infusion.

    **Arguments:**

    - `start`: h, of the first dose.
    - `end`: h, when the last input ends, slow release from a tablet or the mucosa included.
    - `turns`: h, starts and ends of the inputs: concentrations turn sharply there.
    - `until`: h, start of the next session or the course's horizon.
    - `doses`: the doses.
    """

    start: float
    end: float
    until: float
    turns: tuple[float, ...]
    doses: tuple[Dose, ...]


def sessions_of(
    doses: Sequence[Dose], horizon: float, durations: Mapping[str, Sequence[float]]
) -> tuple[Session, ...]:
    """Collect the doses of each session; doses after the horizon are not seen.

    **Arguments:**

    - `doses`: of the regimen; each says which session it belongs to.
    - `horizon`: h, end of the course.
    - `durations`: route to how long its own inputs last, h, such as the release from a tablet.
    """
    members: dict[int, list[Dose]] = {}
    for dose in doses:
        if dose.time >= horizon:
            continue
        members.setdefault(dose.session, []).append(dose)
    groups = sorted(
        (sorted(group, key=lambda d: d.time) for group in members.values()),
        key=lambda group: group[0].time,
    )
    starts = [group[0].time for group in groups]
    sessions: list[Session] = []
    for group, until in zip(groups, [*starts[1:], horizon][: len(groups)], strict=True):
        turns = {
            time
            for dose in group
            for lasting in (0.0, dose.duration, *durations.get(dose.route, ()))
            if (time := dose.time + lasting) >= 0.0
        }
        sessions.append(
            Session(
                start=group[0].time,
                end=max(turns),
                until=max(until, group[0].time),
                turns=tuple(sorted(turns)),
                doses=tuple(group),
            )
        )
    return tuple(sessions)


def output_times(sessions: Sequence[Session], horizon: float) -> Array:
    """Times of the results: close around the first and the last session, coarser elsewhere.

    Starts and ends of doses are among them, so that peaks at the end of an infusion are exact.

    **Arguments:**

    - `sessions`: as `sessions_of` returns them.
    - `horizon`: h, the last time.

    **Returns:** h, ascending, shape (T,).
    """
    found: list[Array] = [np.arange(0.0, horizon, _BETWEEN), np.array([0.0, horizon])]
    for number, session in enumerate(sessions):
        shown = number in (0, len(sessions) - 1)
        offsets = _CLOSE if shown else _COARSE if len(sessions) <= _MANY else _SPARSE
        anchors = [(session.start, offsets)]
        # a long input: its end needs close times as well as its start
        if session.end > session.start + 4.0:
            anchors.append((session.end, offsets))
        if shown:
            anchors += [(turn, _AFTER) for turn in session.turns if turn > session.start]
        found += [_limited(anchor + part, session) for anchor, parts in anchors for part in parts]
        found.append(_limited(np.array(session.turns if shown else session.turns[-1:]), session))
    times = np.unique(np.round(np.concatenate(found), _DECIMALS))
    # rounding may put the horizon a hair beyond itself
    return times[(times >= 0.0) & (times <= horizon + 10.0**-_DECIMALS)]


def checked_times(times: Iterable[float]) -> Array:
    """Times given by the user, sorted and without repetition.

    **Raises:** `InputError` when there is none, or one is negative or not finite.
    """
    array = np.unique(np.round(np.asarray(list(times), np.float64), _DECIMALS))
    if array.size == 0 or not np.all(np.isfinite(array)) or array[0] < 0.0:
        raise InputError(
            "times", "are not hours from the first dose", "give finite numbers, zero or more"
        )
    return array


def _limited(times: Array, session: Session) -> Array:
    return times[times <= session.until]
