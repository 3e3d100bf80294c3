"""Between-patient spread: who a patient is depends on the seed and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.evidence import Card, Entry, Spread, load_card
from ketasim.models import MODELS
from ketasim.population import individual_parameters

REFERENCE = load_card("reference")
SYMBOLS = [symbol.name for symbol in MODELS["reference"].parameters]


def _spread(kind: str, value: float) -> Spread:
    return Spread(kind, value, "estimated", "simons2022", "Table 4")  # type: ignore[arg-type]


def _card(*entries: Entry, correlations: tuple[tuple[str, str, float], ...] = ()) -> Card:
    return Card(
        key="test",
        title="",
        model="",
        source="simons2022",
        entries={entry.symbol: entry for entry in entries},
        correlations=correlations,
    )


def _entry(symbol: str, value: float, spread: Spread | None = None) -> Entry:
    return Entry(symbol, value, "L", "estimated", "simons2022", "Table 4", iiv=spread)


@settings(max_examples=25)
@given(st.integers(0, 2**63), st.integers(1, 60), st.data())
def test_splitting_changes_no_patient(seed: int, n: int, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, n))
    whole = individual_parameters(REFERENCE, SYMBOLS, seed, 0, n)
    left = individual_parameters(REFERENCE, SYMBOLS, seed, 0, cut)
    right = individual_parameters(REFERENCE, SYMBOLS, seed, cut, n - cut)
    assert whole
    for symbol, values in whole.items():
        np.testing.assert_array_equal(values, np.concatenate([left[symbol], right[symbol]]))


def test_correlated_parameters_do_not_depend_on_splitting_either() -> None:
    card = _card(
        *(_entry(s, 10.0, _spread("log_sd", 0.3)) for s in ("a", "b", "c")),
        correlations=(("a", "b", 0.6), ("b", "c", -0.4)),
    )
    whole = individual_parameters(card, ["a", "b", "c"], 7, 0, 501)
    part = individual_parameters(card, ["a", "b", "c"], 7, 500, 1)
    for symbol in "abc":
        assert part[symbol][0] == whole[symbol][500]


def test_another_parameter_with_spread_changes_no_patient() -> None:
    before = _card(_entry("a", 2.0, _spread("cv", 30.0)), _entry("b", 5.0))
    after = _card(
        _entry("c", 1.0, _spread("omega2", 0.1)),
        _entry("a", 2.0, _spread("cv", 30.0)),
        _entry("b", 5.0, _spread("cv", 10.0)),
    )
    one = individual_parameters(before, ["a", "b", "c"], 3, 0, 20)
    two = individual_parameters(after, ["a", "b", "c"], 3, 0, 20)
    assert set(one) == {"a"}
    assert set(two) == {"a", "b", "c"}
    np.testing.assert_array_equal(one["a"], two["a"])


def test_the_seed_matters() -> None:
    one = individual_parameters(REFERENCE, SYMBOLS, 1, 0, 5)
    two = individual_parameters(REFERENCE, SYMBOLS, 2, 0, 5)
    assert all(np.all(one[symbol] != two[symbol]) for symbol in one)


@pytest.mark.parametrize(
    ("kind", "printed", "value"),
    [("cv", 40.0, 12.0), ("log_sd", 0.3, 5.0), ("logit_sd", 0.7, 0.54), ("normal_sd", 2.0, 30.0)],
)
def test_spread_is_the_printed_one(kind: str, printed: float, value: float) -> None:
    """50,000 patients: the sample's statistic is within 3 % of the printed spread."""
    drawn = individual_parameters(
        _card(_entry("a", value, _spread(kind, printed))), ["a"], 5, 0, 50_000
    )
    a = drawn["a"]
    found = {
        "cv": 100 * a.std() / a.mean(),
        "log_sd": np.log(a).std(),
        "logit_sd": np.log(a / (1 - a)).std() if kind == "logit_sd" else 0.0,
        "normal_sd": a.std(),
    }[kind]
    assert found == pytest.approx(printed, rel=0.03)
    assert np.median(a) == pytest.approx(value, rel=0.02)


def test_correlations_are_those_of_the_card() -> None:
    card = _card(
        _entry("a", 10.0, _spread("log_sd", 0.3)),
        _entry("b", 3.0, _spread("log_sd", 0.5)),
        _entry("c", 1.0, _spread("log_sd", 0.2)),
        correlations=(("a", "b", 0.6),),
    )
    drawn = individual_parameters(card, ["a", "b", "c"], 11, 0, 50_000)
    logs = np.corrcoef([np.log(drawn[symbol]) for symbol in "abc"])
    assert logs[0, 1] == pytest.approx(0.6, abs=0.02)
    assert abs(logs[0, 2]) < 0.02
    assert abs(logs[1, 2]) < 0.02
