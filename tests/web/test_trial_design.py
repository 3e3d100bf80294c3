"""The design of a trial is the same as an address, a form, YAML and packed."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.apps.web.settings import Limits
from ketasim.apps.web.trial import form
from ketasim.apps.web.trial.design import FIRST, TABLES, Design, shipped_design
from ketasim.dosing import TrialFile, load_trial, shipped


def sent(design: Design) -> str:
    """What a browser sends of the form."""
    names = [one.name for section in form.sections() for one in section.entries]
    for table in TABLES:
        rows = form.entries_of(table, len(design.rows(table)))
        names += [one.name for row in rows for one in row]
    return urlencode([(name, form.typed(design, name)) for name in names])


@pytest.mark.parametrize("name", list(shipped("trial")))
def test_every_trial_that_ships_is_an_address_and_a_form(name: str) -> None:
    design = Design(shipped_design(name))
    trial = load_trial(dict(design.content))
    assert len(design.link) < 4_000
    assert dict(Design.read(design.query()).content) == dict(design.content)
    assert load_trial(dict(Design.read(sent(design)).content)) == trial
    assert load_trial(dict(Design.of_yaml(design.yaml()).content)) == trial


@settings(max_examples=25)
@given(
    days=st.lists(st.integers(0, 300), min_size=1, max_size=400, unique=True).map(sorted),
    n=st.integers(1, 500),
    label=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40),
)
def test_long_designs_are_packed_and_read_back(days: list[int], n: int, label: str) -> None:
    content = shipped_design(FIRST)
    arm = content["arms"][0] | {"days": days, "n": n} | ({"label": label} if label.strip() else {})
    design = Design(content | {"arms": [arm, content["arms"][1]]})
    assert len(design.link) < 5_100
    assert dict(Design.read(design.query()).content) == dict(design.content)


@given(st.text(max_size=200))
def test_a_broken_packed_design_is_refused_with_a_line(text: str) -> None:
    with pytest.raises(InputError, match=r"^(address|design_packed)"):
        Design.read(urlencode({"design_packed": f"x{text}"}))


def test_arms_are_added_and_removed() -> None:
    design = Design(shipped_design(FIRST))
    more = Design.read(design.query() + "&add=arms")
    assert [row["id"] for row in more.rows("arms")] == ["ket", "mdz", "mdz2"]
    load_trial(dict(more.content))
    less = Design.read(more.query() + "&remove=arms.0")
    assert [row["id"] for row in less.rows("arms")] == ["mdz", "mdz2"]
    for query in ("add=patients", "remove=arms.7", "remove=seed.0", "start=nothing"):
        with pytest.raises(InputError):
            Design.read(f"{design.query()}&{query}")


def test_no_file_of_this_machine_is_read() -> None:
    for name in ("/etc/passwd", "../../secret.yaml", "six_infusions"):
        with pytest.raises(InputError, match="no trial"):
            Design.read(urlencode({"start": name}))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("replicates=2000", "replicates"),
        ("arms.0.n=9000", "arms[0].n"),
        ("horizon=900 d", "horizon"),
        ("power.n=4500", "power.n"),
    ],
)
def test_what_is_too_large_for_the_page_names_the_command(query: str, field: str) -> None:
    content = shipped_design(FIRST)
    name, _, value = query.partition("=")
    if name == "arms.0.n":
        content["arms"][0]["n"] = int(value)
    elif name == "power.n":
        content |= {
            "primary": {"scale": "MADRS", "at": "14 d", "contrast": ["ket", "mdz"]},
            "power": {"n": [40, int(value)]},
        }
    else:
        content[name] = int(value) if value.isdecimal() else value
    with pytest.raises(InputError) as refused:
        Design(content).load(Limits())
    assert refused.value.field == field
    assert "ketasim trial" in refused.value.remedy


@pytest.mark.parametrize(
    ("place", "fields", "words"),
    [
        (0, {"more": "n: 5"}, "arms[0].more: 'n' has a field of its own"),
        (0, {"more": "dose: 1 mg/kg"}, "arms[0].more: 'dose' has a field of its own"),
        (1, {"drug": "esketamine", "dose": "84 mg"}, "arms[1].control: drug and control"),
    ],
)
def test_what_the_form_says_twice_is_refused(
    place: int, fields: dict[str, str], words: str
) -> None:
    query = Design(shipped_design(FIRST)).query()
    added = urlencode({f"arms.{place}.{name}": value for name, value in fields.items()})
    with pytest.raises(InputError) as refused:
        Design.read(f"{query}&{added}").load(Limits())
    assert str(refused.value).startswith(words)


def test_lists_are_read_with_semicolons_and_numbers_shown_as_typed() -> None:
    looks = Design.read(urlencode({"looks.at": "0,5; 1", "power.n": "40; 60"})).content
    assert looks == {"looks": {"at": ["0,5", 1]}, "power": {"n": [40, 60]}}
    content = shipped_design("ketamine_midazolam_power") | {"looks": looks["looks"]}
    found = Design(content).load(Limits()).looks
    assert found is not None and found.at == (0.5, 1.0)
    typed = Design.read(f"{Design(content).query()}&power.n=1.000")
    with pytest.raises(InputError, match=r"^power\.n\[.\]: '1\.000' is not a whole number"):
        typed.load(Limits())


def test_without_its_causes_a_design_has_the_drop_out_of_the_card() -> None:
    design = Design(shipped_design(FIRST)).added("dropout").removed("dropout.0")
    assert design.load(Limits()).dropout == ()


def test_an_error_is_shown_at_its_field() -> None:
    names = ["arms.0.days", "arms.0.more", "population.age.mean", "assess.0.at"]
    assert form.place_of("arms[0].days[2]", names) == "arms.0.days"
    assert form.place_of("arms[0].withdrawal", names) == "arms.0.more"
    assert form.place_of("population.age", names) == "population.age.mean"
    assert form.place_of("address", names) == ""


@pytest.mark.parametrize("run", ["a%20b", "a%0d%0aset-cookie:x", "%C3%A9", "a" * 41, "a&run=b"])
def test_what_is_no_name_of_a_run_is_refused(run: str) -> None:
    with pytest.raises(InputError, match=r"^run: .* is not the name of a run"):
        Design.read(f"start={FIRST}&run={run}")


@pytest.mark.parametrize("place", ["9" * 5_000, "\u0661", "-1", "7", "", "1.0"])
def test_what_is_no_entry_is_not_removed(place: str) -> None:
    with pytest.raises(InputError, match=r"^remove: there is no 'arms\."):
        Design.read(urlencode({"start": FIRST, "remove": f"arms.{place}"}))


def test_half_a_character_in_a_packed_design_is_refused() -> None:
    packed = base64.urlsafe_b64encode(zlib.compress(rb'{"title": "\ud800"}')).decode()
    with pytest.raises(InputError, match=r"^address: "):
        Design.read(urlencode({"design_packed": packed}))


@pytest.mark.parametrize(
    "looks",
    [
        *([0.5, 1], 3, {"at": [0.4, 1], "boundary": "pocock"}),
        {"at": [0.4, 0.7, 1], "futility": {"z": [0, 0.5]}},
        {"at": [0.4, 1], "futility": {"spending": "pocock", "beta": 0.2}},
    ],
)
def test_the_form_carries_all_that_is_analysed(looks: object) -> None:
    """Every key of a trial file is in the form, so that an edit there drops none."""
    content = shipped_design("ketamine_midazolam_power") | {
        "looks": looks,
        "estimands": ["hypothetical", "delta"],
        "delta": 2,
        "adherence": "90 %",
        "rescue": {"when": "MADRS >= 28", "from": "7 d"},
        "scenario": {"drug_effect": 0.5},
        "randomisation": {"strata": [{"baseline": [33]}, {"region": {"A": 0.5, "B": 0.5}}]},
        "dropout": [
            {"share": "5 %", "by": "14 d"},
            {"share": "5 %", "by": "14 d", "pattern": "adverse_event", "arms": ["ket"]},
        ],
    }
    design = Design(content)
    assert load_trial(dict(Design.read(sent(design)).content)) == load_trial(content)
    names = {one.name.split(".")[0] for section in form.sections() for one in section.entries}
    assert set(TrialFile.model_fields) <= names | set(TABLES)
