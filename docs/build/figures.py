"""The figures that are drawn from the model of mood."""

from __future__ import annotations

from pathlib import Path

from ketasim.figures.mechanism import mechanism_svg, mood_course_svg

IMAGES = Path(__file__).parents[1] / "images"


def draw() -> None:
    """Draw them again."""
    (IMAGES / "mechanism.svg").write_text(mechanism_svg() + "\n", encoding="utf-8")
    (IMAGES / "mood-course.svg").write_text(mood_course_svg() + "\n", encoding="utf-8")
