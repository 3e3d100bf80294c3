"""The chain to mood against published time courses, and the pages that tell of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ketasim.calibration.mood import mechanism_curves
from ketasim.evidence import Card, fact, facts, load_card, load_sources, number
from ketasim.models import MOOD, MOOD_PARAMETERS, RECEPTOR
from ketasim.validation import MechanismCheck, mechanism_checks, mechanism_table

DOCS = Path(__file__).parents[2] / "docs"
INFUSION = "ketamine 0.5 mg/kg iv over 40 min once"


@cache
def _checks() -> tuple[MechanismCheck, ...]:
    return mechanism_checks()


def _changed(**values: float) -> Card:
    card = load_card("mood")
    return card.with_entries(
        *(card.entry(name).replace(value=value) for name, value in values.items())
    )


def _find(checks: tuple[MechanismCheck, ...], what: str) -> MechanismCheck:
    return next(one for one in checks if what in one.what)


def test_every_published_thing_stands_in_its_row() -> None:
    for one in _checks():
        row = fact(one.locator.rpartition("; ")[2])
        assert one.source == row.source in load_sources()
        assert one.species
        # the inverted U is told by five rows of one source
        rows = (
            [r for r in facts(row.table) if r.source == one.source] if "dose" in one.what else [row]
        )
        cells = " ".join(" ".join(r.cells.values()) for r in rows)
        if isinstance(one.published, float):
            assert one.published == number(row.get("value"))
        else:
            printed = set(re.findall(r"\d+(?:\.\d+)?", one.published))
            assert printed <= set(re.findall(r"\d+(?:\.\d+)?", cells)), one.what


def test_predictions_are_finite_and_rodents_are_shapes() -> None:
    for one in _checks():
        assert isinstance(one.predicted, str) or np.isfinite(one.predicted)
        if one.kind == "size":
            assert "human" in one.species


def test_assumed_parameters_are_named() -> None:
    card = load_card("mood")
    for one in _checks():
        named = re.search(r"Assumed: ([\w, ]+)\.", one.note)
        for symbol in named[1].split(", ") if named else ():
            assert card.entry(symbol).grade == "assumed"
    if card.entry("kF").grade == "assumed":
        assert "kF" in _find(_checks(), "formation of synapses 3 to 6 h").note


def test_no_number_of_the_tables_makes_the_scan_comparable() -> None:
    assert _find(_checks(), "SV2A").agrees == "cannot tell"


def test_judgements_follow_the_numbers() -> None:
    """A chain with other numbers is judged otherwise."""
    # without a burst nothing follows the block; a loss within hours leaves nothing at 14 days
    flat = mechanism_checks(_changed(g_max=1e-6, kS=0.1))
    assert _find(flat, "Glx at 26 min").agrees == "no"
    assert _find(flat, "glutamate at 193 min").agrees == "yes"
    assert _find(flat, "above the depressed level").agrees == "no"
    # a slow drive is there after a day
    slow = mechanism_checks(_changed(kD=0.01))
    assert _find(slow, "drive (eEF2, BDNF) at 24 h").agrees == "no"
    # and what does not touch the receptor leaves its rows as they are
    for what in ("highest early", "gone 1 h after"):
        assert _find(flat, what).predicted == pytest.approx(
            _find(_checks(), what).predicted, rel=1e-3
        )


def test_formation_is_what_keeps_the_balance_of_synapses() -> None:
    """Formation less loss, both from the curves, is the slope of the synapses."""
    times = np.arange(0.0, 96.0, 0.25)
    curves = mechanism_curves([INFUSION], times, ("synapses", "formation_rate"))
    n = load_card("mood").values()
    formed = n["kS"] * curves["formation_rate"][0]
    lost = n["kS"] * (1.0 + n["stress"]) * curves["synapses"][0]
    slope = np.gradient(curves["synapses"][0], times)
    largest = np.abs(slope).max()
    assert np.abs(formed - lost - slope)[1:-1].max() < 0.01 * largest


def test_regimens_do_not_touch_each_other() -> None:
    times = np.arange(0.0, 30.0, 1.0)
    both = mechanism_curves([INFUSION, "ketamine 1 mg/kg iv over 40 min once"], times, ["bdnf"])
    alone = mechanism_curves([INFUSION], times, ["bdnf"])
    assert both["bdnf"].shape == (2, len(times))
    np.testing.assert_allclose(both["bdnf"][0], alone["bdnf"][0], rtol=2e-4)
    assert np.abs(both["bdnf"][1] - both["bdnf"][0]).max() > 1e-3


def test_table_has_a_row_a_check() -> None:
    lines = mechanism_table(_checks()).splitlines()
    assert len(lines) == len(_checks()) + 2
    assert len({re.sub(r"\\\|", "", line).count("|") for line in lines}) == 1


def test_page_of_equations_misses_nothing() -> None:
    page = (DOCS / "explain" / "mood-equations.md").read_text(encoding="utf-8")
    for state in MOOD.states:
        assert f"d {state.name} / dt = " in page
    for one in (*MOOD.signals, *MOOD.definitions, *MOOD.quantities):
        assert f"\n{one.name} = " in page
    card = load_card("mood")
    known = [s.name for s in (*MOOD_PARAMETERS, *RECEPTOR.parameters)]
    for symbol in {*card.entries, *(s for s in known if s not in ("sens", "e_P", "M0"))}:
        (row,) = re.findall(rf"^\| `{re.escape(symbol)}` \|.*$", page, re.M)
        if symbol in card.entries:
            assert ("**assumed**" in row) == (card.entry(symbol).grade == "assumed")
            assert f"| {card.entry(symbol).value:.4g} |" in row


def test_keys_on_the_page_in_words_are_sources() -> None:
    text = (DOCS / "explain" / "mood.md").read_text(encoding="utf-8")
    keys = set(re.findall(r"\b[a-z]+(?:_[a-z]+)?\d*(?:19|20)\d\d[a-z]*\b", text))
    assert keys <= set(load_sources())
    assert len(keys) > 10
