"""What came out is on the screen; help has examples; a file of another kind is recognised."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from cyclopts import App

from ketasim.apps.cli.application import app, run
from ketasim.dosing import shipped


def _commands(parent: App, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [words]
    for name in parent:
        if not name.startswith("-"):
            found += _commands(parent[name], (*words, name))
    return found


COMMANDS = _commands(app)


def test_all_commands_are_known() -> None:
    assert ("simulate",) in COMMANDS and ("evidence", "meta") in COMMANDS
    assert len(COMMANDS) > 18


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_ends_with_an_example_that_can_be_typed(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    examples = [line for line in lines if line.startswith("Example: ketasim ")]
    assert len(examples) == 1
    typed = shlex.split(examples[0].removeprefix("Example: ketasim "))
    assert tuple(typed[: len(words)]) == words or not words
    command, bound, _ = app.parse_args(typed, exit_on_error=False, print_error=False)
    assert callable(command) and bound is not None


def test_the_help_tells_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    told = capsys.readouterr().out
    for status in ("  0 ", "  1 ", "  2 ", "  130 "):
        assert status in told


def test_a_course_is_answered_before_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "iv_six_then_weekly", "--n", "4", "--out", str(tmp_path / "out")]
    assert run(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 38
    assert all(len(line) <= 80 for line in lines[:-3])
    text = "\n".join(lines)
    for word in ("Cmax", "block", "Dissociation", "week", "trough", "peak", "rem. %", "Nearest"):
        assert word in text
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("week")) + 2 :]
    weeks = [line.split() for line in table[: table.index("")]]
    assert [week[0] for week in weeks] == [str(number) for number in range(1, 9)]
    assert all(len(week) == 8 for week in weeks)


def test_a_long_course_shows_its_ends_and_says_where_weeks_are_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "course.yaml"
    for horizon, gap in (("84 d", False), ("91 d", True)):
        file.write_text(
            f"regimen: 'ketamine 0.5 mg/kg iv over 40 min on days 0 49'\nhorizon: {horizon}\n"
        )
        assert run(["simulate", str(file), "--out", str(tmp_path / horizon[:2])]) == 0
        out = capsys.readouterr().out
        assert "(weeks without a session: at its start and end)" in out
        assert ("\n…" in out) is gap
        assert ("1 more week is in --json" in out) is gap
        table = [line.split() for line in out.splitlines()]
        shown = [int(row[0]) for row in table if len(row) == 8 and row[0].isdigit()]
        assert len(shown) == 12 and {1, 8, shown[-1]} <= set(shown)
        assert shown[-1] == int(horizon[:2]) // 7


def test_a_published_trial_is_answered_with_what_it_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trial", "murrough2013", "--replicates", "4", "--out", str(tmp_path / "out")]
    assert run(words) == 0
    every = capsys.readouterr().out.splitlines()
    lines = [line for line in every if str(tmp_path) not in line]
    assert len(lines) <= 27
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    for word in ("ket - mdz", "Published", "-16.5", "64%", "fitted", "derived"):
        assert word in text
    assert text.index("ket = ketamine 0.5 mg/kg IV over 40 min, 48 patients") < text.index("ket:")
    assert "(second-hand: news story)" in text and "Murrough et al., 2013" in text


@pytest.mark.parametrize(
    ("words", "kind", "told"),
    [
        (["simulate", "{file}", "--out", "{out}"], "trial", "ketasim trial {file} --out DIR"),
        (["session", "{file}"], "trial", "ketasim trial {file} --out DIR"),
        (["screen", "{file}"], "trial", "ketasim trial {file} --out DIR"),
        (["harm", "{file}"], "trial", "ketasim trial {file} --out DIR"),
        (["events", "{file}"], "trial", "ketasim trial {file} --out DIR"),
        (["trial", "{file}", "--out", "{out}"], "course", "ketasim simulate {file} --out DIR"),
    ],
)
def test_a_file_of_the_other_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], kind: str, told: str
) -> None:
    file, out = tmp_path / "file.yaml", tmp_path / "out"
    name = "murrough2013" if kind == "trial" else "six_infusions"
    file.write_text(shipped(kind)[name].read_text("utf-8"))
    assert run([word.format(file=file, out=out) for word in words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert f"this is a {kind} file; run: {told.format(file=file)}" in lines[0]
    assert not out.exists()


@pytest.mark.parametrize(("command", "kind"), [("simulate", "course"), ("trial", "trial")])
def test_what_ships_is_listed(command: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)[f"{kind}s"]
    assert [one["name"] for one in entries] == list(shipped(kind))


@pytest.mark.parametrize("command", ["simulate", "trial"])
def test_the_list_fits_the_screen_and_cuts_nothing(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--list"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100 and text.isascii()
    if command == "trial":
        line = next(line for line in text.splitlines() if line.startswith("murrough2013"))
        assert "24 h" in line and "Murrough et al., 2013" in line
        for time in ("4 h", "40 min", "391 d"):
            assert f" {time} " in text


def test_a_file_that_hides_a_name_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("six_infusions").write_text('regimen: "ketamine 0.5 mg/kg im once"')
    assert run(["events", "six_infusions"]) == 0
    assert "note: 'six_infusions' is a file here" in capsys.readouterr().err
