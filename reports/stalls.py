"""Why a node stood still: what its page says about pauses and their causes."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Assessment, NodeStalls, Stall, StallCause
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, say, word

SHOWN = 5
"""Stalls of a node that the report tells one by one; the assessment has more."""


def stall_blocks(stalls: NodeStalls | None, assessment: Assessment) -> Iterator[Block]:
    """Causes and the worst stalls of one node; nothing where it never stood still."""
    if stalls is None or not stalls.tallies:
        return
    yield from excerpt(
        Table(
            each("Cause", "Times", "Altogether", "Longest"),
            tuple(
                (
                    word(tally.cause),
                    figures.count(tally.count),
                    figures.seconds(tally.total_s),
                    figures.seconds(tally.longest_s),
                )
                for tally in stalls.tallies
            ),
            (46, 18, 18, 18),
            say("Pauses of 20 ms and more, by cause"),
            numeric=(1, 2, 3),
        )
    )
    yield from excerpt(
        Table(
            each("Began after", "Time", "Length", "Cause", "On record meanwhile"),
            tuple(
                (
                    figures.duration(max(0.0, stall.start_s)),
                    figures.instant(assessment.started, stall.start_s),
                    figures.seconds(stall.length_s),
                    word(stall.cause),
                    _evidence(stall),
                )
                for stall in stalls.worst[:SHOWN]
            ),
            (11, 20, 9, 22, 38),
            say("The longest of them"),
            numeric=(2,),
        )
    )
    if any(tally.cause is StallCause.STUN for tally in stalls.tallies):
        yield Paragraph(
            say(
                "A node stood still as a whole if none of its watched processes ran and none waited for a CPU. Stopping all processes "
                "of haready at once looks the same."
            ),
            small=True,
        )


def _evidence(stall: Stall) -> str:
    """What was told, the waits first; what is zero only where it decides."""
    if stall.cause is StallCause.SUSPEND and stall.waited_s is None and stall.others_silent is None:
        return say("its boot clock went on, its monotonic clock did not")
    if stall.cause is StallCause.FROZEN:
        return say("its peers heard nothing and got no answer; since then its clock lags by that")
    waits = (
        (say("wait for a CPU"), stall.waited_s),
        (say("CPU stolen"), stall.steal_s),
        (say("pressure: CPU"), stall.cpu_s),
        (say("I/O"), stall.io_s),
        (say("memory"), stall.memory_s),
        (say("slowest commit"), stall.commit_s),
    )
    told = [f"{name} {figures.seconds(value)}" for name, value in waits if value]
    if stall.faults:
        told.append(figures.several(round(stall.faults), "page read in", "pages read in"))
    if stall.others_silent is not None:
        told.append(say("other processes silent too") if stall.others_silent else say("other processes went on"))
    return "; ".join(told) or say("nothing")
