"""Whether there is enough CPU left on the node.

What: 95 % quantile of the one-minute means of the busy share of all CPUs.
Why HA: A node that is busy answers heartbeats late and takes over slowly.
How: Counters of /proc/stat; idle and waiting for I/O are not busy, stolen time is. A minute counts with 30 s of data.
Source: PAL (Performance Analysis of Logs): warning above 50 %, critical above 80 %.
Fails when: more than 80 % busy, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.rates import increments
from analyzer.words import share

BUSY = Limit("cpu busy", "ratio", 0.5, 0.8, Sense.AT_MOST, "PAL: total processor time, warning 50 %, critical 80 %")
MINUTES = 14
"""A run of 15 minutes has 14 whole ones at least."""
FEW = 3
"""In a short run the 95 % quantile is the busiest minute; so few of them condemn nobody (design value)."""
_LEAST_S = 30.0


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("cpu")
    states = [name for name in map(str, frame.columns) if name.endswith("_cs") and frame[name].notna().any()]
    idle = [name for name in ("idle_cs", "iowait_cs") if name in states]
    steps = increments(frame[frame["cpu"] == "all"], states)
    minutes = steps.groupby(np.floor(steps["t_s"] / 60.0)).sum()
    total = minutes[states].sum(axis=1)
    whole = (minutes["dt_s"] >= _LEAST_S) & (total > 0)
    busy = (total[whole] - minutes.loc[whole, idle].sum(axis=1)) / total[whole]
    limit = context.limit(BUSY.name)
    if len(busy) < MINUTES or "idle_cs" not in idle:
        yield Judgement(
            Status.SKIPPED,
            f"The CPU of node {context.node} was measured for less than 15 min: whole minutes: {len(busy)}.",
            (Evidence("whole minutes", float(len(busy)), "1"),),
            "Run the collector for at least 15 min on new systems, 24 h on systems in use.",
        )
        return
    p95 = float(np.quantile(busy.to_numpy(), 0.95, method="higher"))
    status = limit.judge(p95)
    above = int((busy > (limit.fail or 1.0)).sum())
    if status is Status.FAIL and above < FEW:
        status = Status.WARN
    yield Judgement(
        status,
        f"Node {context.node}: the busiest 5 % of all minutes had {share(p95)} CPU busy or more "
        f"({above} of {len(busy)} minutes above {share(limit.fail or 1.0)}).",
        (
            Evidence("busy, 95 % of all minutes", p95, "ratio", limit),
            Evidence("busiest minute", float(busy.max()), "ratio"),
            Evidence("minutes", float(len(busy)), "1"),
        ),
        "" if status is Status.PASS else f"Give node {context.node} more CPU, or move work away from it.",
        (f"cpu:{context.node}",),
    )


RULE = Rule("cpu-busy", "CPU", Area.HOST, Scope.NODE, ("cpu",), (BUSY,), _check)
