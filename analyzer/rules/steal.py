"""Whether the hypervisor takes the CPU away from the node.

What: 95 % quantile of the one-minute means of stolen CPU time; time spent waiting for I/O is told beside it.
Why HA: A virtual machine that is not run answers no heartbeat, whatever its own load; it fails over for its neighbours.
How: Counters of /proc/stat; a minute counts with 30 s of data. Waiting for I/O has no limit of its own: see disk-latency.
Source: design values (5 % and 10 %).
Fails when: more than 10 % stolen, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, cpu_shares, judged, too_short
from analyzer.words import share

STEAL = Limit("CPU stolen", "ratio", 0.05, 0.10, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    shares = cpu_shares(context.table("cpu"), minutes=True)
    if len(shares) < MINUTES:
        yield too_short(f"The CPU of node {context.node}", len(shares))
        return
    if "steal" not in shares:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell how much CPU its hypervisor takes.",
            remedy=f"If {context.node} is a virtual machine, look up its CPU ready time on the hypervisor.",
        )
        return
    limit = context.limit(STEAL.name)
    found = judged(limit, shares["steal"], 0.95)
    waiting = float(np.quantile(shares["iowait"], 0.95, method="higher")) if "iowait" in shares else None
    waited = "" if waiting is None else f"; {share(waiting)} or more went by waiting for I/O"
    fine = found.status is Status.PASS
    yield Judgement(
        found.status,
        f"Node {context.node}: in the worst 5 % of all minutes {share(found.value)} of the CPU time or more was "
        f"stolen{waited}."
        if found.value
        else f"Node {context.node}: in 95 % of all minutes or more no CPU time was stolen{waited}.",
        (
            Evidence("stolen, 95 % of all minutes", found.value, "ratio", limit),
            Evidence("stolen, worst minute", float(shares["steal"].max()), "ratio"),
            Evidence("waiting for I/O, 95 % of all minutes", waiting, "ratio"),
            Evidence("minutes", float(len(shares)), "1"),
        ),
        "" if fine else f"Reserve CPU for {context.node} on its hypervisor, or move other machines off that host.",
        () if fine else (f"steal:{context.node}",),
    )


RULE = Rule("steal", "Stolen CPU", Area.HOST, Scope.NODE, ("cpu",), (STEAL,), _check, effort=Effort.SETTING)
