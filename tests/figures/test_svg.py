"""The writer of SVG: what is drawn lies where its numbers say, inside, and apart."""

from __future__ import annotations

import math
import re
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ketasim import simulate
from ketasim.figures.panels import COLOURS, Line, Panel, Points, extremes, svg
from ketasim.figures.session_plan import plan_figure
from ketasim.figures.svg import Axis, Canvas, Frame, Look, Scale, apart, nice, ticks
from ketasim.figures.svg.lettering import box, escaped, shortened, width, wrapped
from ketasim.figures.svg.paths import cut_area, cut_line, thinned

SVG = "{http://www.w3.org/2000/svg}"
ALL = (0.0, 0.0, 100.0, 80.0)


class Drawn:
    """A chart taken apart."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)  # well formed, or an error
        self.size = tuple(float(v) for v in self.root.attrib["viewBox"].split()[2:])

    def of(self, tag: str) -> list[ElementTree.Element]:
        return list(self.root.iter(SVG + tag))

    def curves(self, colour: str, *, filled: bool = False) -> list[np.ndarray[Any, Any]]:
        """Corners of the paths of a colour, one array a part."""
        found = [
            one.attrib["d"]
            for one in self.of("path")
            if one.get("color") == colour
            and "transform" not in one.attrib
            and (one.get("fill") != "none") == filled
        ]
        parts = [part for d in found for part in d.replace("Z", "").split("M")[1:]]
        return [
            np.array(re.findall(r"-?[\d.]+(?:e-?\d+)?", part), float).reshape(-1, 2)
            for part in parts
        ]

    def points(self) -> list[tuple[float, float, str]]:
        found: list[tuple[float, float, str]] = []
        for one in self.of("path"):
            if "transform" in one.attrib:
                x, y = re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", one.attrib["transform"])[0]
                found.append((float(x), float(y), "".join(one.itertext())))
        return found

    def words(self) -> list[tuple[str, tuple[float, float, float, float]]]:
        """Each text with the rectangle it covers."""
        return [
            (
                text := "".join(one.itertext()),
                box(
                    text,
                    float(one.attrib["x"]),
                    float(one.attrib["y"]),
                    size=float(one.get("font-size", 11)),
                    anchor=one.get("text-anchor", "start"),
                    bold="font-weight" in one.attrib,
                ),
            )
            for one in self.of("text")
        ]

    def all_numbers_inside(self) -> None:
        wide, high = self.size
        every = [part for one in COLOURS.values() for part in self.curves(one)]
        every += [part for one in COLOURS.values() for part in self.curves(one, filled=True)]
        for part in every:
            assert np.all((part >= 0.0) & (part <= [wide, high]))
        for x, y, _ in self.points():
            assert 0.0 <= x <= wide
            assert 0.0 <= y <= high
        for text, (left, top, right, bottom) in self.words():
            assert left >= -0.01, text
            assert right <= wide + 0.01, text
            assert top >= -0.01, text
            assert bottom <= high + 0.01, text

    def words_apart(self) -> None:
        for (one, a), (other, b) in combinations(self.words(), 2):
            beside = a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01
            below = a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01
            assert beside or below, (one, other)


def test_a_point_lies_where_its_numbers_say() -> None:
    frame = Frame(Axis(0.0, 10.0), Axis(1.0, 1000.0, log=True), width=200, height=90)
    left, top, right, foot = frame.box
    assert (right - left, foot - top) == (200, 90)
    frame.points([5.0, 10.0, 11.0], [10.0, 1000.0, 10.0], Look(COLOURS["s"]), names="abc")
    drawn = Drawn(frame.canvas.document("title"))
    # halfway across and a third up; in the corner; outside, and left out
    assert drawn.points() == [(left + 100, foot - 30, "a"), (right, top, "b")]


def test_bands_enclose_the_median() -> None:
    x = np.linspace(0.0, 9.0, 50)
    middle = np.sin(x)
    line = Line("m", x.tolist(), middle.tolist())
    outer, inner = (((middle - d).tolist(), (middle + d).tolist()) for d in (0.5, 0.25))
    line = Line("m", line.x, line.y, outer=outer, inner=inner)
    drawn = Drawn(svg(Panel("T", "x", "y", (line,), x_domain=(0, 9), y_domain=(-2, 2)), "d"))
    (curve,) = drawn.curves(line.colour)
    wide, narrow = drawn.curves(line.colour, filled=True)
    for px, py in curve:
        around = [
            sorted(part[np.isclose(part[:, 0], px, atol=0.011), 1]) for part in (wide, narrow)
        ]
        assert around[0][0] < around[1][0] < py < around[1][-1] < around[0][-1]


def test_steps_keep_a_value_until_the_next() -> None:
    frame = Frame(Axis(0.0, 2.0), Axis(0.0, 1.0), width=100, height=100)
    frame.steps([0.0, 1.0, 2.0], [1.0, 0.5, 0.0], Look(COLOURS["r"]))
    left, top, *_ = frame.box
    (part,) = Drawn(frame.canvas.document("t")).curves(COLOURS["r"])
    corners = [(0, 0), (50, 0), (50, 50), (100, 50), (100, 100)]
    assert part.tolist() == [[left + a, top + b] for a, b in corners]


def test_doses_are_bars_or_triangles_that_do_not_touch() -> None:
    frame = Frame(Axis(0.0, 100.0), Axis(0.0, 1.0), width=200, height=100)
    frame.doses([(0.0, 20.0), (50.0, 50.0), (51.0, 51.0), (300.0, 300.0), (-5.0, -1.0)])
    drawn = Drawn(frame.canvas.document("t"))
    left, _, _, foot = frame.box
    (bar,) = drawn.of("rect")
    assert (bar.attrib["x"], bar.attrib["width"]) == (f"{left:g}", "40")
    first, second = drawn.curves("#1c2733", filled=True)
    assert first[1, 0] == left + 100
    assert first[:, 0].max() < second[:, 0].min()
    assert max(first[:, 1]) == foot


def test_a_line_is_interrupted_where_there_is_no_number() -> None:
    frame = Frame(Axis(0.0, 4.0), Axis(0.0, 4.0), width=40, height=40)
    frame.line([0, 1, 2, 3, 4], [1, 1, math.nan, 3, 3], Look(COLOURS["r"]))
    assert len(Drawn(frame.canvas.document("t")).curves(COLOURS["r"])) == 2


def test_a_line_is_cut_where_it_leaves() -> None:
    line = np.array([[-50.0, 40.0], [50.0, 40.0], [50.0, -40.0], [60.0, -40.0], [60.0, 40.0]])
    first, second = cut_line(line, ALL)
    assert first.tolist() == [[0, 40], [50, 40], [50, 0]]
    assert second.tolist() == [[60, 0], [60, 40]]
    assert cut_line(line - 1000.0, ALL) == []


COORDINATE = st.floats(-300.0, 300.0)
POLYGON = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=12)


@given(POLYGON)
def test_what_is_cut_lies_inside_and_is_all_that_does(corners: list[tuple[float, float]]) -> None:
    points = np.array(corners)
    parts = cut_line(points, ALL)
    for part in (*parts, cut_area(points, ALL)):
        assert np.all(part >= -1e-6)
        assert np.all(part <= np.array([100.0, 80.0]) + 1e-6)
    # a corner inside is kept
    inside = (points > 0.0).all(axis=1) & (points < [100.0, 80.0]).all(axis=1)
    kept = {tuple(row) for part in parts for row in part.tolist()}
    assert {tuple(row) for row in points[inside].tolist()} <= kept


@given(st.integers(0, 2**32 - 1), st.integers(1000, 4000))
def test_thinning_keeps_what_pixels_show(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0.0, 200.0, count))
    y = np.cumsum(rng.normal(size=count)).round(1)
    points = np.column_stack([x, y])
    kept = thinned(points)
    assert len(kept) < len(points)
    for column in range(200):
        before, after = (one[np.floor(one[:, 0]) == column] for one in (points, kept))
        if len(before):
            assert (before[0] == after[0]).all()
            assert (before[-1] == after[-1]).all()
            assert after[:, 1].min() == before[:, 1].min()
            assert after[:, 1].max() == before[:, 1].max()
            assert len(after) <= len(before)


def test_extremes_keep_the_highest_and_lowest_of_each_stretch() -> None:
    times = np.linspace(0.0, 84.0, 4000)
    values = np.sin(times * 40.0) * np.exp(-times / 30.0)
    kept = extremes(times, values)
    assert len(kept) <= 2 * 260 + 2
    assert (kept[0], kept[-1]) == (0, 3999)
    assert np.all(np.diff(kept) > 0)
    for at in (values.argmax(), values.argmin()):
        assert at in kept
    assert extremes(times[:100], values[:100]).tolist() == list(range(100))


AXES = st.builds(
    lambda low, span, log, style: Axis(
        abs(low) + 1e-6 if log else low,
        (abs(low) + 1e-6) * (1.0 + span) if log else low + span,
        log=log,
        style=style,
    ),
    st.floats(-1e9, 1e9) | st.floats(-2.0, 2.0),
    st.floats(1e-3, 1e6),
    st.booleans(),
    st.sampled_from(["number", "percent", "days", "hours", "minutes"]),
)


@given(AXES, st.integers(60, 900), st.booleans())
def test_ticks_lie_within_in_order_with_different_words_that_keep_apart(
    axis: Axis, room: int, across: bool
) -> None:
    assume(axis.high - axis.low > 1e-9 * abs(axis.high))
    scale = Scale(axis, 0.0, room) if across else Scale(axis, room, 0.0)
    marks = ticks(scale)
    places = [scale.of(value) for value, _ in marks]
    assert all(-1e-3 <= place <= room + 1e-3 for place in places)
    assert places == sorted(places, reverse=not across)
    assert len({words for _, words in marks}) == len(marks)
    gaps = np.abs(np.diff(places))
    if across:
        ends = [
            (p - width(w) / 2, p + width(w) / 2) for p, (_, w) in zip(places, marks, strict=True)
        ]
        assert all(a[1] < b[0] for a, b in pairwise(ends))
    else:
        assert all(gaps >= 10.0)


@pytest.mark.parametrize(
    ("axis", "room", "expected"),
    [
        (Axis(0, 84, style="days"), 800, [f"{n}" for n in range(0, 85, 7)]),
        (Axis(0, 84, style="days"), 290, ["0", "14", "28", "42", "56", "70", "84"]),
        (Axis(0, 24, style="hours"), 350, ["0", "4", "8", "12", "16", "20", "24"]),
        (Axis(0, 230, style="minutes"), 230, ["0", "60", "120", "180"]),
        (Axis(0, 1, style="percent"), 300, ["0\u202f%", "20\u202f%", "40\u202f%", "60\u202f%"]),
        (Axis(0.01, 5000, log=True), 400, ["0.01", "0.1", "1", "10", "100", "1\u202f000"]),
        (Axis(0.5, 6, log=True), 200, ["0.5", "1", "2", "5"]),
        (Axis(-20, 20), 200, ["−20", "−10", "0", "10", "20"]),
        (Axis(0, 4e8), 300, ["0", "1 × 10⁸", "2 × 10⁸", "3 × 10⁸", "4 × 10⁸"]),
    ],
)
def test_ticks_are_those_that_people_count_in(axis: Axis, room: int, expected: list[str]) -> None:
    assert [words for _, words in ticks(Scale(axis, 0, room))][: len(expected)] == expected


def test_named_ticks_thin_out_on_a_narrow_axis() -> None:
    names = {0.1: "6 min", 1.0: "1 h", 24.0: "1 d", 168.0: "1 wk"}
    axis = Axis(0.1, 200.0, log=True, names=names)
    assert [w for _, w in ticks(Scale(axis, 0, 600))] == ["6 min", "1 h", "1 d", "1 wk"]
    assert 1 <= len(ticks(Scale(axis, 0, 60))) < 4


@pytest.mark.parametrize(("low", "high"), [(3.0, 3.0), (0.0, 0.0), (5.0, 1.0)])
def test_an_axis_always_has_a_length(low: float, high: float) -> None:
    axis = Axis(low, high)
    assert axis.low < axis.high
    assert axis.low <= min(low, high) <= max(low, high) <= axis.high


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1.0), (0.0, math.inf)])
def test_an_axis_without_ends_is_an_error(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="axis"):
        Axis(low, high)
    with pytest.raises(ValueError, match="axis"):
        Axis(0.0, 1.0, log=True)


def test_nice_ends_are_whole_steps() -> None:
    assert nice(0.0, 87.0) == (0.0, 100.0)
    assert nice(-3.2, 41.0) == (-10.0, 50.0)
    assert nice(1.0, 1.0) == (1.0, 1.0)


@given(st.lists(st.floats(0.0, 200.0), max_size=12), st.floats(1.0, 15.0))
def test_labels_keep_apart_and_order(places: list[float], gap: float) -> None:
    found = apart(places, gap, 0.0, 200.0)
    assert len(found) == len(places)
    assert all(-1e-9 <= one <= 200.0 + 1e-9 for one in found)
    order = sorted(range(len(places)), key=lambda i: places[i])
    assert all(found[b] - found[a] >= gap - 1e-9 for a, b in pairwise(order))
    if all(places[b] - places[a] >= gap for a, b in pairwise(order)):
        assert found == pytest.approx(places)


def test_words_are_measured_broken_and_cut() -> None:
    assert width("") == 0.0
    assert width("ill") < width("www")
    assert width("word", bold=True) > width("word")
    lines = wrapped("a title that is longer than its panel is wide", 100.0)
    assert len(lines) > 1
    assert " ".join(lines) == "a title that is longer than its panel is wide"
    assert all(width(line) <= 100.0 for line in lines)
    cut = shortened("a title that is longer", 60.0)
    assert cut.endswith("…")
    assert width(cut) <= 60.0


NUMBERS = st.floats(-1e6, 1e6) | st.just(math.nan)
NAMES = st.text(max_size=25)


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    log = draw(st.booleans())
    count = draw(st.integers(2, 12))
    x = sorted(draw(st.lists(st.floats(0.0, 90.0), min_size=count, max_size=count)))
    values = st.lists(NUMBERS, min_size=count, max_size=count)
    lines = tuple(
        Line(
            draw(NAMES),
            x,
            draw(values),
            outer=(draw(values), draw(values)) if draw(st.booleans()) else None,
            colour=draw(st.sampled_from(list(COLOURS.values()))),
            label=draw(NAMES),
        )
        for _ in range(draw(st.integers(0, 4)))
    )
    points = (Points(draw(NAMES), x, draw(values), ["<&>"] * count),)
    low = draw(st.floats(0.001, 100.0))
    return Panel(
        draw(NAMES),
        draw(st.sampled_from(["days", "hours after start", "minutes", "ng/mL", ""])),
        draw(NAMES),
        lines=lines,
        points=points if draw(st.booleans()) else (),
        marks=((0.0, 0.0), (3.0, 3.5), (80.0, 80.0)),
        x_domain=(0.0, draw(st.floats(0.5, 100.0))) if draw(st.booleans()) else None,
        y_domain=(low, low * draw(st.floats(1.5, 1e5))) if log or draw(st.booleans()) else None,
        y_log=log,
        percent=draw(st.booleans()),
        width=draw(st.integers(140, 800)),
        height=draw(st.integers(90, 260)),
    )


@given(panels())
def test_nothing_lies_outside_and_no_words_overlap(panel: Panel) -> None:
    drawn = Drawn(svg(panel, "what it shows"))
    drawn.all_numbers_inside()
    drawn.words_apart()


PANEL = Panel("A & B <c>", "days", "points", (Line("l", [0, 1], [2, 3], label="x < y"),))


def test_a_chart_says_what_it_is_and_the_same_chart_is_the_same_text() -> None:
    text = svg(PANEL, 'it shows "more" & <less>')
    assert text == svg(PANEL, 'it shows "more" & <less>')
    drawn = Drawn(text)
    root = drawn.root
    assert root.attrib["role"] == "img"
    names = {one.attrib["id"]: one.text or "" for one in root if "id" in one.attrib}
    title, description = (names[one] for one in root.attrib["aria-labelledby"].split())
    assert title == "A & B <c>"
    assert description.startswith('it shows "more" & <less>. Horizontal axis: 0 to 1 days.')
    assert "x < y" in [words for words, _ in drawn.words()]


def test_two_charts_share_no_id() -> None:
    ids = [
        set(re.findall(r'\bid="([^"]+)"', svg(panel, told)))
        for panel, told in ((PANEL, "a"), (PANEL, "b"), (Panel("", "", "", PANEL.lines), "a"))
    ]
    assert all(len(one) == 2 for one in ids)
    assert len(set.union(*ids)) == 6


@given(st.text())
def test_any_words_are_only_words(words: str) -> None:
    canvas = Canvas(100, 100)
    canvas.text(5, 50, words)
    canvas.point(5, 5, Look(), name=words)
    root = ElementTree.fromstring(canvas.document(words, words))
    assert {one.tag for one in root.iter()} <= {
        SVG + tag for tag in ("svg", "title", "desc", "text", "path")
    }
    assert escaped("\x00\ud800<") == "\ufffd?&lt;"


def test_colours_are_named_by_meaning() -> None:
    text = svg(PANEL, "d")
    assert f'class="ketamine" color="{COLOURS["ketamine"]}"' in text
    assert not re.search(r'(?:fill|stroke)="#(?!fff)', text)  # all through the attribute `color`


def test_a_chart_for_a_file_has_a_ground() -> None:
    canvas = Canvas(10, 10)
    assert 'fill="#ffffff"' in canvas.document("t", paper=True)
    assert "fill" not in canvas.document("t")


def test_the_timeline_of_a_session_has_its_bars_at_their_minutes() -> None:
    plan = simulate({"regimen": "ketamine 0.5 mg/kg iv over 40 min once"}).session_plan()
    assert plan.watch_end_min is not None
    (drawing,) = plan_figure(plan).drawings
    for text in (drawing.svg, drawing.narrow):
        drawn = Drawn(text)
        drawn.all_numbers_inside()
        drawn.words_apart()
        said = dict(drawn.words())
        zero, hour = ((said[n][0] + said[n][2]) / 2 for n in ("0", "60"))
        minute = (hour - zero) / 60
        bars = [(float(r.attrib["x"]), float(r.attrib["width"])) for r in drawn.of("rect")]
        given, monitoring = bars[0], bars[-1]
        assert given == pytest.approx((zero, 40 * minute), abs=0.1)
        assert sum(monitoring) == pytest.approx(zero + plan.watch_end_min * minute, abs=0.1)
        assert {"Given", "Dissociation, CADSS", "earliest end of monitoring"} <= set(said)
        peaks = [x for x, _, name in drawn.points() if "peak at 40 min" in name]
        assert peaks == pytest.approx([zero + 40 * minute] * len(peaks), abs=0.1)
        assert peaks
