"""Charts: matplotlib draws the data straight onto the page, as vectors.

With `outlines` the only user of matplotlib. A chart is a flowable of fixed plot height. matplotlib does
scales, ticks' places, lines, bands and marks; the page sets every text itself, so that it stays
text in the embedded face, wraps or is shortened, and never covers the data. Lines differ in
colour, grey value and dash or marker, spreads that lie on each other in being an outline or a tint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, StepPatch
from matplotlib.path import Path as Outline
from matplotlib.ticker import MaxNLocator
from reportlab.lib.colors import Color, HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph

from reports import figures
from reports.axes import decades
from reports.contract import Band, Chart, Mark, Stack
from reports.render.glyphs import BOLD, REGULAR, clean
from reports.render.layers import HATCH, LAYERS, rungs, tops
from reports.render.legend import (
    AXIS,
    FILL,
    FILL_EDGE,
    HATCH_ON_OFF,
    LABEL_SIZE,
    LEFT,
    LOOKS,
    MARKS,
    OUTLINE,
    SHADE_COLOUR,
    SHADE_FOOT,
    Entry,
    Sign,
    entry_drawn,
    outlined,
    rows_of,
    signs,
)
from reports.render.outlines import PageRenderer
from reports.render.style import CAPTION, INK, MUTED, SMALL, markup
from reports.render.thinning import MOST, averaged, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLOT_HEIGHT, HALF_HEIGHT = 104.0, 64.0
"""Of a chart as wide as the page, and of one beside another: four rows of those fit a page with a table above them."""
RIGHT, BOTTOM = 8.0, 13.0
LEGEND_ROW = 11.0
STRIP = 7.0
"""Height of a row of marks above the plot, in points."""

HUGE = 1e15
"""In the units of an axis nothing measured is as large; only a damaged assessment has it, or infinity, and no scale does."""

PIN_ROW = 9.0
"""Height of the row of the pins' labels, in points."""
PIN_GAP = 1.5
"""Pins nearer to each other than this are drawn as one."""
PIN_COLOUR = HexColor("#465260")

BAR, FOOT = 1.5, 3.0
"""Least width of a stretch and height of its foot, in points."""

TICK_SIZE = 6.8

GRID = HexColor("#e1e6eb")


def plot_height(chart: Chart) -> float:
    """Height of the plot alone."""
    return HALF_HEIGHT if chart.half else PLOT_HEIGHT


class ChartBox(Flowable):
    """A chart with title, legend, axis labels and caption; it is never split."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        stack = replace(chart.stack, layers=tuple(map(averaged, chart.stack.layers))) if chart.stack else None
        self._chart = replace(chart, bands=tuple(map(thinned, chart.bands)), stack=stack)
        self._title = Paragraph(markup(chart.title), CAPTION.clone("chart title", textColor=INK))
        self._caption = Paragraph(markup(chart.caption), SMALL)
        self._marks = signs(chart.marks)
        self.least = (0.0, 0, 0.0)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803 - reportlab's names
        """Size at the given width: all but the plot itself depends on the length of the texts."""
        del aH
        self.width = aW
        least_title, least_rows, least_strips = self.least
        self._title_height = max(self._title.wrap(aW, 1000)[1], least_title)
        right = stringWidth(clean(self._chart.x_label), REGULAR, LABEL_SIZE)
        self._caption_height = self._caption.wrap(max(aW - LEFT - RIGHT - right - 14, 100), 1000)[1]
        self._foot = max(self._caption_height, 11.0)
        beside = LEFT + stringWidth(clean(self._chart.y_label), REGULAR, LABEL_SIZE) + 16
        self._legend = rows_of(self._labels(), beside, aW)
        rows = max(len(self._legend), least_rows)
        strips = max(STRIP * len(self._marks) + PIN_ROW * bool(self._chart.pins), least_strips)
        self.above = (self._title_height, rows, strips)
        self._plot = strips + plot_height(self._chart) + BOTTOM
        self.height = self._title_height + LEGEND_ROW * rows + 4 + self._plot + self._foot
        return aW, self.height

    @staticmethod
    def level(boxes: Sequence[ChartBox], width: float) -> None:
        """Give charts that stand beside each other, each so wide, the same room for title, legend and marks, so that their plots are level."""
        for box in boxes:
            box.wrap(width, 0.0)
        titles, rows, strips = zip(*(box.above for box in boxes), strict=True)
        for box in boxes:
            box.least = (max(titles), max(rows), max(strips))

    def _labels(self) -> list[Entry]:
        """Legend entries. One line without marks needs no legend."""
        chart = self._chart
        told = [(place, band.label, Sign.LAYER) for place, band in enumerate(chart.stack.layers if chart.stack else ())]
        told += [(place, band.label, _sign(chart, place)) for place, band in enumerate(chart.bands)]
        told += [(sign, label, Sign.MARK) for label, sign in self._marks.items()]
        told += [(0, shade.label, Sign.SHADE) for shade in chart.shades[:1]]
        return told if len(told) > 1 else []

    def draw(self) -> None:
        """Draw from the top down."""
        canvas, chart = self.canv, self._chart
        top = self.height - self._title_height
        for name in chart.targets:
            canvas.bookmarkHorizontal(name, 0, self.height + 4)
        self._title.drawOn(canvas, 0, self.height - self._title.height)
        canvas.setFont(REGULAR, LABEL_SIZE)
        canvas.setFillColor(MUTED)
        canvas.drawString(LEFT, top - LEGEND_ROW + 2.5, clean(chart.y_label))
        for row in self._legend:
            top -= LEGEND_ROW
            for x, entry in row:
                entry_drawn(canvas, x, top + 2.5, entry)
        canvas.drawRightString(self.width - RIGHT, self._foot - SMALL.fontSize, clean(chart.x_label))
        self._caption.drawOn(canvas, LEFT, self._foot - self._caption_height)
        canvas.saveState()
        canvas.translate(0, self._foot)
        _draw_plot(canvas, chart, self._marks, self.width, self._plot)
        canvas.restoreState()


def _draw_plot(canvas: Canvas, chart: Chart, marks: Mapping[str, int], width: float, height: float) -> None:
    figure = Figure(figsize=(width / 72, height / 72), dpi=72, frameon=False)
    FigureCanvasBase(figure)
    axes = figure.add_axes(
        (LEFT / width, BOTTOM / height, (width - LEFT - RIGHT) / width, plot_height(chart) / height), frameon=False
    )
    # The page sets the labels: matplotlib's own cost more time than the data.
    axes.set_axis_off()
    if chart.stack:
        _draw_stack(axes, chart.stack, chart.bands)
    else:
        for place, band in enumerate(chart.bands):
            _draw_band(axes, band, place, chart)
    across, upwards = _scale(axes, chart)
    for colour, part in ((SHADE_COLOUR, 1.0), (SHADE_FOOT, FOOT / plot_height(chart))):
        behind = _bars(axes, chart.shades, part)
        behind.set(color=f"#{colour.hexval()[2:]}", zorder=0)
        axes.add_artist(behind)
    _draw_marks(axes, chart, marks)
    _draw_grid(canvas, axes, across, upwards, chart.log_x)
    _draw_pins(canvas, axes, chart, axes.bbox.y1 + STRIP * len(marks))
    figure.draw(PageRenderer(canvas, width, height))


def _bars(axes: Axes, marks: Sequence[Mark], high: float = 1.0) -> PathPatch:
    """Stretches of the run as one shape, as high as this share of the plot. What the page cannot tell apart is one stretch: hundreds of tests are no more ink."""
    first, last = axes.get_xlim()
    apart, least = (last - first) / MOST, BAR * (last - first) / axes.bbox.width
    spans: list[list[float]] = []
    for start, end in sorted((mark.x, mark.x + mark.length) for mark in marks):
        # What is no wider than a line of the grid would be taken for one.
        start, end = max(start, first), min(max(end, start + least), last)
        if not end >= start:
            continue
        if spans and start - spans[-1][1] < apart:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([start, end])
    corners = [
        (x, y) for start, end in spans for x, y in ((start, 0), (end, 0), (end, high), (start, high), (start, 0))
    ]
    shape = Outline(np.array(corners or np.empty((0, 2))), [1, 2, 2, 2, 79] * len(spans) or None)
    patch = PathPatch(shape, linewidth=0)
    patch.set_transform(axes.get_xaxis_transform())
    return patch


def _draw_grid(canvas: Canvas, axes: Axes, across: list[float], upwards: list[float], both: bool) -> None:
    """Grid, axes and labels; a label that would touch the one before it is left out."""
    box = axes.bbox
    canvas.saveState()
    canvas.setFont(REGULAR, TICK_SIZE)
    canvas.setFillColor(INK)
    for tick in upwards:
        y = axes.transData.transform((axes.get_xlim()[0], tick))[1]
        _line(canvas, GRID, box.x0, y, box.x1, y)
        canvas.drawRightString(box.x0 - 4, y - 2.4, figures.number(tick))
    edge = -math.inf
    for tick in across:
        x = axes.transData.transform((tick, axes.get_ylim()[0]))[0]
        if both:
            _line(canvas, GRID, x, box.y0, x, box.y1)
        _line(canvas, AXIS, x, box.y0, x, box.y0 - 2.5)
        label = figures.number(tick, 4)
        half = stringWidth(label, REGULAR, TICK_SIZE) / 2
        if x - half > edge + 4:
            canvas.drawCentredString(x, box.y0 - 10, label)
            edge = x + half
    _line(canvas, AXIS, box.x0, box.y0, box.x1, box.y0)
    _line(canvas, AXIS, box.x0, box.y0, box.x0, box.y1)
    canvas.restoreState()


def _line(canvas: Canvas, colour: Color, x0: float, y0: float, x1: float, y1: float) -> None:
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.5)
    canvas.line(x0, y0, x1, y1)


def _known(values: Sequence[float | None], log: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values as an array; what is absent, or has no place on a log axis, is not a number."""
    array = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    array[~(np.abs(array) < HUGE)] = math.nan
    if log:
        array[array <= 0] = math.nan
    return array


def _sign(chart: Chart, place: int) -> Sign:
    """How the n-th band is drawn: a line alone, or one with its spread."""
    spread = [bool(band.low and band.high and band.x) and not chart.stack for band in chart.bands]
    if not spread[place]:
        return Sign.LINE
    return Sign.OUTLINED if outlined(sum(spread[:place]), sum(spread)) else Sign.FILLED


def _draw_band(axes: Axes, band: Band, place: int, chart: Chart) -> None:
    colour, dash, marker = LOOKS[place % len(LOOKS)]
    style: Any = (0, dash) if dash else "solid"
    x, mid = _known(band.x, chart.log_x), _known(band.mid, chart.log_y)
    if np.isnan(x).any() and band.low:
        # Only a damaged assessment has a bin without a place.
        return
    if not (band.low and band.high and len(x)):
        every = max(len(x) // 9, 1)
        line = Line2D(x, mid, color=colour, linewidth=1.1, linestyle=style, marker=marker, markersize=3.2)
        line.set(markeredgewidth=0, markevery=(place * every // len(LOOKS), every), zorder=3)
        axes.add_artist(line)
        return
    # Steps as wide as a bin: as a line, a bin between two gaps would vanish.
    step = float(np.median(np.diff(x))) if len(x) > 1 else 1.0
    edges = np.append(x, x[-1] + step)
    low: Any = _known(band.low, chart.log_y)
    low = np.where(np.isnan(low), mid, low)
    none: Any = None
    spread = StepPatch(_known(band.high, chart.log_y), edges, baseline=low, fill=True)
    if _sign(chart, place) is Sign.OUTLINED:
        # Over every tint: it is what tells one direction from the other in grey.
        spread.set(fill=False, edgecolor=colour, linewidth=OUTLINE, linestyle=style, zorder=2)
    else:
        spread.set(color=colour, alpha=FILL, linewidth=FILL_EDGE)
    middle = StepPatch(mid, edges, baseline=none, fill=False)
    # Several may be the same all the time: each shows beneath the next, which is thinner.
    later = len(chart.bands) - 1 - place if len(chart.bands) > 2 else 0
    middle.set(edgecolor=colour, linewidth=0.9 + 0.5 * min(later, 2), linestyle=style, zorder=3)
    # Not axes.stairs: it measures every step for automatic limits, which are ours.
    axes.add_artist(spread)
    axes.add_artist(middle)


def _draw_stack(axes: Axes, stack: Stack, lines: Sequence[Band]) -> None:
    """The layers from the highest down, each from the foot of the plot, and lines over them."""
    edges, heights = tops(stack)
    if not len(edges) or not (np.abs(edges) < HUGE).all():
        # Only a damaged assessment has a bin without a place.
        return
    for place, height in reversed(list(enumerate(heights))):
        layer = StepPatch(height, edges, baseline=0, fill=True)
        layer.set(facecolor=LAYERS[place % len(LAYERS)], edgecolor=LAYERS[place % len(LAYERS)], linewidth=0.2, zorder=1)
        axes.add_artist(layer)
    least = HATCH_ON_OFF[1] * stack.whole / PLOT_HEIGHT
    ends = [(x, y) for x, *foot_and_head in rungs(edges, heights, least) for y in foot_and_head]
    if ends:
        # A dashed line as wide as a bin: also a peak of one bin has rungs and stays dark.
        wide = axes.bbox.width / (len(edges) - 1)
        hatch = PathPatch(Outline(np.array(ends), [1, 2] * (len(ends) // 2)), fill=False, zorder=2)
        hatch.set(edgecolor=HATCH, linewidth=wide, linestyle=(0, tuple(part / wide for part in HATCH_ON_OFF)))
        hatch.set_capstyle("butt")
        axes.add_artist(hatch)
    none: Any = None
    for place, line in enumerate(lines):
        x = _known(line.x, log=False)
        if np.isnan(x).any() or not len(x):
            continue
        steps = StepPatch(_known(line.mid, log=False), np.append(x, max(edges[-1], x[-1])), baseline=none, fill=False)
        steps.set(edgecolor=LOOKS[place % len(LOOKS)][0], linewidth=0.6, zorder=3)
        axes.add_artist(steps)


def _scale(axes: Axes, chart: Chart) -> tuple[list[float], list[float]]:
    """Set scales and limits; answer the places of the labels, across and upwards."""
    heights = [value for band in chart.bands for row in (band.low, band.mid, band.high) for value in row]
    low, high, upwards = _limits(heights, chart.log_y, 4 if chart.half else 5)
    if chart.stack:
        low, high, upwards = 0.0, chart.stack.whole, [chart.stack.whole * quarter / 4 for quarter in range(5)]
    bands = (*chart.stack.layers, *chart.bands) if chart.stack else chart.bands
    starts = [value for band in bands for value in (*band.x, *(chart.span or ())) if abs(value) < HUGE]
    if chart.log_x:
        first, last, across = _limits(starts, log=True, count=10)
    else:
        widths = [band.x[1] - band.x[0] for band in bands if len(band.x) > 1 and (band.low or chart.stack)]
        first = min(starts, default=0.0)
        begins = max(starts, default=1.0)
        last = begins + max(widths, default=0.0)
        if chart.end is not None and begins < chart.end < last:
            last = chart.end
        last = last if last > first else first + 1.0
        steps = MaxNLocator(12, steps=[1, 2, 3, 4, 5, 6, 10]).tick_values(first, last)
        across = [float(tick) for tick in steps if first <= tick <= last * 1.001]
    axes.set_xscale("log" if chart.log_x else "linear")
    axes.set_yscale("log" if chart.log_y else "linear")
    axes.set_xlim(first, last)
    axes.set_ylim(low, high)
    return across, upwards


def _limits(values: Sequence[float | None], log: bool, count: int) -> tuple[float, float, list[float]]:
    """Lowest and highest end of an axis and the places of its labels, a few and all inside."""
    known = [value for value in values if value is not None and abs(value) < HUGE and (value > 0 or not log)]
    if not known:
        return (0.1, 10.0, [0.1, 1.0, 10.0]) if log else (0.0, 1.0, [0.0, 0.5, 1.0])
    low, high = min(known), max(known)
    if not log:
        low = min(low, 0.0)
        high = high * 1.05 if high > 0 else 1.0
        places = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        return low, high, [float(tick) for tick in places if low <= tick <= high]
    return decades(low, high, count)


def _draw_marks(axes: Axes, chart: Chart, signs: Mapping[str, int]) -> None:
    """A row of ticks above the plot for each label; long marks also get their length."""
    first, last = axes.get_xlim()
    transform = axes.get_xaxis_transform()
    for row, (label, sign) in enumerate(signs.items()):
        colour, marker, filled, _ = MARKS[sign]
        events = [mark for mark in chart.marks if mark.label == label]
        level = 1 + (row + 0.5) * STRIP / plot_height(chart)
        step = (last - first) / MOST
        centres = [mark.x + mark.length / 2 for mark in events]
        middles = {round((x - first) / step): x for x in centres if first <= x <= last}
        ticks = Line2D(list(middles.values()), [level] * len(middles), linestyle="none")
        ticks.set(marker=marker, markersize=4.2, color=colour, markeredgewidth=0.7, clip_on=False, transform=transform)
        ticks.set_markerfacecolor(colour if filled else "white")
        axes.add_artist(ticks)
        long = _bars(axes, [mark for mark in events if mark.length > (last - first) / 400])
        long.set(color=colour, alpha=0.14)
        axes.add_artist(long)


def _draw_pins(canvas: Canvas, axes: Axes, chart: Chart, above: float) -> None:
    """A dashed line through the plot for each pin; a label that would touch the one before it is left out."""
    box, (first, last) = axes.bbox, axes.get_xlim()
    canvas.saveState()
    canvas.setFont(BOLD, TICK_SIZE)
    canvas.setFillColor(PIN_COLOUR)
    canvas.setDash([1.5, 1.5])
    drawn = edge = -math.inf
    for pin in sorted(chart.pins, key=lambda pin: pin.x):
        if not first <= pin.x <= last:
            continue
        x = axes.transData.transform((pin.x, axes.get_ylim()[0]))[0]
        if x - drawn < PIN_GAP:
            continue
        drawn = x
        _line(canvas, PIN_COLOUR, x, box.y0, x, above + 1)
        label = clean(pin.label)
        half = stringWidth(label, BOLD, TICK_SIZE) / 2
        if x - half > edge + 2:
            canvas.drawCentredString(x, above + 2.5, label)
            edge = x + half
    canvas.restoreState()
