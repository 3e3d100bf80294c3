"""A population: typical values, spreads and residual errors, and how they lie to the data."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim._base.words import counted
from ketasim.estimation.diagnostics import (
    epsilon_shrinkage,
    predicted_rows,
    residuals,
    shrinkage,
)
from ketasim.estimation.estimates import estimates_of, label
from ketasim.estimation.likelihood.expansion import expand
from ketasim.estimation.likelihood.maximum import Maximum, maximise
from ketasim.estimation.likelihood.objective import Likelihood, Numbers
from ketasim.estimation.likelihood.spread import Spread, blocks_of
from ketasim.estimation.posterior import posterior_of
from ketasim.estimation.problem.problem import Problem, check_identified
from ketasim.estimation.result import ModelFit, Objective
from ketasim.estimation.simulated import (
    Check,
    prediction_errors,
    predictive_check,
    simulate_data,
)
from ketasim.estimation.written import fitted_model

Array = NDArray[np.float64]

_APART: Final = 1e-3  # of an objective that is found again from other effects


@dataclass(frozen=True)
class Simulation:
    """Data sets that are simulated from a fit.

    **Arguments:**

    - `n`, `seed`: how many, and of them.
    - `strata`: of every observation, for the visual predictive check. `edges`: of its bins, h.
    - `corrected`: whether it is prediction-corrected.
    """

    n: int
    seed: int
    strata: tuple[str, ...]
    edges: tuple[float, ...] = ()
    corrected: bool = False


def fit_population(
    problem: Problem,
    method: str,
    correlated: Sequence[Collection[str]],
    standard_errors: str,
    simulation: Simulation,
    tell: Callable[[str], None],
) -> ModelFit:
    """Estimate a population.

    **Arguments:**

    - `problem`: with what is estimated. `method`: `focei` or `laplace`.
    - `correlated`: groups of parameters whose effects are. `standard_errors`: how they are made.
    - `simulation`: of data. `tell`: takes a line of progress.

    **Raises:** `InputError` where observations cannot tell a parameter, for values below the limit
    with `focei`, and for a group that names what has no spread.
    """
    observed = problem.observed
    below = int(observed.below.sum())
    if below and method == "focei":
        raise InputError(
            "method",
            f"focei: {counted(below, 'value')} below the limit, whose error is not normal",
            "use --method laplace",
        )
    spread = Spread(problem.names, blocks_of(problem.names, _pairs(problem, correlated)))
    people = problem.people()
    _identified(problem)
    free = np.array([i for i, one in enumerate(problem.sds) if one.estimated], np.int64)
    numbers = Numbers(problem.middle, problem.estimated, spread, problem.start_sds, free)
    start = np.concatenate(
        [
            problem.middle[problem.estimated],
            spread.numbers(problem.covariance),
            np.log(problem.start_sds[free]),
        ]
    )
    likelihood = Likelihood(people, numbers, laplace=method == "laplace")
    first = likelihood.at(start, np.zeros((people.count, len(people.effects)))).total
    found = maximise(likelihood, start, tell)
    again = likelihood.at(found.numbers, 0.0 * found.value.modes.effects)
    if again.total < found.value.total - _APART:
        found = maximise(likelihood, found.numbers, tell)
    estimates, uncertain, why = estimates_of(problem, numbers, found, standard_errors)
    value = found.value
    left = residuals(people, value.modes, value.middle, value.covariance, value.sds, observed.below)
    tell(f"{simulation.n:,} data sets simulated")
    drawn = simulate_data(
        people, value.middle, value.covariance, value.sds, simulation.n, simulation.seed
    )
    told = np.unique(problem.subjects)
    outputs: list[int] = observed.output.tolist()
    return ModelFit(
        problem,
        method,
        estimates,
        value.modes.effects,
        posterior_of(value.modes),
        value.covariance,
        value.middle,
        left,
        predicted_rows(problem, value.middle, value.modes.effects),
        shrinkage(value.modes.effects[told], np.sqrt(np.diag(value.covariance))),
        epsilon_shrinkage(left.weighted),
        Objective(
            value.total,
            float((len(observed.row) - below) * np.log(2.0 * np.pi)),
            len(found.numbers),
            found.iterations,
            likelihood.evaluations,
            found.converged,
            found.gain,
            first,
        ),
        uncertain,
        standard_errors,
        prediction_errors(people, drawn, observed.value, observed.below),
        predictive_check(
            Check(
                problem.time[observed.row],
                observed.value,
                left.typical,
                observed.below,
                simulation.strata,
                [problem.outputs[i][0] for i in outputs],
            ),
            drawn,
            corrected=simulation.corrected,
            edges=simulation.edges,
        ),
        simulation.n,
        simulation.seed,
        simulation.corrected,
        simulation.strata,
        fitted_model(problem, estimates),
        (*problem.notes, *_notes(found, why, estimates_at_ends(numbers, problem, found))),
    )


def _pairs(problem: Problem, correlated: Sequence[Collection[str]]) -> list[tuple[str, str]]:
    names = problem.names
    pairs: list[tuple[str, str]] = []
    if problem.own is not None:
        pairs += [pair for pair in problem.own.correlations if set(pair) <= set(names)]
    for group in correlated:
        members = list(names) if list(group) == ["all"] else list(group)
        for name in members:
            if name not in names:
                raise InputError(
                    "correlated",
                    f"'{shortened(name)}' has no between-subject variability",
                    near(name, names) if names else "give it an sd_log",
                )
        if len(members) < 2:
            raise InputError(
                "correlated", "one parameter is correlated with none", "name two, as CL,V"
            )
        pairs += [(members[0], other) for other in members[1:]]
    return pairs


def _identified(problem: Problem) -> None:
    places = np.tile(problem.middle, (len(problem.ids), 1))
    found = expand(problem.predict, places)
    jets = problem.people().error.jets(problem.start_sds, found.f)
    check_identified(problem, found.j * np.sqrt(jets.w)[:, None])


def estimates_at_ends(numbers: Numbers, problem: Problem, found: Maximum) -> list[str]:
    """What stands at the end of what it may be, in words."""
    typical, spread, _ = numbers.counts
    told: list[str] = []
    for k in np.flatnonzero(found.bounded).tolist():
        if k < typical:
            told.append(problem.directions[int(numbers.estimated[k])].name)
        elif k < typical + spread:
            row, column = numbers.spread.places[k - typical]
            names = numbers.spread.names
            told.append(
                label(names[row], "variability")
                if row == column
                else label(f"{names[column]},{names[row]}", "correlation")
            )
        else:
            one = problem.sds[int(numbers.free[k - typical - spread])]
            told.append(label(problem.outputs[one.output][0], one.kind))
    return told


def _notes(found: Maximum, why: str, ends: list[str]) -> list[str]:
    notes: list[str] = []
    if not found.converged:
        notes.append(
            "The search did not end at a maximum: start from other values, or with fewer numbers "
            "to estimate."
        )
    if ends:
        notes.append(
            f"{', '.join(ends)} went to the end of what is searched, where it has no standard "
            "error: the data do not tell it; leave it out or fix it."
        )
    if why:
        notes.append(why)
    return notes
