"""Whether the disk answers fast enough.

What: Mean time of a read and of a write, each per minute: the 95 % quantile of these; queue and busy share are told beside it.
Why HA: A cluster commits its state to disk, and a log that waits for the disk holds the process that sends the heartbeat.
How: Counters of /proc/diskstats. A minute without such an operation gives no latency; a disk that did nothing is not judged.
Source: PAL (average disk seconds per read and per write): warning above 15 ms, critical above 25 ms.
Fails when: more than 25 ms, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, counted_minutes, judged, latency_s, too_short, worst
from analyzer.remedies import ALONE, slow_disk
from analyzer.words import seconds

LATENCY = Limit("disk latency", "s", 0.015, 0.025, Sense.AT_MOST, "PAL: average disk time per operation, 15 and 25 ms")
_COLUMNS = ["reads", "read_ms", "writes", "write_ms"]


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("disk")
    disk = f"Disk {context.subject.name.removeprefix(f'{context.node}/')} of node {context.node}"
    sums = counted_minutes(frame, _COLUMNS)
    if len(sums) < MINUTES:
        yield too_short(disk, len(sums))
        return
    limit = context.limit(LATENCY.name)
    values = {kind: latency_s(sums, kind) for kind in ("read", "write")}
    found = {kind: judged(limit, minutes, 0.95) for kind, minutes in values.items() if len(minutes)}
    if not found:
        yield Judgement(Status.INFO, f"{disk} did nothing in {len(sums)} minutes, so it shows no latency.")
        return
    status = worst(item.status for item in found.values())
    took = " and ".join(f"{seconds(item.value)} or more for a {kind}" for kind, item in found.items())
    waiting = (sums["read_ms"] + sums["write_ms"]) / 1e3 / sums["dt_s"]
    yield Judgement(
        status,
        f"{disk} took, in the slowest 5 % of all minutes, {took}.",
        (
            *(
                Evidence(f"time of a {kind}, 95 % of {len(values[kind])} minutes", item.value, "s", limit)
                for kind, item in found.items()
            ),
            Evidence("requests in flight, 95 % of all minutes", _p95(waiting), "1"),
            Evidence("busy, 95 % of all minutes", _busy(frame), "ratio"),
        ),
        ""
        if status is Status.PASS
        else slow_disk(context.node, context.subject.name.removeprefix(f"{context.node}/"))
        if _p95(waiting) < ALONE
        else f"Find what loads the storage below {disk[0].lower()}{disk[1:]}, or put the cluster's files on a faster disk.",
        (f"latency:{context.node}",),
    )


def _p95(minutes: pd.Series[float]) -> float:
    return float(np.quantile(minutes, 0.95, method="higher"))


def _busy(frame: pd.DataFrame) -> float | None:
    sums = counted_minutes(frame, ["busy_ms"])
    return _p95((sums["busy_ms"] / 1e3 / sums["dt_s"]).clip(upper=1.0)) if len(sums) else None


RULE = Rule("disk-latency", "Disk latency", Area.HOST, Scope.DEVICE, ("disk",), (LATENCY,), _check)
