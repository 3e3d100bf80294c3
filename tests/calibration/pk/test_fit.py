"""`calibrate pk` reproduces the card that the package ships."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.calibration.pk import PkFit, calibrate_pk
from ketasim.evidence import load_card

pytestmark = pytest.mark.calibration  # the fit alone takes minutes


@pytest.fixture(scope="module")
def fit() -> PkFit:
    return calibrate_pk()


def test_the_fit_improves_on_the_prior_and_reproduces_the_shipped_card(fit: PkFit) -> None:
    assert fit.cost_after < fit.cost_before
    shipped = load_card("reference").values()
    for symbol in fit.free:
        assert fit.card.values()[symbol] == pytest.approx(shipped[symbol], rel=0.02)


def test_the_covariance_is_positive_definite_and_never_wider_than_the_prior(fit: PkFit) -> None:
    assert np.all(np.linalg.eigvalsh(fit.covariance) > 0)
    assert all(0 < s <= 1.05 for s in fit.shrinkage().values())


def test_a_parameter_that_was_not_free_keeps_its_published_value(fit: PkFit) -> None:
    prior = fit.prior.values()
    for symbol, value in fit.card.values().items():
        if symbol not in fit.free:
            assert value == prior[symbol]
