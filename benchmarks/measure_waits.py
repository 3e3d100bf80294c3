"""What a user waits for: whole calls of the verbs and of the command, beside a peer's solving.

Nothing heavy is imported here: a child takes its core first, since libraries count the cores when
they are loaded.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fresh import peak_memory, seconds

_PEER = "numbalsoda"
_SCORES = ("MADRS",)
_MOOD = (("glutamate", "brain"), ("bdnf", "brain"), ("synapses", "brain"), ("MADRS", "patient"))
_JUDGED = 64  # patients whose error is taken
_REFERENCE = 1e-11  # tolerance of the peer where it is the reference
_VISITS = {  # of the trial's arms, h
    "ket": [0.0, *sorted({24.0, 72.0, 168.0, 336.0} | {24.0 + 72.0 * k for k in range(1, 10)})],
    "mdz": [0.0, 24.0, 72.0, 168.0, 336.0],
}


def accuracy(n: int, few: int) -> dict[str, Any]:
    """How exact `simulate` is, and the loosest tolerance at which the peer is as exact.

    Judged is what a user gets of mood, at the times a user gets it. The reference is the peer at
    1e-11, which is held against ketasim's own oracle.

    **Arguments:**

    - `n`: patients of whom the first 64 are judged. `few`: of the oracle.
    """
    _cores(1)
    import numpy as np
    import waiting
    from peers import peer
    from tolerances import PASS, scan
    from workload import error

    import ketasim
    from ketasim.engine import solve

    solver = peer(_PEER)
    reason = solver.available()
    if reason is not None:
        return {"reason": reason}
    asked = waiting.course_of(n)
    result = ketasim.simulate(asked, session=False)
    judged = min(n, _JUDGED)
    curves = [result.values[name, site][:, :judged].T for name, site in _MOOD]
    everyone = waiting.patients_of(asked)
    given = _given(everyone.take(np.arange(judged)))

    names = [*(name for name, _ in _MOOD), "fast_arm"]  # the score comes last before it

    def answered(solved: Any) -> Any:
        """The score with each patient's answers to the sessions, as `simulate` tells it."""
        answers = waiting.answers_of(asked, everyone.take(np.arange(len(solved))))
        both = {"MADRS": solved[..., -2], "fast_arm": solved[..., -1]}
        score = answers.applied(both, result.times)["MADRS"]
        return np.concatenate([solved[..., :-2], score[..., None]], axis=-1)

    def other(tolerance: float) -> Any:
        solved = solver.run_driven(given, result.times, tolerance, 1)
        return answered(given.quantities(solved, names))

    exact = other(_REFERENCE)
    oracle = answered(
        solve(
            *(waiting.CHAIN, everyone.take(np.arange(few)), result.times, names),
            engine="oracle",
            progress=False,
        ).values
    )
    ours = float(error(np.stack(curves, axis=-1), exact).max())
    # a peer need not be more exact than ketasim is here
    found = scan(other, exact, max(PASS, ours))
    return {
        "name": solver.NAME,
        "states": given.rates.shape[1] + given.initial.shape[1],
        "patients": judged,
        "error": ours,
        "peer_error": found.error,
        "tolerance": found.tolerance,
        "oracle": few,
        "reference_off": float(error(exact[:few], oracle).max()),
    }


def course(n: int | None, repeats: int, part: int, tolerance: float | None) -> dict[str, Any]:
    """A course with everything that it says, warm, on one core; and courses not seen before.

    **Arguments:**

    - `n`: patients; nothing for the typical one.
    - `repeats`: calls of each, in turns.
    - `part`: patients of the peer. `tolerance`: of the peer; nothing where there is none.
    """
    _cores(1)
    import waiting

    asked = waiting.course_of(n)
    found: list[Any] = []

    def own() -> None:
        found[:] = [_outputs(asked)]

    own()
    other, scale = _peer_course(n, part, found[0].times, tolerance, 1)
    unseen = [waiting.course_of(n, waiting.unseen()) for _ in range(repeats)]
    first = [_clocked(lambda one=one: _outputs(one), time.process_time) for one in unseen]
    return {
        **_turns(own, other, repeats, scale, time.process_time),
        "unseen": _timed(first),
        "output_times": len(found[0].times),
        "curves": len(found[0].values),
    }


def large(n: int, repeats: int, part: int, tolerance: float | None) -> dict[str, Any]:
    """The same of many patients on two cores, wall time, and the memory it took.

    **Arguments:** as of `course`.
    """
    _cores(2)
    import waiting

    asked = waiting.course_of(n)
    _outputs(waiting.course_of(64))  # loads everything
    taken, times = list[float](), list[Any]()
    peak = 0.0
    for _ in range(repeats):
        taken.append(seconds(lambda: times.append(_outputs(asked).times)))
        peak = peak or peak_memory()
    other, scale = _peer_course(n, part, times[0], tolerance, 2)
    return {
        **_timed(taken),
        **_beside(other, scale, statistics.median(taken), repeats, time.perf_counter),
        "peak_memory_mb": peak,
    }


def search(
    regimens: int, n: int, repeats: int, part: int, tolerance: float | None
) -> dict[str, Any]:
    """Many regimens in the same patients: MADRS by the day, nothing else.

    **Arguments:**

    - `regimens`: how many. `n`: patients of each.
    - `repeats`, `part`, `tolerance`: as of `course`.
    """
    _cores(1)
    import numpy as np
    import waiting
    from peers import peer

    from ketasim.simulation import compare_regimens

    courses = [waiting.course_of(n, text) for text in waiting.regimens(regimens)]
    asked = [one.regimen for one in courses]

    def own() -> None:
        compare_regimens(courses[0], asked, times=waiting.DAYS)

    own()
    # every tenth regimen, so that short and long ones count alike
    some = courses[:: max(len(courses) // 20, 1)]
    each = max(part // len(some), 1)
    given = [
        _given(waiting.patients_of(one).take(np.arange(min(each, n))), _SCORES) for one in some
    ]

    def other() -> None:
        for one in given:
            peer(_PEER).run_driven(one, waiting.DAYS, tolerance, 1)

    scale = regimens * n / sum(len(one.supply) for one in given)
    return _turns(own, other if tolerance else None, repeats, scale, time.process_time)


def report(n: int, repeats: int) -> dict[str, Any]:
    """The report of a course that was simulated, on one core.

    **Arguments:**

    - `n`: patients. `repeats`: reports, each of a result that nothing was asked of before.
    """
    _cores(1)
    from dataclasses import replace

    import waiting

    import ketasim

    result = ketasim.simulate(waiting.course_of(n))

    def own() -> None:
        ketasim.report(replace(result))

    own()
    return _turns(own, None, repeats, 1.0, time.process_time)


def trial(replicates: int, repeats: int, part: int, tolerance: float | None) -> dict[str, Any]:
    """A trial of two arms, on one core.

    **Arguments:**

    - `replicates`: of the trial. `repeats`, `part`, `tolerance`: as of `course`.
    """
    _cores(1)
    import numpy as np
    import waiting
    from peers import peer

    import ketasim

    asked = ketasim.load_trial({**waiting.TRIAL, "replicates": replicates})

    def own() -> None:
        ketasim.run_trial(asked)

    own()
    given = [
        (_given(waiting.arm_of(asked, arm, part, visits[-1]), _SCORES), np.array(visits))
        for arm in asked.arms
        for visits in [_VISITS[arm.id]]
    ]

    def other() -> None:
        for one, visits in given:
            peer(_PEER).run_driven(one, visits, tolerance, 1)

    scale = replicates * asked.arms[0].n / part
    return {
        **_turns(own, other if tolerance else None, repeats, scale, time.process_time),
        "patients": sum(arm.n for arm in asked.arms),
    }


def commands(n: int, repeats: int, cold: int) -> dict[str, Any]:
    """`ketasim simulate` as a process, report included: kept code, and a first run ever.

    **Arguments:**

    - `n`: patients. `repeats`: processes with kept code and plans. `cold`: with an empty folder.
    """
    import waiting

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        # JSON is YAML
        (folder / "course.yaml").write_text(json.dumps(waiting.content(None)), encoding="utf-8")
        people = ["--n", str(n), "--seed", "1"]
        kept, firsts, said = folder / "kept", list[float](), ""
        for number in range(cold):
            taken, said = _process(folder, folder / f"empty{number}", people)
            firsts.append(taken)
        _process(folder, kept, people)
        _process(folder, kept, ["--typical"])
        both: dict[str, list[float]] = {"typical": [], "many": []}
        for _ in range(repeats):
            both["typical"].append(_process(folder, kept, ["--typical"])[0])
            both["many"].append(_process(folder, kept, people)[0])
    return {
        **{name: _timed(taken) for name, taken in both.items()},
        "first": {**_timed(firsts), "announced": "compiling" in said},
    }


def _process(folder: Path, kept: Path, options: list[str]) -> tuple[float, str]:
    """Wall time of one process, and what it said on the error stream."""
    command = ["simulate", "course.yaml", *options, "--out", "out"]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ketasim", *command],
        cwd=folder,
        env={**os.environ, "KETASIM_CACHE_DIR": str(kept)},
        check=True,
        capture_output=True,
        text=True,
    )
    return time.perf_counter() - started, done.stderr


def _cores(count: int) -> None:
    """Stay on so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def _outputs(asked: Any) -> Any:
    """Everything that a course says, as tables."""
    import ketasim

    found = ketasim.simulate(asked)
    for table in (found.summary, found.exposure, found.parameters, found.weekly):
        table()
    assert found.mood is not None
    assert found.session_effects is not None
    _ = found.mood.table, found.session_effects.table
    return found


def _given(who: Any, names: tuple[Any, ...] | None = None) -> Any:
    """Patients as the peer takes them; every concentration where no names are given."""
    import waiting
    from driven import driven, everything

    return driven(waiting.CHAIN, who, everything(waiting.CHAIN) if names is None else names)


def _peer_course(
    n: int | None, part: int, times: Any, tolerance: float | None, threads: int
) -> tuple[Callable[[], None] | None, float]:
    """What the peer solves of a course, and how many times that is what ketasim does."""
    import numpy as np
    import waiting
    from peers import peer

    if tolerance is None:
        return None, 1.0
    everyone = waiting.patients_of(waiting.course_of(n))
    given = _given(everyone.take(np.arange(min(part, everyone.n))))

    def other() -> None:
        peer(_PEER).run_driven(given, times, tolerance, threads)

    return other, everyone.n / len(given.supply)


def _turns(
    own: Callable[[], None],
    other: Callable[[], None] | None,
    repeats: int,
    scale: float,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """Both in turns; both are warm but the peer, which has to compile first."""
    if other is not None:
        other()
    taken, theirs = list[float](), list[float]()
    for _ in range(repeats):
        taken.append(_clocked(own, clock))
        if other is not None:
            theirs.append(scale * _clocked(other, clock))
    return {**_timed(taken), **_ratio(theirs, statistics.median(taken), scale)}


def _beside(
    other: Callable[[], None] | None,
    scale: float,
    ours: float,
    repeats: int,
    clock: Callable[[], float],
) -> dict[str, Any]:
    """The peer by itself, after the memory of ketasim was taken."""
    if other is None:
        return {}
    other()
    return _ratio([scale * _clocked(other, clock) for _ in range(repeats)], ours, scale)


def _clocked(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return clock() - started


def _timed(taken: list[float]) -> dict[str, Any]:
    return {
        "seconds": _digits(statistics.median(taken)),
        "least": _digits(min(taken)),
        "most": _digits(max(taken)),
        "repeats": len(taken),
    }


def _ratio(theirs: list[float], ours: float, scale: float) -> dict[str, Any]:
    if not theirs:
        return {}
    median = statistics.median(theirs)
    return {
        "peer_seconds": _digits(median),
        "ratio": _digits(median / ours),
        "scaled": round(scale, 1),
    }


def _digits(value: float) -> float:
    return float(f"{value:.3g}")
