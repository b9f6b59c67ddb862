"""Interfaces with their addresses, routes, the way to each address of the plan, and name servers."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from collector.contract import Env, Json
from collector.inventory.files import link, text
from collector.inventory.programs import Programs
from collector.inventory.stamping import stamping

ROUTES = 64
"""A router may have a million; what matters here are the first few, and the fact is repeated in every state."""
_FOREVER_S = 4294967295
_STUB, _BEHIND_STUB = "127.0.0.53", "run/systemd/resolve/resolv.conf"
"""systemd-resolved answers on this machine itself; the servers it asks stand in a file of its own."""


def network(env: Env, programs: Programs, told: Mapping[str, Json]) -> dict[str, Json]:
    """The facts nics, routes, egress and dns. `told` are the interfaces as psutil sees them.

    What is not known is left out.
    """
    listed = programs.objects("ip", "-json", "-details", "address")
    nics = _interfaces(env, told, listed or ())
    found: dict[str, Json] = {"nics": nics} if nics else {}
    routes = _routes(programs)
    if routes is not None:
        found["routes"] = routes[:ROUTES]
    if routes and len(routes) > ROUTES:
        found["routes_left_out"] = len(routes) - ROUTES
    found["egress"] = [_way(env, programs, nics, *target) for target in _targets(env)]
    return found | _dns(env)


def _interfaces(env: Env, told: Mapping[str, Json], listed: Sequence[Mapping[str, Any]]) -> dict[str, Json]:
    """`listed`: the interfaces as `ip` sees them, none without `ip`."""
    entries = {
        (str(nic.get("ifname")), str(entry.get("local"))): entry
        for nic in listed
        for entry in _list(nic.get("addr_info"))
    }
    kinds = {str(nic.get("ifname")): _kind(nic.get("linkinfo")) for nic in listed}
    nics: dict[str, Json] = {}
    # getifaddrs gives a labelled address ("eth0:1") an interface of its own; the kernel allows no colon in real names.
    for name in sorted(told, key=lambda name: ":" in name):
        base = name.partition(":")[0]
        addresses = [_address(base, entry, entries) for entry in told[name].get("addresses", ())]
        if base != name and base in nics:
            nics[base]["addresses"] += addresses
            continue
        folder = f"sys/class/net/{name}"
        nics[name] = {
            **told[name],
            "duplex": told[name].get("duplex", ""),
            "mac": told[name].get("mac") or text(env, f"{folder}/address"),
            "driver": PurePath(link(env, f"{folder}/device/driver")).name or kinds.get(name, ""),
            "addresses": addresses,
        }
        if hardware := stamping(env.host.hardware_stamps(name)):
            nics[name]["hardware_stamps"] = hardware
        # A virtual interface has a driver with a version and no firmware, and there may be hundreds.
        if nics[name]["driver"] not in kinds.values() and (firmware := env.host.firmware(name)):
            nics[name]["firmware"] = firmware
    return nics


def _kind(linkinfo: Json) -> str:
    """What kind of virtual interface it is, by the name of the module that drives it."""
    kind = linkinfo.get("info_kind") if isinstance(linkinfo, dict) else None
    return {"bond": "bonding"}.get(str(kind), str(kind or ""))


def _address(
    nic: str, entry: Mapping[str, Json], entries: Mapping[tuple[str, str], Mapping[str, Any]]
) -> dict[str, Json]:
    known = entries.get((nic, str(entry.get("address")).partition("%")[0]))
    return {**entry, "prefix": _prefix(entry.get("netmask")), "static": None if known is None else _static(known)}


def _static(entry: Mapping[str, Any]) -> bool:
    """An address from a server (DHCP, router advertisement) has a lease, which the kernel counts down."""
    return not entry.get("dynamic") and entry.get("valid_life_time", _FOREVER_S) == _FOREVER_S


def _prefix(netmask: Json) -> int | None:
    try:
        bits = f"{int(ipaddress.ip_address(netmask)):b}"
    except ValueError:
        return None
    return bits.count("1")


def _routes(programs: Programs) -> list[dict[str, Json]] | None:
    """Both families of the main table, default routes first; None without `ip`."""
    tables = [programs.objects("ip", "-json", family, "route") for family in ("-4", "-6")]
    if all(table is None for table in tables):
        return None
    routes = [route for table in tables for entry in table or () for route in _hops(entry)]
    return sorted(routes, key=lambda route: route["to"] != "default")


def _hops(entry: Mapping[str, Any]) -> Iterator[dict[str, Json]]:
    """One route, or one per next hop; those to each interface's own link-local network tell nothing."""
    to, metric = str(entry.get("dst")), entry.get("metric")
    for hop in _list(entry.get("nexthops")) or [entry]:
        if hop.get("dev") and to != "fe80::/64":
            yield {
                "to": to,
                "via": _gateway(hop),
                "nic": str(hop["dev"]),
                "metric": metric if isinstance(metric, int) else None,
            }


def _gateway(hop: Mapping[str, Any]) -> str:
    """Of an IPv4 route by way of an IPv6 neighbour the gateway stands in "via"."""
    via = hop.get("via")
    return str(hop.get("gateway") or (via.get("host") if isinstance(via, dict) else None) or "")


def _list(found: Json) -> list[Mapping[str, Any]]:
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _targets(env: Env) -> Iterator[tuple[str, str, str]]:
    """Name, network and address of every peer on every network it shares with this node, and of every observer."""
    for peer in env.plan.nodes:
        if peer.name != env.node.name:
            for name, address in peer.addresses.items():
                if name in env.node.addresses:
                    yield peer.name, name, str(address.ip)
    for observer in env.plan.observers:
        yield observer.name, "", str(observer.address)


def _way(
    env: Env, programs: Programs, nics: Mapping[str, Json], target: str, network: str, address: str
) -> dict[str, Json]:
    """What the kernel picks for a packet to `address`; `nic` and `source` are empty if it has no way there."""
    way = {"target": target, "network": network, "address": address}
    for route in programs.objects("ip", "-json", "route", "get", address) or ():
        return way | {
            "nic": str(route.get("dev", "")),
            "source": str(route.get("prefsrc", "")),
            "via": _gateway(route),
        }
    source = env.host.source_address(address)
    holds = [nic for nic, facts in nics.items() if source in (_plain(entry) for entry in facts["addresses"])]
    return way | {"nic": holds[0] if source and holds else "", "source": source, "via": ""}


def _plain(entry: Mapping[str, Json]) -> str:
    return str(entry.get("address")).partition("%")[0]


def _dns(env: Env) -> dict[str, Json]:
    servers = _servers(text(env, "etc/resolv.conf"))
    if servers == [_STUB]:
        servers = _servers(text(env, _BEHIND_STUB)) or servers
    return {"dns": servers} if servers else {}


def _servers(lines: str) -> list[str]:
    fields = (line.split() for line in lines.splitlines())
    return [words[1] for words in fields if len(words) > 1 and words[0] == "nameserver"]
