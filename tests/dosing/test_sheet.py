"""Tables of own models: large plain files are read another way, and read the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ketasim._base import InputError
from ketasim.dosing.events.file import read_grid, read_plain
from ketasim.dosing.events.records import read_records
from ketasim.dosing.events.routed import read_routed
from ketasim.dosing.events.samples import samples_of
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


@pytest.mark.parametrize(
    ("head", "rows", "hours"),
    [
        ("DATE|TIME|AMT|RATE", ["2024-03-04|8|40|80", "2024-03-05|10||"], [0, 26]),
        ("DATE|TIME|AMT|RATE", ["2024-03-04|8:30|40|80", "2024-03-05|10:00||"], [0, 25.5]),
        ("DAY|TIME|AMT|RATE", ["1|9:00|40|80", "3|9:00||"], [0, 48]),
        ("DATETIME|AMT|RATE", ["2024-03-04T08:00|40|80", "2024-03-04T09:30||"], [0, 1.5]),
        ("TIME|TIMEU|AMT|AMTU|DUR|DURU", ["0|min|40000|mcg|30|min", "90|min||||"], [0, 1.5]),
        ("TIME (min)|AMT (mcg)|RATE (mg/min)", ["0|40000|1.3333333333", "90||"], [0, 1.5]),
        ("TIME_MIN|AMT|RATE|II|ADDL", ["0|40|1.3333333333|90|1", "90||||"], [0, 1.5]),
        ("TIME|AMT|DUR", ["0|40 mg|30 min", "90 min||"], [0, 1.5]),
    ],
)
def test_times_and_amounts_are_those_that_a_model_that_ships_reads(
    head: str, rows: list[str], hours: list[float]
) -> None:
    """Before, an own model took times of day for h, mcg for mg and minutes for h."""
    names = ["ID", "EVID", "ROUTE", *head.split("|")]
    cells = [["1", "10"[i], "iv" if i == 0 else "", *row.split("|")] for i, row in enumerate(rows)]
    table = {name: [row[i] for row in cells] for i, name in enumerate(names)}
    routed = read_routed(table)
    records, doses, notes = read_records(read_sheet(table))
    assert records.time == pytest.approx(hours, abs=1e-9)
    assert routed.records.time == pytest.approx(hours, abs=1e-9)
    (dose,) = routed.doses[0].doses
    assert doses.amount[0] == pytest.approx(40) == pytest.approx(dose.amount)
    duration = doses.duration[0] or doses.amount[0] / doses.rate[0]
    assert duration == pytest.approx(0.5) == pytest.approx(dose.duration)
    assert doses.interval[0] == pytest.approx(routed.doses[0].interval)
    assert notes or "mg" in rows[0]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"TIME": ["8:00", "9:00"]}, "TIME in row 1: '8:00' is a time of day without a date"),
        ({"AMTU": ["mg/kg", ""]}, "AMT in row 1: in mg/kg, and amounts are in mg here"),
        ({"AMTU": ["nmol", ""]}, "AMTU in row 1: 'nmol' is no unit of amount"),
        ({"START": [2, None]}, "START in row 1: '2', and TIME says '0'"),
        ({"DAY": [1, 2]}, "TIME in row 2: 1 may be a time of day or h from the first row"),
        ({"AMT": None, "AMT (nmol)": [5, 0]}, "AMT (nmol): 'nmol' is no unit that is read here"),
        (
            {"AMT": None, "DOSE (mcg)": [5, 0]},
            "AMT: the column is missing; name 'DOSE (mcg)' AMT (m",
        ),
    ],
)
def test_times_and_units_that_cannot_be_told_are_refused(
    change: dict[str, list[object] | None], line: str
) -> None:
    table = {"ID": [1, 1], "TIME": [0, 1], "EVID": [1, 0], "AMT": [5, 0], **change}
    with pytest.raises(InputError) as caught:
        read_records(read_sheet({name: cells for name, cells in table.items() if cells}))
    assert str(caught.value).startswith(line)


def test_amounts_are_in_the_unit_that_is_wanted() -> None:
    table = {"ID": [1], "TIME": [0], "EVID": [1], "AMT": [500], "AMTU": ["mcg/kg"]}
    for wanted, amount in (("mg/kg", 0.5), ("mcg/kg", 500)):
        _, doses, _ = read_records(read_sheet(table, amounts=wanted))
        assert doses.amount[0] == pytest.approx(amount)


def test_decimal_commas_are_read_in_a_column_that_alone_has_them(tmp_path: Path) -> None:
    """Before, only those of TIME, AMT and the like were."""
    file = tmp_path / "data.csv"
    file.write_text("ID;TIME;AMT;DV;WT;DOT\n1;0;5;;70,5;1.5\n1;1;;5,5;;1,5\n1;2;;<0,5;;\n")
    sheet = read_sheet(file)
    found = samples_of(sheet, "DV", None, np.array([True, False, False]))
    assert found.values.tolist()[1:] == [5.5, 0]
    assert found.limits is not None and found.limits[2] == 0.5
    assert sheet.values("WT")[0] == 70.5
    with pytest.raises(InputError, match=r"commas .'1,5'. and dots"):
        sheet.values("DOT")
    with pytest.raises(InputError, match=r"'ten' is not a finite number; give a number$"):
        read_sheet({"ID": [1], "TIME": ["ten"], "AMT": [1]}).values("TIME")
