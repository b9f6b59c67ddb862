"""Whether single CPUs are used up while the node as a whole looks free.

What: Busy share of the busiest CPU; on nodes of more than 12 CPUs the share that four fifths of them exceed. 95 % quantile of the one-minute means.
Why HA: A cluster process of one thread, and an adapter whose interrupts go to one CPU, have that one only.
How: Counters of /proc/stat for each CPU; a minute counts with 30 s of data. A process of one thread that computes all day looks the same.
Source: PCP: a CPU above 95 % on up to 12 CPUs; four fifths of the CPUs above 95 % on more.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, cpu_shares, judged, told, too_short
from analyzer.words import share

CORE = Limit("busiest CPU", "ratio", 0.95, None, Sense.AT_MOST, "PCP: one CPU above 95 %; of more than 12, four fifths")
FEW = 12
"""PCP: up to so many CPUs one of them counts."""


def _check(context: Context) -> Iterator[Judgement]:
    cores = _cores(context.table("cpu"))
    if cores.empty:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell its CPUs one by one.",
            remedy=f"Look with the system's own tools whether one CPU of {context.node} is busy all the time.",
        )
        return
    count = len(cores.columns)
    # A CPU that was off line for a minute says nothing of it; four fifths are of those that were there.
    many = count > FEW
    minutes = _exceeded(cores) if many else cores.max(axis=1)
    if len(minutes) < MINUTES:
        yield too_short(f"The single CPUs of node {context.node}", len(minutes))
        return
    limit = context.limit(CORE.name)
    found = judged(limit, minutes, 0.95)
    busiest = str(cores.mean().idxmax())
    whose = f"four fifths of its {count} CPUs were" if many else f"its busiest CPU (mostly CPU {busiest}) was"
    yield Judgement(
        found.status,
        f"Node {context.node}: in the worst 5 % of all minutes {whose} {share(found.value)} busy or more.",
        (
            Evidence(
                "four fifths of the CPUs" if many else "busiest CPU, 95 % of all minutes", found.value, "ratio", limit
            ),
            Evidence("CPUs", float(count), "1"),
            Evidence("minutes", float(len(minutes)), "1"),
        ),
        ""
        if found.status is Status.PASS
        else f"See on {context.node} what runs on CPU {busiest}, and spread it: threads, and the adapter's interrupts.",
        (f"cpu:{context.node}",),
    )


def _exceeded(cores: pd.DataFrame) -> pd.Series[float]:
    """The share that four fifths of the CPUs reach in each minute."""
    ordered = np.sort(cores.to_numpy(dtype=np.float64), axis=1)  # NaN come last
    there = np.isfinite(ordered).sum(axis=1)
    place = there - (4 * there + 4) // 5
    return pd.Series(ordered[np.arange(len(ordered)), place], index=cores.index)


def _cores(frame: pd.DataFrame) -> pd.DataFrame:
    """Busy share by whole minute, a column for each CPU."""
    if not told(frame, "cpu", "t_s"):
        return pd.DataFrame()
    found = {}
    for cpu in frame["cpu"].dropna().unique():
        shares = (
            pd.DataFrame() if cpu == "all" else cpu_shares(frame[frame["cpu"] == cpu].assign(cpu="all"), minutes=True)
        )
        if len(shares):
            found[str(cpu)] = shares["busy"]
    return pd.DataFrame(found)


RULE = Rule("cpu-cores", "Single CPUs", Area.HOST, Scope.NODE, ("cpu",), (CORE,), _check)
