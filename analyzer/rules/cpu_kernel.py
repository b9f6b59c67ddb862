"""Whether the kernel and interrupts leave the CPU to the programs.

What: Share of all CPUs' time that the kernel takes, interrupts included, and that interrupts take alone: 95 % quantile of the one-minute means.
Why HA: Work in the kernel and in interrupts comes before every program, so a heartbeat waits for it at whatever priority it runs.
How: Counters of /proc/stat: system, irq and softirq. Some kernels account interrupts to whom they interrupt; then they show none.
Source: PAL: privileged time above 20 % and 30 %, interrupt time above 10 % and 20 %.
Fails when: more than 30 % in the kernel or more than 20 % in interrupts, in three minutes at least.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import Context, Judgement, Rule
from analyzer.host import MINUTES, cpu_shares, judged, too_short, worst
from analyzer.words import share

KERNEL = Limit("time in the kernel", "ratio", 0.20, 0.30, Sense.AT_MOST, "PAL: privileged time, 20 % and 30 %")
INTERRUPT = Limit("time in interrupts", "ratio", 0.10, 0.20, Sense.AT_MOST, "PAL: interrupt time, 10 % and 20 %")


def _check(context: Context) -> Iterator[Judgement]:
    shares = cpu_shares(context.table("cpu"), minutes=True)
    if len(shares) < MINUTES:
        yield too_short(f"The CPU of node {context.node}", len(shares))
        return
    if "kernel" not in shares:
        yield Judgement(
            Status.SKIPPED,
            f"Node {context.node} does not tell how much CPU its kernel takes.",
            remedy=f"Look with the system's own tools how much privileged time {context.node} has in its busy hour.",
        )
        return
    limits = {
        name: context.limit(limit.name)
        for name, limit in (("kernel", KERNEL), ("interrupt", INTERRUPT))
        if name in shares
    }
    found = {name: judged(limit, shares[name], 0.95) for name, limit in limits.items()}
    status = worst(item.status for item in found.values())
    apart = f", {share(found['interrupt'].value)} or more in interrupts" if "interrupt" in found else ""
    yield Judgement(
        status,
        f"Node {context.node}: in the worst 5 % of all minutes {share(found['kernel'].value)} of the CPU time or more went to the kernel{apart}.",
        (
            *(
                Evidence(f"{limits[name].name}, 95 % of all minutes", item.value, "ratio", limits[name])
                for name, item in found.items()
            ),
            Evidence("minutes", float(len(shares)), "1"),
        ),
        ""
        if status is Status.PASS
        else f"Find what keeps the kernel of {context.node} busy: drivers, interrupts of one adapter on one CPU, packet filters, encryption.",
        (f"cpu:{context.node}",),
    )


RULE = Rule("cpu-kernel", "CPU time of the kernel", Area.HOST, Scope.NODE, ("cpu",), (KERNEL, INTERRUPT), _check)
