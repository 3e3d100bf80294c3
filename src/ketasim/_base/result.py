"""What every result can do: say what it is, be shown, saved and cited."""

from __future__ import annotations

import copyreg
import importlib
import inspect
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final

from ketasim._base.errors import InputError
from ketasim._base.files import write_whole
from ketasim._base.headline import Headline

if TYPE_CHECKING:
    import polars


# what a spreadsheet takes for a formula; a sign alone is none, nor is a number behind it
_FORMULA: Final = r"^\s*[=@]|^[\t\r]|^\s*[+-]."


# Results and their parts have read-only mappings, which Python does not pickle or copy by itself.
def _read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


class Shown(ABC):
    """Something that says what it is in a few lines: a result, or a part of one."""

    @abstractmethod
    def headline(self) -> Headline:
        """What this is, and its main numbers."""

    def __repr__(self) -> str:
        return self.headline().text()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.headline().html()


class Result(Shown):
    """What a verb of ketasim returns.

    A result knows nothing of how it is drawn or laid out on a page: `ketasim.plot` and
    `ketasim.report` do.
    """

    @property
    @abstractmethod
    def metadata(self) -> dict[str, Any]:
        """What reproduces this result: version, input, cards and their hashes, seed."""

    @abstractmethod
    def sources(self) -> tuple[str, ...]:
        """Keys of every source that this result used, without repetition."""

    @abstractmethod
    def main_table(self) -> polars.DataFrame:
        """The long table that `to_parquet` writes."""

    @abstractmethod
    def files(self) -> Mapping[str, bytes]:
        """What `save` writes: file name to content."""

    def save(self, folder: str | Path) -> list[Path]:
        """Write what the command writes: all files or none.

        **Arguments:**

        - `folder`: made if missing.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files())

    def to_parquet(self, path: str | Path | IO[bytes]) -> None:
        """Write the main table as Parquet.

        **Arguments:**

        - `path`: a file's name, or an open binary file.

        **Raises:** `InputError` when the file cannot be written.
        """
        if isinstance(path, str | Path):
            write_whole(
                Path(path).parent, {Path(path).name: parquet(self.main_table())}, field="path"
            )
        else:
            self.main_table().write_parquet(path)

    def cite(self) -> str:
        """BibTeX: ketasim itself, then every source that this result used."""
        return later("ketasim.evidence:cite_result")(self.sources())


def later(name: str) -> Any:
    """Something of a room above, looked up by name when it is needed.

    **Arguments:**

    - `name`: module and name, such as `ketasim.reports:report`.
    """
    module, _, what = name.partition(":")
    return getattr(importlib.import_module(module), what)


def dispatch(
    verb: str, known: Mapping[str, str], result: object, options: Mapping[str, Any]
) -> Any:
    """Call what is made for the kind of a result.

    **Arguments:**

    - `verb`: its name in errors. `known`: name of a class to what is called, as `later` takes it.
    - `result`: its first argument. `options`: the others, by name.

    **Raises:** `InputError` when nothing is made for it, or it takes no such option.
    """
    kind = type(result).__name__
    if kind not in known:
        takes = f"give one of: {', '.join(known)}"
        raise InputError(verb, f"takes no {kind}", takes)
    called = later(known[kind])
    names = list(inspect.signature(called).parameters)[1:]
    for name in options:
        if name not in names:
            has = f"leave it out; options: {', '.join(names)}" if names else "leave it out"
            raise InputError(verb, f"a {kind} takes no option '{name}'", has)
    return called(result, **options)


def saved(folder: str | Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write the files of a result: all of them or none.

    **Arguments:**

    - `folder`: made if missing. `files`: name to content.

    **Raises:** `InputError` when the folder has no name or cannot be written to.
    """
    if not str(folder):
        raise InputError("folder", "'' names no folder", "name one, such as 'out'")
    return write_whole(Path(folder), files, field="folder")


def parquet(table: polars.DataFrame) -> bytes:
    """A table as the content of a Parquet file."""
    stream = io.BytesIO()
    table.write_parquet(stream)
    return stream.getvalue()


def csv(table: polars.DataFrame) -> bytes:
    """A table as the content of a CSV file.

    Text that a spreadsheet would take for a formula has an apostrophe before it; numbers stay.
    """
    import polars

    text = [name for name, kind in table.schema.items() if kind == polars.String]
    column = polars.col(text)
    formula = column.str.contains(_FORMULA) & column.cast(polars.Float64, strict=False).is_null()
    safe = polars.when(formula).then("'" + column).otherwise(column).name.keep()
    return (table.with_columns(safe) if text else table).write_csv().encode()
