"""Blocks to PDF. Knows pages, not assessments.

The same blocks and imprint give the same bytes: no clock is read, and the dates in the document
are those of the imprint.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from reportlab import rl_config
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Spacer,
    XPreformatted,
)
from reportlab.platypus import Paragraph as Lines
from reportlab.platypus import Table as Grid

from reports.build import Imprint
from reports.contract import Block, Callout, Chart, Checklist, Heading, Paragraph, Table, Text, Topology
from reports.numbering import numbered
from reports.render import tables
from reports.render.breaks import TALL, row_heights
from reports.render.charts import ChartBox
from reports.render.furniture import BANNER, FOOT, HEAD_LINE, TOP, Closing, furniture, masthead
from reports.render.glyphs import FACES, REGULAR, face_of, plain
from reports.render.links import resolved
from reports.render.onepage import fitted, stacked
from reports.render.style import (
    BODY,
    HEADINGS,
    MARGIN,
    SMALL,
    markup,
)
from reports.render.topology import Drawing

ROUNDING = 1.0
"""Points kept free of a page that is filled exactly."""

KEPT, LEAST, ROOM_TO_BEGIN, HALF = 0.2, 0.12, 0.3, 0.45
"""Shares of a page: a lower table stays in one piece with its heading, of a higher one so much has to follow it, a section begins
where so much is left, and what should have its own page but needs more than one begins where nearly half a page is left."""

GUTTER = 10.0
"""Between two charts that stand side by side, in points."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One or two half charts of one row."""

    charts: tuple[Chart, ...]


class Paper(StrEnum):
    """Sizes of paper."""

    A4 = "a4"
    LETTER = "letter"


SIZES = {Paper.A4: A4, Paper.LETTER: LETTER}


class Headline(Lines):
    """A heading that enters itself into the outline where it is drawn."""

    def __init__(self, text: str, level: int, key: str) -> None:
        super().__init__(markup(text), HEADINGS[level])
        self._entry = (plain(text), level, key)

    def draw(self) -> None:
        """Draw the heading and its bookmark."""
        text, level, key = self._entry
        if level <= 2:
            self.canv.bookmarkHorizontal(key, 0, self.height + 6)
            self.canv.addOutlineEntry(text, key, level - 1, closed=level > 1)
        super().draw()


def render(
    parts: Iterable[Sequence[Block]], imprint: Imprint, paper: Paper = Paper.A4, canvas: type[Canvas] = Canvas
) -> bytes:
    """The document as bytes. Each part is a section's blocks; the first part has its own first page.

    `canvas` draws the pages: a test hands in one that keeps a log of what was put where.
    """
    for face in FACES:
        if face not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(face_of(face))
    parts = resolved(numbered(parts))
    # Text-safe encoding costs a quarter more bytes and time; reportlab has only this switch.
    rl_config.useA85 = 0
    width, height = SIZES[paper]
    top = TOP + (BANNER if imprint.banner else 0)
    first, later = (
        Frame(MARGIN, FOOT, width - 2 * MARGIN, height - FOOT - room, 0, 0, 0, 0, id="text")
        for room in (top - HEAD_LINE, top)
    )
    target = io.BytesIO()
    document = BaseDocTemplate(
        target,
        pagesize=(width, height),
        title=plain(f"{imprint.title}: {imprint.cluster}"),
        author="haready",
        subject=plain(imprint.subject),
        keywords=[plain(word) for word in imprint.keywords],
        creator="haready",
        lang=imprint.language,
        initialFontName=REGULAR,
        invariant=1,
    )
    document.addPageTemplates(
        [
            PageTemplate("first", [first], onPage=furniture(imprint, width, height), autoNextPageTemplate="later"),
            PageTemplate("later", [later], onPage=furniture(imprint, width, height)),
        ]
    )
    opening = masthead(imprint)
    taken = stacked(opening, width - 2 * MARGIN, height) + opening[-1].getSpaceAfter() + ROUNDING
    room = height - FOOT - top + HEAD_LINE - taken
    story = [*opening, *_story(parts, width - 2 * MARGIN, height - FOOT - top, room)]
    # A gap behind the last block would open a page of its own.
    while story and isinstance(story[-1], Spacer):
        story.pop()
    document.build([*story, Closing()], canvasmaker=canvas)
    return target.getvalue()


def _story(parts: Iterable[Sequence[Block]], width: float, height: float, first: float) -> list[Flowable]:
    """All flowables. `first`: the height that is left for the first part on its page.

    The first part, and whatever begins its own page, is kept on one page where that is possible.
    """
    story: list[Flowable] = []
    for part, blocks in enumerate(parts):
        for place, members in enumerate(_pages(blocks)):
            key = f"b{part}.{place}"
            alone = place > 0 or part == 0
            page = _one_page(members, key, width, height - ROUNDING if story else first) if alone else None
            if page is not None or part <= 1:
                story += [PageBreak()] if story else []
            elif alone:
                story.append(CondPageBreak(HALF * height))
            else:
                need = height
                if len(members) < len(blocks):
                    need = stacked(_made(members, key, width, height), width, height) + ROUNDING
                story.append(CondPageBreak(min(ROOM_TO_BEGIN * height, need)))
            story += _flow(members, key, width, height) if page is None else page
    return story


def _pages(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks, cut before each heading that begins a page."""
    pages: list[list[Block]] = [[]]
    for block in blocks:
        if isinstance(block, Heading) and block.new_page:
            pages.append([])
        pages[-1].append(block)
    return pages


def _flow(blocks: Sequence[Block], key: str, width: float, height: float) -> list[Flowable]:
    """Flowables that go on over pages; no heading is left alone at the foot of one."""
    story: list[Flowable] = []
    waiting: list[Flowable] = []
    led = told = False
    for number, block in enumerate(_paired(blocks)):
        if isinstance(block, Heading) and led:
            story += [*_opening(waiting, width, height), *waiting]
            waiting, led, told = [], False, False
        waiting += _flowables(block, f"{key}.{number}", width, height)
        if isinstance(block, Heading):
            continue
        if len(waiting) > 1 and (isinstance(block, Callout) or (isinstance(block, Paragraph) and not told)):
            # A heading's first sentence stays with what it introduces, and so does a warning above it.
            led, told = True, told or isinstance(block, Paragraph)
            continue
        if isinstance(block, Paragraph) and block.leads:
            led = True
            continue
        story += [*_opening(waiting, width, height), *waiting]
        waiting, led, told = [], False, False
    return [*story, *_opening(waiting, width, height), *waiting]


def _made(blocks: Sequence[Block], key: str, width: float, height: float) -> list[Flowable]:
    return [
        flowable
        for number, block in enumerate(_paired(blocks))
        for flowable in _flowables(block, f"{key}.{number}", width, height)
    ]


def _one_page(blocks: Sequence[Block], key: str, width: float, height: float) -> list[Flowable] | None:
    return fitted(lambda scale: _made(blocks, key, width / scale, height / scale), width, height)


def _opening(flowables: list[Flowable], width: float, height: float) -> list[Flowable]:
    need = _lead(flowables, width, height)
    return [CondPageBreak(min(need, 0.9 * height))] if need else []


def _lead(flowables: list[Flowable], width: float, height: float) -> float:
    """The height that must be free so that these do not begin at the foot of a page and leave their heading there."""
    need = 0.0
    for flowable in flowables:
        tall = flowable.wrap(width, height)[1] + flowable.getSpaceBefore() + flowable.getSpaceAfter()
        if isinstance(flowable, Grid) and tall > KEPT * height:
            rows = row_heights(flowable)
            first = sum(rows[:3])  # where no row is broken, they stay together
            return need + (first if max(rows) <= TALL * height else min(first, LEAST * height))
        # Text to paste is copied in one go, so it stays on one page if a page has room for it; what is ticked off need not.
        most = KEPT if isinstance(flowable, tables.Ticks) else 0.6 if isinstance(flowable, XPreformatted) else 0.3
        if isinstance(flowable, Lines) and not isinstance(flowable, Headline) and tall > most * height:
            return need + 60
        need += tall
    return need


def _paired(blocks: Sequence[Block]) -> Iterator[Block | _Pair]:
    """The blocks, with half charts gathered two by two."""
    waiting: list[Chart] = []
    for block in blocks:
        half = isinstance(block, Chart) and block.half
        if waiting and (not half or len(waiting) == 2):
            yield _Pair(tuple(waiting))
            waiting = []
        if isinstance(block, Chart) and half:
            waiting.append(block)
        else:
            yield block
    if waiting:
        yield _Pair(tuple(waiting))


def _side_by_side(pair: _Pair, width: float) -> list[Flowable]:
    room = (width - GUTTER) / 2
    boxes = [ChartBox(chart) for chart in pair.charts]
    ChartBox.level(boxes, room)
    row: list[Flowable | str] = [boxes[0], "", boxes[1] if len(boxes) > 1 else ""]
    style = [
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        *((f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")),
    ]
    return [Spacer(1, 4), Grid([row], colWidths=[room, GUTTER, room], style=style), Spacer(1, 6)]


def _flowables(block: Block | _Pair, key: str, width: float, height: float) -> list[Flowable]:
    match block:
        case _Pair():
            return _side_by_side(block, width)
        case Heading(text, level, _):
            return [Headline(text, min(max(level, 1), 3), key)]
        case Paragraph(text, small):
            return [Lines(markup(text), SMALL if small else BODY)]
        case Callout():
            return tables.callout(block, width, height)
        case Table():
            return tables.table(block, width, height)
        case Chart():
            return [Spacer(1, 4), ChartBox(block), Spacer(1, 8)]
        case Topology():
            return [Spacer(1, 4), Drawing(block), Spacer(1, 6)]
        case Text():
            return tables.literal(block, width, height)
        case Checklist():
            return tables.checklist(block, width, height)
        case _:
            assert_never(block)
