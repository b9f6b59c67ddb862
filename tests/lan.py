"""The LAN plan of a trio with its switches and ports, and machines that tell exactly what it says.

Public and management are two addresses of one interface, every channel has its own; see `trio`. `told` gives a node's
inventory as a fresh mapping that a test may spoil.
"""

from __future__ import annotations

from typing import Any

from collector.plan import Plan, parse

GATEWAY = "eth0"
_NUMBERS = {"primary": 1, "secondary": 2, "tertiary": 3}


def _entry(ip: str, nic: str, switch: str, port: str) -> dict[str, str]:
    return {"ip": ip, "nic": nic, "switch": switch, "port": port}


def trio_data(**extra: Any) -> dict[str, Any]:
    """The plan as parsed TOML; keywords replace top-level keys."""
    return {
        "format": 1,
        "cluster": {"name": "voice", "topology": "ha-dr-trio", "origin": "synthetic"},
        "network": {
            "public": {"kind": "public"},
            "management": {"kind": "management", "probe": False},
            "ch-ab": {"kind": "channel", "rate_bps": 1_000_000_000},
            "ch-ac": {"kind": "channel", "vlan": 8, "rate_bps": 2_000_000},
            "ch-bc": {"kind": "channel", "vlan": 10, "rate_bps": 100_000_000},
        },
        "node": [
            {
                "name": "primary",
                "role": "primary",
                "host": "esx-1",
                "power": "feed-1",
                "addr": {
                    "public": _entry("10.16.7.101/24", "eth0", "sw-1", "1"),
                    "management": _entry("10.16.7.99/24", "eth0", "sw-1", "1"),
                    "ch-ab": _entry("192.168.1.101/24", "eth1", "cross-over", "1"),
                    "ch-ac": _entry("10.16.8.101/24", "eth2", "sw-2", "1"),
                },
            },
            {
                "name": "secondary",
                "role": "secondary",
                "host": "esx-2",
                "power": "feed-2",
                "addr": {
                    "public": _entry("10.16.7.102/24", "eth0", "sw-1", "2"),
                    "management": _entry("10.16.7.98/24", "eth0", "sw-1", "2"),
                    "ch-ab": _entry("192.168.1.102/24", "eth1", "cross-over", "2"),
                    "ch-bc": _entry("10.16.10.102/24", "eth2", "sw-3", "2"),
                },
            },
            {
                "name": "tertiary",
                "role": "tertiary",
                "site": "dr",
                "host": "esx-9",
                "power": "feed-9",
                "addr": {
                    "public": _entry("10.12.17.103/24", "eth0", "sw-9", "1"),
                    "management": _entry("10.12.17.99/24", "eth0", "sw-9", "1"),
                    "ch-ac": _entry("10.16.8.103/24", "eth1", "sw-8", "1"),
                    "ch-bc": _entry("10.16.10.103/24", "eth2", "sw-7", "1"),
                },
            },
        ],
        "stack": [{"name": "neverfail", "networks": ["ch-ab", "ch-ac"], "auto_failover": [["primary", "secondary"]]}],
    } | extra


def trio(**extra: Any) -> Plan:
    """The plan of `trio_data`."""
    return parse(trio_data(**extra), "plan.toml")


def told(plan: Plan, name: str) -> dict[str, Any]:
    """What a machine tells that is exactly as planned."""
    number = _NUMBERS[name]
    node = plan.node(name)
    nics: dict[str, Any] = {
        "lo": {"up": True, "speed_Mbps": 0, "mtu": 65536, "duplex": "", "mac": "00:00:00:00:00:00", "driver": "",
               "addresses": [{"family": "AF_INET", "address": "127.0.0.1", "netmask": "255.0.0.0", "prefix": 8, "static": True}]},
    }  # fmt: skip
    for network, interface in node.addresses.items():
        nic = node.sockets[network].nic
        entry = nics.setdefault(
            nic,
            {
                "up": True,
                "speed_Mbps": 1000,
                "mtu": 1500,
                "duplex": "full",
                "mac": f"00:1b:21:00:{len(nics):02x}:{number:02x}",
                "driver": "e1000e",
                "addresses": [],
            },
        )
        entry["addresses"].append(
            {
                "family": "AF_INET",
                "address": str(interface.ip),
                "netmask": str(interface.netmask),
                "prefix": interface.network.prefixlen,
                "static": True,
            }
        )
    return {
        "hostname": name,
        "system": "Linux",
        "os": "Debian GNU/Linux 12",
        "kernel": "6.1.0-30-amd64",
        "cpu": "Some CPU",
        "cpus": 8,
        "memory_B": 16 << 30,
        "vendor": "Maker",
        "model": "Model 1",
        "bios": "1.0",
        "virtual": False,
        "boot_time_s": 1_700_000_000 + 3600 * number,
        "signature": f"{number:016x}",
        "timezone": "Etc/UTC",
        "packages": {"manager": "dpkg", "count": 400, "sha256": "ab" * 32},
        "nics": nics,
        "routes": [
            {"to": "default", "via": str(node.addresses["public"].network[1]), "nic": GATEWAY, "metric": None},
            *(
                {"to": str(interface.network), "via": "", "nic": node.sockets[network].nic, "metric": None}
                for network, interface in node.addresses.items()
            ),
        ],
        "egress": [
            {
                "target": peer.name,
                "network": network,
                "address": str(peer.addresses[network].ip),
                "nic": node.sockets[network].nic,
                "source": str(interface.ip),
                "via": "",
            }
            for network, interface in node.addresses.items()
            for peer in plan.nodes
            if peer.name != name and network in peer.addresses
        ],
        "names": {peer.name: [str(next(iter(peer.addresses.values())).ip)] for peer in plan.nodes},
        "arp": {nic: {"arp_ignore": 0, "drop_gratuitous_arp": 0} for nic in ("all", *nics)},
    }


def all_told(plan: Plan) -> dict[str, Any]:
    """The inventories of all nodes."""
    return {node.name: told(plan, node.name) for node in plan.nodes}
