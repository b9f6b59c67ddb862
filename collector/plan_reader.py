"""Turns the mapping of a plan file into a `Plan`, and finds every mistake in it rather than the first."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

from collector.contract import Json
from collector.plan import (
    DEFAULT_PORT,
    FORMAT,
    NAME,
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
    Probing,
    Role,
    ScenarioName,
    Security,
    StackBinding,
    Target,
    Topology,
)

EnumT = TypeVar("EnumT", bound=StrEnum)


class Reader:
    """Walks the mapping, collects mistakes and goes on, so that all are shown at once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.mistakes: list[str] = []

    def _wrong(self, key: str, what: str) -> None:
        self.mistakes.append(f"{self.where}: {key}: {what}")

    def _table(self, parent: dict[str, Json], name: str, known: str, key: str = "") -> dict[str, Json]:
        value = parent.get(name, {})
        key = key or name
        if not isinstance(value, dict):
            self._wrong(key, "must be a table")
            return {}
        self._unknown(value, key, known)
        return value

    def _unknown(self, table: dict[str, Json], key: str, known: str) -> None:
        for name in sorted(set(table) - set(known.split())):
            self._wrong(f"{key}.{name}" if key else name, f"unknown key; known: {', '.join(known.split())}")

    def _value(
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
                self._wrong(key, "is missing")
                return kind()
            return default
        value = table[name]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value) if abs(value) < 1 << 53 else float("inf")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", list: "a list"}
            self._wrong(key, f"must be {words[kind]}, not {value!r}")
            return kind() if default is ... else default
        if problem := check(value):
            self._wrong(key, problem)
        return value

    def _choice(self, table: dict[str, Json], path: str, name: str, kind: type[EnumT], default: EnumT | None) -> EnumT:
        options = [str(member) for member in kind]
        value = self._value(table, path, name, str, ... if default is None else str(default))
        if value in options:
            return kind(value)
        if name in table:
            self._wrong(f"{path}.{name}", f"{value!r} is not one of {', '.join(options)}")
        return default if default is not None else next(iter(kind))

    def _name(self, table: dict[str, Json], path: str) -> str:
        def check(value: str) -> str:
            return "" if NAME.match(value) else f"{value!r} is no name: letters, digits, '.', '_' and '-', at most 63"

        value = self._value(table, path, "name", str, ..., check)
        assert isinstance(value, str)
        return value

    def _address(self, key: str, value: Json) -> Address | None:
        try:
            return ipaddress.ip_address(value)
        except ValueError:
            self._wrong(key, f"{value!r} is no IP address")
            return None

    def _rows(self, data: dict[str, Json], key: str) -> list[dict[str, Json]]:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self._wrong(key, f"must be written as [[{key}]]")
            return []
        return value

    def _texts(self, table: dict[str, Json], path: str, name: str) -> tuple[str, ...]:
        values = self._value(table, path, name, list, [])
        if not all(isinstance(value, str) for value in values):
            self._wrong(f"{path}.{name}", "must be a list of texts")
            return ()
        return tuple(values)

    def plan(self, data: dict[str, Json]) -> Plan | None:
        """The plan, or None if `mistakes` is not empty."""
        self._unknown(data, "", "format cluster node observer network stack target scenario probe bandwidth security")
        number = self._value(data, "", "format", int, ...)
        if "format" in data and number != FORMAT:
            self._wrong("format", f"this version reads format {FORMAT}, not {number}")
        cluster = self._table(data, "cluster", "name topology phase origin")
        networks = self._networks(data)
        nodes = self._nodes(data, {network.name for network in networks})
        names = [node.name for node in nodes]
        stacks = tuple(
            self._stack(row, f"stack[{index}]", networks, nodes) for index, row in enumerate(self._rows(data, "stack"))
        )
        observers = tuple(
            observer
            for index, row in enumerate(self._rows(data, "observer"))
            if (observer := self._observer(row, f"observer[{index}]")) is not None
        )
        for network in networks:
            if len({node.addresses[network.name].version for node in nodes if network.name in node.addresses}) > 1:
                self._wrong(f"network.{network.name}", "some nodes have an IPv4 address on it and some IPv6")
        for name in sorted({name for name in names if names.count(name) > 1}):
            self._wrong("node", f"two nodes are called {name!r}")
        topology = self._choice(cluster, "cluster", "topology", Topology, Topology.CUSTOM)
        wanted = {Topology.HA_PAIR: 2, Topology.DR_PAIR: 2, Topology.HA_DR_TRIO: 3}.get(topology)
        if wanted is not None and len(nodes) != wanted:
            self._wrong("node", f"a {topology} has {wanted} nodes, this plan has {len(nodes)}")
        elif len(nodes) < 2:
            self._wrong("node", f"at least 2 nodes are needed, this plan has {len(nodes)}")
        target = self._table(data, "target", "false_failovers_per_year detection_s")
        scenario = self._table(data, "scenario", "off on")
        probe = self._table(data, "probe", "period_s port")
        bandwidth = self._table(data, "bandwidth", "budget_B quiet")
        security = self._table(data, "security", "key_file open_to")
        plan = Plan(
            cluster=self._name(cluster, "cluster"),
            topology=topology,
            phase=self._choice(cluster, "cluster", "phase", Phase, Phase.BEFORE),
            origin=self._choice(cluster, "cluster", "origin", Origin, Origin.MEASURED),
            nodes=tuple(nodes),
            observers=observers,
            networks=tuple(networks),
            stacks=stacks,
            target=Target(
                self._value(target, "target", "false_failovers_per_year", float, 1.0, _positive),
                self._value(target, "target", "detection_s", float, None, _positive),
            ),
            probing=Probing(
                self._value(probe, "probe", "period_s", float, 0.2, lambda v: _between(v, 0.02, 10.0)),
                self._value(probe, "probe", "port", int, DEFAULT_PORT, lambda v: _between(v, 1, 65535)),
            ),
            bandwidth=Bandwidth(
                self._value(bandwidth, "bandwidth", "budget_B", int, 0, lambda v: _between(v, 0, 10**15)),
                self._texts(bandwidth, "bandwidth", "quiet"),
            ),
            security=Security(
                self._value(security, "security", "key_file", str, "plan.key"),
                tuple(
                    found
                    for text in self._texts(security, "security", "open_to")
                    if (found := self._address("security.open_to", text)) is not None
                ),
            ),
            scenarios_off=self._scenarios(scenario, "off"),
            scenarios_on=self._scenarios(scenario, "on"),
            data=data,
        )
        for name in sorted(set(plan.scenarios_off) & set(plan.scenarios_on)):
            self._wrong("scenario.on", f"{name.value!r} stands in off as well")
        if not self.mistakes and not any(plan.paths()):
            self._wrong("network", "no network joins two nodes, so there is nothing to measure")
        return plan if not self.mistakes else None

    def _scenarios(self, table: dict[str, Json], name: str) -> tuple[ScenarioName, ...]:
        found = []
        for text in self._texts(table, "scenario", name):
            if text in list(ScenarioName):
                found.append(ScenarioName(text))
            else:
                self._wrong(f"scenario.{name}", f"{text!r} is not one of {', '.join(ScenarioName)}")
        return tuple(found)

    def _networks(self, data: dict[str, Json]) -> list[Network]:
        found = []
        table = data.get("network", {})
        if not isinstance(table, dict) or not table:
            self._wrong("network", "at least one [network.NAME] is needed")
            return []
        for name, row in table.items():
            key = f"network.{name}"
            if not NAME.match(name):
                self._wrong(key, "letters, digits, '.', '_' and '-', at most 63")
            if not isinstance(row, dict):
                self._wrong(key, "must be a table")
                continue
            self._unknown(row, key, "kind rate_bps vlan probe")
            found.append(
                Network(
                    name,
                    self._choice(row, key, "kind", NetworkKind, NetworkKind.CHANNEL),
                    self._value(row, key, "rate_bps", int, None, _positive),
                    self._value(row, key, "vlan", int, None, lambda v: _between(v, 1, 4094)),
                    self._value(row, key, "probe", bool, default=True),
                )
            )
        return found

    def _nodes(self, data: dict[str, Json], networks: set[str]) -> list[Node]:
        found: list[Node] = []
        taken: dict[Address, str] = {}
        for index, row in enumerate(self._rows(data, "node")):
            key = f"node[{index}]"
            self._unknown(row, key, "name role site host power addr")
            name = self._name(row, key)
            addresses: dict[str, Interface] = {}
            written = row.get("addr", {})
            if not isinstance(written, dict) or not written:
                self._wrong(f"{key}.addr", 'is missing; write addr = { ch1 = "10.1.1.1/24" }')
                written = {}
            for network, text in written.items():
                where = f"{key}.addr.{network}"
                if network not in networks:
                    self._wrong(where, f"there is no [network.{network}]")
                try:
                    interface = ipaddress.ip_interface(text)
                except ValueError:
                    self._wrong(where, f"{text!r} is no address with prefix, such as 10.1.1.1/24")
                    continue
                if "/" not in str(text):
                    self._wrong(where, f"{text!r} lacks its prefix length, such as {text}/24")
                if interface.ip in taken:
                    self._wrong(where, f"{interface.ip} is {taken[interface.ip]} already")
                taken[interface.ip] = where
                addresses[network] = interface
            found.append(
                Node(
                    name,
                    self._choice(row, key, "role", Role, Role.MEMBER),
                    self._value(row, key, "site", str, "main"),
                    self._value(row, key, "host", str, ""),
                    self._value(row, key, "power", str, ""),
                    addresses,
                )
            )
        return found

    def _observer(self, row: dict[str, Json], key: str) -> Observer | None:
        self._unknown(row, key, "name kind addr")
        name = self._name(row, key)
        kind = self._choice(row, key, "kind", ObserverKind, ObserverKind.PING)
        text = self._value(row, key, "addr", str, ...)
        address = self._address(f"{key}.addr", text) if text else None
        return Observer(name, kind, address) if address else None

    def _stack(self, row: dict[str, Json], key: str, networks: list[Network], nodes: list[Node]) -> StackBinding:
        self._unknown(row, key, "name networks auto_failover override")
        known = {network.name for network in networks}
        bound = self._texts(row, key, "networks")
        if not bound:
            self._wrong(f"{key}.networks", "bind the stack to at least one network")
        for network in bound:
            if network not in known:
                self._wrong(f"{key}.networks", f"there is no [network.{network}]")
        names = {node.name for node in nodes}
        pairs: list[tuple[str, str]] = []
        for pair in self._value(row, key, "auto_failover", list, []):
            if not _is_pair(pair):
                self._wrong(f"{key}.auto_failover", f'{pair!r} is no pair of nodes, such as ["a", "b"]')
                continue
            for end in pair:
                if end not in names:
                    self._wrong(f"{key}.auto_failover", f"there is no node {end!r}")
            for node in nodes:
                missing = set(bound) & known - set(node.addresses)
                if node.name in pair and missing:
                    self._wrong(
                        f"{key}.auto_failover", f"node {node.name!r} has no address on {', '.join(sorted(missing))}"
                    )
            pairs.append((pair[0], pair[1]))
        override = None
        if "override" in row:
            table = self._table(row, "override", "floor_s reason", f"{key}.override")
            override = Override(
                self._value(table, f"{key}.override", "floor_s", int, ..., lambda v: _between(v, 1, 3600)),
                self._value(
                    table, f"{key}.override", "reason", str, ..., lambda v: "" if v.strip() else "must say why"
                ),
            )
        return StackBinding(self._name(row, key), bound, tuple(pairs), override)


def _is_pair(value: Json) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(isinstance(end, str) for end in value)
        and value[0] != value[1]
    )


def _positive(value: float) -> str:
    return "" if 0 < value < float("inf") else f"must be above 0, not {value}"


def _between(value: float, low: float, high: float) -> str:
    return "" if low <= value <= high else f"must lie between {low} and {high}, not {value}"
