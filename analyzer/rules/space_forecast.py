"""When the file system will be full if it goes on like this.

What: The straight line through the free space of the run's last six hours, and when it reaches nothing.
Why HA: A cluster whose log has no room stops; a disk that fills during the night before the installation looks empty in the afternoon.
How: Least squares through the readings of every ten seconds; an hour at least has to be measured, or nothing is forecast (it is told, not judged).
    A forecast matters only where less than 40 % is free (20 % to fail): a large file that is just being written is no trend.
Source: Prometheus node mixin: full within 24 h and less than 40 % free, within 4 h and less than 20 % free.
Fails when: full within 4 h and less than 20 % free.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import told
from analyzer.lengths import lasted
from analyzer.words import octets, share

_MIXIN = "Prometheus node mixin"
FULL = Limit("time until full", "s", 24 * 3600.0, 4 * 3600.0, Sense.AT_LEAST, f"{_MIXIN}: 24 h and 4 h")
FREE = Limit(
    "free space below which it matters", "ratio", 0.40, 0.20, Sense.AT_LEAST, f"{_MIXIN}: less than 40 % and 20 % free"
)
_LOOKED_S, _LEAST_S = 6 * 3600.0, 3600.0
"""The mixin looks at six hours; below one nothing is forecast (design value)."""
_SEVERITY = (Status.PASS, Status.WARN, Status.FAIL)

_YEAR_S, _GUESSED_S = 365 * 86400.0, 3 * 86400.0
"""From less than an hour nothing further away than days is guessed (design value)."""


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("filesystem")
    mount = context.subject.name.removeprefix(f"{context.node}/")
    title = f"File system {mount} of node {context.node}"
    rows = frame[frame["t_s"] >= context.duration_s - _LOOKED_S] if "t_s" in frame else frame.iloc[:0]
    rows = (
        rows[rows["free_KiB"].between(0, rows["size_KiB"])]
        if told(rows, "free_KiB", "size_KiB", "t_s")
        else rows.iloc[:0]
    )
    t_s = rows["t_s"].to_numpy(dtype=np.float64) if len(rows) else np.zeros(0)
    seen_s = float(np.ptp(t_s)) if len(t_s) else 0.0
    left = rows["free_KiB"].to_numpy(dtype=np.float64) * 1024.0
    if seen_s < _LEAST_S:
        went = float(left[0] - left[-1]) if len(left) else 0.0
        so_far = f", in which {octets(went)} of {octets(float(left[0]))} went" if went > 0 else ""
        # The figure ranks file systems in the report: the one that empties soonest is told first.
        lasts_s = left[-1] * seen_s / went if went > 0 else None
        yield Judgement(
            Status.INFO,
            f"{title}: its free space was read for {lasted(seen_s)}{so_far}; less than an hour is too short for a judgement.",
            ()
            if lasts_s is None or lasts_s > _GUESSED_S
            else (Evidence("time until full at the rate seen, no forecast", lasts_s, "s", context.limit(FULL.name)),),
        )
        return
    share_free = float(left[-1] / (float(rows["size_KiB"].iloc[-1]) * 1024.0))
    slope = float(np.polyfit(t_s - t_s[0], left, 1)[0])
    full, free = context.limit(FULL.name), context.limit(FREE.name)
    lasts_s = left[-1] / -slope if slope < 0.0 else None
    status = Status.PASS
    if lasts_s is not None:
        # Both have to be bad: the milder one decides.
        status = min(full.judge(lasts_s), free.judge(share_free), key=_SEVERITY.index)
    when = "it does not fill" if lasts_s is None else _when(float(lasts_s))
    yield Judgement(
        status,
        f"{title}: {share(share_free)} free, {when}.",
        (
            Evidence("time until full", None if lasts_s is None else float(lasts_s), "s", full),
            Evidence("free at the end", share_free, "ratio", free),
            Evidence("change of the free space", slope, "B/s"),
        ),
        ""
        if status is Status.PASS
        else f"Find what fills {mount} on {context.node}; clear it or enlarge the file system.",
    )


def _when(lasts_s: float) -> str:
    """Days and years are a guess from hours: they get no more digits than that."""
    if lasts_s > _YEAR_S:
        return "full in more than a year if it goes on so"
    return f"full in {lasted(lasts_s)} if it goes on so"


RULE = Rule("space-forecast", "Space in a day", Area.HOST, Scope.DEVICE, ("filesystem",), (FULL, FREE), _check)
