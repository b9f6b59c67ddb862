"""What the way itself is like, as tables: path MTU, changes of route, order of packets; which ports are open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from analyzer.contract import Access, PathMtu, PortTest, Status, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.findings import URGENCY
from reports.texts import each, say, word
from reports.uniform import KEYS, by_path

NOTHING = "0"
NAMED = 12
"""Paths that one sentence names."""


def route_blocks(timings: tuple[Timing, ...], mtus: tuple[PathMtu, ...]) -> Iterator[Block]:
    """Each direction of each path, and why an MTU is missing."""
    found = {item.path: item for item in mtus if item.size_B is not None}
    timed = {item.path: item for item in timings}
    paths: dict[str, Timing | PathMtu] = {item.path: item for item in mtus if item.path in found or item.path in timed}
    paths |= timed
    if not paths:
        yield Paragraph(say("No path was measured, so nothing is known about its MTU and route."))
        return
    yield Paragraph(
        say(
            "Path MTU: the largest packet that arrived whole and unfragmented, headers included. Changes of route: how often the "
            "TTL on arrival changed."
        )
    )
    yield from _titled(
        Table(
            each(
                "Path",
                "Network",
                "Path MTU",
                "Interface MTU",
                "Named by a router",
                "Searches",
                "Route changes there / back",
                "Out of order",
                "Doubled",
            ),
            tuple(
                (
                    f"{item.source} {figures.ARROW} {item.target}",
                    say("{network} (WAN)", network=item.network) if item.wan else item.network,
                    *_mtu(found.get(path)),
                    *_order(timed.get(path)),
                )
                for path, item in paths.items()
            ),
            (20, 14, 12, 10, 10, 8, 12, 8, 8),
            say("Path MTU"),
            numeric=(2, 3, 4, 5, 6, 7, 8),
        )
    )
    missing: dict[str, list[str]] = defaultdict(list)
    for mtu in mtus:
        if mtu.path not in found:
            missing[mtu.reason].append(f"{mtu.source} {figures.ARROW} {mtu.target} ({mtu.network})")
    if missing:
        yield from excerpt(
            Table(
                each("Why the path MTU is missing", "Paths"),
                tuple((reason or figures.DASH, figures.listing(names)) for reason, names in missing.items()),
                (40, 60),
                say("Path MTU that is not known"),
            )
        )


def _titled(table: Table) -> Iterator[Block]:
    """The table by what is left in it; of a single column that is left only what is not nothing, in a sentence."""
    for block in by_path(table):
        if not isinstance(block, Table) or table.head[KEYS] in block.head:
            yield block
        elif len(block.head) == KEYS + 1 and any(row[KEYS] == NOTHING for row in block.rows):
            told = figures.listing(
                [
                    say("{way} on {network}: {text}", way=way, network=network, text=text)
                    for way, network, text in block.rows
                    if text != NOTHING
                ],
                NAMED,
            )
            yield Paragraph(say("{what} ({told}); on the other paths none.", what=block.head[KEYS], told=told))
        else:
            yield replace(block, caption=", ".join(block.head[KEYS:]))


_STATUS = {
    Access.OPEN: Status.PASS,
    Access.USED: Status.PASS,
    Access.FILTERED: Status.FAIL,
    Access.REFUSED: Status.FAIL,
    Access.NOT_TESTED: Status.SKIPPED,
}


def port_blocks(ports: tuple[PortTest, ...]) -> Iterator[Block]:
    """Each planned port, each way."""
    if not ports:
        yield Paragraph(say("The plan lists no ports for its products, so none was tried."))
        return
    reasons = any(item.reason for item in ports)
    alike: dict[tuple[Status, str, str, str, str, str], list[str]] = defaultdict(list)
    for item in sorted(ports, key=lambda item: URGENCY.index(_STATUS[item.access])):
        product = item.stack or say("the address itself")
        key = _STATUS[item.access], item.port, product, item.network, word(item.access), item.reason
        alike[key].append(figures.direction(item.source, item.target))
    yield from excerpt(
        Table(
            (*each("Port", "For", "Network", "Paths", "Answer"), *((say("Reason"),) if reasons else ())),
            tuple(
                (port, product, network, ", ".join(ways), answer, *((reason,) if reasons else ()))
                for (_, port, product, network, answer, reason), ways in alike.items()
            ),
            (11, 15, 12, 26, 14, *((22,) if reasons else ())),
            say("Ports"),
            tuple(status for status, *_ in alike),
        )
    )


def _mtu(item: PathMtu | None) -> tuple[str, ...]:
    if item is None:
        return (figures.DASH,) * 4
    size = f"{item.size_B} B"
    if item.largest_B is not None and item.largest_B != item.size_B:
        size = say("{size_b} to {largest_b} B", size_b=item.size_B, largest_b=item.largest_B)
    return (
        size,
        f"{item.nic_B} B" if item.nic_B is not None else say("any"),
        f"{item.told_B} B" if item.told_B is not None else say("none"),
        figures.count(item.searches),
    )


def _order(item: Timing | None) -> tuple[str, ...]:
    if item is None:
        return (figures.DASH,) * 3
    ways = f"{figures.count(item.route_changes_there)} / {figures.count(item.route_changes_back)}"
    return ways, figures.count(item.reordered), figures.count(item.duplicates)
