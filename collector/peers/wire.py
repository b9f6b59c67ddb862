"""The process that puts packets on the wire: sends probes, answers those of the peers, ticks.

One loop serves all paths. It writes integers only, sends on an absolute schedule whatever happens (open loop), skips the
slots it slept through, and reads replies at the ticks: the kernel stamped them when they came.
"""

from __future__ import annotations

import gc
import select
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collector.machine import LINUX, Clock
from collector.peers import stamp
from collector.peers.bursts import PERIOD_NS as BURST_NS
from collector.peers.bursts import Bursts, beside
from collector.peers.guests import Guests
from collector.peers.reflector import Reflector
from collector.peers.sender import Sender
from collector.peers.ticker import Ticker
from collector.processes import Inlet, Outlet

FLUSH_NS = 1_000_000_000
COUNTERS_NS = 10_000_000_000
_NEVER = 1 << 63


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A path this node sends on."""

    name: str
    source: str
    target: str
    port: int
    dscp: int


def run_wire(
    outgoing: Sequence[Outgoing],
    listening: Sequence[socket.socket],
    period_ns: int,
    session: str,
    t0_ns: int,
    clock: Clock,
    orders: Inlet,
    out: Outlet,
    guests: Guests,
) -> None:
    """Body of the wire process. `guests` are answered without a key.

    Orders: ``("send", path, key)`` starts or re-keys a path, ``("pause", path)`` stops it, ``("burst", path,
    seconds)`` and ``("calm", path)`` begin and end fast probes beside it, ``("reflect", path, address,
    key)`` admits a sender and is answered by ``("ready", path)``, ``("stop",)`` ends. Once a second it reports
    ``("path", name, sent, answered, rtt_us)`` for each path and its rows as ``("rows", ...)``.
    """

    def emit(table: str, labels: tuple[str, ...], rows: list[tuple[int | None, ...]]) -> None:
        out.hold(("rows", table, labels, rows))

    senders = {
        path.name: Sender(
            path.name, path.source, (path.target, path.port), period_ns, session, t0_ns, emit, clock, path.dscp
        )
        for path in outgoing
    }

    def fast(name: str) -> Sender:
        path = next(path for path in outgoing if path.name == name)
        ends = (name, path.source, (path.target, path.port))
        return Sender(*ends, BURST_NS, session, t0_ns, beside(emit), clock, path.dscp, stamp.BURST)

    bursts = Bursts(fast, period_ns, clock)
    reflector = Reflector(t0_ns, emit, clock, guests)
    by_fd = {sock.fileno(): sock for sock in listening}
    # Where the kernel stamps what arrives, replies can wait for the next tick; elsewhere the time of reading is what is measured.
    answers_fd: dict[int, Sender] = {}
    wait = _waiting([orders.fd, *by_fd])
    ticker = Ticker("default", clock, t0_ns, emit)
    flush_ns = clock.monotonic_ns() + FLUSH_NS
    counters_ns = clock.monotonic_ns() + COUNTERS_NS
    # Nothing here makes cycles; a collection in the middle of a slot would be measured as lateness, and one beforehand would write
    # to every inherited object: their pages would no longer be shared.
    gc.freeze()
    gc.disable()
    active: list[Sender] = []
    monotonic_ns = clock.monotonic_ns
    send_ns = _NEVER
    # Most wake-ups are the ticker's alone: what they run through is kept short, for each line costs 50 times a second.
    while not orders.ended:
        wait_ns = min(ticker.due_ns, send_ns) - monotonic_ns()
        ready = wait(wait_ns / 1e9 if wait_ns > 0 else 0)
        now = monotonic_ns()
        if now >= ticker.due_ns:
            ticker.tick(now)
            for sender in active:
                if sender.waits:
                    sender.collect()
        if now >= send_ns:
            for sender in active:
                if monotonic_ns() >= sender.due_ns:
                    sender.send()
            send_ns = min(sender.due_ns for sender in active)
        if not ready:
            pass
        elif orders.fd not in ready:
            for fd in ready:
                if fd in by_fd:
                    reflector.answer(by_fd[fd])
                else:
                    answers_fd[fd].collect()
        else:
            # What else is ready stays so until the next turn, an instant later.
            for order in orders.messages():
                match order:
                    case ("send" | "pause" | "burst" | "calm", path, *_) if path not in senders:
                        pass  # this node does not hold the path's address
                    case ("send", path, key):
                        senders[path].start(key)
                        bursts.again(path, key)
                    case ("pause", path):
                        senders[path].pause()
                        bursts.end(path)
                    case ("burst", path, seconds):
                        if senders[path].active:
                            bursts.begin(path, senders[path].key, seconds)
                    case ("calm", path):
                        bursts.end(path)
                    case ("reflect", path, address, key):
                        reflector.admit(path, address, key)
                        out.put(("ready", path))
                    case ("stop",):
                        bursts.flush(everything=True)
                        _finish(senders.values(), reflector, out)
                        return
            active = [*(sender for sender in senders.values() if sender.active), *bursts.active()]
            send_ns = min((sender.due_ns for sender in active), default=_NEVER)
            if not LINUX:
                answers_fd = {sender.fileno(): sender for sender in active}
                wait = _waiting([orders.fd, *by_fd, *answers_fd])
        if now >= flush_ns:
            flush_ns += FLUSH_NS * (1 + (now - flush_ns) // FLUSH_NS)
            for sender in senders.values():
                sender.flush()
                out.hold(("path", sender.path, sender.sent, sender.answered, sender.rtt_us))
            bursts.flush()
            active = [sender for sender in active if sender.active]
            send_ns = min((sender.due_ns for sender in active), default=_NEVER)
            reflector.flush()
            out.push()
        if now >= counters_ns:
            counters_ns += COUNTERS_NS * (1 + (now - counters_ns) // COUNTERS_NS)
            reflector.report()


def _waiting(fds: Sequence[int]) -> Callable[[float], Sequence[int]]:
    """Waits so many seconds for any of `fds`. One descriptor stands for all of them where there is epoll: its own wait counts in milliseconds."""
    if not hasattr(select, "epoll"):
        return lambda seconds: select.select(fds, (), (), seconds)[0]
    among = select.epoll()
    for fd in fds:
        among.register(fd, select.EPOLLIN)
    one, poll = [among.fileno()], among.poll
    return lambda seconds: [fd for fd, _ in poll(0)] if select.select(one, (), (), seconds)[0] else ()


def _finish(senders: Iterable[Sender], reflector: Reflector, out: Outlet) -> None:
    """Hand over what is still held, whatever its age."""
    for sender in senders:
        sender.flush(everything=True)
    reflector.report(close=True)
    out.push()
