"""The report and the files of the calibration of the chain to mood, from a fit made by hand."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ketasim.apps.cli.application import run
from ketasim.calibration.mood import (
    Curve,
    MoodFit,
    Number,
    Refitted,
    RowFit,
    Unseen,
    judged,
)
from ketasim.calibration.mood.tables import (
    interval_in_priors,
    mood_correlation_table,
    mood_draws_table,
    mood_fit_table,
    mood_parameter_table,
    mood_targets,
    refit_table,
    unseen_table,
)
from ketasim.dosing import load_studies
from ketasim.evidence import Uncertainty, load_card, load_mood_rows, load_table, read_card
from ketasim.figures.calibration.trial_panels import trial_panels
from ketasim.reports.calibration.mood import mood_calibration_report

COMMAND = "ketasim calibrate mood --out DIR --seed 3"
SCALES = {"e_N": "natural", "rho": "natural", "share_none": "logit"}


def _unseen(fit_rows: list[RowFit], error: float) -> tuple[tuple[Unseen, ...], tuple[Unseen, ...]]:
    """Every fitted change, and contrasts where a trial has two arms, wrong by `error` points."""
    arms = {(t.key, a.id): a for t in load_studies() for a in t.arms}
    made: list[Unseen] = []
    for i, one in enumerate(fit_rows):
        row, arm = one.row, arms[one.row.trial, one.row.arm]
        if row.metric != "change" or not row.fitted or row.time is None:
            continue
        made.append(
            Unseen(
                trial=row.trial,
                arm=row.arm,
                control=None,
                time=row.time,
                start=None,
                side="control" if arm.control else "drug",
                window="a day",
                route="vein",
                against=arm.control or "midazolam",
                openness="open" if arm.open else "blinded",
                drug=arm.drug or "none",
                published=row.value,
                se=1.0,
                predicted=row.value + (error if i % 2 else -error),
                sd=2.0,
                similar=row.value + 4.0,
                exponential=row.value - 5.0,
                empirical=row.value + 4.5,
            )
        )
    contrasts = [
        replace(a, control=b.arm, side="contrast", against=b.against)
        for a in made
        for b in made
        if a.side == "drug" and b.side == "control" and (a.trial, a.time) == (b.trial, b.time)
    ]
    return tuple(made), tuple(contrasts)


def _fit(error: float = 2.0) -> MoodFit:
    prior = load_card("mood_prior")
    free = [s for s in prior.extra["prior"] if not s.startswith("tau_")]
    numbers = tuple(
        Number(
            symbol=s,
            unit=prior.entry(s).unit,
            meaning=prior.entry(s).meaning,
            scale=SCALES.get(s, "log"),
            prior=prior.values()[s],
            prior_sd=float(prior.extra["prior"][s]),
            value=prior.values()[s] * 1.1,
            sd=float(prior.extra["prior"][s]) * (0.95 if i % 3 == 0 else 0.4),
        )
        for i, s in enumerate(free)
    )
    correlation = np.eye(len(free))
    correlation[0, 1] = correlation[1, 0] = -0.8
    sd = np.array([one.sd for one in numbers])
    entries = [
        prior.entry(one.symbol).replace(
            value=one.value,
            grade="fitted" if one.moved else "assumed",
            source="ketasim",
            low=one.value - 0.01,
            high=one.value + 0.01,
            interval="95% interval of the calibration",
        )
        for one in numbers
    ]
    card = prior.with_entries(*entries).replace(
        key="mood",
        uncertainty=Uncertainty(
            tuple(free),
            tuple(one.scale for one in numbers),  # type: ignore[arg-type]
            tuple(tuple(row) for row in (correlation * np.outer(sd, sd)).tolist()),
        ),
    )
    rows = [
        RowFit(
            row,
            predicted=row.value + (0.5 if i % 4 == 0 else 0.01),
            se=row.se or 0.1,
            sd=0.2,
        )
        for i, row in enumerate(load_mood_rows())
        if row.fitted or row.se is not None or row.n is not None
    ]
    drawn = dict.fromkeys(
        (row.trial, arm)
        for row in load_mood_rows()
        if row.fitted
        for arm in (row.arm, row.control)
        if arm
    )
    times = np.array([0.1, 24.0, 168.0, 672.0])
    curves = tuple(
        Curve(*key, times, -0.02 * times, 0.5 + 0 * times, 1.0 + 0 * times, 8.0 + 0 * times)
        for key in drawn
    )
    arms, contrasts = _unseen(rows, error)
    return MoodFit(card, prior, numbers, correlation, tuple(rows), curves, arms, contrasts, 3, 8, 1)


@pytest.fixture(scope="module")
def fit() -> MoodFit:
    return _fit()


@pytest.fixture(scope="module")
def page(fit: MoodFit) -> str:
    return mood_calibration_report(fit, command=COMMAND)


def _section(page: str, name: str) -> str:
    start = page.index(f'<h2 id="{name}">')
    end = page.find("<h2 id=", start + 1)
    return page[start : end if end > 0 else None]


def test_every_trial_with_a_prediction_has_one_panel(fit: MoodFit, page: str) -> None:
    trials = {one.row.trial for one in fit.rows}
    assert len(trials) > 30
    panels = re.findall(r'<div class="trial" id="trial-([^"]+)">(.*?)</svg>', page, re.DOTALL)
    assert sorted(name for name, _ in panels) == sorted(trials)
    assert all("<svg" in drawing for _, drawing in panels)


def test_a_panel_over_time_holds_its_changes_and_a_share_stands_beside(fit: MoodFit) -> None:
    panels = {panel.trial: panel for panel in trial_panels(fit)}
    assert {panel.over_time for panel in panels.values()} == {True, False}
    for trial, panel in panels.items():
        own = [one.row for one in fit.rows if one.row.trial == trial]
        changes = [row for row in own if row.metric == "change" and row.scale == "MADRS"]
        told = unescape(panel.svg)
        if panel.over_time:
            # each published change is a point that says what it is
            assert len(re.findall(r"<title>[^<]*, change at ", told)) == len(changes) > 0
            bars = [row for row in changes if row.fitted]
            assert told.count("in the fit") == len(bars)
            assert told.count("comparison only") == len(changes) - len(bars)
        else:
            assert "published" in told and "predicted" in told
            shares = [row for row in own if row.metric in ("response", "remission")]
            assert sum(told.count(f"{m} at ") for m in ("response", "remission")) >= len(shares)


def test_targets_tell_what_is_met(fit: MoodFit) -> None:
    arms, contrasts = judged(fit.arms)[0], judged(fit.contrasts)[0]
    targets = mood_targets(fit)
    assert [one.value for one in targets] == pytest.approx(
        [
            v
            for one in (arms, contrasts)
            for v in (one.error, 1 - one.error / 4.0, one.coverage, one.width)
        ]
    )
    # 2 points off, intervals of 3.3 points to each side: all inside, which is too often
    assert [one.met for one in targets] == [True, True, False, True] * 2
    worse = mood_targets(_fit(error=3.9))
    assert [one.met for one in worse] == [False, False, False, True] * 2
    assert targets[0].noise == pytest.approx(math.sqrt(2 / math.pi))
    assert mood_targets(replace(fit, arms=(), contrasts=())) == ()


def test_every_target_stands_in_the_page(fit: MoodFit, page: str) -> None:
    section = _section(page, "targets")
    lines = re.findall(r"<tr[^>]*>(.*?)</tr>", section, re.DOTALL)[1:]
    targets = mood_targets(fit)
    assert len(lines) == len(targets) == 8
    for line, one in zip(lines, targets, strict=True):
        assert one.name in line and one.goal in line
        assert ("missed" in line) == (not one.met)
    head = page[: page.index("<main>")]
    assert head.count('class="tile"') == 8
    assert head.count("noise floor") == 2


def test_a_fit_without_unseen_trials_says_so(fit: MoodFit) -> None:
    blind = replace(fit, arms=(), contrasts=(), rows=fit.rows[:30])
    page = mood_calibration_report(blind)
    assert "without predicting unseen trials" in page
    assert "figure-unseen" not in page
    assert unseen_table(blind).height == 0


def test_misses_are_those_beyond_nine_in_ten(fit: MoodFit, page: str) -> None:
    section = _section(page, "misses")
    table = section[section.index('id="misses-fit"') :].split("</table>")[0]
    beyond = [
        one
        for one in fit.rows
        if abs(one.score) > 1.645
        and one.row.fitted
        and (one.row.scale == "MADRS" or one.row.metric not in ("change", "contrast"))
    ]
    assert 0 < len(beyond) < sum(one.row.fitted for one in fit.rows)
    assert table.count('<tr class="off">') == len(beyond)


def test_rows_are_beside_their_predictions(page: str) -> None:
    section = _section(page, "beside")
    for trial in ("wilkinson2019", "zheng2019", "shiroma2014", "ibrahim2012", "aanhetrot2010"):
        assert trial in section
    controls = section[section.index('id="controls"') :]
    kinds = {
        arm.control for t in load_studies() for arm in t.arms if arm.control in ("saline", "masked")
    }
    assert kinds == {"saline", "masked"}
    for kind in kinds:
        assert f">{kind.capitalize()}<" in controls


def test_numbers_not_moved_are_marked(fit: MoodFit, page: str) -> None:
    table = page[page.index('id="numbers"') :].split("</table>", maxsplit=1)[0]
    unmoved = [one for one in fit.numbers if not one.moved]
    assert 0 < len(unmoved) < len(fit.numbers)
    assert table.count("not informed by the data") == len(unmoved)
    between = page[page.index('id="between"') :].split("</table>", maxsplit=1)[0]
    for symbol in fit.prior.extra["prior"]:
        assert (symbol in between) == symbol.startswith("tau_")


def test_intervals_are_on_the_scale_of_the_number(fit: MoodFit) -> None:
    for one in fit.numbers:
        middle, low, high = interval_in_priors(one)
        assert high - low == pytest.approx(2 * 1.959964 * one.sd / one.prior_sd, rel=1e-6)
        if one.scale == "log":
            assert middle == pytest.approx(math.log(1.1) / one.prior_sd)


def test_every_row_and_rule_is_told(page: str) -> None:
    training = load_table("mood/training")
    rows = _section(page, "rows").split("<tbody>")[1]
    assert rows.count("<tr") == training.height
    rules = _section(page, "rules")
    for code in load_table("mood/training_rules")["code"]:
        assert f"<code>{code}</code>" in rules


def test_nothing_is_fetched_from_outside(page: str) -> None:
    outside = r"""(?:src|srcset|data|action)\s*=\s*["']?\s*(?:https?:)?//"""
    outside += r"""|url\(\s*["']?(?:https?:)?//|@import"""
    assert re.search(outside, '<img src="https://x">')
    assert not re.search(outside, page)
    assert not re.search(r"<(?:script|iframe|object|embed|base)\b", page)
    assert re.findall(r"<link[^>]*>", page) == ['<link rel="icon" href="data:,">']
    assert "default-src 'none'" in page
    assert unescape(COMMAND) in page
    # ids are unique, those of the charts included
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_no_legend_mixes_the_spreads(page: str) -> None:
    legends = re.findall(r'id="(figure-[a-z-]+)">.*?<ul class="legend">(.*?)</ul>', page, re.DOTALL)
    told = dict(legends)
    assert set(told) >= {"figure-unseen", "figure-numbers", "figure-correlation"}
    for name in ("figure-trials-time", "figure-trials-beside", "figure-unseen"):
        assert "between-trial" in told[name] and "arameter uncertainty" in told[name]


def test_fit_table_holds_every_row_once(fit: MoodFit) -> None:
    table = mood_fit_table(fit)
    training = load_table("mood/training")
    assert table["key"].to_list() == training["row_id"].to_list()
    predicted = table.filter(pl.col("predicted").is_not_null())
    assert set(predicted["key"]) == {one.row.key for one in fit.rows}
    fair = predicted.filter(pl.col("score").is_not_null())
    np.testing.assert_allclose(
        fair["score"], (fair["published"] - fair["predicted"]) / fair["sd"], rtol=1e-9
    )
    # points of other scales are not compared with points of the MADRS
    unfair = predicted.filter(pl.col("score").is_null())
    assert unfair.height > 0
    assert "MADRS" not in set(unfair["scale"])
    assert set(unfair["unit"]) == {"points"}


def test_command_writes_the_files(
    fit: MoodFit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []

    def made(**options: object) -> MoodFit:
        asked.append((options["seed"], options["refit"]))
        return fit

    monkeypatch.setattr("ketasim.calibration.mood.calibrate_mood", made)
    out = tmp_path / "out"
    assert run(["calibrate", "mood", "--out", str(out), "--seed", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert asked == [(3, False)]
    tables = ("fit.csv", "parameters.csv", "correlation.csv", "draws.csv", "unseen.csv")
    names = {"mood.toml", *tables, "report.html"}
    assert {Path(path).name for path in told["files"]} == names
    assert {path.name for path in out.iterdir()} == names
    assert [one["met"] for one in told["targets"]] == [True, True, False, True] * 2
    assert read_card((out / "mood.toml").read_text()).values() == pytest.approx(fit.card.values())
    draws = pl.read_csv(out / "draws.csv")
    assert draws.height == 400
    for one in fit.numbers:
        if one.scale == "log":
            spread = np.log(draws[one.symbol].to_numpy()).std()
            assert spread == pytest.approx(one.sd, rel=0.2)
    assert draws.equals(mood_draws_table(fit)) or np.allclose(
        draws.to_numpy(), mood_draws_table(fit).to_numpy()
    )
    correlation = pl.read_csv(out / "correlation.csv")
    np.testing.assert_allclose(correlation.drop("symbol").to_numpy(), fit.correlation)
    assert correlation.equals(mood_correlation_table(fit))
    unseen = pl.read_csv(out / "unseen.csv")
    assert unseen.height == len(fit.arms) + len(fit.contrasts)
    assert unseen["inside"].mean() == pytest.approx(1.0)
    parameters = pl.read_csv(out / "parameters.csv")
    assert parameters.height == mood_parameter_table(fit).height == len(fit.prior.extra["prior"])
    assert f"ketasim calibrate mood --out {out} --seed 3" in (out / "report.html").read_text()

    assert run(["calibrate", "mood", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.count("missed") == 2 and text.count(" met") == 6
    assert asked[1:] == [(1, False)]


def test_rivals_and_groups_stand_in_the_page(fit: MoodFit, page: str) -> None:
    section = _section(page, "unseen")
    table = section[section.index('id="judged-arms"') :].split("</table>")[0]
    heads = re.findall(r"<th(?: [^>]*)?>([^<]*)", table)
    assert heads[-4:] == ["Similar arms", "One exponential", "Empirical", "Gain"]
    lines = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]
    assert len(lines) == len(judged(fit.arms))
    assert all(line.count("<td") == len(heads) for line in lines)
    for by in ("By time", "By route", "By kind of control", "By what patients can know"):
        assert by in table
    assert 'id="refits"' not in page


def test_full_refits_stand_beside_the_linear_step(
    fit: MoodFit,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refits = tuple(
        Refitted(
            *(one.trial, one.arm, one.control, one.time, one.start, "followed longest"),
            *(one.published, one.se, one.predicted, one.sd, one.predicted + 0.5, one.sd, 7),
        )
        for one in (*fit.arms[:3], *fit.contrasts[:2])
    )
    refitted = replace(fit, refits=refits)
    asked: list[object] = []

    def made(**options: object) -> MoodFit:
        asked.append(options["refit"])
        return refitted

    monkeypatch.setattr("ketasim.calibration.mood.calibrate_mood", made)
    out = tmp_path / "out"
    assert run(["calibrate", "mood", "--out", str(out), "--refit"]) == 0
    assert asked == [True]
    text = capsys.readouterr().out
    assert text.count("differ by 0.50 points on average") == 2
    kept = pl.read_csv(out / "refit.csv")
    assert kept.equals(refit_table(refitted).with_columns(kept["from_h"]))
    page = (out / "report.html").read_text()
    assert "--refit" in page
    values = page[page.index('id="refits-values"') :].split("</table>")[0]
    assert values.count("<tr") == len(refits) + 1


def test_seed_below_zero_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["calibrate", "mood", "--out", str(out), "--seed", "-1"]) == 2
    assert "--seed" in capsys.readouterr().err
    assert not out.exists()
