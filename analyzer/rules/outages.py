"""Whether the path is ever silent for long.

What: The longest outage of a directed path: from the first of several probes in a row that were lost, or answered too late to
    count, to the next answer.
Why HA: A heartbeat that stays away is taken for a dead peer. What counts is how long it stays away, not how often.
How: At least two probes in a row without an answer in time (a second later than usual is too late); a stalled node and a peer
    that was not running are no outage. Where an outage began during a bandwidth test, only what remained of it afterwards
    counts. One probe period is taken off: the length is not known better. A node that stood still with its clock meanwhile is
    named and counts all the same. Notes of people within 60 s stand in the evidence and change nothing.
Source: Design values: 1 s is a missed beat for most products; half of the shortest timeout that a product on this path starts from,
    because TCP can make twice as much of an outage. A path that no planned product depends on alone can only warn.
Fails when: above half of that timeout (ADDP: 5 s on one site, 10 s between sites; Neverfail with a single channel: 30 s).
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import NOTES, STALLS, TIMING, Context, Judgement, Rule
from analyzer.notes import near
from analyzer.stood import remedy, stood
from analyzer.stood import told as then
from analyzer.tolerance import borne
from analyzer.words import certainly, either_way

OUTAGE = Limit("longest outage", "s", 1.0, None, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    if not timing.judged:
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: no probe could be judged.",
            remedy=f"Run the collectors on {timing.source} and {timing.target} at the same time.",
        )
        return
    limit = borne(context.limit(OUTAGE.name), context.tolerance)
    certain_s = max(0.0, timing.longest_outage_s - timing.period_s)
    status = limit.judge(certain_s)
    count = len(timing.outages)
    told = f"{count} outages, the longest of" if count > 1 else "one outage of"
    longest = certainly(timing.longest_outage_s, certain_s, limit)
    late = sum(outage.late for outage in timing.outages)
    held = f" {late} of the probes in them were answered, but too late." if late else ""
    node = stood(context.ends, timing.outages)
    yield Judgement(
        status,
        f"Path {timing.path} had {told} {longest}{then(node)}.{held}"
        if count
        else f"Path {timing.path} had no outage.",
        (
            Evidence("longest outage, less one probe period", certain_s, "s", limit),
            Evidence("outages", float(count), "1"),
            *near(context.notes, ((outage.start_s, outage.length_s) for outage in timing.outages), "outage"),
        ),
        ""
        if status is Status.PASS
        else remedy(node)
        if node
        else f"Find what silences network {timing.network} between {either_way(timing.source, timing.target)} for so long: a link "
        "that flaps, spanning tree, a switch or a carrier's line that fails over.",
        (f"rtt:{timing.path}",),
    )


RULE = Rule("outages", "Outages", Area.NETWORK, Scope.PATH, (TIMING, NOTES, STALLS), (OUTAGE,), _check)
