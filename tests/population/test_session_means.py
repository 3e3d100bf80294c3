"""Means over patients of a session: gathering them gives what plain averaging does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.evidence import load_card
from ketasim.models import SESSION
from ketasim.population import (
    DRAWN_EVERY,
    SESSION_CURVES,
    card_draws,
    drawn_curves,
    mean_curves,
    session_curve,
    session_curves,
    time_back,
    times_back,
)

CARD = load_card("session")
EXACT = 1e-10  # of the full effect
MINUTES, PATIENTS = 40, 60


def concentrations(highest: float, metabolite: float, spread: float) -> list[np.ndarray]:
    """S-ketamine that rises from nothing and falls, with S-norketamine after it, ng/mL."""
    rng = np.random.default_rng(5)
    hours = np.linspace(0.0, 4.0, MINUTES)[:, None]
    own = np.exp(spread * rng.standard_normal((3, PATIENTS)))
    drug = highest * own[0] * hours * np.exp(1.0 - hours / own[1])
    return [drug, metabolite * own[2] * (1.0 - np.exp(-hours))]


def full(name: str, values: dict[str, float]) -> float:
    kinds = {curve.name: curve.kind for curve in SESSION_CURVES}
    if kinds[name] == "change":
        return values[f"{name}_full"]
    return values["CADSS_most"] if kinds[name] == "score" else 1.0


# from a trace to an anaesthetic, no metabolite and more of it than of the drug
@pytest.mark.parametrize(
    ("highest", "metabolite"), [(1.0, 0.0), (60.0, 15.0), (150.0, 500.0), (4000.0, 300.0)]
)
@pytest.mark.parametrize("session", [1, 7])
def test_means_are_those_of_plain_averaging(highest, metabolite, session) -> None:
    drugs = concentrations(highest, metabolite, 0.5)
    values = CARD.values()
    effect = SESSION.effect(values, *drugs)
    plain = session_curves(values, effect, drugs, session=session)
    for name, mean in mean_curves(CARD, drugs, session).items():
        expected = plain[name].mean(axis=1)
        np.testing.assert_allclose(
            mean, expected, rtol=1e-13, atol=EXACT * full(name, values), err_msg=name
        )


@pytest.mark.parametrize(("highest", "metabolite"), [(60.0, 15.0), (150.0, 500.0), (2000.0, 0.0)])
def test_means_under_draws_are_those_of_plain_averaging(highest, metabolite) -> None:
    drugs = concentrations(highest, metabolite, 0.5)
    found = drawn_curves(CARD, drugs, 3)
    draws = card_draws(CARD, 0, 0, len(found["CADSS"]))
    for place in range(0, len(found["CADSS"]), 7):
        values = {symbol: float(one[place]) for symbol, one in draws.items()}
        thin = [one[::DRAWN_EVERY] for one in drugs]
        effect = SESSION.effect(values, *thin)
        for curve in SESSION_CURVES:
            plain = session_curve(values, curve, effect, *thin, session=3).mean(axis=1)
            np.testing.assert_allclose(
                found[curve.name][place],
                plain,
                rtol=1e-13,
                atol=EXACT * full(curve.name, values),
                err_msg=curve.name,
            )


def test_no_drug_has_no_effect() -> None:
    nothing = np.zeros((5, 3))
    for found in (mean_curves(CARD, [nothing] * 2, 1), drawn_curves(CARD, [nothing] * 2, 1)):
        assert all(not np.any(mean) for mean in found.values())


@given(st.floats(0.1, 500.0), st.floats(0.0, 500.0), st.floats(1.01, 3.0))
def test_means_rise_with_the_drug(highest, metabolite, more) -> None:
    drug, other = concentrations(highest, metabolite, 0.3)
    low, high = mean_curves(CARD, [drug, other], 1), mean_curves(CARD, [more * drug, other], 1)
    for name in low:
        assert np.all(low[name] <= high[name] + EXACT * full(name, CARD.values())), name


@given(st.lists(st.lists(st.floats(0.0, 10.0), min_size=5, max_size=5), min_size=1, max_size=4))
def test_many_curves_are_back_when_each_is(rows) -> None:
    times, curves = np.array([0.0, 3.0, 6.0, 10.0, 12.0]), np.array(rows)
    each = [time_back(times, curve, 4.0) for curve in curves]
    np.testing.assert_array_equal(times_back(times, curves, 4.0), each)
    for curve, back in zip(curves, each, strict=True):
        later = times > back
        assert not np.any(curve[later] > 4.0)
        assert np.isinf(back) == (curve[-1] > 4.0)
