"""Results that can be held in the hand: what they print, write, cite, and what draws them."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import re
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import ketasim
from ketasim import __about__
from ketasim._base import Headline, HeadlineRow, InputError, Result
from ketasim._base.headline import plain, share
from ketasim._base.numbers import span
from ketasim._base.result import later
from ketasim.apps.cli.application import run
from ketasim.calibration.mood import MoodFit
from ketasim.calibration.pk import PkFit
from ketasim.calibration.session import compare_session
from ketasim.evidence import load_card, load_sources
from ketasim.figures.plot import _CHARTS
from ketasim.reports.report import _PAGES
from ketasim.screening import SessionPlan, harms_over_time, screen, session_plan
from ketasim.synthesis import MetaQuery, pool_comparable

ROOT = Path(__file__).parents[2]
VERBS = {
    "simulation": ["simulate"],
    "trials": ["run_trial"],
    "screening": ["screen", "session_plan", "harms_over_time"],
    "synthesis": ["pool_comparable"],
    "calibration.pk": ["calibrate_pk"],
    "calibration.mood": ["calibrate_mood"],
    "calibration.session": ["calibrate_session", "compare_session"],
}
COURSE: dict[str, Any] = {
    "title": "A <b>title</b> & more " + "long " * 30,
    "patient": {"age": 40, "weight": "70 kg", "medicines": ["lorazepam"]},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
    "horizon": "2 d",
}
WEEKS: dict[str, Any] = {
    **COURSE,
    "population": {"n": 12, "seed": 3},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10 14 17 21 24 28 35 42 49",
    "horizon": "84 d",
}
TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
    "arms": [
        {
            "id": "ket",
            "n": 6,
            "drug": "ketamine",
            "route": "iv",
            "dose": "0.5 mg/kg",
            "over": "40 min",
            "days": [0],
        },
        {"id": "sal", "n": 6, "control": "saline"},
    ],
    "assess": [{"scale": "MADRS", "at": ["24 h", "7 d"], "metrics": ["score", "change"]}],
    "replicates": 3,
}


def _pk_fit() -> PkFit:
    card, prior = load_card("reference"), load_card("reference_prior")
    return PkFit(card, prior, (), (), (), (), (), np.zeros((0, 0)), 2.0, 1.0)


def _mood_fit() -> MoodFit:
    card, prior = load_card("mood"), load_card("mood_prior")
    return MoodFit(card, prior, (), np.zeros((0, 0)), (), (), (), (), 1, 8, 0)


def _rules_alone() -> SessionPlan:
    course = ketasim.load_course(COURSE)
    return session_plan(course.regimen.doses, course.patient)


MAKE: dict[str, Callable[[], Result]] = {
    "typical": lambda: ketasim.simulate(COURSE),
    "long": lambda: ketasim.simulate(WEEKS),
    "trial": lambda: ketasim.run_trial(TRIAL),
    "plan": lambda: ketasim.simulate(COURSE, mood=False).session_plan(),
    "screen": lambda: screen(COURSE),
    "harm": lambda: harms_over_time(ketasim.load_course(COURSE)),
    "meta": lambda: pool_comparable(MetaQuery(drug="ketamine")),
    "session fit": lambda: compare_session(load_card("session")),
    "pk fit": _pk_fit,
    "mood fit": _mood_fit,
}


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    return {name: make() for name, make in MAKE.items()}


class _Cells(HTMLParser):
    """The tags and the text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert {name for name, _ in attrs} <= {"style"}
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(("room", "verb"), [(room, v) for room, vs in VERBS.items() for v in vs])
def test_every_verb_returns_a_result(room: str, verb: str) -> None:
    module = importlib.import_module(f"ketasim.{room}")
    returned = getattr(module, verb).__annotations__["return"]
    assert issubclass(getattr(module, returned), Result)


@pytest.mark.parametrize("name", MAKE)
def test_a_result_prints_in_ten_lines(results: dict[str, Result], name: str) -> None:
    result = results[name]
    lines = repr(result).splitlines()
    assert 1 <= len(lines) <= 10
    assert max(map(len, lines)) <= 100
    assert lines[0].startswith(result.headline().title[:30].split("<")[0])
    assert str(result) == repr(result)


@pytest.mark.parametrize("name", MAKE)
def test_a_notebook_shows_the_same_escaped(results: dict[str, Result], name: str) -> None:
    headline = results[name].headline()
    seen = _Cells(results[name]._repr_html_())  # type: ignore[attr-defined]
    assert seen.tags <= {"div", "table", "tbody", "tr", "td"}
    for text in (headline.title, headline.note, *(row.name for row in headline.rows)):
        assert text in seen.text


@pytest.mark.parametrize("name", MAKE)
def test_a_result_cites_ketasim_first_and_every_source_once(
    results: dict[str, Result], name: str
) -> None:
    result = results[name]
    keys = re.findall(r"^@\w+\{([^,]+),", result.cite(), re.M)
    assert keys[0] == "ketasim"
    assert len(keys) == len(set(keys))
    assert set(keys) == {"ketasim", *result.sources()}
    assert set(result.sources()) <= set(load_sources())
    assert ketasim.__version__ in result.metadata.values()
    json.dumps(result.metadata)


@pytest.mark.parametrize("name", [n for n in MAKE if n not in ("pk fit", "mood fit")])
def test_the_main_table_goes_to_parquet(
    results: dict[str, Result], name: str, tmp_path: Path
) -> None:
    results[name].to_parquet(tmp_path / "t.parquet")
    read = pl.read_parquet(tmp_path / "t.parquet")
    assert len(read) == len(results[name].main_table()) > 0


@pytest.mark.parametrize(
    ("name", "words", "content"),
    [
        ("typical", ["simulate", "{file}"], COURSE),
        ("trial", ["trial", "{file}"], TRIAL),
        ("screen", ["screen", "{file}"], COURSE),
        ("plan", ["session", "{file}"], COURSE),
        ("harm", ["harm", "{file}"], COURSE),
        ("meta", ["evidence", "meta", "--drug", "ketamine"], None),
    ],
)
def test_save_writes_what_the_command_writes(
    results: dict[str, Result],
    name: str,
    words: list[str],
    content: dict[str, Any] | None,
    tmp_path: Path,
) -> None:
    file, by_command, by_hand = tmp_path / "in.yaml", tmp_path / "command", tmp_path / "hand"
    file.write_text(yaml.safe_dump(content))
    asked = [word.format(file=file) for word in words] + ["--out", str(by_command)]
    assert run(asked) == 0
    command = {"command": shlex.join(["ketasim", *asked])} if name in ("typical", "trial") else {}
    saved = results[name].save(by_hand, **command)  # type: ignore[call-arg]
    assert sorted(path.name for path in saved) == sorted(p.name for p in by_command.iterdir())
    for path in saved:
        assert path.read_bytes() == (by_command / path.name).read_bytes(), path.name


def test_nothing_is_saved_where_the_folder_is_a_file(
    results: dict[str, Result], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match=r"^folder: "):
        results["screen"].save(tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_meta_analysis_of_nothing_is_not_saved(tmp_path: Path) -> None:
    empty = pool_comparable(MetaQuery(drug="arketamine"))
    assert "studies" in repr(empty)
    with pytest.raises(InputError, match="no study"):
        empty.save(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_plot_and_report_name_what_they_take(results: dict[str, Result]) -> None:
    with pytest.raises(InputError, match="takes no Screen; give one of: Simulation, TrialResult"):
        ketasim.plot(results["screen"])
    with pytest.raises(InputError, match="takes no HarmReport; give one of: Simulation, Trial"):
        ketasim.report(results["harm"])
    with pytest.raises(InputError, match=r"no option 'sight'.*quantity, site, hours"):
        ketasim.plot(results["typical"], sight="venous")
    assert ketasim.plot(results["meta"]).to_dict()["layer"]
    drawn = json.dumps(ketasim.plot(results["plan"]).to_dict())
    for words in ("Session plan, IV ketamine", "Sedation, MOAA/S 4 or less", "Given"):
        assert words in drawn
    with pytest.raises(InputError, match=r"no predicted effects.*Simulation\.session_plan"):
        ketasim.plot(_rules_alone())
    page = ketasim.report(results["plan"])
    assert "<figure" in page and "Before" in page and "ends no earlier than" in page
    assert "<figure" not in ketasim.report(_rules_alone())
    page = ketasim.report(results["screen"])
    assert 'id="screening"' in page and "No verdict" in page and "lorazepam" in page
    assert "<html" in ketasim.report(results["session fit"])


def test_what_draws_a_result_exists() -> None:
    for room in (*VERBS, "estimation", "forecasting", "planning", "validation.result"):
        importlib.import_module(f"ketasim.{room}")
    kinds = {one.__name__ for one in Result.__subclasses__()}
    for table in (_CHARTS, _PAGES):
        assert set(table) <= kinds
        assert all(callable(later(name)) for name in table.values())


def test_exposure_by_patient_agrees_with_the_statistics(results: dict[str, Result]) -> None:
    course = results["long"]
    assert isinstance(course, ketasim.Simulation)
    keys = ["quantity", "site", "session", "interval", "metric", "unit"]
    each = course.patient_exposure()
    assert each.columns == ["id", *keys[:-1], "value", "unit"]
    assert set(each["id"]) == set(range(1, 13))
    assert {"cmax", "tmax", "auc", "auc24", "half_life"} <= set(each["metric"])
    joined = (
        each.group_by(keys).agg(pl.col("value").mean(), pl.len()).join(course.exposure(), on=keys)
    )
    assert len(joined) == len(course.exposure())
    assert set(joined["len"]) == {12}
    np.testing.assert_allclose(joined["value"], joined["mean"], rtol=1e-12)


def test_areas_say_what_they_are_taken_over(results: dict[str, Result]) -> None:
    course = results["long"]
    assert isinstance(course, ketasim.Simulation)
    table = course.exposure().filter(quantity="ketamine", site="venous")
    told = {(r["session"], r["metric"]): r["interval"] for r in table.to_dicts()}
    assert told["first", "auc"] == "first session to the next session, 0-72 h after its dose"
    assert told["last", "auc"] == "last session to the end of the course, 0-840 h after its dose"
    assert told["first", "auc24"] == "0-24 h after the first session's dose"
    assert told["course", "auc_inf"] == "whole course, 0 h to infinity"
    for session in ("first", "last"):
        assert len({told[session, one] for one in ("cmax", "tmax", "auc")}) == 1
    single = results["typical"]
    assert isinstance(single, ketasim.Simulation)
    table = single.patient_exposure().filter(quantity="ketamine", site="venous", session="first")
    told = {row["metric"]: row["interval"] for row in table.to_dicts()}
    assert told["cmax"] == told["tmax"] == told["auc"] == "0-48 h after the dose"
    assert told["auc24"] == "0-24 h after the dose"
    assert told["half_life"] == "24-48 h after the end of the dose"
    assert set(table["unit"]) == {"ng/mL", "h", "ng*h/mL", "fraction"}


def test_a_plan_carries_the_tables_of_its_session(
    results: dict[str, Result], tmp_path: Path
) -> None:
    plan = results["plan"]
    assert isinstance(plan, SessionPlan)
    assert plan.effects is not None and plan.minutes is not None
    saved = sorted(path.name for path in plan.save(tmp_path / "whole"))
    assert saved == ["effects.csv", "minutes.csv", "plan.csv"]
    bare = replace(plan, effects=None, minutes=None)
    assert bare == plan and hash(bare) == hash(plan) and repr(bare) == repr(plan)
    assert bare.to_dict() == plan.to_dict()
    assert [path.name for path in _rules_alone().save(tmp_path / "rules")] == ["plan.csv"]


def test_a_headline_says_what_its_values_are(results: dict[str, Result]) -> None:
    one, many = results["typical"].headline(), results["long"].headline()
    assert "ranges over patients like this one" in one.note
    assert "Concentrations and block: median" in many.note
    for headline in (one, many):
        assert len(headline.note) <= 100  # is not cut
        assert "200 virtual patients" in headline.more
        assert headline.more in _Cells(headline.html()).text
    assert "the typical patient, at each output time" in one.more
    assert "the patients drawn, at each output time" in many.more


def test_a_volunteer_is_not_told_of_mood() -> None:
    course = {**COURSE, "patient": {"diagnosis": "healthy"}, "horizon": "1 d", "title": "C"}
    for population in (None, {"n": 4, "seed": 1}):
        told = repr(ketasim.simulate({**course, "population": population}))
        assert "followed for 1 day\n" in told
        assert "Mood was not simulated (healthy volunteer)." in " ".join(told.split())
        assert "esponse" not in told and "MADRS" not in told


def test_a_further_sentence_is_there_where_it_has_room() -> None:
    row = HeadlineRow("a", "1")
    assert Headline("T", (row,), "Note.", "More.").text().splitlines()[-2:] == ["Note.", "More."]
    assert "More." not in Headline("T", (row,) * 8, "Note.", "More.").text()
    lines = Headline("T", (row,) * 27, "Note.").text().splitlines()
    assert lines[-2:] == ["  and 20 more", "Note."] and len(lines) == 10
    assert "more" not in Headline("T", (row,) * 9).text()


TEXT = st.text(max_size=150)
ROWS = st.builds(HeadlineRow, TEXT, TEXT, TEXT, TEXT, st.booleans())


@given(st.builds(Headline, TEXT, st.lists(ROWS, max_size=14).map(tuple), TEXT, TEXT))
def test_any_headline_stays_in_its_lines_and_cells(headline: Headline) -> None:
    lines = headline.text().splitlines()
    assert len(lines) <= 10
    assert all(len(line) <= 100 for line in lines)
    seen = _Cells(headline.html())
    assert seen.tags <= {"div", "table", "tbody", "tr", "td"}


@pytest.mark.parametrize(
    ("value", "written"),
    [(187.3, "190"), (5.449, "5.4"), (0.0, "0"), (-3.14, "-3.1"), (12345.0, "12,000"), (None, "-")],
)
def test_numbers_have_two_digits(value: float | None, written: str) -> None:
    assert plain(value) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.613, "61"), (0.0004, "< 0.1"), (0.0, "0"), (0.996, "99.6"), (1, "100")],
)
def test_shares_are_percent(value: float, written: str) -> None:
    assert share(value) == written


def test_ranges_have_one_form() -> None:
    assert span("61", "84") == "61-84"
    assert span("-5.1", "-0.7") == "-5.1 to -0.7"
    assert span("40", "40") == "40"
    assert span("-", "40") == ""


def test_ketasim_is_cited_as_the_repository_says() -> None:
    card = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert card["version"] == __about__.__version__ == ketasim.__version__
    assert card["title"] == __about__.TITLE
    assert [one["name"] for one in card["authors"]] == [__about__.AUTHOR]
    assert card["license"] == __about__.LICENSE == project["license"]
    assert [one["name"] for one in project["authors"]] == [__about__.AUTHOR]
    # an address is cited once the project has one, and then everywhere
    known = [one for one in (card.get("url"), *project.get("urls", {}).values()) if one]
    assert known == ([__about__.ADDRESS] if __about__.ADDRESS else [])
    text = ketasim.citation()
    for field in (f"version = {{{__about__.__version__}}}", f"year = {{{__about__.YEAR}}}"):
        assert field in text


def test_the_public_names_alone_are_listed() -> None:
    assert dir(ketasim) == sorted(ketasim.__all__)
    assert all(getattr(ketasim, name) is not None for name in dir(ketasim))
    assert issubclass(ketasim.InputError, ketasim.KetasimError)


def test_results_travel_between_processes() -> None:
    course = ketasim.simulate("one_infusion", mood=False)
    for result in (course, course.screening, course.session_plan()):
        assert repr(pickle.loads(pickle.dumps(result))) == repr(copy.deepcopy(result))
        assert repr(copy.deepcopy(result)) == repr(result)


def test_a_folder_without_a_name_is_refused(tmp_path: Path) -> None:
    result = ketasim.simulate("one_infusion", mood=False, session=False)
    with pytest.raises(InputError, match="folder: '' names no folder"):
        result.save("")
    with pytest.raises(InputError, match="path"):
        result.to_parquet(tmp_path)
    result.to_parquet(tmp_path / "new" / "course.parquet")
    assert pl.read_parquet(tmp_path / "new" / "course.parquet").height == len(result.timecourse())
