"""Whether round trips take about the same time, one like the other.

What: Spread of the round trip on the wire: between sites its 99 % quantile less its median; within a site its standard deviation.
Why HA: A path whose answers now and then take seconds looks dead to a heartbeat, however good its median is.
How: Slots with all four kernel stamps, as for the delay; where too few have them, the round trip as an application sees it passes if it
    is within the limit and says nothing if not. The slowest 0.1 % are left out of the standard deviation: on a site they are
    judged as delay, and one of them would decide alone.
Source: Within a site 0.33 ms: IBM Spectrum Scale network readiness tool; 2 ms, and both limits between sites: design values.
Fails when: above 30 ms between sites, above 2 ms within one.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMING, Context, Judgement, Rule, stamped
from analyzer.words import seconds

LAN = Limit(
    "jitter on one site, standard deviation",
    "s",
    0.33e-3,
    2e-3,
    Sense.AT_MOST,
    "warn: KOET, 0.33 ms; fail: design value",
)
WAN = Limit("jitter between sites, 99 % less median", "s", 0.010, 0.030, Sense.AT_MOST, "design values")


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    limit = context.limit((WAN if timing.wan else LAN).name)
    known = stamped(timing)
    if timing.wan:
        figures = timing.wire if known else timing.rtt
        value_s = None if figures.p99 is None or figures.p50 is None else figures.p99 - figures.p50
    else:
        value_s = timing.wire_deviation_s if known else timing.rtt_deviation_s
    status = limit.judge(value_s) if value_s is not None else Status.SKIPPED
    if value_s is None or (not known and status is not Status.PASS):
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: {timing.wire.samples} of {timing.answered} round trips have kernel timestamps at both ends, "
            "too few to tell how much the network spreads them.",
            (Evidence("spread as an application sees it", value_s, "s", limit),),
            "Run the collectors on Linux, or judge the spread from the charts.",
        )
        return
    what = (
        "99 % of the round trips take at most {} longer than the median"
        if timing.wan
        else "round trips spread by {} (standard deviation)"
    )
    where = "on the wire" if known else "as an application sees them"
    yield Judgement(
        status,
        f"Path {timing.path}: {what.format(seconds(value_s))}, {where}.",
        (Evidence(f"{limit.name}, {where}", value_s, "s", limit),),
        ""
        if status is Status.PASS
        else f"Find what makes packets wait now and then on network {timing.network}: queues, shaping, a busy or changing way.",
        (f"rtt:{timing.path}",),
    )


RULE = Rule("jitter", "Jitter", Area.NETWORK, Scope.PATH, (TIMING,), (LAN, WAN), _check)
