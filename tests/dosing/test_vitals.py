"""History and vital signs of a patient: read with their units, refused, written back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import VITAL_LIMITS, Course, load_course

UNITS = {"sbp": "mmHg", "dbp": "mmHg", "heart_rate": "/min", "spo2": "%"}


def _course(**patient: Any) -> Course:
    return load_course({"regimen": "ketamine 0.5 mg/kg im once", "patient": patient})


def test_vitals_and_history() -> None:
    vitals = {"sbp": "150 mmHg", "dbp": "95 mmHg", "heart_rate": "72 /min", "spo2": "97 %"}
    patient = _course(vitals=vitals, history=["stroke", " high  blood pressure "]).patient
    assert patient.vitals is not None
    assert (patient.vitals.sbp, patient.vitals.dbp) == (150, 95)
    assert (patient.vitals.heart_rate, patient.vitals.spo2) == (72, 97)
    assert patient.history == ("stroke", "high blood pressure")
    assert _course().patient.vitals is None and _course().patient.history == ()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sbp", "20 kPa", 150.0),
        ("heart_rate", "72 bpm", 72.0),
        ("heart_rate", "72/min", 72.0),
        ("heart_rate", "72 beats per minute", 72.0),
        ("spo2", "97%", 97.0),
        ("spo2", "97 percent", 97.0),
    ],
)
def test_units_as_people_write_them(name: str, text: str, value: float) -> None:
    vitals = _course(vitals={name: text}).patient.vitals
    assert getattr(vitals, name) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    ("vitals", "field", "part"),
    [
        ({"sbp": 150}, "patient.vitals.sbp", "has no unit; write it with its unit, such as '150"),
        ({"heart_rate": "72"}, "patient.vitals.heart_rate", "such as '72 /min'"),
        ({"heart_rate": "72 mmHg"}, "patient.vitals.heart_rate", "not a unit usable as /min"),
        ({"spo2": "0.97"}, "patient.vitals.spo2", "such as '97 %'"),
        ({"spo2": True}, "patient.vitals.spo2", "is not a quantity"),
        ({"sbp": "120 kg"}, "patient.vitals.sbp", "not a unit usable as mmHg"),
        ({"sbp": "400 mmHg"}, "patient.vitals.sbp", "assumed limits against slips of the pen"),
        ({"dbp": "5 mmHg"}, "patient.vitals.dbp", "outside 20 to 200 mmHg"),
        ({"sbp": "90 mmHg", "dbp": "90 mmHg"}, "patient.vitals", "may be swapped"),
        ({"spb": "90 mmHg"}, "patient.vitals.spb", "use one of: sbp, dbp"),
        ({"bp": "145"}, "patient.vitals.bp", "such as '145/92 mmHg'"),
        ({"bp": "92/145"}, "patient.vitals", "may be swapped"),
        ({"bp": "145/92", "sbp": "150 mmHg"}, "patient.vitals.bp", "unknown key"),
        ({"pulse": 72}, "patient.vitals.pulse", "'heart_rate'"),
        ([1], "patient.vitals", "not a mapping"),
    ],
)
def test_refusals(vitals: Any, field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        _course(vitals=vitals)
    assert caught.value.field == field
    assert part in str(caught.value)


@pytest.mark.parametrize("text", ["145/92", "145 / 92 mmHg", "145/92mmHg"])
@pytest.mark.parametrize("key", ["bp", "blood_pressure"])
def test_both_pressures_in_one(key: str, text: str) -> None:
    assert _course(vitals={key: text}).patient.pressure == {"SBP": 145.0, "DBP": 92.0}


def test_a_history_that_is_no_list_of_texts() -> None:
    with pytest.raises(InputError, match=r"patient\.history: .*\[a, b\]"):
        _course(history=3)
    with pytest.raises(InputError, match=r"patient\.history\[0\]: .*not text"):
        _course(history=[3])


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.floats(low, high).map(lambda value, unit=unit: f"{value!r} {unit}")
            for name, (low, high, unit) in VITAL_LIMITS.items()
            if name != "dbp"
        },
    ),
    st.lists(st.text("abc de", min_size=1, max_size=9), max_size=3),
)
def test_the_normal_form_loads_back(vitals: dict[str, str], history: list[str]) -> None:
    course = _course(vitals=vitals, history=history)
    assert load_course(course.to_dict()) == course
