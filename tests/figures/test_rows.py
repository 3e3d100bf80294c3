"""Charts with a row for each name: marks lie where numbers say, words keep inside and apart."""

from __future__ import annotations

import math
import re
import struct
from itertools import combinations, pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.calibration.mood import Number
from ketasim.calibration.mood.tables import interval_in_priors
from ketasim.evidence import load_card
from ketasim.figures import forest_plot, forest_png, forest_svg
from ketasim.figures.calibration.intervals import (
    PREDICTED,
    UNMOVED,
    BesideBlock,
    BesideRow,
    beside_drawing,
    correlation_drawing,
    interval_drawing,
)
from ketasim.figures.forest.drawing import POOL_COLOUR, STUDY_COLOUR, forest_drawing
from ketasim.figures.forest.rows import FURTHER, Forest, ForestRow, forest_of
from ketasim.figures.svg.lettering import box
from ketasim.figures.svg.palette import COLOURS, INK
from ketasim.synthesis import MetaQuery, MetaResult, pool_comparable

SVG = "{http://www.w3.org/2000/svg}"
Place = tuple[float, float]


class Drawn:
    """A chart taken apart."""

    def __init__(self, text: str) -> None:
        self.root = ElementTree.fromstring(text)  # well formed, or an error
        self.size = tuple(float(v) for v in self.root.attrib["viewBox"].split()[2:])

    def of(self, tag: str, colour: str = "") -> list[ElementTree.Element]:
        return [one for one in self.root.iter(SVG + tag) if colour in ("", one.get("color"))]

    def points(self, colour: str, kind: str = "full") -> list[tuple[float, float, str]]:
        """Places of the points of a colour, and what shows under the pointer."""
        found: list[tuple[float, float, str]] = []
        for one in self.of("path", colour):
            if "transform" in one.attrib and kind in one.get("class", "").split():
                x, y = re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", one.attrib["transform"])[0]
                found.append((float(x), float(y), "".join(one.itertext())))
        return found

    def lines(self, colour: str, width: float) -> list[tuple[Place, Place]]:
        """Ends of the straight lines of a colour and width."""
        return [
            ((float(a), float(b)), (float(c), float(d)))
            for one in self.of("path", colour)
            if float(one.get("stroke-width", 0)) == width and "transform" not in one.attrib
            for a, b, c, d in re.findall(
                r"M([-\d.]+),([-\d.]+)L([-\d.]+),([-\d.]+)", one.attrib["d"]
            )
        ]

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

    def is_sound(self) -> None:
        """It has a name, nothing leaves it, and no two words touch."""
        assert self.root.get("role") == "img"
        ids = {one.attrib["id"] for one in self.root.iter() if "id" in one.attrib}
        assert set(self.root.attrib["aria-labelledby"].split()) == ids
        assert len(ids) == 2
        wide, high = self.size
        for text, (left, top, right, bottom) in self.words():
            assert left >= -0.01 and right <= wide + 0.01, text
            assert top >= -0.01 and bottom <= high + 0.01, text
        for (one, a), (other, b) in combinations(self.words(), 2):
            beside = a[2] <= b[0] + 0.01 or b[2] <= a[0] + 0.01
            below = a[3] <= b[1] + 0.01 or b[3] <= a[1] + 0.01
            assert beside or below, (one, other)
        for one in self.of("rect"):
            if one.get("width") != "100%":
                x, y, w, h = (float(one.attrib[key]) for key in ("x", "y", "width", "height"))
                assert x >= 0 and y >= 0 and x + w <= wide + 0.01 and y + h <= high + 0.01


# Forest plots

QUERIES = {
    "difference": MetaQuery(drug="esketamine", at=672.0),
    "ratio": MetaQuery(metric="event", event="Dissociation"),
    "two": MetaQuery(drug="ketamine", metric="response", at=24.0),
    "one": MetaQuery(drug="ketamine", control="masked"),
}


@pytest.fixture(scope="module", params=list(QUERIES))
def result(request: pytest.FixtureRequest) -> MetaResult:
    return pool_comparable(QUERIES[request.param])


def _axis(drawn: Drawn, forest: Forest) -> tuple[float, float]:
    """Pixels of a value are `a + b * value` (or its logarithm), by two ticks of the axis."""
    ticks = [
        (float("".join(one.itertext()).replace("−", "-")), float(one.attrib["x"]))
        for one in drawn.of("text")
        if one.get("text-anchor") == "middle" and re.fullmatch(r"−?[\d.]+", "".join(one.itertext()))
    ]
    assert len(ticks) >= 2
    (v0, x0), (v1, x1) = ticks[0], ticks[-1]
    if forest.log:
        v0, v1 = math.log(v0), math.log(v1)
    slope = (x1 - x0) / (v1 - v0)
    return x0 - slope * v0, slope


def test_squares_whiskers_and_diamond_lie_at_their_values(result: MetaResult) -> None:
    forest = forest_of(result)
    drawn = Drawn(forest_svg(result))
    drawn.is_sound()
    start, slope = _axis(drawn, forest)

    def at(value: float) -> float:
        value = min(max(value, forest.ends[0]), forest.ends[1])
        return start + slope * (math.log(value) if forest.log else value)

    squares = [point for point in drawn.points(STUDY_COLOUR) if point[2]]
    whiskers = drawn.lines(STUDY_COLOUR, 1.6)
    assert len(squares) == len(forest.studies)
    for row, (x, y, told) in zip(forest.studies, squares, strict=True):
        assert x == pytest.approx(at(row.value), abs=0.05)
        assert told.startswith(f"{row.label}: {row.effect}")
        ((low, a), (high, b)) = next(line for line in whiskers if line[0][1] == y)
        assert a == b == y
        assert low == pytest.approx(at(row.low), abs=0.05)
        assert high == pytest.approx(at(row.high), abs=0.05)
        assert low < x < high
    shapes = [one for one in drawn.of("path", POOL_COLOUR) if one.get("fill") == "currentColor"]
    named = [one for one in shapes if "".join(one.itertext())]
    assert len(named) == (forest.pooled is not None)
    if forest.pooled is not None:
        corners = re.findall(r"([-\d.]+),([-\d.]+)", named[0].attrib["d"])
        across = [float(x) for x, _ in corners]
        expected = (forest.pooled.low, forest.pooled.value, forest.pooled.high)
        assert across[:3] == pytest.approx([at(one) for one in expected], abs=0.05)


def test_every_study_has_its_words_on_its_row(result: MetaResult) -> None:
    forest = forest_of(result)
    drawn = Drawn(forest_svg(result))
    texts = {"".join(one.itertext()): float(one.attrib["y"]) for one in drawn.of("text")}
    squares = [point for point in drawn.points(STUDY_COLOUR) if point[2]]
    for row, (_, y, _) in zip(forest.studies, squares, strict=True):
        assert texts[row.effect] == pytest.approx(y, abs=6.0)
        assert texts[row.label] == pytest.approx(y, abs=20.0)
    for above, below in pairwise(y for _, y, _ in squares):
        assert below - above >= 30.0
    # the words on a study are whole, if in several lines
    told = " ".join("".join(one.itertext()) for one in drawn.of("text"))
    assert all(row.detail in told for row in forest.studies)


def test_both_drawings_of_a_forest_plot_say_the_same(result: MetaResult) -> None:
    chart = str(forest_plot(result).to_dict())
    forest = forest_of(result)
    words = {text for text, _ in Drawn(forest_svg(result)).words()}
    assert {*forest.entries, *forest.lines, forest.title} <= words
    for text in (*forest.entries, *forest.lines, forest.title, *(r.effect for r in forest.studies)):
        assert text in chart


def test_the_png_is_the_svg_twice_as_large(result: MetaResult) -> None:
    picture = forest_png(result)
    wide, high = struct.unpack(">II", picture[16:24])
    assert (wide, high) == tuple(2 * side for side in Drawn(forest_svg(result)).size)


NUMBERS = st.floats(-40.0, 40.0)


@st.composite
def _forests(draw: st.DrawFn) -> Forest:
    words = st.text("abcdefgh XYZ-09", max_size=90)
    rows: list[ForestRow] = []
    for _ in range(draw(st.integers(1, 6))):
        value, reach = draw(NUMBERS), draw(st.floats(0.01, 60.0))
        label = draw(st.text("abcXYZ09_", min_size=1, max_size=20))
        text = f"{value:.2f} ({value - reach:.2f} to {value + reach:.2f})"
        row = ForestRow(
            label, value, value - reach, value + reach, text, draw(words), "12 vs 9", 0.2
        )
        rows.append(row)
    ends = (min(0.0, *(row.low for row in rows)), max(0.0, *(row.high for row in rows)))
    far = draw(st.floats(0.1, 500.0))
    pooled = ForestRow("Pooled", rows[0].value, -far, far, "1.00 (2.00 to 3.00)")
    return Forest(
        title=draw(words) or "T",
        lines=("a", "b " * draw(st.integers(1, 90))),
        x_title="mean difference",
        ends=ends,
        log=False,
        null=0.0,
        sides=("favours the drug", "favours control"),
        studies=tuple(rows),
        pooled=draw(st.sampled_from([None, pooled])),
        prediction=None,
    )


@given(_forests())
def test_no_words_of_a_forest_plot_touch(forest: Forest) -> None:
    text = forest_drawing(forest)
    assert text == forest_drawing(forest)
    drawn = Drawn(text)
    drawn.is_sound()
    for (x, _), (x2, _) in drawn.lines(STUDY_COLOUR, 1.6):
        assert x <= x2
    if forest.pooled is not None:
        cut = (forest.pooled.low < forest.ends[0]) + (forest.pooled.high > forest.ends[1])
        assert len(drawn.points(POOL_COLOUR)) == cut  # an arrow for each end that does not fit


def test_a_prediction_that_does_not_fit_ends_in_arrows() -> None:
    result = pool_comparable(QUERIES["ratio"])
    forest = forest_of(result)
    assert forest.prediction is not None
    low, high, words = forest.prediction
    assert low < forest.ends[0] and high > forest.ends[1]
    drawn = Drawn(forest_svg(result))
    arrows = drawn.points(POOL_COLOUR)
    ((left, y), (right, _)) = next(
        line for line in drawn.lines(POOL_COLOUR, 4.0) if line[0][1] == arrows[0][1]
    )
    assert [(x, at) for x, at, _ in arrows] == [(left, y), (right, y)]
    texts = [text for text, _ in drawn.words()]
    assert FURTHER in texts and words in texts


# Published values beside their predictions


@st.composite
def _beside_rows(draw: st.DrawFn) -> BesideRow:
    published, predicted, half, wide = (draw(st.integers(0, 1000)) / 1000 for _ in range(4))
    return BesideRow(
        draw(st.text("abcdefgh XYZ_−09", min_size=1, max_size=80)),
        "what it is",
        published,
        (max(published - half, 0.0), min(published + half, 1.0)),
        draw(st.booleans()),
        predicted,
        (max(predicted - wide, 0.0), min(predicted + wide, 1.0)),
    )


BLOCKS = st.builds(
    BesideBlock,
    st.text("abcdefgh XYZ,", max_size=120),
    st.lists(_beside_rows(), min_size=1, max_size=5).map(tuple),
    st.booleans(),
)


@given(st.lists(BLOCKS, min_size=1, max_size=3))
def test_rows_beside_each_other(blocks: list[BesideBlock]) -> None:
    drawn = Drawn(beside_drawing(blocks, "d"))
    drawn.is_sound()
    rows = [row for block in blocks for row in block.rows]
    points = drawn.points(INK) + drawn.points(INK, "hollow")
    assert len(points) == len(rows)
    assert len(drawn.points(INK)) == sum(row.fitted for row in rows)
    whiskers = drawn.lines(INK, 1.2)
    for x, y, _ in points:
        ((low, _), (high, _)) = next(line for line in whiskers if line[0][1] == y)
        assert low - 0.02 <= x <= high + 0.02
    for above, below in pairwise(sorted(y for _, y, _ in points)):
        assert below - above >= 24.0 - 0.02


def test_a_share_lies_where_it_says() -> None:
    row = BesideRow("a", "note", 0.5, (0.25, 0.75), True, 1.0, (0.5, 1.0))
    drawn = Drawn(beside_drawing([BesideBlock("patients", (row,), True)], "d"))
    ticks = {"".join(one.itertext()): float(one.attrib["x"]) for one in drawn.of("text")}
    zero, one = ticks["0\u202f%"], ticks["100\u202f%"]
    ((x, y, told),) = drawn.points(INK)
    assert x == pytest.approx((zero + one) / 2, abs=0.02)
    assert told == "note"
    (((low, at), (high, _)),) = drawn.lines(INK, 1.2)
    quarter = (one - zero) / 4
    assert (low, high) == pytest.approx((zero + quarter, one - quarter), abs=0.02)
    assert at == y
    band, predicted = drawn.of("rect", PREDICTED)
    assert float(band.attrib["x"]) == pytest.approx((zero + one) / 2, abs=0.02)
    middle = float(predicted.attrib["x"]) + float(predicted.attrib["width"]) / 2
    assert middle == pytest.approx(one, abs=0.02)


# Free numbers of a fit


def _numbers() -> list[Number]:
    prior = load_card("mood_prior")
    free = [s for s in prior.extra["prior"] if not s.startswith("tau_")]
    return [
        Number(
            symbol=s,
            unit="",
            meaning=prior.entry(s).meaning,
            scale="natural",
            prior=1.0,
            prior_sd=0.5,
            value=1.0 + 0.05 * i,
            sd=0.5 * (0.99 if i % 3 == 0 else 0.4),
        )
        for i, s in enumerate(free)
    ]


def test_numbers_lie_in_prior_sds_from_their_prior() -> None:
    numbers = _numbers()
    drawn = Drawn(interval_drawing(numbers))
    drawn.is_sound()
    ticks = {"".join(one.itertext()): float(one.attrib["x"]) for one in drawn.of("text")}
    one_sd = (ticks["2"] - ticks["0"]) / 2
    symbols = {"".join(one.itertext()): float(one.attrib["y"]) for one in drawn.of("text")}
    for colour, kind, moved in ((PREDICTED, "full", True), (UNMOVED, "hollow", False)):
        own = [one for one in numbers if one.moved == moved]
        lines, points = drawn.lines(colour, 2.2), drawn.points(colour, kind)
        assert len(own) > 0
        for one, (start, end), (x, y, told) in zip(own, lines, points, strict=True):
            middle, low, high = interval_in_priors(one)
            expected = [ticks["0"] + one_sd * value for value in (low, middle, high)]
            assert [start[0], x, end[0]] == pytest.approx(expected, abs=0.05)
            assert start[1] == end[1] == y
            assert abs(symbols[one.symbol] - y) < 6.0
            assert told.startswith(f"{one.symbol}, ")


def test_a_correlation_has_a_patch_as_strong_as_it_is() -> None:
    symbols = [one.symbol for one in _numbers()][:7]
    rng = np.random.default_rng(3)
    root = rng.normal(size=(7, 9))
    correlation = np.corrcoef(root)
    drawn = Drawn(correlation_drawing(symbols, correlation))
    drawn.is_sound()
    cells = {"".join(one.itertext()): one for one in drawn.of("rect") if "".join(one.itertext())}
    assert len(cells) == 21
    for i, symbol in enumerate(symbols):
        for j, other in enumerate(symbols[:i]):
            value = float(correlation[i, j])
            told = f"{symbol}, {other}: {value:.2f}".replace("-", "−")
            cell = cells[told]
            assert float(cell.get("opacity", 1.0)) == pytest.approx(abs(value), abs=0.006)
            assert cell.attrib["color"] == COLOURS["ketamine" if value > 0 else "r"]
    words = {"".join(one.itertext()): one.attrib for one in drawn.of("text")}
    last, first = symbols[-1], symbols[0]
    cell = cells[f"{last}, {first}: {correlation[6, 0]:.2f}".replace("-", "−")]
    # right of its row, and above its column
    assert abs(float(words[last]["y"]) - float(cell.attrib["y"]) - 14.0) < 0.01
    assert abs(float(words[first]["x"]) - float(cell.attrib["x"]) - 2.0) < 0.01


def test_unknown_symbols_of_one_number_are_drawn() -> None:
    (one, *_) = _numbers()
    Drawn(interval_drawing([one])).is_sound()
    Drawn(correlation_drawing([one.symbol], np.eye(1))).is_sound()
