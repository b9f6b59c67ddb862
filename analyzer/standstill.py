"""When a node's monotonic clock stood still: no process of that node can see it, but its boot clock and its peers can.

A suspended machine's boot clock goes on: its lead over the monotonic clock grows. A hypervisor that stops a machine often stops all of its clocks: then its peers hear nothing from it
and get no answers for a while, and from then on its monotonic clock lags behind theirs by that time. No network can do that, and of two
nodes it is the one whose clock lost the time. Nodes that stood still together cannot be told. Source: detectors.md section 13; the
constants are design values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analyzer.align import monotonic_differences
from analyzer.clocks import stepped_s
from analyzer.columns import Floats
from analyzer.contract import StallCause
from analyzer.frames import NodeData
from analyzer.middle import median
from analyzer.slots import PathLog, within

GROWN_S = 0.02
"""The least growth of the boot clock's lead that is a suspension: the shortest pause that the ticker notes. The clocks are read one after another."""
QUICK_S = 0.02
"""An answer that came so much later than the median one says little about the clocks, and counts as none."""
LEAST_S = 0.1
"""The shortest lag that is looked for; clocks that run apart by 500 ppm make 0.03 s of it in a window."""
_WINDOW_S = 60.0
"""How far from a silence answers are taken to compare the clocks."""
_FEWEST = 5
"""Answers on either side that are needed."""
_SHARE = 0.5
"""The lag has to make up this share of the silence at least, and be no longer than it."""
_TOGETHER_S = 1.0
"""How far apart peers may see the same standstill on the node's own clock."""
_PERIODS = 2.5
"""Probe periods without an answer that are a silence."""
_MOST = 1000
"""Silences, and moments at which a clock fell back, that are looked at on a path: the longest."""


@dataclass(frozen=True, slots=True)
class Nap:
    """A suspension: between which readings of the clocks (s of the node's own clock), and for how long."""

    from_s: float
    to_s: float
    length_s: float


@dataclass(frozen=True, slots=True)
class Standstill:
    """A stretch in which a node's monotonic clock stood still: at which of its own times, and for how long by the others' clocks.

    `sign_s`: its last sign of life before, on the same clock.
    """

    local_s: float
    sign_s: float
    length_s: float
    cause: StallCause


def suspends(node: NodeData) -> list[Nap]:
    """What the boot clock tells of suspensions."""
    return [
        Nap((mono - node.t0_ns) / 1e9, (later - node.t0_ns) / 1e9, grown_ns / 1e9)
        for (mono, boot), (later, later_boot) in pairwise(node.boots)
        if (grown_ns := (later_boot - boot) - (later - mono)) >= GROWN_S * 1e9
    ]


def standstills(nodes: Mapping[str, NodeData], logs: Mapping[str, PathLog]) -> dict[str, list[Standstill]]:
    """By node, what its boot clock or its peers tell. `logs` by path name."""
    found: dict[str, list[Standstill]] = {}
    for name, node in nodes.items():
        lags = _lags(node, nodes, [log for log in logs.values() if log.target == name and log.source in nodes])
        found[name] = []
        for nap in suspends(node):
            # A peer tells the moment; the readings only ten seconds that hold it.
            seen = [lag for lag in lags if nap.from_s - 1.0 <= lag.local_s <= nap.to_s + 1.0]
            lags = [lag for lag in lags if lag not in seen]
            at_s, sign_s = (seen[0].local_s, seen[0].sign_s) if seen else (nap.to_s, nap.from_s)
            found[name].append(Standstill(at_s, sign_s, nap.length_s, StallCause.SUSPEND))
        found[name] += lags
    return found


def watchers(name: str, nodes: Mapping[str, NodeData], logs: Mapping[str, PathLog]) -> int:
    """How many peers with an archive had answers from a node."""
    return len(
        {log.source for log in logs.values() if log.target == name and log.source in nodes and log.answered.any()}
    )


@dataclass(frozen=True, slots=True)
class _Watch:
    """What one path tells of its target: due times of quick answers by the source's clock, and what the target's clock said then.

    `fit`: which of them may be compared; `silences` among them; `heard_s`: when the source heard probes of the target.
    """

    x: Floats
    there_s: Floats
    fit: npt.NDArray[np.bool_]
    silences: npt.NDArray[np.int64]
    heard_s: Floats
    period_s: float


def _lags(node: NodeData, nodes: Mapping[str, NodeData], logs: Sequence[PathLog]) -> list[Standstill]:
    """Standstills that every peer saw which was answered at the time."""
    if not any(_odd(log) for log in logs):
        return []
    watches = [watch for log in logs if (watch := _watch(log, nodes[log.source], node)) is not None]
    lags = [lag for watch in watches for silence in watch.silences.tolist() if (lag := _lag(watch, silence))]
    return _one_each([lag for lag in lags if all(_agrees(watch, lag) for watch in watches)])


def _odd(log: PathLog) -> bool:
    """Whether a path has anything that may be a standstill: most have not, and the comparison of the clocks is dear."""
    x, offset_s, wire_s = log.clock_samples()
    quick = _quick(wire_s)
    return len(_candidates(x[quick], offset_s[quick], log.period_s)) > 0


def _quick(wire_s: Floats) -> npt.NDArray[np.bool_]:
    return wire_s <= median(wire_s) + QUICK_S if len(wire_s) else np.zeros(0, dtype=np.bool_)


def _candidates(x: Floats, lead_s: Floats, period_s: float) -> npt.NDArray[np.int64]:
    """After which of the quick answers the next one took long to come, or a clock of the target fell back; in order."""
    apart_s, fell_s = np.diff(x), -np.diff(lead_s)
    found = np.flatnonzero((apart_s > max(_PERIODS * period_s, LEAST_S)) | (fell_s > _SHARE * LEAST_S))
    size_s = np.maximum(apart_s, fell_s)[found]
    return np.sort(found[np.argsort(-size_s, kind="stable")[:_MOST]])


def _watch(log: PathLog, source: NodeData, target: NodeData) -> _Watch | None:
    told = monotonic_differences(log, source, target)
    if told is None:
        return None
    x, shift_s, wire_s = told
    quick = _quick(wire_s)
    x, there_s = x[quick], (x + shift_s)[quick]
    # Between two readings of which the second is after a step of the wall clock, wall time does not tell monotonic time.
    fit = ~within(x, stepped_s(source)) & ~within(there_s, stepped_s(target))
    back = source.seen.get(f"{log.target}>{log.source}/{log.path.rpartition('/')[2]}")
    heard_s = np.empty(0) if back is None else np.sort(back.arrays["t_us"].astype(np.int64)) / 1e6
    return _Watch(x, there_s, fit, _candidates(x, there_s - x, log.period_s), heard_s, log.period_s)


def _lag(watch: _Watch, silence: int) -> Standstill | None:
    """The standstill that explains a silence, None if none does."""
    from_s, to_s = watch.x[silence], watch.x[silence + 1]
    before, after = _median_shift(watch, from_s - _WINDOW_S, from_s), _median_shift(watch, to_s, to_s + _WINDOW_S)
    if before is None or after is None:
        return None
    length_s, silent_s = before - after, to_s - from_s
    # Up to one period of the silence is the ordinary wait for the next answer.
    if not max(LEAST_S, _SHARE * (silent_s - watch.period_s)) <= length_s <= silent_s + QUICK_S + watch.period_s:
        return None
    # What the node had sent before is still on its way; and it may have gone on a period before its next answer.
    first, last = from_s + watch.period_s + QUICK_S, to_s - watch.period_s - QUICK_S
    if last > first and np.searchsorted(watch.heard_s, last) > np.searchsorted(watch.heard_s, first):
        return None
    sign_s = float(from_s + before)
    return Standstill((sign_s + float(to_s + after)) / 2.0, sign_s, float(length_s), StallCause.FROZEN)


def _median_shift(watch: _Watch, from_s: float, to_s: float) -> float | None:
    first, last = np.searchsorted(watch.x, from_s, side="left"), np.searchsorted(watch.x, to_s, side="right")
    fit = watch.fit[first:last]
    shift_s = (watch.there_s[first:last] - watch.x[first:last])[fit]
    return float(np.median(shift_s)) if len(shift_s) >= _FEWEST else None


def _agrees(watch: _Watch, lag: Standstill) -> bool:
    """Whether this path was silent at that moment too, or was not answered around it at all."""
    fit = np.flatnonzero(watch.fit)
    place = int(np.searchsorted(watch.there_s[fit], lag.local_s))
    first, last = max(0, place - 2), min(len(fit) - 1, place + 1)
    if last <= first:
        return True
    between = watch.x[fit[first] : fit[last] + 1]
    return bool(np.diff(between).max() >= lag.length_s - QUICK_S)


def _one_each(seen: list[Standstill]) -> list[Standstill]:
    """What several paths saw at the same moment is one standstill; the shortest lag is the surest."""
    found: list[Standstill] = []
    for lag in sorted(seen, key=lambda lag: lag.local_s):
        if found and lag.local_s - found[-1].local_s <= _TOGETHER_S:
            found[-1] = replace(
                found[-1],
                sign_s=max(found[-1].sign_s, lag.sign_s),
                length_s=min(found[-1].length_s, lag.length_s),
            )
        else:
            found.append(lag)
    return found
