"""Whether the node has memory to spare.

What: Available memory in the worst minute, as a share of all and in bytes; swap in use; what is committed is told beside it.
Why HA: A node without memory swaps, stalls for seconds, or has its cluster process killed.
How: MemAvailable, SwapTotal and SwapFree of /proc/meminfo, means of one minute. Commitment has no verdict: Linux does not hold
    to its limit unless told to. A full swap beside spare memory holds what nobody misses, and only warns (design value).
Source: PAL (available below 10 % and 5 % or 64 MB; page file above 70 % and 90 %); PCP (swap less than 10 % free).
Fails when: less than 5 % or 64 MB available, or swap above 90 % with less than 10 % available, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, judged, minute_means, told, too_short, worst
from analyzer.words import share

AVAILABLE = Limit("memory available", "ratio", 0.10, 0.05, Sense.AT_LEAST, "PAL: available memory, 10 % and 5 %")
LEFT = Limit("memory available, in bytes", "B", None, 64e6, Sense.AT_LEAST, "PAL: available memory, critical 64 MB")
SWAP = Limit("swap used", "ratio", 0.7, 0.9, Sense.AT_MOST, "PAL: page file use, 70 % and 90 %; PCP: free swap 10 %")


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("memory")
    if not told(frame, "t_s", "total_KiB", "available_KiB"):
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell how much memory is available.",
            remedy="Watch its available memory with the system's own tools for a day.",
        )
        return
    total = frame["total_KiB"].where(frame["total_KiB"] > 0)
    free = frame["available_KiB"].where(frame["available_KiB"].between(0, total))
    left = minute_means(frame["t_s"], free * 1024.0)
    # Divided last: means of whole numbers are exact, and what lies at a limit passes.
    ratio = left / minute_means(frame["t_s"], total.where(free.notna()) * 1024.0)
    if len(ratio) < MINUTES:
        yield too_short(f"The memory of node {context.node}", len(ratio))
        return
    relative, absolute = judged(context.limit(AVAILABLE.name), ratio), judged(context.limit(LEFT.name), left)
    status = worst((relative.status, absolute.status))
    yield Judgement(
        status,
        f"Node {context.node}: at least {share(relative.value)} of its memory was available in every minute.",
        (
            Evidence("available, worst minute", relative.value, "ratio", context.limit(AVAILABLE.name)),
            Evidence("available, worst minute", absolute.value, "B", context.limit(LEFT.name)),
            Evidence("committed of the limit, highest", _committed(frame), "ratio"),
        ),
        "" if status is Status.PASS else f"Give node {context.node} more memory, or find what takes it.",
        (f"memory:{context.node}",),
    )
    if not told(frame, "swap_total_KiB", "swap_free_KiB"):
        return
    swap = frame["swap_total_KiB"].where(frame["swap_total_KiB"] > 0)
    taken = swap - frame["swap_free_KiB"].where(frame["swap_free_KiB"].between(0, swap))
    used = minute_means(frame["t_s"], taken) / minute_means(frame["t_s"], swap.where(taken.notna()))
    if len(used):
        yield _swap(context, used, spare=relative.status is Status.PASS)


def _swap(context: Context, used: pd.Series[float], *, spare: bool) -> Judgement:
    limit = context.limit(SWAP.name)
    found = judged(limit, used)
    status = Status.WARN if found.status is Status.FAIL and spare else found.status
    return Judgement(
        status,
        f"Node {context.node}: its swap was "
        + (f"used up to {share(found.value)}" if found.value else "not used")
        + (" while memory was to spare." if spare else " while memory was short."),
        (Evidence("swap used, worst minute", found.value, "ratio", limit),),
        ""
        if status is Status.PASS
        else f"Find what was swapped out on {context.node}; give it more memory if it is needed.",
        (f"memory:{context.node}",),
    )


def _committed(frame: pd.DataFrame) -> float | None:
    if not told(frame, "committed_KiB", "commit_limit_KiB"):
        return None
    ratio = frame["committed_KiB"] / frame["commit_limit_KiB"].where(frame["commit_limit_KiB"] > 0)
    return float(ratio.max()) if ratio.notna().any() else None


RULE = Rule(
    "memory", "Memory", Area.HOST, Scope.NODE, ("memory",), (AVAILABLE, LEFT, SWAP), _check, effort=Effort.RESOURCES
)
