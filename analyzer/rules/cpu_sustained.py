"""Whether the node's CPU is ever used up for minutes on end.

What: The longest stretch of whole minutes in a row in which all CPUs together were 90 % busy or more.
Why HA: A short peak delays a heartbeat; minutes without a free CPU delay all of them, and a takeover that falls into them takes as long.
How: Counters of /proc/stat; idle and waiting for I/O are not busy, stolen time is. A minute that was not measured ends a stretch.
Source: PCP alarms at 90 %; how long is too long is a design value (thresholds are at 5 and 15 min).
Fails when: 90 % busy for 15 min or more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, cpu_shares, too_short
from analyzer.words import quantity

LEVEL = 0.9
"""PCP: 90 % busy."""
LASTING = Limit(
    "90 % busy without a break",
    "s",
    math.nextafter(300.0, 0.0),
    math.nextafter(900.0, 0.0),
    Sense.AT_MOST,
    "PCP: 90 %; 5 and 15 min or more: design values",
)
"""A limit passes up to and including itself, and five minutes are too much already."""


def _check(context: Context) -> Iterator[Judgement]:
    shares = cpu_shares(context.table("cpu"), minutes=True)
    limit = context.limit(LASTING.name)
    longest_s = 60.0 * _longest(shares["busy"]) if len(shares) else 0.0
    status = limit.judge(longest_s)
    if len(shares) < MINUTES and status is Status.PASS:
        yield too_short(f"The CPU of node {context.node}", len(shares))
        return
    yield Judgement(
        status,
        f"Node {context.node}: its CPU was 90 % busy or more for {quantity(longest_s, 's')} without a break."
        if longest_s
        else f"Node {context.node}: in no minute was its CPU 90 % busy.",
        (
            Evidence("longest stretch at 90 % or more", longest_s, "s", limit),
            Evidence("minutes", float(len(shares)), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what ran on {context.node} at that time (backup, scan, batch) and give it less CPU, or the node more.",
        (f"cpu:{context.node}",),
    )


def _longest(busy: pd.Series[float]) -> int:
    """Most minutes in a row at the level or above."""
    minutes = np.sort(busy.index[busy >= LEVEL].to_numpy(dtype=np.float64))
    if not len(minutes):
        return 0
    stretches = np.split(minutes, np.flatnonzero(np.diff(minutes) > 1.0) + 1)
    return max(map(len, stretches))


RULE = Rule("cpu-sustained", "CPU used up for minutes", Area.HOST, Scope.NODE, ("cpu",), (LASTING,), _check)
