"""Archives to assessment: the order of the steps, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from analyzer import limits, rules, stacks, waivers
from analyzer.align import Clock
from analyzer.churn import writes
from analyzer.clocks import node_clock
from analyzer.contract import (
    OF_PATHS,
    SCHEMA,
    Assessment,
    Joint,
    NodeStalls,
    NodeSummary,
    PlanNetwork,
    PlanNode,
    ProbeOutcome,
    Scope,
    Timing,
    Waiver,
)
from analyzer.echo import echoes
from analyzer.engine import advise, bound, customs, judge, recommend, replicating
from analyzer.extension import Custom, Rule, Stack
from analyzer.frames import NodeData, read
from analyzer.headroom import headrooms
from analyzer.holdings import holdings, tenures
from analyzer.inventory import described
from analyzer.joints import joint, on_channels
from analyzer.lanplan import addresses, egress
from analyzer.majority import deciding, switched_by_hand
from analyzer.material import Material
from analyzer.minutes import node_minutes
from analyzer.mtu import path_mtus
from analyzer.netfacts import neighbours
from analyzer.notes import noted
from analyzer.observers import observed, silences
from analyzer.ports import port_tests
from analyzer.replication import replications
from analyzer.run import measured, requested
from analyzer.scenarios import resolve
from analyzer.score import score
from analyzer.stood import stood_for_all
from analyzer.thin import node_charts
from analyzer.throughput import throughputs
from analyzer.together import met, ordered
from analyzer.tolerance import tolerances
from analyzer.untested import untested
from analyzer.verdict import answer
from collector.archive.story import Story
from collector.contract import Interval, Outcome, State, tool_version
from collector.errors import printable
from collector.plan import Plan
from collector.plugins import discover

_SEVERITY = (State.ERROR, State.TIMEOUT, State.SKIPPED, State.OK)


def assess(
    paths: Sequence[Path], created: datetime | None = None, profile: str = "", waived: Sequence[Waiver] = ()
) -> Assessment:
    """Assess the archives of one run. `created` (default: now) is stamped into the result, and the day that waivers are held against.

    `profile`: name or file of the operator's profile; `waived`: what the operator accepts.

    Raises:
        OperatorError: the archives do not belong together, or the plan, the profile or a waiver names something unknown.
        ArchiveError: an archive cannot be used.
    """
    now = (created or datetime.now(UTC)).astimezone(UTC)
    products: list[Stack] = discover(stacks, "STACK")
    usual: list[Rule] = discover(rules, "RULE")
    chosen = limits.load(profile, usual) if profile else None
    checks = limits.changed(usual, chosen)
    waivers.check(waived, [*(rule.id for rule in checks), *(stack.name for stack in products)])
    nodes = {node.name: node for node in ordered([read(path) for path in paths])}
    plan = next(iter(nodes.values())).plan
    facts = {
        name: _facts(node.story) for name, node in nodes.items() if isinstance(node.story.facts.get("inventory"), dict)
    }
    scenarios = resolve(plan, {name: facts.get(name, {}) for name in nodes})
    meetings = {
        pair: met(nodes[pair[0]], nodes[pair[1]])
        for pair in combinations([node.name for node in plan.nodes], 2)
        if set(pair) <= set(nodes)
    }
    run = measured(plan, nodes, meetings)
    timings = run.timings
    summaries = {name: _summary(node, run.clocks[name]) for name, node in nodes.items()}
    deciders = customs(products, plan)
    joints = tuple(
        _together(pair, plan, between, run.stalls, deciders)
        for pair in combinations([node.name for node in plan.nodes], 2)
        if (between := on_channels(pair, plan, timings.values()))
    )
    carried = throughputs(plan, nodes)
    mtus = path_mtus(plan, nodes)
    ports = port_tests(plan, nodes)
    asked = observed(plan, nodes)
    notes = noted(nodes, run.clocks, run.start_s)
    clocks = {name: node_clock(node, run.clocks[name], run.start_s) for name, node in nodes.items()}
    echoed = echoes(plan, nodes, run.clocks, meetings)
    written, write_charts = writes(nodes, facts, run.duration_s)
    legs, leg_charts = replications(plan, replicating(products, plan), nodes, summaries, written, carried)
    rooms = headrooms(plan, nodes, summaries, facts)
    held = holdings(plan, nodes, run.clocks, run.start_s)
    material = Material(
        plan=plan,
        nodes=nodes,
        summaries=summaries,
        timings=timings,
        throughputs=carried,
        echoes=echoed,
        observers=asked,
        facts=facts,
        reasons=_reasons(plan, nodes),
        meetings=meetings,
        scenarios=scenarios,
        tolerances=tolerances(products, plan),
        duration_s=run.duration_s,
        notes=notes,
        clocks=clocks,
        stalls=run.stalls,
        mtus=mtus,
        ports=ports,
        customs=deciders,
        probes={name: node.probes for name, node in nodes.items()},
        replications=legs,
        headrooms=rooms,
        neighbours={
            name: told
            for name, node in nodes.items()
            if (told := neighbours(node.story.facts.get("neighbours", {}))) is not None
        },
        silences=silences(plan, nodes),
        holdings=held,
        paths=run.paths,
        asked=requested(plan, nodes, run) if any(one.scope is Scope.NODE for one in bound(products, plan)) else {},
    )
    findings = limits.marked(judge(checks, material))
    advice, failures = recommend(products, material)
    topologies, faults = advise(products, material, findings)
    findings, uses = waivers.apply(waived, [*findings, *failures, *faults], now.date())
    changes = limits.changes(checks, findings)
    overrides = [item.override for item in advice if item.override]
    result = answer(material, findings, overrides, changes)
    return Assessment(
        schema=SCHEMA,
        tool_version=tool_version(),
        created=_iso(now),
        origin=str(plan.origin),
        cluster=plan.cluster,
        topology=str(plan.topology),
        phase=str(plan.phase),
        plan_digest=plan.digest,
        started=_iso(min(datetime.fromisoformat(node.started) for node in nodes.values())),
        duration_s=run.duration_s,
        verdict=result.verdict,
        summary=result.summary,
        reasons=result.reasons,
        fixes=result.fixes,
        overrides=tuple(overrides),
        score=score(findings, result.verdict),
        planned=tuple(PlanNode(node.name, str(node.role), node.site, node.host, node.power) for node in plan.nodes),
        networks=tuple(
            PlanNetwork(net.name, str(net.kind), net.vlan, net.rate_bps, net.dscp, net.probe, net.bandwidth)
            for net in plan.networks
        ),
        addresses=addresses(plan, facts),
        egress=egress(plan, facts),
        nodes=tuple(summaries.values()),
        clocks=tuple(clocks.values()),
        notes=notes,
        findings=tuple(findings),
        timings=tuple(timings.values()),
        throughputs=tuple(carried.values()),
        echoes=tuple(echoed.values()),
        observers=asked,
        joints=joints,
        recommendations=tuple(advice),
        scenarios=scenarios,
        traces=(
            *run.traces,
            *(chart for node in nodes.values() for chart in node_charts(node, run.duration_s)),
            *write_charts,
            *leg_charts,
        ),
        curves=run.curves,
        untested=untested(
            plan, bound(products, plan), asked, facts, ports, idle=any(one.idle for one in echoed.values()), legs=legs
        ),
        path_mtus=tuple(mtus.values()),
        ports=ports,
        writes=written,
        stalls=tuple(run.stalls.values()),
        replications=legs,
        headrooms=rooms,
        topologies=tuple(topologies),
        profile=chosen.name if chosen else "",
        changes=changes,
        waivers=uses,
        minutes=(*run.minutes, *(one for node in nodes.values() for one in node_minutes(node, run.duration_s))),
        holdings=tenures(plan, held),
    )


def _together(
    pair: tuple[str, str],
    plan: Plan,
    timings: Sequence[Timing],
    stalls: Mapping[str, NodeStalls],
    deciders: Mapping[Custom, Sequence[str]],
) -> Joint:
    """The channels of a pair, with what their common outages were and what they mean to it."""
    ends = {name: stalls[name] for name in pair if name in stalls}
    return replace(
        joint(pair, plan, timings),
        stood=stood_for_all(ends, timings),
        majority=tuple(item.product for item in deciding(plan, deciders, pair)),
        by_hand=switched_by_hand(plan, pair),
    )


def _reasons(plan: Plan, nodes: Mapping[str, NodeData]) -> dict[str, str]:
    """Why a path may not have been measured, by path name: what its sender's record says, "" if nothing."""
    found = {}
    for path in plan.paths():
        told = nodes[path.source].story.outcomes if path.source in nodes else ()
        outcome = next((item for item in told if item.probe == f"path {path.name}"), None)
        found[path.name] = _longest(outcome).reason if outcome and outcome.intervals else ""
    return found


def _worst(outcome: Outcome) -> Interval:
    return min(outcome.intervals, key=lambda interval: (_SEVERITY.index(interval.state), -interval.to_us))


def _longest(outcome: Outcome) -> Interval:
    return max(outcome.intervals, key=lambda interval: interval.to_us - interval.from_us)


def _fared(outcome: Outcome) -> ProbeOutcome:
    """One line: a probe's worst state, a path's usual one (waiting for a peer and its goodbye belong to every run).

    Whatever is about a path is told like the path: one test that failed among many is told with the throughput.
    """
    state, reason = State.SKIPPED, "never ran"
    if outcome.intervals:
        interval = _longest(outcome) if outcome.probe.startswith(OF_PATHS) else _worst(outcome)
        state, reason = interval.state, interval.reason
    lasted_us = sum(part.to_us - part.from_us for part in outcome.intervals if part.state is state)
    return ProbeOutcome(
        outcome.probe, str(state), reason, outcome.ticks, outcome.missed, lasted_us / 1e6, gave_up=_gave_up(outcome)
    )


def _gave_up(outcome: Outcome) -> bool:
    """Whether it was skipped after it had worked: the machine has what the probe needs, and then it had it no longer."""
    began_us = min((part.from_us for part in outcome.intervals if part.state is State.OK), default=None)
    return began_us is not None and any(
        part.state is State.SKIPPED and part.from_us > began_us for part in outcome.intervals
    )


def _facts(story: Story) -> dict[str, Any]:
    """The inventory, and under `software` the lists of packages and services, which an archive that was cut short may lack."""
    lists = story.facts.get("software")
    return dict(story.facts["inventory"]) | ({"software": lists} if isinstance(lists, dict) else {})


def _summary(node: NodeData, clock: Clock) -> NodeSummary:
    planned = node.plan.node(node.name)
    inventory = node.story.facts.get("inventory", {})
    return NodeSummary(
        name=node.name,
        role=str(planned.role),
        site=planned.site,
        archive=printable(node.path.name),
        sha256=node.sha256,
        session=node.session,
        tool_version=node.tool_version,
        started=node.started,
        duration_s=node.duration_s,
        planned_s=node.planned_s,
        gaps_s=node.gaps_s,
        sealed=node.sealed,
        damage=node.damage,
        restarts=len(node.story.restarts),
        dropped=node.story.dropped,
        clock_error_s=clock.error_s,
        inventory=described(inventory),
        outcomes=tuple(_fared(outcome) for outcome in node.story.outcomes),
    )


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
