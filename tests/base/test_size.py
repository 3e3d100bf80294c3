"""What work takes is said, and what does not fit is refused, before it begins."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim import InputError
from ketasim._base import size as size_module
from ketasim._base.size import Size, check_size, duration, free_memory, gigabytes
from ketasim.engine.progress import Progress

GB = 1e9


def _per(patients: int) -> Size:
    return Size(patients * 1e5, patients * 1e-3)


def test_what_fits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size_module, "free_memory", lambda: 5.1 * GB)
    with pytest.raises(InputError) as caught:
        check_size(
            _per(114_000),
            "population.n",
            "114,000 patients at 601 times",
            fitting=_per,
            asked=114_000,
            or_else="a shorter horizon",
        )
    assert str(caught.value) == (
        "population.n: 114,000 patients at 601 times need about 11 GB, and 5.1 GB are free; at "
        "most about 51,000 patients fit; or a shorter horizon"
    )


@given(st.integers(1, 10**7), st.floats(1e3, 1e13))
def test_what_is_said_to_fit_does(asked: int, free: float) -> None:
    most = size_module._most(_per, asked, free)
    assert 0 <= most <= asked
    assert most == 0 or _per(most).bytes <= free


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "1 s"), (12.3, "12 s"), (180.0, "3 min"), (7200.0, "2.0 h"), (4e6, "1,111 h")],
)
def test_times_are_said_in_their_unit(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(10.0, "1 MB"), (8.54e7, "85 MB"), (8.5e8, "850 MB"), (1.34e10, "13 GB"), (2e11, "200 GB")],
)
def test_memory_is_said_in_two_digits(count: float, told: str) -> None:
    assert gigabytes(count) == told


def test_the_limit_of_the_address_space_counts() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
        "from ketasim._base.size import free_memory; print(free_memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 2**29 < float(done.stdout) < 2**31
    assert free_memory() > 0.0


def test_long_work_tells_its_forecast(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(size_module, "_pace", lambda: 1.0)
    with caplog.at_level(logging.INFO, "ketasim"):
        check_size(Size(1.2e7, 5.0), "n", "short work")
        check_size(Size(1.2e7, 180.0), "n", "long work", told=False)
        check_size(Size(1.2e7, 180.0), "n", "10,000 patients")
    assert caplog.messages == ["about 3 min, 12 MB: 10,000 patients"]


def test_progress_is_logged_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr("ketasim.engine.progress.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    with caplog.at_level(logging.INFO, "ketasim"), Progress(1000, show=None) as bar:
        for _ in range(100):  # a second a piece
            clock[0] += 1.0
            bar.advance(10)
    assert caplog.messages[0] == "100 of 1,000 patients (10 %), about 2 min left"
    assert len(caplog.messages) == 9  # each tenth but the last


def test_nothing_is_logged_where_it_is_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ketasim"), Progress(2, show=False) as bar:
        bar._started -= 1000.0
        bar.advance(1)
    assert caplog.messages == []


def _limited(words: list[str], limit: int) -> subprocess.CompletedProcess[str]:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))\n"
        f"from ketasim.apps.cli import main; main({words!r})"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_trial_that_does_not_fit_is_refused_before_it_begins(tmp_path: Path) -> None:
    file, out = tmp_path / "trial.yaml", tmp_path / "out"
    file.write_text(
        "trial: large\n"
        "population: {diagnosis: trd, age: {mean: 43, sd: 12}, weight: {mean: 82, sd: 18}, "
        "baseline: {scale: MADRS, mean: 34, "
        "sd: 5}}\n"
        "arms:\n"
        "  - {id: ket, n: 90000, drug: ketamine, route: iv, dose: 0.5 mg/kg, over: 40 min, "
        "days: [0]}\n"
        "  - {id: saline, n: 90000, control: saline, days: [0]}\n"
        "assess:\n"
        "  - {scale: MADRS, at: ["
        + ", ".join(f"{day} d" for day in range(1, 200))
        + "], metrics: [score, change, response, remission]}\n"
        "remission_at_most: 10\n"
        "replicates: 2\n"
    )
    done = _limited(["trial", str(file), "--out", str(out)], 4 * 2**30)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(
        "error: arms[0].n: 2 replicates of 180,000 patients need about "
    ), done.stderr
    assert "are free; at most about" in done.stderr
    assert "patients an arm fit; or fewer visits or metrics" in done.stderr
    assert not out.exists()


COURSE = (
    "population: {n: 900000, seed: 1}\n"
    "regimen: ketamine 0.5 mg/kg iv over 40 min twice weekly x 8\n"
    "horizon: 84 d\n"
)


@pytest.mark.parametrize(
    ("words", "field", "rest"),
    [
        (
            [],
            "population.n: 900,000 patients at",
            "or a shorter horizon, or fewer times or sites",
        ),
        (
            ["--n", "40000", "--individuals", "all"],
            "--individuals: 40,000 patients at",
            "or a smal",
        ),
    ],
)
def test_a_course_that_does_not_fit_is_refused_before_it_begins(
    words: list[str], field: str, rest: str, tmp_path: Path
) -> None:
    file, out = tmp_path / "course.yaml", tmp_path / "out"
    file.write_text(COURSE)
    done = _limited(["simulate", str(file), "--out", str(out), *words], 6 * 2**30)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith(f"error: {field}"), done.stderr
    assert "are free; at most about" in done.stderr
    assert f"patients fit; {rest}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


PEAK = """
import ctypes, gc, sys
import {module}
from ketasim._base import size as size_module
sizes = []
check = size_module.check_size
{patch}
def status(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return 1024 * int(line.split()[1])
{run_small}
gc.collect(); ctypes.CDLL(None).malloc_trim(0)
open("/proc/self/clear_refs", "w").write("5")
base = status("VmRSS")
sizes.clear()
{run}
print((status("VmHWM") - base) / sizes[0].bytes)
"""

TRIAL_PEAK = """
from ketasim.trials import run, run_trial
run.check_size = lambda size, *a, **k: (sizes.append(size), check(size, *a, **k))
def trial(n, replicates):
    return {
        "trial": "t",
        "population": {"diagnosis": "trd", "age": {"mean": 43, "sd": 12},
                       "weight": {"mean": 82, "sd": 18},
                       "baseline": {"scale": "MADRS", "mean": 34, "sd": 5}},
        "arms": [{"id": "ket", "n": n, "drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg",
                  "over": "40 min", "days": [0, 3]},
                 {"id": "saline", "n": n, "control": "saline", "days": [0, 3]}],
        "assess": [{"scale": "MADRS", "at": [f"{day} d" for day in range(1, 350, 7)],
                    "metrics": ["score", "change", "response", "remission"]}],
        "remission_at_most": 10, "replicates": replicates,
    }
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read as on Linux")
def test_the_memory_of_a_trial_is_as_counted() -> None:
    code = PEAK.format(
        module="ketasim.trials",
        patch=TRIAL_PEAK,
        run_small="run_trial(trial(5, 2))",
        run="run_trial(trial(300, 50))",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.7 < float(done.stdout) < 1.3


COURSE_PEAK = """
from ketasim.simulation import simulate, size
size.check_size = lambda size, *a, **k: (sizes.append(size), check(size, *a, **k))
def course(n, days):
    return {"population": {"n": n}, "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 12",
            "horizon": f"{days} d"}
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are read as on Linux")
def test_the_memory_of_a_course_is_as_counted() -> None:
    code = PEAK.format(
        module="ketasim.simulation",
        patch=COURSE_PEAK,
        run_small="simulate(course(40, 7)).files(); simulate(course(3, 7)).files()",
        run="simulate(course(1000, 84)).files()",
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.7 < float(done.stdout) < 1.3
