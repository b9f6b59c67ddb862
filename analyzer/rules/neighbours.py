"""Whether every planned address is answered for by its own machine, and by no other.

What: The hardware (MAC) addresses that answered for the addresses of the nodes and gateways, beside those that the nodes tell of themselves.
Why HA: Two machines with one address disturb each other at random, worst of all during a switchover. A cable in the wrong socket or a router
    that answers for others makes a channel go another way than planned.
How: Every 30 s each node looked who answers for the plan's addresses in its own subnets. An address that several machines answered for in turn
    is told, also where the other machine is none of the plan's. A gateway may be two routers that take turns. IPv4 only. That
    a virtual address is free is told by `virtual-address`.
Source: NF: static addresses, one per node, channels on interfaces of their own; GSIP: a subnet of its own, because of ARP. What each finding
    weighs: design values.
Fails when: another machine than its node answered for a planned address, beside that node or in turn with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from analyzer.contract import Area, Evidence, Scope, Status
from analyzer.extension import FACTS, NEIGHBOURS, Context, Custom, Judgement, Rule
from analyzer.netfacts import Nic, nics
from analyzer.troubles import Trouble, words
from collector.plan import Address, NetworkKind, ObserverKind, Phase

_Owners = Mapping[str, Sequence[tuple[str, Nic]]]


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    silent = [node.name for node in plan.nodes if node.name not in context.neighbours]
    interfaces = {node.name: nics(context.facts.get(node.name, {})) or () for node in plan.nodes}
    seen: dict[Address, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for name, told in context.neighbours.items():
        for one in told:
            if one.mac:
                seen[one.ip][one.mac].append(name)
    owners = _owners(interfaces)
    clones = Custom.CLONES in context.customs and plan.phase is Phase.LIVE
    troubles: list[Trouble] = []
    count = 0
    for node in plan.nodes:
        for network, interface in node.addresses.items():
            if answers := seen.get(interface.ip):
                count += 1
                shared = clones and plan.network(network).kind is NetworkKind.PUBLIC
                troubles += _planned(
                    node.name, network, interface.ip, answers, owners, interfaces[node.name], shared=shared
                )
    for observer in plan.observers:
        macs = seen.get(observer.address, {})
        if observer.kind is not ObserverKind.VIRTUAL and len(macs) > 1:
            text = f"{observer.name} ({observer.address}) was answered for by {_macs(macs, owners)}: routers that take turns, or two machines"
            known = any(mac in owners for mac in macs)
            status = Status.WARN if known or observer.kind is not ObserverKind.GATEWAY else Status.INFO
            troubles.append(Trouble(status, text, f"Find out which machines have the address {observer.address}."))
    if silent:
        remedy = "Compare `ip neigh` of all nodes with their MAC addresses by hand, or repeat the run."
        troubles.append(
            Trouble(
                Status.SKIPPED, f"who answers for the planned addresses was not told by {', '.join(silent)}", remedy
            )
        )
    elif not count and not troubles:
        text = "no node has another one in an IPv4 subnet of its own, or asked for it, so nothing was seen"
        yield Judgement(Status.INFO, f"Addresses of {plan.cluster}: {text}.")
        return
    good = f"Planned addresses of which it was seen who answers: {count}; each is answered for by its own machine."
    yield from words(
        plan, f"Addresses of {plan.cluster}", troubles, good, (Evidence("addresses seen", float(count), "1"),)
    )


def _owners(interfaces: Mapping[str, Sequence[Nic]]) -> _Owners:
    found: dict[str, list[tuple[str, Nic]]] = defaultdict(list)
    for node, told in interfaces.items():
        for nic in told:
            if nic.mac:
                found[nic.mac].append((node, nic))
    return found


def _planned(
    node: str,
    network: str,
    ip: Address,
    answers: Mapping[str, Sequence[str]],
    owners: _Owners,
    own: Sequence[Nic],
    *,
    shared: bool,
) -> Iterator[Trouble]:
    """`shared`: a product that runs lets its nodes share the address."""
    holders = {nic.mac for nic in own if nic.mac and any(held.ip == ip for held in nic.held)}
    if not holders:
        return  # the node tells no such interface: that is another rule's word
    mine = {nic.mac for nic in own if nic.mac}
    what = f"{ip} ({network} of {node})"
    foreign = {mac: askers for mac, askers in answers.items() if mac not in mine}
    # A card without an address of its own is a part of a bond or a bridge, and may lend it its MAC.
    others = {nic.mac for nic in own if nic.mac and any(not held.ip.is_link_local for held in nic.held)} - holders
    elsewhere = {mac: askers for mac, askers in answers.items() if mac in others}
    if foreign:
        nodes = {name for mac in foreign for name, _ in owners.get(mac, ())}
        both = bool(set(answers) & mine)
        text = f"{what} was answered for by {_macs(foreign, owners)}"
        if shared and nodes:
            yield Trouble(Status.INFO, f"{text}, as it may where nodes are clones")
        elif both or nodes:
            beside = " as well as by the node itself: the address is there twice" if both else ", another node"
            remedy = f"Find the machine with that MAC address (the switch's table tells the port) and give it an address of its own, not {ip}."
            yield Trouble(Status.FAIL, text + beside, remedy, "planned addresses are answered for by other machines")
        else:
            remedy = f"Find out what answers for {ip}: a router with proxy ARP or a cloud's switch may be meant, a second machine is not."
            yield Trouble(
                Status.WARN, f"{text}, which is no interface of {node}: proxy ARP, or another machine", remedy
            )
    if elsewhere:
        yield Trouble(
            Status.WARN,
            f"{what} was answered for by {_macs(elsewhere, owners)}, not by the interface that holds it",
            f"See that the cables of {node} are in the planned sockets, and that no two of its interfaces are in one VLAN.",
        )


def _macs(answers: Mapping[str, Sequence[str]], owners: _Owners) -> str:
    told = []
    for mac, askers in answers.items():
        who = ", ".join(f"{nic.name} of {name}" for name, nic in owners.get(mac, ()))
        told.append(f"{mac} ({f'{who}, ' if who else ''}seen by {', '.join(dict.fromkeys(askers))})")
    return " and ".join(told)


RULE = Rule("neighbours", "Who answers for an address", Area.NETWORK, Scope.CLUSTER, (NEIGHBOURS, FACTS), (), _check)
