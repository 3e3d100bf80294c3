"""From a clinic's table to a forecast and back into a health record."""

import json
from pathlib import Path

import pytest

from ketasim.apps.cli.application import run
from ketasim.dosing import load_course

TABLE = (
    "Date,Name,PHQ-9,Dose,Weight (kg)\n"
    "2026-03-10,Jane Doe,23,,\n"
    "2026-03-12,Jane Doe,21,0.5 mg/kg,80\n"
    "2026-03-15,Jane Doe,17,0.5 mg/kg,\n"
    "2026-03-19,Jane Doe,12,,\n"
)
USUAL = ["--drug", "ketamine", "--route", "iv", "--over", "40 min"]


@pytest.mark.parametrize("dates", [False, True])
def test_a_table_becomes_a_forecast_for_a_record(tmp_path: Path, dates: bool) -> None:
    table, file, out = tmp_path / "visits.csv", tmp_path / "course.yaml", tmp_path / "out"
    table.write_text(TABLE)
    words = ["import", "table", str(table), "--out", str(file), *USUAL]
    assert run([*words, "--dates"] if dates else words) == 0
    course = load_course(file)
    assert [(one.time, one.score) for one in course.scores] == [(0.0, 21), (72.0, 17), (168.0, 12)]
    if dates:
        return
    assert run(["forecast", str(file), "--out", str(out), "--to", "fhir", "--n", "2000"]) == 0
    found = json.loads((out / "risk_assessment.json").read_text())
    assert found["resourceType"] == "RiskAssessment"
    assert {0 <= one["probabilityDecimal"] <= 1 for one in found["prediction"]} == {True}
    assert "Jane" not in json.dumps(found)
    assert (out / "forecast.csv").exists()
