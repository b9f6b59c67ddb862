"""Tables, callouts, checklists and literal text as flowables that fit the frame.

Widths follow the text: a column is never narrower than its longest ordinary word, takes no more
than it needs, and only names without a space are broken inside.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any

from reportlab.lib.colors import HexColor, linearlyInterpolatedColor, white
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable, Paragraph, Spacer, XPreformatted
from reportlab.platypus import Table as Grid

from analyzer.contract import Status
from reports.contract import Callout, Checklist, Table, Text
from reports.render.breaks import Cell, Rows, breakable
from reports.render.glyphs import BOLD, MONO, REGULAR, clean, covered
from reports.render.style import (
    BODY,
    CALLOUT_TEXT,
    CALLOUT_TITLE,
    CAPTION,
    CELL,
    CELL_BOLD,
    CELL_RIGHT,
    HEAD,
    HEAD_RIGHT,
    HEADER,
    INK,
    LITERAL,
    MUTED,
    NAVY,
    PANEL,
    RULE,
    SMALL,
    STATUSES,
    TONES,
    Shade,
    fixed,
    glued,
    markup,
    shortened,
)
from reports.texts import each, say

PADDING = 4.0
HEAT = HexColor("#efb27a")
"""Of the worst cell: ink on it has a contrast of 8 to 1, and it is darker in grey, too."""
CHIP_WIDTH = 22 * mm
LONGEST_WORD = 22
"""Words up to this many letters are kept whole; longer ones are names and may be broken."""

SMALLEST_LITERAL = 5.4


class Chip(Flowable):
    """A status as a small label: a glyph and a word on a tint, readable in grey."""

    def __init__(self, status: Status) -> None:
        super().__init__()
        self._shade = STATUSES[status]
        self.width, self.height = CHIP_WIDTH - 2 * PADDING - 1, 10.2

    def draw(self) -> None:
        """Draw the label."""
        canvas, shade = self.canv, self._shade
        canvas.setFillColor(shade.tint)
        canvas.setStrokeColor(shade.dark)
        canvas.setLineWidth(0.4)
        canvas.roundRect(0, -0.2, self.width, self.height, 2.2, stroke=1, fill=1)
        canvas.setFillColor(shade.dark)
        canvas.setFont(BOLD, 6.6)
        canvas.drawString(3, 2.6, shade.glyph)
        canvas.setFont(BOLD, 6.4)
        canvas.drawString(11, 2.6, shortened(say(shade.word), BOLD, 6.4, self.width - 13))


class Emblem(Flowable):
    """The sign of a callout: a disc with a glyph."""

    def __init__(self, shade: Shade) -> None:
        super().__init__()
        self._shade = shade
        self.width = self.height = 20.0

    def draw(self) -> None:
        """Draw the disc."""
        self.canv.setFillColor(self._shade.dark)
        self.canv.circle(10, 8, 10, stroke=0, fill=1)
        self.canv.setFillColorRGB(1, 1, 1)
        self.canv.setFont(BOLD, 12)
        self.canv.drawCentredString(10, 3.8, self._shade.glyph)


class Box(Flowable):
    """An empty square to tick with a pen."""

    def __init__(self) -> None:
        super().__init__()
        self.width = self.height = 9.0

    def draw(self) -> None:
        """Draw the square."""
        self.canv.setStrokeColor(NAVY)
        self.canv.setLineWidth(0.8)
        self.canv.rect(0, 0.6, 8, 8, stroke=1, fill=0)


class Ticks(XPreformatted):
    """A list to tick off: one entry a line, each entered by itself, so that a page may end between any two."""


def table(block: Table, width: float, height: float) -> list[Flowable]:
    """A table with its caption. `width` and `height` are those of the frame, in points."""
    if not block.rows:
        return [Paragraph(markup(say("Nothing to list.")), BODY)]
    titled = any(block.head)
    marked = any(status is not None for status in block.statuses)
    columns = _widths(block, titled, width - CHIP_WIDTH if marked else width)
    cells: list[list[Cell]] = []
    if titled:
        heads = [
            Paragraph(markup(text), HEAD_RIGHT if place in block.numeric else HEAD)
            for place, text in enumerate(block.head)
        ]
        cells.append([Paragraph(markup(say("Result")), HEAD), *heads] if marked else list(heads))
    for row, texts in enumerate(block.rows):
        line: list[Cell] = [
            _cell(block, row, place, text, columns[place], titled) if text else "" for place, text in enumerate(texts)
        ]
        if marked:
            status = block.statuses[row]
            line.insert(0, Chip(status) if status is not None else "")
        cells.append(line)
    names = [*([""] if titled else []), *(texts[0].partition("\n")[0] for texts in block.rows)]
    grid = _grid(cells, [CHIP_WIDTH, *columns] if marked else columns, Rows(names, titled, marked), height)
    grid.setStyle(_heat(block, int(titled), int(marked)))
    above = [Spacer(1, 3), Paragraph(markup(block.caption), CAPTION), Spacer(1, 2)] if block.caption else []
    return [*above, grid, Spacer(1, 6)]


def _cell(block: Table, row: int, place: int, text: str, width: float, titled: bool) -> Cell:
    """A cell: its first column in one piece, because its links are, of others each line by itself, so that a row can be broken between them."""
    style = _cell_style(block, place, titled)
    room = width - 2 * PADDING - 0.5
    if place == 0:
        return Paragraph(linked(block, row, _hyphened(text, style, room)), style)
    lines = text.split("\n")
    return [Paragraph(markup(_hyphened(line, style, room)), style) for line in lines]


def _hyphened(text: str, style: ParagraphStyle, room: float) -> str:
    """The text with names that are wider than `room` broken behind a ``-`` or ``_``, so that none is torn before ``.zip``."""

    def wide(part: str) -> float:
        # What is not plain letters may be drawn as something longer; it is left alone.
        return stringWidth(part, style.fontName, style.fontSize) if part.isascii() else 0.0

    def parted(word: str) -> str:
        lines = [""]
        for part in re.findall(r"[^-_]*[-_]+|[^-_]+", word):
            if lines[-1] and wide(lines[-1] + part) > room:
                lines.append("")
            lines[-1] += part
        return "\n".join(lines)

    return "\n".join(
        " ".join(parted(word) if wide(word) > room else word for word in line.split(" ")) for line in text.split("\n")
    )


def linked(block: Table, row: int, text: str) -> str:
    """The first text of a row as markup, with what it leads to and the places that links find here."""
    link = block.links[row] if row < len(block.links) else ""
    names = block.targets[row] if row < len(block.targets) else ()
    inner = f'<a href="#{link}" color="{NAVY.hexval().replace("0x", "#")}">{markup(text)}</a>' if link else markup(text)
    return "".join(f'<a name="{name}"/>' for name in names) + inner


def _heat(block: Table, top: int, left: int) -> list[Any]:
    """Shades behind the cells, between white and the darkest on which text reads well."""
    return [
        (
            "BACKGROUND",
            (left + column, top + row),
            (left + column, top + row),
            linearlyInterpolatedColor(white, HEAT, 0, 1, shade),
        )
        for row, shades in enumerate(block.heat)
        for column, shade in enumerate(shades)
        if shade > 0
    ]


def _cell_style(block: Table, place: int, titled: bool) -> ParagraphStyle:
    if place in block.numeric:
        return CELL_RIGHT
    return CELL_BOLD if not titled and place % 2 == 0 else CELL


def _grid(cells: list[list[Cell]], columns: list[float], rows: Rows, height: float) -> Grid:
    style: list[Any] = [
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),
        ("FONTSIZE", (0, 0), (-1, -1), CELL.fontSize),
        ("LEADING", (0, 0), (-1, -1), CELL.leading),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), PADDING),
        ("RIGHTPADDING", (0, 0), (-1, -1), PADDING),
        ("TOPPADDING", (0, 0), (-1, -1), 1.8),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, RULE),
    ]
    if rows.titled:
        style += [("BACKGROUND", (0, 0), (-1, 0), HEADER), ("LINEBELOW", (0, 0), (-1, 0), 0.7, NAVY)]
    else:
        style += [("LINEABOVE", (0, 0), (-1, 0), 0.4, RULE)]
    return breakable(cells, columns, style, rows, height)


def _widths(block: Table, titled: bool, width: float) -> list[float]:
    columns = range(len(block.widths))
    rows = [*([block.head] if titled else []), *block.rows]
    share = [part / sum(block.widths) * width for part in block.widths]
    word = [0.0] * len(share)
    line = [0.0] * len(share)
    for number, row in enumerate(rows):
        for place in columns:
            face = BOLD if titled and number == 0 else REGULAR
            size = HEAD.fontSize if titled and number == 0 else CELL.fontSize
            if not titled and place % 2 == 0:
                face = BOLD
            for text in glued(clean(row[place])).split("\n"):
                wide = stringWidth(text[:200], face, size) + 2 * PADDING + 1
                line[place] = max(line[place], wide)
                if place in block.numeric and number > 0 and len(text) <= LONGEST_WORD:
                    word[place] = max(word[place], wide)
                # By spaces alone: one that binds a number to its unit ends no word.
                for part in text.split(" "):
                    if len(part) <= LONGEST_WORD:
                        word[place] = max(word[place], stringWidth(part, face, size) + 2 * PADDING + 1)
    if sum(word) >= width:
        return [part / sum(word) * width for part in word]
    # Without a head (labels beside values) the shares hold, so that tables below each other align.
    chosen = [max(word[place], min(line[place], share[place]) if titled else share[place]) for place in columns]
    excess = sum(chosen) - width
    if excess > 0:
        spare = [chosen[place] - word[place] for place in columns]
        return [chosen[place] - excess * spare[place] / sum(spare) for place in columns]
    for _ in columns:
        hungry = [place for place in columns if line[place] > chosen[place] + 0.1]
        rest = width - sum(chosen)
        if not hungry or rest < 0.1:
            break
        whole = sum(share[place] for place in hungry)
        for place in hungry:
            chosen[place] = min(line[place], chosen[place] + rest * share[place] / whole)
    rest = width - sum(chosen)
    return [chosen[place] + rest * share[place] / width for place in columns]


def callout(block: Callout, width: float, height: float) -> list[Flowable]:
    """A tinted box with a bar, a sign, a title and a text."""
    shade = TONES[block.tone]
    words: list[Flowable] = [Paragraph(markup(block.title), CALLOUT_TITLE.clone("tone", textColor=shade.dark))]
    if block.text:
        words += [Spacer(1, 2), Paragraph(markup(block.text), CALLOUT_TEXT)]
    style: list[Any] = [
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),
        ("BACKGROUND", (0, 0), (-1, -1), shade.tint),
        ("LINEBEFORE", (0, 0), (0, -1), 3.5, shade.dark),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ("LEFTPADDING", (0, 0), (0, 0), 11),
        ("RIGHTPADDING", (-1, 0), (-1, -1), 10),
    ]
    grid = Grid([[Emblem(shade), words]], colWidths=[38, width - 38], style=style)
    if grid.wrap(width, height)[1] > 0.6 * height:
        grid = Grid(
            [["", word] for word in words if not isinstance(word, Spacer)],
            colWidths=[12, width - 12],
            style=style[:-2],
            splitInRow=1,
        )
    return [Spacer(1, 2), grid, Spacer(1, 5)]


def checklist(block: Checklist, width: float, height: float) -> list[Flowable]:
    """Lines with a box to tick; who is to do it stands on the right."""
    if not block.items:
        return [Paragraph(markup(say("Nothing to do.")), BODY)]
    named = any(who for _, who in block.items)
    right = 0.3 * width if named else 0.0
    rows: list[list[Cell]] = [
        [Box(), Paragraph(markup(what), CELL), *([Paragraph(markup(who), CELL)] if named else [])]
        for what, who in block.items
    ]
    columns = [16.0, width - 16 - right, *([right] if named else [])]
    if named:
        rows.insert(0, ["", *(Paragraph(markup(text), HEAD) for text in each("What", "Who"))])
    return [_grid(rows, columns, Rows([""] * len(rows), named), height), Spacer(1, 6)]


def literal(block: Text, width: float, height: float) -> list[Flowable]:
    """Text to paste: never re-wrapped; the face shrinks until the longest line fits."""
    del height
    lines = clean(block.text).rstrip("\n").split("\n")
    room = width - 16
    size = min(LITERAL.fontSize, room / max(*map(_fixed_width, lines), 1e-6))
    folded = size < SMALLEST_LITERAL
    if folded:
        # Beyond this nobody can read it: fold, and say so.
        size = SMALLEST_LITERAL
        lines = [part for line in lines for part in _folded(line, room / size)]
    style = LITERAL.clone(
        "text", fontSize=size, leading=size * 1.4, backColor=PANEL, borderColor=RULE, borderWidth=0.5,
        borderPadding=6, leftIndent=7, rightIndent=7, textColor=INK, spaceBefore=6, spaceAfter=8,
    )  # fmt: skip
    text = "\n".join(map(fixed, lines))
    made = Ticks if any(line.startswith("[ ] ") for line in lines) else XPreformatted
    note = (
        [Paragraph(markup(say("Lines that end in ↩ were too long for the page. Join them when you paste.")), SMALL)]
        if folded
        else []
    )
    title = Paragraph(markup(block.title), CAPTION.clone("literal title", textColor=MUTED))
    return [Spacer(1, 4), title, Spacer(1, 8), made(text, style), Spacer(1, 9), *note]


def _fixed_width(line: str) -> float:
    """Of a line of literal text at one point."""
    if line.isascii():
        return stringWidth("m", MONO, 1) * len(line)
    known = covered(MONO)
    return sum(stringWidth(letter, MONO if letter in known else REGULAR, 1) for letter in line)


def _folded(line: str, room: float) -> list[str]:
    """The line in parts that fit `room`, at one point; every part but the last ends in a sign."""
    parts: list[str] = []
    room -= stringWidth("\N{LEFTWARDS ARROW WITH HOOK}", MONO, 1)
    while line:
        fit = bisect_right(range(1, len(line) + 1), room, key=lambda count: _fixed_width(line[:count]))
        parts.append(line[: max(fit, 1)])
        line = line[max(fit, 1) :]
    return [*(f"{part}\N{LEFTWARDS ARROW WITH HOOK}" for part in parts[:-1]), *parts[-1:]] or [""]
