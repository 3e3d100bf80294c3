"""What a course says of mood: other medicines, what the patient knows, stress, open questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, Field

from ketasim._base import InputError
from ketasim.dosing.fields import FROZEN, refuse, shortened, word
from ketasim.dosing.trial.arm import BACKGROUNDS
from ketasim.dosing.trial.assessment import Flag
from ketasim.vocabulary import MedicineForm, named_antidepressants

STRESS: Final = {"low": 0.5, "usual": 1.0, "high": 2.0}
"""Words for the stress of a patient, as multiples of that on the card `mood`; low and high are
assumed."""

LEAST_STRESS: Final = 0.01
"""Least multiple of the card's stress: without any, no synapses would be missing."""

MOST_STRESS: Final = 100.0
"""Largest multiple of the card's stress, a limit against slips of the pen."""

SWITCHES: Final = {
    "opioid_gate": ("off", "naltrexone"),
    "serotonin": ("off", "on"),
    "hydroxynorketamine": ("off", "on"),
    "dissociation": ("off", "on"),
}
"""Questions on which the evidence disagrees, with what each can be set to; all are off unless asked
for."""


def _unquoted(value: object) -> object:
    """True and false say `on` and `off`."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _multiple(value: object) -> float:
    if isinstance(value, str) and value.strip().lower() in STRESS:
        return STRESS[value.strip().lower()]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(
            f"'{shortened(value)}' is no stress",
            "use usual, low or high, or a multiple such as 1.5",
        )
    if not LEAST_STRESS <= value <= MOST_STRESS:
        raise refuse(
            f"{value:g} times the usual stress is outside the range",
            f"give {LEAST_STRESS:g} to {MOST_STRESS:g}",
        )
    return float(value)


class MoodSwitches(BaseModel):
    """Questions on which the evidence disagrees; see `SWITCHES`.

    **Arguments:**

    - `opioid_gate`: `naltrexone`, the drug's effect on mood needs the opioid system, and it is
      blocked.
    - `serotonin`: ketamine raises the neurotrophic drive by serotonin too.
    - `hydroxynorketamine`: hydroxynorketamine adds to the fast arm.
    - `dissociation`: whether patients who dissociate more improve more.
    """

    model_config = FROZEN

    opioid_gate: Annotated[
        str, word(SWITCHES["opioid_gate"], listed=True), BeforeValidator(_unquoted)
    ] = "off"
    serotonin: Annotated[
        str, word(SWITCHES["serotonin"], listed=True), BeforeValidator(_unquoted)
    ] = "off"
    hydroxynorketamine: Annotated[
        str, word(SWITCHES["hydroxynorketamine"], listed=True), BeforeValidator(_unquoted)
    ] = "off"
    dissociation: Annotated[
        str, word(SWITCHES["dissociation"], listed=True), BeforeValidator(_unquoted)
    ] = "off"

    @property
    def on(self) -> tuple[str, ...]:
        """Names of the switches that are not off."""
        return tuple(name for name in SWITCHES if getattr(self, name) != "off")


class MoodOptions(BaseModel):
    """What a course says of mood; everything may be left out.

    **Arguments:**

    - `background`: oral antidepressants, `none`, `continued`, or `new` from day 0; left out,
      `continued` when one is among the medicines, else `none`.
    - `blinded`: the patient does not know what is given; left out, the patient knows.
    - `stress`: multiple of the stress on the card `mood`; `usual`, `low` and `high` are 1, 0.5 and
      2.
    - `switches`: questions on which the evidence disagrees.
    """

    model_config = FROZEN

    background: Annotated[str, word(BACKGROUNDS, listed=True)] | None = None
    blinded: Flag = False
    stress: Annotated[float, BeforeValidator(_multiple, json_schema_input_type=str | float)] = 1.0
    switches: MoodSwitches = Field(default_factory=MoodSwitches)

    def background_with(self, medicines: Sequence[str | MedicineForm]) -> str:
        """Oral antidepressants beside the treatment.

        **Arguments:**

        - `medicines`: of the patient, as written.

        **Raises:** `InputError` when there shall be none and one is among the medicines.
        """
        named = named_antidepressants(medicines)
        if self.background is None:
            return "continued" if named else "none"
        if self.background == "none" and named:
            raise InputError(
                "mood.background",
                f"'none' contradicts the medicine '{named[0]}', an antidepressant",
                "write 'continued' or 'new', or say that the medicine is not taken",
            )
        return self.background
