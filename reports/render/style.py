"""The look of the document: faces, colours and paragraph styles. Nothing here draws."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth

from analyzer.contract import Status
from reports.contract import Tone
from reports.render.glyphs import BOLD, MONO, REGULAR, clean, covered

INK = HexColor("#1f2933")
NAVY = HexColor("#17365d")
MUTED = HexColor("#5c6773")
RULE = HexColor("#d3d9e0")
HEADER = HexColor("#eef2f6")
PANEL = HexColor("#f6f8fa")

MARGIN = 18 * mm


@dataclass(frozen=True, slots=True)
class Shade:
    """How a tone or a status looks: dark enough for text, a tint behind it, and a glyph with a word."""

    dark: Color
    tint: Color
    glyph: str
    word: str


GREEN = (HexColor("#17633f"), HexColor("#e6f3ec"))
AMBER = (HexColor("#855400"), HexColor("#fdf2dc"))
RED = (HexColor("#9d1c2a"), HexColor("#fae6e8"))
BLUE = (HexColor("#1c5590"), HexColor("#e7f0f9"))
GREY = (HexColor("#465260"), HexColor("#eceff2"))
VIOLET = (HexColor("#5f2a73"), HexColor("#f2e8f5"))

STATUSES = {
    Status.PASS: Shade(*GREEN, "\N{CHECK MARK}", "pass"),
    Status.INFO: Shade(*BLUE, "\N{BLACK CIRCLE}", "info"),
    Status.WARN: Shade(*AMBER, "\N{BLACK UP-POINTING TRIANGLE}", "warn"),
    Status.FAIL: Shade(*RED, "\N{BALLOT X}", "fail"),
    Status.SKIPPED: Shade(*GREY, "\N{WHITE CIRCLE}", "not judged"),
    Status.ERROR: Shade(*VIOLET, "\N{BLACK DIAMOND}", "error"),
}

TONES = {
    Tone.GOOD: Shade(*GREEN, "\N{CHECK MARK}", "Good"),
    Tone.NOTE: Shade(*BLUE, "i", "Note"),
    Tone.WARN: Shade(*AMBER, "!", "Attention"),
    Tone.BAD: Shade(*RED, "\N{BALLOT X}", "Bad"),
    Tone.UNKNOWN: Shade(*GREY, "?", "Unknown"),
}


def _style(name: str, face: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=face,
        fontSize=size,
        leading=leading,
        textColor=INK,
        splitLongWords=1,
        allowWidows=0,
        allowOrphans=0,
        **more,
    )


BODY = _style("body", REGULAR, 8.6, 12.0, spaceAfter=4)
SMALL = _style("small", REGULAR, 7.4, 9.8, spaceAfter=4).clone("small", textColor=MUTED)
CELL = _style("cell", REGULAR, 7.6, 9.7)
CELL_BOLD = _style("cell bold", BOLD, 7.6, 9.7)
CELL_RIGHT = CELL.clone("cell right", alignment=TA_RIGHT)
HEAD = _style("head", BOLD, 7.2, 9.6).clone("head", textColor=NAVY)
HEAD_RIGHT = HEAD.clone("head right", alignment=TA_RIGHT)
CAPTION = _style("caption", BOLD, 7.8, 10.6).clone("caption", textColor=MUTED)
HEADINGS = {
    1: _style("heading 1", BOLD, 16, 20, spaceBefore=12, spaceAfter=5).clone("heading 1", textColor=NAVY),
    2: _style("heading 2", BOLD, 10.6, 14, spaceBefore=8, spaceAfter=4).clone("heading 2", textColor=NAVY),
    3: _style("heading 3", BOLD, 8.8, 12, spaceBefore=7, spaceAfter=3),
}
CALLOUT_TITLE = _style("callout title", BOLD, 12.6, 16)
CALLOUT_TEXT = _style("callout text", REGULAR, 8.8, 12.4)
TITLE = _style("title", BOLD, 21, 26).clone("title", textColor=NAVY)
OVERLINE = _style("overline", BOLD, 8.4, 12).clone("overline", textColor=MUTED)
LITERAL = _style("literal", MONO, 7.4, 10.2)


_TORN = re.compile(
    r"(?<=\d) (?=(?:\d{3}(?![\d.:])|%|/s|ppm|s|ms|µs|us|min|h|d|[kMGT]?B(?:/s)?|[KMGT]iB|[kMG]?bit/s|[kMG]?Hz)(?![\w/]))"
)
"""A space between a number and its unit, or between its thousands."""

_CODE = re.compile(r"(?<!`)`([^\s`](?:[^`\n]*[^\s`])?)`(?!`)")


def glued(text: str) -> str:
    """The text with no line end between a number and its unit: ``100 %``, ``15 min``, ``86 400 s``."""
    return _TORN.sub("\N{NO-BREAK SPACE}", text)


def markup(text: str) -> str:
    """Plain text as paragraph markup: nothing in it is read as a tag, a line break stays one, a number keeps its unit.

    What stands between backticks, such as a command, is set in the fixed-width face instead.
    """
    parts = _CODE.split(glued(clean(text)))
    return "".join(
        f'<font name="{MONO}" size="-0.5">{fixed(part)}</font>' if place % 2 else escaped(part)
        for place, part in enumerate(parts)
    )


def fixed(text: str) -> str:
    """Clean text as markup inside the fixed-width face: what that lacks comes from the regular one."""
    return "".join(
        escaped(part) if has else f'<font name="{REGULAR}">{escaped(part)}</font>'
        for has, part in ((has, "".join(part)) for has, part in groupby(text, covered(MONO).__contains__))
    )


def escaped(text: str) -> str:
    """The same of text that is clean already."""
    return escape(text).replace("\n", "<br/>")


def shortened(text: str, face: str, size: float, room: float) -> str:
    """The text, or its beginning and end around an ellipsis where it is wider than `room` points."""
    keep = len(text)
    short = text
    while keep > 2 and stringWidth(short, face, size) > room:
        keep -= 2
        short = f"{text[: keep // 2]}…{text[-(keep // 2) :]}"
    return short
