"""The process that talks over TCP as products do: it asks on its own connections, answers on those of the peers.

Event driven: an answer is read when it arrives, not at a tick. Connections come from main, which has run HELLO on them, so no port has
to be opened beside HELLO's, and nothing that is not authenticated ever gets here.
"""

from __future__ import annotations

import gc
import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from collector.contract import State
from collector.machine import Clock
from collector.peers.echolines import AGES_S, PERIOD_NS, Beat, Idle, Line, fitting
from collector.peers.handover import take
from collector.peers.stream import Side, Stream
from collector.processes import Inlet, Outlet

PHASE_NS = 500_000_000
"""Seconds are counted from here, away from main's own beat on the whole second."""
REPORT_S = 10
_FEW = 900


@dataclass(frozen=True, slots=True)
class EchoPath:
    """A path of this node, in either direction. `asks`: this node is its source."""

    name: str
    dscp: int
    asks: bool


def run_echo(
    paths: Sequence[EchoPath],
    planned_s: float,
    clock: Clock,
    t0_ns: int,
    hatch: socket.socket,
    orders: Inlet,
    out: Outlet,
    ages_s: tuple[int, ...] = AGES_S,
) -> None:
    """Body of the process. `ages_s` is shorter in tests only.

    Orders: ``("send", path, key)`` keeps the path's connections up, ``("pause", path)`` ends them, ``("failed", path, age_s, why)``:
    one that was asked for did not come about, ``("stop",)`` ends; others are for somebody else. It asks for a connection with
    ``("connect", path, age_s)``, and through `hatch` come ``("opened" or "serve", path, age_s, key, who)`` with a connection.
    ``("echo", path, state, reason, sent)`` tells how a path fares. Rows come as ``("rows", ...)``.
    """
    echo = _Echo(paths, fitting(ages_s, planned_s), ages_s, clock, t0_ns, out)
    echo.selector.register(orders.fd, selectors.EVENT_READ)
    echo.selector.register(hatch, selectors.EVENT_READ)
    now = clock.monotonic_ns()
    slot = max(0, now - t0_ns - PHASE_NS) // PERIOD_NS + 1
    # What was inherited stays untouched, so that its pages stay shared: a collection would write to every object.
    gc.freeze()
    while not orders.ended:
        due_ns = t0_ns + PHASE_NS + slot * PERIOD_NS
        ready = echo.selector.select(max(0.0, (due_ns - clock.monotonic_ns()) / 1e9))
        fds = {key.fd for key, _ in ready}
        for fd in fds:
            echo.heard(fd)
        if hatch.fileno() in fds:
            while (handed := take(hatch)) is not None:
                echo.take(*handed)
        if orders.fd in fds:
            for order in orders.messages():
                if order[0] == "stop":
                    echo.finish()
                    return
                echo.order(order)
        while (now := clock.monotonic_ns()) >= due_ns:
            if now - due_ns >= PERIOD_NS:
                echo.skipped(slot, due_ns)
            else:
                echo.second(slot, due_ns)
            slot += 1
            due_ns += PERIOD_NS
    echo.finish()


class _Echo:
    """All connections of this node."""

    def __init__(
        self,
        paths: Sequence[EchoPath],
        fitting_s: tuple[int, ...],
        ages_s: tuple[int, ...],
        clock: Clock,
        t0_ns: int,
        out: Outlet,
    ) -> None:
        self._kinds = {0, *ages_s}
        # Not epoll, which waits in whole milliseconds: that would be lateness of every message. But select ends at 1024 descriptors.
        few = len(paths) * len(self._kinds) < _FEW
        self.selector: selectors.BaseSelector = selectors.SelectSelector() if few else selectors.DefaultSelector()
        self._out = out
        self._clock = clock
        self._dscp = {path.name: path.dscp for path in paths}
        self._keys: dict[str, bytes] = {}
        self._lines: dict[tuple[str, int], Line] = {}
        self._beats: dict[str, Beat] = {}
        for path in paths:
            if path.asks:
                beat = Beat(path.name, t0_ns, self._rows, self._part, clock)
                self._beats[path.name] = beat
                self._lines[path.name, 0] = beat
                for age_s in fitting_s:
                    self._lines[path.name, age_s] = Idle(age_s, beat, t0_ns, self._rows, self._part, clock)
        self._served: dict[tuple[str, int], Stream] = {}
        self._askers: dict[int, Line] = {}
        self._callers: dict[int, tuple[str, int]] = {}
        self._told: dict[str, tuple[State, str]] = {}

    # --- what main says --------------------------------------------------------------------------------------------

    def order(self, order: tuple[object, ...]) -> None:
        match order:
            case ("send", str(path), bytes(key)) if path in self._beats:
                if self._keys.get(path) != key:
                    self._pause(path)  # another start of the peer: the old connections are gone, or will be
                    self._keys[path] = key
                    for line in self._of(path):
                        line.begin()
                    self._ask()
            case ("pause", str(path)):
                self._pause(path)
            case ("failed", str(path), int(age_s), str(why)) if (path, age_s) in self._lines:
                self._lines[path, age_s].failed(why)

    def take(self, message: tuple[object, ...], sock: socket.socket) -> None:
        """A connection that main has made, or that a peer has made with main."""
        match message:
            case ("opened", str(path), int(age_s), bytes(key), str(who)) if (path, age_s) in self._lines:
                line = self._lines[path, age_s]
                stream = self._stream(sock, key, Side.QUESTION, path)
                if stream is None or not line.active or self._keys.get(path) != key or line.stream is not None:
                    sock.close()
                    # A connection with another start than the one that was met: the next attempt follows that.
                    line.failed("another start of the peer answered")
                    return
                self._askers[sock.fileno()] = line
                self.selector.register(sock, selectors.EVENT_READ)
                line.opened(stream, who)
                self._ask()
            case ("serve", str(path), int(age_s), bytes(key), str(_)) if age_s in self._kinds and path in self._dscp:
                stream = self._stream(sock, key, Side.ANSWER, path)
                # A peer has one connection of a kind: whatever it had before, it has given up.
                self._unserve((path, age_s))
                if stream is not None:
                    self._served[path, age_s] = stream
                    self._callers[sock.fileno()] = (path, age_s)
                    self.selector.register(sock, selectors.EVENT_READ)
            case _:
                sock.close()

    def _stream(self, sock: socket.socket, key: bytes, side: Side, path: str) -> Stream | None:
        try:
            return Stream(sock, key, side, self._dscp[path])
        except OSError:
            sock.close()
            return None

    # --- what arrives ----------------------------------------------------------------------------------------------

    def heard(self, fd: int) -> None:
        line = self._askers.get(fd)
        if line is not None:
            line.heard()
        elif (caller := self._callers.get(fd)) is not None:
            stream = self._served[caller]
            try:
                for number in stream.numbers():
                    stream.send(number)
            except OSError:
                self._unserve(caller)
            else:
                if stream.ended is not None:
                    self._unserve(caller)

    # --- every second ----------------------------------------------------------------------------------------------

    def second(self, slot: int, due_ns: int) -> None:
        for line in self._lines.values():
            line.second(slot, due_ns)
        for caller, stream in list(self._served.items()):
            try:
                stream.push()
            except OSError:
                self._unserve(caller)
        self._ask()
        for line in self._lines.values():
            line.flush()
        self._tell(everything=slot % REPORT_S == 0)
        self._out.push()

    def skipped(self, slot: int, due_ns: int) -> None:
        for beat in self._beats.values():
            beat.skipped(slot, due_ns)

    def finish(self) -> None:
        """Hand over what is still held."""
        self._tell(everything=True)
        for line in self._lines.values():
            line.flush(everything=True)
        self._out.push()

    # --- small things ----------------------------------------------------------------------------------------------

    def _of(self, path: str) -> list[Line]:
        return [line for (name, _), line in self._lines.items() if name == path]

    def _pause(self, path: str) -> None:
        self._keys.pop(path, None)
        for line in self._of(path):
            line.rest()

    def _ask(self) -> None:
        """Ask main for connections, one at a time on a path: its HELLO bounds how many may call at once."""
        now = self._clock.monotonic_ns()
        for path in self._beats:
            lines = self._of(path)
            if not any(line.asking for line in lines):
                wanted = next((line for line in lines if line.wanted(now)), None)
                if wanted is not None:
                    wanted.asking = True
                    self._out.put(("connect", path, wanted.age_s))

    def _tell(self, *, everything: bool) -> None:
        for path, beat in self._beats.items():
            state = State.SKIPPED if beat.stream is None else State.OK
            told = (state, beat.why)
            if everything or self._told.get(path) != told:
                self._told[path] = told
                self._out.hold(("echo", path, state.value, beat.why, beat.sent))

    def _part(self, stream: Stream) -> None:
        """A line is about to close its connection."""
        del self._askers[stream.sock.fileno()]
        self.selector.unregister(stream.sock)

    def _unserve(self, caller: tuple[str, int]) -> None:
        stream = self._served.pop(caller, None)
        if stream is not None:
            self._callers.pop(stream.sock.fileno(), None)
            self.selector.unregister(stream.sock)
            stream.close()

    def _rows(self, table: str, labels: tuple[str, ...], rows: list[tuple[int | None, ...]]) -> None:
        self._out.hold(("rows", table, labels, rows))
