"""A trial in shards: done in any order, by processes that die, it is what one process gives."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from ketasim._base import InputError
from ketasim._base.shards.plan import MANIFEST, Cost, Plan, read_plan, sized
from ketasim._base.shards.store import packed, path_of, state_of
from ketasim._base.words import spans
from ketasim.apps.cli.application import run
from ketasim.apps.cli.shards.work import numbers
from ketasim.trials import run_trial
from ketasim.trials.operating import draw, pool
from ketasim.trials.run import assembled, ready, simulated
from ketasim.trials.shards.run import gather_trial, plan_trial, work_trial
from ketasim.trials.shards.stored import arrays_of, part_of

SESSION = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
TRIAL: dict[str, Any] = {
    "trial": "small",
    "population": {
        "baseline": {"scale": "MADRS", "mean": 33, "sd": 5},
        "age": {"mean": 45, "sd": 12},
    },
    "arms": [
        {"id": "ket", "n": 6, "days": [0], **SESSION},
        {"id": "mdz", "n": 5, "control": "midazolam", "days": [0]},
    ],
    "assess": [{"scale": "MADRS", "at": ["24 h", "3 d"], "metrics": ["change", "response"]}],
    "primary": {"scale": "MADRS", "at": "3 d", "contrast": ["ket", "mdz"]},
    "analysis": ["mmrm", "ancova", "responder"],
    "power": {"n": [4, 9]},
    "replicates": 23,
    "seed": 2,
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "small.yaml"
    path.write_text(yaml.safe_dump(TRIAL), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def planned(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_trial(file, tmp_path_factory.mktemp("plan") / "p", size=5)


@pytest.fixture
def plan(planned: Plan, tmp_path: Path) -> Plan:
    """A plan of which nothing is done yet."""
    shutil.copytree(planned.folder, tmp_path / "p", ignore=shutil.ignore_patterns("shards"))
    return read_plan(tmp_path / "p")


@pytest.fixture(scope="module")
def whole(planned: Plan) -> Plan:
    """The same with all shards done, the last first."""
    for shard in reversed(range(planned.shards)):
        assert work_trial(planned, shard)
    return planned


@pytest.fixture(scope="module")
def at_once(file: Path) -> dict[str, str]:
    """SHA-256 of what one process writes."""
    return _digests(run_trial(file).files())


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: sha256(content).hexdigest() for name, content in files.items()}


def test_shards_give_what_one_process_gives(whole: Plan, at_once: dict[str, str]) -> None:
    assert whole.shards == 5  # the last of three replicates
    assert _digests(gather_trial(whole).files()) == at_once


def _in_parts(form: dict[str, Any], size: int) -> dict[str, str]:
    """SHA-256 of the files of a trial done in parts of some replicates, each written and read."""
    asked = ready(form)
    parts = [
        part_of(arrays, json.loads(json.dumps(about, sort_keys=True)), asked.question)
        for first in range(0, asked.trial.replicates, size)
        for arrays, about in [
            arrays_of(
                simulated(asked, range(first, min(first + size, asked.trial.replicates))),
            )
        ]
    ]
    return _digests(assembled(asked, parts).files())


RELAPSE: dict[str, Any] = {
    "scale": "MADRS",
    "metrics": ["no_relapse"],
    "from": "24 h",
    "every": "1 d",
    "until": "3 d",
    "relapse": {"score_at_least": 28},
}
EVERY: dict[str, Any] = {
    "analysis": ["mmrm", "ancova", "responder", "survival"],
    "estimands": ["hypothetical", "treatment_policy", "j2r", "cr", "cir", "delta"],
    "assess": [*TRIAL["assess"], RELAPSE],
    "dropout": {"share": 0.3, "by": "3 d", "pattern": "lack_of_effect"},
    "looks": [0.5, 1],
}
CROSSOVER: dict[str, Any] = {
    "design": "crossover",
    "washout": "7 d",
    "arms": [arm | {"n": 10} for arm in TRIAL["arms"]],
    "analysis": ["mmrm"],
}


@pytest.mark.parametrize("keys", [EVERY, CROSSOVER], ids=["every analysis", "crossover"])
def test_every_analysis_is_put_together_from_parts(keys: dict[str, Any]) -> None:
    form = TRIAL | {"power": {"n": [10]}, "replicates": 12} | keys
    assert _in_parts(form, 5) == _digests(run_trial(form).files())


def test_parts_of_a_trial_whose_replicates_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part solves the same pool; those beyond the solved replicates hold analyses alone."""
    monkeypatch.setattr(draw, "SOLVED", 1)
    monkeypatch.setattr(draw, "_FEWEST", 7)
    monkeypatch.setattr(pool, "LARGE", 200)
    form = TRIAL | {"analysis": ["mmrm"], "estimands": ["hypothetical", "treatment_policy"]}
    asked = ready(form)
    assert asked.solved == 7
    assert not simulated(asked, range(9, 12)).pieces
    whole = run_trial(form)
    assert whole.analysis()["replicates"].to_list() == [23] * len(whole.analysis())
    assert _in_parts(form, 5) == _digests(whole.files())


def test_what_is_done_is_not_done_again(whole: Plan) -> None:
    before = [path_of(whole, shard).stat().st_mtime_ns for shard in range(whole.shards)]
    assert not any(work_trial(whole, shard) for shard in range(whole.shards))
    assert before == [path_of(whole, shard).stat().st_mtime_ns for shard in range(whole.shards)]


def test_a_plan_says_what_it_takes(planned: Plan) -> None:
    told = json.loads((planned.folder / MANIFEST).read_text())
    assert told["hash"] == planned.hash and told["shards"] == 5
    assert set(told["cards"]) == {"mood", "reference", "receptor", "session"}
    assert told["cost"]["core_hours"] > 0 and told["cost"]["memory"] > 1e7
    files = sum(path.stat().st_size for path in (planned.folder / "shards").glob("*"))
    if files:  # each has a little that does not grow with its replicates
        assert planned.bytes / 5 < files < 5 * planned.bytes
    # planned again it stays as it is, with what is done of it
    again = plan_trial(planned.source, planned.folder)
    assert again == planned
    with pytest.raises(InputError, match=r"--plan.*another input, seed or number of replicates"):
        plan_trial(planned.source, planned.folder, seed=3)
    with pytest.raises(InputError, match=r"--shard-size.*has shards of 5"):
        plan_trial(planned.source, planned.folder, size=7)


def test_missing_and_damaged_shards_are_named(whole: Plan, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "p")
    plan = read_plan(tmp_path / "p")
    path_of(plan, 1).unlink()
    content = path_of(plan, 3).read_bytes()
    path_of(plan, 3).write_bytes(content[: len(content) // 2])
    state = state_of(plan)
    assert (state.missing, state.damaged, state.left) == ((1,), (3,), (1, 3))
    with pytest.raises(InputError, match=r"2 of 5 shards are missing: 1, 3"):
        gather_trial(plan)
    # a changed byte is found where the file is read to its end
    path_of(plan, 4).write_bytes(_flipped(path_of(plan, 4).read_bytes()))
    assert state_of(plan, whole=True).damaged == (3, 4)
    assert work_trial(plan, 4)
    assert state_of(plan, whole=True).damaged == (3,)


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def test_shards_of_another_plan_are_refused(whole: Plan, plan: Plan) -> None:
    path_of(plan, 2).parent.mkdir()
    about = {"plan": "0" * 64, "shard": 2}
    path_of(plan, 2).write_bytes(packed({}, about))
    for act in (lambda: work_trial(plan, 2), lambda: gather_trial(plan)):
        with pytest.raises(InputError, match=r"shard 2 .* is of another plan"):
            act()
    # nor is one that lies in the place of another
    shutil.copy(path_of(whole, 1), path_of(plan, 2))
    with pytest.raises(InputError, match=r"shard 2 .* is of another plan"):
        gather_trial(plan)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"version": "0.0.9"}, r"is of ketasim 0\.0\.9, and this is"),
        ({"format": 9}, r"is of ketasim"),
        ({"total": 24}, r"was changed since it was planned"),
        ({"size": 4}, r"was changed since it was planned"),
        ({"cost": {}}, r"was changed since it was planned"),
        ({"version": None}, r"is of ketasim"),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused(
    plan: Plan, change: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = plan.folder / MANIFEST
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    for verb in (["work", "--shard", "0"], ["gather"]):
        assert run([verb[0], str(plan.folder), *verb[1:]]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        with pytest.raises(InputError, match=told):
            read_plan(plan.folder)
    assert sorted(path.name for path in plan.folder.iterdir()) == [MANIFEST, "small.yaml"]


def test_a_changed_trial_or_card_is_refused(plan: Plan) -> None:
    manifest = plan.folder / MANIFEST
    told = json.loads(manifest.read_text())
    other = read_plan(plan.folder)
    object.__setattr__(other, "cards", {**told["cards"], "mood": "0" * 64})
    with pytest.raises(InputError, match="the card 'mood' is another one here"):
        work_trial(other, 0)
    plan.source.write_text(plan.source.read_text() + "\n")
    with pytest.raises(InputError, match=r"small\.yaml' was changed"):
        read_plan(plan.folder)


def _work(plan: Plan, *words: str, at_most: int | None = None) -> subprocess.Popen[str]:
    """The command at work; no file may have more than `at_most` kB."""
    command = [sys.executable, "-m", "ketasim", "work", str(plan.folder), *words]
    if at_most is not None:
        command = ["bash", "-c", f'ulimit -f {at_most}; exec "$@"', "bash", *command]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)


def test_killed_processes_lose_only_what_they_were_at(plan: Plan, at_once: dict[str, str]) -> None:
    """Two at a time are killed until a shard is there, then as many again run to the end."""
    chance = random.Random(1)
    there: dict[Path, int] = {}
    while not there:
        processes = [_work(plan), _work(plan)]
        for one in processes:
            while one.poll() is None and not _files(plan):
                time.sleep(chance.uniform(0.0, 0.3))
            one.send_signal(signal.SIGKILL)
            one.communicate()
        there = _files(plan)
    assert state_of(plan, whole=True).damaged == ()
    last = _work(plan)
    _, error = last.communicate()
    assert last.returncode == 0, error
    # what was there is there as it was, and nothing that the killed ones left
    assert {path: mark for path, mark in _files(plan).items() if path in there} == there
    assert _digests(gather_trial(plan).files()) == at_once
    assert {path.suffix for path in (plan.folder / "shards").iterdir()} == {".npz"}


def _files(plan: Plan) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (plan.folder / "shards").glob("*.npz")}


def test_a_full_disk_leaves_nothing_half(plan: Plan) -> None:
    # the compiled code of the solver is there already, and not written within the limit
    one = _work(plan, "--shard", "0", at_most=2)
    _, error = one.communicate()
    assert one.returncode == 2
    assert "cannot write to" in error and "Traceback" not in error
    assert list((plan.folder).glob("shards/*")) == []
    assert not list(plan.folder.glob(".ketasim*"))


def test_words_of_the_command_are_checked(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(plan.folder)
    refused = [
        (["work", folder, "--shard", "5"], "--shard: there is no shard 5; give 0 to 4"),
        (["work", folder, "--shard", "x"], "'x' is not a whole number"),
        (["work", folder, "--shard", "3-1"], "'3-1' ends before it begins"),
        (["work", folder, "--shard", "-1"], "there is no shard -1"),
        (["work", folder, "--shard", "1", "--cluster", "h:1"], "a cluster does all"),
        (["work", folder, "--cluster", "nowhere"], "'nowhere' is no address"),
        (["work", folder, "--cluster", "127.0.0.1:1"], "no dask scheduler answers at"),
        (["work", str(tmp_path)], "there is no manifest.json in"),
        (["gather", str(tmp_path / "none")], "there is no manifest.json in"),
        (["trial", str(plan.source), "--plan", folder, "--out", "o"], "a plan writes no results"),
        (["trial", str(plan.source), "--out", "o", "--shard-size", "3"], "nothing is planned"),
        (["trial", str(plan.source), "--plan", "o", "--shard-size", "0"], "0 is less than 1"),
        (
            ["trial", str(plan.source), "--out", str(tmp_path / "o"), "--cluster", "127.0.0.1:1"],
            "no dask scheduler answers",
        ),
    ]
    for words, told in refused:
        assert run(words) == 2
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1
    assert not (tmp_path / "o").exists()
    # what is missing is no error of the input: nothing is written, and the status says so
    assert run(["gather", folder]) == 1
    assert "missing: 0-4" in capsys.readouterr().out
    assert run(["gather", folder, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == [0, 1, 2, 3, 4]
    assert numbers("4,0-2", 5) == (4, 0, 1, 2)


def test_gather_writes_what_the_command_writes(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["gather", str(whole.folder), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "summary.csv" in told
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    one = run_trial(whole.source)
    assert files["summary.csv"] == one.files()["summary.csv"]
    assert set(files) == set(one.files())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler on a free port and two workers, each a process of its own."""
    pytest.importorskip("distributed")
    told = tmp_path / "scheduler.json"
    quiet = subprocess.DEVNULL
    module = [sys.executable, "-m"]
    words = ["--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(told)]
    scheduler = [*module, "distributed.cli.dask_scheduler", *words]
    processes = [subprocess.Popen(scheduler, stdout=quiet, stderr=quiet)]
    while not told.exists():
        assert processes[0].poll() is None
        time.sleep(0.1)
    address = json.loads(told.read_text())["address"]
    words = [address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    words += ["--local-directory", str(tmp_path)]
    for _ in range(2):
        worker = [*module, "distributed.cli.dask_worker", *words]
        processes.append(subprocess.Popen(worker, stdout=quiet, stderr=quiet))
    yield address, processes
    for one in processes:
        one.kill()
        one.wait()


@pytest.mark.slow
def test_a_cluster_that_loses_workers_and_the_launcher(
    plan: Plan, cluster: tuple[str, list[subprocess.Popen[bytes]]], at_once: dict[str, str]
) -> None:
    address, processes = cluster
    launcher = _work(plan, "--cluster", address)
    while not _files(plan):
        assert launcher.poll() is None, launcher.communicate()
        time.sleep(0.02)
    processes[1].kill()  # a worker that may be at a shard
    launcher.kill()
    launcher.communicate()
    there = _files(plan)
    again = _work(plan, "--cluster", address)
    out, error = again.communicate()
    assert again.returncode == 0, error
    assert f"5 of {plan.shards} there" in out
    assert {path: mark for path, mark in _files(plan).items() if path in there} == there
    assert _digests(gather_trial(plan).files()) == at_once


def test_numbers_are_said_in_spans_and_shards_sized() -> None:
    assert spans((3, 7, 8, 9, 12)) == "3, 7-9, 12"
    assert spans(()) == ""
    cost = Cost(start=2.0, each=0.1, memory=1e8, stored=10.0, once=0.0, measured=3)
    assert sized(cost, 10_000, 30.0) == 280
    assert sized(cost, 100, 30.0) == 100
    assert sized(cost, 100, 1.0) == 1  # what starts longer than a shard may last
