"""A piece of long work: how far it is, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

State = Literal["waiting", "running", "done", "refused", "failed", "cancelled"]

ENDED: Final = ("done", "refused", "failed", "cancelled")
"""States in which a job stays."""


@dataclass(frozen=True)
class Job:
    """A piece of long work, as it is at one moment.

    **Arguments:**

    - `id`: nobody can guess it. `client`: who asked.
    - `work`: what does it, as `later` takes it. `arguments`: by name.
    - `state`: `refused` is for what was given, `failed` for what went wrong with the work.
    - `part`: done, 0 to 1. `what`: of what, such as `1,200 of 6,000 patients`.
    - `problem`, `remedy`: why it was refused or failed; `place`: the field of the input.
    - `asked`: when, s of a clock that only goes forward; `ended` likewise, 0 before that.
    - `files`: of what came out, name to content; `answer`: what else came out.
    """

    id: str
    client: str
    work: str
    arguments: Mapping[str, Any] = field(repr=False)
    asked: float = 0.0
    state: State = "waiting"
    part: float = 0.0
    what: str = ""
    place: str = ""
    problem: str = ""
    remedy: str = ""
    ended: float = 0.0
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def over(self) -> bool:
        """Whether it stays as it is."""
        return self.state in ENDED

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(map(len, self.files.values()))
