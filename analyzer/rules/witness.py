"""Whether the witness is near enough.

What: Median round trip of each witness of the plan, from every node.
Why HA: Before it takes over a node asks the witness who may; an answer that comes late delays that, or counts as none.
How: ICMP echo once a second. Which round trip the source means it does not say; the median is what every question costs (design
    value). A witness that did not answer is no subject here: see observers.
Source: vSAN (witness: 200 ms at most); contact-centre private links: 200 ms at most, 100 ms advised.
Fails when: above 200 ms.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, ObserverTiming, Scope, Sense, Status
from analyzer.extension import WITNESSES, Context, Custom, Judgement, Rule
from analyzer.words import seconds, tail
from collector.plan import spelling

RTT = Limit(
    "round trip to the witness, median", "s", 0.1, 0.2, Sense.AT_MOST, "vSAN: 200 ms; private link: 100 ms advised"
)
FEW = 60
"""Answers below which the median is left open: a minute (design value)."""


def _check(context: Context) -> Iterator[Judgement]:
    if context.subject.scope is Scope.CLUSTER:
        yield Judgement(Status.INFO, "The plan names no witness.")
        return
    if not context.witnesses:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} told nothing of a witness.",
            remedy=f"See in the archive of {context.node} (haready inspect) why it asked none, and repeat the run.",
        )
        return
    stores = {spelling(name) for name in context.customs.get(Custom.COMMITS, ())}
    if stores and all(spelling(binding.name) in stores for binding in context.plan.stacks):
        asking = " and ".join(binding.name for binding in context.plan.stacks)
        yield Judgement(Status.INFO, f"{asking} asks no witness: its members alone decide (see quorum).")
        return
    for timing in context.witnesses:
        yield _one(context, timing)


def _one(context: Context, timing: ObserverTiming) -> Judgement:
    who = f"The witness {timing.observer} ({timing.address})"
    median_s = timing.rtt.p50
    if median_s is None or timing.answered < FEW:
        return Judgement(
            Status.SKIPPED,
            f"{who} answered node {timing.node} {timing.answered} times, {FEW} are needed to tell how far it is.",
            remedy=f"See that {timing.node} reaches {timing.address} by ICMP echo, and repeat the run.",
        )
    limit = context.limit(RTT.name)
    status = limit.judge(median_s)
    return Judgement(
        status,
        f"{who} answers node {timing.node} within {seconds(median_s)} (median).",
        (
            Evidence(limit.name, median_s, "s", limit),
            Evidence(f"round trip, {tail(timing.rtt.samples)}", timing.rtt.p999, "s"),
            Evidence("answers", float(timing.answered), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Place the witness nearer to {timing.node}, or find what delays the way there.",
    )


RULE = Rule(
    "witness",
    "Distance of the witness",
    Area.NETWORK,
    Scope.NODE,
    (WITNESSES,),
    (RTT,),
    _check,
    effort=Effort.RESOURCES,
)
