"""Courses and trials by name, and files taken for another kind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from ketasim._base import InputError
from ketasim.dosing import catalogue, load_course, load_studies, load_trial, located, shipped
from ketasim.evidence import studies


def test_every_name_loads_what_its_file_holds() -> None:
    for name, path in shipped("course").items():
        assert load_course(name) == load_course(path)
    assert {trial.key for trial in load_studies()} < set(shipped("trial"))
    for path in studies()[:3]:
        assert load_trial(path.stem) == load_trial(path)


def test_case_does_not_matter_in_a_name() -> None:
    assert located("transform2", "trial") == located("TRANSFORM2", "trial")


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("six_infusion", "course", "did you mean 'six_infusions'"),
        ("six_infusion.yaml", "course", "did you mean 'six_infusions'"),
        ("murough2013", "trial", "did you mean 'murrough2013'"),
        ("zzz", "trial", "ketasim trial --list"),
        ("folder/six_infusions", "course", "check the path"),
        ("murrough2013", "course", "run: ketasim trial murrough2013 --out DIR"),
        ("six_infusions", "trial", "run: ketasim simulate six_infusions --out DIR"),
    ],
)
def test_what_is_not_there(name: str, kind: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        located(name, kind)
    assert caught.value.field == kind
    assert told in caught.value.remedy


def test_a_file_of_that_name_comes_first_and_a_folder_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("six_infusions").mkdir()
    assert located("six_infusions", "course") == shipped("course")["six_infusions"]
    Path("one_infusion").write_text('regimen: "ketamine 0.5 mg/kg im once"')
    assert located("one_infusion", "course") == Path("one_infusion")
    assert load_course("one_infusion").regimen.doses[0].route == "im"


def test_a_file_of_the_other_kind_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a file.yaml"
    shutil.copy(shipped("trial")["murrough2013"], path)
    with pytest.raises(InputError) as caught:
        load_course(path)
    assert caught.value.problem == "this is a trial file"
    assert caught.value.remedy == f"run: ketasim trial '{path}' --out DIR"
    with pytest.raises(InputError, match="this is a course file"):
        load_trial(yaml.safe_load(shipped("course")["six_infusions"].read_text("utf-8")))


def test_a_file_of_neither_kind_is_told_what_is_missing() -> None:
    with pytest.raises(InputError, match="unknown key 'wieght'"):
        load_course({"wieght": 1})


def test_the_catalogue_counts_the_patients_of_a_crossover_once() -> None:
    entries = {one.name: one for one in catalogue("trial")}
    assert list(entries) == list(shipped("trial"))
    assert entries["murrough2013"].patients == 48 + 25
    assert entries["murrough2013"].days == 1
    assert entries["murrough2013"].given == "ketamine IV / midazolam"
    trial = load_trial("diazgranados2010")
    assert trial.design == "crossover"
    assert entries["diazgranados2010"].patients == max(arm.n for arm in trial.arms)
    assert {one.source == "" for one in catalogue("course")} == {True}
