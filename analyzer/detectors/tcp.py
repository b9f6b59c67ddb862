"""How long TCP stays silent after the network was out for a while.

ADDP, etcd and most heartbeats ride on TCP. An outage does not end for TCP when the network comes back, but at the
first retransmission after that, and the retransmissions are spaced ever wider.

The operating system decides about the shortest timer: Linux floors the variance term at 200 ms, where RFC 6298 floors the whole timer at 1 s, which is what any other system
is taken to do. Of Windows only what is known from memory is used, and marked: about 300 ms at least, and about five retransmissions, after which the
connection is given up. Timers double up to 120 s, Linux's ceiling, which is also the longest that is known of any.

Source: RFC 6298 (timer, doubling, floor of 1 s); Linux's TCP_RTO_MIN and TCP_RTO_MAX; Windows: from memory, unverified.
Linux fires a few per cent late on top; whoever sizes a timeout from this adds a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.columns import Floats

RTO_FLOOR_S = 0.2
"""Shortest retransmission timeout of Linux (TCP_RTO_MIN)."""

RTO_CEILING_S = 120.0
"""Longest one (TCP_RTO_MAX): after a long outage the silence goes on for two minutes at most."""

_SLACK = 1e-9
"""An outage that ends at the very moment of a retransmission lets it through, whatever the last bit of a float says."""


@dataclass(frozen=True, slots=True)
class Timer:
    """How a system's TCP sends lost data again. `whole`: the floor is that of the whole timer, else of its variance term alone.

    `tries`: retransmissions after which the connection is given up; None: so many that no heartbeat lives to see it.
    """

    system: str
    floor_s: float
    whole: bool
    tries: int | None
    verified: bool

    def rto_s(self, srtt_s: float, rttvar_s: float) -> float:
        """First retransmission timeout at that round trip.

        >>> [round(timer.rto_s(0.06, 0.01), 3) for timer in (LINUX, WINDOWS, OTHER)]
        [0.26, 0.36, 1.0]
        """
        if self.whole:
            return max(self.floor_s, srtt_s + 4.0 * rttvar_s)
        return srtt_s + max(self.floor_s, 4.0 * rttvar_s)

    @property
    def borne_s(self) -> float | None:
        """The shortest outage that the connection need not live through: after its last retransmission, at the shortest timer. None: it lives.

        >>> LINUX.borne_s, round(WINDOWS.borne_s, 3)
        (None, 9.3)
        """
        return None if self.tries is None else self.floor_s * (2.0**self.tries - 1.0)


LINUX = Timer("Linux", RTO_FLOOR_S, whole=False, tries=None, verified=True)
WINDOWS = Timer("Windows", 0.3, whole=False, tries=5, verified=False)
OTHER = Timer("another system", 1.0, whole=True, tries=None, verified=False)


def timer_of(system: object) -> Timer:
    """The timer of a system by the name that the inventory gives it. Where it gives none it is Linux: nothing else has carried a collector yet.

    >>> timer_of("Windows").system, timer_of("FreeBSD").system, timer_of(None).system
    ('Windows', 'another system', 'Linux')
    """
    if not isinstance(system, str) or not system or system == LINUX.system:
        return LINUX
    return WINDOWS if system == WINDOWS.system else OTHER


def rto_s(srtt_s: float, rttvar_s: float) -> float:
    """Retransmission timeout in seconds: ``srtt + max(0.2, 4 rttvar)``, as Linux has it.

    >>> round(rto_s(0.06, 0.01), 3)
    0.26
    >>> rto_s(0.25, 0.125)
    0.75
    """
    return LINUX.rto_s(srtt_s, rttvar_s)


def stall_s(outage_s: float, first_s: float = RTO_FLOOR_S) -> float:
    """Silence in seconds that a TCP connection shows for an outage of `outage_s`.

    Retransmissions leave at ``first (2^j - 1)`` after the first lost segment; the first of them that is not earlier
    than the end of the outage gets through. The result lies between `outage_s` and ``2 outage_s + first_s``, and is at most two
    minutes more than `outage_s`.

    >>> [round(stall_s(outage, 0.2), 9) for outage in (0.1, 0.3, 0.7, 1.5, 3.1, 5.0)]
    [0.2, 0.6, 1.4, 3.0, 6.2, 6.2]
    >>> round(stall_s(500.0, 0.2), 9)
    564.6

    Raises:
        ValueError: a negative outage, or a timeout that is not positive.
    """
    if outage_s < 0 or first_s <= 0:
        raise ValueError(f"outage {outage_s} s and retransmission timeout {first_s} s make no sense")
    silence = 0.0
    step = first_s
    while silence < outage_s - _SLACK:
        silence += step
        step = min(2.0 * step, RTO_CEILING_S)
    return silence


def worst_stall_s(outage_s: float, rto_high_s: float) -> float:
    """The longest `stall_s` over all retransmission timeouts from the floor up to `rto_high_s`.

    `stall_s` jumps both ways as the timeout grows, and the timeout that a connection has at that moment is not
    known. The largest value over the range is known, and it never falls when outage or delay grow.

    >>> worst_stall_s(6.0, 0.2) == stall_s(6.0, 0.2)
    True
    >>> worst_stall_s(6.0, 0.5)  # just below 0.4 s the retransmission at 6 s comes too early
    12.4
    """
    return float(worst_stalls_s(np.array([outage_s]), rto_high_s)[0])


def worst_stalls_s(outages_s: Floats, rto_high_s: float) -> Floats:
    """`worst_stall_s` of many outages at once.

    >>> worst_stalls_s(np.array([0.1, 6.0]), 0.5).tolist()
    [0.5, 12.4]
    """
    if not len(outages_s):
        return np.empty(0)
    if outages_s.min() < 0:
        raise ValueError("an outage cannot be negative")
    high_s = max(rto_high_s, RTO_FLOOR_S)
    longest = np.maximum(_stalls_s(outages_s, RTO_FLOOR_S), _stalls_s(outages_s, high_s))
    pending = outages_s > 0
    step, low_sent, high_sent = 1.0, RTO_FLOOR_S, high_s
    while (pending := pending & (low_sent < outages_s)).any():
        # Some timer of the range retransmits at the very end of the outage. Just below it that one comes too early, and the next counts.
        reached = pending & (outages_s <= high_sent)
        edge_s = outages_s / (2.0 * step - 1.0)
        next_s = np.where(edge_s * step < RTO_CEILING_S, np.minimum(edge_s * 2.0 * step, RTO_CEILING_S), RTO_CEILING_S)
        longest[reached] = np.maximum(longest, outages_s + next_s)[reached]
        pending &= ~reached
        step = min(2.0 * step, 1e300)  # beyond a hundred steps each is the ceiling anyway
        low_sent += min(RTO_FLOOR_S * step, RTO_CEILING_S)
        high_sent += min(high_s * step, RTO_CEILING_S)
    return longest


def _stalls_s(outages_s: Floats, first_s: float) -> Floats:
    """`stall_s` of many outages."""
    sent_s, step = [0.0], first_s
    while sent_s[-1] < outages_s.max() - _SLACK:
        sent_s.append(sent_s[-1] + step)
        step = min(2.0 * step, RTO_CEILING_S)
    found: Floats = np.array(sent_s)[np.searchsorted(np.array(sent_s), outages_s - _SLACK)]
    return found
