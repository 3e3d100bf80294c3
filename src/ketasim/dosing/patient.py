"""Who is treated, and how many virtual patients like them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ketasim._base import near
from ketasim.dosing.fields import FROZEN, Text, quantity, refuse, word
from ketasim.evidence import facts, load_card

SEXES: Final = ("female", "male")
ANCESTRIES: Final = ("white", "black", "asian", "japanese", "other")
GENOTYPES: Final = ("*1/*1", "*1/*6", "*6/*6")
DIAGNOSES: Final = ("mdd", "trd", "bipolar", "suicidality", "ptsd", "ocd", "anxiety", "pain")
SETTINGS: Final = ("outpatient", "inpatient", "emergency")
IMPAIRMENTS: Final = ("normal", "mild", "moderate", "severe")


@cache
def scales() -> Mapping[str, float]:
    """Rating scales with their highest score, points; the lowest is 0. From the table `scales`."""
    return {row.cells["scale"]: float(row.cells["high"]) for row in facts("scales")}


# Limits against slips of the pen, wider than any patient in the evidence.
WEIGHTS: Final = (1.0, 500.0)
"""Lightest and heaviest patient that is accepted, kg."""
AGES: Final = (0.0, 120.0)
"""Youngest and oldest patient that is accepted, years."""
_MOST_PATIENTS = 1_000_000


@cache
def reference_weight() -> tuple[float, str]:
    """Weight taken for a patient whose weight is not given.

    **Returns:** kg, and the key of its source: the reference weight of the published models, as the
    card of the reference model has it (grade assumed).
    """
    entry = load_card("reference").entry("WT_ref")
    return entry.value, entry.source


def _degree(value: object) -> object:
    """`mild impairment` says the same as `mild`."""
    return value.strip().lower().removesuffix(" impairment") if isinstance(value, str) else value


def known_scale(scale: str) -> str:
    """Return the scale, or refuse one that the package does not carry."""
    if scale not in scales():
        raise refuse(f"unknown scale '{scale}'", near(scale, scales()))
    return scale


def check_score(scale: str, score: float) -> None:
    """Refuse points that are no score of a scale."""
    highest = scales()[scale]
    if not 0 <= score <= highest:
        raise refuse(f"{score:g} is not a score of {scale}", f"give 0 to {highest:g} points")


class Baseline(BaseModel):
    """Score of a rating scale before treatment.

    **Arguments:**

    - `scale`: one of `scales()`.
    - `score`: points.
    """

    model_config = FROZEN

    scale: str
    score: Annotated[float, Field(strict=True, allow_inf_nan=False)]

    @field_validator("scale")
    @classmethod
    def _known(cls, scale: str) -> str:
        return known_scale(scale)

    @model_validator(mode="after")
    def _in_range(self) -> Baseline:
        check_score(self.scale, self.score)
        return self


class Patient(BaseModel):
    """Who is treated; everything may be left out.

    **Arguments:**

    - `age`: years; left out, no effect of age is computed.
    - `weight`: kg; left out, the reference weight of the published models, named in `assumed`.
    - `sex`: female or male.
    - `ancestry`: white, black, asian, japanese or other.
    - `cyp2b6`: genotype, `*1/*1`, `*1/*6` or `*6/*6`.
    - `diagnosis`: mdd, trd, bipolar, suicidality, ptsd, ocd, anxiety or pain.
    - `baseline`: scale and score before treatment.
    - `setting`: outpatient, inpatient or emergency.
    - `medicines`: names of the other medicines taken.
    - `kidney`, `liver`: normal, or mild, moderate or severe impairment.
    """

    model_config = FROZEN

    age: Annotated[float, quantity("year", *AGES, bare=True)] | None = None
    weight: Annotated[float, quantity("kg", *WEIGHTS)] = Field(
        default_factory=lambda: reference_weight()[0]
    )
    sex: Annotated[str, word(SEXES)] | None = None
    ancestry: Annotated[str, word(ANCESTRIES)] | None = None
    cyp2b6: Annotated[str, word(GENOTYPES, listed=True)] | None = None
    diagnosis: Annotated[str, word(DIAGNOSES)] | None = None
    baseline: Baseline | None = None
    setting: Annotated[str, word(SETTINGS)] | None = None
    medicines: tuple[Text, ...] = ()
    kidney: Annotated[str, word(IMPAIRMENTS), BeforeValidator(_degree)] | None = None
    liver: Annotated[str, word(IMPAIRMENTS), BeforeValidator(_degree)] | None = None

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of the fields that were left out and whose value was assumed."""
        return () if "weight" in self.model_fields_set else ("weight",)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed, as sentences for reports."""
        if not self.assumed:
            return ()
        weight, source = reference_weight()
        sentence = (
            f"The patient's weight is not given: {weight:g} kg is assumed, the reference weight of "
            f"the published models ({source})."
        )
        return (sentence,)


class PopulationSpec(BaseModel):
    """Virtual patients to be made around the patient.

    **Arguments:**

    - `n`: how many.
    - `seed`: of the random numbers.
    """

    model_config = FROZEN

    n: Annotated[int, Field(strict=True, ge=1, le=_MOST_PATIENTS)]
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
