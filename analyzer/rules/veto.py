"""Whether anything can still tell a dead peer from a dead network when the channels fail.

What: Which third machines of the plan (gateways, ping targets, witness, SCS host, fencing) each node reaches by parts that do not carry all its channels:
    interface, switch, VLAN, gateway; which stand on the physical machine or the power feed of a node; when all channels and all third machines
    were silent at once; when all third machines were silent to both nodes.
Why HA: Split brain has two shapes. When channels and veto fail together and the product takes over, both nodes are active; when it waits for a veto that does not
    come, neither serves.
How: The ways out in the inventories, the plan's switches and VLANs, and on one time axis the outages of the channels and the pings of the third machines. One
    that never answered says nothing. Whether the product asks them at all is its own matter. Where all products of a pair decide by majority (etcd, corosync from
    three nodes on) and all members are on every network of these, this is not asked: see quorum.
Source: NF: split-brain avoidance over another network than the channel; SB: both active, neither serving. What each finding weighs, and 10 s: design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.contract.spans import intersection, union
from analyzer.extension import FACTS, SILENCES, TIMINGS, Context, Judgement, Rule
from analyzer.host import carried
from analyzer.joints import common_spans, on_channels
from analyzer.majority import settled, told
from analyzer.netfacts import WayOut, ways_out
from analyzer.troubles import Trouble, words
from analyzer.words import seconds, times
from collector.plan import CHANNELS, Network, Node, Observer, ObserverKind, Plan

NEITHER = Limit("all third machines silent to both nodes", "s", 10.0, None, Sense.AT_MOST, "design value")

_VETOES = (ObserverKind.GATEWAY, ObserverKind.PING, ObserverKind.WITNESS, ObserverKind.SCS, ObserverKind.FENCING)
_Spans = Sequence[tuple[float, float]]


def _check(context: Context) -> Iterator[Judgement]:
    plan = context.plan
    one, other = (plan.node(name) for name in context.subject.name.split("+"))
    title = f"{one.name} and {other.name}"
    found = settled(plan, context.customs, (one.name, other.name))
    if (majority := found.voters) and not found.mixed:
        yield Judgement(
            Status.INFO,
            f"{title}: {told(majority)}, so no third machine is asked who may serve, and the two are never both active (see quorum).",
        )
        return
    channels = [
        net
        for net in plan.networks
        if net.kind in CHANNELS and net.name in one.addresses and net.name in other.addresses
    ]
    vetoes = [observer for observer in plan.observers if observer.kind in _VETOES]
    if not channels:
        yield Judgement(
            Status.INFO,
            f"{title}: no channel joins them (see redundancy), so there is nothing that a veto could be apart from.",
        )
        return
    if not vetoes:
        yield Judgement(
            Status.INFO,
            f"{title}: the plan names no third machine (gateway, ping target, witness, SCS host, fencing). When {_names(channels)} "
            f"{'fails' if len(channels) == 1 else 'fail'}, nothing tells a dead peer from a dead network.{f' And {found.aside}.' if found.mixed else ''}",
        )
        return
    automatic = any({one.name, other.name} == set(pair) for stack in plan.stacks for pair in stack.auto_failover)
    troubles = [*_parts(context, (one, other), channels, vetoes, automatic=automatic)]
    traced, evidence = _trace(context, (one.name, other.name), vetoes)
    troubles += traced
    troubles += [Trouble(Status.INFO, found.aside)] if found.mixed else []
    good = f"{title}: when {_names(channels)} {'fails' if len(channels) == 1 else 'fail'}, third machines are still reached by other parts."
    yield from words(plan, title, troubles, good, evidence)


def _names(channels: Sequence[Network]) -> str:
    return " and ".join(net.name for net in channels)


def _parts(
    context: Context,
    ends: tuple[Node, Node],
    channels: Sequence[Network],
    vetoes: Sequence[Observer],
    *,
    automatic: bool,
) -> Iterator[Trouble]:
    plan = context.plan
    placed = {node.name: _placed(plan, node, context.facts) for node in ends}
    ways = {node.name: ways_out(_inventory(node, context.facts)) for node in ends}
    single = set.intersection(*(_of_channel(plan, net, ends, placed, ways) for net in channels))
    apart, unknown = [], []
    tied: dict[str, list[str]] = {}
    fallen: dict[str, str] = {}
    for veto in vetoes:
        at = {node.name: _way(ways[node.name], veto) for node in ends}
        shared = [
            part
            for node in ends
            if (way := at[node.name]) is not None
            for part in sorted(_of_way(plan, node, way, placed) & single)
        ]
        if stands := _stands(veto, ends):
            fallen[veto.name] = stands
        elif shared:
            tied[veto.name] = list(dict.fromkeys(shared))
        elif None in at.values():
            unknown.append(veto.name)
        else:
            apart.append(veto.name)
    text = "; ".join(
        f"{name} is reached over {' and '.join(parts)}, as {_names(channels)}" for name, parts in tied.items()
    )
    if fallen:
        text_fallen = "; ".join(f"{name} stands on {where}" for name, where in fallen.items())
        alone = not (apart or unknown or tied)
        yield Trouble(
            Status.WARN if automatic and alone else Status.INFO,
            f"{text_fallen}, so it dies with that node"
            + (", and the other one cannot ask anybody who is to serve (neither serving)" if alone else ""),
            "Move a third machine to a physical machine and a power feed of its own." if alone else "",
            "third machines stand where a node stands" if alone else "",
        )
    if tied and not apart and not unknown:
        yield Trouble(
            Status.WARN if automatic else Status.INFO,
            f"{text}: what cuts the channels cuts every third machine as well, so both nodes go active, or neither serves",
            "Name a third machine that both nodes reach by another interface and switch than their channels, and let the product ask that one.",
            "no third machine is apart from the channels",
        )
    elif tied:
        yield Trouble(Status.INFO, f"{text}, so it is no veto for these")
    if unknown and not apart:
        yield Trouble(
            Status.SKIPPED if automatic else Status.INFO,
            f"by which way {', '.join(unknown)} is reached was not told, so whether it depends on the channels is unknown",
            "Ask the routing table of both nodes by hand (ip route get ADDRESS).",
        )
    if len(apart) == 1:
        yield Trouble(
            Status.INFO,
            f"{apart[0]} alone can say who is cut off; while it is away, a product that waits for its word serves nowhere",
        )


def _stands(veto: Observer, ends: tuple[Node, Node]) -> str:
    """What the third machine shares with one of the nodes by the plan, in words; empty: nothing that it states."""
    for node in ends:
        if veto.host and veto.host == node.host:
            return f"the physical machine of {node.name} ({veto.host})"
        if veto.power and veto.power == node.power:
            return f"the power feed of {node.name} ({veto.power})"
    return ""


def _inventory(node: Node, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    found = facts.get(node.name)
    return found if isinstance(found, dict) else {}


def _placed(plan: Plan, node: Node, facts: Mapping[str, Any]) -> dict[str, str]:
    """The interface of every network: where its address was found, else as planned, else empty."""
    found = {net.name: nic for nic, nets in carried(plan, node.name, _inventory(node, facts)).items() for net in nets}
    return {name: found.get(name, "") for name in node.addresses}


def _of_channel(
    plan: Plan,
    net: Network,
    ends: tuple[Node, Node],
    placed: Mapping[str, Mapping[str, str]],
    ways: Mapping[str, Sequence[WayOut]],
) -> set[str]:
    """Parts without which the channel is out."""
    found: set[str] = set()
    for node, peer in (ends, ends[::-1]):
        found |= _of_network(plan, node, net.name, placed)
        address = peer.addresses[net.name].ip
        found |= {f"gateway {way.gateway}" for way in ways[node.name] if way.address == address and way.gateway}
    return found


def _of_network(plan: Plan, node: Node, network: str, placed: Mapping[str, Mapping[str, str]]) -> set[str]:
    nic, switch, vlan = placed[node.name][network], node.sockets[network].switch, plan.vlan(node, network)
    return {
        *({f"interface {nic} of {node.name}"} if nic else ()),
        *({f"switch {switch}"} if switch else ()),
        *({f"VLAN {vlan}"} if vlan is not None else ()),
    }


def _way(ways: Sequence[WayOut], veto: Observer) -> WayOut | None:
    return next((way for way in ways if way.address == veto.address and not way.network and way.nic), None)


def _of_way(plan: Plan, node: Node, way: WayOut, placed: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Parts without which the node does not reach the third machine: of every network on the interface that leads there."""
    over = [name for name, nic in placed[node.name].items() if nic == way.nic]
    subnet = [name for name in over if way.source == node.addresses[name].ip]
    found = {part for name in subnet or over for part in _of_network(plan, node, name, placed)}
    # A router that is asked itself is a part of its own way.
    return found | {f"interface {way.nic} of {node.name}", f"gateway {way.gateway or way.address}"}


def _trace(
    context: Context, pair: tuple[str, str], vetoes: Sequence[Observer]
) -> tuple[list[Trouble], tuple[Evidence, ...]]:
    heard = [veto.name for veto in vetoes if all((name, veto.name) in context.silences for name in pair)]
    if not heard:
        return [], ()
    # One that either node still heard tells something.
    dark: _Spans | None = None
    for veto in heard:
        spans = intersection(*(union(context.silences[name, veto]) for name in pair))
        dark = spans if dark is None else intersection(list(dark), spans)
    cut = common_spans(pair, context.plan, on_channels(pair, context.plan, context.timings))
    both = intersection(cut, _either(context, pair, heard))
    longest_s = max((stop - start for start, stop in dark or ()), default=0.0)
    together_s = max((stop - start for start, stop in both), default=0.0)
    limit = context.limit(NEITHER.name)
    evidence = (
        Evidence(limit.name, longest_s, "s", limit),
        Evidence("all channels and all third machines out at once", together_s, "s"),
    )
    troubles = []
    if both:
        troubles.append(
            Trouble(
                Status.WARN,
                f"all channels and {', '.join(heard)} were out at the same moment {times(len(both))}, for up to {seconds(together_s)}: then nothing "
                "told a dead peer from a dead network (both active)",
                "Find the part that channels and third machines share: a switch, a power feed, a physical machine.",
                "channels and third machines were out at once",
            )
        )
    if limit.judge(longest_s) is not Status.PASS:
        troubles.append(
            Trouble(
                Status.WARN,
                f"{', '.join(heard)} {'was' if len(heard) == 1 else 'were all'} silent to both nodes for up to {seconds(longest_s)}: a product that waits for "
                "their word would have served nowhere (neither serving)",
                "Name a further third machine at another place, and find what silenced these.",
                "third machines were silent to both nodes",
            )
        )
    return troubles, evidence


def _either(context: Context, pair: tuple[str, str], vetoes: Sequence[str]) -> list[tuple[float, float]]:
    """When at least one of the nodes heard no third machine at all."""
    found: list[tuple[float, float]] = []
    for name in pair:
        spans: list[tuple[float, float]] | None = None
        for veto in vetoes:
            silent = union(context.silences[name, veto])
            spans = silent if spans is None else intersection(spans, silent)
        found += spans or []
    return union(found)


RULE = Rule(
    "veto",
    "Independence of the veto",
    Area.NETWORK,
    Scope.PAIR,
    (FACTS, TIMINGS, SILENCES),
    (NEITHER,),
    _check,
    effort=Effort.RESOURCES,
)
