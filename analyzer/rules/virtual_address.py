"""Whether the address that the product is to move fits, and is free.

What: Each observer of kind `virtual`: in a public or SIP subnet of every node that takes it over, a host's address there, and nobody has it
    before the product runs.
Why HA: An address that does not fit into the subnet of the second node cannot be taken over; one that somebody has already is fought over.
How: The plan's subnets; the pings of every node and, in its own subnet, whether anybody answered for the address at all (a machine that drops pings still
    answers that). Beside a running product only the place is judged here: who holds it is told by `holders`.
Source: GSIP: the virtual address lies in the network of the SIP interface; takeover needs a single subnet. What each finding weighs: design values.
Fails when: a machine that is none of the plan's has the address before the product runs, or the address is a planned one of a node.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Scope, Status
from analyzer.extension import FACTS, NEIGHBOURS, OBSERVERS, Context, Judgement, Rule
from analyzer.netfacts import nics
from analyzer.troubles import Trouble, words
from collector.plan import OUTSIDE, Node, Observer, ObserverKind, Phase, Plan


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    virtual = [observer for observer in plan.observers if observer.kind is ObserverKind.VIRTUAL]
    if not virtual:
        yield Judgement(
            Status.INFO, "The plan names no virtual address (an observer of kind virtual), so none was looked at."
        )
    for observer in virtual:
        troubles = list(_place(plan, observer))
        if plan.phase is Phase.LIVE:
            good = "it fits into the subnets of the nodes that take it over"
        else:
            troubles += _free(context, observer)
            good = "it fits into the subnets of the nodes that take it over, and nobody has it"
        owner = f"Virtual address {observer.name} ({observer.address})"
        yield from words(plan, owner, troubles, f"{owner}: {good}.")


def _place(plan: Plan, observer: Observer) -> Iterator[Trouble]:
    takers = list(dict.fromkeys(name for stack in plan.stacks for pair in stack.auto_failover for name in pair))
    owner = next((node for node in plan.nodes if observer.address in [i.ip for i in node.addresses.values()]), None)
    if owner is not None:
        remedy = "Choose an address of its own for what the product moves, or take this observer out of the plan."
        yield Trouble(Status.FAIL, f"it is a planned address of {owner.name}", remedy)
        return
    right = [node.name for node in plan.nodes if _fits(plan, node, observer)]
    remedy = "Choose a free address in the public or SIP subnet that both nodes share."
    if not right:
        inside = sorted(
            {name for node in plan.nodes for name, i in node.addresses.items() if observer.address in i.network}
        )
        where = f"in the subnet of {', '.join(inside)}" if inside else "in no subnet of any node"
        yield Trouble(Status.WARN, f"it lies {where}, not in a public or SIP network", remedy)
    elif lacking := [name for name in takers if name not in right]:
        yield Trouble(
            Status.WARN,
            f"it does not fit into a public or SIP subnet of {', '.join(lacking)}, which may take it over",
            remedy,
        )
    for node in plan.nodes:
        for interface in node.addresses.values():
            net = interface.network
            if net.num_addresses > 2 and observer.address in (net.network_address, net.broadcast_address):
                yield Trouble(Status.WARN, f"it is no host's address in {net}", remedy)
                return


def _fits(plan: Plan, node: Node, observer: Observer) -> bool:
    return any(
        observer.address in interface.network
        for name, interface in node.addresses.items()
        if plan.network(name).kind in OUTSIDE
    )


def _free(context: Context, observer: Observer) -> Iterator[Trouble]:
    """Somebody may drop pings, but must answer ARP to be reached at all; only that nobody does either proves that it is free."""
    plan, ip = context.plan, observer.address
    held = [
        name
        for name, facts in context.facts.items()
        if any(one.ip == ip for nic in nics(facts) or () for one in nic.held)
    ]
    asked = {name: one.mac for name, told in context.neighbours.items() for one in told if one.ip == ip}
    taken = {
        name: mac for name, told in context.neighbours.items() for one in told if one.ip == ip and (mac := one.mac)
    }
    pinged = [timing.node for timing in context.observers if timing.observer == observer.name and timing.answered]
    remedy = f"Find the machine that has {ip} (the switch's table tells the port of its MAC address), or choose another address."
    if held:
        text = f"{' and '.join(held)} has it already, before the product runs"
        yield Trouble(
            Status.WARN, text, f"Take {ip} off {' and '.join(held)} if the product is to set it; ask its installer."
        )
    elif taken or pinged:
        who = (
            f"{' and '.join(dict.fromkeys(taken.values()))} answered for it"
            if taken
            else f"somebody answered the pings of {', '.join(pinged)}"
        )
        yield Trouble(Status.FAIL, f"another machine has it: {who}", remedy, "virtual addresses are taken")
    elif not asked:
        near = [
            node.name for node in plan.nodes if any(ip in interface.network for interface in node.addresses.values())
        ]
        yield Trouble(
            Status.SKIPPED,
            f"whether it is free is not known: {', '.join(near) or 'no node in its subnet'} told nobody's answer to ARP for it",
            f"Ask from a node in its subnet whether anybody has {ip} (arping -D), and repeat the run with pings allowed.",
        )


RULE = Rule(
    "virtual-address",
    "Virtual address",
    Area.NETWORK,
    Scope.CLUSTER,
    (NEIGHBOURS, FACTS, OBSERVERS),
    (),
    _check,
    effort=Effort.SETTING,
)
