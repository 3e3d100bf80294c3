"""What is written reads back as equal, whatever the regimen."""

from __future__ import annotations

from typing import Any

import polars as pl
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ketasim.dosing import (
    DRUGS,
    ROUTES,
    Patient,
    Regimen,
    items_of,
    load_course,
    read_events,
    structured_regimen,
    write_events,
)
from ketasim.dosing.patient import ANCESTRIES, DIAGNOSES, GENOTYPES, IMPAIRMENTS, SETTINGS, SEXES

TIMED = ("iv", "im", "sc")


@st.composite
def items(draw: st.DrawFn) -> dict[str, Any]:
    """An entry of `doses:`; amounts stay below every limit."""
    drug, route = draw(st.sampled_from(DRUGS)), draw(st.sampled_from(ROUTES))
    item: dict[str, Any] = {"drug": drug, "route": route}
    if draw(st.booleans()):
        item["day"] = draw(st.integers(0, 60))
    else:
        item["time"] = f"{draw(st.floats(0, 1500))} h"
    if (drug, route) == ("esketamine", "intranasal"):
        item["dose"] = f"{28 * draw(st.integers(1, 3))} mg"
        if draw(st.integers(0, 3)) == 0:
            item |= {"device": draw(st.integers(0, 2)), "dose": f"{draw(st.floats(1, 28))} mg"}
    else:
        unit, most = draw(st.sampled_from([("mg", 1.0), ("mg/kg", 0.01)]))
        item["dose"] = f"{draw(st.floats(most / 1000, most))} {unit}"
        if draw(st.booleans()):
            item["salt"] = "hydrochloride"
    if route in TIMED and draw(st.booleans()):
        item["over"] = f"{draw(st.floats(0.01, 30))} h"
    return item


@st.composite
def many_items_of(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Entries of `doses:`, sometimes with a steady state at the start."""
    entries = draw(st.lists(items(), min_size=1, max_size=8))
    if draw(st.integers(0, 4)) == 0 and "28" not in entries[-1]["dose"]:
        entries[-1].pop("time", None)
        entries[-1] |= {"day": 0, "steady_state": f"{draw(st.floats(40, 200))} h"}
        if entries[-1]["drug"] == "esketamine" and entries[-1]["route"] == "intranasal":
            entries[-1]["device"] = 0
            entries[-1]["dose"] = "20 mg"
    return entries


many_items = many_items_of()

patients = st.fixed_dictionaries(
    {},
    optional={
        "age": st.one_of(st.integers(0, 120), st.floats(0, 120)),
        "weight": st.floats(40, 300).map(lambda kg: f"{kg} kg"),
        "sex": st.sampled_from(SEXES),
        "ancestry": st.sampled_from(ANCESTRIES),
        "cyp2b6": st.sampled_from(GENOTYPES),
        "diagnosis": st.sampled_from(DIAGNOSES),
        "baseline": st.fixed_dictionaries({"scale": st.just("MADRS"), "score": st.integers(0, 60)}),
        "setting": st.sampled_from(SETTINGS),
        "medicines": st.lists(st.sampled_from(["sertraline", "ticlopidine"]), max_size=2),
        "kidney": st.sampled_from(IMPAIRMENTS),
        "liver": st.sampled_from(IMPAIRMENTS),
    },
)


@given(many_items)
def test_a_structured_regimen_describes_and_reads_back(entries: list[dict[str, Any]]) -> None:
    regimen = structured_regimen(entries)
    lines = regimen.describe()
    assert 1 <= len(lines) <= len(regimen.sessions)
    assert sum(int(line.split()[0]) for line in lines) == len(regimen.sessions)
    assert structured_regimen(items_of(regimen)) == regimen
    assert list(regimen.sessions) == sorted(regimen.sessions)


@given(many_items)
@example(
    [
        {"drug": "ketamine", "route": "intranasal", "time": "0 h", "dose": "1 mg"},
        {"drug": "ketamine", "route": "iv", "day": 1, "dose": "1 mg"},
        {"drug": "esketamine", "route": "intranasal", "day": 1, "dose": "1 mg", "device": 1},
    ]
)
def test_the_order_of_the_entries_does_not_matter(entries: list[dict[str, Any]]) -> None:
    forwards, backwards = structured_regimen(entries), structured_regimen(entries[::-1])
    assert forwards.sessions == backwards.sessions
    assert sorted(map(repr, forwards.doses)) == sorted(map(repr, backwards.doses))


@settings(max_examples=50)
@given(
    patients,
    many_items,
    st.booleans(),
    st.one_of(st.none(), st.floats(1501, 9000).map(lambda h: f"{h} h")),
    st.one_of(st.none(), st.fixed_dictionaries({"n": st.integers(1, 1000)})),
)
def test_a_course_loads_back_from_its_normal_form(
    patient: dict[str, Any],
    entries: list[dict[str, Any]],
    sentence: bool,
    horizon: str | None,
    population: dict[str, int] | None,
) -> None:
    content: dict[str, Any] = {"patient": patient, "title": "A course"}
    if sentence:
        content["regimen"] = "ketamine 0.5 mg/kg iv over 40 min 3/week x 6, then weekly x 4"
    else:
        content["doses"] = entries
    if horizon is not None:
        content["horizon"] = horizon
    if population is not None:
        content["population"] = population
    course = load_course(content)
    again = load_course(yaml.safe_load(yaml.safe_dump(course.to_dict())))
    assert again == course
    assert again.assumed == course.assumed and again.warnings == course.warnings
    assert again.to_dict() == course.to_dict()


@given(patients)
def test_a_patient_equals_one_of_the_same_description(description: dict[str, Any]) -> None:
    assert Patient.model_validate(description) == Patient.model_validate(dict(description))


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(many_items, st.lists(st.floats(0, 2000), max_size=4)), min_size=1, max_size=3
    )
)
def test_an_event_table_is_written_as_it_was_read(
    subjects: list[tuple[list[dict[str, Any]], list[float]]],
) -> None:
    frames: list[pl.DataFrame] = []
    for number, (entries, observations) in enumerate(subjects, start=1):
        one = write_events(structured_regimen(entries), 70.0, observations=observations)
        frames.append(one.with_columns(pl.lit(number, pl.Int64).alias("ID")))
    frame = pl.concat(frames, how="diagonal")  # DUR_H stands where a dose has it
    read = read_events(frame)
    written = write_events(read).select(frame.columns)
    order = ["ID", "TIME", "EVID", "DRUG", "ROUTE", "AMT", "DEVICE", "RATE"]
    order += [name for name in ("DUR_H",) if name in frame.columns]
    assert_frame_equal(written.sort(order), frame.sort(order), rel_tol=1e-12, abs_tol=0.0)
    assert_frame_equal(
        write_events(read_events(written)).select(frame.columns).sort(order),
        written.sort(order),
        rel_tol=1e-12,
    )


@given(many_items)
def test_an_event_table_gives_the_same_milligrams(entries: list[dict[str, Any]]) -> None:
    regimen = structured_regimen(entries)
    (subject,) = read_events(write_events(regimen, 70.0)).subjects
    assert isinstance(subject.regimen, Regimen)

    def told(one: Regimen) -> list[tuple[float, str, str, float]]:
        return sorted((d.time, d.drug, d.route, round(d.milligrams(70.0), 9)) for d in one.doses)

    assert told(subject.regimen) == told(regimen)
