"""`ketasim fit`: what it writes, and what it refuses in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import ketasim
from ketasim._base import InputError
from ketasim.apps.cli.application import run
from ketasim.estimation.written import model_text
from ketasim.models import pk

MODEL = """
name = "own"
[parameters]
CL = {value = 4, unit = "L/h", meaning = "clearance", sd_log = 0.3}
V = {value = 20, unit = "L", sd_log = 0.2}
SCALE = 1
[covariates]
WT = {unit = "kg", default = 70}
[definitions]
CLI = "CL*(WT/70)**0.75"
[compartments]
central = {}
[[flow]]
from = "central"
rate = "CLI/V"
[output]
CP = {expression = "1000*central/V*SCALE", unit = "ng/mL", proportional = 0.1}
"""
TABLE = "ID,TIME,AMT,CMT,EVID,DV,ARM\n" + "".join(
    f"{subject},0,10,1,1,.,{arm}\n"
    + "".join(f"{subject},{time},.,.,0,{value},{arm}\n" for time, value in rows)
    for subject, arm, rows in (
        ("p1", "x", ((1, 410), (3, 290), (6, 148))),
        ("p2", "x", ((1, 377), (3, 235), (6, 139))),
        ("p3", "y", ((1, 500), (3, 340), (6, 205))),
        ("p4", "y", ((1, 351), (3, 281), (6, 150))),
    )
)
_TELL_APART = ["--fix", "SCALE"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    model, table = tmp_path / "model.toml", tmp_path / "data.csv"
    model.write_text(MODEL, encoding="utf-8")
    table.write_text(TABLE, encoding="utf-8")
    return model, table, tmp_path / "out"


def test_a_population_is_written_with_its_report(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, out = files
    words = ["fit", str(model), str(table), *_TELL_APART, "--by", "ARM", "--n", "60"]
    assert run([*words, "--se", "sandwich", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = {path.name for path in out.iterdir()}
    assert names == {Path(one).name for one in told["files"]}
    assert names >= {"parameters.csv", "predictions.csv", "vpc.csv", "model.toml", "report.html"}
    parameters = pl.read_csv(out / "parameters.csv")
    assert parameters["parameter"].to_list() == ["CL", "V", "CL", "V", "CP", "SCALE"]
    assert parameters.filter(pl.col("fixed"))["parameter"].to_list() == ["SCALE"]
    assert set(pl.read_csv(out / "vpc.csv")["stratum"]) == {"x", "y"}
    page = (out / "report.html").read_text(encoding="utf-8")
    for part in ("Objective function value", "CWRES", "NPDE", "Visual predictive check", "R⁻¹SR⁻¹"):
        assert part in page
    assert "--by ARM" in page
    assert page.count("Decision support for professionals; not medical advice") == 1
    assert run(["predict", str(out / "model.toml"), str(table), "--out", str(out / "p.csv")]) == 0
    capsys.readouterr()
    assert parameters["start"].to_list() == [4, 20, 0.3, 0.2, 0.1, 1]
    assert 'data-label="Standard error">fixed<' in page


def test_what_is_printed_of_subjects(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, out = files
    assert run(["fit", str(model), str(table), "--method", "map", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "most likely" in printed
    assert str(out / "report.html") in printed
    assert not (out / "parameters.csv").exists()


REFUSED: dict[str, tuple[str, str, list[str], str]] = {
    "no column of values": (
        MODEL,
        TABLE.replace("DV", "CONC"),
        [],
        "--dv: the table has no column",
    ),
    "an unknown column": (MODEL, TABLE, ["--dv", "DVV"], "--dv: the table has no column 'DVV'"),
    "an unknown output": (MODEL, TABLE, ["--dv", "CPP=DV"], "unknown output 'CPP'; did you mean"),
    "no spread for map": (
        MODEL.replace(", sd_log = 0.3", "").replace(", sd_log = 0.2", ""),
        TABLE,
        ["--method", "map"],
        "--method: map: no parameter of the model has between-subject",
    ),
    "all below the limit": (MODEL, TABLE, ["--lloq", "600"], "every value is below the limit (12"),
    "below with FOCEI": (
        MODEL,
        TABLE,
        ["--lloq", "140", *_TELL_APART],
        "--method: focei: 1 value below the limit",
    ),
    "a limit that nothing says": (
        MODEL,
        TABLE.replace(",139,", ",BLQ,"),
        _TELL_APART,
        "DV in row 8: is below a limit that nothing says; give the limit, as --lloq 2",
    ),
    "a nonlinear model": (
        MODEL.replace('"CLI/V"', '"CLI/V/(1 + central/AMT)"'),
        TABLE,
        [],
        "MODEL: its rates change with amounts or time",
    ),
    "what cannot be told apart": (MODEL, TABLE, [], "CL, V and SCALE: cannot be told apart"),
    "what changes nothing": (
        MODEL.replace("*SCALE", " + 0*SCALE"),
        TABLE,
        [],
        "parameter SCALE: no observation depends on it; leave it as it is, as --fix SCALE",
    ),
    "a word in DV": (MODEL, TABLE.replace(",410,", ",high,"), [], "DV in row 2: 'high' is not"),
    "no value at all": (
        MODEL,
        "ID,TIME,AMT,CMT,EVID,DV\na,0,10,1,1,.\na,1,.,.,0,.\n",
        [],
        "DV: no row has a value; give the values in rows with EVID 0",
    ),
    "a proportional error of nothing": (
        MODEL,
        TABLE.replace("p1,0,10,1,1,.,x\n", "p1,0,.,.,0,3,x\np1,0,10,1,1,.,x\n"),
        _TELL_APART,
        "DV in row 1: the prediction of CP is 0 there",
    ),
    "one subject": (
        MODEL,
        "\n".join(TABLE.splitlines()[:5]) + "\n",
        _TELL_APART,
        "TABLE: one subject has values, which tell no between-subject",
    ),
    "a parameter": (MODEL, TABLE, ["--fix", "KA"], "--fix: 'KA' is no parameter"),
    "an error": (MODEL, TABLE, ["--error", "prop"], "--error: 'prop' is not known"),
    "an SD below 0": (MODEL, TABLE, ["--error", "log=-1"], "--error: 'log=-1' is no kind with"),
    "an SD": (MODEL, TABLE, ["--error", "log=x"], "--error: 'log=x' is no kind with an SD"),
    "an effect": (
        MODEL,
        TABLE,
        [*_TELL_APART, "--correlated", "CL,SCALE"],
        "--correlated: 'SCALE' has no between-subject variability",
    ),
    "a stratum": (MODEL, TABLE, ["--by", "SEX"], "--by: the table has no column 'SEX'"),
    "a mark above the limit": (
        MODEL,
        TABLE.replace("ARM", "CENS").replace(",x", ",0").replace(",y", ",-1"),
        [],
        "CENS in row 10: -1 marks a value above a limit, which is not read",
    ),
    "another mark": (
        MODEL,
        TABLE.replace("ARM", "CENS").replace(",x", ",2").replace(",y", ",0"),
        [],
        "CENS in row 2: 2 is no mark; write 1 where the value is below the limit",
    ),
    "a value below 0 with a proportional error": (
        MODEL,
        TABLE.replace(",410,", ",-4,"),
        [],
        "DV in row 2: -4 is below 0; an error that is a part of the value has none below 0: take",
    ),
    "nothing but zeros": (
        MODEL,
        "ID,TIME,AMT,EVID,DV\n" + "".join(f"{i},0,10,1,.\n{i},1,.,0,0\n" for i in (1, 2, 3)),
        _TELL_APART,
        "DV: every value is 0 (3 of them); give the measured ones",
    ),
    "a seed": (MODEL, TABLE, ["--seed", "-1"], "--seed: -1 is below 0"),
    "bins that are no times": (MODEL, TABLE, ["--bins", "1,nan"], "--bins: 'nan' is no later time"),
    "bins": (MODEL, TABLE, ["--bins", "4,1"], "--bins: '1' is no later time"),
    "an SD of the prior": (
        MODEL.replace(", proportional = 0.1", ""),
        TABLE,
        ["--method", "map", "--error", "proportional"],
        "--error: the proportional error of CP has no SD",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_line_and_nothing_is_written(
    name: str, files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, out = files
    text, rows, options, part = REFUSED[name]
    model.write_text(text, encoding="utf-8")
    table.write_text(rows, encoding="utf-8")
    assert run(["fit", str(model), str(table), *options, "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line
    assert not out.exists()


def test_a_model_that_ships_has_no_population_to_fit(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, table, out = files
    assert run(["fit", "reference", str(table), "--out", str(out)]) == 2
    assert "use --method map" in capsys.readouterr().err


def test_a_stop_while_it_is_fitted_leaves_nothing(files: tuple[Path, Path, Path]) -> None:
    model, table, out = files

    def stop(text: str) -> None:
        if text.startswith("iteration"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ketasim.fit(model, table, fix=["SCALE"], progress=stop)
    assert not out.exists()


def test_what_the_chart_shows() -> None:
    rows: dict[str, list[Any]] = {
        "ID": [1, 1, 1],
        "TIME": [0, 1, 3],
        "AMT": [10, None, None],
        "EVID": [1, 0, 0],
        "DV": [None, 400.0, 250.0],
    }
    model = pk.one_compartment().with_values({"CL": 4, "V": 20})
    spread = pk.CompartmentModel(
        "own",
        tuple(pk.Parameter(one.name, one.value, sd_log=0.2) for one in model.parameters),
        model.compartments,
        model.flows,
        model.outputs,
    )
    found = ketasim.fit(spread, rows, method="map", error={"proportional": 0.1})
    assert ketasim.plot(found).to_dict()["layer"]
    with pytest.raises(InputError, match="against"):
        ketasim.plot(found, against="DV")


def test_a_model_is_written_with_the_unit_of_its_amounts(tmp_path: Path) -> None:
    model = pk.one_compartment(scale=1.0, amount="µg").with_values({"CL": 4, "V": 20})
    path = tmp_path / "model.toml"
    path.write_text(model_text(model), encoding="utf-8")
    assert pk.read_model(path) == model


@pytest.mark.parametrize("bins", [(5, 1), (float("nan"),), (1, 1)])
def test_bins_are_times_in_order(bins: tuple[float, ...], files: tuple[Path, Path, Path]) -> None:
    with pytest.raises(InputError, match=r"bins: .* is no later time"):
        ketasim.fit(*files[:2], bins=bins)


@pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")
def test_a_spread_that_nothing_uses_is_told(files: tuple[Path, Path, Path]) -> None:
    model, table, _ = files
    model.write_text(MODEL.replace("SCALE = 1", "SCALE = 1\nQ2 = {value = 1, sd_log = 0.2}"))
    found = ketasim.fit(model, table, method="map")
    assert "Q2 has an sd_log, but no expression uses it" in found.notes
