"""Phi accrual (Akka, Hazelcast, Cassandra): suspicion grows with silence, measured against the window of the last intervals between arrivals.

*Exponential* (Cassandra and descendants): ``phi = silence / (mean x ln 10)``, so a threshold is a fixed multiple of the mean interval, 18.4 of them
for 8, however much they vary. *Logistic* (Akka): the normal distribution's logistic approximation around the mean plus an acceptable pause, with a floor under
the deviation; ``e = exp(-y (1.5976 + 0.070566 y^2))``, ``phi = -log10(e / (1 + e))`` for ``y = (silence - mean) / deviation``.

Each is turned round: from the window at every arrival follows how long the next silence may be. Arrivals count as they come, stragglers too,
because that is what these products do. So nothing is monotone here: *worse data can lengthen the timeout*, which is why an adaptive
recommendation never stands alone. `Window` gives the fixed timeouts it was equivalent to; where the longest is more than three times the
shortest (`steady`, a rule of thumb), prefer a fixed timer.

Known traps: thin tails (phi 8 is 10^-8 only if the fit is true), a deviation near 0 on a quiet network, no acceptable pause by default in several ports,
a window poisoned by a long gap (Akka leaves them out: `exclude_s`), a guess for the first interval.

Source: Hayashibara, Defago, Yared, Katayama, SRDS 2004; Akka's PhiAccrualFailureDetector (approximation, pause, floor).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors.episodes import Codes, Replay, gathered, summed_up
from analyzer.detectors.trace import PathTrace, replayed_s

RATIO = 3.0
"""Largest ratio of the equivalent fixed timeouts (99 % over 1 %) at which an adaptive detector is worth having (rule of thumb)."""


class Shape(StrEnum):
    """The distribution that the window is fitted with."""

    EXPONENTIAL = "exponential"
    LOGISTIC = "logistic"


@dataclass(frozen=True, slots=True)
class Phi:
    """One setting. `exclude_s`: intervals from there on do not enter the window. `deviation_s` is the floor; Akka's defaults."""

    shape: Shape
    threshold: float
    interval_s: float
    window: int = 1000
    pause_s: float = 0.0
    deviation_s: float = 0.1
    exclude_s: float = math.inf

    def __post_init__(self) -> None:
        """Raises ValueError: no detector."""
        if not (self.threshold > 0.31 and self.interval_s > 0 and self.window >= 1 and self.deviation_s > 0):
            raise ValueError(
                f"{self}: the threshold has to be above 0.31 (a silence as long as the mean), the rest positive"
            )


def logistic_y(phi: float) -> float:
    """Deviations above the mean at which phi reaches a value.

    >>> round(logistic_y(8.0), 2)
    5.23
    """
    # phi = -log10(e / (1 + e)) gives e; then y (a + b y^2) = -ln e, by Newton's rule on a rising function.
    share = 10.0**-phi
    target = -math.log(share / (1.0 - share))
    y = max(target, 0.0) / 1.5976
    for _ in range(60):
        y -= (y * (1.5976 + 0.070566 * y * y) - target) / (1.5976 + 3.0 * 0.070566 * y * y)
    return y


def timeout_s(setting: Phi, mean_s: Floats, deviation_s: Floats) -> Floats:
    """How long silence may last for a window of that mean and deviation.

    >>> timeout_s(Phi(Shape.EXPONENTIAL, 8.0, 1.0), np.array([1.0]), np.array([0.0])).round(2).tolist()
    [18.42]
    """
    if setting.shape is Shape.EXPONENTIAL:
        return setting.threshold * math.log(10.0) * mean_s
    floor_s = np.maximum(deviation_s, setting.deviation_s)
    result: Floats = mean_s + setting.pause_s + logistic_y(setting.threshold) * floor_s
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Fixed timeouts that a setting was equivalent to: at the 1 %, 50 % and 99 % quantile of its own history."""

    low_s: float
    middle_s: float
    high_s: float

    @property
    def steady(self) -> bool:
        """Whether adapting changed little enough."""
        return self.high_s <= RATIO * self.low_s


def replay(trace: PathTrace, settings: Sequence[Phi]) -> tuple[Replay, tuple[Window, ...]]:
    """(what every setting would have done on the trace at all phases, the fixed timeouts each was equivalent to).

    Raises:
        ValueError: a heartbeat that the probes do not resolve.
    """
    windows: dict[int, Window] = {}
    whole = gathered(len(settings), _groups(trace, settings, windows))
    return whole, tuple(windows[place] for place in range(len(settings)))


def _groups(trace: PathTrace, settings: Sequence[Phi], windows: dict[int, Window]) -> Iterator[tuple[Codes, Replay]]:
    def kind(place: int) -> tuple[int, int, float]:
        setting = settings[place]
        replayed_s(trace, setting.interval_s)
        return trace.stride(setting.interval_s), setting.window, setting.exclude_s

    for (stride, window, exclude_s), group in groupby(sorted(range(len(settings)), key=kind), kind):
        places = list(group)
        heard = _arrivals(trace, stride)
        mean_s, deviation_s = _history(heard, window, exclude_s, stride * trace.period_s)
        parts = []
        for number, place in enumerate(places):
            limit_s = timeout_s(settings[place], mean_s, deviation_s)
            low, middle, high = np.quantile(limit_s, (0.01, 0.5, 0.99)) if len(limit_s) else (np.nan,) * 3
            windows[place] = Window(float(low), float(middle), float(high))
            row = np.flatnonzero(heard.gap_s > limit_s)
            parts.append((np.full(len(row), number), heard.phase[row], (heard.from_s + limit_s)[row], heard.to_s[row]))
        setting, phase, start_s, stop_s = (np.concatenate(column) for column in zip(*parts, strict=True))
        yield np.array(places), summed_up(stride, len(places), setting, phase, start_s, stop_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """Intervals between arrivals, by phase and time. `first`: rows that begin a phase or a stretch; `closed`: an arrival ended it."""

    phase: Codes
    from_s: Floats
    to_s: Floats
    first: Codes
    closed: Codes

    @property
    def gap_s(self) -> Floats:
        return self.to_s - self.from_s


def _arrivals(trace: PathTrace, stride: int) -> _Heard:
    """Arrivals in order of coming. Before the first and after the last of a stretch stand its edges."""
    stretch = np.cumsum(~trace.known)
    slots = np.flatnonzero(trace.known)
    answered = slots[np.isfinite(trace.answer_s[slots])]
    # One edge before and one after each stretch of each phase; what belongs to another phase is no break.
    group = (slots % stride) * (int(stretch[-1]) + 1 if len(stretch) else 1) + stretch[slots]
    order = np.argsort(group, kind="stable")
    begins = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    ends = order[np.append(np.flatnonzero(np.diff(group[order])), len(order) - 1)] if len(order) else order
    step_s = stride * trace.period_s
    at_s = np.concatenate([trace.answer_s[answered], trace.sent_s[slots[begins]] - step_s, trace.sent_s[slots[ends]]])
    kind = np.concatenate([np.zeros(len(answered)), np.full(len(begins), -1), np.ones(len(ends))]).astype(np.int64)
    owner = np.concatenate([_group_of(answered, slots, group), group[begins], group[ends]])
    slot = np.concatenate([answered, slots[begins], slots[ends]])
    at_s = np.where(kind == 1, np.minimum(at_s + step_s, trace.end_s), at_s)
    order = np.lexsort((at_s, kind == 1, owner))
    at_s, kind, owner, slot = at_s[order], kind[order], owner[order], slot[order]
    pair = np.flatnonzero((owner[1:] == owner[:-1]) & (at_s[1:] >= at_s[:-1]))
    return _Heard(
        slot[pair] % stride,
        at_s[pair],
        at_s[pair + 1],
        (kind[pair] == -1).astype(np.int64),
        ((kind[pair] == 0) & (kind[pair + 1] == 0)).astype(np.int64),
    )


def _group_of(answered: Codes, slots: Codes, group: Codes) -> Codes:
    found: Codes = group[np.searchsorted(slots, answered)]
    return found


def _history(heard: _Heard, window: int, exclude_s: float, guess_s: float) -> tuple[Floats, Floats]:
    """Mean and deviation of the window *before* every interval; the guess where it is empty."""
    gap_s = heard.gap_s
    counted = (heard.closed == 1) & (gap_s < exclude_s)
    value = np.where(counted, gap_s - guess_s, 0.0)
    totals = [np.append(0.0, np.cumsum(column)) for column in (counted.astype(np.float64), value, value * value)]
    # A phase, or a stretch after a hole, starts with an empty window.
    begun = np.flatnonzero(heard.first)
    number = np.cumsum(heard.first) - 1
    row = np.arange(len(gap_s))
    since = begun[np.maximum(number, 0)] if len(begun) else np.zeros(len(gap_s), np.int64)
    since = np.maximum(since, row - window)
    count, first, second = (total[row] - total[since] for total in totals)
    some = np.maximum(count, 1.0)
    mean_s = guess_s + first / some
    variance = np.maximum(second / some - (first / some) ** 2, 0.0)
    return mean_s, np.sqrt(variance)
