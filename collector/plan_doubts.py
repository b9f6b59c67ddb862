"""What a plan may say but hardly means: told as warnings, so that it is found before 24 hours are spent on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

from collector.display import duration
from collector.peers.rounds import Ledger, round_s
from collector.plan import (
    CHANNELS,
    OUTSIDE,
    AnyNetwork,
    Network,
    NetworkKind,
    Node,
    Observer,
    ObserverKind,
    Plan,
    Role,
    Topology,
    spelling,
)
from collector.plan_forecast import quiet_share
from collector.plan_schedule import test_order

_SLOW_BPS = 64_000
"""A rate below this is rather a number of megabits that was not written out."""

_MANY_GUESTS = 256
"""More addresses than this are rather a mistyped prefix than test senders (design value)."""


def doubts(plan: Plan, stacks: Sequence[str], whole: Collection[str] = ()) -> Iterator[str]:
    """One sentence per doubt. `stacks`: the products that this version knows; `whole`: those of them that fail over as a cluster or by node, in no pairs."""
    yield from _addresses(plan)
    yield from _management(plan)
    yield from _networks(plan)
    yield from _sockets(plan)
    yield from _channels(plan)
    yield from _machines(plan)
    yield from _shape(plan)
    yield from _apart(plan)
    yield from _observers(plan)
    yield from _gateways(plan)
    yield from _virtual(plan)
    yield from _stacks(plan, stacks, whole)
    yield from _bandwidth(plan)
    yield from _guests(plan)


def untouched(plan: Plan, example: Plan) -> Iterator[str]:
    """What is still as `plan init` wrote it: examples, at another site than this."""
    if plan.cluster == example.cluster:
        yield f"the cluster still has the example's name {plan.cluster!r}; it becomes part of every file's name, so put in yours"
    addresses = {interface.ip for node in example.nodes for interface in node.addresses.values()}
    kept = [node.name for node in plan.nodes if addresses >= {interface.ip for interface in node.addresses.values()}]
    if kept:
        yield f"nodes still at the example's addresses: {_list(kept)}; put in those of the machines"
    observers = {observer.address for observer in example.observers}
    if watched := [observer.name for observer in plan.observers if observer.address in observers]:
        yield f"observers still at the example's addresses: {_list(watched)}; put in yours, or remove them"


def _addresses(plan: Plan) -> Iterator[str]:
    for node in plan.nodes:
        for network, interface in node.addresses.items():
            net = interface.network
            if net.num_addresses > 2 and interface.ip in (net.network_address, net.broadcast_address):
                yield (
                    f"node {node.name!r}, {network}: {interface.ip} is no host's address in {net}; "
                    "check the address and the prefix length"
                )
        for (one, first), (other, second) in combinations(node.addresses.items(), 2):
            kinds = {plan.network(one).kind, plan.network(other).kind}
            if kinds != {NetworkKind.PUBLIC, NetworkKind.MANAGEMENT} and first.network == second.network:
                yield (
                    f"node {node.name!r}: networks {one!r} and {other!r} share the subnet {first.network}; "
                    "give each its own, or the traffic of one takes the way of the other"
                )


def _management(plan: Plan) -> Iterator[str]:
    for node in plan.nodes:
        for public in _of_kind(plan, node, NetworkKind.PUBLIC):
            for management in _of_kind(plan, node, NetworkKind.MANAGEMENT):
                high, low = node.addresses[public], node.addresses[management]
                if high.network == low.network and int(low.ip) > int(high.ip):
                    yield (
                        f"node {node.name!r}: the management address {low.ip} is not below the public address {high.ip}; "
                        "Windows binds the gateway to the lower one, so swap them there, and ignore this elsewhere"
                    )


def _networks(plan: Plan) -> Iterator[str]:
    for network in plan.networks:
        members = [node for node in plan.nodes if network.name in node.addresses]
        if len(members) < 2:
            yield (
                f"network {network.name!r} joins {len(members)} of {len(plan.nodes)} nodes, so nothing is measured on it; "
                "add the missing addresses, or remove it"
            )
        for one, other in combinations(members, 2):
            subnets = {node.addresses[network.name].network for node in (one, other)}
            if one.site == other.site and len(subnets) > 1:
                yield (
                    f"network {network.name!r}: {one.name!r} and {other.name!r} are at one site but in different subnets; "
                    "correct address or prefix length, or make it two networks"
                )
            vlans = {plan.vlan(node, network.name) for node in (one, other)}
            if one.site == other.site and len(vlans) > 1:
                yield (
                    f"network {network.name!r}: {one.name!r} and {other.name!r} are at one site but in different VLANs; "
                    "correct one of them, or make it two networks"
                )
        if network.rate_bps is not None and network.rate_bps < _SLOW_BPS:
            yield (
                f"network {network.name!r}: rate_bps = {network.rate_bps} is very slow; "
                "the unit is bit/s, so 100 Mbit/s is written 100_000_000"
            )


def _sockets(plan: Plan) -> Iterator[str]:
    for node in plan.nodes:
        channels = _of_kind(plan, node, NetworkKind.CHANNEL)
        for one, other in combinations(channels, 2):
            nic = node.sockets[one].nic
            if nic and nic == node.sockets[other].nic:
                yield (
                    f"node {node.name!r}: channels {one!r} and {other!r} share the NIC {nic}, so one broken card cuts both; "
                    "give each its own"
                )
        for channel in channels:
            for public in _of_kind(plan, node, NetworkKind.PUBLIC):
                nic = node.sockets[channel].nic
                if nic and nic == node.sockets[public].nic:
                    yield (
                        f"node {node.name!r}: channel {channel!r} runs on the public NIC {nic}; "
                        "give it a NIC of its own, or the heartbeat is lost with the clients"
                    )
    for one_node, other_node in combinations(plan.nodes, 2):
        shared = _ports(one_node) & _ports(other_node)
        for switch, port in sorted(shared):
            yield f"nodes {one_node.name!r} and {other_node.name!r} are both on port {port} of switch {switch}; correct one of them"


def _channels(plan: Plan) -> Iterator[str]:
    pairs = list(combinations(plan.nodes, 2))
    common = {
        (one.name, other.name): [
            network
            for network in plan.networks
            if network.kind in CHANNELS and network.name in one.addresses and network.name in other.addresses
        ]
        for one, other in pairs
    }
    if not any(common.values()):
        yield "no two nodes share a network of kind channel or sync; plan one, so that the heartbeat has a way of its own"
        return
    for (one, other), networks in common.items():
        if not networks:
            yield f"nodes {one!r} and {other!r} share no network of kind channel or sync; plan one between them"
        if len(networks) > 1:
            for switch in sorted(_single_points(plan.node(one), plan.node(other), networks)):
                yield (
                    f"all channels between {one!r} and {other!r} run through switch {switch}, so it cuts all of them; "
                    "lead one over another switch or a cross-over cable"
                )


def _single_points(one: Node, other: Node, networks: Sequence[Network]) -> set[str]:
    """Switches that every one of these networks runs through, as far as the plan states them."""
    switches = [{node.sockets[network.name].switch for node in (one, other)} - {""} for network in networks]
    return set.intersection(*switches)


def _machines(plan: Plan) -> Iterator[str]:
    for one, other in combinations(plan.nodes, 2):
        if one.host and one.host == other.host:
            yield (
                f"nodes {one.name!r} and {other.name!r} stand on one physical machine ({one.host}): that is no HA; "
                "move one to another machine"
            )
    feeds: dict[tuple[str, str], list[str]] = {}
    for node in plan.nodes:
        if node.power:
            feeds.setdefault((node.site, node.power), []).append(node.name)
    for (_, feed), names in feeds.items():
        if len(names) > 1 and 2 * len(names) >= len(plan.nodes):
            yield (
                f"nodes {_list(names)} hang on one power feed ({feed}), so one fuse takes them all; "
                "put one on another feed"
            )


def _shape(plan: Plan) -> Iterator[str]:
    sites = {node.site for node in plan.nodes}
    if plan.topology is Topology.HA_PAIR and len(sites) > 1:
        yield f"an ha-pair stands at one site, this one at {_list(sorted(sites))}; correct site, or make it a dr-pair"
    if plan.topology in (Topology.DR_PAIR, Topology.HA_DR_TRIO) and len(sites) < 2:
        yield f"a {plan.topology} stands at two sites, this one at {_list(sorted(sites))} only; correct site"
    for role in (Role.PRIMARY, Role.SECONDARY, Role.TERTIARY):
        names = [node.name for node in plan.nodes if node.role is role]
        if len(names) > 1:
            yield f"nodes {_list(names)} all have the role {role}; correct one of them"


def _observers(plan: Plan) -> Iterator[str]:
    if not plan.observers:
        yield (
            "no observer is named, so a fault of the network is hard to tell from one of a node; "
            "add the gateway, the DNS server and the host of the SCS or witness as [[observer]]"
        )
    own = {interface.ip: node.name for node in plan.nodes for interface in node.addresses.values()}
    for observer in plan.observers:
        if observer.address in own:
            yield f"observer {observer.name!r} has an address of node {own[observer.address]!r}; observers are other machines: correct it"
        if observer.address.version not in {address.version for address in own}:
            yield f"observer {observer.name!r}: no node has an IPv{observer.address.version} address to reach it from; correct it"


def _apart(plan: Plan) -> Iterator[str]:
    """Channels in a subnet by which clients come in, at whichever node; within one node equal subnets are told already."""
    for node in plan.nodes:
        for channel in (name for kind in CHANNELS for name in _of_kind(plan, node, kind)):
            mine = node.addresses[channel].network
            for other in plan.nodes:
                for public in (name for kind in OUTSIDE for name in _of_kind(plan, other, kind)):
                    its = other.addresses[public].network
                    told = node is other and mine == its
                    if not told and mine.version == its.version and mine.overlaps(its):
                        yield (
                            f"node {node.name!r}: channel {channel!r} ({mine}) overlaps the {public!r} network of {other.name!r} ({its}); "
                            "give the channel a subnet of its own"
                        )


def _gateways(plan: Plan) -> Iterator[str]:
    for observer in plan.observers:
        if observer.kind is not ObserverKind.GATEWAY:
            continue
        homes = _homes(plan, observer)
        if not homes:
            yield f"gateway {observer.name!r} ({observer.address}) lies in no subnet of any node, so none can use it; correct its address"
        elif not any(plan.network(name).kind not in CHANNELS for _, name in homes):
            yield (
                f"gateway {observer.name!r} ({observer.address}) lies in the subnet of channel {homes[0][1]!r}; "
                "a default gateway belongs to the public network"
            )


def _virtual(plan: Plan) -> Iterator[str]:
    """The address that a product moves has to fit into a network by which clients come in, at each node that takes it over."""
    automatic = dict.fromkeys(pair for stack in plan.stacks for pair in stack.auto_failover)
    for observer in plan.observers:
        if observer.kind is not ObserverKind.VIRTUAL:
            continue
        what = f"virtual address {observer.name!r} ({observer.address})"
        homes = _homes(plan, observer)
        right = [(node, name) for node, name in homes if plan.network(name).kind in OUTSIDE]
        if not right:
            where = f"the subnet of {homes[0][1]!r}" if homes else "no subnet of any node"
            yield f"{what} lies in {where}; clients reach it only in a public or SIP network: correct it"
            continue
        if any(_is_edge(observer, node.addresses[name].network) for node, name in right):
            yield f"{what} is no host's address in its subnet; choose another"
        names = {node.name for node, _ in right}
        for pair in automatic:
            if lacking := [name for name in pair if name not in names]:
                yield (
                    f"{what} does not fit at {_list(lacking)}, which {'takes' if len(lacking) == 1 else 'take'} it over by itself; "
                    "a virtual address needs one subnet at both nodes"
                )


def _homes(plan: Plan, observer: Observer) -> list[tuple[Node, str]]:
    """Nodes and networks in whose subnet the observer's address lies."""
    return [
        (node, name)
        for node in plan.nodes
        for name, interface in node.addresses.items()
        if observer.address in interface.network
    ]


def _is_edge(observer: Observer, net: AnyNetwork) -> bool:
    return net.num_addresses > 2 and observer.address in (net.network_address, net.broadcast_address)


def _stacks(plan: Plan, stacks: Sequence[str], whole: Collection[str]) -> Iterator[str]:
    known, unpaired = {spelling(name) for name in stacks}, {spelling(name) for name in whole}
    for stack in plan.stacks:
        if known and spelling(stack.name) not in known:
            yield f"stack {stack.name!r} is not known to this version, so it gets no settings; choose one of {', '.join(stacks)}"
        elif stack.ports is None:
            yield (
                f"stack {stack.name!r} names no ports, so nobody tests whether firewalls let it through; "
                'write ports = ["tcp/NUMBER"] under it, or ports = [] if it needs none'
            )
        for name in stack.networks:
            if not plan.network(name).probe:
                yield f"stack {stack.name!r} runs on network {name!r}, which is not probed, so nothing can be said about it; set probe = true there"
        paired = spelling(stack.name) not in unpaired
        if paired and plan.topology in (Topology.HA_PAIR, Topology.HA_DR_TRIO) and not stack.auto_failover:
            yield (
                f"stack {stack.name!r} has no pair in auto_failover, so it gets no failover timeout; "
                "name the pair that fails over by itself"
            )
        for one, other in stack.auto_failover:
            if plan.is_wan(one, other):
                yield (
                    f"stack {stack.name!r} fails over by itself between {one!r} and {other!r} at different sites, where a "
                    "broken line makes both active, unless a majority decides; take the pair out of auto_failover and switch by hand"
                )


def _bandwidth(plan: Plan) -> Iterator[str]:
    if not plan.bandwidth.budget_B:
        return
    for network in plan.networks:
        joined = {node.site for node in plan.nodes if network.name in node.addresses}
        if network.probe and network.bandwidth and len(joined) > 1 and network.rate_bps is None:
            yield (
                f"network {network.name!r} joins sites and has no rate_bps, so its bandwidth is not tested; "
                "write the rate that the carrier sold, in bit/s"
            )
    order = test_order(plan)
    for test in order:
        if refusal := Ledger(plan).refusal(test):
            yield f"no bandwidth test of {test.name} will run: {refusal}"
    for network in plan.networks:
        if network.load_bps and network.rate_bps and network.load_bps > network.rate_bps:
            yield (
                f"network {network.name!r} is to carry {network.load_bps} bit/s (load_bps), more than its rate_bps of "
                f"{network.rate_bps}; a channel that is full for ever falls behind, so see which of the two is wrong"
            )
    every_s = plan.bandwidth.every_s
    if every_s is not None and round_s(plan) > every_s:
        yield (
            f"a round of bandwidth tests takes about {duration(round_s(plan))}, longer than every_s = "
            f"{every_s}, so the last paths of it are never tested; raise every_s"
        )
    if order and quiet_share(plan.bandwidth.quiet) >= 1:
        yield "the quiet hours cover the whole day, so no bandwidth test ever runs; shorten them, or write budget_B = 0"


def _of_kind(plan: Plan, node: Node, kind: NetworkKind) -> list[str]:
    return [network.name for network in plan.networks if network.kind is kind and network.name in node.addresses]


def _ports(node: Node) -> set[tuple[str, str]]:
    return {(socket.switch, socket.port) for socket in node.sockets.values() if socket.switch and socket.port}


def _list(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _guests(plan: Plan) -> Iterator[str]:
    for network in plan.security.open_to:
        if network.num_addresses > _MANY_GUESTS:
            yield (
                f"security.open_to: {network} lets {network.num_addresses} addresses probe without the key; "
                "name the machines that really send test packets"
            )
