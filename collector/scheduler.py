"""Runs the probes of one node: ticks, deadlines, isolation, outcomes.

Each probe has a thread; the process they share is watched from outside (`Watch`), because a generator that hangs
cannot be closed from another thread and an extension that keeps the interpreter's lock stops them all.
"""

from __future__ import annotations

import mmap
import select
import struct
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collector.contract import Batch, Env, Facts, Probe, ProbeKind, State
from collector.errors import Unavailable
from collector.processes import Inlet, Message, Outlet

PARK_AFTER = 5
"""A probe that fails this often in a row is left out for the rest of the run."""
ASK_AGAIN_S = 60.0
"""What was not available may appear: a device, a file system."""
STOOD_STILL_S = 3.0
"""A watch that looks every second was stopped, or its machine was, if it has not looked for so long (design value)."""

_SLOT = struct.Struct("<q")


class Watch:
    """Shared memory that tells the parent since when each probe has been inside its tick."""

    def __init__(self, probes: Sequence[Probe]) -> None:
        self._probes = list(probes)
        self._memory = mmap.mmap(-1, _SLOT.size * max(1, len(self._probes)))
        self._looked_ns: int | None = None
        self._excused_ns = 0

    def enter(self, probe: Probe, now_ns: int) -> None:
        """The tick of `probe` begins."""
        _SLOT.pack_into(self._memory, self._probes.index(probe) * _SLOT.size, now_ns)

    def leave(self, probe: Probe) -> None:
        """It is over."""
        self.enter(probe, 0)

    def overdue(self, now_ns: int) -> list[Probe]:
        """Probes that are past their deadline; to be asked every second or so.

        If it was not asked for long, this process stood still itself, and the probes perhaps with it: their time counts from now.
        """
        if self._looked_ns is not None and now_ns - self._looked_ns > STOOD_STILL_S * 1e9:
            self._excused_ns = now_ns
        self._looked_ns = now_ns
        since = (_SLOT.unpack_from(self._memory, index * _SLOT.size)[0] for index in range(len(self._probes)))
        return [
            probe
            for probe, start in zip(self._probes, since, strict=True)
            if start and now_ns - max(start, self._excused_ns) > probe.deadline_s * 1e9
        ]


@dataclass(slots=True)
class Progress:
    """What one probe has done so far in this process."""

    ticks: int = 0
    missed: int = 0
    seconds: float = 0.0


def run_probe(
    probe: Probe, env: Env, watch: Watch, put: Callable[[Message], None], wait: Callable[[float], bool]
) -> None:
    """Tick `probe` until `wait(seconds)` returns True (stop), or until it is parked.

    Everything a probe can do wrong ends here: `Unavailable` becomes `skipped`, any other exception `error`.
    """
    progress = Progress()
    period_ns = round(probe.period_s * 1e9)
    ticks: Iterator[Batch | Facts | None] | None = None
    failures = 0
    due = env.clock.monotonic_ns()
    while True:
        began = env.clock.monotonic_ns()
        state, reason, trace = State.OK, "", ""
        pause_ns = period_ns
        watch.enter(probe, began)
        try:
            ticks = ticks or iter(probe.sample(env))
            if not _one_tick(probe, ticks, env, put):
                ticks = None
            failures = 0
        except Unavailable as absent:
            ticks, state, reason, failures = None, State.SKIPPED, str(absent), 0
            pause_ns = max(period_ns, round(ASK_AGAIN_S * 1e9))
        except Exception as error:  # noqa: BLE001 - one probe must not end the others
            ticks, state, reason = None, State.ERROR, f"{type(error).__name__}: {error}"
            failures += 1
            trace = traceback.format_exc() if failures == 1 else ""
        watch.leave(probe)
        now = env.clock.monotonic_ns()
        progress.ticks += state is State.OK
        progress.seconds += (now - began) / 1e9
        if failures >= PARK_AFTER:
            reason += f" (left out after {failures} failures in a row)"
        due = now + pause_ns if probe.kind is ProbeKind.JOB else due + pause_ns
        if now > due:
            missed = 1 + (now - due) // period_ns
            progress.missed += missed
            due += missed * period_ns
        t_us = (began - env.run.t0_ns) // 1000
        put(("probe", probe.name, state.value, reason, t_us, progress.ticks, progress.missed, progress.seconds, trace))
        if failures >= PARK_AFTER or wait((due - now) / 1e9):
            return


def _check(probe: Probe, row: Batch) -> None:
    """A row that does not fit its declaration is the probe's error, here and not when the segment closes."""
    for table in probe.tables:
        if table.name == row.table:
            if len(row.labels) != len(table.labels) or len(row.values) != len(table.metrics):
                raise ValueError(f"a row of {row.table} does not fit its declaration")
            if not all(value is None or type(value) is int for value in row.values):
                raise ValueError(f"a row of {row.table} holds something else than integers")
            return
    raise ValueError(f"table {row.table} is not declared")


def _one_tick(probe: Probe, ticks: Iterator[Batch | Facts | None], env: Env, put: Callable[[Message], None]) -> bool:
    """Pass on what the probe yields up to its None; False if the generator came to its end."""
    for item in ticks:
        if item is None:
            return True
        if isinstance(item, Facts):
            put(("facts", item.name, dict(item.values)))
        else:
            _check(probe, item)
            put(("rows", item.table, item.labels, [((item.t_mono_ns - env.run.t0_ns) // 1000, *item.values)]))
    return False


def run_host(probes: Sequence[Probe], env: Env, watch: Watch, orders: Inlet, out: Outlet) -> None:
    """Body of the host process: one daemon thread a probe, until the parent says so or is gone."""
    stop = threading.Event()
    lock = threading.Lock()

    def put(message: Message) -> None:
        with lock:
            out.hold(message)

    threads = [
        threading.Thread(target=run_probe, args=(probe, env, watch, put, stop.wait), name=probe.name, daemon=True)
        for probe in probes
    ]
    for thread in threads:
        thread.start()
    while not orders.ended:
        select.select([orders.fd], [], [], 1.0)
        if any(order[0] == "stop" for order in orders.messages()):
            break
        with lock:
            out.push()
    stop.set()
    for thread in threads:
        thread.join(0.5)
    with lock:
        out.push()
