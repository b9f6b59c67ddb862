"""Whether exactly one node served at any time, beside a product that runs.

What: Who held each virtual address, and each public and SIP address of the plan: two nodes at once (both active), or none of them (neither serving).
Why HA: These are the two shapes of a split brain: both nodes serve and change data apart from each other, or both are up and neither serves, because
    none knows that it is the one.
How: With `phase = "live"` every node looked every 10 s which of these addresses it holds. What is shorter than two looks may be the takeover itself. That nobody held
    it is said of virtual addresses only, while all nodes recorded. Where a product lets its nodes share the public address (Neverfail) that is information.
Source: NF and SB: both active, neither serving. 20 s (two looks) and 60 s: design values.
Fails when: two nodes held an address at once for more than 20 s, or nobody held a virtual address for more than 60 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import HOLDS, Context, Custom, Judgement, Rule
from analyzer.holdings import Holding, nobody, together
from analyzer.troubles import Trouble, words
from analyzer.words import seconds
from collector.plan import OUTSIDE, Address, NetworkKind, ObserverKind, Phase, Plan

BOTH = Limit("longest time with two holders", "s", 20.0, 20.0, Sense.AT_MOST, "two looks of 10 s: design value")
NONE = Limit("longest time without a holder", "s", 20.0, 60.0, Sense.AT_MOST, "design values")


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    if plan.phase is not Phase.LIVE:
        yield Judgement(
            Status.INFO, 'No product runs yet (phase = "before"), so who holds which address was not recorded.'
        )
        return
    virtual = {observer.address for observer in plan.observers if observer.kind is ObserverKind.VIRTUAL}
    watched = {**_public(plan), **dict.fromkeys(virtual, "virtual address")}
    silent = [node.name for node in plan.nodes if node.name not in {row.node for row in context.holdings}]
    troubles: list[Trouble] = []
    both_s = none_s = 0.0
    for ip, what in watched.items():
        rows = [row for row in context.holdings if row.ip == ip]
        shared = what == NetworkKind.PUBLIC and Custom.CLONES in context.customs
        longest_s, found = _both(context, ip, what, rows, shared=shared)
        both_s = max(both_s, 0.0 if shared else longest_s)
        troubles += found
        if ip in virtual and not silent:
            longest_s, found = _none(context, ip, rows)
            none_s = max(none_s, longest_s)
            troubles += found
    if silent:
        remedy = "Run the collector on every node, and assess all archives together."
        troubles.append(Trouble(Status.SKIPPED, f"which addresses {', '.join(silent)} held was not told", remedy))
    evidence = (
        Evidence(BOTH.name, both_s, "s", context.limit(BOTH.name)),
        Evidence(NONE.name, none_s, "s", context.limit(NONE.name)),
    )
    good = f"No address of {plan.cluster} was on two nodes at once, and no virtual one on none."
    yield from words(plan, f"Holders in {plan.cluster}", troubles, good, evidence)


def _public(plan: Plan) -> dict[Address, str]:
    return {
        interface.ip: str(plan.network(name).kind)
        for node in plan.nodes
        for name, interface in node.addresses.items()
        if plan.network(name).kind in OUTSIDE
    }


def _both(
    context: Context, ip: Address, what: str, rows: Sequence[Holding], *, shared: bool
) -> tuple[float, list[Trouble]]:
    spans = together(rows)
    longest_s = max((stop - start for start, stop in spans), default=0.0)
    status = context.limit(BOTH.name).judge(longest_s)
    if status is Status.PASS:
        return longest_s, []
    from_s, to_s = max(spans, key=lambda span: span[1] - span[0])
    names = " and ".join(row.node for row in rows if any(start < to_s and stop > from_s for start, stop in row.held))
    if shared:
        return longest_s, [Trouble(Status.INFO, f"{names} share {ip}, as they should where nodes are clones")]
    text = f"both active: {names} held {ip} ({what}) at once, for up to {seconds(longest_s)}"
    remedy = "Find out which node served whom meanwhile, and compare their data. Then see what cut the channels at that time."
    return longest_s, [Trouble(status, text, remedy, "addresses were on two nodes at once")]


def _none(context: Context, ip: Address, rows: Sequence[Holding]) -> tuple[float, list[Trouble]]:
    spans = nobody(rows) if rows else [(0.0, context.duration_s)]
    longest_s = max((stop - start for start, stop in spans), default=0.0)
    status = context.limit(NONE.name).judge(longest_s)
    if status is Status.PASS:
        return longest_s, []
    text = f"neither serving: nobody held {ip} (virtual address) for up to {seconds(longest_s)}"
    remedy = "See in the product's log why no node took it, and whether each knew which of them was to be active."
    return longest_s, [Trouble(status, text, remedy, "virtual addresses were on no node")]


RULE = Rule("holders", "Who held the address", Area.NETWORK, Scope.CLUSTER, (HOLDS,), (BOTH, NONE), _check)
