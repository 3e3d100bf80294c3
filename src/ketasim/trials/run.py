"""The verb `run_trial`: a trial simulated many times over, at once or in parts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

from ketasim._base import InputError
from ketasim._base.size import Size, check_size
from ketasim._base.words import counted
from ketasim.dosing import Arm, Trial, arm_name, load_trial
from ketasim.engine.progress import Progress
from ketasim.evidence import Card, load_card, source_names
from ketasim.population import (
    LOWEST_BASELINE,
    arm_patients,
    baseline_scores,
    benefit_modifiers,
    convertible,
    in_madrs,
    situation_of,
)
from ketasim.trials.assess import Values, assessed
from ketasim.trials.beside import evidence_notes
from ketasim.trials.contrasts import contrast, contrasts, withdrawals
from ketasim.trials.metrics import CONTRASTED, RATIO
from ketasim.trials.operating.characteristics import Characteristics, check_fits
from ketasim.trials.operating.draw import (
    Drawing,
    drawn_notes,
    drawn_seconds,
    draws,
    solved_replicates,
)
from ketasim.trials.operating.operate import operated, pooled, shifted
from ketasim.trials.operating.question import Question, question_of
from ketasim.trials.operating.world import World
from ketasim.trials.patients.allocation import allocation_notes
from ketasim.trials.patients.drawing import PILOT_SEED, pilot_replicates
from ketasim.trials.patients.dropout import dropout_rate
from ketasim.trials.patients.flow import joined_flow
from ketasim.trials.patients.individual import orders_of
from ketasim.trials.patients.table import kept_replicates, patient_tables
from ketasim.trials.patients.worlds import Worlds, worlds
from ketasim.trials.ratings import HIGHEST, ArmSimulation, Ratings
from ketasim.trials.result import Estimate, TrialResult
from ketasim.trials.scenario import patient_notes, scenario_notes
from ketasim.trials.shards.part import Found, Part, by_name, joined_worlds
from ketasim.trials.size import replicates_at_once, trial_size
from ketasim.trials.withdrawal import entered_notes, hazard_ratios

Array = NDArray[np.float64]

_FINE: Final = 10_000  # scores by which a share is told
_OUTSIDE: Final = 0.01  # share of scores outside the scale from which it is said
_FEW: Final = 100  # replicates below which an interval is a rough one


def run_trial(
    trial: Trial | Mapping[str, Any] | str | Path,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    patients: bool = True,
    uncertainty: bool = True,
    between_trials: bool = True,
    card: Card | None = None,
    progress: Callable[[str], None] | None = None,
) -> TrialResult:
    """Simulate a trial many times: what its arms may show, and how far that may vary.

    A replicate has its own patients, its own draw of the numbers of the card `mood` within their
    uncertainty, and its own trial effects; all arms of a replicate share the last two. Patients
    depend on the seed, the replicate, the arm's id and its largest size, and on nothing else.

    **Main arguments:**

    - `trial`: a trial, its content as a mapping, the path of a trial file, or the name of a trial
      that ships, such as `murrough2013`.

    **Other arguments:**

    - `replicates`, `seed`: instead of those of the trial.
    - `patients`: false: every replicate holds the same patients, rated with the same errors.
    - `uncertainty`: false: every replicate has the numbers of the card.
    - `between_trials`: false: no trial effects.
    - `card`: instead of the card `mood`.
    - `progress`: receives a sentence now and then.

    **Returns:** `TrialResult`.

    **Raises:** `InputError`, one line with the field and the remedy, before anything is simulated.
    """
    asked = ready(
        *(trial, replicates, seed),
        patients=patients,
        uncertainty=uncertainty,
        between_trials=between_trials,
        card=card,
    )
    return assembled(asked, [simulated(asked, range(asked.trial.replicates), progress)])


@dataclass(frozen=True)
class Ready:
    """A trial before its replicates are simulated, and what all of them share.

    **Arguments:**

    - `trial`: with the replicates and the seed. `pool`: as `pooled` returns it.
    - `question`: what is analysed; nothing where it is not. `visits`: arm to times of ratings, h.
    - `mood`: the card. `drawn`, `pilot`: worlds of the replicates, and those that steps are chosen
      with.
    - `rate`: at which patients leave for lack of effect, 1/h.
    - `solved`: how many replicates, the first ones, have every patient solved; fewer than all where
      the analyses are of replicates that are drawn from pools of patients.
    - `patients`, `uncertainty`, `between_trials`: as of `run_trial`.
    """

    trial: Trial
    pool: Trial
    question: Question | None
    visits: Mapping[str, Array]
    mood: Card
    drawn: Worlds
    pilot: Worlds
    rate: float
    solved: int
    patients: bool
    uncertainty: bool
    between_trials: bool

    def arms(self) -> list[ArmSimulation]:
        """The arms that are rated, to be simulated."""
        shared = self.pilot, self.rate
        asked = self.question
        followed = () if asked is None or not asked.follows else asked.arms
        return [
            ArmSimulation(
                *(self.pool, arm, self.visits[arm.id], self.trial.seed, self.drawn, self.patients),
                *shared,
                follows=any(one.id == arm.id for one in followed),
            )
            for arm in self._rated
        ]

    @property
    def _rated(self) -> list[Arm]:
        return [arm for arm in self.pool.arms if len(self.visits[arm.id])]

    @property
    def kept(self) -> int:
        """How many replicates of patients are kept."""
        return min(kept_replicates(self.trial, self._rated), self.solved)

    @cached_property
    def drawing(self) -> Drawing | None:
        """What replicates are drawn from; nothing where every patient of each is solved."""
        if self.question is None or self.solved == self.trial.replicates:
            return None
        return Drawing(self.question, self.pool, self.drawn, self.arms(), self.mood, self.rate)


def ready(
    trial: Trial | Mapping[str, Any] | str | Path,
    replicates: int | None = None,
    seed: int | None = None,
    *,
    patients: bool = True,
    uncertainty: bool = True,
    between_trials: bool = True,
    card: Card | None = None,
    told: bool = True,
) -> Ready:
    """Check a trial and draw what its replicates share; arguments as of `run_trial`.

    **Other arguments:**

    - `told`: false: the forecast of long work is not told.

    **Raises:** `InputError`.
    """
    trial = trial if isinstance(trial, Trial) else load_trial(trial)
    given = {"replicates": replicates, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    if given:
        checked = load_trial(trial.to_dict() | given)
        # what was said of the words of the file stays with the trial that was read from it
        trial = replace(trial, replicates=checked.replicates, seed=checked.seed)
    _check_scales(trial)
    visits = {arm.id: _visits(trial, arm) for arm in trial.arms}
    # operating characteristics of trials that hold the same patients would mean nothing
    question = question_of(trial) if patients else None
    pool = pooled(trial, question)
    drawing = question is not None and draws(pool, question)
    solved = solved_replicates(pool) if drawing else trial.replicates
    _check_size(pool, visits, question, solved, told)
    mood = load_card("mood") if card is None else card
    return Ready(
        trial=trial,
        pool=pool,
        question=shifted(question, pool, visits, mood),
        visits=visits,
        mood=mood,
        drawn=worlds(
            *(pool, mood, trial.seed, trial.replicates),
            uncertainty=uncertainty,
            between_trials=between_trials,
        ),
        pilot=worlds(
            *(pool, mood, PILOT_SEED, pilot_replicates(pool)),
            uncertainty=uncertainty,
            between_trials=False,  # they act on scores, not on states
        ),
        rate=dropout_rate(pool, visits, mood),
        solved=solved,
        patients=patients,
        uncertainty=uncertainty,
        between_trials=between_trials,
    )


def simulated(
    asked: Ready, replicates: range, progress: Callable[[str], None] | None = None
) -> Part:
    """Simulate and analyse some replicates; each is the same, whichever come with it.

    **Arguments:**

    - `asked`: the trial. `replicates`: which, counted from 0. `progress`: as of `run_trial`.
    """
    trial, pool, question, visits = asked.trial, asked.pool, asked.question, asked.visits
    arms, kept, drawing = asked.arms(), asked.kept, asked.drawing
    uncertain = None if question is None or drawing is not None else World(question)
    made = Part(replicates.start, len(replicates))
    # of the others nothing but the analyses is asked for
    solved = range(replicates.start, max(min(replicates.stop, asked.solved), replicates.start))
    size = replicates_at_once(pool, visits)
    # who follows the sentences at a terminal sees no bar beside them
    shown = False if progress is not None and sys.stderr.isatty() else None
    total = len(solved) * sum(one.stride for one in arms)
    if question is not None:  # and at the effect of the card, and without any
        times = 2 if drawing is None else 3
        total += times * len(replicates) * sum(pool.arm(arm.id).n for arm in question.arms)
    with Progress(total, show=shown) as bar:
        for first in solved[::size]:
            count = min(size, solved.stop - first)
            found: Found = {}
            held: dict[str, Ratings] = {}
            for one in arms:
                if progress is not None:
                    last = first + count
                    progress(f"arm {one.arm.id}: replicates {first + 1} to {last}")
                end = bar.done + count * one.stride
                # half for what is rated, half for what is made of it
                rated, plain = one.ratings(first, count, lambda n: bar.advance(n // 2))
                if uncertain is not None:
                    held[one.arm.id] = rated
                own = trial.arm(one.arm.id)
                rated, plain = rated.of_first(own.n), plain.of_first(own.n)
                there = (~np.isnan(rated.before)).sum(axis=1).astype(np.float64)
                made.members.setdefault(one.arm.id, []).append(there)
                made.flow.add(one.arm.id, rated, float(visits[one.arm.id][-1]))
                for assessment in trial.assessed(one.arm):
                    both = zip(
                        assessed(assessment, rated), assessed(assessment, plain), strict=True
                    )
                    for (cell, values), (_, without) in both:
                        found.setdefault(cell, {})[one.arm.id] = values, without
                if first < kept:
                    few = min(kept - first, count)
                    made.tables.extend(patient_tables(trial, own, rated, first, few))
                bar.advance(end - bar.done)
            made.pieces.append(_compared(trial, found))
            if uncertain is not None:
                uncertain.add(held)
        if question is None:
            return made
        if drawing is not None:
            three = drawing.worlds(replicates, advance=bar.advance, progress=progress)
            return replace(made, worlds=by_name(three), drawn=drawing.drawn)
        assert uncertain is not None
        fixed, none = operated(
            *(question, pool, visits, asked.mood, replicates),
            rate=asked.rate,
            size=size,
            advance=bar.advance,
            progress=progress,
        )
    return replace(made, worlds=by_name((uncertain, fixed, none)))


def assembled(asked: Ready, parts: list[Part]) -> TrialResult:
    """Put the parts of a trial together.

    **Arguments:**

    - `asked`: the trial. `parts`: of its replicates, in their order, without a gap.

    **Raises:** `InputError` where the primary analysis fits no replicate.
    """
    trial, mood, kept = asked.trial, asked.mood, asked.kept
    entered = {
        name: np.concatenate([counts for part in parts for counts in part.members.get(name, [])])
        for name in parts[0].members
        if trial.arm(name).branch is not None
    }
    numbers = asked.uncertainty and mood.uncertainty is not None
    pieces = [piece for part in parts for piece in part.pieces]
    estimates = _estimates(trial, pieces, entered, asked.patients, numbers)
    tables = [table for part in parts for table in part.tables]
    characteristics = None
    if asked.question is not None:
        found = joined_worlds(parts)
        characteristics = Characteristics(asked.question, **found, drawn=parts[0].drawn)
        check_fits(characteristics)
    return TrialResult(
        trial=trial,
        cards=(mood, load_card("reference"), load_card("receptor")),
        estimates=estimates,
        table=pl.concat(tables).sort("replicate", "place", maintain_order=True).drop("place"),
        patients_differ=asked.patients,
        uncertainty=asked.uncertainty,
        between_trials=asked.between_trials,
        entered=entered,
        characteristics=characteristics,
        flow_table=joined_flow([part.flow for part in parts]).table(),
        notes=(
            *_notes(trial, mood, asked.uncertainty),
            *_empty(trial, estimates),
            *evidence_notes(trial),
        ),
        taken=(
            *patient_notes(trial),
            *allocation_notes(trial),
            *entered_notes(trial, entered),
            *_methods(trial, kept),
            *(() if asked.question is None else asked.question.notes),
            *drawn_notes(characteristics, asked.solved),
        ),
    )


def _check_scales(trial: Trial) -> None:
    known = convertible()
    named = [("population.baseline.scale", trial.scale)]
    named += [(f"assess[{i}].scale", one.scale) for i, one in enumerate(trial.assessments)]
    named += [
        (f"arms[{i}].withdrawal.entry.scale", arm.withdrawal.entry.scale)
        for i, arm in enumerate(trial.arms)
        if arm.withdrawal is not None and arm.withdrawal.entry.scale is not None
    ]
    for field, scale in named:
        if scale not in known:
            raise InputError(
                field,
                f"no published cross-walk between {scale} and MADRS is in the evidence",
                "use one of: " + ", ".join(known),
            )


def _check_size(
    trial: Trial, visits: Mapping[str, Array], question: Question | None, solved: int, told: bool
) -> None:
    """Refuse a trial that does not fit into memory, and tell how long a long one takes."""
    largest = max(trial.enrolled_arms, key=lambda arm: arm.n * len(visits[arm.id]))
    place = trial.arms.index(largest)

    def fitting(n: int) -> Size:
        arms = tuple(replace(arm, n=min(arm.n, max(n, 1))) for arm in trial.arms)
        return of(replace(trial, arms=arms))

    def of(whole: Trial) -> Size:
        size = trial_size(replace(whole, replicates=solved), visits)
        if question is None:
            return size
        patients = whole.replicates * whole.enrolled
        if solved < whole.replicates:
            return Size(size.bytes, size.seconds + drawn_seconds(patients))
        # three worlds, one after the other
        return Size(size.bytes, size.seconds * 3.0)

    check_size(
        of(trial),
        f"arms[{place}].n",
        f"{counted(trial.replicates, 'replicate')} of {trial.enrolled:,} patients",
        fitting=fitting,
        asked=largest.n,
        counted="patients an arm",
        or_else="fewer visits or metrics",
        told=told,
    )


def _visits(trial: Trial, arm: Arm) -> Array:
    """Times at which somebody of an arm is rated, h, ascending."""
    times: set[float] = set()
    for one in trial.assessed(arm):
        times.update(one.times)
        if one.start is not None:
            times.add(one.start)
    if times and arm.branch is not None:
        times.add(arm.branch.after)
    return np.array(sorted(times))


def _compared(trial: Trial, found: Found) -> Found:
    """Arms and comparisons of arms, without what single patients have."""
    small: Found = {}
    for cell, arms in found.items():
        small[cell] = {name: (_group_only(a), _group_only(b)) for name, (a, b) in arms.items()}
        if cell.metric not in CONTRASTED:
            continue
        for pair in contrasts(trial):
            if all(arm.id in arms for arm in pair):
                made = contrast(pair, cell, arms, trial.design == "crossover")
                without = replace(made.values, value=made.plain)
                small[cell][made.arm] = made.values, without
    for pair in withdrawals(trial):
        for cell, both in hazard_ratios(pair, found).items():
            small.setdefault(cell, {})[f"{pair[0].id} - {pair[1].id}"] = both
    return small


def _group_only(values: Values) -> Values:
    return replace(values, each=None)


def _estimates(
    trial: Trial,
    pieces: list[Found],
    entered: Mapping[str, Array],
    patients: bool,
    numbers: bool,
) -> tuple[Estimate, ...]:
    """All replicates together: arms in the order of the trial, then comparisons."""
    sizes = {arm.id: arm.n for arm in trial.arms}
    sizes |= {name: round(float(counts.mean())) for name, counts in entered.items()}
    sizes |= {f"{a.id} - {b.id}": sizes[a.id] + sizes[b.id] for a, b in contrasts(trial)}
    made: list[Estimate] = []
    for name, n in sizes.items():
        for cell in pieces[0]:
            if name not in pieces[0][cell]:
                continue
            both = [piece[cell][name] for piece in pieces]
            values = Values(
                *(
                    np.concatenate([getattr(one, part) for one, _ in both])
                    for part in ("value", "count", "spread", "sampling")
                )
            )
            plain = np.concatenate([one.value for _, one in both])
            made.append(Estimate(name, n, cell, values, plain, patients, numbers))
    return tuple(made)


def _notes(trial: Trial, card: Card, uncertainty: bool) -> tuple[str, ...]:
    """What limits what the numbers of a result mean, as sentences."""
    notes = [*scenario_notes(trial), *_of_arms(trial)]
    if uncertainty and card.uncertainty is None:
        notes.append(
            f"The card '{card.key}' holds no uncertainty: intervals lack that of the parameters."
        )
    if trial.replicates < _FEW:
        notes.append(
            f"{counted(trial.replicates, 'replicate')}: the ends of the prediction intervals are "
            "rough."
        )
    return tuple(dict.fromkeys(notes))


def _methods(trial: Trial, kept: int) -> list[str]:
    """How scores and periods were computed, and which patients are kept, as sentences."""
    notes: list[str] = []
    if trial.scale != "MADRS":
        notes.append(
            f"Baselines are given on {trial.scale} and taken as MADRS by a published cross-walk."
        )
    others = sorted({one.scale for one in trial.assessments} - {"MADRS"})
    if others:
        notes.append(
            f"{', '.join(others)}: converted from MADRS by a published cross-walk of groups."
        )
    if trial.design == "crossover":
        orders = len(orders_of(trial))
        least, more = divmod(trial.enrolled, orders)
        told = f"{least} or {least + 1} patients" if more else "equal size"
        notes.append(
            f"Crossover: the same patients go through all arms, in {orders} orders "
            f"of {told}. What is left of earlier periods, of the drug's effect and of "
            "expectation, is simulated; a change is from the score at the start of the period."
        )
    if kept < trial.replicates:
        notes.append(
            f"The table of patients holds the first {kept} of {trial.replicates} replicates."
        )
    return notes


def _empty(trial: Trial, estimates: tuple[Estimate, ...]) -> list[str]:
    """Say of what no replicate holds a number."""
    found = dict.fromkeys(
        (one.arm, one.cell.metric, one.cell.definition, one.cell.time)
        for one in estimates
        if np.isnan(one.values.value).all()
    )
    return [
        f"Arm {arm} ({trial.label(arm)}): no number for {_words(metric)}, since "
        + (
            "nobody relapses."
            if metric == RATIO
            else "no replicate holds a patient to follow"
            f"{f' ({words})' if words else f' until day {hours / 24:g}'}."
        )
        for arm, metric, words, hours in found
    ]


def _of_arms(trial: Trial) -> list[str]:
    """Notes on arms; what holds for all of them is said once."""
    lines: dict[str, list[str]] = {}
    for arm in trial.arms:
        found = [
            *situation_of(trial, arm).notes,
            *arm_patients(arm, 0, 0, 1)[2],
            *_kept_within(arm),
        ]
        for one in benefit_modifiers(arm.medicines):
            found.append(
                f"{one.name}: a published effect on the {_words(one.effect_on)} "
                f"({one.direction}; {source_names(one.sources)}) is not applied."
            )
        for line in dict.fromkeys(found):
            lines.setdefault(line, []).append(arm_name(arm))
    return [
        line if len(arms) == len(trial.arms) else f"Arm {', '.join(arms)}: {line}"
        for line, arms in lines.items()
    ]


def _kept_within(arm: Arm) -> list[str]:
    """What becomes of scores before treatment that would be outside the scale."""
    mean, sd = in_madrs(arm.baseline.scale, arm.baseline.mean, arm.baseline.sd)
    normal = special.ndtri((np.arange(_FINE) + 0.5) / _FINE)
    scores = baseline_scores(mean, sd, normal, HIGHEST)
    moved = scores != mean + sd * normal
    if moved.mean() < _OUTSIDE:
        return []
    told = (
        f"{100.0 * moved.mean():.2g} % of the scores before treatment would be outside "
        f"{LOWEST_BASELINE:g} to {HIGHEST:g} points of the MADRS and are kept within (assumed): "
        f"their mean is {scores.mean():.1f} and their SD {scores.std():.1f}, in place of "
        f"{mean:.1f} and {sd:.1f}."
    )
    return [told]


def _words(text: str) -> str:
    return text.replace("_", " ")
