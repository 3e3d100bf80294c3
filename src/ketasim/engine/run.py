"""The verbs `plan`, `solve` and `stream`: any population, on the back end that suits it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError, near
from ketasim._base.size import Size, check_size, processors
from ketasim.engine.backends.backend import ENGINES, Backend, backend_of
from ketasim.engine.backends.numpy.arrays import track_arrays
from ketasim.engine.grid import Grid, OutputPlan, Profile, grid_of, place_outputs
from ketasim.engine.patients import Group, Patients, groups_of
from ketasim.engine.planning import DEAREST, Plan, make_plan, shortened, starting_profile
from ketasim.engine.progress import Progress
from ketasim.engine.reduce import Reducer, Summary
from ketasim.engine.remembered import plan_key, remember, remembered
from ketasim.engine.response.cascade import Cascade, cascade_of
from ketasim.engine.size import NUMBER, solve_size, steps_of
from ketasim.engine.system import People, System
from ketasim.engine.trajectories import Name, Request, Trajectories, request_of
from ketasim.models import ChainModel, ResponseModel

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

DEFAULT_TOLERANCE = 1e-4
_LEAST_TOLERANCE, _MOST_TOLERANCE = 1e-9, 1e-2
FEW = 32  # patients up to which NumPy is ready sooner than the compiled engine is loaded
_CHUNK_NUMBERS = 2_000_000  # of a chunk's result, 16 MB
_MOST_CHUNK = 4096
_LEAST_CHUNK = 256
_PIECES = 4  # for each thread
_REDUCING = 5  # copies of the values of a piece while a reducer works
_REDUCED = 4.5e-7  # s, of one value
_SAMPLED = 32  # calendars whose steps are counted before a run


class BlowUp(KetasimError):  # noqa: N818 - it says what happened
    """A state of the response is no longer finite.

    **Arguments:**

    - `patient`: counted from 0. `time`: h. `state`: its name.
    """

    def __init__(self, patient: int, time: float, state: str) -> None:
        self.patient, self.time, self.state = patient, time, state
        super().__init__(
            f"patient {patient}: state '{state}' is no longer finite at {time:g} h; look at the "
            "production of that state and at the patient's parameters"
        )


def _cascade(model: ChainModel) -> Cascade:
    return _written(model.response)


@lru_cache(maxsize=32)
def _written(response: ResponseModel) -> Cascade:
    return cascade_of(response)


@dataclass(frozen=True)
class _Job:
    """Everything that the chunks of a run share."""

    model: ChainModel
    patients: Patients
    request: Request
    times: Array
    backend: Backend
    plan: Plan
    laid: dict[int, tuple[Grid, OutputPlan]] = field(
        default_factory=dict[int, tuple[Grid, OutputPlan]]
    )
    each: bool = False  # everybody by every calendar
    _people: dict[bytes, People] = field(default_factory=dict[bytes, People])

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Who is solved together."""
        if not self.each:
            return groups_of(self.model, self.patients)
        found: list[Group] = []
        split: dict[frozenset[tuple[str, str]], list[Integers]] = {}
        for number, calendar in enumerate(self.patients.calendars):
            paths = frozenset((dose.route, dose.drug) for dose in calendar.doses)
            if paths not in split:  # lags and durations depend on nothing else
                alone = replace(
                    self.patients, calendars=(calendar,), calendar_of=np.zeros(0, np.int64)
                )
                split[paths] = [one.members for one in groups_of(self.model, alone)]
            found += [Group(number, members) for members in split[paths]]
        return tuple(found)

    def system(self, group: Group, members: Integers) -> System:
        calendar = self.patients.calendars[group.calendar]
        if not self.each:
            return self._of(members).system(calendar.doses, calendar.horizon)
        key = members.tobytes()
        if key not in self._people:
            self._people[key] = self._of(members)
        return self._people[key].system(calendar.doses, calendar.horizon)

    def _of(self, members: Integers) -> People:
        part = self.patients.take(members)
        return People(self.model, part.values, part.weight, self.request.rows)

    def chunk(self, group: Group, members: Integers, out: Array) -> Array:
        """Solve some members of a group into `out`, shape (m, T, Q)."""
        system = self.system(group, members)
        if id(group) not in self.laid:
            horizon = self.patients.calendars[group.calendar].horizon
            asked = self.times[self.times <= horizon + 1e-9]
            grid = grid_of(self.plan.profile, list(system.breaks), system.running)
            self.laid[id(group)] = grid, place_outputs(grid, asked)
        grid, outputs = self.laid[id(group)]
        followed = len(outputs.times)
        if followed == len(self.times):
            blown = self.backend.solve(system, grid, outputs, self.request, out)
        else:
            part = np.empty((len(members), followed, out.shape[2]))
            blown = self.backend.solve(system, grid, outputs, self.request, part)
            out[:, :followed] = part
            out[:, followed:] = np.nan
        if blown is not None:
            raise self.blow_up(group, members, blown)
        return out

    def blow_up(self, group: Group, members: Integers, suspects: Integers) -> KetasimError:
        """Find out who it was, when, and what."""
        system = self.system(group, members[suspects])
        grid = grid_of(self.plan.profile, list(system.breaks), system.running)
        cascade = _cascade(self.model)
        track = track_arrays(system, cascade, grid)
        wrong = ~np.isfinite(track.states[:, 1])
        if not wrong.any():
            return KetasimError(
                "a state is no longer finite; run these patients with engine='numpy'"
            )
        step, _, _ = (int(one) for one in np.argwhere(wrong)[0])
        patient = int(np.flatnonzero(wrong[step].any(axis=0))[0])
        state = int(np.flatnonzero(wrong[step, :, patient])[0])
        return BlowUp(
            int(members[suspects][patient]),
            float(grid.starts[step] + grid.lengths[step]),
            self.model.response.states[state].name,
        )


def plan(
    model: ChainModel,
    patients: Patients,
    *,
    rtol: float = DEFAULT_TOLERANCE,
    engine: str = "auto",
    each: bool = False,
    dearest: float = DEAREST,
    first: Plan | None = None,
) -> Plan:
    """Choose the steps for a population, once for many runs.

    The same plan gives the same numbers to the last bit, whoever else is in the run.

    **Main arguments:**

    - `model`: the declaration. `patients`: who is simulated.

    **Other arguments:**

    - `rtol`: relative error allowed, of every state of the response at every time; a number smaller
      than a thousandth of the state's largest in that patient counts as that.
    - `engine`: which back end tries the steps.
    - `each`: for `ketasim.engine.solve_each`: every patient by every calendar.
    - `dearest`: how many times the steps usual for the tolerance may be taken; no limit when left
      out.
    - `first`: steps of others that are checked before any are searched for; where these patients
      keep the tolerance with them, they are the plan.

    **Returns:** `Plan`.

    **Raises:** `InputError` for what cannot be used; `KetasimError` when no steps keep the
    tolerance, or a state blows up.
    """
    _check_tolerance(rtol)
    patients.require(model)
    response = model.response
    named = (*response.states, *response.signals)
    request = request_of(model, tuple(one.name for one in named[:1]))
    backend = backend_of(engine, _cascade(model), patients.n, FEW)
    profile = None if first is None else first.profile
    return _planned(
        model, patients, request, backend, rtol, each=each, dearest=dearest, first=profile
    )


def begin(model: ChainModel, patients: int) -> None:
    """Begin to compile what `plan` and `solve` will need for so many patients, unless it is kept.

    It goes on in processes beside this one while other work is done here.
    """
    backend_of("auto", _cascade(model), patients, FEW)


def _planned(
    model: ChainModel,
    patients: Patients,
    request: Request,
    backend: Backend,
    rtol: float,
    *,
    each: bool = False,
    dearest: float = DEAREST,
    first: Profile | None = None,
) -> Plan:
    pilot = f"{backend.made_by} {backend.few} {each} {dearest:g}"
    pilot += "" if first is None else f" {first}"
    key = plan_key(model, _cascade(model), patients, rtol, pilot)
    found = remembered(key)
    if found is None:
        start = Plan(starting_profile(rtol), rtol, 0.0, 0)
        job = _Job(model, patients, request, np.zeros(0), backend, start, each=each)
        found = _piloted(job, dearest, first)
        remember(key, found)
    if not found.kept:
        raise KetasimError(
            f"rtol: {rtol:g} was not reached, the error is {found.error:.2g}; "
            "allow a larger one, or use engine='oracle'"
        )
    return found


def _piloted(job: _Job, dearest: float, first: Profile | None) -> Plan:
    weight = float(np.median(job.patients.weight))
    calendars = tuple(shortened(calendar, weight) for calendar in job.patients.calendars)
    # the members of a group are given: the calendars alone are others
    brief = replace(job, patients=replace(job.patients, calendars=calendars))
    backend = job.backend
    found = make_plan(
        *(job.patients, job.groups, _cascade(job.model), job.plan.tolerance),
        *(job.system, brief.system, backend.pilot),
        few=backend.few,
        dearest=dearest,
        first=first,
    )
    if not np.isfinite(found.error):
        _explain(job, found)
    return replace(found, model=job.model.name)


def _explain(job: _Job, found: Plan) -> None:
    """Raise the blow-up that a pilot ran into."""
    tried = replace(job, plan=found)
    for group in job.groups:
        for first in range(0, len(group.members), 256):
            members = group.members[first : first + 256]
            error = tried.blow_up(group, members, np.arange(len(members)))
            if isinstance(error, BlowUp):
                raise error


def solve(
    model: ChainModel,
    patients: Patients,
    times: Iterable[float],
    outputs: Sequence[Name],
    *,
    engine: str = "auto",
    rtol: float = DEFAULT_TOLERANCE,
    plan: Plan | None = None,
    threads: int | None = None,
    progress: bool | None = None,
    out: Array | None = None,
) -> Trajectories:
    """Solve a population from dose to response, and keep every value asked for.

    **Main arguments:**

    - `model`: the declaration.
    - `patients`: who is simulated, by which calendars.
    - `times`: h, in any order; values come in ascending order, each time once.
    - `outputs`: names of states, quantities or signals of the response; pairs such as
      `("s_ketamine", "effect")` for concentrations, ng/mL.

    **Other arguments:**

    - `engine`: `numpy` (ready at once), `numba` (compiled, for many), `jax` (an extra), `oracle`
      (an adaptive stiff solver, slow, for checking); `auto` chooses by the number of patients.
    - `rtol`: relative error allowed, as of `ketasim.engine.plan`.
    - `plan`: steps chosen before; then `rtol` is not used.
    - `threads`: as many as there are cores when left out. They change nothing but the time.
    - `progress`: a bar on the error stream; when left out, on long runs at a terminal.
    - `out`: an array that receives the values, shape (n, T, Q), contiguous. New memory is slow to
      touch for the first time; a run that follows another of the same size may use its.

    **Returns:** `Trajectories`.

    **Raises:** `InputError`, one line with the field and the remedy; `BlowUp` with patient, time
    and state when a state is no longer finite; `KetasimError` when an engine is not installed.
    """
    job = _job(model, patients, times, outputs, engine, rtol, plan)
    shape = (patients.n, len(job.times), len(job.request.names))
    if out is None:
        check_size(
            _size(job),
            "outputs",
            f"{shape[0]:,} patients at {shape[1]:,} times",
            or_else="use ketasim.engine.stream, which keeps summaries only",
            told=progress is None,
        )
        out = np.empty(shape)
    elif out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
        raise InputError("out", f"is no contiguous float64 array of shape {shape}", "make it so")

    def work(group: Group, members: Integers) -> None:
        if len(members) and members[-1] - members[0] == len(members) - 1:
            job.chunk(group, members, out[members[0] : members[-1] + 1])
        else:
            out[members] = job.chunk(group, members, np.empty((len(members), *shape[1:])))

    for _ in _scheduled(job, work, threads, progress, _MOST_CHUNK):
        pass
    return Trajectories(
        job.times, job.request.names, out, 0, job.backend.name, job.backend.used(job.plan)
    )


def solve_each(
    model: ChainModel,
    patients: Patients,
    times: Iterable[float],
    outputs: Sequence[Name],
    *,
    engine: str = "auto",
    rtol: float = DEFAULT_TOLERANCE,
    plan: Plan | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> Array:
    """Solve every patient by every calendar: a search over regimens with the same patients.

    What follows from the patients' numbers alone is computed once. The values are those of
    `solve` with as many copies of the patients, to the last bit, given the plan.

    **Main arguments:**

    - `model`, `times`, `outputs`: as of `solve`.
    - `patients`: with R calendars; `calendar_of` is not looked at.

    **Other arguments:** as of `solve`; without `plan` one is made for some of the calendars.

    **Returns:** shape (R, n, T, Q); not a number after a calendar's horizon.

    **Raises:** as `solve`.
    """
    job = _job(model, patients, times, outputs, engine, rtol, plan, each=True)
    shape = (len(job.times), len(job.request.names))
    out = np.empty((len(patients.calendars), patients.n, *shape))

    def work(group: Group, members: Integers) -> None:
        values = job.chunk(group, members, _buffer((len(members), *shape)))
        out[group.calendar, members] = values

    for _ in _scheduled(job, work, threads, progress, _MOST_CHUNK):
        pass
    return out


def stream(
    model: ChainModel,
    patients: Patients,
    times: Iterable[float],
    outputs: Sequence[Name],
    reducers: Sequence[Reducer],
    *,
    engine: str = "auto",
    rtol: float = DEFAULT_TOLERANCE,
    plan: Plan | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> list[Any]:
    """Solve a population in pieces and keep only what the reducers make of them.

    A million patients fit into memory so. Results do not depend on the pieces, on the threads or on
    the order of the patients.

    **Main arguments:**

    - `model`, `patients`, `times`, `outputs`: as of `solve`.
    - `reducers`: such as `Summary()` and `Outcomes({...})`.

    **Other arguments:** as of `solve`.

    **Returns:** the result of every reducer, in order.

    **Raises:** as `solve`.
    """
    job = _job(model, patients, times, outputs, engine, rtol, plan)
    check_size(
        _size(job, reducers),
        "times",
        f"{patients.n:,} patients at {len(job.times):,} times",
        or_else="ask for fewer times or outputs",
        told=progress is None,
    )
    names, used = job.request.names, job.backend.used(job.plan)
    states = [one.begin(patients.n, job.times, names) for one in reducers]

    def work(group: Group, members: Integers) -> list[Any]:
        shape = (len(members), len(job.times), len(names))
        values = job.chunk(group, members, _buffer(shape))
        piece = Trajectories(job.times, names, values, int(members[0]), job.backend.name, used)
        return [one.reduce(piece, members) for one in reducers]

    numbers = max(len(job.times) * len(names), 1)
    size = min(_MOST_CHUNK, max(_CHUNK_NUMBERS // numbers, 1))
    for parts in _scheduled(job, work, threads, progress, size):
        for number, (one, part) in enumerate(zip(reducers, parts, strict=True)):
            states[number] = one.merge(states[number], part)
    return [one.finish(state) for one, state in zip(reducers, states, strict=True)]


def _job(
    model: ChainModel,
    patients: Patients,
    times: Iterable[float],
    outputs: Sequence[Name],
    engine: str,
    rtol: float,
    plan: Plan | None,
    *,
    each: bool = False,
) -> _Job:
    _check_tolerance(rtol)
    patients.require(model)
    hours = np.unique(np.asarray(list(times), np.float64))
    if hours.size == 0 or not np.isfinite(hours).all() or hours[0] < 0.0:
        raise InputError("times", "are not hours from time 0", "give finite numbers, zero or more")
    longest = max(calendar.horizon for calendar in patients.calendars)
    if hours[-1] > longest + 1e-9:
        raise InputError(
            "times",
            f"{hours[-1]:g} h is after the longest horizon, {longest:g} h",
            "leave it out or follow the patients longer",
        )
    if plan is not None and plan.model not in ("", model.name):
        raise InputError(
            "plan",
            f"was made for the model '{plan.model}', not for '{model.name}'",
            "make one with ketasim.engine.plan",
        )
    # a name by itself is one name, not its letters
    request = request_of(model, (outputs,) if isinstance(outputs, str) else tuple(outputs))
    if engine not in ENGINES:
        raise InputError("engine", f"unknown engine '{engine}'", near(engine, ENGINES))
    backend = backend_of(engine, _cascade(model), patients.n, FEW)
    if plan is None and backend.name == "oracle":
        plan = Plan(starting_profile(rtol), rtol, 0.0, 0)  # it takes steps of its own
    elif plan is None:
        plan = _planned(model, patients, request, backend, rtol, each=each)
    return _Job(model, patients, request, hours, backend, plan, each=each)


def _size(job: _Job, reducers: Sequence[Reducer] | None = None) -> Size:
    """What a run takes whose values are kept, or go to reducers."""
    calendars = job.patients.calendars
    some = calendars[:: -(-len(calendars) // _SAMPLED)]
    steps = [steps_of(calendar, job.plan.tolerance) for calendar in some]
    times, outputs = len(job.times), len(job.request.names)
    together = min(_MOST_CHUNK, job.backend.largest) * _threads(None)
    if reducers is None:
        return solve_size(job.patients.n, steps, times, outputs, together=together)
    cells = times * outputs
    held = max(min(_CHUNK_NUMBERS, _MOST_CHUNK * cells), cells) * _threads(None)
    values = min(held, job.patients.n * cells)
    more = NUMBER * _REDUCING * values * len(reducers)
    # a reducer of the user's own need not say what it holds
    known = [one.held for one in reducers if isinstance(one, Summary)]
    more += sum(one(job.patients.n, cells) for one in known)
    size = solve_size(job.patients.n, steps, times, outputs, together=together, held=held)
    return size + Size(more, _REDUCED * job.patients.n * cells * len(reducers))


def _check_tolerance(rtol: float) -> None:
    if not _LEAST_TOLERANCE <= rtol <= _MOST_TOLERANCE:
        raise InputError(
            "rtol",
            f"{rtol:g} is outside {_LEAST_TOLERANCE:g} to {_MOST_TOLERANCE:g}",
            "give a tolerance between them",
        )


def _scheduled(
    job: _Job,
    work: Callable[[Group, Integers], Any],
    threads: int | None,
    progress: bool | None,
    most: int,
) -> Iterator[Any]:
    """Run the chunks of a job on threads; results come as they are ready."""
    count = _threads(threads)
    if not job.backend.parallel:
        count = 1
    # a few pieces for each thread, so that none waits long for the last
    fair = -(-job.patients.n // (1 if job.each else _PIECES * count))
    size = job.backend.chunk(min(most, max(fair, _LEAST_CHUNK)))
    pieces = [
        (group, group.members[first : first + size])
        for group in job.groups
        for first in range(0, len(group.members), size)
    ]
    patients = sum(len(group.members) for group in job.groups)
    with Progress(patients, show=progress) as bar:
        if count == 1 or len(pieces) == 1:
            for group, members in pieces:
                yield work(group, members)
                bar.advance(len(members))
            return
        waiting = iter(pieces)
        if not job.backend.ready():
            # the first piece compiles, by itself: the other threads would wait for it
            group, members = next(waiting)
            yield work(group, members)
            bar.advance(len(members))
        pool = ThreadPoolExecutor(count, thread_name_prefix="ketasim")
        running: dict[Future[Any], int] = {}
        try:
            for group, members in waiting:
                running[pool.submit(work, group, members)] = len(members)
                if len(running) >= 2 * count:
                    yield from _ready(running, bar)
            while running:
                yield from _ready(running, bar)
        finally:
            # after an error or an interrupt what has not begun is dropped
            pool.shutdown(wait=True, cancel_futures=True)


def _ready(running: dict[Future[Any], int], bar: Progress) -> Iterator[Any]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        bar.advance(running.pop(future))
        yield future.result()


def _threads(asked: int | None) -> int:
    if asked is None:
        return processors()
    if asked < 1:
        raise InputError("threads", f"is {asked}", "give 1 or more")
    return asked


_own = threading.local()


def _buffer(shape: tuple[int, int, int]) -> Array:
    """Memory of a piece; a thread uses its own again."""
    kept: Array | None = getattr(_own, "buffer", None)
    size = int(np.prod(shape))
    if kept is None or kept.size < size:
        kept = _own.buffer = np.empty(size)
    return kept[:size].reshape(shape)
