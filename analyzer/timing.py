"""The measured budget of one directed path, and what all channels of a pair did together.

Loss is a share of the judged slots that were really sent,
with a 95 % interval that takes a burst of losses for one event. Slots during a bandwidth test of either node say how the path is under
load; they are kept apart, so that our own load is in no figure of the idle path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from analyzer.align import Clock, wall_offset
from analyzer.causes import CAUSES, Codes, Pauses, pauses, slow_slots, summary
from analyzer.clocks import stepped_s
from analyzer.columns import Floats
from analyzer.contract import Cause, Outage, Timing
from analyzer.coverage import longest_gap_s
from analyzer.frames import NodeData
from analyzer.middle import median
from analyzer.order import reordered, route_changes
from analyzer.proportion import clopper_pearson
from analyzer.quantiles import deviation, quantiles
from analyzer.queueing import queueing
from analyzer.slots import EDGE_S, LOST, Bools, PathLog, Peer, Slot, judge, within
from analyzer.throughput import loaded_us
from collector.plan import Plan, PlannedPath

_WALL_ERROR_S = 1.0
"""How far wall clocks are trusted where no path leads to a node (design value)."""

BEFORE_S, AFTER_S = 0.2, 0.5
"""How far a bandwidth test reaches beyond its own record: a probe that was due just before it may meet its first packets,
and the queue that it filled empties after it (design values; a queue of 200 ms was the longest measured)."""


LATE_S = 1.0
"""An answer that comes so much later than the median one, and more than two periods, was missed by a heartbeat (design value)."""

_NODE = tuple(
    CAUSES.index(cause) for cause in (Cause.LOCAL_STARVATION, Cause.LOCAL_STOP, Cause.PEER_STARVATION, Cause.PEER_STOP)
)
"""What makes an answer late without the network's doing; pauses of the nodes have figures of their own."""


@dataclass(frozen=True, slots=True)
class Late:
    """Which slots were answered too late to count, when each slot's answer came (infinite: never), and the usual round trip, in s."""

    slots: Bools
    answer_s: Floats
    usual_s: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A path's timing, and what its charts are drawn from: times on the common base and round trips, in s. Idle slots only.

    `loaded_rtt_s` alone is of the slots under a bandwidth test.
    `judged_s` and `lost`: when every slot was due that was answered or lost, and which of them were lost.
    Of all slots of its log: their `state`, and whether they were `loaded` by a bandwidth test.
    """

    timing: Timing
    t_s: Floats
    rtt_s: Floats
    loaded_rtt_s: Floats
    judged_s: Floats
    lost: Bools
    state: npt.NDArray[np.int8]
    loaded: Bools


def outages(
    t_s: Floats,
    state: npt.NDArray[np.int8],
    sub: npt.NDArray[np.int32],
    period_s: float,
    loaded: Bools | None = None,
    late: Late | None = None,
) -> list[Outage]:
    """Runs of at least two slots without an answer in time, with none in between, on the time base of `t_s`.

    A run starts at its first lost slot's intended time and ends at the next answered slot's, so that n slots last about
    n periods; at the end of the record it ends with the last unanswered slot. Slots that the sender skipped do not end
    a run (nothing was answered), nor do those its kernel refused (they count as lost here: the path was out). A slot
    sent while the reflector was not running ends it, and so does a restart of the sender or a hole in the record.

    A `late` answer is none: packets that were held up and then delivered at once are as silent as lost ones. The length of such
    a run is the longest time that a question had to wait for an answer to it or to a later one, less the usual round trip.

    `loaded` marks slots during bandwidth tests. A run that began during one may be the test's doing: only what is left of it
    afterwards counts. One that began before goes on through the test: a load does not act before it is there.
    """
    missing = np.isin(state, (*LOST, Slot.REFUSED))
    held = late.slots if late is not None else np.zeros(len(state), dtype=np.bool_)
    lost = missing | held
    runs: list[Outage] = []
    rows = np.flatnonzero(lost)
    if not len(rows):
        return runs
    # A boundary between two lost slots: something answered or unjudged in between, a restart, or missing rows.
    ends = np.cumsum(np.isin(state, (Slot.ANSWERED, Slot.UNJUDGED)) & ~held)
    holes = np.cumsum(np.diff(t_s, prepend=t_s[:1]) > max(EDGE_S, 2.5 * period_s))
    apart = (np.diff(ends[rows]) > 0) | (np.diff(sub[rows]) > 0) | (np.diff(holes[rows]) > 0)

    def apart_from(one: int, other: int) -> bool:
        return bool(sub[one] != sub[other] or holes[one] != holes[other])

    for run in np.split(rows, np.flatnonzero(apart) + 1):
        if loaded is not None:
            run = run[_own(loaded[run]) :]
        if len(run) < 2:
            continue
        at = int(run[-1]) + 1
        while at < len(state) and not apart_from(run[0], at) and state[at] in (Slot.SKIPPED, Slot.YOUNG):
            at += 1
        closed = at < len(state) and not apart_from(run[0], at)
        start_s, end_s = float(t_s[run[0]]), float(t_s[at] if closed else t_s[at - 1] + period_s)
        if late is not None and held[run].any():
            # The answer in time that ends the run may itself come up to LATE_S later than usual.
            soon = late.answer_s[at : at + 1 + math.ceil(LATE_S / period_s)]
            soon_s = float(soon.min()) if closed else math.inf
            next_s = soon_s if math.isfinite(soon_s) else end_s + late.usual_s
            start_s, end_s = _silence(t_s[run], np.append(late.answer_s[run], next_s) - late.usual_s)
        runs.append(Outage(start_s, end_s - start_s, len(run), int(held[run].sum())))
    return runs


def _silence(t_s: Floats, heard_s: Floats) -> tuple[float, float]:
    """(when the question was due that waited longest for an answer to it or to a later one, when that was heard).

    `heard_s` has one answer more than there are questions: the first after them.
    """
    first_s = np.minimum.accumulate(heard_s[::-1])[::-1][:-1]
    longest = int(np.argmax(first_s - t_s))
    return float(t_s[longest]), float(first_s[longest])


def _own(loaded: Bools) -> int:
    """Where in a run the first two slots in a row stand that no test loaded; the run's length if nowhere."""
    pairs = ~(loaded[:-1] | loaded[1:])
    return int(np.argmax(pairs)) if pairs.any() else len(loaded)


def loss_interval(lost: Bools) -> tuple[float, float] | tuple[None, None]:
    """95 % interval of the loss, from the judged slots in their order: True was lost.

    Slots that are lost one after another have one cause and are one event: the exact interval of the rate of events, times
    their mean length. Where losses come one by one that is the interval of Clopper and Pearson; one outage in a short run
    no longer passes for many independent losses. (None, None) without slots.
    """
    if not len(lost):
        return None, None
    count = int(lost.sum())
    events = count - int((lost[1:] & lost[:-1]).sum())
    low, high = clopper_pearson(events, len(lost))
    length = count / events if events else 1.0
    return low * length, min(1.0, high * length)


def measure(
    path: PlannedPath,
    plan: Plan,
    log: PathLog,
    nodes: Mapping[str, NodeData],
    clocks: Mapping[str, Clock],
    peer_usable: bool,
    start_s: float,
) -> Measured:
    """Judge one path. `start_s` is the start of the run on the common base; `peer_usable`: the archives met."""
    source = nodes[path.source]
    clock = clocks[path.source]
    period_s = plan.probing.period_s
    t_s = clock.to_base(log.t_us / 1e6) - start_s
    state, peer = slot_states(path, log, nodes, clocks, peer_usable)
    loaded = during_tests(path, nodes, clocks, log.t_us / 1e6, peer_usable)
    telling = log.t_us[np.isin(state, (Slot.ANSWERED, Slot.REFUSED, *LOST))] / 1e6
    began_s, ended_s = peer.run_s if peer is not None else (0.0, source.duration_s)
    counts = np.bincount(state[~loaded], minlength=len(Slot))
    lost = int(sum(counts[kind] for kind in LOST))
    answered, sent = int(counts[Slot.ANSWERED]), int((log.flag[~loaded] == 0).sum())
    judged = answered + lost
    low, high = loss_interval(np.isin(state[~loaded & np.isin(state, (Slot.ANSWERED, *LOST))], LOST))
    # Lengths by the sender's own clock, which knows them exactly; only the start needs the common base.
    due_s = log.t_us / 1e6
    slow, delay_s, cause = _slow(path, nodes, clocks, log, loaded, peer_usable)
    late = _late(log, slow, delay_s, cause)
    local = outages(due_s, state, log.sub, period_s, loaded, late)
    began = [
        out
        for out in outages(due_s, state, log.sub, period_s, late=late)
        if loaded[np.searchsorted(due_s, out.start_s)]
    ]
    starts_s = clock.to_base(np.array([outage.start_s for outage in local])) - start_s
    found = [replace(outage, start_s=float(at_s)) for outage, at_s in zip(local, starts_s, strict=True)]
    ends = [node for name in (path.source, path.target) if (node := nodes.get(name)) is not None]
    longest_stall_s, stalls = _stalls(ends)
    offset_s, error_s = wall_offset(log)
    rows, rtt_s = log.rtt_s()
    idle = ~loaded[rows]
    changes_there, changes_back = route_changes(log)

    def quiet(figures: tuple[npt.NDArray[np.int64], Floats]) -> Floats:
        at, values_s = figures
        return values_s[~loaded[at]]

    wire_s = quiet(log.wire_s())
    queued_there_s, queued_back_s = queueing(log, ~loaded, _stepped(path, nodes, clocks, peer_usable))

    timing = Timing(
        path=path.name,
        source=path.source,
        target=path.target,
        network=path.network,
        wan=plan.is_wan(path.source, path.target),
        period_s=period_s,
        hours=sent * period_s / 3600.0,
        sent=sent,
        answered=answered,
        lost_forward=int(counts[Slot.LOST_FORWARD]),
        lost_back=int(counts[Slot.LOST_BACK]),
        lost_unknown=int(counts[Slot.LOST_UNKNOWN]),
        unjudged=int((~loaded).sum()) - judged,
        duplicates=log.duplicates,
        rtt=quantiles(rtt_s[idle]),
        wire=quantiles(wire_s),
        residence=quantiles(quiet(log.residence_s())),
        loss=lost / judged if judged else None,
        loss_low=low,
        loss_high=high,
        outages=tuple(found),
        longest_outage_s=max((outage.length_s for outage in found), default=0.0),
        longest_stall_s=longest_stall_s,
        stalls=stalls,
        clock_offset_s=offset_s,
        clock_error_s=error_s,
        loaded=quantiles(rtt_s[~idle]),
        loaded_lost=int(np.isin(state[loaded], LOST).sum()),
        loaded_low=loss_interval(np.isin(state[loaded & np.isin(state, (Slot.ANSWERED, *LOST))], LOST))[0],
        loaded_outage_s=max((outage.length_s for outage in began), default=0.0),
        slow=summary(delay_s, cause),
        reordered=reordered(log),
        route_changes_there=changes_there,
        route_changes_back=changes_back,
        longest_blind_s=longest_gap_s(telling, (max(0.0, began_s), min(source.duration_s, ended_s))),
        wire_deviation_s=deviation(wire_s),
        rtt_deviation_s=deviation(rtt_s[idle]),
        queued_there=quantiles(queued_there_s),
        queued_back=quantiles(queued_back_s),
    )
    known = ~loaded & np.isin(state, (Slot.ANSWERED, *LOST))
    return Measured(
        timing, t_s[rows[idle]], rtt_s[idle], rtt_s[~idle], t_s[known], np.isin(state[known], LOST), state, loaded
    )


def slot_states(
    path: PlannedPath, log: PathLog, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], peer_usable: bool
) -> tuple[npt.NDArray[np.int8], Peer | None]:
    """(state of every slot of the log, the reflector's side on the sender's clock). `peer_usable`: the archives met."""
    source = nodes[path.source]
    peer = _peer(path, source, nodes[path.target], clocks, log) if peer_usable else None
    met = [(t_us, session) for t_us, name, session in source.story.meetings if name == path.name]
    again_us = [t_us for (_, before), (t_us, session) in pairwise(met) if session != before]
    return judge(log, source.spans, peer, again_us), peer


def during_tests(
    path: PlannedPath, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], t_s: Floats, peer_usable: bool
) -> Bools:
    """Which of the times (on the sender's clock) lie in a stretch while a bandwidth test loaded the sender or the reflector, on whatever path."""
    here = clocks[path.source]
    spans = [(start / 1e6 - BEFORE_S, stop / 1e6 + AFTER_S) for start, stop in loaded_us(nodes[path.source])]
    target = nodes.get(path.target) if peer_usable else None
    theirs = loaded_us(target) if target is not None else ()
    if theirs:
        there = clocks[path.target]
        # Where only wall clocks were compared a test is looked for a second further out.
        error_s = sum(_WALL_ERROR_S if clock.error_s is None else clock.error_s for clock in (here, there))
        mapped = here.to_local(there.to_base(np.array(theirs).reshape(-1) / 1e6)).reshape(-1, 2)
        spans += [(start - BEFORE_S - error_s, stop + AFTER_S + error_s) for start, stop in mapped.tolist()]
    return within(t_s, spans)


def _stepped(
    path: PlannedPath, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], peer_usable: bool
) -> list[tuple[float, float]]:
    """Within which stretches (on the sender's clock) either wall clock was stepped."""
    here = clocks[path.source]
    spans = stepped_s(nodes[path.source])
    target = nodes.get(path.target) if peer_usable else None
    if target is not None and (theirs := stepped_s(target)):
        there = clocks[path.target]
        error_s = sum(_WALL_ERROR_S if clock.error_s is None else clock.error_s for clock in (here, there))
        mapped = here.to_local(there.to_base(np.array(theirs).reshape(-1))).reshape(-1, 2)
        spans += [(start - error_s, stop + error_s) for start, stop in mapped.tolist()]
    return spans


def _slow(
    path: PlannedPath,
    nodes: Mapping[str, NodeData],
    clocks: Mapping[str, Clock],
    log: PathLog,
    loaded: Bools,
    peer_usable: bool,
) -> tuple[npt.NDArray[np.int64], Floats, Codes]:
    source, target = nodes[path.source], nodes.get(path.target) if peer_usable else None
    there = None
    if target is not None:
        theirs, here = clocks[path.target], clocks[path.source]
        there = _pauses(target).on(lambda t_s: here.to_local(theirs.to_base(t_s)))
    return slow_slots(log, loaded, _pauses(source), there)


def _late(log: PathLog, slow: npt.NDArray[np.int64], delay_s: Floats, cause: Codes) -> Late:
    """`slow` slots with their delay and its cause. What a pause of a node held up is that pause's, not an outage."""
    rows, rtt_s = log.rtt_s()
    usual_s = median(rtt_s) if len(rtt_s) else 0.0
    answer_s = np.full(len(log.t_us), np.inf)
    answer_s[rows] = log.t_us[rows] / 1e6 + rtt_s
    answer_s[slow] = log.t_us[slow] / 1e6 + delay_s
    late = np.zeros(len(log.t_us), dtype=np.bool_)
    late[slow[(delay_s > usual_s + max(LATE_S, 2.0 * log.period_s)) & ~np.isin(cause, _NODE)]] = True
    return Late(late, answer_s, usual_s)


def _pauses(node: NodeData) -> Pauses:
    return pauses(node.tables.get("stall"), node.tables.get("ticker"))


def _peer(path: PlannedPath, source: NodeData, target: NodeData, clocks: Mapping[str, Clock], log: PathLog) -> Peer:
    """The reflector's record on the sender's clock."""
    here, there = clocks[path.source], clocks[path.target]

    def mapped(local_us: npt.NDArray[np.int64]) -> Floats:
        return here.to_local(there.to_base(local_us / 1e6))

    seen = target.seen.get(path.name)
    spans = mapped(np.array(target.spans, dtype=np.int64).reshape(-1)).reshape(-1, 2)
    run = mapped(np.array([0, round(target.duration_s * 1e6)], dtype=np.int64))
    # An archive tells when its process ran only if no other session of that node answered too.
    known = target.sessions.issuperset(source.story.peers.get(path.target, ()))
    end_s = float(run[1])
    if not target.sealed:
        # Cut short: the process ran as long as its record reaches or it answered. Silence after that may be the node's.
        answered = log.t_us[log.answered]
        end_s = max([float(stop) for _, stop in spans] + [float(answered[-1]) / 1e6 if len(answered) else -np.inf])
    errors = [_WALL_ERROR_S if clock.error_s is None else clock.error_s for clock in (here, there)]
    return Peer(
        seen=seen,
        seen_s=mapped(seen.arrays["t_us"].astype(np.int64)) if seen is not None else np.array([]),
        spans_s=tuple((float(start), float(stop)) for start, stop in spans),
        run_s=(float(run[0]) if known else -np.inf, end_s if known else np.inf),
        error_s=sum(errors),
    )


def _stalls(nodes: Sequence[NodeData]) -> tuple[float, int]:
    """Longest pause in s of the ordinary ticker of any of the nodes, and the number of pauses of 20 ms and more."""
    longest_us, count = 0.0, 0
    for node in nodes:
        for table, column in (("stall", "length_us"), ("ticker", "late_max_us")):
            frame = node.tables.get(table)
            if frame is None or column not in frame or "class" not in frame:
                continue
            values = frame.loc[frame["class"] == "default", column].dropna()
            longest_us = max(longest_us, float(values.max()) if len(values) else 0.0)
            count += len(values) if table == "stall" else 0
    return longest_us / 1e6, count
