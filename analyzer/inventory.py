"""What a machine said of itself, as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from collector.contract import Json

_LABELS = {
    "os": "Operating system",
    "cpu": "CPU",
    "cpus": "Logical CPUs",
    "cores": "Cores",
    "bios": "BIOS",
    "hostname": "Host name",
    "virtual": "Virtual machine",
}


def _label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


def described(inventory: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """Label and text of every fact, in the order in which the node gave them."""
    return tuple(_described(str(name), value) for name, value in inventory.items())


def _described(name: str, value: Json) -> tuple[str, str]:
    match name, value:
        case "nics", dict():
            return "Interfaces", "; ".join(_interface(str(nic), facts) for nic, facts in value.items())
        case "partitions", list():
            return "File systems", ", ".join(_mount(entry) for entry in value)
        case "boot_time_s", int() | float() if abs(value) < 1e11:
            return "Booted", datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        case str(), int() | float() if name.endswith("_B"):
            return _label(name.removesuffix("_B")), f"{value / 2**30:.1f} GiB"
        case _:
            return _label(name), _words(value)


def _interface(name: str, facts: Json) -> str:
    """Name, state, speed and the IP addresses; link-layer addresses are left to the archive."""
    if not isinstance(facts, dict):
        return f"{name}: {_words(facts)}"
    words = [name, "up" if facts.get("up") else "down"]
    if facts.get("speed_Mbps"):
        words.append(f"{facts['speed_Mbps']} Mbit/s")
    if facts.get("mtu"):
        words.append(f"MTU {facts['mtu']}")
    addresses = facts.get("addresses")
    words += [
        str(entry.get("address"))
        for entry in (addresses if isinstance(addresses, list) else ())
        if isinstance(entry, dict) and str(entry.get("family")) in ("AF_INET", "AF_INET6")
    ]
    return " ".join(words)


def _mount(entry: Json) -> str:
    if isinstance(entry, dict) and "mount" in entry:
        return f"{entry['mount']} ({entry.get('type', 'unknown')})"
    return _words(entry)


def _words(value: Json) -> str:
    match value:
        case None:
            return "not told"
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(f"{key}: {_words(item)}" for key, item in value.items())
        case list():
            return ", ".join(_words(item) for item in value)
        case _:
            return str(value)
