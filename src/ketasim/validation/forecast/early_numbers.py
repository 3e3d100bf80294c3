"""Published numbers on early response beside the forecast's own conditional chances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import polars as pl

from ketasim.evidence import fact, number
from ketasim.validation.forecast.early import CASES, early_rows

_TABLE: Final = "mood/early_response"
_EARLY_NONE: Final = 0.827
"""Part of the patients without a response on day 2, by the note of mood/early_response:5."""
_SETS: Final = 20_000  # of patients drawn for an interval
Arrays = dict[str, np.ndarray[Any, Any]]


def early_numbers(progress: Callable[[str], None] | None = None) -> list[dict[str, Any]]:
    """Forecast every early score that is likely, and put it together as publications ask; a minute.

    **Arguments:**

    - `progress`: told which case is forecast.

    **Returns:** rows: what, group, published with the ends of its 95 % interval (low, high) where
    they are known, forecast, unit, source, place in the tables, note.
    """
    found: dict[str, Arrays] = {}
    for case in CASES:
        if progress is not None:
            progress(case.key)
        rows = pl.DataFrame(list(early_rows(case)))
        own: Arrays = {k: rows[k].to_numpy() for k in ("baseline", "score", "chance", "response")}
        own["chance"] = own["chance"] / own["chance"].sum()
        own["early"] = own["score"] <= own["baseline"] / 2.0
        own["better"] = own["score"] <= 0.8 * own["baseline"]
        found[case.key] = own
    told = [*_transform(found["TRANSFORM"]), *_six(found["six, first"], found["six, fourth"])]
    return [*told, *_clinics(found["clinics"])]


def _value(place: int) -> float:
    value = number(fact(f"{_TABLE}:{place}").get("value"))
    assert value is not None
    return value


def _row(
    what: str,
    group: str,
    forecast: float,
    place: int,
    *,
    published: float | None = None,
    ends: tuple[float, float] | None = None,
    unit: str = "%",
    note: str = "",
) -> dict[str, Any]:
    return {
        "what": what,
        "group": group,
        "published": published,
        "low": None if ends is None else ends[0],
        "high": None if ends is None else ends[1],
        "forecast": forecast,
        "unit": unit,
        "source": fact(f"{_TABLE}:{place}").source,
        "place": f"{_TABLE}:{place}",
        "note": note,
    }


def _wilson(percent: float, n: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    ends = binomtest(round(percent / 100.0 * n), round(n)).proportion_ci(method="wilson")
    return 100.0 * float(ends.low), 100.0 * float(ends.high)


def _share(own: Arrays, who: np.ndarray[Any, Any]) -> float:
    return float(100.0 * np.sum(own["chance"] * own["response"] * who) / _part(own, who))


def _part(own: Arrays, who: np.ndarray[Any, Any]) -> float:
    return float(np.sum(own["chance"] * who))


def _area(own: Arrays, numbers: np.ndarray[Any, Any]) -> float:
    """Chance that one who responds has the higher number."""
    yes, no = own["chance"] * own["response"], own["chance"] * (1.0 - own["response"])
    order = np.unique(numbers)
    both = [np.array([part[numbers == one].sum() for one in order]) for part in (yes, no)]
    below = np.cumsum(both[1]) - both[1] / 2.0
    return float(np.sum(both[0] * below) / (yes.sum() * no.sum()))


def _transform(own: Arrays) -> list[dict[str, Any]]:
    n = number(fact(f"{_TABLE}:2").get("n"))
    assert n is not None
    everybody = np.ones_like(own["early"])
    shares = {2: everybody, 1: ~own["early"], 5: own["early"]}
    who = {2: "all", 1: "without response on day 2", 5: "with response on day 2"}
    part = {2: 1.0, 1: _EARLY_NONE, 5: 1.0 - _EARLY_NONE}
    rows = [
        _row(
            "response on day 2",
            "esketamine",
            100.0 * _part(own, own["early"]),
            5,
            published=100.0 * (1.0 - _EARLY_NONE),
            ends=_wilson(100.0 * (1.0 - _EARLY_NONE), n),
            note="by the note of the row",
        )
    ]
    rows += [
        _row(
            "response on day 28",
            f"esketamine, {who[place]}",
            _share(own, chosen),
            place,
            published=_value(place),
            ends=_wilson(_value(place), n * part[place]),
            note="derived from the two others" if place == 5 else "",
        )
        for place, chosen in shares.items()
    ]
    among = _value(5) / 100.0, _value(1) / 100.0
    area, ends = _published_area(round(n), 1.0 - _EARLY_NONE, *among)
    rows.append(
        _row(
            "AUC of response on day 2, yes or no, for response on day 28",
            "esketamine",
            _area(own, own["early"].astype(np.float64)),
            5,
            published=area,
            ends=ends,
            unit="",
            note="derived from the rates above",
        )
    )
    chances = (_share(own, own["early"]) / 100.0, _share(own, ~own["early"]) / 100.0)
    rows.append(
        _row(
            "the same, were as many to respond on day 2 as did",
            "esketamine",
            _published_area(round(n), 1.0 - _EARLY_NONE, *chances)[0],
            5,
            published=area,
            ends=ends,
            unit="",
            note="the forecast's own rates of day 28, weighed by the published part of day 2",
        )
    )
    rows.append(
        _row("AUC of the score of day 2", "esketamine", _area(own, own["response"]), 5, unit="")
    )
    return rows


def _published_area(
    n: int, early: float, with_it: float, without: float
) -> tuple[float, tuple[float, float]]:
    """Area of a yes or no, and its 95 % interval over samples of so many patients."""
    cells = [early * with_it, early * (1 - with_it), (1 - early) * without]
    cells.append(1.0 - sum(cells))

    def area(a: Any, b: Any, c: Any, d: Any) -> Any:
        return (a / (a + c) + d / (b + d)) / 2.0

    drawn = np.random.default_rng(1).multinomial(n, cells, _SETS).T.astype(np.float64)
    low, high = np.quantile(area(*drawn), [0.025, 0.975])
    return float(area(*cells)), (float(low), float(high))


def _six(first: Arrays, fourth: Arrays) -> list[dict[str, Any]]:
    shares = [_share(first, group) / 100.0 for group in (first["early"], ~first["early"])]
    odds = shares[0] / (1.0 - shares[0]) / (shares[1] / (1.0 - shares[1]))
    responds = fourth["chance"] * fourth["response"]
    seen = 100.0 * float(np.sum(responds * fourth["better"]) / responds.sum())
    return [
        _row(
            "odds of a response after the sixth infusion by response a day after the first",
            "six infusions",
            odds,
            18,
            published=_value(18),
            unit="odds ratio",
            note="no interval is published; not independent: it set how much sessions vary",
        ),
        _row(
            "of those who respond after the sixth, 20 % better a day after the fourth",
            "six infusions",
            seen,
            19,
            ends=(90.0, 100.0),
            note="published: above 90 %, without an interval",
        ),
        _row(
            "AUC of the score a day after the first for response after the sixth",
            "six infusions",
            _area(first, first["response"]),
            20,
            published=_value(20),
            unit="",
            note="published with two blood markers beside early response, 73 patients",
        ),
    ]


def _clinics(own: Arrays) -> list[dict[str, Any]]:
    best = np.maximum(own["response"], 1.0 - own["response"])
    n = number(fact(f"{_TABLE}:8").get("n"))
    assert n is not None
    return [
        _row(
            "accuracy of the score after two administrations for response on day 90",
            "esketamine in clinics",
            100.0 * float(np.sum(own["chance"] * best)),
            8,
            published=_value(8),
            ends=_wilson(_value(8), n),
            note="the source tells classes of course, not response",
        )
    ]
