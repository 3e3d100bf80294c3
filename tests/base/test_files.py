"""Files appear whole or not at all: whatever is there before, whatever signal comes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError, check_targets, write_whole

NAMES = ("effects.csv", "minutes.csv", "plan.csv")
NEW = dict.fromkeys(NAMES, b"new")

# pauses at the first step that shows a file, until the parent has sent its signal
PAUSED = """
import sys, time
from pathlib import Path
from ketasim._base import staging, write_whole

told = []

def pause():
    if not told:
        told.append(True)
        print("now", flush=True)
        time.sleep(1.0)

def paused(function, after):
    def call(*arguments):
        if not after:
            pause()
        found = function(*arguments)
        pause()
        return found
    return call

after = sys.argv[2] == "after"
Path.replace = paused(Path.replace, after)
Path.rename = paused(Path.rename, after)
exchange = staging._exchange_call()
if exchange is not None:
    staging._exchange_call = lambda: paused(exchange, after)
write_whole(Path(sys.argv[1]), {name: b"new" for name in sys.argv[3:]})
"""


def _old(folder: Path, *others: str) -> None:
    folder.mkdir()
    for name in (*NAMES, *others):
        (folder / name).write_text("old")


def _content(folder: Path) -> dict[str, str]:
    if not folder.exists():
        return {}
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def _hidden(place: Path) -> list[Path]:
    return list(place.rglob(".*"))


def _as_from_a_terminal() -> None:
    """Signals as a shell leaves them; whatever started the tests may ignore some."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _signalled(folder: Path, number: int, when: str) -> int:
    with subprocess.Popen(
        [sys.executable, "-c", PAUSED, str(folder), when, *NAMES],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_as_from_a_terminal,  # noqa: PLW1509 - one thread, one call
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(number)
        process.communicate()
    return process.returncode


@pytest.mark.parametrize("before", ["nothing", "the same files", "others too"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_all_or_none(
    tmp_path: Path, before: str, when: str, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    if before != "nothing":
        _old(folder, *(["notes.txt"] if before == "others too" else []))
    old = _content(folder)
    status = _signalled(folder, number, when)
    assert status in (-number, 128 + number)
    assert _content(folder) in (old, old | dict.fromkeys(NAMES, "new"))
    assert _hidden(tmp_path) == []


@pytest.mark.parametrize("before", ["nothing", "the same files", "others too"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_process_leaves_is_put_in_order(
    tmp_path: Path, before: str, when: str
) -> None:
    folder = tmp_path / "out"
    if before != "nothing":
        _old(folder, *(["notes.txt"] if before == "others too" else []))
    old = _content(folder)
    assert _signalled(folder, signal.SIGKILL, when) == -signal.SIGKILL
    if before != "others too":
        assert _content(folder) in (old, dict.fromkeys(NAMES, "new"))
    write_whole(folder, {"one.csv": b"1"})
    found = _content(folder)
    assert found.pop("one.csv") == "1"
    assert found in (old, old | dict.fromkeys(NAMES, "new"))
    assert _hidden(tmp_path) == []


@given(
    contents=st.dictionaries(
        st.text("abc.é ", min_size=1, max_size=8).filter(lambda name: name not in (".", "..")),
        st.binary(max_size=50),
        min_size=1,
        max_size=4,
    ),
    depth=st.integers(0, 3),
    others=st.booleans(),
    times=st.integers(1, 2),
)
def test_what_is_written_is_there(
    contents: dict[str, bytes], depth: int, others: bool, times: int
) -> None:
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base, *["deep"] * depth, "out")
        if others:
            (folder / "kept").mkdir(parents=True)
        for _ in range(times):
            paths = write_whole(folder, contents)
        assert paths == [folder / name for name in contents]
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert found == contents
        assert (folder / "kept").is_dir() == others
        top = folder if depth == 0 else Path(base, "deep")
        assert [path.name for path in Path(base).iterdir()] == [top.name]


@given(bad=st.integers(0, 3), deep=st.booleans(), there=st.booleans())
def test_a_failure_leaves_everything_as_it_was(bad: int, deep: bool, there: bool) -> None:
    """A name that no file can have, at any place among the files."""
    names = list(NAMES)
    names.insert(bad, "n" * 300)
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base, *(["made", "on", "the", "way"] if deep else []), "out")
        if there and not deep:
            _old(folder)
        old = _content(folder)
        with pytest.raises(InputError, match="--out: cannot write"):
            write_whole(folder, dict.fromkeys(names, b"new"))
        assert _content(folder) == old
        assert list(Path(base).iterdir()) == ([folder] if there and not deep else [])


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    folder = tmp_path / "made" / "out"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write then fails with an error
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(InputError, match="--out: cannot write to"):
            write_whole(folder, {"a.csv": b"a", "b.csv": b"b" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["itself", "symbolic", "hard", "relative", "by a missing folder"])
def test_the_input_is_never_a_target(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "data.csv"
    source.write_text("input")
    target = tmp_path / "other.csv"
    if kind == "symbolic":
        target.symlink_to(source)
    elif kind == "hard":
        target.hardlink_to(source)
    else:
        steps = {"itself": "", "relative": f"../{tmp_path.name}", "by a missing folder": "no/.."}
        target = tmp_path / steps[kind] / "data.csv"
    with pytest.raises(InputError, match=r"--predict: .* is the input"):
        write_whole(target.parent, {target.name: b"new"}, field="--predict", inputs=[source])
    assert source.read_text() == "input"
    assert not (tmp_path / "no").exists()


def test_a_folder_in_place_of_a_file_is_found_before_anything_is_written(tmp_path: Path) -> None:
    _old(tmp_path / "out")
    (tmp_path / "out" / "plan.csv").unlink()
    (tmp_path / "out" / "plan.csv").mkdir()
    with pytest.raises(InputError, match=r"plan\.csv' is a folder"):
        check_targets(tmp_path / "out", NAMES)
    with pytest.raises(InputError, match=r"plan\.csv' is a folder"):
        write_whole(tmp_path / "out", NEW)
    assert _content(tmp_path / "out") == {"effects.csv": "old", "minutes.csv": "old"}


def test_a_pipe_is_written_into_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert write_whole(tmp_path, {"pipe": b"through"}) == []
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    with pytest.raises(InputError, match="is a device or a pipe"):
        write_whole(tmp_path, {"pipe": b"", "other.csv": b""})
    assert not (tmp_path / "other.csv").exists()


def test_rights_of_a_folder_and_of_a_replaced_file_stay(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    _old(folder)
    folder.chmod(0o2750)
    (folder / "plan.csv").chmod(0o600)
    write_whole(folder, NEW)
    assert _content(folder) == dict.fromkeys(NAMES, "new")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert stat.S_IMODE((folder / "plan.csv").stat().st_mode) == 0o600


def test_the_folder_somebody_works_in_stays_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    _old(folder)
    monkeypatch.chdir(folder)
    write_whole(Path(), NEW)
    assert Path("plan.csv").read_text() == "new"
    assert _hidden(tmp_path) == []


def test_what_a_living_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    write_whole(tmp_path, {"one.csv": b"1"})
    from ketasim._base.staging import staging_in

    other = staging_in(tmp_path)  # of this process, which lives
    (other / "new").mkdir(parents=True)
    write_whole(tmp_path, {"one.csv": b"2"})
    assert other.is_dir()
