"""Whether the system has file handles left.

What: Open file handles of the whole system against its limit, in the worst minute.
Why HA: At the limit nothing can open a file or accept a connection any more: a node that answers its heartbeat and serves nobody.
How: /proc/sys/fs/file-nr every ten seconds; a minute counts with three readings. The limits of single processes (ulimit) are not
    looked at. Most systems of today have no system limit that can be reached; then only their own processes' limits matter.
Source: Prometheus node mixin (70 % and 90 %); PCP (90 %).
Fails when: more than 90 % are open, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, judged, minute_means, told, too_short
from analyzer.words import count, share

OPEN = Limit("open file handles", "ratio", 0.70, 0.90, Sense.AT_MOST, "Prometheus node mixin: 70 % and 90 %; PCP: 90 %")
_READINGS = 3


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("handles")
    if not told(frame, "t_s", "open", "most"):
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell its open file handles.",
            remedy=f"Look with `cat /proc/sys/fs/file-nr` on {context.node} in its busy hour.",
        )
        return
    most = frame["most"].where(frame["most"] > 0)
    taken = frame["open"].where(frame["open"] >= 0)
    ratio = minute_means(frame["t_s"], taken, _READINGS) / minute_means(
        frame["t_s"], most.where(taken.notna()), _READINGS
    )
    ratio = ratio.dropna()
    if len(ratio) < MINUTES:
        yield too_short(f"The file handles of node {context.node}", len(ratio))
        return
    limit = context.limit(OPEN.name)
    found = judged(limit, ratio)
    yield Judgement(
        found.status,
        f"Node {context.node}: up to {count(int(taken.max()))} file handles were open, {share(found.value)} of what the system allows.",
        (
            Evidence("open, worst minute", found.value, "ratio", limit),
            Evidence("open file handles, most", float(taken.max()), "1"),
            Evidence("minutes", float(len(ratio)), "1"),
        ),
        ""
        if found.status is Status.PASS
        else f"Find what holds them on {context.node} (`lsof`), or raise fs.file-max.",
    )


RULE = Rule("handles", "File handles", Area.HOST, Scope.NODE, ("handles",), (OPEN,), _check, effort=Effort.SETTING)
