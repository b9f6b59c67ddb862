"""What waits to be sent on each network interface.

What: packets and bytes in the kernel's queue of the interface, and packets that the queue dropped since it was set up.
Why HA: a heartbeat waits behind whatever stands in the queue before it, and is lost with the rest when the queue is full.
How: NETLINK_ROUTE once a second, the root queue of every interface (of a card with several queues their sum). An interface
without a queue, as of a container, has nothing in it. What waits inside the card itself is not seen.
Source: rtnetlink(7); kernel include/uapi/linux/rtnetlink.h and gen_stats.h.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table

BACKLOG = Table(
    "backlog",
    labels=("backlog",),
    metrics=(
        Metric("packets", "1", Kind.GAUGE, help="packets that wait to be sent"),
        Metric("waiting_B", "B", Kind.GAUGE, help="the same in bytes"),
        Metric("drops", "1", Kind.COUNTER, help="packets that the queue dropped"),
    ),
    help="the label is the interface",
)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick and interface."""
    while True:
        now = env.clock.monotonic_ns()
        for nic, told in sorted(env.host.queues().items()):
            yield Batch("backlog", (nic,), now, (told.packets, told.size_B, told.drops))
        yield None


PROBE = Probe("backlog", (BACKLOG,), sample)
