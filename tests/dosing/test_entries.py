"""Medicines and histories written in words or with keys are one thing, in courses and trials."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim import InputError, screen, simulate
from ketasim.dosing import Course, HistoryEntry, MedicineEntry, load_course, load_trial
from ketasim.population import benefit_modifiers, modification_of

REGIMEN = "ketamine 50 mg oral once"
TRIAL: dict[str, Any] = {
    "trial": "t",
    "population": {"baseline": {"scale": "MADRS", "mean": 30, "sd": 5}},
    "arms": [{"id": "a", "n": 10, "control": "saline"}],
    "assess": [{"scale": "MADRS", "at": ["24 h"], "metrics": ["change"]}],
}


def _course(**patient: Any) -> Course:
    return load_course({"regimen": REGIMEN, "patient": {"weight": "70 kg", "age": 40} | patient})


def test_keys_come_back_as_they_were() -> None:
    medicines = ["Ativan 1 mg bid", {"name": "sertraline", "dose": "100 mg daily", "since": "2019"}]
    history = [{"name": "stroke", "status": "family"}, "no psychosis"]
    course = _course(medicines=medicines, history=history)
    form = course.to_dict()["patient"]
    assert (form["medicines"], form["history"]) == (medicines, history)
    assert load_course(course.to_dict()) == course
    people = TRIAL["population"] | {"medicines": medicines, "background": "continued"}
    trial = load_trial(TRIAL | {"population": people})
    assert load_trial(trial.to_dict()) == trial
    assert trial.arms[0].medicines == course.patient.medicines


def test_none_is_an_empty_list_and_one_line_a_list_of_one() -> None:
    none = _course(medicines="none", history="Nil").patient
    assert (none.medicines, none.history) == ((), ())
    one = _course(medicines="sertraline 50 mg daily", history="unknown").patient
    assert (one.medicines, one.history) == (("sertraline 50 mg daily",), ("unknown",))


def test_a_condition_is_a_name_and_a_year_is_text() -> None:
    (entry,) = _course(history=[{"condition": "stroke", "since": 2019}]).patient.history
    assert entry == HistoryEntry(name="stroke", since="2019")
    assert str(entry) == "stroke, present, since 2019"


def test_a_status_stands_over_the_words_of_the_name() -> None:
    course = _course(
        medicines=[
            {"name": "no phenelzine", "status": "taken"},
            {"name": "clarithromycin", "status": "never"},
            {"name": "lithium", "status": "stopped", "since": "3 days ago"},
        ],
        history=[
            {"name": "no stroke"},
            {"name": "aneurysm", "status": "absent", "note": "clipped"},
        ],
    )
    found = screen(course, exposure=False)
    assert [match.status for match in found.medicines] == ["recognised", "not taken", "stopped"]
    assert [match.factors for match in found.history] == [("stroke",), ()]


@pytest.mark.parametrize(
    ("patient", "message"),
    [
        ({"medicines": [{"name": "x", "status": "tkaen"}]}, r"medicines\[0\]\.status: unknown"),
        ({"medicines": ["a", {"nmae": "x"}]}, r"medicines\[1\]\.nmae: .*did you mean 'name'"),
        ({"medicines": [{"dose": "5 mg"}]}, r"medicines\[0\]\.name: is missing"),
        ({"history": [{"name": "x", "status": "maybe"}]}, r"history\[0\]\.status: .*suspected"),
        ({"history": [["a"]]}, r"history\[0\]: .* is not text"),
        ({"history": ["a" * 1001]}, r"history\[0\]: .*1001 characters"),
    ],
)
def test_keys_that_cannot_be_used_are_named(patient: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^patient\.{message}"):
        _course(**patient)


def test_a_new_line_begins_another_statement() -> None:
    (text,) = _course(history=["no mania\nhypertension"]).patient.history
    assert text == "no mania; hypertension"


@pytest.mark.parametrize(
    "name",
    ["paroxetine", "Zoloft 100 mg", "an SSRI", "SSRIs", "phenelzine", "an MAOI", "antidepressants"],
)
def test_an_antidepressant_contradicts_none_by_every_name(name: str) -> None:
    with pytest.raises(InputError, match=r"mood\.background: 'none' contradicts"):
        load_course(
            {"regimen": REGIMEN, "patient": {"medicines": [name]}, "mood": {"background": "none"}}
        )
    arm = TRIAL["arms"][0] | {"medicines": [name], "background": "none"}
    with pytest.raises(InputError, match="an antidepressant"):
        load_trial(TRIAL | {"arms": [arm]})


@pytest.mark.parametrize(
    "name", ["no sertraline", "stopped sertraline", "SSRI: none", "lithium", "selegiline 5 mg"]
)
def test_what_is_no_antidepressant_that_is_taken_contradicts_nothing(name: str) -> None:
    course = load_course(
        {"regimen": REGIMEN, "patient": {"medicines": [name]}, "mood": {"background": "none"}}
    )
    assert course.background == "none"


def test_the_model_and_the_screen_read_the_same() -> None:
    denied, bare = _course(medicines=["no clarithromycin"]), _course(medicines=[])
    taken = _course(medicines=["Biaxin 500 mg BID"])
    assert modification_of(denied.patient).modifiers == modification_of(bare.patient).modifiers
    assert [one.name for one in modification_of(taken.patient).modifiers] == ["clarithromycin"]
    stopped = modification_of(_course(medicines=["rifampicin stopped yesterday"]).patient)
    assert stopped.modifiers == ()
    assert "whether it still acts was not assessed" in " ".join(stopped.notes)


def test_a_brand_has_the_effect_of_its_medicine() -> None:
    brand, name = (
        [one.fact for one in benefit_modifiers([text])] for text in ("Ativan", "lorazepam")
    )
    assert brand == name != []
    assert benefit_modifiers(["no Ativan"]) == ()
    entry = MedicineEntry(name="Ativan", dose="1 mg bid")
    (found,) = (one for one in benefit_modifiers([entry]) if one.threshold is not None)
    assert found.daily_dose == pytest.approx(20)


def test_a_denied_medicine_changes_no_concentration() -> None:
    def area(*medicines: str) -> float:
        course = _course(medicines=list(medicines))
        return float(simulate(course, session=False).values[("s_ketamine", "venous")].sum())

    assert area("no clarithromycin") == area() < area("clarithromycin")
