"""The legend of a chart: how lines, marks and layers look, and what says which is which."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from reports.contract import Mark
from reports.render.glyphs import BOLD, REGULAR, clean
from reports.render.layers import HATCH, HATCHED, LAYERS
from reports.render.style import INK, shortened

LEFT = 40.0
"""Room for the labels of the axis beside the plot, in points."""
LABEL_SIZE = 7.0
AXIS = HexColor("#8b95a1")

LOOKS: tuple[tuple[str, tuple[float, ...], str], ...] = (
    ("#073f75", (), ""),
    ("#d57010", (4.2, 1.6), ""),
    ("#2b8a5a", (1.2, 1.2), ""),
    ("#7b2d8b", (6, 1.6, 1.2, 1.6), ""),
    ("#2d3640", (), "o"),
    ("#c2407c", (4.2, 1.6), "s"),
)
"""Colour (safe for colour-blind readers, different in grey), dash and marker of the n-th line."""

FILL, FILL_EDGE, OUTLINE = 0.42, 0.3, 0.55
"""How a spread is drawn: how much of its colour a tint has, and the widths of its edge and of an outline, in points."""
HATCH_ON_OFF = (0.7, 1.8)
"""Height of a rung and of the room between two, in points."""


def outlined(place: int, count: int) -> bool:
    """Whether the n-th of several spreads is an outline; the next is a tint. Two tints that lie on each other are one grey in print.

    The first is the darkest, so that its outline is seen on the tint of the second. One alone is a tint.
    """
    return count > 1 and place % 2 == 0


MARKS = (
    ("#9d1c2a", "v", True, "\N{BLACK DOWN-POINTING TRIANGLE}"),
    ("#5f2a73", "v", False, "\N{WHITE DOWN-POINTING TRIANGLE}"),
    ("#855400", "^", True, "\N{BLACK UP-POINTING TRIANGLE}"),
    ("#465260", "^", False, "\N{WHITE UP-POINTING TRIANGLE}"),
    ("#0b5563", "s", True, "\N{BLACK SQUARE}"),
    ("#2d3640", "D", False, "\N{WHITE DIAMOND}"),
)
"""Colour, marker, whether it is filled, and the glyph of the legend of the n-th kind of mark: two that point down, two that point up, and
two that point nowhere."""


class Sign(Enum):
    """What an entry of a legend stands for."""

    LINE = auto()
    MARK = auto()
    SHADE = auto()
    LAYER = auto()
    OUTLINED = auto()
    FILLED = auto()


Entry = tuple[int, str, Sign]
"""Which of its kind it is, its text, and the kind."""

SHADE_COLOUR, SHADE_FOOT = HexColor("#d9dee4"), HexColor("#6b7682")
"""A stretch is light, for lines to be read on it. Its dark foot tells it from the grid, however short it is."""


def rows_of(entries: list[Entry], beside: float, width: float) -> list[list[tuple[float, Entry]]]:
    """Places of the entries, row by row; the first row begins beside the label of the axis."""
    rows: list[list[tuple[float, Entry]]] = [[]]
    x = beside
    for place, text, sign in entries:
        text = shortened(clean(text), REGULAR, LABEL_SIZE, width - LEFT - 40)
        room = 22 + stringWidth(text, REGULAR, LABEL_SIZE)
        if x + room > width:
            rows.append([])
            x = LEFT
        rows[-1].append((x, (place, text, sign)))
        x += room + 14
    return rows


def entry_drawn(canvas: Canvas, x: float, y: float, entry: Entry) -> None:
    """Draw an entry: a sample of what it stands for, and its text."""
    place, text, sign = entry
    canvas.saveState()
    if sign is Sign.SHADE or sign is Sign.LAYER:
        canvas.setFillColor(SHADE_COLOUR if sign is Sign.SHADE else HexColor(LAYERS[place % len(LAYERS)]))
        canvas.setStrokeColor(AXIS)
        canvas.setLineWidth(0.4)
        canvas.rect(x + 2, y - 1, 14, 6.5, stroke=int(sign is Sign.LAYER), fill=1)
        if sign is Sign.SHADE:
            canvas.setFillColor(SHADE_FOOT)
            canvas.rect(x + 2, y - 1, 14, 2.2, stroke=0, fill=1)
        if sign is Sign.LAYER and place % len(LAYERS) == HATCHED:
            canvas.setStrokeColor(HexColor(HATCH))
            canvas.setLineWidth(HATCH_ON_OFF[0])
            canvas.lines([(x + 2.2, y + up, x + 15.8, y + up) for up in (0.4, 2.9)])
    elif sign is Sign.MARK:
        colour, _, _, glyph = MARKS[place]
        canvas.setFont(BOLD, LABEL_SIZE)
        canvas.setFillColor(HexColor(colour))
        canvas.drawCentredString(x + 9, y - 0.5, glyph)
    else:
        colour, dash, marker = LOOKS[place % len(LOOKS)]
        canvas.setStrokeColor(HexColor(colour))
        canvas.setFillColor(HexColor(colour))
        _spread_drawn(canvas, x, y, sign)
        canvas.setLineWidth(1.4)
        canvas.setDash(list(dash))
        canvas.line(x, y + 2, x + 18, y + 2)
        if marker == "o":
            canvas.circle(x + 9, y + 2, 1.7, stroke=0, fill=1)
        elif marker == "s":
            canvas.rect(x + 7.4, y + 0.4, 3.2, 3.2, stroke=0, fill=1)
    canvas.setFillColor(INK)
    canvas.setFont(REGULAR, LABEL_SIZE)
    canvas.drawString(x + 22, y, text)
    canvas.restoreState()


def _spread_drawn(canvas: Canvas, x: float, y: float, sign: Sign) -> None:
    """What the band around a line looks like, in the colours that are set."""
    if sign is Sign.FILLED:
        canvas.setFillAlpha(FILL)
        canvas.rect(x, y - 1.2, 18, 6.4, stroke=0, fill=1)
        canvas.setFillAlpha(1)
    elif sign is Sign.OUTLINED:
        canvas.setLineWidth(OUTLINE)
        canvas.rect(x, y - 1.2, 18, 6.4, stroke=1, fill=0)


def signs(marks: Sequence[Mark]) -> dict[str, int]:
    """The sign of each kind of mark: what happened to the network points down, what happened to a machine up, as long as there are such signs."""
    kinds = list(dict.fromkeys((mark.label, mark.machine) for mark in marks))[: len(MARKS)]
    free = {False: (0, 1, 5, 4, 2, 3), True: (2, 3, 4, 5, 0, 1)}
    taken: dict[str, int] = {}
    for label, machine in kinds:
        taken[label] = next(sign for sign in free[machine] if sign not in taken.values())
    return taken
