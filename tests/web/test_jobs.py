"""Long work of the page, in real processes: done, followed, cancelled, killed, refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from ketasim.apps.web.jobs import Job, JobLimits, Jobs

WORK = f"{Path(__file__).stem}:"  # workers find this file as the tests do, by its folder


# What workers do.


def doubled(number: int) -> tuple[dict[str, bytes], dict[str, Any]]:
    return {"number.txt": str(2 * number).encode()}, {"pid": os.getpid()}


def endless(mark: str = "") -> tuple[dict[str, bytes], dict[str, Any]]:
    from ketasim.engine.progress import Progress

    with Progress(1_000, show=False) as bar:
        for _ in range(100):
            time.sleep(0.02)
            bar.advance(1)
        if mark:
            Path(mark).touch()
        while True:
            time.sleep(0.1)


def greedy() -> tuple[dict[str, bytes], dict[str, Any]]:
    import numpy as np

    return {"big": np.ones(400_000_000).tobytes()}, {}


def crashing() -> tuple[dict[str, bytes], dict[str, Any]]:
    os._exit(3)


def wrong() -> tuple[dict[str, bytes], dict[str, Any]]:
    raise ZeroDivisionError("a secret that was typed")


def refused() -> tuple[dict[str, bytes], dict[str, Any]]:
    from ketasim._base import InputError

    raise InputError("arms[0].n", "0 is below one", "give 1 or more")


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Jobs]]:
    """Makes jobs that are closed at the end."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    opened: list[Jobs] = []

    def make(**limits: Any) -> Jobs:
        opened.append(Jobs(JobLimits(**{"workers": 1, **limits})))
        return opened[-1]

    yield make
    for jobs in opened:
        jobs.close()


def until(jobs: Jobs, key: str, fits: Callable[[Job], bool], seconds: float = 60.0) -> Job:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = jobs.find(key)
        assert job is not None
        if fits(job):
            return job
        time.sleep(0.01)
    raise AssertionError(f"still {jobs.find(key)}")


def over(job: Job) -> bool:
    return job.over


def running(job: Job) -> bool:
    return job.state == "running" and job.part > 0


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_work_is_done_in_another_process_which_serves_again(made: Callable[..., Jobs]) -> None:
    jobs = made()
    keys = [jobs.submit(f"client {n}", WORK + "doubled", {"number": n}).id for n in (1, 21)]
    ended = [until(jobs, key, over) for key in keys]
    assert [one.files["number.txt"] for one in ended] == [b"2", b"42"]
    pids = {one.answer["pid"] for one in ended}
    assert len(pids) == 1
    assert pids != {os.getpid()}
    jobs.close()
    assert gone(*pids)
    assert jobs.processes == ()


def test_progress_is_told_and_a_cancelled_run_frees_its_worker(made: Callable[..., Jobs]) -> None:
    jobs = made()
    first = jobs.submit("a", WORK + "endless", {}).id
    second = jobs.submit("b", WORK + "doubled", {"number": 4}).id
    seen = until(jobs, first, running)
    assert 0 < seen.part < 1
    assert seen.what.endswith(" of 1,000 patients")
    (pid,) = jobs.processes
    cancelled = jobs.cancel(first)
    assert cancelled is not None
    assert cancelled.state == "cancelled"
    assert gone(pid)
    assert until(jobs, second, over).files["number.txt"] == b"8"
    # what has ended stays as it is
    assert jobs.cancel(second) == jobs.find(second)
    assert jobs.cancel("unknown") is None


def test_a_killed_worker_is_replaced_and_its_job_says_so(made: Callable[..., Jobs]) -> None:
    jobs = made()
    first = jobs.submit("a", WORK + "endless", {}).id
    second = jobs.submit("a", WORK + "doubled", {"number": 5}).id
    until(jobs, first, running)
    (pid,) = jobs.processes
    os.kill(pid, signal.SIGKILL)
    ended = until(jobs, first, over)
    assert ended.state == "failed"
    assert "was ended by the system (signal 9, SIGKILL)" in ended.problem
    assert "run it again" in ended.remedy
    done = until(jobs, second, over)
    assert done.files["number.txt"] == b"10"
    assert done.answer["pid"] != pid


def test_work_that_fails_says_why_and_keeps_secrets(
    made: Callable[..., Jobs], capfd: pytest.CaptureFixture[str]
) -> None:
    jobs = made(memory=1e9)
    wanted = {
        "crashing": ("failed", "ended by itself (status 3)"),
        "wrong": ("failed", "the fault is ours"),
        "greedy": ("failed", "it needs more than the 1 GB of memory"),
        "refused": ("refused", "0 is below one"),
    }
    for name, (state, said) in wanted.items():
        ended = until(jobs, jobs.submit("a", WORK + name, {}).id, over)
        assert ended.state == state, name
        assert said in ended.problem
        assert "secret" not in repr(ended)
    assert ended.place == "arms[0].n"
    error = capfd.readouterr().err
    assert "ZeroDivisionError at " in error
    assert "secret" not in error


def test_what_takes_too_long_is_ended(made: Callable[..., Jobs]) -> None:
    jobs = made(seconds=0.5)
    ended = until(jobs, jobs.submit("a", WORK + "endless", {}).id, over)
    assert ended.state == "failed"
    assert "longer than the 0.5 s" in ended.problem


def test_a_client_and_the_queue_are_bounded(made: Callable[..., Jobs]) -> None:
    jobs = made(waiting=2, own=2)
    first = jobs.submit("a", WORK + "endless", {}).id
    until(jobs, first, lambda job: job.state == "running")
    waiting = jobs.submit("a", WORK + "endless", {}).id
    with pytest.raises(HTTPException) as much:
        jobs.submit("a", WORK + "endless", {})
    assert much.value.status_code == 429
    other = jobs.submit("b", WORK + "doubled", {"number": 1}).id
    assert jobs.ahead(other) == 1
    with pytest.raises(HTTPException) as full:
        jobs.submit("c", WORK + "endless", {})
    assert full.value.status_code == 503
    # one taken out of the queue never runs, and makes room
    jobs.cancel(waiting)
    jobs.submit("a", WORK + "endless", {})
    jobs.cancel(first)
    assert until(jobs, other, over).state == "done"
    found = jobs.find(waiting)
    assert found is not None
    assert (found.state, found.part) == ("cancelled", 0.0)


def test_results_leave_when_they_are_old_or_too_many(made: Callable[..., Jobs]) -> None:
    jobs = made(kept=2, expiry=3600.0)
    keys: list[str] = []
    for number in (1, 2, 3):
        keys.append(jobs.submit("a", WORK + "doubled", {"number": number}).id)
        until(jobs, keys[-1], over)
    assert [jobs.find(key) is not None for key in keys] == [False, True, True]
    short = made(expiry=0.2)
    key = short.submit("a", WORK + "doubled", {"number": 1}).id
    until(short, key, over)
    time.sleep(0.25)
    assert short.find(key) is None


def test_closing_ends_what_runs_and_takes_no_more(made: Callable[..., Jobs]) -> None:
    jobs = made(workers=2)
    keys = [jobs.submit(str(n), WORK + "endless", {}).id for n in range(3)]
    for key in keys[:2]:
        until(jobs, key, running)
    pids = jobs.processes
    assert len(pids) == 2
    jobs.close()
    assert all(map(gone, pids))
    assert [found.state for key in keys if (found := jobs.find(key))] == ["cancelled"] * 3
    with pytest.raises(HTTPException) as closing:
        jobs.submit("a", WORK + "doubled", {"number": 1})
    assert closing.value.status_code == 503


def test_workers_end_with_a_page_that_was_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from ketasim.apps.web.jobs import JobLimits, Jobs

        if __name__ == "__main__":
            jobs = Jobs(JobLimits(workers=1))
            key = jobs.submit("a", "{WORK}endless", {{}}).id
            while not jobs.find(key).part and not jobs.find(key).over:
                time.sleep(0.02)
            print(*jobs.processes, flush=True)
            time.sleep(600)
        """
    )
    file = tmp_path / "page.py"
    file.write_text(script, encoding="utf-8")
    page = subprocess.Popen([sys.executable, str(file)], stdout=subprocess.PIPE, text=True)
    assert page.stdout is not None
    pid = int(page.stdout.readline())
    page.kill()
    page.wait()
    page.stdout.close()
    end = time.monotonic() + 20
    while not gone(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert gone(pid)


def test_parts_of_a_trial_are_told() -> None:
    from ketasim.engine.progress import followed
    from ketasim.trials import run_trial

    told: list[tuple[int, int, str]] = []
    with followed(lambda *one: told.append(one)):
        run_trial("ketamine_midazolam", replicates=20)
    done = [one[0] for one in told]
    assert done == sorted(done)
    assert told[-1][:2] == (1_200, 1_200)
    assert len({total for _, total, _ in told}) == 1
    assert done[0] == 400  # half of the larger arm: rated, and not yet assessed
