"""Comparable published outcomes of mood: one difference between drug and control a trial."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from ketasim._base import InputError, near
from ketasim.dosing import Arm, load_studies
from ketasim.evidence import SAME_PEOPLE, Fact, facts
from ketasim.synthesis.effects import (
    ArmCount,
    ArmMean,
    count_of_percent,
    join_counts,
    join_means,
    mean_difference,
    share_effect,
    standardised_difference,
)
from ketasim.synthesis.rows import (
    STATISTICS,
    PoolRow,
    count_flag,
    dose_words,
    first_hand,
    has_rule,
    outcome_ids,
    printed_percent,
    route_of,
    rows_of,
    rule_uses,
    statistic_words,
    total_of,
)
from ketasim.synthesis.selection import (
    LeftOut,
    MetaQuery,
    MetaSelection,
    StudyEffect,
    control_words,
    time_words,
)

_KINDS: Final = {
    "difference": ("change", "contrast"),
    "smd": ("change", "contrast", "cohen_d"),
    "response": ("response",),
    "remission": ("remission",),
}
"""Metrics of `mood/training` that a metric is made of."""


_OF_A_TRIAL: Final = (
    "meta",
    "augment",
    "ect",
    "titration",
    "not_randomised",
    "other_scale",
    "other_diagnosis",
    "untimed",
    "ambiguous",
)
"""Rules that say of a whole trial why it is not used."""


def select_outcomes(query: MetaQuery) -> MetaSelection:
    """The studies of the tables that answer a question on mood, and what does not enter.

    Which rules of `mood/training` keep a number in, flag it or leave it out stands in the table
    `mood/pooling_rules`.

    **Arguments:**

    - `query`: the question; its metric is not `event`.

    **Returns:** one effect a trial. Arms of several doses are joined to one group; of several
    visits in the window the nearest enters; every trial of `mood/trials` that does not enter is
    listed with the reason.

    **Raises:** `InputError` when a trial or the scale is not in the tables.
    """
    trials = facts("mood/trials")
    keys = [fact.get("trial_id") for fact in trials]
    for key in query.exclude:
        if key not in keys:
            raise InputError("--exclude", f"unknown trial '{key}'", near(key, keys))
    scales = {fact.get("scale") for fact in facts("mood/training")}
    if query.scale != "any" and query.scale not in scales:
        raise InputError("--scale", f"unknown scale '{query.scale}'", near(query.scale, scales))
    studies: list[StudyEffect] = []
    left: list[LeftOut] = []
    for trial in trials:
        effect, not_used = _OfTrial(query, trial).read()
        left += not_used
        if effect is not None:
            studies.append(effect)
    studies, twice = _once(studies)
    return MetaSelection(query, tuple(studies), (*left, *twice), tuple(_notes(studies)))


class _OfTrial:
    """One trial under one question."""

    def __init__(self, query: MetaQuery, trial: Fact) -> None:
        self.query = query
        self.trial = trial
        self.key = trial.get("trial_id")
        self.study = {study.key: study for study in load_studies()}.get(self.key)
        self.rows = rows_of(self.key, self.study)
        self.left: list[LeftOut] = []

    def read(self) -> tuple[StudyEffect | None, list[LeftOut]]:
        reason = self._outside()
        if reason:
            rows = [row for row in self.rows if row.metric in _KINDS[self.query.metric]]
            return None, [self._without(reason, rows)]
        rows = self._asked()
        if not rows:
            return None, [self._without(self._nothing(), [])]
        first, last = self.query.window
        inside = [row for row in rows if row.time is not None and first <= row.time <= last]
        if not inside:
            times = sorted({row.time for row in rows if row.time is not None})
            only = "only at " + ", ".join(map(time_words, times)) if times else "at no stated time"
            words = f"{only}; the window is {first:g} to {last:g} h"
            return None, [self._without(words, rows)]
        usable = self._usable(inside)
        effect = self._nearest(usable)
        return effect, self.left

    def _outside(self) -> str:
        """Why the trial as a whole does not answer the question; empty when it does."""
        query, study = self.query, self.study
        if self.key in query.exclude:
            return "left out by --exclude"
        if study is None:
            return self._no_study()
        drug_arms = [arm for arm in study.arms if query.drug in (None, arm.drug) and arm.drug]
        if not drug_arms:
            return f"another drug: {', '.join(sorted({a.drug for a in study.arms if a.drug}))}"
        if not any(arm.control for arm in study.arms):
            return "no control arm"
        if not query.open and all(arm.open for arm in drug_arms):
            return "open label"
        assumed = any("dose_unknown" in row.rules for row in self.rows)
        if assumed and (query.route is not None or query.control != "any"):
            return "its route and the kind of its placebo are not in the tables"
        if not self._drug_arms():
            return f"another route: {', '.join(sorted({route_of(arm) for arm in drug_arms}))}"
        if not self._controls():
            kinds = sorted({arm.control for arm in study.arms if arm.control})
            return f"another control: {', '.join(map(control_words, kinds))}"
        return ""

    def _no_study(self) -> str:
        family = self.trial.get("family")
        if self.query.drug is not None and family != self.query.drug:
            return f"another drug: {family}"
        if "meta-analysis" in self.trial.get("design"):
            return rule_uses()["meta"][1]
        told = Counter(code for row in self.rows for code in row.rules if code in _OF_A_TRIAL)
        return rule_uses()[told.most_common(1)[0][0]][1] if told else self._nothing()

    def _nothing(self) -> str:
        """The trial has no number of the kind asked for; say what it has."""
        metric = {"difference": "change", "smd": "change"}.get(self.query.metric, self.query.metric)
        have = {f.get("scale") for f in facts("mood/outcomes") if f.get("trial_id") == self.key}
        other = sorted(have - {self.query.scale})
        scale = "a scale of depression" if self.query.scale == "any" else self.query.scale
        also = f"; other rows: {', '.join(other)}" if other else ""
        return f"no {metric} on {scale} in the tables{also}"

    def _without(self, reason: str, rows: Sequence[PoolRow]) -> LeftOut:
        return LeftOut(self.key, reason, outcome_ids(rows))

    def _asked(self) -> list[PoolRow]:
        """Rows of the metric and scale asked for."""
        kinds = _KINDS[self.query.metric]
        rows = [row for row in self.rows if row.metric in kinds]
        if self.query.scale != "any":
            return [row for row in rows if row.fact.get("scale") == self.query.scale]
        # one scale a trial: the MADRS where it has it
        scales = sorted({row.fact.get("scale") for row in rows}, key=lambda s: (s != "MADRS", s))
        return [row for row in rows if row.fact.get("scale") == scales[0]]

    def _drug_arms(self) -> list[Arm]:
        query = self.query
        return [
            arm
            for arm in (self.study.arms if self.study else ())
            if arm.drug is not None
            and query.drug in (None, arm.drug)
            and (query.open or not arm.open)
            and query.route in (None, route_of(arm))
        ]

    def _controls(self) -> list[Arm]:
        return [
            arm
            for arm in (self.study.arms if self.study else ())
            if arm.control and self.query.control in ("any", arm.control)
        ]

    def _usable(self, rows: Sequence[PoolRow]) -> list[PoolRow]:
        """Rows that may enter; the others are listed by reason."""
        kept: list[PoolRow] = []
        why: dict[str, list[PoolRow]] = {}
        for row in rows:
            leave = next((c for c in row.rules if rule_uses()[c][0] == "leave"), None)
            if leave is not None:
                why.setdefault(rule_uses()[leave][1], []).append(row)
            elif row.arm is None:
                why.setdefault("a group that is no arm of the trial", []).append(row)
            elif row.metric in ("change", "contrast") and row.se is None:
                why.setdefault("no spread is printed", []).append(row)
            elif row.metric in ("response", "remission") and row.number("n") is None:
                why.setdefault(rule_uses()["n_missing"][1], []).append(row)
            else:
                kept.append(row)
        self.left += [self._without(reason, found) for reason, found in why.items()]
        return kept

    def _nearest(self, rows: Sequence[PoolRow]) -> StudyEffect | None:
        """The effect at the visit nearest to the time asked for."""
        times = {row.time for row in rows if row.time is not None}
        ordered = sorted(times, key=lambda time: (abs(time - self.query.at), time))
        found: StudyEffect | None = None
        for time in ordered:
            there = [row for row in rows if row.time == time]
            if found is not None:
                words = f"another visit ({time_words(time)}): the nearest enters"
                self.left.append(self._without(words, there))
                continue
            found = self._at(there)
        return found

    def _at(self, rows: Sequence[PoolRow]) -> StudyEffect | None:
        if self.query.metric in ("response", "remission"):
            forms = [self._of_counts]
        elif self.query.metric == "smd":
            forms = [self._of_means]
        elif self.query.values == "printed":
            forms = [self._of_contrast, self._of_means]
        else:
            forms = [self._of_means, self._of_contrast]
        used: tuple[StudyEffect, Sequence[PoolRow]] | None = None
        # carried forward only where no form has anything else
        early = [statistic for statistic in STATISTICS if statistic != "LOCF"]
        for statistics in (early, ["LOCF"]):
            for form in forms:
                for statistic in statistics:
                    used = used or form([row for row in rows if row.statistic == statistic])
        if used is None:
            if rows and not self.left:
                self.left.append(self._without(self._unformed(rows), rows))
            elif rows:
                self.left.append(self._without("no result of drug and control together", rows))
            return None
        effect, entered = used
        rest: dict[str, list[PoolRow]] = {}
        for row in rows:
            if row not in entered:
                rest.setdefault(self._other_form(row, entered[0]), []).append(row)
        self.left += [self._without(reason, found) for reason, found in rest.items()]
        return effect

    def _unformed(self, rows: Sequence[PoolRow]) -> str:
        if all(row.metric == "contrast" for row in rows):
            return (
                "no spread of its arms is printed"
                if self.query.metric == "smd"
                else "several differences against one control, without the arms behind them"
            )
        return "no result of drug and control together, or no event in either"

    def _other_form(self, row: PoolRow, entered: PoolRow) -> str:
        if row.statistic != entered.statistic and "LOCF" in (row.statistic, entered.statistic):
            form = statistic_words(entered.statistic)
            return f"{statistic_words(row.statistic)}: the {form} value enters"
        if row.metric == "contrast":
            return "the trial's own difference: that of its arms enters"
        if entered.metric == "contrast":
            return "values of the arms: the trial's own difference enters"
        return "a second form of the value that enters"

    def _of_contrast(self, rows: Sequence[PoolRow]) -> tuple[StudyEffect, Sequence[PoolRow]] | None:
        """The trial's own difference, where it has one dose arm."""
        drugs, controls = self._ids()
        found = [
            row
            for row in rows
            if row.metric == "contrast" and row.arm in drugs and row.control in controls
        ]
        if len({row.arm for row in found}) != 1:
            return None
        row = first_hand(found)
        if row.se is None:
            return None
        basis = f"the trial's own difference, {statistic_words(row.statistic)}"
        effect = float(row.fact.get("value"))
        return self._effect([row], [], effect, row.se**2, basis, row.fact.get("grade")), [row]

    def _of_means(self, rows: Sequence[PoolRow]) -> tuple[StudyEffect, Sequence[PoolRow]] | None:
        """The difference of the changes of the arms, dose arms joined."""
        drug, control = self._arms([row for row in rows if row.metric == "change"])
        if not drug or len(control) != 1:
            return None
        sides: list[ArmMean] = []
        for side in (drug, control):
            means: list[ArmMean] = []
            for row in side:
                n = row.number("n")
                if n is None or n < 2 or row.se is None:
                    return None
                means.append(ArmMean(n, float(row.fact.get("value")), row.se * math.sqrt(n)))
            sides.append(join_means(means))
        form = standardised_difference if self.query.metric == "smd" else mean_difference
        effect, variance = form(*sides)
        statistic = statistic_words(drug[0].statistic)
        basis = f"changes of the arms, {statistic}"
        grade = "assumed" if has_rule([*drug, *control], "n_half") else "derived"
        return self._effect(drug, control, effect, variance, basis, grade), [*drug, *control]

    def _of_counts(self, rows: Sequence[PoolRow]) -> tuple[StudyEffect, Sequence[PoolRow]] | None:
        """The effect on a share, counts read from the percentages, dose arms joined."""
        drug, control = self._arms(rows)
        if not drug or len(control) != 1:
            return None
        counts: list[ArmCount] = []
        flags: list[str] = []
        for side in (drug, control):
            read: list[ArmCount] = []
            for row in side:
                n = row.number("n")
                assert n is not None  # rows without it are not usable
                found = count_of_percent(printed_percent(row), int(n))
                read.append(ArmCount(found.count, int(n)))
                if not found.exact:
                    flags.append(count_flag(row.arm or "", found.count, found.low, found.high))
            counts.append(join_counts(read))
        pair = share_effect(self.query.effect, *counts)
        if pair is None:
            return None
        cut = drug[0].number("threshold")
        basis = "counts from percentages"
        if self.query.metric == "remission" and cut is not None:
            basis += f", at most {cut:g} points"
        grade = "assumed" if has_rule([*drug, *control], "n_half") else "derived"
        effect = self._effect(drug, control, *pair, basis, grade, tuple(flags), tuple(counts))
        return effect, [*drug, *control]

    def _ids(self) -> tuple[set[str], set[str]]:
        return {arm.id for arm in self._drug_arms()}, {arm.id for arm in self._controls()}

    def _arms(self, rows: Sequence[PoolRow]) -> tuple[list[PoolRow], list[PoolRow]]:
        """One row for each drug arm, and for each control."""
        drugs, controls = self._ids()
        sides: list[list[PoolRow]] = []
        for ids in (drugs, controls):
            by_arm: dict[str, list[PoolRow]] = {}
            for row in rows:
                if row.control is None and row.arm in ids:
                    by_arm.setdefault(row.arm or "", []).append(row)
            sides.append([first_hand(found) for found in by_arm.values()])
        return sides[0], sides[1]

    def _effect(
        self,
        drug: Sequence[PoolRow],
        control: Sequence[PoolRow],
        effect: float,
        variance: float,
        basis: str,
        grade: str,
        flags: tuple[str, ...] = (),
        counts: tuple[ArmCount, ...] = (),
    ) -> StudyEffect:
        rows = [*drug, *control]
        study = self.study
        assert study is not None  # there are rows of its arms
        arms = [arm for arm in study.arms if arm.id in {row.arm for row in drug}]
        against = control[0].arm if control else drug[0].control
        kind = next(arm.control for arm in study.arms if arm.id == against)
        unknown = has_rule(rows, "dose_unknown")
        if control:
            n, n_control = (total_of(side, "n") for side in (drug, control))
        else:
            n, n_control = total_of(drug, "n"), total_of(drug, "n_control")
        return StudyEffect(
            label=self.key,
            population=self.trial.get("population"),
            drug=", ".join(dict.fromkeys(arm.drug or "" for arm in arms)),
            route="" if unknown else ", ".join(dict.fromkeys(map(route_of, arms))),
            dose="" if unknown else dose_words(self.key, arms),
            control="placebo" if unknown else kind or "",
            time=rows[0].time,
            scale=rows[0].fact.get("scale"),
            basis=basis,
            n=n,
            n_control=n_control,
            events=counts[0].events if counts else None,
            events_control=counts[1].events if counts else None,
            effect=effect,
            se=math.sqrt(variance),
            flags=(*self._flags(rows, arms, paired=not control), *flags),
            grade=grade,
            facts=outcome_ids(rows),
            sources=tuple(dict.fromkeys(row.fact.source for row in rows)),
        )

    def _flags(self, rows: Sequence[PoolRow], arms: Sequence[Arm], *, paired: bool) -> list[str]:
        flags = [
            rule_uses()[code][1]
            for code in dict.fromkeys(code for row in rows for code in row.rules)
            # a trial's own difference has its own spread: how many people it had is told, not used
            if rule_uses()[code][0] == "flag" and code != "crossover"
        ]
        if paired and has_rule(self.rows, "n_half"):
            flags.append(rule_uses()["n_half"][1])
        if len(arms) > 1:
            flags.append(f"{len(arms)} dose arms joined")
        if "crossover" in self.trial.get("design"):
            flags.append(
                "crossover, its own paired difference"
                if paired
                else "crossover as two groups: its interval is rather too wide"
            )
        if any(row.statistic == "LOCF" for row in rows) and "LOCF" not in " ".join(flags):
            flags.append(statistic_words("LOCF"))
        if self.query.metric == "smd" and any(row.statistic == "LS" for row in rows):
            flags.append("SD from the standard error of a least-squares mean")
        return list(dict.fromkeys(flags))


def _once(studies: Sequence[StudyEffect]) -> tuple[list[StudyEffect], list[LeftOut]]:
    """Count nobody twice: a pool of trials enters only where one of its trials is missing."""
    labels = {study.label for study in studies}
    left: list[LeftOut] = []
    out: set[str] = set()
    members: dict[str, list[str]] = {}
    for member, pools in SAME_PEOPLE.items():
        for pool in pools:
            members.setdefault(pool, []).append(member)
    for pool, held in members.items():
        there = [key for key in held if key in labels]
        if pool not in labels or not there:
            continue
        whole = len(there) == len(held)
        for key in [pool] if whole else there:
            out.add(key)
            row = next(study for study in studies if study.label == key)
            words = (
                f"its people stand as {' and '.join(there)}"
                if whole
                else f"its people are in {pool}"
            )
            left.append(LeftOut(key, words, row.facts))
    return [study for study in studies if study.label not in out], left


def _notes(studies: Sequence[StudyEffect]) -> Iterable[str]:
    for name, values in (
        ("kinds of control", [control_words(study.control) for study in studies]),
        ("drugs", [study.drug for study in studies]),
        ("scales", [study.scale for study in studies]),
    ):
        counted = Counter(values)
        if len(counted) > 1:
            told = ", ".join(f"{value} {n}" for value, n in counted.items())
            yield f"Several {name} together: {told}."
    if len({study.control for study in studies}) > 1:
        yield "The kind of control changes the difference: compare --control one by one."
    if any("crossover" in " ".join(study.flags) for study in studies):
        yield "A crossover is among them; see its flag."
    bases = Counter(study.basis.split(",")[0] for study in studies)
    if len(bases) > 1:
        told = "; ".join(f"{basis}: {n}" for basis, n in bases.items())
        yield f"Effects are made in several ways ({told}); --values arms takes the arms first."
