"""Columns of event tables that mean something are read or refused, and the others are named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import CONTRACT, Dose, EventTable, Subject, read_events, write_events
from ketasim.evidence import facts
from ketasim.vocabulary.column import read_column, read_unit


def table(head: str, *rows: str) -> dict[str, list[str]]:
    cells = [row.split("|") for row in rows]
    return {name: [row[i] for row in cells] for i, name in enumerate(head.split("|"))}


def dose_of(read: EventTable) -> Dose:
    (subject,) = read.subjects
    assert subject.regimen is not None
    (dose,) = subject.regimen.doses
    return dose


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_events(source, **options)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("DUR", "0.6667"),
        ("TINF", "0.6667"),
        ("tinf", "0.6667"),
        ("INFDUR", "0.6667"),
        ("INF_DUR", "0.6667"),
        ("Infusion time", "0.6667"),
        ("DUR_H", "0.6667"),
        ("DURATION_min", "40"),
        ("DURATION (min)", "40"),
        ("INFUSION_MIN", "40"),
        ("INFUSION [min]", "40"),
        ("TINF.MIN", "40"),
        ("DUR_S", "2400"),
        ("DUR", "40 min"),
        ("DUR", "0.6667 h"),
        ("STOP", "0.6667"),
        ("TSTOP", "0.6667"),
        ("END_TIME", "0.6667"),
        ("END (min)", "40"),
        ("RATE", "52.5"),
        ("INFRATE", "52.5"),
        ("RATE (mg/min)", "0.875"),
        ("RATE_MG_MIN", "0.875"),
        ("RATE (mg/kg/h)", "0.75"),
        ("RATE [mcg/kg/min]", "12.5"),
        ("RATE", "0.875 mg/min"),
    ],
)
def test_how_long_an_infusion_lasts_is_read(column: str, cell: str) -> None:
    read = read_events(table(f"ID|TIME|AMT|ROUTE|EVID|WT|{column}", f"1|0|35|iv|1|70|{cell}"))
    assert dose_of(read).duration == pytest.approx(2 / 3, rel=1e-4)
    assert dose_of(read).amount == 35


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("RATE|DUR", "52.5|1", "RATE says 0.6667 h and DUR 1 h"),
        ("RATE|DUR", "0|1", "RATE all at once"),
        ("DUR_MIN|STOP", "40|1", "make them agree"),
        ("DUR|TINF", "1|1", "TINF: says the same as DUR"),
        ("DUR", "40", "35 mg over 40 h, or over 40 min?"),
        ("DUR", "-1", "below 0"),
        ("DUR", "nan", "not a finite number"),
        ("DUR", "1e-9", "less than 1 s"),
        ("RATE", "1e11", "less than 1 s"),
        ("DUR (x)", "1", "'x' is no unit"),
        ("DUR", "40 furlongs", "not a finite number"),
        ("INFUSION", "1", "without a unit"),
        ("STOP", "0:40", "TIME is in h"),
        ("DURX", "1", "name it DUR"),
        ("INFUS_LEN", "1", "name it DUR"),
        ("FLOWRATE", "1", "a flow is not read"),
        ("pump rate", "1", "a flow is not read"),
        ("K0", "52.5", "a flow is not read"),
        ("mcg/kg/min", "10", "a flow is not read"),
        ("RATE_X_MG_KG_H", "1", "name it RATE (MG/KG/H)"),
        ("given over (min)", "40", "name it DUR (min)"),
        ("half (min)", "40", "name it DUR (min)"),
        ("METHOD", "40 min infusion", "no column says how long"),
        ("INFSTART|STOP", "0.5|1.17", "INFSTART in row 1: '0.5', and TIME says '0'"),
        ("START (min)|STOP (min)", "30|70", "START (min) in row 1: '30', and TIME says '0'"),
    ],
)
def test_what_is_not_clear_of_an_infusion_is_refused(head: str, row: str, part: str) -> None:
    assert part in refused(table(f"ID|TIME|AMT|ROUTE|EVID|{head}", f"1|0|35|iv|1|{row}"))


def test_an_infusion_that_ends_as_it_begins_is_refused() -> None:
    assert "not after the start" in refused(table("ID|TIME|AMT|ROUTE|EVID|STOP", "1|2|35|iv|1|2"))


def test_a_start_that_is_that_of_the_row_is_no_other_time() -> None:
    read = read_events(table("ID|TIME|AMT|ROUTE|EVID|START|STOP", "1|1|35|iv|1|1.0|1.5"))
    assert dose_of(read).duration == 0.5
    text = refused(table("ID|START|AMT|ROUTE|EVID", "1|0|35|iv|1"))
    assert text.startswith("TIME: the column is missing; name START TIME where")


def test_doses_at_one_time_are_said() -> None:
    source = table("ID|TIME|AMT|ROUTE|EVID", "1|0|35|im|1", "1|0|35|im|1")
    assert read_events(source).notes == (
        "rows 1 and 2 give doses at the same time (0 h of subject 1)",
    )
    arms = table("ID|TIME|AMT|ROUTE|EVID|TRT", "1|0|35|im|1|A", "1|0|35|im|1|B")
    assert "the time of the dose in row 1, on another occasion" in refused(arms)


def test_rate_and_duration_that_agree_but_for_rounding_are_one() -> None:
    read = read_events(table("ID|TIME|AMT|ROUTE|EVID|RATE|DUR", "1|0|35|iv|1|52.5|0.667"))
    assert dose_of(read).duration == pytest.approx(2 / 3)


def test_a_duration_without_a_unit_is_said() -> None:
    read = read_events(table("ID|TIME|AMT|ROUTE|EVID|DUR", "1|0|35|iv|1|0.667"))
    assert read.notes == ("DUR has no unit and is read in h, as TIME is",)
    read = read_events(table("ID|TIME_MIN|AMT|ROUTE|EVID|DUR", "1|0|35|iv|1|40"))
    assert dose_of(read).duration == pytest.approx(2 / 3)
    assert "DUR has no unit and is read in min" in read.notes[0].replace("MIN", "min")


def test_a_rate_that_may_be_one_a_minute_is_said() -> None:
    (text,) = read_events(table("ID|TIME|AMT|ROUTE|EVID|RATE", "1|0|35|iv|1|0.875")).notes
    assert "an infusion of 40 h" in text and "mg/min" in text


def test_iv_doses_without_any_column_of_rates_are_said_to_be_given_at_once() -> None:
    head, row = "ID|TIME|AMT|ROUTE|EVID", "1|0|35|iv|1"
    assert read_events(table(head, row)).notes == ("iv without RATE or DUR: given at once",)
    assert read_events(table(f"{head}|RATE", f"{row}|0")).notes == ()
    assert read_events(table(head, "1|0|35|im|1")).notes == ()


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("AMT", "35"),
        ("AMT (mg)", "35"),
        ("AMT_MG", "35"),
        ("AMOUNT [mcg]", "35000"),
        ("AMT (\u00b5g)", "35000"),
        ("AMT_G", "0.035"),
        ("AMT (mg/kg)", "0.5"),
        ("AMT_MG_KG", "0.5"),
        ("AMT_MGKG", "0.5"),
        ("AMTMGKG", "0.5"),
        ("AMT (mcg/kg)", "500"),
        ("AMT|UNIT", "0.5|mg/kg"),
        ("AMT|AMTU", "35000|ug"),
        ("AMT|DOSEU", "35|mg"),
        ("AMT", "0.5 mg/kg"),
        ("AMT", "35 mg"),
    ],
)
def test_amounts_have_their_units(head: str, row: str) -> None:
    read = read_events(table(f"ID|TIME|ROUTE|EVID|WT|{head}", f"1|0|im|1|70|{row}"))
    assert dose_of(read).amount == pytest.approx(35)
    assert dose_of(read).unit == "mg"


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("AMT (mL)", "1", "'mL' is no unit"),
        ("AMT|UNIT", "1|mL", "no unit of amount"),
        ("AMT (mg)|UNIT", "1|mcg", "make them agree"),
        ("AMT (mg/kg)", "1", "add the column WT"),
        ("TIME_MIN|AMT", "0|1", "says the same as TIME"),
    ],
)
def test_units_that_are_not_clear_are_refused(head: str, row: str, part: str) -> None:
    assert part in refused(table(f"ID|TIME|ROUTE|EVID|{head}", f"1|0|im|1|{row}"))


@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        ("TIME", "0", "2"),
        ("TIME (min)", "0", "120"),
        ("TIME_MIN", "0", "120"),
        ("TIMEMIN", "0", "120"),
        ("Time [d]", "0", "0.0833333333333"),
        ("TIME|TIMEU", "0|min", "120|min"),
        ("TIME", "0", "2 h"),
        ("TIME", "0", "120 min"),
    ],
)
def test_times_have_their_units(head: str, first: str, second: str) -> None:
    source = table(f"ID|AMT|ROUTE|EVID|{head}", f"1|35|im|1|{first}", f"1|||0|{second}")
    (subject,) = read_events(source).subjects
    assert subject.observations[0].time == pytest.approx(2)


def test_what_has_no_unit_of_time_has_that_of_time() -> None:
    source = table(
        "ID|TIME_MIN|AMT|RATE|II|ADDL|ROUTE|EVID", "1|0|35|0.875|2880|1|iv|1", "1|60||||||0"
    )
    (subject,) = read_events(source).subjects
    assert subject.regimen is not None
    assert [d.time for d in subject.regimen.doses] == [0, 48]
    assert subject.regimen.doses[0].duration == pytest.approx(2 / 3)


@pytest.mark.parametrize("word", ["hydrochloride", "HCl", "Hydrochloride"])
def test_salts_are_turned_into_base(word: str) -> None:
    read = read_events(table("ID|TIME|AMT|SALT|RATE|ROUTE|EVID", f"1|0|40|{word}|60|iv|1"))
    assert dose_of(read).amount == pytest.approx(34.68, abs=0.01)
    assert dose_of(read).duration == pytest.approx(2 / 3)  # the rate is of the salt as well
    assert "hydrochloride" in read.notes[0]
    assert read_events(write_events(read)) == read
    assert "unknown salt 'tartrate'" in refused(
        table("ID|TIME|AMT|SALT|ROUTE|EVID", "1|0|40|tartrate|im|1")
    )


# Routes


def test_a_number_in_cmt_alone_is_the_compartment_of_some_model() -> None:
    source = table("ID|TIME|AMT|CMT|EVID", "1|0|35|2|1", "1|1||2|0")
    assert "--cmt 1=oral,2=iv" in refused(source)
    assert "unknown route '2'; use one of: 1 oral" in refused(source, compartments={1: "oral"})
    assert dose_of(read_events(source, compartments={1: "oral", 2: "iv"})).route == "iv"
    with pytest.raises(InputError, match="unknown route 'central'"):
        read_events(source, compartments={2: "central"})


def test_route_says_the_route_beside_a_number() -> None:
    read = read_events(table("ID|TIME|AMT|CMT|ROUTE|EVID", "1|0|35|1|oral|1"))
    assert dose_of(read).route == "oral"
    assert read.notes == ("ROUTE says the route; numbers in CMT are not used",)
    source = table("ID|TIME|AMT|CMT|ROUTE|EVID", "1|0|35|1|oral|1")
    assert "CMT says iv and ROUTE says oral" in refused(source, compartments={1: "iv"})


@pytest.mark.parametrize("cell", ["nan", "inf", "1e19", "-1", "1.5", "\u0661", "central", "=1"])
def test_no_word_in_cmt_is_taken_for_a_route(cell: str) -> None:
    refused(table("ID|TIME|AMT|CMT|EVID", f"1|0|35|{cell}|1"))
    refused(table("ID|TIME|AMT|CMT|EVID", f"1|0|35|{cell}|1"), compartments={1: "iv"})


def test_cmt_that_is_not_a_number_in_a_frame() -> None:
    source = {"ID": [1], "TIME": [0], "AMT": [5], "EVID": [1], "CMT": [float("nan")]}
    assert "a dose without a route" in refused(source)


# Rows that are left out


@pytest.mark.parametrize(
    ("column", "mark"), [("C", "C"), ("C", "#"), ("COMMENT", "C"), ("EXCL", "1"), ("IGNORE", "yes")]
)
def test_commented_rows_are_left_out_and_counted(column: str, mark: str) -> None:
    keep = "." if column in ("C", "COMMENT") else "0"
    source = table(
        f"{column}|ID|TIME|AMT|ROUTE|EVID",
        f"{keep}|1|0|35|im|1",
        f"{mark}|1|1|35|im|1",
        f"{keep}|1|2|||0",
    )
    read = read_events(source)
    assert dose_of(read).time == 0
    assert read.subjects[0].observations[0].row == 3
    assert read.notes == ("row 2 is commented out and not read",)


@pytest.mark.parametrize(
    ("column", "cell"), [("C", "1"), ("C", "late"), ("EXCL", "maybe"), ("FLAG", "1")]
)
def test_marks_that_are_not_clear_are_refused(column: str, cell: str) -> None:
    refused(table(f"{column}|ID|TIME|AMT|ROUTE|EVID", f"{cell}|1|0|35|im|1"))


def test_concentrations_and_remarks_comment_nothing_out() -> None:
    source = table("C|ID|TIME|AMT|ROUTE|EVID", ".|1|0|35|im|1", "45.5|1|1|||0")
    assert read_events(source).notes == ("not used: C",)
    source = table("COMMENT|ID|TIME|AMT|ROUTE|EVID", "felt well|1|0|35|im|1")
    assert read_events(source).notes == ("not used: COMMENT",)


# Kinds of rows


def test_without_evid_amounts_say_which_rows_are_doses() -> None:
    read = read_events(table("ID|TIME|AMT|ROUTE|MDV", "1|0|35|im|1", "1|1|.||0"))
    assert len(read.subjects[0].observations) == 1 and dose_of(read).amount == 35
    assert any("EVID is missing" in text for text in read.notes)
    assert "MDV in row 1: 0" in refused(table("ID|TIME|AMT|ROUTE|MDV", "1|0|35|im|0"))


@pytest.mark.parametrize(("event", "part"), [("2", "EVID 0"), ("3", "ID of its own"), ("4", "ID")])
def test_other_events_are_refused_with_what_keeps_their_meaning(event: str, part: str) -> None:
    text = refused(table("ID|TIME|AMT|ROUTE|EVID", f"1|0|35|im|{event}"))
    assert f"{event} is not supported" in text and part in text


def test_a_table_that_means_an_interval_is_not_told_to_repeat_its_doses() -> None:
    text = refused(table("ID|TIME|AMT|ROUTE|EVID|II", "1|0|35|im|1|24", "1|24|35|im|1|24"))
    assert "ADDL as well" not in text and "give 0" in text


# Names


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("F1", "0.5"),
        ("BIO", "0.5"),
        ("ALAG1", "0.5"),
        ("LAG", "1"),
        ("D1", "1"),
        ("R1", "2"),
        ("S1", "5"),
        ("FREQ", "q12h"),
        ("TAU", "12"),
        ("FORM", "2"),
        ("NDOSES", "3"),
        ("VOLUME", "5"),
        ("CONMED", "clarithromycin"),
        ("MISSED", "1"),
        ("TAKEN", "0"),
        ("ADMINROUTE2", "sl"),
        ("MIN", "40"),
        ("BOLUS", "10"),
        ("AMT_HCL", "40"),
        ("DOSE2", "40"),
        ("MG/KG", "0.5"),
        ("AFRLTU", "min"),
        ("AMT2", "10"),
        ("DRUG2", "midazolam"),
        ("VALID", "0"),
        ("DRIP_TIME", "40"),
        ("RAET", "1"),
        ("SALT_FORM_X", "HCl"),
    ],
)
def test_what_changes_doses_is_refused(column: str, cell: str) -> None:
    source = table(f"ID|TIME|AMT|CMT|EVID|{column}", f"1|0|35|im|1|{cell}")
    assert refused(source).startswith(f"{column}: ")


@pytest.mark.parametrize(
    ("column", "cell"), [("F1", "1"), ("ALAG1", "0"), ("D1", "."), ("RATEX", ""), ("VALID", "Y")]
)
def test_what_changes_nothing_is_named(column: str, cell: str) -> None:
    source = table(f"ID|TIME|AMT|ROUTE|EVID|{column}", f"1|0|35|im|1|{cell}")
    assert read_events(source).notes == (f"not used: {column}",)


def test_columns_that_are_not_used_are_named_once() -> None:
    names = ["DV", "MDV", "SEX", "RACE", "CENS", "LLOQ", "L2", "OCC", "VISIT", "TAD", "NTIM", "X"]
    head = "|".join(["ID|TIME|AMT|ROUTE|EVID", *names])
    read = read_events(table(head, f"1|0|35|im|1{'|1' * len(names)}"))
    (text,) = read.notes
    assert set(text.removeprefix("not used: ").split(", ")) == set(names)


@pytest.mark.parametrize(
    ("head", "part"),
    [
        ("SUBJ|TIME|AMT|ROUTE|EVID", "ID: the column is missing; name SUBJ ID where"),
        ("ID|TAD|AMT|ROUTE|EVID", "TIME: the column is missing; name TAD TIME where"),
        ("ID|TIME|DOSE|ROUTE|EVID", "AMT: the column is missing; name DOSE AMT where"),
        ("ID|AFRLT|AMT|ROUTE|EVID", "TIME: the column is missing; name AFRLT TIME where"),
        ("ID|TIME|DOSEMGKG|ROUTE|EVID", "name DOSEMGKG AMT (mg/kg) where"),
        ("ID|TIME|DOSE (mg/kg)|ROUTE|EVID", "name DOSE (mg/kg) AMT (mg/kg) where"),
    ],
)
def test_a_missing_column_is_answered_with_one_like_it(head: str, part: str) -> None:
    assert part in refused(table(head, "1|0|35|im|1"))


def test_a_treatment_in_words_is_the_drug_and_a_code_is_not() -> None:
    source = table("ID|TIME|AMT|ROUTE|EVID|TRT", "1|0|35|im|1|Esketamine")
    assert dose_of(read_events(source)).drug == "esketamine"
    for code in ("2", "Active", "B"):
        source = table("ID|TIME|AMT|ROUTE|EVID|ARM", f"1|0|35|im|1|{code}")
        assert read_events(source).notes == ("not used: ARM",)


@pytest.mark.parametrize(
    ("head", "row", "drug", "amount", "route"),
    [
        ("DRUG|ROUTE", "Ketamine|IM", "ketamine", 40, "im"),
        ("DRUG|ROUTE", "(S)-ketamine|s.c.", "esketamine", 40, "sc"),
        ("DRUG|ROUTE", "ketamine HCl|PO", "ketamine", 34.68, "oral"),
        ("DRUG|CMT", "Ketanest S|intramuscular", "esketamine", 40, "im"),
        ("DRUG|SALT|ROUTE", "ketamine|HCl|under the tongue", "ketamine", 34.68, "sublingual"),
        ("DRUG|ROUTE", "ketamine|lozenge", "ketamine", 40, "sublingual"),
    ],
)
def test_drugs_and_routes_have_their_usual_names(
    head: str, row: str, drug: str, amount: float, route: str
) -> None:
    dose = dose_of(read_events(table(f"ID|TIME|AMT|EVID|{head}", f"1|0|40|1|{row}")))
    assert (dose.drug, dose.route) == (drug, route)
    assert dose.amount == pytest.approx(amount, abs=0.01)


@pytest.mark.parametrize(
    ("head", "row", "part"),
    [
        ("DRUG|ROUTE", "midazolam|iv", "unknown drug 'midazolam'"),
        ("DRUG|ROUTE", "Spravato|oral", "is given by the route intranasal"),
        ("DRUG|SALT|ROUTE", "ketamine HCl|base|iv", "make them agree"),
        ("DRUG|ROUTE", "ketamine|iv infusion", "'iv infusion' without a duration"),
        ("DRUG|ROUTE|DUR", "ketamine|iv bolus|1", "'iv bolus' that lasts 1 h"),
        ("DRUG|ROUTE", "ketamine|injection", "an injection may be iv, im or sc"),
        ("DRUG|ROUTE", "ketamine|intravascular", "a vein or an artery"),
        ("DRUG|ROUTE", "ketamine|extravascular", "any but iv"),
        ("DRUG|ROUTE", "ketamine|intradermal", "is not simulated"),
        ("DRUG|ROUTE", "ketamine|intrapleural", "use one of: iv"),
        ("DRUG|ROUTE", "ketamine|intravenus", "did you mean 'intravenous'?"),
        ("DRUG|ROUTE", "ketamine|INTRAVENOUS DRIP", "without a duration"),
        ("ROUTE|CMT", "IV|i.m.", "CMT says im and ROUTE says iv"),
    ],
)
def test_names_that_do_not_agree_are_refused(head: str, row: str, part: str) -> None:
    assert part in refused(table(f"ID|TIME|AMT|EVID|{head}", f"1|0|40|1|{row}"))


def test_many_columns_are_refused_or_counted() -> None:
    row = {"ID": [1], "TIME": [0], "AMT": [5], "EVID": [1], "ROUTE": ["im"]}
    assert "has 20,005 columns" in refused(row | {f"X{i}": [1] for i in range(20_000)})
    (text,) = read_events(row | {f"X{i}": [1] for i in range(100)}).notes
    assert text.endswith("and 80 more")


_SUBJECTS = st.builds(
    lambda *cells: dict(zip(("ID", "TIME", "AMT", "EVID", "DEVICE", "ADDL"), cells, strict=True)),
    *(
        st.sampled_from(
            ["1", "1.0", "0", "nan", "inf", "-1", "1e19", "1e400", "=1", "1_0", "\u0663", "", " "]
        ),
    )
    * 6,
)


@given(_SUBJECTS)
def test_a_number_is_read_or_refused(cells: dict[str, str]) -> None:
    source = {name: [cell] for name, cell in cells.items()} | {"ROUTE": ["im"], "II": ["12"]}
    try:
        read = read_events(source)
    except InputError:
        return
    write_events(read)
    (subject,) = read.subjects
    assert isinstance(subject, Subject) and subject.id in (0, 1)


# The table of names


def test_every_name_of_the_table_is_known_once_and_the_contract_is_in_it() -> None:
    words = [
        "".join(word.split())
        for e in facts("event_columns")
        if e.get("use") != "like"
        for word in e.listed("words")
    ]
    assert len(words) == len(set(words))
    for column in CONTRACT:
        found = read_column(column.name)
        assert (found.name, found.use) == (column.name, "read")
    assert all(e.get("remedy") for e in facts("event_columns") if e.get("use") == "refused")


@given(st.text(max_size=60))
def test_any_name_is_read(name: str) -> None:
    assert read_column(name).typed == name
    for kind in ("time", "amount", "rate", "weight", "age"):
        read_unit(name, kind)


@pytest.mark.parametrize("cell", [1, "iv"])
def test_a_cell_in_the_place_of_a_column_is_refused(cell: object) -> None:
    table = {"ID": [1, 1], "TIME": [0, 1], "AMT": [10, 0], "EVID": [1, 0], "CMT": cell}
    with pytest.raises(InputError, match=f"^CMT: '{cell}' is one cell, and a column has one"):
        read_events(table)
