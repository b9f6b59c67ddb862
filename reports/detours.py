"""Figures of a network over which packets did not go carry a mark: they left the node by another way than planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from analyzer.contract import Assessment, Throughput, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.texts import say

SIGN = "\N{DAGGER}"
KEYS = 2
"""The first columns name the path and its network, in either order."""


def marked(blocks: Iterable[Block], assessment: Assessment) -> Iterator[Block]:
    """The same blocks. In tables of paths the networks of those that left by another way have a sign, which is explained below the table."""
    names = _detours(assessment)
    for block in blocks:
        if not names or not isinstance(block, Table):
            yield block
            continue
        rows = tuple(_row(row, names) for row in block.rows)
        yield replace(block, rows=rows)
        if rows != block.rows:
            yield Paragraph(
                say(
                    "{sign} Packets left by another way than planned: no figure of that network alone. See “Which way packets leave”.",
                    sign=SIGN,
                ),
                small=True,
            )


def _detours(assessment: Assessment) -> dict[frozenset[str], str]:
    """Path and network, as the tables have them, of the paths whose packets or answers took another way; with the network's name."""
    ways = {(frozenset((row.node, row.target)), row.network) for row in assessment.egress if row.as_planned is False}
    paths: list[Timing | Throughput] = [*assessment.timings, *assessment.throughputs]
    shown = [
        (figures.direction(item.source, item.target), figures.network(item.network, wan=item.wan))
        for item in paths
        if (frozenset((item.source, item.target)), item.network) in ways
    ]
    return {frozenset(both): both[1] for both in shown}


def _row(row: tuple[str, ...], names: dict[frozenset[str], str]) -> tuple[str, ...]:
    network = names.get(frozenset(row[:KEYS]))
    if network is None:
        return row
    return (
        *(f"{cell}\N{NO-BREAK SPACE}{SIGN}" if cell == network else cell for cell in row[:KEYS]),
        *row[KEYS:],
    )
