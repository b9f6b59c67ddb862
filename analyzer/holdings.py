"""Who held which address of the plan beside a running product, and when: both shapes of a split brain show in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.align import Clock
from analyzer.contract import Tenure
from analyzer.contract.spans import intersection, union
from analyzer.frames import NodeData
from analyzer.netfacts import address
from collector.plan import Address, Phase, Plan

LOOK_S = 10.0
"""The collector looks so often: an end of a stretch is not known better."""

Stretch = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Holding:
    """The stretches of the run in which a node held an address, on the common time base; it looked from `watched` to its end.

    `unseen`: when its collector was down meanwhile (a run that was resumed). Who held what then is not known, so what was held ends there.
    """

    node: str
    ip: Address
    watched: Stretch
    held: tuple[Stretch, ...]
    unseen: tuple[Stretch, ...] = ()


def holdings(
    plan: Plan, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], start_s: float
) -> tuple[Holding, ...]:
    """One row per node and address that any node told of; empty before a product runs, and of archives that do not tell."""
    if plan.phase is not Phase.LIVE:
        return ()
    told: dict[str, dict[Address, list[tuple[float, bool]]]] = {}
    for name, node in nodes.items():
        rows: dict[Address, list[tuple[float, bool]]] = defaultdict(list)
        for t_us, written, held in node.story.holds:
            ip = address(written)
            if ip is not None:
                rows[ip].append((t_us / 1e6, held))
        if rows:
            told[name] = rows
    wanted = dict.fromkeys(ip for rows in told.values() for ip in rows)
    found = []
    for name, rows in told.items():
        end_s = nodes[name].duration_s
        down = _down(nodes[name])
        for ip in wanted:
            kept = _without(_spans(sorted(rows.get(ip, [])), end_s), down)
            on_base = (clocks[name].to_base(np.array([(0.0, end_s), *down, *kept])) - start_s).tolist()
            watched, *others = [(start, stop) for start, stop in on_base]
            found.append(Holding(name, ip, watched, tuple(others[len(down) :]), tuple(others[: len(down)])))
    return tuple(found)


def _down(node: NodeData) -> list[Stretch]:
    """When the collector of a resumed run did not run: from the end of what is recorded to each later start."""
    found = []
    for t_us, _ in node.story.starts:
        before_us = max((min(to_us, t_us) for from_us, to_us in node.spans if from_us < t_us), default=t_us)
        if before_us < t_us:
            found.append((before_us / 1e6, t_us / 1e6))
    return union(found)


def _without(spans: Sequence[Stretch], holes: Sequence[Stretch]) -> list[Stretch]:
    """The stretches without what lies in a hole."""
    found = list(spans)
    for begin, end in holes:
        found = [
            part
            for start, stop in found
            for part in ((start, min(stop, begin)), (max(start, end), stop))
            if part[1] > part[0]
        ]
    return found


def tenures(plan: Plan, rows: Iterable[Holding]) -> tuple[Tenure, ...]:
    """The same, a stretch each, by address and time; addresses that the plan does not have are left out."""
    names: dict[Address, str] = {observer.address: observer.name for observer in plan.observers}
    names |= {there.ip: f"{node.name} on {network}" for node in plan.nodes for network, there in node.addresses.items()}
    found = [
        Tenure(
            str(row.ip),
            names[row.ip],
            row.node,
            start,
            stop,
            left=stop < row.watched[1] and all(stop != begin for begin, _ in row.unseen),
        )
        for row in rows
        if row.ip in names
        for start, stop in row.held
    ]
    return tuple(sorted(found, key=lambda one: (one.address, one.from_s, one.node)))


def _spans(changes: Iterable[tuple[float, bool]], end_s: float) -> list[Stretch]:
    spans: list[Stretch] = []
    since: float | None = None
    for at_s, held in changes:
        if held and since is None:
            since = at_s
        elif not held and since is not None:
            spans.append((since, at_s))
            since = None
    if since is not None and since < end_s:
        spans.append((since, end_s))
    return spans


def together(holders: Iterable[Holding]) -> list[Stretch]:
    """When two or more of them held the address at once."""
    found: list[Stretch] = []
    before: list[Stretch] = []
    for holder in holders:
        found += intersection(before, list(holder.held))
        before = union([*before, *holder.held])
    return union(found)


def nobody(holders: Iterable[Holding]) -> list[Stretch]:
    """When none of them held it, while every one of them was looking."""
    rows = list(holders)
    if not rows:
        return []
    start_s, stop_s = max(row.watched[0] for row in rows), min(row.watched[1] for row in rows)
    free: list[Stretch] = []
    at_s = start_s
    for start, stop in union(span for row in rows for span in row.held):
        if start > at_s:
            free.append((at_s, min(start, stop_s)))
        at_s = max(at_s, stop)
    free.append((at_s, stop_s))
    return _without(
        [(start, stop) for start, stop in free if stop > start], union(span for row in rows for span in row.unseen)
    )
