"""Whether the kernel can keep what it has promised to programs.

What: Memory that programs were promised (Committed_AS) as a share of the limit (CommitLimit), in the worst minute.
Why HA: Where the kernel holds to the limit, a program that asks beyond it is refused: a database or a cluster process then ends by itself.
How: /proc/meminfo and vm.overcommit_memory. Only with setting 2 does Linux hold to the limit; with 0 and 1 it promises more on purpose, and the
    share is told and not judged: what runs short there is judged by "memory" and "swap".
Source: PAL: committed bytes above 80 % and 90 %.
Fails when: above 90 % in three minutes at least, with vm.overcommit_memory = 2.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.host import MINUTES, judged, minute_means, told, too_short
from analyzer.netfacts import whole
from analyzer.words import share

COMMITTED = Limit("committed memory", "ratio", 0.80, 0.90, Sense.AT_MOST, "PAL: committed bytes, 80 % and 90 %")
_STRICT = 2


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("memory")
    if not told(frame, "t_s", "committed_KiB", "commit_limit_KiB"):
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell how much memory it has promised.",
            remedy=f"Compare Committed_AS with CommitLimit in /proc/meminfo of {context.node}.",
        )
        return
    most = frame["commit_limit_KiB"].where(frame["commit_limit_KiB"] > 0)
    promised = frame["committed_KiB"].where(frame["committed_KiB"] >= 0)
    ratio = minute_means(frame["t_s"], promised) / minute_means(frame["t_s"], most.where(promised.notna()))
    ratio = ratio.dropna()
    if len(ratio) < MINUTES:
        yield too_short(f"Memory promised by node {context.node}", len(ratio))
        return
    limit = context.limit(COMMITTED.name)
    found = judged(limit, ratio)
    text = f"Node {context.node} promised its programs up to {share(found.value)} of its commit limit"
    setting = whole(context.facts.get("overcommit"), 0, _STRICT)
    if setting != _STRICT:
        why = "is not told" if setting is None else f"is {setting}: the kernel does not hold to the limit"
        yield Judgement(
            Status.PASS if limit.judge(found.value) is Status.PASS else Status.INFO,
            f"{text}; vm.overcommit_memory {why}.",
            (Evidence("committed of the limit, worst minute", found.value, "ratio"),),
        )
        return
    yield Judgement(
        found.status,
        f"{text}, to which its kernel holds (vm.overcommit_memory is 2).",
        (Evidence("committed of the limit, worst minute", found.value, "ratio", limit),),
        ""
        if found.status is Status.PASS
        else f"Give node {context.node} more memory or swap, raise vm.overcommit_ratio, or find what reserves it.",
        (f"memory:{context.node}",),
    )


RULE = Rule(
    "commit-charge",
    "Promised memory",
    Area.HOST,
    Scope.NODE,
    ("memory", FACTS),
    (COMMITTED,),
    _check,
    effort=Effort.RESOURCES,
)
