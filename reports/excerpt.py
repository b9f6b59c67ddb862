"""Long tables: a report is read by people, and the assessment keeps everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.texts import say

MOST = 150
"""Rows of one table (design value): about four pages. A cluster of a few nodes stays below it."""


def excerpt(table: Table, most: int = MOST) -> Iterator[Block]:
    """The table; of a longer one the first rows, and a sentence that says what is left out and where it is.

    Rows come in the order of their importance, so that the rest may be left out.
    """
    if len(table.rows) <= most:
        yield table
        return
    yield replace(
        table,
        rows=table.rows[:most],
        statuses=table.statuses[:most],
        targets=table.targets[:most],
        links=table.links[:most],
        heat=table.heat[:most],
    )
    left = figures.several(len(table.rows) - most, "more row")
    yield Paragraph(
        say("The first {most} rows. {left} of this table: see assessment.json.", most=most, left=left), small=True
    )
