"""The result of `validate`: every claim, and what they amount to by area and by use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.result import csv, later, saved
from ketasim.validation.claims.areas import AREAS, USES, Area, Use

if TYPE_CHECKING:
    import polars as pl

    from ketasim.validation.claims.claim import Claim

_COMMAND: Final = "ketasim validate --out DIR"


@dataclass(frozen=True)
class Summary:
    """Claims counted.

    **Arguments:**

    - `n`, `passed`, `missed`, `untold`: claims, and how they came out.
    - `covered`, `with_interval`: numbers inside the interval that decides, of those that have one.
    - `independent`: predicted without the number.
    - `fold`: geometric mean of the fold errors; nothing where none is one.
    """

    n: int
    passed: int
    missed: int
    untold: int
    covered: int
    with_interval: int
    independent: int
    fold: float | None


def counted(claims: Sequence[Claim]) -> Summary:
    """Count claims."""
    folds = [one.error for one in claims if one.measure == "fold" and one.error is not None]
    return Summary(
        n=len(claims),
        passed=sum(one.outcome == "pass" for one in claims),
        missed=sum(one.outcome == "miss" for one in claims),
        untold=sum(one.outcome == "cannot tell" for one in claims),
        covered=sum(one.covered is True for one in claims),
        with_interval=sum(one.covered is not None for one in claims),
        independent=sum(one.independent for one in claims),
        fold=float(np.exp(np.mean(np.log(folds)))) if folds else None,
    )


@dataclass(frozen=True, repr=False, eq=False)
class Validation(Result):
    """What `validate` returns.

    **Arguments:**

    - `claims`: all of them, in the order of the areas.
    - `environment`: what computed them, name to text.
    - `hashes`: of the cards, key to hash.
    - `stamp`: digest of all files of the package.
    - `seconds`: time of each area, by its key.
    """

    claims: tuple[Claim, ...]
    environment: dict[str, str]
    hashes: dict[str, str]
    stamp: str
    seconds: dict[str, float]

    @property
    def areas(self) -> tuple[Area, ...]:
        """Areas with claims, verification first."""
        known = {one.area for one in self.claims}
        return tuple(area for area in AREAS if area.key in known)

    @property
    def uses(self) -> tuple[Use, ...]:
        """Uses that rest on an area with claims."""
        known = {one.area for one in self.claims}
        return tuple(use for use in USES if known & set(use.areas))

    def of(self, area: str) -> tuple[Claim, ...]:
        """Claims of an area."""
        return tuple(one for one in self.claims if one.area == area)

    def of_use(self, use: Use) -> tuple[Claim, ...]:
        """Claims that bear on a use."""
        return tuple(one for one in self.claims if one.area in use.areas)

    @cached_property
    def misses(self) -> tuple[Claim, ...]:
        """Claims that are not met."""
        return tuple(one for one in self.claims if one.outcome == "miss")

    def headline(self) -> Headline:
        """How many claims of each area are met."""
        rows: list[HeadlineRow] = []
        for area in self.areas:
            one = counted(self.of(area.key))
            rows.append(
                HeadlineRow(area.title, f"{one.passed} of {one.n}", f"{one.missed} missed", "met")
            )
        whole = counted(self.claims)
        title = f"Validation: {whole.passed} of {whole.n} claims met, {whole.missed} missed"
        return Headline(title, tuple(rows), "")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, environment, hashes of the cards and of the package."""
        return {**self.environment, "package": self.stamp, "cards": self.hashes}

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources that claims are compared with."""
        return tuple(sorted({one.source for one in self.claims if one.source}))

    def summary(self) -> pl.DataFrame:
        """Counts by area: area, title, kind, n, passed, missed, cannot_tell, covered, … ."""
        import polars as pl

        rows: list[dict[str, Any]] = []
        for area in self.areas:
            told = asdict(counted(self.of(area.key)))
            told["cannot_tell"] = told.pop("untold")
            head = {"area": area.key, "title": area.title, "kind": area.kind}
            rows.append({**head, **told, "seconds": round(self.seconds.get(area.key, 0.0), 1)})
        return pl.DataFrame(rows)

    def main_table(self) -> pl.DataFrame:
        """Every claim, one a row; numbers and words as text where a column has both.

        **Returns:** columns use (keys of the uses it bears on), area, claim, where, comparator,
        published, predicted, unit, error, measure, low, high, covered, criterion, outcome, grade,
        independent, source, place, note.
        """
        import polars as pl

        from ketasim.evidence import source_name

        uses = {
            area.key: " ".join(use.key for use in USES if area.key in use.areas) for area in AREAS
        }
        rows = [
            {
                "use": uses[one.area],
                "area": one.area,
                "claim": one.what,
                "where": one.where,
                "comparator": source_name(one.source) if one.source else one.place,
                "published": _text(one.published),
                "predicted": _text(one.predicted),
                "unit": one.unit,
                "error": one.error,
                "measure": one.measure,
                "low": one.low,
                "high": one.high,
                "covered": one.covered,
                "criterion": one.criterion,
                "outcome": one.outcome,
                "grade": one.grade,
                "independent": one.independent,
                "source": one.source,
                "place": one.place,
                "note": one.note,
            }
            for one in self.claims
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def files(self, *, command: str = _COMMAND) -> dict[str, bytes]:
        """Table and report, by name.

        **Arguments:**

        - `command`: what reproduces them.
        """
        page = later("ketasim.reports:validation_report")(self, command=command)
        return {"validation.csv": csv(self.main_table()), "validation.html": page.encode()}

    def save(self, folder: str | Path, *, command: str = _COMMAND) -> list[Path]:
        """Write table and report, both or none.

        **Arguments:**

        - `folder`: made if missing. `command`: what reproduces them.
        """
        return saved(folder, self.files(command=command))


def _text(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.6g}"
