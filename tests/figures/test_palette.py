"""Colours: enough contrast on light and dark pages, apart for readers who see fewer of them."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from ketasim.figures.svg.palette import AXIS, COLOURS, GRID, INK, SOFT, WORDS, colour_class, painted

CSS = (files("ketasim.reports") / "templates" / "style.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", CSS.split("@media")[n])) for n in (0, 1)
)
SCHEMES = {"light": LIGHT, "dark": DARK}
SERIES = list(dict.fromkeys(colour_class(one) for one in COLOURS.values()))
# drawn in one chart without dashes that tell them apart, or with dashes as a second channel
TOGETHER = (
    ("ketamine", "s", "r"),
    ("norketamine", "ketamine", "s", "hnk", "course"),
    ("r", "expectation", "course"),
    ("ketamine", "s", "block"),
    ("ketamine", "expectation", "s", "course"),
    ("ketamine", "r", "s", "norketamine", "block", "hnk"),
)
# Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113, severity 1
SIGHT = {
    "all colours": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
APART = 7.5  # hundredths of OKLab; lines next to each other differ from about 2 on


def _linear(colour: str) -> NDArray[np.float64]:
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def _contrast(one: str, other: str) -> float:
    """Of WCAG 2.2."""
    low, high = sorted(float(_linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (one, other))
    return (high + 0.05) / (low + 0.05)


def _oklab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    mixed = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return 100.0 * mixed @ np.cbrt(cones @ linear.clip(0.0, 1.0))


def test_the_style_sheet_has_the_colours_of_charts() -> None:
    for name in SERIES:
        assert LIGHT[name] == COLOURS[name]
        assert f"svg .{name} {{ color: var(--{name}); }}" in CSS
    assert (LIGHT["ink"], LIGHT["soft"]) == (INK, SOFT)
    assert (LIGHT["grid"], LIGHT["axis"]) == (GRID, AXIS)
    for name, shade in WORDS.items():
        assert LIGHT[f"{name}-words"] == shade


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(scheme: str) -> None:
    shades = SCHEMES[scheme]
    for name in SERIES:
        assert _contrast(shades[name], shades["paper"]) >= 3.0, name
        words = shades.get(f"{name}-words", shades[name])
        assert _contrast(words, shades["paper"]) >= 4.5, name
    for text, ground in (
        *((name, back) for name in ("ink", "soft", "accent") for back in ("paper", "tint")),
        ("warn", "warn-back"),
        ("ink", "warn-back"),
        ("miss", "off"),
        *((g, f"{g}-back") for g in ("measured", "estimated", "fitted", "derived", "assumed")),
    ):
        assert _contrast(shades[text], shades[ground]) >= 4.5, (text, ground)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHT)
def test_colours_of_one_chart_keep_apart(scheme: str, sight: str) -> None:
    seen = {name: _oklab(SIGHT[sight] @ _linear(SCHEMES[scheme][name])) for name in SERIES}
    for chart in TOGETHER:
        for one, other in combinations(chart, 2):
            assert np.linalg.norm(seen[one] - seen[other]) >= APART, (one, other)


def test_an_element_says_its_colour_by_meaning_and_by_number() -> None:
    assert painted(COLOURS["s"]) == f' class="s" color="{COLOURS["s"]}"'
    assert painted(COLOURS["glutamate"]) == painted(COLOURS["s"])
    assert painted("#123456") == ' color="#123456"'
    assert painted("#123456", "full") == ' class="full" color="#123456"'
    assert painted(COLOURS["course"], words=True) == f' class="course" color="{WORDS["course"]}"'
