"""Figures get numbers, and a text that names them: a picture that nothing points to is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reports.contract import Block, Chart, Heading, Paragraph, Topology
from reports.texts import say


def numbered(parts: Iterable[Sequence[Block]]) -> list[list[Block]]:
    """The same blocks with figures counted from 1, and a reference in the paragraph above each row of them."""
    made: list[list[Block]] = []
    count = 0
    for blocks in parts:
        told: list[Block] = []
        intro: int | None = None
        first = 0
        for block in blocks:
            if isinstance(block, Chart | Topology):
                count += 1
                if not first:
                    first = count
                    if intro is None:
                        intro = len(told)
                        told.append(Paragraph("", small=True))
                told.append(_figure(block, count))
                continue
            if first and intro is not None and not (isinstance(block, Paragraph) and block.small):
                told[intro] = _pointing(told[intro], first, count)
                first, intro = 0, None
            if isinstance(block, Heading):
                intro = None
            elif isinstance(block, Paragraph) and not block.small and not first:
                # Small print is a note to what stands above it, and introduces nothing.
                intro = len(told)
            told.append(block)
        if first and intro is not None:
            told[intro] = _pointing(told[intro], first, count)
        made.append(told)
    return made


def _figure(block: Chart | Topology, number: int) -> Block:
    if isinstance(block, Chart):
        return replace(block, title=say("Figure {number}. {title}", number=number, title=block.title))
    return replace(block, caption=say("Figure {number}. {title}", number=number, title=block.caption))


def _pointing(block: Block, first: int, last: int) -> Block:
    assert isinstance(block, Paragraph)
    named = (
        say("See figure {number}.", number=first)
        if first == last
        else say("See figures {first} to {last}.", first=first, last=last)
    )
    return replace(block, text=f"{block.text} {named}".strip())
