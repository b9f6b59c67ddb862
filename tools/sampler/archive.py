"""A scenario as archives: one per node, through the collector's own writer and on a clock that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import collector.probes
from collector.archive.writer import Writer
from collector.contract import Json, Table, tool_version
from collector.machine import Anchor
from collector.peers.tables import TABLES
from collector.plan import Node, Plan
from collector.plugins import discover
from sampler import echoes, host, loads, probes, story
from sampler.world import Machine, Run, Scenario, Series

_SEGMENT_S, _ANCHOR_S = 600.0, 10.0
_T0_NS = 260_000_000_000_000


def write(scenario: Scenario, plan: Plan, folder: Path) -> list[Path]:
    """One archive per node of the plan, in its order; those of the same name are replaced."""
    run = Run(scenario, plan, loads.made(scenario, plan))
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, list[Series]] = {node.name: [] for node in plan.nodes}
    for node, series in _between(run):
        told[node].append(series)
    return [_archive(run, node, [*told.pop(node.name), *_alone(run, node)], folder) for node in plan.nodes]


def _between(run: Run) -> Iterator[tuple[str, Series]]:
    """(node, series) of everything that two nodes have to do with each other."""
    for path in run.plan.paths():
        yield from probes.ordinary(run, path)
        yield from probes.fast(run, path)
        yield echoes.sizes(run, path)
    for path in run.plan.echo_paths():
        yield from echoes.tcp(run, path)
    yield from loads.recorded(run)
    yield from echoes.ports(run)


def _alone(run: Run, node: Node) -> Iterator[Series]:
    yield from host.tables(run, node)
    yield from echoes.observers(run, node.name)


def tables() -> list[Table]:
    """All that a collector of this version writes."""
    return [*TABLES, *(table for probe in discover(collector.probes, "PROBE") for table in probe.tables)]


def _archive(run: Run, node: Node, told: list[Series], folder: Path) -> Path:
    scenario, machine = run.scenario, run.scenario.machine(node.name)
    epoch = datetime.fromisoformat(scenario.started).replace(tzinfo=UTC)
    started = epoch + timedelta(seconds=float(machine.wall_s(machine.start_s)))
    path = folder / f"haready-{run.plan.cluster}-{node.name}-{started:%Y%m%dT%H%M%SZ}.zip"
    path.unlink(missing_ok=True)
    head = _head(run, node, started)
    writer = Writer(path, head, tables())
    whole = story.record(run, node)
    edges_s = [*np.arange(0.0, scenario.seconds, _SEGMENT_S).tolist(), scenario.seconds]
    places = [0] * len(told)
    for from_s, to_s in pairwise(edges_s):
        for at_s in np.arange(from_s, to_s, _ANCHOR_S).tolist():
            writer.anchor(_anchor(machine, epoch, at_s))
        for number, series in enumerate(told):
            last = len(series.at_s) if to_s == edges_s[-1] else int(np.searchsorted(series.at_s, to_s))
            if last > places[number]:
                writer.rows(series.table, series.labels, _rows(series.values[places[number] : last]))
                places[number] = last
        writer.state(_state(whole.whole(), from_s, to_s) | {"boot": "synthetic"})
        writer.close_segment(round(to_s * 1e6), _anchor(machine, epoch, to_s))
    ended = epoch + timedelta(seconds=float(machine.wall_s(machine.true_s(scenario.seconds))))
    writer.seal({"ended": _iso(ended), "duration_s": scenario.seconds, "ended_because": "planned end", **whole.whole()})
    return path


def _head(run: Run, node: Node, started: datetime) -> dict[str, Json]:
    return {
        "tool": tool_version(),
        "node": node.name,
        "session": run.scenario.session(node.name),
        "cluster": run.plan.cluster,
        "origin": run.plan.origin.value,
        "plan": run.plan.data,
        "plan_digest": run.plan.digest,
        "started": _iso(started),
        "t0_ns": _T0_NS,
        "planned_s": run.scenario.seconds,
        "command": f"tools/make_samples.py {run.scenario.name} (seed {run.scenario.seed})",
        "tables": _described(),
    }


def _described() -> list[Json]:
    by = {table.name: probe.name for probe in discover(collector.probes, "PROBE") for table in probe.tables}
    return [asdict(table) | ({"probe": by[table.name]} if table.name in by else {}) for table in tables()]


def _rows(values: Any) -> list[list[int | None]]:
    # NaN is the only value that is not equal to itself.
    return [[int(value) if value == value else None for value in row] for row in values.tolist()]  # noqa: PLR0124


def _state(whole: dict[str, Json], from_s: float, to_s: float) -> dict[str, Json]:
    """Of events and notes those of the segment."""
    within = {key: [item for item in whole[key] if from_s * 1e6 <= item[0] < to_s * 1e6] for key in ("events", "notes")}
    return whole | within


def _anchor(machine: Machine, epoch: datetime, local_s: float) -> Anchor:
    mono_ns = _T0_NS + round(local_s * 1e9)
    real_ns = round(epoch.timestamp()) * 10**9 + round(float(machine.wall_s(machine.true_s(local_s))) * 1e9)
    return Anchor(mono_ns, real_ns, mono_ns)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
