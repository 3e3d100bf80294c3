"""Files of event tables: separators, headers and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ketasim._base import InputError
from ketasim.dosing import EventTable, read_events

HEAD = "ID,TIME,AMT,RATE,ROUTE,EVID,WT\n"
ROWS = "1,0,35,52.5,iv,1,70\n1,0.667,.,.,.,0,70\n"
TABLE = HEAD + ROWS


def read(folder: Path, text: str | bytes) -> EventTable:
    path = folder / "events.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_events(path)


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "\ufeff" + TABLE,
        TABLE.encode("utf-16"),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        TABLE.replace(",", ";"),
        TABLE.replace(",", ";").replace("52.5", "52,5").replace("0.667", "0,667"),
        "sep=;\n" + TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "\t").replace("52.5", "52,5").replace("0.667", "0,667"),
        TABLE.replace(",", "|"),
        TABLE.replace(",", "  "),
        TABLE.replace(",", " , "),
        TABLE.replace("\n", ",\n"),
        HEAD + ROWS.replace("\n", ",,\n"),
        "\n\n" + TABLE + "\n\n",
        "#" + TABLE,
        "# made on Monday, by hand\n" + TABLE,
        "TABLE NO.  1\n" + TABLE.replace(",", "    "),
        HEAD + '"1","0","35","52,5","iv","1","70"\n"1","0,667","","","","0","70"\n',
        HEAD.lower() + ROWS,
    ],
)
def test_a_table_is_read_whatever_wrote_it(tmp_path: Path, text: str | bytes) -> None:
    assert read(tmp_path, text) == read(tmp_path, TABLE)
    assert read(tmp_path, text).notes == ()


def test_names_of_several_words_are_not_torn(tmp_path: Path) -> None:
    head = "ID\tTIME\tAMOUNT\tINFUSION DURATION\tROUTE\tEVENT ID\tBODY WEIGHT\n"
    rows = "1\t0\t35\t0.6666667\tiv\t1\t70\n1\t0.667\t.\t.\t.\t0\t70\n"
    assert len(read(tmp_path, head + rows).subjects[0].observations) == 1


def test_rows_left_out_are_named_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    before = "#1,0,99,,iv,1,70\nC,1,0,99,,iv,1,70\nC,a remark,,,,,\n"
    found = read(tmp_path, f"{HEAD}{before}{ROWS},,,,,,\nTABLE NO.  2\n{HEAD}")
    assert found.notes == (
        "rows 1-3 are commented out and not read",
        "row 6 is blank and not read",
        "rows 7-8 are the header again, or a title and not read",
    )
    assert found == read(tmp_path, TABLE)
    assert found.subjects[0].observations[0].row == 5


def test_row_numbers_without_a_name_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, ',"ID",TIME,AMT,ROUTE,EVID\n0,7,0,35,im,1\n1,7,1,,,0\n')
    assert found.subjects[0].id == 7
    assert found.notes == ("column 1 has no name and counts the rows: not read",)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Dosing of study X\n" + TABLE, "line 2 is; delete what is above"),
        ("Dosing of study X, version 2\n\n" + TABLE, "line 3 is; delete what is above"),
        (ROWS, "the header is missing"),
        (ROWS.replace(",", ";"), "the header is missing"),
        (TABLE.replace("AMT", ""), "the header has no name in column 3"),
        (TABLE.replace("WT", "AMT"), "AMT: the column stands twice"),
        (HEAD + "1,0,5,35,52.5,iv,1,70\n", "has 8 cells where the header has 7"),
        (HEAD + "1,1,0,35,52.5,iv,1,70\n2,1,1,,,,0,70\n", "row.names = FALSE"),
        (TABLE.replace(",", ";").replace("iv;", "iv"), "(separated by ';')"),
        (HEAD + '1,0,"1,500",,oral,1,70\n', "thousands"),
        (HEAD.replace(",", ";") + "1;0,5;35.5;;oral;1;70\n", "commas ('0,5') and dots ('35.5')"),
        (HEAD + '1,0,35,52.5,"iv,1,70\n1,1,,,,0,70\n', "quotation mark"),
        (HEAD + f"1,0,35,{'9' * 200_000},iv,1,70\n", "131,072"),
        (HEAD + "-,h,mg,mg/h,-,-,kg\n" + ROWS, "row 1: has no numbers"),
        ("ID,TIME\n1\0,0\n", "is not text"),
        ("# nothing\n", "is empty"),
        (HEAD, "the table has no rows"),
        (HEAD + "C,0,35,52.5,iv,1,70\n" + ROWS, "ID in row 1: 'C' among numbers may be a comment"),
        (HEAD + "#" + ROWS.replace("\n1", "\n#1"), "no row is left: rows 1-2 are commented out"),
        ("hello\n", "ID: the column is missing"),
        (HEAD + "P01,0,35,,iv,1,70\n", "'P01' is not a finite number"),
    ],
)
def test_messages_are_about_what_is_wrong(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert part in str(caught.value)
    assert len(str(caught.value)) < 300
