"""Blocks to Markdown (CommonMark with tables), as it is pasted into a ticket. Needs no drawing library.

Names come from hosts and files that may mean harm: nothing in a text is read as markup, as a link, or as a mention of somebody.
Drawings are left out with a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from collector.errors import printable
from reports.build import Imprint
from reports.contract import Block, Callout, Chart, Checklist, Heading, Paragraph, Table, Text, Tone, Topology
from reports.findings import called
from reports.texts import each, say

TOP = 2
"""Level of the title: a ticket has a title of its own."""

SIGNS = {Tone.GOOD: "✓", Tone.NOTE: "●", Tone.WARN: "▲", Tone.BAD: "✗", Tone.UNKNOWN: "○"}

JOINER = "\N{WORD JOINER}"
"""Stands behind what a ticket system takes for a mention even where it is escaped."""


def render(parts: Iterable[Sequence[Block]], imprint: Imprint) -> str:
    """The document as text. Each part is a section's blocks."""
    lines = [f"{'#' * TOP} {inline(f'{imprint.title}: {imprint.cluster}')}", ""]
    if imprint.banner:
        lines += [f"**▲ {inline(imprint.banner)} ▲**", ""]
    lines += [*(f"{inline(line)}  " for line in (*imprint.whose, *imprint.lines)), ""]
    for blocks in parts:
        for block in blocks:
            lines += [*_lines(block), ""]
    return "\n".join((*lines, "---", "", inline(imprint.footer))) + "\n"


def inline(text: str) -> str:
    """Plain text on one line, of which nothing is read as markup; a line break becomes a space."""
    flat = printable(" ".join(text.replace("\N{NO-BREAK SPACE}", " ").split("\n"))).strip()
    flat = re.sub(r"[\\`*_{}\[\]#|~$^]", r"\\\g<0>", flat)
    # Not by a backslash: where that means nothing, an entity still keeps a tag from being one.
    flat = re.sub(r"&(?=#|\w)", "&amp;", flat).replace("<", "&lt;")
    # Bare addresses, and mentions of people and of other tickets.
    flat = re.sub(r"(?i)(:(?=//)|(?<=\bwww)\.)", r"\\\1", flat)
    flat = re.sub(r"@|[#!~$%](?=\d)", rf"\g<0>{JOINER}", flat)
    # What means something at the start of a line only: lists, underlines of headings, orders to the ticket system.
    return re.sub(r"^(?:(\d+)(?=[.)])|(?=[-+=/>]))", r"\1\\", flat)


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(text, level):
            yield f"{'#' * min(TOP + level, 6)} {inline(text)}"
        case Paragraph(text):
            yield from _broken(text)
        case Callout(title, text, tone):
            yield f"> **{SIGNS[tone]} {inline(title)}**  "
            yield from (f"> {line}" for line in _broken(text))
        case Table():
            yield from _table(block)
        case Text():
            yield from _literal(block)
        case Chart(title=title) | Topology(caption=title):
            yield f"*{inline(say('Drawing, in the PDF only: {title}', title=title))}*"
        case Checklist(items):
            yield from (f"- [ ] {inline(what)}{f' ({inline(who)})' if who else ''}" for what, who in items)
        case _:
            assert_never(block)


def _broken(text: str) -> Iterator[str]:
    """Lines of a paragraph; two spaces at the end keep a line its own."""
    for line in text.split("\n"):
        if line.strip():
            yield f"{inline(line)}  "


def _table(block: Table) -> Iterator[str]:
    """A table with a head: one without gets an empty one, for Markdown has no other. Marks of the rows are words in front."""
    marked = any(status is not None for status in block.statuses)
    head = (*each("Result"), *block.head) if marked else block.head
    if block.caption:
        yield f"**{inline(block.caption)}**"
        yield ""
    yield _row(head)
    first = 1 if marked else 0
    yield f"| {' | '.join('---:' if place - first in block.numeric else '---' for place in range(len(head)))} |"
    for place, row in enumerate(block.rows):
        status = block.statuses[place] if marked else None
        yield _row((called(status) if status else "", *row) if marked else row)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return "<br>".join(inline(line) for line in text.split("\n") if line.strip())


def _literal(block: Text) -> Iterator[str]:
    """Text to paste, as it is: the fence is longer than any in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
    yield f"**{inline(block.title)}**"
    yield ""
    yield fence
    yield from (printable(line) for line in block.text.rstrip("\n").split("\n"))
    yield fence
