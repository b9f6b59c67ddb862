"""The plan's nodes by site: of those that are too many for a drawing, tables by pairs of sites."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from analyzer.contract import Area, Assessment, PlanNode, Scope, Status, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.findings import URGENCY, worst
from reports.texts import each, say

NAMES = 6
"""How many nodes or observers one cell names."""

Pair = tuple[str, str]


def by_site(nodes: Iterable[PlanNode]) -> dict[str, list[PlanNode]]:
    """The nodes of each site, in plan order; "" is that of nodes without one."""
    sites: dict[str, list[PlanNode]] = defaultdict(list)
    for node in nodes:
        sites[node.site].append(node)
    return sites


def path_results(assessment: Assessment) -> dict[str, Status]:
    """The worst result of the checks of each path, by its name; what its record lacks is no result of the network."""
    found: dict[str, Status] = {}
    for item in assessment.findings:
        if item.subject.scope is Scope.PATH and item.area is not Area.DATA:
            name = item.subject.name
            found[name] = min(found.get(name, item.status), item.status, key=URGENCY.index)
    return found


def largest(values: Iterable[float | None]) -> float | None:
    """The largest of those that are known; None without any."""
    return max((value for value in values if value is not None), default=None)


def summary(assessment: Assessment, nodes: tuple[PlanNode, ...]) -> Iterator[Block]:
    """A table of the sites, and one of the worst figures between any two nodes of each pair of them."""
    sites = by_site(nodes)
    yield Paragraph(
        say(
            "{count} nodes at {number} are too many for a drawing. "
            "The tables name the worst figure between any two nodes of each pair of sites.",
            count=len(nodes),
            number=figures.several(len(sites), "site"),
        )
    )
    yield from excerpt(
        Table(
            each("Site", "Nodes", "Names", "Physical hosts"),
            tuple(
                (
                    site or say("not given"),
                    figures.count(len(members)),
                    figures.listing([node.name for node in members], NAMES),
                    _hosts(members),
                )
                for site, members in sites.items()
            ),
            (18, 10, 46, 26),
            say("Sites"),
            numeric=(1,),
        )
    )
    yield from _between(assessment, {node.name: node.site for node in nodes})


def _hosts(members: list[PlanNode]) -> str:
    given = [node.host for node in members if node.host]
    text = say("{count} for {number}", count=figures.count(len(set(given))), number=figures.several(len(given), "node"))
    missing = len(members) - len(given)
    return say("{text}, not given for {missing}", text=text, missing=missing) if missing else text


def _between(assessment: Assessment, site_of: Mapping[str, str]) -> Iterator[Block]:
    results = path_results(assessment)
    groups: dict[tuple[Pair, str], list[Timing]] = defaultdict(list)
    for item in assessment.timings:
        one, other = sorted((site_of.get(item.source, ""), site_of.get(item.target, "")))
        groups[(one, other), item.network].append(item)
    if not groups:
        yield Paragraph(say("No path was measured between them."))
        return
    slowest: dict[tuple[Pair, str], float] = {}
    for throughput in assessment.throughputs:
        if throughput.median_bps is not None:
            one, other = sorted((site_of.get(throughput.source, ""), site_of.get(throughput.target, "")))
            key = ((one, other), throughput.network)
            slowest[key] = min(slowest.get(key, throughput.median_bps), throughput.median_bps)
    status = {
        key: worst(results[item.path] for item in members if item.path in results) for key, members in groups.items()
    }
    order = sorted(groups, key=lambda key: (_rank(status[key]), key))
    yield from excerpt(
        Table(
            each("Between", "Network", "Paths", "RTT p50", "RTT p99.9", "Loss", "Goodput"),
            tuple(
                (
                    _sites(key[0]),
                    key[1],
                    figures.count(len(groups[key])),
                    figures.milliseconds(largest(item.rtt.p50 for item in groups[key])),
                    figures.quantile(
                        largest(item.rtt.p999 for item in groups[key]),
                        min(item.rtt.samples for item in groups[key]),
                        1000,
                    ),
                    figures.ratio(largest(item.loss for item in groups[key]), 2),
                    figures.megabits(slowest.get(key)),
                )
                for key in order
            ),
            (28, 14, 10, 12, 12, 10, 14),
            say("Worst figure of any path (goodput: the lowest median)"),
            tuple(status[key] for key in order),
            numeric=(2, 3, 4, 5, 6),
        )
    )


def _rank(status: Status | None) -> int:
    return len(URGENCY) if status is None else URGENCY.index(status)


def _sites(pair: Pair) -> str:
    one, other = (site or say("not given") for site in pair)
    return say("within {one}", one=one) if one == other else say("{one} and {other}", one=one, other=other)
