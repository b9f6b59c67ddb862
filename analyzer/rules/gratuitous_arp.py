"""Whether the node's kernel lets addresses move.

What: The kernel's ARP settings on the interfaces of the planned addresses, and whether two interfaces stand in one subnet.
Why HA: A product that takes an address over announces it by gratuitous ARP. A node that drops these, or does not answer for its addresses, keeps
    talking to the machine that is gone, or is not found itself.
How: The inventory: arp_ignore, arp_filter and drop_gratuitous_arp as they hold on the interface, which is the larger of its own value and that of `all`.
    Announcements change an entry that a neighbour has already, whatever arp_accept says, so that is not judged. Switches and other machines
    of the subnet are not seen from here. Linux and IPv4 only.
Source: GSIP: the subnet has to accept gratuitous ARP; kernel Documentation/networking/ip-sysctl. What each finding weighs: design values.
Fails when: an interface with a planned address answers no ARP request at all (arp_ignore = 8).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_interface
from typing import Any

from analyzer.contract import AddressFound, Area, Effort, Scope, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.lanplan import addresses
from analyzer.netfacts import arp_settings, nics
from analyzer.troubles import Trouble, words
from collector.plan import OUTSIDE, Plan

_MUTE = 8
"""arp_ignore: do not reply for any local address."""
_BY_HAND = "Look at net.ipv4.conf (sysctl) of {node} by hand: arp_ignore below 8, drop_gratuitous_arp = 0."


def _check(context: Context) -> Iterator[Judgement]:
    plan, node = context.plan, context.node
    rows = [row for row in addresses(plan, {node: context.facts}) if row.node == node and "." in row.address]
    if not rows:
        yield Judgement(
            Status.INFO, f"Node {node}: none of its planned addresses is an IPv4 address, so ARP plays no part."
        )
        return
    troubles = [*_settings(plan, node, rows, context.facts), *_twice(node, rows, context.facts)]
    good = f"Node {node}: its kernel answers ARP on its planned interfaces and takes announcements."
    yield from words(plan, f"Node {node}", troubles, good)


def _settings(plan: Plan, node: str, rows: Sequence[AddressFound], facts: Mapping[str, Any]) -> Iterator[Trouble]:
    networks: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        nic = row.found_nic or row.nic
        networks[nic].append(row.network)
    unknown = []
    for nic, names in networks.items():
        told = arp_settings(facts, nic)
        if told is None:
            unknown.append(nic or f"interface of {', '.join(names)}")
            continue
        if told.get("arp_ignore", 0) >= _MUTE:
            yield Trouble(
                Status.FAIL,
                f"{nic} ({', '.join(names)}) answers no ARP request (arp_ignore = {told['arp_ignore']}), so nobody finds its addresses",
                f"Set net.ipv4.conf.{nic}.arp_ignore and that of all to 0, 1 or 2 on {node}.",
                "interfaces answer no ARP request",
            )
        if told.get("drop_gratuitous_arp") and any(plan.network(name).kind in OUTSIDE for name in names):
            yield Trouble(
                Status.WARN,
                f"{nic} ({', '.join(names)}) drops gratuitous ARP, so {node} keeps sending to the old machine after a takeover",
                f"Set net.ipv4.conf.{nic}.drop_gratuitous_arp and that of all to 0 on {node}.",
                "interfaces drop gratuitous ARP",
            )
    if unknown:
        text = f"the ARP settings of {', '.join(unknown)} were not told"
        yield Trouble(Status.SKIPPED, text, _BY_HAND.format(node=node))


def _twice(node: str, rows: Sequence[AddressFound], facts: Mapping[str, Any]) -> Iterator[Trouble]:
    """Two interfaces in one subnet: by default the kernel answers on either for the addresses of both."""
    planned = {row.found_nic for row in rows if row.found}
    inside: dict[str, list[str]] = defaultdict(list)
    for nic in nics(facts) or ():
        for held in nic.held:
            if (
                nic.outward
                and nic.up is not False
                and held.ip.version == 4
                and held.prefix is not None
                and held.prefix < 31
            ):
                inside[str(ip_interface(f"{held.ip}/{held.prefix}").network)].append(nic.name)
    for subnet, names in inside.items():
        either = [name for name in dict.fromkeys(names) if not _strict(arp_settings(facts, name))]
        if len(set(names)) > 1 and either and planned & set(names):
            yield Trouble(
                Status.WARN,
                f"{' and '.join(dict.fromkeys(names))} both stand in {subnet}, and {' and '.join(either)} may answer ARP for the other's address",
                f"Give {node} one interface in each subnet, or set arp_ignore = 1 and arp_announce = 2 on these.",
                "two interfaces stand in one subnet",
            )


def _strict(told: Mapping[str, int] | None) -> bool:
    return told is not None and (told.get("arp_ignore", 0) in (1, 2) or bool(told.get("arp_filter")))


RULE = Rule("gratuitous-arp", "ARP settings", Area.NETWORK, Scope.NODE, (FACTS,), (), _check, effort=Effort.SETTING)
