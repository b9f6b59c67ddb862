"""Whether the node stood still together with its clock.

What: Suspensions of the node, and times in which it and its monotonic clock stood still, which none of its own processes can see.
Why HA: For its peers such a node is dead, and they take over; when it goes on it does not know that time has passed, believes that it
    still is the active one, and both serve.
How: A suspension: the boot clock gained on the monotonic clock. A frozen clock: all peers that were being answered heard nothing from the node
    and got no answer, and from then on its monotonic clock lags behind theirs by that time. How long the paths were silent is judged by the
    outages, and counts there alone; nodes of one host that stand still together cannot be told.
Source: Design values (unverified): a node that stands still with its clock at all is a warning.
Fails when: never; see outages.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, StallCause, Status
from analyzer.extension import STALLS, Context, Judgement, Rule
from analyzer.stood import remedy
from analyzer.words import seconds, span

STOOD = Limit("times that the clock stood still", "1", 0.0, None, Sense.AT_MOST, "design value, unverified: none")
_WORDS = {StallCause.SUSPEND: "suspended", StallCause.FROZEN: "frozen with its clock"}
_SHOWN = 3


def _check(context: Context) -> Iterator[Judgement]:
    stalls = context.stalls
    found = [tally for tally in stalls.tallies if tally.cause in _WORDS]
    limit = context.limit(STOOD.name)
    count = sum(tally.count for tally in found)
    evidence = [
        Evidence("times that the clock stood still", float(count), "1", limit),
        Evidence("peers that would have seen it", float(stalls.watched), "1"),
    ]
    if not found and not stalls.watched:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node}: no peer with an archive had answers from it, so nobody saw whether its clock stood still.",
            tuple(evidence),
            "Run the collectors on all nodes at the same time, and fetch the archives of all.",
        )
        return
    if not found:
        yield Judgement(Status.PASS, f"Node {context.node}: its clock never stood still.", tuple(evidence))
        return
    shown = [stall for stall in stalls.worst if stall.cause in _WORDS][:_SHOWN]
    evidence += [
        Evidence(f"{_WORDS[stall.cause]} {span(max(0.0, stall.start_s))} after the start", stall.length_s, "s")
        for stall in shown
    ]
    told = " and ".join(
        f"{_WORDS[tally.cause]} {'once' if tally.count == 1 else f'{tally.count} times'}, for up to {seconds(tally.longest_s)}"
        for tally in found
    )
    yield Judgement(
        limit.judge(float(count)),
        f"Node {context.node} was {told}. None of its own processes can notice that.",
        tuple(evidence),
        remedy(context.node),
    )


RULE = Rule("standstill", "Clock that stands still", Area.HOST, Scope.NODE, (STALLS,), (STOOD,), _check)
