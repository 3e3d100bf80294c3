"""The state of a page is its address: the same course as YAML and as Python."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ketasim import InputError, load_course
from ketasim._base import read_yaml
from ketasim.apps.web.state import PageState
from ketasim.dosing import parse_course, shipped
from ketasim.dosing.shipped import read_input

_NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
_TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30)
_SCALARS = (
    _TEXTS
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.sampled_from(["9:00", "010", "no", "*1/*6", "true", "1e3", " 7", '"', '""', "[]", "null"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_NAMES.filter(lambda name: not name.isdecimal()), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        _NAMES.filter(lambda n: n not in {"title", "regimen", "start", "pk_model", "doses"}),
        _VALUES,
        max_size=4,
    )
)
def test_a_mapping_comes_back_from_its_address(content: dict[str, Any]) -> None:
    try:
        state = PageState.read(PageState(content).query())
    except InputError:
        assert _depth(content) > 5
        return
    assert state.course == content
    assert PageState.read(state.query()).query() == state.query()


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


@given(st.dictionaries(st.sampled_from(["title", "regimen", "pk_model"]), _TEXTS, max_size=3))
def test_text_comes_back_as_text(content: dict[str, str]) -> None:
    assert PageState.read(PageState(content).query()).course == content


@given(
    st.fixed_dictionaries(
        {
            "title": _TEXTS.filter(lambda text: len(text.strip()) > 0),
            "regimen": st.builds(
                lambda dose, every, count: (
                    f"ketamine {dose / 100} mg/kg iv over 40 min every {every} days x {count}"
                ),
                st.integers(5, 100),
                st.integers(1, 14),
                st.integers(1, 12),
            ),
        },
        optional={
            "patient": st.fixed_dictionaries(
                {},
                optional={
                    "age": st.integers(18, 89),
                    "weight": st.integers(45, 120).map(lambda kg: f"{kg} kg"),
                    "sex": st.sampled_from(["female", "male"]),
                    "cyp2b6": st.sampled_from(["*1/*1", "*1/*6", "*6/*6"]),
                    "medicines": st.lists(
                        st.sampled_from(["sertraline", "lithium 600 mg daily", "ticlopidine"]),
                        max_size=3,
                    ),
                    "baseline": st.just({"scale": "MADRS", "score": 33}),
                },
            ),
            "population": st.fixed_dictionaries(
                {"n": st.integers(1, 500)}, optional={"seed": st.integers(0, 99)}
            ),
            "horizon": st.integers(200, 400).map(lambda days: f"{days} d"),
            "mood": st.just({"stress": "low", "blinded": True}),
        },
    )
)
def test_a_course_loads_the_same_from_its_address_and_its_yaml(content: dict[str, Any]) -> None:
    try:
        course = load_course(content)
    except InputError:
        return  # such as a title with a sign that no title has
    state = PageState.read(PageState(content).query())
    assert state.load() == course
    assert parse_course(state.yaml()) == course


@pytest.mark.parametrize("name", shipped("course"))
def test_every_example_has_an_address(name: str) -> None:
    content = read_input(name, "course")
    state = PageState.read(PageState(content).query())
    assert state.course == content
    assert load_course(dict(state.course)) == load_course(name)
    assert read_yaml(state.yaml(), "course") == content


def test_yaml_of_other_readers_says_the_same() -> None:
    state = PageState({"title": "010", "start": "2026-01-05", "patient": {"cyp2b6": "*1/*6"}})
    assert yaml.safe_load(state.yaml())["patient"]["cyp2b6"] == "*1/*6"
    assert state.yaml().startswith('title: "010"\n')


def test_python_runs() -> None:
    state = PageState({"regimen": "ketamine 0.5 mg/kg im once", "patient": {"age": 42}})
    found: dict[str, Any] = {}
    text = state.python().replace("from ketasim import simulate", "simulate = dict")
    exec(text, found)  # noqa: S102 -- what the page tells people to run
    assert found["result"] == state.course


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("patient=x&patient.age=4", "patient"),
        ("a.b.c.d.e.f.g=1", "address"),
        ("a..b=1", "address"),
        ("title=%ff", "address"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(query: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        PageState.read(query)
    assert caught.value.field == field


def test_a_form_is_read_as_a_file() -> None:
    state = PageState.read(
        "patient.age=42&patient.weight=&patient.medicines=sertraline%0D%0A%0D%0Alithium"
        "&doses.3.day=4&doses.1.day=0&population.n=&population.seed=7&typical=true",
        ["typical"],
    )
    assert state.course == {
        "patient": {"age": 42, "medicines": ["sertraline", "lithium"]},
        "doses": [{"day": 0}, {"day": 4}],
    }
    assert state.options == {"typical": True}
    assert state.command().endswith("--typical")


@pytest.mark.parametrize("typed", ["true", "True", "on", "1"])
def test_an_option_that_is_on_is_told_in_the_command_and_in_python(typed: str) -> None:
    state = PageState.read(f"regimen=ketamine+50+mg+im+once&typical={typed}", ("typical",))
    assert state.link("/course").endswith("&typical=true")
    assert "--typical" in state.command()
    assert "typical=True" in state.python()


@pytest.mark.parametrize("typed", ["false", "off", "0", ""])
def test_an_option_that_is_off_is_gone(typed: str) -> None:
    assert PageState.read(f"typical={typed}", ("typical",)).options == {}


@pytest.mark.parametrize("name", ["title", "patient.medicines", "patient.age", "option.b"])
def test_half_a_character_is_refused_at_its_field(name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: a text holds half a character"):
        PageState.read(f"{name}=%22%5Cud800%22", ("option",))
    assert PageState.read(f"{name}=%22%5Cud83d%5Cude00%22").query()


@pytest.mark.parametrize(
    ("typed", "entries"),
    [
        ("sertraline,clonazepam", ["sertraline", "clonazepam"]),
        (
            "sertraline 100 mg daily, clonazepam 0,5 mg\nlithium 1,200 mg",
            ["sertraline 100 mg daily", "clonazepam 0,5 mg", "lithium 1,200 mg"],
        ),
        ("sertraline, since 2020", "sertraline, since 2020"),
        ("stopped: sertraline, fluoxetine", "stopped: sertraline, fluoxetine"),
    ],
)
def test_medicines_in_one_line_are_entries_where_that_says_the_same(
    typed: str, entries: object
) -> None:
    state = PageState.read(urlencode({"patient.medicines": typed}))
    assert state.course["patient"]["medicines"] == entries
    assert PageState.read(state.query()) == state
