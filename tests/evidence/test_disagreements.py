"""Every disagreement has two sides that point at rows of their source, and an answer by ketasim."""

from __future__ import annotations

import re

import pytest

from ketasim._base import InputError
from ketasim.dosing.mood_options import SWITCHES
from ketasim.evidence import conflict_topics, conflicts, fact, facts, load_sources, table_names

ROWS = facts("conflicts")
# what the notes on the tables say is disputed: words that find it
DISPUTED = (
    "noresketamine",
    "sampling artery",
    "volume",
    "clearance",
    "oral swallowed",
    "nasal racemic spray",
    "intramuscular",
    "cyp2b6*6",
    "bound in plasma",
    "naltrexone",
    "rapamycin",
    "lithium",
    "benzodiazepines",
    "serotonin",
    "hydroxynorketamine",
    "r-ketamine",
    "sv2a",
    "anaesthesia saline",
    "japan",
    "midazolam saline",
    "systolic pressure rise",
    "pressure last",
    "dissociation occur",
    "nitroprusside",
    "s-norketamine antagonism",
    "dissociation benefit",
    "mao inhibitor",
    "canada",
    "bipolar va",
    "boxed warning",
    "bladder",
    "sponsor",
    "post-traumatic",
    "locf",
)


def test_every_side_points_at_rows_of_its_source() -> None:
    tables = set(table_names())
    for row in ROWS:
        named = row.get("facts").split(";")
        assert named and row.get("statement") and row.get("side"), row.id
        for one in named:
            assert fact(one).table in tables
            assert fact(one).source == row.source, (row.id, one)
        assert row.source in load_sources()


def test_every_question_is_one_and_has_two_sides_and_one_answer() -> None:
    seen: list[str] = []
    for row in ROWS:
        if row.get("id") not in seen:
            seen.append(row.get("id"))
        assert row.get("id") == seen[-1], "the sides of a question stand together"
    for one in conflicts():
        rows = [row for row in ROWS if row.get("id") == one.name]
        assert len({(row.get("topic"), row.get("question")) for row in rows}) == 1
        assert len({side.answer for side in one.sides}) >= 2 or len(one.sources) >= 2, one.name
        assert sum(bool(row.get("ketasim")) for row in rows) == 1 and rows[0].get("ketasim")
        assert one.question.endswith("?") and one.ketasim.endswith(".")
        assert len(one.sides) == len(rows)


@pytest.mark.parametrize("words", DISPUTED)
def test_what_the_notes_dispute_is_there(words: str) -> None:
    words = {"locf": "last observation carried forward"}.get(words, words)
    assert conflicts(words), words


def test_rows_that_call_themselves_a_conflict_are_there() -> None:
    named = {one for row in ROWS for one in row.get("facts").split(";")}
    sources = {row.source for row in ROWS}
    # a row may stand by another row of its source
    for table in table_names():
        for row in facts(table):
            if re.search(r"\bconflicts? (?:with|in emphasis)|: conflict$", row.get("note")):
                assert row.id in named or row.source in sources, row.id


def test_a_number_in_a_statement_stands_in_its_rows() -> None:
    number = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
    # ratios and shares of the numbers beside them
    derived = {
        "main_enzyme": {"63"},
        "enantiomer_clearance": {"1.2", "1.16"},
        "protein_binding": {"30"},
        "enantiomer_affinity": {"4.7", "1.2"},
    }
    for row in ROWS:
        cells = " ".join(
            cell for one in row.get("facts").split(";") for cell in fact(one).cells.values()
        )
        have = {float(one) for one in re.findall(r"\d+(?:\.\d+)?", cells.replace(",", ""))}
        for one in number.findall(f"{row.get('side')} {row.get('statement')}"):
            assert float(one) in have or one in derived.get(row.get("id"), ()), (row.id, one)


def test_a_switch_that_is_named_exists() -> None:
    named = {word for one in conflicts() for word in re.findall(r"`(\w+)`", one.ketasim)}
    assert named == set(SWITCHES)


def test_words_and_topics_find() -> None:
    assert [one.name for one in conflicts("naltrexone WILLIAMS2018")] == ["naltrexone"]
    assert {one.topic for one in conflicts(topic="session")} == {"session"}
    assert conflicts("bp_rise") == conflicts("bp rise")
    assert conflicts("no such word") == ()
    assert conflicts() == tuple(
        one for topic in conflict_topics() for one in conflicts(topic=topic)
    )
    with pytest.raises(InputError, match="did you mean 'mood'"):
        conflicts(topic="moood")
