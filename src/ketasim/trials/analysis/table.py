"""Anybody's data: columns of numbers and of categories, from a file or a data frame."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, named, near, read_whole, shortened

Array = NDArray[np.float64]
Codes = NDArray[np.intp]

_MOST_BYTES: Final = 500_000_000
_MISSING: Final = ("", "NA", "NaN", "nan", ".", "null", "NULL", "N/A", "n/a")

_ANSWERS: Final = {
    **dict.fromkeys(("1", "1.0", "y", "yes", "true"), 1.0),
    **dict.fromkeys(("0", "0.0", "n", "no", "false"), 0.0),
}

_NUMBERS: Final = 6
"""Different numbers in a column from which a word among them is taken for a slip."""


@dataclass(frozen=True)
class Column:
    """One column.

    **Arguments:**

    - `name`: as in the data.
    - `values`: numbers, NaN where missing; `None` for categories.
    - `codes`: number of the category in each row, −1 where missing; `None` for numbers.
    - `levels`: categories, the reference first; of numbers empty.
    - `ordered`: the order of the levels was given: by ordered categories, or by numbers.
    """

    name: str
    values: Array | None
    codes: Codes | None = None
    levels: tuple[str, ...] = ()
    ordered: bool = False

    @property
    def strange(self) -> str:
        """The first category that is no number; empty where all are."""
        return next((one for one in self.levels if not _is_number(one)), "")

    def row_of(self, level: str) -> int:
        """The first row of a category, from 1."""
        assert self.codes is not None
        return int(np.flatnonzero(self.codes == self.levels.index(level))[0]) + 1

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether a row has no value."""
        if self.values is not None:
            return np.isnan(self.values)
        assert self.codes is not None
        return self.codes < 0


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    **Arguments:**

    - `columns`: by name. `rows`: how many there are. `field`: what to call the data in an error.
    """

    columns: Mapping[str, Column]
    rows: int
    field: str = "data"

    def column(self, name: str, field: str) -> Column:
        """The column of a name.

        **Raises:** `InputError` that names the near one.
        """
        if name not in self.columns:
            raise InputError(
                field, f"there is no column '{shortened(name)}'", near(name, self.columns)
            )
        return self.columns[name]

    def numbers(self, name: str, field: str) -> Array:
        """The numbers of a column, shape (rows,).

        **Raises:** `InputError` with the first word that is no number.
        """
        column = self.column(name, field)
        if column.values is None:
            assert column.codes is not None
            word = column.strange
            if not word:  # text, each a number
                each = np.array([*(float(one) for one in column.levels), math.nan])
                return each[column.codes]
            raise InputError(
                name,
                f"'{shortened(word)}' in row {column.row_of(word)} is not a number",
                "write numbers, and leave missing ones empty",
            )
        return column.values

    def yes_or_no(self, name: str, field: str) -> Column:
        """A column of which each row says yes or no, as 1 and 0; of numbers, as it is.

        Words are `Y` and `N`, `yes` and `no`, `true` and `false`, in any case.

        **Raises:** `InputError` with the first other word; and when every row that is not empty
        says the same, as the empty ones may stand for the other.
        """
        column = self.column(name, field)
        if column.values is not None or not column.strange:
            return Column(name, self.numbers(name, field))
        assert column.codes is not None
        each = {level: _ANSWERS.get(level.strip().lower()) for level in column.levels}
        other = next((level for level, one in each.items() if one is None), None)
        if other is not None:
            raise InputError(
                name,
                f"'{shortened(other)}' in row {column.row_of(other)} is neither yes nor no",
                "write 1 and 0, Y and N, or true and false, and leave missing ones empty",
            )
        values = np.array([*each.values(), np.nan], dtype=float)[column.codes]
        if column.missing.any() and len(set(values[~column.missing].tolist())) == 1:
            raise InputError(
                name,
                f"every row has '{shortened(column.levels[0])}' or is empty",
                "write the other word where that is meant, and leave out rows that are missing",
            )
        return Column(name, values)

    def factor(self, name: str, field: str) -> Column:
        """A column as categories: numbers become theirs, in the order of their size.

        **Raises:** `InputError`.
        """
        column = self.column(name, field)
        if column.values is None:
            return column
        missing = np.isnan(column.values)
        found, codes = np.unique(column.values[~missing], return_inverse=True)
        every = np.full(self.rows, -1, dtype=np.intp)
        every[~missing] = codes
        levels = tuple(_written(float(one)) for one in found)
        return Column(name, None, every, levels, ordered=True)

    def taking(self, rows: NDArray[np.bool_]) -> Table:
        """The rows that are told, with the categories they have."""
        columns = {
            name: replace(
                column,
                values=None if column.values is None else column.values[rows],
                codes=None if column.codes is None else column.codes[rows],
            )
            for name, column in self.columns.items()
        }
        return Table(columns, int(rows.sum()), self.field)

    def having(self, *columns: Column) -> Table:
        """With columns put in the place of those of their name, or added."""
        return replace(self, columns={**self.columns, **{one.name: one for one in columns}})


def check_category(column: Column) -> None:
    """Refuse a column of numbers that a word in it makes one of categories.

    **Raises:** `InputError` with the word and its row.
    """
    numbers = sum(map(_is_number, column.levels))
    if column.strange and numbers >= max(_NUMBERS, 2 * (len(column.levels) - numbers)):
        word = column.strange
        raise InputError(
            column.name,
            f"'{shortened(word)}' in row {column.row_of(word)} is not a number, and {numbers} "
            "other values are",
            "write a number or leave it empty; or say that it is categories (--factor)",
        )


def used_levels(column: Column) -> Column:
    """A column of categories without those that no row has."""
    assert column.codes is not None
    there = np.bincount(column.codes[column.codes >= 0], minlength=len(column.levels)) > 0
    number = np.append(np.cumsum(there) - 1, -1)
    codes = np.where(column.codes < 0, -1, number[column.codes])
    levels = tuple(level for level, seen in zip(column.levels, there, strict=True) if seen)
    return replace(column, codes=codes, levels=levels)


def with_reference(column: Column, level: str, field: str) -> Column:
    """A column of categories with another one as the reference.

    **Raises:** `InputError` when there is none of that name.
    """
    if level not in column.levels:
        raise InputError(
            field, f"{column.name} has no '{shortened(level)}'", near(level, column.levels)
        )
    return with_order(column, (level, *(one for one in column.levels if one != level)))


def with_order(column: Column, levels: Sequence[str]) -> Column:
    """A column of categories in another order of the same ones."""
    assert column.codes is not None
    place = np.array([*(levels.index(one) for one in column.levels), -1], dtype=np.intp)
    return replace(column, codes=place[column.codes], levels=tuple(levels), ordered=True)


def as_table(data: object) -> Table:
    """Take a data frame of any library that narwhals knows, or a mapping of columns.

    **Arguments:**

    - `data`: polars, pandas, pyarrow and others; a mapping of names to sequences; or the path of
      a CSV or Parquet file.

    **Raises:** `InputError`.
    """
    import narwhals.stable.v1 as nw
    import polars

    if isinstance(data, Table):
        return data
    if isinstance(data, str | Path):
        return read_table(Path(data))
    if isinstance(data, Mapping):
        try:
            data = polars.DataFrame(cast("Mapping[str, Any]", data), strict=False)
        except Exception as error:  # noqa: BLE001 -- polars' own kinds, told in one line
            raise InputError("data", str(error), "give columns of equal length") from None
    try:
        frame: Any = nw.from_native(cast("Any", data))
    except TypeError:
        raise InputError(
            "data",
            f"a {type(data).__name__} is no table",
            "give a data frame, a mapping of columns or the path of a CSV or Parquet file",
        ) from None
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    columns = {str(name): _taken(str(name), frame[name]) for name in frame.columns}
    return _checked(columns, len(frame), "data")


def _taken(name: str, series: Any) -> Column:
    import narwhals.stable.v1 as nw

    kind = series.dtype
    if kind.is_numeric() or kind == nw.Boolean:
        cells: list[Any] = series.cast(nw.Float64).to_list()
        return Column(name, np.array([math.nan if one is None else one for one in cells], float))
    if kind in (nw.Object, nw.String):
        found = series.to_list()
        plain = [one for one in found if one is not None]
        if plain and all(isinstance(one, int | float | np.number) for one in plain):
            # numbers that a data frame keeps as objects
            return Column(
                name, np.array([math.nan if one is None else one for one in found], float)
            )
    cells = [
        None if one is None or one != one else str(one)  # noqa: PLR0124 -- NaN is not itself
        for one in series.to_list()
    ]
    given = kind in (nw.Categorical, nw.Enum)
    levels = [str(one) for one in series.cat.get_categories().to_list()] if given else []
    seen = {one for one in cells if one is not None}
    order = [one for one in levels if one in seen] if given else sorted(seen)
    # categories without an order of their own are in that of the alphabet, or of the rows
    loose = kind == nw.Categorical and series.implementation.is_polars()
    return _coded(
        name, cells, order, ordered=given and not loose and nw.is_ordered_categorical(series)
    )


def _coded(
    name: str, cells: Sequence[str | None], levels: Sequence[str], *, ordered: bool = False
) -> Column:
    number = {level: i for i, level in enumerate(levels)}
    codes = np.array([-1 if one is None else number[one] for one in cells], dtype=np.intp)
    return Column(name, None, codes, tuple(levels), ordered)


def read_table(path: Path, field: str = "data") -> Table:
    """Read a CSV (commas, semicolons or tabs) or a Parquet file.

    Cells that are empty, `NA`, `NaN` or `.` are missing.

    **Arguments:**

    - `path`: of the file. `field`: what to call it in an error.

    **Raises:** `InputError`.
    """
    import polars

    content = read_whole(path, field, _MOST_BYTES, what="CSV or Parquet")
    if content[:4] == b"PAR1":
        try:
            frame = polars.read_parquet(io.BytesIO(content))
        except Exception:  # noqa: BLE001 -- polars' own kinds, told in one line
            raise InputError(
                field, f"'{named(path)}' is no whole Parquet file", "write it again"
            ) from None
        return replace(as_table(frame), field=field)
    code = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(code)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError(field, f"'{named(path)}' is not text", "write CSV in UTF-8, or Parquet")
    return _from_text(text, path, field)


def _from_text(text: str, path: Path, field: str) -> Table:
    import csv

    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    head = lines.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(lines), delimiter=separator, strict=True))
    except csv.Error as error:
        raise InputError(field, f"'{named(path)}': {error}", "close every quotation mark") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise InputError(field, f"'{named(path)}' has no rows", "write a header and rows below it")
    header = [cell.strip() for cell in rows[0]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise InputError(
                field,
                f"row {number} has {len(row)} cells, the header {len(header)}",
                "write one cell a column",
            )
    seen = set[str]()
    for name in header:
        if name in seen:
            raise InputError(field, f"two columns are called '{shortened(name)}'", "rename one")
        seen.add(name)
    columns = {
        name: _read(name, [row[i].strip() for row in rows[1:]], comma=separator != ",")
        for i, name in enumerate(header)
        if name
    }
    return _checked(columns, len(rows) - 1, field)


def _read(name: str, cells: Sequence[str], *, comma: bool) -> Column:
    """Numbers where every cell is one or missing, else categories by the alphabet."""
    present = [None if cell in _MISSING else cell for cell in cells]
    turned = [
        one.replace(",", ".") if comma and one is not None and one.count(",") == 1 else one
        for one in present
    ]
    if all(one is None or _is_number(one) for one in turned):
        return Column(name, np.array([math.nan if one is None else float(one) for one in turned]))
    return _coded(name, present, sorted({one for one in present if one is not None}))


def _checked(columns: dict[str, Column], rows: int, field: str) -> Table:
    if not rows:
        raise InputError(field, "it has no rows", "give at least two subjects")
    return Table(columns, rows, field)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def few(names: Iterable[str], most: int = 4) -> str:
    """Some names for a message, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return f"{', '.join(shortened(one) for one in listed[:most])}{more}"
