"""`ketasim validate`: every claim is compared, misses stay, and the page says what it rests on."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ketasim import InputError, Validation, validate
from ketasim.apps.cli.application import run
from ketasim.evidence import GRADES, load_sources
from ketasim.validation import AREAS, USES
from ketasim.validation.claims.claim import fold, judged

QUICK = ("replays", "exposures", "interactions", "mechanism", "visits")


@pytest.fixture(scope="module")
def found() -> Validation:
    return validate(QUICK)


def test_areas_and_uses_name_each_other() -> None:
    keys = {area.key for area in AREAS}
    assert len(keys) == len(AREAS)
    assert {key for use in USES for key in use.areas} == keys


def test_every_claim_has_a_criterion_a_grade_and_a_source(found: Validation) -> None:
    known = load_sources()
    assert {one.area for one in found.claims} == set(QUICK)
    for one in found.claims:
        assert one.criterion and one.what and one.grade in GRADES
        assert not one.source or one.source in known, one.source
        assert one.outcome in ("pass", "miss", "cannot tell")


def test_an_outcome_follows_from_the_numbers_in_the_row(found: Validation) -> None:
    """What the table says can be worked out from the table."""
    for one in found.of("interactions"):
        assert isinstance(one.published, float) and isinstance(one.predicted, float)
        ratio = one.predicted / one.published
        assert (one.outcome == "pass") == (0.5 <= ratio <= 2.0)
        assert one.error == pytest.approx(max(ratio, 1.0 / ratio))
    for one in found.of("visits"):
        if one.low is not None and one.high is not None:
            assert isinstance(one.predicted, float)
            assert (one.outcome == "pass") == (one.low <= one.predicted <= one.high)


def test_misses_stay_in_table_and_page(found: Validation, tmp_path: Path) -> None:
    assert found.misses
    table, page = sorted(found.save(tmp_path))
    rows = pl.read_csv(table, infer_schema_length=None)
    assert len(rows) == len(found.claims)
    assert (rows["outcome"] == "miss").sum() == len(found.misses)
    text = page.read_text(encoding="utf-8")
    for words in ("Question of interest", "Context of use", "Consequence of a wrong decision"):
        assert text.count(words) == len(USES)
    assert found.stamp in text
    assert all(hash_ in text for hash_ in found.hashes.values())
    assert "Not computed in this run: Solvers" in text


def test_the_command_writes_both_files_or_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", "--areas", "interactions", "--out", str(tmp_path / "v")]) == 0
    assert "claims met" in capsys.readouterr().out
    assert sorted(one.name for one in (tmp_path / "v").iterdir()) == [
        "validation.csv",
        "validation.html",
    ]
    assert run(["validate", "--areas", "interaction", "--out", str(tmp_path / "w")]) == 2
    assert "unknown area 'interaction'" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_the_engine_is_held_against_other_solvers() -> None:
    solved = validate(["solvers"])
    assert len(solved.claims) > 10
    assert not solved.misses
    assert all(isinstance(one.predicted, float) and one.predicted > 0.0 for one in solved.claims)


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match="unknown area 'moods'"):
        validate(["moods"])


def test_folds_and_outcomes() -> None:
    assert fold(2.0, 1.0) == fold(1.0, 2.0) == 2.0
    assert fold(0.0, 1.0) is None
    assert [judged(one) for one in (True, False, None)] == ["pass", "miss", "cannot tell"]
