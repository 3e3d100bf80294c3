"""The report of a screen: its findings and what to measure, on one page."""

from __future__ import annotations

from ketasim._base import words
from ketasim.reports.course_screening import screening_view
from ketasim.reports.page import render
from ketasim.screening import Screen


def screen_report(screen: Screen) -> str:
    """Write the report of a screen as one page of HTML.

    **Arguments:**

    - `screen`: what `ketasim.screen` returned.
    """
    return render(
        "screen.html",
        title=f"Screen of {screen.title or 'a course'}",
        sources=screen.sources(),
        given=screen.given,
        screening=screening_view(screen),
        costs=[],
        words=words,
    )
