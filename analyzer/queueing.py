"""How long packets waited on the way there and on the way back, whatever the clocks of the two nodes say.

One-way delays contain the difference of two wall clocks, but it is the same in both directions with opposite signs, and it moves slowly
but for steps. So the record is split at steps, and cut into blocks of ten to twenty minutes. In each the rate of the difference is the one at which
the lowest delays of both directions together are highest: the line below which no delay lies, on the way there, and its mirror image on
the way back (the lower convex hull of both). What a delay has above its line it waited. A queue on one side alone cannot pass for a rate, because the
other side does not bear it; one that stands for a whole block is not told from the path's own delay. Source: detectors.md section 7 (delay
above its minimum, skew by the lower convex hull over ten minutes at least).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats, Ints
from analyzer.middle import median
from analyzer.slots import Bools, PathLog, within

BLOCK_S = 600.0
"""No rate is told from less."""
_BIN_S = 10.0
"""Only the lowest delays of each such stretch are looked at for the rate."""
_FASTEST = 2e-3
"""How far apart two clocks may run (design value: twice what the kernel slews at)."""
_ROUNDS = 45
"""Thirds by which the rate is searched for: 2000 ppm to less than 1e-10."""
_SLEW, _READING_S = 1e-3, 1e-4
"""How far the difference may move without a step, beyond what the round trips allow (design values)."""
_NEXT_S = 1e-7
"""Less than the resolution of a slot's time."""


def queueing(log: PathLog, idle: Bools, stepped_s: Sequence[tuple[float, float]]) -> tuple[Floats, Floats]:
    """What each answer waited there and back, in s, in the same order; of `idle` slots with all kernel stamps alone.

    `stepped_s`: stretches (on the sender's clock) within which a wall clock was stepped, as far as readings of the clocks tell. Answers in them, and in
    what is shorter than ten minutes without a step, are left out.
    """
    rows, there_s, back_s = log.ways_s()
    t_s = log.t_us[rows] / 1e6
    order = np.argsort(t_s, kind="stable")
    order = order[idle[rows][order]]
    t_s, there_s, back_s = t_s[order], there_s[order], back_s[order]
    spans = [*stepped_s, *_jumps(t_s, (there_s - back_s) / 2.0, there_s + back_s)]
    keep = ~within(t_s, spans)
    stretch = np.searchsorted(np.sort([stop for _, stop in spans]), t_s, side="left")
    block, mid_s = _blocks(t_s[keep], stretch[keep])
    fit = block >= 0
    return _above(t_s[keep][fit] - mid_s[fit], there_s[keep][fit], back_s[keep][fit], block[fit])


def _jumps(t_s: Floats, offset_s: Floats, wire_s: Floats) -> list[tuple[float, float]]:
    """Between which answers the clocks' difference moved further than their round trips allow: half of each bounds its error."""
    if not len(t_s):
        return []
    quick = wire_s <= median(wire_s)
    t_s, offset_s, wire_s = t_s[quick], offset_s[quick], wire_s[quick]
    allowed_s = (wire_s[1:] + wire_s[:-1]) / 2.0 + _SLEW * np.diff(t_s) + _READING_S
    found = np.flatnonzero(np.abs(np.diff(offset_s)) > allowed_s)
    return list(zip((t_s[found] + _NEXT_S).tolist(), (t_s[found + 1] - _NEXT_S).tolist(), strict=True))


def _blocks(t_s: Floats, stretch: Ints) -> tuple[npt.NDArray[np.int64], Floats]:
    """(number of each answer's block, the middle of that block); -1 where the stretch is too short for one. Times rise."""
    if not len(t_s):
        return np.empty(0, dtype=np.int64), np.empty(0)
    starts = np.flatnonzero(np.diff(stretch, prepend=stretch[0] - 1))
    of = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(t_s))))
    begin_s, end_s = t_s[starts], t_s[np.append(starts[1:], len(t_s)) - 1]
    count = np.floor((end_s - begin_s) / BLOCK_S).astype(np.int64)
    length_s = (end_s - begin_s) / np.maximum(count, 1)
    place = np.floor((t_s - begin_s[of]) / np.where(length_s > 0, length_s, 1.0)[of]).astype(np.int64)
    place = np.minimum(place, np.maximum(count[of] - 1, 0))
    first = np.append(0, np.cumsum(count))[:-1]
    mid_s = begin_s[of] + (place + 0.5) * length_s[of]
    return np.where(count[of] > 0, first[of] + place, -1), mid_s


def _above(tau_s: Floats, there_s: Floats, back_s: Floats, block: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Delays above their lines. `tau_s`: from the middle of the block."""
    if not len(tau_s):
        return np.empty(0), np.empty(0)
    starts, of = _groups(block)
    drift = np.zeros(len(starts))
    for fastest in (_FASTEST, _FASTEST / 10.0):
        # The lowest of ten seconds is not the lowest above a steep line: the second time the line is nearly level.
        lean = drift[of] * tau_s
        there = _lowest(tau_s, there_s - lean, of)
        back = _lowest(tau_s, back_s + lean, of)
        drift = drift + _rate(there, back, fastest)
    lean = drift[of] * tau_s
    there_s, back_s = there_s - lean, back_s + lean
    return there_s - np.minimum.reduceat(there_s, starts)[of], back_s - np.minimum.reduceat(back_s, starts)[of]


_Points = tuple[Floats, Floats, npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Times, delays, where each block starts among them, and the block of each."""


def _lowest(tau_s: Floats, delay_s: Floats, of: npt.NDArray[np.int64]) -> _Points:
    """The lowest delay of every ten seconds of every block."""
    tens = np.floor(tau_s / _BIN_S).astype(np.int64)
    starts, place = _groups(np.cumsum((np.diff(of, prepend=-1) != 0) | (np.diff(tens, prepend=tens[:1]) != 0)))
    lowest = np.flatnonzero(delay_s == np.minimum.reduceat(delay_s, starts)[place])
    lowest = lowest[np.unique(place[lowest], return_index=True)[1]]
    return tau_s[lowest], delay_s[lowest], *_groups(of[lowest])


def _rate(there: _Points, back: _Points, fastest: float) -> Floats:
    """Per block, the rate at which the lowest delays of both directions add up to most; that sum has one summit."""
    low, high = np.full(len(there[2]), -fastest), np.full(len(there[2]), fastest)
    for _ in range(_ROUNDS):
        third = (high - low) / 3.0
        left, right = _sum(there, back, low + third), _sum(there, back, high - third)
        low, high = np.where(left <= right, low + third, low), np.where(left >= right, high - third, high)
    middle: Floats = (low + high) / 2.0
    return middle


def _sum(there: _Points, back: _Points, rate: Floats) -> Floats:
    return _floor(there, rate) + _floor(back, -rate)


def _floor(points: _Points, rate: Floats) -> Floats:
    """Per block, the lowest delay above a line of that rate."""
    tau_s, delay_s, starts, of = points
    lowest: Floats = np.minimum.reduceat(delay_s - rate[of] * tau_s, starts)
    return lowest


def _groups(number: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(where each run of equal numbers starts, which run every entry is in)."""
    starts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    return starts, np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(number))))
