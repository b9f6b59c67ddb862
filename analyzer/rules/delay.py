"""Whether the network between two nodes is fast enough.

What: Round trip on the wire alone (kernel timestamps at both ends): its median and its 99.9 % quantile within a site, its median
    between sites where calls run over it.
Why HA: A heartbeat and every synchronous write wait for it; a slow machine is judged apart (see stalls).
How: Slots with all four kernel stamps and no clock step, if four fifths of the answers have them (design value). Otherwise the round trip
    as an application sees it stands in: it holds the wire, so it passes if even that is within the limit, and says nothing if not.
    Between sites only voice has a limit: a network of kind sip, or one that a product of telephony is bound to. Elsewhere the figure
    is told and not judged: no vendor of the planned products names one.
Source: IBM Spectrum Scale network readiness tool (KOET), vSAN, Vertica (LAN mean 1 ms), Storage Replica (5 ms), KOET (LAN maximum 2 ms);
    Cisco Unified Communications Manager, clustering over a WAN (80 ms, 40 ms before 6.1; secondary source). 20 ms on a LAN is a
    design value; the median stands for the mean.
Fails when: above 5 ms (median) or 20 ms (99.9 %) within a site, above 80 ms (median) between sites under voice.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Quantiles, Scope, Sense, Status
from analyzer.extension import TIMING, Context, Custom, Judgement, Rule, stamped
from analyzer.words import seconds
from collector.plan import NetworkKind, spelling

LAN = Limit(
    "wire, 99.9 %, on one site", "s", 0.002, 0.020, Sense.AT_MOST, "warn: KOET, maximum 2 ms; fail: design value"
)
MEDIAN = Limit(
    "wire, median, on one site", "s", 0.001, 0.005, Sense.AT_MOST, "KOET, vSAN, Vertica: 1 ms; Storage Replica: 5 ms"
)
WAN = Limit(
    "wire, median, between sites",
    "s",
    0.040,
    0.080,
    Sense.AT_MOST,
    "CUCM over a WAN: 80 ms, 40 ms before 6.1 (secondary source)",
)
_WORST = (Status.PASS, Status.WARN, Status.FAIL)


def _check(context: Context) -> Iterator[Judgement]:
    timing = context.timing
    known = stamped(timing)
    figures = timing.wire if known else timing.rtt
    value_s = figures.p50 if timing.wan else figures.p999
    where = "on the wire" if known else "as an application sees them"
    if timing.wan and not _voice(context) and value_s is not None:
        yield Judgement(
            Status.INFO,
            f"Path {timing.path}: half of all round trips take at most {seconds(value_s)} {where}. For what the plan runs over it no "
            "vendor names a limit between sites.",
            (
                Evidence(f"median {where}", value_s, "s"),
                Evidence("longest as an application sees it", timing.rtt.maximum, "s"),
            ),
            traces=(f"rtt:{timing.path}",),
        )
        return
    held = [(context.limit(WAN.name), figures.p50)] if timing.wan else _on_site(context, figures)
    status = max(
        (limit.judge(found_s) for limit, found_s in held if found_s is not None), key=_WORST.index, default=None
    )
    if value_s is None or status is None or (not known and status is not Status.PASS):
        beyond = [
            (limit, found_s)
            for limit, found_s in held
            if found_s is not None and limit.judge(found_s) is not Status.PASS
        ]
        least = "".join(
            f"; with the machines' own time {seconds(found_s)} is beyond the limit ({limit.name})"
            for limit, found_s in beyond[:1]
        )
        yield Judgement(
            Status.SKIPPED,
            f"Path {timing.path}: {timing.wire.samples} of {timing.answered} round trips have kernel timestamps at both ends, "
            f"too few to tell the network from the machines{least}.",
            tuple(Evidence(f"{limit.name}, as an application sees it", found_s, "s", limit) for limit, found_s in held),
            "Run the collectors on Linux, or judge the delay from the charts.",
        )
        return
    told = f"half of all round trips take at most {seconds(figures.p50 or 0.0)}"
    told += "" if timing.wan else f", 99.9 % at most {seconds(value_s)}"
    yield Judgement(
        status,
        f"Path {timing.path}: {told} {where}{'' if known else ', and no more on the wire'}.",
        (
            *(Evidence(limit.name, found_s, "s", limit) for limit, found_s in held),
            Evidence("longest on the wire", timing.wire.maximum, "s"),
            Evidence("longest as an application sees it", timing.rtt.maximum, "s"),
        ),
        ""
        if status is Status.PASS
        else f"Find what delays packets on network {timing.network}: queues, detours, a shared or shaped link.",
        (f"rtt:{timing.path}",),
    )


def _on_site(context: Context, figures: Quantiles) -> list[tuple[Limit, float | None]]:
    return [(context.limit(MEDIAN.name), figures.p50), (context.limit(LAN.name), figures.p999)]


def _voice(context: Context) -> bool:
    """Whether calls run over the path's network."""
    plan, name = context.plan, context.timing.network
    carrying = {spelling(product) for product in context.customs.get(Custom.VOICE, ())}
    bound = any(name in binding.networks and spelling(binding.name) in carrying for binding in plan.stacks)
    return plan.network(name).kind is NetworkKind.SIP or bound


RULE = Rule("delay", "Network delay", Area.NETWORK, Scope.PATH, (TIMING,), (LAN, MEDIAN, WAN), _check)
