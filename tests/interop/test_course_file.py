"""What a course file says of a record with slips in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ketasim import InputError
from ketasim.interop import Imported, course_of, read_fhir, remarks


def score() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "effectiveDateTime": "2026-01-05T09:00:00Z",
        "valueInteger": 21,
    }


def dose(milligrams: float) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": {"text": "ketamine"},
        "subject": {"reference": "Patient/1"},
        "effectivePeriod": {"start": "2026-01-05T10:00:00Z", "end": "2026-01-05T10:40:00Z"},
        "dosage": {
            "route": {"text": "IV"},
            "dose": {"value": milligrams, "unit": "mg", "code": "mg"},
        },
    }


def written(folder: Path, *resources: dict[str, Any]) -> Path:
    path = folder / "bundle.json"
    bundle = {"resourceType": "Bundle", "entry": [{"resource": one} for one in resources]}
    path.write_text(json.dumps(bundle))
    return path


def read(folder: Path, *resources: dict[str, Any]) -> Imported:
    return read_fhir(written(folder, *resources))


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, score())
    path.write_text(path.read_text().replace('"valueInteger"', '"valueInteger": 3, "valueInteger"'))
    with pytest.raises(InputError, match="an object has a key twice"):
        read_fhir(path)


@pytest.mark.parametrize("born", ["1800-01-01", "2030-01-01"])
def test_an_age_that_cannot_be_is_left_out_and_told(tmp_path: Path, born: str) -> None:
    person = {"resourceType": "Patient", "id": "1", "birthDate": born}
    found = read(tmp_path, person, score())
    assert "age" not in course_of(found).get("patient", {})
    assert any("birth year cannot be right" in told for told in remarks(found))


def test_a_course_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    slip, right = read(tmp_path, dose(40_000)), read(tmp_path, dose(40))
    assert any("before this is corrected: regimen: " in told for told in remarks(slip))
    assert not any("corrected" in told for told in remarks(right))
