"""What a machine said of itself, as a person reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from analyzer.netfacts import NO_LINE, loopback
from analyzer.words import cut
from collector.archive.format import MAX_INTEGER
from collector.contract import Json

_LABELS = {
    "os": "Operating system",
    "system": "Kind of system",
    "cpu": "CPU",
    "cpus": "CPUs, logical",
    "cores": "CPUs, cores",
    "bios": "BIOS",
    "hostname": "Host name",
    "virtual": "Virtual machine",
    "timezone": "Time zone",
    "overcommit": "vm.overcommit_memory",
    "dns": "Name servers",
    "routes_left_out": "Further routes",
    "signature": "Signature of the machine",
}
_MOST = 8
"""So many routes and ways out are written out; the rest is counted."""
_YEAR_10000_S = 253_402_300_800
"""No calendar goes further."""


def _label(name: str) -> str:
    return _LABELS.get(name) or name.replace("_", " ").capitalize()


def described(inventory: Mapping[str, Json]) -> tuple[tuple[str, str], ...]:
    """Label and text of every fact, in the order in which the node gave them."""
    told = (_described(str(name), value) for name, value in inventory.items())
    return tuple((label, cut(text)) for label, text in told)


def _described(name: str, value: Json) -> tuple[str, str]:
    match name, value:
        case "nics", dict():
            shown = {nic: facts for nic, facts in value.items() if not loopback(str(nic))}
            return "Interfaces", "; ".join(_interface(str(nic), facts) for nic, facts in shown.items()) or "none"
        case "partitions", list():
            return "File systems", ", ".join(_mount(entry) for entry in value)
        case "routes", list():
            return "Routes", _listed(value, _route)
        case "egress", list():
            return "Ways out", _listed(value, _way)
        case "time", dict():
            return "Time service", _time(value)
        case "disks", dict():
            return "Disks that lie on others", "; ".join(
                f"{_words(disk)} on {_words(on)}" for disk, on in value.items()
            ) or "none"
        case "drives", dict():
            return "Disks", "; ".join(_drive(str(disk), facts) for disk, facts in value.items()) or "none"
        case "disk_errors", list():
            return "Errors that file systems and arrays count", _listed(value, _errors)
        case "restart", dict():
            return "Waits for the next start", _restart(value)
        case "data", list():
            return "Data folders", _listed(value, _folder)
        case "names", dict():
            places = [
                f"{_words(item)} is {told}" if (told := _words(found)) else f"{_words(item)} does not resolve"
                for item, found in value.items()
            ]
            return "Names", "; ".join(places) or "none"
        case "arp", dict():
            return "ARP settings other than 0", _arp(value)
        case "packages", dict():
            return "Packages", _packages(value)
        case "boot_time_s", int() | float() if 0 <= value < _YEAR_10000_S:
            return "Booted", datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M UTC")
        case "boot_time_s", _:
            return "Booted", "not told"
        case str(), int() | float() if name.endswith("_B") and abs(value) <= MAX_INTEGER:
            return _label(name.removesuffix("_B")), f"{value / 2**30:.1f} GiB"
        case _:
            return _label(name.removesuffix("_B")), _words(value)


def _interface(name: str, facts: Json) -> str:
    """Name, state, speed, driver and the IP addresses; link-layer addresses stand in the LAN plan."""
    if not isinstance(facts, dict):
        return f"{name}: {_words(facts)}"
    words = [name, _state(facts.get("up"), "up", "down", "state not told")]
    line = facts.get("driver") not in NO_LINE if isinstance(facts.get("driver"), str) else True
    if facts.get("speed_Mbps") and line:
        words.append(_speed(facts["speed_Mbps"]))
    if facts.get("duplex") and line:
        words.append(f"{_words(facts['duplex'])} duplex")
    if facts.get("mtu"):
        words.append(f"MTU {_words(facts['mtu'])}")
    if facts.get("driver"):
        words.append(f"({_words(facts['driver'])})")
    if isinstance(told := facts.get("firmware"), dict) and told.get("firmware"):
        words.append(f"firmware {_words(told['firmware'])}")
    addresses = facts.get("addresses")
    words += [
        _address(entry)
        for entry in (addresses if isinstance(addresses, list) else ())
        if isinstance(entry, dict) and str(entry.get("family")) in ("AF_INET", "AF_INET6")
    ]
    return " ".join(words)


def _speed(value: Json) -> str:
    """As everywhere in the report: ``1 Gbit/s``."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1000:
        return f"{value / 1000:g} Gbit/s"
    return f"{_words(value)} Mbit/s"


def _state(value: Json, yes: str, no: str, unknown: str) -> str:
    if isinstance(value, bool):
        return yes if value else no
    return unknown


def _address(entry: Mapping[str, Json]) -> str:
    """``10.1.1.1/24``, and a word where it is known not to be static."""
    prefix = entry.get("prefix")
    length = f"/{prefix}" if isinstance(prefix, int) and not isinstance(prefix, bool) else ""
    return f"{entry.get('address')}{length}{' (from a server)' if entry.get('static') is False else ''}"


def _listed(entries: Sequence[Json], told: Callable[[Mapping[str, Json]], str]) -> str:
    shown = [told(entry) if isinstance(entry, dict) else _words(entry) for entry in entries[:_MOST]]
    more = f" and {len(entries) - _MOST} more" if len(entries) > _MOST else ""
    return ("; ".join(shown) or "none") + more


def _route(entry: Mapping[str, Json]) -> str:
    via = f" via {_words(entry['via'])}" if entry.get("via") else ""
    return f"{_words(entry.get('to'))}{via} ({_words(entry.get('nic'))})"


def _way(entry: Mapping[str, Json]) -> str:
    """Peer or observer, and by which interface and source address it is reached."""
    network = f" over {_words(entry['network'])}" if entry.get("network") else ""
    how = (
        f"{_words(entry.get('nic') or None)} from {_words(entry.get('source') or None)}"
        if entry.get("nic") or entry.get("source")
        else "no way known"
    )
    return f"{_words(entry.get('target'))}{network}: {how}"


def _time(facts: Mapping[str, Json]) -> str:
    service = facts.get("service")
    name = "none runs" if service == "" else _words(service)
    state = _state(facts.get("synchronised"), "synchronised", "NOT synchronised", "whether synchronised: not told")
    references = facts.get("references")
    listed = [_words(item) for item in references[:_MOST]] if isinstance(references, list) else []
    return f"{name}, {state}" + (f", from {', '.join(listed)}" if listed else "")


def _drive(name: str, facts: Json) -> str:
    """Name, model, size and kind."""
    if not isinstance(facts, dict):
        return f"{name}: {_words(facts)}"
    size, model = facts.get("size_B"), facts.get("model")
    words = [name]
    if isinstance(model, str) and model:
        words.append(model)
    if isinstance(size, int) and not isinstance(size, bool):
        words.append(f"{size / 1e9:.4g} GB")
    return " ".join([*words, _state(facts.get("rotating"), "(rotates)", "(flash)", "")]).strip()


def _errors(entry: Mapping[str, Json]) -> str:
    return f"{_words(entry.get('kind'))} on {_words(entry.get('device'))}: {_words(entry.get('count'))}"


def _restart(facts: Mapping[str, Json]) -> str:
    kernels = facts.get("kernels")
    words = [f"kernel {_words(name)}" for name in kernels] if isinstance(kernels, list) else []
    return ", ".join([*words, *(["a restart is wanted"] if facts.get("wanted") is True else [])]) or "nothing"


def _arp(facts: Mapping[str, Json]) -> str:
    """Nearly all of them are 0 nearly everywhere."""
    told = [
        f"{_words(nic)} {_words(key)} {_words(value)}"
        for nic, settings in facts.items()
        if isinstance(settings, dict)
        for key, value in settings.items()
        if value != 0
    ]
    return "; ".join(told) or "none"


def _packages(facts: Mapping[str, Json]) -> str:
    """The number, and enough of the fingerprint to compare two nodes at a glance."""
    return f"{_words(facts.get('count'))} by {_words(facts.get('manager'))}, fingerprint {_words(facts.get('sha256'))[:12]}"


def _mount(entry: Json) -> str:
    if isinstance(entry, dict) and "mount" in entry:
        return f"{entry['mount']} ({entry.get('type', 'unknown')})"
    return _words(entry)


def _folder(entry: Mapping[str, Json]) -> str:
    where = f"on {_words(entry['disk'])}" if entry.get("disk") else "disk not told"
    return f"{_words(entry.get('folder'))} {where}"


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
