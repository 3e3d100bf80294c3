"""Courses and trials that ship, found by name; and a file taken for another kind of file."""

from __future__ import annotations

import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ketasim._base import InputError, named, near
from ketasim.dosing.yaml_text import read_mapping, read_text
from ketasim.evidence import studies


@dataclass(frozen=True)
class _Kind:
    """A kind of input file.

    **Arguments:**

    - `name`: such as `course`. `command`: what reads it.
    - `own`: keys that a file of the other kind does not have.
    """

    name: str
    command: str
    own: tuple[str, ...]


_KINDS: Final = (
    _Kind("course", "simulate", ("regimen", "doses", "patient", "pk_model")),
    _Kind("trial", "trial", ("trial", "arms", "assess")),
)


@cache
def shipped(kind: str) -> Mapping[str, Path]:
    """Name to path of what ships.

    **Arguments:**

    - `kind`: `course`, the examples; or `trial`, published trials and then examples.
    """
    examples = Path(str(resources.files("ketasim.dosing").joinpath("examples")))
    if kind == "course":
        paths = sorted(examples.glob("*.yaml"))
    else:
        paths = [
            *sorted(studies(), key=lambda path: path.stem.lower()),
            *sorted((examples / "trials").glob("*.yaml")),
        ]
    return MappingProxyType({path.stem: path for path in paths})


def located(source: str | Path, kind: str, *, field: str | None = None) -> Path:
    """Find an input by its path or, where there is no such file, by the name of what ships.

    **Main arguments:**

    - `source`: path or name; case does not matter in a name. `kind`: `course` or `trial`.

    **Other arguments:**

    - `field`: what to call it in an error; the kind when left out.

    **Raises:** `InputError` when it is neither, with the nearest name.
    """
    path, field = Path(source), field or kind
    if _is_file(path):
        return path
    name, shown = str(source), named(source)
    here = {one.lower(): file for one, file in shipped(kind).items()}
    if name.lower() in here:
        return here[name.lower()]
    if path.is_dir():
        raise InputError(field, f"'{named(path)}' is a folder", "name a file")
    for other in _KINDS:
        if other.name != kind and name.lower() in map(str.lower, shipped(other.name)):
            raise _of_kind(field, f"'{name}'", other, name)
    stem = path.stem if path.suffix.lower() in (".yaml", ".yml") else name
    hint = ""
    if path.name == name:
        for other in _KINDS:
            if other.name != kind and stem.lower() in map(str.lower, shipped(other.name)):
                raise _of_kind(field, f"there is no file '{shown}', and '{stem}'", other, stem)
        found = here.get(stem.lower())
        hint = near(stem.lower(), here) if found is None else f"did you mean '{found.stem}'?"
    if hint.startswith("did you mean"):
        raise InputError(field, f"there is no file '{shown}', and no {kind} of that name", hint)
    remedy = "check the path"
    if path.name == name and not path.suffix:
        command = next(one.command for one in _KINDS if one.name == kind)
        remedy = f"name a file, or one of 'ketasim {command} --list'"
    raise InputError(field, f"there is no file '{shown}'", remedy)


def _is_file(path: Path) -> bool:
    """Whether there is something to read, a pipe included; a folder is not."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return True  # reading it tells why it cannot be read


def read_input(source: str | Path | Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Read a course or a trial.

    **Arguments:**

    - `source`: content as a mapping, path of a YAML file, or name of what ships.
    - `kind`: `course` or `trial`.

    **Raises:** `InputError` when it cannot be read, or is of the other kind.
    """
    if isinstance(source, Mapping):
        content = dict(source)
    else:
        content = read_mapping(read_text(located(source, kind), kind), kind)
    wanted = next(one for one in _KINDS if one.name == kind)
    for other in _KINDS:
        if other is wanted or not any(key in content for key in other.own):
            continue
        if not any(key in content for key in wanted.own):
            named = not isinstance(source, Mapping)
            raise _of_kind(kind, "this", other, str(source) if named else "FILE")
    return content


def _of_kind(field: str, what: str, kind: _Kind, name: str) -> InputError:
    return InputError(
        field,
        f"{what} is a {kind.name} file",
        f"run: ketasim {kind.command} {shlex.quote(name)} --out DIR",
    )
