"""Which curve `ketasim.plot` draws, and what it says where there is none."""

from __future__ import annotations

from typing import Any

import pytest

import ketasim
from ketasim import InputError, Simulation

COURSE: dict[str, Any] = {
    "patient": {"diagnosis": "healthy", "age": 30},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
    "horizon": "1 d",
}


@pytest.fixture(scope="module")
def volunteer() -> Simulation:
    return ketasim.simulate(COURSE)


def _title(result: Simulation, **options: Any) -> str:
    return ketasim.plot(result, **options).to_dict()["title"]["text"]


def _refused(result: Simulation, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        ketasim.plot(result, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_are_found_in_any_case(volunteer: Simulation) -> None:
    assert _title(volunteer, quantity="cadss") == _title(volunteer, quantity="CADSS")
    assert _title(volunteer, quantity="block") == "NMDA block, effect site"
    assert _title(volunteer, quantity="Norketamine", site="ARTERIAL").endswith("arterial blood")
    assert _title(volunteer, quantity="dissociation").endswith("each patient's chance")


def test_a_quantity_that_was_not_computed_says_why(volunteer: Simulation) -> None:
    told = _refused(volunteer, quantity="MADRS")
    assert told.startswith("quantity: MADRS was not computed: the mood model was fitted to depress")
    assert "did you mean" not in told
    bare = ketasim.simulate({**COURSE, "patient": {}}, mood=False, session=False)
    assert "simulate without mood=False" in _refused(bare, quantity="madrs")
    assert "simulate without session=False" in _refused(bare, quantity="SBP")
    published = {"regimen": "esketamine 56 mg intranasal once", "pk_model": "perezruixo2021"}
    told = _refused(ketasim.simulate(published), quantity="block")
    assert "'perezruixo2021' stops short of it; use pk_model: reference" in told


def test_only_a_slip_of_the_pen_is_answered_by_a_guess(volunteer: Simulation) -> None:
    assert "did you mean 'dissociation'?" in _refused(volunteer, quantity="disociation")
    for other in ("HDRS17", "BP", "x_ketamine", "PHQ9"):
        told = _refused(volunteer, quantity=other)
        assert f"no quantity '{other}'" in told and "did you mean" not in told
        assert told.split("use one of: ")[1].split(" and ")[0].count(",") == 9
    assert "ketamine has no site 'skull'; use one of: arterial, venous, effect" in _refused(
        volunteer, quantity="ketamine", site="skull"
    )
