"""From archives to traces: every slot of a measured path, on the grid and the time base that detectors are replayed on.

The states are those that the analyzer derives from both nodes' records (`analyzer.slots`). Lost either way, or refused by the sender's own
kernel: sent and not answered. Skipped, or sent late: the sender's own stall. Not judged, too young to tell, or not on record at all: nothing is known.
Slots under a bandwidth test are marked and stay in: loaded latency counts, not only the idle channel's.

An answer counts from when its probe was due: the sender's lateness, its queue, the wire and the peer's residence are all in it. Not in it is how long the answer lay
unread while the sender itself stood still; `trace.paused` puts it to the end of the pauses that its ticker noted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from analyzer.align import Clock
from analyzer.causes import Pauses, pauses
from analyzer.columns import Floats, null_of, numbers
from analyzer.detectors.trace import STALL_S, PathTrace, State, paused
from analyzer.frames import NodeData
from analyzer.slots import LOST, PathLog, Slot, within
from analyzer.timing import Measured, during_tests, slot_states
from collector.plan import PlannedPath

_LATEST_US = 60e6
"""No observer is waited for that long: a larger round trip is damage, and no answer."""

_MOST = 20_000_000
"""Slots that a record may claim to span: 46 days at 5 Hz. Damage claims more."""


def path_trace(
    path: PlannedPath,
    log: PathLog,
    nodes: Mapping[str, NodeData],
    clocks: Mapping[str, Clock],
    peer_usable: bool,
    start_s: float,
    measured: Measured | None = None,
) -> PathTrace | None:
    """The trace of one path; None where nothing was sent. `start_s`: start of the run on the common base; `peer_usable`: the archives met.

    `measured`: what was found of the path already, so that its slots are not judged twice.
    """
    if not len(log.t_us):
        return None
    clock = clocks[path.source]
    place, count = _places(log)
    kept = (place >= 0) & (place < count)
    due_s = log.t_us / 1e6
    if measured is None:
        slot_state, _ = slot_states(path, log, nodes, clocks, peer_usable)
        loaded = during_tests(path, nodes, clocks, due_s, peer_usable)
    else:
        slot_state, loaded = measured.state, measured.loaded
    state, answer_s = _answers(log, slot_state)

    order = np.flatnonzero(kept)
    if (np.diff(place) <= 0).any():
        # Where two starts of a sender share a slot of the grid, the worse one counts: it is written last.
        order = order[np.argsort((answer_s - due_s)[kept], kind="stable")]
    grid_s = due_s[0] + np.arange(count) * log.period_s
    whole = np.full(count, np.inf)
    states = np.full(count, State.NO_DATA, dtype=np.int8)
    under = np.zeros(count, np.bool_)
    grid_s[place[order]] = due_s[order]
    whole[place[order]], states[place[order]] = answer_s[order], state[order]
    under[place[order]] = loaded[order]
    whole[states == State.NO_DATA] = np.inf
    sent_s = clock.to_base(grid_s) - start_s
    # Delays stay those of the sender's own clock; only their beginning needs the common base.
    return PathTrace(
        path.name,
        log.period_s,
        sent_s,
        sent_s + (whole - grid_s),
        states,
        _noted(nodes.get(path.source), clocks.get(path.source), start_s),
        _noted(nodes.get(path.target), clocks.get(path.target), start_s) if peer_usable else np.empty((0, 2)),
        under,
    )


def replayable(trace: PathTrace) -> PathTrace:
    """The trace with the pauses of both ends in it, of those long enough to hide a probe."""
    least_s = max(STALL_S, trace.period_s / 2.0)
    return paused(trace, pauses_of(trace.stalls_s, least_s), pauses_of(trace.peer_stalls_s, least_s))


def asked_trace(node: NodeData, observer: str, clock: Clock, start_s: float) -> PathTrace | None:
    """What a node's pings of an observer met; None if it recorded fewer than two. A refused or unanswered request was not answered."""
    frame = node.tables.get("observer")
    if frame is None or "observer" not in frame:
        return None
    rows = frame[frame["observer"] == observer]
    due_s, rtt_us = numbers(rows, "t_us") / 1e6, numbers(rows, "rtt_us")
    flag = numbers(rows, "flag")
    timed = np.isfinite(due_s)
    order = np.argsort(due_s[timed], kind="stable")
    due_s, rtt_us, flag = due_s[timed][order], rtt_us[timed][order], flag[timed][order]
    if len(due_s) < 2 or not due_s[-1] > due_s[0]:
        return None
    steps_s = np.diff(due_s)
    period_s = max(float(np.median(steps_s[steps_s > 0])), 1e-3)
    # Step by step, so that a period that is a little off does not add up to a hole.
    steps = np.minimum(np.rint(steps_s / period_s), float(_MOST)).astype(np.int64)
    place = np.append(0, np.cumsum(steps))
    kept = place < _MOST
    place, due_s, rtt_us, flag = place[kept], due_s[kept], rtt_us[kept], flag[kept]
    answered = (rtt_us >= 0) & (rtt_us <= _LATEST_US) & (flag == 0)
    count = int(place[-1]) + 1
    grid_s = np.interp(np.arange(count), place, due_s)
    answer_s, states = np.full(count, np.inf), np.full(count, State.NO_DATA, dtype=np.int8)
    grid_s[place], states[place] = due_s, State.OK
    answer_s[place] = np.where(answered, due_s + rtt_us / 1e6, np.inf)
    sent_s = clock.to_base(grid_s) - start_s
    stalls_s = _noted(node, clock, start_s)
    # A node that stands still asks nothing; its peer hears nothing of it meanwhile.
    still = within(sent_s, stalls_s.tolist()) if len(stalls_s) else np.zeros(count, np.bool_)
    states[still & (states == State.NO_DATA)] = State.STALL
    nothing = np.empty((0, 2))
    return PathTrace(
        f"{node.name}>{observer}",
        period_s,
        sent_s,
        sent_s + (answer_s - grid_s),
        states,
        stalls_s,
        nothing,
        np.zeros(count, np.bool_),
    )


def _places(log: PathLog) -> tuple[npt.NDArray[np.int64], int]:
    """(place of every row on the grid, length of the grid). Each start of the sender has a phase of its own, which is rounded."""
    position = (log.t_us - log.t_us[0]) / (log.period_s * 1e6)
    starts = np.flatnonzero(np.diff(log.sub, prepend=-1))
    shift = np.rint(position[starts]) - position[starts]
    place = np.rint(position + shift[np.searchsorted(starts, np.arange(len(position)), side="right") - 1]).astype(
        np.int64
    )
    return place, min(int(place.max()) + 1, _MOST)


def _answers(log: PathLog, slot_state: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], Floats]:
    """(state, time of the answer on the sender's clock) of every row."""
    late_us = log.late_us.astype(np.float64)
    late_us[(log.late_us == null_of(log.late_us)) | (late_us < 0)] = 0.0
    late_s = late_us / 1e6
    rows, rtt_s = log.rtt_s()
    answer_s = np.full(len(log.t_us), np.inf)
    answer_s[rows] = log.t_us[rows] / 1e6 + late_s[rows] + rtt_s
    state = np.full(len(log.t_us), State.NO_DATA, dtype=np.int8)
    state[np.isin(slot_state, (Slot.ANSWERED, Slot.REFUSED, *LOST))] = State.OK
    # What was sent late and then lost was lost.
    stalled = (state == State.OK) & (late_s > max(STALL_S, log.period_s / 2.0)) & (slot_state == Slot.ANSWERED)
    state[stalled | (slot_state == Slot.SKIPPED)] = State.STALL
    answered_without = (slot_state == Slot.ANSWERED) & ~np.isfinite(answer_s)
    # Answered, by a reply whose stamps are damaged: how late is not known.
    state[answered_without] = State.NO_DATA
    answer_s[~np.isin(slot_state, (Slot.ANSWERED,))] = np.inf
    return state, answer_s


def _noted(node: NodeData | None, clock: Clock | None, start_s: float) -> Floats:
    """Pauses of a node's ordinary ticker on the common base."""
    if node is None or clock is None:
        return np.empty((0, 2))
    found: Pauses = pauses(node.tables.get("stall"), None).on(lambda local_s: clock.to_base(local_s) - start_s)
    return np.column_stack([found.starts, found.stops])


def pauses_of(spans_s: Floats, at_least_s: float = 0.0) -> Sequence[tuple[float, float]]:
    """Noted pauses as pairs, those of some length only."""
    return [(start, stop) for start, stop in spans_s.tolist() if stop - start >= at_least_s and math.isfinite(stop)]
