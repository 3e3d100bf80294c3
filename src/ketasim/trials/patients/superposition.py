"""Sessions of a patient added up: states of the chain to mood when everybody has other sessions.

The engine solves all patients by one calendar. Where the sessions differ between patients, because
a score decides on the next one or because sessions are missed, each patient is solved for a single
session from rest, and the course is put together from that. After a session at which a state is s,
it is

    s(t) = k(t) + d(t)·s,

where k is the state after a session from rest and d what is left of the state before. It is so for
the fast arm, which adds up; for restored synapses, as their change is linear in them, with
d = exp(-kS(1 + stress)·t - s_gain·∫drive); and for expectation, with
d = exp(-k_fade·t - k_lift·(1 - exp(-k_session·t))/k_session).

It is exact where nothing is left of a session's concentrations, adaptation and drive when the next
begins. Drive that is left acts before the next session instead of beside it; concentrations and
adaptation that are left are not seen. Trials refuse sessions closer together
than two days where they would be added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients, Plan, solve_each
from ketasim.models import MODELS, mood_chain
from ketasim.population import mood_plan, session_marks

Array = NDArray[np.float64]

OVER: Final = 168.0
"""Time after a session at which nothing but the slow states is left of it, h."""

_LOOKS: Final = np.unique(
    np.concatenate([np.arange(0.0, 72.0, 2.0), np.arange(72.0, OVER + 1.0, 6.0)])
)
_OUTPUTS: Final = ("fast_arm", "restored", "expectation", "drive")
_SLIP: Final = 1e-6  # h


@dataclass(frozen=True)
class Kernels:
    """What one session of each kind leaves, in every patient.

    **Arguments:**

    - `times`: h after the session, ascending from 0, shape (K,).
    - `fast`, `restored`, `expectation`: the states after a session from rest, shape (kinds, n, K).
    - `lost`: s_gain·∫drive, shape (kinds, n, K).
    - `values`: of the chain, as `mood_values` returns them.
    """

    times: Array
    fast: Array
    restored: Array
    expectation: Array
    lost: Array
    values: Mapping[str, Any]

    def rate(self, name: str) -> Array:
        """A parameter of the chain, a number or shape (n,)."""
        return np.asarray(self.values[name], np.float64)

    def read(self, table: Array, kind: NDArray[np.int64], since: Array) -> Array:
        """Values of patients between two times of the table by a straight line, shape (n,)."""
        right = np.clip(np.searchsorted(self.times, since - _SLIP), 1, len(self.times) - 1)
        left = right - 1
        part = np.clip(
            (since - self.times[left]) / (self.times[right] - self.times[left]), 0.0, 1.0
        )
        rows = np.arange(len(since))
        return table[kind, rows, left] * (1.0 - part) + table[kind, rows, right] * part


@dataclass
class Followed:
    """Patients from session to session.

    **Arguments:**

    - `kernels`: of their sessions.
    - `fast`, `restored`, `expectation`: at the last session, shape (n,); `lift` is expectation
      times what the patient then expected of the treatment, on the logarithm of severity.
    - `kind`: of the last session; `since` of which time, h, not a number before the first.
    - `height`: what is expected of the treatment since then.
    """

    kernels: Kernels
    fast: Array
    restored: Array
    lift: Array
    kind: NDArray[np.int64]
    last: Array
    height: Array

    @classmethod
    def start(cls, kernels: Kernels, n: int) -> Followed:
        """Patients before anything is given."""
        return cls(
            kernels,
            fast=np.zeros(n),
            restored=np.zeros(n),
            lift=np.zeros(n),
            kind=np.zeros(n, np.int64),
            last=np.full(n, np.nan),
            height=np.zeros(n),
        )

    def states(self, time: float) -> tuple[Array, Array, Array]:
        """Fast arm, restored synapses, and expectation times its height, at a time, shape (n,)."""
        kernels, given = self.kernels, ~np.isnan(self.last)
        since = np.where(given, time - self.last, 0.0)
        near, rest = np.minimum(since, kernels.times[-1]), np.maximum(since - kernels.times[-1], 0)
        rate = {name: kernels.rate(name) for name in ("kA", "kS", "stress", "k_fade")}
        loss = rate["kS"] * (1.0 + rate["stress"])
        read = kernels.read
        own: dict[str, Array] = {
            name: read(getattr(kernels, name), self.kind, near)
            for name in ("fast", "restored", "expectation", "lost")
        }
        fast: Array = own["fast"] * np.exp(-rate["kA"] * rest)
        fast = fast + self.fast * np.exp(-rate["kA"] * since)
        restored: Array = own["restored"] * np.exp(-loss * rest)
        restored = restored + self.restored * np.exp(-loss * since - own["lost"])
        lift, ended = (kernels.rate(name) for name in ("k_lift", "k_session"))
        spent = -np.expm1(-ended * since) / ended
        raised = self.height * own["expectation"] * np.exp(-rate["k_fade"] * rest)
        kept = self.lift * np.exp(-rate["k_fade"] * since - lift * spent)
        none = np.zeros_like(fast)
        return (
            np.where(given, fast, none),
            np.where(given, restored, none),
            np.where(given, raised + kept, none),
        )

    def session(self, time: float, kind: int, height: Array, who: NDArray[np.bool_]) -> None:
        """Give some patients a session.

        **Arguments:**

        - `time`: h. `kind`: which kernel. `height`: what they expect of it, shape (n,).
        - `who`: shape (n,).
        """
        fast, restored, lift = self.states(time)
        given = ~np.isnan(self.last)
        since = np.where(given, np.minimum(time - self.last, self.kernels.times[-1]), 0.0)
        lost = self.kernels.read(self.kernels.lost, self.kind, since)
        rows = np.arange(len(since))
        left = np.where(given, self.kernels.lost[self.kind, rows, -1] - lost, 0.0)
        # drive that is still to come acts at once: it closes that part of what is lost
        restored = 1.0 - (1.0 - restored) * np.exp(-left)
        self.fast = np.where(who, fast, self.fast)
        self.restored = np.where(who, restored, self.restored)
        self.lift = np.where(who, lift, self.lift)
        self.kind = np.where(who, kind, self.kind)
        self.height = np.where(who, height, self.height)
        self.last = np.where(who, time, self.last)


def session_kernels(
    values: Mapping[str, Any],
    weight: Array,
    calendars: Sequence[Calendar],
    looks: Array,
    plan: Plan,
) -> Kernels:
    """Solve a session of each kind from rest.

    **Arguments:**

    - `values`: every parameter of the chain, numbers or shape (n,). `weight`: kg, shape (n,).
    - `calendars`: a session each, at 0 h, as `session_calendar` makes them.
    - `looks`: h after a session at which states will be read; those between are interpolated.
    - `plan`: as `kernel_plan` returns it.
    """
    times = np.unique(np.concatenate([_LOOKS, looks[(looks > _SLIP) & (looks < OVER)]]))
    times = times[np.concatenate([[True], np.diff(times) > _SLIP])]
    patients = Patients(values, weight, tuple(calendars))
    found = solve_each(
        *(mood_chain(MODELS["reference"]), patients, times[1:], _OUTPUTS),
        plan=plan,
        engine="numba",
        progress=False,
    )
    start = np.zeros((len(calendars), len(weight), 1))
    fast, restored, expectation, drive = (
        np.concatenate([start, found[..., place]], axis=2) for place in range(len(_OUTPUTS))
    )
    steps = (drive[..., 1:] + drive[..., :-1]) / 2.0 * np.diff(times)
    gain = np.reshape(np.asarray(values["s_gain"], np.float64), (-1, 1))
    lost = np.concatenate([start, gain * np.cumsum(steps, axis=2)], axis=2)
    return Kernels(times, fast, restored, expectation, lost, values)


def session_calendar(doses: Sequence[Dose]) -> Calendar:
    """The calendar of one session, followed until only the slow states are left of it.

    **Arguments:**

    - `doses`: of the session, which begins at 0 h; none where it holds no drug.
    """
    return Calendar((*doses, *session_marks([0.0])), OVER)


def kernel_plan(values: Mapping[str, Any], weight: Array, calendars: Sequence[Calendar]) -> Plan:
    """Steps for `session_kernels`; arguments as there."""
    patients = Patients(values, weight, tuple(calendars))
    chain = mood_chain(MODELS["reference"])
    return mood_plan(chain, patients, engine="numba", each=True)
