"""The answering side of all paths of a node: authenticates, answers one for one, remembers what it saw."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from collector.machine import Clock
from collector.peers import sized, stamp
from collector.peers.guests import MOST_B, Guests
from collector.peers.ticker import Emit
from collector.peers.timestamps import Received, receive, restart_stamps, transmit_stamps

REPLAY_WINDOW = 1024
"""A packet this many slots behind the newest is a replay, not a late one."""
COPIES = 3
"""Networks double a packet now and then; who sends it more often plays it back."""
_RUN_NS = 3_000_000_000
_STAMPS_AWAITED = 512


@dataclass(slots=True)
class _Session:
    """One admitted start of a sender. `last` is (rseq, kernel stamp) of the newest reply whose stamp is known.

    `earlier` is the start before it: what that one sent may still be under way, and is counted by its own numbers.
    `burst` counts the fast probes of this start by theirs; it has no path, because no table tells of them here.
    """

    path: str
    key: bytes
    earlier: _Session | None = None
    burst: _Session | None = None
    rseq: int = 0
    newest: int = -1
    last: tuple[int, int] | None = None
    first: int = -1
    count: int = 0
    since_us: int = 0
    rows: list[tuple[int | None, ...]] = field(default_factory=list)
    copies: dict[int, int] = field(default_factory=dict)

    def fresh(self, slot: int) -> bool:
        """True for the first few copies of a slot; remembers those within the window."""
        count = self.copies.get(slot, 0) + 1
        self.copies[slot] = count
        while len(self.copies) > 2 * REPLAY_WINDOW:
            del self.copies[next(iter(self.copies))]
        return count <= COPIES


class Reflector:
    """Answers on any number of sockets. Only senders that were admitted, and guests, get an answer, never more than they sent."""

    def __init__(self, t0_ns: int, emit: Emit, clock: Clock, guests: Guests | None = None) -> None:
        self._t0_ns = t0_ns
        self._emit = emit
        self._clock = clock
        self._guests = guests or Guests()
        self._sessions: dict[str, _Session] = {}
        self._sends: dict[int, int] = {}
        self._replies: dict[tuple[int, int], tuple[_Session, int]] = {}
        self._malformed = self._unauthentic = self._stranger = self._replayed = self._send_errors = 0
        self._open_answered = self._open_refused = 0

    def admit(self, path: str, address: str, key: bytes) -> None:
        """Answer `address` under `key` from now on. What is under way under its earlier key is still answered."""
        session = self._sessions.get(address)
        if session is not None and session.key == key:
            return
        if session is not None:
            session.earlier = None
        self._sessions[address] = _Session(path, key, session)

    def answer(self, sock: socket.socket) -> None:
        """Answer one packet that waits on `sock`: whoever waits comes again, and a flood does not stop the probes."""
        received = receive(sock)
        if received is None:
            # Woken by a transmit stamp that came late.
            self._read_transmit_stamps(sock)
            return
        now_ns = self._clock.monotonic_ns()
        session = self._sessions.get(received.address)
        if session is None:
            if self._guests.invited(received.address):
                self._answer_guest(sock, received, now_ns)
            else:
                self._stranger += 1
            return
        packet = received.data
        if sized.is_ask(packet):
            self._confirm(sock, session, received)
            return
        if not stamp.from_sender(packet):
            self._malformed += 1
            return
        key = session.key
        if not stamp.authentic(key, packet):
            if session.earlier is None or not stamp.authentic(session.earlier.key, packet):
                self._unauthentic += 1
                return
            session = session.earlier
            key = session.key
        slot = stamp.slot_of(packet)
        if slot & stamp.BURST:
            if session.burst is None:
                session.burst = _Session("", key)
            session = session.burst
        if slot < session.newest - REPLAY_WINDOW or not session.fresh(slot):
            self._replayed += 1
            return
        self._saw(session, slot, now_ns)
        self._reply(sock, session, key, received)

    def _reply(self, sock: socket.socket, session: _Session, key: bytes, received: Received) -> None:
        t3 = self._clock.realtime_ns()
        kernel = received.stamp_ns is not None
        t2 = t3 if received.stamp_ns is None else received.stamp_ns
        answer = stamp.reply(
            key, received.data, session.rseq, t2, t3, kernel=kernel, ttl=received.ttl or 0, follow=session.last
        )
        number = self._send(sock, answer, received)
        if number is not None:
            self._replies[sock.fileno(), number] = (session, session.rseq)
            session.rseq = (session.rseq + 1) & 0xFFFFFFFF
            self._read_transmit_stamps(sock)

    def _answer_guest(self, sock: socket.socket, received: Received, now_ns: int) -> None:
        """Nothing of a guest is kept but a count: its packets are no slots of ours."""
        if not stamp.LEAST_B <= len(received.data) <= MOST_B:
            self._malformed += 1
            return
        if not self._guests.admit(received.port, sock.getsockname()[1], now_ns):
            self._open_refused += 1
            return
        t3 = self._clock.realtime_ns()
        kernel = received.stamp_ns is not None
        t2 = t3 if received.stamp_ns is None else received.stamp_ns
        answer = stamp.open_reply(received.data, t2, t3, kernel=kernel, ttl=received.ttl)
        if self._send(sock, answer, received) is not None:
            self._open_answered += 1
            self._read_transmit_stamps(sock)

    def _confirm(self, sock: socket.socket, session: _Session, received: Received) -> None:
        """Tell the sender of a sized packet how much of it arrived."""
        answer = sized.answer(session.key, received.data)
        if answer is None:
            self._unauthentic += 1
        elif self._send(sock, answer, received) is not None:
            self._read_transmit_stamps(sock)

    def _send(self, sock: socket.socket, answer: bytes, received: Received) -> int | None:
        """The number that the kernel's stamp of this answer will bear; None if it could not be sent."""
        fd = sock.fileno()
        try:
            sock.sendto(answer, (received.address, received.port))
        except OSError:
            self._send_errors += 1
            transmit_stamps(sock, _STAMPS_AWAITED)
            restart_stamps(sock)
            self._sends[fd] = 0
            self._replies = {key: known for key, known in self._replies.items() if key[0] != fd}
            return None
        number = self._sends.get(fd, 0)
        self._sends[fd] = (number + 1) & 0xFFFFFFFF
        return number

    def _read_transmit_stamps(self, sock: socket.socket) -> None:
        fd = sock.fileno()
        # One at least is looked for: a stray entry would keep `select` awake.
        for number, stamp_ns in transmit_stamps(sock, max(1, len(self._replies))):
            known = self._replies.pop((fd, number), None)
            if known is not None:
                known[0].last = (known[1], stamp_ns)
        while len(self._replies) > _STAMPS_AWAITED:
            del self._replies[next(iter(self._replies))]

    def _saw(self, session: _Session, slot: int, now_ns: int) -> None:
        session.newest = max(session.newest, slot)
        if not session.path:
            return
        if session.count and slot == session.first + session.count:
            session.count += 1
            return
        self._close_run(session)
        session.first, session.count = slot, 1
        session.since_us = (now_ns - self._t0_ns) // 1000

    def _close_run(self, session: _Session) -> None:
        if session.count:
            session.rows.append((session.since_us, session.first, session.count))
            session.count = 0

    def _emit_rows(self, session: _Session) -> None:
        if session.rows:
            self._emit("seen", (session.path,), session.rows)
            session.rows = []

    def _known(self) -> Iterator[_Session]:
        for session in self._sessions.values():
            if session.earlier is not None:
                yield session.earlier
            yield session

    def flush(self) -> None:
        """Emit the runs that ended, and those that have lasted for three seconds."""
        now_us = (self._clock.monotonic_ns() - self._t0_ns) // 1000
        for session in self._known():
            if session.count and (now_us - session.since_us) * 1000 >= _RUN_NS:
                self._close_run(session)
            self._emit_rows(session)

    def report(self, *, close: bool = False) -> None:
        """Emit the counters of what was not answered, and of guests; `close` also ends the runs."""
        now_us = (self._clock.monotonic_ns() - self._t0_ns) // 1000
        if close:
            for session in self._known():
                self._close_run(session)
                self._emit_rows(session)
        counts = (self._malformed, self._unauthentic, self._stranger, self._replayed, self._send_errors)
        self._emit("wire", (), [(now_us, *counts, self._open_answered, self._open_refused)])
