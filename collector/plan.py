"""plan.toml to a frozen `Plan`, and every mistake in it by file and key.

The parsed mapping is kept whole (`Plan.data`): it travels in the archive, and the analyzer
builds the same `Plan` from it. `Plan.digest` covers the meaning, not the comments.
The module is long because a plan is one vocabulary; reading and checking the file are in modules of their own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
import stat
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from collector.contract import Json
from collector.errors import OperatorError, PlanError

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")
DEFAULT_PORT = 8862
"""UDP for STAMP and TCP for HELLO. RFC 8762's own 862 needs privileges, so ours lies above 1024."""
BANDWIDTH_PORT = 8863
CPU_LIMIT, TRAFFIC_LIMIT = 0.8, 0.3
"""Shares of all CPUs and of an interface's speed that others may use while a bandwidth test runs (design values)."""
GROWTH = 0.3
"""By how much writes are taken to grow where the plan does not say (Azure Site Recovery Deployment Planner)."""
BUDGET_B = 10_000_000_000
"""A day of hourly tests of 2 s at 1 Gbit/s is 6 GB (design value)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AnyNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


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


OUTSIDE = (NetworkKind.PUBLIC, NetworkKind.SIP)
"""Kinds of networks that clients come in by."""
CHANNELS = (NetworkKind.CHANNEL, NetworkKind.SYNC)
"""Kinds of networks that carry heartbeats and replication."""


class ScenarioName(StrEnum):
    """Stalls that every recommended timeout has to survive; the plan switches them off or on by name."""

    LIVE_MIGRATION = "live-migration"
    RSTP = "rstp"
    STP = "stp"


class ObserverKind(StrEnum):
    """What an observer is; observers are probed, not assessed. `VIRTUAL` is an address that a product is to move between the nodes."""

    SCS = "scs"
    WITNESS = "witness"
    GATEWAY = "gateway"
    DNS = "dns"
    PING = "ping"
    FENCING = "fencing"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class Socket:
    """Where an address is plugged in: interface of the node, switch and port of the switch. Empty: not stated.

    `vlan`: that of the port, where it is another than the network's; see `Plan.vlan`.
    """

    nic: str = ""
    switch: str = ""
    port: str = ""
    vlan: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A machine to be assessed. `addresses` and `sockets` by network name; every address has a socket.

    `data`: folders that the product will commit to; small writes are timed there. `in_use`: it serves somebody already
    (None: not stated; see `Plan.in_use`).
    """

    name: str
    role: Role
    site: str
    host: str
    power: str
    addresses: Mapping[str, Interface]
    sockets: Mapping[str, Socket]
    data: tuple[str, ...]
    in_use: bool | None


@dataclass(frozen=True, slots=True)
class Observer:
    """A machine that the cluster depends on but that carries no collector. `host`, `power`: as of a node; empty: not stated."""

    name: str
    kind: ObserverKind
    address: Address
    host: str = ""
    power: str = ""


class LoadKind(StrEnum):
    """What a bandwidth test does to its path. An archive tells it by its place in this list."""

    FULL = "full"
    PLANNED = "planned"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Network:
    """A network that joins nodes. `rate_bps`: the contracted or nominal rate, None if not stated.

    `load_bps`: what replication is planned to send over it, each way (None: not stated); tests are made at that rate too.
    `dscp` marks the probes (0 to 63). `bandwidth` says whether bandwidth tests may run on it.
    """

    name: str
    kind: NetworkKind
    rate_bps: int | None
    vlan: int | None
    probe: bool
    dscp: int
    bandwidth: bool
    load_bps: int | None


@dataclass(frozen=True, slots=True)
class Override:
    """A floor below the vendor's, with the name of who answers for it. Printed on page 1."""

    floor_s: int
    reason: str


class Transport(StrEnum):
    """What a port belongs to; `ip` means a protocol of its own, such as 112 (VRRP)."""

    TCP = "tcp"
    UDP = "udp"
    IP = "ip"


@dataclass(frozen=True, slots=True)
class Port:
    """Something that firewalls have to let through: a port, or for `Transport.IP` the number of a protocol."""

    transport: Transport
    number: int

    @property
    def name(self) -> str:
        """As the plan writes it: ``tcp/57348``, ``ip/112``."""
        return f"{self.transport}/{self.number}"


@dataclass(frozen=True, slots=True)
class StackBinding:
    """A product, the networks its heartbeat uses and the node pairs that fail over automatically.

    `ports`: what it needs between the nodes on these networks, to be tested; None: the plan does not say. `current_s`: the timeout that is in force
    already (None: none, or not stated).
    """

    name: str
    networks: tuple[str, ...]
    auto_failover: tuple[tuple[str, str], ...]
    override: Override | None
    ports: tuple[Port, ...] | None = None
    current_s: int | None = None


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
class Quiet:
    """A daily stretch without bandwidth tests, in minutes since midnight UTC; one that ends before it starts spans midnight."""

    from_min: int
    to_min: int


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Bounds of the bandwidth tests.

    `budget_B`: bytes per directed path and run (0: no tests). `cap_bps`: no test sends faster (None: not capped).
    `seconds`: length of one test (None: 2 s within a site, 30 s between sites). `every_s`: from round to round (None: an
    hour, less in a short run). `port`: TCP and UDP port of the test, on the planned addresses. `udp_bps`: rate of the UDP
    tests (None: that of the network's `load_bps`, 0: none). `cpu_limit`, `traffic_limit`: no test begins, and none goes on,
    beside programs that use more than that share of all CPUs, or of an interface's speed (1: never mind).
    """

    budget_B: int
    cap_bps: int | None
    seconds: int | None
    every_s: int | None
    port: int
    quiet: tuple[Quiet, ...]
    udp_bps: int | None
    cpu_limit: float
    traffic_limit: float


@dataclass(frozen=True, slots=True)
class Replication:
    """What no run can show of the replication to come.

    `growth`: by how much the writes will grow, as a share. `compression`: how many written bytes make one on the line (None: not
    stated, so nothing is counted on). `size_B`: what is copied first (None: the used space of the file systems of the data counts).
    """

    growth: float
    compression: float | None
    size_B: int | None


@dataclass(frozen=True, slots=True)
class Security:
    """The shared key's file (relative to the plan) and who may send without it."""

    key_file: str
    open_to: tuple[AnyNetwork, ...]


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
class PlannedTest:
    """A bandwidth test of one kind on one directed path, made again and again. The first kind is called like its path."""

    source: str
    target: str
    network: str
    kind: LoadKind = LoadKind.FULL

    @property
    def path(self) -> str:
        """``a>b/network``."""
        return PlannedPath(self.source, self.target, self.network).name

    @property
    def name(self) -> str:
        """``a>b/network``, ``a>b/network planned``, ``a>b/network udp``; no path has a blank in its name."""
        return self.path if self.kind is LoadKind.FULL else f"{self.path} {self.kind}"

    @staticmethod
    def read(name: str) -> tuple[str, LoadKind]:
        """Path and kind of a test by its name."""
        path, _, kind = name.partition(" ")
        return path, LoadKind(kind) if kind else LoadKind.FULL


@dataclass(frozen=True, slots=True)
class PlannedPort:
    """A test whether `source` reaches `port` of `target` over `network`. `stack`: whose port it is; empty: only the address counts."""

    source: str
    target: str
    network: str
    port: Port
    stack: str

    @property
    def path(self) -> str:
        """``a>b/network``, also where the network is not probed."""
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
    replication: Replication
    security: Security
    scenarios_off: tuple[ScenarioName, ...]
    scenarios_on: tuple[ScenarioName, ...]
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

    def vlan(self, node: Node, network: str) -> int | None:
        """The VLAN of the node's address there: its own if it states one (a routed network differs by site), else the network's."""
        own = node.sockets[network].vlan
        return self.network(network).vlan if own is None else own

    def paths(self) -> Iterator[PlannedPath]:
        """Every directed path that is probed, in plan order."""
        for network in self.networks:
            if network.probe:
                members = [node.name for node in self.nodes if network.name in node.addresses]
                for source in members:
                    for target in members:
                        if source != target:
                            yield PlannedPath(source, target, network.name)

    def bandwidth_paths(self) -> Iterator[PlannedPath]:
        """The directed paths that bandwidth tests may run on, in plan order: those over networks that allow them."""
        if self.bandwidth.budget_B:
            yield from (path for path in self.paths() if self.network(path.network).bandwidth)

    def echo_paths(self) -> Iterator[PlannedPath]:
        """The directed paths that also get a TCP echo, in plan order: over channels, and over networks that a stack is bound to.

        Which products use TCP is the assessment's knowledge; an echo costs so little that every product's networks get one.
        """
        bound = {name for stack in self.stacks for name in stack.networks}
        for path in self.paths():
            if path.network in bound or self.network(path.network).kind is NetworkKind.CHANNEL:
                yield path

    def ports(self) -> Iterator[PlannedPort]:
        """Every port that is tested, in plan order: those of the products, and one on each network that is not probed."""
        wanted: dict[tuple[str, Port], str] = {}
        for stack in self.stacks:
            for network in stack.networks:
                for port in stack.ports or ():
                    wanted.setdefault((network, port), stack.name)
        for unprobed in self.networks:
            if not unprobed.probe:
                wanted.setdefault((unprobed.name, Port(Transport.TCP, self.probing.port)), "")
        joined = {(path.source, path.target) for path in self.paths()}
        for (name, port), product in wanted.items():
            members = [node.name for node in self.nodes if name in node.addresses]
            for source in members:
                for target in members:
                    # The peer is asked to listen over a path that is probed.
                    if (source, target) in joined:
                        yield PlannedPort(source, target, name, port, product)

    def in_use(self, name: str) -> bool:
        """Whether the node works already, so that only a day shows its life. Not stated: yes, unless all is for show."""
        stated = self.node(name).in_use
        return self.origin is not Origin.DEMONSTRATION if stated is None else stated

    def is_wan(self, one: str, other: str) -> bool:
        """True if the two nodes stand at different sites."""
        return self.node(one).site != self.node(other).site


def spelling(product: str) -> str:
    """A product's name as names are compared: capitals do not matter, and ``_`` is ``-``."""
    return product.lower().replace("_", "-")


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
    except (ValueError, RecursionError) as error:
        raise PlanError(
            [f"{path}: {_quoted(str(error), text)}"], "the file is TOML; texts stand in double quotes, names before ="
        ) from error
    return parse(data, str(path))


def _quoted(problem: str, text: str) -> str:
    """A mistake of the notation, with the line it is in: a number alone has to be counted down to."""
    found = re.search(r" \(at line (\d+), column \d+\)\Z", problem)
    lines = text.splitlines()
    if not found or not 0 < int(found[1]) <= len(lines):
        return problem
    line = "".join(letter if letter.isprintable() else "?" for letter in lines[int(found[1]) - 1].strip())
    return f"line {found[1]}: {line if len(line) <= 60 else line[:57] + '...'}: {problem[: found.start()]}"


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
    forbidden = stat.S_IRWXO if _is_credential(path) else stat.S_IRWXG | stat.S_IRWXO
    if mode & forbidden and sys.platform != "win32":  # modes mean nothing there
        raise OperatorError(f"key file {path} is open to others (mode {stat.S_IMODE(mode):o})", f"chmod 600 {path}")
    if len(key) < 32:
        raise OperatorError(f"key file {path} holds {len(key)} characters; at least 32 are needed", hint)
    return key


def _is_credential(path: Path) -> bool:
    """Whether systemd put the file there for this service alone; it may let it in by an access list, which shows as the group's bits."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return bool(folder) and path.parent == Path(folder)


def parse(data: Mapping[str, Json], where: str) -> Plan:
    """Build a plan from parsed TOML (or from an archive's manifest).

    Raises:
        PlanError: every mistake, each naming `where` and the key.
    """
    from collector.plan_reader import Reader

    reader = Reader(where)
    plan = reader.plan(dict(data))
    if plan is None:
        raise PlanError(reader.mistakes, "`haready plan init` writes a commented plan; docs/plan.md explains each key")
    return plan
