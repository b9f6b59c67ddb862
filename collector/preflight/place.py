"""Where this machine stands: its planned addresses, the ports on them, and the ways out to the peers."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator

from collector.contract import Json
from collector.errors import OperatorError, Unavailable
from collector.faults import holders
from collector.notes import running
from collector.peers.ports import tcp_listener, udp_listener
from collector.plan import PlannedPath
from collector.preflight.result import Check, Level, Site, or_ok
from collector.roles import away

_IP_S = 5.0
"""The program `ip` looks into the kernel's tables; this is far beyond what it takes."""


def addresses(site: Site) -> Iterator[Check]:
    """Every planned address is on this machine, on the planned interface, and that is up."""
    count = len(site.env.node.addresses)
    yield from or_ok("addresses", _address_troubles(site), f"all {count} planned addresses are on this machine")


def _address_troubles(site: Site) -> Iterator[Check]:
    node = site.env.node
    for network, interface in node.addresses.items():
        where, planned = holders(site.nics, interface.ip), node.sockets[network].nic
        if not where and interface.ip.is_loopback:
            continue  # of those only one stands on its interface; all can be used
        if not where:
            # What is not probed is not bound either.
            level = Level.FAIL if network in site.networks else Level.WARN
            found = f"address {interface.ip} ({network}) is not on this machine"
            hint = "is --node right? compare the plan with `ip address`"
            if network in away(site.env.plan, node, site.env.host.source_address):
                level = Level.WARN
                hint = "no fault if this node is passive now and another one holds it; what is not here is not measured"
            yield Check("addresses", level, found, hint)
            continue
        if planned and planned not in where:
            missing = "" if planned in site.nics else f", and there is no {planned} here"
            found = f"{interface.ip} ({network}) is on {', '.join(where)}, the plan says {planned}{missing}"
            yield Check("addresses", Level.WARN, found, "correct the plan on every node, or move the address")
        if all(_down(site.nics[nic]) for nic in where):
            found = f"{', '.join(where)} with {interface.ip} ({network}) is down"
            yield Check("addresses", Level.WARN, found, "check the cable, the switch port and `ip link`")


def _down(nic: Json) -> bool:
    return isinstance(nic, dict) and nic.get("up") is False


def ports(site: Site) -> Iterator[Check]:
    """Nothing else listens on the ports of this node."""
    probing, bandwidth = site.env.plan.probing.port, site.env.plan.bandwidth.port
    good = f"UDP and TCP {probing}" + (f" and TCP {bandwidth}" if site.tested else "") + " are free"
    yield from or_ok("ports", _port_troubles(site), good)


def _port_troubles(site: Site) -> Iterator[Check]:
    plan, node = site.env.plan, site.env.node
    for network in site.networks:
        ip = node.addresses[network].ip
        if not holders(site.nics, ip) and not ip.is_loopback:
            continue  # told by `addresses`
        for protocol, port in (("TCP", plan.probing.port), ("UDP", plan.probing.port), ("TCP", plan.bandwidth.port)):
            tests = port == plan.bandwidth.port
            if tests and not any(
                node.name in (one.source, one.target) and one.network == network for one in plan.bandwidth_paths()
            ):
                continue
            try:
                if protocol == "TCP":
                    tcp_listener(str(ip), network, port).close()
                else:
                    udp_listener(str(ip), network, port, plan.network(network).dscp).close()
            except OperatorError as error:
                if tests:
                    hint = "end what listens there, or set [bandwidth] port in the plan; else no bandwidth is measured"
                    yield Check("ports", Level.WARN, str(error), hint)
                else:
                    yield Check("ports", Level.FAIL, str(error), _whose(node.name) or error.hint)


def _whose(node: str) -> str:
    """What to do if it is a collector of ours that holds the ports."""
    for one in running():
        if one.node == node:
            return (
                f"another collector of {node} runs here, its archive is in {one.folder.parent}: let it end, or stop it"
            )
    return ""


def egress(site: Site) -> Iterator[Check]:
    """Packets to every peer leave by the interface, and with the source, that the plan says."""
    mine = [path for path in site.env.plan.paths() if path.source == site.env.node.name]
    troubles = (check for path in mine for check in _way(site, path))
    yield from or_ok("egress", troubles, f"the ways out to the peers are as planned ({len(mine)} paths)")


def _way(site: Site, path: PlannedPath) -> Iterator[Check]:
    env = site.env
    source, target = env.node.addresses[path.network].ip, env.plan.node(path.target).addresses[path.network].ip
    what = f"{path.target} on {path.network} ({target})"
    if source.is_loopback:
        return
    default = env.host.source_address(str(target))
    if not default:
        hint = f"correct address, netmask or route of {path.network}; `ip route get {target}` shows what is there"
        yield Check("egress", Level.FAIL, f"there is no way to {what}", hint)
        return
    if not _planned(site, path.network, default):
        found = f"to {what} the system would send from {default}, not from {source}"
        hint = "a product that does not bind to its address would use another path: correct netmasks and routes"
        yield Check("egress", Level.WARN, found, hint)
    nic, here = _bound(site, str(source), str(target)), holders(site.nics, source)
    if nic is None:
        found = f"which interface carries packets from {source} to {what} cannot be told"
        yield Check("egress", Level.WARN, found, f"install iproute2, or ask `ip route get {target} from {source}`")
    elif here and nic not in here:
        found = f"packets from {source} to {what} leave by {nic}; the address is on {', '.join(here)}"
        hint = "correct netmasks and routes: this path would be measured over another wire"
        yield Check("egress", Level.WARN, found, hint)


def _planned(site: Site, network: str, source: str) -> bool:
    """Whether it is the planned source; which of two planned addresses of one subnet it is does not matter."""
    own = site.env.node.addresses
    subnet = own[network].network
    return any(_same(str(one.ip), source) for one in own.values() if one.network == subnet)


def _same(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_address(one.partition("%")[0]) == ipaddress.ip_address(other.partition("%")[0])
    except ValueError:
        return False


def _bound(site: Site, source: str, target: str) -> str | None:
    """The interface by which packets from a bound socket leave; None if nobody tells."""
    try:
        done = site.env.host.run(["ip", "-json", "route", "get", target, "from", source], _IP_S)
        found = json.loads(done.out)
    except (Unavailable, OperatorError, ValueError, RecursionError):
        return None
    first = found[0] if isinstance(found, list) and found else None
    nic = first.get("dev") if isinstance(first, dict) else None
    return nic if isinstance(nic, str) else None
