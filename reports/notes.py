"""Notes of the run: numbers on the time lines, and the list that says what they stand for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.contract import Assessment
from reports import figures
from reports.contract import Block, Heading, Paragraph, Pin, Table
from reports.excerpt import excerpt
from reports.texts import each, say

_TOGETHER_S = 2.0
"""Equal notes of several nodes within this time are one mark that was set on all of them (design value)."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """One line of the list."""

    number: int
    at_s: float
    nodes: tuple[str, ...]
    text: str


def numbered(assessment: Assessment) -> tuple[Numbered, ...]:
    """The notes in their order, counted from 1; what one command marked on several nodes counts once."""
    found: list[Numbered] = []
    last: dict[str, int] = {}
    for note in sorted(assessment.notes, key=lambda note: note.at_s):
        place = last.get(note.text)
        if place is not None and note.at_s - found[place].at_s <= _TOGETHER_S and note.node not in found[place].nodes:
            same = found[place]
            found[place] = Numbered(same.number, same.at_s, (*same.nodes, note.node), same.text)
            continue
        last[note.text] = len(found)
        found.append(Numbered(len(found) + 1, note.at_s, (note.node,), note.text))
    return tuple(found)


def pins(assessment: Assessment, second: float) -> tuple[Pin, ...]:
    """The notes as ticks of a time axis; `second` is how many seconds its unit has."""
    return tuple(Pin(note.at_s / second, str(note.number)) for note in numbered(assessment))


def note_blocks(assessment: Assessment) -> Iterator[Block]:
    """The list, if anything was noted."""
    notes = numbered(assessment)
    if not notes:
        return
    yield Heading(say("Notes of the run"), 2)
    yield Paragraph(
        say(
            "What people marked while the collectors ran. The numbers stand above every chart over time. Outages and pauses near a "
            "note name it in their evidence; no limit is changed by a note."
        )
    )
    rows = tuple(
        (
            str(note.number),
            figures.duration(note.at_s),
            figures.instant(assessment.started, note.at_s),
            ", ".join(note.nodes),
            note.text,
        )
        for note in notes
    )
    yield from excerpt(
        Table(
            each("No.", "After", "Time", "Noted on", "What"),
            rows,
            (6, 12, 20, 14, 48),
            numeric=(0,),
        )
    )
