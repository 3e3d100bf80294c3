"""Looking up returns everything known of a key, with grade and citation."""

from __future__ import annotations

import json

import pytest

from ketasim._base import InputError
from ketasim.evidence import (
    CardView,
    FactView,
    SourceView,
    TrialView,
    card_keys,
    list_facts,
    load_sources,
    show,
    table_names,
)


def test_words_must_all_stand_in_the_row() -> None:
    found = list_facts("ticlopidine AUC", table="pk/interactions")
    assert found
    for view in found:
        line = " ".join(view.fact.cells.values()).lower()
        assert "ticlopidine" in line
        assert "auc" in line


def test_a_folder_stands_for_its_tables() -> None:
    tables = {view.fact.table for view in list_facts(table="pk")}
    assert tables == {name for name in table_names() if name.startswith("pk/")}
    assert {"pk/interactions", "pk/models", "pk/observed"} <= tables


def test_a_source_and_a_limit_narrow_the_list() -> None:
    every = list_facts(source="perezruixo2021")
    assert {view.fact.source for view in every} == {"perezruixo2021"}
    assert list_facts(source="perezruixo2021", limit=3) == every[:3]
    assert all(view.citation.startswith("[perezruixo2021]") for view in every)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "pk/observd"}, "did you mean 'pk/observed'"),
        ({"source": "perezruix2021"}, "did you mean 'perezruixo2021'"),
        ({"limit": 0}, "limit: 0 is below one"),
    ],
)
def test_a_wrong_question_is_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        list_facts(**options)  # type: ignore[arg-type]


def test_every_source_card_and_fact_shows_and_is_json() -> None:
    for key in load_sources():
        view = show(key)[0]
        assert isinstance(view, SourceView)
        assert json.loads(json.dumps(view.to_dict()))["key"] == key
    for key in card_keys():
        (view,) = [one for one in show(key) if isinstance(one, CardView)]
        shown = json.loads(json.dumps(view.to_dict()))
        assert len(shown["parameters"]) == len(view.card.entries)
        assert all(row["grade"] for row in shown["parameters"])
    (view,) = show("pk/observed:1")
    assert isinstance(view, FactView)
    assert json.loads(json.dumps(view.to_dict()))["id"] == "pk/observed:1"


def test_a_source_names_the_cards_that_cite_it() -> None:
    for key in card_keys():
        for cited in show(key)[-1].card.sources():  # type: ignore[union-attr]
            (view,) = [one for one in show(cited) if isinstance(one, SourceView)]
            assert key in view.cards


def test_an_unknown_key_suggests_the_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'perezruixo2021'"):
        show("perezruix2021")
    with pytest.raises(InputError, match="ketasim evidence list"):
        show("qqqqqqq")


def test_a_published_trial_shows_its_arms_rows_and_command() -> None:
    (view,) = show("murrough2013")
    assert isinstance(view, TrialView)
    assert view.arms == ("ket", "mdz") and view.title == "Ketamine or midazolam, two sites"
    assert {one.fact.get("trial_id") for one in view.facts} == {"murrough2013"}
    assert {one.fact.table for one in view.facts} == {"mood/trials", "mood/arms", "mood/outcomes"}
    assert "murrough2013apa" in view.sources and view.command.startswith("ketasim trial murrough")
    assert json.loads(json.dumps(view.to_dict()))["kind"] == "trial"
    kinds = [type(one) for one in show("lii2023")]
    assert kinds == [SourceView, TrialView]
