"""The sending side of one directed path: slots on an absolute schedule, and what became of each."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from collector.machine import Clock
from collector.peers import stamp
from collector.peers.tables import (
    DUPLICATE,
    SKIPPED,
    STEPPED,
    T1_KERNEL,
    T2_KERNEL,
    T3_KERNEL,
    T4_KERNEL,
)
from collector.peers.ticker import PERIOD_NS as TICK_NS
from collector.peers.ticker import Emit
from collector.peers.timestamps import Received, receive, restart_stamps, transmit_stamps, udp_socket

JITTER = 0.1
"""Each slot is moved by up to this share of the period (RFC 3432), so that it locks to nothing periodic. It moves on the
ticker's grid where that is fine enough: all paths of a node then send in one wake-up, which halves the cost."""
REMEMBER_NS = 120_000_000_000
"""How long a slot's own times are kept for a late reply; a later one is judged by the stamp it carries."""
SETTLE_NS = 2_000_000_000
"""How long a row waits for the kernel stamp that completes it."""
_STEP_NS = 1_000_000
_BATCH = 256
"""Datagrams read at one go: a flood to this socket must not keep the others waiting."""

Row = tuple[int | None, ...]


_TOLD = 64
"""Stamps kept of replies that were overtaken (design value)."""


@dataclass(slots=True)
class _Slot:
    number: int
    due_us: int
    late_us: int
    t1_ns: int
    mono_ns: int
    flag: int
    kernel_ns: int | None = None
    answered: bool = False


@dataclass(slots=True)
class _Pending:
    """A reply whose t3 is still the reflector's user-space time; its kernel stamp comes with the next reply."""

    reply: stamp.Reply
    slot: _Slot | None
    t4_ns: int
    read_mono_ns: int
    ttl: int | None
    flags: int


class Sender:
    """Owns the socket of one path. `due_ns` is the monotonic time of the next slot while `active`."""

    def __init__(
        self,
        path: str,
        source: str,
        target: tuple[str, int],
        period_ns: int,
        session: str,
        t0_ns: int,
        emit: Emit,
        clock: Clock,
        dscp: int = 0,
        mark: int = 0,
    ) -> None:
        """`mark` goes into the sequence numbers on the wire, and into no row."""
        self.path = path
        self.active = False
        self.waits = False
        self.due_ns = 0
        self.sent = self.answered = 0
        self.rtt_us: int | None = None
        self._target = target
        self._sock = udp_socket(source, 0, dscp)
        self._clock = clock
        self._period_ns = period_ns
        self._t0_ns = t0_ns
        self._emit = emit
        self.key = b""
        self._mark = mark
        self._ssid = int(session[:4], 16) or 1
        self._seed = int(session[:16], 16)
        spread_ns = int(period_ns * JITTER)
        self._grid_ns = TICK_NS if spread_ns >= TICK_NS else 1_000_000
        self._steps = spread_ns // self._grid_ns
        self._slot = 0
        self._sends = 0
        self._by_send: dict[int, _Slot] = {}
        self._slots: dict[int, _Slot] = {}
        self._sent_rows: deque[_Slot] = deque()
        self._pending: dict[int, _Pending] = {}
        self._told: dict[int, int] = {}
        self._unread: list[tuple[Received, int, int]] = []
        self._replies: list[Row] = []

    def start(self, key: bytes) -> None:
        """Send from now on (or go on, with another key)."""
        if self._unread:
            self._read_replies()
        self.key = key
        # Another start of the peer counts its replies anew.
        self._told.clear()
        if self.active:
            return
        self.active = True
        # Numbers follow the clock, so they never repeat within a session, not even after a restart of this process.
        # A pause is a stretch without slots, not lost slots.
        # One period of lead covers the jitter, so that not even a slot that was sent early is numbered twice.
        self._slot = (self._clock.monotonic_ns() - self._t0_ns) // self._period_ns + 1
        self._schedule()

    def pause(self) -> None:
        """Stop sending; what is under way may still be answered."""
        self.active = False

    def _schedule(self) -> None:
        self._slot += 1
        # Multiplicative hashing: the same jitter for the same slot on every path, whenever the path began.
        mixed = ((self._slot * 2_654_435_761 + self._seed) & 0xFFFFFFFF) >> 8
        jitter_ns = (mixed % (2 * self._steps + 1) - self._steps) * self._grid_ns
        self.due_ns = self._t0_ns + self._slot * self._period_ns + jitter_ns

    def send(self) -> None:
        """Send the slot that is due. Slots that are a whole period late are skipped, never sent in a burst."""
        now = self._clock.monotonic_ns()
        while now - self.due_ns >= self._period_ns:
            late_us = (now - self.due_ns) // 1000
            self._sent_rows.append(_Slot(self._slot, self._us(self.due_ns), late_us, 0, now, SKIPPED))
            self._schedule()
        if now < self.due_ns:
            return
        number = self._slot
        t1, mono = self._clock.realtime_ns(), self._clock.monotonic_ns()
        slot = _Slot(number, self._us(self.due_ns), (mono - self.due_ns) // 1000, t1, mono, 0)
        try:
            self._sock.sendto(stamp.probe(self.key, number | self._mark, t1, self._ssid), self._target)
        except OSError as error:
            slot.flag = error.errno or SKIPPED
            self._read_transmit_stamps()
            # Whether the kernel counted the failed send differs between versions: start its count anew.
            transmit_stamps(self._sock, _BATCH)
            restart_stamps(self._sock)
            self._sends = 0
            self._by_send.clear()
        else:
            self.sent += 1
            self._by_send[self._sends & 0xFFFFFFFF] = slot
            self._sends += 1
            self._slots[number] = slot
            self.waits = True
        self._sent_rows.append(slot)
        self._schedule()

    def fileno(self) -> int:
        """The descriptor on which replies arrive."""
        return self._sock.fileno()

    def collect(self) -> bool:
        """Take one datagram off the socket, with the time; False if there was none. It need not be called but while `waits`.

        What it says is read by `flush`, all at once: code that runs cold costs twice as much.
        """
        received = receive(self._sock)
        if received is None:
            return False
        if (received.address, received.port) == self._target:
            self.waits = False
            self._unread.append((received, self._clock.monotonic_ns(), self._clock.realtime_ns()))
            if len(self._unread) >= _BATCH:
                self._read_replies()
        return True

    def _read_replies(self) -> None:
        if self._by_send:
            self._read_transmit_stamps()
        unread, self._unread = self._unread, []
        for received, mono_ns, real_ns in unread:
            if not stamp.from_reflector(received.data) or not stamp.authentic(self.key, received.data):
                continue
            reply = stamp.read_reply(received.data)
            # Somebody may play a fast probe's reply back to the other socket.
            if reply.slot & stamp.BURST == self._mark:
                self._take(reply, received.stamp_ns, received.ttl, mono_ns, real_ns)

    def _read_transmit_stamps(self) -> None:
        for number, stamp_ns in transmit_stamps(self._sock, len(self._by_send)):
            slot = self._by_send.pop(number, None)
            if slot is not None:
                slot.kernel_ns = stamp_ns

    def _take(self, reply: stamp.Reply, stamp_ns: int | None, ttl: int | None, mono: int, real: int) -> None:
        slot = self._slots.get(reply.slot ^ self._mark)
        flags = T2_KERNEL if reply.kernel else 0
        if stamp_ns is not None:
            flags |= T4_KERNEL
        if slot is None:
            pass
        elif slot.answered:
            flags |= DUPLICATE
        else:
            slot.answered = True
            self.answered += 1
            elapsed = mono - slot.mono_ns
            # The two clocks of this machine must have moved alike since the send, but for slewing (0.1 %).
            if abs((real - slot.t1_ns) - elapsed) > _STEP_NS + elapsed // 1000:
                flags |= STEPPED
        if reply.follow is not None:
            earlier = self._pending.pop(reply.follow[0], None)
            if earlier is not None:
                self._complete(earlier, reply.follow[1])
            else:
                # Overtaken: the reply that it belongs to is still on its way.
                self._told[reply.follow[0]] = reply.follow[1]
                if len(self._told) > _TOLD:
                    del self._told[next(iter(self._told))]
        if (twin := self._pending.pop(reply.rseq, None)) is not None:
            self._complete(twin, None)  # the network doubled the reply
        pending = _Pending(reply, slot, stamp_ns or real, mono, ttl, flags)
        if (t3_ns := self._told.pop(reply.rseq, None)) is not None:
            self._complete(pending, t3_ns)
        else:
            self._pending[reply.rseq] = pending

    def _complete(self, pending: _Pending, t3_kernel_ns: int | None) -> None:
        """Write the row of a reply, now that the best t3 there will be is known."""
        reply, slot, flags = pending.reply, pending.slot, pending.flags
        t1 = reply.t1_ns
        if slot is not None and slot.kernel_ns is not None:
            t1 = slot.kernel_ns
            flags |= T1_KERNEL
        t3 = reply.t3_ns
        out: int | None = None
        if t3_kernel_ns is not None:
            out = (t3_kernel_ns - t3) // 1000
            t3 = t3_kernel_ns
            flags |= T3_KERNEL
        fwd, res, back = (reply.t2_ns - t1) // 1000, (t3 - reply.t2_ns) // 1000, (pending.t4_ns - t3) // 1000
        rest: int | None = None
        if slot is not None:
            # The remainder of the monotonic round trip, so that the parts always add up to it.
            tx = 0 if slot.kernel_ns is None else (slot.kernel_ns - slot.t1_ns) // 1000
            rest = (pending.read_mono_ns - slot.mono_ns) // 1000 - tx - fwd - res - back
            self.rtt_us = tx + fwd + res + back
        self._replies.append(
            (reply.slot ^ self._mark, fwd, res, back, rest, reply.rseq, pending.ttl, reply.ttl, flags, out)
        )

    def flush(self, *, everything: bool = False) -> None:
        """Emit complete rows, and those that have waited long enough."""
        for _ in range(_BATCH):
            if not self.collect():
                break
        self._read_replies()
        now = self._clock.monotonic_ns()
        settled = now - (-1 if everything else SETTLE_NS)
        # The stamp of a reply comes with the next one, a period later.
        followed = now - (-1 if everything else max(SETTLE_NS, 5 * self._period_ns // 2))
        for rseq in [rseq for rseq, pending in self._pending.items() if pending.read_mono_ns < followed]:
            self._complete(self._pending.pop(rseq), None)
        rows: list[Row] = []
        while self._sent_rows:
            slot = self._sent_rows[0]
            if not everything and slot.flag == 0 and slot.kernel_ns is None and slot.mono_ns >= settled:
                break
            self._sent_rows.popleft()
            tx = None if slot.kernel_ns is None else (slot.kernel_ns - slot.t1_ns) // 1000
            rows.append((slot.due_us, slot.number, slot.late_us, tx, slot.flag))
        labels = (self.path,)
        if rows:
            self._emit("sent", labels, rows)
        if self._replies:
            self._emit("reply", labels, self._replies)
            self._replies = []
        self._forget()

    def _forget(self) -> None:
        horizon = self._clock.monotonic_ns() - REMEMBER_NS
        while self._slots:
            number, slot = next(iter(self._slots.items()))
            if slot.mono_ns > horizon:
                break
            del self._slots[number]
        while self._by_send:
            number, slot = next(iter(self._by_send.items()))
            if slot.mono_ns > horizon:
                break
            del self._by_send[number]

    def _us(self, mono_ns: int) -> int:
        return (mono_ns - self._t0_ns) // 1000
