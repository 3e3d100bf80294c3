"""What a published trial reported, beside what is predicted for a trial of its design and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Trial, load_trial, shipped
from ketasim.evidence import MoodRow, load_mood_rows, load_second_rows, load_table, studies
from ketasim.evidence.mood_training import COMPARED, FITTED
from ketasim.trials.assess import Cell, Values
from ketasim.trials.metrics import CONTRASTED, is_share

Array = NDArray[np.float64]
Found = Mapping[tuple[str, Cell], Values]

DERIVED: Final = "derived"
"""Grade of a published value that was computed from two printed ones."""

USES: Final = {
    FITTED: "fitted",
    COMPARED: "compared only",
    "no": "not used",
    DERIVED: "derived",
}
"""How a published value enters the calibration of the model, in words; a derived one only through
the values of its arms."""

_SECOND_HAND: Final = "second_hand"  # a rule of the table
_AS: Final = {
    "contrast": "change",
    "sd_change": "change",
    "sd_score": "score",
    "response30": "response",
    "no_relapse": "relapse",
    "days_to_relapse_mean": "time_to_relapse",
    "cohen_d": "score",
}
_NORMAL: Final = 1.959963984540054
_DAY: Final = 24.0
_SLIP: Final = 0.01  # h
_BASELINES: Final = ("baseline", "baseline_sd")


@dataclass(frozen=True)
class PublishedValue:
    """One number that a trial published.

    **Arguments:**

    - `key`: of the row of `mood/training`.
    - `arm`: id, or two ids such as `ket - mdz`.
    - `scale`, `metric`, `time_h`: as in the table; `definition`: what counts, in words.
    - `published`: points, fraction, SD or days. `published_low`, `published_high`: its 95 %
      interval, by its standard error, of a share by Wilson; nothing where it cannot be told.
    - `n`: patients behind it. `statistic`: observed, LS, LOCF ….
    - `predicted`: expected value of this simulation; nothing where the trial file does not assess
      it. `p05`, `p95`: 90 % prediction interval in a trial of this size.
    - `inside`: whether the published value is in that interval; nothing without prediction, or
      where the two have other units.
    - `used`: one of the values of `USES`. `why`: in the words of the table.
    - `source`, `locator`: where from. `second_hand`: whether the source passes on what others
      published, such as a news story.
    - `grade`: `measured`, or `derived` for the difference of two published arms.
    """

    key: str
    arm: str
    scale: str
    metric: str
    time_h: float | None
    definition: str
    published: float
    published_low: float | None
    published_high: float | None
    n: float | None
    statistic: str
    predicted: float | None
    p05: float | None
    p95: float | None
    inside: bool | None
    used: str
    why: str
    source: str
    locator: str
    second_hand: bool = False
    grade: str = "measured"


def published_values(trial: Trial, found: Found) -> tuple[PublishedValue, ...]:
    """Put the published values of a trial beside its simulation.

    **Arguments:**

    - `trial`: as simulated. `found`: arm and cell to values in every replicate.

    **Returns:** values with a prediction first, then those without; nothing where the trial is not
    a published one as it ships: with another design, the published values are of another trial.
    """
    if not is_published(trial):
        return ()
    both = (*load_mood_rows(), *load_second_rows())
    rows = {row.key: row for row in both if row.trial == trial.key}
    values: list[PublishedValue] = []
    table = load_table("mood/training").filter(pl.col("trial") == trial.key)
    for cells in table.rows(named=True):
        row = rows.get(cells["row_id"])
        if row is not None:
            values.append(_beside(row, cells["locator"] or "", found))
        elif cells["metric"] not in _BASELINES and _float(cells["value"]) is not None:
            values.append(_alone(cells))
    values += _differences(trial, list(rows.values()), values, found)
    return tuple(sorted(values, key=lambda one: one.predicted is None))


def published_table(values: tuple[PublishedValue, ...]) -> pl.DataFrame:
    """The values as a table, a column for each field of `PublishedValue`."""
    kinds = {"str": pl.String, "float": pl.Float64, "bool": pl.Boolean}
    schema = {
        name: kinds[str(field.type).split(" ")[0]]
        for name, field in PublishedValue.__dataclass_fields__.items()
    }
    return pl.DataFrame([asdict(one) for one in values], schema=schema)


def is_published(trial: Trial) -> bool:
    """Whether a trial is a published one as it ships, whatever its replicates and seed."""
    path = shipped("trial").get(trial.key)
    if path is None or path not in studies():
        return False
    same = ("replicates", "seed", "title", "note")
    return replace(load_trial(path), **{name: getattr(trial, name) for name in same}) == trial


def _beside(row: MoodRow, locator: str, found: Found, arm: str = "") -> PublishedValue:
    arm = arm or (row.arm if row.control is None else f"{row.arm} - {row.control}")
    definition, predicted = "", None
    hit = _cell(row, row.arm if row.metric == "cohen_d" else arm, found)
    if hit is not None:
        other = f"on {hit.scale}" if hit.scale != row.scale else ""
        definition = ": ".join(filter(None, (other, hit.definition)))
        predicted = _predicted(row, arm, hit, found)
    middle, low, high = _summed(predicted)
    same_unit = hit is not None and (is_share(row.metric) or hit.scale == row.scale)
    ends = _interval(row)
    return PublishedValue(
        key=row.key,
        arm=arm,
        scale=row.scale,
        metric=row.metric,
        time_h=row.time,
        definition=definition,
        published=row.value,
        published_low=ends[0],
        published_high=ends[1],
        n=row.n,
        statistic=row.statistic,
        predicted=middle if same_unit else None,
        p05=low if same_unit else None,
        p95=high if same_unit else None,
        inside=None if low is None or high is None or not same_unit else low <= row.value <= high,
        used=USES[row.used],
        why=row.why,
        source=row.source,
        locator=locator,
        second_hand=_SECOND_HAND in row.rule.split(";"),
        grade=row.grade,
    )


def _alone(cells: Mapping[str, Any]) -> PublishedValue:
    """A value that the model does not predict."""
    return PublishedValue(
        key=cells["row_id"],
        arm=cells["arm"] or "",
        scale=cells["scale"] or "",
        metric=cells["metric"],
        time_h=_float(cells["time_h"]),
        definition="",
        published=float(cells["value"]),
        published_low=None,
        published_high=None,
        n=_float(cells["n"]),
        statistic=cells["statistic"] or "",
        predicted=None,
        p05=None,
        p95=None,
        inside=None,
        used=USES.get(cells["used"], str(cells["used"])),
        why=cells["why"] or "",
        source=cells["source"],
        locator=cells["locator"] or "",
        second_hand=_SECOND_HAND in (cells["rule"] or "").split(";"),
        grade=cells["grade"] or "",
    )


def _differences(
    trial: Trial, rows: Sequence[MoodRow], values: Sequence[PublishedValue], found: Found
) -> list[PublishedValue]:
    """Difference of two published arms that began together, where the trial printed none itself."""
    printed = {(one.arm, one.scale, one.metric, one.time_h) for one in values}
    by_key = {one.key: one for one in values}
    pairs = dict.fromkeys(tuple(name.split(" - ")) for name, _ in found if " - " in name)
    # with several controls, not every arm was assigned together with every one of them
    if len({second for _, second in pairs}) > 1:
        return []
    starts = {arm.id: arm.sessions[:1] for arm in trial.arms}
    pairs = [pair for pair in pairs if len({start for one in pair if (start := starts[one])}) < 2]
    made: list[PublishedValue] = []
    for first, second in pairs:
        for a in rows:
            b = next((row for row in rows if row.arm == second and _comparable(a, row)), None)
            if a.arm != first or b is None:
                continue
            arm = f"{first} - {second}"
            metric = "contrast" if a.metric == "change" else a.metric
            if (arm, a.scale, metric, a.time) not in printed:
                printed.add((arm, a.scale, metric, a.time))
                both = by_key[a.key], by_key[b.key]
                made.append(_difference(a, both, arm, found, paired=trial.design == "crossover"))
    return made


def _comparable(a: MoodRow, b: MoodRow) -> bool:
    """Whether two arms were reported in the same way, by the same report."""
    told = ("scale", "metric", "time", "threshold", "statistic", "source")
    alike = all(getattr(a, name) == getattr(b, name) for name in told)
    return alike and a.metric in CONTRASTED and a.control is None and b.control is None


def _difference(
    row: MoodRow,
    pair: tuple[PublishedValue, PublishedValue],
    arm: str,
    found: Found,
    *,
    paired: bool,
) -> PublishedValue:
    a, b = pair
    metric = "contrast" if row.metric == "change" else row.metric
    both = replace(row, metric=metric, value=a.published - b.published, se=None, n=None)
    told = _beside(both, "", found, arm)
    # the same patients are in both arms of a crossover, and how alike they are is not printed
    low, high = (None, None) if paired else _difference_ends(a, b)
    return replace(
        told,
        key=f"{a.key} - {b.arm}",
        published_low=low,
        published_high=high,
        n=None if a.n is None or b.n is None else a.n + b.n,
        used=USES[DERIVED],
        why="difference of the two published arms, computed here",
        locator="; ".join(dict.fromkeys(filter(None, (a.locator, b.locator)))),
        grade=DERIVED,
    )


def _difference_ends(a: PublishedValue, b: PublishedValue) -> tuple[float | None, float | None]:
    """95 % interval of a difference, by the intervals of both values.

    Of means this is their standard errors added in squares, of shares the hybrid score interval.

    **Source:** Newcombe, Stat Med 1998;17:873-890, method 10.
    """
    if a.published_low is None or a.published_high is None:
        return None, None
    if b.published_low is None or b.published_high is None:
        return None, None
    gap = a.published - b.published
    down = np.hypot(a.published - a.published_low, b.published_high - b.published)
    up = np.hypot(a.published_high - a.published, b.published - b.published_low)
    return float(gap - down), float(gap + up)


def _cell(row: MoodRow, arm: str, found: Found) -> Cell | None:
    """The cell that tells what a row does: of its own scale, or a share on the scale assessed."""
    metric = _AS.get(row.metric, row.metric)
    fits = [
        cell
        for name, cell in found
        if name == arm
        and cell.metric == metric
        and (row.time is None or abs(cell.time - row.time) < _SLIP)
        and _counts(row, cell)
    ]
    fits.sort(key=lambda cell: cell.scale != row.scale)
    return fits[0] if fits else None


def _counts(row: MoodRow, cell: Cell) -> bool:
    """Whether the same counts as response or remission; a cell says it in words."""
    if row.metric == "response_from_phase":
        return cell.definition.startswith(f"improvement of {100 * (row.threshold or 0.5):g} %")
    if row.metric in ("response", "response30"):
        least = (
            0.3 if row.metric == "response30" else 0.5 if row.threshold is None else row.threshold
        )
        return cell.definition == f"improvement of {100 * least:g} % or more"
    if row.metric == "remission" and cell.scale == row.scale and row.threshold is not None:
        return cell.definition == f"score at most {row.threshold:g}"
    return True


def _predicted(row: MoodRow, arm: str, cell: Cell, found: Found) -> Array | None:
    """Values of every replicate, in the unit of the row."""
    values = found[row.arm if row.metric == "cohen_d" else arm, cell]
    if row.metric in ("sd_change", "sd_score"):
        return np.sqrt(values.spread)
    if row.metric == "no_relapse":
        return 1.0 - values.value
    if row.metric == "days_to_relapse_mean":
        return values.value / _DAY
    if row.metric == "cohen_d":
        return _standardised(row, arm, cell, found)
    return values.value


def _standardised(row: MoodRow, arm: str, cell: Cell, found: Found) -> Array | None:
    other = found.get((row.control or "", cell))
    gap = found.get((arm, replace(cell, metric="change")))
    if other is None or gap is None:
        return None
    return -gap.value / np.sqrt((found[row.arm, cell].spread + other.spread) / 2.0)


def _summed(values: Array | None) -> tuple[float | None, float | None, float | None]:
    known = np.array([]) if values is None else values[~np.isnan(values)]
    if not len(known):
        return None, None, None
    low, high = np.quantile(known, (0.05, 0.95))
    return float(known.mean()), float(low), float(high)


def _interval(row: MoodRow) -> tuple[float | None, float | None]:
    """95 % interval of a published value."""
    if row.se is not None:
        ends = (row.value - _NORMAL * row.se, row.value + _NORMAL * row.se)
        if is_share(row.metric):
            return max(ends[0], 0.0), min(ends[1], 1.0)
        return ends
    if is_share(row.metric) and row.n is not None and row.n >= 1:
        return _wilson(round(row.value * row.n), round(row.n))
    return None, None


def _wilson(count: int, n: int) -> tuple[float, float]:
    """95 % interval of a share by its score, without correction (Wilson, 1927)."""
    share, square = count / n, _NORMAL**2
    whole = 2 * (n + square)
    middle = (2 * n * share + square) / whole
    half = _NORMAL / whole * np.sqrt(4 * n * share * (1 - share) + square)
    return (
        0.0 if count == 0 else float(middle - half),
        1.0 if count == n else float(middle + half),
    )


def _float(text: str | None) -> float | None:
    try:
        return None if text in (None, "") else float(text)
    except ValueError:
        return None
