"""The published effects of sessions are those of the tables, and the shipped card gives them."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from ketasim.calibration.session import (
    SessionFit,
    SessionProblem,
    SessionRow,
    compare_session,
    load_session_training,
    session_dose_table,
)
from ketasim.calibration.session.tables import (
    SESSION_MISSES,
    group_of,
    is_bound,
    is_inside,
    is_met,
    key_of,
)
from ketasim.evidence import Fact, fact, load_card, load_sources
from ketasim.models import SESSION

ROWS = load_session_training()
CARD = load_card("session")
PRIOR = load_card("session_prior")
NUMBER = r"(?:\d+\.\d+|\d+)"
INFUSION = 40.0  # min; a time after an infusion is printed from its end


@pytest.fixture(scope="module")
def fit() -> SessionFit:
    return compare_session(CARD)


def name_of(row: SessionRow) -> str:
    return f"{row.study}-{row.what}-{row.statistic}-{row.use}-{'+'.join(row.doses) or 'placebo'}"


rows = pytest.mark.parametrize("row", ROWS, ids=name_of)


# What is printed


def said(text: str) -> list[float]:
    """Numbers of a cell, a range as its middle."""
    found: list[float] = []
    for low, high in re.findall(rf"({NUMBER})(?:\s*-\s*({NUMBER}))?", text):
        found.append((float(low) + float(high)) / 2 if high else float(low))
    return found


def minutes(one: Fact) -> list[float]:
    """Times of a row, min, wherever it tells them with their unit."""
    text = " ".join(one.get(c) for c in ("value", "timing_note", "note"))
    text += " " + " ".join(one.get(c) for c in ("value", "unit") if one.get("value"))
    found: list[float] = []
    pattern = rf"({NUMBER})(?:\s*-\s*({NUMBER}))?\s*(min|h)\b"
    for low, high, unit in re.findall(pattern, text):
        ends = [float(end) * (60.0 if unit == "h" else 1.0) for end in (low, high) if end]
        found += [*ends, sum(ends) / len(ends)]
    after = re.match(rf"({NUMBER}) after infusion", one.get("time_h"))
    return [*found, INFUSION + 60.0 * float(after[1])] if after else found


def printed(row: SessionRow, one: Fact) -> list[float]:
    """Numbers of the row's kind that a fact prints, in the row's unit."""
    if row.unit == "min":
        return minutes(one)
    if row.unit == "fraction":
        column = "comparator_percent" if row.drug == "none" else "percent"
        cell = one.get(column) or one.get("value")
        return [value / 100.0 for value in said(cell.split(" vs ")[0])]
    values = said(one.get("comparator_value" if row.drug == "none" else "value"))
    if "/" in one.get("value"):  # systolic / diastolic
        return [values[("SBP", "DBP").index(row.what)]]
    return values


@rows
def test_a_row_stands_on_rows_of_its_source_that_print_its_number(row: SessionRow) -> None:
    assert row.source in load_sources()
    assert row.facts
    found = [fact(name) for name in row.facts]
    assert {one.source for one in found} == {row.source}
    if row.minute is not None and row.unit in ("fraction", "points"):
        # a time is printed; who or what score, is the reading that the note tells
        level = "CADSS_cut" if row.unit == "points" else "few"
        assert row.value == PRIOR.values()[level]
        assert "assumed" in row.note
        told = [time for one in found for time in minutes(one)]
        later = 30.0 if "next half hour" in row.note else 0.0
        assert row.minute - later in told
        return
    assert any(
        np.isclose(value, row.value, rtol=1e-9) for one in found for value in printed(row, one)
    ), [one.cells for one in found]


@rows
def test_a_range_is_that_of_the_fact(row: SessionRow) -> None:
    if row.low is None or row.high is None:
        return
    scale = 100.0 if row.unit == "fraction" else 1.0
    cells = [
        fact(name).get(c) for name in row.facts for c in ("percent", "spread", "value", "note")
    ]
    ends = (row.low * scale, row.high * scale)
    if row.unit == "min" and row.high > 60.0:
        ends = (row.low / 60.0, row.high / 60.0)
    text = " ".join(cells)
    assert any(
        np.allclose([float(low), float(high)], ends, rtol=1e-9)
        for low, high in re.findall(rf"({NUMBER})\s*-\s*({NUMBER})", text)
    ), (ends, text)


@rows
def test_the_comparator_is_that_of_the_fact(row: SessionRow) -> None:
    if row.comparator is None:
        return
    one = fact(row.facts[0])
    if "No comparator printed" in row.note:
        assert not one.get("comparator_percent")
        same = {key_of(r): r for r in ROWS}["transform", row.what, row.statistic]
        assert row.comparator == same.comparator
        assert "assumed" in row.note
        return
    cell = one.get("comparator_percent") or one.get("value").split(" vs ")[1]
    assert any(np.isclose(value / 100.0, row.comparator) for value in said(cell))
    people = one.get("comparator_n") or one.get("n").split(" vs ")[-1]
    if people:
        assert float(people) == row.comparator_n


@rows
def test_people_are_those_of_the_fact_where_it_prints_them(row: SessionRow) -> None:
    cell = fact(row.facts[0]).get("n").split(" vs ")[0]
    if row.n is None or not cell:
        return
    if row.study == "rems":
        patients, sessions = map(int, re.findall(r"\d+", fact("acute/acute_observed:46").get("n")))
        assert (row.n, row.sessions) == (patients, sessions // patients)
        return
    comparator = fact(row.facts[0]).get("comparator_n")
    assert row.n in (said(cell)[0], float(comparator or 0.0) if row.drug == "none" else None)


def test_what_a_row_speaks_of_is_known_to_the_model() -> None:
    names = {event.name for event in SESSION.events} | {"cadss", "SBP", "DBP", "HR", "cognition"}
    assert {row.what for row in ROWS} <= names
    assert {row.use for row in ROWS} == {"fit", "check", "again"}
    assert len({(name_of(r), r.value, r.sessions, r.minute, r.older) for r in ROWS}) == len(ROWS)
    # every free number is asked about by some row that is fitted
    fitted = {row.what for row in ROWS if row.use == "fit"}
    assert fitted >= {event.name for event in SESSION.events}


# The shipped card


def test_nine_in_ten_fitted_rows_lie_inside_their_interval(fit: SessionFit) -> None:
    fitted = [one for one in fit.compared if one.row.use == "fit"]
    assert len(fitted) > 50
    assert np.mean([is_inside(one) for one in fitted]) >= 0.9


def test_every_label_percentage_lies_inside_its_interval(fit: SessionFit) -> None:
    label = [one for one in fit.compared if group_of(one.row) == "label"]
    assert {"cadss_above_4", "sedation_moaas", "dissociation_report", "sedation_report"} <= {
        one.row.what for one in label
    }
    rises = [one for one in fit.compared if one.row.statistic == "rise_ever"]
    assert len(rises) == 8
    assert [key_of(one.row) for one in (*label, *rises) if not is_inside(one)] == []


def test_what_misses_is_named_with_its_reason_and_nothing_else_is(fit: SessionFit) -> None:
    missed = {key_of(one.row) for one in fit.compared if not is_inside(one)}
    assert missed == set(SESSION_MISSES)


def test_numbers_that_a_reason_repeats_are_those_of_the_tables() -> None:
    by_key = {key_of(row): row for row in ROWS}
    dizzy = SESSION_MISSES["china", "dizziness", "ever"]
    shares = [by_key[study, "dizziness", "ever"].comparator for study in ("china", "transform")]
    assert [f"{100 * share:.0f} %" in dizzy for share in shares] == [True, True]
    lower = SESSION_MISSES["rivaposse", "SBP", "mean_change"]
    assert f"{by_key['cvrepeat', 'SBP', 'mean_change'].value:g} mmHg" in lower
    people = fact(by_key["rivaposse", "SBP", "mean_change"].facts[0]).get("population")
    assert all(number in lower for number in re.findall(NUMBER, people))
    # reported more often than in the pooled trials, all of them
    events = [r.what for r in ROWS if r.study == "china"]
    assert len(events) == 4
    for what in events:
        assert by_key["china", what, "ever"].value > by_key["transform", what, "ever"].value


def test_intervals_hold_their_prediction_and_a_kept_bound_costs_nothing(fit: SessionFit) -> None:
    for one in fit.compared:
        assert np.isfinite([one.predicted, one.low, one.high, one.z]).all(), one.row
        assert one.low < one.predicted < one.high
        if is_met(one):
            assert is_bound(one.row) and one.z == 0.0


def test_shares_rise_with_the_dose_and_the_pooled_one_lies_between(fit: SessionFit) -> None:
    by_dose = [one for one in fit.compared if one.row.study == "japan"]
    for what in {one.row.what for one in by_dose}:
        ladder = {int(o.row.doses[0]): o.predicted for o in by_dose if o.row.what == what}
        assert sorted(ladder) == [28, 56, 84]
        assert ladder[28] < ladder[56] < ladder[84]
    table = session_dose_table(fit)
    assert table.height == 12
    for row in table.to_dicts():
        # half the people had each dose
        both = (row["predicted_56"] + row["predicted_84"]) / 2
        assert row["predicted"] == pytest.approx(both)
        assert row["predicted_56"] < row["predicted_84"]
        placebo = row["predicted_placebo"] or row["published_placebo"]
        assert placebo is None or placebo < row["predicted_56"]
    without = table.filter(table["published_placebo"].is_null())["what"].to_list()
    assert without == ["sedation_moaas", "unconscious"]


def test_what_a_number_does_is_what_its_name_says() -> None:
    problem = SessionProblem(ROWS, PRIOR)
    values = CARD.values()
    before, _ = problem.predict(values)

    def moved(symbol: str) -> set[str]:
        after, _ = problem.predict({**values, symbol: 1.2 * values[symbol]})
        off = np.abs(after - before) > 1e-9
        return {row.what for row, one in zip(ROWS, off, strict=True) if one}

    assert moved("SBP_full") == moved("sigma_SBP") | moved("older_SBP") == {"SBP"}
    assert moved("HR_full") == {"HR"}
    assert moved("effect_nausea") == {"nausea"}
    assert moved("left") == {"cadss", "cadss_above_4", "dissociation_report", "dissociation_form"}
    assert moved("hill_high") == moved("pain_K") == set()
    none = [i for i, row in enumerate(ROWS) if row.drug == "none"]
    less, drug = problem.predict({**values, "C50": 50.0})
    np.testing.assert_allclose(less[none], before[none])
    assert (drug[none] == 0.0).all()


def test_rows_of_one_study_are_correlated_and_of_two_are_not() -> None:
    problem = SessionProblem(ROWS, PRIOR)
    values = CARD.values()
    between = problem.between(values, problem.predict(values)[1])
    assert np.linalg.eigvalsh(between)[0] > -1e-12
    other = np.not_equal.outer(problem.studies, problem.studies)
    assert (between[other] == 0.0).all()
    # what is reported differs between studies; a rise is measured, and differs by the drug's part
    shares = np.array([row.unit == "fraction" and row.statistic != "rise_ever" for row in ROWS])
    assert (np.diag(between)[shares] >= values["tau_study"] ** 2).all()
    assert (problem.variance > 0).all()


def test_the_scale_of_the_fit_has_a_way_back() -> None:
    for row in ROWS:
        if row.unit == "fraction" and row.value == 0:
            continue
        problem = SessionProblem([row], PRIOR)
        assert problem.unscaled(row, problem.published[0]) == pytest.approx(row.value, abs=2e-3)


def test_the_card_keeps_what_was_not_free_and_brackets_what_was(fit: SessionFit) -> None:
    taus = {symbol for symbol in PRIOR.extra["prior"] if symbol.startswith("tau_")}
    assert set(fit.free) | taus == set(PRIOR.extra["prior"])
    for symbol, entry in CARD.entries.items():
        if symbol in fit.free:
            assert entry.low is not None and entry.high is not None
            assert entry.low < entry.value < entry.high
            assert 0 < fit.shrinkage[symbol] < 1
        elif symbol not in taus:
            assert entry == PRIOR.entry(symbol)


def test_a_card_without_uncertainty_is_refused() -> None:
    with pytest.raises(ValueError, match="carries no uncertainty"):
        compare_session(replace(CARD, uncertainty=None))
