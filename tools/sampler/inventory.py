"""What a sound machine would have told of itself: its addresses as planned, each network on its interface."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from collector.plan import Node
from sampler.host import cards
from sampler.world import Card, Run

_DAY_S = 86_400
_REFERENCES = ("192.0.2.123", "198.51.100.123")
_ARP = {
    "arp_ignore": 0, "arp_announce": 0, "arp_filter": 0, "arp_accept": 0, "arp_notify": 0, "drop_gratuitous_arp": 0,
}  # fmt: skip
SOFTWARE = {"services": "chrony.service\nhaready@.service\nssh.service"}
"""Lists of packages are not told: a real machine has hundreds, and a short one would be a wrong one."""


def inventory(run: Run, node: Node) -> dict[str, Any]:
    """Every key that the collector's inventory has on Linux; the machine's own `facts` lie over it, None takes a key away."""
    machine = run.scenario.machine(node.name)
    nics = {nic: _nic(run, node, nic, networks) for nic, networks in cards(node).items()}
    sound = {
        "hostname": node.name,
        "system": "Linux",
        "os": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0-40-amd64",
        "machine": "x86_64",
        "python": "3.11.2",
        "cpu": "Intel(R) Xeon(R) Silver 4410Y",
        "cpus": machine.cpus,
        "cores": machine.cpus,
        "memory_B": machine.memory_GiB * 2**30 - 430_000 * 1024,
        "vendor": "Example Systems",
        "model": "R4",
        "bios": "2.4.1",
        "virtual": False,
        "timezone": "Europe/Vienna",
        "boot_time_s": 1_791_000_000 + _number(node.name) % _DAY_S,
        "signature": f"{_number(run.scenario.name, node.name):08x}{_number(node.name, run.scenario.name):08x}",
        "time": {
            "service": "chronyd",
            "synchronised": True,
            "error_s": 0.0021,
            "references": list(_REFERENCES),
            "reference": _REFERENCES[0],
        },
        "locale": "en_GB.UTF-8",
        "restart": {"wanted": False, "kernels": []},
        "overcommit": 0,
        "packages": {"manager": "dpkg", "count": 412, "sha256": "5d" * 32},
        "dns": [observer.address.compressed for observer in run.plan.observers if observer.name == "dns"],
        "partitions": [
            {"device": f"/dev/{system.device}", "mount": mount, "type": "ext4"}
            for mount, system in machine.filesystems.items()
        ],
        "disks": {},
        "drives": {
            disk: {"size_B": 480_103_981_056, "model": "EX-SSD-480", "rotating": False} for disk in machine.disks
        },
        "disk_errors": [
            {"device": system.device, "kind": "ext4", "count": 0} for system in machine.filesystems.values()
        ],
        "data": [{"folder": folder, "disk": _disk(machine.filesystems, folder)} for folder in node.data],
        "nics": {"lo": _loopback(), **nics},
        "routes": _routes(node),
        "routes_left_out": 0,
        "egress": [*_to_peers(run, node), *_to_observers(run, node)],
        "names": {peer.name: [str(_named(peer).ip)] for peer in run.plan.nodes},
        "arp": {nic: dict(_ARP) for nic in ("all", *nics)},
    }
    return {key: value for key, value in (sound | _deeper(sound, machine.facts)).items() if value is not None}


def neighbours(run: Run, node: Node) -> dict[str, Any]:
    """Who answered for the planned addresses of the node's own subnets: each machine for itself."""
    found = []
    for network, mine in node.addresses.items():
        for peer in run.plan.nodes:
            its = peer.addresses.get(network)
            if peer.name != node.name and its is not None and its.ip in mine.network:
                mac = _mac(run, peer.name, peer.sockets[network].nic)
                found.append({"address": str(its.ip), "nic": node.sockets[network].nic, "mac": mac})
    return {"seen": found}


def _named(node: Node) -> Any:
    """The address that its name means: that of the public network."""
    return node.addresses["public"]


def _mac(run: Run, node: str, nic: str) -> str:
    """An Ethernet prefix of a real maker would name one."""
    number = _number(run.scenario.name, node, nic)
    return "00:00:5e:" + ":".join(f"{number >> shift & 255:02x}" for shift in (16, 8, 0))


def _deeper(sound: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """`told` laid over `sound`; a function gets what is sound and returns what is told."""
    return {key: value(sound[key]) if callable(value) else value for key, value in told.items()}


def _number(*names: str) -> int:
    return zlib.crc32("|".join(names).encode())


def _disk(filesystems: Mapping[str, Any], folder: str) -> str:
    """The whole disk below a folder: that of the longest mount point that holds it."""
    mount = max(
        (mount for mount in filesystems if folder == mount or folder.startswith(f"{mount.rstrip('/')}/")), key=len
    )
    return str(filesystems[mount].device).rstrip("0123456789")


def _nic(run: Run, node: Node, nic: str, networks: list[str]) -> dict[str, Any]:
    machine = run.scenario.machine(node.name)
    card = machine.cards.get(nic, Card())
    return {
        "up": True,
        "speed_Mbps": card.speed_Mbps,
        "mtu": 1500,
        "duplex": card.duplex,
        "mac": _mac(run, node.name, nic),
        "driver": card.driver,
        **({"firmware": {"version": "6.1.0-40-amd64", "firmware": "3.29, 0x8000021a"}} if card.driver == "igb" else {}),
        "hardware_stamps": "off" if card.driver == "igb" else "none",
        "addresses": [
            {
                "family": "AF_INET",
                "address": str(node.addresses[name].ip),
                "netmask": str(node.addresses[name].netmask),
                "prefix": node.addresses[name].network.prefixlen,
                "static": True,
            }
            for name in networks
        ],
    }


def _loopback() -> dict[str, Any]:
    address = {"family": "AF_INET", "address": "127.0.0.1", "netmask": "255.0.0.0", "prefix": 8, "static": True}
    return {
        "up": True,
        "speed_Mbps": None,
        "mtu": 65536,
        "duplex": "",
        "mac": "00:00:00:00:00:00",
        "driver": "",
        "addresses": [address],
    }


def _gateway(node: Node) -> str:
    """That of the public network: its first address."""
    return str(next(iter(node.addresses["public"].network.hosts())))


def _routes(node: Node) -> list[dict[str, Any]]:
    here = [
        {"to": str(node.addresses[networks[0]].network), "via": "", "nic": nic, "metric": None}
        for nic, networks in cards(node).items()
    ]
    return [{"to": "default", "via": _gateway(node), "nic": node.sockets["public"].nic, "metric": None}, *here]


def _to_peers(run: Run, node: Node) -> list[dict[str, Any]]:
    found = []
    for network, mine in node.addresses.items():
        for peer in run.plan.nodes:
            if peer.name == node.name or network not in peer.addresses:
                continue
            its = peer.addresses[network]
            found.append(
                {
                    "target": peer.name,
                    "network": network,
                    "address": str(its.ip),
                    "nic": node.sockets[network].nic,
                    "source": str(mine.ip if its.ip in mine.network else node.addresses["public"].ip),
                    "via": "" if its.ip in mine.network else _gateway(node),
                }
            )
    return found


def _to_observers(run: Run, node: Node) -> list[dict[str, Any]]:
    public = node.addresses["public"]
    return [
        {
            "target": observer.name,
            "network": "",
            "address": str(observer.address),
            "nic": node.sockets["public"].nic,
            "source": str(public.ip),
            "via": "" if observer.address in public.network else _gateway(node),
        }
        for observer in run.plan.observers
    ]
