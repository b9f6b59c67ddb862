"""Tables with a row for each path: a column in which all rows are the same is one short sentence below the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import say

FEW = 4
"""Of fewer rows than this (design value) each tells all of itself."""

KEYS = 2
"""The first columns name the path."""


def by_path(table: Table) -> Iterator[Block]:
    """The columns in which the rows differ, and what all of them share. The table is left out where they differ in nothing."""
    columns = range(KEYS, len(table.head))
    alike = [place for place in columns if len({row[place] for row in table.rows}) == 1]
    if len(table.rows) < FEW or not alike:
        yield from excerpt(table)
        return
    told = "; ".join(f"{table.head[place]}: {table.rows[0][place]}" for place in alike)
    if len(alike) == len(columns):
        yield Paragraph(
            say("{caption}, on all {count} paths: {told}.", caption=table.caption, count=len(table.rows), told=told)
        )
        return
    yield from excerpt(_without(table, alike))
    yield Paragraph(say("On all {count} paths: {told}.", count=len(table.rows), told=told))


def _without(table: Table, alike: list[int]) -> Table:
    kept = [place for place in range(len(table.head)) if place not in alike]
    return replace(
        table,
        head=tuple(table.head[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in table.rows),
        widths=tuple(table.widths[place] for place in kept),
        numeric=tuple(new for new, old in enumerate(kept) if old in table.numeric),
    )
