"""Whether the node itself stands still for too long.

What: The longest pause of a process that wants to wake every 20 ms at the ordinary scheduling class.
Why HA: A node that does not run its ticker does not send its heartbeat either, however good the network is.
How: Table ticker (latest wake-up of every second); the table stall names each pause. Each gets one cause, from the waits for a CPU, the
    pressure, the stolen time, the page faults and the commits of that second, and from what the node's other processes did; causes
    stand in the message and judge nothing. Notes of people within 60 s stand in the evidence and change nothing.
Source: Design values: a pause of 1 s is felt by every cluster; half of the shortest timeout that a product on this node starts from.
    Pauses over 0.25 s are counted beside it and judge nothing (a sound machine has none).
Fails when: above half of that timeout (ADDP: 5 s on one site, 10 s between sites; Neverfail: 30 s).
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analyzer.contract import Area, Evidence, Limit, NodeStalls, Scope, Sense, StallCause, Status
from analyzer.extension import NOTES, STALLS, Context, Judgement, Rule
from analyzer.notes import near
from analyzer.tolerance import borne
from analyzer.words import seconds

_LONG_US = 250_000

_CLOCK_STOOD = (StallCause.SUSPEND, StallCause.FROZEN)
"""No process of the node sees these; the rule standstill tells of them."""

REMEDIES = {
    StallCause.STARVATION: "give {node} more CPU, or move what takes it elsewhere",
    StallCause.STEAL: "reserve CPU for {node} on its hypervisor, or move other machines off that host",
    StallCause.PAGING: "give {node} memory enough to page nothing in, and see why its disk is slow",
    StallCause.STOP: "find what stops processes on {node} (a debugger, a freezer of containers, a backup agent)",
    StallCause.STUN: "find what stops {node} as a whole: snapshots, migrations, an overcommitted hypervisor, power saving",
}

PAUSE = Limit("pause", "s", 1.0, None, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("ticker")
    ordinary = frame[(frame["class"] == "default") & frame["late_max_us"].notna()]
    late_us = ordinary["late_max_us"]
    if not len(late_us):
        yield Judgement(Status.SKIPPED, f"Node {context.node}: its ordinary ticker has no rows.")
        return
    limit = borne(context.limit(PAUSE.name), context.tolerance)
    longest_s = float(late_us.max()) / 1e6
    paused = ordinary[late_us > _LONG_US]
    status = limit.judge(longest_s)
    yield Judgement(
        status,
        f"Node {context.node}: its longest pause lasted {seconds(longest_s)}.{_why(context.stalls)}",
        (
            Evidence("longest pause", longest_s, "s", limit),
            Evidence("seconds with a pause over 0.25 s", float(len(paused)), "1"),
            *near(context.notes, _pauses(paused), "pause"),
        ),
        "" if status is Status.PASS else _remedy(context.node, context.stalls),
        (f"stall:{context.node}",),
    )


def _why(stalls: NodeStalls) -> str:
    """Half a line on the causes; nothing of pauses that are too short to be noted."""
    told = [tally for tally in stalls.tallies if tally.cause not in _CLOCK_STOOD]
    if not told:
        return ""
    parts = [f"{tally.cause} ({tally.count}, longest {seconds(tally.longest_s)})" for tally in told]
    return f" Pauses of 20 ms and more by cause: {'; '.join(parts)}."


def _remedy(node: str, stalls: NodeStalls) -> str:
    """What to do about the cause of the longest pause."""
    longest = max(stalls.tallies, key=lambda tally: (tally.cause in REMEDIES, tally.longest_s), default=None)
    if longest is None or longest.cause not in REMEDIES:
        return f"Find what stops {node}: snapshots, migrations, an overcommitted hypervisor, swapping, power saving."
    todo = REMEDIES[longest.cause].format(node=node)
    return f"{todo[0].upper()}{todo[1:]}."


def _pauses(paused: pd.DataFrame) -> Iterator[tuple[float, float]]:
    """Start and length in s. A row tells of the second before it, so that is when the pause ended, to a second."""
    for end_s, late_us in zip(paused["t_s"], paused["late_max_us"], strict=True):
        yield float(end_s - late_us / 1e6), float(late_us / 1e6)


RULE = Rule("stalls", "Pauses of the machine", Area.HOST, Scope.NODE, ("ticker", NOTES, STALLS), (PAUSE,), _check)
