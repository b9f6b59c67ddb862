"""Whether programs wait for memory or disk.

What: Share of the time in which every program that had something to do waited for memory, and for I/O: 95 % quantile of the one-minute means;
    waiting for a CPU is told beside it.
Why HA: A cluster process that waits for a page or a log sends nothing meanwhile, though the CPU looks free. Pressure tells it before a pause does.
How: The kernel's pressure counters ("full" of memory and io, "some" of cpu). Several distributions switch them off; then nothing is judged here, and
    what follows from pressure is judged by "stalls", "swap" and "disk-latency".
Source: Design values, unverified: a tenth of the time.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, judged, minute_sums, told, too_short, worst
from analyzer.rates import increments
from analyzer.words import share

_DESIGN = "design value, unverified"
MEMORY = Limit("all waited for memory", "ratio", 0.10, None, Sense.AT_MOST, _DESIGN)
DISK = Limit("all waited for I/O", "ratio", 0.10, None, Sense.AT_MOST, _DESIGN)


def _check(context: Context) -> Iterator[Judgement]:
    if not context.has("pressure"):
        yield Judgement(
            Status.INFO,
            f"The kernel of node {context.node} does not count pressure (kernel parameter psi=1 switches it on where it can).",
        )
        return
    frame = context.table("pressure")
    found = {
        name: _minutes(frame, name, column)
        for name, column in (("memory", "full_us"), ("io", "full_us"), ("cpu", "some_us"))
    }
    short = [len(found[name]) for name in ("memory", "io") if len(found[name]) < MINUTES]
    if short:
        yield too_short(f"Pressure on node {context.node}", min(short))
        return
    limits = {"memory": context.limit(MEMORY.name), "io": context.limit(DISK.name)}
    values = {name: judged(limit, found[name], 0.95) for name, limit in limits.items()}
    status = worst(value.status for value in values.values())
    cpu = float(np.quantile(found["cpu"], 0.95, method="higher")) if len(found["cpu"]) else None
    yield Judgement(
        status,
        f"Node {context.node}: in the worst 5 % of all minutes every program waited for memory {share(values['memory'].value)} of the time or "
        f"more, for I/O {share(values['io'].value)}.",
        (
            *(Evidence(limit.name, values[name].value, "ratio", limit) for name, limit in limits.items()),
            Evidence("some waited for a CPU", cpu, "ratio"),
        ),
        ""
        if status is Status.PASS
        else f"Find what takes the memory or the disk of {context.node}; keep cluster processes in memory and their files on a disk of their own.",
    )


def _minutes(frame: pd.DataFrame, name: str, column: str) -> pd.Series[float]:
    """Share of each minute's time."""
    if not told(frame, "pressure", "t_s", column):
        return pd.Series(dtype=float)
    sums = minute_sums(increments(frame[frame["pressure"] == name], [column]), [column])
    return (sums[column] / 1e6 / sums["dt_s"]).clip(upper=1.0)


RULE = Rule("pressure", "Pressure", Area.HOST, Scope.NODE, ("pressure",), (MEMORY, DISK), _check)
