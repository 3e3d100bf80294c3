"""`ketasim plan`: a grid from the command line to files, and one clear line for what cannot be."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Called = Callable[[list[str]], tuple[int, str, str]]
ARGUMENTS = ["--interval", "2/week,1wk", "--number", "2,3", "--n", "8"]


def test_a_plan_from_end_to_end(course: Path, called: Called, tmp_path: Path) -> None:
    text = course.read_text(encoding="utf-8").replace("7 d", "28 d")
    course.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    words = ["plan", str(course), *ARGUMENTS, "--dose", "0.5 mg/kg,2 mg/kg", "--by", "sessions"]
    code, told, said = called([*words, "--out", str(out)])
    assert code == 0, said
    table = pl.read_csv(out / "plan.csv")
    assert set(table["regimen"]) == {
        "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
        "ketamine 0.5 mg/kg iv over 40 min 2/week x 3 sessions",
        "ketamine 0.5 mg/kg iv over 40 min weekly x 2",
        "ketamine 0.5 mg/kg iv over 40 min weekly x 3",
    }
    assert {"on_front", "front", "metric", "unit", "mean", "p05", "p95"} <= set(table.columns)
    assert "No criteria were named: the front is over the default set" in told
    assert "Left out of the grid:" in told
    assert "2 mg/kg: 0.1-1 mg/kg were studied" in " ".join(told.split())
    assert "By Sessions (lower is better), as asked:" in told
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "--by sessions" in page
    assert page.count("not medical advice") == 1
    again = tmp_path / "again"
    assert called([*words, "--out", str(again)])[0] == 0
    assert (again / "plan.csv").read_bytes() == (out / "plan.csv").read_bytes()


def test_json_is_one_document(course: Path, called: Called, tmp_path: Path) -> None:
    words = ["plan", str(course), "--number", "1,2", "--interval", "2/week", "--n", "4"]
    options = ["--criteria", "score, hours", "--json", "--out", str(tmp_path / "o")]
    code, told, _ = called([*words, *options])
    assert code == 0
    document = json.loads(told)
    assert document["metadata"]["criteria"] == ["MADRS_end", "hours"]
    assert document["ranking"] == []
    assert {row["candidate"] for row in document["plan"]} == {1, 2}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dose", "0.5"], "error: --dose: '0.5' has no unit"),
        (["--interval", "3"], "error: --interval: '3' has no unit"),
        (["--number", "four"], "error: --number: 'four' is not a whole number"),
        (["--route", "im,xx"], "error: --route: unknown route 'xx'"),
        (["--criteria", "score,joy"], "error: --criteria: there is no criterion 'joy'"),
        (["--by", "joy"], "error: --by: there is no criterion 'joy'"),
        (["--regimen", "ketamine 1 mg iv each moon"], "error: --regimen: "),
        (["--dose", "90 mg/kg"], "error: --dose: '90 mg/kg': "),
        (["--number", "30"], "error: plan: no combination of the grid is left"),
        (["--intervals", "3"], "error: "),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    course: Path, called: Called, tmp_path: Path, words: list[str], said: str
) -> None:
    out = tmp_path / "out"
    code, told, errors = called(["plan", str(course), "--out", str(out), *words])
    assert code == 2
    assert told == ""
    assert [line for line in errors.splitlines() if line.startswith("error")] == [errors.strip()]
    assert errors.startswith(said)
    assert not out.exists()
