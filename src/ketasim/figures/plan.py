"""Figures of a plan: every candidate by two criteria at a time, the front marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import words
from ketasim.figures.figure import DOTS, OPEN, Drawing, Figure, Legend
from ketasim.figures.svg import Axis, Frame, Look, nice
from ketasim.figures.svg.palette import AXIS, COLOURS, SOFT
from ketasim.planning.candidates.shown import SAID, heading, listed, number_of
from ketasim.planning.criteria import CRITERIA

if TYPE_CHECKING:
    import altair

    from ketasim.planning import Plan

FRONT: Final = COLOURS["ketamine"]
"""Colour of candidates on the front."""
UNCLEAR: Final = COLOURS["r"]
"""Colour of those that are there by less than the uncertainty."""

_LOOKS: Final = {
    "front": (FRONT, "circle", False, "on the front"),
    "front, unclear": (UNCLEAR, "diamond", False, "on the front, not clearly"),
    "dominated": (AXIS, "circle", False, "dominated"),
    "dominated, unclear": (AXIS, "circle", True, "dominated, not clearly"),
}
_SIZE: Final = 3.6
_WHISKER: Final = 0.9
_MOST_PANELS: Final = 3
_NEAR: Final = 13.0  # px, within which two numbers would lie upon each other
_SIDES: Final = (
    (7.0, 0.0, "start"),
    (-7.0, 0.0, "end"),
    (0.0, -10.0, "middle"),
    (0.0, 10.0, "middle"),
)
"""Where the number of a point may stand, the first with room."""


def plan_figures(plan: Plan) -> list[Figure]:
    """The first criterion of the front against each of the others, and the front marked.

    **Arguments:**

    - `plan`: what `plan` returned.
    """
    up, *across = plan.criteria
    known = [key for key in across if _assessed(plan, key)]
    if not _assessed(plan, up) or not known:
        return []
    drawings = tuple(Drawing(_panel(plan, key, up)) for key in known[:_MOST_PANELS])
    shown = [word for word in _LOOKS if any(p.word == word for p in plan.placed.values())]
    legend = [Legend("dot", _LOOKS[word][3], _LOOKS[word][0], _dot(word)) for word in shown]
    legend.append(Legend("line", "90 % uncertainty interval of one on the front", FRONT))
    ways = [
        f"{way} is better in {listed([key for key in (up, *known) if CRITERIA[key].better == way])}"
        for way in ("lower", "higher")
        if any(CRITERIA[key].better == way for key in (up, *known))
    ]
    caption = (
        f"{words.capital('; '.join(ways))}. Numbers are those of the tables. The front is over all "
        "criteria at once: in one panel a candidate of it may lie behind another. Intervals of "
        "single candidates overlap more than those of their differences, which the tables use: all "
        "have the same patients and parameter draws."
    )
    return [
        Figure(
            name="front",
            title="Figure 1. Candidates by the criteria of the front",
            drawings=drawings,
            legend=tuple(legend),
            caption=caption,
            columns=min(len(drawings), 2),
        )
    ]


def _assessed(plan: Plan, key: str) -> bool:
    return any(own[key].value is not None for own in plan.measures.values())


def _dot(word: str) -> str:
    return OPEN if _LOOKS[word][2] else DOTS[_LOOKS[word][1]]


def _panel(plan: Plan, across: str, up: str) -> str:
    """One criterion against another."""
    numbers = [
        number
        for number, own in plan.measures.items()
        if own[across].value is not None and own[up].value is not None and _known(plan, number)
    ]
    xs = {n: float(plan.measures[n][across].value or 0.0) for n in numbers}
    ys = {n: float(plan.measures[n][up].value or 0.0) for n in numbers}
    on = [n for n in numbers if plan.placed[n].on_front]
    spans = {n: plan.measures[n][up].quantiles for n in on}
    low = min([*ys.values(), *(s[0] for s in spans.values() if s[0] is not None)])
    high = max([*ys.values(), *(s[2] for s in spans.values() if s[2] is not None)])
    pad = 0.1 * ((max(xs.values()) - min(xs.values())) or 1.0)
    x = Axis(
        min(xs.values()) - pad,
        max(xs.values()) + pad,
        words.capital(heading(plan, across)),
        style=_style(across),
    )
    y = Axis(*nice(low, high), heading(plan, up), style=_style(up))
    frame = Frame(
        x, y, width=300, height=230, title=f"{words.capital(SAID[up])} and {SAID[across]}"
    )
    for number in on:
        bottom, _, top = spans[number]
        if bottom is not None and top is not None:
            colour = _LOOKS[plan.placed[number].word][0]
            look = Look(colour, _WHISKER, opacity=0.55)
            frame.line([xs[number]] * 2, [bottom, top], look)
    for number in [*(n for n in numbers if n not in on), *on]:
        colour, shape, hollow, stands = _LOOKS[plan.placed[number].word]
        name = f"{number}: {_name(plan, number)}; {stands}"
        look = Look(colour, 1.4, opacity=1.0 if hollow or number in on else 0.75)
        at = [xs[number]], [ys[number]]
        frame.points(*at, look, shape=shape, size=_SIZE, hollow=hollow, names=[name])
    _number(frame, {n: (xs[n], ys[n]) for n in on}, plan)
    told = ", ".join(
        f"{n} ({SAID[up]} {number_of(plan, n, up).value}, {SAID[across]} "
        f"{number_of(plan, n, across).value})"
        for n in on
    )
    description = (
        f"{len(numbers)} candidates by {SAID[up]} and {SAID[across]}. On the front: "
        f"{told or 'none'}. The tables have every number."
    )
    title = f"{words.capital(SAID[up])} against {SAID[across]}"
    return frame.canvas.document(title, description)


def _known(plan: Plan, number: int) -> bool:
    return plan.placed[number].word in _LOOKS


def _name(plan: Plan, number: int) -> str:
    return plan.candidates[number - 1].name


def _style(key: str) -> str:
    return "percent" if CRITERIA[key].unit == "fraction" else "number"


def _number(frame: Frame, places: dict[int, tuple[float, float]], plan: Plan) -> None:
    """Write the number beside each point of the front, where there is room for it."""
    taken: list[tuple[float, float]] = []
    for number, (x, y) in places.items():
        across, down = frame.x.of(x), frame.y.of(y)
        for right, below, anchor in _SIDES:
            at = across + right * 1.6, down + below
            if all(abs(at[0] - a) > _NEAR or abs(at[1] - b) > _NEAR for a, b in taken):
                taken.append(at)
                colour = _LOOKS[plan.placed[number].word][0]
                frame.note(
                    x,
                    y,
                    str(number),
                    colour=colour,
                    anchor=anchor,
                    across=right,
                    down=below,
                    halo=True,
                )
                break


def plot_plan(plan: Plan, *, x: str = "sessions", y: str = "score") -> altair.LayerChart:
    """Draw every candidate by two criteria, the front marked.

    **Main arguments:**

    - `plan`: what `plan` returned.

    **Other arguments:**

    - `x`, `y`: names of criteria.

    **Raises:** `InputError` when one is not known.
    """
    import altair as alt

    from ketasim.planning.criteria import PLANNED, criterion

    across, up = (
        criterion(name, field=field, among=PLANNED).key for field, name in (("x", x), ("y", y))
    )
    values: list[dict[str, Any]] = [
        {
            "candidate": one.number,
            "regimen": one.name,
            "place": plan.placed[one.number].word,
            "x": plan.measures[one.number][across].value,
            "y": plan.measures[one.number][up].value,
        }
        for one in plan.candidates
    ]
    order = [word for word in (*_LOOKS, "not placed") if any(v["place"] == word for v in values)]
    colours = [_LOOKS.get(word, (SOFT,))[0] for word in order]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("x:Q", title=heading(plan, across), scale=alt.Scale(zero=False)),
        y=alt.Y("y:Q", title=heading(plan, up), scale=alt.Scale(zero=False)),
        color=alt.Color("place:N", title="", scale=alt.Scale(domain=order, range=colours)),
        tooltip=["candidate:Q", "regimen:N", "place:N"],
    )
    points = base.mark_point(filled=True, size=60).encode(shape=alt.Shape("place:N", title=""))
    front = "datum.place == 'front' || datum.place == 'front, unclear'"
    numbers = base.mark_text(dx=9, align="left").encode(text="candidate:N")
    layers = [points, numbers.transform_filter(front)]
    return alt.LayerChart(layer=layers).properties(width=420, height=300)
