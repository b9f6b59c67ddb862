"""Whether the node's archive holds the whole run.

What: Damage, holes, whether the archive was closed in order, and probes that failed or gave up.
Why HA: What was not recorded cannot be judged; a node that lost its collector may have lost more than that.
How: Checksums and spans of the archive's segments, and the outcome that the collector kept for each probe.
Source: design value (a hole of up to 10 s is what a hard stop may cost).
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import ARCHIVE, Context, Judgement, Rule
from collector.contract import State

GAPS = Limit("gaps", "s", 10.0, None, Sense.AT_MOST, "design value")


def _check(context: Context) -> Iterator[Judgement]:
    archive = context.archive
    limit = context.limit(GAPS.name)
    # Paths and their bandwidth tests have rules of their own, and a path that waited for its peer at the start is no trouble.
    probes = [item for item in archive.outcomes if not item.probe.startswith(("path ", "bandwidth ", "echo "))]
    failed = [item for item in probes if item.state in (State.ERROR, State.TIMEOUT)]
    stopped = [item for item in probes if item.gave_up and item not in failed]
    absent = [item for item in probes if item.state == State.SKIPPED and not item.gave_up]
    troubles = []
    if archive.damage:
        more = f" and {len(archive.damage) - 1} more" if len(archive.damage) > 1 else ""
        troubles.append(f"the archive is damaged ({archive.damage[0]}{more})")
    if not archive.sealed:
        troubles.append("the archive was not closed in order")
    if limit.judge(archive.gaps_s) is not Status.PASS:
        troubles.append(f"{archive.gaps_s:.0f} s of the run are missing")
    if archive.restarts:
        troubles.append(f"processes of the collector had to be started again {archive.restarts} times")
    if archive.dropped:
        troubles.append(f"{archive.dropped} messages of its processes were lost")
    if failed:
        names = ", ".join(f"{item.probe} ({item.reason or item.state})" for item in failed)
        troubles.append(f"probes failed: {names}")
    if stopped:
        names = ", ".join(f"{item.probe} ({item.reason})" if item.reason else item.probe for item in stopped)
        troubles.append(f"probes worked and then could not any more: {names}")
    evidence = (
        Evidence("missing from the record", archive.gaps_s, "s", limit),
        Evidence("probes that failed", float(len(failed)), "1"),
        Evidence("probes that are not available here", float(len(absent)), "1"),
    )
    if troubles:
        yield Judgement(
            Status.WARN,
            f"The record of node {archive.name} is not whole: {'; '.join(troubles)}.",
            evidence,
            f"Copy the archive of {archive.name} again, or find out why its collector stopped, and repeat the run.",
        )
    else:
        yield Judgement(Status.PASS, f"The record of node {archive.name} is whole.", evidence)
    if absent:
        names = ", ".join(f"{item.probe} ({item.reason})" for item in absent)
        yield Judgement(Status.INFO, f"Not available on node {archive.name}: {names}.")


RULE = Rule("node-coverage", "Record of the node", Area.DATA, Scope.NODE, (ARCHIVE,), (GAPS,), _check)
