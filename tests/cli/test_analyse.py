"""`ketasim analyse` prints and writes what Python returns, and refuses in one line."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.trials import mmrm
from ketasim.validation.statistics.numbers import DATA as FOLDER

DATA = FOLDER / "antidepressant.csv"
MODEL = "CHANGE ~ BASVAL*VISIT + THERAPY*VISIT"
WORDS = ["--subject", "PATIENT", "--visit", "VISIT", "--arm", "THERAPY", "--reference", "PLACEBO"]


def test_a_mixed_model_is_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["analyse", str(DATA), "--model", MODEL, *WORDS, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "DRUG - PLACEBO      7   -2.8018   1.1163  150.1" in told.out
    found = mmrm(MODEL, DATA, subject="PATIENT", visit="VISIT", arm="THERAPY", reference="PLACEBO")
    for name, table in found.tables.items():
        written = pl.read_csv(tmp_path / f"{name}.csv", schema=table.schema)
        assert written.equals(table)
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(found.tables)


def test_json_has_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", MODEL, *WORDS, "--covariance", "us,cs", "--df", "satterthwaite", "--json"]
    assert run(["analyse", str(DATA), *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metadata"]["subjects"] == 172
    assert told["metadata"]["covariance"] == "us"
    assert [row["contrast"] for row in told["tables"]["differences"]] == ["DRUG - PLACEBO"] * 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--method", "ancova", "--model", "CHANGE ~ THERAPY + BASVAL"], "-2.6575"),
        (["--method", "responder", "--model", "I(CHANGE <= -10) ~ THERAPY"], "newcombe_low"),
    ],
)
def test_other_methods(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["--visit", "VISIT", "--arm", "THERAPY", "--reference", "PLACEBO"]
    assert run(["analyse", str(DATA), *words, *common]) == 0
    assert told in capsys.readouterr().out


def test_survival_from_a_file_with_semicolons(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "adtte.csv"
    path.write_text("ARM;AVAL;CNSR\na;1,5;0\nb;2;0\na;3;1\nb;4,5;0\na;5;0\nb;6;1\n", "utf-8")
    words = ["--method", "survival", "--model", "Surv(AVAL, 1 - CNSR) ~ ARM"]
    assert run(["analyse", str(path), *words]) == 0
    out = capsys.readouterr().out
    assert "4 events of 6 subjects" in out and "hazard_ratio" in out


def test_imputation(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--strategy", "j2r", "--way", "multiple-imputation", "--imputations", "20"]
    assert run(["analyse", str(DATA), "--model", MODEL, *WORDS, *words]) == 0
    assert "jump to reference" in capsys.readouterr().out


def test_the_order_of_visits_is_given_and_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SAS has -2.12426 for the last visit, which the alphabet puts first."""
    names = {"4": "Week 1", "5": "Week 2", "6": "Week 4", "7": "Endpoint"}
    data = pl.read_csv(DATA, infer_schema=False).with_columns(
        pl.col("VISIT").alias("NUMBER"), pl.col("VISIT").replace(names)
    )
    path = tmp_path / "named.csv"
    data.write_csv(path)
    words = ["analyse", str(path), "--model", MODEL, *WORDS, "--strategy", "j2r"]
    words += ["--way", "multiple-imputation", "--imputations", "50"]
    assert run(words) == 2
    assert "'Endpoint' among the visits is not certain" in capsys.readouterr().err
    found: list[str] = []
    for order in ("NUMBER", ", ".join(names.values())):
        assert run([*words, "--visit-order", order]) == 0
        told = capsys.readouterr().out
        assert "Week 1, Week 2, Week 4, Endpoint. 79 of 80 outcomes" in told
        found.append(next(line for line in told.splitlines() if "Endpoint  " in line))
    assert found[0] == found[1]
    assert float(found[0].split()[4]) == pytest.approx(-2.12, abs=0.4)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "CHNGE ~ THERAPY*VISIT", *WORDS], "did you mean 'CHANGE'"),
        (["--model", MODEL, "--subject", "PATIENT"], "visit: is missing"),
        (["--model", MODEL, *WORDS, "--method", "mmmr"], "did you mean 'mmrm'"),
        (["--model", MODEL, *WORDS, "--ties", "efron"], "--ties: mmrm takes none"),
        (["--model", MODEL, *WORDS, "--delta", "2"], "nothing is imputed"),
        (["--model", MODEL, "--subject", "PATIENT", "--visit", "THERAPY"], "several rows"),
        (["--model", MODEL, *WORDS, "--reference", "VISIT=9"], "VISIT has no '9'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["analyse", str(DATA), *words, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no rows"),
        ("a,b\n", "has no rows"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1\n", "row 1 has 1 cells"),
        ('a,b\n"1,2\n', "close every quotation mark"),
        ("a\0b\n", "is not text"),
    ],
)
def test_files_that_are_no_table(
    text: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.csv"
    path.write_text(text, encoding="utf-8")
    assert run(["analyse", str(path), "--model", "a ~ b", "--method", "ancova"]) == 2
    assert told in capsys.readouterr().err
