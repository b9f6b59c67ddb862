"""Iterate rules and stacks over their subjects; every subject gets a word, whatever happens.

A missing need becomes a finding `skipped` that says what was missing, an exception becomes `error`. Identity is stamped
here, so that no rule can mislabel itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from analyzer.commits import commits
from analyzer.contract import (
    Area,
    EchoTiming,
    Finding,
    Headroom,
    NodeClock,
    NodeStalls,
    NodeSummary,
    Note,
    ObserverTiming,
    PathMtu,
    PortTest,
    Recommendation,
    Replication,
    Scenario,
    Scope,
    Status,
    Subject,
    Throughput,
    Timing,
    TopologyAdvice,
)
from analyzer.coverage import lacking, recorded_s
from analyzer.extension import (
    ARCHIVE,
    CLOCK,
    ECHO,
    FACTS,
    HEADROOM,
    MEETING,
    MTUS,
    NOTES,
    OBSERVERS,
    PORTS,
    REPLICATION,
    STALLS,
    TESTS,
    THROUGHPUT,
    TIMING,
    TIMINGS,
    Context,
    Custom,
    Judgement,
    Rule,
    Stack,
    StackContext,
    Tolerance,
)
from analyzer.frames import NodeData
from analyzer.host import carried
from analyzer.netfacts import nics
from analyzer.rates import HOLE_S
from analyzer.throughput import loaded_s
from analyzer.timing import joint
from collector.contract import State
from collector.plan import ObserverKind, Plan, PlannedPath, StackBinding, spelling

if TYPE_CHECKING:
    from analyzer.detectors.trace import PathTrace

T = TypeVar("T")
C = TypeVar("C")

INTERFACES = ("nic", "link")
"""Tables whose devices are network interfaces, which the plan may name."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that can be asked about, by path, node or pair.

    `probes`: by node, which probe writes a table; `reasons`: what the sender's record says of why a planned path was not measured, by the path's name; "": nothing.
    `throughputs` has every path that bandwidth tests were planned for, `echoes` every path of the TCP echo; `facts` the inventory of every node that told it; `tolerances`
    what planned products bear, by name of node, pair (``a+b``) and path.
    """

    plan: Plan
    nodes: Mapping[str, NodeData]
    summaries: Mapping[str, NodeSummary]
    timings: Mapping[str, Timing]
    throughputs: Mapping[str, Throughput]
    echoes: Mapping[str, EchoTiming]
    observers: Sequence[ObserverTiming]
    facts: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]
    meetings: Mapping[tuple[str, str], bool]
    scenarios: tuple[Scenario, ...]
    duration_s: float
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    clocks: Mapping[str, NodeClock] = field(default_factory=dict)
    stalls: Mapping[str, NodeStalls] = field(default_factory=dict)
    mtus: Mapping[str, PathMtu] = field(default_factory=dict)
    ports: Sequence[PortTest] = ()
    customs: Mapping[Custom, str] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    replications: Sequence[Replication] = ()
    headrooms: Sequence[Headroom] = ()
    paths: Mapping[str, PathTrace] = field(default_factory=dict)
    """Every slot of each measured path that a product uses, by its name."""
    asked: Mapping[str, Mapping[str, PathTrace]] = field(default_factory=dict)
    """Every request to the plan's observers, by node and observer; only where a product depends on them."""


def judge(rules: Sequence[Rule], material: Material) -> list[Finding]:
    """Every rule on every subject of its scope, in the order of the rules."""
    findings = []
    for rule in rules:
        for subject, node, given, missing, thin in _subjects(rule, material):

            def stamp(judgement: Judgement, rule: Rule = rule, subject: Subject = subject) -> Finding:
                return Finding(
                    rule.id,
                    rule.title,
                    rule.area,
                    subject,
                    judgement.status,
                    judgement.message,
                    judgement.evidence,
                    judgement.remedy,
                    judgement.traces,
                    judgement.points,
                )

            if missing:
                findings.append(stamp(Judgement(Status.SKIPPED, f"Not judged: {missing}.")))
                continue
            tolerance = material.tolerances.get(subject.name)
            context = Context(
                subject, material.plan, node, material.duration_s, given, rule.limits, tolerance, material.customs
            )
            words, failure = _attempt(rule.check, context)
            if thin:
                # What was seen to be bad is bad; what was seen to be good was not seen for long enough.
                bad = [word for word in words if word.status in (Status.WARN, Status.FAIL)]
                words = [*bad, Judgement(Status.SKIPPED, f"Not judged: {thin}.", remedy=_record(node))]
            findings += [stamp(word) for word in words]
            if failure:
                text = f"The rule {rule.id} failed: {failure}. This is a fault of haready, not of the site."
                findings.append(stamp(Judgement(Status.ERROR, text, remedy="Report it with the archives.")))
            elif not words:
                findings.append(stamp(Judgement(Status.ERROR, f"The rule {rule.id} said nothing.")))
    return findings


def recommend(stacks: Sequence[Stack], material: Material) -> tuple[list[Recommendation], list[Finding]]:
    """Every bound stack on every pair that its networks join; what went wrong comes as findings."""
    known = {spelling(stack.name): stack for stack in stacks}
    advice: list[Recommendation] = []
    findings: list[Finding] = []
    for binding in material.plan.stacks:
        stack = known.get(spelling(binding.name))
        title = stack.title if stack else "Settings"
        if stack is None:
            names = ", ".join(sorted(known))
            text = f"This version has no settings for {binding.name!r}; it knows {names}."
            subject = Subject(Scope.CLUSTER, material.plan.cluster)
            remedy = "Correct the name under [[stack]] in plan.toml, or size this product by hand."
            findings.append(_finding(binding.name, title, subject, Status.SKIPPED, text, remedy))
            continue
        if stack.scope is not Scope.NODE:
            findings += _unmeasured(binding, title, material)
        for context in _contexts(stack, binding, material):
            found, failure = _attempt(partial(_checked, stack), context)
            advice += found
            if failure:
                text = f"The settings of {stack.name} could not be computed: {failure}. This is a fault of haready."
                findings.append(
                    _finding(stack.name, title, context.subject, Status.ERROR, text, "Report it with the archives.")
                )
    return advice, findings


def advise(stacks: Sequence[Stack], material: Material) -> tuple[list[TopologyAdvice], list[Finding]]:
    """How bound products may be built on their pairs, of those that have a word on it; what went wrong comes as findings."""
    known = {spelling(stack.name): stack for stack in stacks}
    advice: list[TopologyAdvice] = []
    findings: list[Finding] = []
    for binding in material.plan.stacks:
        stack = known.get(spelling(binding.name))
        if stack is None or stack.advise is None:
            continue
        for context in _contexts(stack, binding, material):
            found, failure = _attempt(stack.advise, context)
            advice += found
            if failure:
                text = f"The advice on topology of {stack.name} failed: {failure}. This is a fault of haready."
                remedy = "Report it with the archives."
                findings.append(_finding(stack.name, stack.title, context.subject, Status.ERROR, text, remedy))
    return advice, findings


def _unmeasured(binding: StackBinding, title: str, material: Material) -> Iterator[Finding]:
    """A word on every pair with a bound network that has no measured path: its settings rest on nothing there."""
    for one, other in combinations(material.plan.nodes, 2):
        common = [name for name in binding.networks if name in one.addresses and name in other.addresses]
        ends = {one.name, other.name}
        seen = {timing.network for timing in material.timings.values() if {timing.source, timing.target} == ends}
        lacking = [name for name in common if name not in seen]
        if not lacking:
            continue
        unprobed = [name for name in lacking if not material.plan.network(name).probe]
        why = f" ({', '.join(unprobed)}: the plan does not probe it)" if unprobed else ""
        yield _finding(
            binding.name,
            title,
            Subject(Scope.PAIR, f"{one.name}+{other.name}"),
            Status.SKIPPED,
            f"{one.name} and {other.name}: nothing was measured on {', '.join(lacking)}, where {binding.name} is to run{why}.",
            " ".join(f"Set probe = true under [network.{name}] in plan.toml and repeat the run." for name in unprobed)
            or "Check cabling, addresses, routes and firewalls of these networks, then repeat the run.",
        )


def _checked(stack: Stack, context: StackContext) -> Iterator[Recommendation]:
    for advice in stack.recommend(context):
        _within(stack, advice)
        yield advice


def bound(stacks: Sequence[Stack], plan: Plan) -> list[Stack]:
    """The products that the plan names."""
    named = {spelling(binding.name) for binding in plan.stacks}
    return [stack for stack in stacks if spelling(stack.name) in named]


def replicating(stacks: Sequence[Stack], plan: Plan) -> list[StackBinding]:
    """The bindings of products that replicate what is written."""
    names = {spelling(stack.name) for stack in stacks if Custom.REPLICATES in stack.customs}
    return [binding for binding in plan.stacks if spelling(binding.name) in names]


def customs(stacks: Sequence[Stack], plan: Plan) -> dict[Custom, str]:
    """What the products that the plan names ask of the site, each with the names of those that ask."""
    asking = bound(stacks, plan)
    return {
        custom: " and ".join(stack.name for stack in asking if custom in stack.customs)
        for custom in Custom
        if any(custom in stack.customs for stack in asking)
    }


def _within(stack: Stack, advice: Recommendation) -> None:
    """Hold every value against its option: a value that the product would refuse is a fault, never clamped.

    Raises:
        ValueError: not a whole number, or out of the option's range.
    """
    options = {option.name: option for option in stack.options}
    for setting in advice.settings:
        option, value = options[setting.option], setting.value
        if isinstance(value, str):
            continue
        low = -math.inf if option.minimum is None else option.minimum
        high = math.inf if option.maximum is None else option.maximum
        if not low <= value <= high or (option.integer and value != int(value)):
            raise ValueError(f"{setting.option} = {value} is not a value of this option")


def _attempt(plug_in: Callable[[C], Iterator[T]], context: C) -> tuple[list[T], str]:
    """Run a plug-in to its end: (what it yielded, the exception as text or "")."""
    words: list[T] = []
    try:
        words.extend(plug_in(context))
    except Exception as error:  # noqa: BLE001 - one rule's fault must not cost the others their word
        return words, f"{type(error).__name__}: {error}"
    return words, ""


def _finding(name: str, title: str, subject: Subject, status: Status, text: str, remedy: str) -> Finding:
    return Finding(name, title, Area.SETTINGS, subject, status, text, remedy=remedy)


def _contexts(stack: Stack, binding: StackBinding, material: Material) -> Iterator[StackContext]:
    """Whatever the stack has one setting for: the pairs that the bound networks join, automatic or not; the cluster; or each node."""
    automatic = {frozenset(pair) for pair in binding.auto_failover}
    names = [
        node.name for node in material.plan.nodes if any(network in node.addresses for network in binding.networks)
    ]
    if stack.scope is Scope.NODE:
        for name in names:
            yield replace(
                _context(binding, material, (name,), automatic=True),
                asked=_scs(material, name),
            )
        return
    if stack.scope is Scope.CLUSTER:
        context = _context(binding, material, tuple(names), automatic=True)
        if context.paths:
            yield replace(context, subject=Subject(Scope.CLUSTER, material.plan.cluster))
        return
    for pair in combinations([node.name for node in material.plan.nodes], 2):
        context = _context(binding, material, pair, automatic=frozenset(pair) in automatic)
        if context.paths or context.automatic:
            yield context


def _scs(material: Material, name: str) -> dict[str, PathTrace]:
    """What the node's requests to SCS hosts met."""
    wanted = {observer.name for observer in material.plan.observers if observer.kind is ObserverKind.SCS}
    return {observer: trace for observer, trace in material.asked.get(name, {}).items() if observer in wanted}


def _context(binding: StackBinding, material: Material, names: tuple[str, ...], *, automatic: bool) -> StackContext:
    paths = tuple(
        path
        for path in material.plan.paths()
        if path.network in binding.networks and path.source in names and path.target in names
    )
    timings = tuple(material.timings[path.name] for path in paths if path.name in material.timings)
    return StackContext(
        material.plan,
        binding,
        Subject(Scope.PAIR if len(names) > 1 else Scope.NODE, "+".join(names)),
        names,
        automatic,
        paths,
        timings,
        material.scenarios,
        joint((names[0], names[1]), material.plan, timings) if timings and len(names) == 2 else None,
        tuple(material.throughputs[path.name] for path in paths if path.name in material.throughputs),
        tuple(name for name in names if name in material.summaries and _holed(material.summaries[name])),
        tuple(echo for path in paths if (echo := material.echoes.get(path.name)) is not None and not echo.reason),
        facts={name: material.facts[name] for name in names if name in material.facts},
        observers=tuple(timing for timing in material.observers if timing.node in names),
        traces={path.name: material.paths[path.name] for path in paths if path.name in material.paths},
        commits=tuple(
            found for name in names if (found := commits(material.plan, material.nodes.get(name))) is not None
        ),
    )


def _holed(node: NodeSummary) -> bool:
    """Whether a part of the record is there and cannot be read. One that ended early merely ended."""
    return bool(node.damage)


_Asked = tuple[Subject, str, Mapping[str, Any], str, str]
"""Subject, its node, what the rule needs, what of that is missing, and what of it was recorded for too short a time."""


def _record(node: str) -> str:
    return f"See in the archive of {node} (haready inspect) why the record ends or has holes, and repeat the run."


def _subjects(rule: Rule, material: Material) -> Iterator[_Asked]:
    match rule.scope:
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
            offered = {FACTS: material.facts, TIMINGS: tuple(material.timings.values()), NOTES: material.notes}
            yield subject, "", _only(rule, offered), "", ""


def _paths(rule: Rule, material: Material) -> Iterator[_Asked]:
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
        }
        yield Subject(Scope.PATH, path.name), path.source, _only(rule, offered), missing, ""


def _never(path: PlannedPath, material: Material) -> str:
    if path.source not in material.nodes:
        return f"no archive of node {path.source} was given"
    reason = material.reasons.get(path.name, "")
    return f"path {path.name} was never measured" + (f" ({reason})" if reason else "")


def _only(rule: Rule, offered: Mapping[str, Any]) -> dict[str, Any]:
    return {need: offered[need] for need in rule.needs if need in offered}


def _node(rule: Rule, subject: Subject, name: str, material: Material) -> _Asked:
    data = material.nodes.get(name)
    if data is None:
        return subject, name, {}, f"no archive of node {name} was given", ""
    seen = tuple(timing for timing in material.observers if timing.node == name)
    offered: dict[str, Any] = {
        **data.tables,
        ARCHIVE: material.summaries[name],
        OBSERVERS: seen,
        NOTES: material.notes,
        STALLS: material.stalls.get(name, NodeStalls(name, (), (), 0)),
        TESTS: loaded_s(data.tables),
    }
    if name in material.facts:
        offered[FACTS] = material.facts[name]
    if name in material.clocks:
        offered[CLOCK] = material.clocks[name]
    absent = [need for need in rule.needs if need not in offered]
    if not absent:
        given = _only(rule, offered)
        return subject, name, given, "", _thin(name, given, material)
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


def _thin(name: str, given: Mapping[str, Any], material: Material) -> str:
    """Which host tables among the rule's needs were recorded for too little of the node's run, in words."""
    duration_s = material.summaries[name].duration_s
    tables = {need: value for need, value in given.items() if isinstance(value, pd.DataFrame)}
    short = {
        table: text
        for table, frame in tables.items()
        if (text := lacking(f"table {table} of node {name}", recorded_s(table, frame), duration_s))
    }
    return "; ".join([*short.values(), *_why(short, name, material)])


def _devices(rule: Rule, name: str, material: Material) -> Iterator[_Asked]:
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
        asked, node, given, missing, _ = _node(rule, Subject(Scope.DEVICE, f"{name}/{device}"), name, material)
        # What is no table stays whole: facts are hostile and may have a key of that name.
        cut = {
            need: value[value[label] == device] if isinstance(value, pd.DataFrame) and label in value else value
            for need, value in given.items()
        }
        guest = device not in holders if placed else _came_late(frame, label, device)
        yield asked, node, cut, missing, "" if missing or guest else _thin(name, cut, material)
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


def _pair(rule: Rule, pair: tuple[str, str], material: Material) -> Iterator[_Asked]:
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
        PORTS: tuple(item for item in material.ports if {item.source, item.target} == set(pair)),
        HEADROOM: tuple(item for item in material.headrooms if {item.node, item.other} == set(pair)),
    }
    lacking = [name for name in pair if name not in material.nodes]
    missing = f"no archive of node {' and '.join(lacking)} was given" if lacking else ""
    if not missing and any(offered.get(need) is None for need in rule.needs):
        missing = "no path between the two was measured"
    yield subject, "", _only(rule, offered), missing, ""
