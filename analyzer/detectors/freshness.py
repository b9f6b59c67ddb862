"""NFD-S and NFD-U of Chen, Toueg and Aguilera: freshness points, quality of service, and a configuration from what is required.

Heartbeat i is sent at ``i eta`` and the freshness point is ``i eta + delta``: from one to the next the sender is trusted if that heartbeat or a later
one has arrived. Quality of service is a *pair*: how late a crash is noticed (T_D <= eta + delta), and how often a suspicion is wrong (mistakes recur
every E(T_MR), and last E(T_M)). One without the other says nothing.

The formulas take delays and losses as independent, which real outages are not: they are here for sanity, and to check the replay;
never for a claim about a year. `configuration` knows only loss and variance, and gives a start for the search.

Source: W. Chen, S. Toueg, M. K. Aguilera, "On the Quality of Service of Failure Detectors", IEEE Trans. Computers 51(5) 561-580, May 2002 (the
January printing has errors). The form of the configuration: from memory of that text, unverified.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors.episodes import Codes, Replay, gathered, summed_up
from analyzer.detectors.trace import PathTrace, replayed_s

_STEPS = 4000
_MOST = 1e4
"""Heartbeats within one detection time beyond which no configuration is looked for."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """One setting: heartbeats every `eta_s`, each of them fresh for `delta_s` after it was due."""

    eta_s: float
    delta_s: float

    @property
    def detection_s(self) -> tuple[float, float]:
        """Shortest and longest time from a crash to suspicion."""
        return self.delta_s, self.eta_s + self.delta_s


@dataclass(frozen=True, slots=True)
class Quality:
    """Mean time between mistakes, mean length of one, both in s, and the share of the time without one."""

    recurrence_s: float
    mistake_s: float
    accuracy: float


def replay(trace: PathTrace, settings: Sequence[Freshness]) -> Replay:
    """What every setting would have done on the trace. One phase: the heartbeats are every so many slots from the first on.

    Raises:
        ValueError: a heartbeat that the probes do not resolve.
    """
    return gathered(len(settings), _groups(trace, settings))


def _groups(trace: PathTrace, settings: Sequence[Freshness]) -> Iterator[tuple[Codes, Replay]]:
    for place, setting in enumerate(settings):
        replayed_s(trace, setting.eta_s)
        beats = slice(None, None, trace.stride(setting.eta_s))
        sent_s, known = trace.sent_s[beats], trace.known[beats]
        first_s = np.minimum.accumulate(trace.answer_s[beats][::-1])[::-1]
        point_s = sent_s + setting.delta_s
        until_s = np.minimum(first_s, np.append(point_s[1:], point_s[-1:] + setting.eta_s))
        row = np.flatnonzero(known & (until_s > point_s))
        start_s, stop_s = point_s[row], until_s[row]
        # Suspicion that goes on over a freshness point is one mistake.
        new = np.ones(len(row), np.bool_)
        new[1:] = start_s[1:] > stop_s[:-1] + 1e-9
        first = np.flatnonzero(new)
        last = np.append(first[1:], len(row)) - 1 if len(row) else first
        nothing = np.zeros(len(first), np.int64)
        yield np.array([place]), summed_up(1, 1, nothing, nothing, start_s[first], stop_s[last])


def quality(eta_s: float, delta_s: float, loss: float, delay_cdf: Callable[[Floats], Floats]) -> Quality:
    """Quality of service of NFD-S for independent losses and delays. `delay_cdf`: P(D <= x) of what is not lost.

    Raises:
        ValueError: a detector that never trusts, or is never wrong.
    """
    if not (eta_s > 0 and delta_s >= 0 and 0 <= loss < 1):
        raise ValueError(f"eta {eta_s}, delta {delta_s}, loss {loss} make no detector")

    def suspected(x: Floats) -> Floats:
        """P(suspected at a freshness point plus x)."""
        product = np.ones_like(x)
        for j in range(math.ceil(delta_s / eta_s - 1e-12) + 1):
            room_s = delta_s + x - j * eta_s
            product *= np.where(room_s >= 0, loss + (1 - loss) * (1 - delay_cdf(np.maximum(room_s, 0.0))), 1.0)
        return product

    middle: Floats = (np.arange(_STEPS, dtype=np.float64) + 0.5) * (eta_s / _STEPS)
    area_s = float(suspected(middle).mean()) * eta_s
    trusted = (1 - loss) * float(delay_cdf(np.array([delta_s + eta_s]))[0])
    per_beat = trusted * float(suspected(np.zeros(1))[0])
    if per_beat <= 0:
        raise ValueError("with these delays there are no mistakes to speak of: they recur never, or never end")
    return Quality(eta_s / per_beat, area_s / per_beat, 1.0 - area_s / eta_s)


def configuration(
    detection_s: float, recurrence_s: float, mistake_s: float, loss: float, variance_s2: float
) -> Freshness:
    """The slowest heartbeat that keeps the requirements, knowing only loss and variance of the delay (Cantelli's inequality).

    `detection_s`: relative to the mean delay for unsynchronised clocks (NFD-U); less the mean delay for synchronised ones.

    >>> found = configuration(30.0, 30 * 86400.0, 60.0, 0.01, 0.02)
    >>> round(found.eta_s, 2), round(found.delta_s, 2)
    (9.72, 20.28)

    Raises:
        ValueError: no heartbeat keeps them.
    """
    if not (detection_s > 0 and recurrence_s > 0 and mistake_s > 0 and 0 <= loss < 1 and variance_s2 >= 0):
        raise ValueError("detection, recurrence and length of mistakes have to be positive, loss below 1")
    share = (1 - loss) * detection_s**2 / (variance_s2 + detection_s**2)
    longest_s = min(share * mistake_s, detection_s)
    shortest_s = max(longest_s, detection_s) / _MOST
    if longest_s <= shortest_s or _recurrence_s(shortest_s, detection_s, loss, variance_s2) < recurrence_s:
        raise ValueError(
            f"no heartbeat notices a crash within {detection_s:g} s and is wrong less than once in {recurrence_s:g} s"
        )
    # The bound falls in steps as eta grows, so the first that keeps it, from above, is bracketed and then refined.
    grid = np.geomspace(longest_s, shortest_s, 2_000)
    place = next(
        (
            at
            for at, eta in enumerate(grid)
            if _recurrence_s(float(eta), detection_s, loss, variance_s2) >= recurrence_s
        ),
        len(grid) - 1,
    )
    low, high = float(grid[place]), float(grid[max(place - 1, 0)])
    for _ in range(60):
        middle = (low + high) / 2.0
        if _recurrence_s(middle, detection_s, loss, variance_s2) >= recurrence_s:
            low = middle
        else:
            high = middle
    return Freshness(low, detection_s - low)


def _recurrence_s(eta_s: float, detection_s: float, loss: float, variance_s2: float) -> float:
    """Least mean time between mistakes, by the product over the heartbeats that may still come."""
    # In logarithms: with many heartbeats the product leaves what a float can hold.
    j = np.arange(1, math.ceil(detection_s / eta_s - 1e-12))
    room = (detection_s - j * eta_s) ** 2
    with np.errstate(divide="ignore"):
        terms = np.log(variance_s2 + room) - np.log(variance_s2 + loss * room)
    total = math.log(eta_s) + float(terms.sum())
    return math.exp(total) if total < 700 else math.inf
