"""`ketasim session`: prints, writes and refuses as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

Called = Callable[[list[str]], tuple[int, str, str]]


def test_it_prints_effects_rules_and_driving(course: Path, called: Called) -> None:
    code, out, _ = called(["session", str(course)])
    assert code == 0
    for words in (
        "Dissociation, CADSS",
        "driving",
        "affected",
        "Published times:",
        "mean of maxima after placebo, mmHg",
        "Planned dose: ketamine 0.5 mg/kg, IV, over 40 min",
    ):
        assert words in out
    assert "()" not in out and "– min" not in out
    for stage in ("Before", "During", "After", "Discharge", "Next day"):
        assert f"\n{stage}\n" in out


def test_rules_of_another_drug_or_route_are_folded(course: Path, called: Called) -> None:
    _, short, _ = called(["session", str(course)])
    _, every, _ = called(["session", str(course), "--all"])
    for words in ("general guide above 140/90", "after a restful sleep. [from esketamine] (US"):
        assert words not in short
        assert words in every
    # the restricted programme is of the spray alone
    assert "enrolled patient" not in every and "REMS form" not in every
    assert "8 rules from esketamine, not established here: --all shows them" in short
    assert "8 rules from esketamine, not established for IV ketamine:" in every
    assert "--all shows" not in every
    # what was made for it stands in both, and every line names its place once
    assert "Breakfast allowed" in short
    for line in every.splitlines():
        assert line.count("US, 2019") <= 1
    text = course.read_text(encoding="utf-8")
    course.write_text(text.replace("iv over 40 min", "sublingual"), encoding="utf-8")
    _, short, _ = called(["session", str(course)])
    for words in ("Oxford", "British Columbia", "certified", "spravato_rems"):
        assert words not in short


def test_what_lasts_beyond_two_hours_is_a_prediction_beside_what_is_published(
    course: Path, called: Called
) -> None:
    text = course.read_text(encoding="utf-8")
    given, other = "ketamine 0.5 mg/kg iv over 40 min", "esketamine 84 mg intranasal"
    course.write_text(text.replace(given, other), encoding="utf-8")
    _, out, _ = called(["session", str(course)])
    start = out.index("Predicted not to have resolved")
    told = out[start : out.index("\n\n", start)]
    assert "not an instruction:" in told
    assert "; published: " in told and "Spravato: dissociation, Johnson & Johnson, 2024" in told
    for order in ("must", "longer than the watch", "may last longer"):
        assert order not in out
    assert "--all" not in out  # every rule of nasal esketamine is its own


def test_it_writes_its_tables(course: Path, tmp_path: Path, called: Called) -> None:
    out = tmp_path / "out"
    code, text, _ = called(["session", str(course), "--last", "--out", str(out), "--json"])
    assert code == 0
    document = json.loads(text)
    assert document["session"] == 2
    assert {Path(name).name for name in document["files"]} == {path.name for path in out.iterdir()}
    effects = pl.read_csv(out / "effects.csv")
    assert effects["session"].unique().to_list() == [2]
    assert effects["peak"].to_list() == pytest.approx([one["peak"] for one in document["effects"]])
    assert pl.read_csv(out / "plan.csv").height == len(document["plan"]["entries"])
    assert pl.read_csv(out / "minutes.csv")["effect"].n_unique() == effects.height


def test_a_model_without_effects_is_refused_and_nothing_written(
    course: Path, tmp_path: Path, called: Called
) -> None:
    text = course.read_text(encoding="utf-8").replace("ketamine 0.5", "esketamine 0.25")
    text += "pk_model: otto2021\n"
    course.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    code, _, error = called(["session", str(course), "--out", str(out)])
    assert code == 2
    assert error.startswith("error: pk_model: ")
    assert len(error.strip().splitlines()) == 1
    assert not out.exists()
