"""Plans: a grid as sentences, the same patients for all, what was studied, and what is refused."""

import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim import InputError
from ketasim.dosing import PlanOptions, load_course, parse_regimen
from ketasim.dosing.fields import validated
from ketasim.forecasting.options import options_of
from ketasim.planning import PLANNED, Plan
from ketasim.planning.candidates.grid import MOST, candidates_of
from ketasim.planning.candidates.shown import rows, why
from ketasim.planning.candidates.studied import beyond_studied

SIX = {
    "title": "Six infusions",
    "patient": {
        "age": 42,
        "weight": "78 kg",
        "diagnosis": "trd",
        "baseline": {"scale": "MADRS", "score": 33},
    },
    "population": {"n": 12, "seed": 3},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11",
    "horizon": "56 d",
}
GRID = {"interval": "3/week, 1 wk", "number": "4, 6"}
WEEKLY = "ketamine 0.5 mg/kg iv over 40 min weekly x 4"


@pytest.fixture(scope="module")
def found() -> Plan:
    return ketasim.plan(SIX, grid=GRID)


def options(**grid: Any) -> PlanOptions:
    return validated(PlanOptions, grid, prefix="plan")


def names(**grid: Any) -> list[str]:
    return [one.name for one in candidates_of(load_course(SIX), options(**grid)).candidates]


def numbers(plan: Plan) -> dict[str, dict[str, Any]]:
    """Regimen to criterion to number with its quantiles; a cost takes a price that all have."""
    table = plan.summary().filter(pl.col("metric") != "cost")
    return {
        name: {r["metric"]: (r["mean"], r["p05"], r["p95"]) for r in part.to_dicts()}
        for (name,), part in table.group_by("regimen")
    }


def test_without_a_horizon_a_plan_reaches_as_far_as_a_forecast() -> None:
    """From the same scores both look eight weeks ahead, and say so."""
    given = {key: one for key, one in SIX.items() if key not in ("horizon", "population")}
    given |= {"scores": [{"day": 12, "scale": "MADRS", "score": 20}], "now": "12 d"}
    course = load_course(given)
    options = options_of(course)
    plan = ketasim.plan(course, [WEEKLY])
    assert plan.course.horizon == options.horizon == (12 + 56) * 24.0
    assert any("eight weeks after now" in one for one in plan.notes)


def test_numbers_are_those_of_compare(found: Plan) -> None:
    side = ketasim.compare(SIX, [WEEKLY])
    number = next(one.number for one in found.candidates if one.name == WEEKLY)
    for key in ("CADSS_peak", "SBP_peak", "sessions", "hours", "dose"):
        theirs, mine = side.measure(WEEKLY, key), found.measure(number, key)
        assert theirs is not None
        assert mine is not None
        assert mine.value == pytest.approx(theirs.value, rel=1e-9)
    for key in ("MADRS_end", "response_end", "remission_end"):
        theirs, mine = side.measure(WEEKLY, key), found.measure(number, key)
        assert theirs is not None
        assert mine is not None
        assert mine.value == pytest.approx(theirs.value, rel=2e-3)
        gap = side.difference(WEEKLY, key)
        own = found.measures[1][key]
        assert own.value is not None
        assert mine.value is not None
        assert mine.value - own.value == pytest.approx(gap.value, abs=0.02)
    days, well = side.measure(WEEKLY, "days_well"), found.measure(number, "days_well")
    assert days is not None
    assert well is not None
    assert well.value == pytest.approx(days.value, rel=0.02)  # fewer times


def test_a_further_candidate_changes_nothing_of_the_others(found: Plan) -> None:
    more = ketasim.plan(
        SIX,
        ["esketamine 56 mg intranasal twice weekly x 4 wk"],
        grid={**GRID, "dose": "0.5 mg/kg, 0.3 mg/kg"},
    )
    assert len(more.candidates) > len(found.candidates)
    before, after = numbers(found), numbers(more)
    assert set(before) < set(after)
    for name, own in before.items():
        assert after[name] == own


def test_the_seed_makes_the_patients(found: Plan) -> None:
    assert numbers(ketasim.plan(SIX, grid=GRID)) == numbers(found)
    assert numbers(ketasim.plan(SIX, grid=GRID, seed=4)) != numbers(found)


def test_every_candidate_has_every_criterion_and_its_place(found: Plan, tmp_path: Path) -> None:
    found.save(tmp_path)
    table = pl.read_csv(tmp_path / "plan.csv")
    counted = table.group_by("candidate").agg(pl.col("metric").n_unique())
    assert counted["metric"].unique().to_list() == [len(PLANNED)]
    assert table["candidate"].n_unique() == len(found.candidates) == 4
    assert set(table.filter("of_front")["metric"]) == set(found.criteria)
    on = table.filter("on_front")["candidate"].unique().to_list()
    assert sorted(on) == [one.number for one in found.front]
    inside = table.filter(pl.col("p05").is_not_null())
    assert ((inside["p05"] <= inside["mean"]) & (inside["mean"] <= inside["p95"])).all()
    page = (tmp_path / "report.html").read_text()
    assert page.count("not medical advice") == 1
    assert "default set, score, sessions and dissociation" in page
    assert json.loads(found.to_json())["ranking"] == []
    assert len(repr(found).splitlines()) <= 10


def test_a_dominated_candidate_is_never_on_the_front(found: Plan) -> None:
    for names_ in (("score", "sessions"), ("days well", "hours", "dose"), ("relapse", "cost")):
        front = found.over(*names_)
        for one in front.candidates:
            place = front.placed[one.number]
            if place.on_front is False:
                assert front.placed[place.against].on_front
                assert str(place.against) in why(front, one.number)
    assert found.over("score", "cost").measures is found.measures


def test_more_sessions_ask_more_and_do_more(found: Plan) -> None:
    own = {one.name: found.measures[one.number] for one in found.candidates}
    few, many = own[WEEKLY], own[WEEKLY.replace("4", "6").replace("60 min", "40 min")]
    for key, more in (
        ("sessions", True),
        ("hours", True),
        ("days_well", True),
        ("MADRS_end", False),
    ):
        a, b = few[key].value, many[key].value
        assert a is not None
        assert b is not None
        assert (b > a) is more


def test_relapse_is_looked_for_on_days_that_all_share(found: Plan) -> None:
    for own in found.measures.values():
        assert own["relapse"].value is not None
        assert 0.0 < own["relapse"].value < 1.0
        assert own["relapse"].note.startswith("of those with a response on day 28")
    short = ketasim.plan({**SIX, "horizon": "12 d"}, [WEEKLY])
    assert all(own["relapse"].value is None for own in short.measures.values())
    assert "too short" in short.measures[1]["relapse"].note


def test_nothing_is_ranked_unless_a_criterion_is_named(found: Plan) -> None:
    assert found.ranking() == ()
    ranked = found.ranked_by("score").ranking()
    values = [one.value for one in ranked]
    assert values == sorted(values, key=lambda one: one or 0.0)
    assert ranked[0].gap is None
    first = {one.place: one.option for one in reversed(ranked)}
    for before, one in pairwise(ranked):
        assert one.gap is not None
        assert one.against == first[before.place]
        assert (one.place == before.place) is not one.gap.clear


def test_a_grid_is_sentences_that_the_reader_understands() -> None:
    course = load_course(SIX)
    grid = candidates_of(
        course,
        options(interval="3d,1wk,2wk", number="4,6", dose="0.5 mg/kg,0.75 mg/kg", taper=True),
    )
    assert len(grid.candidates) > 10
    for one in grid.candidates:
        assert parse_regimen(one.name) == one.regimen
    tapered = [one for one in grid.candidates if one.taper]
    assert any(
        one.name.endswith("every 3 days x 4, then weekly x 2, then every 2 weeks x 2")
        for one in tapered
    )
    for one in tapered:
        starts = one.regimen.sessions
        gaps = [b - a for a, b in pairwise(starts)]
        assert gaps == sorted(gaps)
        assert starts[-1] < course.horizon


@settings(max_examples=40)
@given(
    interval=st.sampled_from(["daily", "2 d", "q72h", "3/week", "twice weekly", "1 wk", "14 days"]),
    number=st.integers(1, 12),
    dose=st.floats(0.1, 1.0).map(lambda x: f"{x:.3g} mg/kg"),
    route=st.sampled_from(["iv", "IM", "subcutaneous", "sublingual", "oral_er", "PO"]),
)
def test_any_combination_round_trips(interval: str, number: int, dose: str, route: str) -> None:
    course = load_course({**SIX, "horizon": "400 d"})
    grid = candidates_of(
        course,
        options(interval=interval, number=number, dose=dose, route=route),
        beyond=True,
    )
    one = grid.candidates[-1]
    again = parse_regimen(one.name)
    assert again == one.regimen
    assert len(again.sessions) == number
    assert {(d.drug, d.unit) for d in again.doses} == {("ketamine", "mg/kg")}
    amounts = {round(d.amount, 6) for d in again.doses}
    assert amounts == {round(float(dose.split(maxsplit=1)[0]), 6)}


def test_what_is_not_named_is_the_courses_own() -> None:
    assert names(number="6") == [SIX["regimen"]]  # the same as the own
    assert names(interval="1 wk") == [
        SIX["regimen"],
        "ketamine 0.5 mg/kg iv over 40 min weekly x 6",
    ]
    salt = load_course(
        {**SIX, "regimen": f"{WEEKLY} hydrochloride".replace(" weekly x 4", "") + " weekly x 4"}
    )
    found = candidates_of(salt, options(number="5")).candidates[-1]
    assert {dose.salt for dose in found.regimen.doses} == {"hydrochloride"}


def test_without_a_grid_one_is_taken_from_what_was_studied() -> None:
    grid = candidates_of(load_course(SIX), None)
    assert grid.usual
    assert 2 < len(grid.candidates) <= MOST
    assert all(not one.beyond for one in grid.candidates)
    spray = load_course({**SIX, "regimen": "esketamine 56 mg intranasal 2/week x 8"})
    doses = {one.dose for one in candidates_of(spray, None).candidates if one.dose}
    assert doses <= {"28 mg", "56 mg", "84 mg"}
    assert "84 mg" in doses
    with pytest.raises(InputError, match="no study of ketamine rectal in trd"):
        candidates_of(load_course({**SIX, "regimen": "ketamine 1 mg/kg rectal weekly x 3"}), None)


def test_what_was_never_studied_is_left_out_and_named_or_kept_as_far() -> None:
    course = load_course(SIX)
    asked = options(dose="0.5 mg/kg, 1.5 mg/kg", interval="1 wk, 30 d", number="2")
    grid = candidates_of(course, asked)
    assert [one.name for one in grid.candidates[1:]] == [
        "ketamine 0.5 mg/kg iv over 40 min weekly x 2"
    ]
    whys = {one.name: one.why for one in grid.left_out}
    assert len(whys) == 3
    assert (
        whys["ketamine 1.5 mg/kg iv over 40 min weekly x 2"]
        == "1.5 mg/kg: 0.1-1 mg/kg were studied"
    )
    assert (
        "30 d apart: 2-28 d were studied"
        in whys["ketamine 0.5 mg/kg iv over 40 min every 30 days x 2"]
    )
    kept = ketasim.plan(SIX, grid={"dose": "1.5 mg/kg", "interval": "1 wk"}, beyond_studied=True)
    far = kept.candidates[-1]
    assert far.beyond
    assert kept.word(far.number) == "far"
    assert "0.1-1 mg/kg were studied" in kept.measures[far.number]["certainty"].note


def test_certainty_is_that_of_the_nearest_trial(found: Plan) -> None:
    assert found.word(1) == "studied"  # six infusions in two weeks are a published design
    assert {found.word(one.number) for one in found.candidates} <= {"studied", "near", "far"}
    assert beyond_studied(parse_regimen(WEEKLY), ("trd",)) == ""
    assert "no study" in beyond_studied(parse_regimen("ketamine 1 mg/kg rectal once"), ("trd",))


def test_a_file_holds_the_grid_and_options_go_before_it() -> None:
    form = {**SIX, "plan": {"interval": ["1 wk"], "number": 4, "taper": "every 2 weeks x 2"}}
    course = load_course(form)
    assert course.plan is not None
    assert load_course(course.to_dict()) == course
    assert [one.name for one in ketasim.plan(course).candidates[1:]] == [
        WEEKLY,
        f"{WEEKLY}, then every 2 weeks x 2",
    ]
    other = ketasim.plan(course, grid={"number": 3, "taper": False}).candidates[1:]
    assert [one.name for one in other] == [WEEKLY.replace("x 4", "x 3")]


def test_a_course_without_population_or_horizon_gets_both_and_says_so() -> None:
    bare = {k: v for k, v in SIX.items() if k not in ("population", "horizon")}
    found = ketasim.plan(bare, [WEEKLY])
    assert found.patients == 200
    assert found.course.horizon == (21 + 7) * 24.0
    assert any("asks for no population" in text for text in found.warnings)
    assert any("No horizon is given: 28 d" in text for text in found.warnings)


def test_hours_that_are_not_assessed_are_not_placed() -> None:
    tablets = "ketamine 120 mg oral_er twice weekly x 2 wk"
    found = ketasim.plan(SIX, [tablets], criteria=["score", "hours"])
    assert found.placed[2].word == "not placed"
    assert found.summary().filter(pl.col("candidate") == 2)["on_front"].null_count() == len(PLANNED)
    assert [row.number for row in rows(found, found.criteria, only_front=True)] == [1]
    assert why(found, 2) == "Not assessed: hours."
    page = io.StringIO(ketasim.report(found)).read()
    assert "Not placed, because a criterion of the front is not assessed: 2" in page


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"dose": "0.5"}, r"plan.dose: '0.5' has no unit.*0.5 mg/kg"),
        ({"dose": "0,5 mg/kg"}, r"plan.dose: '0' has no unit.*decimal point"),
        ({"dose": "5 mg/h"}, r"plan.dose: '5 mg/h' is not the dose of a session"),
        ({"dose": "0 mg"}, r"plan.dose: '0 mg' is no dose"),
        ({"dose": "50 mg/kg"}, r"plan.dose: '50 mg/kg': .*anaesthetic range"),
        ({"number": "2.5"}, r"plan.number: '2.5' is not a whole number"),
        ({"number": 0}, r"plan.number: 0 sessions"),
        ({"number": True}, r"plan.number: 'true' is not a whole number"),
        ({"interval": "3"}, r"plan.interval: '3' has no unit"),
        ({"interval": 3}, r"plan.interval: '3' has no unit"),
        ({"interval": "monthly"}, r"plan.interval: 'monthly' does not say one"),
        ({"interval": "Mon/Wed"}, r"plan.interval: 'Mon/Wed' names weekdays"),
        ({"interval": "1 wk,"}, r"plan.interval: has an empty entry"),
        ({"interval": []}, r"plan.interval: has an empty entry"),
        ({"route": "iv, xx"}, r"plan.route: unknown route 'xx'"),
        ({"drug": "ketamien"}, r"plan.drug: .*ketamien"),
        ({"over": "40"}, r"plan.over: '40' has no unit"),
        ({"taper": "wekly x 4"}, r"plan.taper: 'wekly x 4'"),
        ({"taper": 3}, r"plan.taper: '3' says no tapering"),
        ({"doses": "1 mg"}, r"plan.doses: unknown key 'doses'"),
        ({"number": "40"}, r"plan: no combination of the grid is left.*horizon of 56 d"),
        ({"dose": "3 mg/kg"}, r"plan: no combination of the grid is left.*were studied"),
        (
            {
                "interval": "2 d, 3 d, 4 d, 5 d, 6 d, 7 d",
                "number": "2,3,4,5,6,7,8",
                "dose": "0.3 mg/kg, 0.5 mg/kg",
            },
            r"plan: there are \d+ candidates; give at most 60",
        ),
    ],
)
def test_what_cannot_be_a_grid_is_refused_in_one_line(grid: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        ketasim.plan(SIX, grid=grid)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"criteria": ["score", "happiness"]}, "criteria: there is no criterion 'happiness'"),
        ({"criteria": ["score"]}, "criteria: one criterion, 'score', has no front"),
        ({"criteria": ["score", "cmax"]}, "criteria: .*'cmax'.*neither more nor less"),
        ({"rank_by": "MADRS_peak"}, "rank_by: .*value a week"),
        ({"rank_by": "CADSS_resolved"}, "rank_by: .*not assessed here"),
        ({"regimens": ["ketamien 1 mg iv"]}, r"regimens\[0\]: .*ketamien"),
    ],
)
def test_what_cannot_be_asked_is_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ketasim.plan(SIX, **words)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patient": {"diagnosis": "healthy"}}, "healthy volunteer"),
        ({"pk_model": "otto2021"}, "pk_model"),
        ({"regimen": "ketamine 0.5 mg/kg im weekly x 4", "plan": {"route": "iv"}}, "plan.over"),
    ],
)
def test_courses_of_which_no_plan_is_made(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ketasim.plan({**SIX, **change})


SCORED = {
    "patient": {"weight": "78 kg", "diagnosis": "trd"},
    "population": {"n": 8, "seed": 1},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
    "scores": [
        {"day": 0, "scale": "MADRS", "score": 34},
        {"day": 7, "scale": "MADRS", "score": 20},
        {"day": 14, "scale": "MADRS", "score": 14},
    ],
    "now": "14 d",
    "next": [{"name": "weekly", "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 4"}],
    "horizon": "56 d",
}


def test_scores_so_far_are_used_as_a_forecast_uses_them() -> None:
    found = ketasim.plan(SCORED, grid={"interval": "2/week", "number": "2"})
    assert [one.name for one in found.candidates[1:]] == [
        "weekly",
        "ketamine 0.5 mg/kg iv over 40 min 2/week x 2 sessions",
    ]
    given = found.candidates[0].regimen.sessions
    for one in found.candidates[1:]:
        assert one.regimen.sessions[: len(given)] == given
        assert one.regimen.sessions[len(given)] == 14 * 24.0
    days = ketasim.forecast(SCORED).days.filter(
        (pl.col("option") == "weekly") & (pl.col("scale") == "MADRS")
    )
    end = days.sort("day").tail(1).to_dicts()[0]
    own = found.measures[2]
    assert own["MADRS_end"].value == pytest.approx(end["mean"], abs=0.8)
    assert own["response_end"].value == pytest.approx(end["p_response"], abs=0.03)
    assert own["remission_end"].value == pytest.approx(end["p_remission"], abs=0.03)
    assert found.scores == 2
    assert found.candidates[0].name.startswith("no further session after ")
    unscored = ketasim.plan(
        {
            **{key: value for key, value in SCORED.items() if key != "scores"},
            "patient": {
                "weight": "78 kg",
                "diagnosis": "trd",
                "baseline": {"scale": "MADRS", "score": 34},
            },
        }
    )
    before = unscored.measures[2]["MADRS_end"].value
    assert before is not None
    assert own["MADRS_end"].value is not None
    assert own["MADRS_end"].value < before - 1.0  # the scores were better than expected
    assert set(found.summary()["range"]) >= {"this patient", "parameter uncertainty"}
    assert "what this patient may be" in ketasim.report(found)


def test_a_plan_is_drawn(found: Plan) -> None:
    drawn = ketasim.plot(found, x="hours").to_dict()
    assert len(drawn["layer"]) == 2
    with pytest.raises(InputError, match="y: there is no criterion 'joy'"):
        ketasim.plot(found, y="joy")


def test_a_further_candidate_changes_nothing_with_scores_either() -> None:
    alone = ketasim.plan(SCORED)
    more = ketasim.plan(SCORED, ["esketamine 56 mg intranasal twice weekly x 2 wk"])
    key = {one.name: one.number for one in more.candidates}
    for one in alone.candidates:
        mine, theirs = alone.measures[one.number], more.measures[key[one.name]]
        for name in ("MADRS_end", "response_end", "remission_end", "days_well", "relapse"):
            assert mine[name].value == theirs[name].value


def test_a_seed_below_0_is_refused() -> None:
    with pytest.raises(InputError, match="seed: -1 is below 0"):
        ketasim.plan(SIX, seed=-1)
