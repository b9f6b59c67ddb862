"""Disk activity per device.

What: operations, bytes and time of reads and writes, requests in flight and busy time since boot.
Why HA: a cluster commits its state to disk; a slow disk delays it, and replication has to carry every written byte.
How: /proc/diskstats, kept open: whole disks that have done any I/O, without loop and RAM devices; psutil where
there is no /proc.
Source: kernel Documentation/admin-guide/iostats.rst (sectors there are always 512 B).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.machine import LINUX

DISK = Table(
    "disk",
    labels=("disk",),
    metrics=(
        Metric("reads", "1", Kind.COUNTER, help="reads completed"),
        Metric("read_B", "B", Kind.COUNTER, help="bytes read"),
        Metric("read_ms", "s", Kind.COUNTER, 1e-3, "time of all reads, added up"),
        Metric("writes", "1", Kind.COUNTER, help="writes completed"),
        Metric("write_B", "B", Kind.COUNTER, help="bytes written"),
        Metric("write_ms", "s", Kind.COUNTER, 1e-3, "time of all writes, added up"),
        Metric("queue", "1", Kind.GAUGE, help="requests in flight"),
        Metric("busy_ms", "s", Kind.COUNTER, 1e-3, "time with at least one request in flight"),
    ),
)

_PASSED_OVER = re.compile(rb"(loop|ram|zram|fd|sr)\d+$")
_PARTITION = re.compile(rb"((sd|vd|hd|xvd)[a-z]+\d+|(nvme\d+n\d+|mmcblk\d+|nbd\d+)p\d+)$")
_SECTOR_B = 512


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and disk."""
    names = tuple(metric.name for metric in DISK.metrics)
    if not LINUX:
        while True:
            now = env.clock.monotonic_ns()
            for disk, found in sorted(env.host.disks().items()):
                yield Batch("disk", (disk,), now, (*map(found.get, names),))
            yield None
    diskstats = env.read("proc/diskstats")
    try:
        while True:
            now = env.clock.monotonic_ns()
            for line in diskstats.read().splitlines():
                fields = line.split()
                if len(fields) < 14 or _PASSED_OVER.match(fields[2]) or _PARTITION.match(fields[2]):
                    continue
                name, counts = fields[2], [int(field) for field in fields[3:13]]
                reads, _, read_sectors, read_ms, writes, _, write_sectors, write_ms, queue, busy_ms = counts
                if not reads + writes:
                    continue
                yield Batch(
                    "disk",
                    (name.decode(errors="replace"),),
                    now,
                    (
                        reads,
                        read_sectors * _SECTOR_B,
                        read_ms,
                        writes,
                        write_sectors * _SECTOR_B,
                        write_ms,
                        queue,
                        busy_ms,
                    ),
                )
            yield None
    finally:
        diskstats.close()


PROBE = Probe("disk", (DISK,), sample)
