"""One decomposition of patients, any number of calendars, read at any times."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import (
    DoseLike,
    Input,
    alike,
    check_doses,
    check_steady,
    shared_inputs,
)
from ketasim.engine.linear.modal import ModalCourse
from ketasim.engine.linear.modes import Structure, structure_of
from ketasim.engine.linear.reading import Columns, Reading
from ketasim.engine.linear.solution import solve_linear
from ketasim.engine.linear.spectrum import Spectrum, spectrum_of
from ketasim.models import LinearModel, Output, Stream, evaluate

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Key = tuple[str, str]

_NG_PER_ML = 1000.0  # 1 mg/L in ng/mL
_KEPT = 200  # structures
_KEPT_SPECTRA = 8  # spectra of up to
_FEW = 1000  # columns, which take some 2 MB each
_ALL = slice(None)
_CHUNK = 250  # columns of a model without modes that are solved together


class LinearSolver:
    """Patients of a linear model, decomposed once for all calendars they are given.

    **Arguments:**

    - `model`: the declaration.
    - `values`: parameters and covariates, numbers or arrays of shape (n,).
    - `weight`: kg, shape (n,), for doses in mg/kg.
    """

    def __init__(self, model: LinearModel, values: Mapping[str, Any], weight: Array) -> None:
        self.model = model
        self.weight = np.asarray(weight, np.float64)
        self._values = {name: np.asarray(value, np.float64) for name, value in values.items()}
        self._known: dict[tuple[Stream, ...], _Molecules] = {}

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.weight)

    def take(self, which: slice | Integers) -> LinearSolver:
        """Some of the patients, without decomposing them again.

        **Arguments:**

        - `which`: a slice, or positions from 0.
        """
        values = _some(self._values, which)
        found = LinearSolver(self.model, values, self.weight[which])
        places = np.arange(self.n)[which]
        found._known = {
            streams: one.take(_columns_of(places, range(len(streams)), self.n), found)
            for streams, one in self._known.items()
        }
        return found

    def solve(self, doses: Sequence[DoseLike]) -> LinearSolution:
        """Give doses to the patients.

        **Arguments:**

        - `doses`: of one calendar for all, in any order.

        **Raises:** `InputError` when the model does not know a drug or route that is dosed, or a
        steady-state dose lasts longer than its interval.
        """
        check_doses(self.model, doses)
        dosed = {dose.drug for dose in doses}
        streams = tuple(
            {
                s.prefix: s
                for drug in self.model.streams
                if drug in dosed
                for s in self.model.streams[drug]
            }.values()
        )
        if streams not in self._known:
            self._known[streams] = _Molecules(self, streams)
        return LinearSolution(self._known[streams], tuple(doses))

    def values(self, copies: int) -> dict[str, Any]:
        """Values for every molecule and patient: those of the first, then those of the next."""
        if copies == 1:
            return dict(self._values)
        return {
            name: np.concatenate([one] * copies) if one.size > 1 else one
            for name, one in self._values.items()
        }


def _columns_of(patients: Integers, streams: Sequence[int], n: int) -> Integers:
    return (np.asarray(streams, np.int64)[:, None] * n + patients).reshape(-1)


class _Molecules:
    """The molecules that are followed in the patients: a column for each of both."""

    def __init__(self, solver: LinearSolver, streams: tuple[Stream, ...]) -> None:
        self.model, self.streams, self.n = solver.model, streams, solver.n
        self.columns = self.n * len(streams)
        self.weight = np.tile(solver.weight, len(streams))
        right = np.repeat([float(s.prefix == "r") for s in streams], self.n)
        self.resolved = self.model.resolve({**solver.values(len(streams)), "R": right})
        self.spectrum: Spectrum | None = None
        self._readings: dict[tuple[str, str, str], Reading] = {}

    def take(self, columns: Integers, solver: LinearSolver) -> _Molecules:
        """The same of some patients, whose solver is given."""
        found = _Molecules(solver, self.streams)
        found.spectrum = None if self.spectrum is None else self.spectrum.take(columns)
        return found

    def inputs(self, doses: Sequence[DoseLike], group: Integers | None) -> list[Input]:
        """What enters the states, in some columns; nothing for all."""
        shares = {
            drug: np.repeat(
                [sum(s.share for s in streams if s.prefix == one.prefix) for one in self.streams],
                self.n,
            )
            for drug, streams in self.model.streams.items()
        }
        if group is None:
            return shared_inputs(self.model, doses, self.resolved, self.weight, shares)
        shares = {drug: share[group] for drug, share in shares.items()}
        own = _some(self.resolved, group)
        return shared_inputs(self.model, doses, own, self.weight[group], shares)

    def reading(self, output: Output) -> Reading:
        """How an output is read from its state, in ng/mL."""
        key = _read_as(output)
        if key not in self._readings:
            per = _NG_PER_ML * self.value(output.scale) / self.value(output.volume)
            self._readings[key] = Reading(output.state, per)
        return self._readings[key]

    def value(self, text: str) -> Array:
        """An expression in every column, shape (S*n,)."""
        value = np.asarray(evaluate(text, self.resolved), np.float64)
        if value.shape == (self.columns,):
            return value
        return np.full(self.columns, value.reshape(-1)[0])

    def decomposed(self, targets: set[str]) -> Spectrum | None:
        """Modes of what inputs into these states reach; nothing where there are none."""
        known: set[str] = set()
        if self.spectrum is not None:
            known = set(self.spectrum.structure.states)
        if not targets <= known:
            structure = _structure(self.model, frozenset(targets | known))
            if structure is None:
                return None
            matrix = rates_of(self.model, self.resolved, structure.states, self.columns)
            self.spectrum = _spectrum(matrix, structure)
        return self.spectrum


_SPECTRA: dict[bytes, Spectrum] = {}


def _spectrum(matrix: Array, structure: Structure) -> Spectrum:
    """Decompose rate matrices; of few patients, those of the last calls are known already.

    One patient is asked about with many regimens, and the group behind a session is the same.
    """
    if matrix.shape[2] > _FEW:
        return spectrum_of(matrix, structure)
    digest = hashlib.blake2b(matrix.tobytes(), digest_size=16)
    digest.update(repr((structure.states, structure.starts, structure.parents)).encode())
    digest.update(structure.flows.tobytes())
    key = digest.digest()
    found = _SPECTRA.get(key)
    if found is None:
        while len(_SPECTRA) >= _KEPT_SPECTRA:
            _SPECTRA.pop(next(iter(_SPECTRA)), None)
        _SPECTRA[key] = found = spectrum_of(matrix, structure)
    return found


_STRUCTURES: dict[tuple[int, frozenset[str]], tuple[LinearModel, Structure | None]] = {}


def _structure(model: LinearModel, targets: frozenset[str]) -> Structure | None:
    """Blocks of what inputs into these states reach; nothing where there are no modes."""
    key = (id(model), targets)
    if key not in _STRUCTURES:
        if len(_STRUCTURES) >= _KEPT:
            _STRUCTURES.clear()
        keep = model.reachable(set(targets), model.outputs)
        # the model is kept with it, so that its identity stays its own
        _STRUCTURES[key] = (model, structure_of(model, keep) if keep else None)
    return _STRUCTURES[key][1]


def rates_of(
    model: LinearModel, resolved: Mapping[str, Any], states: Sequence[str], n: int
) -> Array:
    """Rate matrix of every column, 1/h, shape (m, m, n); rates that do not change with time."""
    place = {name: i for i, name in enumerate(states)}
    matrix = np.zeros((len(states), len(states), n))
    for flow in model.flows:
        if flow.source not in place:
            continue
        source = place[flow.source]
        rate = evaluate(flow.rate, resolved)
        if flow.consumes:
            matrix[source, source] -= rate
        if flow.target is not None and flow.target in place:
            produced = rate if flow.produced == "1" else rate * evaluate(flow.produced, resolved)
            matrix[place[flow.target], source] += produced
    return matrix


class _Read(Protocol):
    """Columns of a course, to be read."""

    @property
    def held(self) -> int:
        """See `ketasim.engine.linear.reading.Followed`."""
        ...

    @property
    def order(self) -> Integers:
        """See `ketasim.engine.linear.reading.Followed`."""
        ...

    def read(self, which: Columns = ...) -> list[Array]:
        """See `ketasim.engine.linear.reading.Followed`."""
        ...


class _Course(Protocol):
    """Patients under a calendar."""

    def follow(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> _Read:
        """See `ModalCourse.follow`."""
        ...


class LinearSolution:
    """Patients under one calendar, to be read at any times.

    A value depends neither on the other times that are asked for nor on the other patients.
    Where a model has no modes, as when its rates change with time, it is stepped by matrix
    exponentials whenever it is read, and the steps depend on the times.
    """

    def __init__(self, molecules: _Molecules, doses: tuple[DoseLike, ...]) -> None:
        self._molecules, self._doses = molecules, doses

    @property
    def n(self) -> int:
        """Number of patients."""
        return self._molecules.n

    def at(
        self,
        times: Array,
        sites: Sequence[str] | None = None,
        analytes: Sequence[str] | None = None,
        patients: slice | None = None,
    ) -> dict[Key, Array]:
        """Concentrations, at the time of an instantaneous dose just after it.

        **Arguments:**

        - `times`: h from the start of the course, zero or more, shape (T,).
        - `sites`: of the model, those wanted; all when left out.
        - `analytes`: those wanted, such as `ketamine`, or `s_ketamine` for that enantiomer alone.
        - `patients`: a range of them; all when left out.

        **Returns:** (quantity, site) to ng/mL, shape (T, n); quantity such as `s_ketamine`, and the
        sum of the enantiomers as `ketamine` where both are followed. Some arrays may be the same.

        **Raises:** `ValueError` when a time is before 0 or not finite.
        """
        return self._follow(times, sites, analytes, patients, areas=False).read()

    def follow(
        self,
        times: Array,
        sites: Sequence[str] | None = None,
        analytes: Sequence[str] | None = None,
        patients: slice | None = None,
    ) -> FollowedPatients:
        """Follow patients through their doses, to be read at some of the times, then at others.

        **Arguments, Raises:** as of `at`.
        """
        return self._follow(times, sites, analytes, patients, areas=False)

    def areas(
        self,
        times: Array,
        sites: Sequence[str] | None = None,
        analytes: Sequence[str] | None = None,
        patients: slice | None = None,
    ) -> dict[Key, Array]:
        """Areas under the concentrations from time 0, as exact as these.

        Those of a steady-state dose start from zero.

        **Arguments, Raises:** as of `at`.

        **Returns:** (quantity, site) to ng*h/mL, shape (T, n).
        """
        return self._follow(times, sites, analytes, patients, areas=True).read()

    @cached_property
    def _courses(self) -> list[tuple[_Course, Integers | None]]:
        """Columns that are solved together, and which they are; nothing for all."""
        molecules = self._molecules
        found: list[tuple[_Course, Integers | None]] = []
        for group in alike(molecules.model, self._doses, molecules.value) or [None]:
            inputs = molecules.inputs(self._doses, group)
            spectrum = molecules.decomposed({one.state for one in inputs})
            if spectrum is None:
                found.append((_SteppedCourse(molecules, inputs, group), group))
                continue
            spectrum = spectrum if group is None else spectrum.take(group)
            if spectrum.sound.all():
                found.append((ModalCourse(spectrum, inputs), group))
                continue
            for wanted in (True, False):
                here = np.flatnonzero(spectrum.sound == wanted)
                part = here if group is None else group[here]
                own = [replace(one, amount=one.amount[here]) for one in inputs]
                course: _Course = _SteppedCourse(molecules, own, part)
                if wanted:
                    course = ModalCourse(spectrum.take(here), own)
                found.append((course, part))
        return found

    def _follow(
        self,
        times: Array,
        sites: Sequence[str] | None,
        analytes: Sequence[str] | None,
        patients: slice | None,
        *,
        areas: bool,
    ) -> FollowedPatients:
        hours = np.asarray(times, np.float64)
        if not (np.isfinite(hours) & (hours >= 0.0)).all():
            raise ValueError("times are finite, and nothing is known before time 0")
        molecules = self._molecules
        outputs = [o for o in molecules.model.outputs if sites is None or o.site in sites]

        def wanted(prefix: str, output: Output) -> bool:
            return analytes is None or not {output.analyte, _named(prefix, output)}.isdisjoint(
                analytes
            )

        followed = [
            (number, stream.prefix)
            for number, stream in enumerate(molecules.streams)
            if any(wanted(stream.prefix, output) for output in outputs)
        ]
        read = [o for o in outputs if any(wanted(prefix, o) for _, prefix in followed)]
        # outputs that are read alike share their array
        unique = {_read_as(output): output for output in read}
        rows = [molecules.reading(output) for output in unique.values()]
        first, last, _ = (patients or slice(None)).indices(self.n)
        columns = _span([number for number, _ in followed], first, last, self.n)
        shown = [
            (place, prefix, output)
            for place, (_, prefix) in enumerate(followed)
            for output in read
            if wanted(prefix, output)
        ]
        totals = [o for o in read if analytes is None or o.analyte in analytes]
        parts = self._parts(rows, hours, columns, areas=areas)
        return FollowedPatients(parts, tuple(unique), shown, totals, last - first, len(followed))

    def _parts(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> list[tuple[_Read, Integers | None]]:
        """What is followed together, and to which of the columns it belongs; nothing for all."""
        courses = self._courses
        if len(courses) == 1 and courses[0][1] is None:
            return [(courses[0][0].follow(rows, times, columns, areas=areas), None)]
        place = np.full(self._molecules.columns, -1)
        place[columns] = np.arange(place[columns].size)
        found: list[tuple[_Read, Integers | None]] = []
        for course, group in courses:
            assert group is not None
            here = np.flatnonzero(place[group] >= 0)
            if len(here):
                own = [Reading(row.state, row.per[group]) for row in rows]
                found.append((course.follow(own, times, here, areas=areas), place[group[here]]))
        return found


class FollowedPatients:
    """Patients followed through their doses, as `LinearSolution.follow` returns them."""

    def __init__(
        self,
        parts: Sequence[tuple[_Read, Integers | None]],
        unique: Sequence[tuple[str, str, str]],
        shown: Sequence[tuple[int, str, Output]],
        totals: Sequence[Output],
        n: int,
        molecules: int,
    ) -> None:
        self._parts, self._unique, self._shown, self._totals = parts, unique, shown, totals
        self._n, self._molecules = n, molecules

    @property
    def order(self) -> Integers | None:
        """Times in such an order that those beside each other share the most work."""
        return self._parts[0][0].order if self._parts else None

    @property
    def held(self) -> int:
        """Bytes of what is kept of the patients."""
        return sum(part.held for part, _ in self._parts)

    def read(self, which: Columns = _ALL) -> dict[Key, Array]:
        """Read concentrations or areas, as `LinearSolution.at` and `areas` return them.

        **Arguments:**

        - `which`: of the times; all when left out.
        """
        n, table = self._n, dict[Key, Array]()
        found = dict(zip(self._unique, self._columns(which), strict=True))
        for place, prefix, output in self._shown:
            part = found[_read_as(output)][:, place * n : (place + 1) * n]
            table[_named(prefix, output), output.site] = part
        _add_totals(table, self._totals)
        return table

    def _columns(self, which: Columns) -> list[Array]:
        if len(self._parts) == 1 and self._parts[0][1] is None:
            return self._parts[0][0].read(which)
        whole: list[Array] = []
        for part, place in self._parts:
            for number, one in enumerate(part.read(which)):
                if number == len(whole):
                    whole.append(np.empty((len(one), self._n * self._molecules)))
                whole[number][:, place] = one
        return whole


def _named(prefix: str, output: Output) -> str:
    return f"{prefix}_{output.analyte}" if prefix else output.analyte


def _read_as(output: Output) -> tuple[str, str, str]:
    return output.state, output.volume, output.scale


def _span(streams: Sequence[int], first: int, last: int, n: int) -> Columns:
    """Columns of a range of patients, for some of the molecules."""
    if len(streams) == 1 or (last - first == n and list(streams) == list(range(len(streams)))):
        begin = streams[0] * n if streams else 0
        return slice(begin + first, begin + (len(streams) - 1) * n + last) if streams else slice(0)
    return _columns_of(np.arange(first, last), streams, n)


def _add_totals(table: dict[Key, Array], outputs: Sequence[Output]) -> None:
    """Sum of the enantiomers, as an assay without stereoselectivity reports it."""
    known: dict[tuple[tuple[str, str, str], str], Array] = {}
    for output in outputs:
        parts = [
            table[f"{prefix}_{output.analyte}", output.site]
            for prefix in ("s", "r")
            if (f"{prefix}_{output.analyte}", output.site) in table
        ]
        if parts:
            key = (_read_as(output), output.analyte)
            if key not in known:
                known[key] = parts[0] if len(parts) == 1 else parts[0] + parts[1]
            table[output.analyte, output.site] = known[key]


class _SteppedCourse:
    """Patients under a calendar whose model has no modes, a column each."""

    def __init__(
        self, molecules: _Molecules, inputs: Sequence[Input], group: Integers | None
    ) -> None:
        self._model = molecules.model
        self._inputs = inputs
        self._columns = np.arange(molecules.columns) if group is None else group
        self._resolved = molecules.resolved
        for one in inputs:
            if one.interval is not None:
                check_steady(one)

    def follow(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> _Stepped:
        """See `ModalCourse.follow`; here it is followed when it is read."""
        return _Stepped(self, rows, times, columns, areas)

    def read(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> list[Array]:
        """Read states, one array of shape (T, k) a row."""
        order = np.argsort(times, kind="stable")
        which = np.arange(len(self._columns))[columns]
        found = [np.zeros((len(times), len(which))) for _ in rows]
        keep = self._model.reachable({i.state for i in self._inputs}, self._model.outputs)
        for first in range(0, len(which), _CHUNK):
            part = which[first : first + _CHUNK]
            states = self._solved(keep, times[order], part, areas=areas)
            for row, table in zip(rows, found, strict=True):
                if row.state in keep:
                    amounts = states[:, :, keep.index(row.state)]
                    table[order, first : first + len(part)] = amounts * row.per[part]
        return found

    def _solved(self, keep: tuple[str, ...], times: Array, part: Integers, *, areas: bool) -> Array:
        """Amounts or their areas, shape (T, k, m)."""
        model, own = self._model, _some(self._resolved, self._columns[part])
        shape = (len(part), len(keep), len(keep))

        def matrix(time: float) -> Array:
            return np.broadcast_to(model.rate_matrix(own, keep, time), shape)

        fixed = matrix(0.0)
        solution = solve_linear(
            matrix if model.time_varying else lambda _: fixed,
            keep,
            [replace(one, amount=one.amount[part]) for one in self._inputs],
            times,
            time_varying=model.time_varying,
        )
        return solution.areas(fixed) if areas else solution.amounts


@dataclass(frozen=True)
class _Stepped:
    """What is read of patients without modes."""

    course: _SteppedCourse
    rows: Sequence[Reading]
    times: Array
    columns: Columns
    areas: bool
    held: int = 0

    @property
    def order(self) -> Integers:
        """As they come: steps go on from one time to the next."""
        return np.arange(len(self.times))

    def read(self, which: Columns = _ALL) -> list[Array]:
        """See `ketasim.engine.linear.reading.Followed`."""
        return self.course.read(self.rows, self.times[which], self.columns, areas=self.areas)


def _some(values: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """Some columns of what differs between them."""
    return {
        name: value[columns] if np.ndim(value) and np.size(value) > 1 else value
        for name, value in values.items()
    }
