"""A trace that failure detectors are replayed on: what became of every slot of one directed path, on the base of the run.

A slot stands for a heartbeat that a product could have sent at that moment. Its answer counts from when it was *due*, so the
sender's own lateness is in it. Three things that look alike are kept apart: a slot that was sent and never answered (`OK`,
answer infinite), one that the sender's own stall kept back or delayed (`STALL`: its peer misses the heartbeat all the same, and the sender
hears nothing meanwhile either), and one of which nothing is known (`NO_DATA`: exposure pauses, nothing is suspected).

Slots stand on a grid: neighbours are a probe period apart, and what is not on record is there as `NO_DATA`. So a heartbeat every m slots,
at each of its m phases, is every m-th slot from the phase on.

Source: open loop and time from the intended moment: G. Tene, "coordinated omission"; RFC 7680 (late is lost beyond a stated time).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.detectors.tcp import RTO_FLOOR_S, worst_stalls_s
from analyzer.middle import median
from analyzer.slots import Bools, within

STALL_S = 0.02
"""A slot sent later than this, and than half a period, was kept back by the sender's own stall (design value)."""

RESOLVED = 5.0
"""A heartbeat is resolved by probes that come five times as often (design value); at half of it nothing can be replayed."""


FOUND_FROM_PERIODS = 2.0
"""Slots answered later than so many periods are looked for once, so that each replay need not look through a whole day for its few."""


NEVER_S = 60.0
"""What never came counts as so slow, so that losses do not make a path look quick."""


class State(IntEnum):
    """What is known of a slot."""

    OK = 0
    STALL = 1
    NO_DATA = 2


@dataclass(frozen=True, slots=True, eq=False)
class PathTrace:
    """One directed path. Times in s since the start of the run; one entry per slot of the grid.

    `answer_s` is infinite where none came. `stalls_s` and `peer_stalls_s` are the pauses (start, stop) that the tickers of
    sender and peer noted; their effect on the slots is in the slots. `loaded`: slots under a bandwidth test.
    """

    path: str
    period_s: float
    sent_s: Floats
    answer_s: Floats
    state: npt.NDArray[np.int8]
    stalls_s: Floats
    peer_stalls_s: Floats
    loaded: Bools
    _slow: list[npt.NDArray[np.int64]] = field(default_factory=list, init=False, repr=False)
    _usual_s: list[float] = field(default_factory=list, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.sent_s)

    def slower(self, than_s: float) -> npt.NDArray[np.int64]:
        """The slots of which something is known and that took longer, in order."""
        least_s = FOUND_FROM_PERIODS * self.period_s
        if than_s < least_s:
            return np.flatnonzero(self.known & (self.delay_s > than_s))
        if not self._slow:
            self._slow.append(np.flatnonzero(self.known & (self.delay_s > least_s)))
        slow = self._slow[0]
        found: npt.NDArray[np.int64] = slow[self.delays_s(slow) > than_s]
        return found

    def delays_s(self, slots: npt.NDArray[np.int64]) -> Floats:
        """`delay_s` of some slots."""
        found: Floats = self.answer_s[slots] - self.sent_s[slots]
        return found

    @property
    def known(self) -> Bools:
        """Slots that say something."""
        found: Bools = self.state != State.NO_DATA
        return found

    @property
    def delay_s(self) -> Floats:
        """Time from when a slot was due to its answer."""
        return self.answer_s - self.sent_s

    @property
    def kept(self) -> Bools:
        """Slots that the sender's own stall kept back: nothing of them was sent, so the network lost nothing."""
        found: Bools = (self.state == State.STALL) & np.isinf(self.answer_s)
        return found

    @property
    def usual_s(self) -> float:
        """The median delay of the slots that say something; 0 without any."""
        if not self._usual_s:
            known = self.known
            delay_s = self.delay_s if known.all() else self.delay_s[known]
            self._usual_s.append(median(np.minimum(delay_s, NEVER_S)) if len(delay_s) else 0.0)
        return self._usual_s[0]

    @property
    def exposure_s(self) -> float:
        """How long the path was observed: slots that say something, times the period."""
        return float(self.known.sum()) * self.period_s

    @property
    def end_s(self) -> float:
        """End of the last slot."""
        return float(self.sent_s[-1]) + self.period_s if len(self) else 0.0

    def stride(self, interval_s: float) -> int:
        """How many slots lie between two heartbeats of that interval; also the number of its phases."""
        return max(1, round(interval_s / self.period_s))

    def resolves(self, interval_s: float) -> bool:
        """Whether probes came often enough for a heartbeat of that interval to be recommended."""
        return self.period_s * RESOLVED <= interval_s + 1e-9


def regular(
    path: str,
    period_s: float,
    delay_s: Sequence[float] | Floats,
    *,
    lost: Iterable[int] = (),
    absent: Iterable[int] = (),
    start_s: float = 0.0,
) -> PathTrace:
    """A trace of slots exactly `period_s` apart, answered after `delay_s`; `lost` are never answered, of `absent` nothing is known."""
    delay = np.array(delay_s, dtype=np.float64)
    delay[np.fromiter(lost, dtype=np.int64)] = np.inf
    state = np.zeros(len(delay), dtype=np.int8)
    gone = np.fromiter(absent, dtype=np.int64)
    state[gone], delay[gone] = State.NO_DATA, np.inf
    sent_s: Floats = start_s + np.arange(len(delay), dtype=np.float64) * period_s
    nothing = np.empty((0, 2))
    return PathTrace(path, period_s, sent_s, sent_s + delay, state, nothing, nothing, np.zeros(len(delay), np.bool_))


def paused(
    trace: PathTrace, here_s: Sequence[tuple[float, float]] = (), there_s: Sequence[tuple[float, float]] = ()
) -> PathTrace:
    """The trace as it would be if the sender stood still in `here_s` and the peer in `there_s`.

    A sender that stands still sends nothing (and no burst afterwards), and reads what came meanwhile at its end. A peer that
    stands still answers at its end what was sent to it meanwhile. Nothing comes sooner by a pause.
    """
    answer_s, state = trace.answer_s.copy(), trace.state.copy()
    here, there = _apart(here_s), _apart(there_s)
    held = _during(here, trace.sent_s)
    # What the network lost or held up for longer than the pause stays so: a pause beside it makes nothing better.
    kept = (held >= 0) & trace.known & (answer_s < np.append(here[:, 1], -np.inf)[held])
    state[kept], answer_s[kept] = State.STALL, np.inf
    unread = _during(here, answer_s)
    answer_s[unread >= 0] = here[unread[unread >= 0], 1]
    asked = _during(there, trace.sent_s)
    answer_s[asked >= 0] = np.maximum(answer_s[asked >= 0], there[asked[asked >= 0], 1])
    return replace(
        trace,
        answer_s=answer_s,
        state=state,
        stalls_s=_with(trace.stalls_s, here_s),
        peer_stalls_s=_with(trace.peer_stalls_s, there_s),
    )


def cut(trace: PathTrace, spans_s: Sequence[tuple[float, float]]) -> PathTrace:
    """The same trace with nothing known of the slots in the stretches. The blocks of an hour stay where they are."""
    state, answer_s = trace.state.copy(), trace.answer_s.copy()
    gone = within(trace.sent_s, spans_s) if spans_s else np.zeros(len(trace), np.bool_)
    state[gone], answer_s[gone] = State.NO_DATA, np.inf
    return replace(trace, state=state, answer_s=answer_s)


def over_tcp(trace: PathTrace, rto_high_s: float, *, rtt_s: float = 0.0, in_order: bool = True) -> PathTrace:
    """The trace as heartbeats over TCP would see it: what was lost comes late, and holds up what follows.

    A slot that was lost is sent again until the network carries it, which is proven by the first answer to it or to a later slot: `worst_stall_s`
    of that time, over all timers up to `rto_high_s`, and `rtt_s` for the answer. What came late comes no later than it did. Where the record
    ends, or has a hole, the network may have been back. What the sender's own stall kept back was not lost: it comes with what is sent next.
    Which message its timer started with is not known, so each counts as if it had. `in_order`: the link is used all the time, and TCP delivers in order. On an idle link (False) only one message is under way.
    """
    answer_s = trace.answer_s.copy()
    # Nothing is sent again before the shortest timer has run out.
    slow = trace.slower(RTO_FLOOR_S)
    silent_s = np.minimum(_first_s(trace, slow), edges_s(trace, slow)) - trace.sent_s[slow]
    again_s = trace.sent_s[slow] + worst_stalls_s(np.maximum(silent_s, 0.0), rto_high_s) + rtt_s
    answer_s[slow] = np.minimum(answer_s[slow], again_s)
    _catch_up(trace, answer_s)
    if in_order:
        known = trace.known
        if known.all():
            np.maximum.accumulate(answer_s, out=answer_s)
        else:
            answer_s[known] = np.maximum.accumulate(answer_s[known])
    return replace(trace, answer_s=answer_s)


def _catch_up(trace: PathTrace, answer_s: Floats) -> None:
    """Give slots that were kept back the answer of the next one that was not; where the record ends before it, its end."""
    kept = np.flatnonzero(trace.kept)
    if not len(kept):
        return
    others = np.flatnonzero(~trace.kept)
    at = np.searchsorted(others, kept)
    found = np.append(answer_s, np.inf)[np.append(others, len(trace))[at]]
    answer_s[kept] = np.where(np.isinf(found), edges_s(trace, kept), found)


def waited_s(trace: PathTrace) -> Floats:
    """How long a question that came at each slot kept back would have waited: to the end of the pause that it lies in, else to the next slot."""
    kept = np.flatnonzero(trace.kept)
    spans = _apart([(start, stop) for start, stop in trace.stalls_s.tolist() if math.isfinite(stop)])
    place = _during(spans, trace.sent_s[kept])
    stop_s = np.append(spans[:, 1], np.nan)[place]
    found: Floats = np.where(place >= 0, stop_s - trace.sent_s[kept], trace.period_s)
    return found


def _first_s(trace: PathTrace, slots: npt.NDArray[np.int64]) -> Floats:
    """The first answer to each of the slots, which are in order, or to a later one."""
    if not len(slots):
        return np.empty(0)
    found: Floats = np.minimum.accumulate(np.minimum.reduceat(trace.answer_s, slots)[::-1])[::-1]
    return found


def edges_s(trace: PathTrace, slots: npt.NDArray[np.int64]) -> Floats:
    """Where the stretch ends that each slot lies in: nothing is known of what comes after."""
    gone = np.flatnonzero(~trace.known)
    found: Floats = np.append(trace.sent_s[gone], trace.end_s)[np.searchsorted(gone, slots)]
    return found


def ranks(trace: PathTrace, slots: npt.NDArray[np.int64], stride: int) -> npt.NDArray[np.int64]:
    """A number per slot that sorts by phase, then time; heartbeats that follow one another differ by one, phases by more."""
    rows = len(trace) // stride + 2
    found: npt.NDArray[np.int64] = slots % stride * rows + slots // stride
    return found


def replayed_s(trace: PathTrace, interval_s: float) -> float:
    """The interval that is replayed: the nearest multiple of the period. Probes may be the heartbeats themselves.

    Raises:
        ValueError: probes too far apart for this heartbeat.
    """
    own = abs(interval_s - trace.period_s) < 1e-9
    if not math.isfinite(interval_s) or not (own or interval_s >= 2.0 * trace.period_s - 1e-9):
        raise ValueError(
            f"a heartbeat every {interval_s:g} s is not resolved by probes every {trace.period_s:g} s; probe at least twice as often"
        )
    return trace.stride(interval_s) * trace.period_s


def _apart(spans_s: Sequence[tuple[float, float]]) -> Floats:
    """Stretches in order, those that touch made one."""
    merged: list[tuple[float, float]] = []
    for start_s, stop_s in sorted(spans_s):
        if merged and start_s <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop_s))
        else:
            merged.append((start_s, stop_s))
    return np.array(merged, dtype=np.float64).reshape(-1, 2)


def _during(spans_s: Floats, at_s: Floats) -> npt.NDArray[np.int64]:
    """Which of the stretches each moment lies in; -1 for none. A stretch is open at its end."""
    if not len(spans_s):
        return np.full(len(at_s), -1)
    place = np.searchsorted(spans_s[:, 0], at_s, side="right") - 1
    found: npt.NDArray[np.int64] = np.where((place >= 0) & (at_s < spans_s[np.maximum(place, 0), 1]), place, -1)
    return found


def _with(stalls_s: Floats, spans_s: Sequence[tuple[float, float]]) -> Floats:
    both = np.concatenate([stalls_s, np.array(spans_s, dtype=np.float64).reshape(-1, 2)])
    return both[np.argsort(both[:, 0], kind="stable")]
