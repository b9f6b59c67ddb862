"""plan.toml to a frozen `Plan`, and every mistake in it by file and key.

The parsed mapping is kept whole (`Plan.data`): it travels in the archive, and the analyzer
builds the same `Plan` from it. `Plan.digest` covers the meaning, not the comments.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from collector.contract import Json
from collector.errors import OperatorError, PlanError

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
DEFAULT_PORT = 8862
"""UDP for STAMP and TCP for HELLO. RFC 8762's own 862 needs privileges, so ours lies above 1024."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
EnumT = TypeVar("EnumT", bound=StrEnum)


class Topology(StrEnum):
    """Shape of the cluster."""

    HA_PAIR = "ha-pair"
    DR_PAIR = "dr-pair"
    HA_DR_TRIO = "ha-dr-trio"
    CUSTOM = "custom"


class Phase(StrEnum):
    """Whether the HA product is running already."""

    BEFORE = "before"
    LIVE = "live"


class Origin(StrEnum):
    """What the archives of this plan are; anything but measured is labelled on every page."""

    MEASURED = "measured"
    DEMONSTRATION = "demonstration"
    SYNTHETIC = "synthetic"


class Role(StrEnum):
    """Identity of a node; it does not move at a switchover."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    TERTIARY = "tertiary"
    MEMBER = "member"


class NetworkKind(StrEnum):
    """What a network is for."""

    PUBLIC = "public"
    MANAGEMENT = "management"
    CHANNEL = "channel"
    SIP = "sip"
    SYNC = "sync"


class ObserverKind(StrEnum):
    """What an observer is; observers are probed, not assessed."""

    SCS = "scs"
    WITNESS = "witness"
    GATEWAY = "gateway"
    DNS = "dns"
    PING = "ping"


@dataclass(frozen=True, slots=True)
class Node:
    """A machine to be assessed. `addresses` by network name."""

    name: str
    role: Role
    site: str
    host: str
    power: str
    addresses: Mapping[str, Interface]


@dataclass(frozen=True, slots=True)
class Observer:
    """A machine that the cluster depends on but that carries no collector."""

    name: str
    kind: ObserverKind
    address: Address


@dataclass(frozen=True, slots=True)
class Network:
    """A network that joins nodes. `rate_bps`: the contracted or nominal rate, None if not stated."""

    name: str
    kind: NetworkKind
    rate_bps: int | None
    vlan: int | None
    probe: bool


@dataclass(frozen=True, slots=True)
class Override:
    """A floor below the vendor's, with the name of who answers for it. Printed on page 1."""

    floor_s: int
    reason: str


@dataclass(frozen=True, slots=True)
class StackBinding:
    """A product, the networks its heartbeat uses and the node pairs that fail over automatically."""

    name: str
    networks: tuple[str, ...]
    auto_failover: tuple[tuple[str, str], ...]
    override: Override | None


@dataclass(frozen=True, slots=True)
class Target:
    """What the operator can live with."""

    false_failovers_per_year: float
    detection_s: float | None


@dataclass(frozen=True, slots=True)
class Probing:
    """Rate and port of the probes."""

    period_s: float
    port: int


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bounds of the bandwidth tests: bytes per path and run, and UTC hours without tests."""

    budget_B: int
    quiet: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Security:
    """The shared key's file (relative to the plan) and who may send without it."""

    key_file: str
    open_to: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class PlannedPath:
    """A directed path: `source` sends to `target` over `network`. Its name is ``a>b/network``."""

    source: str
    target: str
    network: str

    @property
    def name(self) -> str:
        """``a>b/network``, as it stands in archives and reports."""
        return f"{self.source}>{self.target}/{self.network}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was decided before the run."""

    cluster: str
    topology: Topology
    phase: Phase
    origin: Origin
    nodes: tuple[Node, ...]
    observers: tuple[Observer, ...]
    networks: tuple[Network, ...]
    stacks: tuple[StackBinding, ...]
    target: Target
    probing: Probing
    bandwidth: Bandwidth
    security: Security
    scenarios_off: tuple[str, ...]
    scenarios_on: tuple[str, ...]
    data: Mapping[str, Json] = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 over the plan's meaning; nodes refuse peers that hold another plan."""
        text = json.dumps(self.data, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def node(self, name: str) -> Node:
        """The node of that name.

        Raises:
            OperatorError: no such node; the hint lists those there are.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise OperatorError(f"the plan has no node {name!r}", "nodes: " + ", ".join(node.name for node in self.nodes))

    def network(self, name: str) -> Network:
        """The network of that name; it exists, the plan was checked."""
        return next(network for network in self.networks if network.name == name)

    def paths(self) -> Iterator[PlannedPath]:
        """Every directed path that is probed, in plan order."""
        for network in self.networks:
            if network.probe:
                members = [node.name for node in self.nodes if network.name in node.addresses]
                for source in members:
                    for target in members:
                        if source != target:
                            yield PlannedPath(source, target, network.name)

    def is_wan(self, one: str, other: str) -> bool:
        """True if the two nodes stand at different sites."""
        return self.node(one).site != self.node(other).site


def load(path: Path) -> Plan:
    """Read and check a plan file.

    Raises:
        PlanError: every mistake, each naming file and key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PlanError(
            [f"{path}: {error.strerror}"], "`haready plan init ha-pair` writes one to start from"
        ) from error
    except UnicodeDecodeError as error:
        raise PlanError([f"{path}: not UTF-8 text (byte {error.start})"]) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError([f"{path}: {error}"], "the file is TOML; strings stand in double quotes") from error
    return parse(data, str(path))


def load_key(plan_path: Path, plan: Plan) -> bytes:
    """Read the shared key that the plan names.

    Raises:
        OperatorError: missing, readable by others, or too short.
    """
    path = plan_path.parent / plan.security.key_file
    hint = f"copy the key that `haready plan init` made to {path} on every node, then chmod 600 it"
    try:
        mode = path.stat().st_mode
        key = path.read_bytes().strip()
    except OSError as error:
        raise OperatorError(f"key file {path}: {error.strerror}", hint) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"key file {path} is open to others (mode {stat.S_IMODE(mode):o})", f"chmod 600 {path}")
    if len(key) < 32:
        raise OperatorError(f"key file {path} holds {len(key)} characters; at least 32 are needed", hint)
    return key


def parse(data: Mapping[str, Json], where: str) -> Plan:
    """Build a plan from parsed TOML (or from an archive's manifest).

    Raises:
        PlanError: every mistake, each naming `where` and the key.
    """
    reader = _Reader(where)
    plan = reader.plan(dict(data))
    if reader.mistakes or plan is None:
        raise PlanError(reader.mistakes, "`haready plan check` lists every mistake; docs/plan.md explains each key")
    return plan


class _Reader:
    """Walks the mapping, collects mistakes and goes on, so that all are shown at once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.mistakes: list[str] = []

    def wrong(self, key: str, what: str) -> None:
        self.mistakes.append(f"{self.where}: {key}: {what}")

    def table(self, parent: dict[str, Json], key: str, known: str) -> dict[str, Json]:
        value = parent.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, "must be a table")
            return {}
        self.unknown(value, key, known)
        return value

    def unknown(self, table: dict[str, Json], key: str, known: str) -> None:
        for name in sorted(set(table) - set(known.split())):
            self.wrong(f"{key}.{name}" if key else name, f"unknown key; known: {', '.join(known.split())}")

    def value(
        self,
        table: dict[str, Json],
        path: str,
        name: str,
        kind: type,
        default: Any,
        check: Callable[[Any], str] = lambda _: "",
    ) -> Any:
        """One scalar of `kind`; `check` returns what is wrong with it, or nothing. `...` means required."""
        key = f"{path}.{name}" if path else name
        if name not in table:
            if default is ...:
                self.wrong(key, "is missing")
                return kind()
            return default
        value = table[name]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}
            self.wrong(key, f"must be {words[kind]}, not {value!r}")
            return kind() if default is ... else default
        if problem := check(value):
            self.wrong(key, problem)
        return value

    def choice(self, table: dict[str, Json], path: str, name: str, kind: type[EnumT], default: EnumT | None) -> EnumT:
        options = [str(member) for member in kind]
        value = self.value(table, path, name, str, ... if default is None else str(default))
        if value in options:
            return kind(value)
        if name in table:
            self.wrong(f"{path}.{name}", f"{value!r} is not one of {', '.join(options)}")
        return default if default is not None else next(iter(kind))

    def name(self, table: dict[str, Json], path: str) -> str:
        def check(value: str) -> str:
            return "" if NAME.match(value) else f"{value!r} is no name: letters, digits, '.', '_' and '-', at most 63"

        value = self.value(table, path, "name", str, ..., check)
        assert isinstance(value, str)
        return value

    def address(self, key: str, value: Json) -> Address | None:
        try:
            return ipaddress.ip_address(value)
        except ValueError:
            self.wrong(key, f"{value!r} is no IP address")
            return None

    def rows(self, data: dict[str, Json], key: str) -> list[dict[str, Json]]:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.wrong(key, f"must be written as [[{key}]]")
            return []
        return value

    def texts(self, table: dict[str, Json], path: str, name: str) -> tuple[str, ...]:
        values = self.value(table, path, name, list, [])
        if not all(isinstance(value, str) for value in values):
            self.wrong(f"{path}.{name}", "must be a list of texts")
            return ()
        return tuple(values)

    def plan(self, data: dict[str, Json]) -> Plan | None:
        self.unknown(data, "", "format cluster node observer network stack target scenario probe bandwidth security")
        number = self.value(data, "", "format", int, ...)
        if "format" in data and number != FORMAT:
            self.wrong("format", f"this version reads format {FORMAT}, not {number}")
        cluster = self.table(data, "cluster", "name topology phase origin")
        networks = self.networks(data)
        nodes = self.nodes(data, {network.name for network in networks})
        names = [node.name for node in nodes]
        stacks = tuple(
            self.stack(row, f"stack[{index}]", networks, nodes) for index, row in enumerate(self.rows(data, "stack"))
        )
        observers = tuple(
            observer
            for index, row in enumerate(self.rows(data, "observer"))
            if (observer := self.observer(row, f"observer[{index}]")) is not None
        )
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.wrong("node", f"two nodes are called {name!r}")
        topology = self.choice(cluster, "cluster", "topology", Topology, Topology.CUSTOM)
        wanted = {Topology.HA_PAIR: 2, Topology.DR_PAIR: 2, Topology.HA_DR_TRIO: 3}.get(topology)
        if wanted is not None and len(nodes) != wanted:
            self.wrong("node", f"a {topology} has {wanted} nodes, this plan has {len(nodes)}")
        elif len(nodes) < 2:
            self.wrong("node", f"at least 2 nodes are needed, this plan has {len(nodes)}")
        target = self.table(data, "target", "false_failovers_per_year detection_s")
        scenario = self.table(data, "scenario", "off on")
        probe = self.table(data, "probe", "period_s port")
        bandwidth = self.table(data, "bandwidth", "budget_B quiet")
        security = self.table(data, "security", "key_file open_to")
        plan = Plan(
            cluster=self.name(cluster, "cluster"),
            topology=topology,
            phase=self.choice(cluster, "cluster", "phase", Phase, Phase.BEFORE),
            origin=self.choice(cluster, "cluster", "origin", Origin, Origin.MEASURED),
            nodes=tuple(nodes),
            observers=observers,
            networks=tuple(networks),
            stacks=stacks,
            target=Target(
                self.value(target, "target", "false_failovers_per_year", float, 1.0, _positive),
                self.value(target, "target", "detection_s", float, None, _positive),
            ),
            probing=Probing(
                self.value(probe, "probe", "period_s", float, 0.2, lambda v: _between(v, 0.02, 10.0)),
                self.value(probe, "probe", "port", int, DEFAULT_PORT, lambda v: _between(v, 1, 65535)),
            ),
            bandwidth=Bandwidth(
                self.value(bandwidth, "bandwidth", "budget_B", int, 0, lambda v: _between(v, 0, 10**15)),
                self.texts(bandwidth, "bandwidth", "quiet"),
            ),
            security=Security(
                self.value(security, "security", "key_file", str, "plan.key"),
                tuple(
                    found
                    for text in self.texts(security, "security", "open_to")
                    if (found := self.address("security.open_to", text)) is not None
                ),
            ),
            scenarios_off=self.texts(scenario, "scenario", "off"),
            scenarios_on=self.texts(scenario, "scenario", "on"),
            data=data,
        )
        if not self.mistakes and not any(plan.paths()):
            self.wrong("network", "no network joins two nodes, so there is nothing to measure")
        return plan if not self.mistakes else None

    def networks(self, data: dict[str, Json]) -> list[Network]:
        found = []
        table = data.get("network", {})
        if not isinstance(table, dict) or not table:
            self.wrong("network", "at least one [network.NAME] is needed")
            return []
        for name, row in table.items():
            key = f"network.{name}"
            if not NAME.match(name):
                self.wrong(key, "letters, digits, '.', '_' and '-', at most 63")
            if not isinstance(row, dict):
                self.wrong(key, "must be a table")
                continue
            self.unknown(row, key, "kind rate_bps vlan probe")
            found.append(
                Network(
                    name,
                    self.choice(row, key, "kind", NetworkKind, NetworkKind.CHANNEL),
                    self.value(row, key, "rate_bps", int, None, _positive),
                    self.value(row, key, "vlan", int, None, lambda v: _between(v, 1, 4094)),
                    self.value(row, key, "probe", bool, default=True),
                )
            )
        return found

    def nodes(self, data: dict[str, Json], networks: set[str]) -> list[Node]:
        found: list[Node] = []
        taken: dict[Address, str] = {}
        for index, row in enumerate(self.rows(data, "node")):
            key = f"node[{index}]"
            self.unknown(row, key, "name role site host power addr")
            name = self.name(row, key)
            addresses: dict[str, Interface] = {}
            written = row.get("addr", {})
            if not isinstance(written, dict) or not written:
                self.wrong(f"{key}.addr", 'is missing; write addr = { ch1 = "10.1.1.1/24" }')
                written = {}
            for network, text in written.items():
                where = f"{key}.addr.{network}"
                if network not in networks:
                    self.wrong(where, f"there is no [network.{network}]")
                try:
                    interface = ipaddress.ip_interface(text)
                except ValueError:
                    self.wrong(where, f"{text!r} is no address with prefix, such as 10.1.1.1/24")
                    continue
                if "/" not in str(text):
                    self.wrong(where, f"{text!r} lacks its prefix length, such as {text}/24")
                if interface.ip in taken:
                    self.wrong(where, f"{interface.ip} is {taken[interface.ip]} already")
                taken[interface.ip] = where
                addresses[network] = interface
            found.append(
                Node(
                    name,
                    self.choice(row, key, "role", Role, Role.MEMBER),
                    self.value(row, key, "site", str, "main"),
                    self.value(row, key, "host", str, ""),
                    self.value(row, key, "power", str, ""),
                    addresses,
                )
            )
        return found

    def observer(self, row: dict[str, Json], key: str) -> Observer | None:
        self.unknown(row, key, "name kind addr")
        name = self.name(row, key)
        kind = self.choice(row, key, "kind", ObserverKind, ObserverKind.PING)
        text = self.value(row, key, "addr", str, ...)
        address = self.address(f"{key}.addr", text) if text else None
        return Observer(name, kind, address) if address else None

    def stack(self, row: dict[str, Json], key: str, networks: list[Network], nodes: list[Node]) -> StackBinding:
        self.unknown(row, key, "name networks auto_failover override")
        known = {network.name for network in networks}
        bound = self.texts(row, key, "networks")
        if not bound:
            self.wrong(f"{key}.networks", "bind the stack to at least one network")
        for network in bound:
            if network not in known:
                self.wrong(f"{key}.networks", f"there is no [network.{network}]")
        names = {node.name for node in nodes}
        pairs: list[tuple[str, str]] = []
        for pair in self.value(row, key, "auto_failover", list, []):
            if not isinstance(pair, list) or len(pair) != 2 or len({str(end) for end in pair}) != 2:
                self.wrong(f"{key}.auto_failover", f'{pair!r} is no pair of nodes, such as ["a", "b"]')
                continue
            for end in pair:
                if end not in names:
                    self.wrong(f"{key}.auto_failover", f"there is no node {end!r}")
            for node in nodes:
                missing = set(bound) & known - set(node.addresses)
                if node.name in pair and missing:
                    self.wrong(
                        f"{key}.auto_failover", f"node {node.name!r} has no address on {', '.join(sorted(missing))}"
                    )
            pairs.append((str(pair[0]), str(pair[1])))
        override = None
        if "override" in row:
            table = self.table(row, "override", "floor_s reason")
            override = Override(
                self.value(table, f"{key}.override", "floor_s", int, ..., lambda v: _between(v, 1, 3600)),
                self.value(table, f"{key}.override", "reason", str, ..., lambda v: "" if v.strip() else "must say why"),
            )
        return StackBinding(self.name(row, key), bound, tuple(pairs), override)


def _positive(value: float) -> str:
    return "" if value > 0 else f"must be above 0, not {value}"


def _between(value: float, low: float, high: float) -> str:
    return "" if low <= value <= high else f"must lie between {low} and {high}, not {value}"
