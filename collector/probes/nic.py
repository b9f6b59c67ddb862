"""Traffic, errors and drops per network interface.

What: bytes, packets, errors and drops in both directions since the interface came up.
Why HA: a heartbeat shares its interface with everything else; errors and drops on it are missed beats.
How: /proc/net/dev, kept open (it belongs to the network namespace of the collector); psutil where there is no /proc.
Source: proc(5).
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.machine import LINUX

NIC = Table(
    "nic",
    labels=("nic",),
    metrics=tuple(
        Metric(f"{way}_{what}", "B" if what == "B" else "1", Kind.COUNTER)
        for way in ("rx", "tx")
        for what in ("B", "packets", "errors", "drops")
    ),
)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and interface."""
    names = tuple(metric.name for metric in NIC.metrics)
    if not LINUX:
        while True:
            now = env.clock.monotonic_ns()
            for nic, found in sorted(env.host.nics().items()):
                yield Batch("nic", (nic,), now, (*map(found.get, names),))
            yield None
    dev = env.read("proc/net/dev")
    try:
        while True:
            now = env.clock.monotonic_ns()
            for line in dev.read().splitlines()[2:]:
                name, _, rest = line.rpartition(b":")
                fields = rest.split()
                if len(fields) < 12:
                    continue
                counts = [int(field) for field in fields]
                yield Batch("nic", (name.strip().decode(errors="replace"),), now, (*counts[0:4], *counts[8:12]))
            yield None
    finally:
        dev.close()


PROBE = Probe("nic", (NIC,), sample)
