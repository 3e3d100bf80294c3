"""Event tables: read, refused by the written contract, and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ketasim._base import InputError
from ketasim.dosing import (
    COMPARTMENTS,
    CONTRACT,
    ROUTES,
    EventTable,
    load_course,
    parse_regimen,
    read_events,
    write_events,
)

HEAD = "ID,TIME,AMT,RATE,CMT,EVID,II,ADDL,SS"


def table(*rows: str, head: str = HEAD) -> dict[str, list[str]]:
    cells = [row.split(",") for row in rows]
    return {name: [row[i] for row in cells] for i, name in enumerate(head.split(","))}


def numbered(source: Any, **options: Any) -> EventTable:
    """Read a table whose CMT has the numbers that are written."""
    return read_events(source, compartments=COMPARTMENTS, **options)


def test_a_table_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "id,time,amt,rate,cmt,evid,ii,addl,ss,wt,dv\n"
        "1,0,40,60,1,1,24,2,0,80,.\n"
        "1,1,.,.,.,0,.,.,.,80,12\n"
        "\n"
        "2,0,25,0,sublingual,1,0,0,0,60,.\n",
        encoding="utf-8",
    )
    one, two = numbered(path).subjects
    assert (one.id, one.weight, one.age, [o.time for o in one.observations]) == (1, 80, None, [1])
    assert one.regimen is not None and two.regimen is not None
    assert [d.time for d in one.regimen.doses] == [0, 24, 48]
    assert all(d.duration == pytest.approx(2 / 3) for d in one.regimen.doses)
    assert one.regimen.sessions == (0, 24, 48)
    assert (two.regimen.doses[0].route, two.regimen.doses[0].drug) == ("sublingual", "ketamine")


def test_a_steady_state_dose_comes_before_its_repetitions() -> None:
    (subject,) = numbered(table("1,0,10,0,5,1,12,2,1")).subjects
    assert subject.regimen is not None
    assert [d.steady_state_interval for d in subject.regimen.doses] == [12, None, None]
    assert [d.time for d in subject.regimen.doses] == [0, 12, 24]


def test_without_devices_a_nasal_session_is_split() -> None:
    (subject,) = numbered(table("1,0,84,0,4,1,168,1,0"), drug="esketamine").subjects
    assert subject.regimen is not None
    assert [d.device for d in subject.regimen.doses] == [0, 1, 2, 0, 1, 2]
    assert len(subject.regimen.sessions) == 2


def test_devices_of_a_table_are_kept() -> None:
    head = "ID,TIME,AMT,EVID,ROUTE,DRUG,DEVICE"
    rows = ("1,0,28,1,intranasal,esketamine,0", "1,0.2,28,1,intranasal,esketamine,1")
    (subject,) = numbered(table(*rows, head=head)).subjects
    assert subject.regimen is not None
    assert [(d.time, d.device) for d in subject.regimen.doses] == [(0, 0), (0.2, 1)]
    assert subject.regimen.sessions == (0,)


@pytest.mark.parametrize("number", COMPARTMENTS)
def test_compartments_are_numbered_by_route(number: int) -> None:
    (subject,) = numbered(table(f"1,0,28,0,{number},1,0,0,0")).subjects
    assert subject.regimen is not None
    assert subject.regimen.doses[0].route == COMPARTMENTS[number] == ROUTES[number - 1]


@pytest.mark.parametrize(
    ("rows", "field", "part"),
    [
        (["1,x,5,0,1,1,0,0,0"], "TIME in row 1", "'x' is not a finite number"),
        (["1,nan,5,0,1,1,0,0,0"], "TIME in row 1", "not a finite number"),
        (["1,-1,5,0,1,1,0,0,0"], "TIME in row 1", "below 0"),
        (["1,.,5,0,1,1,0,0,0"], "TIME in row 1", "blank"),
        (["1,999999,5,0,1,1,0,0,0"], "TIME in row 1", "20 years"),
        (["1,5,5,0,1,1,0,0,0", "1,4,5,0,1,1,0,0,0"], "TIME in row 2", "sort"),
        (["1,0,-5,0,1,1,0,0,0"], "AMT in row 1", "below 0"),
        (["1,0,nan,0,1,1,0,0,0"], "AMT in row 1", "not a finite number"),
        (["1,0,inf,0,1,1,0,0,0"], "AMT in row 1", "not a finite number"),
        (["1,0,0,0,1,1,0,0,0"], "AMT in row 1", "a dose of 0"),
        (["1,0,5,0,1,0,0,0,0"], "AMT in row 1", "on an observation"),
        (["1,0,0,3,1,0,0,0,0"], "RATE in row 1", "on an observation"),
        (["1,0,0,0,1,0,0,2,0"], "ADDL in row 1", "on an observation"),
        (["1,0,5,-1,1,1,0,0,0"], "RATE in row 1", "-1 is not supported"),
        (["1,0,5,-2,1,1,0,0,0"], "RATE in row 1", "-2 is not supported"),
        (["1,0,5,-3,1,1,0,0,0"], "RATE in row 1", "below 0"),
        (["1,0,5,nan,1,1,0,0,0"], "RATE in row 1", "not a finite number"),
        (["1,0,5,5,5,1,0,0,0"], "RATE in row 1", "oral is given all at once"),
        (["1,0,5,0,11,1,0,0,0"], "CMT in row 1", "use one of: 1 iv, 2 im"),
        (["1,0,5,0,1.5,1,0,0,0"], "CMT in row 1", "unknown route"),
        (["1,0,5,0,sublingul,1,0,0,0"], "CMT in row 1", "did you mean 'sublingual'?"),
        (["1,0,5,0,.,1,0,0,0"], "CMT in row 1", "without a route"),
        (["1,0,5,0,1,2,0,0,0"], "EVID in row 1", "2 is not supported"),
        (["1,0,5,0,1,4,0,0,0"], "EVID in row 1", "4 is not supported"),
        (["1,0,5,0,1,.,0,0,0"], "EVID in row 1", "blank"),
        (["1,0,5,0,1,1,0,2,0"], "II in row 1", "ADDL without an interval"),
        (["1,0,5,0,1,1,0,0,1"], "II in row 1", "SS without an interval"),
        (["1,0,5,0,1,1,12,0,0"], "II in row 1", "without ADDL or SS"),
        (["1,0,5,0,1,1,-12,1,0"], "II in row 1", "below 0"),
        (["1,0,5,0,1,1,12,1.5,0"], "ADDL in row 1", "whole number"),
        (["1,0,5,0,1,1,12,-1,0"], "ADDL in row 1", "below 0"),
        (["1,0,5,0,1,1,12,99999999,0"], "ADDL in row 1", "more than 10,000"),
        (["1,0,5,0,1,1,12,0,2"], "SS in row 1", "2 is not supported"),
        (["1,0,24,1,1,1,12,0,1"], "SS in row 1", "longer than its interval"),
        (["1,2,5,0,1,1,12,0,1"], "SS in row 1", "write the earlier doses out"),
        (["1,0,5,0,1,1,0,0,0", "1,0,5,0,1,1,12,0,1"], "SS in row 2", "after another dose"),
        (["a,0,5,0,1,1,0,0,0"], "ID in row 1", "not a finite number"),
        (["1.5,0,5,0,1,1,0,0,0"], "ID in row 1", "whole number"),
        ([",0,5,0,1,1,0,0,0"], "ID in row 1", "blank"),
        (
            ["1,0,5,0,1,1,0,0,0", "2,0,5,0,1,1,0,0,0", "1,9,5,0,1,1,0,0,0"],
            "ID in row 3",
            "do not stand together",
        ),
    ],
)
def test_refusals(rows: list[str], field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        numbered(table(*rows))
    assert caught.value.field == field
    assert part in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "rows", "field", "part"),
    [
        ("ID,TIME,EVID,CMT", ["1,0,1,1"], "AMT", "missing"),
        ("ID,TIME,AMT,EVID", ["1,0,5,1"], "CMT", "add CMT or ROUTE"),
        ("ID,TIME,AMT,EVID,RAET,CMT", ["1,0,5,1,0,1"], "RAET", "did you mean 'RATE'?"),
        ("ID,TIME,AMT,EVID,CMT,ROUTE", ["1,0,5,1,1,im"], "CMT in row 1", "ROUTE says im"),
        ("ID,TIME,AMT,EVID,ROUTE", ["1,0,5,1,1"], "ROUTE in row 1", "unknown route"),
        ("ID,TIME,AMT,EVID,CMT,DRUG", ["1,0,5,1,1,ketamin"], "DRUG in row 1", "'ketamine'"),
        ("ID,TIME,AMT,EVID,CMT,DEVICE", ["1,0,28,1,4,-1"], "DEVICE in row 1", "below 0"),
        ("ID,TIME,AMT,EVID,CMT,WT", ["1,0,5,1,1,70", "1,1,5,1,1,71"], "WT in row 2", "70"),
        ("ID,TIME,AMT,EVID,CMT,WT", ["1,0,5,1,1,0"], "WT in row 1", "outside 1 to 500 kg"),
        ("ID,TIME,AMT,EVID,CMT,WT", ["1,0,5,1,1,900"], "WT in row 1", "outside 1 to 500 kg"),
        ("ID,TIME,AMT,EVID,CMT,WT", ["1,0,5,1,1,70", "2,1,5,1,1,-7"], "WT in row 2", "outside"),
        ("ID,TIME,AMT,EVID,CMT,WT", ["1,0,5,1,1,nan"], "WT in row 1", "finite"),
        ("ID,TIME,AMT,EVID,CMT,AGE", ["1,0,5,1,1,500"], "AGE in row 1", "outside 0 to 120 years"),
        ("ID,TIME,AMT,EVID,CMT,AGE", ["1,0,5,1,1,-1"], "AGE in row 1", "outside"),
        ("ID,TIME,AMT,EVID,CMT,AGE", ["1,0,5,1,1,old"], "AGE in row 1", "'old'"),
        ("ID,TIME,AMT,EVID,CMT,SSS", ["1,0,5,1,1,1"], "SSS", "did you mean 'SS'?"),
        ("ID,TIME,AMT,EVID,CMT,cmt", ["1,0,5,1,1,1"], "CMT", "twice"),
    ],
)
def test_refusals_of_columns(head: str, rows: list[str], field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        numbered(table(*rows, head=head))
    assert caught.value.field == field
    assert part in str(caught.value)


@pytest.mark.parametrize("column", ["WT", "AGE"])
def test_a_weight_or_age_that_is_nan_in_a_frame_is_refused(column: str) -> None:
    cells: dict[str, list[Any]] = {"ID": [1], "TIME": [0], "AMT": [5], "EVID": [1], "CMT": [1]}
    with pytest.raises(InputError, match=f"{column} in row 1: 'nan'"):
        numbered(cells | {column: [float("nan")]})


def test_a_steady_state_of_several_devices_is_refused() -> None:
    with pytest.raises(InputError, match="SS in row 1: a steady state of several nasal devices"):
        numbered(table("1,0,56,0,4,1,24,0,1"), drug="esketamine")


def test_the_order_of_rows_at_the_same_time_is_kept() -> None:
    rows = (
        "1,12,0,0,1,0,0,0,0",
        "1,12,10,0,1,1,0,0,0",
        "1,12,0,0,1,0,0,0,0",
        "1,12,20,0,2,1,0,0,0",
        "1,12,0,0,1,0,0,0,0",
    )
    read = numbered(table(*rows))
    (subject,) = read.subjects
    assert [(o.time, o.doses_after, o.row) for o in subject.observations] == [
        (12, 2, 1),
        (12, 1, 3),
        (12, 0, 5),
    ]
    assert subject.places == (2, 1)
    written = write_events(read)
    assert written["AMT"].to_list() == [0, 10, 0, 20, 0]
    assert read_events(written) == read


@pytest.mark.parametrize("rows", [["1,0,50,1,4"], ["1,0,28,1,4", "1,0.08,28,1,4"]])
def test_nasal_esketamine_without_devices_is_whole_sessions(rows: list[str]) -> None:
    with pytest.raises(InputError, match=r"device|DEVICE"):
        numbered(table(*rows, head="ID,TIME,AMT,EVID,CMT"), drug="esketamine")


@pytest.mark.parametrize("source", [3, {}, {"ID": [1], "TIME": [1, 2]}, "absent.csv"])
def test_what_is_no_table_is_refused(source: Any) -> None:
    with pytest.raises(InputError):
        read_events(source)


def test_ordinary_columns_are_ignored() -> None:
    head = "ID,TIME,AMT,EVID,CMT,DV,MDV,SEX,RACE,DATE,STUDY"
    (subject,) = numbered(table("1,0,5,1,1,.,1,F,2,today,X", head=head)).subjects
    assert subject.regimen is not None and len(subject.regimen.doses) == 1


def test_ragged_and_binary_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(HEAD + "\n1,0,5\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 1: has 3 cells where the header has 9"):
        read_events(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text"):
        read_events(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="is empty"):
        read_events(path)


def test_doses_in_mg_per_kg_need_a_weight() -> None:
    regimen = parse_regimen("ketamine 0.5 mg/kg iv over 40 min on days 0 3")
    with pytest.raises(InputError, match="weight"):
        write_events(regimen)
    frame = write_events(regimen, 80.0, observations=[1.0, 0.0])
    assert frame["AMT"].to_list() == [0, 40, 0, 40]
    assert frame["RATE"].to_list() == pytest.approx([0, 60, 0, 60])
    assert frame["WT"].to_list() == [80] * 4


def test_a_course_is_written_with_its_patient() -> None:
    course = load_course(
        {
            "regimen": "esketamine 56 mg intranasal twice weekly x 2",
            "patient": {"weight": "60 kg", "age": 30},
        }
    )
    frame = write_events(course)
    assert frame["DEVICE"].to_list() == [0, 1, 0, 1]
    assert frame["AGE"].to_list() == [30] * 4 and frame["WT"].to_list() == [60] * 4
    (subject,) = read_events(frame).subjects
    assert subject.regimen is not None and subject.regimen.doses == course.regimen.doses


def test_the_contract_names_the_columns_written() -> None:
    written = write_events(parse_regimen("ketamine 5 mg im once"), 70.0).columns
    assert set(written) <= {column.name for column in CONTRACT}
    assert all(column.meaning and column.refused for column in CONTRACT)


def test_frames_of_other_libraries_are_read() -> None:
    frame = write_events(parse_regimen("ketamine 5 mg im on days 0 1"), observations=[3.0])

    class Frame:
        """The least that pandas and its like share."""

        columns = tuple(frame.columns)

        def __getitem__(self, name: str) -> list[Any]:
            return frame[name].to_list()

    assert read_events(Frame()) == read_events(frame) == read_events(frame.to_dict(as_series=False))


def test_a_csv_written_by_polars_reads_back(tmp_path: Path) -> None:
    frame = write_events(parse_regimen("ketamine 5 mg im on days 0 1"), observations=[3.0])
    frame.write_csv(tmp_path / "events.csv")
    assert read_events(tmp_path / "events.csv") == read_events(frame)
    assert isinstance(frame, pl.DataFrame)
