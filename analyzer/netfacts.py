"""What a node's inventory says about its interfaces and routes, in our own types.

An inventory is as hostile as the archive that it came in: whatever has another type than expected counts as not told,
and nothing here raises.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from analyzer.contract import Stamping
from collector.plan import Address

_LONGEST = 64
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_NO_MAC = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
_LOOPBACK = re.compile(r"lo\d*$|loopback", re.IGNORECASE)
_MOST_MBPS = 10_000_000
_MOST_MTU = 1 << 32
_MOST_SETTING = 1 << 16
_DEFAULT = ("default", "0.0.0.0/0", "::/0")
_INNER = frozenset({"bridge", "tun", "tap", "dummy", "ifb", "bonding", "team", "vxlan", "wireguard"})
"""Drivers of interfaces that are no way out of the machine by themselves."""
NO_LINE = frozenset({"tun", "tap", "veth", "dummy"})
"""Drivers without a line: the speed and duplex that they tell are invented."""


@dataclass(frozen=True, slots=True)
class Held:
    """An address that an interface has. None: not told."""

    ip: Address
    prefix: int | None
    static: bool | None


@dataclass(frozen=True, slots=True)
class Nic:
    """An interface. None and "": not told. An alias such as ``eth0:1`` is part of its interface."""

    name: str
    up: bool | None
    speed_bps: int | None
    duplex: str
    mtu: int | None
    mac: str
    driver: str
    held: tuple[Held, ...]
    stamping: Stamping = Stamping.UNTOLD

    @property
    def outward(self) -> bool:
        """Whether it can lead out of the machine: no loopback, bridge or tunnel.

        A veth is a container's own interface where it has an address, else a host's end of one.
        """
        if loopback(self.name) or self.driver in _INNER:
            return False
        return self.driver != "veth" or any(not held.ip.is_link_local for held in self.held)


@dataclass(frozen=True, slots=True)
class WayOut:
    """What the node's routing table picks for one address. "" and None: not told."""

    target: str
    network: str
    address: Address | None
    nic: str
    source: Address | None
    gateway: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Who answered for an address on an interface. `mac` empty: it was asked for, and nobody answered."""

    ip: Address
    nic: str
    mac: str


def loopback(nic: str) -> bool:
    """Whether the name is that of an interface that leads nowhere."""
    return _LOOPBACK.match(nic) is not None


def text(value: Any) -> str:
    """One printable line of at most 64 characters; anything else is not told."""
    return value[:_LONGEST] if isinstance(value, str) and value.isprintable() else ""


def whole(value: Any, low: int, high: int) -> int | None:
    """A whole number from `low` to `high`; anything else is not told."""
    return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None


def flag(value: Any) -> bool | None:
    """True or False; anything else is not told."""
    return value if isinstance(value, bool) else None


def address(value: Any) -> Address | None:
    """An IP address without its zone; anything else is not told."""
    try:
        return ipaddress.ip_address(value.partition("%")[0]) if isinstance(value, str) else None
    except ValueError:
        return None


def nics(facts: Mapping[str, Any]) -> tuple[Nic, ...] | None:
    """The interfaces in the order told; None if the node told none."""
    told = facts.get("nics")
    if not isinstance(told, dict):
        return None
    found: dict[str, Nic] = {}
    for name, entry in told.items():
        if not text(name) or not isinstance(entry, dict):
            continue
        owner = name.partition(":")[0]
        if owner in found:
            found[owner] = replace(found[owner], held=(*found[owner].held, *_held(entry)))
        else:
            found[text(name)] = _nic(text(name), entry)
    return tuple(found.values()) or None


def lineless(facts: Mapping[str, Any], nic: str) -> str:
    """The driver of an interface without a line, whose speed and duplex are invented; empty: it has one, or it is not known."""
    return next((item.driver for item in nics(facts) or () if item.name == nic and item.driver in NO_LINE), "")


def default_routes(facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The interfaces that a default route leaves by, none twice; None if the node told no routes."""
    told = facts.get("routes")
    if not isinstance(told, list):
        return None
    found = [text(entry.get("nic")) for entry in told if isinstance(entry, dict) and entry.get("to") in _DEFAULT]
    return tuple(dict.fromkeys(name for name in found if name))


class Route(NamedTuple):
    """A route of the main table; `via` is None for a network that is reached directly."""

    to: ipaddress.IPv4Network | ipaddress.IPv6Network
    via: Address | None
    nic: str


def route_to(facts: Mapping[str, Any], target: Address) -> Route | None:
    """The route, no default one, with the longest prefix that holds an address; None if none is on record."""
    told = facts.get("routes")
    found = []
    for entry in told if isinstance(told, list) else ():
        if not isinstance(entry, dict) or entry.get("to") in _DEFAULT:
            continue
        try:
            to = ipaddress.ip_network(text(entry.get("to")))
        except ValueError:
            continue
        if to.prefixlen and target in to:
            found.append(Route(to, address(entry.get("via")), text(entry.get("nic"))))
    return max(found, key=lambda route: route.to.prefixlen, default=None)


def gateways(facts: Mapping[str, Any]) -> tuple[tuple[str, Address], ...]:
    """Interface and gateway of every default route that names one."""
    told = facts.get("routes")
    return tuple(
        (text(entry.get("nic")), via)
        for entry in (told if isinstance(told, list) else ())
        if isinstance(entry, dict) and entry.get("to") in _DEFAULT and (via := address(entry.get("via"))) is not None
    )


def neighbours(facts: Mapping[str, Any]) -> tuple[Neighbour, ...] | None:
    """What the probe of that name told, not of the inventory; None if it told nothing."""
    told = facts.get("seen")
    if not isinstance(told, list):
        return None
    return tuple(
        Neighbour(ip, text(entry.get("nic")), mac if _MAC.match(mac) and mac not in _NO_MAC else "")
        for entry in told
        if isinstance(entry, dict) and (ip := address(entry.get("address"))) is not None
        for mac in [text(entry.get("mac")).lower()]
    )


def resolved(facts: Mapping[str, Any]) -> dict[str, frozenset[Address]] | None:
    """The addresses that each name of the plan has on this node, none where it does not resolve; None if the node told no names."""
    told = facts.get("names")
    if not isinstance(told, dict):
        return None
    return {
        text(name): frozenset(ip for item in found if (ip := address(item)) is not None)
        for name, found in told.items()
        if text(name) and isinstance(found, list)
    }


def arp_settings(facts: Mapping[str, Any], nic: str) -> dict[str, int] | None:
    """The settings that hold on an interface: the larger of its own and that of all interfaces, as the kernel takes them.

    None if the node told none of that interface.
    """
    told = facts.get("arp")
    own, every = (told.get(name) for name in (nic, "all")) if isinstance(told, dict) else (None, None)
    if not isinstance(own, dict):
        return None
    found: dict[str, int] = {}
    for settings in (own, every if isinstance(every, dict) else {}):
        for key, value in settings.items():
            number = whole(value, 0, _MOST_SETTING)
            if text(key) and number is not None:
                found[key] = max(number, found.get(key, 0))
    return found


def ways_out(facts: Mapping[str, Any]) -> tuple[WayOut, ...]:
    """What the node told of the way to each peer and observer."""
    told = facts.get("egress")
    return tuple(
        WayOut(
            text(entry.get("target")),
            text(entry.get("network")),
            address(entry.get("address")),
            text(entry.get("nic")),
            address(entry.get("source")),
            text(entry.get("via")),
        )
        for entry in (told if isinstance(told, list) else ())
        if isinstance(entry, dict)
    )


def _nic(name: str, entry: Mapping[str, Any]) -> Nic:
    megabits = whole(entry.get("speed_Mbps"), 1, _MOST_MBPS)
    duplex, mac = text(entry.get("duplex")), text(entry.get("mac")).lower().replace("-", ":")
    line = text(entry.get("driver")) not in NO_LINE
    return Nic(
        name,
        flag(entry.get("up")),
        megabits * 1_000_000 if megabits and line else None,
        duplex if duplex in ("full", "half") and line else "",
        whole(entry.get("mtu"), 1, _MOST_MTU),
        mac if _MAC.match(mac) and mac not in _NO_MAC else "",
        text(entry.get("driver")),
        tuple(_held(entry)),
        _stamping(entry.get("hardware_stamps")),
    )


def _stamping(value: Any) -> Stamping:
    return Stamping(value) if isinstance(value, str) and value in list(Stamping) else Stamping.UNTOLD


def _held(entry: Mapping[str, Any]) -> Iterator[Held]:
    told = entry.get("addresses")
    for item in told if isinstance(told, list) else ():
        if isinstance(item, dict) and (ip := address(item.get("address"))) is not None:
            prefix = whole(item.get("prefix"), 0, ip.max_prefixlen)
            yield Held(ip, _prefix(ip, item.get("netmask")) if prefix is None else prefix, flag(item.get("static")))


def _prefix(ip: Address, netmask: Any) -> int | None:
    """The prefix length of a netmask; older collectors told nothing else."""
    mask = address(netmask)
    if mask is None or mask.version != ip.version:
        return None
    host = int(mask) ^ ((1 << ip.max_prefixlen) - 1)
    return ip.max_prefixlen - host.bit_length() if host & (host + 1) == 0 else None
