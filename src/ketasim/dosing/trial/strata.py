"""Strata within which the patients of a trial are randomised, and the blocks of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, cast

from pydantic import BaseModel, Field, field_validator

from ketasim._base import InputError
from ketasim.dosing.fields import FROZEN, refuse, shortened
from ketasim.dosing.trial.arm import Arm, ArmItem, TrialPopulation
from ketasim.dosing.trial.assessment import Flag

CUT: Final = ("age", "weight", "baseline")
"""Factors that cut points divide into levels."""

MOST_STRATA: Final = 64
"""Most strata of a trial."""

_MOST_FACTORS: Final = 5
_MOST_BLOCK: Final = 40
_LEAST: Final = 1e-3  # part of the patients in a level
_EXAMPLE: Final = "such as [sex, {age: [65]}, {baseline: [35]}, {region: {EU: 0.6, US: 0.4}}]"


class Stratum(BaseModel):
    """A factor of stratification.

    **Arguments:**

    - `name`: `sex`, one of `CUT`, or the name of a factor that has no effect, such as `region`.
    - `cuts`: of `CUT`, ascending; a level begins at its cut.
    - `shares`: of a factor without effect, level to its part of the patients.
    """

    model_config = FROZEN

    name: str
    cuts: tuple[float, ...] = ()
    shares: Mapping[str, float] = Field(default_factory=dict[str, float])

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels, such as `<65` and `>=65`."""
        if self.name == "sex":
            return ("F", "M")
        if not self.cuts:
            return tuple(self.shares)
        edges = [f"{cut:g}" for cut in self.cuts]
        middle = (f"{low} to <{high}" for low, high in pairwise(edges))
        return (f"<{edges[0]}", *middle, f">={edges[-1]}")

    def form(self) -> Any:
        """Normal form."""
        if self.name == "sex":
            return self.name
        return {self.name: list(self.cuts) if self.cuts else dict(self.shares)}


class Randomisation(BaseModel):
    """How patients are put into arms.

    **Arguments:**

    - `strata`: within each combination of their levels arms are dealt out on their own.
    - `block`: patients of a permuted block.
    - `ratio`: of the arms in it, in their order; left out, that of their sizes.
    - `adjust`: the analyses take the strata.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("stratify", "factors", "by"), f"write it as 'strata', {_EXAMPLE}"),
        **dict.fromkeys(("blocks", "block_size"), "write it as 'block', such as 'block: 4'"),
        "allocation": "write it as 'ratio', such as 'ratio: [2, 1]'",
        **dict.fromkeys(("covariates", "adjusted"), "write it as 'adjust', true or false"),
    }
    """Keys that people write, which it has not, to what to write."""

    strata: tuple[Stratum, ...]
    block: Annotated[int, Field(strict=True, ge=2, le=_MOST_BLOCK)] | None = None
    ratio: tuple[Annotated[int, Field(strict=True, ge=1, le=_MOST_BLOCK)], ...] | None = None
    adjust: Flag = True

    @field_validator("strata", mode="before")
    @classmethod
    def _read(cls, value: object) -> object:
        alone = isinstance(value, str | Mapping)
        if not alone and not isinstance(value, list | tuple):
            raise refuse(f"'{shortened(value)}' is no list of factors", f"write one, {_EXAMPLE}")
        entries = [cast("object", value)] if alone else cast("Sequence[object]", value)
        return [_factor(entry) for entry in entries]

    @field_validator("strata", mode="after")
    @classmethod
    def _known(cls, strata: tuple[Stratum, ...]) -> tuple[Stratum, ...]:
        if not strata:
            raise refuse("no factor is given", f"name some, {_EXAMPLE}, or leave it out")
        names = [one.name for one in strata]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise refuse(f"'{twice}' is named twice", "name each factor once")
        count = math.prod(len(one.levels) for one in strata)
        if len(strata) > _MOST_FACTORS or count > MOST_STRATA:
            raise refuse(
                f"{len(strata)} factors with {count} strata",
                f"give at most {_MOST_FACTORS} factors with {MOST_STRATA} strata together",
            )
        return strata

    def form(self) -> dict[str, Any]:
        """Normal form."""
        form: dict[str, Any] = {"strata": [one.form() for one in self.strata]}
        if self.block is not None:
            form["block"] = self.block
        if self.ratio is not None:
            form["ratio"] = list(self.ratio)
        return form | ({} if self.adjust else {"adjust": False})


def _factor(entry: object) -> object:
    """A factor as it is written: a name, or a name with cut points or with shares."""
    if isinstance(entry, Stratum):
        return entry
    if isinstance(entry, str):
        if entry.strip().lower() in ("sex", "gender"):
            return Stratum(name="sex")
        name = entry.strip().lower()
        example = f"{{{name}: [65]}}" if name in CUT else f"{{{name}: {{A: 0.6, B: 0.4}}}}"
        raise refuse(f"'{shortened(entry)}' has no levels", f"write them, such as {example}")
    pairs = cast("Mapping[object, object]", entry if isinstance(entry, Mapping) else {})
    if len(pairs) != 1:
        told = shortened(cast("object", entry))
        raise refuse(f"'{told}' is no factor", f"write one each, {_EXAMPLE}")
    ((key, value),) = pairs.items()
    name = str(key).strip()
    if name.lower() in CUT:
        return Stratum(name=name.lower(), cuts=_cuts(name.lower(), value))
    if name.lower() in ("sex", "gender"):
        raise refuse("'sex' has its levels from 'female' of the population", "write 'sex' alone")
    return Stratum(name=name, shares=_shares(name, value))


def _cuts(name: str, value: object) -> tuple[float, ...]:
    given = [value] if isinstance(value, int | float) else value
    remedy = f"write numbers that rise, such as {{{name}: [65]}}"
    if not isinstance(given, list | tuple) or not given:
        raise refuse(f"'{shortened(value)}' is no list of cut points of '{name}'", remedy)
    cuts: list[float] = []
    for one in cast("Sequence[object]", given):
        number = isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one)
        if not number or (cuts and not cast("float", one) > cuts[-1]):
            raise refuse(f"'{shortened(one)}' of '{name}' is no cut point above the last", remedy)
        cuts.append(float(cast("float", one)))
    return tuple(cuts)


def _shares(name: str, value: object) -> dict[str, float]:
    remedy = f"write parts that add up to 1, such as {{{name}: {{A: 0.6, B: 0.4}}}}"
    if not isinstance(value, Mapping):
        raise refuse(f"'{shortened(value)}' does not give the parts of '{name}'", remedy)
    found: dict[str, float] = {}
    for level, part in cast("Mapping[object, object]", value).items():
        number = isinstance(part, int | float) and not isinstance(part, bool)
        if not number or not _LEAST <= cast("float", part) < 1.0:
            told = f"'{shortened(part)}' is no part of the patients for level '{shortened(level)}'"
            raise refuse(told, remedy)
        found[str(level).strip()] = float(cast("float", part))
    total = sum(found.values())
    if len(found) < 2 or abs(total - 1.0) > 1e-6:
        raise refuse(f"the parts of '{name}' add up to {total:g}", remedy)
    return {level: part / total for level, part in found.items()}


def check_randomisation(
    given: Randomisation | None,
    population: TrialPopulation,
    items: Sequence[ArmItem],
    arms: Sequence[Arm],
    *,
    crossover: bool,
) -> None:
    """Refuse strata that the trial does not have.

    **Arguments:**

    - `population`, `items`: as written. `arms`: that are enrolled. `crossover`: the design.

    **Raises:** `InputError` with the path of the field.
    """
    if given is None:
        return
    if crossover or len(arms) < 2:
        what = "all patients of a crossover are in all arms" if crossover else "there is one arm"
        raise InputError("randomisation", what, "leave it out")
    for place, item in enumerate(items):
        if item.withdrawal is not None:
            raise InputError(
                "randomisation",
                f"patients of '{item.id}' are randomised again, and strata of that are not "
                "simulated",
                f"leave it out, or 'withdrawal' in arms[{place}]",
            )
    for number, one in enumerate(given.strata):
        _check_factor(f"randomisation.strata[{number}]", one, population, items)
    ratio = ratio_of(given, arms)
    if given.ratio is not None and len(given.ratio) != len(arms):
        raise InputError(
            "randomisation.ratio",
            f"{len(given.ratio)} numbers for {len(arms)} arms",
            "give one for each arm, in their order",
        )
    if sum(ratio) > _MOST_BLOCK:
        told = ":".join(str(arm.n) for arm in arms)
        raise InputError(
            "randomisation",
            f"sizes of {told} have no ratio that a block of {_MOST_BLOCK} holds",
            f"add 'ratio', such as 'ratio: [{', '.join('1' for _ in arms)}]'",
        )
    if given.block is not None and given.block % sum(ratio):
        told = ":".join(str(one) for one in ratio)
        raise InputError(
            "randomisation.block",
            f"{given.block} patients do not hold arms of {told}",
            f"give a multiple of {sum(ratio)}",
        )


def ratio_of(given: Randomisation, arms: Sequence[Arm]) -> tuple[int, ...]:
    """Patients of each arm in the smallest block."""
    sizes = given.ratio or tuple(arm.n for arm in arms)
    common = reduce(math.gcd, sizes)
    return tuple(size // common for size in sizes)


def block_of(given: Randomisation, arms: Sequence[Arm]) -> int:
    """Patients of a block: as given, or two of the smallest (assumed)."""
    return given.block or 2 * sum(ratio_of(given, arms))


def _check_factor(
    field: str, one: Stratum, population: TrialPopulation, items: Sequence[ArmItem]
) -> None:
    """Refuse a factor whose distribution is not known, or of which a level has nobody."""
    if one.shares:
        return
    key = "female" if one.name == "sex" else one.name
    for place, item in enumerate(items):
        if getattr(item, key) is not None:
            raise InputError(
                f"arms[{place}].{key}",
                f"arms that are randomised within strata of '{one.name}' hold the same patients",
                f"write '{key}' in 'population'",
            )
    spread = getattr(population, key)
    if one.name == "sex":
        if spread is None or not _LEAST <= spread <= 1.0 - _LEAST:
            told = "the share of women is not given" if spread is None else "all are of one sex"
            raise InputError(field, f"'sex': {told}", "give 'female' in 'population', such as 0.6")
        return
    if spread is None or spread.sd is None:
        raise InputError(
            field,
            f"'{one.name}' is not spread in the population",
            f"give '{one.name}' in 'population' with mean and sd",
        )
    below = [0.0]
    below += [(1 + math.erf((c - spread.mean) / spread.sd / math.sqrt(2))) / 2 for c in one.cuts]
    for level, low, high in zip(one.levels, below, [*below[1:], 1.0], strict=True):
        if high - low < _LEAST:
            raise InputError(
                field,
                f"fewer than 1 of 1000 patients have '{one.name}' {level}",
                f"give other cut points; the mean is {spread.mean:g}, the SD {spread.sd:g}",
            )


def factor_names(given: Randomisation) -> str:
    """The factors in words, such as `sex and age (65)`."""
    named = [
        one.name + (f" ({', '.join(f'{cut:g}' for cut in one.cuts)})" if one.cuts else "")
        for one in given.strata
    ]
    return " and ".join((", ".join(named[:-1]), named[-1])) if named[1:] else named[0]
