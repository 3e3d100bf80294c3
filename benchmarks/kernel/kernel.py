"""Workload W by hand in C++: compiles `kernel.cpp` and runs it on the tables of the engine.

It solves W and nothing else, by the scheme of ketasim's compiled back end, from the same tables to
the same numbers. So the ratio of the two says what writing the code by machine costs.
"""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import chain
import numpy as np
from numpy.typing import NDArray

from ketasim.engine import Plan
from ketasim.engine.backends.numba.compiled import Columns, kernel_of, solve_lanes
from ketasim.engine.backends.numba.compiled import prepare as laid_out
from ketasim.engine.backends.numba.lane_source import LANES, parameter_names
from ketasim.engine.grid import grid_of, place_outputs
from ketasim.engine.response.cascade import cascade_of
from ketasim.engine.system import system_of
from ketasim.engine.trajectories import request_of

Array = NDArray[np.float64]

SOURCE = Path(__file__).with_name("kernel.cpp")
_HEADER = SOURCE.with_name("lanes.h")
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-std=c++17", "-shared", "-fPIC", "-pthread")

ALL = chain.NAMES
"""All 14 states."""

MOOD = ("M",)
"""One column."""

_PARAMETERS = (
    *("IC50", "gamma", "kG", "SG", "kD", "g50", "SD", "SH", "EC50H"),
    *("kS", "SS", "d50", "psi", "kAin", "kM", "wA", "s504"),
)
_STATES = ("Al", "Ac", "A1", "A2", "An", "Anp", "Ah", "Ce")
_STARTS = (0, 4, 6, 7, 8)
_REST = (1.0, 1.0, 0.0, 0.0, 0.0)

_FIELDS = (  # of `Tables` in the source, in order
    *("groups", "patients", "parameters", "initial", "losses", "amounts", "rates", "row_modes"),
    *("entry_modes", "rows", "entries", "sources", "segments_", "sizes_", "offsets_", "times"),
    *("event_first", "kind", "entry", "source", "duration", "running", "sizes", "filling"),
    *("size_of", "segments", "held", "anchored", "offsets", "filling_later", "offset_of", "shape"),
    *("first_row", "out", "blown"),
)
_NUMBERS = frozenset(
    {"groups", "patients", "rows", "entries", "sources", "segments_", "sizes_", "offsets_"}
    | {"times", "first_row"}
)


class _Tables(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64 if name in _NUMBERS else ctypes.c_void_p) for name in _FIELDS]


@dataclass(frozen=True)
class Prepared:
    """W as the compiled engine takes it, ready to run by either.

    **Arguments:**

    - `function`: the engine's compiled function.
    - `arguments`: its arguments by name.
    - `out`: what it writes, shape (n, T, Q).
    """

    function: Callable[..., None]
    arguments: dict[str, Any]
    out: Array


class _Recorder:
    """Stands in for the engine's compiled function and keeps what it is given."""

    def __init__(self, function: Any) -> None:
        self.py_func = function.py_func
        self.signatures = [None]  # nothing is compiled for it
        self.given: tuple[Any, ...] = ()

    def __call__(self, *given: Any) -> None:
        self.given = given


_CASCADE = cascade_of(chain.CHAIN.response)


def prepare(n: int, names: tuple[Any, ...], plan: Plan) -> Prepared:
    """Do everything that comes before the steps: systems, modes, tables, the grid.

    **Arguments:**

    - `n`: number of patients.
    - `names`: `ALL` or `MOOD`.
    - `plan`: as `ketasim.engine.plan` returns it.
    """
    patients = chain.patients(n)
    calendar = patients.calendars[0]
    request = request_of(chain.CHAIN, names)
    system = system_of(
        chain.CHAIN,
        patients.values,
        calendar.doses,
        patients.weight,
        calendar.horizon,
        request.rows,
    )
    structure = system.streams[0].structure
    if structure.states != _STATES or structure.starts != _STARTS:
        raise RuntimeError(f"W has other modes than the kernel was written for: {structure}")
    if parameter_names(_CASCADE) != _PARAMETERS or LANES != 16:
        raise RuntimeError("the engine lays its tables out in another way: write the kernel anew")
    if _CASCADE.rest != _REST:
        raise RuntimeError("the engine counts states from another rest: write the kernel anew")
    grid = grid_of(plan.profile, list(system.breaks), system.running)
    compiled = kernel_of(_CASCADE)
    recorder = _Recorder(compiled.run.function)
    out = np.zeros((n, len(chain.TIMES), len(names)))
    module = ModuleType(compiled.run.module.__name__)
    vars(module).update(vars(compiled.run.module), run=recorder)
    solve_lanes(
        replace(compiled, run=replace(compiled.run, module=module)),
        system,
        laid_out(compiled, system),
        grid,
        place_outputs(grid, chain.TIMES),
        Columns(request.kind, request.index),
        out,
    )
    arguments = dict(
        zip(inspect.signature(recorder.py_func).parameters, recorder.given, strict=True)
    )
    return Prepared(compiled.run.function, arguments, out)


def run_engine(prepared: Prepared, threads: int) -> None:
    """Run the engine's compiled function, its groups shared out evenly.

    **Arguments:**

    - `prepared`: as `prepare` returns it.
    - `threads`: how many.
    """
    groups = prepared.arguments["last_group"]
    parts = [
        {"first_group": groups * k // threads, "last_group": groups * (k + 1) // threads}
        for k in range(threads)
    ]
    if threads == 1:
        prepared.function(*prepared.arguments.values())
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [
            pool.submit(prepared.function, *(prepared.arguments | part).values()) for part in parts
        ]:
            done.result()


def run(prepared: Prepared, out: Array, threads: int) -> NDArray[np.int64]:
    """Run the kernel.

    **Arguments:**

    - `prepared`: as `prepare` returns it.
    - `out`: receives the values, of the shape of `prepared.out`, contiguous.
    - `threads`: how many.

    **Returns:** what the engine reports: for each group 0, or 1 plus the segment after which a
    state was no longer finite.
    """
    given = prepared.arguments
    n, times, columns = prepared.out.shape
    if out.shape != prepared.out.shape or not out.flags.c_contiguous or out.dtype != np.float64:
        raise ValueError(f"out is no contiguous float64 array of shape {prepared.out.shape}")
    blown = np.zeros(given["last_group"], np.int64)
    numbers = {
        "groups": given["last_group"],
        "patients": n,
        "rows": given["rows"],
        "entries": given["entries"],
        "sources": given["sources"],
        "segments_": len(given["segments"]) - 1,
        "sizes_": len(given["sizes"]),
        "offsets_": len(given["offsets"]),
        "times": times,
        "first_row": len(chain.CHAIN.response.signals),
    }
    arrays = {name: given[name] for name in _FIELDS if name not in numbers and name in given}
    arrays |= {"out": out, "blown": blown}
    tables = _Tables(**numbers, **{name: one.ctypes.data for name, one in arrays.items()})
    _library().solve_w(ctypes.byref(tables), int(columns == len(ALL)), threads)
    return blown


@cache
def available() -> str:
    """Why the kernel cannot run here; empty when it can."""
    if shutil.which("g++") is None:
        return "there is no g++"
    try:
        _library()
    except subprocess.CalledProcessError as error:
        return f"g++ failed: {error.stderr.strip().splitlines()[0]}"
    except OSError as error:
        return f"what g++ made cannot be loaded: {error}"
    return ""


@cache
def _library() -> ctypes.CDLL:
    """The compiled kernel, kept in the folder for temporary files under its text's digest."""
    version = subprocess.run(
        ["g++", "--version"], check=True, capture_output=True, text=True
    ).stdout
    machine = subprocess.run(
        ["g++", "-march=native", "-Q", "--help=target"], check=True, capture_output=True, text=True
    ).stdout
    sources = [one.read_text(encoding="utf-8") for one in (SOURCE, _HEADER)]
    text = "\n".join((*sources, *FLAGS, version, machine))
    digest = hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
    path = Path(tempfile.gettempdir()) / f"ketasim-kernel-{digest}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / path.name
            subprocess.run(
                ["g++", *FLAGS, "-o", str(made), str(SOURCE)],
                check=True,
                capture_output=True,
                text=True,
            )
            shutil.copy(made, path.with_suffix(".new"))
            path.with_suffix(".new").replace(path)
    library = ctypes.CDLL(str(path))
    library.solve_w.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    library.solve_w.restype = None
    return library
