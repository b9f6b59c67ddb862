"""Swap traffic, page faults that needed a disk, and processes killed for want of memory.

What: pages swapped in and out, major page faults and kills by the out-of-memory killer since boot.
Why HA: a process that is swapped in answers hundreds of milliseconds late, and a killed cluster process is a failover.
How: /proc/vmstat, kept open. Elsewhere there are no rows: what psutil calls swap traffic differs from system to system.
Source: proc(5); kernel mm/vmstat.c for the names.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table

PAGING = Table(
    "paging",
    metrics=(
        Metric("in_pages", "1", Kind.COUNTER, help="pages read from swap"),
        Metric("out_pages", "1", Kind.COUNTER, help="pages written to swap"),
        Metric("major_faults", "1", Kind.COUNTER, help="page faults that had to read a disk"),
        Metric("oom_kills", "1", Kind.COUNTER, help="processes killed for want of memory; null: kernel does not tell"),
    ),
)

_NAMES = (b"pswpin", b"pswpout", b"pgmajfault", b"oom_kill")


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick; what the kernel does not tell is null."""
    vmstat = env.read("proc/vmstat")
    try:
        while True:
            now = env.clock.monotonic_ns()
            text = b"\n" + vmstat.read()
            yield Batch("paging", (), now, (*(_value(text, name) for name in _NAMES),))
            yield None
    finally:
        vmstat.close()


def _value(text: bytes, name: bytes) -> int | None:
    """Searched for, because taking all of some 180 lines apart costs as much as reading them."""
    at = text.find(b"\n" + name + b" ")
    fields = text[at + len(name) + 2 : at + len(name) + 24].split(None, 1) if at >= 0 else []
    return int(fields[0]) if fields else None


PROBE = Probe("paging", (PAGING,), sample)
