"""The relay process of the WAN: ``python -m collector.lab.relay CONFIG`` (JSON, written by `collector.lab.wan`).

It opens a TUN device in each of two namespaces and carries packets between them through one queue ordered by release time. It
ends when its standard input does, that is, when its owner is gone or lets go of it. Nothing is written while packets wait: lines of the
log are kept and written when the queue is empty, and at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import select
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from pathlib import Path
from typing import TextIO

from collector.contract import Json
from collector.lab.impairment import Impairment, Judge
from collector.lab.netns import entered
from collector.lab.wanlog import UDP, Fate, Packet, content, first_line, last_line, lines

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_REQUEST = struct.Struct("16sH22x")
_LARGEST_B = 65_536
_AT_ONCE = 32
"""Packets read from one device before looking again at what is due."""
PRIORITY = 20
"""Above that of the collector's own real-time ticker, so that the WAN is not what it measures."""
_SAVE_NS = 1_000_000_000


def tun(namespace: Path, device: str) -> int:
    """Attach to the TUN device of that name in a namespace (made if there is none); a non-blocking descriptor.

    Raises:
        Unavailable: the namespace may not be entered.
        OSError: no such namespace, no ``/dev/net/tun``, or not allowed.
    """
    with entered(namespace):
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(fd, _TUNSETIFF, _REQUEST.pack(device.encode("ascii"), _IFF_TUN | _IFF_NO_PI))
    return fd


@dataclass(slots=True)
class Direction:
    """From one device to another, and what happens in between."""

    name: str
    source: int
    target: int
    judge: Judge
    port: int | None
    queued: int = 0


@dataclass(frozen=True, slots=True)
class _Queued:
    """A packet on its way, with its line of the log so far."""

    data: bytes
    direction: Direction
    packet: Packet


class Relay:
    """The queue between two devices. `lease`: a descriptor whose end ends the relay."""

    def __init__(self, directions: tuple[Direction, Direction], limit: int, lease: int, log: TextIO) -> None:
        self._directions = {direction.source: direction for direction in directions}
        self._limit = limit
        self._lease = lease
        self._log = log
        self._heap: list[tuple[int, int, _Queued]] = []
        self._order = 0
        self._decided: list[Packet] = []
        self._written = 0

    def run(self) -> None:
        """Carry packets until the lease ends, then finish the log."""
        waited_on = [*self._directions, self._lease]
        save_ns = 0
        while True:
            wait = None if not self._heap else max(0.0, (self._heap[0][0] - time.monotonic_ns()) / 1e9)
            ready, _, _ = select.select(waited_on, [], [], wait)
            self._release()
            for fd in ready:
                if fd == self._lease:
                    self._finish()
                    return
                self._take(self._directions[fd])
            if not self._heap and self._decided and time.monotonic_ns() >= save_ns:
                self._save()
                save_ns = time.monotonic_ns() + _SAVE_NS

    def _take(self, direction: Direction) -> None:
        for _ in range(_AT_ONCE):
            try:
                data = os.read(direction.source, _LARGEST_B)
            except BlockingIOError:
                return
            self._accept(direction, data, time.time_ns(), time.monotonic_ns())

    def _accept(self, direction: Direction, data: bytes, real_ns: int, mono_ns: int) -> None:
        judge = direction.judge
        found = content(data, direction.port)
        number = None
        fate, planned_ns, copies = Fate.RELEASED, 0, 1
        if judge.applies(found.ports if found.protocol == UDP else None):
            number = judge.count
            fate, planned_ns, copies = judge.harmed(mono_ns)
        else:
            planned_ns = judge.spared(mono_ns)
        source_port, target_port = found.ports or (None, None)
        for copy in range(max(1, copies)):
            kept = fate is Fate.RELEASED and direction.queued < self._limit
            packet = Packet(
                direction=direction.name,
                number=number,
                arrived_real_ns=real_ns,
                arrived_mono_ns=mono_ns,
                planned_mono_ns=planned_ns or None,
                released_mono_ns=None,
                fate=Fate.QUEUE if fate is Fate.RELEASED and not kept else fate,
                protocol=found.protocol,
                source_port=source_port,
                target_port=target_port,
                length_B=len(data),
                slot=found.slot,
                rseq=found.rseq,
                copy=copy,
            )
            if not kept:
                self._decided.append(packet)
                continue
            direction.queued += 1
            self._order += 1
            heappush(self._heap, (planned_ns, self._order, _Queued(data, direction, packet)))

    def _release(self) -> None:
        while self._heap and self._heap[0][0] <= time.monotonic_ns():
            _, _, queued = heappop(self._heap)
            queued.direction.queued -= 1
            # Taken before the call: the kernel stamps the packet's arrival during it.
            released_ns = time.monotonic_ns()
            try:
                os.write(queued.direction.target, queued.data)
            except OSError:
                self._settle(queued.packet, None, Fate.REFUSED)
            else:
                self._settle(queued.packet, released_ns, Fate.RELEASED)

    def _settle(self, packet: Packet, released_ns: int | None, fate: Fate) -> None:
        self._decided.append(replace(packet, released_mono_ns=released_ns, fate=fate))

    def _save(self) -> None:
        self._log.write(lines(self._decided))
        self._log.flush()
        self._written += len(self._decided)
        self._decided.clear()

    def _finish(self) -> None:
        while self._heap:
            self._settle(heappop(self._heap)[2].packet, None, Fate.UNSENT)
        self._save()
        self._log.write(last_line(self._written))


def main(config: Path) -> None:
    """Body of the process; ready once the log's first line is there."""
    given = json.loads(config.read_text(encoding="utf-8"))
    one, other = (tun(Path(end["namespace"]), end["device"]) for end in given["ends"])
    scheduling = _real_time() if given["real_time"] else "other"
    log = Path(given["log"])
    start_ns = time.monotonic_ns()
    names = [end["label"] for end in given["ends"]]
    there, back = (f"{names[0]}>{names[1]}", f"{names[1]}>{names[0]}")
    directions = (
        _direction(there, one, other, given, start_ns),
        _direction(back, other, one, given, start_ns),
    )
    head = {**given, "scheduling": scheduling, "start_mono_ns": start_ns, "start_real_ns": time.time_ns()}
    # Nothing here makes cycles; a collection would hold up the packets that are due.
    gc.collect()
    gc.freeze()
    gc.disable()
    # The owner takes the file's appearance for readiness, so it appears with its first line in it.
    unready = log.with_suffix(".new")
    with unready.open("w", encoding="ascii") as file:
        file.write(first_line(head))
        file.flush()
        unready.replace(log)
        Relay(directions, given["queue_packets"], sys.stdin.fileno(), file).run()


def _direction(name: str, source: int, target: int, given: Mapping[str, Json], start_ns: int) -> Direction:
    impairment = Impairment.from_json(given["impairments"][name])
    judge = Judge(impairment, f"{given['seed']}/{name}", start_ns)
    return Direction(name, source, target, judge, given["stamp_port"])


def _real_time() -> str:
    """Ask for SCHED_FIFO and exact timers; which class was got."""
    with contextlib.suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1", encoding="ascii")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError:
        return "other"
    return "fifo"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
