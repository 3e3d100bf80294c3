"""What a patient expects: by what is given, whether it can be told, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ketasim._base import InputError, near
from ketasim.dosing import CONTROLS
from ketasim.evidence import source_name

if TYPE_CHECKING:
    from ketasim.dosing import Arm

OLDER = 65.0
"""Age from which people count as older, years, as in TRANSFORM-3 (ctg_nct02422186)."""

_OF_CONTROL = {
    "saline": "p_saline",
    "placebo_oral": "p_spray",
    "midazolam": "p_midazolam",
    "placebo_spray": "p_spray",
    "masked": "p_masked",
    "antidepressant": "p_spray",
}
EXPECTATION_WORDS = {
    "p_saline": "saline, distinguishable from the drug",
    "p_midazolam": "midazolam control, masked",
    "p_spray": "spray in a blinded trial",
    "p_masked": "masked under anaesthesia",
    "p_known": "treatment known or recognisable",
    "p_ward": "on a ward",
    "p_emergency": "in an emergency",
}
"""Symbol of the card `mood` for an amplitude of expectation, to the situation in words."""
_BORROWED = {
    "placebo_oral": "an oral placebo",
    "antidepressant": "an oral antidepressant without sessions",
}


@dataclass(frozen=True)
class Situation:
    """What decides how much a patient expects.

    **Arguments:**

    - `control`: one of `CONTROLS`, or nothing for an arm that gets the drug.
    - `open`: the patient knows what is given.
    - `spray`: the drug is given into the nose.
    - `masked`: given under anaesthesia, so that treatment is indistinguishable.
    - `setting`: outpatient, inpatient or emergency.
    - `background`: `none`, `continued`, or `new` for a new oral antidepressant from day 0.
    - `older`: from the age of `OLDER`.

    **Raises:** `InputError` when a control is unknown.
    """

    control: str | None = None
    open: bool = False
    spray: bool = False
    masked: bool = False
    setting: str = "outpatient"
    background: str = "continued"
    older: bool = False

    def __post_init__(self) -> None:
        """Check the control."""
        if self.control is not None and self.control not in CONTROLS:
            raise InputError(
                "control", f"unknown control '{self.control}'", near(self.control, CONTROLS)
            )

    @property
    def amplitudes(self) -> tuple[str, ...]:
        """Symbols of the card `mood` that add up to the expectation of the typical patient."""
        if self.control == "none":
            raised: tuple[str, ...] = ()
        elif self.masked or self.control == "masked":
            raised = ("p_masked",)
        elif self.control is not None:
            raised = (_OF_CONTROL[self.control],)
        else:
            # a spray is told from its placebo by few, an infusion by most
            raised = ("p_spray",) if self.spray and not self.open else ("p_known",)
        added = {"inpatient": ("p_ward",), "emergency": ("p_emergency",)}
        return (*raised, *added.get(self.setting, ()))

    @property
    def new_antidepressant(self) -> bool:
        """Whether a new oral antidepressant starts on day 0."""
        return self.background == "new" or self.control == "antidepressant"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader must know, as sentences."""
        found: list[str] = []
        if self.control in _BORROWED:
            what = _BORROWED[self.control]
            found.append(f"No expectation is known for {what}: that of a placebo spray is assumed.")
        if self.older:
            found.append(
                f"From a (mean) age of {OLDER:g} all effects are those of younger adults times "
                "one parameter of the card, f_old, based on one trial "
                f"({source_name('ctg_nct02422186')})."
            )
        return tuple(found)


def situation_of(arm: Arm) -> Situation:
    """Situation of the patients in an arm of a trial."""
    return Situation(
        control=arm.control,
        open=arm.open,
        spray=any(dose.route == "intranasal" for dose in arm.doses),
        masked=arm.masked,
        setting=arm.setting,
        background=arm.background,
        older=arm.age is not None and arm.age.mean >= OLDER,
    )
