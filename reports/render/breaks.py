"""Where a table may be broken: between which rows, and inside a row that is so tall that it would leave the foot of a page empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from reportlab.platypus import Flowable, Paragraph
from reportlab.platypus import Table as Grid

from reports.render.style import CELL, markup
from reports.texts import say

Cell = Flowable | list[Paragraph] | str
"""What stands in a cell; a list has its lines, each of which may need several on the page."""

LEAST = 0.35
"""Share of a page below which a broken row does not begin behind the head alone."""
SCRAP, TALL = 44, 0.25
"""Height of the least part of a broken row (four lines), and the share of a page from which on a row may be broken: what goes on on the
next page stands there without its name."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the rows are called, that of the head included, and whether they have a head and a sign before the name."""

    names: Sequence[str]
    titled: bool
    marked: bool = False


def breakable(cells: list[list[Cell]], columns: list[float], style: list[Any], rows: Rows, height: float) -> Grid:
    """The grid of these cells. `style` is reportlab's; `height` is that of the frame."""
    body = int(rows.titled)
    if len(cells) > body + 3:
        # No single row left alone at the foot or the head of a page.
        style = [*style, ("NOSPLIT", (0, 0), (-1, body + 1)), ("NOSPLIT", (0, -2), (-1, -1))]
    grid = Grid(cells, colWidths=columns, style=style, repeatRows=body, hAlign="LEFT")
    grid.wrap(sum(columns), height)
    tallest = max(row_heights(grid))
    if tallest > TALL * height:
        # Such a row is broken inside rather than leave the foot of a page empty; into scraps only if it fits no page.
        style = [command for command in style if command[0] != "NOSPLIT"]
        least = 1 if tallest > 0.45 * height else SCRAP
        by_row = int(tallest > 0.45 * height)
        grid = Continued(cells, colWidths=columns, style=style, repeatRows=body, splitByRow=by_row, splitInRow=least)
        grid.rows, grid.page = rows, height
    return grid


class Continued(Grid):
    """A grid whose rows may be broken inside, between two lines of a cell: what goes on on the next page says which row it belongs to."""

    rows = Rows((), titled=False)
    page = 0.0
    """Height of the frame."""

    def split(self, availWidth: float, availHeight: float) -> list[Any]:  # noqa: N803 - reportlab's names
        """The part that fits and the rest, or nothing."""
        parts: list[Any] = super().split(availWidth, availHeight)
        if len(parts) == 2:
            head, names = self.repeatRows, self.rows.names
            first, rest = (part._cellvalues for part in parts)  # noqa: SLF001 - there is no public way
            broken = len(first) + len(rest) - head == len(names) + 1
            left = len(first) - broken
            if broken and left == head and availHeight < LEAST * self.page:
                # Nothing but the head and a scrap: the row goes on whole on the next page.
                return []
            parts[1].rows = replace(self.rows, names=[*names[:head], *names[left:]])
            for part in parts:
                part.page = self.page
            if broken:
                _name_again(names[left], self.rows.marked, first[-1], rest[head])
                parts[1]._argH[head] = parts[1]._rowHeights[head] = None  # noqa: SLF001 - the height is worked out anew
        return parts

    def _splitCell(self, value: Any, style: Any, _old: float, above: float, width: float) -> Sequence[Any]:
        """What of a cell stays above and what goes below; nothing if not even its first line has room.

        A line is broken inside only if it is very high: half a sentence tells nothing of what its figures are about.
        """
        if not isinstance(value, tuple | list):
            return value, ""
        # Room for the foot of the row, too: else its last line could fit, and the row go on with nothing in it.
        room = above - style.topPadding - style.bottomPadding
        inner = width - style.leftPadding - style.rightPadding
        for place, line in enumerate(value):
            high = line.wrapOn(None, inner, self.page)[1]
            if high > room:
                parts = line.split(inner, room) if high > TALL * self.page else []
                after = value[place + bool(parts) :]
                return ((*value[:place], *parts[:1]), (*parts[1:], *after)) if place or parts else ()
            room -= high
        return tuple(value), ()


def _name_again(name: str, marked: bool, above: list[Any], below: list[Any]) -> None:
    """Put the sign and the name of a row beside what is left of it, if nothing else stands there."""
    if marked:
        below[0] = above[0][0] if isinstance(above[0], tuple | list) and above[0] else above[0]
    if name and not below[marked]:
        again = name if name.endswith(say("{name} (cont.)", name="")) else say("{name} (cont.)", name=name)
        below[marked] = Paragraph(markup(again), CELL)


def row_heights(grid: Any) -> Sequence[float]:
    """Heights of a wrapped table's rows; reportlab keeps them to itself."""
    heights: Sequence[float] = grid._rowHeights  # noqa: SLF001 - there is no public way
    return heights
