"""Mixed models of many replicates: as fitted alone, and wrong as often as they say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from ketasim.trials import ancova, mmrm, responder
from ketasim.trials.operating.mixed import fit_contrast
from ketasim.trials.operating.outcomes import Outcome, by_t, covariance, responders
from ketasim.trials.operating.sums import Sums, arm_sums, together

Array = NDArray[np.float64]


def mixed(sums: Sums, first: int, second: int) -> Outcome:
    return by_t(fit_contrast(sums, first, second)[0])


def drawn(
    seed: int, replicates: int, sizes: list[int], visits: int, effect: float, leaving: float
) -> list[tuple[Array, Array]]:
    """Baseline and changes of each arm; who leaves does so after a visit, at random."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(49.0 * (0.5 + 0.5 * np.eye(visits)))
    arms: list[tuple[Array, Array]] = []
    for arm, n in enumerate(sizes):
        base = 5.0 * rng.normal(size=(replicates, n))
        change = rng.normal(size=(replicates, n, visits)) @ root.T - 0.3 * base[:, :, None]
        change -= 8.0 + (effect if arm == 0 else 0.0)
        last = (
            rng.geometric(leaving, size=(replicates, n))
            if leaving
            else np.full((replicates, n), 99)
        )
        change[np.arange(visits) >= last[:, :, None]] = np.nan
        arms.append((base, change))
    return arms


def summed(arms: list[tuple[Array, Array]], sizes: list[int] | None = None, place: int = 0) -> Sums:
    own = sizes or [arms[0][0].shape[1]]
    made = [
        arm_sums(
            *(base[..., None], change, np.nan_to_num(change[:, :, -1]) < -10.0),
            own if sizes else [base.shape[1]],
        )
        for base, change in arms
    ]
    return together(made, place)


def table(arms: list[tuple[Array, Array]], replicate: int) -> pl.DataFrame:
    rows = [
        (f"{arm}.{i}", f"v{visit}", f"a{arm}", base[replicate, i], change[replicate, i, visit])
        for arm, (base, change) in enumerate(arms)
        for i in range(base.shape[1])
        for visit in range(change.shape[2])
    ]
    frame = pl.DataFrame(rows, schema=["id", "visit", "arm", "base", "change"], orient="row")
    return frame.filter(pl.col("change").is_not_nan())


@pytest.mark.parametrize(
    ("sizes", "visits", "leaving"),
    [([40, 25, 30], 4, 0.08), ([14, 15], 3, 0.15), ([20, 20], 1, 0.1)],
)
def test_each_replicate_is_as_fitted_alone(sizes: list[int], visits: int, leaving: float) -> None:
    arms = drawn(3, 4, sizes, visits, 4.0, leaving)
    found = mixed(summed(arms), 0, 1)
    assert not found.failures
    for replicate in range(4):
        if visits == 1:
            alone = ancova("change ~ base + arm", table(arms, replicate), arm="arm", reference="a1")
            rows = alone.tables["differences"]
        else:
            alone = mmrm(
                "change ~ base*visit + arm*visit",
                table(arms, replicate),
                subject="id",
                visit="visit",
                arm="arm",
                reference="a1",
            )
            rows = alone.differences().filter(pl.col("visit") == f"v{visits - 1}")
        row = rows.filter(pl.col("contrast") == "a0 - a1").to_dicts()[0]
        for name, value in (
            ("estimate", found.estimate),
            ("se", found.se),
            ("low", found.low),
            ("high", found.high),
        ):
            assert value[replicate] == pytest.approx(row[name], rel=1e-5)
        assert bool(found.rejects[replicate]) == (row["p"] < 0.05)


def test_the_other_analyses_are_as_made_alone() -> None:
    arms = drawn(5, 3, [30, 40], 3, 4.0, 0.1)
    whole = summed(arms)
    line, shares = covariance(whole, 0, 1), responders(whole, 0, 1)
    for replicate in range(3):
        rows = table(arms, replicate).filter(pl.col("visit") == "v2")
        alone = ancova("change ~ base + arm", rows, arm="arm", reference="a1")
        row = alone.tables["differences"].to_dicts()[0]
        assert line.estimate[replicate] == pytest.approx(row["estimate"])
        assert line.low[replicate] == pytest.approx(row["low"])
        # who left is no responder
        every = [
            (f"a{arm}", float(np.nan_to_num(change[replicate, i, 2]) < -10.0))
            for arm, (_, change) in enumerate(arms)
            for i in range(change.shape[1])
        ]
        frame = pl.DataFrame(every, schema=["arm", "yes"], orient="row")
        row = (
            responder("yes ~ arm", frame, arm="arm", reference="a1")
            .tables["differences"]
            .to_dicts()[0]
        )
        assert shares.estimate[replicate] == pytest.approx(row["estimate"])
        assert shares.low[replicate] == pytest.approx(row["low"], abs=1e-6)
        assert bool(shares.rejects[replicate]) == (row["p"] < 0.05)


def test_power_of_two_normal_arms_is_that_of_the_closed_form() -> None:
    n, effect, replicates = 50, 4.0, 3000
    arms = drawn(11, replicates, [n, n], 1, effect, 0.0)
    found = mixed(summed(arms), 0, 1)
    df = 2 * n - 3
    away = effect / (7.0 * np.sqrt(2.0 / n))
    limit = stats.t.ppf(0.975, df)
    expected = stats.nct.sf(limit, df, away) + stats.nct.cdf(-limit, df, away)
    error = np.sqrt(expected * (1.0 - expected) / replicates)
    assert found.rejects.mean() == pytest.approx(expected, abs=float(3.5 * error + 0.005))
    inside = (found.low <= -effect) & (found.high >= -effect)
    assert inside.mean() == pytest.approx(0.95, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates))


@pytest.mark.parametrize("analysis", [mixed, covariance, responders])
def test_five_in_a_hundred_null_trials_are_told_from_none(analysis: object) -> None:
    replicates = 1500
    arms = drawn(7, replicates, [30, 30], 3, 0.0, 0.1)
    found = analysis(summed(arms), 0, 1)  # type: ignore[operator]
    assert isinstance(found, Outcome)
    assert not np.isnan(found.estimate).any()
    assert found.rejects.mean() == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates))


def test_no_fit_is_lost_at_high_missingness() -> None:
    arms = drawn(13, 200, [40, 40], 4, 3.0, 0.25)
    found = mixed(summed(arms), 0, 1)
    assert not found.failures
    assert not np.isnan(found.se).any()


def test_what_cannot_be_fitted_is_counted_with_its_reason() -> None:
    arms = drawn(17, 5, [4, 4], 4, 3.0, 0.6)
    found = mixed(summed(arms), 0, 1)
    assert sum(found.failures.values()) == np.isnan(found.estimate).sum() > 0
    assert all(found.failures)


@settings(max_examples=15)
@given(st.integers(0, 2**31), st.floats(-30.0, 30.0), st.floats(0.2, 5.0))
def test_scores_moved_and_stretched_move_and_stretch_the_contrast(
    seed: int, shift: float, stretch: float
) -> None:
    arms = drawn(seed, 2, [20, 18], 3, 2.0, 0.08)
    found = mixed(summed(arms), 0, 1)
    turned = mixed(summed(arms), 1, 0)
    moved = mixed(summed([(base, stretch * change + shift) for base, change in arms]), 0, 1)
    assert turned.estimate == pytest.approx(-found.estimate, rel=1e-5, abs=1e-7)
    assert moved.estimate == pytest.approx(stretch * found.estimate, rel=1e-4, abs=1e-5)
    assert moved.se == pytest.approx(stretch * found.se, rel=1e-4)


def test_sums_of_several_sizes_are_those_of_the_first_patients() -> None:
    arms = drawn(19, 3, [12, 12], 2, 2.0, 0.1)
    for place, size in enumerate([5, 8, 12]):
        several = summed(arms, [5, 8, 12], place)
        alone = summed([(base[:, :size], change[:, :size]) for base, change in arms])
        assert several.products == pytest.approx(alone.products)
        assert several.events == pytest.approx(alone.events)
