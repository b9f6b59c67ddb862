"""Raft election (etcd): a follower that hears nothing from its leader for a time drawn anew from [E, 2E) calls an election.

The leader's heartbeats ride on TCP, so replay them on `trace.over_tcp`. Suspicion is counted from E, the shortest draw; `chance` says
how probable it is that a silence exceeds the draw. With several followers any one is enough. A crash is noticed within 2E, and then
votes are cast; with etcd a vote needs its disk, so commit latency adds to the takeover, not to the detection.

etcd asks for a heartbeat of about 0.5 to 1.5 round trips, an election timeout of at least 10 round trips and 5 heartbeats, 50 s at most.

Source: Ongaro, Ousterhout, "In Search of an Understandable Consensus Algorithm" (randomised timeout; [E, 2E): unverified for etcd); etcd v3.6
tuning guide and embed configuration (ratios and limits).
"""

from __future__ import annotations

import math

import numpy as np

from analyzer.columns import Floats
from analyzer.detectors.silence import Gaps, Timer, gaps
from analyzer.detectors.trace import PathTrace, replayed_s


def election(heartbeat_s: float, election_s: float) -> Timer:
    """The silence timer at the shortest draw."""
    return Timer(heartbeat_s, election_s)


def detection_s(heartbeat_s: float, election_s: float) -> tuple[float, float]:
    """Shortest and longest time from the leader's crash to the call for an election.

    >>> detection_s(0.1, 1.0)
    (0.9, 2.0)
    """
    return election_s - heartbeat_s, 2.0 * election_s


def chance(silence_s: Floats, election_s: float, followers: int = 1) -> Floats:
    """Probability that a silence makes at least one of the followers call an election.

    >>> chance(np.array([1.0, 1.5, 2.5]), 1.0).tolist()
    [0.0, 0.5, 1.0]
    """
    one = np.clip((silence_s - election_s) / election_s, 0.0, 1.0)
    several: Floats = 1.0 - (1.0 - one) ** followers
    return several


def expected_elections(trace: PathTrace, heartbeat_s: float, election_s: float, followers: int = 1) -> float:
    """Elections to be expected on the trace without a crash, over all phases and draws. Silences that follow on one another count one by one."""
    replayed_s(trace, heartbeat_s)
    stride = trace.stride(heartbeat_s)
    found: Gaps = gaps(trace, stride, election_s)
    return math.fsum(chance(found.stop_s - found.start_s, election_s, followers).tolist()) / stride
