"""What a node's clocks did during the run: steps of the wall clock, its rate against the first node's, who kept it.

A collector reads monotonic and wall clock together every ten seconds. Their difference moves slowly while a time service slews the wall
clock, and at once when somebody sets it. The monotonic clock is slewed alike, so a rate here is that of the disciplined clock.
Source: detectors.md section 7 (jumps of CLOCK_REALTIME - CLOCK_MONOTONIC; skew over ten minutes and more).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from analyzer.align import Clock
from analyzer.contract import ClockStep, Keeper, NodeClock
from analyzer.frames import NodeData

_READING_S, _SLEW = 1e-3, 1e-3
"""How far the difference may move without a step: 1 ms for the readings, and 0.1 % of the time between them for slewing (design
values, those by which the collector flags a slot). A clock that is slewed faster counts as stepped, once per reading."""
_SHORTEST_S = 600.0
"""No rate is told from less: ten minutes."""
_MOST = 50
"""Steps of a node that are told one by one: the largest."""


def node_clock(node: NodeData, clock: Clock, start_s: float) -> NodeClock:
    """All of it for one node. `start_s`: of the run, on the common base."""
    found = steps(node.anchors)
    kept = sorted(sorted(found, key=lambda step: -step[2])[:_MOST])
    at_s = clock.to_base(np.array([(mono_ns - node.t0_ns) / 1e9 for mono_ns, _, _ in kept])) - start_s
    keeper_s = clock.to_base(np.array([t_us / 1e6 for t_us, _, _ in node.keepers])) - start_s
    skew_ppm, error_ppm = rate(clock)
    return NodeClock(
        node=node.name,
        readings=len(node.anchors),
        skew_ppm=skew_ppm,
        skew_error_ppm=error_ppm,
        steps_found=len(found),
        steps=tuple(ClockStep(float(at), by_s, beyond_s) for at, (_, by_s, beyond_s) in zip(at_s, kept, strict=True)),
        keepers=tuple(
            Keeper(float(at), service, synchronised)
            for at, (_, service, synchronised) in zip(keeper_s, node.keepers, strict=True)
        ),
    )


def steps(anchors: Sequence[tuple[int, int]]) -> list[tuple[int, float, float]]:
    """Steps between readings (monotonic ns, wall clock ns): the reading after it, by how many s, and what of that is certain."""
    found = []
    for (mono, real), (next_mono, next_real) in pairwise(anchors):
        by_ns = (next_real - next_mono) - (real - mono)
        beyond_ns = abs(by_ns) - round(_READING_S * 1e9) - round(_SLEW * (next_mono - mono))
        if beyond_ns > 0:
            found.append((next_mono, by_ns / 1e9, beyond_ns / 1e9))
    return found


def stepped_s(node: NodeData) -> list[tuple[float, float]]:
    """Between which two readings (s of the node's own clock) its wall clock was stepped."""
    before = {later: mono for (mono, _), (later, _) in pairwise(node.anchors)}
    return [((before[mono] - node.t0_ns) / 1e9, (mono - node.t0_ns) / 1e9) for mono, _, _ in steps(node.anchors)]


def rate(clock: Clock) -> tuple[float | None, float | None]:
    """How much faster than the first node's a clock runs, in ppm, and the bound of the error; None where that cannot be told."""
    if clock.error_s == 0.0:
        return 0.0, 0.0  # the first node itself
    x = clock.local_s - float(np.mean(clock.local_s))
    if clock.error_s is None or len(x) < 2 or float(np.ptp(x)) < _SHORTEST_S:
        return None, None
    moved_s = np.diff(clock.shift_s)
    stood = np.abs(moved_s) > 2.0 * clock.error_s + _SLEW * np.diff(clock.local_s)
    # Where a clock stood still it did not run slowly: what was lost there is put back.
    shift_s = clock.shift_s - np.append(0.0, np.cumsum(np.where(stood, moved_s, 0.0)))
    squares = float(np.sum(x * x))
    slope = float(np.sum(x * shift_s)) / squares
    # Each knot is wrong by `error_s` at most, and the worst signs add up.
    error = clock.error_s * float(np.sum(np.abs(x))) / squares
    return slope * 1e6, error * 1e6
