"""What a plan may say but hardly means: told as warnings, so that it is found before 24 hours are spent on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from collector.plan import NetworkKind, Plan


def doubts(plan: Plan, stacks: Sequence[str]) -> Iterator[str]:
    """One sentence per doubt. `stacks`: the products that this version knows."""
    yield from _addresses(plan)
    yield from _networks(plan)
    known = {name.replace("_", "-") for name in stacks}
    for stack in plan.stacks:
        if known and stack.name.lower().replace("_", "-") not in known:
            yield f"stack {stack.name!r} is not known to this version, so it gets no settings; known: {', '.join(stacks)}"
        for name in stack.networks:
            if not plan.network(name).probe:
                yield f"stack {stack.name!r} runs on network {name!r}, which is not probed: nothing can be said about it"
    for one, other in combinations(plan.nodes, 2):
        if one.host and one.host == other.host:
            yield f"nodes {one.name!r} and {other.name!r} stand on one physical machine ({one.host}): that is no HA"


def _addresses(plan: Plan) -> Iterator[str]:
    for node in plan.nodes:
        for network, interface in node.addresses.items():
            net = interface.network
            if net.num_addresses > 2 and interface.ip in (net.network_address, net.broadcast_address):
                yield f"node {node.name!r}, {network}: {interface.ip} is no host's address in {net}"
        for (one, first), (other, second) in combinations(node.addresses.items(), 2):
            kinds = {plan.network(one).kind, plan.network(other).kind}
            if kinds != {NetworkKind.PUBLIC, NetworkKind.MANAGEMENT} and first.network == second.network:
                yield f"node {node.name!r}: networks {one!r} and {other!r} share the subnet {first.network}; channels need their own"


def _networks(plan: Plan) -> Iterator[str]:
    for network in plan.networks:
        members = [node for node in plan.nodes if network.name in node.addresses]
        if len(members) < 2:
            yield f"network {network.name!r} joins {len(members)} nodes, so nothing is measured on it"
        for one, other in combinations(members, 2):
            subnets = {node.addresses[network.name].network for node in (one, other)}
            if one.site == other.site and len(subnets) > 1:
                yield f"network {network.name!r}: {one.name!r} and {other.name!r} are at one site but in different subnets"
