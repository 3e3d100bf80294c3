"""A trial: who is in it, its arms, and what is assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from ketasim._base import InputError, near
from ketasim.dosing.fields import validated
from ketasim.dosing.patient import reference_weight
from ketasim.dosing.people import drawn_ages_assumed, drawn_weights_assumed
from ketasim.dosing.shipped import read_input
from ketasim.dosing.trial.adherence import Adherence
from ketasim.dosing.trial.analyses import (
    Asked,
    Dropout,
    Power,
    Primary,
    Scenario,
    check_analyses,
    check_dropout,
    forms_of,
)
from ketasim.dosing.trial.arm import (
    DEFAULT_BACKGROUND,
    DEFAULT_SETTING,
    Arm,
    TrialPopulation,
    arm_of,
)
from ketasim.dosing.trial.assessment import (
    FROM_PHASE,
    RELAPSES,
    Assessment,
    assessment_of,
    form_of,
)
from ketasim.dosing.trial.branches import branches_of
from ketasim.dosing.trial.file import TrialFile, check_file, horizon_of, scale_of
from ketasim.dosing.trial.label import arm_labels, arm_name, contrast_label
from ketasim.dosing.trial.looks import Looks
from ketasim.dosing.trial.rule import Rescue
from ketasim.dosing.trial.sessions import check_sessions
from ketasim.dosing.trial.strata import Randomisation, check_randomisation
from ketasim.dosing.trial.time_zero import time_zero_warnings
from ketasim.dosing.trial.withdrawal import RELAPSE, RELAPSE_EVERY, RELAPSE_SCALE
from ketasim.dosing.yaml_text import read_mapping
from ketasim.evidence import source_name, studies


@dataclass(frozen=True)
class Trial:
    """A trial.

    **Arguments:**

    - `key`: its short name.
    - `title`: text, may be empty.
    - `source`: key of a source of the evidence, or nothing.
    - `note`: text, may be empty.
    - `design`: one of `DESIGNS`.
    - `washout`: of a crossover, between its periods, h.
    - `population`: who is in it, as written; arms have what they take from it.
    - `arms`, `assessments`: in the order of the file; arms of randomised withdrawals come last.
    - `remission_at_most`: points on the scale of the baseline, or nothing.
    - `response_at_least`: improvement from baseline that is a response, a fraction.
    - `replicates`, `seed`: of the simulation.
    - `horizon`: how long patients are followed, in each period of a crossover, h.
    - `horizon_given`: false when the horizon is the last assessment.
    - `primary`: the primary contrast, or nothing. `analysis`: analyses beside that of the primary.
    - `estimands`: what is estimated of patients who leave; empty: had they stayed.
    - `delta`: points by which they are worse, for the estimand of that name; nothing: the
      difference of the arms.
    - `dropout`: by which causes they leave; none: at the rates of the card `mood`.
    - `adherence`: how surely they come to sessions; nothing: they come to all.
    - `rescue`: who gets an oral antidepressant besides; nothing: nobody.
    - `randomisation`: within which strata; nothing: arms are filled without any.
    - `power`: for which sizes. `looks`: at the running trial. `scenario`: what is taken to be
      otherwise. Each may be nothing.
    """

    key: str
    title: str
    source: str | None
    design: str
    washout: float | None
    population: TrialPopulation
    arms: tuple[Arm, ...]
    assessments: tuple[Assessment, ...]
    remission_at_most: float | None
    response_at_least: float
    replicates: int
    seed: int
    horizon: float
    horizon_given: bool = True
    note: str = ""
    primary: Primary | None = None
    analysis: tuple[str, ...] = ()
    estimands: tuple[str, ...] = ()
    dropout: tuple[Dropout, ...] = ()
    power: Power | None = None
    scenario: Scenario | None = None
    delta: float | None = None
    looks: Looks | None = None
    adherence: Adherence | None = None
    rescue: Rescue | None = None
    randomisation: Randomisation | None = None

    def individual(self, arm: Arm) -> bool:
        """Whether the treatment of an arm differs between its patients."""
        own = arm.dosing_rule is not None or self.rescue is not None
        return own or self.adherence is not None or self.design == "crossover"

    @property
    def analyses(self) -> tuple[str, ...]:
        """Analyses of a replicate, that of the primary contrast first; none without one."""
        first = () if self.primary is None else (self.primary.analysis,)
        return tuple(dict.fromkeys((*first, *self.analysis)))

    @property
    def scale(self) -> str:
        """Scale of the baseline, the same in all arms."""
        return self.arms[0].baseline.scale

    @property
    def enrolled_arms(self) -> tuple[Arm, ...]:
        """Arms that patients enter from outside: those of the file."""
        return tuple(arm for arm in self.arms if arm.branch is None)

    @property
    def enrolled(self) -> int:
        """Patients of a replicate."""
        sizes = [arm.n for arm in self.enrolled_arms]
        # the same patients receive every arm of a crossover
        return max(sizes) if self.design == "crossover" else sum(sizes)

    def patients(self, arm: Arm, first: int) -> int:
        """Patients of an arm where the first arm of the primary contrast has others than its own.

        **Arguments:**

        - `first`: patients of the first arm; the ratio of the file is kept.
        """
        assert self.primary is not None
        own = self.arm(self.primary.contrast[0]).n
        return max(1, round(first * arm.n / own))

    def enrolled_at(self, first: int) -> int:
        """Patients of a replicate, arguments as of `patients`."""
        sizes = [self.patients(arm, first) for arm in self.enrolled_arms]
        return max(sizes) if self.design == "crossover" else sum(sizes)

    def phase(self, arm: Arm) -> tuple[float, float]:
        """First and last time at which an arm is assessed, h."""
        if arm.branch is not None:
            return arm.branch.after, self.horizon
        return 0.0, self.horizon if arm.withdrawal is None else arm.withdrawal.after

    def assessed(self, arm: Arm) -> tuple[Assessment, ...]:
        """What is assessed of an arm: until a randomised withdrawal, or from there on."""
        first, last = self.phase(arm)
        found = [
            one.within(first, last, phase=arm.branch is not None)
            for one in self.assessments
            if arm.id in one.arms
        ]
        return tuple(one for one in found if one is not None)

    def arm(self, name: str) -> Arm:
        """Return the arm of an id.

        **Raises:** `InputError` when there is none.
        """
        by_id = {arm.id: arm for arm in self.arms}
        if name not in by_id:
            raise InputError("arm", f"unknown arm '{name}'", near(name, by_id))
        return by_id[name]

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Id of each arm to what results call it, each once; see `arm_labels`."""
        return arm_labels(self.arms)

    def label(self, text: str) -> str:
        """Return an arm, or one against another such as `ket - mdz`, as results call it."""
        return contrast_label(text, self.labels)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a result must know of the input, as sentences."""
        return (
            *time_zero_warnings(self.enrolled_arms, self.assessments),
            *(f"Arm {arm_name(arm)}: {line}" for arm in self.arms for line in self._own(arm)),
        )

    def _own(self, arm: Arm) -> tuple[str, ...]:
        """Warnings of an arm, without what was said of the arm whose patients it has."""
        said = () if arm.branch is None else self.arm(arm.branch.of).warnings
        return tuple(line for line in arm.warnings if line not in said)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Paths of the fields of which something was assumed."""
        population = self.population
        left_out = {
            "population.setting": population.setting is None,
            "population.background": population.background is None,
            "population.weight": any(arm.weight is None for arm in self.arms),
            "population.weight.sd": any(arm.weight is not None for arm in self.arms),
            "population.age.sd": any(arm.age is not None and arm.age.sd for arm in self.arms),
            "horizon": not self.horizon_given,
            "relapse": any(one.assumed for one in self.assessments),
        }
        return (*(path for path, out in left_out.items() if out), *self._untimed)

    @property
    def _untimed(self) -> dict[str, str]:
        """Path of a field of an arm to what is assumed of its doses: duration, or route."""
        return {
            f"arms[{place}].{path.partition('.')[2]}": f"Arm {arm_name(arm)}: {line}"
            for place, arm in enumerate(self.enrolled_arms)
            if arm.regimen is not None
            for path, line in zip(arm.regimen.assumed, arm.regimen.assumptions, strict=True)
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What was computed of the words of the arms, such as the dose of a rate, as sentences."""
        return tuple(
            f"Arm {arm_name(arm)}: {line}"
            for arm in self.arms
            if arm.regimen is not None
            for line in arm.regimen.notes
            if arm.branch is None or line not in self._notes_of(arm.branch.of)
        )

    def _notes_of(self, name: str) -> tuple[str, ...]:
        regimen = self.arm(name).regimen
        return () if regimen is None else regimen.notes

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed of the input, as sentences for reports."""
        weight, source = reference_weight()
        sentences = {
            "population.setting": f"The setting is not given: {DEFAULT_SETTING} is assumed.",
            "population.background": (
                "The background is not given: where an arm does not say otherwise, patients take "
                f"no antidepressant ('{DEFAULT_BACKGROUND}')."
            ),
            "population.weight": (
                f"The weight is not given: doses are checked for {weight:g} kg, the reference "
                f"weight of the published models ({source_name(source)})."
            ),
            "population.weight.sd": drawn_weights_assumed("Patients'"),
            "population.age.sd": drawn_ages_assumed("Patients'"),
            "horizon": (f"The horizon is not given: {self.horizon / 24:g} d, the last assessment."),
            "relapse": (
                "No relapse is defined after the randomised withdrawal: "
                f"{RELAPSE_SCALE} of {RELAPSE.score_at_least:g} or more at {RELAPSE.visits} visits "
                f"a week apart is assumed, as in SUSTAIN-1 ({source_name('spravato_pi_2019')})."
            ),
        } | self._untimed
        return tuple(sentences[path] for path in self.assumed)

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form: text, numbers, lists and mappings that load back as equal."""
        form: dict[str, Any] = {"trial": self.key}
        if self.title:
            form["title"] = self.title
        if self.source is not None:
            form["source"] = self.source
        if self.note:
            form["note"] = self.note
        form["design"] = self.design
        if self.washout is not None:
            form["washout"] = f"{self.washout!r} h"
        form["population"] = self.population.to_dict()
        form["arms"] = [arm.to_dict(self.population) for arm in self.enrolled_arms]
        ids = [arm.id for arm in self.arms]
        form["assess"] = [
            form_of(one, ids, self.response_at_least, self._remission(one.scale))
            for one in self.assessments
            if not one.assumed
        ]
        if self.remission_at_most is not None:
            form["remission_at_most"] = self.remission_at_most
        form |= {
            "response_at_least": self.response_at_least,
            "replicates": self.replicates,
            "seed": self.seed,
        }
        if self.horizon_given:
            form["horizon"] = f"{self.horizon!r} h"
        form |= forms_of(self.primary, self.dropout, self.power, self.scenario, self.looks)
        if self.delta is not None:
            form["delta"] = self.delta
        if self.adherence is not None:
            form["adherence"] = self.adherence.form()
        if self.rescue is not None:
            form["rescue"] = self.rescue.form()
        if self.randomisation is not None:
            form["randomisation"] = self.randomisation.form()
        lists = {"analysis": list(self.analysis), "estimands": list(self.estimands)}
        return form | {key: names for key, names in lists.items() if names}

    def _remission(self, scale: str) -> float | None:
        return self.remission_at_most if scale == self.scale else None


def load_trial(source: str | Path | Mapping[str, Any]) -> Trial:
    """Load a trial.

    **Arguments:**

    - `source`: path of a YAML file, its content as a mapping, or the name of a trial that ships
      (`ketasim trial --list`); a file of that name comes first.

    **Returns:** the trial, the doses of its arms checked against the published ranges.

    **Raises:** `InputError` with the dotted path of the field, such as `arms[1].days`.
    """
    return _trial(read_input(source, "trial"))


def parse_trial(text: str) -> Trial:
    """Read a trial from the text of a YAML file; see `load_trial`."""
    return _trial(read_input(read_mapping(text, "trial"), "trial"))


@cache
def load_studies() -> tuple[Trial, ...]:
    """The published trials that ship, by name."""
    return tuple(load_trial(path) for path in studies())


def _trial(content: Mapping[str, Any]) -> Trial:
    try:
        file = validated(TrialFile, dict(content))
    except InputError as error:
        if not isinstance(content.get("dropout"), Mapping):
            raise
        # one cause is written without a list, and named so
        field = error.field.replace("dropout[0]", "dropout")
        raise InputError(field, error.problem, error.remedy) from None
    check_file(file)
    arms = [arm_of(item, f"arms[{place}]", file.population) for place, item in enumerate(file.arms)]
    scale = scale_of(file, arms)
    arms += _branches(file, arms)
    ids = [arm.id for arm in arms]
    assessments = tuple(
        assessment_of(
            item,
            f"assess[{place}]",
            ids,
            file.response_at_least,
            file.remission_at_most if item.scale == scale else None,
        )
        for place, item in enumerate(file.assess)
    )
    horizon = horizon_of(file, assessments, content.get("horizon"))
    assessments += _relapse(file, arms, assessments, horizon)
    trial = Trial(
        key=file.trial,
        title=file.title,
        note=file.note,
        source=file.source,
        design=file.design,
        washout=file.washout,
        population=file.population,
        arms=tuple(replace(arm, horizon=horizon) for arm in arms),
        assessments=assessments,
        remission_at_most=file.remission_at_most,
        response_at_least=file.response_at_least,
        replicates=file.replicates,
        seed=file.seed,
        horizon=horizon,
        horizon_given=file.horizon is not None,
        primary=file.primary,
        analysis=file.analysis,
        estimands=file.estimands,
        dropout=file.dropout,
        power=file.power,
        scenario=file.scenario,
        adherence=file.adherence,
        rescue=file.rescue,
        delta=file.delta,
        looks=file.looks,
        randomisation=file.randomisation,
    )
    check_randomisation(
        *(file.randomisation, file.population, file.arms, trial.enrolled_arms),
        crossover=file.design == "crossover",
    )
    _check_phases(file, trial)
    crossover = trial.design == "crossover"
    check_dropout(file.dropout, trial.enrolled_arms, crossover=crossover)
    check_sessions(
        *(trial.arms, trial.assessments, trial.rescue, trial.individual), crossover=crossover
    )
    check_analyses(
        file.primary,
        Asked(file.analysis, file.estimands, file.delta, file.power, file.looks),
        trial.arms,
        trial.assessed,
        crossover=crossover,
    )
    return trial


def _branches(file: TrialFile, arms: list[Arm]) -> list[Arm]:
    """Arms of those who are randomised again."""
    made: list[Arm] = []
    for place, (item, arm) in enumerate(zip(file.arms, arms, strict=True)):
        field = f"arms[{place}]"
        if item.withdrawal is not None and file.design == "crossover":
            raise InputError(
                f"{field}.withdrawal",
                "a crossover has no randomised withdrawal",
                "leave 'withdrawal' out, or write 'design: parallel'",
            )
        own = branches_of(item, arm, field, remission=file.remission_at_most is not None)
        taken = {one.id for one in (*arms, *made)}
        for number, one in enumerate(own):
            if one.id in taken:
                raise InputError(
                    f"{field}.withdrawal.to[{number}]",
                    f"'{one.id}' is the id of two arms",
                    "name one otherwise, such as {id: other, control: saline}",
                )
            taken.add(one.id)
        made += own
    return made


def _relapse(
    file: TrialFile, arms: list[Arm], assessments: tuple[Assessment, ...], horizon: float
) -> tuple[Assessment, ...]:
    """Relapse after randomised withdrawals that the file does not ask for."""
    made: dict[float, list[str]] = {}
    for arm in arms:
        branch = arm.branch
        if branch is None:
            continue
        if branch.after >= horizon:
            place = [item.id for item in file.arms].index(branch.of)
            raise InputError(
                f"arms[{place}].withdrawal.after",
                f"nobody is followed after {branch.after:g} h: the last visit is at {horizon:g} h",
                "add a later visit, or 'horizon'",
            )
        asked = any(
            arm.id in one.arms and one.start is not None and one.start >= branch.after
            for one in assessments
            if set(one.metrics) & set(RELAPSES)
        )
        if not asked and branch.entry.well:
            made.setdefault(branch.after, []).append(arm.id)
    found: list[Assessment] = []
    for after, ids in made.items():
        weeks = int((horizon - after) / RELAPSE_EVERY * (1 + 1e-9))
        if weeks < RELAPSE.visits:
            continue
        visits = tuple(after + RELAPSE_EVERY * week for week in range(1, weeks + 1))
        metrics = ("no_relapse", "time_to_relapse")
        found.append(
            Assessment(
                RELAPSE_SCALE,
                metrics,
                tuple(ids),
                visits,
                start=after,
                relapse=RELAPSE,
                assumed=True,
            )
        )
    return tuple(found)


def _check_phases(file: TrialFile, trial: Trial) -> None:
    """Refuse an assessment that names an arm which its visits or metrics do not fit."""
    for place, (item, one) in enumerate(zip(file.assess, trial.assessments, strict=False)):
        branches = [name for name in one.arms if trial.arm(name).branch is not None]
        own = [name for name in one.metrics if name in FROM_PHASE]
        if own and not branches:
            raise InputError(
                f"assess[{place}].metrics",
                f"'{own[0]}' is of those who were randomised again, and no arm is",
                "leave it out, or add 'withdrawal' to an arm",
            )
        for name in item.arms or ():
            arm = trial.arm(name)
            left = one.within(*trial.phase(arm), phase=arm.branch is not None)
            if left is None or not set(one.metrics) - set(FROM_PHASE) <= set(left.metrics):
                first, last = trial.phase(arm)
                raise InputError(
                    f"assess[{place}].arms",
                    f"'{name}' is assessed from {first:g} to {last:g} h, and followed from then on",
                    f"give 'at' and 'from' within that, or leave '{name}' out",
                )
