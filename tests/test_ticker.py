"""The ticker: what it counts, what it calls a stall, and which share of it was waiting for a CPU."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from collector.machine import LINUX, SystemClock
from collector.peers.fifo import run_fifo
from collector.peers.ticker import PERIOD_NS, STALL_NS, Ticker
from collector.processes import fork

SECOND_NS = 1_000_000_000


class Hands:
    """A clock that is set by hand."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    realtime_ns = boottime_ns = monotonic_ns


def ticker(clock: Hands) -> tuple[Ticker, list[tuple[str, tuple[int | None, ...]]]]:
    found: list[tuple[str, tuple[int | None, ...]]] = []
    return Ticker("default", clock, 0, lambda table, _labels, rows: found.extend((table, row) for row in rows)), found


def test_a_second_of_punctual_ticks_is_one_row():
    clock = Hands(10 * SECOND_NS)
    subject, rows = ticker(clock)
    for _ in range(50):
        clock.now_ns = subject.due_ns + 30_000
        subject.tick(clock.now_ns)
    assert [table for table, _ in rows] == ["ticker"]
    assert rows[0][1][:3] == ((clock.now_ns) // 1000, 50, 30)


@pytest.mark.parametrize(("late_ns", "stalls"), [(STALL_NS - 1, 0), (STALL_NS, 1), (5 * SECOND_NS, 1)])
def test_a_wake_up_a_whole_period_late_is_a_stall(late_ns, stalls):
    clock = Hands(0)
    subject, rows = ticker(clock)
    due = subject.due_ns
    subject.tick(due + late_ns)
    found = [row for table, row in rows if table == "stall"]
    assert [row[:2] for row in found] == [(due // 1000, late_ns // 1000)] * stalls


def test_ticks_that_were_slept_through_are_not_made_up_for():
    subject, _ = ticker(Hands(0))
    due = subject.due_ns
    subject.tick(due + 5 * PERIOD_NS + 1)
    assert subject.due_ns == due + 6 * PERIOD_NS


@pytest.mark.skipif(not LINUX or os.geteuid() != 0, reason="SCHED_FIFO needs root")
def test_a_real_time_ticker_that_is_stopped_tells_of_it_and_does_not_blame_the_cpu():
    clock = SystemClock()
    t0_ns = clock.monotonic_ns()
    child = fork("fifo", lambda orders, out: run_fifo(clock, t0_ns, orders, out))
    told = []

    def listen(until: str) -> None:
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline and not any(until in message for message in told):
            told.extend(child.inlet.messages())
            time.sleep(0.01)
        assert any(until in message for message in told), told

    try:
        listen("ok")
        os.kill(child.pid, signal.SIGSTOP)
        while Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            time.sleep(0.001)
        time.sleep(0.5)  # the length of the stop is what is measured
        os.kill(child.pid, signal.SIGCONT)
        listen("stall")
        child.orders.put(("stop",))
        assert child.reap() == 0
    finally:
        if Path(f"/proc/{child.pid}").exists():
            os.kill(child.pid, signal.SIGKILL)
    length_us, waited_us = max(row[1:] for message in told if message[:2] == ("rows", "stall") for row in message[3])
    assert 480_000 <= length_us < 5_000_000
    assert waited_us < length_us / 10
