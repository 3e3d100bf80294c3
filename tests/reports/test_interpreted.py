"""Reports list how each entry of history and medicines was read, as the terminal does."""

from __future__ import annotations

import html

import ketasim
from ketasim.reports.screen import screen_report

COURSE = {
    "patient": {
        "age": 54,
        "history": ["AAA 5.1 cm, not repaired", "FH: stroke", "Dupuytren's contracture"],
        "medicines": ["no clarithromycin", "Prozac 20 mg stopped 3 weeks ago", "turmeric"],
    },
    "regimen": "ketamine 0.5 mg/kg iv over 40 min once",
}


def test_every_entry_is_in_the_report_of_a_screen_as_it_was_read() -> None:
    found = ketasim.screen(COURSE)
    page = html.unescape(screen_report(found))
    told = dict(found.interpreted)
    assert tuple(told) == ("history", "medicines")
    for title, entries in told.items():
        assert f"{title.capitalize()} as interpreted" in page
        for text, words in entries:
            assert text in page
            assert words in page
    assert dict(told["history"])["FH: stroke"] == "stroke (a relative's, by 'fh')"
    stopped = dict(told["medicines"])["Prozac 20 mg stopped 3 weeks ago"]
    assert stopped.endswith("stopped, by 'stopped', 3 weeks ago: it may still act")


def test_a_course_without_entries_has_no_such_tables() -> None:
    found = ketasim.screen({"patient": {"age": 54}, "regimen": COURSE["regimen"]})
    assert found.interpreted == ()
    assert "as interpreted" not in screen_report(found)
