"""A folder with the manifest of large work: what is computed, by what, and in which shards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ketasim.__about__ import __version__
from ketasim._base.errors import InputError
from ketasim._base.files import check_targets, write_whole
from ketasim._base.text import named, shortened

MANIFEST: Final = "manifest.json"
"""The file that says what a folder of shards holds."""

SHARDS: Final = "shards"
"""The folder in it with a file for each shard that is done."""

_FORMAT: Final = 1
_AGAIN: Final = "plan it again into another folder"


@dataclass(frozen=True)
class Cost:
    """What shards take, as a few items computed here tell.

    **Arguments:**

    - `start`: seconds of one core that every shard takes beside its items.
    - `each`: seconds of one core for an item.
    - `memory`: bytes of a process that does a shard, at its largest.
    - `stored`: bytes of an item in the file of its shard. `once`: bytes of all that is in the
      first shards alone.
    - `measured`: how many items were computed to know.
    """

    start: float
    each: float
    memory: float
    stored: float
    once: float
    measured: int


NOTHING: Final = Cost(0.0, 0.0, 0.0, 0.0, 0.0, 0)
"""Before the cost is known."""


@dataclass(frozen=True)
class Plan:
    """Work on items that depend on nothing beside them, such as the replicates of a trial.

    **Arguments:**

    - `folder`: where it lies. `kind`: `trial`, `course` or `calibration`.
    - `counted`: what an item is, in the plural. `total`: how many. `size`: of a shard.
    - `input`: name in the folder of the file that is computed. `digest`: SHA-256 of its content.
    - `options`: what changes the result. `cards`: key to hash of all that it rests on.
    - `cost`: of a shard. `given`: words of the command, for the files that are made at the end.
    - `version`: of ketasim.
    """

    folder: Path
    kind: str
    counted: str
    total: int
    size: int
    input: str
    digest: str
    options: Mapping[str, Any]
    cards: Mapping[str, str]
    cost: Cost
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    version: str = __version__

    @property
    def work(self) -> dict[str, Any]:
        """What has to be the same for the result to be the same."""
        return {
            "format": _FORMAT,
            "version": self.version,
            "kind": self.kind,
            "input": self.digest,
            "options": dict(self.options),
            "cards": dict(self.cards),
            "total": self.total,
        }

    @property
    def hash(self) -> str:
        """Of the work and its shards: what every shard is marked with."""
        text = json.dumps(self.work | {"size": self.size}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def shards(self) -> int:
        """How many shards there are; they are counted from 0."""
        return -(-self.total // self.size)

    def items(self, shard: int) -> range:
        """Items of a shard."""
        return range(shard * self.size, min((shard + 1) * self.size, self.total))

    def seconds(self, items: int) -> float:
        """Seconds of one core for a shard of so many items."""
        return self.cost.start + self.cost.each * items

    @property
    def core_hours(self) -> float:
        """Hours of one core for all shards."""
        return sum(self.seconds(len(self.items(one))) for one in range(self.shards)) / 3600.0

    @property
    def bytes(self) -> float:
        """Of all files of shards together."""
        return self.cost.stored * self.total + self.cost.once

    @property
    def source(self) -> Path:
        """The file that is computed."""
        return self.folder / self.input

    def document(self) -> dict[str, Any]:
        """What the manifest says."""
        return {
            "hash": self.hash,
            **self.work,
            "file": self.input,
            "counted": self.counted,
            "size": self.size,
            "shards": self.shards,
            "cost": asdict(self.cost)
            | {
                "shard_seconds": self.seconds(len(self.items(0))),
                "core_hours": self.core_hours,
                "bytes": self.bytes,
            },
            "given": dict(self.given),
        }


def sized(cost: Cost, total: int, seconds: float) -> int:
    """Items of a shard that takes about so many seconds of one core, in two digits."""
    size = max(int((seconds - cost.start) / max(cost.each, 1e-9)), 1)
    unit = 10 ** max(len(str(size)) - 2, 0)
    return min(size // unit * unit, total)


def held_plan(plan: Plan, size: int | None) -> Plan | None:
    """The plan of the same work that the folder holds, with what is done of it; nothing if none.

    **Arguments:**

    - `plan`: with the folder. `size`: of a shard, if it was asked for.

    **Raises:** `InputError` where the folder holds other work, or cannot be written to.
    """
    if not (plan.folder / MANIFEST).exists():
        check_targets(plan.folder, (plan.input, MANIFEST), field="--plan")
        return None
    found = read_plan(plan.folder, field="--plan")
    if found.work != plan.work:
        what = f"another input, seed or number of {plan.counted}"
        if found.kind != plan.kind:
            what = f"a {found.kind}"
        elif found.cards != plan.cards:
            what = "other cards"
        raise InputError(
            "--plan", f"'{named(plan.folder)}' holds the plan of {what}", "name another folder"
        )
    if size is not None and min(size, found.total) != found.size:
        raise InputError(
            "--shard-size",
            f"the plan in '{named(plan.folder)}' has shards of {found.size}",
            "leave it out, or name another folder",
        )
    return found


def write_plan(plan: Plan, content: bytes) -> Plan:
    """Write the manifest and the file that is computed, both or none.

    **Arguments:**

    - `plan`: with the folder. `content`: of the file.

    **Raises:** `InputError` where the folder cannot be written to.
    """
    manifest = json.dumps(plan.document(), indent=2, ensure_ascii=False) + "\n"
    write_whole(plan.folder, {plan.input: content, MANIFEST: manifest.encode()}, field="--plan")
    return plan


def read_plan(folder: Path, *, field: str = "DIR") -> Plan:
    """Read the manifest of a folder.

    **Arguments:**

    - `folder`: as typed. `field`: what to call it in an error.

    **Raises:** `InputError` where there is none, it is of another version, or it or the file that
    is computed was changed.
    """
    shown, place = named(folder), folder / MANIFEST
    try:
        told = json.loads(place.read_text(encoding="utf-8"))
        version, kind = str(told["version"]), str(told["kind"])
    except FileNotFoundError:
        raise InputError(
            field, f"there is no {MANIFEST} in '{shown}'", "name a folder that --plan has written"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it is no manifest"
        raise InputError(field, f"cannot read '{named(place)}' ({reason})", _AGAIN) from None
    if version != __version__ or told.get("format") != _FORMAT:
        other = shortened(version, 40)
        raise InputError(
            field,
            f"the plan in '{shown}' is of ketasim {other}, and this is {__version__}",
            f"run it with ketasim {other}, or {_AGAIN}",
        )
    try:
        plan = Plan(
            folder=folder,
            kind=kind,
            counted=str(told["counted"]),
            total=int(told["total"]),
            size=int(told["size"]),
            input=Path(str(told["file"])).name,
            digest=str(told["input"]),
            options=told["options"],
            cards=told["cards"],
            cost=Cost(**{name: told["cost"][name] for name in Cost.__dataclass_fields__}),
            given=told["given"],
        )
        same = plan.size > 0 and plan.total > 0 and plan.hash == told["hash"]
    except (KeyError, TypeError, ValueError):
        same, plan = False, None
    if plan is None or not same:
        raise InputError(field, f"'{named(place)}' was changed since it was planned", _AGAIN)
    try:
        content = plan.source.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != plan.digest:
        raise InputError(field, f"'{named(plan.source)}' was changed since it was planned", _AGAIN)
    return plan


def check_cards(plan: Plan, cards: Mapping[str, str]) -> None:
    """Refuse to go on with other numbers than those of the plan.

    **Arguments:**

    - `cards`: key to hash of what is here.

    **Raises:** `InputError`.
    """
    other = [key for key, mark in plan.cards.items() if cards.get(key) != mark]
    if other:
        raise InputError(
            "DIR",
            f"the card '{other[0]}' is another one here than in the plan",
            f"run it where it was planned, or {_AGAIN}",
        )
