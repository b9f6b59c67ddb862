"""Whether one broken part leaves the two nodes a way to each other.

What: The networks that join two nodes, and what they share: interface, switch, VLAN, subnet by the plan, gateway by the routing tables; the machine and the
    power feed that both nodes share; the longest outage of each network, and outages that hit every channel at once (beside a single channel: every
    network), or several of them.
Why HA: Split brain: when all channels fail together each node thinks that the other is dead, and both serve. Products that decide by majority (etcd, corosync
    from three nodes on) do not: where every product of the two has members to spare, two that lose each other only warn; quorum fails where no majority was left. Beside a product of
    the two alone that one is judged, by its own timeout.
How: Networks that share a part count as one. Two of them must have been measured. Interfaces that the plan does not state are taken from
    the inventories; where neither of two networks states a switch, whether they share one is unknown (one without beside one with a
    switch is a cross-over cable).
Source: Test-Cluster and NF (two interfaces per node): two independent paths; NF: channels on other subnets and VLANs than the public
    network, at least one channel between any two nodes, an interface, subnet and switch of its own for each; GSIP: two physical hosts.
    Power and outages at once: design values.
Fails when: no channel joins the two nodes, and a planned product (Neverfail) cannot run without one; all networks were out at once for more than half of the
    shortest timeout that a planned product starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, STALLS, TIMINGS, Context, Custom, Judgement, Rule
from analyzer.host import carried
from analyzer.joints import joint, on_channels, several_spans
from analyzer.majority import Voters, of_pairs, settled, switched_by_hand
from analyzer.majority import told as told_majority
from analyzer.netfacts import WayOut, ways_out
from analyzer.stood import remedy, stood_for_all, told
from analyzer.tolerance import borne
from analyzer.troubles import Trouble, words
from analyzer.words import seconds, times
from collector.plan import CHANNELS, OUTSIDE, Network, Node, Origin, Plan

PATHS = Limit(
    "independent networks", "1", 2.0, None, Sense.AT_LEAST, "Test-Cluster: two paths; NF: two interfaces per node"
)
TOGETHER = Limit("outage of all channels at once", "s", 0.0, None, Sense.AT_MOST, "design value")
EVERY = Limit("outage of all networks at once", "s", 0.0, None, Sense.AT_MOST, "design value")
"""The same where there is a single channel, or none: then the other networks are the second way."""


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    one, other = (plan.node(name) for name in context.subject.name.split("+"))
    nets = [net for net in plan.networks if net.name in one.addresses and net.name in other.addresses]
    ends = _Ends(
        one,
        other,
        {node.name: _nics(plan, node, peer, context.facts) for node, peer in ((one, other), (other, one))},
        {node.name: _gateways(node, peer, context.facts) for node, peer in ((one, other), (other, one))},
    )
    groups = _independent(nets, lambda first, second: bool(_shares(first, second, ends)))
    measured = {timing.network for timing in context.timings if timing.judged}
    pair = (one.name, other.name)
    counted = on_channels(pair, plan, context.timings)
    judged = TOGETHER
    if len({timing.network for timing in counted}) < 2:
        # Beside a single channel the other networks are the second way.
        counted, judged = list(context.timings), EVERY
    together = joint(pair, plan, counted)
    found = settled(plan, context.customs, pair)
    majority = () if found.pairs else found.voters
    bears = of_pairs(plan, pair, found.pairs) if found.mixed else context.tolerance
    limit = borne(context.limit(judged.name), bears)
    evidence = (
        Evidence(PATHS.name, float(len(groups)), "1", context.limit(PATHS.name)),
        Evidence("of them measured", float(len(_seen(groups, measured))), "1"),
        *(
            Evidence(f"longest outage of {net.name}", length_s, "s")
            for net in nets
            if (length_s := _longest_s(context, net.name)) is not None
        ),
        *(
            [Evidence(f"longest {judged.name}", together.longest_common_outage_s, "s", limit)]
            if len(groups) > 1
            else []
        ),
    )
    troubles = [
        *_paths(context, groups, ends),
        *_proven(context, groups, measured, ends),
        *_channels(context, nets, ends, majority),
        *_outside(plan, nets, one, other),
        *_common(one, other, single_host=Custom.VOICE in context.customs),
    ]
    if len(together.networks) > 1 and together.common_outages:
        node = stood_for_all(context.ends, counted)
        status = limit.judge(together.longest_common_outage_s)
        troubles.append(
            Trouble(
                # The others go on without one of the two; whether enough were left is told, and failed, by quorum.
                Status.WARN
                if status is Status.FAIL and majority and all(item.spare > 0 for item in majority)
                else status,
                f"{', '.join(together.networks)} were out at the same moment {times(together.common_outages)}, for up to "
                f"{seconds(together.longest_common_outage_s)}{told(node)}",
                remedy(node)
                if node
                else f"Find the part that {', '.join(together.networks)} share: a switch, a carrier's line, a power feed.",
                effort=Effort.SEARCH,
            )
        )
    elif several := several_spans(pair, plan, counted):
        longest_s = max(stop - start for start, stop in several)
        troubles.append(
            Trouble(
                Status.WARN,
                f"several of {', '.join(together.networks)}, but not all, were out at the same moment {times(len(several))}, for up to {seconds(longest_s)}",
                f"Find the part that {', '.join(together.networks)} share: a switch, a carrier's line, a power feed.",
                effort=Effort.SEARCH,
            )
        )
    troubles += [Trouble(Status.INFO, found.aside)] if found.mixed else []
    troubles += _unstated(nets, ends)
    good = f"{one.name} and {other.name} are joined by {len(groups)} networks that share nothing that the plan names."
    yield from words(plan, f"{one.name} and {other.name}", troubles, good, evidence)


@dataclass(frozen=True, slots=True)
class _Ends:
    """The two nodes, and the interface of every network of theirs: that of another network by which it is left, else as planned, else as found, else empty."""

    one: Node
    other: Node
    nics: Mapping[str, Mapping[str, str]]
    gateways: Mapping[str, Mapping[str, str]]
    """By which router each node sends to the other over each network; only where there is one."""

    def __iter__(self) -> Iterator[Node]:
        return iter((self.one, self.other))


def _nics(plan: Plan, node: Node, peer: Node, facts: Mapping[str, Any]) -> dict[str, str]:
    inventory = facts.get(node.name)
    told = inventory if isinstance(inventory, dict) else {}
    held = {net.name: nic for nic, nets in carried(plan, node.name, told).items() for net in nets}
    nics = {name: socket.nic or held.get(name, "") for name, socket in node.sockets.items()}
    # An interface that no network has may be a name for the planned one, such as that of a VLAN or a bridge.
    left = {way.network: way.nic for way in _ways(node, peer, facts) if way.nic in nics.values()}
    return nics | {name: nic for name, nic in left.items() if name in nics}


def _ways(node: Node, peer: Node, facts: Mapping[str, Any]) -> Iterator[WayOut]:
    """By which the node sends to the planned addresses of its peer."""
    inventory = facts.get(node.name)
    for way in ways_out(inventory if isinstance(inventory, dict) else {}):
        interface = peer.addresses.get(way.network)
        if way.target == peer.name and interface is not None and way.address == interface.ip:
            yield way


def _gateways(node: Node, peer: Node, facts: Mapping[str, Any]) -> dict[str, str]:
    return {way.network: way.gateway for way in _ways(node, peer, facts) if way.gateway}


def _shares(first: Network, second: Network, ends: _Ends) -> list[str]:
    """What two networks have in common between two nodes, in words."""
    found = []
    for node in ends:
        nic = ends.nics[node.name][first.name]
        found += [f"interface {nic} of {node.name}"] if nic and nic == ends.nics[node.name][second.name] else []
    for node in ends:
        router = ends.gateways[node.name].get(first.name)
        found += (
            [f"gateway {router} of {node.name}"]
            if router and router == ends.gateways[node.name].get(second.name)
            else []
        )
    switches = _switches(first, ends) & _switches(second, ends)
    found += [f"switch {name}" for name in sorted(switches)]
    if first.vlan is not None and first.vlan == second.vlan:
        found.append(f"VLAN {first.vlan}")
    for node in ends:
        mine, its = node.addresses[first.name].network, node.addresses[second.name].network
        if mine.version == its.version and mine.overlaps(its):
            found.append(f"subnet {mine if mine.prefixlen <= its.prefixlen else its}")
    return list(dict.fromkeys(found))


def _switches(net: Network, ends: _Ends) -> set[str]:
    return {node.sockets[net.name].switch for node in ends} - {""}


def _open(first: Network, second: Network, ends: _Ends) -> list[str]:
    """What two networks may share for all that is known, in words."""
    found = [
        f"interface of {node.name}"
        for node in ends
        if not all(ends.nics[node.name][net.name] for net in (first, second))
    ]
    return found if _switches(first, ends) or _switches(second, ends) else [*found, "switch"]


def _independent(nets: Sequence[Network], joined: Callable[[Network, Network], bool]) -> list[list[Network]]:
    """The networks in groups that have nothing to do with each other."""
    groups: list[list[Network]] = []
    for net in nets:
        touching = [group for group in groups if any(joined(net, member) for member in group)]
        groups = [group for group in groups if group not in touching] + [
            [*(member for group in touching for member in group), net]
        ]
    return groups


def _seen(groups: Sequence[Sequence[Network]], measured: Container[str]) -> list[list[Network]]:
    """The measured networks of each group, groups without any left out."""
    found = [[net for net in group if net.name in measured] for group in groups]
    return [group for group in found if group]


def _proven(
    context: Context, groups: Sequence[Sequence[Network]], measured: Container[str], ends: _Ends
) -> Iterator[Trouble]:
    """Two independent networks on paper are none on site unless both were measured and are known to share nothing."""
    limit, seen = context.limit(PATHS.name), _seen(groups, measured)
    if limit.judge(len(groups)) is not Status.PASS:
        return
    if limit.judge(len(seen)) is not Status.PASS:
        dark = [group for group in groups if not any(net.name in measured for net in group)]
        # Of a group one is enough, and one that is probed anyhow had better be mended.
        blind = [net for group in dark for net in ([net for net in group if net.probe] or group)]
        unprobed = [net.name for net in blind if not net.probe]
        yield Trouble(
            Status.SKIPPED,
            f"of {len(groups)} networks that share nothing {len(seen)} was measured "
            f"(not {', '.join(net.name for net in blind)}), so a second way is not proven",
            f"Set probe = true under [network.{unprobed[0]}] in plan.toml and repeat the run."
            if unprobed
            else "Find why these networks were not measured, and repeat the run.",
        )
        return
    flat = [net for group in seen for net in group]

    def perhaps(first: Network, second: Network) -> bool:
        return bool(_shares(first, second, ends) or _open(first, second, ends))

    if limit.judge(len(_independent(flat, perhaps))) is Status.PASS:
        return
    parts = dict.fromkeys(
        part
        for first, second in combinations(flat, 2)
        if not _shares(first, second, ends)
        for part in _open(first, second, ends)
    )
    text = f"whether {', '.join(net.name for net in flat)} share one {' or one '.join(parts)} is unknown: the plan does not state it"
    if context.plan.origin is Origin.DEMONSTRATION:
        yield Trouble(Status.INFO, text)
    else:
        yield Trouble(
            Status.SKIPPED,
            text,
            "Write nic and switch of every address into plan.toml (none for a cross-over cable), or follow the cables by hand.",
        )


def _paths(context: Context, groups: Sequence[Sequence[Network]], ends: _Ends) -> Iterator[Trouble]:
    status = context.limit(PATHS.name).judge(len(groups))
    if status is Status.PASS:
        return
    nets = [net for group in groups for net in group]
    why = [
        f"{first.name} and {second.name} share {' and '.join(shared)}"
        for first, second in combinations(nets, 2)
        if (shared := _shares(first, second, ends))
    ]
    because = f" ({'; '.join(why)})" if why else f" ({', '.join(net.name for net in nets)})"
    yield Trouble(
        status,
        f"only one independent network joins them{because}",
        f"Give {ends.one.name} and {ends.other.name} a second network over an interface, switch and subnet of its own.",
    )


def _channels(context: Context, nets: Sequence[Network], ends: _Ends, majority: Sequence[Voters]) -> Iterator[Trouble]:
    plan, channels = context.plan, [net for net in nets if net.kind in CHANNELS]
    if not channels and majority:
        yield Trouble(
            Status.INFO, f"no channel of their own joins them; {told_majority(majority)}, so that risks no split brain"
        )
    elif not channels:
        yield Trouble(
            Status.FAIL if Custom.CHANNEL in context.customs else Status.WARN,
            "no channel joins them, only networks that serve others",
            f"Plan a channel between {ends.one.name} and {ends.other.name}, apart from the public network.",
        )
    for first, second in combinations(channels, 2):
        if shared := _shares(first, second, ends):
            yield Trouble(
                Status.WARN,
                f"the channels {first.name} and {second.name} share {' and '.join(shared)}",
                "Redundant channels need an interface, a subnet and a switch of their own each.",
            )
    if len(channels) == 1 and majority:
        yield Trouble(
            Status.INFO,
            f"{channels[0].name} is their only channel; {told_majority(majority)}: a cut stops the side without one and makes no split brain",
        )
    elif len(channels) == 1 and switched_by_hand(plan, (ends.one.name, ends.other.name)):
        yield Trouble(
            Status.INFO,
            f"{channels[0].name} is their only channel: its loss stops what is replicated over it, and no failover follows, as no planned product "
            "switches between the two by itself",
        )
    elif len(channels) == 1:
        yield Trouble(
            Status.INFO,
            f"a second channel beside {channels[0].name} is advised (split brain){_unbound(plan, channels[0], nets)}",
        )


def _unbound(plan: Plan, channel: Network, nets: Sequence[Network]) -> str:
    """Which other probed networks are no second way for the products of a single channel, in words: what they are not bound to they do not use."""
    found = []
    for binding in plan.stacks:
        others = [net.name for net in nets if net.probe and net.name not in binding.networks]
        if channel.name in binding.networks and others:
            found.append(
                f"{', '.join(others)} {'does' if len(others) == 1 else 'do'} not carry {binding.name}, which is bound to {', '.join(binding.networks)}"
            )
    return f"; {'; '.join(found)}" if found else ""


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
                if public.kind in OUTSIDE and (overlap or (channel.vlan and channel.vlan == public.vlan)):
                    where = f"subnet {mine}" if overlap else f"VLAN {channel.vlan}"
                    yield Trouble(
                        Status.WARN,
                        f"channel {channel.name} of {node.name} lies in the {where} of {name}",
                        "Put channels on subnets and VLANs of their own.",
                    )
                    break


def _common(one: Node, other: Node, *, single_host: bool) -> Iterator[Trouble]:
    if one.host and one.host == other.host:
        yield Trouble(
            Status.WARN,
            f"both stand on one physical machine ({one.host})",
            "Put the nodes on two physical machines"
            + ("; one machine is for single-host pairs of 100 seats or fewer only." if single_host else "."),
        )
    if one.power and one.power == other.power:
        yield Trouble(
            Status.WARN, f"both hang on one power feed ({one.power})", "Feed the two nodes from different circuits."
        )


def _unstated(nets: Sequence[Network], ends: _Ends) -> Iterator[Trouble]:
    silent = [net.name for net in nets if not all(ends.nics[node.name][net.name] for node in ends)]
    parts = []
    for what, missing in (
        ("physical machine", [node.name for node in ends if not node.host]),
        ("power feed", [node.name for node in ends if not node.power]),
        ("interface", silent),
        ("switch", [net.name for net in nets if not all(node.sockets[net.name].switch for node in ends)]),
    ):
        parts += [f"{what} of {', '.join(missing)}"] if missing else []
    if parts:
        yield Trouble(Status.INFO, f"the plan does not state: {'; '.join(parts)}; what they share there is unknown")


def _longest_s(context: Context, network: str) -> float | None:
    return max((timing.longest_outage_s for timing in context.timings if timing.network == network), default=None)


RULE = Rule(
    "redundancy",
    "Independent paths",
    Area.NETWORK,
    Scope.PAIR,
    (TIMINGS, FACTS, STALLS),
    (PATHS, TOGETHER, EVERY),
    _check,
    effort=Effort.RESOURCES,
)
