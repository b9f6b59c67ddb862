"""What stands around the blocks: title, header, label of origin and foot of a page, and the number of pages."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    HRFlowable,
    Spacer,
)
from reportlab.platypus import Paragraph as Lines

from reports.build import Imprint
from reports.render.glyphs import BOLD, REGULAR, clean
from reports.render.style import (
    AMBER,
    MARGIN,
    MUTED,
    NAVY,
    OVERLINE,
    RULE,
    SMALL,
    TITLE,
    markup,
    shortened,
)
from reports.texts import say

TOTAL = "page-total"
"""The form that carries the number of pages: named on every page, filled in at the end."""
TOP, FOOT, BANNER, HEAD_LINE = 48.0, 44.0, 19.0, 14.0
LOGO, HEAD_LOGO = (130.0, 38.0), (60.0, 16.0)
"""Room for the logo on the first page, where it stands beside the title, and in the header of the others."""


class Closing(Flowable):
    """The end of the document: by now the number of pages is known."""

    def frameAction(self, frame: Any) -> None:
        """Write the number of pages."""
        del frame
        total = str(self.canv.getPageNumber())
        self.canv.beginForm(TOTAL, 0, -3, 40, 10)
        self.canv.setFont(REGULAR, 7)
        self.canv.setFillColor(MUTED)
        self.canv.drawString(0, 0, total)
        self.canv.endForm()


def furniture(imprint: Imprint, width: float, height: float) -> Callable[[Canvas, object], None]:
    """What draws header, label of origin and footer of a page. The first page has its masthead instead of a header."""
    right = width - MARGIN

    def draw(canvas: Canvas, _document: object) -> None:
        first = canvas.getPageNumber() == 1
        if first:
            canvas.setDateFormatter(lambda *_: _pdf_date(imprint.created))
            canvas.showOutline()
        canvas.saveState()
        if first:
            _logo(canvas, imprint, right, height - TOP + HEAD_LINE - (BANNER if imprint.banner else 0), LOGO)
        else:
            _header(canvas, imprint, right, height)
        if imprint.banner:
            _banner(canvas, imprint.banner, right, height - 58 + (HEAD_LINE if first else 0))
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.line(MARGIN, 36, right, 36)
        canvas.setFont(REGULAR, 7)
        canvas.setFillColor(MUTED)
        canvas.drawString(MARGIN, 26, shortened(clean(imprint.footer), REGULAR, 7, 0.7 * (right - MARGIN)))
        canvas.drawRightString(right - 10, 26, say("Page {page} of ", page=canvas.getPageNumber()))
        canvas.translate(right - 10, 26)
        canvas.doForm(TOTAL)
        canvas.restoreState()

    return draw


def _header(canvas: Canvas, imprint: Imprint, right: float, height: float) -> None:
    canvas.setFont(REGULAR, 7)
    canvas.setFillColor(MUTED)
    beside = _logo(canvas, imprint, right, height - 18, HEAD_LOGO)
    canvas.drawRightString(right - beside, height - 32, imprint.title)
    canvas.setFont(BOLD, 7)
    whose = "   ".join(filter(None, (imprint.company, imprint.cluster)))
    canvas.drawString(MARGIN, height - 32, shortened(clean(whose), BOLD, 7, 0.6 * (right - MARGIN)))
    canvas.setStrokeColor(RULE)
    canvas.setLineWidth(0.6)
    canvas.line(MARGIN, height - 37, right, height - 37)


def _logo(canvas: Canvas, imprint: Imprint, right: float, top: float, room: tuple[float, float]) -> float:
    """Draw the logo below `top` at the right edge, as large as `room` allows. Answers the width that it takes there."""
    if not imprint.logo:
        return 0.0
    wide, high = _logo_size(imprint, room)
    canvas.drawImage(ImageReader(io.BytesIO(imprint.logo)), right - wide, top - high, wide, high, mask="auto")
    return wide + 6


def _logo_size(imprint: Imprint, room: tuple[float, float]) -> tuple[float, float]:
    wide, high = ImageReader(io.BytesIO(imprint.logo)).getSize()
    scale = min(room[0] / wide, room[1] / high)
    return wide * scale, high * scale


def _banner(canvas: Canvas, text: str, right: float, y: float) -> None:
    dark, tint = AMBER
    canvas.setFillColor(tint)
    canvas.setStrokeColor(dark)
    canvas.setLineWidth(0.6)
    canvas.rect(MARGIN, y, right - MARGIN, 15, stroke=1, fill=1)
    canvas.setFillColor(dark)
    canvas.setFont(BOLD, 7.6)
    label = shortened(clean(text), BOLD, 7.6, right - MARGIN - 40)
    canvas.drawCentredString((MARGIN + right) / 2, y + 4.8, f"▲ {label} ▲")


def _pdf_date(created: str) -> str:
    try:
        instant = datetime.fromisoformat(created)
    except ValueError:
        instant = datetime(2000, 1, 1, tzinfo=UTC)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC).strftime("D:%Y%m%d%H%M%SZ")


def masthead(imprint: Imprint) -> list[Flowable]:
    """The head of page 1: title, cluster, whose report it is and when the run was."""
    beside = _logo_size(imprint, LOGO)[0] + 12 if imprint.logo else 0
    return [
        Lines(markup(imprint.title), OVERLINE.clone("overline", rightIndent=beside)),
        Lines(
            markup(imprint.cluster or say("unnamed cluster")),
            _fitting(imprint.cluster).clone("name", rightIndent=beside),
        ),
        Spacer(1, 2),
        *(Lines(markup("   \N{MIDDLE DOT}   ".join(line)), SMALL) for line in (imprint.whose, imprint.lines) if line),
        HRFlowable(width="100%", thickness=1.2, color=NAVY, spaceBefore=2, spaceAfter=4),
    ]


def _fitting(name: str) -> ParagraphStyle:
    """A long name gets a smaller title rather than a page full of it."""
    if len(name) <= 40:
        return TITLE
    return TITLE.clone("long title", fontSize=11, leading=14)
