"""Whether there is enough CPU left on the node.

What: 95 % quantile of the one-minute means of the busy share of all CPUs.
Why HA: A node that is busy answers heartbeats late and takes over slowly.
How: Counters of /proc/stat; idle and waiting for I/O are not busy, stolen time is. A minute counts with 30 s of data.
Source: PAL (Performance Analysis of Logs): warning above 50 %, critical above 80 %.
Fails when: more than 80 % busy, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, cpu_shares, judged, too_short
from analyzer.words import share

BUSY = Limit("CPU busy", "ratio", 0.5, 0.8, Sense.AT_MOST, "PAL: total processor time, warning 50 %, critical 80 %")


def _check(context: Context) -> Iterator[Judgement]:
    shares = cpu_shares(context.table("cpu"), minutes=True)
    if len(shares) < MINUTES:
        yield too_short(f"The CPU of node {context.node}", len(shares))
        return
    limit = context.limit(BUSY.name)
    busy = shares["busy"]
    found = judged(limit, busy, 0.95)
    above = f" ({found.beyond} of {len(busy)} minutes above {share(limit.fail or 1.0)})" if found.beyond else ""
    yield Judgement(
        found.status,
        f"Node {context.node}: the busiest 5 % of all minutes had {share(found.value)} CPU busy or more{above}.",
        (
            Evidence("busy, 95 % of all minutes", found.value, "ratio", limit),
            Evidence("busiest minute", float(busy.max()), "ratio"),
            Evidence("minutes", float(len(busy)), "1"),
        ),
        "" if found.status is Status.PASS else f"Give node {context.node} more CPU, or move work away from it.",
        (f"cpu:{context.node}",),
    )


RULE = Rule("cpu-busy", "CPU", Area.HOST, Scope.NODE, ("cpu",), (BUSY,), _check, effort=Effort.RESOURCES)
