"""The corpus of what people write: presence is never missed, and seldom read into an entry."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ketasim.evidence import facts
from ketasim.vocabulary import read_history

ROOT = Path(__file__).parents[2]
MOST_FALSE = 0.05  # of what is read as present


def _bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("words", ROOT / "benchmarks" / "words.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["words"] = module
    spec.loader.exec_module(module)
    return module


BENCH = _bench()


@pytest.mark.parametrize("half", ["first", "second", "third", "fourth"])
def test_presence_in_a_history_is_never_missed_and_seldom_false(half: str) -> None:
    score = BENCH.history_score(BENCH.rows("history", half))
    assert score.missed == []
    assert score.false_share <= MOST_FALSE, score.false


def test_ordinary_notes_name_seldom_a_factor_and_what_is_left_out_is_named() -> None:
    notes = list(BENCH.rows("history", "ordinary"))
    read = {note: read_history(note) for note in notes}
    assert len(notes) > 100
    assert sum(bool(one.factors) for one in read.values()) <= MOST_FALSE * len(notes)
    assert {read[note].status for note in notes if "oices" in note} == {"unknown"}


@pytest.mark.parametrize("half", ["first", "second", "third", "fourth"])
def test_medicines_taken_are_never_missed_and_seldom_false(half: str) -> None:
    score, daily = BENCH.medicine_score(BENCH.rows("medicines", half))
    assert score.missed == []
    assert score.false_share <= MOST_FALSE, score.false
    assert daily["another"] == 0


@pytest.mark.parametrize("half", BENCH.SETS)
def test_no_regimen_is_read_wrongly(half: str) -> None:
    _, wrong = BENCH.regimen_score(BENCH.rows("regimens", half))
    # the amount is the guards' to judge, see test_guards
    assert [text for text in wrong if "50 mg/kg iv" not in text] == []


def test_the_labels_are_factors_medicines_and_classes() -> None:
    factors = {row.get("factor") for row in facts("care/history_words")}
    for labels in BENCH.rows("history", "all").values():
        for row in labels:
            assert row["subject"] in factors or row["presence"] == "unknown", row
    known = {row.get("medicine") for row in facts("care/medicines")}
    known |= {row.get("class") for row in facts("care/medicine_classes")}
    for labels in BENCH.rows("medicines", "all").values():
        for row in labels:
            assert row["medicine"] in known or row["presence"] == "unknown", row
