"""The few numbers at the top of a course, and its warnings."""

from __future__ import annotations

import ketasim
from ketasim._base import words
from ketasim.reports.first_page import first_page


def test_while_sessions_are_computed_their_tiles_are_named() -> None:
    course = {
        "population": {"n": 8, "seed": 1},
        "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
        "horizon": "14 d",
    }
    quick = first_page(ketasim.simulate(course, profiles=False), pending=True)
    whole = first_page(ketasim.simulate(course))
    assert quick.pending and not whole.pending
    assert len(quick.tiles) == len(whole.tiles)
    for before, after in zip(quick.tiles, whole.tiles, strict=True):
        assert before == after if not before.pending else after.name.startswith(before.name)
        assert not (before.pending and (before.value or before.notes))
    assert quick.session is None and quick.course == whole.course
    assert quick.weeks == whole.weeks and quick.findings == whole.findings
    # what patients share is the least of what must be known
    warnings = (*whole.warnings, *whole.more_warnings)
    assert "virtual patients share" in warnings[-1]
    assert "share" not in "".join(warnings[:-1])


def test_counts_are_english() -> None:
    assert [words.counted(n, "week") for n in (0, 1, 2)] == ["0 weeks", "1 week", "2 weeks"]
    assert words.counted(2, "entry", "entries") == "2 entries"
