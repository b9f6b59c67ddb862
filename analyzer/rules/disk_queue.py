"""Whether the disk is overloaded: requests wait behind each other.

What: Mean time of a disk operation in minutes in which more than one request at a time was under way, small and large operations apart: 95 %
    quantile over all minutes. The length of the queue is told beside it.
Why HA: A slow disk is replaced; an overloaded one is relieved. The log of a cluster waits behind a backup in the same queue.
How: Counters of /proc/diskstats; minutes without a queue count as no wait. A queue by itself is no trouble: an array or a flash disk serves many
    requests at a time, so more than 2 outstanding (PAL) are told and judged by the time that they take.
Source: PAL: overloaded disk, queue above 1 with more than 15 ms; critical above 25 ms for operations up to 64 KB, above 35 ms for larger ones.
Fails when: above these times, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, counted_minutes, judged, latency_s, too_short, worst
from analyzer.words import seconds

_PAL = "PAL: overloaded disk, queue above 1"
SMALL = Limit("wait in a queue, operations up to 64 KB", "s", 0.015, 0.025, Sense.AT_MOST, f"{_PAL}, 15 and 25 ms")
LARGE = Limit("wait in a queue, larger operations", "s", 0.015, 0.035, Sense.AT_MOST, f"{_PAL}, 15 and 35 ms")
QUEUE = 1.0
_SMALL_B = 65536.0
_COLUMNS = ["reads", "read_ms", "read_B", "writes", "write_ms", "write_B"]


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("disk")
    disk = f"Disk {context.subject.name.removeprefix(f'{context.node}/')} of node {context.node}"
    sums = counted_minutes(frame, _COLUMNS)
    if len(sums) < MINUTES:
        yield too_short(disk, len(sums))
        return
    depth = (sums["read_ms"] + sums["write_ms"]) / 1e3 / sums["dt_s"]
    operations = sums["reads"] + sums["writes"]
    large = (sums["read_B"] + sums["write_B"]) > _SMALL_B * operations
    took_s = latency_s(sums, "read", "write").reindex(sums.index).where(depth > QUEUE, 0.0).fillna(0.0)
    small_limit, large_limit = context.limit(SMALL.name), context.limit(LARGE.name)
    found = [judged(small_limit, took_s.where(~large, 0.0), 0.95), judged(large_limit, took_s.where(large, 0.0), 0.95)]
    status = worst(item.status for item in found)
    longest_s = max(item.value for item in found)
    queued = int((depth > QUEUE).sum())
    yield Judgement(
        status,
        f"{disk} had more than one request at a time in {f'{queued} of {len(sums)} minutes' if queued else 'no minute'}"
        + (
            f"; operations then took {seconds(longest_s)} or more in the slowest 5 % of all minutes."
            if longest_s
            else "."
        ),
        (
            Evidence(small_limit.name, found[0].value, "s", small_limit),
            Evidence(large_limit.name, found[1].value, "s", large_limit),
            Evidence("requests at a time, 95 % of all minutes", float(np.quantile(depth, 0.95, method="higher")), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what loads {disk[0].lower()}{disk[1:]} (backup, replication, logs) and move it to another disk or hour.",
        (f"latency:{context.node}",),
    )


RULE = Rule("disk-queue", "Overloaded disk", Area.HOST, Scope.DEVICE, ("disk",), (SMALL, LARGE), _check)
