"""What the paths of a run gave, beside the clocks and stalls of its nodes, all on one time base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from analyzer.align import Clock, align
from analyzer.columns import numbers
from analyzer.contract import Curve, Minutes, NodeStalls, Timing, Trace
from analyzer.detectors.recorded import asked_trace, path_trace, replayable
from analyzer.detectors.trace import PathTrace
from analyzer.fast import under_load
from analyzer.frames import NodeData
from analyzer.minutes import path_minutes
from analyzer.slots import path_log
from analyzer.stalls import node_stalls
from analyzer.standstill import standstills, watchers
from analyzer.thin import path_charts
from analyzer.timing import measure
from collector.plan import Plan


@dataclass(frozen=True, slots=True)
class Run:
    """What the paths gave, by path name, their charts and minutes, the clocks and stalls by node. `start_s`: of the run, on the common base.

    `paths`: every slot of those that a product uses.
    """

    clocks: Mapping[str, Clock]
    stalls: Mapping[str, NodeStalls]
    timings: Mapping[str, Timing]
    paths: Mapping[str, PathTrace]
    traces: tuple[Trace, ...]
    curves: tuple[Curve, ...]
    minutes: tuple[Minutes, ...]
    start_s: float
    duration_s: float


def measured(plan: Plan, nodes: Mapping[str, NodeData], meetings: Mapping[tuple[str, str], bool]) -> Run:
    """Align the clocks, judge every path, and put the host tables on the common time base."""
    logs = {}
    for path in plan.paths():
        node = nodes.get(path.source)
        # The columns are let go one by one as they are joined: a day of twelve paths is a quarter of a gigabyte.
        sent = node.sent.pop(path.name, None) if node else None
        if node is not None and sent is not None and len(sent):
            logs[path.name] = path_log(path.name, sent, node.reply.pop(path.name, None), plan.probing.period_s)
    stood = standstills(nodes, logs)
    clocks = align(
        list(nodes.values()), logs, {name: [item.local_s for item in found] for name, found in stood.items()}
    )
    start_s, stop_s = _span(nodes, clocks)
    for name, node in nodes.items():
        for table, frame in list(node.tables.items()):
            # Every host table has times; one without, in an odd archive, is no record of a run.
            known = np.isfinite(numbers(frame, "t_us"))
            timed = frame if known.all() else frame[known].copy()
            node.tables[table] = timed
            timed["t_s"] = clocks[name].to_base(numbers(timed, "t_us") / 1e6) - start_s
            if not len(timed):
                del node.tables[table]
    stalls = {
        name: node_stalls(node, clocks[name], start_s, stood[name], watchers(name, nodes, logs))
        for name, node in nodes.items()
    }
    timings: dict[str, Timing] = {}
    replayed: dict[str, PathTrace] = {}
    used = {name for binding in plan.stacks for name in binding.networks}
    traces: list[Trace] = []
    curves: list[Curve] = []
    minutes: list[Minutes] = []
    for path in plan.paths():
        log = logs.pop(path.name, None)
        if log is not None:
            usable = meetings.get((path.source, path.target), meetings.get((path.target, path.source), False))
            found = measure(path, plan, log, nodes, clocks, usable, start_s)
            timings[path.name] = replace(found.timing, fast=under_load(path, nodes, clocks, usable))
            trace = path_trace(path, log, nodes, clocks, usable, start_s, found) if path.network in used else None
            if trace is not None:
                replayed[path.name] = replayable(trace)
            over_time, distributions = path_charts(found, stop_s - start_s)
            traces.append(over_time)
            curves += distributions
            minutes += path_minutes(found, stop_s - start_s)
    return Run(
        clocks, stalls, timings, replayed, tuple(traces), tuple(curves), tuple(minutes), start_s, stop_s - start_s
    )


def requested(plan: Plan, nodes: Mapping[str, NodeData], run: Run) -> dict[str, dict[str, PathTrace]]:
    """What the nodes' requests to the SCS hosts of the plan met, by node and observer."""
    found: dict[str, dict[str, PathTrace]] = {}
    for name, node in nodes.items():
        for observer in plan.observers:
            trace = asked_trace(node, observer.name, run.clocks[name], run.start_s)
            if trace is not None:
                found.setdefault(name, {})[observer.name] = replayable(trace)
    return found


def _span(nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock]) -> tuple[float, float]:
    """First start and last end on the common base."""
    ends = [clocks[name].to_base(np.array([0.0, node.duration_s])) for name, node in nodes.items()]
    return min(float(end[0]) for end in ends), max(float(end[1]) for end in ends)
