"""What a patient expects: by what a session lets feel, what else it could have been, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.dosing import CONTROLS
from ketasim.evidence import source_name
from ketasim.population.arms import arm_patients
from ketasim.population.session.felt import first_session_effect

if TYPE_CHECKING:
    from ketasim.dosing import Arm, Dose, Trial

Array = NDArray[np.float64]

OLDER = 65.0
"""Age from which people count as older, years, as in TRANSFORM-3 (ctg_nct02422186)."""

EXPECTATION_WORDS: Final = {
    "p_belief": "belief to get the drug",
    "u_scale": "effects of the session",
    "u_midazolam": "sedation by midazolam",
    "u_spray": "taste of the spray",
    "p_theatre": "under anaesthesia",
    "p_ward": "on a ward",
    "p_emergency": "in an emergency",
}
"""Symbol of the card `mood` for a part of expectation, to the part in words."""

USUAL_CONTROL: Final = {
    **dict.fromkeys(("iv", "im", "sc"), "midazolam"),
    "intranasal": "placebo_spray",
    "inhaled": "placebo_inhaled",
    **dict.fromkeys(("oral", "oral_er", "sublingual", "buccal", "rectal"), "placebo_oral"),
}
"""Route to the control that a blinded course is taken to be compared with, an assumption."""

_ADDS: Final = {"midazolam": "u_midazolam", "placebo_spray": "u_spray"}
_UNTOLD: Final = ("antidepressant", "none")  # without sessions there is nothing to be told
_RULE = np.polynomial.hermite_e.hermegauss(15)
_NODES: Array = np.asarray(_RULE[0], np.float64)
_WEIGHTS: Array = np.asarray(_RULE[1] / np.sum(_RULE[1]), np.float64)
_FAR: Final = 8.0  # SDs beyond which nothing is felt
_STEPS: Final = 2001
_SAME: Final = 1e-12


@dataclass(frozen=True)
class Treatment:
    """Something that a patient of a blinded comparison may have been given.

    **Arguments:**

    - `drug`: whether it is the drug, or a control.
    - `effect`: of its first session on the typical patient, highest share of the full effect, 0-1.
    - `adds`: symbol of the card `mood` for what is felt beside that; empty for nothing.
    - `patients`: how many are given it, which a patient knows beforehand.
    """

    drug: bool
    effect: float = 0.0
    adds: str = ""
    patients: float = 1.0

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the card `mood` behind its intensity."""
        return (*(("u_scale",) if self.effect else ()), *((self.adds,) if self.adds else ()))

    def intensity(self, numbers: Mapping[str, Any]) -> Any:
        """What is felt, in SDs of what people report without the drug.

        The drug's effects and a taste are felt apart from each other: their squares add, so that a
        bitter spray hides little of a strong effect and most of a weak one.

        **Arguments:**

        - `numbers`: of the card `mood`, or arrays (n,).
        """
        felt = numbers["u_scale"] * self.effect
        return np.hypot(felt, numbers[self.adds]) if self.adds else felt


@dataclass(frozen=True)
class Situation:
    """What decides how much a patient expects.

    **Arguments:**

    - `control`: one of `CONTROLS`, or nothing for an arm that gets the drug.
    - `among`: what a blinded patient may have been given, the own treatment among them; empty
      where the patient knows what is given. `place`: of the own treatment in it.
    - `supposed`: no arm of the trial gets the drug, and one that cannot be told is supposed.
    - `masked`: given under anaesthesia.
    - `setting`: outpatient, inpatient or emergency.
    - `background`: `none`, `continued`, or `new` for a new oral antidepressant from day 0.
    - `older`: from the age of `OLDER`.
    - `unblinded`: part of the patients in doubt who know what they got, a scenario.

    **Raises:** `InputError` when a control is unknown.
    """

    control: str | None = None
    among: tuple[Treatment, ...] = ()
    place: int = 0
    supposed: bool = False
    masked: bool = False
    setting: str = "outpatient"
    background: str = "continued"
    older: bool = False
    unblinded: float = 0.0

    def __post_init__(self) -> None:
        """Check the control."""
        if self.control is not None and self.control not in CONTROLS:
            raise InputError(
                "control", f"unknown control '{self.control}'", near(self.control, CONTROLS)
            )

    @property
    def in_doubt(self) -> bool:
        """Whether the patient may have been given the drug or something else."""
        return len({one.drug for one in self.among}) == 2

    def belief(self, numbers: Mapping[str, Any]) -> Any:
        """Mean belief of the arm's patients to get the drug, 0 to 1.

        A patient feels x, normal with SD 1 around the intensity of what was given, knows what the
        comparison may give and how often, and believes by Bayes' rule.

        **Arguments:**

        - `numbers`: of the card `mood`, or arrays (n,).

        **Returns:** a number, or an array (n,).
        """
        if not self.in_doubt:
            return float(self.control is None)
        felt = self._felt(numbers)
        # patients of one replicate have the same numbers, one after the other
        turns = (felt[:, 1:] != felt[:, :-1]).any(axis=0)
        runs = np.concatenate([[0], np.cumsum(turns)])
        few = felt[:, np.concatenate([[True], turns])]
        against = self._against(few[:, :, None], few[self.place][:, None] + _NODES, odds=True)
        # beyond 700 the exponential is endless, and the belief is none
        found = ((1.0 / (1.0 + np.exp(np.minimum(against, 700.0)))) @ _WEIGHTS)[runs]
        found = self._told(found)
        drawn = any(np.ndim(numbers[symbol]) for one in self.among for symbol in one.symbols)
        return found if drawn else float(found[0])

    def guesses_drug(self, numbers: Mapping[str, float]) -> float:
        """Chance that a patient of the arm guesses the drug: that it explains better what is felt.

        Unlike the belief, a guess heeds no odds of the allocation; where nothing can tell, half of
        the patients guess the drug.

        **Arguments:**

        - `numbers`: of the card `mood`.
        """
        if not self.in_doubt:
            return float(self.control is None)
        from scipy.special import ndtr  # only here: scipy is slow to load

        felt = self._felt(numbers)[:, :1]
        x: Array = np.linspace(float(felt.min()) - _FAR, float(felt.max()) + _FAR, _STEPS)
        against = self._against(felt, x, odds=False)
        if np.abs(against).max() < _SAME:
            return float(self._told(0.5))
        # where the sign turns, by a straight line
        turns = np.flatnonzero(np.diff(against >= 0.0))
        slope = against[turns + 1] - against[turns]
        cuts: Array = x[turns] - against[turns] / slope * (x[turns + 1] - x[turns])
        edges = np.concatenate([[-np.inf], cuts, [np.inf]])
        below = np.asarray(ndtr(edges - felt[self.place]), np.float64)
        # by turns for and against the drug
        start = int(against[0] >= 0.0)
        return float(self._told(np.diff(below)[start::2].sum()))

    def _told(self, chance: Any) -> Any:
        """A chance to take it for the drug, with those who know what they got."""
        return (1.0 - self.unblinded) * chance + self.unblinded * (self.control is None)

    def _felt(self, numbers: Mapping[str, Any]) -> Array:
        """What is felt of each of the treatments, shape (treatments, n)."""
        each = [np.atleast_1d(one.intensity(numbers)) for one in self.among]
        return np.asarray(np.broadcast_arrays(*each), np.float64)

    def _against(self, felt: Array, x: Array, *, odds: bool) -> Array:
        """Logarithm of the odds that what is felt, x, is no drug; treatments come first in felt."""
        sides: list[Array] = []
        for drug in (False, True):
            own = [i for i, one in enumerate(self.among) if one.drug == drug]
            patients = np.array([self.among[i].patients for i in own], np.float64)
            share = np.log(patients if odds else patients / patients.sum())
            each = [w - (x - felt[i]) ** 2 / 2.0 for i, w in zip(own, share, strict=True)]
            sides.append(np.asarray(np.logaddexp.reduce(each), np.float64))
        return sides[0] - sides[1]

    def expectation(self, numbers: Mapping[str, Any]) -> Any:
        """Height of expectation of the typical patient, on the logarithm of severity.

        **Arguments:**

        - `numbers`: of the card `mood`, or arrays (n,).
        """
        raised = numbers["p_belief"] * self.belief(numbers)
        return raised + sum((numbers[symbol] for symbol in self._places), 0.0)

    @property
    def _places(self) -> tuple[str, ...]:
        """Symbols for where it is given."""
        added = {"inpatient": ("p_ward",), "emergency": ("p_emergency",)}
        return (*(("p_theatre",) if self.masked else ()), *added.get(self.setting, ()))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the card `mood` that act on expectation, `EXPECTATION_WORDS` in order."""
        felt = [symbol for one in self.among for symbol in one.symbols] if self.in_doubt else []
        believed = ("p_belief",) if self.in_doubt or self.control is None else ()
        return tuple(dict.fromkeys((*believed, *felt, *self._places)))

    @property
    def new_antidepressant(self) -> bool:
        """Whether a new oral antidepressant starts on day 0."""
        return self.background == "new" or self.control == "antidepressant"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know, as sentences."""
        found: list[str] = []
        if self.supposed:
            found.append(
                "No arm gets the drug: that patients take even odds of getting one that cannot be "
                "told is assumed (affects expectation)."
            )
        if self.masked:
            found.append(
                "How much an operation under anaesthesia adds to expectation is known from one "
                f"trial alone ({source_name('lii2023')})."
            )
        if self.older:
            found.append(
                f"From a (mean) age of {OLDER:g} all effects are those of younger adults times "
                "one parameter of the card, f_old, based on two trials that disagree "
                f"({source_name('ctg_nct02422186')}; {source_name('ochsross2022')})."
            )
        return tuple(found)


def situation_of(trial: Trial, arm: Arm) -> Situation:
    """Situation of the patients in an arm of a trial.

    Who is blinded may be in any blinded arm that is given alike, under anaesthesia or not, and
    knows the sizes of the arms. An arm that is open, or has no sessions, is told. Where no arm gets
    the drug, blinded patients may get one elsewhere that feels as their control does.

    Who was randomised again may be in any arm of that randomisation, and knows its ratio; the
    situation is that from then on, and what is felt that of the first session since.

    **Arguments:**

    - `trial`: with all arms. `arm`: one of them.
    """
    together = [one for one in trial.arms if _again(one) == _again(arm)]

    def in_doubt(one: Arm) -> bool:
        return not one.open and one.masked == arm.masked and one.control not in _UNTOLD

    blinded = [one for one in together if in_doubt(one)] if in_doubt(arm) else []
    among = [treatment_of(one) for one in blinded]
    supposed = bool(among) and all(one.control is not None for one in together)
    if supposed:
        patients = sum(one.patients for one in among)
        among.append(replace(treatment_of(arm), drug=True, patients=patients))
    return Situation(
        control=arm.control,
        among=tuple(among),
        supposed=supposed,
        place=next((i for i, one in enumerate(blinded) if one.id == arm.id), 0),
        masked=arm.masked,
        setting=arm.setting,
        background=arm.background,
        older=arm.age is not None and arm.age.mean >= OLDER,
        unblinded=0.0 if trial.scenario is None else trial.scenario.unblinding,
    )


def _again(arm: Arm) -> str | None:
    """Whose patients an arm has, where they were randomised again."""
    return None if arm.branch is None else arm.branch.of


def treatment_of(arm: Arm) -> Treatment:
    """What an arm gives, as far as it is felt; under anaesthesia nothing is."""
    patients = arm.n if arm.branch is None else arm.branch.ratio
    if arm.masked:
        return Treatment(arm.control is None, patients=patients)
    if arm.control is not None:
        return Treatment(False, adds=_ADDS.get(arm.control, ""), patients=patients)
    return Treatment(True, _effect(arm), _taste(_felt(arm)[0].route), patients)


def in_usual_comparison(route: str, effect: float) -> tuple[Treatment, Treatment]:
    """A blinded drug and the usual control of its route, as many of one as of the other.

    **Arguments:**

    - `route`: of the first session. `effect`: as of `Treatment`.
    """
    control = Treatment(False, adds=_ADDS.get(USUAL_CONTROL[route], ""))
    return Treatment(True, effect, _taste(route)), control


def _taste(route: str) -> str:
    """A spray of the drug tastes as its placebo does, which has a bitter agent for that."""
    return "u_spray" if route == "intranasal" else ""


@lru_cache(maxsize=1024)
def _effect(arm: Arm) -> float:
    """Effect of an arm's first session on its typical patient."""
    values, weight, _ = arm_patients(arm, 0, 0, 1, typical=True)
    return first_session_effect(_felt(arm), values, weight)


def _felt(arm: Arm) -> Sequence[Dose]:
    """Doses of which the first session tells what the arm gives."""
    after = 0.0 if arm.branch is None else arm.branch.after
    # by a rule alone sessions go on as the last one was
    return [dose for dose in arm.doses if dose.time >= after] or arm.last_session
