"""TCP segments sent, sent again and given up waiting for, of the whole machine.

What: segments sent, retransmitted and sent with RST, and expired retransmission timers since boot.
Why HA: heartbeats and replication over TCP live on the machine's own connections: retransmissions there are losses that
no probe of ours sent, and a timer that expired is a pause of 200 ms and more.
How: /proc/net/snmp and /proc/net/netstat, kept open (they belong to the network namespace of the collector). All
connections of the machine are in it, not those between the nodes alone.
Source: RFC 4022 (tcpOutSegs, tcpRetransSegs, tcpOutRsts); kernel Documentation/networking/snmp_counter.rst (TcpTimeouts).
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.contract import Batch, Env, Facts, Kind, Metric, Probe, Table
from collector.errors import Unavailable
from collector.machine import KeptFile

TCP = Table(
    "tcp",
    metrics=(
        Metric("out_segments", "1", Kind.COUNTER, help="segments sent, without those sent again"),
        Metric("retransmitted", "1", Kind.COUNTER, help="segments sent again"),
        Metric("timeouts", "1", Kind.COUNTER, help="expired retransmission timers; null: not told"),
        Metric("resets_out", "1", Kind.COUNTER, help="segments sent with RST"),
    ),
)


def sample(env: Env) -> Iterator[Batch | Facts | None]:
    """One row a tick; what the kernel does not tell is null."""
    snmp = env.read("proc/net/snmp")
    netstat: KeptFile | None = None
    try:
        try:
            netstat = env.read("proc/net/netstat")
        except Unavailable:
            netstat = None
        while True:
            now = env.clock.monotonic_ns()
            sent, again, resets = counts(snmp.read(), b"Tcp:", (b"OutSegs", b"RetransSegs", b"OutRsts"))
            (timeouts,) = counts(netstat.read() if netstat else b"", b"TcpExt:", (b"TCPTimeouts",))
            yield Batch("tcp", (), now, (sent, again, timeouts, resets))
            yield None
    finally:
        snmp.close()
        if netstat:
            netstat.close()


def counts(text: bytes, group: bytes, names: tuple[bytes, ...]) -> tuple[int | None, ...]:
    """Values of `names` in the pair of lines that begin with `group`: names first, then values."""
    lines = [line.split() for line in text.splitlines() if line.startswith(group + b" ")]
    told = dict(zip(*lines[:2], strict=False)) if len(lines) > 1 else {}
    return (*(int(told[name]) if name in told else None for name in names),)


PROBE = Probe("tcp", (TCP,), sample)
