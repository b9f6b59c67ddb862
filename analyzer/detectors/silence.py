"""A silence timer: a heartbeat every I, and whoever hears none for X suspects the sender. VRRP, totem's token, Raft and leases are of this shape.

Silence counts from the sending of the last heartbeat before the question was open to the first arrival of that heartbeat or a later one.
It is the gap between two arrivals, plus what the first of them took: at most one round trip more than the receiver waits, never less.

Late is lost: an old heartbeat that crawls in behind newer questions ends no silence. A real timer may be rescued by such a straggler, by
luck; without the rule a *slower* network could look quieter than a faster one. With it, more delay, loss or stall never shortens a silence, and what a
longer X suspects is a part of what a shorter one does. Reordering is no silence: whichever comes first of a heartbeat and its successors counts.

Silence at the very start of the record counts from one interval before it, silence at its end up to the end, and where nothing is known
the question is dropped at the edge. All phases of the heartbeat against the trace are replayed. A crash is noticed X - I to X after it.

Source: freshness points, Chen, Toueg, Aguilera 2002 (NFD-S); a straggler counts as lost: design.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors.episodes import Codes, Replay, gathered, summed_up
from analyzer.detectors.kmiss import Runs, after, runs
from analyzer.detectors.trace import PathTrace, State, ranks, replayed_s

_SLACK_S = 1e-6
"""Times are recorded in microseconds."""

_BATCH = 50_000
"""Answers that are looked at together: they stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Timer:
    """One setting: a heartbeat every `interval_s`, and how long silence is borne.

    `steady`: signs of life come all the time, and the interval is only that of the tries after one was lost. Silence then counts from
    the last probe before, not from the last heartbeat of the phase.
    """

    interval_s: float
    timeout_s: float
    steady: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError: a timer that cannot outlast one heartbeat."""
        if not 0 < self.interval_s < self.timeout_s:
            raise ValueError(f"{self}: the timeout has to be longer than the interval of the heartbeats")

    @property
    def detection_s(self) -> tuple[float, float]:
        """Shortest and longest time from a crash to suspicion."""
        return self.timeout_s - (0.0 if self.steady else self.interval_s), self.timeout_s


class Gaps(NamedTuple):
    """Silences in s at each phase of the heartbeat. `start_s`: when the last heartbeat before was sent."""

    phase: Codes
    start_s: Floats
    stop_s: Floats


def replay(trace: PathTrace, settings: Sequence[Timer]) -> Replay:
    """What every setting would have done on the trace, at all phases.

    Raises:
        ValueError: a heartbeat that the probes do not resolve.
    """
    return gathered(len(settings), _groups(trace, settings))


def _groups(trace: PathTrace, settings: Sequence[Timer]) -> Iterator[tuple[Codes, Replay]]:
    groups: dict[tuple[int, bool], list[int]] = {}
    for place, timer in enumerate(settings):
        replayed_s(trace, timer.interval_s)
        groups.setdefault((trace.stride(timer.interval_s), timer.steady), []).append(place)
    shortest_s = {key: min(settings[place].timeout_s for place in places) for key, places in groups.items()}
    quick_s = min((shortest_s[key] - _step_s(trace, *key) for key in groups), default=0.0)
    slow = trace.slower(quick_s)
    slow_s = trace.delays_s(slow)
    for key, places in groups.items():
        stride, steady = key
        timeout_s = np.array([settings[place].timeout_s for place in places])
        rows = slow[slow_s > shortest_s[key] - _step_s(trace, *key)]
        found = _gaps(trace, rows, stride, shortest_s[key], steady)
        setting, row = np.nonzero(found.stop_s - found.start_s > timeout_s[:, None] + _SLACK_S)
        start_s = found.start_s[row] + timeout_s[setting]
        yield (
            np.array(places),
            summed_up(stride, len(places), setting, found.phase[row], start_s, found.stop_s[row]),
        )


def gaps(trace: PathTrace, stride: int, longer_s: float, steady: bool = False) -> Gaps:
    """Every silence longer than `longer_s` between heartbeats `stride` slots apart.

    A slot can open one only if its own answer took longer than that less the interval; only those few are looked at.
    """
    slow = trace.slower(longer_s - _step_s(trace, stride, steady))
    return _gaps(trace, slow, stride, longer_s, steady)


def _step_s(trace: PathTrace, stride: int, steady: bool) -> float:
    """How long before a question the last sign of life is taken to be."""
    return trace.period_s if steady else stride * trace.period_s


def _gaps(trace: PathTrace, slow: Codes, stride: int, longer_s: float, steady: bool) -> Gaps:
    step_s = _step_s(trace, stride, steady)
    found = runs(trace, slow, stride)
    if not len(found.slots):
        return Gaps(np.empty(0, np.int64), np.empty(0), np.empty(0))
    heard_s = _first_answers(trace, found, stride, longer_s - step_s)
    start_s = trace.sent_s[found.slots] - step_s
    phase = found.slots % stride
    # Of the questions that one answer settles the first waited longest.
    keep = np.ones(len(found.slots), np.bool_)
    keep[1:] = (heard_s[1:] != heard_s[:-1]) | (phase[1:] != phase[:-1])
    keep &= heard_s - start_s > longer_s
    return Gaps(phase[keep], start_s[keep], heard_s[keep])


def _first_answers(trace: PathTrace, found: Runs, stride: int, quick_s: float) -> Floats:
    """For every slot of the runs, the first answer to it or to a later heartbeat of its phase; the edge where there is none."""
    last = found.last
    following, seen = after(trace, last, stride)
    limit_s = np.where(last + stride < len(trace), trace.sent_s[following], trace.end_s)
    tail_s = np.where(seen, trace.answer_s[following], limit_s)
    # A later heartbeat may overtake the one that ends the run, if it was sent before that one's answer came; or the record may end before it came.
    most = int(max(quick_s, 0.0) / (stride * trace.period_s)) + 2
    # Many steps at a time where there are few runs.
    batch = max(1, _BATCH // len(last))
    for ahead in range(2, most + 1, batch):
        wanted = last + np.arange(ahead, min(ahead + batch, most + 1))[:, None] * stride
        there = wanted < len(trace)
        later = np.minimum(wanted, len(trace) - 1)
        next_s = np.where(trace.state[later] != State.NO_DATA, trace.answer_s[later], trace.sent_s[later])
        next_s[~there] = trace.end_s
        np.minimum(tail_s, next_s.min(axis=0), out=tail_s)
    # From the end of each phase back to its start, in whole microseconds, so that the phases can be set apart exactly.
    values_s = np.concatenate([trace.answer_s[found.slots], tail_s])
    place = np.concatenate([found.slots, last + stride])
    phase = np.concatenate([found.slots % stride, last % stride])
    end_us = int(np.ceil(trace.end_s * 1e6)) + 1
    value_us = np.minimum(np.where(np.isfinite(values_s), values_s, trace.end_s) * 1e6, end_us)
    apart = np.rint(value_us).astype(np.int64) + phase * (end_us + 1)
    order = np.argsort(ranks(trace, place, stride), kind="stable")
    least = np.minimum.accumulate(apart[order][::-1])[::-1]
    back = np.empty(len(order), np.int64)
    back[order] = least
    heard: Floats = (back - phase * (end_us + 1))[: len(found.slots)] / 1e6
    return heard
