"""Rows of data as they come: a subject twice, labels that nearly agree, terms without a number."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim import InputError
from ketasim.trials import ancova, imputed, mmrm, responder, time_to_event
from ketasim.trials.analysis import Analysis

VISITS = ("week 1", "week 2", "week 4")


def trial(size: int = 24) -> pl.DataFrame:
    """A small trial, a row a subject and visit."""
    random = np.random.default_rng(5)
    base = np.repeat(random.normal(30, 5, size), 3)
    arm = np.repeat(np.arange(size) % 2, 3)
    own = np.repeat(random.normal(0, 3, size), 3)
    change = -0.3 * base - 4 * arm + own + random.normal(0, 3, 3 * size)
    return pl.DataFrame(
        {
            "ID": np.repeat([f"s{i:02}" for i in range(size)], 3),
            "ARM": np.where(arm == 1, "ket", "pbo"),
            "VISIT": list(VISITS) * size,
            "BASE": base,
            "CHG": change,
            "TIME": random.exponential(10, 3 * size),
            "EVENT": random.integers(0, 2, 3 * size),
        }
    )


DATA = trial()
LAST = DATA.filter(pl.col("VISIT") == "week 4")
MIXED = "CHG ~ BASE*VISIT + ARM*VISIT"
KEYS: dict[str, Any] = {"subject": "ID", "visit": "VISIT"}


AT_THE_END = (
    partial(ancova, "CHG ~ BASE + ARM"),
    partial(responder, "I(CHG <= -12) ~ ARM"),
    partial(time_to_event, "Surv(TIME, EVENT) ~ ARM"),
)


def at_the_end(data: pl.DataFrame, **more: Any) -> list[Analysis]:
    """The three analyses of one row a subject."""
    return [analysed(data, **more) for analysed in AT_THE_END]


@pytest.mark.parametrize("analysed", AT_THE_END)
def test_a_subject_counts_once(analysed: Callable[..., Analysis]) -> None:
    with pytest.raises(InputError, match=r"24 subjects have several rows, first 's00' with 3.*vis"):
        analysed(DATA, subject="ID")
    with pytest.raises(InputError, match="subject: there is no column 'IDD'"):
        analysed(LAST, subject="IDD")
    once = analysed(LAST, subject="ID")
    assert not any("subject of its own" in note for note in once.notes)
    unnamed = analysed(LAST)
    assert any("subject of its own" in note for note in unnamed.notes)
    for name, table in once.tables.items():
        assert table.equals(unnamed.tables[name])


def test_a_subject_counts_once_at_each_visit() -> None:
    twice = pl.concat([DATA, DATA.head(1)])
    with pytest.raises(InputError, match="several rows, first 's00' at 'week 1'"):
        ancova("CHG ~ BASE + ARM", twice, **KEYS)
    with pytest.raises(InputError, match=r"'us\(VISIT \| ID\)' is of a mixed model"):
        ancova("CHG ~ ARM + us(VISIT | ID)", DATA)


def test_an_empty_second_row_does_not_hide_an_outcome() -> None:
    """It was imputed in its stead."""
    empty = DATA.tail(1).with_columns(CHG=pl.lit(None, dtype=pl.Float64))
    found = imputed(MIXED, pl.concat([DATA, empty]), strategy="j2r", arm="ARM", **KEYS)
    assert not found.tables["completed"]["imputed"].any()


@pytest.mark.parametrize("term", ["log(BASE)", "I(1 / (BASE - BASE))", "exp(100 * BASE)"])
def test_a_term_without_a_number_in_some_row_is_refused(term: str) -> None:
    moved = DATA.with_columns(pl.col("BASE") - 30)
    last = moved.filter(pl.col("VISIT") == "week 4")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for analysed in (
            lambda: mmrm(f"CHG ~ ARM*VISIT + {term}", moved, **KEYS),
            lambda: ancova(f"CHG ~ ARM + {term}", last),
            lambda: responder(f"I(CHG <= -12) ~ ARM + {term}", last),
            lambda: time_to_event(f"Surv(TIME, EVENT) ~ ARM + {term}", last),
        ):
            with pytest.raises(InputError, match=r"has no finite value in .* first where BASE is"):
                analysed()


def test_functions_of_a_covariate() -> None:
    """Those that learn from the data span what plain powers do, and mean the same at the mean."""
    plain = mmrm("CHG ~ BASE*VISIT + I(BASE**2)*VISIT + ARM*VISIT", DATA, **KEYS)
    found = mmrm("CHG ~ poly(BASE, 2)*VISIT + ARM*VISIT", DATA, **KEYS)
    pairs = [(found.differences(), plain.differences()), (found.means(), plain.means())]
    curved, straight = (
        ancova(f"CHG ~ {term} + ARM", LAST).tables["means"]
        for term in ("BASE + I(BASE**2)", "BASE")
    )
    for term, other in (
        ("bs(BASE, df=2, degree=2)", curved),
        ("center(BASE)", straight),
        ("scale(BASE)", straight),
    ):
        pairs.append((ancova(f"CHG ~ {term} + ARM", LAST).tables["means"], other))
    for one, two in pairs:
        for name in ("estimate", "se", "df"):
            assert one[name].to_numpy() == pytest.approx(two[name].to_numpy(), rel=1e-6)
    with pytest.raises(InputError, match=r"'cr\(BASE, df=4\)' is not understood.*poly, bs, center"):
        mmrm("CHG ~ cr(BASE, df=4) + ARM*VISIT", DATA, **KEYS)


def test_a_numbered_category_is_averaged_over() -> None:
    """`C(SITE)` was taken at the mean of the numbers, which is no site."""
    data = LAST.with_columns(SITE=pl.Series([1, 2, 3, 3] * 6), ARM=pl.Series(["a", "b", "b"] * 8))
    numbers = ancova("CHG ~ ARM * C(SITE)", data, arm="ARM")
    words = ancova("CHG ~ ARM * SITE", data.with_columns(pl.col("SITE").cast(str)), arm="ARM")
    for name in ("differences", "means"):
        one, two = numbers.tables[name], words.tables[name]
        assert one["estimate"].to_numpy() == pytest.approx(two["estimate"].to_numpy())
    sums = ancova("CHG ~ C(ARM, Sum) + BASE", data, arm="ARM").tables["differences"]
    same = ancova("CHG ~ ARM + BASE", data, arm="ARM").tables["differences"]
    assert sums["estimate"].to_numpy() == pytest.approx(same["estimate"].to_numpy())


def test_labels_that_nearly_agree_are_told() -> None:
    arm = pl.when(pl.col("ID") == "s02").then(pl.lit("PBO")).otherwise("ARM").alias("ARM")
    told = "ARM has 'PBO' and 'pbo', which differ only in case or spaces"
    assert mmrm(MIXED, DATA.with_columns(arm), **KEYS).notes[0].startswith(told)
    for found in at_the_end(LAST.with_columns(arm), subject="ID"):
        assert found.notes[0].startswith(told)
    assert mmrm(MIXED, DATA, **KEYS).notes == ()


def test_what_changes_within_a_subject_is_told() -> None:
    here = (pl.col("ID") == "s02") & (pl.col("VISIT") == "week 2")
    changed = DATA.with_columns(
        ARM=pl.when(here).then(pl.lit("ket")).otherwise("ARM"),
        BASE=pl.when(here).then(pl.col("BASE") + 1).otherwise("BASE"),
    )
    for found in (mmrm(MIXED, changed, **KEYS), ancova("CHG ~ BASE + ARM", changed, **KEYS)):
        assert [note.split(":")[0] for note in found.notes] == [
            f"{name} changes between the rows of 1 subject, first 's02'" for name in ("BASE", "ARM")
        ]


def test_rows_that_are_left_out_are_counted() -> None:
    lost = pl.when(pl.col("ID") > "s20").then(None)
    gaps = LAST.with_columns(
        lost.otherwise("CHG").alias("CHG"), lost.otherwise("TIME").alias("TIME")
    )
    for found in at_the_end(gaps, subject="ID"):
        assert found.notes[0].startswith("3 rows are left out, without ")
    for found in at_the_end(LAST, subject="ID"):
        assert found.notes == ()
    one = DATA.with_columns(pl.when(pl.col("CHG") > DATA["CHG"].min()).then("CHG").alias("CHG"))
    assert mmrm(MIXED, one, **KEYS).notes == ("1 row is left out, without an outcome.",)


@pytest.mark.parametrize("words", [("N", "Y"), ("no", "Yes"), ("false", "true"), ("FALSE", "TRUE")])
def test_an_event_is_said_in_words(words: tuple[str, str]) -> None:
    said = LAST.with_columns(SAID=pl.Series([words[one] for one in LAST["EVENT"]]))
    one, two = (responder(f"{name} ~ ARM", said) for name in ("SAID", "EVENT"))
    assert one.tables["differences"].equals(two.tables["differences"])
    one, two = (time_to_event(f"Surv(TIME, 1 - {name}) ~ ARM", said) for name in ("SAID", "EVENT"))
    assert one.tables["hazard_ratios"].equals(two.tables["hazard_ratios"])
    with pytest.raises(InputError, match="'ket' in row 2 is neither yes nor no"):
        responder("ARM ~ BASE", said)


def test_a_flag_that_is_there_or_empty_is_not_guessed() -> None:
    """Empty cells would be left out, and everybody would respond."""
    flag = LAST.with_columns(FLAG=pl.when(pl.col("EVENT") == 1).then(pl.lit("Y")))
    with pytest.raises(InputError, match="every row has 'Y' or is empty; write the other word"):
        responder("FLAG ~ ARM", flag)


def test_the_arm_is_found_for_its_reference() -> None:
    for named, found in (
        (
            mmrm(MIXED, DATA, arm="ARM", reference="pbo", **KEYS),
            mmrm(MIXED, DATA, reference="pbo", **KEYS),
        ),
        (
            imputed(MIXED, DATA, arm="ARM", reference="pbo", **KEYS),
            imputed(MIXED, DATA, reference={"ARM": "pbo"}, **KEYS),
        ),
    ):
        assert found.main_table().equals(named.main_table())
        assert found.main_table()["contrast"][0] == "ket - pbo"
    for found in at_the_end(LAST, subject="ID", reference="pbo"):
        assert found.metadata["arm"] == "ARM"
    with pytest.raises(InputError, match=r"'pbo' of which column\?; name the arm as well"):
        ancova("CHG ~ BASE", LAST, reference="pbo")


def test_a_reference_visit_leaves_the_order_of_time() -> None:
    """The visits of a serial covariance were put in the order of the reference."""
    serial = mmrm(MIXED, DATA, covariance="ar1", **KEYS)
    turned = mmrm(MIXED, DATA, covariance="ar1", reference={"VISIT": "week 4"}, **KEYS)
    assert turned.visits == VISITS
    assert turned.deviance == pytest.approx(serial.deviance)
    one, two = (found.differences().sort("VISIT") for found in (serial, turned))
    assert one["estimate"].to_numpy() == pytest.approx(two["estimate"].to_numpy())


def test_the_origin_of_a_covariate_changes_nothing() -> None:
    moved = DATA.with_columns(pl.col("BASE") + 2e7)
    last = moved.filter(pl.col("VISIT") == "week 4")
    lost = (pl.col("ID") != "s03") | (pl.col("VISIT") == "week 1")
    for one, two in (
        (mmrm(MIXED, DATA, **KEYS), mmrm(MIXED, moved, **KEYS)),
        (ancova("CHG ~ BASE + ARM", LAST), ancova("CHG ~ BASE + ARM", last)),
        (
            imputed(MIXED, DATA.filter(lost), strategy="j2r", **KEYS),
            imputed(MIXED, moved.filter(lost), strategy="j2r", **KEYS),
        ),
    ):
        for name in ("differences", "means"):
            if name in one.tables:
                for column in ("estimate", "se"):
                    wanted = one.tables[name][column].to_numpy()
                    assert two.tables[name][column].to_numpy() == pytest.approx(wanted, rel=1e-6)
    model = "I(CHG <= -12) ~ BASE + ARM"
    one, two = (responder(model, data).tables["coefficients"] for data in (LAST, last))
    assert two["se"][1:].to_numpy() == pytest.approx(one["se"][1:].to_numpy(), rel=1e-6)
