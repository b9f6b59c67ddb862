"""The asking side of the TCP echo: one connection a path that carries a message a second, and idle ones that grow old.

Both kinds are kept up alike: asked for (main runs HELLO and hands the connection over), lost, asked for again after a while. They
own no selector and do not wait: `collector/peers/echo.py` tells them what arrived and when a second has passed.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from collector.machine import Clock
from collector.peers.stream import Stream
from collector.peers.tables import CLOSED, FORGED, NOT_CONNECTED, ORDERLY, SKIPPED, UNANSWERED
from collector.peers.tcpinfo import tcp_info
from collector.peers.ticker import Emit

PERIOD_NS = 1_000_000_000
AGES_S = (300, 1800, 3600, 7200)
"""How long connections are left idle before they are used again."""
WAIT_S = 20.0
"""How long the answer on a connection that was idle is waited for: time for six retransmissions on a path that is well (design value)."""
TROUBLE_NS = 1_000_000_000
"""A path whose second-by-second echo is answered later than this is not well (design value)."""
BACKOFF_NS = 1_000_000_000
BACKOFF_MAX_NS = 10_000_000_000
"""From a lost connection, or one that did not come about, to the next attempt: doubling up to the latter (design values)."""
SETTLE_NS = 1_800_000_000_000
"""How long the end of a connection waits to be told with who came afterwards: readers refuse rows that come an hour late."""
NEVER_MET = "the peer was never met"
PAUSED = "the peer is gone, or this run ends"

Row = tuple[int | None, ...]
Part = Callable[[Stream], None]


def end_text(flag: int) -> str:
    """Why a connection ended, for the operator."""
    known = {CLOSED: "the other end closed it", FORGED: "what came was not authentic", ORDERLY: "it was ended in order"}
    return known.get(flag) or os.strerror(flag)


def fitting(ages_s: tuple[int, ...], planned_s: float) -> tuple[int, ...]:
    """The ages that a run of `planned_s` has time for, waiting for the answer and a late start included."""
    return tuple(age for age in ages_s if age + 2 * WAIT_S <= planned_s)


class Line(ABC):
    """A connection that is kept up while the path is active. `age_s` 0 is the one that is never idle."""

    def __init__(self, path: str, age_s: int, t0_ns: int, emit: Emit, part: Part, clock: Clock) -> None:
        """`part` is told of a connection that is about to be closed."""
        self.path = path
        self.age_s = age_s
        self.active = False
        self.asking = False
        self.why = NEVER_MET
        self.stream: Stream | None = None
        self._labels = (path,)
        self._who = ""
        self._opened_ns = 0
        self._ended_ns = 0
        self._next_ns = 0
        self._backoff_ns = BACKOFF_NS
        self._t0_ns = t0_ns
        self._emit = emit
        self._part = part
        self._clock = clock

    def begin(self) -> None:
        """Keep it up from now on."""
        self.active = True
        self.why = "no connection yet"
        self._next_ns = 0
        self._backoff_ns = BACKOFF_NS

    def rest(self) -> None:
        """Close it in order, and leave it closed."""
        if self.active:
            self.active = False
            self.why = PAUSED
            self.lost(ORDERLY)

    def wanted(self, now_ns: int) -> bool:
        """True if a connection is to be asked for."""
        return self.active and self.stream is None and not self.asking and now_ns >= self._next_ns

    def failed(self, why: str) -> None:
        """The connection that was asked for did not come about."""
        self.asking = False
        self.why = why
        self._later()

    def opened(self, stream: Stream, who: str) -> None:
        """Take the connection that was asked for. `who`: which start of the peer is at its other end."""
        self.asking = False
        self._settle(same=int(who == self._who))
        self._who, self._opened_ns = who, self._clock.monotonic_ns()
        self.stream, self.why = stream, ""

    def heard(self) -> None:
        """Something arrived."""
        if self.stream is None:
            return
        now = self._clock.monotonic_ns()
        for number in self.stream.numbers():
            self._backoff_ns = BACKOFF_NS
            self._answered(number, now)
        if self.stream.ended is not None:
            self.lost(self.stream.ended)

    def lost(self, flag: int) -> None:
        """The connection is over."""
        if self.stream is not None:
            self._part(self.stream)
            self.stream.close()
            self.stream = None
            if flag != ORDERLY:
                self.why = f"connection lost: {end_text(flag)}"
            self._ended_ns = self._clock.monotonic_ns()
            self._note(flag, self._ended_ns)
            self._later()

    def flush(self, *, everything: bool = False) -> None:
        """Hand over the rows that are complete; with `everything` also what the end of the run leaves open."""
        if everything:
            self.rest()
        if everything or (self.stream is None and self._clock.monotonic_ns() - self._ended_ns > SETTLE_NS):
            self._settle(same=None)

    @abstractmethod
    def second(self, slot: int, due_ns: int) -> None:
        """A second has passed. `slot`: its number, `due_ns`: when it did."""

    def _send(self, number: int) -> int:
        """0 or the errno; what is broken is closed."""
        assert self.stream is not None
        try:
            self.stream.send(number)
        except OSError as error:
            code = error.errno or errno.ETIMEDOUT
            self.lost(code)
            return code
        return 0

    def _later(self) -> None:
        self._next_ns = self._clock.monotonic_ns() + self._backoff_ns
        self._backoff_ns = min(2 * self._backoff_ns, BACKOFF_MAX_NS)

    def _us(self, mono_ns: int) -> int:
        return (mono_ns - self._t0_ns) // 1000

    @abstractmethod
    def _answered(self, number: int, now_ns: int) -> None:
        """An answer with that number has come."""

    @abstractmethod
    def _note(self, flag: int, now_ns: int) -> None:
        """Keep what there is to say of a connection that has just ended."""

    @abstractmethod
    def _settle(self, *, same: int | None) -> None:
        """Say it, now that it is known (or will not be known) who is there afterwards."""


class Beat(Line):
    """A message a second, whatever became of those before (open loop): a silence costs no sample."""

    def __init__(self, path: str, t0_ns: int, emit: Emit, part: Part, clock: Clock) -> None:
        super().__init__(path, 0, t0_ns, emit, part, clock)
        self.sent = 0
        self.troubled_ns = clock.monotonic_ns()
        self._rows: deque[list[int | None]] = deque()
        self._open: dict[int, tuple[list[int | None], int]] = {}
        self._tcp: list[Row] = []
        self._end: tuple[int, int, int] | None = None

    def second(self, slot: int, due_ns: int) -> None:
        """Send the message of this second."""
        if not self.active:
            return
        now = self._clock.monotonic_ns()
        row: list[int | None] = [self._us(due_ns), slot, (now - due_ns) // 1000, None, NOT_CONNECTED]
        self._rows.append(row)
        if self.stream is not None:
            info = tcp_info(self.stream.sock)
            if info is not None:
                self._tcp.append((self._us(now), *info))
            self._open[slot] = (row, due_ns)
            row[4] = self._send(slot)
            self.sent += row[4] == 0
        oldest = next(iter(self._open.values()), None)
        if self.stream is None or (oldest is not None and now - oldest[1] > TROUBLE_NS):
            self.troubled_ns = now

    def skipped(self, slot: int, due_ns: int) -> None:
        """The process slept through that second; nothing is sent for it."""
        if self.active:
            late_us = (self._clock.monotonic_ns() - due_ns) // 1000
            self._rows.append([self._us(due_ns), slot, late_us, None, SKIPPED])

    def flush(self, *, everything: bool = False) -> None:
        """See `Line`. A message without answer waits for it, or for the end of its connection."""
        super().flush(everything=everything)
        rows: list[Row] = []
        while self._rows and self._rows[0][1] not in self._open:
            rows.append(tuple(self._rows.popleft()))
        if rows:
            self._emit("echo", self._labels, rows)
        if self._tcp:
            self._emit("echo_tcp", self._labels, self._tcp)
            self._tcp = []

    def _answered(self, number: int, now_ns: int) -> None:
        found = self._open.pop(number, None)
        if found is not None:
            row, due_ns = found
            row[3] = (now_ns - due_ns) // 1000

    def _note(self, flag: int, now_ns: int) -> None:
        # What was not answered on this connection never will be.
        self._open.clear()
        self._end = (self._us(now_ns), self._us(self._opened_ns), flag)

    def _settle(self, *, same: int | None) -> None:
        if self._end is not None:
            self._emit("echo_end", self._labels, [(*self._end, same)])
            self._end = None


class Idle(Line):
    """Carries nothing for `age_s`, then one message: did anything on the way forget it meanwhile? Then again."""

    def __init__(self, age_s: int, beat: Beat, t0_ns: int, emit: Emit, part: Part, clock: Clock) -> None:
        """`beat`: the path's other connection, which tells whether the path itself is well."""
        super().__init__(beat.path, age_s, t0_ns, emit, part, clock)
        self._beat = beat
        self._used_ns = 0
        self._asked_ns = 0
        self._cut: tuple[int, int, int | None, int] | None = None

    def opened(self, stream: Stream, who: str) -> None:
        """See `Line`."""
        super().opened(stream, who)
        self._used_ns, self._asked_ns = self._opened_ns, 0

    def second(self, slot: int, due_ns: int) -> None:
        """Use the connection if it is old enough; give up waiting for its answer."""
        del due_ns
        if self.stream is None:
            return
        now = self._clock.monotonic_ns()
        if not self._asked_ns and now - self._used_ns >= self.age_s * 1_000_000_000:
            self._asked_ns = now
            self._send(slot)
        elif self._asked_ns and now - self._asked_ns > WAIT_S * 1e9:
            self.lost(UNANSWERED)

    def _answered(self, number: int, now_ns: int) -> None:
        del number
        if self._asked_ns:
            age_s = (self._asked_ns - self._used_ns) // 1_000_000_000
            self._emit("idle", self._labels, [(self._us(self._asked_ns), self.age_s, age_s, 1, 0)])
            self._used_ns, self._asked_ns = now_ns, 0

    def _note(self, flag: int, now_ns: int) -> None:
        if flag == ORDERLY:
            return
        at_ns = self._asked_ns or now_ns
        # Silence proves something only beside a path that was well all the time from the question on.
        well = self._beat.stream is not None and self._beat.troubled_ns < at_ns
        age_s = (at_ns - self._used_ns) // 1_000_000_000
        self._cut = (self._us(at_ns), age_s, 0 if well else None, flag)

    def _settle(self, *, same: int | None) -> None:
        if self._cut is None:
            return
        t_us, age_s, alive, flag = self._cut
        self._cut = None
        # A peer that was started again has closed its connections itself: that says nothing about the way there.
        if same != 0:
            told = alive if same == 1 else None
            self._emit("idle", self._labels, [(t_us, self.age_s, age_s, told, flag)])
