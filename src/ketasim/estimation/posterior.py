"""Subjects one by one: their most likely parameters, with the population's as prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, standard_normals
from ketasim._base.words import counted
from ketasim.estimation.diagnostics import (
    epsilon_shrinkage,
    predicted_rows,
    residuals,
    shrinkage,
)
from ketasim.estimation.estimates import Estimate
from ketasim.estimation.likelihood.conditional import Modes, People, modes, positive
from ketasim.estimation.likelihood.expansion import expand
from ketasim.estimation.problem.problem import Problem
from ketasim.estimation.result import ModelFit
from ketasim.estimation.written import fitted_subject

Array = NDArray[np.float64]

_STARTS: Final = 4  # of the search of each subject: the population, and draws of it
_SEED: Final = 1
_FAR: Final = 4.0  # standard deviations, which one subject in 16,000 is off by chance
_NAMED: Final = 5  # subjects in a note
_CHECK: Final = "check the units of DV, AMT and TIME"
_UNMOVED: Final = 1e-9  # of a standard deviation of a residual, by one of the effect


def fit_subjects(problem: Problem, tell: Callable[[str], None]) -> ModelFit:
    """Find the most likely parameters of every subject.

    The density is searched from the population's parameters and from draws of them; the largest
    maximum counts. Uncertainty is that of a normal posterior with the curvature there.

    **Arguments:**

    - `problem`: without anything to estimate of the population. `tell`: takes a line of progress.

    **Raises:** `InputError` where no observation depends on any parameter with a spread.
    """
    problem, unmoved = _moving(problem)
    people = problem.people()
    precision: Array = np.asarray(np.linalg.inv(problem.covariance), np.float64)
    sds, middle = problem.start_sds, problem.middle
    root = np.linalg.cholesky(problem.covariance)
    best: Modes | None = None
    settled = np.zeros(people.count, bool)
    several = np.zeros(people.count, bool)
    for number in range(_STARTS):
        tell(f"search {number + 1} of {_STARTS}")
        normals = standard_normals(
            _SEED, f"fit:start:{number}", 0, people.count, len(people.effects)
        )
        start = (normals if number else 0.0 * normals) @ root.T
        try:
            found = modes(people, middle, precision, sds, start)
        except InputError:
            if best is None:
                raise
            continue
        if best is None:
            best, settled = found, found.settled
            continue
        better = found.settled & ((found.half < best.half - 1e-6) | ~settled)
        several |= better & settled
        if better.any():
            start = np.where(better[:, None], found.effects, best.effects)
            best = modes(people, middle, precision, sds, start)
            settled = best.settled
    assert best is not None
    observed = problem.observed
    left = residuals(people, best, middle, problem.covariance, sds, observed.below)
    if unmoved:
        text = f"no value depends on {', '.join(unmoved)}: they stay at the population's"
        problem = replace(problem, notes=(*problem.notes, text))
    notes = [*problem.notes]
    told = np.unique(problem.subjects)
    if not settled[told].all():
        every: list[int] = told.tolist()
        names = ", ".join(problem.ids[s] for s in every if not settled[s])
        notes.append(f"the search did not come to rest for {names}")
    if several[told].any():
        many = counted(int(several[told].sum()), "subject")
        notes.append(f"the posterior of {many} has more than one maximum; the largest is given")
    notes += _far_off(problem, best.effects, left.weighted)
    posterior = posterior_of(best)
    return ModelFit(
        problem,
        "map",
        _given(problem),
        best.effects,
        posterior,
        problem.covariance,
        middle,
        left,
        predicted_rows(problem, middle, best.effects, posterior),
        shrinkage(best.effects[told], np.sqrt(np.diag(problem.covariance))),
        epsilon_shrinkage(left.weighted),
        text=fitted_subject(problem, best.effects, posterior),
        notes=tuple(notes),
    )


def _far_off(problem: Problem, effects: Array, weighted: Array) -> list[str]:
    """Subjects that the population does not expect, in words: a unit may be wrong."""
    sds = np.sqrt(np.diag(problem.covariance))
    told: list[int] = np.unique(problem.subjects).tolist()
    notes: list[str] = []
    for q, name in enumerate(problem.names):
        far = [s for s in told if abs(effects[s, q]) > _FAR * sds[q]]
        if far:
            many = max(abs(float(effects[s, q])) / sds[q] for s in far)
            notes.append(
                f"{name} of {_some([problem.ids[s] for s in far])} lies {many:.0f} SD from the "
                f"population's: {_CHECK}"
            )
    sizes = [np.abs(weighted[(problem.subjects == s) & np.isfinite(weighted)]) for s in told]
    off = [s for s, own in zip(told, sizes, strict=True) if len(own) and np.median(own) > _FAR]
    if off:
        notes.append(
            f"the values of {_some([problem.ids[s] for s in off])} lie more than {_FAR:g} SD of "
            f"the residual error from what is predicted: {_CHECK}"
        )
    return notes


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def posterior_of(found: Modes) -> Array:
    """Covariance of the effects of every subject, from the curvature at their most likely ones."""
    bent = positive(found.curvature)[:, None, None]
    return np.linalg.inv(np.where(bent, found.curvature, found.expected))


def _moving(problem: Problem) -> tuple[Problem, list[str]]:
    """The problem without directions that no observation depends on, and their names."""
    places = np.tile(problem.middle, (len(problem.ids), 1))
    people: People = problem.people()
    found = expand(problem.predict, places)
    sd = np.sqrt(np.diag(problem.covariance))
    with np.errstate(all="ignore"):
        jets = people.error.jets(problem.start_sds, found.f)
        moved = np.abs(found.j) * np.sqrt(np.nan_to_num(jets.w))[:, None] * sd
    moves = moved.max(axis=0, initial=0.0) > _UNMOVED
    if not moves.any():
        raise InputError(
            "TABLE",
            "no value depends on a parameter that differs between subjects",
            "give values after a dose",
        )
    kept = np.flatnonzero(moves)
    names = [one.name for one, does in zip(problem.directions, moves, strict=True) if not does]
    smaller = replace(
        problem,
        directions=tuple(problem.directions[i] for i in kept),
        covariance=problem.covariance[np.ix_(kept, kept)],
    )
    return smaller, names


def _given(problem: Problem) -> tuple[Estimate, ...]:
    """The numbers of the population, which were given."""
    sds = np.sqrt(np.diag(problem.covariance))
    found = [
        Estimate(one.name, "typical", one.value, one.unit, one.value, fixed=True)
        for one in problem.directions
    ]
    found += [
        Estimate(one.name, "variability", float(sd), "", float(sd), fixed=True)
        for one, sd in zip(problem.directions, sds, strict=True)
    ]
    return (
        *found,
        *(
            Estimate(problem.outputs[one.output][0], one.kind, one.start, "", one.start, fixed=True)
            for one in problem.sds
        ),
    )
