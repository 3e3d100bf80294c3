"""A clinic's own tables, with messy dates and headings, become courses or one clear line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.interop import Imported, course_of, read_table
from ketasim.interop.tables.heading import read_heading
from ketasim.interop.tables.sheet import Cell
from ketasim.interop.tables.when import DateCell, order_of, read_when

USUAL = {"drug": "ketamine", "route": "iv", "over": "40 min"}


def read(folder: Path, text: str, **options: Any) -> Imported:
    path = folder / "visits.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path, **options)


def excel(folder: Path, *rows: Sequence[Any], **sheets: list[list[Any]]) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    for name, content in sheets.items():
        other = book.create_sheet(name)
        for row in content:
            other.append(row)
    path = folder / "visits.xlsx"
    book.save(path)
    return path


def days(found: Imported) -> list[tuple[int, str, float]]:
    return [(one["day"], one["scale"], one["score"]) for one in course_of(found)["scores"]]


def test_a_formula_without_its_value_is_no_empty_cell(tmp_path: Path) -> None:
    path = excel(tmp_path, ["Date", "PHQ9"], ["2026-03-12", 21], ["2026-03-15", "=B2-4"])
    with pytest.raises(InputError, match="row 3: '=B2-4' is a formula, and its value is not"):
        read_table(path, **USUAL)


def test_a_wide_table_with_names_and_notes(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "Praxis Dr. Beispiel;;;;;\n"
        "Patient;MRN;Datum;PHQ-9 total;MADRS (0-60);Ketamin Dosis;Bemerkungen;GAD-7\n"
        "Jane Doe;778;12.03.2026;21;33;0,5 mg/kg IV over 40 min;gut;12\n"
        "Jane Doe;778;Fr 15.03.2026 09:30;18/27;;40 mg IV über 40 min;;\n"
        "Jane Doe;778;19. März 2026;14;24;-;;\n",
    )
    assert days(found) == [
        (0, "MADRS", 33),
        (0, "PHQ9", 21),
        (3, "PHQ9", 18),
        (7, "MADRS", 24),
        (7, "PHQ9", 14),
    ]
    assert [one.entry["dose"] for one in found.doses] == ["0.5 mg/kg", "40 mg"]
    assert {one.entry["over"] for one in found.doses} == {"40 min"}
    told = " ".join(found.left_out)
    assert "'Patient': dropped" in told
    assert "'MRN': dropped" in told
    assert "'GAD-7': not understood" in told
    assert "Jane" not in told + " ".join(found.notes)


def test_a_long_table_whose_rows_repeat_a_dose(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "visit date,scale,score,dose (mg/kg)\n"
        "3/12/26,phq9,21,0.5\n3/12/26,MADRS,30,0.5\n3/15/26,PHQ 9,18,0.5\n3/15/26,GAD-7,9,\n",
        **USUAL,
    )
    assert days(found) == [(0, "MADRS", 30), (0, "PHQ9", 21), (3, "PHQ9", 18)]
    assert len(found.doses) == 2
    assert any("counts once" in one for one in found.notes)
    assert any("scale is not one" in one for one in found.left_out)


def test_excel_with_dates_serial_numbers_and_text(tmp_path: Path) -> None:
    path = excel(
        tmp_path,
        ["Date", "Time", "PHQ9", "Dose mg", "Weight (kg)", "Sex", "Age"],
        [date(2026, 3, 12), "9:30", 21.0, 40, 80, "F", 42],
        [46096, "09:30", 18, 40, None, None, None],
        ["2026-03-19", "14:00", 14, None, None, None, None],
    )
    found = read_table(path, **USUAL)
    assert days(found) == [(0, "PHQ9", 21), (3, "PHQ9", 18), (7, "PHQ9", 14)]
    course = course_of(found)
    assert course["patient"] == {"age": 42, "weight": "80 kg", "sex": "female"}
    assert course["doses"][0]["at"] == "09:30"
    assert course["doses"][0]["dose"] == "40 mg"


def test_days_in_the_place_of_dates(tmp_path: Path) -> None:
    found = read(tmp_path, "Day,PHQ-9,Dose\n0,21,0.5 mg/kg\n3,16,0.5 mg/kg\n7,12,\n", **USUAL)
    assert days(found) == [(0, "PHQ9", 21), (3, "PHQ9", 16), (7, "PHQ9", 12)]
    with pytest.raises(InputError, match="no dates"):
        course_of(found, dates=True)


REFUSED = {
    "two orders": ("date,PHQ9\n13/03/2026,20\n03/14/2026,18\n", "month comes first here"),
    "no order shown": ("date,PHQ9\n3/12/26,20\n4/11/26,18\n", "day or the month first"),
    "no date": ("date,PHQ9\n2026-03-12,20\n,18\n", "row 3, 'date'"),
    "no such day": ("date,PHQ9\n31.02.2026,20\n", "there is no day"),
    "not a date": ("date,PHQ9\nJane Doe,20\n", "it is not read as a date"),
    "above the scale": ("date,PHQ9\n2026-03-12,40\n", "outside 0 to 27"),
    "not a score": ("date,PHQ9\n2026-03-12,fine\n", "not a score of PHQ9"),
    "no drug": ("date,PHQ9,dose\n2026-03-12,20,40 mg\n", "--drug"),
    "no route": ("date,PHQ9,dose\n2026-03-12,20,ketamine 40 mg\n", "--route"),
    "no unit": ("date,PHQ9,dose\n2026-03-12,20,ketamine 0.5 iv\n", "unit"),
    "a text": (
        "date,PHQ9,dose\n2026-03-12,20,Jane had ketamine 40 mg iv\n",
        "not read as one dose",
    ),
    "two doses": (
        "date,PHQ9,dose\n2026-03-12,20,ketamine 40 mg iv\n2026-03-12,19,ketamine 50 mg iv\n",
        "second dose of that day",
    ),
    "two patients": ("name,date,PHQ9\nJane,2026-03-12,20\nJohn,2026-03-12,19\n", "2 different"),
    "two dates": ("date,visit date,PHQ9\n2026-03-12,2026-03-12,20\n", "both hold the date"),
    "which HAM-D": ("date,HAM-D\n2026-03-12,20\n", "HDRS17"),
    "no scale": ("date,score\n2026-03-12,20\n", "none of their scale"),
    "no heading": ("a,b\n1,2\n", "no row has a heading"),
    "empty": ("\n\n", "has no rows"),
    "nothing in it": ("date,PHQ9\n", "no dose and no score"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_one_line(tmp_path: Path, kind: str) -> None:
    text, part = REFUSED[kind]
    with pytest.raises(InputError) as raised:
        course_of(read(tmp_path, text))
    assert part in str(raised.value)
    assert "Jane" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_order_may_be_said_but_not_against_the_file(tmp_path: Path) -> None:
    text = "date,PHQ9\n3/12/26,20\n4/11/26,18\n"
    first = read(tmp_path, text, order="month-first")
    assert first.scores[0].when.day == date(2026, 3, 12)
    assert read(tmp_path, text, order="day-first").scores[0].when.day == date(2026, 11, 4)
    with pytest.raises(InputError, match="--order"):
        read(tmp_path, "date,PHQ9\n13/03/2026,20\n", order="month-first")


def test_dates_that_a_spreadsheet_turned_are_refused(tmp_path: Path) -> None:
    """13.03.2026 stays text where the month comes first, and 12.03.2026 has become 3 December."""
    path = excel(
        tmp_path,
        ["Datum", "PHQ9"],
        [date(2026, 12, 3), 20],
        [date(2026, 10, 3), 20],
        ["13.03.2026", 18],
    )
    with pytest.raises(InputError, match="exchanged"):
        read_table(path)


def test_a_sheet_is_chosen_where_there_are_several(tmp_path: Path) -> None:
    rows = [["Date", "PHQ9"], ["2026-03-12", 20]]
    path = excel(tmp_path, *rows, Visits=[["Date", "PHQ9"], ["2026-03-12", 11]])
    with pytest.raises(InputError, match="--sheet"):
        read_table(path)
    assert read_table(path, sheet="visits").scores[0].score == 11
    with pytest.raises(InputError, match="no sheet"):
        read_table(path, sheet="other")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xlsx", b"PK\x03\x04broken"),
        ("a.xlsx", b"hello"),
        ("a.xls", b"\xd0\xcf\x11\xe0rest"),
        ("a.csv", b"\xd0\xcf\x11\xe0rest"),
        ("a.csv", b"\x00\x01\x02"),
        ("a.csv", b""),
        ("a.csv", b'date,PHQ9\n"2026-03-12,20\n'),
    ],
)
def test_files_that_are_no_tables_are_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError):
        course_of(read_table(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_encodings_of_spreadsheets(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Datum\tPräparat\tPHQ-9\n12.03.2026\tKetamine\t20\n".encode(encoding))
    assert days(read_table(path)) == [(0, "PHQ9", 20)]


@pytest.mark.parametrize(
    ("typed", "role", "more"),
    [
        ("PHQ-9 total", "rating", "PHQ9"),
        ("phq9", "rating", "PHQ9"),
        ("QIDS-SR16 Score", "rating", "QIDS"),
        ("HAM-D 17", "rating", "HDRS17"),
        ("Visit Date", "date", ""),
        ("Ketamine dose (mg/kg)", "dose", "mg/kg"),
        ("Spravato (mg)", "dose", "mg"),
        ("dose_mg", "dose", "mg"),
        ("Infusion time [min]", "over", "min"),
        ("Geburtsdatum", "who", ""),
        ("DOB", "who", ""),
        ("PHQ-9 item 1", "", ""),
        ("Mood", "", ""),
    ],
)
def test_headings(typed: str, role: str, more: str) -> None:
    found = read_heading(typed)
    assert (found.role, found.scale or found.unit) == (role, more)


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.sampled_from(["day", "month", "iso"]))
def test_a_date_is_read_as_written_or_refused(day: date, order: str) -> None:
    text = {
        "day": f"{day.day}/{day.month}/{day.year}",
        "month": f"{day.month}/{day.day}/{day.year}",
        "iso": f"{day.year}-{day.month:02}-{day.day:02}",
    }[order]
    cells = [DateCell("row 2", text)]
    try:
        shown = order_of(cells, None, False)
    except InputError:
        assert day.day <= 12
        assert order != "iso"
        return
    assert read_when(cells[0], shown, False).day == day


@given(st.one_of(st.text(), st.floats(allow_nan=True), st.dates(), st.datetimes()))
def test_any_cell_is_a_date_or_one_line(cell: Cell) -> None:
    one = DateCell("row 2", cell)
    try:
        read_when(one, order_of([one], None, False), False)
    except InputError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("date,PHQ-9,dose\n2026-03-12,21,0,5 mg/kg\n", "row 2: it has 4 cells"),
        ("date,PHQ-9,age\n2026-03-12,21,500\n", "500 years is outside 0 to 120 year"),
        ("date,PHQ-9,weight (kg)\n2026-03-12,21,0\n", "0 kg is outside 20 to 400 kg"),
    ],
)
def test_what_cannot_be_is_not_taken(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read(tmp_path, text, **USUAL)


@pytest.mark.parametrize("heading", ["drug", "route", "duration", "weight", "age", "time"])
def test_an_error_shows_no_words_of_a_cell(tmp_path: Path, heading: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"date,PHQ-9,dose,{heading}\n2026-03-12,21,40 mg,Mustermann\n", **USUAL)
    assert "Mustermann" not in str(caught.value)
    assert "row 2" in str(caught.value)
