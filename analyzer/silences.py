"""The silences of whatever a product needs, on the joint trace: when they were, how long, and below what nothing can be told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors import silence
from analyzer.detectors.trace import PathTrace, edges_s

_PERIODS = 3.0


@dataclass(frozen=True, slots=True)
class Silences:
    """The silences of a subject that stand out. `least_s`: below it nothing can be told."""

    start_s: Floats
    stop_s: Floats
    least_s: float
    where: str

    @property
    def longest_s(self) -> float:
        """The longest, or what is not told at least."""
        return max(float((self.stop_s - self.start_s).max(initial=0.0)), self.least_s)

    def within_s(self, from_s: float, to_s: float) -> float:
        """The longest of those that begin in the stretch."""
        mine = (self.start_s >= from_s) & (self.start_s < to_s)
        return max(float((self.stop_s - self.start_s)[mine].max(initial=0.0)), self.least_s)

    def without_s(self, from_s: float, to_s: float) -> float:
        """The longest of those that begin outside the stretch."""
        return max(self.within_s(-math.inf, from_s), self.within_s(to_s, math.inf))

    @property
    def longest_at_s(self) -> float:
        """When the longest began."""
        return float(self.start_s[int(np.argmax(self.stop_s - self.start_s))]) if len(self.start_s) else 0.0


def silences(stream: Sequence[PathTrace], *, idle: bool) -> Silences:
    """When all traces of a stream were silent at once, from three periods on. `idle`: of a question that nothing else overtakes."""
    parts = [_gaps(trace, idle=idle) for trace in stream]
    start_s, stop_s, least_s = parts[0]
    for other_start_s, other_stop_s, other_least_s in parts[1:]:
        start_s, stop_s = _overlaps(start_s, stop_s, other_start_s, other_stop_s)
        least_s = max(least_s, other_least_s)
    return Silences(start_s, stop_s, least_s, " and ".join(trace.path for trace in stream))


def _gaps(trace: PathTrace, *, idle: bool) -> tuple[Floats, Floats, float]:
    least_s = _PERIODS * trace.period_s + trace.usual_s
    if idle:
        slow = trace.slower(least_s)
        return trace.sent_s[slow], np.minimum(trace.answer_s[slow], edges_s(trace, slow)), least_s
    found = silence.gaps(trace, 1, least_s, steady=True)
    return found.start_s, found.stop_s, least_s


def _overlaps(start_s: Floats, stop_s: Floats, other_start_s: Floats, other_stop_s: Floats) -> tuple[Floats, Floats]:
    """Of two lists of stretches, in order both by start and by end, all common parts; of those one after another the longest are among them."""
    first, second, left, right = [], [], 0, 0
    while left < len(start_s) and right < len(other_start_s):
        low, high = max(start_s[left], other_start_s[right]), min(stop_s[left], other_stop_s[right])
        if high > low:
            first.append(low)
            second.append(high)
        if stop_s[left] <= other_stop_s[right]:
            left += 1
        else:
            right += 1
    return np.array(first, dtype=np.float64), np.array(second, dtype=np.float64)
