"""Why a node stood still: every pause of its ticker beside what else was on record of that second, and one cause for each.

A pause in which the monotonic clock ran leaves a gap in the ticker. The process's own wait for a CPU, stolen CPU time, pressure, page
faults and commits of the seconds around it are taken beyond what is usual on the node, and explain the pause if they are as long as half of it. Without any of
them the process was stopped if another one of the node went on meanwhile; if all were silent the node was. A pause in which the clock
stood still as well leaves no gap: `analyzer.standstill` finds it. What is not on record explains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from analyzer.align import Clock
from analyzer.columns import Floats, numbers
from analyzer.contract import NodeStalls, Stall, StallCause, StallTally
from analyzer.frames import NodeData
from analyzer.rates import HOLE_S
from analyzer.slots import Bools
from analyzer.standstill import Standstill, suspends

SHARE = 0.5
"""What is at least this share of a pause explains it (design value, as for slow answers)."""

WITNESSED_S = 3.0
"""So long a pause must be for a table that has a row a second to tell whether its process went on (design value)."""

MOST = 10
"""Stalls of a node that are told one by one."""

CAUSES = tuple(StallCause)
_WITNESSES = ("load", "memory", "pressure")

Codes = npt.NDArray[np.int8]
"""A cause per stall: its place in `CAUSES`."""


@dataclass(frozen=True, slots=True)
class Signs:
    """What was on record about each stall, one entry per stall; seconds, NaN where it is not told.

    `silent`: whether the node's other processes were silent too (1, 0). `suspended`: the node was suspended within the same ten seconds.
    """

    length: Floats
    waited: Floats
    cpu: Floats
    io: Floats
    memory: Floats
    steal: Floats
    faults: Floats
    commit: Floats
    silent: Floats
    suspended: Bools


def causes(signs: Signs) -> Codes:
    """One cause for each stall. Stolen time comes first: a process that the hypervisor holds up also seems to wait for a CPU."""

    def explains(value: Floats) -> Bools:
        found: Bools = value >= SHARE * signs.length
        return found

    # The ticker waits for a disk only where a page of its own has to be read; a slow disk alone does not hold it up.
    disk = explains(signs.io) | explains(signs.commit) | (np.isnan(signs.io) & np.isnan(signs.commit))
    unread = np.isnan(signs.faults) & (explains(signs.io) | explains(signs.commit))
    paged = explains(signs.memory) | ((signs.faults >= 1.0) & disk) | unread
    # Without its own wait and without the node's pressure nothing says that it did not want for a CPU.
    told = ~np.isnan(signs.waited) | ~np.isnan(signs.cpu)
    chosen = np.select(
        [
            explains(signs.steal),
            explains(signs.waited),
            paged,
            explains(signs.cpu),
            signs.suspended,
            told & (signs.silent == 0.0),
            told & (signs.silent == 1.0),
        ],
        [
            CAUSES.index(cause)
            for cause in (
                StallCause.STEAL,
                StallCause.STARVATION,
                StallCause.PAGING,
                StallCause.STARVATION,
                StallCause.SUSPEND,
                StallCause.STOP,
                StallCause.STUN,
            )
        ],
        CAUSES.index(StallCause.UNKNOWN),
    )
    return chosen.astype(np.int8)


def node_stalls(
    node: NodeData, clock: Clock, start_s: float, stood: Sequence[Standstill] = (), watched: int = 0
) -> NodeStalls:
    """All stalls of one node. `start_s`: of the run, on the common base; `stood`: when its clock stood still, suspended or not."""
    starts, length, waited = _rows(node.tables.get("stall"), "default", "t_us", "length_us", "run_delay_us")
    known = length > 0
    starts, length, waited = starts[known], length[known], waited[known]
    signs = _signs(node, starts, length, waited)
    code = np.append(causes(signs), [CAUSES.index(item.cause) for item in stood]).astype(np.int8)
    lengths_s = np.append(length, [item.length_s for item in stood])
    order = np.argsort(-lengths_s, kind="stable")
    # The longest of each cause is among those that are told, however short it is.
    firsts = [int(order[np.argmax(code[order] == one)]) for one in np.unique(code).tolist()]
    others = [row for row in order[:MOST].tolist() if row not in firsts]
    shown = sorted([*firsts, *others][:MOST], key=lambda row: -lengths_s[row])
    at_s = clock.to_base(np.append(starts, [item.sign_s for item in stood])) - start_s
    return NodeStalls(
        node.name,
        _tallies(lengths_s, code),
        tuple(_told(Stall(float(at_s[row]), float(lengths_s[row]), CAUSES[code[row]]), signs, row) for row in shown),
        watched,
    )


def _tallies(length_s: Floats, code: Codes) -> tuple[StallTally, ...]:
    found = []
    for place, cause in enumerate(CAUSES):
        mine = length_s[code == place]
        if len(mine):
            found.append(StallTally(cause, len(mine), float(mine.sum()), float(mine.max())))
    return tuple(sorted(found, key=lambda tally: -tally.total_s))


def _told(stall: Stall, signs: Signs, row: int) -> Stall:
    """With what is told of it; nothing of one that the ticker did not see."""
    if row >= len(signs.length):
        return stall

    def told(value: Floats) -> float | None:
        return None if np.isnan(value[row]) else float(value[row])

    silent = told(signs.silent)
    return replace(
        stall,
        waited_s=told(signs.waited),
        cpu_s=told(signs.cpu),
        io_s=told(signs.io),
        memory_s=told(signs.memory),
        steal_s=told(signs.steal),
        faults=told(signs.faults),
        commit_s=told(signs.commit),
        others_silent=None if silent is None else bool(silent),
    )


def _signs(node: NodeData, starts: Floats, length: Floats, waited: Floats) -> Signs:
    stops = starts + length
    pressure = _by_label(node.tables.get("pressure"), "pressure")

    def pressed(resource: str) -> Floats:
        return _beyond(pressure.get(resource), "some_us", starts, stops) / 1e6

    cpus = _by_label(node.tables.get("cpu"), "cpu")
    single = {name: frame for name, frame in cpus.items() if name != "all"} or cpus
    steal = np.full(len(starts), np.nan)
    for frame in single.values():
        # The CPU that lost most: a sum over many CPUs has the length of a pause without any of them being held up.
        steal = np.fmax(steal, _beyond(frame, "steal_cs", starts, stops) / 100.0)
    suspended = np.zeros(len(starts), dtype=np.bool_)
    for nap in suspends(node):
        suspended |= (stops >= nap.from_s) & (starts <= nap.to_s)
    return Signs(
        length=length,
        waited=waited,
        cpu=pressed("cpu"),
        io=pressed("io"),
        memory=pressed("memory"),
        steal=steal,
        faults=_beyond(node.tables.get("paging"), "major_faults", starts, stops),
        commit=_slowest(node.tables.get("commit"), starts, stops),
        silent=_silent(node, starts, stops),
        suspended=suspended,
    )


def _beyond(frame: pd.DataFrame | None, column: str, starts: Floats, stops: Floats) -> Floats:
    """By how much a counter grew from the row before each stall to the row after it, less what it usually grows by in that time."""
    untold = np.full(len(starts), np.nan)
    if frame is None or not len(starts):
        return untold
    at_s, count = numbers(frame, "t_us") / 1e6, numbers(frame, column)
    known = np.isfinite(at_s) & np.isfinite(count)
    at_s, count = at_s[known], count[known]
    order = np.argsort(at_s, kind="stable")
    at_s, count = at_s[order], count[order]
    grown, passed = np.diff(count), np.diff(at_s)
    joined = (passed > 0) & (passed <= HOLE_S) & (grown >= 0)
    if not joined.any():
        return untold
    usual = float(np.median(grown[joined] / passed[joined]))
    before, after, near = _around(at_s, starts, stops)
    resets = np.append(0, np.cumsum(grown < 0))
    near &= resets[after] == resets[before]
    beyond = np.maximum(count[after] - count[before] - usual * (at_s[after] - at_s[before]), 0.0)
    return np.where(near, beyond, untold)


def _around(at_s: Floats, starts: Floats, stops: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Bools]:
    """The rows before and after each stall, and whether there are both, close enough to speak of it."""
    last = len(at_s) - 1
    before = np.searchsorted(at_s, starts, side="right") - 1
    after = np.searchsorted(at_s, stops, side="left")
    near: Bools = (before >= 0) & (after <= last)
    before, after = np.clip(before, 0, last), np.clip(after, 0, last)
    near &= (starts - at_s[before] <= HOLE_S) & (at_s[after] - stops <= HOLE_S)
    return before, after, near


def _slowest(frame: pd.DataFrame | None, starts: Floats, stops: Floats) -> Floats:
    """By how much the slowest commit during each stall took longer than the usual one."""
    slowest = np.full(len(starts), np.nan)
    for one in _by_label(frame, "commit").values():
        began, took = numbers(one, "t_us") / 1e6, numbers(one, "took_us") / 1e6
        known = np.isfinite(began) & np.isfinite(took) & (took >= 0)
        began, took = began[known], took[known]
        order = np.argsort(began, kind="stable")
        began, took = began[order], took[order]
        if not len(began):
            continue
        # One folder is written to by one process: its commits end in the order in which they began.
        first = np.searchsorted(np.maximum.accumulate(began + took), starts)
        last = np.searchsorted(began, stops, side="right")
        _, _, near = _around(began, starts, stops)
        padded = np.append(took, 0.0)
        most = np.maximum.reduceat(padded, np.column_stack([first, np.maximum(first, last)]).ravel())[::2]
        beyond = np.where(last > first, np.maximum(most - float(np.median(took)), 0.0), 0.0)
        slowest = np.fmax(slowest, np.where(near | (last > first), beyond, np.nan))
    return slowest


def _silent(node: NodeData, starts: Floats, stops: Floats) -> Floats:
    """1 where no other process of the node showed itself during a stall, 0 where one did, NaN where none was watched.

    The real-time ticker tells of every stall; where it was not granted, a process that writes a row a second tells of long ones.
    """
    silent = np.full(len(starts), np.nan)
    rows = [_times(node.tables[name]) for name in _WITNESSES if name in node.tables]
    witness = np.unique(np.concatenate(rows)) if rows else np.empty(0)
    if len(witness):
        _, _, near = _around(witness, starts, stops)
        inside = np.searchsorted(witness, stops, side="left") - np.searchsorted(witness, starts, side="right")
        near &= stops - starts >= WITNESSED_S
        silent[near] = np.where(inside[near] > 0, 0.0, 1.0)
    (ticks,) = _rows(node.tables.get("ticker"), "fifo", "t_us")
    if len(ticks):
        began, length = _rows(node.tables.get("stall"), "fifo", "t_us", "length_us")
        _, _, near = _around(ticks, starts, stops)
        overlap = _covered(began, length, stops) - _covered(began, length, starts)
        silent[near] = np.where(overlap[near] >= SHARE * (stops - starts)[near], 1.0, 0.0)
    return silent


def _covered(began: Floats, length: Floats, until: Floats) -> Floats:
    """How much of the time before `until` lies in the stretches, which follow one another."""
    if not len(began):
        return np.zeros(len(until))
    total = np.append(0.0, np.cumsum(length))
    place = np.searchsorted(began, until, side="right")
    last = np.maximum(place - 1, 0)
    inside = np.where(place > 0, np.minimum(until - began[last], length[last]), 0.0)
    covered: Floats = np.where(place > 0, total[last], 0.0) + inside
    return covered


def _rows(frame: pd.DataFrame | None, of: str, *columns: str) -> tuple[Floats, ...]:
    """Columns of one class of ticker in s, in order of time."""
    if frame is None or "class" not in frame:
        return tuple(np.empty(0) for _ in columns)
    rows = frame[frame["class"] == of]
    values = np.array([numbers(rows, name) for name in columns]).reshape(len(columns), -1) / 1e6
    return tuple(values[:, np.argsort(values[0], kind="stable")])


def _times(frame: pd.DataFrame) -> Floats:
    at_s = numbers(frame, "t_us") / 1e6
    return at_s[np.isfinite(at_s)]


def _by_label(frame: pd.DataFrame | None, label: str) -> Mapping[str, pd.DataFrame]:
    if frame is None or label not in frame:
        return {}
    return {str(name): rows for name, rows in frame.groupby(label, observed=True)}
