"""CPU time by state.

What: seconds spent in user, nice, system, idle, iowait, irq, softirq and steal since boot, summed over all CPUs.
Why HA: a node that is busy, or whose hypervisor steals its CPU, answers heartbeats late.
How: first line of /proc/stat, kept open; psutil where there is no /proc.
Source: proc(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.machine import LINUX

STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

CPU = Table(
    "cpu",
    labels=("cpu",),
    metrics=tuple(Metric(f"{state}_cs", "s", Kind.COUNTER, 0.01, f"time in state {state}") for state in STATES),
)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick under the label ``all``."""
    if not LINUX:
        while True:
            times = env.host.cpu_times()
            values = tuple(round(times[state] * 100) if state in times else None for state in STATES)
            yield Batch("cpu", ("all",), env.clock.monotonic_ns(), values)
            yield None
    stat = env.read("proc/stat")
    try:
        while True:
            now = env.clock.monotonic_ns()
            line = stat.read().split(b"\n", 1)[0].split()
            yield Batch("cpu", ("all",), now, tuple(int(field) for field in line[1 : 1 + len(STATES)]))
            yield None
    finally:
        stat.close()


PROBE = Probe("cpu", (CPU,), sample)
