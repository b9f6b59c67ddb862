"""LAN plan: where every address should be, where it is, and which way packets leave.

What: Each planned address with its interface, switch and port beside what the node reported; then the interface and source address
    that each node's routing table picks for every peer and observer. What differs from the plan is marked. Beside a running product
    also which node held which address, and when.
Why HA: A heartbeat that leaves by another interface than planned has no second path. It works until that one cable fails.
How: The nodes told their interfaces and routes once an hour; switch and port are the plan's word, nobody can measure them.
    "Unknown" means that the node or the plan does not say enough. It is not a yes. A plan has no way to an observer: "plan names none".
Source: Addresses, networks and egress of the assessment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from analyzer.contract import AddressFound, Assessment, Egress, PlanNetwork
from reports import figures
from reports.contract import Block, Heading, Paragraph, Section, Table
from reports.excerpt import MOST, excerpt
from reports.holders import holder_blocks
from reports.texts import each, mark, say

YES, NO, UNKNOWN = mark("\N{CHECK MARK} yes"), mark("\N{BALLOT X} NO"), mark("? unknown")
UNPLANNED = mark("plan names none")
ANSWERS = {
    NO: mark("not as planned"),
    UNKNOWN: mark("unknown"),
    UNPLANNED: mark("to observers, for which the plan names none"),
    YES: mark("as planned"),
}
"""In the order in which they are read, with how they are counted."""


def _build(assessment: Assessment) -> Iterator[Block]:
    yield Heading(say("Addresses, planned and found"), 2)
    yield from _addresses(assessment)
    yield Heading(say("Which way packets leave"), 2)
    yield from _egress(assessment.egress)
    yield from holder_blocks(assessment)


def _addresses(assessment: Assessment) -> Iterator[Block]:
    if not assessment.addresses:
        yield Paragraph(say("The plan gives no addresses, or the assessment does not name them."))
        return
    networks = {network.name: network for network in assessment.networks}
    rows = assessment.addresses
    different = sum(bool(differences(row, networks.get(row.network))) for row in rows)
    unknown = sum(row.found is None for row in rows)
    yield Paragraph(
        say(
            "{counted} The first columns are the plan's word, from “Found on NIC” on the node's.",
            counted=_counted(len(rows), different, unknown),
        )
    )
    ordered = sorted(rows, key=lambda row: _address_rank(row, networks.get(row.network))) if len(rows) > MOST else rows
    yield from excerpt(
        Table(
            each(
                "Node",
                "Network, kind\nVLAN",
                "Planned address\nand NIC",
                "Switch\nand port",
                "Found on NIC\nand how set",
                "State, MTU\nspeed, duplex",
                "MAC",
                "As planned",
            ),
            tuple(_address(row, networks) for row in ordered),
            (10, 16, 15, 14, 12, 14, 8, 17),
        )
    )


def _counted(rows: int, different: int, unknown: int) -> str:
    if not different and not unknown:
        return (
            say("The one planned address is as planned.")
            if rows == 1
            else say("All {rows} addresses are as planned.", rows=rows)
        )
    parts = (
        (different, say("not as planned")),
        (unknown, say("not told by the node")),
        (rows - different - unknown, say("as planned")),
    )
    told = ", ".join(f"{number} {what}" for number, what in parts if number)
    return f"{figures.several(rows, 'planned address', 'planned addresses')}: {told}."


def _address_rank(row: AddressFound, network: PlanNetwork | None) -> int:
    return 0 if differences(row, network) else 1 if row.found is None else 2


def _address(row: AddressFound, networks: Mapping[str, PlanNetwork]) -> tuple[str, ...]:
    network = networks.get(row.network)
    kind = (network.kind or say("kind not given")) if network else say("not in the plan")
    return (
        row.node,
        f"{row.network}, {kind}\n{_vlan(row, network)}",
        f"{row.address}\n{row.nic or say('NIC not given')}",
        f"{row.switch or figures.DASH}\n{row.port or figures.DASH}",
        _found(row),
        _state(row),
        row.mac or figures.DASH,
        _verdict(row, network),
    )


def _vlan(row: AddressFound, network: PlanNetwork | None) -> str:
    vlan = row.vlan if row.vlan is not None else network.vlan if network else None
    return say("VLAN not given") if vlan is None else say("VLAN {vlan}", vlan=vlan)


def _found(row: AddressFound) -> str:
    if row.found is None:
        return say("not told")
    if not row.found:
        return say("nowhere")
    prefix = f"/{row.found_prefix}" if row.found_prefix is not None else say("(prefix not told)")
    how = {True: say("static"), False: say("from a server"), None: say("how set: not told")}[row.static]
    return f"{row.found_nic or say('NIC not told')} {prefix}\n{how}"


def _state(row: AddressFound) -> str:
    if not row.found:
        return figures.DASH
    state = {True: say("up"), False: say("down"), None: say("state not told")}[row.up]
    speed = figures.bits(row.speed_bps) if row.speed_bps else say("speed not told")
    duplex = f" {row.duplex}" if row.duplex else ""
    mtu = say("MTU {mtu}", mtu=row.mtu) if row.mtu is not None else say("MTU not told")
    return f"{state}, {mtu}\n{speed}{duplex}"


def _verdict(row: AddressFound, network: PlanNetwork | None) -> str:
    reasons = differences(row, network)
    if reasons:
        return "\n".join((say(NO), *reasons))
    return say(YES if row.found else UNKNOWN)


def differences(row: AddressFound, network: PlanNetwork | None) -> tuple[str, ...]:
    """In which points the node contradicts the plan; what either of them does not say is none."""
    if row.found is None:
        return ()
    if not row.found:
        return (say("the node does not have it"),)
    length = row.address.rpartition("/")[2]
    planned_bps = network.rate_bps if network else None
    slow = bool(row.speed_bps and planned_bps and row.speed_bps < planned_bps)
    prefix = int(length) if "/" in row.address and length.isdecimal() and len(length) <= 3 else None
    found = (
        (row.nic and row.found_nic and row.nic != row.found_nic, say("on {found_nic}", found_nic=row.found_nic)),
        (
            prefix is not None and row.found_prefix is not None and prefix != row.found_prefix,
            say("prefix /{found_prefix}", found_prefix=row.found_prefix),
        ),
        (row.up is False, say("interface is down")),
        (
            slow,
            say("{speed}, planned {rate}", speed=figures.bits(row.speed_bps or 0), rate=figures.bits(planned_bps or 0)),
        ),
        (row.duplex == "half", say("half duplex")),
    )
    return tuple(text for differs, text in found if differs)


def _egress(rows: tuple[Egress, ...]) -> Iterator[Block]:
    """Ways that differ each in a row of its own; those that are alike in all but their target share one."""
    if not rows:
        yield Paragraph(say("No node told its routes, so this cannot be said."))
        return
    answers = [_answer(row) for row in rows]
    counts = {answer: answers.count(answer) for answer in ANSWERS}
    yield Paragraph(
        say(
            "What each node's routing table picks for the address of a peer or an observer. Of {ways}: {counts}.",
            ways=figures.several(len(rows), "way"),
            counts=", ".join(
                f"{count} {say(called)}" for answer, called in ANSWERS.items() if (count := counts[answer])
            ),
        )
    )
    ways: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for answer, row in sorted(zip(answers, rows, strict=True), key=lambda pair: list(ANSWERS).index(pair[0])):
        # What is wrong is told with its address, and shares no row.
        address = row.address if answer == NO else ""
        of = row.network or say("observer")
        ways[answer, row.node, row.nic, row.source, row.gateway, address].append(f"{row.target} ({of})")
    yield from excerpt(
        Table(
            each("On node", "Leave by", "With source", "Gateway", "Packets to", "As planned"),
            tuple(
                (
                    node,
                    nic or figures.DASH,
                    source or figures.DASH,
                    gateway or say("direct"),
                    "\n".join(word for word in (", ".join(targets), address) if word),
                    say(answer),
                )
                for (answer, node, nic, source, gateway, address), targets in ways.items()
            ),
            (12, 9, 14, 13, 38, 14),
        )
    )


def _answer(row: Egress) -> str:
    if row.as_planned is not None:
        return YES if row.as_planned else NO
    # A plan has no way to an observer: where the node told one, nothing is open.
    return UNPLANNED if not row.network and row.nic and row.source else UNKNOWN


SECTION = Section("lan_plan", "LAN plan", 27, _build)
