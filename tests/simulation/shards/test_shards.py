"""A large population in shards: what is gathered has the bytes of one process."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from ketasim import KetasimError, simulate
from ketasim._base import InputError
from ketasim._base.shards.plan import MANIFEST, Plan, read_plan
from ketasim._base.shards.store import path_of, read_shard, state_of
from ketasim.apps.cli.application import run
from ketasim.simulation import statistics
from ketasim.simulation.shards.run import gather_course, plan_course, work_course

COURSE: dict[str, Any] = {
    "patient": {"age": 42, "weight": "78 kg", "diagnosis": "trd"},
    "population": {"n": 150, "seed": 4, "weight": {"mean": 80, "sd": 15}},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2",
    "horizon": "5 d",
}
SMALL = 40
"""Patients of a group at most in these tests, more than are solved without compiled code."""

AT_WORK = f"""
import sys
from ketasim.simulation import statistics
statistics.GROUP = {SMALL}
from ketasim.apps.cli.application import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "GROUP", SMALL)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("course") / "many.yaml"
    path.write_text(yaml.safe_dump(COURSE), encoding="utf-8")
    return path


@pytest.fixture
def plan(file: Path, tmp_path: Path) -> Plan:
    return plan_course(file, tmp_path / "p", size=1)


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {name: sha256(content).hexdigest() for name, content in files.items()}


@pytest.mark.parametrize(
    ("course", "options"),
    [
        ({}, {}),
        ({}, {"uncertainty": True}),
        ({"patient": {"diagnosis": "healthy"}}, {}),
        ({"pk_model": "perezruixo2021", "regimen": "esketamine 56 mg intranasal once"}, {}),
    ],
    ids=["mood and sessions", "uncertainty", "healthy", "another model"],
)
def test_shards_give_what_one_process_gives(
    course: dict[str, Any], options: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(yaml.safe_dump(COURSE | course), encoding="utf-8")
    plan = plan_course(file, tmp_path / "p", size=3, **options)
    assert (plan.total, plan.shards) == (4, 2)
    for shard in reversed(range(plan.shards)):
        assert work_course(plan, shard)
        assert not work_course(plan, shard)
    gathered, whole = gather_course(plan), simulate(file, **options)
    assert _digests(gathered.files()) == _digests(whole.files())
    assert gathered.metadata == whole.metadata
    assert str(gathered) == str(whole)
    with pytest.raises(KetasimError, match="single patients are not known"):
        gathered.patient_exposure()


def test_one_group_is_one_shard(file: Path, tmp_path: Path) -> None:
    plan = plan_course(file, tmp_path / "p", n=30, seed=1)
    assert plan.shards == 1
    work_course(plan, 0)
    whole = simulate({**COURSE, "population": {**COURSE["population"], "n": 30, "seed": 1}})
    found, wanted = gather_course(plan).files(), whole.files()
    assert found["summary.csv"] == wanted["summary.csv"]
    assert found["exposure.csv"] == wanted["exposure.csv"]


def test_groups_divide_patients_evenly() -> None:
    parts = statistics.groups(150)
    assert statistics.counts(parts) == [37, 38, 37, 38]
    assert (parts[0].start, parts[-1].stop) == (0, 150)
    assert statistics.groups(40) == [slice(0, 40)]


def test_pooled_statistics_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean and SD exactly; a quantile to less than its standard error, which needs no law."""
    n = 20_000
    table = np.random.default_rng(1).lognormal(size=(5, n))
    monkeypatch.setattr(statistics, "GROUP", n)
    whole = statistics.statistics(table, typical=False)
    monkeypatch.setattr(statistics, "GROUP", 5_000)
    found = statistics.statistics(table, typical=False)
    for name in ("mean", "sd"):
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-12)
    for name, share in statistics.QUANTILES.items():
        error = np.sqrt(share * (1.0 - share) / n)
        low, high = np.quantile(table, [share - error, share + error], axis=1)
        assert ((low < found[name]) & (found[name] < high)).all(), name


def test_a_plan_says_what_it_takes(plan: Plan, file: Path) -> None:
    told = json.loads((plan.folder / MANIFEST).read_text())
    assert told["kind"] == "course" and told["shards"] == 4
    assert set(told["cards"]) == {"reference", "receptor", "session", "mood"}
    assert told["cost"]["core_hours"] > 0 and told["cost"]["memory"] > 1e7
    work_course(plan, 0)
    assert 0.5 < path_of(plan, 0).stat().st_size / plan.cost.stored < 2.0
    assert plan_course(file, plan.folder) == plan
    with pytest.raises(InputError, match=r"--plan.*holds the plan of another input"):
        plan_course(file, plan.folder, seed=9)
    # no curve of a patient is kept
    arrays, about = read_shard(plan, 0)
    assert about["count"] == [37]
    assert all(len(table) == 1 and 37 not in table.shape for table in arrays.values())


def test_missing_damaged_and_foreign_shards(plan: Plan, file: Path, tmp_path: Path) -> None:
    for shard in (0, 1, 3):
        work_course(plan, shard)
    with pytest.raises(InputError, match="1 of 4 shards are missing: 2"):
        gather_course(plan)
    content = path_of(plan, 1).read_bytes()
    path_of(plan, 1).write_bytes(content[: len(content) // 2])
    assert state_of(plan).damaged == (1,)
    other = plan_course(file, tmp_path / "q", seed=9, size=1)
    work_course(other, 2)
    shutil.copy(path_of(other, 2), path_of(plan, 2))
    for act in (lambda: work_course(plan, 2), lambda: gather_course(plan)):
        with pytest.raises(InputError, match=r"shard 2 .* is of another plan"):
            act()
    plan.source.write_text(plan.source.read_text() + "\n")
    with pytest.raises(InputError, match=r"many\.yaml' was changed"):
        read_plan(plan.folder)


def test_a_killed_process_loses_only_what_it_was_at(plan: Plan) -> None:
    words = [sys.executable, "-c", AT_WORK, "work", str(plan.folder)]
    quiet = subprocess.DEVNULL
    one = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    while one.poll() is None and not list(plan.folder.glob("shards/*.npz")):
        time.sleep(0.01)
    one.send_signal(signal.SIGKILL)
    one.wait()
    there = {path: path.stat().st_mtime_ns for path in plan.folder.glob("shards/*.npz")}
    assert there and state_of(plan, whole=True).damaged == ()
    assert run(["work", str(plan.folder)]) == 0
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert _digests(gather_course(plan).files()) == _digests(simulate(COURSE).files())


def test_the_commands(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = str(tmp_path / "p"), str(tmp_path / "out")
    asked = [str(file), "--n", "80", "--costs", "--individuals", "3"]
    assert run(["simulate", *asked, "--plan", folder]) == 0
    assert "2 groups of patients" in capsys.readouterr().out.replace(
        "all in one", "2 groups of patients"
    )
    assert run(["gather", folder, "--out", out]) == 1
    assert "missing: 0" in capsys.readouterr().out
    assert run(["work", folder]) == 0
    assert run(["gather", folder, "--out", out]) == 0
    told = capsys.readouterr().out
    found = {path.name: path.read_bytes() for path in Path(out).iterdir()}
    shutil.rmtree(out)
    assert run(["simulate", *asked, "--out", out]) == 0
    assert {path.name: path.read_bytes() for path in Path(out).iterdir()} == found
    assert capsys.readouterr().out in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--typical", "--plan", "p"], "--plan: the typical patient is one, and is not divided"),
        (["--plan", "p", "--out", "o"], "--out: a plan writes no results"),
        (["--shard-size", "2", "--out", "o"], "--shard-size: nothing is planned"),
        (["--plan", "p", "--n", "0"], "population.n"),
        (["--cluster", "127.0.0.1:1", "--out", "o"], "no dask scheduler answers"),
    ],
)
def test_refusals(
    words: list[str],
    told: str,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["simulate", str(file), *words]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())
