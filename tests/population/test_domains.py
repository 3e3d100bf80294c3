"""No draw of any card leaves the domain of its parameter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.evidence import Card, Entry, Scale, Spread, Uncertainty, card_keys, load_card
from ketasim.models import MODELS, SESSION, declared, drawn_on, from_scale, moved, to_scale
from ketasim.models.domain import CORRELATION, FRACTION, NOT_NEGATIVE, POSITIVE, REAL, Domain
from ketasim.population import (
    Situation,
    card_draws,
    individual_parameters,
    mood_effects,
    mood_values,
    share_now,
)

DRAWS, PIECE = 100_000, 20_000
SCALES: tuple[Scale, ...] = ("log", "logit", "fisher", "natural")
DOMAINS = (REAL, POSITIVE, NOT_NEGATIVE, FRACTION, CORRELATION)

# A sample's median is off by 1.2533/sqrt(n) SDs and its SD by 1/sqrt(2 n), both of a normal number.
# Five of these errors: about one false alarm in a million comparisons, and the seeds are fixed.
ERRORS = 5.0


def _pieces(card: Card, what: str) -> Iterator[dict[str, np.ndarray]]:
    for first in range(0, DRAWS, PIECE):
        if what == "uncertainty":
            yield card_draws(card, 1, first, PIECE)
        else:
            yield individual_parameters(card, tuple(card.entries), 1, first, PIECE)


def _domain(card: Card, symbol: str) -> Domain:
    """As declared; the activities that medicines leave are no parameters of the model."""
    known = declared(card.model)
    if symbol not in known:
        assert card.model == "reference"
        assert symbol.startswith("a_"), f"{card.key}: {symbol} is not declared"
        return POSITIVE
    return known[symbol].domain


def _agrees(points: np.ndarray, sd: float) -> None:
    error = ERRORS * sd / np.sqrt(DRAWS)
    assert abs(np.median(points)) < 1.2533 * error
    assert abs(points.std() - sd) < error / np.sqrt(2.0)


@pytest.mark.parametrize("key", card_keys())
def test_every_number_of_a_card_is_in_its_domain(key: str) -> None:
    card = load_card(key)
    for symbol, entry in card.entries.items():
        if symbol in declared(card.model):
            assert _domain(card, symbol).holds(entry.value), symbol


@pytest.mark.parametrize(
    "key", [key for key in card_keys() if load_card(key).uncertainty is not None]
)
def test_draws_within_the_uncertainty_stay_in_their_domains(key: str) -> None:
    card = load_card(key)
    assert card.uncertainty is not None
    sds = np.sqrt(np.diag(card.uncertainty.matrix()))
    tables = list(_pieces(card, "uncertainty"))
    for symbol, printed, sd in zip(
        card.uncertainty.symbols, card.uncertainty.scales, sds, strict=True
    ):
        values = np.concatenate([table[symbol] for table in tables])
        domain, entry = _domain(card, symbol), card.entry(symbol)
        assert domain.holds(values).all(), symbol
        scale, factor = drawn_on(domain, printed, entry.value)
        _agrees(to_scale(scale, values) - to_scale(scale, entry.value), factor * float(sd))
        if scale != printed:
            continue
        # the printed interval, of which four digits are printed
        assert entry.low is not None
        assert entry.high is not None
        inside = np.mean((values >= entry.low) & (values <= entry.high))
        assert abs(inside - 0.95) < ERRORS * np.sqrt(0.95 * 0.05 / DRAWS) + 0.002, symbol


@pytest.mark.parametrize("key", [key for key in card_keys() if load_card(key).omega()[0]])
def test_patients_stay_in_the_domains_of_their_parameters(key: str) -> None:
    card = load_card(key)
    tables = list(_pieces(card, "patients"))
    assert set(tables[0]) == set(card.omega()[0])
    for symbol in tables[0]:
        values = np.concatenate([table[symbol] for table in tables])
        domain, entry = _domain(card, symbol), card.entry(symbol)
        assert domain.holds(values).all(), symbol
        assert entry.iiv is not None
        printed: Scale = {"lognormal": "log", "logit": "logit", "normal": "natural"}[entry.iiv.kind]  # type: ignore[assignment]
        scale, factor = drawn_on(domain, printed, entry.value)
        _agrees(to_scale(scale, values) - to_scale(scale, entry.value), factor * entry.iiv.sd)


def test_the_scales_of_the_fitted_cards_are_those_of_the_domains() -> None:
    """What is declared is what the calibrations used, but of the one correlation."""
    for key in ("reference", "mood", "session"):
        card = load_card(key)
        assert card.uncertainty is not None
        for symbol, scale in zip(card.uncertainty.symbols, card.uncertainty.scales, strict=True):
            if symbol in declared(card.model):
                own = declared(card.model)[symbol].domain.scale
                assert scale == ("natural" if symbol == "rho" else own), symbol


def test_a_wide_spread_of_a_fraction_stays_a_fraction_and_keeps_its_middle() -> None:
    """Half of a log-normal F of 0.8 with a CV of 60 % used to be above 0.8, a third above 1."""
    spread = Spread("log_sd", 0.5, "estimated", "simons2022", "Table 4")
    f_oral = Entry("F_im", 0.8, "fraction", "estimated", "simons2022", "Table 4", iiv=spread)
    card = Card(key="x", title="", model="reference", source="", entries={"F_im": f_oral})
    drawn = individual_parameters(card, ["F_im"], 3, 0, 20_000)["F_im"]
    assert FRACTION.holds(drawn).all()
    assert np.median(drawn) == pytest.approx(0.8, abs=0.02)


@given(st.floats(-0.999, 0.999), st.floats(0.01, 3.0), st.integers(0, 2**32))
def test_a_correlation_whose_error_is_given_in_its_own_unit(rho: float, sd: float, seed: int):
    """As older cards have it: drawn as Fisher's z, whatever the error."""
    entry = Entry("rho", rho, "-", "assumed", "", "")
    uncertainty = Uncertainty(("rho",), ("natural",), ((sd**2,),))
    card = Card(
        key="x", title="", model="mood", source="", entries={"rho": entry}, uncertainty=uncertainty
    )
    assert CORRELATION.holds(card_draws(card, seed, 0, 500)["rho"]).all()


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("scale", SCALES)
@given(data=st.data())
def test_where_a_draw_is_made_it_stays(domain: Domain, scale: Scale, data: st.DataObject) -> None:
    inside = {"natural": (-9.0, 9.0), "log": (1e-3, 9.0), "logit": (0.01, 0.99)}
    low, high = inside.get(scale, (-0.99, 0.99))
    value = data.draw(st.floats(max(low, domain.low + 1e-3), min(high, domain.high - 1e-3)))
    chosen, factor = drawn_on(domain, scale, value)
    assert factor > 0
    assert domain.keeps(chosen)
    far = data.draw(st.floats(-30.0, 30.0))
    assert domain.holds(moved(chosen, value, far))
    # near the value both scales say the same
    step = 1e-6
    given_on = (moved(scale, value, step) - moved(scale, value, -step)) / 2
    carried = (moved(chosen, value, factor * step) - moved(chosen, value, -factor * step)) / 2
    assert carried == pytest.approx(given_on, rel=1e-3)


@pytest.mark.parametrize("scale", SCALES)
@given(st.floats(-8.0, 8.0))
def test_scales_lead_back(scale: Scale, point: float) -> None:
    assert to_scale(scale, from_scale(scale, point)) == pytest.approx(point, abs=1e-6)


def test_every_model_of_a_card_is_declared() -> None:
    for key in card_keys():
        assert declared(load_card(key).model), key
    assert set(MODELS) <= {load_card(key).model for key in card_keys()}


def test_no_draw_around_the_end_of_a_domain() -> None:
    with pytest.raises(ValueError, match="inside '0 to 1'"):
        drawn_on(FRACTION, "natural", 1.0)


def test_what_follows_from_draws_is_in_its_domain_and_warns_of_nothing() -> None:
    """100,000 patients, each with its own draw of all three cards; a NumPy warning is an error."""
    mood, reference = load_card("mood"), load_card("reference")
    pk = MODELS["reference"]
    situation = Situation(background="new", setting="inpatient", older=True)
    with np.errstate(all="raise", under="ignore"):
        for first in range(0, DRAWS, PIECE):
            values = mood_values(
                card_draws(mood, 1, first, PIECE),
                mood_effects(1, first, PIECE),
                situation,
                np.full(PIECE, 33.0),
            )
            for symbol, drawn in values.items():
                assert declared("mood")[symbol].domain.holds(drawn).all(), symbol
            numbers = card_draws(reference, 1, first, PIECE)
            symbols = [symbol.name for symbol in pk.parameters]
            people = individual_parameters(reference, symbols, 1, first, PIECE, around=numbers)
            for symbol, drawn in people.items():
                assert declared("reference")[symbol].domain.holds(drawn).all(), symbol
            covariates = {s.name: 1.0 for s in pk.covariates} | {"WT": 70.0, "AGE": 80.0}
            resolved = pk.resolve({**numbers, **people, **covariates})
            for definition in pk.definitions:
                assert np.isfinite(resolved[definition.name]).all(), definition.name
            session = card_draws(load_card("session"), 1, first, PIECE)
            h = SESSION.effect(session, np.full(PIECE, 200.0), np.full(PIECE, 50.0))
            for event in SESSION.events:
                assert FRACTION.holds(share_now(session, event, h)).all(), event.name
