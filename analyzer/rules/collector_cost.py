"""Whether the collector itself loaded the node.

What: CPU time of all processes of the collector as a share of one CPU, mean of the run, and the most memory (PSS) that they took.
Why HA: A measurement that loads what it measures says too little of it; and the nodes may serve people meanwhile.
How: /proc of the collector's own processes, once a minute. The programs of bandwidth tests are not counted: these are meant to load.
Source: Design values: twice what the collector is built to take with three nodes and two channels (2 % of a CPU, 40 MiB), and room for more of them.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import told, worst
from analyzer.rates import increments
from analyzer.words import memory as amount
from analyzer.words import share

_BUILT = "design value: it is built to take 2 % of a CPU and 40 MiB with three nodes and two channels"
CPU = Limit("CPU of the collector", "ratio", 0.05, None, Sense.AT_MOST, _BUILT)
MEMORY = Limit("memory of the collector", "B", 96.0 * 2**20, None, Sense.AT_MOST, _BUILT)
_HOLE_S = 150.0
"""Rows are a minute apart; one that is missing between two is no matter."""
_LEAST_S = 600.0


def _check(context: Context) -> Iterator[Judgement]:
    frame = context.table("cost")
    steps = increments(frame, ["cpu_cs"], hole_s=_HOLE_S) if told(frame, "t_s", "cpu_cs") else None
    watched_s = 0.0 if steps is None else float(steps["dt_s"].sum())
    if steps is None or watched_s < _LEAST_S:
        yield Judgement(
            Status.SKIPPED,
            f"What the collector took of node {context.node} was recorded for {watched_s:.0f} s; {_LEAST_S:.0f} s are needed.",
            remedy="Run the collector for at least 15 min.",
        )
        return
    cpu, memory = context.limit(CPU.name), context.limit(MEMORY.name)
    part = float(steps["cpu_cs"].sum()) / 100.0 / watched_s
    memory_used = float(frame["pss_KiB"].max()) * 1024.0 if told(frame, "pss_KiB") else None
    status = worst([cpu.judge(part), *([memory.judge(memory_used)] if memory_used is not None else [])])
    took = "memory not told" if memory_used is None else f"up to {amount(memory_used)} of memory"
    yield Judgement(
        status,
        f"Node {context.node}: the collector took {share(part)} of one CPU and {took}.",
        (Evidence(cpu.name, part, "ratio", cpu), Evidence(memory.name, memory_used, "B", memory)),
        ""
        if status is Status.PASS
        else f"See docs/cost.md for what is usual. Probe fewer networks in the plan, or judge the load of {context.node} without the collector.",
    )


RULE = Rule(
    "collector-cost",
    "Cost of the collector",
    Area.DATA,
    Scope.NODE,
    ("cost",),
    (CPU, MEMORY),
    _check,
    effort=Effort.SETTING,
)
