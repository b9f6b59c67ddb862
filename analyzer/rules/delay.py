"""Whether the network between two nodes is fast enough.

What: Round trip on the wire alone (kernel timestamps at both ends): its 99.9 % quantile within a site, its median between sites.
Why HA: A heartbeat and every synchronous write wait for it; a slow machine is judged apart (see stalls).
How: Slots with all four kernel stamps and no clock step, if four fifths of the answers have them (design value). Otherwise the round trip
    as an application sees it stands in: it holds the wire, so it passes if even that is within the limit, and says nothing if not.
Source: IBM Spectrum Scale network readiness tool (LAN maximum 2 ms); voice clusters over a WAN (80 ms, formerly 40 ms);
    20 ms on a LAN is a design value.
Fails when: above 20 ms (99.9 %) within a site, above 80 ms (median) between sites.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMING, Context, Judgement, Rule, stamped
from analyzer.words import seconds

LAN = Limit(
    "wire, 99.9 %, on one site", "s", 0.002, 0.020, Sense.AT_MOST, "warn: KOET, maximum 2 ms; fail: design value"
)
WAN = Limit(
    "wire, median, between sites", "s", 0.040, 0.080, Sense.AT_MOST, "voice cluster over a WAN: 80 ms, 40 ms before"
)


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    limit = context.limit((WAN if timing.wan else LAN).name)
    known = stamped(timing)
    figures = timing.wire if known else timing.rtt
    value_s = figures.p50 if timing.wan else figures.p999
    status = limit.judge(value_s) if value_s is not None else Status.SKIPPED
    if value_s is None or (not known and status is not Status.PASS):
        least = (
            f"; with the machines' own time they take {seconds(value_s)}, beyond the limit"
            if value_s is not None
            else ""
        )
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: {timing.wire.samples} of {timing.answered} round trips have kernel timestamps at both ends, "
            f"too few to tell the network from the machines{least}.",
            (Evidence("round trip as an application sees it", value_s, "s", limit),),
            "Run the collectors on Linux, or judge the delay from the charts.",
        )
        return
    share = "half" if timing.wan else "99.9 %"
    where = "on the wire" if known else "as an application sees them, and no more on the wire"
    yield Judgement(
        status,
        f"Path {timing.path}: {share} of all round trips take at most {seconds(value_s)} {where}.",
        (
            Evidence(limit.name, value_s, "s", limit),
            Evidence("longest on the wire", timing.wire.maximum, "s"),
            Evidence("longest as an application sees it", timing.rtt.maximum, "s"),
        ),
        ""
        if status is Status.PASS
        else f"Find what delays packets on network {timing.network}: queues, detours, a shared or shaped link.",
        (f"rtt:{timing.path}",),
    )


RULE = Rule("delay", "Network delay", Area.NETWORK, Scope.PATH, (TIMING,), (LAN, WAN), _check)
