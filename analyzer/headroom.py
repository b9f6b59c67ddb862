"""Whether one node can do the work of two: what both used, added up minute by minute, against what each of them has.

Quantiles are taken after summing: peaks that do not meet do not add up. What runs on both nodes anyway (the operating system, on a live
cluster the standby's own copy of the product) is in the sum twice, so it errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from analyzer.columns import Floats
from analyzer.contract import AddressFound, Headroom, NodeSummary, Resource
from analyzer.coverage import lacking, recorded_s
from analyzer.frames import NodeData
from analyzer.host import MINUTES, counted_minutes, cpu_shares, minute_means, minute_sums, told
from analyzer.lanplan import addresses
from analyzer.netfacts import text, whole
from analyzer.rates import increments
from collector.plan import NetworkKind, Plan

_CLIENTS = (NetworkKind.PUBLIC, NetworkKind.SIP)
"""Networks whose traffic comes along with the work. That of channels runs between the nodes themselves."""

MOST = 8
"""Of more nodes only those count that fail over to each other: nobody does the work of each of a hundred others (design value)."""

THIRD = 3
"""So few minutes condemn nobody: the third-highest one is kept (design value)."""

_MOST_CPUS = 1 << 16


@dataclass(frozen=True, slots=True)
class Load:
    """What one node used of one resource by minute of the run, and how much it has. `of`: the device; a network has one for each direction."""

    of: str
    minutes: pd.Series[float]
    capacity: float | None
    reason: str = ""

    @property
    def p95(self) -> float:
        """What 95 % of its minutes stay below."""
        return float(np.quantile(self.minutes.to_numpy(dtype=np.float64), 0.95, method="higher"))


_Loads = Mapping[tuple[Resource, str], tuple[Load, ...]]


def headrooms(
    plan: Plan,
    nodes: Mapping[str, NodeData],
    summaries: Mapping[str, NodeSummary],
    facts: Mapping[str, Mapping[str, Any]],
) -> tuple[Headroom, ...]:
    """Each node with the work of each other one that a probed network joins it with, by resource; of large clusters see `MOST`."""
    rows = addresses(plan, facts)
    loads = {
        name: _loads(node, summaries[name], facts.get(name, {}), plan, [row for row in rows if row.node == name])
        for name, node in nodes.items()
    }
    joined = {frozenset((path.source, path.target)) for path in plan.paths()}
    if len(plan.nodes) > MOST:
        joined &= {frozenset(pair) for stack in plan.stacks for pair in stack.auto_failover}
    return tuple(
        item
        for one, other in permutations([node.name for node in plan.nodes if node.name in loads], 2)
        if frozenset((one, other)) in joined
        for item in _pair(one, other, loads[one], loads[other])
    )


def _pair(node: str, other: str, own: _Loads, its: _Loads) -> Iterator[Headroom]:
    for key, mine in own.items():
        theirs = its.get(key)
        if theirs is not None:
            yield max(
                (_sum(node, other, key, first, second) for first, second in zip(mine, theirs, strict=True)),
                key=lambda item: item.p95 or 0.0,
            )


def _sum(node: str, other: str, key: tuple[Resource, str], mine: Load, theirs: Load) -> Headroom:
    resource, network = key
    _, first, second = np.intersect1d(mine.minutes.index, theirs.minutes.index, assume_unique=True, return_indices=True)
    used = mine.minutes.to_numpy(dtype=np.float64)[first] + theirs.minutes.to_numpy(dtype=np.float64)[second]
    both: Floats = np.sort(used[np.isfinite(used)])
    reason = mine.reason or theirs.reason
    if not reason and len(both) < MINUTES:
        reason = f"the two were recorded together for less than 15 min (whole minutes: {len(both)})"
    known = not reason
    p95, p99 = (float(np.quantile(both, level, method="higher")) if known else None for level in (0.95, 0.99))
    return Headroom(
        node=node,
        other=other,
        resource=resource,
        of=network or " and ".join(dict.fromkeys(filter(None, (mine.of, theirs.of)))),
        minutes=len(both),
        own_p95=mine.p95 if known else None,
        other_p95=theirs.p95 if known else None,
        p95=p95,
        p99=p99,
        third=float(both[-THIRD]) if known else None,
        capacity=mine.capacity,
        reason=reason,
    )


def _loads(
    node: NodeData, summary: NodeSummary, facts: Mapping[str, Any], plan: Plan, rows: list[AddressFound]
) -> dict[tuple[Resource, str], tuple[Load, ...]]:
    """The loads of a node; the same keys for every node of a plan, but for networks that it is not on."""
    tables = {name: _recorded(node, summary, name) for name in ("cpu", "memory", "disk", "nic")}
    found: dict[tuple[Resource, str], tuple[Load, ...]] = {
        (Resource.CPU, ""): (_of(tables["cpu"], lambda frame: _cpu(frame, facts)),),
        (Resource.MEMORY, ""): (_of(tables["memory"], _memory),),
        (Resource.DISK, ""): (_of(tables["disk"], lambda frame: _disk(frame, facts)),),
    }
    for row in rows:
        if plan.network(row.network).kind in _CLIENTS:
            found[Resource.NIC, row.network] = tuple(
                _of(tables["nic"], lambda frame, row=row, way=way: _nic(frame, row, way)) for way in ("rx_B", "tx_B")
            )
    return found


def _nothing(reason: str) -> Load:
    return Load("", pd.Series(dtype=float), None, reason)


def _recorded(node: NodeData, summary: NodeSummary, table: str) -> pd.DataFrame | str:
    """The table, or why it passes nothing."""
    frame = node.tables.get(table)
    if frame is None or not told(frame, "t_s"):
        return f"node {node.name} recorded no {table}"
    return lacking(f"table {table} of node {node.name}", recorded_s(table, frame), summary.duration_s) or frame


def _of(table: pd.DataFrame | str, load: Any) -> Load:
    if isinstance(table, str):
        return _nothing(table)
    found = load(table)
    assert isinstance(found, Load)
    return found


def _cpu(frame: pd.DataFrame, facts: Mapping[str, Any]) -> Load:
    shares = cpu_shares(frame, minutes=True)
    counted = len(set(map(str, frame["cpu"].unique())) - {"all"}) if "cpu" in frame else 0
    cores = counted or whole(facts.get("cpus"), 1, _MOST_CPUS)
    if shares.empty or cores is None:
        return _nothing("how busy the CPUs are, or how many there are, was not told")
    return Load("", shares["busy"] * cores, float(cores))


def _memory(frame: pd.DataFrame) -> Load:
    if not told(frame, "total_KiB", "available_KiB"):
        return _nothing("how much memory is available was not told")
    total = frame["total_KiB"].where(frame["total_KiB"] > 0)
    used = total - frame["available_KiB"].where(frame["available_KiB"].between(0, total))
    size = float(total.dropna().median() * 1024.0) if total.notna().any() else None
    return Load("", minute_means(frame["t_s"], used * 1024.0), size)


def _disk(frame: pd.DataFrame, facts: Mapping[str, Any]) -> Load:
    """The disk of the planned data where it is known, else the busiest one."""
    if not told(frame, "disk", "busy_ms"):
        return _nothing("how busy the disks are was not told")
    steps = increments(frame, ["busy_ms"], ["disk"])
    busy: dict[str, pd.Series[float]] = {}
    for disk, rows in steps.groupby("disk", observed=True):
        sums = minute_sums(rows, ["busy_ms"])
        if len(sums):
            busy[str(disk)] = (sums["busy_ms"] / 1e3 / sums["dt_s"]).clip(upper=1.0)
    told_data = facts.get("data")
    entries = told_data if isinstance(told_data, list) else ()
    held = [text(entry.get("disk")) for entry in entries if isinstance(entry, dict)]
    chosen = [disk for disk in held if disk in busy] or list(busy)
    if not chosen:
        return _nothing("how busy the disks are was not told")
    disk = max(chosen, key=lambda name: Load(name, busy[name], 1.0).p95)
    return Load(disk, busy[disk], 1.0)


def _nic(frame: pd.DataFrame, row: AddressFound, way: str) -> Load:
    nic = (row.found_nic or row.nic).partition(":")[0]
    if not nic:
        return _nothing(f"the interface of {row.node} on {row.network} is not known")
    if not told(frame, "nic", way):
        return _nothing(f"the traffic of {row.node} on {row.network} was not told")
    rows = frame[frame["nic"] == nic]
    sums = counted_minutes(rows, [way])
    if sums.empty:
        return _nothing(f"the traffic of interface {nic} of {row.node} is not on record")
    return Load(nic, sums[way] * 8.0 / sums["dt_s"], None if row.speed_bps is None else float(row.speed_bps))
