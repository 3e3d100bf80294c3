"""What the commands do with real input."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.calibration.pk import PkFit, load_curves, load_interactions, load_training
from ketasim.calibration.pk.fit import compare
from ketasim.dosing import shipped
from ketasim.evidence import load_card, load_sources, table_names
from ketasim.models import MODELS
from ketasim.simulation import simulate

EXAMPLES = shipped("course")["six_infusions"].parent
COURSE = 'title: T\nregimen: "ketamine 0.5 mg/kg iv over 40 min once"\npatient: {weight: 78 kg}\n'


@pytest.fixture
def course(tmp_path: Path) -> Path:
    path = tmp_path / "course.yaml"
    path.write_text(COURSE)
    return path


def _json(capsys: pytest.CaptureFixture[str], words: list[str]) -> Any:
    assert run([*words, "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    return json.loads(told.out)


def test_simulate_writes_the_tables_and_the_report(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder"
    assert run(["simulate", str(course), "--out", str(out), "--n", "3", "--seed", "7"]) == 0
    names = ["summary.csv", "timecourse.parquet", "report.html"]
    told = capsys.readouterr().out.splitlines()
    assert told[-3:] == [str(out / name) for name in names]
    written = {path.name for path in out.iterdir()}
    assert set(names) < written
    tables = {"exposure", "session", "mood", "screening", "plan", "assumptions", "sources"}
    assert {f"{name}.csv" for name in tables} < written
    population = {"population": {"n": 3, "seed": 7}}
    expected = simulate(
        {
            "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
            "patient": {"weight": "78 kg"},
            **population,
        }
    )
    summary = pl.read_csv(out / "summary.csv")
    assert summary.columns == expected.summary().columns
    np.testing.assert_allclose(summary["p50"], expected.summary()["p50"], rtol=1e-12)
    timecourse = pl.read_parquet(out / "timecourse.parquet")
    assert timecourse.columns == ["id", "time_h", "quantity", "site", "value", "unit"]
    np.testing.assert_allclose(
        timecourse["value"], expected.timecourse()["value"], rtol=1e-7, atol=1e-30
    )
    page = (out / "report.html").read_text()
    assert f"ketasim simulate {course} --out {out} --n 3 --seed 7" in page


def test_simulate_json_is_one_document(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", str(course), "--out", str(tmp_path / "out"), "--typical"]
    told = _json(capsys, words)
    assert all(Path(path).is_file() for path in told["files"])
    assert told["metadata"]["cards"]["reference"] == load_card("reference").hash
    cmax = [row for row in told["exposure"] if row["metric"] == "cmax"]
    assert cmax and all(row["mean"] > 0 for row in cmax)
    # an area to infinity ends at null, because JSON has no infinity
    assert {row["end_h"] for row in told["exposure"] if row["metric"] == "auc_inf"} == {None}


def test_simulate_twice_gives_the_same_bytes(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["simulate", str(course), "--out", str(out), "--n", "4", "--seed", "1"]
    found: list[list[bytes]] = []
    for _ in range(2):
        assert run(words) == 0
        found.append([(out / name).read_bytes() for name in ("summary.csv", "report.html")])
    assert found[0] == found[1]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_run_for_the_typical_patient(example: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(["simulate", str(example), "--out", str(out), "--typical"]) == 0
    assert (out / "report.html").stat().st_size < 2_000_000


def test_examples_name_the_source_of_their_dose() -> None:
    for example in EXAMPLES.glob("*.yaml"):
        comment = " ".join(
            line for line in example.read_text().splitlines() if line.startswith("#")
        )
        words = comment.replace(":", " ").replace(",", " ").replace(".", " ").replace("(", " ")
        named = set(words.replace(";", " ").replace(")", " ").split()) & set(load_sources())
        assert named, example.name


def test_interrupt_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fit takes a minute; the signal comes long before its end."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    # run in the background, a shell hands the signal down as ignored
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    out = tmp_path / "out"
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        status = run(["calibrate", "pk", "--out", str(out)])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, inherited)
    assert status == 130
    assert capsys.readouterr().err.strip() == "interrupted; nothing was written"
    assert not out.exists()


def _shipped_fit(**_: object) -> PkFit:
    """The fit as the package ships it, compared with the data but not computed again."""
    card, prior = load_card("reference"), load_card("reference_prior")
    assert card.uncertainty is not None
    free = tuple(prior.extra["prior"])
    order = [card.uncertainty.symbols.index(symbol) for symbol in free]
    covariance = card.uncertainty.matrix()[np.ix_(order, order)]
    return compare(card, prior, free, covariance, float("nan"), float("nan"))


def test_calibrate_writes_card_table_and_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fit itself, a minute, is tested with the room it belongs to."""
    monkeypatch.setattr("ketasim.calibration.pk.calibrate_pk", _shipped_fit)
    told = _json(capsys, ["calibrate", "pk", "--out", str(tmp_path / "out")])
    card, table, report = (Path(path) for path in told["files"])
    from ketasim.evidence import read_card

    assert read_card(card.read_text()).values() == load_card("reference").values()
    rows = pl.read_csv(table)
    points = sum(len(curve.points) for curve in load_curves())
    assert rows.height == len(load_training()) + len(load_interactions()) + points
    out = rows.filter(pl.col("use") == "out")
    assert out["reason"].null_count() == 0
    compared = rows.filter(pl.col("use") != "out")
    folds = np.maximum(
        compared["predicted"] / compared["published"], compared["published"] / compared["predicted"]
    )
    np.testing.assert_allclose(compared["fold_error"], folds, rtol=1e-9)
    overall = told["agreement"][0]
    fitted = compared.filter((pl.col("use") == "fit") & (pl.col("kind") == "exposure"))
    assert overall["n"] == fitted.height
    geometric = float(np.exp(np.log(fitted["fold_error"].to_numpy()).mean()))
    assert overall["fold_error"] == pytest.approx(geometric)
    page = report.read_text()
    # what misses is shown, and shown first
    missed = fitted.filter(pl.col("fold_error") > 2)
    section = page[page.index('id="misses"') : page.index('id="agreement"')]
    assert all(fact in section for fact in missed["fact"])


def test_evidence_list_finds_by_words_table_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(_json(capsys, ["evidence", "list"])["tables"]) == set(table_names())
    facts = _json(capsys, ["evidence", "list", "ticlopidine", "--table", "pk/interactions"])[
        "facts"
    ]
    assert facts
    assert all("ticlopidine" in json.dumps(one["cells"]).lower() for one in facts)
    own = _json(capsys, ["evidence", "list", "--source", "otto2021"])["facts"]
    assert {one["cells"]["source"] for one in own} == {"otto2021"}
    assert run(["evidence", "list", "--source", "otto2021", "--limit", "2"]) == 0
    assert capsys.readouterr().out.count("[Otto et al., 2021; otto2021]") == 2


def test_evidence_show_and_cite(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [view["kind"] for view in _json(capsys, ["evidence", "show", "otto2021"])["views"]]
    assert kinds == ["source", "card"]
    assert run(["evidence", "show", "pk/observed:17"]) == 0
    assert capsys.readouterr().out.startswith("pk/observed:17")
    assert run(["evidence", "cite", "otto2021", "fanta2015"]) == 0
    assert capsys.readouterr().out.count("@article{") == 2
    # a card stands for everything it cites
    told = _json(capsys, ["evidence", "cite", "reference"])
    assert set(told["keys"]) == set(load_card("reference").sources()) & set(load_sources())


def test_cite_what_a_result_used(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["simulate", str(course), "--out", str(out)]) == 0
    capsys.readouterr()
    told = _json(capsys, ["evidence", "cite", "--result", str(out)])
    used = simulate(course).sources()
    assert set(told["keys"]) == set(used)
    assert all(f"{{{key}," in told["bibtex"] for key in used)


def test_evidence_lint_agrees_with_its_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["evidence", "lint", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert status == (1 if told["summary"]["error"] else 0)
    assert len(told["findings"]) == sum(told["summary"].values())


def test_models_show_equations_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    listed = _json(capsys, ["models"])["models"]
    assert [one["model"] for one in listed] == list(MODELS)
    for name, model in MODELS.items():
        assert run(["models", "show", name]) == 0
        told = capsys.readouterr().out
        assert told.startswith(model.describe())
        for entry in load_card(name).entries.values():
            assert entry.symbol in told
            assert entry.grade in told


def test_regimen_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4"
    assert run(["regimen", sentence]) == 0
    assert "0, 2, 4, 7, 9, 11, 18, 25, 32, 39" in capsys.readouterr().out
    told = _json(capsys, ["regimen", "ketamine 3 mg/kg im once", "--weight", "70 kg"])
    assert len(told["doses"]) == 1
    assert "psychiatric range" in told["warnings"][0]


def test_events_there_and_back(
    course: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "events.csv"
    assert run(["events", str(course), "--out", str(table)]) == 0
    capsys.readouterr()
    assert run(["events", str(course)]) == 0
    assert capsys.readouterr().out == table.read_text()
    subjects = _json(capsys, ["events", str(table)])["subjects"]
    assert [(one["id"], one["weight"]) for one in subjects] == [(1, 78.0)]
    (dose,) = subjects[0]["doses"]
    assert dose["amount"] == pytest.approx(39.0)
    assert dose["duration"] == pytest.approx(40 / 60)
    assert run(["events", str(table)]) == 0
    assert "ketamine 39 mg (base) iv over 40 min" in capsys.readouterr().out
