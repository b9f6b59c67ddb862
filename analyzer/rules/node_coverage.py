"""Whether the node's archive holds the whole run.

What: Damage, holes, whether the archive was closed in order, probes that failed or gave up, and whether the record is long enough.
Why HA: What was not recorded cannot be judged; a node that lost its collector may have lost more than that. Of a system in use
    only a day shows its busy hour and its nightly backup.
How: Checksums and spans of the archive's segments, and the outcome that the collector kept for each probe. A system counts as in
    use where the plan's `in_use` of the node says so or says nothing, and as new in a demonstration.
Source: NF: at least 15 min on new systems, 24 h on systems in use, less 5 %. Holes: design value (up to 10 s is what a hard stop
    may cost).
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import OF_PATHS, Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import ARCHIVE, SUFFICIENT_IN_USE_S, SUFFICIENT_S, Context, Judgement, Rule
from analyzer.words import span
from collector.contract import State

GAPS = Limit("gaps", "s", 10.0, None, Sense.AT_MOST, "design value")
_NF = "NF: at least 15 min on new systems, 24 h on systems in use, less 5 % to start and stop"
LENGTH = Limit("length of the record", "s", SUFFICIENT_S, None, Sense.AT_LEAST, _NF)
IN_USE = Limit("length of the record of a system in use", "s", SUFFICIENT_IN_USE_S, None, Sense.AT_LEAST, _NF)


def _check(context: Context) -> Iterator[Judgement]:
    archive = context.archive
    limit = context.limit(GAPS.name)
    # What is about a path has rules of its own, and a path that waited for its peer at the start is no trouble.
    probes = [item for item in archive.outcomes if not item.probe.startswith(OF_PATHS)]
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
    yield from _length(context)
    if absent:
        names = ", ".join(f"{item.probe} ({item.reason})" for item in absent)
        yield Judgement(Status.INFO, f"Not available on node {archive.name}: {names}.")


def _length(context: Context) -> Iterator[Judgement]:
    """A word only if the record is too short: how long it is stands with the node."""
    archive, used = context.archive, context.plan.in_use(context.node)
    limit = context.limit((IN_USE if used else LENGTH).name)
    recorded_s = max(0.0, archive.duration_s - archive.gaps_s)
    if limit.judge(recorded_s) is Status.PASS:
        return
    wanted = (
        "a system in use needs 24 h, or its busy hour and its nightly jobs are not in it"
        if used
        else "15 min are needed"
    )
    yield Judgement(
        Status.WARN,
        f"Node {archive.name} was recorded for {span(recorded_s)} only; {wanted}.",
        (Evidence(limit.name, recorded_s, "s", limit),),
        "Run the collectors of all nodes at the same time for 24 h. Where a node serves nobody yet, write `in_use = false` for it in plan.toml "
        "and repeat the run."
        if used
        else "Run the collectors of all nodes at the same time for at least 15 min.",
    )


RULE = Rule(
    "node-coverage",
    "Record of the node",
    Area.DATA,
    Scope.NODE,
    (ARCHIVE,),
    (GAPS, LENGTH, IN_USE),
    _check,
    effort=Effort.RUN,
)
