"""How the machines that the cluster depends on answered: gateways, name servers, SCS host, witness, ping targets.

A request that the node's own kernel refused (no route) counts as sent and not answered: the observer was out of reach.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from analyzer.columns import Floats, numbers
from analyzer.contract import ObserverTiming, Quantiles
from analyzer.coverage import steps
from analyzer.frames import NodeData
from analyzer.quantiles import quantiles
from collector.contract import State
from collector.plan import Observer, Plan

PROBE = "observer"
"""Name of the table, of its label and of the probe that writes it."""

_LATEST_US = 60e6
"""No request is waited for that long: a larger round trip is damage, and no answer."""

_HOLE_S = 10.0
"""Rows further apart than this, and than two and a half requests, have a hole of the record between them."""


def observed(plan: Plan, nodes: Mapping[str, NodeData]) -> tuple[ObserverTiming, ...]:
    """One row per observer of the plan and node with an archive."""
    return tuple(_observed(observer, node) for observer in plan.observers for node in nodes.values())


def silences(plan: Plan, nodes: Mapping[str, NodeData]) -> dict[tuple[str, str], tuple[tuple[float, float], ...]]:
    """When an observer that answered at all did not answer a node, on the run's common base, by node and observer.

    One that never answered is left out: a filter looks like a dead machine.
    """
    found: dict[tuple[str, str], tuple[tuple[float, float], ...]] = {}
    for node in nodes.values():
        frame = node.tables.get(PROBE)
        if frame is None or PROBE not in frame or "t_s" not in frame:
            continue
        for observer in plan.observers:
            rows = frame[frame[PROBE] == observer.name]
            t_s, rtt_us = numbers(rows, "t_s"), numbers(rows, "rtt_us")
            timed = np.isfinite(t_s)
            order = np.argsort(t_s[timed], kind="stable")
            good = ((rtt_us >= 0) & (rtt_us <= _LATEST_US) & (numbers(rows, "flag") == 0))[timed][order]
            if good.any():
                found[node.name, observer.name] = tuple(_outages(t_s[timed][order], good))
    return found


def _observed(observer: Observer, node: NodeData) -> ObserverTiming:
    frame = node.tables.get(PROBE)
    rows = frame[frame[PROBE] == observer.name] if frame is not None and PROBE in frame else None
    sent, answered, outage_s, watched_s, reason = 0, 0, 0.0, 0.0, ""
    rtt = Quantiles(0)
    if rows is not None and len(rows):
        t_us, rtt_us = numbers(rows, "t_us"), numbers(rows, "rtt_us")
        order = np.argsort(t_us, kind="stable")
        t_us, rtt_us = t_us[order], rtt_us[order]
        good = (rtt_us >= 0) & (rtt_us <= _LATEST_US) & (numbers(rows, "flag")[order] == 0)
        sent, answered = len(good), int(good.sum())
        rtt = quantiles(rtt_us[good] / 1e6)
        timed = np.isfinite(t_us)
        outage_s = _longest_outage_s(t_us[timed] / 1e6, good[timed])
        watched_s = steps(PROBE, t_us / 1e6)
    else:
        reason = _reason(node, observer.name)
    return ObserverTiming(
        observer=observer.name,
        kind=str(observer.kind),
        address=str(observer.address),
        node=node.name,
        sent=sent,
        answered=answered,
        rtt=rtt,
        longest_outage_s=outage_s,
        reason=reason,
        watched_s=watched_s,
        run_s=node.duration_s,
    )


def _longest_outage_s(t_s: Floats, answered: np.typing.NDArray[np.bool_]) -> float:
    return max((stop - start for start, stop in _outages(t_s, answered)), default=0.0)


def _outages(t_s: Floats, answered: np.typing.NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
    """From the first of two or more requests without answer to the next answer, or to the end of the record or its hole."""
    if len(t_s) < 2:
        return
    period_s = float(np.median(np.diff(t_s)))
    start, count = 0.0, 0
    holes = np.diff(t_s, prepend=t_s[:1]) > max(_HOLE_S, 2.5 * period_s)
    # An answer after an answer changes nothing, and a day is full of them.
    rows = np.flatnonzero(~answered | holes | ~np.append(True, answered[:-1]))
    befores = t_s[np.maximum(rows - 1, 0)]
    for now_s, before_s, good, hole in zip(
        t_s[rows].tolist(), befores.tolist(), answered[rows].tolist(), holes[rows].tolist(), strict=True
    ):
        if count >= 2 and (good or hole):
            yield start, before_s + period_s if hole else now_s
        if good or hole:
            count = 0
        if not good:
            start, count = (now_s, 1) if count == 0 else (start, count + 1)
    if count >= 2:
        yield start, float(t_s[-1]) + period_s


def _reason(node: NodeData, observer: str) -> str:
    """Why the node did not ask, by the longest stretch during which its probe did not work."""
    idle = [
        part
        for outcome in node.story.outcomes
        if outcome.probe == PROBE
        for part in outcome.intervals
        if part.state is not State.OK
    ]
    if not idle:
        return f"node {node.name} recorded no request to {observer}"
    longest = max(idle, key=lambda part: part.to_us - part.from_us)
    return longest.reason or f"the probe was {longest.state}"
