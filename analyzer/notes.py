"""What people noted during the run, on the common time base, and what lies near it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from analyzer.align import Clock
from analyzer.contract import Evidence, Note
from analyzer.frames import NodeData
from analyzer.words import seconds

NEAR_S = 60.0
"""How far an event may be from a note to be told with it (design value)."""
_LETTERS = 80
_MOST = 5
"""Events of one finding that are told with a note: the longest. The report's time lines show them all."""


def noted(nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], start_s: float) -> tuple[Note, ...]:
    """All notes in the order of their time. One that is outside its own run is no note of it."""
    found = []
    for name, node in nodes.items():
        inside = [(t_us, text) for t_us, text in node.story.notes if 0 <= t_us / 1e6 <= node.duration_s + NEAR_S]
        at_s = clocks[name].to_base(np.array([t_us / 1e6 for t_us, _ in inside])) - start_s
        found += [Note(name, float(at), text) for at, (_, text) in zip(at_s, inside, strict=True)]
    return tuple(sorted(found, key=lambda note: (note.at_s, note.node, note.text)))


def beside(notes: Iterable[Note], start_s: float, stop_s: float) -> tuple[Note, ...]:
    """The notes that lie near a stretch of the run, each text once, the nearest first."""
    away = sorted(
        ((max(start_s - note.at_s, note.at_s - stop_s, 0.0), note) for note in notes), key=lambda item: item[0]
    )
    found = {note.text: note for away_s, note in reversed(away) if away_s <= NEAR_S}
    return tuple(note for _, note in away if found.get(note.text) is note)


def quoted(notes: Iterable[Note]) -> str:
    """The first of them in its own words, as far as a sentence has room, and where it was written."""
    first, *more = notes
    text = first.text if len(first.text) <= _LETTERS else f"{first.text[: _LETTERS - 2]} …"
    return f"“{text}” ({first.node})" + (f" and {len(more)} more" if more else "")


def near(notes: Iterable[Note], events: Iterable[tuple[float, float]], what: str) -> tuple[Evidence, ...]:
    """For the longest events (start and length in s) with a note nearby: which, and how far its beginning is from it.

    A note lies near if it falls into the event or is at most `NEAR_S` from it. Of equal notes on several nodes the nearest is
    told.
    """
    notes = tuple(notes)
    found: list[Evidence] = []
    if not notes:
        return ()
    for start_s, length_s in sorted(events, key=lambda event: (-event[1], event[0])):
        told: set[str] = set()
        for note in sorted(notes, key=lambda note: abs(start_s - note.at_s)):
            away_s = max(start_s - note.at_s, note.at_s - start_s - length_s, 0.0)
            if away_s > NEAR_S or note.text in told:
                continue
            told.add(note.text)
            order = "after" if start_s >= note.at_s else "before"
            text = f"near the note “{note.text}” ({note.node}): {what} of {seconds(length_s)}, begins {order} it by"
            found.append(Evidence(text, abs(start_s - note.at_s), "s"))
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])
