"""Open file handles of the system.

What: file handles that are open in the whole system, and how many may be.
Why HA: at the limit no program can open a file or a connection any more, the cluster's own neither; the node lives, and fails.
How: /proc/sys/fs/file-nr, kept open, every ten seconds. Most systems of today set no limit that can be reached. The limits of single
processes are not looked at.
Source: kernel Documentation/admin-guide/sysctl/fs.rst.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable

MOST = 1 << 53
"""What the limit is cut to: the kernel's own "no limit" does not fit into an archive."""

HANDLES = Table(
    "handles",
    metrics=(
        Metric("open", "1", Kind.GAUGE, help="open file handles"),
        Metric("most", "1", Kind.GAUGE, help="how many may be open; 2^53: practically no limit"),
    ),
)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick."""
    file = env.read("proc/sys/fs/file-nr")
    try:
        while True:
            now = env.clock.monotonic_ns()
            fields = file.read().split()
            if len(fields) < 3:
                raise Unavailable(f"{file.path}: {len(fields)} numbers instead of 3")
            allocated, unused, most = (int(field) for field in fields[:3])
            yield Batch("handles", (), now, (allocated - unused, min(most, MOST)))
            yield None
    finally:
        file.close()


PROBE = Probe("handles", (HANDLES,), sample, period_s=10.0)
