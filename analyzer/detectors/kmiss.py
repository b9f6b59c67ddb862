"""k consecutive misses: a heartbeat every I, each with a deadline T, and the k-th in a row that is not answered in time decides.

Neverfail's old form (20 s x 3), Windows failover clusters, SIOS, Double-Take, BFD. Misses are counted in order of sending, so with T > I
several heartbeats are open at once. Late is lost: an answer after T is a miss, however much a ping would call it 0 % loss.

A crash right after a heartbeat is noticed after k I + T at most, and after (k - 1) I + T at best. An outage of length L, at
random phase, is noticed with probability 0 up to (k - 1) I, (L - (k - 1) I) / I up to k I, and 1 beyond; T shifts when, not whether.

An episode is dated by what caused it: it begins when the heartbeat was *sent* whose miss decided, and ends T before trust comes
back. So it is as long as the suspicion itself, and a longer T never moves it into another hour. A run of misses at the very start of the record counts (it may be
longer than was seen), one at its end lasts to the end, and where nothing is known the count starts anew.

Source: heartbeat detectors in push and pull form, Chen, Toueg, Aguilera, IEEE Trans. Computers 51(5), 2002; the order of counting: design.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.detectors.episodes import Codes, Replay, gathered, summed_up
from analyzer.detectors.trace import PathTrace, State, ranks, replayed_s
from analyzer.slots import Bools

SLACK_S = 1e-9
"""An answer at the very deadline is in time, whatever the last bit of a float says."""


@dataclass(frozen=True, slots=True)
class Beat:
    """One setting: heartbeats every `interval_s`, each to be answered within `deadline_s`, and how many misses in a row decide."""

    interval_s: float
    deadline_s: float
    misses: int

    def __post_init__(self) -> None:
        """Raises ValueError: no detector."""
        if not (self.interval_s > 0 and self.deadline_s > 0 and self.misses >= 1):
            raise ValueError(f"{self} is no detector: every value has to be positive")

    @property
    def detection_s(self) -> tuple[float, float]:
        """Shortest and longest time from a crash to suspicion.

        >>> Beat(6.0, 6.0, 5).detection_s
        (30.0, 36.0)
        """
        least_s = (self.misses - 1) * self.interval_s + self.deadline_s
        return least_s, least_s + self.interval_s

    @property
    def nominal_s(self) -> float:
        """What vendors call the timeout: interval times misses.

        >>> Beat(20.0, 20.0, 3).nominal_s, Beat(6.0, 6.0, 5).nominal_s
        (60.0, 30.0)
        """
        return self.misses * self.interval_s


def grid(intervals_s: Iterable[float], deadlines_s: Iterable[float], misses: Iterable[int]) -> list[Beat]:
    """All combinations."""
    return [Beat(*setting) for setting in product(intervals_s, deadlines_s, misses)]


def trigger_probability(outage_s: float, interval_s: float, misses: int) -> float:
    """Chance that an outage at random phase is noticed.

    >>> [trigger_probability(outage, 1.0, 3) for outage in (2.0, 2.5, 3.0)]
    [0.0, 0.5, 1.0]
    """
    return min(1.0, max(0.0, (outage_s - (misses - 1) * interval_s) / interval_s))


class Runs(NamedTuple):
    """Heartbeats of one phase that follow one another and share a property: slots sorted by phase and time, and where each run starts."""

    slots: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]

    @property
    def last(self) -> npt.NDArray[np.int64]:
        """The last slot of every run."""
        found: npt.NDArray[np.int64] = self.slots[self.first + self.length - 1]
        return found


def runs(trace: PathTrace, chosen: Bools | npt.NDArray[np.int64], stride: int) -> Runs:
    """Runs of the chosen slots among every `stride`-th, at each phase."""
    slots = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
    rank = ranks(trace, slots, stride)
    if stride > 1:
        order = np.argsort(rank)
        slots, rank = slots[order], rank[order]
    first = np.flatnonzero(np.diff(rank, prepend=-2) != 1)
    return Runs(slots, first, np.diff(np.append(first, len(slots))))


def after(trace: PathTrace, last: npt.NDArray[np.int64], stride: int) -> tuple[npt.NDArray[np.int64], Bools]:
    """(the heartbeat after each of `last`, whether it is on record). What is not on record counts as a slot of its own moment."""
    following = np.minimum(last + stride, len(trace) - 1)
    seen = (last + stride < len(trace)) & (trace.state[following] != State.NO_DATA)
    return following, seen


def replay(trace: PathTrace, settings: list[Beat]) -> Replay:
    """What every setting would have done on the trace, at all phases.

    Raises:
        ValueError: a heartbeat that the probes do not resolve.
    """
    return gathered(len(settings), _groups(trace, settings))


def _groups(trace: PathTrace, settings: list[Beat]) -> Iterator[tuple[Codes, Replay]]:
    groups: dict[float, dict[int, list[int]]] = {}
    for place, beat in enumerate(settings):
        replayed_s(trace, beat.interval_s)
        strides = groups.setdefault(beat.deadline_s, {})
        strides.setdefault(trace.stride(beat.interval_s), []).append(place)
    for deadline_s, strides in groups.items():
        missed = trace.slower(deadline_s + SLACK_S)
        for stride, places in strides.items():
            misses = np.array([settings[place].misses for place in places])
            yield np.array(places), _replay(trace, runs(trace, missed, stride), stride, deadline_s, misses)


def _replay(trace: PathTrace, found: Runs, stride: int, deadline_s: float, misses: Codes) -> Replay:
    last = found.last
    following, seen = after(trace, last, stride)
    # Without an answer on record suspicion lasts until the next heartbeat was due, or to the end.
    edge_s = np.where(last + stride < len(trace), trace.sent_s[following], trace.end_s)
    trust_s = np.where(seen, trace.answer_s[following], edge_s)
    stop_s = np.maximum(trust_s - deadline_s, trace.sent_s[last])
    setting, run = np.nonzero(misses[:, None] <= found.length[None, :])
    decided = found.slots[found.first[run] + misses[setting] - 1]
    start_s: Floats = trace.sent_s[decided]
    return summed_up(stride, len(misses), setting, decided % stride, start_s, stop_s[run])
