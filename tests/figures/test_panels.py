"""Charts that stand alone: what their legend says is what is drawn, on white."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
import vl_convert

from ketasim._base import words
from ketasim.figures import forest_plot
from ketasim.figures.panels import INK, SOFT, Line, Panel, Points, svg
from ketasim.figures.vega import draw
from ketasim.synthesis import MetaQuery, pool_comparable

X = [0.0, 1.0, 2.0, 3.0, 4.0]
OUTER = ([0.0] * 5, [8.0] * 5)
INNER = ([2.0] * 5, [6.0] * 5)
NAMES = (words.PATIENTS_90, words.PATIENTS_50)


def _line(name: str, **look: Any) -> Line:
    return Line(name, X, [4.0, 5.0, 4.0, 3.0, 4.0], **look)


def _panel(**more: Any) -> Panel:
    return Panel("Title", "days", "points", x_domain=(0.0, 4.0), bands=NAMES, **more)


BLUE, RED = "#1f4e79", "#b4531a"
PANELS = {
    "line": _panel(lines=(_line("typical patient"),)),
    "bands": _panel(lines=(_line("median patient", outer=OUTER, inner=INNER),)),
    "outer alone": _panel(lines=(_line("median patient", outer=OUTER),)),
    "bolus": _panel(lines=(_line("median patient"),), marks=((1.0, 1.0),)),
    "infusion": _panel(lines=(_line("median patient"),), marks=((1.0, 2.0),)),
    "both kinds of doses": _panel(lines=(_line("typical"),), marks=((0.0, 0.0), (1.0, 2.0))),
    "doses elsewhere": _panel(lines=(_line("typical"),), marks=((-2.0, -1.0), (5.0, 6.0))),
    "arms": _panel(
        lines=(
            _line("drug", outer=OUTER, colour=BLUE),
            _line("control", outer=OUTER, colour=RED, dash=(6, 3)),
            _line("", colour=RED),
        ),
        points=(
            Points("drug", X, X, colour=BLUE),
            Points("control", X, X, colour=RED, shape="square"),
        ),
        marks=((0.0, 0.0),),
        marked="sessions",
    ),
    "points alone": _panel(points=(Points("visits", X, X, colour=RED, shape="diamond"),)),
}
EXPECTED = {
    "line": ["typical patient"],
    "bands": ["median patient", *NAMES],
    "outer alone": ["median patient", NAMES[0]],
    "bolus": ["median patient", "doses"],
    "infusion": ["median patient", "doses"],
    "both kinds of doses": ["typical", "doses"],
    "doses elsewhere": ["typical"],
    "arms": ["drug", "control", NAMES[0], "sessions"],
    "points alone": ["visits"],
}


class Drawn:
    """A chart as SVG, taken apart: its marks outside the legend, and its legend."""

    def __init__(self, chart: dict[str, Any]) -> None:
        text = re.sub(r'\sxmlns="[^"]*"', "", vl_convert.vegalite_to_svg(chart))
        root = ElementTree.fromstring(text)
        self.root = root
        self.legends = self.of_class(root, "role-legend")
        inside = {id(one) for legend in self.legends for one in legend.iter()}
        symbols, labels = (
            [one for legend in self.legends for one in self.of_class(legend, f"role-legend-{name}")]
            for name in ("symbol", "label")
        )
        self.labels = ["".join(one.itertext()) for one in labels]
        paths = [path.attrib for one in symbols for path in one.iter("path")]
        self.symbols = dict(zip(self.labels, paths, strict=True))
        self.marks = {
            kind: [
                one.attrib
                for group in self.of_class(root, f"mark-{kind}")
                for one in group
                if id(one) not in inside and one.tag in ("path", "line")
            ]
            for kind in ("line", "area", "symbol", "rule")
        }
        self.words = ["".join(one.itertext()) for one in root.iter("text")]

    @staticmethod
    def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
        return [one for one in root.iter() if name in one.get("class", "").split()]


def _density(mark: dict[str, str]) -> float:
    return float(mark.get("opacity", 1)) * float(mark.get("fill-opacity", 1))


@pytest.mark.parametrize("name", list(PANELS))
def test_the_legend_names_what_is_drawn_and_nothing_else(name: str) -> None:
    panel = PANELS[name]
    drawn = Drawn(draw(panel).to_dict())
    assert len(drawn.legends) == 1
    assert sorted(drawn.labels) == sorted(EXPECTED[name])
    # as the marks are found in the drawing, not as the panel says
    strokes = {(one["stroke"], one.get("stroke-dasharray")) for one in drawn.marks["line"]}
    for line in (line for line in panel.lines if line.name):
        symbol = drawn.symbols[line.name]
        dash = ",".join(map(str, line.dash)) or None
        assert (symbol["stroke"], dash) in strokes
        assert symbol["stroke-dasharray"] == (dash or "1,0")
        assert symbol["stroke"] == line.colour
    areas = {one["fill"] for one in drawn.marks["area"]}
    assert bool(areas) == bool(set(drawn.labels) & set(NAMES))
    for band in set(drawn.labels) & set(NAMES):
        assert drawn.symbols[band]["fill"] == (next(iter(areas)) if len(areas) == 1 else SOFT)
    doses = [one for one in drawn.marks["rule"] if one.get("stroke") == INK]
    doses += [one for one in drawn.marks["symbol"] if one.get("fill") == INK]
    assert bool(doses) == (panel.marked in drawn.labels)
    assert all(drawn.symbols[one]["fill"] == INK for one in drawn.labels if one == panel.marked)


def test_the_symbols_of_bands_are_as_dense_as_the_bands() -> None:
    drawn = Drawn(draw(PANELS["bands"]).to_dict())
    outer, inner = (_density(one) for one in drawn.marks["area"])
    assert _density(drawn.symbols[NAMES[0]]) == pytest.approx(outer)
    upon = 1 - (1 - outer) * (1 - inner)  # the inner band lies upon the outer one
    assert _density(drawn.symbols[NAMES[1]]) == pytest.approx(upon)
    assert outer < inner < upon < 1


@pytest.mark.parametrize(
    ("name", "bars", "triangles"),
    [("bolus", 0, 1), ("infusion", 1, 0), ("both kinds of doses", 1, 1)],
)
def test_the_symbol_of_doses_is_the_one_drawn(name: str, bars: int, triangles: int) -> None:
    drawn = Drawn(draw(PANELS[name]).to_dict())
    pieces = drawn.symbols["doses"]["d"].split("M")[1:]
    assert sorted(piece.count("L") for piece in pieces) == [2] * triangles + [3] * bars
    assert sum(one.get("stroke") == INK for one in drawn.marks["rule"]) == bars
    assert sum(one.get("fill") == INK for one in drawn.marks["symbol"]) == triangles


def test_points_on_a_line_are_part_of_its_symbol() -> None:
    drawn = Drawn(draw(PANELS["arms"]).to_dict())
    for name, corners in (("drug", "C"), ("control", "L")):
        line, marker = drawn.symbols[name]["d"].split("M")[1:]
        assert line.count("L") == 1
        assert corners in marker


@pytest.mark.parametrize("name", list(PANELS))
def test_a_chart_stands_on_white_with_title_axes_and_notes(name: str) -> None:
    panel = replace(PANELS[name], notes=("Bands: between-patient variability",))
    drawn = Drawn(draw(panel).to_dict())
    back = next(one for one in drawn.root.iter("rect"))
    assert back.attrib["fill"] == "white"
    for side in ("width", "height"):
        assert float(back.attrib[side]) == float(drawn.root.attrib[side])
    for text in ("Title", "days", "points", "Bands: between-patient variability"):
        assert text in drawn.words


@pytest.mark.parametrize("name", list(PANELS))
def test_a_drawing_for_a_report_has_no_legend_of_its_own(name: str) -> None:
    text = svg(PANELS[name], "what it shows")
    assert "role-legend" not in text
    assert not any(label in text for label in EXPECTED[name])


def test_the_spreads_are_told_apart_and_each_once() -> None:
    for shown in ((), words.SPREADS[:1], words.SPREADS[1:], words.SPREADS):
        lines = words.spreads(shown)
        said = [name for line in lines for name in line.partition(": ")[2].split(", ")]
        assert sorted(said) == sorted(words.SPREADS)
        head = [line.partition(": ")[2] for line in lines if line.startswith("Bands: ")]
        assert head == ([", ".join(shown)] if shown else [])


def test_a_forest_plot_says_what_its_marks_are() -> None:
    result = pool_comparable(MetaQuery(drug="esketamine", at=672.0))
    assert result.pooled is not None
    drawn = Drawn(forest_plot(result).to_dict())
    expected = ["study: effect (area: weight)", "study: 95 % confidence interval"]
    if result.pooled.k > 1:
        expected.append("pooled effect, 95 % confidence interval")
    if result.pooled.prediction is not None:
        expected.append("95 % prediction interval")
    assert sorted(drawn.labels) == sorted(expected)
    squares, rules = drawn.marks["symbol"], drawn.marks["rule"]
    square = drawn.symbols[expected[0]]["fill"]
    assert sum(one.get("fill") == square for one in squares) == len(result.selection.studies)
    for name in expected[1::2]:
        symbol = drawn.symbols[name]
        assert any(
            one.get("stroke") == symbol["stroke"]
            and float(one["stroke-width"]) == float(symbol["stroke-width"])
            for one in rules
        )
