"""The figures of the pages that ketasim draws itself."""

from __future__ import annotations

from pathlib import Path

from ketasim.figures import forest_svg
from ketasim.figures.mechanism.published import mechanism_svg, mood_course_svg
from ketasim.synthesis import MetaQuery, pool_comparable

IMAGES = Path(__file__).parents[1] / "images"


def draw() -> None:
    """Draw them again."""
    (IMAGES / "mechanism.svg").write_text(mechanism_svg() + "\n", encoding="utf-8")
    forest = forest_svg(pool_comparable(MetaQuery(drug="esketamine", at=672.0)))
    (IMAGES / "meta-forest.svg").write_text(forest + "\n", encoding="utf-8")
    (IMAGES / "mood-course.svg").write_text(mood_course_svg() + "\n", encoding="utf-8")
