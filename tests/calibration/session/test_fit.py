"""The fit of the effects of a session from its start: the shipped card, and known numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import chi2

from ketasim.calibration.session import (
    SessionFit,
    SessionProblem,
    SessionRow,
    calibrate_session,
    compare_session,
    load_session_training,
)
from ketasim.evidence import load_card

pytestmark = pytest.mark.calibration

SHIPPED, PRIOR = load_card("session"), load_card("session_prior")
# Away from the prior and from the shipped card, all of them; C50 is known from its prior alone.
FACTORS = {
    "C100": 1.6,
    "hill": 1.3,
    "CADSS_full": 0.9,
    "omega": 0.8,
    "effect_dis_report": 1.3,
    "effect_dis_form": 0.8,
    "effect_sed_moaas": 1.4,
    "effect_sed_report": 2.5,
    "effect_sed_form": 1.2,
    "effect_unconscious": 1.3,
    "effect_dizziness": 1.5,
    "effect_nausea": 2.0,
    "effect_vomiting": 4.0,
    "SBP_full": 1.25,
    "DBP_full": 0.8,
    "HR_full": 1.3,
    "omega_g": 0.9,
    "sigma_SBP": 1.2,
    "sigma_DBP": 0.85,
    "older_SBP": 1.3,
    "older_DBP": 0.8,
}
TRUTH = (
    dict(PRIOR.values())
    | {symbol: factor * PRIOR.values()[symbol] for symbol, factor in FACTORS.items()}
    | {"between": 0.7}
)


@pytest.fixture(scope="module")
def fit() -> SessionFit:
    return calibrate_session()


def test_the_calibration_gives_the_shipped_card_again(fit: SessionFit) -> None:
    assert set(fit.card.entries) == set(SHIPPED.entries)
    for symbol, entry in SHIPPED.entries.items():
        found = fit.card.entry(symbol)
        assert found.grade == entry.grade
        for name in ("value", "low", "high"):
            one, other = getattr(found, name), getattr(entry, name)
            assert other is None or one == pytest.approx(other, rel=1e-3), (symbol, name)
    assert fit.card.extra == SHIPPED.extra


def test_a_card_compared_says_what_its_fit_said(fit: SessionFit) -> None:
    again = compare_session(fit.card, fit.prior)
    assert again.free == fit.free
    for one, other in zip(again.compared, fit.compared, strict=True):
        assert one.row == other.row
        assert one.predicted == pytest.approx(other.predicted, rel=1e-6, abs=1e-9)
        # the card's numbers are rounded
        assert one.z == pytest.approx(other.z, abs=2e-3)
        assert one.low == pytest.approx(other.low, rel=2e-3, abs=2e-3)
        assert one.high == pytest.approx(other.high, rel=2e-3, abs=2e-3)
    assert again.shrinkage == pytest.approx(fit.shrinkage, rel=1e-3)


def simulated(rng: np.random.Generator | None) -> tuple[SessionRow, ...]:
    """The training rows with the numbers that the model itself gives, with or without errors."""
    rows = load_session_training()
    problem = SessionProblem(rows, PRIOR)
    natural, drug = problem.predict(TRUTH)
    scaled = np.array(
        [SessionProblem([r], PRIOR).scaled(natural[[i]])[0] for i, r in enumerate(rows)]
    )
    if rng is not None:
        total = np.diag(problem.variance) + problem.between(TRUTH, drug)
        scaled = rng.multivariate_normal(scaled, total)
    made: list[SessionRow] = []
    for row, value, variance in zip(rows, scaled, problem.variance, strict=True):
        ends = (value - 1.96 * variance**0.5, value + 1.96 * variance**0.5)
        low, high = (problem.unscaled(row, float(end)) for end in ends)
        printed = row.low is not None and row.high is not None
        made.append(
            replace(
                row,
                value=problem.unscaled(row, float(value)),
                low=low if printed else None,
                high=high if printed else None,
            )
        )
    return tuple(made)


def fitted(monkeypatch: pytest.MonkeyPatch, rows: tuple[SessionRow, ...]) -> SessionFit:
    monkeypatch.setattr("ketasim.calibration.session.fit.load_session_training", lambda: rows)
    return calibrate_session()


def away(fit: SessionFit) -> np.ndarray:
    """Fitted less true, on the scale on which each number was free."""
    spread = fit.card.uncertainty
    assert spread is not None

    def on_scale(value: float, scale: str) -> float:
        return float(logit(value) if scale == "logit" else np.log(value))

    pairs = zip(spread.symbols, spread.scales, strict=True)
    return np.array([on_scale(fit.card.values()[s], k) - on_scale(TRUTH[s], k) for s, k in pairs])


def test_known_numbers_come_out_of_numbers_without_error(monkeypatch) -> None:
    fit = fitted(monkeypatch, simulated(None))
    spread = fit.card.uncertainty
    assert spread is not None
    off = away(fit) / np.sqrt(np.diag(spread.matrix()))
    assert dict(zip(spread.symbols, np.abs(off) < 0.5, strict=True)) == dict.fromkeys(
        spread.symbols, True
    )
    # what the rows decide leaves its prior and goes most of the way
    for symbol, one in zip(spread.symbols, away(fit), strict=True):
        way = abs(np.log(TRUTH[symbol] / PRIOR.values()[symbol]))
        if fit.shrinkage[symbol] < 0.3 and way > 0.3:
            assert abs(one) < 0.3 * way, symbol


def test_known_numbers_lie_in_the_ellipsoid_of_a_fit_to_numbers_with_error(monkeypatch) -> None:
    """Together they lie beyond the 99.9 % of the ellipsoid once in a thousand seeds at most."""
    fit = fitted(monkeypatch, simulated(np.random.default_rng(11)))
    spread = fit.card.uncertainty
    assert spread is not None
    off = away(fit)
    distance = float(off @ np.linalg.solve(spread.matrix(), off))
    assert distance < chi2.ppf(0.999, len(off))
