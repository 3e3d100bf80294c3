"""The figures that are drawn from the model of mood."""

from __future__ import annotations

from pathlib import Path

from ketasim.figures.mechanism import mechanism_chart, mood_course_chart, save_figure

IMAGES = Path(__file__).parents[1] / "images"


def draw() -> None:
    """Draw them again."""
    save_figure(mechanism_chart(), IMAGES / "mechanism.png")
    save_figure(mood_course_chart(), IMAGES / "mood-course.png")
