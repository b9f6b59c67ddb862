"""Replication as a token bucket: writes come in, the line carries away, what is too much waits.

Within a step of the series writes come at one rate and the line carries at one rate, so the backlog is a piecewise linear function
and every figure here is exact. A line with several legs in a row carries what its slowest leg carries. What happened after the end of
the record is not known: there the writes go on at their mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from analyzer.columns import Floats

_ROUNDING = 1e-9
"""Share of all bytes by which sums of floating point numbers may be off."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of the writes. None: it never ends, because the line does not even carry their mean.

    `largest_B`: the largest backlog, at `at_s`; `drain_s`: from there until nothing waits. `behind_s`: how old the oldest byte was
    that had not left, at its worst, if it drains; what is behind for good has no worst. `left_B`: what waited at the end of the record; `backlog_B` at the end of each step.
    """

    largest_B: float
    at_s: float
    drain_s: float | None
    behind_s: float
    left_B: float
    backlog_B: Floats = field(repr=False)


class Line:
    """A series of writes in B/s, one for each `step_s`, on a line of `capacity` in B/s.

    Raises:
        ValueError: no step, no capacity, or writes that are no numbers of 0 and more.
    """

    def __init__(self, rates: Floats, step_s: float, capacity: float) -> None:
        if not len(rates) or not (np.isfinite(rates) & (rates >= 0.0)).all():
            raise ValueError("writes have to be numbers of 0 and more")
        if not (0.0 < step_s < math.inf and 0.0 < capacity < math.inf):
            raise ValueError("a step and a capacity have to be above 0")
        self._step_s = step_s
        self._capacity = capacity
        self._mean_Bps = float(rates.mean())
        # What came in less what could have gone out. Its distance above its lowest point so far is what waits.
        self._surplus_B: Floats = np.append(0.0, np.cumsum((rates - capacity) * step_s))
        self._lowest_B: Floats = np.minimum.accumulate(self._surplus_B)
        self._slack_B = _ROUNDING * float(rates.sum() * step_s + capacity * step_s * len(rates))

    def replay(self) -> Replay:
        """The backlog over the record."""
        backlog: Floats = self._surplus_B - self._lowest_B
        place = int(np.argmax(backlog))
        largest = float(backlog[place])
        emptied_s = self._reached_s(float(self._lowest_B[place]), place) if largest > self._slack_B else None
        at_s = place * self._step_s
        return Replay(
            largest_B=largest,
            at_s=at_s,
            drain_s=0.0 if largest <= self._slack_B else None if emptied_s is None else emptied_s - at_s,
            behind_s=largest / self._capacity,
            left_B=float(backlog[-1]),
            backlog_B=backlog[1:],
        )

    def resync_s(self, outage_s: float) -> float | None:
        """How long it takes after an outage of that length until nothing waits, for the worst step at which it may begin."""
        begins: Floats = np.arange(len(self._surplus_B) - 1, dtype=np.float64) * self._step_s
        # The line stood still for so long; all that it could have carried meanwhile is missing.
        targets = self._lowest_B[:-1] - self._capacity * outage_s
        places = np.searchsorted(-self._lowest_B, -(targets + self._slack_B))
        inside = places < len(self._surplus_B)
        if not inside.all() and self._mean_Bps >= self._capacity:
            return None
        later = np.clip(places, 1, len(self._surplus_B) - 1)
        before, after = self._surplus_B[later - 1], self._surplus_B[later]
        part = np.clip((before - targets) / np.where(before > after, before - after, 1.0), 0.0, 1.0)
        part[before <= after] = 1.0
        emptied: Floats = np.where(places > 0, (later - 1 + part) * self._step_s, 0.0)
        if not inside.all():
            over = self._surplus_B[-1] - targets[~inside]
            emptied[~inside] = begins[-1] + self._step_s + over / (self._capacity - self._mean_Bps)
        return max(0.0, float((emptied - begins).max()) - outage_s)

    def copy_s(self, size: float) -> float | None:
        """How long a copy of `size` bytes takes beside the writes at their mean; None: they leave nothing for it."""
        rest = self._capacity - self._mean_Bps
        return size / rest if rest > 0.0 else None

    def _reached_s(self, target: float, after: int) -> float | None:
        """When the surplus first was at or below `target` after that step."""
        below = np.flatnonzero(self._surplus_B[after + 1 :] <= target + self._slack_B)
        if not len(below):
            rest = self._capacity - self._mean_Bps
            over = float(self._surplus_B[-1]) - target
            return (len(self._surplus_B) - 1) * self._step_s + over / rest if rest > 0.0 else None
        place = after + 1 + int(below[0])
        high, low = float(self._surplus_B[place - 1]), float(self._surplus_B[place])
        part = (high - target) / (high - low) if high > low else 1.0
        return (place - 1 + min(max(part, 0.0), 1.0)) * self._step_s
