"""Tables of own models: large plain files are read another way, and read the same."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ketasim._base import InputError
from ketasim.dosing.events.file import read_grid, read_plain
from ketasim.dosing.events.routed import read_routed
from ketasim.dosing.events.sheet import read_sheet, table_columns

ROW = "{0},{1}.5,.,0,{1},some words that fill the file so that it is a large one\n"
ROWS = "".join(ROW.format(i // 10, i % 10) for i in range(20_000))
HEAD = "ID,TIME,AMT,EVID,DV,NOTE\n"


def test_a_large_plain_file_is_read_as_any_other(tmp_path: Path) -> None:
    file = tmp_path / "data.csv"
    file.write_text(HEAD + ROWS.replace("3.5,.,0,3,", "3.5,,0,,"))
    plain, grid = read_plain(file), read_grid(file)
    assert plain is not None
    header, columns = plain
    assert header == grid.header
    cells = [[cell or "" for cell in column.to_list()] for column in columns]
    assert [list(row) for row in zip(*cells, strict=True)] == [row for _, row in grid.rows]
    table, numbers = table_columns(file)
    assert table.shape == (20_000, 6) and numbers.tolist() == [n for n, _ in grid.rows]


@pytest.mark.parametrize(
    "odd",
    [
        "# a remark\n",
        "C,left out,,,,\n",
        "TABLE NO.  1\n",
        HEAD,
        "\n",
        ",,,,,\n",
        '7,1,.,0,1,"a, b"\n',
    ],
)
def test_a_large_file_with_other_lines_is_left_to_the_careful_reader(
    odd: str, tmp_path: Path
) -> None:
    file = tmp_path / "data.csv"
    file.write_text(HEAD + ROWS + odd + ROWS)
    assert read_plain(file) is None
    _, numbers = table_columns(file)
    grid = read_grid(file)
    extra = int(odd.startswith("7"))
    assert len(numbers) == 40_000 + extra
    assert len(grid.rows) + len(grid.left_out) == 40_000 + (odd != "\n")


ROWS_OF_TWO = "A,0,1,10\nA,1,0,\nC,0,1,20\nC,1,0,\n"


@pytest.mark.parametrize("source", ["file", "frame"])
@pytest.mark.parametrize(
    ("text", "ids", "numbers", "notes"),
    [
        ("ID,TIME,EVID,AMT\n" + ROWS_OF_TWO, "AACC", [1, 2, 3, 4], ()),
        ('ID,TIME,EVID,AMT\n"c",0,1,20\n', "c", [1], ()),
        ("ARM,ID,TIME,EVID,AMT,ROUTE\nT,1,0,1,9,im\nC,2,0,1,9,im\n", "12", [1, 2], ()),
        (
            "ID,TIME,AMT,ROUTE\n#1,0,5,im\n,,,\n2,0,5,im\nID,TIME,AMT,ROUTE\n",
            "2",
            [3],
            (
                "row 1 is commented out and not read",
                "row 2 is blank and not read",
                "row 4 is the header again, or a title and not read",
            ),
        ),
        (
            "ID,TIME,AMT,C,EXCLUDE,ROUTE\n1,0,5,.,0,im\n1,1,5,C,0,im\n1,2,5,.,1,im\n1,3,.,.,0,\n",
            "11",
            [1, 4],
            ("rows 2-3 are commented out and not read",),
        ),
    ],
)
def test_rows_are_left_out_only_where_they_are_no_records_and_said(
    text: str, ids: str, numbers: list[int], notes: tuple[str, ...], source: str, tmp_path: Path
) -> None:
    """Before, subjects C and #1 and a control arm C vanished from files, and comments counted."""
    file = tmp_path / "data.csv"
    file.write_text(text)
    frame = pl.read_csv(file, infer_schema=False)
    sheet = read_sheet(file if source == "file" else frame)
    assert sheet.texts("ID") == list(ids) and sheet.numbers.tolist() == numbers
    assert sheet.notes == notes
    if "ROUTE" in text:
        routed = read_routed(file if source == "file" else frame)
        assert routed.numbers.tolist() == numbers
        assert routed.notes[: len(notes)] == notes


def test_a_model_that_uses_a_column_c_takes_it_for_no_mark() -> None:
    table = {"ID": [1, 1], "TIME": [0, 1], "EVID": [1, 0], "AMT": [5, 0], "C": [0, 1]}
    assert len(read_sheet(table, ["C"]).numbers) == 2
    with pytest.raises(InputError, match=r"^C: '1' is no mark of a row"):
        read_sheet(table)
