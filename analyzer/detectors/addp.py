"""Poll and wait (Genesys ADDP): silence for `idle`, a poll, no answer for `wait` - the connection is given up.

Genesys documents one value for both: silence for T, a poll, silence for T again, so a dead peer is noticed after T to 2T. Others read `addp-timeout` as
the idle time and `addp-remote-timeout` as the time to answer; so idle and wait are two parameters here. Each end has timers of its
own (0: that end never polls), and either end that gives up ends the connection: `both_ends` is the union.

ADDP rides on TCP: replay it on `over_tcp(trace, rto, in_order=False)`, as on an idle link only the poll is under way.

- *Idle link* (the worst case): it polls every `idle`, at any phase. A poll is lost if its answer takes longer than `wait`. A stall of length S
  ends an idle connection with probability 0 up to `wait`, (S - wait) / idle above, and 1 from wait + idle on. Answers shift the next poll, so
  phases drift and none is safe: what counts is any phase.
- *Busy link*: something is received every tau, so it polls only after silence of `idle`, and gives up after silence of idle + wait. That is a
  silence timer; replay it on `over_tcp(trace, rto)`.

An episode begins `wait` after the poll and ends when its answer came on the old connection. A reconnection may be quicker (the network is back before TCP
notices), or slower: `reconnected_s` is when it would be, for a first answer after the disconnect and a handshake.

Source: Genesys Framework CORM, Host [addp]; T-Server "backup-sync Section"; Pega call guide for the other reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors import silence
from analyzer.detectors.episodes import Codes, Replay, Spans, any_of, gathered, summed_up
from analyzer.detectors.kmiss import SLACK_S, runs
from analyzer.detectors.trace import PathTrace, edges_s


@dataclass(frozen=True, slots=True)
class Poll:
    """One end's timers in s. `idle_s` 0: it does not poll."""

    idle_s: float
    wait_s: float

    def __post_init__(self) -> None:
        """Raises ValueError: no timers."""
        if self.idle_s < 0 or self.wait_s <= 0:
            raise ValueError(f"{self} has no sense: idle 0 or more, wait above 0")

    @property
    def detection_s(self) -> tuple[float, float]:
        """Shortest (the poll was just due) and longest time from a crash to suspicion.

        >>> Poll(9.0, 9.0).detection_s
        (9.0, 18.0)
        """
        return self.wait_s, self.idle_s + self.wait_s

    @property
    def outlasts_s(self) -> float:
        """Longest stall that ends no connection, at whatever phase it comes."""
        return self.wait_s


def loss_probability(stall_s: float, poll: Poll) -> float:
    """Chance that a stall ends an idle connection.

    >>> [loss_probability(stall, Poll(10.0, 10.0)) for stall in (10.0, 15.0, 20.0, 90.0)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return min(1.0, max(0.0, (stall_s - poll.wait_s) / poll.idle_s)) if poll.idle_s else 0.0


def replay(trace: PathTrace, settings: Sequence[Poll]) -> Replay:
    """What one end would have done on an idle link, polling at any phase. `trace`: from the end that polls to the other."""
    return gathered(len(settings), _groups(trace, settings))


def _groups(trace: PathTrace, settings: Sequence[Poll]) -> Iterator[tuple[Codes, Replay]]:
    groups: dict[int, list[int]] = {}
    for place, poll in enumerate(settings):
        if poll.idle_s:
            groups.setdefault(trace.stride(poll.idle_s), []).append(place)
    shortest_s = min((poll.wait_s for poll in settings), default=0.0)
    # Few answers take seconds: what is quicker than every wait is looked at once, for all settings.
    slow = trace.slower(shortest_s + SLACK_S)
    slow_s = trace.delays_s(slow)
    for stride, places in groups.items():
        parts = [
            _lost(trace, slow[slow_s > settings[place].wait_s + SLACK_S], stride, number, settings[place].wait_s)
            for number, place in enumerate(places)
        ]
        setting, phase, start_s, stop_s = (np.concatenate(column) for column in zip(*parts, strict=True))
        yield np.array(places), summed_up(stride, len(places), setting, phase, start_s, stop_s)


def _lost(
    trace: PathTrace, late: Codes, stride: int, number: int, wait_s: float
) -> tuple[Codes, Codes, Floats, Floats]:
    """Polls in a row without an answer are one disconnect: the first of them ended it."""
    found = runs(trace, late, stride)
    if not len(late):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0)
    first = found.slots[found.first]
    answered_s = trace.answer_s[found.slots]
    never = np.isinf(answered_s)
    if never.any():
        answered_s[never] = edges_s(trace, found.slots[never])
    stop_s = np.maximum.reduceat(answered_s, found.first)
    start_s = trace.sent_s[first] + wait_s
    # At an edge of the record the wait may not have ended when the record did.
    seen = stop_s > start_s
    return np.full(int(seen.sum()), number), (first % stride)[seen], start_s[seen], stop_s[seen]


def busy(trace: PathTrace, settings: Sequence[Poll], every_s: float) -> Replay:
    """The same on a link where something is received every `every_s`. `trace`: over TCP, in order."""
    return silence.replay(trace, [silence.Timer(every_s, poll.idle_s + poll.wait_s) for poll in settings])


def both_ends(
    forward: PathTrace, backward: PathTrace, local: Sequence[Poll], remote: Sequence[Poll]
) -> tuple[Spans, Replay, Replay]:
    """(when either end gave the connection up, what the local end did, what the remote one did); setting i of both belong together."""
    here, there = replay(forward, local), replay(backward, remote)
    return any_of([here.spans, there.spans]), here, there


def reconnected_s(trace: PathTrace, lost_s: Floats, handshake_s: float) -> Floats:
    """When the connection is up again after each disconnect: the first answer to anything sent since, and the handshake.

    Infinite where none came. SYN retransmissions are not modelled: they space out as TCP's others do, from 1 s.
    """
    first_s = np.append(np.minimum.accumulate(trace.answer_s[::-1])[::-1], np.inf)
    found: Floats = first_s[np.searchsorted(trace.sent_s, lost_s)] + handshake_s
    return found
