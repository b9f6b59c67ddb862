"""What the machines are and what their archives hold, side by side: first what differs, then what is the same on all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from analyzer.contract import AddressFound, Assessment, NodeClock, NodeSummary, PlanNode
from reports import figures
from reports.contract import Block, Heading, Table
from reports.excerpt import excerpt
from reports.texts import say

BESIDE = 4
"""Machines whose facts stand in one table: more columns leave no room for an interface's line."""
SHORT = 68
"""Letters of a fact that shares its row with another: two lines. A longer one has all the width."""

Facts = Mapping[str, str]
"""What is told of a node, by label."""


def machine_blocks(assessment: Assessment) -> Iterator[Block]:
    """The machines as planned and found, then the archives; nothing without a node."""
    if not assessment.nodes:
        return
    planned = {node.name: node for node in assessment.planned}
    clocks = {clock.node: clock for clock in assessment.clocks}
    addresses: dict[str, list[AddressFound]] = {}
    for address in assessment.addresses:
        addresses.setdefault(address.node, []).append(address)
    names = [node.name for node in assessment.nodes]
    yield Heading(say("The machines side by side"), 2)
    yield from _beside(
        names,
        [_machine(node, planned.get(node.name), addresses.get(node.name, ())) for node in assessment.nodes],
    )
    yield Heading(say("The archives (their hashes stand in full in the last section)"), 2)
    yield from _beside(names, [_archive(node, clocks.get(node.name)) for node in assessment.nodes])


def _beside(names: Sequence[str], facts: Sequence[Facts]) -> Iterator[Block]:
    """What differs as a column for each node, what does not as one list. Of a single node everything is a list."""
    labels = _labels(facts)
    same = [label for label in labels if len({told.get(label) for told in facts}) == 1]
    differ = [label for label in labels if label not in same]
    for first in range(0, len(names), BESIDE) if differ else ():
        some, told = names[first : first + BESIDE], facts[first : first + BESIDE]
        rows = tuple((label, *(mine.get(label) or figures.DASH for mine in told)) for label in differ)
        widths = (16.0, *(84 / len(some) for _ in some))
        yield from excerpt(Table(("", *some), rows, widths, say("What differs")))
    if same:
        pairs = [(label, facts[0][label] or figures.DASH) for label in same]
        caption = say("The same on all") if len(names) > 1 else ""
        short = [pair for pair in pairs if len(pair[1]) <= SHORT]
        wide = tuple(pair for pair in pairs if len(pair[1]) > SHORT)
        if short:
            yield _two_to_a_row(short, caption)
        if wide:
            yield Table(("", ""), wide, (19, 81), "" if short else caption)


def _labels(facts: Sequence[Facts]) -> list[str]:
    """Each label once. What only some nodes have stands behind what it stands behind with them."""
    found: list[str] = []
    for told in facts:
        place = 0
        for label in told:
            if label not in found:
                found.insert(place, label)
            place = found.index(label) + 1
    return found


def _two_to_a_row(pairs: Sequence[tuple[str, str]], caption: str) -> Table:
    """Label and value, two pairs to a row: half the height of a plain list."""
    even = [*pairs, ("", "")] if len(pairs) % 2 else list(pairs)
    half = len(even) // 2
    rows = tuple((*even[place], *even[place + half]) for place in range(half))
    return Table(("", "", "", ""), rows, (19, 34, 17, 30), caption)


def _machine(node: NodeSummary, planned: PlanNode | None, addresses: Sequence[AddressFound]) -> Facts:
    facts = {say("Role"): node.role, say("Site"): node.site}
    if planned:
        facts[say("Physical host")] = planned.host or say("not given in the plan")
        facts[say("Power")] = planned.power or say("not given in the plan")
    facts |= {say("Address on {network}", network=item.network): _address(item) for item in addresses}
    for label, value in node.inventory:
        facts[label] = f"{facts[label]}\n{value}" if label in facts else value
    return facts


def _address(item: AddressFound) -> str:
    if item.found is None:
        return say("{address}, not told by the node", address=item.address)
    return (
        say("{address} on {found_nic}", address=item.address, found_nic=item.found_nic or say("an interface"))
        if item.found
        else say("{address}, not found", address=item.address)
    )


def _archive(node: NodeSummary, clock: NodeClock | None) -> Facts:
    return {
        say("File"): node.archive,
        say("SHA-256"): f"{node.sha256[:16]}…" if node.sha256 else figures.DASH,
        say("Started"): figures.moment(node.started),
        say("Length"): say(
            "{duration} of {duration2} planned",
            duration=figures.duration(node.duration_s),
            duration2=figures.duration(node.planned_s),
        ),
        say("Gaps"): figures.duration(node.gaps_s) if node.gaps_s else say("none"),
        say("Closed"): say("in order (sealed)") if node.sealed else say("not sealed: the run was cut off"),
        say("Damage"): figures.several(len(node.damage), "place") if node.damage else say("none"),
        say("Clock"): _clock(node),
        say("Clock rate"): _rate(clock),
        say("Collected with"): say("haready {tool_version}", tool_version=node.tool_version),
    }


def _clock(node: NodeSummary) -> str:
    if node.clock_error_s is None:
        return say("compared by wall clock only: nothing bounds the error")
    if node.clock_error_s == 0.0:
        return say("the time base of this report")
    return say("aligned by the probes, within {seconds}", seconds=figures.seconds(node.clock_error_s))


def _rate(clock: NodeClock | None) -> str:
    if clock is None or clock.skew_ppm is None:
        return say("not told: too short a run, or compared by wall clock only")
    if clock.skew_error_ppm is None or not (clock.skew_ppm or clock.skew_error_ppm):
        return say("the others are compared with it")
    if abs(clock.skew_ppm) < 0.01 * clock.skew_error_ppm:
        return say("the same, within {number} ppm", number=figures.number(clock.skew_error_ppm))
    way = say("fast") if clock.skew_ppm >= 0 else say("slow")
    return say(
        "{number} ppm {way}, within {number2} ppm",
        number=figures.number(abs(clock.skew_ppm)),
        way=way,
        number2=figures.number(clock.skew_error_ppm),
    )
