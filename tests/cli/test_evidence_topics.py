"""`ketasim evidence condition` and `conflicts`, as a user meets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ketasim.apps.cli.application import run
from ketasim.evidence import condition, condition_names, conflicts, fact, source_name


def _out(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["evidence", *words]) == 0
    return capsys.readouterr().out


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert run(["evidence", *words, "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def test_without_a_name_the_conditions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _out(capsys, "condition").splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(condition_names())
    told = _json(capsys, "condition")["conditions"]
    assert [one["name"] for one in told] == list(condition_names())


def test_a_condition_shows_doses_certainty_and_what_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = _out(capsys, "condition", "chronic", "pain")
    words = " ".join(text.split())
    assert "very low certainty" in words and "[Ferraro et al., 2025]" in words
    assert "10-40 mg/h" in words and "Not known" in words
    for effect in condition("pain").effects:
        assert effect.fact in text
    assert max(map(len, text.splitlines())) <= 140


@pytest.mark.parametrize("name", condition_names())
def test_every_condition_prints_and_its_json_is_complete(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _out(capsys, "condition", name)
    told = _json(capsys, "condition", name)
    one = condition(name)
    assert told["certainty"] == one.certainty
    assert [row["fact"] for row in told["effects"]] == [row.fact for row in one.effects]
    assert [(row["drug"], row["route"]) for row in told["doses"]] == [
        (row.drug, row.route) for row in one.doses
    ]
    for doses in told["doses"]:
        for row in doses["facts"]:
            assert fact(row).source in told["sources"]


def test_an_unknown_condition_is_one_line_and_no_verdict(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["evidence", "condition", "autism"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "no evidence that ketamine has no effect" in told.err
    assert "ptsd" in told.err


def test_a_conflict_shows_each_side_and_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    text = " ".join(_out(capsys, "conflicts", "naltrexone").split())
    (one,) = conflicts("naltrexone")
    for side in one.sides:
        assert f"{side.answer}: {side.statement} [{source_name(side.source)}]" in text
        assert all(row in text for row in side.facts)
    assert f"ketasim: {one.ketasim}" in text


def test_conflicts_are_counted_and_narrowed(capsys: pytest.CaptureFixture[str]) -> None:
    told = _json(capsys, "conflicts", "--topic", "care")["conflicts"]
    assert [one["name"] for one in told] == [one.name for one in conflicts(topic="care")]
    assert len(_json(capsys, "conflicts")["conflicts"]) == len(conflicts())
    assert run(["evidence", "conflicts", "--topic", "weather"]) == 2
    assert "pharmacokinetics" in capsys.readouterr().err
    assert run(["evidence", "conflicts", "weather"]) == 0
    assert "no evidence that the sources agree" in capsys.readouterr().err
