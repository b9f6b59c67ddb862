"""What a renderer put where: a canvas that keeps a log beside drawing, and the checks on that log.

Nothing is guessed from pixels: positions, faces and room are those with which the renderer itself worked.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.textobject import PDFTextObject
from reportlab.platypus import Flowable

from reports.render.glyphs import covered
from reports.render.pdf import Paper, render
from reports.render.style import MARGIN

SLACK = 0.6
"""Points: rounding, and the white edge of a letter."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A text as it was set: the line it stands on, how wide it is, and the room that its flowable was given."""

    page: int
    text: str
    face: str
    x0: float
    x1: float
    y0: float
    y1: float
    owner: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle that was drawn."""

    page: int
    x0: float
    x1: float
    y0: float
    y1: float


@dataclass(slots=True)
class Log:
    """All of a document."""

    pieces: list[Piece] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    size: tuple[float, float] = (0.0, 0.0)


class _Words(PDFTextObject):
    """Text that tells the log where it stands; reportlab's own cursor does not follow what a paragraph prints."""

    def __init__(self, canvas: Any, *args: Any, **more: Any) -> None:
        super().__init__(canvas, *args, **more)
        self._along = self._down = self._gap = 0.0

    def setWordSpace(self, wordSpace: float) -> None:  # noqa: N803
        self._gap = wordSpace
        super().setWordSpace(wordSpace)

    def setTextOrigin(self, x: float, y: float) -> None:
        self._along = self._down = 0.0
        super().setTextOrigin(x, y)

    def moveCursor(self, dx: float, dy: float) -> None:
        self._along = 0.0
        super().moveCursor(dx, dy)

    def _textOut(self, text: str, TStar: int = 0) -> None:  # noqa: N803
        self._tell(text)
        if TStar:
            self._along = 0.0
            self._down += self._leading
        super()._textOut(text, TStar)

    def textOut(self, text: str) -> None:
        before = self._x
        self._along = 0.0
        self._tell(text)
        super().textOut(text)
        self._along = 0.0
        assert self._x >= before

    def textLine(self, text: str = "") -> None:
        self._tell(text)
        super().textLine(text)
        self._along = 0.0

    def _tell(self, text: str) -> None:
        wide = stringWidth(text, self._fontname, self._fontsize) + self._gap * text.count(" ")
        x = self._x + self._along
        self._canvas.put(text, self._fontname, self._fontsize, x, self._y - self._down, wide)
        self._along += wide


class Logged(Canvas):
    """The canvas; the log is that of the run under way."""

    log = Log()
    forming = False
    """While a form is made: its place is another one on every page."""

    def beginForm(self, *args: Any, **more: Any) -> None:
        self.forming = True
        super().beginForm(*args, **more)

    def endForm(self, **more: Any) -> None:
        super().endForm(**more)
        self.forming = False

    def beginText(self, x: float = 0, y: float = 0, direction: Any = None) -> Any:
        return _Words(self, x, y, direction=direction)

    def put(self, text: str, face: str, size: float, x: float, y: float, wide: float) -> None:
        if not text.strip() or self.forming:
            return
        lead = len(text) - len(text.lstrip(" "))
        x += stringWidth(" " * lead, face, size)
        wide -= stringWidth(" " * (len(text) - len(text.strip(" "))), face, size)
        (x0, low), (x1, high) = (
            self.absolutePosition(x, y - 0.16 * size),
            self.absolutePosition(x + wide, y + 0.7 * size),
        )
        owner, left, right = _stack[-1] if _stack else ("page", MARGIN, self._pagesize[0] - MARGIN)
        self.log.pieces.append(
            Piece(self.getPageNumber(), text.strip(" "), face, x0, x1, low, high, owner, left, right)
        )

    def rect(
        self, x: float, y: float, width: float, height: float, stroke: int = 1, fill: int = 0, **more: Any
    ) -> None:
        self._box(x, y, width, height)
        super().rect(x, y, width, height, stroke=stroke, fill=fill, **more)

    def roundRect(self, x: float, y: float, width: float, height: float, *rest: Any, **more: Any) -> None:
        self._box(x, y, width, height)
        super().roundRect(x, y, width, height, *rest, **more)

    def _box(self, x: float, y: float, width: float, height: float) -> None:
        (x0, y0), (x1, y1) = self.absolutePosition(x, y), self.absolutePosition(x + width, y + height)
        self.log.boxes.append(Box(self.getPageNumber(), min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)))

    def bookmarkHorizontal(self, key: str, *rest: Any, **more: Any) -> None:
        self.log.places.add(key)
        super().bookmarkHorizontal(key, *rest, **more)

    def bookmarkPage(self, key: str, *rest: Any, **more: Any) -> Any:
        self.log.places.add(key)
        return super().bookmarkPage(key, *rest, **more)

    def linkRect(self, contents: str, destinationname: str, *rest: Any, **more: Any) -> Any:
        self.log.links.append(destinationname)
        return super().linkRect(contents, destinationname, *rest, **more)


_stack: list[tuple[str, float, float]] = []


@contextmanager
def _watched(log: Log) -> Iterator[None]:
    """Every flowable tells the room it was given while it draws."""
    drawn = Flowable._drawOn

    def draw(self: Any, canvas: Any) -> None:
        width = getattr(self, "width", 0.0)
        wide = width if isinstance(width, int | float) else 0.0
        left, right = canvas.absolutePosition(0, 0)[0], canvas.absolutePosition(wide, 0)[0]
        if hasattr(self, "getPlainText"):
            log.told.append(self.getPlainText())
        _stack.append((type(self).__name__, left, right))
        try:
            drawn(self, canvas)
        finally:
            _stack.pop()

    Flowable._drawOn = draw
    old, Logged.log = Logged.log, log
    try:
        yield
    finally:
        Flowable._drawOn = drawn
        Logged.log = old


def drawn(parts: Iterable[Any], imprint: Any, paper: Paper = Paper.A4) -> tuple[bytes, Log]:
    """The document and the log of it."""
    log = Log()
    with _watched(log):
        document = render(parts, imprint, paper, Logged)
    log.size = {Paper.A4: (595.28, 841.89), Paper.LETTER: (612.0, 792.0)}[paper]
    return document, log


def overfull(log: Log) -> list[str]:
    """Texts that are wider than the cell, box or page that they were given."""
    return [
        f"page {piece.page}, {piece.owner}: {piece.text!r} {piece.x0:.1f}..{piece.x1:.1f} in {piece.left:.1f}..{piece.right:.1f}"
        for piece in log.pieces
        if piece.x0 < piece.left - SLACK or piece.x1 > piece.right + SLACK
    ]


def clipped(log: Log) -> list[str]:
    """Texts that leave the paper's margins, or stick out of a rectangle that was drawn around them."""
    width, height = log.size
    told = [
        f"page {piece.page}: {piece.text!r} outside the margins"
        for piece in log.pieces
        if piece.x0 < MARGIN - SLACK or piece.x1 > width - MARGIN + SLACK or piece.y0 < 20 or piece.y1 > height - 20
    ]
    by_page: dict[int, list[Box]] = defaultdict(list)
    for box in log.boxes:
        by_page[box.page].append(box)
    for piece in log.pieces:
        x, y = (piece.x0 + piece.x1) / 2, (piece.y0 + piece.y1) / 2
        around = [box for box in by_page[piece.page] if box.x0 <= x <= box.x1 and box.y0 <= y <= box.y1]
        if around:
            box = min(around, key=lambda box: (box.x1 - box.x0) * (box.y1 - box.y0))
            if piece.x0 < box.x0 - SLACK or piece.x1 > box.x1 + SLACK:
                told.append(f"page {piece.page}, {piece.owner}: {piece.text!r} sticks out of its box")
    return told


def overlapping(log: Log) -> list[str]:
    """Texts that lie on each other."""
    told = []
    rows: dict[int, list[Piece]] = defaultdict(list)
    for piece in log.pieces:
        rows[piece.page].append(piece)
    for members in rows.values():
        members.sort(key=lambda piece: piece.y0)
        for place, piece in enumerate(members):
            for other in members[place + 1 :]:
                if other.y0 >= piece.y1 - SLACK:
                    break
                if min(piece.x1, other.x1) - max(piece.x0, other.x0) > SLACK:
                    told.append(f"page {piece.page}: {piece.text!r} and {other.text!r}")
    return told


def missing_glyphs(log: Log) -> list[str]:
    """Letters that the face of their text does not have."""
    return [
        f"page {piece.page}: {piece.text!r} in {piece.face}"
        for piece in log.pieces
        if not covered(piece.face).issuperset(piece.text.replace("\n", ""))
    ]


def unreferenced(log: Log) -> list[str]:
    """Figures that no text names, or that a text names and that are not there."""
    figures = {int(found[1]) for text in log.told if (found := re.match(r"Figure (\d+)\. ", text))}
    named: set[int] = set()
    for text in log.told:
        for first, last in re.findall(r"See figures? (\d+)(?: to (\d+))?\.", text):
            named |= set(range(int(first), int(last or first) + 1))
    return [f"figure {number}" for number in sorted(figures ^ named)]


def dangling(log: Log) -> list[str]:
    """Links without a place."""
    return sorted(set(log.links) - log.places)


CHECKS = (overfull, clipped, overlapping, missing_glyphs, unreferenced, dangling)
