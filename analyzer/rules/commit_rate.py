"""Whether small writes that follow each other get onto the disk fast enough.

What: How many 4 KiB writes with fdatasync fit into a second one after another, by the mean time of one, per data folder.
Why HA: The log of a consensus store is written so: each entry waits for the one before it. What does not fit waits, and elections follow.
How: Table commit: one write a second is timed, and their mean says how many would follow each other. It is no load test: a disk
    that sleeps between two writes is judged too low, one that slows down under load too high. Judged where the plan names the folder as
    `data` and a planned product waits for the disk; told elsewhere.
Source: OpenShift's advice for etcd: 500 sequential writes/s (2 ms each); 50/s (20 ms each) at least.
Fails when: less than 50 would fit into a second, in a folder of the plan, and a planned product waits for the disk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from analyzer.commits import LEAST, timed_s
from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Custom, Judgement, Rule
from analyzer.host import LONGER
from analyzer.remedies import slow_commits
from analyzer.words import quantity, seconds

RATE = Limit(
    "small writes one after another",
    "1/s",
    500.0,
    50.0,
    Sense.AT_LEAST,
    "OpenShift for etcd: 500/s (2 ms), 50/s (20 ms)",
)


def _check(context: Context) -> Iterator[Judgement]:
    took_s = timed_s(context.table("commit"))
    folder = context.subject.name.removeprefix(f"{context.node}/")
    where = f"Folder {folder} of node {context.node}"
    wanted = folder in context.plan.node(context.node).data and Custom.COMMITS in context.customs
    if len(took_s) < LEAST:
        yield Judgement(
            Status.SKIPPED if wanted else Status.INFO,
            f"{where}: only {len(took_s)} writes were timed, {LEAST} are needed.",
            remedy=LONGER,
        )
        return
    limit = context.limit(RATE.name)
    # Exactly added: what lies at a limit passes.
    mean_s = math.fsum(took_s) / len(took_s)
    rate = 1.0 / mean_s if mean_s else None
    text = f"{where}: a small write takes {seconds(mean_s)} on average"
    text += "" if rate is None else f", so {quantity(rate, '1/s')} one after another"
    evidence = (Evidence(limit.name, rate, "1/s", limit), Evidence("writes", float(len(took_s)), "1"))
    if not wanted or rate is None:
        yield Judgement(Status.INFO, f"{text}; no planned product is known to wait for that here.", evidence)
        return
    status = limit.judge(rate)
    yield Judgement(
        status,
        f"{text}.",
        evidence,
        "" if status is Status.PASS else slow_commits(context.node, folder),
        (f"commit:{context.node}",),
    )


RULE = Rule(
    "commit-rate",
    "Small writes in a row",
    Area.HOST,
    Scope.DEVICE,
    ("commit",),
    (RATE,),
    _check,
    effort=Effort.RESOURCES,
)
