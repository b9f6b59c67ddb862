"""A second ticker at real-time priority (SCHED_FIFO), as corosync runs: what such a process sees of the machine's stalls."""

from __future__ import annotations

import os
import select
import time

from collector.machine import Clock
from collector.peers.ticker import Ticker
from collector.processes import Inlet, Outlet

PRIORITY = 10
_REPORT_NS = 1_000_000_000
_LOOK_NS = 200_000_000


def run_fifo(clock: Clock, t0_ns: int, orders: Inlet, out: Outlet) -> None:
    """Body of the process. Where the class is not granted it says so and waits for the end."""

    def report(state: str, reason: str, ticks: int) -> None:
        out.put(("probe", "ticker fifo", state, reason, (clock.monotonic_ns() - t0_ns) // 1000, ticks, 0, 0.0, ""))

    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (AttributeError, OSError) as error:
        why = getattr(error, "strerror", None) or "the platform has none"
        report("skipped", f"SCHED_FIFO is not allowed: {why}", 0)
        select.select([orders.fd], [], [])
        return
    ticker = Ticker("fifo", clock, t0_ns, lambda table, labels, rows: out.hold(("rows", table, labels, rows)))
    ticks = 0
    look_ns = report_ns = clock.monotonic_ns()
    while True:
        # A sleep costs a third less than a select; the orders can wait for a few ticks.
        time.sleep(max(0.0, (ticker.due_ns - clock.monotonic_ns()) / 1e9))
        now = clock.monotonic_ns()
        if now < ticker.due_ns:
            continue
        ticker.tick(now)
        ticks += 1
        if now < look_ns:
            continue
        look_ns = now + _LOOK_NS
        if any(order[0] == "stop" for order in orders.messages()) or orders.ended:
            break
        if now >= report_ns:
            report_ns = now + _REPORT_NS
            report("ok", "", ticks)
            out.push()
    out.push()
