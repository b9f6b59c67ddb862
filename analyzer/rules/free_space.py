"""Whether the file system has space and inodes left.

What: Free space as a share and in bytes, and free inodes, worst of the last hour, of every local file system that was recorded.
Why HA: A node whose log or database cannot be written fails, and its peer, filled the same way, fails next.
How: What an ordinary user may still use, read every 10 s. A limit in bytes applies where it is at most a fifth of the file
    system: 500 MB from 2.5 GB on, 4 GB from 20 GB on (design value), so a small /boot is judged by its share alone.
    Where that is too little, what went meanwhile is told, and when nothing is left if it goes on so; that judges nothing.
Source: PAL (10 % or 4 GB, 5 % or 500 MB); inodes: Prometheus node mixin (5 %, 3 %).
Fails when: less than 5 % or 500 MB is free, or less than 3 % of the inodes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import told, worst
from analyzer.lengths import about, lasted
from analyzer.words import octets, share

SPACE = Limit("free space", "ratio", 0.10, 0.05, Sense.AT_LEAST, "PAL: free disk space, 10 % and 5 %")
LARGE = Limit("free bytes, from 20 GB on", "B", 4e9, 500e6, Sense.AT_LEAST, "PAL: free disk space, 4 GB and 500 MB")
MEDIUM = Limit("free bytes, from 2.5 GB on", "B", None, 500e6, Sense.AT_LEAST, "PAL: free disk space, critical 500 MB")
INODES = Limit("free inodes", "ratio", 0.05, 0.03, Sense.AT_LEAST, "Prometheus node mixin: 5 % and 3 %")
_HOUR_S = 3600.0
_SIZES = ((20e9, LARGE), (2.5e9, MEDIUM))
"""Five times the limit."""
_FORESEEN_S = 3 * 86400.0
"""What is further away than days is no guess from an hour at most (design value)."""


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("filesystem")
    mount = context.subject.name.removeprefix(f"{context.node}/")
    title = f"File system {mount} of node {context.node}"
    # Back from the end of the run, not of the table: what was free before a record broke off says nothing of the end.
    rows = frame[frame["t_s"] >= context.duration_s - _HOUR_S] if "t_s" in frame else frame.iloc[:0]
    ratio = _ratio(rows, "free_KiB", "size_KiB")
    if ratio.empty:
        yield Judgement(
            Status.SKIPPED,
            f"{title}: none of {len(rows)} readings in the last hour of the run tells its free space.",
            remedy=f"Look with `df {mount}` on {context.node}.",
        )
        return
    size = float(rows["size_KiB"].max()) * 1024.0
    free, least = float(rows.loc[ratio.index, "free_KiB"].min()) * 1024.0, float(ratio.min())
    relative, absolute = context.limit(SPACE.name), next((limit for from_B, limit in _SIZES if size >= from_B), None)
    statuses = [relative.judge(least)]
    if absolute is not None:
        absolute = context.limit(absolute.name)
        statuses.append(absolute.judge(free))
    evidence = [Evidence("free", least, "ratio", relative), Evidence("free", free, "B", absolute)]
    message = f"{title}: {share(least)} free ({octets(free)} of {octets(size)})"
    nodes, inodes = "", _ratio(rows, "inodes_free", "inodes")
    if len(inodes):
        limit, left = context.limit(INODES.name), float(inodes.min())
        statuses.append(limit.judge(left))
        evidence.append(Evidence("free inodes", left, "ratio", limit))
        # Behind how long the space lasts, which is more urgent.
        nodes = f" Of its inodes {share(left)} are free."
    status = worst(statuses)
    when = "the run's last hour" if context.duration_s > _HOUR_S else "the run"
    yield Judgement(
        status,
        f"{message}, the least of {when}.{'' if status is Status.PASS else _going(rows.loc[ratio.index])}{nodes}",
        (*evidence, Evidence("readings", float(len(ratio)), "1")),
        ""
        if status is Status.PASS
        else f"Find what fills {mount} on {context.node}; clear it or enlarge the file system.",
    )


def _going(rows: pd.DataFrame) -> str:
    """What went, and when nothing is left if that goes on; empty: nothing went."""
    left = rows["free_KiB"].to_numpy(dtype=np.float64) * 1024.0
    seen_s = float(rows["t_s"].iloc[-1] - rows["t_s"].iloc[0])
    went = float(left[0] - left[-1])
    if went <= 0.0 or seen_s <= 0.0:
        return ""
    text = f" {octets(went)} went in {lasted(seen_s)}"
    lasts_s = float(left[-1]) * seen_s / went
    if lasts_s > _FORESEEN_S:
        return f"{text}."
    # Less than an hour is what the rule space-forecast does not judge by.
    unsure = " (a guess: seen for less than an hour)" if seen_s < 0.95 * _HOUR_S else ""
    return f"{text}: at this rate full in about {about(lasts_s)}{unsure}."


def _ratio(rows: pd.DataFrame, part: str, whole: str) -> pd.Series[float]:
    """Part by whole where both make sense; a file system without inodes tells none, or zero."""
    if not told(rows, part, whole):
        return pd.Series(dtype=float)
    ratio = rows[part] / rows[whole].where(rows[whole] > 0)
    return ratio[ratio.between(0.0, 1.0)]


RULE = Rule(
    "free-space", "Free space", Area.HOST, Scope.DEVICE, ("filesystem",), (SPACE, LARGE, MEDIUM, INODES), _check
)
