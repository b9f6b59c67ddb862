"""Whether the path is ever silent for long.

What: The longest outage of a directed path: from the first of several probes lost in a row to the next answer.
Why HA: A heartbeat that stays away is taken for a dead peer. What counts is how long it stays away, not how often.
How: At least two probes in a row without an answer; a stalled sender and a peer that was not running are no outage. Where an
    outage began during a bandwidth test, only what remained of it afterwards counts. One probe period is taken off: the length
    is not known better.
Source: Design values: 1 s is a missed beat for most products; 5 s is half of the shortest ADDP timeout that is advised.
Fails when: above 5 s.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMING, Context, Judgement, Rule
from analyzer.words import seconds

OUTAGE = Limit("longest outage", "s", 1.0, 5.0, Sense.AT_MOST, "design value; fail: half of ADDP's advised 10 s")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    if not timing.judged:
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: no probe could be judged.",
            remedy=f"Run the collectors on {timing.source} and {timing.target} at the same time.",
        )
        return
    limit = context.limit(OUTAGE.name)
    certain_s = max(0.0, timing.longest_outage_s - timing.period_s)
    status = limit.judge(certain_s)
    count = len(timing.outages)
    told = f"{count} outages, the longest of" if count > 1 else "one outage of"
    longest = seconds(timing.longest_outage_s)
    yield Judgement(
        status,
        f"Path {timing.path} had {told} {longest}." if count else f"Path {timing.path} had no outage.",
        (
            Evidence("longest outage, less one probe period", certain_s, "s", limit),
            Evidence("outages", float(count), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what silences network {timing.network} between {timing.source} and {timing.target} for so long: a link "
        "that flaps, spanning tree, a switch or a carrier's line that fails over.",
        (f"rtt:{timing.path}",),
    )


RULE = Rule("outages", "Outages", Area.NETWORK, Scope.PATH, (TIMING,), (OUTAGE,), _check)
