"""The grid for a tolerance: a few patients are solved twice, and what each bin adds is measured.

The same patients run on a grid and on its halving. From every state of the finer run one long step
is taken and compared with the two short ones: the error each step makes by itself. Summed along the
calendar, with the loss of the states, that gives what every bin of the profile contributes; since a
bin's contribution falls with the fourth power of its steps, the cheapest profile for a tolerance
follows in closed form. The difference of the two runs then decides, not the estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.backends.numpy.arrays import NUMPY, Track, bind
from ketasim.engine.grid import (
    BINS,
    Grid,
    OutputPlan,
    Profile,
    grid_of,
    place_parts,
)
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.response.weights import step_weights
from ketasim.engine.system import System

Array = NDArray[np.float64]

# A number is wrong by a part of itself, or of a thousandth of the state's largest value in that
# patient where it is smaller: near zero a relative error means nothing.
FLOOR = 1e-3
# Of a state that is not solved as a distance: what its rounding leaves in those that follow it.
ROUNDING = 1e-11
ORDER = 4
# What a halved step leaves of an error, at most. It is a sixteenth where the solution is smooth; at
# the first rise after a dose, a power of time that is no whole number, it is more.
LEFT = 0.25
_NOTHING = 1e-60  # less than this of a state is none: a power of zero may leave some
_ROUNDS = 8
_MOST_LOST = 4  # rounds with a state that is not finite, each on half the steps of the one before
_MOST_STEPS = 4096  # in one bin
_SAFE = 0.8  # part of the tolerance that a grid aims at
_ENOUGH = 0.9  # part of it with which a grid is taken: the error is an estimate
# of a step, where it is compared with its halving: what is read between its ends, and its end
_PARTS = (0.25, 0.5, 0.75, 1.0)
_HALVED_PARTS = (0.5, 1.0)  # the same moments, in steps of half the length
_TOGETHER = 16  # patients compared at once: their numbers stay near
_TELLING = 6  # patients, those with the largest errors, whose steps are looked at one by one
_CONFIDENT = 3  # rounds, after which one that misses the tolerance
_CAUTION = 0.4  # lowers the aim to this part
_WORSE = 3.0  # times the error of the round before: what is coarser than then was too coarse
_WORTH = 0.9  # part of the best cost that another round must promise


@dataclass(frozen=True)
class Solver:
    """How the pilot solves a system.

    **Arguments:**

    - `track`: at its own steps.
    - `states`: at requested times, shape (n, T, Y).
    """

    track: Callable[[System, Grid], Track]
    states: Callable[[System, Grid, OutputPlan], Array]


@dataclass(frozen=True)
class Piloted:
    """A profile and what it was found to do.

    **Arguments:**

    - `profile`: the steps.
    - `error`: largest relative error of the pilot patients, over all states and times.
    - `worst`: the pilot patient with it, counted from 0.
    - `errors`: largest relative error of every pilot patient, shape (n,).
    """

    profile: Profile
    error: float
    worst: int
    errors: Array


def choose_profile(
    systems: Sequence[System],
    cascade: Cascade,
    tolerance: float,
    solver: Solver,
    first: Profile,
    dearest: float,
) -> Piloted:
    """Find the cheapest steps that keep the pilot patients within a tolerance.

    **Arguments:**

    - `systems`: the pilot patients of each calendar.
    - `cascade`: the step of the response.
    - `tolerance`: relative error allowed, at the steps and between them.
    - `solver`: of the pilot.
    - `first`: a profile to begin with. `dearest`: steps on all systems that are not gone beyond.

    **Returns:** the cheapest profile found that keeps the tolerance; when none does, the last one,
    whose `error` says so.
    """
    profile = first
    best: Piloted | None = None
    lost, cautious = 0, 1.0
    before, error = profile, np.inf
    floor = np.ones(2 * BINS)
    for rounds in range(_ROUNDS):
        measured = [_measured(system, cascade, profile, solver) for system in systems]
        errors = np.concatenate([one.errors for one in measured])
        found = Piloted(profile, float(errors.max()), int(errors.argmax()), errors)
        if found.error <= _ENOUGH * tolerance and (
            best is None or cost_of(systems, profile) < cost_of(systems, best.profile)
        ):
            best = found
        shares = np.max([one.shares for one in measured], axis=0)
        if error * _WORSE < found.error < np.inf:
            # steps so long that the solution fails: no power tells how, so they are not tried again
            was, now = (np.array([*one.running, *one.free]) for one in (before, profile))
            floor = np.where(now < was, np.maximum(floor, was), floor)
        if found.error <= tolerance:
            cautious = 1.0
        elif rounds >= _CONFIDENT:
            # at a corner of the rates a step's error falls with less than its fourth power
            cautious *= _CAUTION
        before, error = profile, found.error
        following = profile.finer()
        lost += not np.isfinite(found.error)
        if lost == _MOST_LOST:
            break
        between = np.max([one.between for one in measured], axis=0)
        if np.isfinite([found.error, shares.sum(), between.sum()]).all() and shares.any():
            # the sum of the shares stands for the error; how well it does is seen in this round
            aim = cautious * _SAFE * tolerance * float(shares.sum()) / max(found.error, 1e-16)
            visits = np.sum([one.visits for one in measured], axis=0)
            beyond = between / (_SAFE * tolerance)
            following = _cheapest(profile, shares, visits, aim, beyond, floor)
        elif best is not None:
            break
        if best is not None and cost_of(systems, following) > _WORTH * cost_of(
            systems, best.profile
        ):
            break
        if cost_of(systems, following) > dearest:
            break
        profile = following
    return found if best is None else best  # pyright: ignore[reportPossiblyUnboundVariable]


def halving_errors(system: System, cascade: Cascade, profile: Profile, solver: Solver) -> Array:
    """Error of every patient on a profile, from its halving, shape (n,)."""
    grid, fine = _halved(system, profile)
    outputs, halved = place_parts(grid, _HALVED_PARTS), place_parts(fine, (1.0,))
    errors = np.empty(system.n)
    for first in range(0, system.n, _TOGETHER):
        which = np.arange(first, min(first + _TOGETHER, system.n))
        part = system if len(which) == system.n else system.take(which)
        with np.errstate(all="ignore"):
            rough, exact = solver.states(part, grid, outputs), solver.states(part, fine, halved)
            largest = np.maximum(np.abs(exact).max(axis=1), np.abs(part.initial.T))
            errors[which] = _errors(rough, exact, _scale(largest.T, cascade).T[:, None])
    return errors


def _halved(system: System, profile: Profile) -> tuple[Grid, Grid]:
    breaks = list(system.breaks)
    return (
        grid_of(profile, breaks, system.running),
        grid_of(profile, breaks, system.running, cut=2),
    )


def _scale(largest: Array, cascade: Cascade) -> Array:
    """What a number counts as at least, shape (Y, n), by the largest of each state."""
    least = np.maximum(FLOOR * largest, _NOTHING)
    for state, rounded in enumerate(cascade.rounded):
        if rounded:
            of = largest[list(rounded)].max(axis=0)
            least[state] = np.maximum(least[state], ROUNDING * of)
    return least


def _errors(rough: Array, exact: Array, scale: Array) -> Array:
    """Largest relative difference of every patient, from shapes (n, T, Y)."""
    errors = _relative(rough - exact, exact, scale).max(axis=(1, 2))
    return np.where(np.isfinite(errors), errors, np.inf) / (1.0 - LEFT)


@dataclass(frozen=True)
class _Measured:
    """Errors of the patients; what each bin adds at the steps' ends, and between them."""

    errors: Array
    shares: Array
    between: Array
    visits: Array


def _measured(system: System, cascade: Cascade, profile: Profile, solver: Solver) -> _Measured:
    grid, fine = _halved(system, profile)
    with np.errstate(all="ignore"):
        rough = solver.states(system, grid, place_parts(grid, _PARTS))
        exact = solver.track(system, fine)
        scale = _scale(np.abs(exact.states).max(axis=(0, 1)), cascade)
        wanted = exact.at(place_parts(fine, _HALVED_PARTS)).transpose(2, 0, 1)
        errors = _errors(rough, wanted, scale.T[:, None])
        # the patients with the largest errors tell where steps are needed
        worst = np.argsort(-errors, kind="stable")[:_TELLING]
        system, exact, scale = system.take(worst), exact.take(worst), scale[:, worst]
        ends, wanted = exact.states[1::2, 1], exact.states[1::2, 0]
        known = Track(
            np.stack([exact.states[::2, 0], ends], 1),
            np.stack([exact.slopes[::2, 0], exact.slopes[1::2, 1]], 1),
            exact.signals[::2],
        )
        missed = _relative(known.at(place_parts(grid, (0.5,))) - wanted, wanted, scale).max(
            axis=(1, 2)
        )
        shares = _shares(system, cascade, grid, exact, scale)
    between = np.zeros(2 * BINS)
    np.maximum.at(between, grid.bin_of, np.where(np.isfinite(missed), missed, np.inf))
    visits = np.bincount(grid.bin_of, minlength=2 * BINS).astype(np.float64)
    return _Measured(errors, shares, between, visits)


def _relative(difference: Array, wanted: Array, scale: Array) -> Array:
    return np.abs(difference) / np.maximum(np.abs(wanted), scale)


def cost_of(systems: Sequence[System], profile: Profile) -> int:
    """Steps of a profile on the calendars of some systems."""
    return sum(grid_of(profile, list(one.breaks), one.running).steps for one in systems)


def _shares(system: System, cascade: Cascade, grid: Grid, exact: Track, scale: Array) -> Array:
    """What each bin adds to the relative error at the ends of the steps."""
    ends = exact.states[1::2, 1]
    local = _alone(system, cascade, grid, exact) - ends
    bound = np.maximum(np.abs(ends), scale)
    kept = np.exp(-system.losses[None] * grid.lengths[:, None, None])
    bins, place = np.unique(grid.bin_of, return_inverse=True)
    carried = np.zeros((len(bins), *system.losses.shape))
    worst = np.zeros(len(bins))
    for step in range(grid.steps):
        carried *= kept[step]
        carried[place[step]] += local[step]
        np.maximum(worst, (np.abs(carried) / bound[step]).max(axis=(1, 2)), out=worst)
    shares = np.zeros(2 * BINS)
    shares[bins] = worst
    return shares


def _alone(system: System, cascade: Cascade, grid: Grid, exact: Track) -> Array:
    """End of every step by itself, from the state of the finer solution, shape (S, Y, n)."""
    start, step, _ = bind(cascade, system.parameters, NUMPY)
    table = step_weights(system.losses[None], grid.lengths[:, None, None])
    names = [one.rsplit("_", 1) for one in cascade.used]
    begin = tuple(np.moveaxis(exact.states[::2, 0] - cascade.origin, 1, 0))
    after, _ = step(
        begin,
        start(begin, tuple(np.moveaxis(exact.signals[::2, 0], 1, 0))),
        tuple(np.moveaxis(exact.signals[::2, 2], 1, 0)),
        tuple(np.moveaxis(exact.signals[1::2, 2], 1, 0)),
        tuple(table[name][:, int(state)] for name, state in names),
    )
    return np.stack([np.broadcast_to(one, begin[0].shape) for one in after], 1) + cascade.origin


def _cheapest(
    profile: Profile, shares: Array, visits: Array, target: float, between: Array, floor: Array
) -> Profile:
    """The profile of least cost whose shares sum up to a target, and whose middles keep theirs.

    A bin with s steps and share c costs its visits v and leaves c*(s/p)^4 with p steps: the least
    sum of costs has p proportional to (c*s^4*s/v)^(1/5), v counted in steps. Counts are whole, so
    the factor is searched for.

    **Arguments:**

    - `profile`: what was measured.
    - `shares`, `visits`: of every bin.
    - `target`: for the sum of the shares.
    - `between`: error between the steps over the one allowed; it falls with the sixth power of the
      steps, since the polynomial there is of fifth degree.
    - `floor`: least steps of every bin.
    """
    steps = np.array([*profile.running, *profile.free], np.float64)
    visited = (visits > 0) & (shares > 0)
    price = np.where(visits > 0, visits / steps, 1.0)
    weight = np.where(visited, shares * steps**ORDER / price, 1.0) ** (1.0 / (ORDER + 1))
    # no bin changes by more than a factor of four in a round: far off, powers are no guide
    least = np.maximum(steps / 4.0, np.ceil(steps * between ** (1.0 / 6.0) - 0.02))
    least = np.maximum(least, np.minimum(floor, steps * 4.0))
    even = float((shares[visited] * (steps[visited] / weight[visited]) ** ORDER).sum())
    middle = (even / target) ** (1.0 / ORDER)
    best: Array = steps * 4.0
    price_of_best = np.inf
    for trial in range(60):
        factor = 0.7 * middle * math.exp(0.014 * trial)
        counts = np.asarray(np.round(factor * weight), np.float64)
        counts = np.minimum(np.maximum(counts, np.maximum(least, 1.0)), steps * 4.0)
        counts = np.where(visited, np.ceil(counts), np.maximum(np.ceil(least), 1.0))
        left = float((shares[visited] * (steps[visited] / counts[visited]) ** ORDER).sum())
        total = float((price * counts)[visits > 0].sum())
        if left <= target and total < price_of_best:
            best, price_of_best = counts, total
    chosen: NDArray[np.int64] = np.clip(best, 1, _MOST_STEPS).astype(np.int64)
    for offset in (0, BINS):
        for number in range(1, BINS):
            # what no pilot reached keeps the length of the step before it
            if visits[offset + number] == 0:
                chosen[offset + number] = min(2 * chosen[offset + number - 1], _MOST_STEPS)
    return Profile(tuple(chosen[:BINS].tolist()), tuple(chosen[BINS:].tolist()))
