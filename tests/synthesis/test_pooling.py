"""Pooling: the mathematics against other libraries, the selection against the tables."""

from __future__ import annotations

import csv
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import chi2

from ketasim._base import InputError
from ketasim.evidence import fact, facts, load_sources
from ketasim.synthesis import (
    FEWEST_FOR_EGGER,
    MetaQuery,
    comparable_studies,
    pool_comparable,
    pool_effects,
)
from ketasim.synthesis.effects import (
    ArmCount,
    ArmMean,
    count_of_percent,
    join_means,
    mean_difference,
    share_effect,
    standardised_difference,
)

Array = NDArray[np.float64]

# tpos, tneg, cpos, cneg of the 13 trials of the BCG vaccine, as metafor documents its data set
BCG = np.array(
    [
        [4, 119, 11, 128],
        [6, 300, 29, 274],
        [3, 228, 11, 209],
        [62, 13536, 248, 12619],
        [33, 5036, 47, 5761],
        [180, 1361, 372, 1079],
        [8, 2537, 10, 619],
        [505, 87886, 499, 87892],
        [29, 7470, 45, 7232],
        [17, 1699, 65, 1600],
        [186, 50448, 141, 27197],
        [5, 2493, 3, 2338],
        [27, 16886, 29, 17825],
    ]
)
# effect, tau2 and I2 (%) without each trial, as the documentation of metafor::leave1out prints them
BCG_WITHOUT = [
    (-0.7071, 0.3362, 93.2259),
    (-0.6540, 0.2926, 92.2540),
    (-0.6856, 0.3207, 92.9354),
    (-0.6284, 0.2628, 90.4125),
    (-0.7642, 0.3278, 92.7634),
    (-0.7109, 0.3596, 90.9118),
    (-0.6552, 0.2930, 92.2777),
    (-0.7948, 0.2732, 87.0314),
    (-0.7412, 0.3495, 93.2133),
    (-0.6530, 0.2987, 92.2322),
    (-0.7579, 0.3405, 91.8110),
    (-0.7598, 0.3082, 92.6782),
    (-0.7775, 0.3037, 92.3444),
]


def _bcg(measure: str) -> tuple[list[float], list[float]]:
    pairs = [
        share_effect(measure, ArmCount(int(a), int(a + b)), ArmCount(int(c), int(c + d)))
        for a, b, c, d in BCG
    ]
    effects, variances = zip(*(pair for pair in pairs if pair is not None), strict=True)
    return list(effects), list(variances)


@st.composite
def _studies(draw: st.DrawFn, fewest: int = 2) -> tuple[list[float], list[float]]:
    k = draw(st.integers(fewest, 14))
    effects = draw(st.lists(st.floats(-20, 20), min_size=k, max_size=k))
    errors = draw(st.lists(st.floats(0.3, 5), min_size=k, max_size=k))
    return effects, [error**2 for error in errors]


def test_bcg_is_pooled_as_metafor_documents_it() -> None:
    """README of metafor: log risk ratios, REML, Knapp-Hartung; confint: the Q-profile."""
    found = pool_effects(*_bcg("risk ratio"), interval="hksj")
    assert found.estimate == pytest.approx(-0.7145, abs=5e-5)
    assert found.se == pytest.approx(0.1808, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-1.1084, -0.3206), abs=6e-5)
    assert found.interval.df == 12
    assert (found.wald.low, found.wald.high) == pytest.approx((-1.0669, -0.3622), abs=6e-5)
    assert found.tau2 == pytest.approx(0.3132433, abs=1e-6)
    # metafor's search for these ends stops within 1e-4
    assert (found.tau2_low, found.tau2_high) == pytest.approx((0.1196953, 1.111486), abs=1e-4)
    assert found.i2 == pytest.approx(0.922213861, abs=1e-6)
    assert found.h2 == pytest.approx(12.856, abs=5e-4)
    assert (found.q, found.q_df) == (pytest.approx(152.2330, abs=5e-5), 12)
    assert found.q_p is not None and found.q_p < 1e-4
    for one, (effect, tau2, i2) in zip(found.without, BCG_WITHOUT, strict=True):
        assert one.estimate == pytest.approx(effect, abs=6e-5)
        assert one.tau2 == pytest.approx(tau2, abs=6e-5)
        assert one.i2 is not None and 100 * one.i2 == pytest.approx(i2, abs=2e-3)


def test_effects_of_counts_are_those_metafor_documents() -> None:
    effects, variances = _bcg("risk ratio")
    assert effects[:3] == pytest.approx([-0.8893, -1.5854, -1.3481], abs=5e-5)
    assert variances[:3] == pytest.approx([0.3256, 0.1946, 0.4154], abs=5e-5)
    effects, variances = _bcg("odds ratio")  # analyses:vanhouwelingen2002
    assert effects[:3] == pytest.approx([-0.9387, -1.6662, -1.3863], abs=5e-5)
    assert variances[:3] == pytest.approx([0.3571, 0.2081, 0.4334], abs=5e-5)


def _restricted(tau2: float, y: Array, v: Array) -> float:
    """Minus the restricted log-likelihood, up to a constant, of two lines of the textbook."""
    total = v + tau2
    mean = np.sum(y / total) / np.sum(1 / total)
    misfit = np.sum((y - mean) ** 2 / total)
    return float(0.5 * (np.log(total).sum() + np.log(np.sum(1 / total)) + misfit))


@settings(max_examples=25)
@given(_studies())
def test_the_variance_maximises_the_restricted_likelihood(
    studies: tuple[list[float], list[float]],
) -> None:
    y, v = map(np.array, studies)
    found = pool_effects(y.tolist(), v.tolist())
    assert found.tau2 is not None and found.tau2 >= 0
    top = float(4 * np.var(y) + 1)
    # many starts, because the likelihood can have two hills
    best = min(
        (
            minimize_scalar(_restricted, args=(y, v), bounds=ends, method="bounded")
            for ends in ((0.0, top / 100), (0.0, top / 10), (0.0, top))
        ),
        key=lambda one: float(one.fun),
    )
    floor = min(float(best.fun), _restricted(0.0, y, v))
    assert _restricted(found.tau2, y, v) <= floor + 1e-7


@settings(max_examples=25)
@given(_studies())
def test_the_interval_of_the_variance_inverts_q(studies: tuple[list[float], list[float]]) -> None:
    y, v = map(np.array, studies)
    found = pool_effects(y.tolist(), v.tolist())

    def q(tau2: float) -> float:
        w = 1 / (v + tau2)
        return float(np.sum(w * (y - np.sum(w * y) / w.sum()) ** 2))

    for end, quantile in ((found.tau2_low, 0.975), (found.tau2_high, 0.025)):
        goal = float(chi2.ppf(quantile, y.size - 1))
        assert end is not None
        if end == 0.0:
            assert q(0.0) <= goal * (1 + 1e-9)
        else:
            assert q(end) == pytest.approx(goal, rel=1e-6)


@settings(max_examples=30)
@given(_studies())
def test_the_modified_interval_is_never_narrower_than_wald(
    studies: tuple[list[float], list[float]],
) -> None:
    found = pool_effects(*studies)
    assert found.modified is not None and found.hksj is not None
    assert found.modified.width >= max(found.wald.width, found.hksj.width) - 1e-9
    assert found.interval == found.modified
    assert found.hksj_is_narrower == (found.hksj.width < found.wald.width)
    told = any("narrower than the Wald" in note for note in found.notes)
    assert told == found.hksj_is_narrower
    assert sum(found.weights) == pytest.approx(1.0)
    assert min(studies[0]) - 1e-9 <= found.estimate <= max(studies[0]) + 1e-9
    if found.k < 3:
        assert found.prediction is None
    else:
        assert found.prediction is not None
        assert found.prediction[0] <= found.low and found.prediction[1] >= found.high
    unequal = len(set(studies[1])) > 1
    if found.k < FEWEST_FOR_EGGER or not unequal:
        assert found.egger is None
        assert any("Not assessed" in note for note in found.notes)


@settings(max_examples=20)
@given(_studies(), st.floats(0.01, 100), st.floats(-50, 50), st.randoms())
def test_units_origin_and_order_do_not_matter(
    studies: tuple[list[float], list[float]], scale: float, shift: float, chance: Any
) -> None:
    effects, variances = studies
    order = list(range(len(effects)))
    chance.shuffle(order)
    first = pool_effects(effects, variances)
    moved = pool_effects(
        [scale * effects[i] + shift for i in order], [scale**2 * variances[i] for i in order]
    )
    near = {"rel": 1e-4, "abs": 1e-4 * scale}
    assert moved.estimate == pytest.approx(scale * first.estimate + shift, **near)
    assert moved.interval.width == pytest.approx(scale * first.interval.width, **near)
    assert first.tau2 is not None
    assert moved.tau2 == pytest.approx(scale**2 * first.tau2, rel=1e-3, abs=1e-4 * scale**2)


def test_hartung_knapp_is_that_of_statsmodels() -> None:
    """With equal variances REML is the estimate that statsmodels finds by iteration."""
    from statsmodels.stats.meta_analysis import combine_effects

    generator = np.random.default_rng(4)
    for spread in (0.2, 1.0, 4.0):  # below, near and above the sampling error
        y = generator.normal(1.0, spread, 9)
        v = np.full(9, 0.5)
        other = combine_effects(y, v, method_re="iterated", use_t=True)
        found = pool_effects(y.tolist(), v.tolist(), interval="hksj")
        if other.tau2 > 0:
            assert found.tau2 == pytest.approx(other.tau2, rel=1e-4)
        assert found.estimate == pytest.approx(other.mean_effect_re, rel=1e-6)
        assert found.se == pytest.approx(other.sd_eff_w_re_hksj, rel=1e-4)
        assert found.q == pytest.approx(other.q, rel=1e-9)
        ends = other.conf_int(alpha=0.05)[3]  # random effects, HKSJ
        assert (found.low, found.high) == pytest.approx(ends, rel=1e-4)


def test_the_small_study_check_is_a_weighted_regression() -> None:
    from statsmodels.api import WLS

    effects, variances = _bcg("risk ratio")
    se = np.sqrt(variances)
    line = WLS(effects, np.column_stack([np.ones(13), se]), weights=1 / se**2).fit()
    found = pool_effects(effects, variances).egger
    assert found is not None
    assert (found.intercept, found.se) == pytest.approx((line.params[1], line.bse[1]))
    assert (found.t, found.p, found.df) == pytest.approx((line.tvalues[1], line.pvalues[1], 11))


def test_one_study_is_given_back() -> None:
    found = pool_effects([2.0], [4.0], labels=["a"])
    assert (found.k, found.estimate, found.weights) == (1, 2.0, (1.0,))
    assert (found.low, found.high) == pytest.approx((2 - 1.96 * 2, 2 + 1.96 * 2), abs=1e-3)
    assert found.tau2 is None and found.prediction is None and found.without == ()
    assert "nothing is pooled" in found.method


@pytest.mark.parametrize(
    ("effects", "variances", "more", "word"),
    [
        ([], [], {}, "no study"),
        ([1.0, 2.0], [1.0], {}, "not as many"),
        ([1.0], [0.0], {}, "not above 0"),
        ([math.nan], [1.0], {}, "not finite"),
        ([1.0], [1.0], {"interval": "hskj"}, "hksj"),
        ([1.0], [1.0], {"labels": ["a", "b"]}, "not as many"),
    ],
)
def test_bad_numbers_are_refused(
    effects: list[float], variances: list[float], more: dict[str, Any], word: str
) -> None:
    with pytest.raises(InputError, match=word):
        pool_effects(effects, variances, **more)


@settings(max_examples=50)
@given(st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=30), min_size=1, max_size=4))
def test_joined_arms_are_all_their_people(arms: list[list[float]]) -> None:
    joined = join_means(
        [ArmMean(len(arm), float(np.mean(arm)), float(np.std(arm, ddof=1))) for arm in arms]
    )
    everybody = np.concatenate([np.array(arm) for arm in arms])
    assert joined.n == everybody.size
    assert joined.mean == pytest.approx(everybody.mean(), abs=1e-9)
    assert joined.sd == pytest.approx(everybody.std(ddof=1), abs=1e-7)


def test_effects_of_means_and_shares_are_those_of_statsmodels() -> None:
    from statsmodels.stats.meta_analysis import effectsize_2proportions, effectsize_smd

    drug, control = ArmMean(30, -12.0, 9.0), ArmMean(24, -7.5, 10.5)
    g, variance = effectsize_smd(drug.mean, drug.sd, drug.n, control.mean, control.sd, control.n)
    own = standardised_difference(drug, control)
    assert own[0] == pytest.approx(g, rel=1e-6)
    assert own[1] == pytest.approx(variance, rel=5e-2)  # another of the large-sample formulas
    assert mean_difference(drug, control)[1] == pytest.approx(81 / 30 + 10.5**2 / 24)
    for measure, word in (
        ("odds ratio", "odds-ratio"),
        ("risk ratio", "risk-ratio"),
        ("risk difference", "diff"),
    ):
        other = effectsize_2proportions(
            np.array([18]), np.array([40]), np.array([7]), np.array([35]), statistic=word
        )
        assert share_effect(measure, ArmCount(18, 40), ArmCount(7, 35)) == pytest.approx(
            (float(other[0][0]), float(other[1][0]))
        )


def test_empty_cells() -> None:
    nobody, some = ArmCount(0, 20), ArmCount(3, 20)
    assert share_effect("odds ratio", nobody, nobody) is None
    assert share_effect("risk ratio", ArmCount(20, 20), ArmCount(20, 20)) is None
    effect, variance = share_effect("odds ratio", some, nobody) or (0.0, 0.0)
    assert effect == pytest.approx(math.log(3.5 * 20.5 / (17.5 * 0.5)))
    assert variance == pytest.approx(1 / 3.5 + 1 / 17.5 + 1 / 0.5 + 1 / 20.5)
    effect, variance = share_effect("risk difference", nobody, nobody) or (1.0, 0.0)
    assert effect == 0.0 and variance > 0.0


@given(st.integers(1, 900), st.data(), st.integers(0, 1))
def test_a_count_is_read_back_from_its_percentage(n: int, data: st.DataObject, digits: int) -> None:
    count = data.draw(st.integers(0, n))
    read = count_of_percent(f"{100 * count / n:.{digits}f}", n)
    assert read.fits and read.low <= count <= read.high
    assert read.low <= read.count <= read.high
    if read.exact:
        assert read.count == count


QUERIES = [
    MetaQuery(metric=metric, drug=drug, at=at, control=control, values=values, scale=scale)
    for metric, scale in (
        ("difference", "MADRS"),
        ("smd", "any"),
        ("response", "any"),
        ("remission", "MADRS"),
    )
    for drug in (None, "ketamine", "esketamine")
    for at in (24.0, 168.0, 672.0)
    for control in ("any", "midazolam")
    for values in ("printed", "arms")
][::5]
"""A fifth of all combinations, in which every value meets every value of the others."""


@pytest.fixture(scope="module")
def selections() -> list[Any]:
    return [comparable_studies(query) for query in QUERIES]


def test_every_trial_enters_or_is_listed(selections: list[Any]) -> None:
    trials = {row.get("trial_id") for row in facts("mood/trials")}
    for selection in selections:
        entered = [study.label for study in selection.studies]
        assert len(entered) == len(set(entered))
        assert set(entered) | {one.label for one in selection.left_out} == trials
        assert all(one.reason for one in selection.left_out)


def test_every_effect_names_its_rows_and_people_count_once(selections: list[Any]) -> None:
    assert sum(len(selection.studies) for selection in selections) > 50
    for selection in selections:
        first, last = selection.query.window
        rows: Counter[str] = Counter()
        for study in selection.studies:
            assert study.se > 0 and math.isfinite(study.effect)
            assert first <= study.time <= last
            assert study.sources and set(study.sources) <= set(load_sources())
            rows.update(study.facts)
            for row in map(fact, study.facts):
                assert row.get("trial_id") == study.label
        assert max(rows.values(), default=1) == 1
        labels = {study.label for study in selection.studies}
        if "POOL_TRANSFORM12" in labels:
            assert not labels & {"TRANSFORM1", "TRANSFORM2"}


def test_open_and_assumed_numbers_do_not_enter(selections: list[Any]) -> None:
    for selection in selections:
        for study in selection.studies:
            notes = " ".join(fact(row).get("note") for row in study.facts)
            # observed where it is printed: LOCF is a flag, never beside observed numbers
            assert "LOCF" not in notes or "last observation carried forward" in study.flags
    arms = comparable_studies(MetaQuery(drug="esketamine", values="arms"))
    aspire = next(study for study in arms.studies if study.label == "ASPIRE1")
    assert aspire.basis.startswith("the trial's own difference")  # its arms have no spread
    assert any(
        one.label == "ASPIRE1" and "borrowed from other trials" in one.reason
        for one in arms.left_out
    )


def test_a_printed_difference_enters_as_printed() -> None:
    row = fact("mood/outcomes:652")
    found = comparable_studies(MetaQuery(drug="esketamine", at=672.0))
    study = next(one for one in found.studies if one.label == "TRANSFORM2")
    assert study.facts == (row.id,)
    assert study.effect == float(row.get("value"))
    low, high = float(row.get("ci_low")), float(row.get("ci_high"))
    assert 2 * 1.96 * study.se == pytest.approx(high - low, rel=1e-3)


def test_the_published_pool_of_transform_1_and_2_is_replayed() -> None:
    """`turkoz2021` pools the same two trials: their counts added are the shares it prints.

    Its difference is not ours: TRANSFORM-1 has two thirds of its people on the drug and fewer who
    respond in both arms, so that added counts make the drug look worse than each trial does.
    """
    asked = MetaQuery(
        metric="response",
        drug="esketamine",
        at=672.0,
        measure="rd",
        exclude=("TRANSFORM3", "JAPAN_P2B"),
    )
    result = pool_comparable(asked)
    published = next(one for one in result.published if one.comparable)
    studies = result.selection.studies
    assert {study.label for study in studies} == set(published.members)
    drug, control = map(fact, published.facts)
    for row, events, n in (
        (drug, [s.events for s in studies], [s.n for s in studies]),
        (control, [s.events_control for s in studies], [s.n_control for s in studies]),
    ):
        assert sum(n) == int(row.get("n_at_time"))
        assert 100 * sum(events) / sum(n) == pytest.approx(float(row.get("value")), abs=0.05)
    assert result.pooled is not None
    added = (float(drug.get("value")) - float(control.get("value"))) / 100
    assert added == pytest.approx(
        sum(s.events or 0 for s in studies) / sum(s.n or 0 for s in studies)
        - sum(s.events_control or 0 for s in studies) / sum(s.n_control or 0 for s in studies),
        abs=0.001,
    )
    assert all(study.effect > added for study in studies)
    assert added < result.pooled.estimate < added + 0.03


def test_dose_arms_of_events_are_joined_against_one_control() -> None:
    found = comparable_studies(MetaQuery(metric="event", event="dissociation"))
    japan = next(study for study in found.studies if study.label == "JAPAN_P2B")
    rows = [fact(row) for row in japan.facts]
    assert len(rows) == 3 and japan.n == sum(int(row.get("n")) for row in rows)
    shares = sum(float(row.get("percent")) * int(row.get("n")) / 100 for row in rows)
    assert japan.events == pytest.approx(shares, abs=0.5)
    assert japan.n_control == 80 and "3 dose arms joined" in japan.flags


def test_no_event_counts_a_trial_twice() -> None:
    rows = facts("acute/label_adverse_events")
    places = [place for one in facts("acute/event_pooling") for place in one.get("row").split(";")]
    assert Counter(places) == Counter(str(i + 1) for i in range(len(rows)))
    names = {
        one.get("event") or rows[int(place) - 1].get("event")
        for one in facts("acute/event_pooling")
        for place in one.get("row").split(";")
    }
    pools = {one.get("study") for one in facts("acute/event_pooling") if one.get("use") != "pool"}
    trials = {one.get("study"): one.get("trials") for one in facts("acute/event_pooling")}
    for name in names:
        for wide in (False, True):
            found = comparable_studies(MetaQuery(metric="event", event=name, open=wide))
            people = [
                key for study in found.studies for key in trials[study.label].split(";") if key
            ]
            assert len(people) == len(set(people))
            if not wide:
                assert all("open" not in study.label for study in found.studies)
        assert not {study.label for study in found.studies} & (pools - {"ESCAPE-TRD"})


def test_choices_cover_the_rules_and_name_rows_that_exist() -> None:
    rules = {row.get("code") for row in facts("mood/training_rules")}
    choices = {row.get("code"): row for row in facts("mood/pooling_rules")}
    assert set(choices) == rules
    assert {row.get("use") for row in choices.values()} == {"keep", "flag", "leave"}
    for row in facts("pooled_published"):
        for name in row.get("fact").split(";"):
            assert fact(name).source == row.source
        assert row.get("why")
    assert {row.source for row in facts("pooling_methods")} <= set(load_sources())


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ({"metric": "diference"}, "difference"),
        ({"drug": "ketamin"}, "ketamine"),
        ({"scale": "any"}, "smd"),
        ({"control": "placebo"}, "placebo"),
        ({"measure": "or"}, "mean difference"),
        ({"metric": "event"}, "--event"),
        ({"at": -1.0}, "24 h"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(words: dict[str, Any], hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        MetaQuery(**words)


def test_the_table_reads_back() -> None:
    from ketasim.synthesis import left_out_table, meta_table

    result = pool_comparable(MetaQuery(metric="event", event="Nausea"))
    assert result.pooled is not None
    table = meta_table(result)
    rows = list(csv.DictReader(table.write_csv().splitlines()))
    studies = [row for row in rows if row["kind"] == "study"]
    assert [row["label"] for row in studies] == list(result.pooled.labels)
    assert sum(float(row["weight"]) for row in studies) == pytest.approx(1.0)
    for row in studies:
        assert math.log(float(row["value"])) == pytest.approx(float(row["effect"]))
    pooled = next(row for row in rows if row["kind"] == "pooled")
    assert math.log(float(pooled["value"])) == pytest.approx(result.pooled.estimate)
    assert left_out_table(result).height == len(result.selection.left_out)
