"""Whether programs wait for memory.

What: Share of the time in which every program that had something to do waited for memory: 95 % quantile of the one-minute means; waiting for I/O and
    for a CPU is told beside it.
Why HA: A cluster process that waits for its own pages sends nothing meanwhile, though the CPU looks free. Pressure tells it before a pause does.
How: The kernel's pressure counters ("full" of memory and io, "some" of cpu). On a machine that does little else one program that writes counts
    as all of them, so waiting for I/O is judged by "disk-latency" and "disk-queue", and that for a CPU by "run-queue". Several distributions switch the
    counters off; then nothing is judged here, and what follows from pressure is judged by "stalls" and "swap".
Source: Design value, unverified: a tenth of the time.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, counted_minutes, judged, too_short
from analyzer.words import share

MEMORY = Limit("all waited for memory", "ratio", 0.10, None, Sense.AT_MOST, "design value, unverified")


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
    if len(found["memory"]) < MINUTES:
        yield too_short(f"Pressure on node {context.node}", len(found["memory"]))
        return
    limit = context.limit(MEMORY.name)
    value = judged(limit, found["memory"], 0.95)
    yield Judgement(
        value.status,
        f"Node {context.node}: in the worst 5 % of all minutes every program waited for memory {share(value.value)} of the time or more."
        if value.value
        else f"Node {context.node}: in 95 % of all minutes or more its programs never all waited for memory.",
        (
            Evidence(limit.name, value.value, "ratio", limit),
            Evidence("all waited for I/O", _p95(found["io"]), "ratio"),
            Evidence("some waited for a CPU", _p95(found["cpu"]), "ratio"),
        ),
        ""
        if value.status is Status.PASS
        else f"Find what takes the memory of {context.node}, or give it more; keep cluster processes in memory.",
        (f"memory:{context.node}",),
    )


def _p95(minutes: pd.Series[float]) -> float | None:
    return float(np.quantile(minutes, 0.95, method="higher")) if len(minutes) else None


def _minutes(frame: pd.DataFrame, name: str, column: str) -> pd.Series[float]:
    """Share of each minute's time."""
    sums = counted_minutes(frame[frame["pressure"] == name], [column]) if "pressure" in frame else pd.DataFrame()
    return (sums[column] / 1e6 / sums["dt_s"]).clip(upper=1.0) if len(sums) else pd.Series(dtype=float)


RULE = Rule("pressure", "Pressure", Area.HOST, Scope.NODE, ("pressure",), (MEMORY,), _check, effort=Effort.RESOURCES)
