"""The few numbers at the top of the report of a course."""

from __future__ import annotations

import ketasim
from ketasim._base import words


def test_tiles_have_their_ranges_and_say_what_they_are() -> None:
    course = {
        "population": {"n": 8, "seed": 1},
        "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
        "horizon": "14 d",
    }
    result = ketasim.simulate(course)
    page = ketasim.report(result)
    tiles = {
        part.split("</span>")[0]: part.split("</div>")[0]
        for part in page.split('<div class="tile"><span class="name">')[1:]
    }
    assert (
        "90 % uncertainty interval"
        in tiles["Patients with a response a day after the last session"]
    )
    assert "Response kept until day 14" in tiles
    assert "Terminal half-life of ketamine (24 to 48 h)" in tiles
    assert "till well" not in page
    # in every patient the venous peak is where the infusion ends: one number, no range
    spread = result.exposure().filter(
        metric="tmax", quantity="ketamine", site=(result.main or ("", ""))[1], session="first"
    )
    same = spread["p05"][0] == spread["p95"][0]
    assert ('class="range"' not in tiles["Time of this peak after the start"]) == same
    effects = result.session_effects
    assert effects is not None
    assert f"Session effects here average {effects.patients} virtual patients" in page


def test_counts_are_english() -> None:
    assert [words.counted(n, "week") for n in (0, 1, 2)] == ["0 weeks", "1 week", "2 weeks"]
    assert words.counted(2, "entry", "entries") == "2 entries"
