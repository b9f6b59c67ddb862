"""CPU time by state, and load.

What: time spent in user, nice, system, idle, iowait, irq, softirq and steal since boot, of each logical CPU and summed
over all; tasks running and blocked, load average and context switches.
Why HA: a node that is busy, or whose hypervisor steals its CPU, answers heartbeats late; one single full core does the
same to what is bound to it, and blocked tasks wait for a disk.
How: /proc/stat and /proc/loadavg, kept open; both tables come from one read, which is dear on machines with many CPUs.
psutil where there is no /proc.
Source: proc(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.machine import LINUX, KeptFile

STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_UNTOLD: tuple[int | None, ...] = (None,) * len(STATES)

CPU = Table(
    "cpu",
    labels=("cpu",),
    metrics=tuple(Metric(f"{state}_cs", "s", Kind.COUNTER, 0.01, f"time in state {state}") for state in STATES),
    help="label all: summed over all CPUs; else the kernel's number of one CPU that is on line",
)
LOAD = Table(
    "load",
    metrics=(
        Metric("running", "1", Kind.GAUGE, help="tasks running or waiting for a CPU"),
        Metric("blocked", "1", Kind.GAUGE, help="tasks waiting for a disk"),
        Metric("load1_c", "1", Kind.GAUGE, 0.01, "load average over one minute"),
        Metric("switches", "1", Kind.COUNTER, help="context switches"),
    ),
)
_LOAD_LINES = (b"procs_running", b"procs_blocked", b"ctxt")


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """A row a tick under the label ``all``, one per CPU, and one of the load."""
    if not LINUX:
        while True:
            yield from _told(env)
            yield None
    stat = env.read("proc/stat")
    loadavg = _maybe(env, "proc/loadavg")
    try:
        while True:
            now = env.clock.monotonic_ns()
            load = dict.fromkeys(_LOAD_LINES, -1)
            for line in stat.read().splitlines():
                if line.startswith(b"cpu"):
                    fields = line.split()
                    # Not tuple(): of an iterator it cuts a longer one down, and CPython keeps 2000 of those by length (0.2 MiB each).
                    times = (*map(int, fields[1 : 1 + len(STATES)]),)
                    label = fields[0][3:].decode("ascii", "replace") or "all"
                    yield Batch("cpu", (label,), now, times + _UNTOLD[len(times) :])
                else:
                    name, _, rest = line.partition(b" ")
                    if name in load and rest:
                        load[name] = int(rest)
            running, blocked, switches = (None if value < 0 else value for value in load.values())
            yield Batch("load", (), now, (running, blocked, _load1(loadavg), switches))
            yield None
    finally:
        stat.close()
        if loadavg:
            loadavg.close()


def _told(env: Env) -> Iterator[Batch]:
    now = env.clock.monotonic_ns()
    cores = {str(number): times for number, times in enumerate(env.host.cores())}
    for label, times in ({"all": env.host.cpu_times()} | cores).items():
        values = tuple(round(times[state] * 100) if state in times else None for state in STATES)
        yield Batch("cpu", (label,), now, values)
    load = env.host.load()
    load1 = load.get("load1")
    switches = load.get("switches")
    values = (None, None, None if load1 is None else round(load1 * 100), None if switches is None else int(switches))
    yield Batch("load", (), now, values)


def _maybe(env: Env, path: str) -> KeptFile | None:
    try:
        return env.read(path)
    except Unavailable:
        return None


def _load1(loadavg: KeptFile | None) -> int | None:
    fields = loadavg.read().split(b" ", 1) if loadavg else []
    return round(float(fields[0]) * 100) if fields and fields[0] else None


PROBE = Probe("cpu", (CPU, LOAD), sample)
