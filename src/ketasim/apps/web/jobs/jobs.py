"""Long work of all clients: a bounded queue, a few processes, results kept for a while."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException

from ketasim.apps.web.jobs.job import Job
from ketasim.apps.web.jobs.limits import JobLimits
from ketasim.apps.web.jobs.worker import Outcome, Worker


class Jobs:
    """Long work of all clients.

    Each process has a thread that gives it work and follows it; the processes start with the first
    work. Nothing is written to disk.

    **Arguments:**

    - `limits`: of processes, queue, memory and time.
    """

    def __init__(self, limits: JobLimits | None = None) -> None:
        self._limits = limits or JobLimits()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._queue: deque[str] = deque()
        self._busy: dict[str, Worker] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._workers = [Worker(self._limits) for _ in range(self._limits.workers)]
        self._threads = [
            threading.Thread(target=self._serve, args=(one,), name="ketasim-jobs", daemon=True)
            for one in self._workers
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, client: str, work: str, arguments: Mapping[str, Any]) -> Job:
        """Put work into the queue.

        **Arguments:**

        - `client`: who asks. `work`: a function, as `later` takes it, that returns a pair of
          mappings: files by name, and what else is to be known. `arguments`: by name.

        **Raises:** `HTTPException` with status 429 when the client has too much under way, 503 when
        the queue is full or the page is closing.
        """
        with self._changed:
            self._tidy()
            if self._closed:
                raise HTTPException(503, "The page is closing.")
            own = sum(one.client == client and not one.over for one in self._jobs.values())
            if own >= self._limits.own:
                runs = "A run" if own == 1 else f"{own} runs"
                verb = "is" if own == 1 else "are"
                raise HTTPException(429, f"{runs} of yours {verb} under way: cancel one, or wait.")
            if len(self._queue) >= self._limits.waiting:
                raise HTTPException(503, f"{len(self._queue)} runs wait already.")
            job = Job(secrets.token_urlsafe(12), client, work, arguments, time.monotonic())
            self._jobs[job.id] = job
            self._queue.append(job.id)
            self._changed.notify()
        return job

    def warm(self, work: str) -> None:
        """Start a process before there is work, where there is none.

        **Arguments:**

        - `work`: a function as of `submit`, whose result nobody asks for.
        """
        with self._changed:
            if self._closed or self._queue or self._busy or self.processes:
                return
            job = Job(secrets.token_urlsafe(12), "", work, {}, time.monotonic())
            self._jobs[job.id] = job
            self._queue.append(job.id)
            self._changed.notify()

    def find(self, key: str) -> Job | None:
        """Return a job as it is now; nothing when it is not known, or no more."""
        with self._changed:
            self._tidy()
            return self._jobs.get(key)

    def ahead(self, key: str) -> int:
        """How many jobs come before one that waits."""
        with self._changed, suppress(ValueError):
            return self._queue.index(key)
        return 0

    def cancel(self, key: str) -> Job | None:
        """Take a job out of the queue, or end the process that does it; a finished one stays.

        **Returns:** the job as it is then; nothing when it is not known.
        """
        with self._changed:
            job = self._jobs.get(key)
            if job is None or job.over:
                return job
            with suppress(ValueError):
                self._queue.remove(key)
            job = self._put(job, state="cancelled", ended=time.monotonic())
            worker = self._busy.get(key)
            if worker is not None:
                worker.kill()
        return job

    @property
    def processes(self) -> tuple[int, ...]:
        """Numbers of the processes that are there."""
        return tuple(one.pid for one in self._workers if one.pid is not None)

    @property
    def closed(self) -> bool:
        """Whether no more work is taken."""
        return self._closed

    def close(self) -> None:
        """End all work and all processes; nothing of a run that is under way is kept."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            for job in list(self._jobs.values()):
                if not job.over:
                    self._put(job, state="cancelled", ended=time.monotonic())
            self._changed.notify_all()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()

    def _put(self, job: Job, **changes: Any) -> Job:
        job = replace(job, **changes)
        if job.id in self._jobs:
            self._jobs[job.id] = job
        return job

    def _serve(self, worker: Worker) -> None:
        """What the thread of a process does."""
        while (job := self._next(worker)) is not None:
            key, seconds = job.id, self._limits.seconds
            outcome = worker.do(
                *(job.work, job.arguments, self._teller(key), seconds),
                wanted=lambda key=key: self._wanted(key),
            )
            self._ended(key, outcome)
            if worker.turns >= self._limits.turns:
                worker.end()
        worker.end()

    def _next(self, worker: Worker) -> Job | None:
        """The first job of the queue, waited for; nothing when the page closes."""
        with self._changed:
            while not self._queue and not self._closed:
                if not self._changed.wait(self._limits.idle):
                    worker.end()
                    self._tidy()
            if self._closed:
                return None
            job = self._jobs[self._queue.popleft()]
            self._busy[job.id] = worker
            return self._put(job, state="running")

    def _wanted(self, key: str) -> bool:
        with self._changed:
            job = self._jobs.get(key)
            return job is not None and not job.over

    def _teller(self, key: str) -> Any:
        def tell(part: float, what: str) -> None:
            with self._changed:
                job = self._jobs.get(key)
                if job is not None and not job.over:
                    self._put(job, part=part, what=what)

        return tell

    def _ended(self, key: str, outcome: Outcome) -> None:
        with self._changed:
            del self._busy[key]
            job = self._jobs.get(key)
            if job is None or job.over:  # cancelled
                return
            now = time.monotonic()
            if outcome.kind == "done":
                files, answer = outcome.value
                self._put(job, state="done", part=1.0, ended=now, files=files, answer=answer)
                self._tidy()
                return
            said = {
                "place": outcome.place,
                "problem": outcome.problem,
                "remedy": outcome.remedy,
            }
            if outcome.kind == "late":
                said["problem"] = f"it took longer than the {self._limits.seconds:g} s of a run"
            if outcome.kind in ("late", "died"):
                said["remedy"] = "ask for fewer patients, visits or replicates, and run it again"
            state = "refused" if outcome.kind == "refused" else "failed"
            self._put(job, state=state, ended=now, **said)

    def _tidy(self) -> None:
        """Drop results that are old, and the oldest where there are too many."""
        over = [one for one in self._jobs.values() if one.over]
        limit = time.monotonic() - self._limits.expiry
        size = sum(one.size for one in over)
        over.sort(key=lambda one: one.ended)
        for place, one in enumerate(over):
            # of the newest, whatever its size, there is somebody who waits for it
            newest = place == len(over) - 1
            if one.ended < limit or (size > self._limits.kept and not newest):
                size -= one.size
                del self._jobs[one.id]
