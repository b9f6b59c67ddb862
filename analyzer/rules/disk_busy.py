"""Whether the disk has time to spare.

What: Share of the time in which the disk had something to do, and how many requests it had at a time: 95 % quantiles of the one-minute means.
Why HA: Log, replication and backup of a cluster use the disk at once; one that is never idle lets all of them wait.
How: Counters of /proc/diskstats. An array or a flash disk serves many requests at a time and may be busy without being full, so only
    a queue besides condemns it.
Source: PAL: idle below 10 % of the time; PCP. Queue: PAL, more than 2 outstanding. Failing at 95 % needs the queue as well.
Fails when: more than 95 % busy, in three minutes at least, and more than 2 requests at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, counted_minutes, judged, told, too_short
from analyzer.remedies import ALONE, slow_disk
from analyzer.words import share

BUSY = Limit("disk busy", "ratio", 0.90, 0.95, Sense.AT_MOST, "PAL: idle time below 10 %; PCP; 95 % with a queue")
QUEUE = Limit("requests at a time", "1", 2.0, None, Sense.AT_MOST, "PAL: more than 2 outstanding requests")
_COLUMNS = ["busy_ms", "read_ms", "write_ms"]


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("disk")
    disk = f"Disk {context.subject.name.removeprefix(f'{context.node}/')} of node {context.node}"
    if not told(frame, "t_s", "busy_ms"):
        yield Judgement(
            Status.SKIPPED,
            f"{disk} does not tell when it is busy.",
            remedy=f"Watch it with the system's own tools in the busy hour of {context.node}.",
        )
        return
    columns = [name for name in _COLUMNS if told(frame, name)]
    sums = counted_minutes(frame, columns)
    if len(sums) < MINUTES:
        yield too_short(disk, len(sums))
        return
    busy, queue = context.limit(BUSY.name), context.limit(QUEUE.name)
    # The kernel's own counter runs a little ahead of the clock at times.
    part = judged(busy, (sums["busy_ms"] / 1e3 / sums["dt_s"]).clip(upper=1.0), 0.95)
    waiting = _waiting(sums)
    depth = None if waiting is None else judged(queue, waiting, 0.95)
    if part.status is Status.FAIL and (depth is None or depth.status is Status.PASS):
        part = replace(part, status=Status.WARN)
    told_of = "" if depth is None else f", with {depth.value:.2g} requests or more at a time"
    yield Judgement(
        part.status,
        f"{disk} was busy, in the worst 5 % of all minutes, {share(part.value)} of the time or more{told_of}.",
        (
            Evidence("busy, 95 % of all minutes", part.value, "ratio", busy),
            Evidence("requests at a time, 95 % of all minutes", depth.value if depth else None, "1", queue),
            Evidence("minutes", float(len(sums)), "1"),
        ),
        ""
        if part.status is Status.PASS
        else slow_disk(context.node, context.subject.name.removeprefix(f"{context.node}/"))
        if depth is not None and depth.value < ALONE
        else f"Find what loads {disk[0].lower()}{disk[1:]} and move it, or put the cluster's files on another disk.",
        (f"disk:{context.node}",),
    )


def _waiting(sums: pd.DataFrame) -> pd.Series[float] | None:
    if not {"read_ms", "write_ms"} <= set(sums):
        return None
    return (sums["read_ms"] + sums["write_ms"]) / 1e3 / sums["dt_s"]


RULE = Rule("disk-busy", "Disk in use", Area.HOST, Scope.DEVICE, ("disk",), (BUSY, QUEUE), _check)
