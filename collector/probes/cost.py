"""What the collector itself takes of the node.

What: CPU time and memory (PSS: shared pages divided among those who share them) of all processes of the collector together.
Why HA: whoever measures a node must not load it, and whoever reads the result must be able to see that.
How: /proc/PID/stat and smaps_rollup of the main process and its children, once a minute. Programs that are started for seconds (`ip`,
iperf3 in a bandwidth test) are not counted. Where a process may not be looked into, memory is null.
Source: proc(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.machine import KeptFile

COST = Table(
    "cost",
    metrics=(
        Metric("processes", "1", Kind.GAUGE, help="processes of the collector"),
        Metric("cpu_cs", "s", Kind.COUNTER, 0.01, "CPU time of those that run; it falls when one ends"),
        Metric("pss_KiB", "B", Kind.GAUGE, 1024.0, "memory of all; null: one of them does not tell"),
    ),
)

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)
_LOOK_AGAIN = 10
"""Ticks after which children are looked for again: to list all processes is dear on a machine with thousands."""


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick. This process is a child of the main one."""
    main = os.getppid()
    known: list[int] = []
    ticks = 0
    while True:
        now = env.clock.monotonic_ns()
        spent = [_spent(env, pid, main) for pid in known]
        if ticks % _LOOK_AGAIN == 0 or None in spent:
            known = _family(env, main)
            spent = [_spent(env, pid, main) for pid in known]
        told = [item for item in spent if item is not None]
        if not told:
            raise Unavailable("no process of the collector tells its CPU time")
        yield Batch("cost", (), now, (len(told), sum(told), _memory(env, known)))
        ticks += 1
        yield None


def _family(env: Env, main: int) -> list[int]:
    """The main process and its children, which most kernels list."""
    children = _text(env, f"proc/{main}/task/{main}/children").split()
    if children:
        return [main, *(int(child) for child in children)]
    try:
        listed = [int(name) for name in os.listdir(env.root / "proc") if name.isdecimal()]  # noqa: PTH208 - names alone
    except OSError as error:
        raise Unavailable(f"/proc: {error.strerror}") from error
    return [pid for pid in sorted(listed) if _spent(env, pid, main) is not None]


def _spent(env: Env, pid: int, main: int) -> int | None:
    """CPU time in hundredths of a second; None if it is gone, or none of the collector's."""
    # The name of the program may hold blanks and brackets.
    fields = _text(env, f"proc/{pid}/stat").rpartition(b")")[2].split()
    if len(fields) < 13 or (pid != main and int(fields[1]) != main):
        return None
    return (int(fields[11]) + int(fields[12])) * 100 // os.sysconf("SC_CLK_TCK")


def _memory(env: Env, pids: Sequence[int]) -> int | None:
    sizes = [_PSS.search(_text(env, f"proc/{pid}/smaps_rollup")) for pid in pids]
    known = [int(size[1]) for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _text(env: Env, path: str) -> bytes:
    try:
        file: KeptFile = env.read(path)
    except Unavailable:
        return b""
    try:
        return file.read()
    except Unavailable:
        return b""
    finally:
        file.close()


PROBE = Probe("cost", (COST,), sample, period_s=60.0)
