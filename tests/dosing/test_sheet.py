"""Tables of own models: large plain files are read another way, and read the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim.dosing.events.file import read_grid, read_plain
from ketasim.dosing.events.sheet import table_columns

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
        "C,1,.,0,1,left out\n",
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
    assert len(numbers) == len(read_grid(file).rows)
