"""Memory and swap.

What: total and available memory, caches, dirty pages, commitment and swap, in KiB.
Why HA: a node that swaps or runs out of memory stalls for seconds, or has its cluster process killed.
How: /proc/meminfo, kept open; psutil where there is no /proc.
Source: proc(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.machine import LINUX

FIELDS = {
    "total": b"MemTotal",
    "available": b"MemAvailable",
    "free": b"MemFree",
    "buffers": b"Buffers",
    "cached": b"Cached",
    "dirty": b"Dirty",
    "committed": b"Committed_AS",
    "commit_limit": b"CommitLimit",
    "swap_total": b"SwapTotal",
    "swap_free": b"SwapFree",
}

_WANTED = re.compile(rb"^(" + b"|".join(FIELDS.values()) + rb"):\s+(\d+)", re.MULTILINE)

MEMORY = Table("memory", metrics=tuple(Metric(f"{name}_KiB", "B", Kind.GAUGE, 1024.0) for name in FIELDS))


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick; what the platform does not tell is null."""
    if not LINUX:
        while True:
            found = env.host.memory()
            yield Batch(
                "memory",
                (),
                env.clock.monotonic_ns(),
                tuple(found[name] // 1024 if name in found else None for name in FIELDS),
            )
            yield None
    meminfo = env.read("proc/meminfo")
    try:
        while True:
            now = env.clock.monotonic_ns()
            told = {key: int(value) for key, value in _WANTED.findall(meminfo.read())}
            yield Batch("memory", (), now, tuple(told.get(key) for key in FIELDS.values()))
            yield None
    finally:
        meminfo.close()


PROBE = Probe("memory", (MEMORY,), sample)
