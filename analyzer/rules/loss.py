"""Whether the path loses packets.

What: Share of the probes that were sent, could be judged and were never answered.
Why HA: A lost heartbeat is a missed beat over UDP and a stall over TCP; a lossy path fails over for nothing.
How: The lower bound of the 95 % interval is held against the limit: one lost packet in 15 minutes proves nothing. Packets that
    are lost one after another count as one event; how long they last is judged apart (see outages), and where most losses are outages
    the message says so.
Source: Above 1 % Test-NetStack fails a network; 0.01 % on one site and 0.1 % between sites are design values.
Fails when: the loss is above 1 % beyond doubt.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status, Timing
from analyzer.extension import TIMING, Context, Judgement, Rule
from analyzer.lost import silenced
from analyzer.words import count, either_way, seconds, share

_FAIL = "fail: Test-NetStack (less than 99 % answered)"
LAN = Limit("loss on one site", "ratio", 1e-4, 1e-2, Sense.AT_MOST, f"warn: design value; {_FAIL}")
WAN = Limit("loss between sites", "ratio", 1e-3, 1e-2, Sense.AT_MOST, f"warn: design value; {_FAIL}")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    if timing.loss is None or timing.loss_low is None or timing.loss_high is None:
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: no probe could be judged ({timing.unjudged} say nothing about the network).",
            remedy=f"Run the collectors on {timing.source} and {timing.target} at the same time.",
        )
        return
    limit = context.limit((WAN if timing.wan else LAN).name)
    status = limit.judge(timing.loss_low)
    lost = timing.lost
    ways = (
        (timing.lost_forward, f"on the way to {timing.target}"),
        (timing.lost_back, "on the way back"),
        (timing.lost_unknown, "direction unknown"),
    )
    where = f" ({', '.join(f'{count(number)} {way}' for number, way in ways if number)})" if lost else ""
    burst = _burst(timing)
    yield Judgement(
        status,
        f"Path {timing.path} lost {count(lost)} of {count(timing.answered + lost)} probes{where}, {share(timing.loss)}{burst}; "
        f"at 95 % confidence between {share(timing.loss_low)} and {share(timing.loss_high)}.",
        (
            Evidence("loss, lower bound", timing.loss_low, "ratio", limit),
            Evidence("loss", timing.loss, "ratio"),
            Evidence("loss, upper bound", timing.loss_high, "ratio"),
            Evidence("longest outage", timing.longest_outage_s, "s"),
        ),
        ""
        if status is Status.PASS
        else f"See the outages: find what silences network {timing.network} between {either_way(timing.source, timing.target)} at those "
        "moments, such as a link that flaps, spanning tree, or a line that fails over."
        if burst
        else f"Find where network {timing.network} drops packets between {either_way(timing.source, timing.target)}: "
        "cabling, duplex, switch port counters, queues of the carrier.",
        (f"rtt:{timing.path}",),
    )


def _burst(timing: Timing) -> str:
    """Said where more than half of the losses lie in outages: what silences a path is another fault than what drops packets."""
    inside = silenced(timing)
    if not inside:
        return ""
    gone = [outage for outage in timing.outages if outage.slots > outage.late]
    many = f"all {inside}" if inside == timing.lost else f"{inside} of them"
    longest = seconds(max(outage.length_s for outage in gone))
    return (
        f", {many} in one outage of {longest}"
        if len(gone) == 1
        else f", {many} in {len(gone)} outages of up to {longest}"
    )


RULE = Rule("loss", "Packet loss", Area.NETWORK, Scope.PATH, (TIMING,), (LAN, WAN), _check)
