"""Data sets of simulated trials: written, read back, and analysed to the same estimate."""

from __future__ import annotations

import shutil
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyreadstat
import pytest
import yaml

from ketasim._base import InputError
from ketasim.apps.cli.application import run
from ketasim.trials import TrialResult, mmrm, run_trial
from ketasim.trials.datasets import data_files, data_sets
from ketasim.trials.datasets.adverse import assessed_arms, sessions_had
from ketasim.trials.datasets.tables import LABELS

dsjframe: Any = import_module("dsjframe")  # it has no types
SESSION = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
TRIAL: dict[str, Any] = {
    "trial": "a.b",
    "population": {
        "baseline": {"scale": "MADRS", "mean": 33, "sd": 5},
        "age": {"mean": 45, "sd": 12},
        "weight": {"mean": 80, "sd": 15},
        "female": 0.6,
    },
    "arms": [
        {"id": "ket", "n": 30, "days": [0], **SESSION},
        {"id": "mdz", "n": 25, "control": "midazolam"},
    ],
    "assess": [
        {"scale": "MADRS", "at": ["24 h", "3 d", "7 d"], "metrics": ["change", "response"]},
        {"scale": "HDRS17", "at": ["7 d"], "metrics": ["change"]},
    ],
    "primary": {"scale": "MADRS", "at": "7 d", "contrast": ["ket", "mdz"]},
    "dropout": {"share": 0.3, "by": "7 d", "pattern": "adverse_event"},
    "power": {"n": [40]},
    "replicates": 3,
    "seed": 2,
}


@pytest.fixture(scope="module")
def result() -> TrialResult:
    return run_trial(TRIAL)


@pytest.fixture(scope="module")
def tables(result: TrialResult) -> dict[str, pl.DataFrame]:
    return {one.name: one.table for one in data_sets(result)}


def test_subjects_are_unique_and_described(tables: dict[str, pl.DataFrame]) -> None:
    subjects = tables["ADSL"]
    assert subjects.height == 3 * 55
    assert subjects["USUBJID"].n_unique() == subjects.height
    assert set(subjects["SEX"]) == {"F", "M"}
    assert subjects["AGE"].std() == pytest.approx(12.0, rel=0.25)
    assert subjects["WEIGHTBL"].mean() == pytest.approx(80.0, abs=5.0)
    left = subjects.filter(pl.col("EOSSTT") == "DISCONTINUED")
    assert left.height > 0
    assert set(left.filter(pl.col("ARMCD") == "ket")["DCSREAS"]) == {"ADVERSE EVENT"}
    # another replicate has other people
    first, second = (subjects.filter(pl.col("REPL") == i)["AGE"] for i in (1, 2))
    assert first.to_list() != second.to_list()


def test_names_and_labels_fit_a_transport_file(tables: dict[str, pl.DataFrame]) -> None:
    for table in tables.values():
        assert set(table.columns) <= set(LABELS)
        assert all(len(name) <= 8 and name.isupper() for name in table.columns)
        assert all(len(LABELS[name]) <= 40 for name in table.columns)


def test_scores_are_those_of_the_patients(
    result: TrialResult, tables: dict[str, pl.DataFrame]
) -> None:
    scores = tables["ADQS"]
    rated = result.patients().filter(pl.col("score").is_not_null())
    assert scores["AVAL"].to_list() == rated["score"].to_list()
    assert set(scores["USUBJID"]) <= set(tables["ADSL"]["USUBJID"])
    later = scores.filter(pl.col("ABLFL").is_null())
    assert (later["AVAL"] - later["BASE"]).to_list() == later["CHG"].to_list()
    assert scores.group_by("USUBJID", "PARAMCD", "AVISITN").len()["len"].max() == 1
    assert set(scores["PARAMCD"]) == {"MADRS", "HDRS17"}


def test_times_are_events_or_last_visits(tables: dict[str, pl.DataFrame]) -> None:
    times = tables["ADTTE"]
    assert times.height == 2 * tables["ADSL"].height
    assert set(times["CNSR"]) == {0, 1}
    assert times["AVAL"].is_between(0.0, 7.0).all()
    left = times.filter(pl.col("PARAMCD") == "TTDISC", pl.col("CNSR") == 0)
    gone = tables["ADSL"].filter(pl.col("EOSSTT") == "DISCONTINUED")
    assert set(left["USUBJID"]) == set(gone["USUBJID"])


def test_the_data_analysed_are_the_estimates_of_the_replicates(result: TrialResult) -> None:
    assert result.characteristics is not None
    asked = result.characteristics.question
    found = result.characteristics.uncertain.outcome(asked.ways[0], asked.sizes[asked.own])
    for replicate in (1, 3):
        scores = data_sets(result, replicate=replicate)[1].table
        part = scores.filter(pl.col("PARAMCD") == "MADRS", pl.col("ABLFL").is_null())
        fitted = mmrm(
            "CHG ~ BASE*AVISIT + ARMCD*AVISIT",
            part,
            subject="USUBJID",
            visit="AVISIT",
            arm="ARMCD",
            reference="mdz",
        )
        row = fitted.differences().filter(pl.col("AVISIT") == "Day 7").to_dicts()[0]
        assert found.estimate[replicate - 1] == pytest.approx(row["estimate"], abs=1e-4)
        assert found.se[replicate - 1] == pytest.approx(row["se"], rel=1e-4)


def test_files_are_read_back(
    result: TrialResult, tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    files = data_files(result, ("csv", "xpt", "json"))
    assert len(files) == 12
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    for name, table in tables.items():
        path = tmp_path / name.lower()
        assert pl.read_csv(path.with_suffix(".csv"))["USUBJID"].equals(table["USUBJID"])
        frame: Any
        frame, meta = pyreadstat.read_xport(path.with_suffix(".xpt"))
        assert list(frame.columns) == table.columns
        assert meta.table_name == name
        assert meta.column_labels == [LABELS[one] for one in table.columns]
        back: Any = dsjframe.read_dataset(path.with_suffix(".json"))
        assert back.num_rows == table.height
        for column, kind in table.schema.items():
            if kind == pl.Float64:
                wanted = table[column].to_numpy()
                np.testing.assert_allclose(frame[column].to_numpy(), wanted, rtol=1e-12)
                own = back.column(column).to_pandas().to_numpy(dtype=float)
                np.testing.assert_allclose(own, wanted, rtol=1e-12)


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = tmp_path / "t.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(_plain()))
    words = ["trial", str(path), "--out", str(out), "--datasets", "csv,xpt", "--replicate", "2"]
    assert run(words) == 0
    names = sorted(one.name for one in (out / "datasets").iterdir())
    assert names == [
        *("adae.csv", "adae.xpt", "adqs.csv", "adqs.xpt"),
        *("adsl.csv", "adsl.xpt", "adtte.csv", "adtte.xpt"),
    ]
    assert set(pl.read_csv(out / "datasets" / "adsl.csv")["REPL"]) == {2}
    assert str(out / "datasets" / "adsl.csv") in capsys.readouterr().out


def _plain() -> dict[str, Any]:
    return {key: value for key, value in TRIAL.items() if key not in ("primary", "power")}


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--datasets", "sas"], "--datasets"),
        (["--datasets", ","], "--datasets"),
        (["--replicate", "1"], "--replicate"),
        (["--datasets", "csv", "--replicate", "9"], "--replicate"),
    ],
)
def test_bad_options_write_nothing(
    options: list[str], field: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "t.yaml", tmp_path / "out"
    path.write_text(yaml.safe_dump(_plain()))
    assert run(["trial", str(path), "--out", str(out), *options]) == 2
    assert field in capsys.readouterr().err
    assert not out.exists()


def test_adverse_events_are_of_sessions_that_were_had(tables: dict[str, pl.DataFrame]) -> None:
    events, subjects = tables["ADAE"], tables["ADSL"]
    assert events.height > 0
    assert set(events["ARMCD"]) == {"ket"}  # a control has no rates, which is not the rate 0
    flags = dict(subjects.select("ARMCD", "AEASSFL").unique().iter_rows())
    assert flags == {"ket": "Y", "mdz": "N"}
    assert set(events["USUBJID"]) <= set(subjects["USUBJID"])
    assert events.select("USUBJID", "SESSN", "AETERM").is_duplicated().sum() == 0
    numbered = events.group_by("USUBJID").agg(pl.col("AESEQ").sort())
    assert all(row == list(range(1, len(row) + 1)) for row in numbered["AESEQ"].to_list())
    assert events["AEBASIS"].str.contains(r"^session/effect_\w+, (measured|estimated|fitted)").all()


def test_adverse_events_are_as_frequent_as_the_session_model_says() -> None:
    """By chance alone this fails once in 10,000 times: five events, two statistics, 4.3 SDs."""
    session = {"id": "ket", "n": 300, "days": [0, 3], **SESSION}
    plain = _plain() | {"arms": [session, {"id": "mdz", "n": 2, "control": "midazolam"}]}
    plain = {key: value for key, value in plain.items() if key != "dropout"}
    found = run_trial(plain | {"replicates": 3, "population": _population()})
    events = data_sets(found)[3].table
    told = found.sessions().filter(arm="ket")
    total = 900
    for name, term in (
        ("dissociation_report", "DISSOCIATION"),
        ("sedation_report", "SEDATION"),
        *((name, name.upper()) for name in ("dizziness", "nausea", "vomiting")),
    ):
        part = events.filter(AETERM=term)
        first = part.filter(SESSN=1).height / total
        ever = part["USUBJID"].n_unique() / total
        for share, statistic in ((first, "first_session"), (ever, "any_session")):
            p = told.filter(effect=name, statistic=statistic)["mean"][0]
            assert abs(share - p) < 4.3 * (p * (1 - p) / total) ** 0.5 + 0.01, (name, statistic)


def _population() -> dict[str, Any]:
    return {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}}


def test_adverse_events_are_of_the_sessions_that_were_attended() -> None:
    arms = [{"id": "ket", "n": 60, "days": [0, 2, 4], **SESSION}, TRIAL["arms"][1]]
    found = run_trial(_plain() | {"arms": arms, "adherence": "60 %", "replicates": 2})
    trial = found.trial
    had = sessions_had(found, trial, trial.arm("ket"), assessed_arms(trial)["ket"], np.arange(2))
    rows = found.patients().filter(arm="ket", time_h=0.0, scale="MADRS").sort("replicate", "id")
    assert rows["missed"].sum() > 0
    assert had.sum(axis=1).tolist() == rows["sessions"].to_list()
    events = data_sets(found)[3].table
    times = {time: place for place, time in enumerate((0.0, 48.0, 96.0))}
    for replicate, subject, time in events.select("REPL", "SUBJID", "ATPT").iter_rows():
        assert had[(replicate - 1) * 60 + int(subject[-5:]) - 1, times[time]]


def test_the_data_analysed_in_r_give_the_estimate(tmp_path: Path) -> None:
    """By `tests/r/check_mmrm.R`, where R is installed."""
    script = Path(__file__).parents[2] / "r" / "check_mmrm.R"
    r = shutil.which("Rscript")
    words = [r or "Rscript", "-e", "library(nlme)"]
    if r is None or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("R with nlme is not installed")
    (tmp_path / "t.yaml").write_text(yaml.safe_dump(TRIAL | {"replicates": 2}))
    out = tmp_path / "out"
    words = ["trial", str(tmp_path / "t.yaml"), "--out", str(out), "--datasets", "csv"]
    assert run(words) == 0
    told = subprocess.run([r, str(script), str(out)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    # and it says so where they differ
    analysis = out / "analysis.csv"
    table = pl.read_csv(analysis).with_columns(pl.col("predicted") + 0.001)
    table.write_csv(analysis)
    told = subprocess.run([r, str(script), str(out)], capture_output=True, check=False)
    assert told.returncode == 1


def test_of_a_crossover_none_are_written() -> None:
    arms = [arm | {"n": 10} for arm in TRIAL["arms"]]
    keys = {"design": "crossover", "washout": "7 d", "replicates": 1, "arms": arms}
    crossover = run_trial(_plain() | keys)
    with pytest.raises(InputError, match="crossover"):
        data_sets(crossover)


AGAIN: dict[str, Any] = {
    "trial": "w",
    "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "female": 0.6},
    "arms": [
        {"id": "esk", "n": 40, "open": True, "drug": "esketamine", "route": "intranasal"}
        | {"dose": "84 mg", "days": [0, 3, 7, 10, 14, 21, 28, 35, 42]}
        | {"withdrawal": {"after": "28 d", "entry": "response", "to": ["continue", "none"]}},
    ],
    "assess": [
        {"scale": "MADRS", "at": ["14 d", "28 d", "42 d", "70 d"], "metrics": ["change"]},
        {"scale": "MADRS", "metrics": ["no_relapse"], "from": "28 d", "every": "7 d"}
        | {"until": "70 d", "relapse": {"score_at_least": 18, "visits": 2}},
    ],
    "adherence": 0.8,
    "replicates": 3,
    "seed": 2,
}


def test_of_a_randomised_withdrawal_a_subject_is_one_through_both_periods() -> None:
    result = run_trial(AGAIN)
    tables = {one.name: one.table for one in data_sets(result)}
    subjects, scores = tables["ADSL"], tables["ADQS"]
    assert subjects.height == subjects["USUBJID"].n_unique() == 3 * 40
    again = subjects.filter(pl.col("TRT02P").is_not_null())
    assert again.height == sum(int(counts.sum()) for counts in result.entered.values())
    assert set(again["ARMCD"]) == {"esk:continue", "esk:none"}
    assert (again["RANDFL"] == "Y").all()
    others = subjects.filter(pl.col("TRT02P").is_null())
    assert set(others["RANDFL"]) == {"N"} and set(others["EOSSTT"]) == {"DISCONTINUED"}
    assert subjects["TRT01P"].n_unique() == 1
    # a rating is there once, and the period tells what was given
    assert not scores.select("USUBJID", "PARAMCD", "AVISITN").is_duplicated().any()
    assert set(scores.filter(pl.col("ATPT") <= 28 * 24)["APERIOD"]) == {1}
    assert set(scores.filter(pl.col("ATPT") > 28 * 24)["APERIOD"]) == {2}
    assert set(scores.filter(APERIOD=2)["USUBJID"]) <= set(again["USUBJID"])
    # sessions with events are numbered through, and of the period in which they were
    events = tables["ADAE"]
    assert set(events.filter(pl.col("ATPT") >= 28 * 24)["ARMCD"]) == {"esk:continue"}
    assert events.select("USUBJID", "SESSN", "AETERM").is_duplicated().sum() == 0
    trial = result.trial
    arm, schedule = trial.arm("esk:continue"), assessed_arms(trial)["esk:continue"]
    had = sessions_had(result, trial, arm, schedule, np.arange(3))
    since = np.array([slot.time >= 28 * 24 for slot in schedule.slots])
    own = result.patients().filter(arm="esk:continue", time_h=0.0)
    assert had[:, since].sum() == own["sessions"].sum()
    for name, table in tables.items():
        assert set(table.columns) <= set(LABELS), name


def test_times_to_relapse_give_the_curve_of_the_summary() -> None:
    result = run_trial(AGAIN | {"replicates": 1})
    times = next(one.table for one in data_sets(result) if one.name == "ADTTE")
    relapse = times.filter(PARAMCD="TTREL")
    assert relapse["PARAM"][0].startswith("Days from Day 28 to Relapse, MADRS: score at least 18")
    assert set(relapse["CNSR"]) == {0, 1}
    summary = result.summary().filter(metric="no_relapse", time_h=70.0 * 24)
    for arm in ("esk:continue", "esk:none"):
        own = relapse.filter(ARMCD=arm)
        well = 1.0
        for day in sorted(set(own.filter(CNSR=0)["AVAL"])):
            events = own.filter(AVAL=day, CNSR=0).height
            well *= 1.0 - events / own.filter(pl.col("AVAL") >= day).height
        assert well == pytest.approx(summary.filter(arm=arm)["mean"].item())


def test_strata_of_a_subject_are_those_of_its_own_numbers() -> None:
    """And the analysis of a replicate takes them as covariates."""
    given = {"strata": ["sex", {"age": [50]}, {"baseline": [35]}], "block": 4}
    arms = [arm | {"n": 24} for arm in TRIAL["arms"]]
    form = TRIAL | {"arms": arms, "power": None, "replicates": 1, "randomisation": given}
    result = run_trial(form)
    tables = {one.name: one.table for one in data_sets(result)}
    subjects = tables["ADSL"]
    assert (subjects["SEX"] == subjects["STRAT1R"]).all()
    assert ((subjects["AGE"] >= 50) == (subjects["STRAT2R"] == ">=50")).all()
    assert ((subjects["BASE"] >= 35) == (subjects["STRAT3R"] == ">=35")).all()
    first = subjects.row(0, named=True)
    assert first["STRATAR"] == ", ".join(first[f"STRAT{w}R"] for w in (1, 2, 3))
    assert set(subjects["STRAT2D"]) == {"age"}
    for name in ("ADQS", "ADTTE", "ADAE"):
        assert {"STRATAR", "STRAT3R"} <= set(tables[name].columns)
        assert set(tables[name].columns) <= set(LABELS)
    # nobody in the arms is far from a mate in the stratum
    side = pl.when(pl.col("ARMCD") == "ket").then(1).otherwise(-1)
    apart = subjects.group_by("STRATAR").agg(side.sum().alias("apart"))["apart"]
    assert apart.abs().to_numpy().max() <= 4
    fitted = mmrm(
        "CHG ~ BASE*AVISIT + STRAT1R*AVISIT + STRAT2R*AVISIT + ARMCD*AVISIT",
        tables["ADQS"].filter(pl.col("PARAMCD") == "MADRS", pl.col("ABLFL").is_null()),
        subject="USUBJID",
        visit="AVISIT",
        arm="ARMCD",
        reference="mdz",
    )
    row = fitted.differences().filter(pl.col("AVISIT") == "Day 7").to_dicts()[0]
    assert result.characteristics is not None
    asked = result.characteristics.question
    found = result.characteristics.uncertain.outcome(asked.ways[0], 24)
    assert found.estimate[0] == pytest.approx(row["estimate"], abs=1e-4)
    assert found.se[0] == pytest.approx(row["se"], rel=1e-4)
