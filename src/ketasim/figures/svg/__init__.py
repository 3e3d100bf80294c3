"""A small writer of SVG for the page and the reports: no browser, no engine, text in, text out.

From below: `palette` has the colours by meaning, `lettering` the width of words, `scale` the axes
and their ticks, `paths` curves cut and thinned, `labels` words that keep apart. `Canvas` draws in
pixels, `Frame` has two axes and draws in the units of the data. A chart:

    frame = Frame(Axis(0, 84, "days", style="days"), Axis(0, 40, "MADRS, points"), width=350)
    frame.band(days, p05, p95, Look(COLOURS["mood"], opacity=0.17))
    frame.line(days, median, Look(COLOURS["mood"], 1.8))
    frame.points(visits, means, Look(COLOURS["mood"]), names=["day 7: 21 points", …])
    text = frame.canvas.document("MADRS over 84 days", "The median falls from 33 to 14 …")

`Frame` has `line`, `steps`, `band`, `points`, `shade`, `bar`, `doses`, `end_labels`, `note`; what
has no axes, or several, is drawn with the `stroke`, `segment`, `fill`, `rect`, `point` and `text`
of its `Canvas`, at pixels that `frame.x.of(value)` and `frame.y.of(value)` give; `frame.box` is the
plot. Several frames share a canvas through `canvas=`, `left=`, `top=`.

Elements have their colour as the attribute `color`, and by class: the style sheet of the reports
sets another one for dark pages and forced colours. The same chart is the same text.
"""

from ketasim.figures.svg.canvas import SHAPES as SHAPES
from ketasim.figures.svg.canvas import Canvas as Canvas
from ketasim.figures.svg.canvas import Look as Look
from ketasim.figures.svg.frame import Frame as Frame
from ketasim.figures.svg.labels import apart as apart
from ketasim.figures.svg.scale import Axis as Axis
from ketasim.figures.svg.scale import Scale as Scale
from ketasim.figures.svg.scale import nice as nice
from ketasim.figures.svg.scale import ticks as ticks
