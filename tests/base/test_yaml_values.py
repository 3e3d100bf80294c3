"""YAML by the core schema of 1.2: what is text, what is a number, and what is refused at once."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from ketasim._base import InputError, read_yaml
from ketasim.evidence import studies


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("071", 71),
        ("010", 10),
        ("-3", -3),
        ("+3", 3),
        ("1e3", 1000.0),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("~", None),
        ("null", None),
        ("", None),
        ("true", True),
        ("False", False),
        *((text, text) for text in ("9:00", "1:30:00", "1_000", "0x1F", "0o17", "0b1", ".")),
        *((text, text) for text in ("yes", "no", "on", "off", "y", "n", "None", "nUll", "tRue")),
        *((text, text) for text in ("2026-01-05", ".inf", "-.inf", ".nan", "1e", "1,5", "=", "<")),
        ('"010"', "010"),
        ("'true'", "true"),
        ("!!str 010", "010"),
        ("! 010", "010"),
        ("| # kept\n  010\n", "010\n"),
    ],
)
def test_plain_values(written: str, value: object) -> None:
    found = read_yaml(f"value: {written}", "course")["value"]
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize("written", ["071", "010", "1e3", "0.50", "-.5", "+3"])
def test_a_number_shows_itself_as_it_was_written(written: str) -> None:
    number = read_yaml(written, "course")
    assert str(number) == repr(number) == f"{number!r}" == written
    assert str([number]) == f"[{written}]"
    assert float(number) == float(written)
    assert str(pickle.loads(pickle.dumps(number))) == written


def test_keys_are_names_as_written() -> None:
    assert read_yaml("{071: 1, on: 2, 2026-01-05: 3, 1.0: 4}", "course") == {
        "071": 1,
        "on": 2,
        "2026-01-05": 3,
        "1.0": 4,
    }


def test_aliases_and_merged_keys_stand_for_what_they_repeat() -> None:
    text = "a: &a {p: 1, q: 2}\nb: *a\nc: {q: 3, <<: *a}\nd: {<<: [*a, {r: 4}]}"
    found = read_yaml(text, "course")
    assert found["b"] == {"p": 1, "q": 2}
    assert found["c"] == {"p": 1, "q": 3}
    assert found["d"] == {"p": 1, "q": 2, "r": 4}


def _laughs(levels: int, width: int, first: str) -> str:
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (_laughs(10, 9, "[lol]"), "is too large"),
        (_laughs(2, 1000, f"'{'x' * 100_000}'"), "is too large"),
        (f"a: [{'1,' * 600_000}]", "is too large"),
        ("a: &a [*a]", "repeats itself"),
        ("a: &a {<<: *a}", "repeats itself"),
        ("a: *b", "repeats nothing"),
        ("a: *1/*6", "put it in quotes"),
        ("[" * 100_000, "33 deep"),
        ("{a: " * 100_000, "33 deep"),
        ("- " * 100_000, "33 deep"),
        ("? " * 100_000, "not a name"),
        ("a: !!timestamp foo", "the tag '!!timestamp' in line 1 is not read"),
        ("a: !!map [1]", "the tag '!!map'"),
        ("a: !!int '9'", "the tag '!!int'"),
        ("a: !!python/object/apply:os.system [ls]", "the tag '!!python/object/apply:os.system'"),
        ("!!set {a, b}", "the tag '!!set'"),
        (f"a: {'9' * 5000}", "is a number of 5000 digits"),
        (f"a: 0.{'9' * 5000}", "is a number of 5002 digits"),
        ("a: 1e999", "too large a number"),
        ("a: 1\n---\nb: 2", "a second document begins in line 2"),
        ("a: 1\na: 2", "the key 'a' in line 2 stands twice"),
        ("~: 1", "not a name"),
        ("[1]: 1", "not a name"),
        ("a: {<<: 3}", "adds what is no mapping"),
        ("{weight: 78,5 kg}", "'78,5 kg' is parted by its comma"),
        ("a:\n\t- b", "a tab is used to indent in line 2"),
        ("a: b: c", "a colon stands within a value in line 1"),
        ("a: 'x", "not closed in line 1"),
        ("a: [1", "not closed"),
        ("a: {b: 1", "not closed"),
        ("a: @x", "begins with '@'"),
        ("a: \x1b[2J", "U+001B"),
        ('a: "\\ud800"', "half a character"),
        ("a: \ud800", "half a character"),
    ],
)
def test_what_is_refused(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        read_yaml(text, "course")
    assert part in str(caught.value)
    assert len(str(caught.value)) <= 500


def test_an_error_names_the_path_of_the_value() -> None:
    with pytest.raises(InputError) as caught:
        read_yaml("doses:\n- {day: 0}\n- {day: 1e999}", "course")
    assert caught.value.field == "doses[1].day"


def _same(value: Any) -> Any:
    """Dates as text, as the core schema has them."""
    if isinstance(value, dict):
        return {str(key): _same(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_same(item) for item in value]
    return value if isinstance(value, str | int | float | None) else str(value)


@pytest.mark.parametrize("path", studies()[::7], ids=lambda path: path.stem)
def test_what_ships_means_the_same_in_both_versions(path: Path) -> None:
    text = path.read_text("utf-8")
    assert read_yaml(text, "trial") == _same(yaml.safe_load(text))
