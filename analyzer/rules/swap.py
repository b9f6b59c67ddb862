"""Whether the node swaps, or kills processes for want of memory.

What: Pages swapped out a second in 3 of 10 consecutive samples, how long that lasted, and out-of-memory kills.
Why HA: A page that has to come back from disk stalls whoever needs it; a killed cluster process is a failover.
How: Counters of /proc/vmstat. A sample is the mean of 10 s (design value).
Source: PCP (5 pages/s or more swapped out in 30 % of 10 samples; any out-of-memory kill). What counts as lasting is a design value.
Fails when: that goes on for more than 5 min, or a process was killed for want of memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, counted_minutes, events, minute_sums, told, too_short, worst
from analyzer.rates import increments
from analyzer.words import quantity, span

OUT = Limit(
    "swapped out",
    "pages/s",
    math.nextafter(5.0, 0.0),
    None,
    Sense.AT_MOST,
    "PCP: 5 pages/s or more in 30 % of 10 samples",
)
"""A limit passes up to and including itself, and PCP's 5 is too much already."""
LASTING = Limit("swapping without a break", "s", None, 300.0, Sense.AT_MOST, "design value")
KILLS = Limit("out-of-memory kills", "1", None, 0.0, Sense.AT_MOST, "PCP: any")
_SAMPLE_S = 10.0


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("paging")
    yield _swapping(context, frame)
    kills = events(frame, "oom_kills")
    if kills is None:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell of out-of-memory kills.",
            remedy=f"Search the kernel's log on {context.node} for 'Out of memory'.",
        )
        return
    minutes = len(counted_minutes(frame, ["oom_kills"]))
    if not kills and minutes < MINUTES:
        yield too_short(f"Out-of-memory kills of node {context.node}", minutes)
        return
    limit = context.limit(KILLS.name)
    status = limit.judge(kills)
    yield Judgement(
        status,
        f"Node {context.node}: processes killed for want of memory: {kills}."
        if kills
        else f"Node {context.node}: no process was killed for want of memory.",
        (Evidence("out-of-memory kills", float(kills), "1", limit),),
        "" if status is Status.PASS else f"Find them in the kernel's log of {context.node} and give it more memory.",
    )


def _swapping(context: Context, frame: pd.DataFrame) -> Judgement:
    what = f"Swapping on node {context.node}"
    if not told(frame, "out_pages", "t_s"):
        return too_short(what, 0)
    steps = increments(frame, ["out_pages"])
    minutes = len(minute_sums(steps, ["out_pages"]))
    rate = _third_of_ten(steps)
    limit, lasting = context.limit(OUT.name), context.limit(LASTING.name)
    swaps = rate > (limit.warn or 0.0)
    # Each stretch of windows in a row that swap, in samples.
    longest_s = float(swaps.groupby((~swaps).cumsum()).sum().max()) * _SAMPLE_S if len(swaps) else 0.0
    highest = float(rate.max()) if rate.notna().any() else 0.0
    status = worst((limit.judge(highest), lasting.judge(longest_s)))
    if minutes < MINUTES and status is Status.PASS:
        return too_short(what, minutes)
    fine = status is Status.PASS
    return Judgement(
        status,
        f"Node {context.node} "
        + (
            "did not swap."
            if fine
            else f"swapped out {quantity(highest, '1')} pages/s, for {span(longest_s)} without a break."
        ),
        (
            Evidence("swapped out, 3 of 10 samples", highest, "pages/s", limit),
            Evidence("longest stretch of that", longest_s, "s", lasting),
            Evidence("minutes", float(minutes), "1"),
        ),
        ""
        if fine
        else f"Give node {context.node} more memory, or stop what takes it; keep cluster processes in memory.",
        () if fine else (f"memory:{context.node}",),
    )


def _third_of_ten(steps: pd.DataFrame) -> pd.Series[float]:
    """The rate that 3 of the last 10 samples reached, in pages/s; up to 3 of the 10 may be lost."""
    place = np.floor(steps["t_s"] / _SAMPLE_S).astype(np.int64)
    sums = steps[["out_pages", "dt_s"]].astype(np.float64).groupby(place).sum()
    rate = (sums["out_pages"] / sums["dt_s"])[sums["dt_s"] >= _SAMPLE_S / 2]
    if rate.empty:
        return rate
    every = rate.reindex(range(int(rate.index.min()), int(rate.index.max()) + 1))
    third: pd.Series[float] = every.rolling(10, min_periods=7).quantile(7 / 9, interpolation="nearest")
    return third


RULE = Rule(
    "swap", "Swapping", Area.HOST, Scope.NODE, ("paging",), (OUT, LASTING, KILLS), _check, effort=Effort.RESOURCES
)
