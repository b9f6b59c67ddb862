"""Which hardware address answers for the machines of the plan.

What: for every peer, observer and virtual address of the plan in a subnet of this node: the hardware (MAC) addresses that answered for it during
the run, and whether it was asked for and nobody answered.
Why HA: two machines with one address disturb each other at random, and a virtual address that somebody has already is lost at the first
switchover. Cables in the wrong sockets, and gateways that answer for others, show here as well.
How: the kernel's own table (/proc/net/arp) every 30 s; what is new is told. Nothing is sent for it: the probes and pings of the run keep the table
full. IPv4 only. Of a virtual address that nobody pings, nothing is known.
Source: proc_net(5), arp(7); RFC 826.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Json, Probe, ProbeKind
from collector.errors import Unavailable
from collector.inventory.files import lines

TABLE = "proc/net/arp"
MOST = 256
"""Entries that are kept: an address whose owner changes without end fills no archive."""
_COMPLETE = 0x2
"""ATF_COM of net/if_arp.h: the hardware address is known."""


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """The fact ``neighbours``, whenever it has grown."""
    if not (env.root / TABLE).exists():
        raise Unavailable(f"no /{TABLE} here, so it is not known which hardware address answers for whom")
    wanted = _wanted(env)
    seen: dict[tuple[str, str, str], None] = {}
    told = False
    while True:
        before = len(seen)
        for entry in _entries(env):
            if entry[0] in wanted and len(seen) < MOST:
                seen.setdefault(entry)
        if len(seen) > before or not told:
            told = True
            found: list[Json] = [{"address": ip, "nic": nic, "mac": mac} for ip, nic, mac in seen]
            yield Facts("neighbours", {"seen": found})
        yield None


def _wanted(env: Env) -> frozenset[str]:
    """The plan's IPv4 addresses that are not this node's own."""
    others = [ip.ip for node in env.plan.nodes if node.name != env.node.name for ip in node.addresses.values()]
    return frozenset(str(ip) for ip in (*others, *(observer.address for observer in env.plan.observers)))


def _entries(env: Env) -> Iterator[tuple[str, str, str]]:
    """Address, interface and hardware address; that is empty where the kernel asked and nobody answered."""
    for line in lines(env, TABLE):
        fields = line.split()
        try:
            ip, flags = str(ipaddress.IPv4Address(fields[0])), int(fields[2], 16)
        except (ValueError, IndexError):
            continue  # the heading
        if len(fields) >= 6:
            yield ip, fields[5], fields[3].lower() if flags & _COMPLETE else ""


PROBE = Probe("neighbours", (), sample, period_s=30.0, deadline_s=10.0, kind=ProbeKind.JOB)
