"""A model and an event table become a prediction at every row, or one line that says why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.integrate import solve_ivp

import ketasim
from ketasim._base import InputError, KetasimWarning
from ketasim.apps.cli.application import run
from ketasim.dosing import Dose, read_events, write_events
from ketasim.engine import concentrations
from ketasim.models import MODELS, Branch, Flow, LinearModel, Output, Stream, Symbol, pk
from ketasim.simulation import predict_events

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

MODEL = """
name = "own"
[parameters]
CL = {value = 4, unit = "L/h", meaning = "clearance", sd_log = 0.3, rse = 10}
V = 20
KA = {value = 1.2, unit = "1/h"}
[covariates]
WT = {unit = "kg", default = 70}
[definitions]
CLI = "CL*(WT/70)**0.75"
[compartments]
depot = {}
central = {F = "BIO", lag = 0.5}
[[flow]]
from = "depot"
to = "central"
rate = "KA"
[[flow]]
from = "central"
rate = "CLI/V"
[output]
CP = {expression = "1000*central/V", unit = "ng/mL", proportional = 0.1}
GUT = "depot"
"""
TABLE = (
    "ID,TIME,AMT,CMT,EVID,WT,DV,BLQ,BIO,NOTE\n"
    "a1,0,10,1,1,60,.,0,1,first\n"
    "a1,1,0,.,0,60,312.50,0,1,\n"
    "a1,8,.,.,0,.,.,1,.,below\n"
    "b2,0,20,central,1,90,.,0,0.5,\n"
    "b2,2,,,2,90,,,0.5,\n"
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    model, table = tmp_path / "model.toml", tmp_path / "data.csv"
    model.write_text(MODEL, encoding="utf-8")
    table.write_text(TABLE, encoding="utf-8")
    return model, table, tmp_path / "predictions.csv"


def test_the_command_writes_one_row_a_record(
    files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, out = files
    command = ["predict", str(model), str(table), "--set", "CL=5", "--out", str(out)]
    assert run(command) == 0
    told = capsys.readouterr()
    assert "note: WT is blank in 1 row: the value of the row before is used" in told.err
    assert "not used by the model: DV, BLQ, NOTE" in told.err
    head, *rows = [line.split(",") for line in out.read_text().splitlines()]
    assert ",".join(head) == "ROW,ID,TIME,AMT,CMT,EVID,WT,DV,BLQ,BIO,NOTE,CP,GUT"
    brought = [line.split(",") for line in TABLE.splitlines()[1:]]
    assert [row[1:11] for row in rows] == brought  # as they were typed
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    values = [float(row[11]) for row in rows]
    k = [5 * (weight / 70) ** 0.75 / 20 for weight in (60, 90)]
    oral = 1000 * 10 / 20 * 1.2 / (1.2 - k[0])
    late = 1000 * 0.5 * 20 / 20 * np.exp(-1.5 * k[1])
    expected = [0, *(oral * (np.exp(-k[0] * t) - np.exp(-1.2 * t)) for t in (1, 8)), 0, late]
    assert values == pytest.approx(expected, rel=1e-12)
    drawn = [word.replace("CL=5", "V=20") for word in command] + ["--n", "7"]
    assert run([*drawn, "--draws", str(draws := out.with_name("draws.parquet"))]) == 0
    assert pl.read_parquet(draws).columns == ["draw", "ROW", "output", "value", "unit"]
    assert pl.read_parquet(draws).height == 7 * 5 * 2
    assert pl.read_csv(out).columns[11:14] == ["CP", "CP_mean", "CP_sd"]
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["parameters"]["CL"] == 5


@quiet
def test_draws_are_those_of_their_seed_whatever_their_number(
    files: tuple[Path, Path, Path],
) -> None:
    model, table, _ = files
    few = ketasim.predict(model, table, n=20, seed=3)
    many = ketasim.predict(model, table, n=50, seed=3)
    key = ["draw", "ROW", "output"]
    both = few.draws().join(many.draws(), on=key)
    assert both.height == few.draws().height == 20 * 5 * 2
    assert (both["value"] == both["value_right"]).all()
    table_of = many.table()
    assert table_of["CP_p05"][1] < table_of["CP_p50"][1] < table_of["CP_p95"][1]
    assert table_of["CP"].equals(ketasim.predict(model, table).table()["CP"])
    # one draw of a subject acts at all its rows: its logarithm is CL's
    central = many.outputs[0].drawn
    assert central is not None and np.unique(central[:, 4]).size == 50
    wider = ketasim.predict(model, table, n=50, seed=3, uncertainty=True)
    assert not wider.table().equals(table_of)
    error = ketasim.predict(model, table, residual=True, seed=3).table()
    assert error["CP_observed"][1] != error["CP"][1] > 0
    assert error["CP"].equals(table_of["CP"])


@quiet
def test_xarray_and_parquet_hold_the_same_numbers(files: tuple[Path, Path, Path]) -> None:
    model, table, _ = files
    model.write_text(MODEL, encoding="utf-8")
    table.write_text(TABLE, encoding="utf-8")
    found = ketasim.predict(model, table, n=3, seed=2)
    data = found.to_xarray()
    assert data["CP"].attrs["unit"] == "ng/mL"
    drawn = found.outputs[0].drawn
    assert drawn is not None
    np.testing.assert_array_equal(data["CP_drawn"].sel(draw=2, row=3), drawn[1, 2])
    assert data["ID"].to_numpy().tolist() == ["a1", "a1", "a1", "b2", "b2"]
    found.to_parquet(table.with_suffix(".parquet"))
    again = pl.read_parquet(table.with_suffix(".parquet"))
    assert again.equals(found.table())


@quiet
def test_the_spread_of_draws_is_the_one_declared() -> None:
    model = replace(
        pk.one_compartment().with_values({"CL": 2, "V": 10}),
        parameters=(pk.Parameter("CL", 2.0, sd_log=0.4), pk.Parameter("V", 10.0)),
    )
    table = {"ID": [1, 1], "TIME": [0, 5], "AMT": [1, 0], "EVID": [1, 0]}
    drawn = ketasim.predict(model, table, n=4000).outputs[0].drawn
    assert drawn is not None
    clearance = -np.log(drawn[:, 1] / 100) / 5 * 10
    # of 4000 normal draws the mean is outside 4 standard errors once in 16,000
    assert np.log(clearance).mean() == pytest.approx(np.log(2), abs=4 * 0.4 / np.sqrt(4000))
    assert np.log(clearance).std() == pytest.approx(0.4, rel=4 / np.sqrt(2 * 4000))


@quiet
def test_effects_are_correlated_as_declared(tmp_path: Path) -> None:
    """4,000 subjects: the correlation found has an SE of 0.012, six of which are allowed."""
    file = tmp_path / "model.toml"
    file.write_text(
        "[parameters]\nCL = {value = 2, sd_log = 0.4}\nV = {value = 10, sd_log = 0.3}\n"
        "[correlation]\nCL.V = 0.5\n[compartments]\ncentral = {}\n"
        '[[flow]]\nfrom = "central"\nrate = "CL/V"\n[output]\nA = "CL + 0*central"\n'
        'B = "V + 0*central"\n'
    )
    table = {"ID": [1], "TIME": [0], "AMT": [1], "EVID": [1]}
    drawn = {one.name: one.drawn for one in ketasim.predict(file, table, n=4000, seed=3).outputs}
    assert drawn["A"] is not None
    assert drawn["B"] is not None
    logs = np.log(np.concatenate([drawn["A"], drawn["B"]], axis=1))
    assert np.corrcoef(logs.T)[0, 1] == pytest.approx(0.5, abs=0.07)
    assert logs.std(axis=0) == pytest.approx([0.4, 0.3], rel=0.07)


@quiet
def test_a_column_that_may_be_the_covariate_is_named(files: tuple[Path, Path, Path]) -> None:
    model, table, _ = files
    model.write_text(MODEL, encoding="utf-8")
    table.write_text(TABLE.replace("WT", "WGT"), encoding="utf-8")
    (note,) = (one for one in ketasim.predict(model, table).notes if one.startswith("WT "))
    assert note == "WT is not in the table: 70 is used; it has 'WGT', which the model does not know"


@quiet
def test_parameters_come_from_columns() -> None:
    table = {
        "ID": [1, 1, 2, 2],
        "TIME": [0, 4, 0, 4],
        "AMT": [10, 0, 10, 0],
        "EVID": [1, 0, 1, 0],
        "CL": [2.0, None, 3.0, 3.0],
    }
    model = pk.one_compartment().with_values({"V": 10})
    found = ketasim.predict(model, pl.DataFrame(table)).table()["CP"]
    assert found[1] == pytest.approx(1000 * np.exp(-0.8), rel=1e-12)
    assert found[3] == pytest.approx(1000 * np.exp(-1.2), rel=1e-12)
    assert ketasim.predict(model, table).table()["CP"].equals(found)


def test_saturable_elimination_is_solved_numerically_and_said() -> None:
    model = pk.CompartmentModel(
        "saturable",
        (pk.Parameter("VM", 5.0), pk.Parameter("KM", 3.0)),
        (pk.Compartment("body"),),
        (pk.Flow("body", None, "VM/(KM + body)"),),
        (pk.Output("A", "body"),),
    )
    table = {
        "ID": [1] * 5,
        "TIME": [0, 1, 3, 3, 9],
        "AMT": [20, 0, 0, 12, 0],
        "RATE": [0, 0, 0, 4, 0],
        "EVID": [1, 0, 0, 1, 0],
    }
    with pytest.warns(KetasimWarning, match="numerically"):
        found = ketasim.predict(model, table).table()["A"].to_list()

    def solved(start: float, hours: float, rate: float = 0.0) -> float:
        def change(_t: float, a: np.ndarray) -> np.ndarray:
            return rate - 5 * a / (3 + a)

        run = solve_ivp(change, (0, hours), [start], method="DOP853", rtol=1e-12, atol=1e-12)
        return float(run.y[0, -1])

    third = solved(20, 3)
    last = solved(solved(third, 3, 4.0), 3)
    assert found == pytest.approx([20, solved(20, 1), third, third, last], rel=1e-8)


@quiet
def test_a_saturable_steady_state_repeats_itself() -> None:
    model = pk.CompartmentModel(
        "saturable",
        (pk.Parameter("VM", 5.0), pk.Parameter("KM", 3.0)),
        (pk.Compartment("body"),),
        (pk.Flow("body", None, "VM/(KM + body)"),),
        (pk.Output("A", "body"),),
    )
    table = {
        "ID": [1] * 3,
        "TIME": [0, 6, 18],
        "AMT": [20, 0, 0],
        "RATE": [8, 0, 0],
        "II": [6, 0, 0],
        "ADDL": [3, 0, 0],
        "SS": [1, 0, 0],
        "EVID": [1, 0, 0],
    }
    first, second, third = ketasim.predict(model, table).table()["A"]
    assert first > 0.1
    assert (second, third) == pytest.approx((first, first), rel=1e-7)


LINEAR = LinearModel(
    name="mine",
    title="One compartment",
    source="own",
    states=(Symbol("depot", "mg", "gut"), Symbol("central", "mg", "body")),
    parameters=(Symbol("CL", "L/h", ""), Symbol("V", "L", ""), Symbol("F1", "fraction", "")),
    covariates=(),
    definitions=(),
    flows=(Flow("depot", "central", "1"), Flow("central", None, "CL/V")),
    routes={"im": (Branch("depot", "F1"),), "iv": (Branch("central"),)},
    outputs=(Output("ketamine", "venous", "central", "V"),),
    streams={"ketamine": (Stream("", 1.0),)},
)


@quiet
@pytest.mark.parametrize("cmt", ["1", "depot", "im"])
def test_a_linear_model_of_ones_own_has_compartments(cmt: str) -> None:
    table = {
        "ID": [1, 1],
        "TIME": [0, 3],
        "AMT": [10, 0],
        "EVID": [1, 0],
        "CMT": [cmt, ""],
        "RATE": [2, 0],
    }
    numbers = {"CL": 4.0, "V": 20.0, "F1": 0.6}
    found = ketasim.predict(LINEAR, table, parameters=numbers).table()["ketamine_venous"][1]
    # 2 mg/h for 0.6 of the 5 h that 10 mg take: so long enters what is absorbed
    dose = Dose(0, "ketamine", "im", 10, "mg", duration=5, rate_given=True)
    exact = concentrations(LINEAR, numbers, [dose], np.array([3.0]), np.array([70.0]), areas=False)
    assert found == pytest.approx(exact.values["ketamine", "venous"][0, 0], rel=1e-12)
    halves = solve_ivp(
        lambda t, a: [2.0 * (t < 3) - a[0], a[0] - 0.2 * a[1]], (0, 3), [0, 0], rtol=1e-10
    )
    assert found == pytest.approx(1000 * halves.y[1, -1] / 20, rel=1e-6)


SHIPPED = {
    "ID": [1] * 6 + [2] * 3,
    "TIME": [0, 0.5, 3, 24, 24, 26, 0, 1, 2],
    "AMT": [35, 0, 0, 35, 0, 0, 40, 0, 0],
    "RATE": [52.5, 0, 0, 0, 0, 0, 20, 0, 0],
    "CMT": ["iv", "", "", "sublingual", "", "", "sc", "", ""],
    "EVID": [1, 0, 0, 1, 0, 0, 1, 0, 0],
    "WT": [70] * 6 + [90] * 3,
    "AGE": [40] * 9,
}


@quiet
@pytest.mark.parametrize("name", ["reference", "perezruixo2021"])
def test_models_that_ship_agree_with_simulate(name: str) -> None:
    table = pl.DataFrame(SHIPPED, strict=False).with_columns(DRUG=pl.lit("esketamine"))
    if name != "reference":
        table = table.filter(ID=1).with_columns(CMT=pl.lit("intranasal"), RATE=0.0)
        table = table.with_columns(AMT=pl.when(pl.col("AMT") > 0).then(56).otherwise(0))
    found = ketasim.predict(name, table).table()
    expected = predict_events(read_events(table), pk_model=name)
    compared = 0
    for (quantity, site), part in expected.group_by("quantity", "site"):
        column = f"{quantity}_{site}"
        if column in found.columns:
            ours = found.filter(pl.col("EVID") == 0)[column].to_numpy()
            assert ours == pytest.approx(part.sort("row")["value"].to_numpy(), rel=1e-6, abs=1e-6)
            compared += 1
    assert compared >= 4


@quiet
def test_a_given_rate_keeps_to_it_where_only_part_is_absorbed() -> None:
    """40 mg at 20 mg/h under the skin take 2 h; what is absorbed enters for F of them."""
    table = pl.DataFrame({name: cells[6:] for name, cells in SHIPPED.items()}, strict=False)
    by_rate = ketasim.predict("reference", table).table()["ketamine_venous"]
    timed = table.drop("RATE").with_columns(DUR_H=pl.Series([2.0, 0.0, 0.0]))
    in_time = ketasim.predict("reference", timed).table()["ketamine_venous"]
    assert by_rate[1] > 1.02 * in_time[1]
    # a table that is written says which of the two it was
    for one in (table, timed):
        read = read_events(one)
        assert read_events(write_events(read)).subjects[0].regimen.doses[0].rate_given == (  # type: ignore[union-attr]
            "RATE" in one.columns
        )


@quiet
def test_models_that_ship_know_resets_and_steady_states() -> None:
    table = {
        "ID": [1] * 6,
        "TIME": [0, 0, 12, 12, 30, 31],
        "AMT": [20, 0, 0, 0, 5, 0],
        "II": [12, 0, 0, 0, 0, 0],
        "ADDL": [3, 0, 0, 0, 0, 0],
        "SS": [1, 0, 0, 0, 0, 0],
        "EVID": [1, 0, 0, 3, 4, 2],
        "ROUTE": ["oral"] * 6,
        "WT": [70, None, 75, 80, 80, 80],
    }
    found = ketasim.predict("reference", table).table()["ketamine_venous"]
    assert found[1] > 0 and found[3] == 0 and found[5] > 0
    alone = {name: cells[4:] for name, cells in table.items()}
    again = ketasim.predict("reference", alone).table()["ketamine_venous"]
    assert again[1] == pytest.approx(found[5], rel=1e-9)


@quiet
def test_draws_of_a_model_that_ships_have_its_spread() -> None:
    table = {name: cells[:3] for name, cells in SHIPPED.items()}
    found = ketasim.predict("reference", table, n=60, parameters={"F_im": 0.5}).table()
    assert found["ketamine_venous_p05"][1] < found["ketamine_venous"][1]
    assert found["ketamine_venous"][1] < found["ketamine_venous_p95"][1]
    with pytest.raises(InputError, match="no published"):
        ketasim.predict("domino1982", table, n=5)


REFUSED = {
    "a symbol": (MODEL.replace('"KA"', '"KAA"'), TABLE, "flow 1, rate: 'KAA'", "mean 'KA'"),
    "a compartment": (
        MODEL.replace('to = "central"', 'to = "centrel"'),
        TABLE,
        "flow 1, to",
        "'central'",
    ),
    "a correlation without spread": (
        MODEL + "[correlation]\nCL.V = 0.5\n",
        TABLE,
        "correlation.CL.V",
        "'V' has no sd_log",
    ),
    "a correlation of 1": (
        MODEL + "[correlation]\nCL.V = 1.5\n",
        TABLE,
        "correlation.CL.V",
        "1.5 is no correlation",
    ),
    "a key": (MODEL.replace("sd_log", "sdlog"), TABLE, "parameters.CL.sdlog", "'sd_log'"),
    "a part": (MODEL.replace("[parameters]", "[paramters]"), TABLE, "paramters", "'parameters'"),
    "no TOML": (MODEL.replace("[output]", "[output"), TABLE, "is no TOML", "line 21"),
    "code": (MODEL.replace('"KA"', "\"open('x')\""), TABLE, "flow 1, rate", "not known"),
    "a power without end": (MODEL.replace('"KA"', '"9**9**9**9"'), TABLE, "flow 1, rate", "is inf"),
    "a rate below 0": (MODEL.replace('"KA"', '"-KA"'), TABLE, "-1.2 in row 1", "0 or more"),
    "a closed loop": (
        MODEL.replace('from = "central"\nrate', 'from = "central"\nto = "depot"\nrate'),
        TABLE,
        "flow: nothing leaves depot and central",
        "add a flow",
    ),
    "units that do not cancel": (
        MODEL.replace('unit = "1/h"}', 'unit = "L/h"}'),
        TABLE,
        "flow 1, rate: 'KA' is in L/h",
        "units",
    ),
    "units that do not cancel through a definition": (
        MODEL.replace('"CLI/V"', '"KEL"').replace('CLI = "', 'KEL = "CL"\nCLI = "'),
        TABLE,
        "flow 2, rate: 'KEL' is in L/h, and a rate is in 1/h",
        "units",
    ),
    "a definition of unlike units": (
        MODEL.replace('CLI = "CL*', 'CLI = "CL + KA + CL*'),
        TABLE,
        "definitions.CLI: 'CL + KA + CL*(WT/70)**0.75' adds L/h and 1/h",
        "units",
    ),
    "a lag that is no time": (
        MODEL.replace("lag = 0.5", 'lag = "KA"'),
        TABLE,
        "compartments.central.lag: 'KA' is in 1/h, and a lag is in h",
        "units",
    ),
    "a covariate in another case": (
        MODEL,
        TABLE.replace("WT", "wt"),
        "WT: the table has no such column, but 'wt'",
        "name it WT",
    ),
    "a definition before its time": (
        MODEL.replace('CLI = "', 'OTHER = "CLI"\nCLI = "'),
        TABLE,
        "definitions.OTHER",
        "below",
    ),
    "no column": (
        MODEL,
        TABLE.replace("BIO", "BIOA"),
        "'BIO' is no parameter",
        "add the column, or use one of: AMT, BIOA",
    ),
    "text": (MODEL, TABLE.replace("a1,0,10", "a1,0,ten"), "AMT in row 1: 'ten'", "number"),
    "text in a covariate": (
        MODEL,
        TABLE.replace("1,60,.", "1,slim,."),
        "WT in row 1: 'slim'",
        "number",
    ),
    "no amount": (MODEL, TABLE.replace("a1,0,10", "a1,0,."), "AMT in row 1: is blank", "EVID 0"),
    "time runs back": (MODEL, TABLE.replace("a1,8", "a1,0.5"), "TIME in row 3: 0.5 h", "sort"),
    "before 0": (MODEL, TABLE.replace("a1,0,", "a1,-1,"), "TIME in row 1: -1", "first row"),
    "two columns": (MODEL, TABLE.replace("BLQ", "AMT"), "AMT: the column stands twice", "keep one"),
    "no AMT": (MODEL, TABLE.replace("AMT", "DOSE"), "AMT: the column is missing", "'DOSE' AMT"),
    "another compartment": (
        MODEL,
        TABLE.replace("20,central", "20,centrel"),
        "CMT in row 4",
        "'central'",
    ),
    "no such number": (MODEL, TABLE.replace("a1,0,10,1", "a1,0,10,3"), "compartment 3", "1 depot"),
    "a compartment switched off": (
        MODEL,
        TABLE.replace("b2,2,,,2", "b2,2,,-2,2"),
        "CMT in row 5: '-2' would switch a compartment off",
        "give the number",
    ),
    "a word of the language": (
        MODEL.replace("CLI", "lambda"),
        TABLE,
        "definitions.lambda: is a word that expressions keep for themselves; rename it",
    ),
    "a column in the other case": (
        MODEL.replace('"BIO"', '"bio"'),
        TABLE,
        "did you mean 'BIO'?",
    ),
    "a function": (
        MODEL.replace('"CLI/V"', '"tanh(CLI)/V"'),
        TABLE,
        "calls what is not known; known are exp, log, sqrt, min, max, where; write",
    ),
    "an event": (
        MODEL,
        TABLE.replace(",2,90", ",5,90"),
        "EVID in row 5: 5",
        "use 0",
    ),
    "subjects apart": (MODEL, TABLE.replace("b2,2", "a1,9"), "ID in row 5", "sort"),
    "a column of its own": (MODEL, TABLE.replace("NOTE", "CP"), "CP: is a column", "rename"),
    "a rate of the model": (
        MODEL,
        TABLE.replace("NOTE", "RATE").replace("first", "-2").replace("below", ""),
        "RATE in row 1: -2, and the compartment 'depot' has no duration",
        "depot = {duration",
    ),
    "a lag beyond the interval": (
        MODEL.replace("lag = 0.5", "lag = 9"),
        "ID,TIME,AMT,CMT,EVID,SS,II,BIO\n1,0,10,2,1,1,8,1\n",
        "SS in row 1: a steady state with a lag of 9 h, longer than II (8 h)",
        "write the earlier doses out",
    ),
    "no steady state": (
        MODEL.replace('"CLI/V"', '"0*CLI"'),
        "ID,TIME,AMT,CMT,EVID,SS,II,BIO\n1,0,10,2,1,1,8,1\n",
        "SS in row 1: there is no steady state",
        "write",
    ),
    "an infusion by another name": (
        MODEL,
        TABLE.replace("NOTE", "TINF").replace("first", "2").replace("below", ""),
        "TINF: looks like DUR",
        "say it in DUR",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_one_line_and_nothing_is_written(
    name: str, files: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    model, table, out = files
    text, rows, *parts = REFUSED[name]
    model.write_text(text, encoding="utf-8")
    table.write_text(rows, encoding="utf-8")
    assert run(["predict", str(model), str(table), "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts), line
    assert sorted(p.name for p in out.parent.iterdir()) == ["data.csv", "model.toml"]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--set", "CLL=1"], "parameter CLL: is not known; did you mean 'CL'?"),
        (["--set", "CL"], "--set: 'CL' is no parameter with a number"),
        (["--set", "CL=nan"], "nan is no number"),
        (["--cmt", "1=depo"], "--cmt: unknown compartment 'depo'"),
        (["--n", "0"], "--n: 0 is less than 1"),
        (["--seed", "3"], "--seed: nothing is drawn"),
        (["--uncertainty"], "--uncertainty: there are no draws"),
        (["--draws", "x.parquet"], "--draws: there are no draws"),
    ],
)
def test_options_that_cannot_be_are_refused(
    options: list[str],
    part: str,
    files: tuple[Path, Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    model, table, out = files
    assert run(["predict", str(model), str(table), "--out", str(out), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert part in line and not out.exists()


def test_numbers_alone_tell_no_route_of_a_model_that_ships(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "data.csv", tmp_path / "out.csv"
    table.write_text("ID,TIME,AMT,CMT,EVID,WT,AGE\n1,0,10,1,1,70,40\n1,1,0,2,0,70,40\n")
    command = ["predict", "reference", str(table), "--out", str(out)]
    assert run(command) == 2
    assert "--cmt 1=oral,2=iv" in capsys.readouterr().err and not out.exists()
    assert run([*command, "--cmt", "1=oral,2=iv"]) == 0
    assert "  and 19 more\n" in capsys.readouterr().out  # of 27 outputs
    written = pl.read_csv(out)
    assert written.columns[:8] == ["ROW", "ID", "TIME", "AMT", "CMT", "EVID", "WT", "AGE"]
    assert written["ketamine_venous"][1] > 0
    assert run(["predict", "referense", str(table), "--out", str(out)]) == 2
    assert "did you mean 'reference'?" in capsys.readouterr().err
    assert set(MODELS) >= {"reference"}


@quiet
def test_covariates_of_a_model_that_ships_come_from_columns_of_their_name() -> None:
    """As `export_table` writes them; before, they were carried along and not used."""
    table = {
        "ID": [1, 1, 2, 2],
        "TIME": [0, 2, 0, 2],
        "EVID": [1, 0, 1, 0],
        "AMT": [40, 0, 40, 0],
        "ROUTE": ["iv", "", "iv", ""],
        "WT": [70] * 4,
        "ASIAN": [0, 0, 1, 1],
        "NOTE": ["a"] * 4,
    }
    found = ketasim.predict("reference", table)
    values = found.table()["ketamine_venous"]
    course = {"regimen": "ketamine 40 mg iv once", "horizon": "1 d"}
    for row, ancestry in ((1, "white"), (3, "asian")):
        patient = {"weight": "70 kg", "ancestry": ancestry}
        ours = ketasim.simulate({**course, "patient": patient}, mood=False, session=False)
        place = int(np.argmin(np.abs(ours.times - 2)))
        assert ours.times[place] == 2
        assert values[row] == pytest.approx(ours.values["ketamine", "venous"][place, 0], rel=1e-6)
    assert "ASIAN is taken from the table" in found.notes and "not used: NOTE" in found.notes
    with pytest.raises(InputError, match=r"^ASIAN in row 1: 2 is not 0 to 1; it is Asian ancestry"):
        ketasim.predict("reference", {**table, "ASIAN": [2, 0, 0, 0]})


def test_what_follows_concentrations_is_no_model_of_a_table() -> None:
    with pytest.raises(InputError, match=r"^MODEL: 'mood' follows concentrations"):
        ketasim.predict("mood", {"ID": [1]})
