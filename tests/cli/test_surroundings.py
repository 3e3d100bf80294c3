"""Surroundings that commands meet in earnest: one line, no traceback.

What depends on streams, rights, signals or limits is a process of its own; the rest runs in this.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ketasim
from ketasim.apps.cli.application import run

COURSE = 'regimen: "ketamine 0.5 mg/kg iv over 40 min once"\npatient: {weight: 78 kg}\n'
DATA = "ID,TIME,AMT,RATE,ROUTE,EVID,WT\n1,0,40,60,iv,1,80\n1,1,0,0,iv,0,80\n"
SENTENCE = "ketamine 50 mg oral once"
NOBODY = 54321  # a user without an entry in the list of users

Done = subprocess.CompletedProcess[bytes]
Called = Callable[..., Done]


def _ketasim(folder: Path, *words: str | bytes, **options: Any) -> Done:
    environment = os.environ | options.pop("env", {})
    return subprocess.run(
        [*options.pop("before", []), sys.executable, "-m", "ketasim", *words],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        check=False,
        **options,
    )


def _shell(folder: Path, line: str) -> Done:
    """A command of a shell, in which `ketasim` is this interpreter's."""
    return subprocess.run(
        ["bash", "-c", f'ketasim() {{ "{sys.executable}" -m ketasim "$@"; }}; {line}'],
        cwd=folder,
        capture_output=True,
        check=False,
    )


def _refused(found: Done, told: str) -> None:
    assert found.returncode == 2, found
    text = found.stderr.decode()
    assert text.startswith("error: ") and text.endswith("\n") and text.count("\n") == 1, text
    assert told in text


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "course.yaml").write_text(COURSE)
    (tmp_path / "data.csv").write_text(DATA)
    return tmp_path


@pytest.fixture
def called(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Called:
    """A command in this process, called in the folder."""
    monkeypatch.chdir(here)

    def call(*words: str | bytes) -> Done:
        capfdbinary.readouterr()
        status = run([os.fsdecode(word) for word in words])
        told = capfdbinary.readouterr()
        return Done(words, status, told.out, told.err)

    return call


def _as_nobody() -> list[str]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv to be another user")
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


# An output that is the input


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["events", "data.csv", "--predict", "data.csv"], "data.csv"),
        (["events", "data.csv", "--out", "./data.csv"], "data.csv"),
        (["events", "data.csv", "--predict", "link.csv"], "data.csv"),
        (["events", "course.yaml", "--out", "course.yaml"], "course.yaml"),
        (["simulate", "out/summary.csv", "--out", "out"], "out/summary.csv"),
        (["session", "out/plan.csv", "--out", "out"], "out/plan.csv"),
        (["screen", "out/screening.json", "--out", "out"], "out/screening.json"),
        (["trial", "out/report.html", "--out", "out"], "out/report.html"),
    ],
)
def test_an_output_never_takes_the_place_of_the_input(
    here: Path, called: Called, words: list[str], kept: str
) -> None:
    (here / "link.csv").symlink_to("data.csv")
    (here / "out").mkdir()
    place = here / kept
    if not place.exists():
        place.write_text(COURSE)
    before = place.read_bytes()
    _refused(called(*words), "is the input, and would be lost")
    assert place.read_bytes() == before
    assert list((here / "out").iterdir()) == ([place] if place.parent.name == "out" else [])


def test_printing_behind_the_input_is_refused(here: Path) -> None:
    found = _shell(here, "ketasim screen course.yaml --json >> course.yaml")
    _refused(found, "is also where the output goes")
    assert (here / "course.yaml").read_text() == COURSE


def test_a_table_beside_predictions_is_refused_and_not_forgotten(called: Called) -> None:
    found = called("events", "data.csv", "--predict", "p.csv", "--out", "t.csv")
    _refused(found, "--out")


# All or none


def test_a_folder_in_the_way_of_one_file_stops_before_the_work(here: Path, called: Called) -> None:
    (here / "mix" / "report.html").mkdir(parents=True)
    (here / "mix" / "summary.csv").write_text("old")
    _refused(called("simulate", "course.yaml", "--out", "mix"), "is a folder")
    assert sorted(path.name for path in (here / "mix").iterdir()) == ["report.html", "summary.csv"]
    assert (here / "mix" / "summary.csv").read_text() == "old"


def test_folders_made_on_the_way_go_again(here: Path, called: Called) -> None:
    long = "n" * 250 + ".csv"  # what is staged is not longer; a folder below it is
    found = called("events", "course.yaml", "--out", f"a/b/{long}{long}")
    _refused(found, "File name too long")
    assert not (here / "a").exists()


def test_an_interrupt_after_writing_does_not_say_that_nothing_was_written(here: Path) -> None:
    """The reader of a pipe waits while the files are there already."""
    with subprocess.Popen(
        [sys.executable, "-c", _PAUSED, "screen", "course.yaml", "--out", "out"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"printing\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told.decode().strip() == "interrupted; the files were written"
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "screening.csv",
        "screening.json",
    ]


_PAUSED = """
import signal, sys, time
from ketasim.apps.cli import main, screen

def waiting(_):
    print("printing", file=sys.stderr, flush=True)
    time.sleep(30)

signal.signal(signal.SIGINT, signal.default_int_handler)
screen._print = waiting
screen.note = lambda _: None
main()
"""


# Devices and pipes


def test_devices_and_pipes_are_written_into(here: Path) -> None:
    found = _ketasim(here, "events", "course.yaml", "--out", "/dev/stdout")
    assert found.returncode == 0
    assert found.stdout.startswith(b"ID,TIME") and b"/dev" not in found.stdout
    piped = _shell(here, "mkfifo p; cat p > got & ketasim events course.yaml --out p; wait; ls -F")
    assert piped.returncode == 0 and b"p|" in piped.stdout
    assert (here / "got").read_bytes() == found.stdout
    added = _shell(here, "echo first > t; ketasim events course.yaml --out /dev/stdout >> t")
    assert added.returncode == 0
    assert (here / "t").read_bytes() == b"first\n" + found.stdout
    null = _ketasim(here, "events", "course.yaml", "--out", os.devnull)
    assert (null.returncode, null.stdout) == (0, b"")
    assert Path(os.devnull).is_char_device()


def test_a_set_of_files_is_not_put_in_the_place_of_a_pipe(here: Path, called: Called) -> None:
    (here / "out").mkdir()
    os.mkfifo(here / "out" / "plan.csv")
    _refused(called("session", "course.yaml", "--out", "out"), "is a device or a pipe")
    assert (here / "out" / "plan.csv").is_fifo()


# Streams


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams(here: Path, closed: str) -> None:
    found = _shell(here, f"ketasim events course.yaml --out t.csv {closed}")
    assert found.returncode == 0
    assert b"Traceback" not in found.stderr
    assert (here / "t.csv").read_text().startswith("ID,TIME")
    assert _shell(here, f"ketasim regimen nonsense {closed}").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["regimen", SENTENCE], ["--help"], ["evidence", "list", "x"]])
def test_a_full_standard_output(here: Path, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        _refused(_ketasim(here, *words, stdout=full), "stdout: cannot be written to")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_error_stream_loses_notes_and_nothing_else(here: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        found = _ketasim(here, "events", "data.csv", "--predict", "p.csv", stderr=full)
    assert found.returncode == 0 and (here / "p.csv").exists()


@pytest.mark.parametrize("words", ["evidence list --table pk/observed", "--help"])
def test_a_reader_that_has_gone(here: Path, words: str) -> None:
    found = _shell(here, f"ketasim {words} | head -1; exit ${{PIPESTATUS[0]}}")
    assert found.returncode == 0
    assert found.stderr == b""


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_terminal_of_few_signs(here: Path, called: Called, encoding: str) -> None:
    spoken = {"PYTHONIOENCODING": encoding}
    found = _ketasim(here, "evidence", "condition", "ptsd", env=spoken)
    assert found.returncode == 0
    assert found.stdout.decode(encoding) and b"Traceback" not in found.stderr
    as_json = _ketasim(here, "evidence", "condition", "ptsd", "--json", env=spoken)
    plain = called("evidence", "condition", "ptsd", "--json")
    assert json.loads(as_json.stdout.decode(encoding)) == json.loads(plain.stdout)


@pytest.mark.parametrize("columns", ["0", "1", "-5", "wide"])
def test_a_terminal_without_width(
    called: Called, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for words in (["--help"], ["simulate", "--help"], ["evidence", "condition", "ptsd"]):
        found = called(*words)
        assert (found.returncode, found.stderr) == (0, b"")


def test_no_text_of_a_user_acts_on_the_terminal(here: Path, called: Called) -> None:
    text = r'title: "\e[2J\e[31mX\u202Eabc\x9b1m"' + "\n" + COURSE
    medicines = r'patient: {weight: 78 kg, medicines: ["\e]0;x\a"]}'
    (here / "bad.yaml").write_text(text.replace("patient: {weight: 78 kg}", medicines))
    (here / "key.yaml").write_text(r'"\e[31mkey": 1')
    runs = [
        *(called(verb, "bad.yaml") for verb in ("screen", "harm")),
        called("screen", "key.yaml"),
        called("screen", "\x1b[31m.yaml"),
        called("regimen", "ket\x1b[31mamine 1 mg oral"),
        called("\x1b[2J"),
    ]
    for found in runs:
        shown = found.stdout.decode() + found.stderr.decode()
        assert not {sign for sign in shown if ord(sign) < 32} - {"\n"}
        assert "\x9b" not in shown and "\u202e" not in shown
    assert rb"\x1b[2J\x1b[31mX\u202eabc" in runs[0].stdout
    title = json.loads(called("screen", "bad.yaml", "--json").stdout)["title"]
    assert title == "\x1b[2J\x1b[31mX\u202eabc\x9b1m"


def test_no_text_of_a_user_acts_on_the_terminal_from_a_report(here: Path) -> None:
    (here / "bad.yaml").write_text(r'title: "\e[2Jabc"' + "\n" + COURSE)
    page = ketasim.report(ketasim.screen(here / "bad.yaml"))
    assert "\x1b" not in page and r"\x1b[2Jabc" in page


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["events", "data.csv", "--predict", "other.yaml"], "'other.yaml' has the ending"),
        (["events", "course.yaml", "--out", "other.YML"], "'other.YML' has the ending"),
        (["events", "course.yaml", "--drug", "esketamine"], "--drug: is for a table"),
        (["events", "course.yaml", "--cmt", "1=iv"], "--cmt: is for a table"),
        (["events", "data.csv", "--pk-model", "fanta2015"], "--pk-model: is for --predict"),
    ],
)
def test_what_would_be_lost_or_forgotten_is_refused(
    here: Path, called: Called, words: list[str], part: str
) -> None:
    before = sorted(path.name for path in here.iterdir())
    found = called(*words)
    assert found.returncode == 2 and part in found.stderr.decode()
    assert sorted(path.name for path in here.iterdir()) == before


# Names and rights


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["screen", "n" * 300], "File name too long"),
        (["simulate", "course.yaml", "--out", "n" * 300], "File name too long"),
        (["screen", "a/" * 3000], "File name too long"),
        (["screen", b"no\xff.yaml"], r"no\udcff.yaml"),
        (["regimen", b"\xff mg"], r"\udcff"),
        (["evidence", "show", b"\xff"], r"\udcff"),
        (["evidence", "cite", "--result", "n" * 300], "contains no report"),
        (["screen", "."], "is a folder"),
        (["screen", "course.yaml/x"], "there is no file"),
    ],
)
def test_names_that_cannot_be(called: Called, words: list[str | bytes], told: str) -> None:
    _refused(called(*words), told)


def test_a_name_that_is_no_text_is_a_name(here: Path, called: Called) -> None:
    course, out = os.fsencode(here) + b"/\xff.yaml", os.fsencode(here) + b"/o\xff"
    try:
        shutil.copy(here / "course.yaml", os.fsdecode(course))
    except OSError:
        pytest.skip("the file system takes no such name")
    found = called("simulate", course, "--out", out)
    assert found.returncode == 0, found.stderr
    report = Path(os.fsdecode(out), "report.html").read_text(encoding="utf-8")
    assert r"o\udcff" in report


def test_half_a_character_is_refused(here: Path, called: Called) -> None:
    (here / "half.yaml").write_text(r'title: "\ud83d"' + "\n" + COURSE)
    _refused(called("screen", "half.yaml"), "half a character")


def test_a_cell_that_is_too_long(here: Path, called: Called) -> None:
    (here / "long.csv").write_text(DATA + "1,2,0,0,1," + "1" * 140_000 + ",80\n")
    _refused(called("events", "long.csv"), "line 4: ")


def test_a_closed_folder(here: Path) -> None:
    nobody = _as_nobody()
    for place in (here, *here.parents):
        if place.stat().st_uid == 0 and place.is_relative_to("/tmp"):
            place.chmod(place.stat().st_mode | 0o055)
    (here / "closed").mkdir(mode=0o700)
    shutil.copy(here / "course.yaml", here / "closed")
    found = _ketasim(here, "screen", "closed/course.yaml", before=nobody)
    if b"No module" in found.stderr or not found.stderr.startswith(b"error"):
        pytest.skip("another user cannot read this interpreter")
    _refused(found, "Permission denied")
    _refused(
        _ketasim(here, "simulate", "course.yaml", "--out", "closed/o", before=nobody),
        "--out: cannot write to",
    )


# Limits of the system


def test_with_little_address_space_nothing_is_left_out(here: Path, called: Called) -> None:
    words = ["evidence", "meta", "--drug", "esketamine", "--at", "28 d", "--out"]
    limited = _shell(here, f"ulimit -c 0; ulimit -v 4000000; ketasim {shlex.join(words)} limited")
    assert (limited.returncode, limited.stderr) == (0, b"")
    assert called(*words, "free").returncode == 0
    for name in ("forest.png", "forest.svg", "left_out.csv", "meta.csv"):
        assert (here / "limited" / name).read_bytes() == (here / "free" / name).read_bytes()


@pytest.mark.parametrize(
    ("course", "told"),
    [
        (
            "doses: [{day: 0, drug: ketamine, route: iv, dose: 40 mg, over: 1e-9 h}]",
            "doses[0].over: '1e-9 h' is shorter than 1 s; write 'over: bolus'",
        ),
        (
            "doses: [{day: 0, drug: ketamine, route: im, dose: 40 mg, over: 0.5 s}]",
            "doses[0].over: '0.5 s' is shorter than 1 s; write 'over: bolus'",
        ),
        (
            'regimen: "ketamine 40 mg iv over 0.001 min once"',
            "regimen: 'over 0.001 min' is shorter than 1 s; write 'bolus'",
        ),
    ],
)
def test_an_infusion_of_an_instant(here: Path, called: Called, course: str, told: str) -> None:
    (here / "short.yaml").write_text(course)
    _refused(called("simulate", "short.yaml", "--out", "out"), told)
    assert not (here / "out").exists()


def test_a_rate_of_an_instant(here: Path, called: Called) -> None:
    (here / "rate.csv").write_text(DATA.replace(",60,", ",1e11,"))
    _refused(called("events", "rate.csv", "--predict", "p.csv"), "RATE in row 1: ")
    (here / "rate.csv").write_text(DATA.replace(",60,", f",{40 * 3600},"))  # one second
    assert called("events", "rate.csv").returncode == 0
