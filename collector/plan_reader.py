"""Turns the mapping of a plan file into a `Plan`, and finds every mistake in it rather than the first."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePosixPath, PureWindowsPath

from collector.contract import Json
from collector.plan import (
    BANDWIDTH_PORT,
    BUDGET_B,
    CPU_LIMIT,
    DEFAULT_PORT,
    FORMAT,
    GROWTH,
    NAME,
    TRAFFIC_LIMIT,
    Address,
    Bandwidth,
    Interface,
    Network,
    NetworkKind,
    Node,
    Observer,
    ObserverKind,
    Origin,
    Override,
    Phase,
    Plan,
    Port,
    Probing,
    Quiet,
    Replication,
    Role,
    ScenarioName,
    Security,
    Socket,
    StackBinding,
    Target,
    Topology,
    Transport,
)
from collector.plan_values import Values, below, between, positive, rate, shown

_PORT = re.compile(r"(tcp|udp|ip)/([0-9]{1,5})\Z")
_OWN = (1, 6, 17, 58)
"""ICMP, TCP, UDP and ICMPv6 are no protocols of a product."""
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)\Z")


class Reader(Values):
    """Walks the whole mapping, table by table."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self._unread: set[str] = set()

    def plan(self, data: dict[str, Json]) -> Plan | None:
        """The plan, or None if `mistakes` is not empty."""
        self.unknown(
            data, "", "format cluster node observer network stack target scenario probe bandwidth replication security"
        )
        number = self.value(data, "", "format", int, ...)
        if "format" in data and number != FORMAT:
            self.wrong("format", f"this version reads format {FORMAT}, not {shown(number)}")
        cluster = self.table(data, "cluster", "name topology phase origin")
        networks = self._networks(data)
        nodes = self._nodes(data, {network.name for network in networks})
        names = [node.name for node in nodes]
        stacks = tuple(
            self._stack(row, self.called("stack", row, index), networks, nodes)
            for index, row in enumerate(self.rows(data, "stack"))
        )
        watched = self.rows(data, "observer")
        observers = tuple(
            observer
            for index, row in enumerate(watched)
            if (observer := self._observer(row, self.called("observer", row, index))) is not None
        )
        for network in networks:
            if len({node.addresses[network.name].version for node in nodes if network.name in node.addresses}) > 1:
                self.wrong(f"network.{network.name}", "some nodes have an IPv4 address on it and some IPv6")
        self._distinct(names, watched)
        topology = self.choice(cluster, "cluster", "topology", Topology, Topology.CUSTOM)
        wanted = {Topology.HA_PAIR: 2, Topology.DR_PAIR: 2, Topology.HA_DR_TRIO: 3}.get(topology)
        if wanted is not None and len(nodes) != wanted:
            self.wrong("node", f"a {topology} has {wanted} nodes, this plan has {len(nodes)}")
        elif len(nodes) < 2:
            self.wrong("node", f"at least 2 nodes are needed, this plan has {len(nodes)}")
        target = self.table(data, "target", "false_failovers_per_year detection_s")
        scenario = self.table(data, "scenario", "off on")
        probe = self.table(data, "probe", "period_s port")
        phase = self.choice(cluster, "cluster", "phase", Phase, Phase.BEFORE)
        origin = self.choice(cluster, "cluster", "origin", Origin, Origin.MEASURED)
        security = self.table(data, "security", "key_file open_to")
        probing = Probing(
            self.value(probe, "probe", "period_s", float, 0.2, lambda v: between(v, 0.02, 10.0)),
            self.value(probe, "probe", "port", int, DEFAULT_PORT, lambda v: between(v, 1, 65535)),
        )
        plan = Plan(
            cluster=self.name(cluster, "cluster"),
            topology=topology,
            phase=phase,
            origin=origin,
            nodes=tuple(nodes),
            observers=observers,
            networks=tuple(networks),
            stacks=stacks,
            target=Target(
                self.value(target, "target", "false_failovers_per_year", float, 1.0, positive),
                self.value(target, "target", "detection_s", float, None, positive),
            ),
            probing=probing,
            bandwidth=self._bandwidth(data, phase, origin, probing.port),
            replication=self._replication(data),
            security=Security(
                self.text(security, "security", "key_file", "plan.key"),
                tuple(
                    found
                    for text in self.texts(security, "security", "open_to")
                    if (found := self.machines("security.open_to", text)) is not None
                ),
            ),
            scenarios_off=self._scenarios(scenario, "off"),
            scenarios_on=self._scenarios(scenario, "on"),
            data=data,
        )
        self._distinct_ports(plan)
        for name in sorted(set(plan.scenarios_off) & set(plan.scenarios_on)):
            self.wrong("scenario.on", f"{name.value!r} stands in off as well")
        if not self.mistakes and not any(plan.paths()):
            self.wrong("network", "no network joins two nodes, so there is nothing to measure")
        return plan if not self.mistakes else None

    def _distinct_ports(self, plan: Plan) -> None:
        """A product's port is not one of ours: there the test would meet ourselves."""
        own = {
            Port(Transport.TCP, plan.probing.port): "probe.port",
            Port(Transport.UDP, plan.probing.port): "probe.port",
            Port(Transport.TCP, plan.bandwidth.port): "bandwidth.port",
        }
        for index, stack in enumerate(plan.stacks):
            for port in stack.ports or ():
                if port in own:
                    self.wrong(
                        f"stack[{index}].ports", f"{port.name} is {own[port]} of this plan; choose another there"
                    )

    def _distinct(self, nodes: list[str], observers: list[dict[str, Json]]) -> None:
        """Nodes and observers are told apart by name alone."""
        taken: list[Json] = [name for name in nodes if name]
        for name in sorted({name for name in nodes if taken.count(name) > 1}):
            self.wrong("node", f"two nodes are called {name!r}")
        for index, row in enumerate(observers):
            called = row.get("name")
            if isinstance(called, str) and called in taken:
                self.wrong(
                    below(self.called("observer", row, index), "name"),
                    f"{shown(called)} is the name of another observer or node already",
                )
            taken.append(called)

    def _bandwidth(self, data: dict[str, Json], phase: Phase, origin: Origin, probe_port: int) -> Bandwidth:
        """Beside a running HA product nothing is loaded unless the plan says so: there the budget is 0 by default.

        In a demonstration all nodes are one machine, and each would take the others' tests for a load of its own.
        """
        table = self.table(
            data, "bandwidth", "budget_B cap_bps seconds every_s port quiet udp_bps cpu_limit traffic_limit"
        )
        budget = 0 if phase is Phase.LIVE else BUDGET_B
        alone = origin is not Origin.DEMONSTRATION
        limits = (("cpu_limit", CPU_LIMIT), ("traffic_limit", TRAFFIC_LIMIT))
        cpu_limit, traffic_limit = (
            self.value(table, "bandwidth", name, float, usual if alone else 1.0, lambda v: between(v, 0.01, 1))
            for name, usual in limits
        )
        bandwidth = Bandwidth(
            self.value(table, "bandwidth", "budget_B", int, budget, lambda v: between(v, 0, 10**15)),
            self.value(table, "bandwidth", "cap_bps", int, None, rate),
            self.value(table, "bandwidth", "seconds", int, None, lambda v: between(v, 2, 120)),
            self.value(table, "bandwidth", "every_s", int, None, lambda v: between(v, 10, 86_400)),
            self.value(table, "bandwidth", "port", int, BANDWIDTH_PORT, lambda v: between(v, 1, 65535)),
            tuple(found for text in self.texts(table, "bandwidth", "quiet") if (found := self._quiet(text))),
            self.value(table, "bandwidth", "udp_bps", int, None, lambda v: between(v, 0, 10**15)),
            cpu_limit,
            traffic_limit,
        )
        if bandwidth.port == probe_port:
            self.wrong("bandwidth.port", f"{probe_port} is the port of the probes (probe.port); choose another")
        return bandwidth

    def _quiet(self, text: str) -> Quiet | None:
        match = _HOURS.match(text)
        if not match:
            self.wrong("bandwidth.quiet", f'{shown(text)} is no stretch of the day (UTC), such as "08:00-18:00"')
            return None
        start_h, start_min, stop_h, stop_min = map(int, match.groups())
        if (start_h, start_min) == (stop_h, stop_min):
            self.wrong("bandwidth.quiet", f"{shown(text)} has no length; for no tests at all write budget_B = 0")
            return None
        return Quiet(start_h * 60 + start_min, stop_h * 60 + stop_min)

    def _scenarios(self, table: dict[str, Json], name: str) -> tuple[ScenarioName, ...]:
        found = []
        for text in self.texts(table, "scenario", name):
            if text in list(ScenarioName):
                found.append(ScenarioName(text))
            else:
                self.wrong(f"scenario.{name}", f"{shown(text)} is not one of {', '.join(ScenarioName)}")
        return tuple(found)

    def _replication(self, data: dict[str, Json]) -> Replication:
        table = self.table(data, "replication", "growth compression size_B")
        return Replication(
            self.value(table, "replication", "growth", float, GROWTH, lambda v: between(v, 0.0, 10.0)),
            self.value(table, "replication", "compression", float, None, lambda v: between(v, 1.0, 100.0)),
            self.value(table, "replication", "size_B", int, None, positive),
        )

    def _networks(self, data: dict[str, Json]) -> list[Network]:
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
            self.unknown(row, key, "kind rate_bps vlan probe dscp bandwidth load_bps")
            kind = self.choice(row, key, "kind", NetworkKind, NetworkKind.CHANNEL)
            probe = self.value(row, key, "probe", bool, default=True)
            if row.get("bandwidth") is True and not probe:
                self.wrong(f"{key}.bandwidth", "true needs probe = true: tests run on probed paths only")
            found.append(
                Network(
                    name,
                    kind,
                    self.value(row, key, "rate_bps", int, None, rate),
                    self.value(row, key, "vlan", int, None, lambda v: between(v, 1, 4094)),
                    probe,
                    self.value(row, key, "dscp", int, 0, lambda v: between(v, 0, 63)),
                    self.value(row, key, "bandwidth", bool, default=kind is NetworkKind.CHANNEL),
                    self.value(row, key, "load_bps", int, None, rate),
                )
            )
        return found

    def _nodes(self, data: dict[str, Json], networks: set[str]) -> list[Node]:
        found: list[Node] = []
        taken: dict[Address, str] = {}
        for index, row in enumerate(self.rows(data, "node")):
            key = self.called("node", row, index)
            self.unknown(row, key, "name role site host power addr data in_use")
            name = self.name(row, key)
            addresses: dict[str, Interface] = {}
            written = row.get("addr", {})
            if not isinstance(written, dict) or not written:
                self.wrong(below(key, "addr"), 'is missing; write addr = { ch1 = "10.1.1.1/24" }')
                self._unread.add(name)
                written = {}
            sockets: dict[str, Socket] = {}
            for network, entry in written.items():
                where = below(key, network)
                if network not in networks:
                    self.wrong(where, f"there is no [network.{network}]")
                text, socket = self._plugged(entry, where)
                if text is None:
                    self._unread.add(name)
                    continue
                try:
                    interface = ipaddress.ip_interface(text if isinstance(text, str) else "")
                except ValueError:
                    self.wrong(where, f"{shown(text)} is no address with prefix, such as 10.1.1.1/24")
                    self._unread.add(name)
                    continue
                if "/" not in text:
                    self.wrong(where, f"{shown(text)} lacks its prefix length, such as {interface.ip}/24")
                self.of_a_host(where, interface.ip)
                if interface.ip in taken:
                    self.wrong(where, f"{interface.ip} is {taken[interface.ip]} already")
                taken[interface.ip] = where
                addresses[network], sockets[network] = interface, socket
            found.append(
                Node(
                    name,
                    self.choice(row, key, "role", Role, Role.MEMBER),
                    self.text(row, key, "site", "main"),
                    self.text(row, key, "host"),
                    self.text(row, key, "power"),
                    addresses,
                    sockets,
                    self._folders(row, key),
                    self.value(row, key, "in_use", bool, None),
                )
            )
        return found

    def _plugged(self, entry: Json, where: str) -> tuple[Json, Socket]:
        """An address is written as text, or as a table that also says where it is plugged in. None: told already."""
        if not isinstance(entry, dict):
            return entry, Socket()
        self.unknown(entry, where, "ip nic switch port vlan")
        if type(entry.get("port")) is int and 0 <= entry["port"] < 1 << 16:
            entry = entry | {"port": str(entry["port"])}  # most switches number their ports
        nic, switch, port = (self.text(entry, where, name) for name in ("nic", "switch", "port"))
        socket = Socket(nic, switch, port, self.value(entry, where, "vlan", int, None, lambda v: between(v, 1, 4094)))
        ip = self.value(entry, where, "ip", str, ...)
        return ip if isinstance(entry.get("ip"), str) else None, socket

    def _folders(self, row: dict[str, Json], key: str) -> tuple[str, ...]:
        found = self.texts(row, key, "data")
        for folder in found:
            if not (PurePosixPath(folder).is_absolute() or PureWindowsPath(folder).is_absolute()):
                self.wrong(below(key, "data"), f"{shown(folder)} is no absolute path, such as /var/lib/app")
        if len(set(found)) < len(found):
            self.wrong(below(key, "data"), "a folder stands there twice")
        return found

    def _observer(self, row: dict[str, Json], key: str) -> Observer | None:
        self.unknown(row, key, "name kind addr host power")
        name = self.name(row, key)
        kind = self.choice(row, key, "kind", ObserverKind, ObserverKind.PING)
        text = self.value(row, key, "addr", str, ...)
        # A missing one, or one that is no text, was told already.
        address = self.address(below(key, "addr"), text) if isinstance(row.get("addr"), str) else None
        host, power = self.text(row, key, "host"), self.text(row, key, "power")
        return Observer(name, kind, address, host, power) if address else None

    def _stack(self, row: dict[str, Json], key: str, networks: list[Network], nodes: list[Node]) -> StackBinding:
        self.unknown(row, key, "name networks auto_failover override ports current_s")
        known = {network.name for network in networks}
        bound = self.texts(row, key, "networks")
        if not bound:
            self.wrong(below(key, "networks"), "bind the stack to at least one network")
        for network in bound:
            if network not in known:
                self.wrong(below(key, "networks"), f"there is no [network.{network}]")
        names = {node.name for node in nodes}
        pairs: list[tuple[str, str]] = []
        for pair in self.value(row, key, "auto_failover", list, []):
            if not _is_pair(pair):
                self.wrong(below(key, "auto_failover"), f'{shown(pair)} is no pair of nodes, such as ["a", "b"]')
                continue
            for end in pair:
                if end not in names:
                    self.wrong(below(key, "auto_failover"), f"there is no node {shown(end)}")
            # An address that could not be read is told already; that the pair then shares no network would be no news.
            ends = [set(node.addresses) for node in nodes if node.name in pair and node.name not in self._unread]
            if set(bound) & known and len(ends) == 2 and not set(bound) & ends[0] & ends[1]:
                self.wrong(below(key, "auto_failover"), f"{pair[0]!r} and {pair[1]!r} share none of {', '.join(bound)}")
            pairs.append((pair[0], pair[1]))
        override = None
        if "override" in row:
            within = below(key, "override")
            table = self.table(row, "override", "floor_s reason", within)
            override = Override(
                self.value(table, within, "floor_s", int, ..., lambda v: between(v, 1, 3600)),
                self.value(table, within, "reason", str, ..., lambda v: "" if v.strip() else "must say why"),
            )
        ports = None
        if "ports" in row:
            found = [self._port(below(key, "ports"), text) for text in self.texts(row, key, "ports")]
            ports = tuple(dict.fromkeys(port for port in found if port is not None))
        current_s = (
            self.value(row, key, "current_s", int, ..., lambda v: between(v, 1, 3600)) if "current_s" in row else None
        )
        return StackBinding(self.name(row, key), bound, tuple(pairs), override, ports, current_s)

    def _port(self, key: str, text: str) -> Port | None:
        match = _PORT.match(text)
        if match:
            port = Port(Transport(match[1]), int(match[2]))
            if port.transport is Transport.IP:
                if 0 < port.number < 253 and port.number not in _OWN:
                    return port
            elif 0 < port.number < 1 << 16:
                return port
        self.wrong(key, f'{shown(text)} is no port or protocol, such as "tcp/57348", "udp/5405" or "ip/112"')
        return None


def _is_pair(value: Json) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(end, str) for end in value)
        and value[0] != value[1]
    )
