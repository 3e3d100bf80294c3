"""The result of `nca`: one row a profile, the points of the terminal line, a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain
from ketasim._base.result import csv
from ketasim._base.words import counted
from ketasim.noncompartmental.metrics import METRICS, Measured, Options, partial_name
from ketasim.noncompartmental.units import Units

Array = NDArray[np.float64]

_SHOWN: Final = {
    "cmax": "Cmax",
    "tmax": "Tmax",
    "auc_last": "AUC to the last value",
    "auc_inf_obs": "AUC to infinity",
    "half_life": "half-life",
    "auc_tau": "AUC of an interval",
    "cl": "CL",
    "vz": "Vz",
}
_COUNTS: Final = ("lambda_z_points",)


@dataclass(frozen=True, repr=False, eq=False)
class NonCompartmental(Result):
    """What `nca` returns.

    **Arguments:**

    - `measured`: the profiles with their metrics, in the order of the table.
    - `units`: quantity to units. `groups`: names of the columns that results are grouped by.
    - `options`: how the metrics were taken. `notes`: what the reader must know, as sentences.
    - `source`: what was measured, in words.
    """

    measured: tuple[Measured, ...]
    units: Mapping[str, Units]
    groups: tuple[str, ...]
    options: Options
    notes: tuple[str, ...]
    source: str

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of the columns."""
        return (*METRICS, *map(partial_name, self.options.partial))

    def table(self) -> pl.DataFrame:
        """One row a profile: a subject, a quantity and a dose.

        **Returns:** `ID`, the groups, `draw` where there are draws, `quantity`, `dose` (number in
        the subject), `start_h`, `amount`, `route`, `tau_h`, `steady_state`, `samples`, `below`
        (those below the limit), a column for each metric, `start` (how the value at the dose is
        known), `unit`, `dose_unit`, `volume_unit`, and `why` (what is missing and why).
        """
        rows = [one.profile for one in self.measured]
        text, number, whole = pl.String, pl.Float64, pl.Int64
        columns: list[pl.Series] = [pl.Series("ID", [one.subject for one in rows], text)]
        columns += [
            pl.Series(name, [one.groups[place] for one in rows], text)
            for place, name in enumerate(self.groups)
        ]
        if any(one.draw for one in rows):
            columns.append(pl.Series("draw", [one.draw for one in rows], whole))
        columns += [
            pl.Series("quantity", [one.quantity for one in rows], text),
            pl.Series("dose", [one.given.number for one in rows], whole),
            pl.Series("start_h", [one.given.time for one in rows], number),
            pl.Series("amount", [one.given.amount for one in rows], number),
            pl.Series("route", [one.given.route for one in rows], text),
            pl.Series("tau_h", [one.given.tau for one in rows], number),
            pl.Series("steady_state", [one.given.steady for one in rows], pl.Boolean),
            pl.Series("samples", [len(one.times) for one in rows], whole),
            pl.Series("below", [int(one.below.sum()) for one in rows], whole),
        ]
        columns += [
            pl.Series(name, self.values(name), whole if name in _COUNTS else number, strict=False)
            for name in self.metrics
        ]
        starts = [one.curve.start if one.curve else "" for one in self.measured]
        units = [self.units[one.quantity] for one in rows]
        columns += [
            pl.Series("start", starts, text),
            pl.Series("unit", [one.concentration for one in units], text),
            pl.Series("dose_unit", [one.dose for one in units], text),
            pl.Series("volume_unit", [one.per for one in units], text),
            pl.Series("why", [one.why for one in self.measured], text),
        ]
        return pl.DataFrame(columns).with_columns(pl.selectors.float().fill_nan(None))

    def values(self, metric: str) -> Array:
        """A metric of every profile, in its unit, not a number where it is not known."""
        kind = METRICS.get(metric, "area")
        scaled = kind in ("clearance", "volume")
        return np.array(
            [
                one.values[metric] * (self.units[one.profile.quantity].factor if scaled else 1.0)
                for one in self.measured
            ]
        )

    def points(self) -> pl.DataFrame:
        """Every sample, and which of them the terminal line goes through.

        **Returns:** `ID`, `draw` where there are draws, `quantity`, `dose`, `time_h` (after the
        dose), `value`, `below`, `terminal`, and `line`: the terminal line there.
        """
        profiles = [one.profile for one in self.measured]
        counts = [len(one.times) for one in profiles]
        used, lines = zip(*map(_terminal, self.measured), strict=True)

        def repeated(values: list[Any]) -> Any:
            return np.repeat(np.array(values), counts)

        found = pl.DataFrame(
            {
                "ID": repeated([one.subject for one in profiles]),
                "draw": repeated([one.draw for one in profiles]),
                "quantity": repeated([one.quantity for one in profiles]),
                "dose": repeated([one.given.number for one in profiles]),
                "time_h": np.concatenate([one.times for one in profiles]),
                "value": np.concatenate([one.values for one in profiles]),
                "below": np.concatenate([one.below for one in profiles]),
                "terminal": np.concatenate(used),
                "line": np.concatenate(lines),
            }
        ).with_columns(pl.col("line").fill_nan(None))
        return found if any(one.draw for one in profiles) else found.drop("draw")

    def summary(self) -> pl.DataFrame:
        """Each metric over the profiles of a group, a quantity and a dose.

        **Returns:** the groups, `quantity`, `dose`, `metric`, `unit`, `n` (profiles that have it),
        `of` (profiles), `mean`, `sd`, `cv` (%), `geometric_mean`, `geometric_cv` (%), `median`,
        `min`, `max`. Geometric ones are blank where a value is 0.
        """
        places: dict[tuple[Any, ...], list[int]] = {}
        for place, one in enumerate(self.measured):
            profile = one.profile
            key = (*profile.groups, profile.quantity, profile.given.number)
            places.setdefault(key, []).append(place)
        values = {metric: self.values(metric) for metric in self.metrics}
        rows: list[dict[str, Any]] = []
        for key, where in places.items():
            units = self.units[key[-2]]
            for metric, column in values.items():
                known = column[where][np.isfinite(column[where])]
                if not len(known):
                    continue
                head = dict(zip((*self.groups, "quantity", "dose"), key, strict=True))
                unit = units.of(METRICS.get(metric, "area"))
                head |= {"metric": metric, "unit": unit, "n": len(known), "of": len(where)}
                rows.append(head | _statistics(known))
        return pl.DataFrame(rows, infer_schema_length=None)

    def headline(self) -> Headline:
        """How many profiles, and the median of the main metrics of the first quantity and dose."""
        first = self.measured[0].profile
        units = self.units[first.quantity]
        same = [
            place
            for place, one in enumerate(self.measured)
            if (one.profile.quantity, one.profile.given.number)
            == (first.quantity, first.given.number)
        ]
        rows: list[HeadlineRow] = []
        apparent = "/F" if first.given.route == "extravascular" else ""
        for metric, name in _SHOWN.items():
            known = self.values(metric)[same]
            known = known[np.isfinite(known)]
            if not len(known):
                continue
            label = name + (apparent if metric in ("cl", "vz") else "")
            low, high = plain(float(known.min())), plain(float(known.max()))
            rows.append(
                HeadlineRow(
                    label,
                    plain(float(np.median(known))),
                    f"{low}-{high}" if len(known) > 1 else "",
                    units.of(METRICS[metric]),
                )
            )
        subjects = len({one.profile.subject for one in self.measured})
        profiles = counted(len(self.measured), "profile")
        more = "" if len(same) == len(self.measured) else f"; below, {first.quantity}, first dose"
        title = f"{self.source}: {profiles} of {counted(subjects, 'subject')}{more}"
        return Headline(title, tuple(rows), "Median and range of the profiles.")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, rules, units and notes."""
        return {
            "ketasim": __version__,
            "of": self.source,
            "areas": "linear" if self.options.linear else "linear up, log down",
            "terminal": self.options.terminal,
            "partial": [list(pair) for pair in self.options.partial],
            "units": {
                name: {metric: one.of(METRICS.get(metric, "area")) for metric in self.metrics}
                for name, one in self.units.items()
            },
            "notes": list(self.notes),
        }

    def sources(self) -> tuple[str, ...]:
        """None: what is measured is the reader's own."""
        return ()

    def main_table(self) -> pl.DataFrame:
        """The table that `to_parquet` writes."""
        return self.table()

    def files(self) -> Mapping[str, bytes]:
        """What `save` writes: `nca.csv`, `nca_points.csv`, `nca_summary.csv`."""
        return {
            "nca.csv": csv(self.table()),
            "nca_points.csv": csv(self.points()),
            "nca_summary.csv": csv(self.summary()),
        }


def _terminal(one: Measured) -> tuple[NDArray[np.bool_], Array]:
    """Which samples the terminal line goes through, and the line there."""
    profile, slope = one.profile, one.slope
    if slope is None:
        return np.zeros(len(profile.times), bool), np.full(len(profile.times), np.nan)
    used = np.isin(profile.times, slope.times) & ~profile.below
    ahead = profile.times - slope.times[-1]
    return used, np.where(used, slope.predicted * np.exp(-slope.rate * ahead), np.nan)


def _statistics(known: Array) -> dict[str, float | None]:
    """Statistics of numbers, shape (N,), N at least 1."""
    many, mean = len(known) > 1, float(known.mean())
    spread = float(known.std(ddof=1)) if many else None
    positive = bool((known > 0).all())
    logs = np.log(known) if positive else known
    varied = float(logs.var(ddof=1)) if positive and many else None
    return {
        "mean": mean,
        "sd": spread,
        "cv": 100 * spread / mean if spread is not None and mean else None,
        "geometric_mean": float(np.exp(logs.mean())) if positive else None,
        "geometric_cv": None if varied is None else 100 * float(np.sqrt(np.expm1(varied))),
        "median": float(np.median(known)),
        "min": float(known.min()),
        "max": float(known.max()),
    }
