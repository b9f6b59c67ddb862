"""A process that wants to wake every 20 ms, and notes when it could not: stalls of the node itself.

A node that does not run its ticker does not run its heartbeat either. Run-queue delay (schedstat) tells starvation
(it equals the pause) from a process that was stopped (it is nearly 0). Reading it costs as much as a third of a wake-up, so it is
read every second and after a wake-up that was late; what a stall is charged with may hold the waits, each below a
millisecond, of the ticks since.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from collector.machine import Clock

PERIOD_NS = 20_000_000
STALL_NS = 20_000_000
LATE_NS = 1_000_000
"""From here on a wake-up is worth a look at the run queue (design value)."""
_SECOND_NS = 1_000_000_000

Emit = Callable[[str, tuple[str, ...], list[tuple[int | None, ...]]], None]
"""Takes rows of one table with one set of label values."""


class Ticker:
    """Counts the wake-ups of the calling thread. Feed it the time at every wake-up at or after `due_ns`."""

    def __init__(self, label: str, clock: Clock, t0_ns: int, emit: Emit) -> None:
        self._labels = (label,)
        self._t0_ns = t0_ns
        self._emit = emit
        try:
            self._schedstat: int | None = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        except OSError:
            self._schedstat = None
        now = clock.monotonic_ns()
        self.due_ns = now + PERIOD_NS - (now - t0_ns) % PERIOD_NS
        self._delay_ns = self._run_delay()
        self._second_delay_ns = self._delay_ns
        self._second_ns = now + _SECOND_NS
        self._ticks = 0
        self._late_max_ns = 0

    def tick(self, now_ns: int) -> None:
        """One wake-up. Ticks that were slept through are not made up for."""
        late = now_ns - self.due_ns
        self._ticks += 1
        self._late_max_ns = max(self._late_max_ns, late)
        if late >= LATE_NS:
            self._look(late)
        self.due_ns += PERIOD_NS if late < PERIOD_NS else PERIOD_NS * (1 + late // PERIOD_NS)
        if now_ns >= self._second_ns:
            self._close_second(now_ns)

    def _look(self, late: int) -> None:
        delay = self._run_delay()
        if late >= STALL_NS:
            waited = None if delay is None or self._delay_ns is None else (delay - self._delay_ns) // 1000
            self._emit("stall", self._labels, [(self._us(self.due_ns), late // 1000, waited)])
        self._delay_ns = delay

    def _close_second(self, now_ns: int) -> None:
        delay = self._delay_ns = self._run_delay()
        waited = None if delay is None or self._second_delay_ns is None else (delay - self._second_delay_ns) // 1000
        self._emit("ticker", self._labels, [(self._us(now_ns), self._ticks, self._late_max_ns // 1000, waited)])
        self._second_delay_ns = delay
        self._second_ns = now_ns + _SECOND_NS
        self._ticks = self._late_max_ns = 0

    def _us(self, mono_ns: int) -> int:
        return (mono_ns - self._t0_ns) // 1000

    def _run_delay(self) -> int | None:
        """Nanoseconds this thread was runnable but did not run, since it started."""
        if self._schedstat is None:
            return None
        return int(os.pread(self._schedstat, 128, 0).split()[1])
