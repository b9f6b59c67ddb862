"""Whether one broken part leaves the two nodes a way to each other.

What: The networks that join two nodes, and what they share by the plan: interface, switch, VLAN, subnet; the machine and the power feed
    that both nodes share; outages that hit every network at once.
Why HA: Split brain: when all channels fail together each node thinks that the other is dead, and both serve.
How: Networks that share a part count as one. Nothing is measured here but the outages: the report shows what the plan does not state.
Source: Test-Cluster and NF (two interfaces per node): two independent paths; NF: channels on other subnets and VLANs than the public
    network, at least one channel between any two nodes, an interface, subnet and switch of its own for each; GSIP: two physical hosts.
    Power and outages at once: design values.
Fails when: Neverfail is planned and no channel joins the two nodes; all networks were out at once for more than half of the
    shortest timeout that a planned product starts from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import TIMINGS, Context, Judgement, Rule
from analyzer.products import neverfail
from analyzer.timing import joint
from analyzer.troubles import Trouble, words
from analyzer.words import seconds
from collector.plan import Network, NetworkKind, Node, Plan

PATHS = Limit(
    "independent networks", "1", 2.0, None, Sense.AT_LEAST, "Test-Cluster: two paths; NF: two interfaces per node"
)
CHANNELS = (NetworkKind.CHANNEL, NetworkKind.SYNC)
_OUTSIDE = (NetworkKind.PUBLIC, NetworkKind.SIP)


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    one, other = (plan.node(name) for name in context.subject.name.split("+"))
    nets = [net for net in plan.networks if net.name in one.addresses and net.name in other.addresses]
    groups = _independent(nets, one, other)
    together = joint((one.name, other.name), plan, context.timings)
    evidence = (
        Evidence(PATHS.name, float(len(groups)), "1", context.limit(PATHS.name)),
        *(
            Evidence(f"longest outage of {net.name}", length_s, "s")
            for net in nets
            if (length_s := _longest_s(context, net.name)) is not None
        ),
        *(
            [Evidence("longest outage of all at once", together.longest_common_outage_s, "s")]
            if len(groups) > 1
            else []
        ),
    )
    troubles = [
        *_paths(context, groups, one, other),
        *_channels(plan, nets, one, other),
        *_outside(plan, nets, one, other),
        *_common(one, other),
    ]
    if len(together.networks) > 1 and together.common_outages:
        times = "once" if together.common_outages == 1 else f"{together.common_outages} times"
        long = context.tolerance is not None and together.longest_common_outage_s > context.tolerance.half_s
        troubles.append(
            Trouble(
                Status.FAIL if long else Status.WARN,
                f"{', '.join(together.networks)} were out at the same moment {times}, for up to "
                f"{seconds(together.longest_common_outage_s)}",
                "Find the part that these networks share: a switch, a carrier's line, a power feed.",
            )
        )
    troubles += _unstated(nets, one, other)
    good = f"{one.name} and {other.name} are joined by {len(groups)} networks that share nothing that the plan names."
    yield from words(plan, f"{one.name} and {other.name}", troubles, good, evidence)


def _shares(first: Network, second: Network, one: Node, other: Node) -> list[str]:
    """What two networks have in common between two nodes, in words."""
    found = []
    plugs = [(node.sockets[first.name], node.sockets[second.name], node) for node in (one, other)]
    found += [f"interface {a.nic} of {node.name}" for a, b, node in plugs if a.nic and a.nic == b.nic]
    switches = {a.switch for a, _, _ in plugs} & {b.switch for _, b, _ in plugs} - {""}
    found += [f"switch {name}" for name in sorted(switches)]
    if first.vlan is not None and first.vlan == second.vlan:
        found.append(f"VLAN {first.vlan}")
    for node in (one, other):
        mine, its = node.addresses[first.name].network, node.addresses[second.name].network
        if mine.version == its.version and mine.overlaps(its):
            found.append(f"subnet {mine if mine.prefixlen <= its.prefixlen else its}")
    return list(dict.fromkeys(found))


def _independent(nets: Sequence[Network], one: Node, other: Node) -> list[list[Network]]:
    """The networks in groups that share nothing with each other."""
    groups: list[list[Network]] = []
    for net in nets:
        touching = [group for group in groups if any(_shares(net, member, one, other) for member in group)]
        groups = [group for group in groups if group not in touching] + [
            [*(member for group in touching for member in group), net]
        ]
    return groups


def _paths(context: Context, groups: Sequence[Sequence[Network]], one: Node, other: Node) -> Iterator[Trouble]:
    status = context.limit(PATHS.name).judge(len(groups))
    if status is Status.PASS:
        return
    nets = [net for group in groups for net in group]
    why = [
        f"{first.name} and {second.name} share {' and '.join(shared)}"
        for first, second in combinations(nets, 2)
        if (shared := _shares(first, second, one, other))
    ]
    because = f" ({'; '.join(why)})" if why else f" ({', '.join(net.name for net in nets)})"
    yield Trouble(
        status,
        f"only one independent network joins them{because}",
        f"Give {one.name} and {other.name} a second network over an interface, switch and subnet of its own.",
    )


def _channels(plan: Plan, nets: Sequence[Network], one: Node, other: Node) -> Iterator[Trouble]:
    channels = [net for net in nets if net.kind in CHANNELS]
    if not channels:
        yield Trouble(
            Status.FAIL if neverfail(plan) else Status.WARN,
            "no channel joins them, only networks that serve others",
            f"Plan a channel between {one.name} and {other.name}, apart from the public network.",
        )
    for first, second in combinations(channels, 2):
        if shared := _shares(first, second, one, other):
            yield Trouble(
                Status.WARN,
                f"the channels {first.name} and {second.name} share {' and '.join(shared)}",
                "Redundant channels need an interface, a subnet and a switch of their own each.",
            )
    if len(channels) == 1:
        yield Trouble(Status.INFO, f"a second channel beside {channels[0].name} is optional and advised (split brain)")


def _outside(plan: Plan, nets: Sequence[Network], one: Node, other: Node) -> Iterator[Trouble]:
    """Channels that lie in a public network of either node."""
    for channel in nets:
        if channel.kind not in CHANNELS:
            continue
        for node, peer in ((one, other), (other, one)):
            mine = node.addresses[channel.name].network
            for name, interface in (*node.addresses.items(), *peer.addresses.items()):
                public = plan.network(name)
                its = interface.network
                overlap = mine.version == its.version and mine.overlaps(its)
                if public.kind in _OUTSIDE and (overlap or (channel.vlan and channel.vlan == public.vlan)):
                    where = f"subnet {mine}" if overlap else f"VLAN {channel.vlan}"
                    yield Trouble(
                        Status.WARN,
                        f"channel {channel.name} of {node.name} lies in the {where} of {name}",
                        "Put channels on subnets and VLANs of their own.",
                    )
                    break


def _common(one: Node, other: Node) -> Iterator[Trouble]:
    if one.host and one.host == other.host:
        yield Trouble(
            Status.WARN,
            f"both stand on one physical machine ({one.host})",
            "Put the nodes on two physical machines; one machine is for single-host pairs of 100 seats or fewer only.",
        )
    if one.power and one.power == other.power:
        yield Trouble(
            Status.WARN, f"both hang on one power feed ({one.power})", "Feed the two nodes from different circuits."
        )


def _unstated(nets: Sequence[Network], one: Node, other: Node) -> Iterator[Trouble]:
    parts = []
    for what, missing in (
        ("physical machine", [node.name for node in (one, other) if not node.host]),
        ("power feed", [node.name for node in (one, other) if not node.power]),
        ("interface", _without("nic", nets, one, other)),
        ("switch", _without("switch", nets, one, other)),
    ):
        parts += [f"{what} of {', '.join(missing)}"] if missing else []
    if parts:
        yield Trouble(Status.INFO, f"the plan does not state: {'; '.join(parts)}; what they share there is unknown")


def _without(part: str, nets: Sequence[Network], one: Node, other: Node) -> list[str]:
    return [net.name for net in nets if not all(getattr(node.sockets[net.name], part) for node in (one, other))]


def _longest_s(context: Context, network: str) -> float | None:
    return max((timing.longest_outage_s for timing in context.timings if timing.network == network), default=None)


RULE = Rule("redundancy", "Independent paths", Area.NETWORK, Scope.PAIR, (TIMINGS,), (PATHS,), _check)
