"""Groups of patients: how many, and the ages and weights they are drawn from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from ketasim._base import NUMBER, InputError, read_unit, shortened
from ketasim.dosing.fields import FROZEN, as_number, quantity, refuse
from ketasim.dosing.patient import AGES, WEIGHTS

DRAWN_WEIGHTS: Final = (35.0, 200.0)
"""Lightest and heaviest patient that is drawn, kg (assumed)."""
DRAWN_AGES: Final = (12.0, 95.0)
"""Youngest and oldest patient that is drawn, years (assumed)."""

_MOST_PATIENTS = 1_000_000
_NUMBERS = BeforeValidator(as_number, json_schema_input_type=str | float)


class MeanSd(BaseModel):
    """Mean and standard deviation of a number that differs between patients.

    **Arguments:**

    - `mean`, `sd`: in the unit of the field; `sd` is above 0.
    """

    model_config = FROZEN

    mean: float
    sd: float

    @model_validator(mode="before")
    @classmethod
    def _one_unit(cls, given: Any) -> Any:
        """A mean in lb beside an SD without a unit may be two units."""
        if not isinstance(given, Mapping):
            return given
        entry = cast("Mapping[str, Any]", given)
        named = [name for name in ("mean", "sd") if _has_unit(entry.get(name))]
        if len(named) == 1 and entry.get("sd") is not None:
            other = "sd" if named == ["mean"] else "mean"
            raise refuse(
                f"'{shortened(entry[named[0]])}' is in another unit than "
                f"'{shortened(entry.get(other))}'",
                f"write '{other}' with its unit too",
            )
        return entry

    @model_validator(mode="after")
    def _spread(self) -> MeanSd:
        if self.sd is not None and not self.sd > 0:  # pyright: ignore[reportUnnecessaryComparison]
            raise refuse("the standard deviation is not above 0", "give 'sd' above 0")
        return self


def _has_unit(value: object) -> bool:
    """The value has a unit other than kg or years, those of a number without one."""
    match = re.search(r"[^\W\d].*", value, re.DOTALL) if isinstance(value, str) else None
    unit = None if match is None else read_unit(match[0])
    return unit is not None and not {"kg", "year"}.intersection(unit.parts)


def _check_drawn(mean: float, limits: tuple[float, float], unit: str, remedy: str) -> None:
    low, high = limits
    if not low <= mean <= high:
        raise refuse(
            f"the mean, {mean:g} {unit}, is outside {low:g} to {high:g} {unit}, within which "
            "patients are drawn (assumed)",
            remedy,
        )


class AgeSpread(MeanSd):
    """Ages, years; without an SD, everybody has the mean age."""

    mean: Annotated[float, quantity("year", *AGES, bare=True), _NUMBERS]
    sd: Annotated[float, quantity("year", *AGES, bare=True), _NUMBERS] | None = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _drawn(self) -> AgeSpread:
        if self.sd is not None:
            remedy = "leave 'sd' out: everybody then has the mean age"
            _check_drawn(self.mean, DRAWN_AGES, "years", remedy)
        return self


class WeightSpread(MeanSd):
    """Body weights, kg."""

    mean: Annotated[float, quantity("kg", *WEIGHTS, bare=True), _NUMBERS]
    sd: Annotated[float, quantity("kg", 0, WEIGHTS[1], bare=True), _NUMBERS]

    @model_validator(mode="after")
    def _drawn(self) -> WeightSpread:
        remedy = "check the unit; a single patient of that weight goes under 'patient'"
        _check_drawn(self.mean, DRAWN_WEIGHTS, "kg", remedy)
        return self


_PERCENT: Final = re.compile(rf"({NUMBER})\s*(?:%|per\s?cent)", re.IGNORECASE)


def share(value: object) -> object:
    """Read a fraction, or a percentage with its sign; for validators."""
    given, value = value, factor(value)
    if isinstance(value, str):
        raise refuse(f"'{shortened(value)}' is not a fraction", "write it such as 0.6 or '60 %'")
    plain = not isinstance(given, str) or _PERCENT.fullmatch(given.strip()) is None
    if plain and isinstance(value, int | float) and not isinstance(value, bool) and value > 1:
        raise refuse(f"{shortened(given)} is above 1", "give a fraction, or a percentage with '%'")
    return value


def factor(value: object) -> object:
    """Read a number that is text, or a percentage with its sign; other values stay."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    found = as_number(value if match is None else match[1])
    return found / 100.0 if match is not None and isinstance(found, float) else found


Female = Annotated[
    float,
    Field(strict=True, ge=0, le=1),
    BeforeValidator(share, json_schema_input_type=float | str),
]
"""Fraction of women, or a percentage such as `60 %`."""


def _inside(value: object) -> object:
    """A share that is neither nothing nor everything."""
    found = share(value)
    if isinstance(found, int | float) and not isinstance(found, bool) and not 0.0 < found < 1.0:
        raise refuse(
            f"'{shortened(value)}' is not between nothing and everybody",
            "give a share above 0 and below 1, such as '20 %'",
        )
    return found


Part = Annotated[
    float,
    Field(strict=True, gt=0, lt=1),
    BeforeValidator(_inside, json_schema_input_type=float | str),
]
"""A share above 0 and below 1, or a percentage such as `20 %`."""


def drawn_ages_assumed(what: str) -> str:
    """How ages are drawn, as a sentence; `what` is whose they are."""
    return _assumed(what, "ages", DRAWN_AGES, "years")


def drawn_weights_assumed(what: str) -> str:
    """How weights are drawn, as a sentence; `what` is whose they are."""
    return _assumed(what, "weights", DRAWN_WEIGHTS, "kg")


def _assumed(what: str, name: str, limits: tuple[float, float], unit: str) -> str:
    return (
        f"{what} {name} are drawn from a normal distribution and kept within "
        f"{limits[0]:g} to {limits[1]:g} {unit}: the distribution and its limits are assumed."
    )


class PopulationSpec(BaseModel):
    """Virtual patients to be made around the patient.

    **Arguments:**

    - `n`: how many.
    - `seed`: of the random numbers.
    - `weight`, `age`: mean and SD, kg and years; left out, all have the patient's own.
    - `female`: fraction of women; left out, all have the patient's sex.
    """

    model_config = FROZEN

    n: Annotated[int, Field(strict=True, ge=1, le=_MOST_PATIENTS)]
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    weight: WeightSpread | None = None
    age: AgeSpread | None = None
    female: Female | None = None

    @property
    def assumed(self) -> tuple[tuple[str, str], ...]:
        """What is assumed of how covariates are drawn: the field, and a sentence."""
        found: list[tuple[str, str]] = []
        if self.weight is not None:
            found.append(("population.weight", drawn_weights_assumed("The patients'")))
        if self.age is not None and self.age.sd is not None:
            found.append(("population.age", drawn_ages_assumed("The patients'")))
        return tuple(found)

    def reseeded(self, seed: int) -> PopulationSpec:
        """The same people with another seed.

        **Raises:** `InputError` for one below 0.
        """
        if seed < 0:
            raise InputError("seed", f"{seed} is below 0", "give 0 or more")
        return self.model_copy(update={"seed": seed})

    def to_dict(self) -> dict[str, Any]:
        """Return the normal form, which loads back as equal."""
        form: dict[str, Any] = self.model_dump(exclude_none=True)
        if self.weight is not None:
            form["weight"] = {k: f"{v!r} kg" for k, v in form["weight"].items()}
        return form
