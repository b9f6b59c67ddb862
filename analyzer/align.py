"""One time base for all nodes, by the probes that cross between them.

Base is the monotonic clock of the first assessed node in plan order. Every other monotonic clock is mapped to it
piecewise linearly, one knot per ten minutes, from the replies with the lowest round trip: half of (fwd - back) is the
difference of the two wall clocks, wrong by at most half the round trip whatever the asymmetry; each node's own anchors
turn wall clock into monotonic clock. Where a node stood still with its clock there is a knot on either side. Wall clocks alone are used only where no path leads to a node, and then the error
is unknown. Source: RFC 5905 section 8 (offset and its bound). The constants are design values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.frames import NodeData
from analyzer.middle import median
from analyzer.slots import PathLog

KNOT_S = 600.0
_LATELY_S = 300.0
"""How much of the end of a run tells what clocks show (design value)."""
_DECILE = 0.1
RESOLUTION_S = 1e-6
"""Stamps are stored in whole microseconds, so no alignment is better than this."""
_FEWEST = 5
"""Replies in ten minutes below which they are not summed up on their own."""
_SKEW_LIMIT = 500e-6
"""Beyond the first and the last knot no clock is believed to run off faster; crystals stay within 100 ppm."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A node's monotonic clock on the common base: base = local - shift(local), all in seconds.

    `local_s` and `shift_s` are the knots. `error_s` bounds the mapping, None if only wall clocks were compared.
    """

    node: str
    via: str
    local_s: Floats
    shift_s: Floats
    error_s: float | None

    def shift(self, local_s: Floats) -> Floats:
        """Local minus base time at the given local times."""
        x, y = self.local_s, self.shift_s
        inside: Floats = np.interp(local_s, x, y)
        if len(x) < 2:
            return inside
        first = np.clip((y[1] - y[0]) / (x[1] - x[0]), -_SKEW_LIMIT, _SKEW_LIMIT)
        last = np.clip((y[-1] - y[-2]) / (x[-1] - x[-2]), -_SKEW_LIMIT, _SKEW_LIMIT)
        beyond: Floats = first * np.minimum(local_s - x[0], 0.0) + last * np.maximum(local_s - x[-1], 0.0)
        return inside + beyond

    def to_base(self, local_s: Floats) -> Floats:
        """Local times (seconds since the node's start) on the common base."""
        return local_s - self.shift(local_s)

    def to_local(self, base_s: Floats) -> Floats:
        """Times on the common base as local times; exact to nanoseconds, a clock's skew being below 0.1 %."""
        local_s = base_s + self.shift(base_s + np.median(self.shift_s))
        for _ in range(3):
            local_s = base_s + self.shift(local_s)
        if len(self.local_s) < 2:
            return local_s
        # While the clock stood still many times of the base are one of its own, at which the steps above do not settle.
        knots_s = self.local_s - self.shift_s
        inside = (base_s >= knots_s[0]) & (base_s <= knots_s[-1])
        return np.where(inside, np.interp(base_s, knots_s, self.local_s), local_s)


@dataclass(frozen=True, slots=True)
class _Link:
    """target minus source, monotonic clocks since their starts, at source times `x`."""

    x: Floats
    shift_s: Floats
    error_s: float


class _Wall:
    """A node's wall clock against its monotonic clock, relative to a common reference."""

    def __init__(self, node: NodeData, reference_ns: int) -> None:
        # Whole nanoseconds since 1970 do not fit a float, so the difference is taken first.
        readings = [((mono - node.t0_ns) / 1e9, (real - reference_ns) / 1e9) for mono, real in node.anchors]
        if not readings:
            readings = [(0.0, node.started_s - reference_ns / 1e9)]
        self.local_s = np.array([local for local, _ in readings])
        self.ahead_s = np.array([wall - local for local, wall in readings])

    def ahead(self, local_s: Floats) -> Floats:
        """Wall clock minus monotonic clock at local times."""
        ahead: Floats = np.interp(local_s, self.local_s, self.ahead_s)
        return ahead

    def outside(self, local_s: Floats) -> npt.NDArray[np.bool_]:
        """Whether local times lie beyond what the anchors cover, by more than a minute."""
        beyond: npt.NDArray[np.bool_] = (local_s < self.local_s[0] - 60.0) | (local_s > self.local_s[-1] + 60.0)
        return beyond


def align(
    nodes: Sequence[NodeData], logs: Mapping[str, PathLog], stood: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Clock]:
    """Map every node's clock to that of the first of `nodes`. `logs` by path name; `stood`: at which of its own times a node's clock stood still."""
    base = nodes[0]
    reference_ns = base.anchors[0][1] if base.anchors else int(base.started_s * 1e9)
    walls = {node.name: _Wall(node, reference_ns) for node in nodes}
    clocks = {base.name: Clock(base.name, "", np.array([0.0]), np.array([0.0]), 0.0)}
    links = _links(nodes, logs, walls, stood or {})
    while True:
        reachable = [
            ((clocks[near].error_s or 0.0) + link.error_s, near, far, link)
            for (near, far), link in links.items()
            if near in clocks and far not in clocks
        ]
        if not reachable:
            break
        error_s, near, far, link = min(reachable, key=lambda item: item[:3])
        # Knots stand at the nearer node's times; its own shift leads on to the base, over knots of its own.
        between = clocks[near].local_s
        x = np.union1d(link.x, between[(between > link.x[0]) & (between < link.x[-1])])
        there_s = np.interp(x, link.x, link.shift_s)
        local_s, shift_s = np.maximum.accumulate(x + there_s), there_s + clocks[near].shift(x)
        clocks[far] = Clock(far, "" if near == base.name else near, local_s, shift_s, error_s)
    for node in nodes:
        if node.name not in clocks:
            local_s = walls[node.name].local_s
            difference = float(np.median(walls[node.name].ahead_s) - np.median(walls[base.name].ahead_s))
            clocks[node.name] = Clock(node.name, "wall clock", local_s[:1], np.array([-difference]), None)
    return clocks


def _links(
    nodes: Sequence[NodeData],
    logs: Mapping[str, PathLog],
    walls: Mapping[str, _Wall],
    stood: Mapping[str, Sequence[float]],
) -> dict[tuple[str, str], _Link]:
    """Both ways between every two nodes with replies: all networks and both directions of probing together."""
    links = {}
    for one, other in combinations([node.name for node in nodes], 2):
        # Pair by pair: a day of one path is half a million samples.
        parts: list[tuple[Floats, Floats, Floats]] = []
        for log in logs.values():
            if {log.source, log.target} == {one, other} and (
                found := _differences(log, walls[log.source], walls[log.target])
            ):
                x, shift_s, rtt_s = found
                parts.append((x, shift_s, rtt_s) if log.source == one else (x + shift_s, -shift_s, rtt_s))
        if parts:
            x, shift_s, rtt_s = (np.concatenate(columns) for columns in zip(*parts, strict=True))
            # How often either clock had stood still before.
            stretch = np.searchsorted(np.sort(stood.get(one, ())), x)
            stretch += np.searchsorted(np.sort(stood.get(other, ())), x + shift_s)
            link = links[one, other] = _link(x, shift_s, rtt_s, stretch)
            links[other, one] = _Link(link.x + link.shift_s, -link.shift_s, link.error_s)
    return links


def monotonic_differences(log: PathLog, source: NodeData, target: NodeData) -> tuple[Floats, Floats, Floats] | None:
    """Per reply with good stamps: source time, target minus source monotonic clock, and wire round trip, in s; None without any.

    Between two readings of a clock with a step of the wall clock in between they are wrong by as much.
    """
    reference_ns = source.anchors[0][1] if source.anchors else int(source.started_s * 1e9)
    return _differences(log, _Wall(source, reference_ns), _Wall(target, reference_ns))


def _differences(log: PathLog, source: _Wall, target: _Wall) -> tuple[Floats, Floats, Floats] | None:
    """Per usable reply: source time, target minus source monotonic clock, and wire round trip, in s."""
    x, offset_s, rtt_s = log.clock_samples()
    if not len(x):
        return None
    wall_s = x + source.ahead(x) + offset_s
    best: tuple[float, float, float, Floats] | None = None
    for row, anchor in ((0, 0), (-1, -1)):
        # The target's wall clock may be stepped during the run: which side of the step a reply lies on follows from
        # the target's monotonic clock, which is what is looked for. Start from either end and take what fits: replies
        # lie within the target's run, and the two monotonic clocks differ by much the same all the time.
        shift = wall_s[row] - target.ahead_s[anchor] - x[row]
        for _ in range(4):
            before = shift
            shift_s = wall_s - target.ahead(x + before) - x
            shift = median(shift_s)
            if shift == before:
                # It stays so. Where the other end came to the same there is nothing to choose.
                break
        if best is not None and shift == before == best[2]:
            continue
        outside = float(np.mean(target.outside(x + shift)))
        spread = median(np.abs(shift_s - shift))
        if best is None or (outside, spread) < best[:2]:
            best = (outside, spread, shift, shift_s)
    assert best is not None
    return x, best[3], rtt_s


def _link(x: Floats, shift_s: Floats, rtt_s: Floats, stretch: npt.NDArray[np.int64]) -> _Link:
    """Knots from the lowest decile of the round trips, and one on either side of where a clock stood still."""
    knots: list[tuple[float, float]] = []
    error_s = 0.0
    numbers = np.unique(stretch)
    for number in numbers.tolist():
        rows = np.flatnonzero(stretch == number)
        found, bound_s = _knots(x[rows], shift_s[rows], rtt_s[rows])
        knots += _to_edges(found, float(x[rows].min()), float(x[rows].max())) if len(numbers) > 1 else found
        error_s = max(error_s, bound_s)
    if not knots:
        best = np.argsort(rtt_s, kind="stable")[: max(1, len(rtt_s) // 10)]
        knots = [(float(np.median(x[best])), float(np.median(shift_s[best])))]
        error_s = float(rtt_s[best].max()) / 2.0
    times, shifts = zip(*sorted(knots), strict=True)
    return _Link(np.array(times), np.array(shifts), max(error_s, RESOLUTION_S))


def _knots(x: Floats, shift_s: Floats, rtt_s: Floats) -> tuple[list[tuple[float, float]], float]:
    """One knot per ten minutes, at least two, and the bound of their errors."""
    bins = max(2, int(np.ceil((x.max() - x.min()) / KNOT_S)))
    place = np.minimum(((x - x.min()) / max(np.ptp(x), 1e-9) * bins).astype(np.int64), bins - 1)
    knots: list[tuple[float, float]] = []
    error_s = 0.0
    order = np.argsort(place, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(place[order])) + 1):
        if len(rows) < _FEWEST:
            continue
        keep = max(_FEWEST, int(len(rows) * _DECILE))
        best = rows[np.argpartition(rtt_s[rows], keep - 1)[:keep]]
        knots.append((float(np.median(x[best])), float(np.median(shift_s[best]))))
        error_s = max(error_s, float(rtt_s[best].max()) / 2.0)
    return knots, error_s


def _to_edges(knots: list[tuple[float, float]], from_s: float, to_s: float) -> list[tuple[float, float]]:
    """The knots of a stretch carried on to both of its ends, so that no line leads across a standstill but between these."""
    if not knots:
        return []
    times, shifts = zip(*knots, strict=True)
    line = Clock("", "", np.array(times), np.array(shifts), None)
    ends = [(at_s, float(line.shift(np.array(at_s)))) for at_s in (from_s, to_s)]
    return [*knots, *(end for end in ends if all(abs(end[0] - at_s) > RESOLUTION_S for at_s, _ in knots))]


def wall_offset(log: PathLog) -> tuple[float | None, float | None]:
    """The target's wall clock minus the source's at the end of the run (median of `_LATELY_S`), and half the round trip that bounds it.

    A median of the whole run would be the difference of no moment where a clock was stepped or drifts.
    """
    at_s, offset_s, rtt_s = log.clock_samples()
    if not len(rtt_s):
        return None, None
    late = at_s >= at_s.max() - _LATELY_S
    offset_s, rtt_s = offset_s[late], rtt_s[late]
    keep = max(1, int(len(rtt_s) * _DECILE))
    best = np.argpartition(rtt_s, keep - 1)[:keep]
    return median(offset_s[best]), float(rtt_s[best].max()) / 2.0
