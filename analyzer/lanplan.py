"""The LAN plan beside what the nodes reported: where each planned address is, and which way packets to each peer leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from analyzer.contract import AddressFound, Egress, Stamping
from analyzer.netfacts import Held, Nic, WayOut, nics, ways_out
from collector.plan import Address, Node, Plan


def addresses(plan: Plan, facts: Mapping[str, Mapping[str, Any]]) -> tuple[AddressFound, ...]:
    """One row per planned address, in plan order. `facts`: the inventories by node, as hostile as any archive."""
    rows = []
    for node in plan.nodes:
        told = nics(facts.get(node.name, {}))
        rows += [_found(plan, node, network, told) for network in node.addresses]
    return tuple(rows)


def egress(plan: Plan, facts: Mapping[str, Mapping[str, Any]]) -> tuple[Egress, ...]:
    """One row per node and address it has to reach, as far as the nodes told: peers by network, then observers."""
    rows = []
    for node in plan.nodes:
        inventory = facts.get(node.name, {})
        told, ways = nics(inventory) or (), ways_out(inventory)
        for network in node.addresses:
            for peer in plan.nodes:
                if peer.name != node.name and network in peer.addresses:
                    way = _way(ways, peer.name, network, peer.addresses[network].ip)
                    rows += [_leaving(node, network, way, _as_planned(node, network, told, way))] if way else []
        for observer in plan.observers:
            way = _way(ways, observer.name, "", observer.address)
            rows += [_leaving(node, "", way, None)] if way else []
    return tuple(rows)


def planned_nic(node: Node, network: str, told: Sequence[Nic]) -> str:
    """The interface that packets of the network ought to leave by: the one that has the planned address, else the planned one; empty: not known."""
    nic, _ = _holder(node.addresses[network].ip, node.sockets[network].nic, told)
    return nic.name if nic else node.sockets[network].nic


def _found(plan: Plan, node: Node, network: str, told: Sequence[Nic] | None) -> AddressFound:
    planned, socket = node.addresses[network], node.sockets[network]
    nic, held = _holder(planned.ip, socket.nic, told or ())
    return AddressFound(
        node=node.name,
        network=network,
        address=str(planned),
        nic=socket.nic,
        switch=socket.switch,
        port=socket.port,
        found=None if told is None else nic is not None,
        found_nic=nic.name if nic else "",
        found_prefix=held.prefix if held else None,
        mac=nic.mac if nic else "",
        static=held.static if held else None,
        up=nic.up if nic else None,
        speed_bps=nic.speed_bps if nic else None,
        duplex=nic.duplex if nic else "",
        mtu=nic.mtu if nic else None,
        vlan=plan.vlan(node, network),
        stamping=nic.stamping if nic else Stamping.UNTOLD,
    )


def _holder(ip: Address, planned_nic: str, told: Sequence[Nic]) -> tuple[Nic | None, Held | None]:
    """The interface that has the address: the planned one if several have it."""
    holders = [(nic, held) for nic in told for held in nic.held if held.ip == ip]
    return next((pair for pair in holders if pair[0].name == planned_nic), holders[0] if holders else (None, None))


def _way(ways: Sequence[WayOut], target: str, network: str, address: Address) -> WayOut | None:
    """What the node told about that address; a row about another address than the plan's is of another plan."""
    return next(
        (
            way
            for way in ways
            if way.target == target
            and way.network in (network, "")
            and way.address == address
            and (way.nic or way.source)
        ),
        None,
    )


def _leaving(node: Node, network: str, way: WayOut, as_planned: bool | None) -> Egress:
    return Egress(
        node=node.name,
        target=way.target,
        network=network,
        address=str(way.address),
        nic=way.nic,
        source=str(way.source) if way.source else "",
        gateway=way.gateway,
        as_planned=as_planned,
    )


def _as_planned(node: Node, network: str, told: Sequence[Nic], way: WayOut) -> bool | None:
    """Whether packets leave by the interface and with a source address of the network that the plan has for them.

    Public and management address share a subnet by design; which of the two the kernel takes as source is the same to the
    network.
    """
    planned = node.addresses[network]
    sources = {other.ip for other in node.addresses.values() if other.network == planned.network}
    expected = planned_nic(node, network, told)
    if (way.source and way.source not in sources) or (way.nic and expected and way.nic != expected):
        return False
    return True if way.source and way.nic and expected else None
