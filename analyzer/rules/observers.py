"""Whether the machines that the cluster depends on answer the node.

What: Share of the ICMP echo requests that each observer of the plan answered: gateway, name server, SCS host, witness, ping targets.
Why HA: A node that cannot reach its gateway or its witness fails over for nothing, or cannot fail over at all.
How: One request a second from every node; a request that the node's own kernel refused counts as not answered. One that never
    answered is unknown: many gateways and firewalls drop ICMP, and that looks like a dead machine.
Source: NF: every network connection answers ping before the installation starts. 99 %: Test-NetStack. Silence: design values; 10 s is
    ADDP's advised timeout.
Fails when: a gateway, name server, SCS host or witness answered and then was silent for more than 60 s. Other ping targets only warn; who holds
    a virtual address is judged by `holders`.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, ObserverTiming, Scope, Sense, Status
from analyzer.coverage import lacking
from analyzer.extension import OBSERVERS, Context, Judgement, Rule
from analyzer.host import worst
from analyzer.words import count, seconds, share, tail
from collector.plan import ObserverKind, Phase, Plan

ANSWERED = Limit("share answered", "ratio", 0.99, None, Sense.AT_LEAST, "Test-NetStack: at least 99 % answered")
SILENCE = Limit("longest silence", "s", 10.0, 60.0, Sense.AT_MOST, "design values; warn: ADDP's advised timeout")

_NAMES = {
    ObserverKind.SCS: "SCS host",
    ObserverKind.WITNESS: "witness",
    ObserverKind.GATEWAY: "gateway",
    ObserverKind.DNS: "name server",
    ObserverKind.PING: "ping target",
    ObserverKind.FENCING: "fencing device",
    ObserverKind.VIRTUAL: "virtual address",
}


def _check(context: Context) -> Iterator[Judgement]:
    if not context.plan.observers:
        yield Judgement(Status.INFO, "The plan names no observers.")
        return
    wanted = [timing for timing in context.observers if _expected(context.plan, timing)]
    if not wanted:
        yield Judgement(Status.INFO, "The plan names no observers that are to answer yet.")
    for timing in wanted:
        word = _one(context, timing)
        thin = ""
        if timing.watched_s is not None and timing.run_s is not None:
            thin = lacking(f"observer {timing.observer} of node {timing.node}", timing.watched_s, timing.run_s)
        if not thin or word.status is not Status.PASS:
            yield word
        if thin and timing.sent and timing.answered:
            yield Judgement(
                Status.SKIPPED,
                f"Not judged: {thin}.",
                remedy=f"See in the archive of {timing.node} (haready inspect) why it asked no longer, and repeat the run.",
            )


def _expected(plan: Plan, timing: ObserverTiming) -> bool:
    """Before a product runs, nobody is to answer for the address that it will move: that is judged by `virtual-address`."""
    return plan.phase is Phase.LIVE or timing.kind != ObserverKind.VIRTUAL


def _one(context: Context, timing: ObserverTiming) -> Judgement:
    kind = ObserverKind(timing.kind)
    word = _NAMES[kind]
    # An observer that is called what it is needs no second word.
    called = "" if timing.observer.lower() == word.lower() else f" {timing.observer}"
    name = f"{word}{called} ({timing.address})"
    if not timing.sent:
        return Judgement(
            Status.SKIPPED,
            f"Node {timing.node} did not ask {name}: {timing.reason}.",
            remedy=f"Let the collector on {timing.node} send ICMP echo requests, or ping {timing.address} by hand.",
        )
    limit = context.limit(ANSWERED.name)
    answered = timing.answered / timing.sent
    evidence = (
        Evidence(f"{name}: {limit.name}", answered, "ratio", limit),
        Evidence("requests", float(timing.sent), "1"),
        Evidence(
            "longest silence", timing.longest_outage_s, "s", context.limit(SILENCE.name) if timing.answered else None
        ),
        Evidence(f"round trip, {tail(timing.rtt.samples)}", timing.rtt.p999, "s"),
    )
    remedy = (
        f"See that {timing.address} is the right address, that it is up, that {timing.node} has a route to it, and that no "
        "packet filter drops ICMP echo."
    )
    if not timing.answered:
        # A packet filter looks like a dead machine from here, so this condemns nobody and passes nobody.
        return Judgement(
            Status.SKIPPED,
            f"The {name} answered none of {count(timing.sent)} pings of node {timing.node}: filtered or dead.",
            evidence,
            f"Confirm that {timing.address} is the right address and that the machine is up. If a packet filter drops ICMP echo, "
            "have it pass from the nodes, or strike this observer from the plan.",
        )
    silent = context.limit(SILENCE.name).judge(timing.longest_outage_s)
    if silent is Status.FAIL and kind in (ObserverKind.PING, ObserverKind.VIRTUAL):
        silent = Status.WARN
    status = worst((limit.judge(answered), silent))
    silence = f"; its longest silence lasted {seconds(timing.longest_outage_s)}" if timing.longest_outage_s else ""
    return Judgement(
        status,
        f"The {name} answered {share(answered)} of {count(timing.sent)} pings of node {timing.node}{silence}.",
        evidence,
        "" if status is Status.PASS else remedy,
    )


RULE = Rule("observers", "Observers", Area.NETWORK, Scope.NODE, (OBSERVERS,), (ANSWERED, SILENCE), _check)
