"""Plans kept: in the process and on disk, by everything that the pilot sees."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim.engine.backends.numba.kept import chosen_folder
from ketasim.engine.grid import BINS, Profile
from ketasim.engine.linear.inputs import DoseLike
from ketasim.engine.patients import Patients
from ketasim.engine.planning import Plan
from ketasim.engine.response.cascade import Cascade
from ketasim.models import ChainModel

_MOST_PATIENTS = 100_000  # a digest of more takes as long as their pilot
_MOST_HERE = 512  # plans in the process
_MOST_KEPT = 2000  # on disk, half a kilobyte each; the oldest leave
_MOST_MODELS = 32
_HERE: dict[str, Plan] = {}


def plan_key(
    model: ChainModel, cascade: Cascade, patients: Patients, tolerance: float, engine: str
) -> str | None:
    """A name for a plan: a digest of all that it is a function of; nothing for very many patients.

    The numbers themselves count, not the cards they came from, and so does the engine's own text:
    what was found once is what would be found again.

    **Arguments:**

    - `model`, `cascade`: the declaration, and the step written from it.
    - `patients`: those of the pilot, with their calendars.
    - `tolerance`: relative error allowed. `engine`: who tries the steps, and on what.
    """
    if patients.n > _MOST_PATIENTS:
        return None
    digest = hashlib.blake2b(_about_engine(), digest_size=20)
    digest.update(_about_model(id(model), model, id(cascade), cascade))
    digest.update(f"{tolerance!r} {engine}".encode())
    for name, value in sorted(patients.values.items()):
        digest.update(f"{name} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    digest.update(patients.weight.tobytes())
    digest.update(patients.calendar_of.tobytes())
    for calendar in patients.calendars:
        digest.update(f"{calendar.horizon!r} {len(calendar.doses)}".encode())
        _add_doses(digest, calendar.doses, patients.weight)
    return digest.hexdigest()


def _add_doses(digest: Any, doses: Sequence[DoseLike], weight: NDArray[np.float64]) -> None:
    for dose in doses:
        interval = dose.steady_state_interval
        about = (dose.time, dose.drug, dose.route, dose.duration, dose.device, interval)
        digest.update(repr((*about, dose.rate_given)).encode())
        digest.update(np.asarray(dose.milligrams(weight), np.float64).tobytes())


@lru_cache(maxsize=1)
def _about_engine() -> bytes:
    digest = hashlib.blake2b(digest_size=20)
    digest.update(f"{__version__} {np.__version__} {platform.machine()}".encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


_MODELS: dict[tuple[int, int], tuple[ChainModel, Cascade, bytes]] = {}


def _about_model(model_id: int, model: ChainModel, cascade_id: int, cascade: Cascade) -> bytes:
    key = model_id, cascade_id
    if key not in _MODELS:
        if len(_MODELS) >= 32:
            _MODELS.clear()
        text = repr((model.pharmacokinetics, model.response))
        # the models stay with their digest: another may not get their place in memory
        _MODELS[key] = model, cascade, hashlib.blake2b(text.encode(), digest_size=20).digest()
    return _MODELS[key][2]


def remembered(key: str | None) -> Plan | None:
    """A plan found before; nothing when there is none, or what is kept cannot be read.

    **Arguments:**

    - `key`: as `plan_key` gives it.
    """
    if key is None:
        return None
    if key not in _HERE:
        with suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
            _keep_here(key, _plan_of(json.loads(_path(key).read_text(encoding="utf-8"))))
    return _HERE.get(key)


def remember(key: str | None, plan: Plan) -> None:
    """Keep a plan, on disk as far as it can be.

    **Arguments:**

    - `key`: as `plan_key` gives it. `plan`: with a finite error.
    """
    if key is None or not np.isfinite(plan.error):
        return
    _keep_here(key, plan)
    with suppress(OSError, RuntimeError, ValueError):
        path = _path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # beside, then renamed: another process never reads half a file
        beside = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(4)}.tmp")
        try:
            beside.write_text(json.dumps(_content(plan)), encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        _thin(path.parent)


def _keep_here(key: str, plan: Plan) -> None:
    while len(_HERE) >= _MOST_HERE:
        _HERE.pop(next(iter(_HERE)))
    _HERE[key] = plan


def _path(key: str) -> Path:
    return chosen_folder() / "plans" / f"{key}.json"


def _content(plan: Plan) -> dict[str, Any]:
    body = {
        "running": plan.profile.running,
        "free": plan.profile.free,
        "tolerance": plan.tolerance,
        "error": plan.error,
        "checked": plan.checked,
        "model": plan.model,
    }
    return {"plan": body, "seal": _seal(body)}


def _seal(body: Any) -> str:
    return hashlib.blake2b(json.dumps(body).encode(), digest_size=16).hexdigest()


def _plan_of(content: Any) -> Plan:
    body = content["plan"]
    if content["seal"] != _seal(body):
        raise ValueError
    counts = [*body["running"], *body["free"]]
    if len(body["running"]) != BINS or len(body["free"]) != BINS:
        raise ValueError
    if not all(type(one) is int and one > 0 for one in counts):
        raise ValueError
    profile = Profile(tuple(body["running"]), tuple(body["free"]))
    return Plan(profile, body["tolerance"], body["error"], body["checked"], body["model"])


def _thin(folder: Path) -> None:
    """Remove the oldest plans beyond what is kept."""
    kept = [one for one in os.scandir(folder) if one.name.endswith(".json")]
    if len(kept) > _MOST_KEPT:
        kept.sort(key=lambda one: one.stat().st_mtime)
        for one in kept[: len(kept) - _MOST_KEPT * 9 // 10]:
            Path(one.path).unlink(missing_ok=True)
