"""Whom a rule is asked about, with what it needs of them, or what of that is missing.

Unknown is never a pass: a subject without its material is a subject all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pandas as pd

from analyzer.contract import (
    NodeStalls,
    Scope,
    Subject,
)
from analyzer.coverage import lacking, recorded_s
from analyzer.extension import (
    ARCHIVE,
    CLOCK,
    ECHO,
    FACTS,
    HEADROOM,
    HOLDS,
    MEETING,
    MTUS,
    NEIGHBOURS,
    NOTES,
    OBSERVERS,
    OPTIONAL,
    PORTS,
    REPLICATION,
    SILENCES,
    STALLS,
    TESTS,
    THROUGHPUT,
    TIMING,
    TIMINGS,
    WITNESSES,
    Rule,
)
from analyzer.host import carried
from analyzer.material import Material
from analyzer.netfacts import nics
from analyzer.rates import HOLE_S
from analyzer.throughput import loaded_s
from collector.contract import State
from collector.plan import ObserverKind, Plan, PlannedPath

if TYPE_CHECKING:
    pass


INTERFACES = ("nic", "link", "backlog")
"""Tables whose devices are network interfaces, which the plan may name."""

Asked = tuple[Subject, str, Mapping[str, Any], str, str]
"""Subject, its node, what the rule needs, what of that is missing, and what of it was recorded for too short a time."""


def subjects(rule: Rule, material: Material) -> Iterator[Asked]:
    """Every subject of the rule's scope."""
    match rule.scope:
        case Scope.NODE if WITNESSES in rule.needs and not _witnesses(material.plan):
            yield Subject(Scope.CLUSTER, material.plan.cluster), "", {WITNESSES: ()}, "", ""
        case Scope.NODE:
            for node in material.plan.nodes:
                yield _node(rule, Subject(Scope.NODE, node.name), node.name, material)
        case Scope.DEVICE:
            for node in material.plan.nodes:
                yield from _devices(rule, node.name, material)
        case Scope.PATH if REPLICATION in rule.needs:
            for leg in material.replications:
                subject = Subject(Scope.PATH if leg.network else Scope.PAIR, leg.path)
                yield subject, leg.source, {REPLICATION: leg}, "", ""
        case Scope.PATH:
            yield from _paths(rule, material)
        case Scope.PAIR:
            for pair in combinations([node.name for node in material.plan.nodes], 2):
                yield from _pair(rule, pair, material)
        case Scope.CLUSTER:
            subject = Subject(Scope.CLUSTER, material.plan.cluster)
            offered = {
                FACTS: material.facts,
                TIMINGS: tuple(material.timings.values()),
                THROUGHPUT: tuple(material.throughputs.values()),
                NOTES: material.notes,
                OBSERVERS: tuple(material.observers),
                NEIGHBOURS: material.neighbours,
                HOLDS: tuple(material.holdings),
            }
            yield subject, "", _only(rule, offered), "", ""


def _witnesses(plan: Plan) -> frozenset[str]:
    return frozenset(observer.name for observer in plan.observers if observer.kind is ObserverKind.WITNESS)


def _paths(rule: Rule, material: Material) -> Iterator[Asked]:
    """Every probed path; for a rule about throughput or the TCP echo those that it was planned for."""
    for path in material.plan.paths():
        if THROUGHPUT in rule.needs and path.name not in material.throughputs:
            continue
        echo = material.echoes.get(path.name)
        if ECHO in rule.needs and echo is None:
            continue
        timing = material.timings.get(path.name)
        missing = echo.reason if ECHO in rule.needs and echo is not None else ""
        if MTUS in rule.needs and path.name not in material.mtus:
            missing = "its MTU was never looked for"
        if TIMING in rule.needs and timing is None:
            missing = _never(path, material)
        offered = {
            TIMING: timing,
            THROUGHPUT: material.throughputs.get(path.name),
            ECHO: echo,
            MTUS: material.mtus,
            NOTES: material.notes,
            STALLS: _ends(material, path.source, path.target),
        }
        yield Subject(Scope.PATH, path.name), path.source, _only(rule, offered), missing, ""


def _ends(material: Material, *names: str) -> dict[str, NodeStalls]:
    return {name: material.stalls[name] for name in names if name in material.stalls}


def _never(path: PlannedPath, material: Material) -> str:
    if path.source not in material.nodes:
        return f"no archive of node {path.source} was given"
    reason = material.reasons.get(path.name, "")
    return f"path {path.name} was never measured" + (f" ({reason})" if reason else "")


def _only(rule: Rule, offered: Mapping[str, Any]) -> dict[str, Any]:
    return {need: offered[need] for need in rule.needs if need in offered}


def _node(rule: Rule, subject: Subject, name: str, material: Material, *, cut: bool = False) -> Asked:
    """`cut`: what is given will be cut to a device, and only that is looked at for its length."""
    data = material.nodes.get(name)
    if data is None:
        return subject, name, {}, f"no archive of node {name} was given", ""
    seen = tuple(timing for timing in material.observers if timing.node == name)
    offered: dict[str, Any] = {
        **data.tables,
        ARCHIVE: material.summaries[name],
        OBSERVERS: seen,
        WITNESSES: tuple(timing for timing in seen if timing.kind == ObserverKind.WITNESS),
        NOTES: material.notes,
        STALLS: material.stalls.get(name, NodeStalls(name, (), (), 0)),
        TESTS: loaded_s(data.tables),
    }
    if name in material.facts:
        offered[FACTS] = material.facts[name]
    if name in material.clocks:
        offered[CLOCK] = material.clocks[name]
    absent = [need for need in rule.needs if need not in offered and need not in OPTIONAL]
    if not absent:
        given = _only(rule, offered)
        return subject, name, given, "", "" if cut else _thin(name, given, material)
    if absent == [FACTS]:
        absent = ["inventory"]
    told = [f"node {name} recorded no {', '.join(absent)}", *_why(absent, name, material)]
    return subject, name, {}, "; ".join(told), ""


def _why(tables: Iterable[str], name: str, material: Material) -> list[str]:
    """What the probes of these tables said of themselves, as far as they did not go well."""
    # An archive that does not say which probe writes a table is taken to be of one that bears the table's name.
    probes = {material.probes.get(name, {}).get(table, table) for table in tables}
    return [
        f"{item.probe} was {item.state}{f' ({item.reason})' if item.reason else ''}"
        for item in material.summaries[name].outcomes
        if item.probe in probes and item.state != State.OK
    ]


def _thin(name: str, given: Mapping[str, Any], material: Material, label: str = "", device: str = "") -> str:
    """Which host tables among the rule's needs were recorded for too little of the node's run, in words. `label` and `device`: what they were cut to."""
    duration_s = material.summaries[name].duration_s
    tables = {need: value for need, value in given.items() if isinstance(value, pd.DataFrame)}
    for table, frame in tables.items():
        # The same for every rule that needs it.
        if (key := (name, table, label, device)) not in material.recorded:
            material.recorded[key] = recorded_s(table, frame)
    short = {
        table: text
        for table in tables
        if (text := lacking(f"table {table} of node {name}", material.recorded[name, table, label, device], duration_s))
    }
    return "; ".join([*short.values(), *_why(short, name, material)])


def _devices(rule: Rule, name: str, material: Material) -> Iterator[Asked]:
    """One subject per value of the label of the rule's first table, which bears the table's name.

    Interfaces that carry a planned address are subjects whether the table has them or not. The record of other interfaces may be
    short, and that of a device that came during the run: containers and snapshots of a backup come and go.
    """
    label = rule.needs[0]
    frame = material.nodes[name].tables.get(label) if name in material.nodes else None
    if frame is None or label not in frame:
        yield _node(rule, Subject(Scope.NODE, name), name, material)
        return
    devices = [str(device) for device in frame[label].unique()]
    placed = carried(material.plan, name, material.facts.get(name, {})) if label in INTERFACES else {}
    # An address may stand under an alias of its interface.
    holders = {part for nic in placed for part in (nic, nic.partition(":")[0])}
    ends = _ends_of_containers(devices, material.facts.get(name, {})) if placed else set()
    for device in devices:
        if device in ends and device not in holders:
            continue
        asked, node, given, missing, _ = _node(
            rule, Subject(Scope.DEVICE, f"{name}/{device}"), name, material, cut=True
        )
        # What is no table stays whole: facts are hostile and may have a key of that name.
        cut = {
            need: value[value[label] == device] if isinstance(value, pd.DataFrame) and label in value else value
            for need, value in given.items()
        }
        guest = device not in holders if placed else _came_late(frame, label, device)
        yield asked, node, cut, missing, "" if missing or guest else _thin(name, cut, material, label, device)
    for nic, networks in placed.items():
        if nic not in devices and nic.partition(":")[0] not in devices:
            nets = ", ".join(network.name for network in networks)
            missing = (
                f"table {label} of node {name} has no interface {nic}, which carries the planned address of {nets}"
            )
            yield Subject(Scope.DEVICE, f"{name}/{nic}"), name, {}, missing, ""


def _came_late(frame: pd.DataFrame, label: str, device: str) -> bool:
    at_s = frame["t_s"]
    return bool(at_s[frame[label] == device].min() > at_s.min() + HOLE_S)


def _ends_of_containers(devices: Sequence[str], facts: Mapping[str, Any]) -> set[str]:
    """The host's ends of its containers: they come by the hundred and carry nothing planned."""
    drivers = {nic.name: nic.driver for nic in nics(facts) or ()}
    return {device for device in devices if drivers.get(device, "veth" if device.startswith("veth") else "") == "veth"}


def _pair(rule: Rule, pair: tuple[str, str], material: Material) -> Iterator[Asked]:
    """Pairs that no probed network joins are no subjects."""
    if not any({path.source, path.target} == set(pair) for path in material.plan.paths()):
        return
    carried = tuple(item for item in material.throughputs.values() if {item.source, item.target} == set(pair))
    if THROUGHPUT in rule.needs and not carried:
        return
    subject = Subject(Scope.PAIR, "+".join(pair))
    offered = {
        THROUGHPUT: carried,
        MEETING: material.meetings.get(pair),
        TIMINGS: tuple(timing for timing in material.timings.values() if {timing.source, timing.target} == set(pair)),
        FACTS: {name: material.facts[name] for name in pair if name in material.facts},
        NOTES: material.notes,
        OBSERVERS: tuple(timing for timing in material.observers if timing.node in pair),
        SILENCES: {key: spans for key, spans in material.silences.items() if key[0] in pair},
        PORTS: tuple(item for item in material.ports if {item.source, item.target} == set(pair)),
        HEADROOM: tuple(item for item in material.headrooms if {item.node, item.other} == set(pair)),
        STALLS: _ends(material, *pair),
    }
    lacking = [name for name in pair if name not in material.nodes]
    missing = f"no archive of node {' and '.join(lacking)} was given" if lacking else ""
    if not missing and any(offered.get(need) is None for need in rule.needs):
        missing = "no path between the two was measured"
    yield subject, "", _only(rule, offered), missing, ""
