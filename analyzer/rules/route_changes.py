"""Whether the route of the path stays the same, and packets keep their order.

What: How often the TTL on arrival changed, each way; replies that were overtaken; replies that came twice.
Why HA: A change of route is a moment without one, and the new one has another delay: what was measured before says less about what
    comes. Packets out of order make TCP resend and delay what is behind them.
How: Every packet tells with which TTL it arrived; a router takes one off, so another number is another way. Order and copies are
    counted from the numbers and times of the replies.
Source: A path change, and more than 1 % of packets doubled or out of order, make a measurement less certain: design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status, Timing
from analyzer.extension import TIMING, Context, Judgement, Rule
from analyzer.words import share

CHANGES = Limit("route changes", "1", 0.0, None, Sense.AT_MOST, "design value")
ODD = Limit("packets out of order or doubled", "ratio", 0.01, None, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    known = [count for count in (timing.route_changes_there, timing.route_changes_back) if count is not None]
    if not known or timing.reordered is None or not timing.answered:
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: its packets did not tell their TTL, so changes of route are not known.",
            remedy=f"Look for changes of route between {timing.source} and {timing.target} by hand (traceroute, twice).",
        )
        return
    changes, odd = context.limit(CHANGES.name), context.limit(ODD.name)
    ratio = (timing.reordered + timing.duplicates) / timing.answered
    moved, mixed = changes.judge(sum(known)), odd.judge(ratio)
    mixed_up = (
        f"{timing.reordered} replies out of order and {timing.duplicates} doubled ({share(ratio)})"
        if ratio
        else "no reply out of order or doubled"
    )
    text = f"Path {timing.path}: {_ways(timing)}; {mixed_up}."
    remedies = []
    if moved is not Status.PASS:
        remedies.append(
            f"Ask who runs network {timing.network} why its route between {timing.source} and {timing.target} changes."
        )
    if mixed is not Status.PASS:
        remedies.append("Look for load sharing packet by packet, or a loop between switches.")
    yield Judgement(
        Status.WARN if remedies else Status.PASS,
        text,
        (
            Evidence("route changes", float(sum(known)), "1", changes),
            Evidence("out of order or doubled", ratio, "ratio", odd),
        ),
        " ".join(remedies),
        (f"rtt:{timing.path}",),
    )


def _ways(timing: Timing) -> str:
    if timing.route_changes_there == timing.route_changes_back == 0:
        return "its route changed neither there nor back"
    counts = ((timing.route_changes_there, "there"), (timing.route_changes_back, "back"))
    told = ", ".join("not told " + way if count is None else f"{count} {way}" for count, way in counts)
    return f"changes of route {told}"


RULE = Rule("route-changes", "Route and order of packets", Area.NETWORK, Scope.PATH, (TIMING,), (CHANGES, ODD), _check)
