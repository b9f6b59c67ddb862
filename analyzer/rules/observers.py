"""Whether the machines that the cluster depends on answer the node.

What: Share of the ICMP echo requests that each observer of the plan answered: gateway, name server, SCS host, witness, ping targets.
Why HA: A node that cannot reach its gateway or its witness fails over for nothing, or cannot fail over at all.
How: One request a second from every node; a request that the node's own kernel refused counts as not answered.
Source: NF: every network connection answers ping before the installation starts. 99 %: Test-NetStack.
Fails when: a gateway, name server, SCS host or witness never answered in a run of 15 minutes. Other ping targets only warn.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, ObserverTiming, Scope, Sense, Status
from analyzer.extension import OBSERVERS, SUFFICIENT_S, Context, Judgement, Rule
from analyzer.words import seconds, share
from collector.plan import ObserverKind

ANSWERED = Limit("share answered", "ratio", 0.99, None, Sense.AT_LEAST, "Test-NetStack: at least 99 % answered")
FEW = 60
"""So few requests without answer condemn nobody (design value)."""

_NAMES = {
    ObserverKind.SCS: "SCS host",
    ObserverKind.WITNESS: "witness",
    ObserverKind.GATEWAY: "gateway",
    ObserverKind.DNS: "name server",
    ObserverKind.PING: "ping target",
}


def _check(context: Context) -> Iterator[Judgement]:
    if not context.plan.observers:
        yield Judgement(Status.INFO, "The plan names no observers.")
        return
    for timing in context.observers:
        yield _one(context, timing)


def _one(context: Context, timing: ObserverTiming) -> Judgement:
    kind = ObserverKind(timing.kind)
    name = f"{_NAMES[kind]} {timing.observer} ({timing.address})"
    if not timing.sent:
        return Judgement(
            Status.SKIPPED,
            f"Node {timing.node} did not ask {name}: {timing.reason}.",
            remedy=f"Let the collector on {timing.node} send ICMP echo requests, or ping {timing.address} by hand.",
        )
    limit = context.limit(ANSWERED.name)
    answered = timing.answered / timing.sent
    evidence = (
        Evidence(limit.name, answered, "ratio", limit),
        Evidence("requests", float(timing.sent), "1"),
        Evidence("longest silence", timing.longest_outage_s, "s"),
        Evidence("round trip, 99.9 %", timing.rtt.p999, "s"),
    )
    remedy = (
        f"See that {timing.address} is the right address, that it is up, that {timing.node} has a route to it, and that no "
        "packet filter drops ICMP echo."
    )
    if not timing.answered:
        long = context.duration_s >= SUFFICIENT_S and timing.sent >= FEW
        status = Status.FAIL if long and kind is not ObserverKind.PING else Status.WARN
        return Judgement(
            status,
            f"The {name} answered none of {timing.sent} pings of node {timing.node}.",
            evidence,
            remedy,
        )
    status = limit.judge(answered)
    silence = f"; its longest silence lasted {seconds(timing.longest_outage_s)}" if timing.longest_outage_s else ""
    return Judgement(
        status,
        f"The {name} answered {share(answered)} of {timing.sent} pings of node {timing.node}{silence}.",
        evidence,
        "" if status is Status.PASS else remedy,
    )


RULE = Rule("observers", "Observers", Area.NETWORK, Scope.NODE, (OBSERVERS,), (ANSWERED,), _check)
