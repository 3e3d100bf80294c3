"""Files of shards that are done: arrays, what they are, and of which plan."""

from __future__ import annotations

import io
import json
import platform
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ketasim._base.errors import InputError
from ketasim._base.files import write_whole
from ketasim._base.shards.plan import SHARDS, Plan
from ketasim._base.text import named
from ketasim._base.words import spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ABOUT: Final = "about"
_BROKEN: Final = (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError)
_LIBRARIES: Final = ("numpy", "scipy", "numba", "polars")


@dataclass(frozen=True)
class State:
    """Which shards of a plan are there.

    **Arguments:**

    - `done`: those that are. `missing`: those that are not. `damaged`: those whose file is not
      whole. `foreign`: those whose file is of another plan.
    """

    done: tuple[int, ...]
    missing: tuple[int, ...]
    damaged: tuple[int, ...]
    foreign: tuple[int, ...]

    @property
    def left(self) -> tuple[int, ...]:
        """Those that have to be done."""
        return tuple(sorted((*self.missing, *self.damaged)))


class Clock:
    """Time and memory of a shard while it is done."""

    def __init__(self) -> None:
        self._wall, self._cores = time.monotonic(), time.process_time()

    def told(self) -> dict[str, float]:
        """Seconds, seconds of one core, and bytes of the process at its largest."""
        return {
            "seconds": time.monotonic() - self._wall,
            "core_seconds": time.process_time() - self._cores,
            "memory": peak_memory(),
        }


def peak_memory() -> float:
    """Bytes that this process held at its largest; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 0.0
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(held if sys.platform == "darwin" else 1024 * held)


def path_of(plan: Plan, shard: int) -> Path:
    """The file of a shard."""
    return plan.folder / SHARDS / _name(shard)


def _name(shard: int) -> str:
    return f"{shard:06d}.npz"


def write_shard(
    plan: Plan, shard: int, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]
) -> Path:
    """Write the file of a shard: it appears whole or not at all.

    **Arguments:**

    - `arrays`: by name. `about`: what else is known, as JSON can hold it.

    **Raises:** `InputError` where it cannot be written.
    """
    content = packed(arrays, {"plan": plan.hash, "shard": shard, "made_by": _made_by(), **about})
    return write_whole(plan.folder / SHARDS, {_name(shard): content}, field="DIR")[0]


def packed(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> bytes:
    """Arrays and what is known of them as the content of a file."""
    import numpy as np

    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{_ABOUT: text, **arrays})
    return stream.getvalue()


def read_shard(plan: Plan, shard: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Arrays of a shard, and what is known of them.

    **Raises:** `InputError` where the file is damaged, or of another plan.
    """
    import numpy as np

    path = path_of(plan, shard)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays.pop(_ABOUT).tobytes())
    except _BROKEN:
        raise InputError(
            "DIR",
            f"'{named(path)}' is damaged",
            f"run 'ketasim work {named(plan.folder)} --shard {shard}'",
        ) from None
    if about.get("plan") != plan.hash or about.get("shard") != shard:
        raise _foreign(plan, (shard,))
    return arrays, about


def state_of(plan: Plan, shards: range | None = None, *, whole: bool = False) -> State:
    """Look which shards are there.

    **Arguments:**

    - `shards`: which; all when left out. `whole`: read the files from their first to their last
      byte.
    """
    found: dict[str, list[int]] = {"done": [], "missing": [], "damaged": [], "foreign": []}
    try:
        there = {entry.name for entry in (plan.folder / SHARDS).iterdir()}
    except OSError:
        there = set[str]()
    for shard in range(plan.shards) if shards is None else shards:
        kind = "missing" if _name(shard) not in there else _kind(plan, shard, whole)
        found[kind].append(shard)
    return State(**{name: tuple(those) for name, those in found.items()})


def _kind(plan: Plan, shard: int, whole: bool) -> str:
    about = about_of(plan, shard, whole=whole)
    if about is None:
        return "damaged"
    return "done" if about.get("plan") == plan.hash and about.get("shard") == shard else "foreign"


def about_of(plan: Plan, shard: int, *, whole: bool = False) -> dict[str, Any] | None:
    """What is known of a shard beside its arrays; nothing where its file is damaged."""
    import numpy as np

    try:
        with zipfile.ZipFile(path_of(plan, shard)) as file:
            if whole and file.testzip() is not None:
                return None
            with file.open(f"{_ABOUT}.npy") as member:
                return json.loads(np.lib.format.read_array(member, allow_pickle=False).tobytes())
    except _BROKEN:
        return None


def check_own(plan: Plan, state: State) -> None:
    """Refuse shards that are not of the plan.

    **Raises:** `InputError`.
    """
    if state.foreign:
        raise _foreign(plan, state.foreign)


def _foreign(plan: Plan, shards: tuple[int, ...]) -> InputError:
    many = len(shards) > 1
    return InputError(
        "DIR",
        f"the file{'s' if many else ''} of shard{'s' if many else ''} {spans(shards)} in "
        f"'{named(plan.folder)}' {'are' if many else 'is'} of another plan",
        "take them out of the folder, and do those shards again",
    )


@cache
def _made_by() -> dict[str, str]:
    """What the last digits of a number may depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def environments(plan: Plan, shards: tuple[int, ...]) -> list[dict[str, str]]:
    """The different surroundings in which shards were done."""
    found: list[dict[str, str]] = []
    for shard in shards:
        about = about_of(plan, shard)
        if about is not None and about["made_by"] not in found:
            found.append(about["made_by"])
    return found
