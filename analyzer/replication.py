"""Which paths replication will take, and what becomes of the measured writes on each of them.

A chain of primary, secondary and tertiary has documented states: the active server feeds the passive one, and that one the DR server
(source: NF). Without these roles nodes that fail over to each other feed
each other, and where the plan names none, all do. A path counts by itself: of several channels between two nodes any may be
the one that is left. The work moves with the role, so the writes of that node count everywhere that wrote the most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
import pandas as pd

from analyzer.columns import Floats
from analyzer.contract import Backlog, NodeSummary, Replication, Scope, Situation, Subject, Throughput, Trace, Writes
from analyzer.coverage import lacking
from analyzer.frames import NodeData
from analyzer.host import told
from analyzer.replay import Line
from analyzer.thin import trace
from collector.plan import CHANNELS, Node, Plan, Role, StackBinding

OUTAGES_S = (600.0, 3600.0)
"""Outages after which the time to resynchronise is told (design value)."""

CHARTS = 12
"""Paths that get charts, the fullest ones (design value)."""

THIRD = 3
"""So few minutes condemn nobody: the third-highest one is kept (design value)."""

_AS_FAST = 0.9
"""Share of the rate that a test was held to from which on it went as fast as it might (design value)."""

_UNMEASURED = "no bandwidth test gave a figure"


@dataclass(frozen=True, slots=True)
class Churn:
    """What has to be replicated, growth included. `rates_Bps`: one for each step, steps that were not recorded at the mean of the others."""

    node: str
    disks: tuple[str, ...]
    minutes: int
    step_s: float
    rates_Bps: Floats
    mean_Bps: float
    p95_Bps: float
    p99_Bps: float
    maximum_Bps: float
    third_Bps: float


def replications(
    plan: Plan,
    products: Sequence[StackBinding],
    nodes: Mapping[str, NodeData],
    summaries: Mapping[str, NodeSummary],
    writes: Iterable[Writes],
    throughputs: Mapping[str, Throughput],
) -> tuple[tuple[Replication, ...], tuple[Trace, ...]]:
    """Every path that `products` (those that replicate) will use, and charts of writes and backlog on each.

    Nothing where no planned product replicates and the plan has no table ``[replication]``.
    """
    if not products and "replication" not in plan.data:
        return (), ()
    by_node: dict[str, list[Writes]] = defaultdict(list)
    for item in writes:
        by_node[item.node].append(item)
    found: list[Replication] = []
    replayed: list[tuple[Replication, Churn]] = []
    hops = situations_of(plan, products)
    chained = any(situation.documented for situations in hops.values() for situation in situations)
    churns: dict[tuple[str, ...], tuple[Churn | None, str]] = {}
    for (source, target), situations in hops.items():
        writers = () if chained else _taking_over(source, products)
        if writers not in churns:
            churns[writers] = _churn(plan, writers, summaries, by_node)
        churn, reason = churns[writers]
        size, size_from = (None, "") if churn is None else _size(plan, nodes.get(churn.node))
        networks = _networks(plan, products, source, target)
        for network in networks or ("",):
            path = f"{source}>{target}/{network}" if network else f"{source}+{target}"
            leg = _leg(plan, path, source, target, network, situations, throughputs.get(path))
            leg = replace(leg, reason=leg.reason or reason, size_B=size, size_from=size_from)
            if churn is not None:
                leg = _written(leg, churn, in_use=plan.in_use(churn.node))
            if churn is not None and leg.capacity_bps is not None and not leg.reason:
                leg = _replayed(leg, churn)
                replayed.append((leg, churn))
            found.append(leg)
    fullest = sorted(replayed, key=lambda one: -(one[0].plain.share if one[0].plain else 0.0))
    return tuple(found), tuple(chart for leg, churn in fullest[:CHARTS] for chart in _charts(leg, churn))


def situations_of(plan: Plan, products: Sequence[StackBinding] = ()) -> dict[tuple[str, str], tuple[Situation, ...]]:
    """Which node feeds which (source, target), and when."""
    found: dict[tuple[str, str], list[Situation]] = defaultdict(list)
    roles = [node.role for node in plan.nodes]
    chain = {node.role: node.name for node in plan.nodes}
    whole = {Role.PRIMARY, Role.SECONDARY} <= set(chain) and len(set(roles)) == len(roles)
    if not whole or Role.MEMBER in chain:
        paired = {frozenset(pair) for product in products for pair in product.auto_failover}
        for one, other in permutations([node.name for node in plan.nodes], 2):
            if paired and frozenset((one, other)) not in paired:
                continue
            found[one, other].append(Situation(one, "", documented=False))
        return {hop: tuple(when) for hop, when in found.items()}
    first, second, third = chain[Role.PRIMARY], chain[Role.SECONDARY], chain.get(Role.TERTIARY)
    for active, passive in ((first, second), (second, first)):
        found[active, passive].append(Situation(active, "", documented=True))
        if third is not None:
            found[passive, third].append(Situation(active, "", documented=True))
            found[active, third].append(Situation(active, passive, documented=True))
    if third is not None:
        # Which of the two the DR server feeds first is not documented: either may be.
        for other in (first, second):
            found[third, other].append(Situation(third, "", documented=False))
    return {hop: tuple(when) for hop, when in found.items()}


def _networks(plan: Plan, products: Sequence[StackBinding], source: str, target: str) -> tuple[str, ...]:
    """The probed networks between the two that the products are bound to; where there is none, the channels."""
    joining = [path.network for path in plan.paths() if (path.source, path.target) == (source, target)]
    bound = {name for product in products for name in product.networks}
    return tuple(name for name in joining if name in bound) or tuple(
        name for name in joining if plan.network(name).kind in CHANNELS
    )


def _leg(
    plan: Plan,
    path: str,
    source: str,
    target: str,
    network: str,
    situations: tuple[Situation, ...],
    carried: Throughput | None,
) -> Replication:
    """The path with its capacity, and without any writes yet."""
    capacity_bps = carried.median_bps if carried else None
    reason = ""
    if not network:
        reason = f"no probed channel joins {source} and {target}"
    elif capacity_bps is not None and not capacity_bps > 0:
        reason, capacity_bps = "its bandwidth tests carried nothing", None
    elif capacity_bps is None:
        why = carried.reason if carried else "the plan allows no tests there"
        reason = f"{_UNMEASURED} ({why})" if why else _UNMEASURED
    return Replication(
        path=path,
        source=source,
        target=target,
        network=network,
        wan=plan.is_wan(source, target),
        situations=situations,
        writer="",
        disks=(),
        in_use=False,
        minutes=0,
        growth=plan.replication.growth,
        mean_Bps=None,
        p95_Bps=None,
        p99_Bps=None,
        maximum_Bps=None,
        third_Bps=None,
        capacity_bps=capacity_bps,
        held=carried is not None and _held(carried),
        compression=plan.replication.compression,
        plain=None,
        packed=None,
        size_B=None,
        size_from="",
        reason=reason,
    )


def _held(carried: Throughput) -> bool:
    """Whether the tests went as fast as they might, and that is less than the path may carry."""
    limit_bps, median_bps = carried.limit_bps, carried.median_bps
    if limit_bps is None or median_bps is None or median_bps < _AS_FAST * limit_bps:
        return False
    return carried.planned_bps is None or limit_bps < carried.planned_bps


def _churn(
    plan: Plan,
    writers: Sequence[str],
    summaries: Mapping[str, NodeSummary],
    by_node: Mapping[str, Sequence[Writes]],
) -> tuple[Churn | None, str]:
    """The writes that count, and what is missing: those of `writers`, of a chain (none given) those of whoever wrote the most.

    A primary or secondary that told nothing may be the one that writes.
    """
    required = writers or [node.name for node in plan.nodes if node.role is not Role.TERTIARY]
    found: list[Churn] = []
    for name in writers or [node.name for node in plan.nodes]:
        churn = _of_node(plan.node(name), by_node.get(name, ()), plan.replication.growth)
        if churn is None and name in required:
            why = "no archive of it was given" if name not in summaries else "its disks are not on record"
            return None, f"what {name} writes is not known ({why})"
        if churn is not None and name in required:
            short = lacking(f"table disk of node {name}", churn.minutes * 60.0 + 60.0, summaries[name].duration_s)
            if short:
                return None, short
        found += [churn] if churn is not None else []
    return max(found, key=lambda churn: churn.p95_Bps), ""


def _taking_over(node: str, products: Sequence[StackBinding]) -> tuple[str, ...]:
    """The node, and those from which it takes work over: what they write it may have to write."""
    pairs = [pair for product in products for pair in product.auto_failover if node in pair]
    return tuple(dict.fromkeys((node, *(name for pair in pairs for name in pair))))


def _of_node(node: Node, items: Sequence[Writes], growth: float) -> Churn | None:
    """The writes to the disks of the planned data, added up step by step; to all disks where these are not known."""
    whole = next((item for item in items if not item.disk), None)
    if whole is None or not whole.mean_series_Bps:
        return None
    held = {folder for item in items for folder in item.holds}
    placed = [item for item in items if item.holds] if set(node.data) <= held else []
    chosen = placed or [whole]
    series = [_array(item.mean_series_Bps) for item in chosen]
    rates: Floats = np.minimum(np.nansum(series, axis=0), _array(whole.mean_series_Bps)) if placed else series[0]
    known = rates[np.isfinite(rates)]
    if not len(known):
        return None
    # One disk, or all of them: the quantiles are told. Of several disks in steps longer than a minute they are bounded from above.
    most: Floats = np.nansum([_array(item.maximum_series_Bps) for item in chosen], axis=0)
    minutes = most[np.isfinite(rates)]
    one = chosen[0] if len(chosen) == 1 else None
    p95, p99 = (float(np.quantile(minutes, level, method="higher")) for level in (0.95, 0.99))
    return Churn(
        node=node.name,
        disks=tuple(item.disk for item in placed),
        minutes=max(item.minutes for item in chosen),
        step_s=whole.step_s,
        rates_Bps=np.where(np.isfinite(rates), rates, known.mean()) * (1.0 + growth),
        mean_Bps=(one.mean_Bps if one else float(known.mean())) * (1.0 + growth),
        p95_Bps=(one.p95_Bps if one else p95) * (1.0 + growth),
        p99_Bps=(one.p99_Bps if one else p99) * (1.0 + growth),
        maximum_Bps=(one.maximum_Bps if one else float(minutes.max())) * (1.0 + growth),
        third_Bps=float(np.sort(minutes)[-min(THIRD, len(minutes))]) * (1.0 + growth),
    )


def _array(series: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in series], dtype=np.float64)


def _written(leg: Replication, churn: Churn, *, in_use: bool) -> Replication:
    return replace(
        leg,
        writer=churn.node,
        disks=churn.disks,
        in_use=in_use,
        minutes=churn.minutes,
        mean_Bps=churn.mean_Bps,
        p95_Bps=churn.p95_Bps,
        p99_Bps=churn.p99_Bps,
        maximum_Bps=churn.maximum_Bps,
        third_Bps=churn.third_Bps,
    )


def _replayed(leg: Replication, churn: Churn) -> Replication:
    packed = None if leg.compression is None else _backlog(leg, churn, leg.compression)
    return replace(leg, plain=_backlog(leg, churn, 1.0), packed=packed)


def _backlog(leg: Replication, churn: Churn, compression: float) -> Backlog:
    capacity = (leg.capacity_bps or 0.0) / 8.0
    line = Line(churn.rates_Bps / compression, churn.step_s, capacity)
    found = line.replay()
    return Backlog(
        share=churn.p95_Bps / compression / capacity,
        largest_B=found.largest_B,
        at_s=found.at_s,
        drain_s=found.drain_s,
        behind_s=found.behind_s,
        left_B=found.left_B,
        resync=tuple((outage_s, line.resync_s(outage_s)) for outage_s in OUTAGES_S),
        copy_s=None if leg.size_B is None else line.copy_s(leg.size_B / compression),
    )


def _charts(leg: Replication, churn: Churn) -> Iterator[Trace]:
    """Writes and backlog, as they count: compressed where the plan says so."""
    rates: Floats = churn.rates_Bps / (leg.compression or 1.0)
    backlog = Line(rates, churn.step_s, (leg.capacity_bps or 0.0) / 8.0).replay().backlog_B
    subject = Subject(Scope.PATH, leg.path)
    length_s = churn.step_s * len(backlog)
    middle_s = churn.step_s * (np.arange(len(backlog), dtype=np.float64) + 0.5)
    for id_, title, unit, values in (
        ("churn", "To be replicated, with growth", "B/s", rates),
        ("backlog", "Waiting to be replicated", "B", backlog),
    ):
        yield trace(
            f"{id_}:{leg.path}", title, unit, subject, middle_s, values, length_s, median=False, least_s=churn.step_s
        )


def _size(plan: Plan, node: NodeData | None) -> tuple[float | None, str]:
    """What a full copy carries, and who says so. The used space of a file system is more than the data in it."""
    if plan.replication.size_B is not None:
        return float(plan.replication.size_B), "the plan"
    frame = None if node is None else node.tables.get("filesystem")
    folders = () if node is None else plan.node(node.name).data
    if frame is None or not told(frame, "filesystem", "t_s", "size_KiB", "free_KiB"):
        return None, ""
    used = {str(mount): _used_B(rows) for mount, rows in frame.groupby("filesystem", observed=True)}
    holding = {_mount(folder, used) for folder in folders} - {""}
    sizes = [used[mount] for mount in holding]
    known = [size for size in sizes if size is not None]
    if not known or len(known) < len(sizes) or any(not _mount(folder, used) for folder in folders):
        return None, ""
    return sum(known), f"used space of {', '.join(sorted(holding))} on {node.name if node else ''}"


def _used_B(rows: pd.DataFrame) -> float | None:
    last = rows[["t_s", "size_KiB", "free_KiB"]].dropna().sort_values("t_s").tail(1)
    used = (last["size_KiB"] - last["free_KiB"]).to_numpy(dtype=np.float64) * 1024.0
    return float(used[0]) if len(used) and used[0] >= 0.0 else None


def _mount(folder: str, mounts: Iterable[str]) -> str:
    """The mount point that holds the folder: the longest one above it; empty if none does."""
    kind = PurePosixPath if folder.startswith("/") else PureWindowsPath
    return max((mount for mount in mounts if kind(folder).is_relative_to(kind(mount))), key=len, default="")
