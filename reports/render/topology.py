"""The drawing of sites, nodes, networks and observers, as vectors on the page.

Nodes stand side by side in their sites, and a line goes down from each. Every link has a row of its own, in which it joins the
lines of its two nodes; so no link and no text can cross another text, however many there are. A drawing that is
higher than the page goes on below the same nodes on the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from reportlab.lib.colors import Color, HexColor, white
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph

from analyzer.contract import Status
from reports.contract import MapLink, MapNode, MapObserver, MapSite, MapTap, Topology
from reports.render.glyphs import BOLD, REGULAR, clean
from reports.render.style import (
    GREY,
    HEADER,
    INK,
    MUTED,
    NAVY,
    PANEL,
    RULE,
    SMALL,
    STATUSES,
    Shade,
    markup,
    shortened,
)
from reports.texts import each, mark, say

EDGE = 108.0
"""Width at the right edge that belongs to the observers."""

SITE_GAP, SITE_PAD, SITE_TITLE = 8.0, 5.0, 15.0
NODE_LINE, NODE_PAD, CHIP_HEIGHT = 8.8, 4.0, 10.2
BAND, LINK, LAST = 17.0, 34.0, 4.0
SMALL_SIZE = 5.8
PLUG = 8.0
"""Height of the texts below the ends of a link."""
RATE = 10.0
"""Height of the text below a link: one without a rate leaves no empty line for it."""
SIZE, SMALLEST = 6.8, 5.2
NAME_SIZE, SMALL_NAME, NAME_LINES = 8.0, 6.4, 3

UNJUDGED = Shade(*GREY, "\N{WHITE CIRCLE}", mark("not judged"))
LIFE = HexColor("#c3ccd6")

STROKES: dict[Status | None, tuple[float, tuple[float, ...]]] = {
    Status.PASS: (1.3, ()),
    Status.INFO: (1.3, ()),
    Status.WARN: (1.6, (6, 2)),
    Status.FAIL: (2.4, ()),
    Status.ERROR: (1.6, (6, 2, 1.2, 2)),
    Status.SKIPPED: (1.3, (1.2, 2)),
    None: (1.3, (1.2, 2)),
}
"""Width and dash of a line: the result is readable without colour and without its label."""


@dataclass(frozen=True, slots=True)
class _Band:
    """The head of a network, or of the observers."""

    name: str
    note: str


_Row = _Band | MapLink | MapObserver


class Drawing(Flowable):
    """The topology, or the part of it whose rows fit the page."""

    def __init__(self, block: Topology, rows: tuple[_Row, ...] | None = None, *, last: bool = True) -> None:
        super().__init__()
        self._last = last
        self._block = block
        self._rows = _rows(block) if rows is None else rows
        self._caption = Paragraph(markup(block.caption), SMALL)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803 - reportlab's names
        """Size at the given width; long names of nodes take up to three lines, nothing else grows."""
        del aH
        self.width = aW
        self._foot = self._caption.wrap(aW, 1000)[1] + 2 if self._block.caption and self._last else 0.0
        self._head = _head(self._block, aW)
        self.height = self._head + sum(_height(row) for row in self._rows) + LAST + self._foot
        return aW, self.height

    def split(self, aW: float, aH: float) -> list[Flowable]:  # noqa: N803 - reportlab's names
        """The rows that fit and the rest, each below the nodes; no head of a network is left without a link."""
        self.wrap(aW, aH)
        # The caption stands below the last part only; at least one row goes there with it.
        room = aH - self._head - LAST
        count = 0
        for row in self._rows[:-1]:
            room -= _height(row)
            if room < 0:
                break
            count += 1
        while count and isinstance(self._rows[count - 1], _Band):
            count -= 1
        if count < 2:
            return []
        rest = self._rows[count:]
        if not isinstance(rest[0], _Band):
            band = next(row for row in reversed(self._rows[:count]) if isinstance(row, _Band))
            rest = (_Band(band.name, say("continued")), *rest)
        return [Drawing(self._block, self._rows[:count], last=False), Drawing(self._block, rest, last=self._last)]

    def draw(self) -> None:
        """Draw from the top down: first what lies behind, then lines, then texts."""
        canvas, block = self.canv, self._block
        canvas.saveState()
        places = _places(block, self.width)
        foot = self._foot + LAST
        top = self.height - self._head
        canvas.setStrokeColor(LIFE)
        canvas.setLineWidth(1)
        for x, _ in places.values():
            canvas.line(x, top + 1, x, foot)
        for site in block.sites:
            _draw_site(canvas, site, places, self.height, self._head)
        for row in self._rows:
            top -= _height(row)
            match row:
                case _Band():
                    _draw_band(canvas, row, top, self.width)
                case MapLink():
                    _draw_link(canvas, row, places, top, _span(block, self.width))
                case MapObserver():
                    _draw_observer(canvas, row, places, top, self.width)
        if self._foot:
            self._caption.drawOn(canvas, 0, 0)
        canvas.restoreState()


def _rows(block: Topology) -> tuple[_Row, ...]:
    rows: list[_Row] = []
    for network in block.networks:
        rows += [_Band(network.name, network.note), *network.links]
    if block.observers:
        rows += [_Band(*each("Observers", "asked by the nodes, without a collector of their own")), *block.observers]
    return tuple(rows)


def _height(row: _Row) -> float:
    if isinstance(row, _Band):
        return BAND
    if isinstance(row, MapObserver):
        return LINK
    return LINK - (0.0 if row.below else RATE) + (PLUG if any(row.plugs) else 0.0)


def _head(block: Topology, width: float) -> float:
    nodes = [node for site in block.sites for node in site.nodes]
    places = _places(block, width)
    names = max((len(_name(node.name, places[node.name][1])) for node in nodes), default=1)
    lines = max((len(node.lines) for node in nodes), default=0)
    return SITE_TITLE + NODE_PAD * 3 + NODE_LINE * (lines + names) + CHIP_HEIGHT + SITE_PAD + 4


def _box(column: float) -> float:
    """Width of a node's box."""
    return min(column - 6, 150.0)


def _name(name: str, column: float) -> list[str]:
    """A node's name in one to three lines, broken after a dot or a hyphen where there is one."""
    room = _box(column) - 6
    rest = clean(name).replace("\n", " ")
    if stringWidth(rest, BOLD, NAME_SIZE) <= room:
        return [rest]
    lines: list[str] = []
    while rest and len(lines) < NAME_LINES - 1 and stringWidth(rest, BOLD, SMALL_NAME) > room:
        fit = max(
            1, bisect_right(range(len(rest)), room, key=lambda count: stringWidth(rest[:count], BOLD, SMALL_NAME)) - 1
        )
        sign = max(rest.rfind(mark, fit // 2, fit) for mark in "-._ ") + 1
        lines.append(rest[: sign or fit])
        rest = rest[sign or fit :]
    return [*lines, rest]


def _span(block: Topology, width: float) -> float:
    """The width that the nodes share."""
    return width - EDGE if block.observers else width


def _places(block: Topology, width: float) -> dict[str, tuple[float, float]]:
    """Middle and width of each node's column, by name."""
    count = max(sum(len(site.nodes) for site in block.sites), 1)
    room = _span(block, width) - SITE_GAP * (len(block.sites) - 1) - 2 * SITE_PAD * len(block.sites)
    column = max(room / count, 1.0)
    found: dict[str, tuple[float, float]] = {}
    x = 0.0
    for site in block.sites:
        x += SITE_PAD
        for node in site.nodes:
            found[node.name] = (x + column / 2, column)
            x += column
        x += SITE_PAD + SITE_GAP
    return found


def _fitted(text: str, face: str, size: float, room: float) -> tuple[str, float]:
    """The text and its size: smaller first, then shortened in the middle, so that it is no wider than `room`."""
    text = clean(text).replace("\n", " ")
    wide = stringWidth(text, face, size)
    if wide <= room:
        return text, size
    size = max(SMALLEST, size * room / wide)
    return shortened(text, face, size, room), size


def _centred(canvas: Canvas, text: str, face: str, size: float, x: float, y: float, room: float) -> None:
    text, size = _fitted(text, face, size, room)
    canvas.setFont(face, size)
    canvas.drawCentredString(x, y, text)


def _draw_site(canvas: Canvas, site: MapSite, places: dict[str, tuple[float, float]], top: float, head: float) -> None:
    if not site.nodes:
        return
    first, column = places[site.nodes[0].name]
    last, _ = places[site.nodes[-1].name]
    left, right = first - column / 2 - SITE_PAD, last + column / 2 + SITE_PAD
    canvas.setFillColor(PANEL)
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.8)
    canvas.roundRect(left, top - head + 4, right - left, head - 4, 4, stroke=1, fill=1)
    canvas.setFillColor(NAVY)
    _centred(canvas, site.name, BOLD, 7.6, (left + right) / 2, top - 11, right - left - 8)
    for node in site.nodes:
        _draw_node(canvas, node, *places[node.name], top - SITE_TITLE, top - head + 4 + SITE_PAD)


def _draw_node(canvas: Canvas, node: MapNode, x: float, column: float, top: float, bottom: float) -> None:
    wide = _box(column)
    canvas.setFillColor(white)
    canvas.setStrokeColor(NAVY)
    canvas.setLineWidth(1)
    canvas.roundRect(x - wide / 2, bottom, wide, top - bottom, 3, stroke=1, fill=1)
    y = top - NODE_PAD - 7
    canvas.setFillColor(INK)
    name = _name(node.name, column)
    for place, part in enumerate(name):
        y -= NODE_LINE if place else 0
        _centred(canvas, part, BOLD, NAME_SIZE if len(name) == 1 else SMALL_NAME, x, y, wide - 6)
    canvas.setFillColor(MUTED)
    for line in node.lines:
        y -= NODE_LINE
        _centred(canvas, line, REGULAR, SIZE, x, y, wide - 6)
    _chip(canvas, node.status, x, bottom + NODE_PAD + CHIP_HEIGHT / 2, wide - 4)


def _chip(canvas: Canvas, status: Status | None, x: float, y: float, room: float) -> None:
    """A result as glyph and word on a tint, centred at x, y."""
    shade = STATUSES[status] if status is not None else UNJUDGED
    text, size = _fitted(f"{shade.glyph} {say(shade.word)}", BOLD, 6.4, room - 6)
    wide = stringWidth(text, BOLD, size) + 7
    canvas.setFillColor(shade.tint)
    canvas.setStrokeColor(shade.dark)
    canvas.setLineWidth(0.5)
    canvas.setDash([])
    canvas.roundRect(x - wide / 2, y - CHIP_HEIGHT / 2, wide, CHIP_HEIGHT, 2.2, stroke=1, fill=1)
    canvas.setFillColor(shade.dark)
    canvas.setFont(BOLD, size)
    canvas.drawCentredString(x, y - 2.3, text)


def _draw_band(canvas: Canvas, band: _Band, bottom: float, width: float) -> None:
    canvas.setFillColor(HEADER)
    canvas.rect(0, bottom + 2, width, BAND - 4, stroke=0, fill=1)
    canvas.setFillColor(NAVY)
    name, size = _fitted(band.name, BOLD, 7.4, 0.4 * width)
    canvas.setFont(BOLD, size)
    canvas.drawString(5, bottom + 6, name)
    after = 12 + stringWidth(name, BOLD, size)
    note, size = _fitted(band.note, REGULAR, SIZE, width - after - 5)
    canvas.setFont(REGULAR, size)
    canvas.setFillColor(MUTED)
    canvas.drawString(after, bottom + 6, note)


def _draw_link(
    canvas: Canvas, link: MapLink, places: dict[str, tuple[float, float]], bottom: float, span: float
) -> None:
    one, other = (places[end][0] for end in link.ends)
    plugged = PLUG if any(link.plugs) else 0.0
    middle, y = (one + other) / 2, bottom + plugged + LINK / 2 - (0.0 if link.below else RATE)
    shade = STATUSES[link.status] if link.status is not None else UNJUDGED
    _draw_line(canvas, shade.dark, link.status, one, other, y)
    for x in (one, other):
        _dot(canvas, shade.dark, x, y)
    _label(canvas, link.above, middle, y + 8, span)
    _label(canvas, link.below, middle, y - 12.5, span)
    for end, text in zip(link.ends, link.plugs, strict=True):
        x, column = places[end]
        _tag(canvas, text, REGULAR, SMALL_SIZE, x, bottom + 3.5, column - 4, MUTED)
    _chip(canvas, link.status, middle, y, abs(other - one) - 8)


def _draw_line(canvas: Canvas, colour: Color, status: Status | None, one: float, other: float, y: float) -> None:
    wide, dash = STROKES[status]
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(wide)
    canvas.setDash(list(dash))
    canvas.line(one, y, other, y)
    canvas.setDash([])


def _draw_tap(canvas: Canvas, tap: MapTap, x: float, y: float, room: float) -> None:
    """A dot where it answered, a cross where it did not, a ring where it was not asked; and the word above it."""
    shade = STATUSES[Status.FAIL]
    failed = tap.status is Status.FAIL
    if tap.status is Status.PASS:
        _dot(canvas, NAVY, x, y)
    else:
        canvas.setFillColor(white)
        canvas.setStrokeColor(shade.dark if failed else MUTED)
        canvas.setLineWidth(1.1)
        canvas.circle(x, y, 4.2 if failed else 3, stroke=not failed, fill=1)
    if failed:
        canvas.setLineWidth(2)
        canvas.line(x - 3, y - 3, x + 3, y + 3)
        canvas.line(x - 3, y + 3, x + 3, y - 3)
    text = f"{shade.glyph} {tap.text}" if failed else tap.text
    _tag(canvas, text, BOLD if failed else REGULAR, SIZE, x, y + 6.6, room, shade.dark if failed else INK)


def _dot(canvas: Canvas, colour: Color, x: float, y: float) -> None:
    canvas.setFillColor(colour)
    canvas.setStrokeColor(white)
    canvas.setLineWidth(0.8)
    canvas.circle(x, y, 3, stroke=1, fill=1)


def _tag(canvas: Canvas, text: str, face: str, size: float, x: float, y: float, room: float, ink: Color) -> None:
    """A short text centred at x, on white so that the node's line does not cross it."""
    if not text:
        return
    text, size = _fitted(text, face, size, room)
    wide = stringWidth(text, face, size)
    canvas.setFillColor(white)
    canvas.rect(x - wide / 2 - 1.5, y - 1.6, wide + 3, size + 1.4, stroke=0, fill=1)
    canvas.setFillColor(ink)
    canvas.setFont(face, size)
    canvas.drawCentredString(x, y, text)


def _label(canvas: Canvas, text: str, middle: float, y: float, span: float) -> None:
    """Text near the middle of its line, kept inside the drawing, on white so that nodes' lines end beside it."""
    if not text:
        return
    text, size = _fitted(text, REGULAR, SIZE, span - 6)
    wide = stringWidth(text, REGULAR, size)
    middle = min(max(middle, wide / 2 + 3), span - wide / 2 - 3)
    canvas.setFillColor(white)
    canvas.rect(middle - wide / 2 - 2, y - 1.6, wide + 4, size + 1.6, stroke=0, fill=1)
    canvas.setFillColor(INK)
    canvas.setFont(REGULAR, size)
    canvas.drawCentredString(middle, y, text)


def _draw_observer(
    canvas: Canvas, row: MapObserver, places: dict[str, tuple[float, float]], bottom: float, width: float
) -> None:
    left, y = width - EDGE + 8, bottom + LINK / 2 - 3
    taps = [(places[tap.node], tap) for tap in row.taps if tap.node in places]
    answered = [x for (x, _), tap in taps if tap.status is Status.PASS]
    if taps:
        # Where nobody answered there is no joining line: a thin dotted one shows where it should be.
        _draw_line(canvas, MUTED, None, min(x for (x, _), _ in taps), left, y)
    if answered:
        _draw_line(canvas, NAVY, Status.PASS, min(answered), left, y)
    for (x, column), tap in taps:
        _draw_tap(canvas, tap, x, y, column - 4)
    canvas.setFillColor(white)
    canvas.setStrokeColor(MUTED)
    canvas.setLineWidth(0.8)
    canvas.setDash([3, 1.6])
    canvas.roundRect(left, y - 10, width - left - 1, 23, 3, stroke=1, fill=1)
    canvas.setDash([])
    canvas.setFillColor(INK)
    middle, room = (left + width - 1) / 2, width - left - 9
    _centred(canvas, row.name, BOLD, 7, middle, y + 3.6, room)
    canvas.setFillColor(MUTED)
    _centred(canvas, row.note, REGULAR, 6.2, middle, y - 5.6, room)
