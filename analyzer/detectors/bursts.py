"""Losses in bursts: the simple Gilbert model, how far it goes, and what is an outage instead.

Two states, lost and not: p is the chance of a loss after none, q that of none after a loss. ``pi = p / (p + q)`` is the loss rate, ``1 / q`` the mean
burst, ``1 - p - q`` the memory from one probe to the next. In N heartbeats ``N (1 - pi) p (1 - q)^(k - 1)`` runs of k and more are
expected; for a heartbeat every m probes p and q are thinned first.

One geometric law fits no network that has lone losses *and* outages. So bursts beyond its own 99.9 % quantile, or longer than 3 s, are taken out as
outages and kept as they are (starts and lengths), and the rest is the background. A fit is refused when its longest burst has less than 1 %
chance; then the bursts themselves count.

Source: Gilbert 1960; RFC 3357 (loss distance and period). Quantile and 3 s: design values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analyzer.columns import Floats
from analyzer.detectors.kmiss import Runs, runs
from analyzer.detectors.trace import PathTrace, State
from analyzer.slots import Bools

OUTAGE_S = 3.0
_RARE = 0.001
_REFUSED = 0.01


@dataclass(frozen=True, slots=True)
class Gilbert:
    """p: chance of a loss after none; q: of none after a loss."""

    p: float
    q: float

    @property
    def loss(self) -> float:
        """Share of slots lost."""
        return self.p / (self.p + self.q) if self.p else 0.0

    def thinned(self, m: int) -> Gilbert:
        """The same losses seen by a heartbeat every m slots."""
        memory = (1.0 - self.p - self.q) ** m
        return Gilbert(self.loss * (1.0 - memory), (1.0 - self.loss) * (1.0 - memory))

    def episodes(self, heartbeats: float, misses: int) -> float:
        """Runs of at least so many misses to be expected.

        >>> [round(Gilbert(0.002, 0.25).episodes(5e6, k)) for k in (1, 2, 3)]
        [9921, 7440, 5580]
        >>> [round(Gilbert(0.002, 0.25).thinned(5).episodes(1e6, k)) for k in (1, 2, 3)]
        [6030, 1449, 348]
        """
        return heartbeats * (1.0 - self.loss) * self.p * (1.0 - self.q) ** (misses - 1)

    def longest_chance(self, longest: int, bursts: int) -> float:
        """Chance that the longest of so many bursts is at least as long as that."""
        if longest <= 1:
            return 1.0
        return -math.expm1(bursts * math.log1p(-((1.0 - self.q) ** (longest - 1)))) if self.q < 1.0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Bursts:
    """Losses of a path. `background` None: nothing to fit, or refused; `outage_start_s` and `outage_s` are those kept apart.

    `lengths`: of the background's bursts, in slots. `reason` says why there is no fit.
    """

    background: Gilbert | None
    lengths: npt.NDArray[np.int64]
    outage_start_s: Floats
    outage_s: Floats
    reason: str


def fit(lost: Bools, joined: Bools) -> Gilbert | None:
    """From the transitions; `joined[i]`: slot i + 1 follows slot i on record. None without a loss, or without its end."""
    before, after = lost[:-1][joined], lost[1:][joined]
    n01, n10 = int((~before & after).sum()), int((before & ~after).sum())
    n00, n11 = int((~before & ~after).sum()), int((before & after).sum())
    if not n01 or not n10:
        return None
    return Gilbert(n01 / (n00 + n01), n10 / (n10 + n11))


def bursts(trace: PathTrace, deadline_s: float = math.inf) -> Bursts:
    """Losses of the network on a path: late beyond the deadline is lost, own stalls are not the network's."""
    judged = trace.state == State.OK
    lost = judged & (trace.delay_s > deadline_s if math.isfinite(deadline_s) else np.isinf(trace.delay_s))
    joined = judged[:-1] & judged[1:]
    found = runs(trace, lost, 1)
    last_s = trace.sent_s[found.last] + trace.period_s if len(found.slots) else np.empty(0)
    length_s = last_s - trace.sent_s[found.slots[found.first]]
    outage = length_s > OUTAGE_S
    model = None
    for _ in range(20):
        model = fit(lost & ~_slots(found, outage, len(lost)), joined)
        if model is None:
            break
        more = outage | (found.length > _quantile(model))
        if (more == outage).all():
            break
        outage = more
    lengths = found.length[~outage]
    reason = "" if model else "no loss that began and ended on record, but for outages"
    if model and model.longest_chance(int(lengths.max()), len(lengths)) < _REFUSED:
        model, reason = None, f"a burst of {int(lengths.max())} slots has less than 1 % chance under the fit"
    starts_s = trace.sent_s[found.slots[found.first]][outage] if len(found.slots) else np.empty(0)
    return Bursts(model, lengths, starts_s, length_s[outage], reason)


def _quantile(model: Gilbert) -> float:
    """Slots that a geometric burst exceeds once in a thousand times."""
    return math.inf if model.q <= 0 else 1.0 + (math.log(_RARE) / math.log1p(-model.q) if model.q < 1 else 0.0)


def _slots(found: Runs, chosen: Bools, count: int) -> Bools:
    """The slots of the chosen runs."""
    marked = np.zeros(count, np.bool_)
    marked[found.slots] = np.repeat(chosen, found.length)
    return marked
