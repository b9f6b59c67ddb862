"""Whether small writes reach the disk fast enough.

What: 99 % quantile and maximum of the time of a 4 KiB write with fdatasync, once a second, per data folder.
Why HA: Consensus stores (etcd, and what stands on it) answer only when their log is on the disk; a slow commit costs elections.
How: Table commit. Writes that failed are counted and warned of. The limits are those of consensus stores, so they fail a node only
    where the plan names its `data` and a product that waits for the disk. Without such a product they warn; where the plan names no
    `data` the archive's own folder was timed, and what its disk does is information.
Source: etcd and OpenShift (99 % within 10 ms, newer text 20 ms; slowest 500 ms).
Fails when: more than 1 % of the writes take over 20 ms, in a folder of the plan, and a planned product waits for the disk.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.commits import LEAST, timed_s
from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Custom, Judgement, Rule
from analyzer.host import LONGER, told, worst
from analyzer.remedies import slow_commits
from analyzer.words import seconds

P99 = Limit("commit, 99 %", "s", 0.010, 0.020, Sense.AT_MOST, "etcd/OpenShift: 10 ms, newer text 20 ms")
SLOWEST = Limit("slowest commit", "s", 0.5, None, Sense.AT_MOST, "etcd: slowest 500 ms")


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("commit")
    folder = context.subject.name.removeprefix(f"{context.node}/")
    where = f"Folder {folder} of node {context.node}"
    took_s = timed_s(frame)
    failed = int((frame["error"] > 0).sum()) if told(frame, "error") else 0
    planned = folder in context.plan.node(context.node).data
    if failed:
        yield Judgement(
            Status.WARN,
            f"{where}: {failed} writes failed.",
            (Evidence("writes that failed", float(failed), "1"),),
            f"See the system log of {context.node}; is the file system full or read-only?",
        )
    if len(took_s) < LEAST:
        yield Judgement(
            Status.SKIPPED if planned else Status.INFO,
            f"{where}: only {len(took_s)} writes were timed, {LEAST} are needed.",
            remedy=LONGER,
        )
        return
    p99, slowest = context.limit(P99.name), context.limit(SLOWEST.name)
    p99_s, most_s = float(np.quantile(took_s, 0.99, method="higher")), float(took_s.max())
    status = worst((p99.judge(p99_s), slowest.judge(most_s)))
    told_of = (
        f"{where}: 99 % of all small writes are on the disk within {seconds(p99_s)}, the slowest took {seconds(most_s)}"
    )
    if not planned:
        status = Status.INFO
        told_of += "; the plan names no `data` for this node, so whether the product will write here is unknown"
    elif status is Status.FAIL and Custom.COMMITS not in context.customs:
        status = Status.WARN
        told_of += "; no planned product is known to wait for that"
    remedy = slow_commits(context.node, folder)
    if status is Status.INFO:
        remedy = f"If the product commits to this disk, name its folder as `data` of {context.node} in plan.toml and repeat the run."
    yield Judgement(
        status,
        f"{told_of}.",
        (
            Evidence(p99.name, p99_s, "s", p99),
            Evidence(slowest.name, most_s, "s", slowest),
            Evidence("writes", float(len(took_s)), "1"),
        ),
        "" if status is Status.PASS else remedy,
        (f"commit:{context.node}",),
    )


RULE = Rule("commit-latency", "Commit latency", Area.HOST, Scope.DEVICE, ("commit",), (P99, SLOWEST), _check)
