"""Topology: who stands where, what joins the nodes, and how well it did.

What: The sites with their nodes, the networks between them with the measured figures of each pair, and the machines that the
    nodes depend on. More nodes than a drawing can hold are summarised by site.
Why HA: Two nodes on one physical host, or one network between two sites, fail together. That is seen here at a glance.
How: Sites, roles, hosts, power and networks are those of the plan; nothing finds them out. Each line shows the worse of its
    two directions and the worst result of any check of that path. Checks of two nodes together have a line of their own for each pair.
    What is wrong with the record of a path is shown at the node that recorded it. Goodput is the median of the tests, each way.
Source: The plan, timings, throughputs, observers and findings of the assessment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from analyzer.contract import (
    AddressFound,
    Area,
    Assessment,
    Finding,
    ObserverTiming,
    PlanNetwork,
    PlanNode,
    Scope,
    Status,
    Throughput,
    Timing,
)
from reports import figures
from reports.contract import (
    Block,
    MapLink,
    MapNetwork,
    MapNode,
    MapObserver,
    MapSite,
    MapTap,
    Paragraph,
    Section,
    Topology,
)
from reports.findings import owner, worst
from reports.sites import NAMES, Pair, by_site, largest, path_results, summary
from reports.texts import say

MOST_NODES = 6
"""More boxes than this side by side are too narrow for their names."""

MOST_OBSERVERS = 8


def _build(assessment: Assessment) -> Iterator[Block]:
    nodes = _nodes(assessment)
    if not nodes:
        yield Paragraph(say("The assessment names no node."))
        return
    if len(nodes) > MOST_NODES:
        yield from summary(assessment, nodes)
        return
    links = _links(assessment, nodes)
    yield Topology(
        tuple(
            MapSite(
                say("Site {site}", site=site) if site else say("Site not given"),
                tuple(_box(node, assessment) for node in members),
            )
            for site, members in by_site(nodes).items()
        ),
        (
            *(MapNetwork(name, note, tuple(links[name])) for name, note in _notes(assessment)),
            *_pairs(assessment, nodes),
        ),
        tuple(_observers(assessment.observers)),
        say(
            "RTT and loss: the worse of the two directions, without the time of bandwidth tests. The mark is the worst result "
            "of all checks of that node, with the records it made, of that path, or of the two nodes together. Arrows: goodput from left to right and from right to left. Small: interface, switch and "
            "port as planned. A cross stands where an observer gave no answer, a ring where it was not asked."
        ),
    )
    if not any(links.values()):
        yield Paragraph(say("The assessment names no network that joins two nodes."))
    left = len(_named(assessment.observers)) - MOST_OBSERVERS
    if left > 0:
        yield Paragraph(
            say("{number}: see the section “Network”.", number=figures.several(left, "more observer")), small=True
        )


def _nodes(assessment: Assessment) -> tuple[PlanNode, ...]:
    """The planned nodes, and any other that has an archive."""
    known = {node.name for node in assessment.planned}
    extra = (PlanNode(node.name, node.role, node.site, "", "") for node in assessment.nodes if node.name not in known)
    return (*assessment.planned, *extra)


def _box(node: PlanNode, assessment: Assessment) -> MapNode:
    about = (item.status for item in assessment.findings if _at(item, node.name))
    absent = "" if any(item.name == node.name for item in assessment.nodes) else say(", no archive")
    lines = (
        f"{node.role or say('no role')}{absent}",
        say("host {host}", host=node.host) if node.host else say("host not given"),
        say("power {power}", power=node.power) if node.power else say("power not given"),
    )
    return MapNode(node.name, lines, worst(about))


def _at(item: Finding, node: str) -> bool:
    """Whether a finding is about a node, one of its devices, or what it recorded of a path: its sender records it."""
    if owner(item.subject, (node,)):
        return True
    return item.area is Area.DATA and item.subject.scope is Scope.PATH and item.subject.name.startswith(f"{node}>")


_TITLES = 3
"""Checks that the line of a pair names."""


def _pairs(assessment: Assessment, nodes: tuple[PlanNode, ...]) -> Iterator[MapNetwork]:
    """A line for every two nodes that were checked together, with the checks of the worst result."""
    ordered = [node.name for members in by_site(nodes).values() for node in members]
    checks: dict[Pair, list[Finding]] = defaultdict(list)
    ends = {"+".join(pair): pair for one in combinations(ordered, 2) for pair in (one, one[::-1])}
    for item in assessment.findings:
        if item.subject.scope is Scope.PAIR and item.subject.name in ends:
            one, other = sorted(ends[item.subject.name], key=ordered.index)
            checks[one, other].append(item)
    if checks:
        links = (
            MapLink(pair, _told(checks[pair]), "", worst(item.status for item in checks[pair]))
            for pair in combinations(ordered, 2)
            if pair in checks
        )
        yield MapNetwork(say("Pairs"), say("what was checked of two nodes together"), tuple(links))


def _told(found: list[Finding]) -> str:
    """How many checks of a pair there were, or which of them ask for attention."""
    gravest = worst(item.status for item in found)
    titles = list(dict.fromkeys(item.title for item in found if item.status is gravest))
    if gravest in {Status.PASS, Status.INFO}:
        return figures.several(len({item.rule for item in found}), "check")
    return figures.listing(titles, _TITLES)


def _notes(assessment: Assessment) -> Iterator[tuple[str, str]]:
    """Every network of the plan, or known by its timings alone, with a line about it."""
    planned = {network.name: network for network in assessment.networks}
    for network in assessment.networks:
        yield network.name, _note(network, _vlans(network, assessment))
    told = [*(item.network for item in assessment.timings), *(item.network for item in assessment.throughputs)]
    for name in dict.fromkeys(told):
        if name not in planned:
            yield name, ""


def _vlans(network: PlanNetwork, assessment: Assessment) -> str:
    """``VLAN 31``, or of a network that has another at each site ``VLAN 31 (main), 41 (dr)``."""
    site_of = {node.name: node.site for node in assessment.planned}
    sites: dict[int, dict[str, None]] = defaultdict(dict)
    for row in assessment.addresses:
        vlan = network.vlan if row.vlan is None else row.vlan
        if row.network == network.name and vlan is not None:
            sites[vlan][site_of.get(row.node, "") or row.node] = None
    if len(sites) > 1:
        names = ", ".join(f"{vlan} ({figures.listing(list(where), NAMES)})" for vlan, where in sites.items())
        return say("VLAN {names}", names=names)
    vlan = next(iter(sites), network.vlan)
    return say("VLAN not given") if vlan is None else say("VLAN {vlan}", vlan=vlan)


def _note(network: PlanNetwork, vlans: str) -> str:
    words = [
        network.kind,
        vlans,
        say("{bits} planned", bits=figures.bits(network.rate_bps)) if network.rate_bps else say("rate not given"),
        say("DSCP {dscp}", dscp=network.dscp) if network.dscp else "",
        "" if network.probed else say("not probed, as the plan says"),
    ]
    return ", ".join(word for word in words if word)


def _links(assessment: Assessment, nodes: tuple[PlanNode, ...]) -> dict[str, list[MapLink]]:
    timings = {(item.network, item.source, item.target): item for item in assessment.timings}
    carried = {(item.network, item.source, item.target): item for item in assessment.throughputs}
    results = path_results(assessment)
    unprobed = {network.name for network in assessment.networks if not network.probed}
    plugs = {(item.node, item.network): _plug(item) for item in assessment.addresses}
    members: dict[str, set[str]] = defaultdict(set)
    for address in assessment.addresses:
        members[address.network].add(address.node)
    found: dict[str, list[MapLink]] = defaultdict(list)
    ordered = [node.name for members_ in by_site(nodes).values() for node in members_]
    for name, _ in _notes(assessment):
        for one, other in combinations(ordered, 2):
            ways = ((name, one, other), (name, other, one))
            told = any(way in timings or way in carried for way in ways)
            if told or ({one, other} <= members[name] and name not in unprobed):
                measured = [timings[way] for way in ways if way in timings]
                paths = (f"{source}>{target}/{name}" for _, source, target in ways)
                found[name].append(
                    MapLink(
                        (one, other),
                        _delay(measured),
                        _goodput(*(carried.get(way) for way in ways)),
                        worst(results[path] for path in paths if path in results),
                        (plugs.get((one, name), ""), plugs.get((other, name), "")),
                    )
                )
    return found


def _plug(item: AddressFound) -> str:
    """Interface, switch and port by the plan: ``eth1, sw-2 port 7``."""
    port = say("port {port}", port=item.port) if item.port else ""
    return ", ".join(word for word in (item.nic, " ".join(part for part in (item.switch, port) if part)) if word)


def _delay(measured: list[Timing]) -> str:
    if not measured:
        return say("not measured")
    median, tail = (
        largest(values) for values in zip(*((item.rtt.p50, item.rtt.p999) for item in measured), strict=True)
    )
    if median is None:
        return say("no probe was answered")
    loss = figures.ratio(largest(item.loss for item in measured), 2)
    few = any(item.rtt.samples < 1000 for item in measured if item.rtt.p999 == tail)
    return say(
        "RTT {seconds} median, {seconds2} {word}; loss {loss}",
        seconds=figures.milliseconds(median),
        seconds2=figures.milliseconds(tail),
        word=say("max") if few else "99.9 %",
        loss=loss,
    )


def _goodput(there: Throughput | None, back: Throughput | None) -> str:
    if there is None and back is None:
        return ""
    if not any(item and item.median_bps is not None for item in (there, back)):
        return say("no bandwidth test")
    left, right = (figures.bits(item.median_bps) if item else figures.DASH for item in (there, back))
    return f"{figures.ARROW} {left}   \N{LEFTWARDS ARROW} {right}"


_VIRTUAL = "virtual"
"""Kind of an address that a product moves between the nodes."""


def _named(observers: Iterable[ObserverTiming]) -> dict[tuple[str, str, str], list[ObserverTiming]]:
    named: dict[tuple[str, str, str], list[ObserverTiming]] = defaultdict(list)
    for item in observers:
        named[item.observer, item.kind, item.address].append(item)
    return named


def _observers(observers: Iterable[ObserverTiming]) -> Iterator[MapObserver]:
    for (name, kind, address), members in list(_named(observers).items())[:MOST_OBSERVERS]:
        yield MapObserver(
            name,
            ", ".join(word for word in (kind, address) if word),
            tuple(_tap(item) for item in members),
        )


def _tap(item: ObserverTiming) -> MapTap:
    if item.reason or not item.sent:
        return MapTap(item.node, say("not asked"), None)
    if not item.answered and item.kind == _VIRTUAL:
        # Before a product runs nobody is to answer; whether that is right is a rule's word.
        return MapTap(item.node, say("nobody answers"), None)
    if not item.answered:
        return MapTap(item.node, say("no answer"), Status.FAIL)
    lost = figures.ratio((item.sent - item.answered) / item.sent, 2)
    return MapTap(
        item.node, say("{seconds}, lost {lost}", seconds=figures.milliseconds(item.rtt.p50), lost=lost), Status.PASS
    )


SECTION = Section("topology", "Topology", 25, _build)
