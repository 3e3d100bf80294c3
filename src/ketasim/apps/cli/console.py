"""What commands share: plain numbers, JSON, tables of text, an output folder checked early."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shlex
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

from cyclopts import Parameter

from ketasim._base import InputError, check_kind, check_targets, fitting, named, visible
from ketasim.apps.cli.streams import bare

if TYPE_CHECKING:
    from cyclopts import Token
    from rich.console import Console

    from ketasim._base import Result

AsJson = Annotated[bool, Parameter(name="--json", help="Print one JSON object instead of text.")]


def path_given(_kind: Any, tokens: Sequence[Token]) -> Path:
    """A path that an option names; an empty one would be the folder of the shell."""
    token = tokens[0]
    if not token.value.strip():
        raise InputError(token.keyword or "a path", "is empty", "name one, such as out/mine")
    return Path(token.value)


_FOLDER: Final = Parameter(
    name="--out", help="Folder for the files; made if missing.", converter=path_given
)
OutFolder = Annotated[Path, _FOLDER]
MaybeFolder = Annotated[Path | None, _FOLDER]


def _whole(_kind: Any, tokens: Sequence[Token]) -> int:
    """A whole number in plain digits: not 2.5, which would lose its half, nor 1e3 or 0x10."""
    token = tokens[0]
    return whole(token.value.strip(), token.keyword or "a number", "give one, as 20")


def whole(text: str, option: str, remedy: str) -> int:
    """Read a whole number in plain digits.

    **Arguments:**

    - `text`: as typed. `option`: what to call it in an error. `remedy`: for what is none.

    **Raises:** `InputError`.
    """
    if not re.fullmatch(r"[-+]?[0-9]+", text):
        raise InputError(option, f"'{named(text, 40)}' is not a whole number", remedy)
    if len(text) > _DIGITS:
        raise InputError(option, f"it has {len(text)} digits", f"give at most {_DIGITS}")
    return int(text)


def whole_number(told: str) -> Parameter:
    """The parameter of an option that takes a whole number; `told` is its help."""
    return Parameter(help=told, converter=_whole)


ListShipped = Annotated[bool, Parameter(name="--list", help="List what ships, and do nothing.")]

Printed = Annotated[
    bool, Parameter(name="--print", help="Also write print.pdf, one side of A4.", negative=())
]
PRINT: Final = "print.pdf"
"""What `--print` writes beside the other files."""

Given = TypeVar("Given")

_DIGITS = 18  # of a whole number
_CATALOGUE, _GIVEN = 100, 40  # characters of a line, and of what is given
_HOURS_BELOW = 2.0  # days


def example(words: str) -> str:
    """What `--help` of a command ends with."""
    return f"Example: ketasim {words}"


def print_json(value: object) -> None:
    """Print one JSON document; numbers that are not finite become null."""
    text = json.dumps(plain(value), ensure_ascii=False, allow_nan=False, indent=2)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if fitting(visible(text), encoding) != text:  # what would be replaced is written as JSON does
        text = json.dumps(plain(value), allow_nan=False, indent=2).replace("\x7f", "\\u007f")
    print(text)


def plain(value: object) -> Any:
    """Turn what the package returns into what JSON can hold."""
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        return {str(key): plain(item) for key, item in table.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(cast("Any", value).tolist())
    return str(value)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns side by side, numbers to the right; nothing is cut off."""
    if not rows:
        return
    header, rows = [visible(cell) for cell in header], [[visible(cell) for cell in r] for r in rows]
    widths = [max(len(line[i]) for line in (header, *rows)) for i in range(len(header))]
    right = [all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    for line in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True


def note(text: str) -> None:
    """Print a line for people on the error stream."""
    print(text, file=sys.stderr)


def warn(warnings: Iterable[str]) -> None:
    """Print what the reader must know, a line each, on the error stream."""
    for warning in warnings:
        note(f"warning: {warning}")


def save(
    result: Result, folder: Path, *, inputs: Sequence[Path] = (), **options: Any
) -> list[Path]:
    """Write what `result.save` writes.

    **Arguments:**

    - `result`: of the command. `folder`: what `--out` says.
    - `inputs`: files that were read, which are never written over.
    - `options`: of `result.files`.

    **Raises:** `InputError`.
    """
    from ketasim._base import write_whole

    return write_whole(folder, cast("Any", result).files(**options), inputs=inputs)


def answer(
    result: Result,
    paths: Iterable[Path],
    show: Callable[[Any], object],
    document: Callable[[], Mapping[str, Any]],
    *,
    as_json: bool,
) -> None:
    """Answer a command: warnings, what came out and the files, or one JSON object with all.

    **Arguments:**

    - `result`: of the command, with `metadata` and `warnings`. `paths`: files that were written.
    - `show`: prints the result. `document`: more of the object, by name.
    - `as_json`: whether the object is asked for.
    """
    found = cast("Any", result)
    if as_json:
        told = {"warnings": list(found.warnings), "files": [str(path) for path in paths]}
        print_json({"metadata": found.metadata, **document(), **told})
        return
    warn(found.warnings)
    show(result)
    print()
    for path in paths:
        print(path)


def listen() -> None:
    """Print forecasts of long work, and how far it is where no bar shows it."""
    from ketasim._base.size import print_log

    print_log()


def command_line(words: Sequence[str]) -> str:
    """A command as a report shows it; bytes of a name that are no text are written out."""
    return visible(shlex.join(words))


def progress_console() -> Console:
    """Where progress is drawn: the error stream, as it is at a terminal, else as text."""
    from rich.console import Console

    inner = bare(sys.stderr)
    return Console(file=inner) if inner.isatty() else Console(stderr=True)


def check_input(path: Path, field: str, kind: str = "course") -> Path:
    """Refuse what is neither a file nor the name of what ships; say which of the two is read.

    **Main arguments:**

    - `path`: as typed. `field`: what to call it in an error.

    **Other arguments:**

    - `kind`: `course` or `trial`.

    **Returns:** the file that is read.

    **Raises:** `InputError`.
    """
    from ketasim.dosing import located, shipped

    found = located(path, kind, field=field)
    if found == path:
        check_file(path, field)
        if str(path) in shipped(kind):
            note(f"note: '{named(path)}' is a file here and is read; the {kind} that ships is not")
    return found


def needed(value: Given | None, field: str, remedy: str) -> Given:
    """Return a word that only `--list` does without.

    **Raises:** `InputError` when it was left out.
    """
    if value is None:
        raise InputError(field, "is missing", remedy)
    return value


def check_folder(
    folder: Path,
    names: Iterable[str] = (),
    *,
    inputs: Sequence[Path] = (),
    field: str = "--out",
) -> None:
    """Refuse, before any work, a folder in which a command cannot write its files.

    **Arguments:**

    - `folder`: what the option says.
    - `names`: files to be written.
    - `inputs`: files to be read, which are never written over.
    - `field`: the option.

    **Raises:** `InputError`.
    """
    check_targets(folder, names, field=field, inputs=inputs)


def check_file(path: Path, field: str) -> None:
    """Refuse a file that cannot be read, or that standard output goes to as well.

    **Raises:** `InputError`.
    """
    shown = named(path)
    try:
        found = path.stat()
    except FileNotFoundError:
        raise InputError(field, f"there is no file '{shown}'", "check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(field, f"cannot read '{shown}' ({reason})", "check the path") from None
    check_kind(path, field)
    if stat.S_ISREG(found.st_mode) and _printed_into(found):
        raise InputError(
            field, f"'{shown}' is also where the output goes", "print into another file"
        )


def _printed_into(found: os.stat_result) -> bool:
    try:
        return os.path.samestat(found, os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError, AttributeError):
        return False


def print_catalogue(kind: str, as_json: bool) -> None:
    """Print what ships, a line each.

    **Arguments:**

    - `kind`: `course` or `trial`. `as_json`: as one JSON object.
    """
    from ketasim.dosing import catalogue

    entries = catalogue(kind)
    if as_json:
        print_json({f"{kind}s": [vars(one) for one in entries]})
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("name", no_wrap=True)
    table.add_column("given", max_width=_GIVEN)
    table.add_column("patients", justify="right")
    table.add_column("followed", justify="right", no_wrap=True)
    table.add_column("source" if kind == "trial" else "title", overflow="fold")
    for one in entries:
        last = one.source or one.title
        table.add_row(one.name, one.given, str(one.patients), _followed(one.days), last)
    text = io.StringIO()
    plain_console = Console(file=text, width=_CATALOGUE, color_system=None, markup=False)
    plain_console.print(table, highlight=False)
    lines = text.getvalue().replace("─", "-").splitlines()  # for terminals that lack the sign
    print("\n".join(line.rstrip() for line in lines))


def _followed(days: float) -> str:
    """A time as it is said: minutes below one hour, hours below two days."""
    if days < 1 / 24:
        return f"{24 * 60 * days:.0f} min"
    return f"{24 * days:.3g} h" if days < _HOURS_BELOW else f"{days:.3g} d"
