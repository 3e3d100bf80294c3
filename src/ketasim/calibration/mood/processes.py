"""Long work in processes: told as it goes, stopped at once, and taken up where it was left."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import signal
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any

from ketasim._base.size import processors

Job = Mapping[str, Any]
Done = dict[str, Any]


def worked(
    work: Callable[[Job], Done],
    jobs: Mapping[str, Job],
    *,
    stamp: str = "",
    kept: Path | None = None,
    workers: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Done]:
    """Do some jobs, each in one of a few processes.

    An interrupt ends the processes at once; what is done by then is in `kept`.

    **Main arguments:**

    - `work`: a function of a module; what it takes and returns is made of plain values.
    - `jobs`: by name.

    **Other arguments:**

    - `stamp`: of everything else that the results follow from.
    - `kept`: a file to which each result is added, and from which those with the same stamp are
      taken.
    - `workers`: processes, one for each core when left out; with one, nothing is started.
    - `progress`: told which job is done.

    **Returns:** the results by name, in the order of the jobs.
    """
    found = {name: done for name, done in _read(kept, stamp).items() if name in jobs}
    if found and progress is not None:
        progress(f"{len(found)} of {len(jobs)} taken from {kept}")
    left = [(name, job) for name, job in jobs.items() if name not in found]
    count = min(workers or processors(), len(left))
    with _results(partial(_one, work), left, count) as results:
        for name, done in results:
            found[name] = done
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"stamp": stamp, "job": name, "done": done}) + "\n")
            if progress is not None:
                progress(f"{name} done, {len(found)} of {len(jobs)}")
    return {name: found[name] for name in jobs}


@contextmanager
def _results(
    work: Callable[[tuple[str, Job]], tuple[str, Done]],
    jobs: list[tuple[str, Job]],
    count: int,
) -> Generator[Iterable[tuple[str, Done]]]:
    if count <= 1:
        yield map(work, jobs)
        return
    # a fork would copy threads of the engine half at work
    context = multiprocessing.get_context("spawn")
    with context.Pool(count, _quiet) as pool:  # which is ended, not waited for, on an interrupt
        yield pool.imap_unordered(work, jobs)


def _one(work: Callable[[Job], Done], job: tuple[str, Job]) -> tuple[str, Done]:
    return job[0], work(job[1])


def _quiet() -> None:
    """An interrupt is for the process that waits; linear algebra has a thread in each."""
    from threadpoolctl import (  # pyright: ignore[reportMissingTypeStubs]  # it has none
        threadpool_limits,
    )

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)


@cache
def package_stamp() -> str:
    """Digest of all files of the package, code and evidence: what a result follows from."""
    root = Path(str(resources.files("ketasim")))
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _read(kept: Path | None, stamp: str) -> dict[str, Done]:
    if kept is None or not kept.is_file():
        return {}
    found: dict[str, Done] = {}
    for line in kept.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue  # the last line of work that was stopped
        if entry["stamp"] == stamp:
            found[entry["job"]] = entry["done"]
    return found
