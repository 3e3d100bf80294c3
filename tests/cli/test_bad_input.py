"""Bad input: one line that names the field and the remedy, status 2, nothing written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ketasim.apps.cli.application import run

GOOD = 'regimen: "ketamine 0.5 mg/kg iv over 40 min once"\npatient: {weight: 78 kg}\n'


def _refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    assert run(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ") and told.err.endswith("\n")
    line = told.err[len("error: ") : -1]
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "field", "hint"),
    [
        ('regimen: "ketamine 0.5 iv once"', "regimen", "mg/kg"),
        ('regimen: "ketamine 0.5 furlongs iv once"', "regimen", ""),
        ('regimen: "ketamine -0.5 mg/kg iv over 40 min once"', "regimen", ""),
        ('regimen: "ketamine 500 mg/kg iv over 40 min once"', "regimen", "anaesthetic"),
        ('regimen: "ketamin 0.5 mg/kg iv over 40 min once"', "regimen", "ketamine"),
        ('regimen: "ketamine 0.5 mg/kg transdermal once"', "regimen", ""),
        ("doses: [{day: 0, drug: ketamine, route: ivv, dose: 1 mg}]", "doses[0].route", "iv"),
        ("doses: [{day: 0, drug: ketamine, route: iv, dose: .nan mg}]", "doses[0].dose", ""),
        ("doses: [{day: 0, drug: ketamine, route: iv, dose: 5}]", "doses[0].dose", "unit"),
        (GOOD + "horizont: 3 d", "horizont", "horizon"),
        (GOOD.replace("weight", "wieght"), "patient.wieght", "weight"),
        (GOOD.replace("78 kg", "-78 kg"), "patient.weight", ""),
        (GOOD.replace("78 kg", "78"), "patient.weight", "kg"),
        (GOOD + "horizon: -3 d", "horizon", ""),
        (GOOD + "population: {n: 0}", "population.n", ""),
        (GOOD + "population: {n: 1.5}", "population.n", ""),
        (GOOD + "pk_model: referance", "pk_model", "reference"),
        (GOOD + "pk_model: kamp2020\npopulation: {n: -1}", "population.n", ""),
        ('pk_model: otto2021\nregimen: "esketamine 28 mg oral once"', "", "route"),
        ("regimen: [unclosed", "course", ""),
        ("just words", "course", ""),
        ("", "", ""),
        ("\tregimen: x", "course", ""),
    ],
)
def test_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, field: str, hint: str
) -> None:
    course = tmp_path / "course.yaml"
    course.write_text(text)
    out = tmp_path / "out"
    line = _refused(capsys, ["simulate", str(course), "--out", str(out)])
    assert line.startswith(field)
    assert hint in line
    assert ";" in line, "the remedy is missing"
    assert not out.exists()


def test_course_that_is_not_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    course = tmp_path / "course.yaml"
    course.write_bytes(b"\xff\xfe\x00\x81")
    line = _refused(capsys, ["simulate", str(course), "--out", str(tmp_path / "out")])
    assert line.startswith("course")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("below", ["", "deeper", "deeper/still"])
def test_a_file_in_place_of_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    course = tmp_path / "course.yaml"
    course.write_text(GOOD)
    taken = tmp_path / "taken"
    taken.write_text("kept")
    for command in (["simulate", str(course)], ["calibrate", "pk"]):
        line = _refused(capsys, [*command, "--out", str(taken / below)])
        assert line.startswith("--out: ")
        assert str(taken) in line
    assert taken.read_text() == "kept"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["simualte"], "simulate"),
        (["simulate", "{course}", "--out", "{out}", "--typicall"], "--typical"),
        (["simulate", "{course}"], "--out"),
        (["simulate", "--out", "{out}"], "COURSE"),
        (["simulate", "{folder}", "--out", "{out}"], "COURSE"),
        (["simulate", "{course}", "--out", "{out}", "--n", "many"], "--n"),
        (["simulate", "{course}", "--out", "{out}", "--n", "-5"], "population.n"),
        (["simulate", "{course}", "--out", "{out}", "--seed", "3"], "--seed"),
        (["simulate", "{course}", "--out", "{out}", "--n", "5", "--typical"], "--n"),
        (["simulate", "{course}", "--out", "{out}", "--n", "2.5"], "--n: '2.5' is not a whole"),
        (["simulate", "{course}", "--out", "{out}", "--n", "1e3"], "--n: '1e3'"),
        (["simulate", "{course}", "--out", "{out}", "--n", "0x10"], "--n: '0x10'"),
        (["simulate", "{course}", "--out", "{out}", "--n", "1_0"], "--n: '1_0'"),
        (["simulate", "{course}", "--out", "{out}", "--n", "\u0663"], "--n"),
        (["trial", "murrough2013", "--out", "{out}", "--replicates", "2.5"], "--replicates"),
        (["evidence", "list", "x", "--limit", "nan"], "--limit"),
        (["screen", "-dash.yaml"], "'./-dash.yaml'"),
        (["screen", "MURROUGH2013.yaml"], "ketasim trial MURROUGH2013"),
        (["trial", "MURROUGH2013.yaml", "--out", "{out}"], "did you mean 'murrough2013'?"),
        (["screen", "/dev/zero"], "is a device"),
        (["screen", "x" * 300], "COURSE"),
        (["x" * 100_000], "Unknown command"),
        (["evidence", "show", "oto2021"], "otto2021"),
        (["evidence", "list", "x", "--table", "pk/observd"], "pk/observed"),
        (["evidence", "cite"], "--result"),
        (["evidence", "cite", "--result", "{folder}"], "--result"),
        (["evidence", "list", "--limit", "0"], "limit"),
        (["models", "show", "referense"], "reference"),
        (["regimen", "ketamine 0.5 mg/kg iv over 40"], "regimen"),
        (["regimen", "ketamine 0.5 mg/kg iv once", "--weight", "78"], "--weight"),
        (["events", "{folder}/absent.csv"], "FILE"),
    ],
)
def test_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    course, out, folder = tmp_path / "course.yaml", tmp_path / "out", tmp_path / "folder"
    course.write_text(GOOD)
    folder.mkdir()
    filled = [word.format(course=course, out=out, folder=folder) for word in words]
    assert told in _refused(capsys, filled)
    assert not out.exists()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("ID,TIME,AMT,CMT,EVID\n1,1,10,iv,1\n1,0,10,iv,1\n", "TIME"),  # unsorted
        ("ID,TIME,AMT,CMT,EVID\n1,0,10,iv,1\n2,0,10,iv,1\n1,2,10,iv,1\n", "ID"),  # rows apart
        ("ID,TIME,AMT,CMT,EVID\n1,0,10,1,0\n", "AMT"),  # a dose that is no dose
        ("ID,TIME,AMT,EVID\n1,0,10,1\n", "CMT"),
        ("ID,TIME,AMT,CMT,EVID\n1,0,10,2,1\n", "CMT"),  # a compartment of some model
        ("", ""),
    ],
)
def test_event_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str, told: str
) -> None:
    file = tmp_path / "events.csv"
    file.write_text(table)
    out = tmp_path / "made" / "again.csv"
    line = _refused(capsys, ["events", str(file), "--out", str(out)])
    assert line.startswith(told)
    assert not out.parent.exists()


@pytest.mark.parametrize("command", [["screen"], ["harm"], ["events"], ["simulate", "--out", "o"]])
def test_an_unknown_model(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("course.yaml").write_text(GOOD + "pk_model: nonsense\n")
    name, *options = command
    assert "unknown model 'nonsense'" in _refused(capsys, [name, "course.yaml", *options])
    assert not Path("o").exists()


def test_a_pipe_and_a_large_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe, large = tmp_path / "pipe.yaml", tmp_path / "large.yaml"
    os.mkfifo(pipe)
    with large.open("wb") as stream:
        stream.truncate(2**30)
    assert "is a pipe" in _refused(capsys, ["screen", str(pipe)])
    assert "has more than 4 MB" in _refused(capsys, ["screen", str(large)])


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("model: reference", "'pk_model'"),
        ("start_date: 2026-01-05", "'start'"),
        ("duration: 84 d", "'horizon'"),
        ("dose: 5 mg", "'regimen'"),
        ("weight (kg): 70", "unknown key"),
        ("title: " + "x" * 100_000, "at most 2,000"),
        ("title: 2024", "in quotes"),
    ],
)
def test_keys_and_text_of_a_course(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, part: str
) -> None:
    course = tmp_path / "course.yaml"
    course.write_text(f"{GOOD}{key}\n")
    assert part in _refused(capsys, ["screen", str(course)])


def test_no_text_of_a_user_is_a_formula_in_a_table(tmp_path: Path) -> None:
    course = tmp_path / "course.yaml"
    course.write_text(GOOD.replace("78 kg", "78 kg, medicines: ['=1+1', '-2+3', '@x']"))
    assert run(["screen", str(course), "--out", str(tmp_path / "out")]) == 0
    table = (tmp_path / "out" / "screening.csv").read_text()
    for text in ("=1+1", "-2+3", "@x"):
        assert f",'{text}" in table
        assert f",{text}" not in table


@pytest.mark.parametrize(
    "words",
    [
        ["simulate", "six_infusions"],
        ["compare", "six_infusions", "twice_weekly"],
        ["session", "six_infusions"],
        ["trial", "murrough2013"],
        ["screen", "six_infusions"],
        ["harm", "six_infusions"],
        ["events", "six_infusions"],
        ["evidence", "meta", "--drug", "ketamine"],
        ["calibrate", "pk"],
    ],
)
@pytest.mark.parametrize("empty", [["--out", ""], ["--out", " "], ["--out="]])
def test_an_empty_folder_is_not_the_folder_of_the_shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    empty: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _refused(capsys, [*words, *empty]).startswith("--out: ")
    assert list(tmp_path.iterdir()) == []
