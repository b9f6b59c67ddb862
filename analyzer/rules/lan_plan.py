"""Whether the node's addresses and interfaces are those of the plan.

What: Each planned address: present, with the right prefix, static, on the planned interface, the interface up; the number of
    interfaces; where the default gateway is, and whether it is the planned one; whether channels have an interface of their own.
Why HA: A channel that shares an interface or leaves through the gateway fails together with what it should watch. An
    address from a server can change under a running cluster.
How: The inventory that the node wrote once an hour beside the plan. What either of them does not say is unknown, not good.
Source: NF: two interfaces per node in a pair, three in a trio (several virtual ones of one card are permitted), counted in
    these topologies and where a product asks for it; default gateway on the public interface only; management and public are
    two addresses of one interface. NF, GSIP: static addresses.
Fails when: a planned address is on no interface, or its interface is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from analyzer.contract import AddressFound, Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Custom, Judgement, Rule
from analyzer.lanplan import addresses
from analyzer.netfacts import default_routes, gateways, nics, text
from analyzer.remedies import lasting, typed
from analyzer.troubles import Trouble, words
from collector.plan import OUTSIDE, Address, NetworkKind, Node, ObserverKind, Phase, Plan, Topology

_NF = "NF: interfaces per node"
PAIR = Limit("interfaces in a pair", "1", 2.0, None, Sense.AT_LEAST, _NF)
TRIO = Limit("interfaces in a trio", "1", 3.0, None, Sense.AT_LEAST, _NF)

_SHARING = frozenset({NetworkKind.PUBLIC, NetworkKind.MANAGEMENT})
"""Networks that clients come in by."""


def _check(context: Context) -> Iterator[Judgement]:
    plan, node = context.plan, context.plan.node(context.node)
    rows = [row for row in addresses(plan, {node.name: context.facts}) if row.node == node.name]
    troubles: list[Trouble] = []
    for row in rows:
        troubles += _address(row, live=plan.phase is Phase.LIVE and plan.network(row.network).kind in OUTSIDE)
    troubles += _shared(plan, rows)
    troubles += _management(context, node, rows)
    troubles += _gateway(plan, node, rows, context.facts)
    counted, evidence = _count(context)
    troubles += counted
    good = f"Node {node.name}: its {len(rows)} planned addresses are where the plan has them."
    yield from words(plan, f"Node {node.name}", troubles, good, evidence)


def _address(row: AddressFound, *, live: bool) -> Iterator[Trouble]:
    """`live`: a product that runs may have moved the address to another node, or have taken it off the passive one."""
    what = f"{row.network} {row.address}"
    if row.found is None:
        yield Trouble(
            Status.SKIPPED,
            f"it did not tell its interfaces, so {what} is unknown",
            f"Compare the addresses of {row.node} with the plan by hand.",
        )
        return
    if not row.found and live:
        yield Trouble(
            Status.SKIPPED,
            f"{what} is on none of its interfaces, which is no fault if it is passive and another node holds it",
            f"See in the archive of the other node that it holds it (haready inspect), or give it to {row.node}.",
        )
        return
    if not row.found:
        remedy = f"Give {row.node} the address, or correct the plan and measure again."
        kind = "planned addresses are on no interface"
        yield Trouble(Status.FAIL, f"{what} is on none of its interfaces", remedy, kind)
        return
    if row.up is False:
        yield Trouble(
            Status.FAIL,
            f"{row.found_nic} with {what} is down",
            f"Bring {row.found_nic} of {row.node} up; check its cable.",
            "interfaces with a planned address are down",
        )
    elif row.up is None:
        yield Trouble(
            Status.SKIPPED, f"whether {row.found_nic} is up was not told", f"Look at {row.found_nic} of {row.node}."
        )
    if row.nic and row.nic != row.found_nic:
        yield Trouble(
            Status.WARN,
            f"{what} is on {row.found_nic}, planned on {row.nic}",
            "Plug the cables in as planned, or correct the plan.",
            "planned addresses are on another interface than planned",
        )
    yield from _mask(row, what)
    if row.static is False:
        kind = "planned addresses were given by a server"
        yield Trouble(Status.WARN, f"{what} was given by a server", f"Set static addresses on {row.node}.", kind)
    elif row.static is None:
        yield Trouble(
            Status.SKIPPED, f"whether {what} is static was not told", f"Confirm that {row.node} has static addresses."
        )


def _mask(row: AddressFound, what: str) -> Iterator[Trouble]:
    planned = row.address.partition("/")[2]
    if row.found_prefix is None:
        yield Trouble(
            Status.SKIPPED, f"the prefix of {what} was not told", f"Compare the netmasks of {row.node} with the plan."
        )
    elif str(row.found_prefix) != planned:
        yield Trouble(
            Status.WARN,
            f"{what} has the prefix /{row.found_prefix} on {row.found_nic}",
            "Give every node of a network the same netmask, or correct the plan.",
        )


def _shared(plan: Plan, rows: Sequence[AddressFound]) -> Iterator[Trouble]:
    for one, other in combinations([row for row in rows if row.found], 2):
        kinds = {plan.network(one.network).kind, plan.network(other.network).kind}
        if one.found_nic == other.found_nic and not kinds <= _SHARING:
            yield Trouble(
                Status.WARN,
                f"{one.network} and {other.network} share {one.found_nic}",
                "Give every channel an interface of its own, at least a virtual one with its own VLAN.",
            )


def _management(context: Context, node: Node, rows: Sequence[AddressFound]) -> Iterator[Trouble]:
    """Only where a product asks for it; elsewhere a management interface of its own is fine."""
    product = " and ".join(context.customs.get(Custom.MANAGEMENT, ()))
    grave = Status.WARN if product else Status.INFO
    kinds = {row.network: context.plan.network(row.network).kind for row in rows}
    publics = [row for row in rows if kinds[row.network] is NetworkKind.PUBLIC]
    for row in rows:
        if kinds[row.network] is not NetworkKind.MANAGEMENT:
            continue
        for public in publics:
            if row.found and public.found and row.found_nic != public.found_nic:
                yield Trouble(
                    grave,
                    f"management is on {row.found_nic}, public on {public.found_nic}",
                    f"For {product} put the management and the public address on one interface." if product else "",
                )
            low, high = node.addresses[row.network].ip, node.addresses[public.network].ip
            if context.facts.get("system") == "Windows" and low.version == high.version and int(low) >= int(high):
                yield Trouble(
                    grave,
                    f"the management address {low} is not below the public address {high}",
                    "On Windows 2008 and newer the gateway binds to the lower address: let that be the management address.",
                )


def _gateway(plan: Plan, node: Node, rows: Sequence[AddressFound], facts: Mapping[str, Any]) -> Iterator[Trouble]:
    outside = [network for network in node.addresses if plan.network(network).kind in OUTSIDE]
    if not outside:
        yield Trouble(Status.INFO, "the plan has no public network on it, so its default gateway was not judged")
        return
    leaving = default_routes(facts)
    right = {row.found_nic for row in rows if row.found and row.network in outside}
    if leaving is None or not right:
        why = "its routes are" if leaving is None else "the interface of its public address is"
        yield Trouble(
            Status.SKIPPED,
            f"{why} unknown, so is its default gateway",
            f"Confirm that {node.name} has one default gateway.",
        )
        return
    wrong = [nic for nic in leaving if nic not in right]
    planned = [
        observer.address
        for observer in plan.observers
        if observer.kind is ObserverKind.GATEWAY
        and any(observer.address in node.addresses[name].network for name in outside)
    ]
    if wrong:
        yield Trouble(
            Status.WARN,
            f"a default gateway is on {', '.join(wrong)}, and it belongs on {', '.join(sorted(right))} only",
            _moved(node, facts, wrong, sorted(right), planned, keep=bool(set(leaving) - set(wrong))),
        )
    own = [
        router for nic, router in gateways(facts) if nic in right and router.version in {ip.version for ip in planned}
    ]
    if planned and own and not set(own) & set(planned):
        yield Trouble(
            Status.WARN,
            f"its default gateway is {' and '.join(map(str, own))}, the plan names {' and '.join(map(str, planned))}",
            f"Set the planned default gateway on {node.name}, or correct the observer in the plan.",
            "default gateways are not the planned ones",
        )
    elif planned and not leaving:
        yield Trouble(
            Status.WARN,
            f"it has no default gateway, the plan names {' and '.join(map(str, planned))}",
            f"Set the default gateway on the public interface of {node.name}, or correct the observer in the plan.",
            "default gateways are missing",
        )


def _moved(
    node: Node,
    facts: Mapping[str, Any],
    wrong: Sequence[str],
    right: Sequence[str],
    planned: Sequence[Address],
    *,
    keep: bool,
) -> str:
    """How a default gateway gets to the right interface. `keep`: a right one is there beside it."""
    console = f"from its console, for the link that you come by may be cut; then {lasting(node.name)}"
    linux = text(facts.get("system")) in ("", "Linux")
    # One command for one IPv4 gateway; anything else needs a look first.
    old = [(nic, router) for nic, router in gateways(facts) if nic in wrong]
    simple = linux and len(old) == 1 and old[0][1].version == 4
    if keep:
        command = typed(("ip", "route", "del", "default", "via", str(old[0][1]), "dev", old[0][0])) if simple else ""
        return f"Remove the default gateway from {', '.join(wrong)} of {node.name}{_by(command)}, {console}"
    new = planned[0] if len(planned) == len(right) == 1 else None
    command = ""
    if simple and new is not None and new.version == 4:
        command = typed(("ip", "route", "replace", "default", "via", str(new), "dev", right[0]))
    return f"Move the default gateway of {node.name} from {', '.join(wrong)} to {', '.join(right)}{_by(command)}, {console} See that no other default is left."


def _by(command: str) -> str:
    return f" ({command})" if command else ""


def _count(context: Context) -> tuple[list[Trouble], tuple[Evidence, ...]]:
    """NF's rule is about its own topologies; a cluster of another shape needs so many only for a product that counts them."""
    wanted = {Topology.HA_PAIR: 2, Topology.DR_PAIR: 2, Topology.HA_DR_TRIO: 3}.get(context.plan.topology)
    if wanted is None and Custom.INTERFACES in context.customs:
        wanted = len(context.plan.nodes)
    told = nics(context.facts)
    if wanted not in (2, 3) or told is None:
        return [], ()
    limit = context.limit((PAIR if wanted == 2 else TRIO).name)
    count = sum(nic.outward for nic in told)
    evidence = (Evidence("interfaces", float(count), "1", limit),)
    status = limit.judge(count)
    if status is Status.PASS:
        return [], evidence
    inner = [nic.name for nic in told if not nic.outward and any(not held.ip.is_loopback for held in nic.held)]
    software = f" ({', '.join(inner)}: made by software, not counted)" if inner else ""
    text = f"it has {count} network interface{'' if count == 1 else 's'}, {wanted} are needed{software}"
    return [Trouble(status, text, "Add interfaces; several virtual ones of one card are permitted.")], evidence


RULE = Rule(
    "lan-plan",
    "Addresses and interfaces",
    Area.NETWORK,
    Scope.NODE,
    (FACTS,),
    (PAIR, TRIO),
    _check,
    effort=Effort.SETTING,
)
