"""Cards keep their numbers, refuse bad ones, and survive being written and read."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.evidence import (
    GRADES,
    SPREAD_TYPES,
    Card,
    Entry,
    Spread,
    Uncertainty,
    card_keys,
    load_card,
    read_card,
    write_card,
)

EXAMPLE = """
[card]
key = "example2020"
title = "An example"
model = "two_compartments"
source = "example2020"
n = 12
sites = ["venous"]
grade = "estimated"
locator = "Table 3"

[parameter.V1]
value = 133
unit = "L"
meaning = "central volume"
iiv = { omega2 = 0.084177 }
rse = 7.8

[parameter.CL]
value = 95.2
unit = "L/h"
iiv = { omega2 = 0.026048, source = "other2019", locator = "text" }

[parameter.F]
value = 0.5
unit = "fraction"
grade = "assumed"
iiv = { logit_sd = 0.708 }

[[correlation]]
between = ["V1", "CL"]
covariance = 0.02261
"""


def test_defaults_of_the_card_reach_its_entries() -> None:
    card = read_card(EXAMPLE)
    volume = card.entry("V1")
    assert (volume.source, volume.locator, volume.grade) == ("example2020", "Table 3", "estimated")
    assert volume.iiv is not None and volume.iiv.source == "example2020"
    clearance = card.entry("CL").iiv
    assert clearance is not None and (clearance.source, clearance.locator) == (
        "other2019",
        "text",
    )
    assert card.sources() == ("example2020", "other2019")


def test_an_assumption_does_not_borrow_the_source_of_its_card() -> None:
    entry = read_card(EXAMPLE).entry("F")
    assert (entry.source, entry.locator) == ("", "")


def test_omega_holds_the_printed_covariance() -> None:
    symbols, omega = read_card(EXAMPLE).omega()
    assert symbols == ("V1", "CL", "F")
    expected = [[0.084177, 0.02261, 0], [0.02261, 0.026048, 0], [0, 0, 0.708**2]]
    np.testing.assert_allclose(omega, expected, rtol=1e-12, atol=1e-15)


def test_cv_is_the_cv_of_a_lognormal() -> None:
    spread = Spread("cv", 120.0, "estimated", "a", "b")
    assert math.sqrt(math.expm1(spread.sd**2)) == pytest.approx(1.2)


def test_a_card_is_read_only_and_can_be_copied() -> None:
    card = read_card(EXAMPLE)
    with pytest.raises(TypeError):
        card.entries["V1"] = card.entry("CL")  # type: ignore[index]
    assert pickle.loads(pickle.dumps(card)) == card == copy.deepcopy(card)


def test_the_hash_follows_the_numbers() -> None:
    card = read_card(EXAMPLE)
    other = card.with_entries(card.entry("V1").replace(value=134.0))
    assert card.hash == card.file_hash
    assert other.hash != card.replace().hash
    assert other.values()["V1"] == 134.0 and card.values()["V1"] == 133.0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value = 133", "", "parameter.V1.value: is missing"),
        ("value = 133", "value = nan", "parameter.V1.value: nan is not finite"),
        ("value = 133", 'value = "133"', "is not a number"),
        ("value = 133", "value = true", "is not a number"),
        ("rse = 7.8", "rsd = 7.8", "did you mean 'rse'?"),
        ("[[correlation]]", "[[corelation]]", "did you mean 'correlation'?"),
        ('grade = "estimated"', 'grade = "estimate"', "did you mean 'estimated'?"),
        ('grade = "estimated"', "", "parameter.V1.iiv.grade: unknown grade"),
        (
            "{ omega2 = 0.084177 }",
            "{ cv = 3, omega2 = 1 }",
            "parameter.V1.iiv: needs exactly one",
        ),
        (
            "{ omega2 = 0.084177 }",
            "{ omega2 = -1 }",
            "parameter.V1.iiv.omega2: -1.0 is not a spread",
        ),
        ("{ omega2 = 0.084177 }", "{ }", "parameter.V1.iiv: needs exactly one"),
        ("{ omega2 = 0.084177 }", "0.08", "parameter.V1.iiv: is not a table"),
        ('"V1", "CL"]', '"V1", "V2"]', "'V2' has no iiv"),
        ("covariance = 0.02261", "covariance = 0.05", "is not a correlation"),
        ("covariance = 0.02261", "", "needs a value or a covariance"),
        ("n = 12", "n = 1.5", "is not a count"),
        ("[card]", "[card", "not TOML"),
        ('source = "example2020"', 'source = ""', "has no source"),
    ],
)
def test_a_bad_card_is_refused_by_field(old: str, new: str, words: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(InputError) as caught:
        read_card(EXAMPLE.replace(old, new), origin="example.toml")
    assert str(caught.value).startswith("example.toml") and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_spread_that_is_not_positive_definite_is_refused() -> None:
    entries = {
        symbol: Entry(
            symbol,
            1.0,
            "L",
            "estimated",
            "a",
            iiv=Spread("omega2", 0.1, "estimated", "a", ""),
        )
        for symbol in "ABC"
    }
    pairs = (("A", "B", 0.9), ("A", "C", 0.9), ("B", "C", -0.9))
    with pytest.raises(InputError, match="not positive definite"):
        Card("k", "t", "m", "a", entries=entries, correlations=pairs).omega()
    with pytest.raises(InputError, match="'D' has no between-patient variability"):
        Card("k", "t", "m", "a", entries=entries, correlations=(("A", "D", 0.1),)).omega()


def test_an_unknown_symbol_or_card_suggests_the_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'V1'"):
        read_card(EXAMPLE).entry("V11")
    with pytest.raises(InputError, match="unknown card 'nosuchcard'"):
        load_card("nosuchcard")


@pytest.mark.parametrize("key", card_keys())
def test_every_card_carried_loads_and_survives_writing(key: str) -> None:
    card = load_card(key)
    assert read_card(write_card(card)) == card
    assert card.entries


numbers = st.floats(allow_nan=False, allow_infinity=False)
words = st.text(max_size=12)
keys = st.text(min_size=1, max_size=8)
grades = st.sampled_from(sorted(GRADES))
spreads = st.builds(
    Spread,
    st.sampled_from(sorted(SPREAD_TYPES)),
    st.floats(0.01, 100.0),
    grades,
    keys,
    words,
    words,
)


def _entry(symbol: str) -> st.SearchStrategy[Entry]:
    optional = st.none() | numbers
    return st.builds(
        Entry,
        st.just(symbol),
        numbers,
        words,
        grades,
        keys,
        words,
        words,
        optional,
        optional,
        optional,
        words,
        st.none() | spreads,
        st.none() | spreads,
        words,
    )


@st.composite
def cards(draw: st.DrawFn) -> Card:
    symbols = draw(st.lists(keys, max_size=4, unique=True))
    entries = {symbol: draw(_entry(symbol)) for symbol in symbols}
    spread = [symbol for symbol in symbols if entries[symbol].iiv is not None]
    pairs = [(spread[0], other, draw(st.floats(-0.4, 0.4))) for other in spread[1:]]
    uncertainty = None
    if symbols:
        scale = draw(st.sampled_from(["log", "logit", "natural"]))
        rows = tuple(tuple(draw(numbers) for _ in symbols) for _ in symbols)
        uncertainty = Uncertainty(tuple(symbols), (scale,) * len(symbols), rows)
    leaves = st.booleans() | st.integers(-(2**60), 2**60) | numbers | words
    nested = st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    )
    return Card(
        key=draw(keys),
        title=draw(words),
        model=draw(words),
        source=draw(words),
        population=draw(words),
        n=draw(st.none() | st.integers(0, 10_000)),
        sites=tuple(draw(st.lists(words, max_size=2))),
        entries=entries,
        correlations=tuple(pairs),
        uncertainty=draw(st.just(uncertainty) | st.none()),
        notes=tuple(draw(st.lists(words, max_size=2))),
        extra=draw(st.dictionaries(words, nested, max_size=3)),
    )


@settings(max_examples=60)
@given(cards())
def test_a_written_card_reads_back_equal(card: Card) -> None:
    text = write_card(card)
    again = read_card(text)
    assert again == card
    assert write_card(again) == text
    assert again.hash == card.hash
