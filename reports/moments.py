"""When something was: the time of the outage that a reason is about, and what people noted, short enough for page one."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment, Finding, Outage, Scope, Subject
from reports import figures
from reports.notes import numbered
from reports.texts import say

NOTES, LETTERS = 3, 60
"""What page one has room for: notes, and letters of one."""

_ABOUT = "longest outage"
"""How the evidence of findings about outages begins."""


def reasons(assessment: Assessment, most: int) -> Iterator[tuple[str, str]]:
    """The first reasons, each with when its longest outage began; empty: it is about none, or that was said already."""
    told: set[str] = set()
    for text in assessment.reasons[:most]:
        moment = _moment(assessment, text)
        yield text, "" if moment in told else moment
        told.add(moment)


def _moment(assessment: Assessment, text: str) -> str:
    found = next((item for item in assessment.findings if text.startswith(item.message)), None)
    if found is None or not _of_outage(found):
        return ""
    outages = list(_outages(assessment, found.subject))
    if not outages:
        return ""
    longest = max(outages, key=lambda item: item.length_s)
    return say("The longest outage began at {moment}.", moment=figures.instant(assessment.started, longest.start_s))


def _of_outage(found: Finding) -> bool:
    """Whether it judges an outage: one that only stands beside a loss is not what that is about."""
    return any(item.what.startswith(_ABOUT) and item.value and item.limit is not None for item in found.evidence)


def _outages(assessment: Assessment, subject: Subject) -> Iterator[Outage]:
    """Those of the path, or of every path between the two of a pair."""
    ends = set(subject.name.split("+"))
    for timing in assessment.timings:
        if (subject.scope is Scope.PATH and timing.path == subject.name) or (
            subject.scope is Scope.PAIR and {timing.source, timing.target} == ends
        ):
            yield from timing.outages


def noted(assessment: Assessment) -> str:
    """The first notes with their times; empty: nothing was noted."""
    notes = numbered(assessment)
    lines = [
        say(
            "{moment} on {nodes}: {text}",
            moment=figures.instant(assessment.started, note.at_s),
            nodes=figures.listing(note.nodes, NOTES),
            text=note.text if len(note.text) <= LETTERS else f"{note.text[: LETTERS - 2]} …",
        )
        for note in notes[:NOTES]
    ]
    if len(notes) > NOTES:
        lines.append(say("{count} more: see “Notes of the run”.", count=len(notes) - NOTES))
    return "\n".join(lines)
