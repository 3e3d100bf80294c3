"""Shares, pressures and times of a session: bounds, closed forms, and plain drawing of patients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from ketasim.evidence import load_card
from ketasim.models import SESSION
from ketasim.population import (
    SESSION_CURVES,
    Sensitivity,
    event_threshold,
    mean_of_maxima,
    mean_score,
    session_curve,
    share_ever,
    share_in_course,
    share_now,
    share_of_sessions,
    share_rising,
    time_back,
    time_from,
)
from ketasim.population.session.effects import gains

CARD = load_card("session").values()
events = st.sampled_from(SESSION.events)
effects = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6).map(np.array)
# A drawn mean lies within 5 of its standard errors but once in 1.7 million; the tests that draw
# compare some forty means, so a false alarm is rarer than once in 40,000 seeds.
ERRORS = 5.0
DRAWN = 200_000


def drawn() -> np.random.Generator:
    return np.random.default_rng(20250101)


def near(values: np.ndarray, expected: float, slack: float) -> None:
    """The mean of drawn values is `expected`, but for chance and for `slack` of the quadrature."""
    error = float(values.std() / math.sqrt(len(values)))
    assert abs(float(values.mean()) - expected) < ERRORS * error + slack, expected


# Shares of patients


@given(events, effects, st.integers(1, 40))
def test_at_least_once_lies_between_one_session_and_everybody(event, peaks, sessions) -> None:
    one = share_ever(CARD, event, peaks, 1)
    ever = share_ever(CARD, event, peaks, sessions)
    assert 0.0 <= one <= ever + 1e-12
    assert ever <= 1.0


@given(events, effects, st.integers(1, 40), st.floats(1.0, 2.0))
def test_at_least_once_rises_with_sessions_and_with_the_effect(event, peaks, n, more) -> None:
    ever = share_ever(CARD, event, peaks, n)
    assert ever <= share_ever(CARD, event, peaks, n + 1) + 1e-12
    assert ever <= share_ever(CARD, event, peaks * more, n) + 1e-12


@given(events, effects, st.integers(1, 40))
def test_a_share_of_sessions_lies_between_the_last_and_the_first(event, peaks, sessions) -> None:
    first, last = (float(share_now(CARD, event, peaks, n).mean()) for n in (1, sessions))
    share = share_of_sessions(CARD, event, peaks, sessions)
    # habituation is taken as complete after twelve sessions
    assert last - 1e-4 <= share <= first + 1e-12
    if not event.habituates:
        assert share == pytest.approx(first)


@given(events, effects, st.integers(1, 20))
def test_a_course_of_like_sessions_is_a_number_of_like_sessions(event, peaks, sessions) -> None:
    course = share_in_course(CARD, event, np.tile(peaks, (sessions, 1)))
    assert course == pytest.approx(share_ever(CARD, event, peaks, sessions), abs=1e-4)


@given(events, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_share_now_rises_with_the_effect_and_is_half_at_the_threshold(event, low, more) -> None:
    one, two = share_now(CARD, event, [low, low + more])
    assert 0.0 <= one <= two <= 1.0
    assert share_now(CARD, event, event_threshold(CARD, event)) == pytest.approx(0.5)


def test_only_dissociation_falls_over_sessions() -> None:
    for event in SESSION.events:
        first, tenth = (float(share_now(CARD, event, 0.5, n)) for n in (1, 10))
        assert (tenth < first) == event.name.startswith(("cadss", "dissociation")), event


@pytest.mark.parametrize("name", ["cadss_above_4", "dissociation_report", "sedation_moaas"])
@pytest.mark.parametrize("sessions", [1, 3, 8])
def test_shares_agree_with_plain_drawing(name: str, sessions: int) -> None:
    event, rng = SESSION.event(name), drawn()
    peaks = np.array([0.2, 0.45, 0.7])
    own = CARD["omega"] * math.sqrt(CARD["between"]) * rng.standard_normal(DRAWN)
    effect = rng.choice(peaks, DRAWN)
    shown = []
    for session in range(1, sessions + 1):
        now = CARD["omega"] * math.sqrt(1 - CARD["between"]) * rng.standard_normal(DRAWN)
        left = SESSION.habituation(CARD, session) if event.habituates else 1.0
        shown.append(left * effect * np.exp(own + now) > event_threshold(CARD, event))
    several = np.array(shown)
    near(several.any(axis=0).astype(float), share_ever(CARD, event, peaks, sessions), 0.005)
    near(several.mean(axis=0), share_of_sessions(CARD, event, peaks, sessions), 1e-9)


def test_a_mean_score_is_the_mean_of_patients() -> None:
    rng, curve = drawn(), next(c for c in SESSION_CURVES if c.kind == "score")
    for session in (1, 6):
        patients = Sensitivity(*(rng.standard_normal(DRAWN) for _ in range(3)))
        effect = np.full((1, DRAWN), 0.4)
        scores = session_curve(
            CARD, curve, effect, effect, effect, session=session, patients=patients
        )
        near(scores[0], float(mean_score(CARD, 0.4, session)), 1e-9)
        # the curve without sensitivities is the same mean, and no score is beyond the scale
        mean = session_curve(CARD, curve, effect[:, :1], effect, effect, session=session)
        assert float(mean[0, 0]) == pytest.approx(float(mean_score(CARD, 0.4, session)))
        assert scores.max() <= CARD["CADSS_most"]
    far = session_curve(CARD, curve, np.full((1, DRAWN), 0.99), effect, effect, patients=patients)
    near(far[0], float(mean_score(CARD, 0.99)), 1e-9)
    assert far.max() == CARD["CADSS_most"]


def test_a_share_of_patients_is_the_mean_of_their_chances() -> None:
    rng = drawn()
    patients = Sensitivity(*(rng.standard_normal(DRAWN) for _ in range(3)))
    effect = np.full((1, DRAWN), 0.35)
    for curve in SESSION_CURVES:
        if curve.kind == "share":
            chances = session_curve(CARD, curve, effect, effect, effect, patients=patients)
            near(chances[0], float(share_now(CARD, SESSION.event(curve.event), 0.35)), 1e-9)


# Pressure

READ = np.array([[0.5, 0.1, 0.3], [0.4, 0.3, 0.2], [0.2, 0.0, 0.1]])  # readings, patients


def rises(full: float, scatter: float, base: float, sessions: int) -> np.ndarray:
    """Rises of drawn patients at each reading of each session, (sessions, readings, DRAWN)."""
    rng = drawn()
    spread = CARD["omega_g"]
    gain = np.exp(spread * rng.standard_normal(DRAWN) - spread**2 / 2)
    who = rng.integers(READ.shape[1], size=DRAWN)
    drug = full * gain * READ[:, who]
    found = []
    for _ in range(sessions):
        before, after = rng.standard_normal(DRAWN), rng.standard_normal((len(READ), DRAWN))
        found.append(base + drug + scatter * (after - before))
    return np.array(found)


def test_gains_are_one_on_average() -> None:
    near(gains(CARD, drawn().standard_normal(DRAWN)), 1.0, 0.0)


@pytest.mark.parametrize(("full", "scatter", "base"), [(19.0, 8.0, 0.0), (40.0, 4.0, 3.0)])
def test_the_mean_of_maxima_agrees_with_plain_drawing(full, scatter, base) -> None:
    highest = rises(full, scatter, base, 1)[0].max(axis=0)
    near(highest, mean_of_maxima(full, CARD, READ, scatter, base), 0.005 * scatter)


@pytest.mark.parametrize("sessions", [1, 4])
@pytest.mark.parametrize(("cut", "full", "base"), [(25.0, 19.0, 0.0), (40.0, 40.0, 4.0)])
def test_the_share_with_a_rise_agrees_with_plain_drawing(cut, full, base, sessions) -> None:
    ever = (rises(full, 8.0, base, sessions) >= cut).any(axis=(0, 1)).astype(float)
    near(ever, share_rising(cut, full, CARD, READ, 8.0, sessions, base), 0.003)


@given(st.floats(1.0, 20.0), st.floats(-5.0, 10.0), st.integers(1, 4))
def test_a_placebo_has_the_closed_form(scatter, base, readings) -> None:
    nothing = np.zeros((readings, 1))
    # mean of the largest of 1 to 4 standard normal numbers
    largest = (0.0, 1 / math.sqrt(math.pi), 1.5 / math.sqrt(math.pi), 1.0293753730039641)
    found = mean_of_maxima(0.0, CARD, nothing, scatter, base)
    assert found == pytest.approx(base + scatter * largest[readings - 1], abs=0.003 * scatter)
    one = share_rising(12.0, 0.0, CARD, nothing[:1], scatter, 1, base)
    assert one == pytest.approx(ndtr((base - 12.0) / (scatter * math.sqrt(2))), abs=1e-3)


@given(st.floats(10.0, 50.0), st.floats(0.0, 40.0), st.floats(0.0, 10.0), st.integers(1, 12))
def test_a_share_with_a_rise_keeps_its_order(cut, full, base, sessions) -> None:
    share = share_rising(cut, full, CARD, READ, 7.0, sessions, base)
    assert 0.0 <= share <= 1.0
    assert share <= share_rising(cut, full, CARD, READ, 7.0, sessions + 1, base) + 1e-12
    assert share <= share_rising(cut, full + 5.0, CARD, READ, 7.0, sessions, base) + 1e-12
    assert share >= share_rising(cut + 5.0, full, CARD, READ, 7.0, sessions, base) - 1e-12
    # a rise that comes anyway is a lower cut
    assert share == pytest.approx(
        share_rising(cut - base, full, CARD, READ, 7.0, sessions), abs=1e-12
    )


# Times

curves = st.lists(st.floats(0.0, 10.0), min_size=3, max_size=12).map(np.array)


@given(curves, st.floats(0.0, 10.0))
def test_before_it_begins_and_after_it_is_back_a_curve_is_not_above(curve, level) -> None:
    times = np.arange(len(curve)) * 2.5
    begin, back = time_from(times, curve, level), time_back(times, curve, level)
    fine = np.linspace(0.0, times[-1], 400)
    at = np.interp(fine, times, curve)
    assert (at[fine < begin] <= level + 1e-9).all()
    assert (at[fine > back] <= level + 1e-9).all()
    if (curve > level).any():
        assert begin <= times[np.argmax(curve)] <= back
    else:
        assert begin == math.inf and back == 0.0
    if curve[-1] > level:
        assert back == math.inf


def test_times_lie_on_the_straight_line_between_two_points() -> None:
    times, curve = np.array([0.0, 10.0, 20.0, 40.0]), np.array([0.0, 8.0, 8.0, 0.0])
    assert time_from(times, curve, 2.0) == pytest.approx(2.5)
    assert time_back(times, curve, 2.0) == pytest.approx(35.0)
    # it begins with the first point when it starts above
    assert time_from(times, curve[::-1] + 1.0, 0.5) == 0.0


def test_every_curve_has_a_level_of_the_card_or_none_and_an_event_it_knows() -> None:
    effect = np.full((3, 2), 0.4)
    for curve in SESSION_CURVES:
        assert not curve.level or curve.level in CARD
        assert (curve.kind == "share") == bool(curve.event)
        values = session_curve(CARD, curve, effect, 100.0 * effect, 10.0 * effect)
        assert values.shape == effect.shape and np.isfinite(values).all()
        assert (session_curve(CARD, curve, 0.0 * effect, 0.0 * effect, effect) == 0.0).all()
