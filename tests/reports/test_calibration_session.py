"""The report and the files of the calibration of the effects of a session, made by hand."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.calibration.session import (
    SessionCompared,
    SessionFit,
    SessionProblem,
    load_session_training,
    session_dose_table,
    session_fit_table,
    session_parameter_table,
)
from ketasim.calibration.session.tables import (
    GROUPS,
    is_bound,
    little_known,
    missed_of,
    session_coverage,
)
from ketasim.evidence import load_card, read_card, with_source_names
from ketasim.models import SESSION
from ketasim.reports import session_calibration_report

COMMAND = "ketasim calibrate session --out DIR"
OFF = 3.0  # z of every seventh row


@pytest.fixture(scope="module")
def fit() -> SessionFit:
    """The shipped card beside the published numbers, with intervals and scores made up."""
    card, prior = load_card("session"), load_card("session_prior")
    rows = load_session_training()
    predicted, _ = SessionProblem(rows, prior).predict(card.values())
    assert card.uncertainty is not None
    compared: list[SessionCompared] = []
    for i, (row, value) in enumerate(zip(rows, predicted.tolist(), strict=True)):
        kept = is_bound(row) and value <= row.value
        z = 0.0 if kept else OFF if i % 7 == 0 else -0.4
        compared.append(SessionCompared(row, value, 0.8 * value, 1.2 * value, z))
    left = np.sqrt(np.diag(card.uncertainty.matrix()))
    free = card.uncertainty.symbols
    wide = [prior.extra["prior"][symbol] for symbol in free]
    shrinkage = {s: float(v) for s, v in zip(free, left / np.array(wide), strict=True)}
    return SessionFit(card, prior, free, shrinkage, tuple(compared), 4)


@pytest.fixture(scope="module")
def page(fit: SessionFit) -> str:
    return session_calibration_report(fit, command=COMMAND)


def _table(page: str, name: str) -> str:
    start = page.index(f'<table id="{name}">')
    return page[start : page.index("</table>", start)]


def test_the_fit_table_holds_every_row_in_its_order(fit: SessionFit) -> None:
    table = session_fit_table(fit)
    rows = load_session_training()
    assert table["published"].to_list() == [row.value for row in rows]
    assert table["source"].to_list() == [row.source for row in rows]
    assert table["facts"].to_list() == [";".join(row.facts) for row in rows]
    assert set(table["group"]) == set(GROUPS)
    np.testing.assert_allclose(table["low"], [one.low for one in fit.compared])
    kept = table.filter((pl.col("predicted") <= pl.col("published")) & (pl.col("z") == 0.0))
    assert kept.height > 0
    assert kept["inside"].all()
    off = table.filter(~pl.col("inside"))
    assert (off["z"] == OFF).all()
    assert off.height == (table["z"] == OFF).sum() > 0


def test_the_parameter_table_has_prior_beside_posterior(fit: SessionFit) -> None:
    table = session_parameter_table(fit)
    assert table["symbol"].to_list() == list(fit.prior.extra["prior"])
    free = table.filter(pl.col("kind") == "free")
    assert set(free["symbol"]) == set(fit.free)
    for row in free.to_dicts():
        assert row["low"] < row["value"] < row["high"]
        assert row["prior"] == fit.prior.entry(row["symbol"]).value
        assert row["shrinkage"] == fit.shrinkage[row["symbol"]]
    assert table.filter(pl.col("scale") == "logit")["symbol"].to_list() == ["between"]
    assert set(table.filter(pl.col("kind") == "between studies")["shrinkage"]) == {None}


def test_coverage_counts_rows_and_misses_have_a_reason(fit: SessionFit) -> None:
    first, *groups = session_coverage(fit)
    fitted = [one for one in fit.compared if one.row.use == "fit"]
    assert (first.n, first.inside) == (len(fitted), sum(one.z != OFF for one in fitted))
    assert [one.name for one in groups] == list(GROUPS.values())
    assert sum(one.n for one in groups) == len(fit.compared)
    missed = missed_of(fit)
    assert len(missed) == sum(one.z == OFF for one in fit.compared)
    assert all(why for _, why in missed)
    assert any(why == "Not known." for _, why in missed)


def test_every_row_stands_in_the_page_with_its_note(fit: SessionFit, page: str) -> None:
    table = unescape(_table(page, "every-row"))
    body = table[table.index("<tbody>") :]
    groups = body.count('<tr class="group">')
    assert body.count("<tr") - groups == len(fit.compared)
    assert groups == len(GROUPS)
    for one in fit.compared:
        assert with_source_names(one.row.note) in body
        assert all(name in body for name in one.row.facts)
    assert body.count("bound kept") == sum(
        is_bound(one.row) and one.predicted <= one.row.value for one in fit.compared
    )
    missed = _table(page, "missed")
    assert missed.count('<tr class="off">') == len(missed_of(fit))


def test_the_page_has_the_label_percentages_apart(fit: SessionFit, page: str) -> None:
    table = session_dose_table(fit)
    told = _table(page, "doses")
    lines = re.findall(r"<tr>(.*?)</tr>", told[told.index("<tbody>") :], re.DOTALL)
    lines += re.findall(r'<tr class="off">(.*?)</tr>', told, re.DOTALL)
    assert len(lines) == table.height
    added = table.filter(
        pl.col("predicted_placebo").is_null() & pl.col("published_placebo").is_not_null()
    )
    assert sum(">added<" in line for line in lines) == added.height > 0


def test_the_page_tells_numbers_definitions_and_what_is_not_known(
    fit: SessionFit, page: str
) -> None:
    plain = unescape(page)
    for event in SESSION.events:
        assert event.definition in plain
    numbers = _table(page, "numbers")
    for symbol in fit.free:
        assert f"{symbol}, " in numbers
    unmoved = [symbol for symbol, left in fit.shrinkage.items() if left >= 0.9]
    assert numbers.count("not informed by the published values") == len(unmoved)
    identified = plain[plain.index('id="identified"') : plain.index('id="limits"')]
    for symbol, _ in little_known(fit):
        assert f"<strong>{symbol}</strong>" in identified
    fixed = _table(page, "fixed")
    for symbol in fit.card.entries:
        assert (f"<small>{symbol}</small>" in fixed) == (symbol not in fit.prior.extra["prior"])
    assert fit.card.hash in page and fit.prior.hash in page and COMMAND in page


def test_nothing_is_fetched_from_outside_and_ids_are_unique(page: str) -> None:
    assert not re.search(r"<(?:script|iframe|object|embed|base)\b", page)
    assert not re.search(r"""(?:src|srcset)\s*=|@import|url\(\s*["']?(?:https?:)?//""", page)
    assert "default-src 'none'" in page
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_figures_have_a_point_for_every_number_they_show(fit: SessionFit, page: str) -> None:
    figure = unescape(page[page.index('id="figure-scatter"') :].split("</figure>", 1)[0])
    shown = [one for one in fit.compared if one.row.unit in ("fraction", "mmHg", "min")]
    assert len(re.findall(r"<title>[^<]*published", figure)) == len(shown)


def test_the_command_writes_the_files(
    fit: SessionFit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fit itself, half a minute, is tested from its start with the calibrations."""
    monkeypatch.setattr("ketasim.calibration.session.calibrate_session", lambda **_: fit)
    out = tmp_path / "out"
    assert run(["calibrate", "session", "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = ["session.toml", "fit.csv", "parameters.csv", "report.html"]
    assert [Path(path).name for path in told["files"]] == names
    assert read_card((out / "session.toml").read_text()).values() == fit.card.values()
    rows = pl.read_csv(out / "fit.csv", infer_schema_length=None)
    np.testing.assert_allclose(rows["predicted"], [one.predicted for one in fit.compared])
    assert pl.read_csv(out / "parameters.csv").height == len(fit.prior.extra["prior"])
    assert told["inside"][0]["n"] == sum(one.row.use == "fit" for one in fit.compared)
    assert len(told["outside"]) == len(missed_of(fit))
    assert len(told["by_dose"]) == session_dose_table(fit).height
    assert run(["calibrate", "session", "--out", str(out)]) == 0
    plain = capsys.readouterr().out
    assert plain.count("outside: ") == len(missed_of(fit))
    assert plain.split()[-4:] == [str(out / name) for name in names]


def test_a_file_in_the_way_is_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "out"
    taken.write_text("here")
    assert run(["calibrate", "session", "--out", str(taken)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert taken.read_text() == "here"
