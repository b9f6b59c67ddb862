"""When something was: the time of the outage that a reason is about, and what people noted, short enough for page one."""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.contract import Assessment, Finding, Outage, Scope, Subject
from reports import figures
from reports.channels import all_out, between
from reports.notes import numbered
from reports.texts import say

NOTES, LETTERS = 3, 60
"""What page one has room for: notes, and letters of one."""

_ABOUT = "longest outage"
"""How the evidence of findings about outages begins."""
_CHANNELS, _NETWORKS = "longest outage of all channels at once", "longest outage of all networks at once"
"""The evidence about all channels of a pair, or beside a single one all its networks."""
_SAME_S = 1e-3
"""What rounding may make of one length."""


def reasons(assessment: Assessment, most: int) -> Iterator[tuple[str, str]]:
    """The first reasons, each with when its longest outage began; empty: it is about none, or that was said already."""
    told: set[str] = set()
    for text in assessment.reasons[:most]:
        moment = _moment(assessment, text)
        yield text, "" if moment in told else moment
        told.add(moment)


def _moment(assessment: Assessment, text: str) -> str:
    found = next((item for item in assessment.findings if text.startswith(item.message)), None)
    if found is None:
        return ""
    if found.subject.scope is Scope.PAIR:
        return _together(assessment, found)
    outages = [] if not _of_outage(found) else list(_outages(assessment, found.subject))
    if not outages:
        return ""
    longest = max(outages, key=lambda item: item.length_s)
    return say("The longest outage began at {moment}.", moment=figures.instant(assessment.started, longest.start_s))


def _of_outage(found: Finding) -> bool:
    """Whether it judges an outage: one that only stands beside a loss is not what that is about."""
    return any(item.what.startswith(_ABOUT) and item.value and item.limit is not None for item in found.evidence)


def _outages(assessment: Assessment, subject: Subject) -> Iterator[Outage]:
    """Those of the path."""
    for timing in assessment.timings:
        if subject.scope is Scope.PATH and timing.path == subject.name:
            yield from timing.outages


def _together(assessment: Assessment, found: Finding) -> str:
    """When all networks of a pair were out at once for longest; empty where the outages of the paths do not show what was judged."""
    judged = next(
        (item for item in found.evidence if item.what in (_CHANNELS, _NETWORKS) and item.limit is not None), None
    )
    if judged is None or not judged.value:
        return ""
    ends = set(found.subject.name.split("+"))
    timings = between(ends, assessment)
    names = {timing.network for timing in timings}
    if judged.what == _CHANNELS:
        names = {name for joint in assessment.joints if set(joint.pair) == ends for name in joint.networks}
    common = all_out(timings, names)
    start_s, stop_s = max(common or [(0.0, 0.0)], key=lambda span: span[1] - span[0])
    if not math.isclose(stop_s - start_s, judged.value, abs_tol=_SAME_S):
        return ""
    return say(
        "The longest outage of all at once began at {moment}.", moment=figures.instant(assessment.started, start_s)
    )


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
