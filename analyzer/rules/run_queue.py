"""Whether processes queue for a CPU.

What: Processes that are ready to run and have no CPU, per CPU: 95 % quantile of the one-minute means.
Why HA: A cluster process that waits its turn sends its heartbeat late, even where the average CPU looks free.
How: Runnable processes of /proc/stat (once a second) less the number of CPUs, never below none. A minute counts with 30 readings.
Source: PAL (processor queue length per processor): warning above 2, critical above 10.
Fails when: more than 10 wait per CPU, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, judged, minute_means, told, too_short
from analyzer.words import quantity

QUEUE = Limit("processes waiting per CPU", "1", 2.0, 10.0, Sense.AT_MOST, "PAL: processor queue length, 2 and 10")


def _check(context: Context) -> Iterator[Judgement]:
    load, cpu = context.table("load"), context.table("cpu")
    cpus = len(set(cpu["cpu"].dropna().unique()) - {"all"}) if "cpu" in cpu else 0
    if not cpus or not told(load, "running", "t_s"):
        lacking = "its CPUs one by one" if not cpus else "how many processes are ready to run"
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell {lacking}.",
            remedy="Run the collector on Linux, or watch the processor queue length with the system's own tools.",
        )
        return
    running = load["running"].where(load["running"] >= 0)
    waiting = minute_means(load["t_s"], (running - cpus).clip(lower=0) / cpus)
    if len(waiting) < MINUTES:
        yield too_short(f"The run queue of node {context.node}", len(waiting))
        return
    limit = context.limit(QUEUE.name)
    found = judged(limit, waiting, 0.95)
    fine = found.status is Status.PASS
    yield Judgement(
        found.status,
        f"Node {context.node}: in the worst 5 % of all minutes {quantity(found.value, '1')} processes or more waited for each of its "
        f"{cpus} CPUs."
        if found.value
        else f"Node {context.node}: in 95 % of all minutes or more no process waited for one of its {cpus} CPUs.",
        (
            Evidence("waiting per CPU, 95 % of all minutes", found.value, "1", limit),
            Evidence("waiting per CPU, worst minute", float(waiting.max()), "1"),
            Evidence("minutes", float(len(waiting)), "1"),
        ),
        "" if fine else f"Give node {context.node} more CPUs, or move work away from it.",
        (f"cpu:{context.node}",),
    )


RULE = Rule("run-queue", "Run queue", Area.HOST, Scope.NODE, ("load", "cpu"), (QUEUE,), _check, effort=Effort.RESOURCES)
