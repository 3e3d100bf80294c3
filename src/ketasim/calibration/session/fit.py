"""The fit of the effects of a session to the published ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from ketasim.calibration.session.judgement import SessionFit, compare_session
from ketasim.calibration.session.problem import SessionProblem, exposure
from ketasim.calibration.session.training import SessionRow, load_session_training
from ketasim.evidence import Card, Entry, Scale, Uncertainty, load_card
from ketasim.models import SESSION, declared

Array = NDArray[np.float64]

# dizziness after an infusion has one row; it alone does not stand for events after infusions
_EVENTS = {event.name for event in SESSION.events} - {"dizziness"}
_BETWEEN_STUDIES = ("tau_study", "tau_event", "tau_gain")
_MOST_STEPS = 40
_CLOSE = 0.01  # of a posterior SD, the largest move of the last step
_SHORTEST = 1e-3  # part of a step that is still tried
_LONGEST = 1.0  # a step on the log or logit scale
_NOT_MOVED = 0.9  # posterior over prior SD above which the data hardly move a number


def calibrate_session(
    *,
    rows: Sequence[SessionRow] | None = None,
    progress: Callable[[str], None] | None = None,
) -> SessionFit:
    """Fit the effects of a session to the published ones.

    Gauss-Newton on probits, logarithms and pressures with a normal prior on every free number and
    effects of each study averaged out; the between-study SDs by maximum likelihood in turn.
    Deterministic.

    **Arguments:**

    - `rows`: published effects to fit; left out, those of the table that are meant for it. Without
      some of them it tells what these numbers do.
    - `progress`: called with one line of text after each step.

    **Returns:** `SessionFit`; the uncertainty is the inverse of the information at the optimum.
    """
    prior = load_card("session_prior")
    fitted = [row for row in load_session_training() if row.use == "fit"] if rows is None else rows
    fit = _Fit(list(fitted), prior)
    steps = fit.run(progress or (lambda _text: None))
    return replace(compare_session(fit.card(), prior), steps=steps)


class _Fit:
    def __init__(self, rows: list[SessionRow], prior: Card) -> None:
        self.problem = SessionProblem(rows, prior)
        self.prior = prior
        sds: dict[str, float] = dict(prior.extra["prior"])
        self.free = tuple(s for s in sds if s not in _BETWEEN_STUDIES)
        self.sd = np.array([sds[s] for s in self.free])
        self.tau_sd = np.array([sds[s] for s in _BETWEEN_STUDIES])
        symbols = declared(SESSION.name)
        self.scales: list[Scale] = [symbols[s].domain.scale for s in self.free]
        self.logit = np.array([scale == "logit" for scale in self.scales])
        numbers = np.array([prior.values()[s] for s in self.free])
        self.start = np.where(self.logit, logit(np.clip(numbers, 0.01, 0.99)), np.log(numbers))
        self.vector = self.start.copy()
        self.taus = np.log([prior.values()[s] for s in _BETWEEN_STUDIES])
        self.tau_start = self.taus.copy()
        self.covariance = np.diag(self.sd**2)

    def values(self, vector: Array, taus: Array) -> dict[str, float]:
        natural = np.where(self.logit, expit(vector), np.exp(vector))
        found = dict(self.prior.values())
        found |= {s: float(v) for s, v in zip(self.free, natural, strict=True)}
        return found | {s: float(np.exp(t)) for s, t in zip(_BETWEEN_STUDIES, taus, strict=True)}

    def predicted(self, vector: Array) -> tuple[Array, Array]:
        """Predictions on the scale of the fit, and the drug's part of a pressure."""
        natural, drug = self.problem.predict(self.values(vector, self.taus))
        return self.problem.scaled(natural), drug

    def total(self, drug: Array, taus: Array) -> Array:
        between = self.problem.between(self.values(self.vector, taus), drug)
        return between + np.diag(self.problem.variance)

    def run(self, say: Callable[[str], None]) -> int:
        from scipy.linalg import cho_factor, cho_solve  # scipy is slow to load

        problem = self.problem
        prior = np.diag(self.sd**-2)
        predicted, drug = self.predicted(self.vector)
        for step in range(1, _MOST_STEPS + 1):
            values = self.values(self.vector, self.taus)
            jacobian = problem.jacobian(values, self.free, self.scales)
            self._find_taus(problem.published - predicted, drug, jacobian)
            factor = cho_factor(self.total(drug, self.taus))

            weighted = np.asarray(cho_solve(factor, jacobian), np.float64)
            self.covariance = np.linalg.inv(jacobian.T @ weighted + prior)
            pull = weighted.T @ (problem.published - predicted)
            move = self.covariance @ (pull + prior @ (self.start - self.vector))
            move = move * min(1.0, _LONGEST / float(np.abs(move).max()))
            before, after = self._cost(self.vector, predicted, factor), float("inf")
            share, trial, scaled, trial_drug = 2.0, self.vector, predicted, drug
            while after > before and share > _SHORTEST:
                share /= 2
                trial = self.vector + share * move
                scaled, trial_drug = self.predicted(trial)
                after = self._cost(trial, scaled, factor)
            size = float(np.max(np.abs(share * move) / np.sqrt(np.diag(self.covariance))))
            self.vector, predicted, drug = trial, scaled, trial_drug
            say(f"step {step}: objective {after:.3f}, largest move {size:.3f} SD")
            if size < _CLOSE:
                return step
        return _MOST_STEPS

    def _cost(self, at: Array, scaled: Array, factor: tuple[Array, bool]) -> float:
        from scipy.linalg import cho_solve

        residual = self.problem.published - scaled
        away = (at - self.start) / self.sd
        pull = float(residual @ np.asarray(cho_solve(factor, residual), np.float64))
        return 0.5 * (pull + float(away @ away))

    def _highest(self) -> float:
        """Largest effect of a median patient among the courses of the fit."""
        values = self.values(self.vector, self.taus)
        courses = {course.title: course for row in self.problem.rows for course in row.courses}
        effects = (SESSION.effect(values, *exposure(course)) for course in courses.values())
        return max(float(np.median(effect.max(axis=0))) for effect in effects)

    def _find_taus(self, residual: Array, drug: Array, jacobian: Array) -> None:
        """Between-study SDs by restricted maximum likelihood with their priors."""
        from scipy.linalg import cho_factor, cho_solve
        from scipy.optimize import minimize

        prior = np.diag(self.sd**-2)

        def minus_log(taus: Array) -> float:
            total = self.total(drug, taus)
            factor = cho_factor(total)
            logdet = 2 * float(np.log(np.diag(factor[0])).sum())
            pull = float(residual @ np.asarray(cho_solve(factor, residual)))
            away = (taus - self.tau_start) / self.tau_sd
            weighted = np.asarray(cho_solve(factor, jacobian), np.float64)
            # what the free numbers take of the residuals
            spent = float(np.linalg.slogdet(jacobian.T @ weighted + prior)[1])
            return 0.5 * (logdet + spent + pull + float(away @ away))

        self.taus = np.asarray(minimize(minus_log, self.taus, method="L-BFGS-B").x, np.float64)

    def card(self) -> Card:
        """The fitted card: new numbers where free, the prior's words for all others."""
        sd = np.sqrt(np.diag(self.covariance))
        values = self.values(self.vector, self.taus)
        entries: list[Entry] = []
        for i, symbol in enumerate(self.free):
            value, old = values[symbol], self.prior.entry(symbol)
            ends = self.vector[i] + 1.96 * sd[i] * np.array([-1.0, 1.0])
            natural = np.asarray(expit(ends) if self.logit[i] else np.exp(ends), np.float64)
            low, high = float(natural[0]), float(natural[1])
            relative = sd[i] * (1 - value) if self.logit[i] else sd[i]
            moved = sd[i] < _NOT_MOVED * self.sd[i]
            fitted = f"calibrate session; prior {old.value:g} {old.source}".strip()
            entries.append(
                old.replace(
                    value=float(f"{value:.4g}"),
                    grade="fitted" if moved else old.grade,
                    source="ketasim" if moved else old.source,
                    locator=fitted if moved else old.locator,
                    rse=float(f"{100 * relative:.3g}"),
                    low=float(f"{low:.4g}"),
                    high=float(f"{high:.4g}"),
                    interval="95% interval of the fit",
                    note=_note(old, moved),
                )
            )
        for symbol in _BETWEEN_STUDIES:
            old = self.prior.entry(symbol)
            note = "By restricted maximum likelihood with its prior; its own error is not included."
            entries.append(
                old.replace(
                    value=float(f"{values[symbol]:.4g}"),
                    grade="fitted",
                    source="ketasim",
                    locator=f"calibrate session; prior {old.value:g}",
                    note=note,
                )
            )
        return self.prior.with_entries(*entries).replace(
            key="session",
            title="Effects of a session: fit to the published ones",
            notes=(
                "Numbers under extra.prior are the SDs of the priors, log scale (between: logit).",
            ),
            extra={
                **self.prior.extra,
                "highest_effect": float(f"{self._highest():.3g}"),
                "routes": sorted({r.route for r in self.problem.rows if r.route}),
                "event_routes": sorted(
                    {r.route for r in self.problem.rows if r.what in _EVENTS} - {""}
                ),
            },
            uncertainty=Uncertainty(
                self.free,
                tuple(self.scales),
                tuple(tuple(float(f"{x:.6g}") for x in row) for row in self.covariance),
            ),
        )


def _note(old: Entry, moved: bool) -> str:
    words = old.note.removeprefix("Start of the fit.").strip()
    if moved:
        return words
    told = f"Free in the fit, from {old.value:g}; hardly informed by the published values."
    return f"{words} {told}".strip()
