"""What an analysis returns: named tables, and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.result import csv

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, repr=False)
class Analysis(Result):
    """An analysis of a trial's data.

    **Arguments:**

    - `title`: what was done, in a sentence without its full stop.
    - `tables`: name to a table, the main one first.
    - `options`: what reproduces it.
    - `notes`: what the reader must know, a sentence each.
    - `main`: rows of the headline.
    """

    title: str
    tables: Mapping[str, polars.DataFrame]
    options: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    main: tuple[HeadlineRow, ...] = ()

    def headline(self) -> Headline:
        """What was done, and the main estimates."""
        ranges = "Ranges are 95 % confidence intervals." if self.main else ""
        return Headline(self.title, self.main, " ".join([ranges, *self.notes]).strip())

    @property
    def metadata(self) -> dict[str, Any]:
        """Version and options."""
        from ketasim.__about__ import __version__

        return {"ketasim": __version__, **self.options}

    def sources(self) -> tuple[str, ...]:
        """None: nothing of the evidence enters the analysis of data that are brought."""
        return ()

    def main_table(self) -> polars.DataFrame:
        """The first of the tables."""
        return next(iter(self.tables.values()))

    def files(self) -> Mapping[str, bytes]:
        """Each table as CSV."""
        return {f"{name}.csv": csv(table) for name, table in self.tables.items()}
