"""Which ports of the plan's products are open between the nodes: asked once the peer is there, and again near the end of the run.

The peer is asked over HELLO to open a door (`collector.peers.doors`); it opens those that the plan lists and no others, one per port
and network, for seconds. Where another program listens already, being accepted by that is all that is tried.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.contract import State
from collector.errors import Unavailable
from collector.machine import Clock
from collector.peers.doors import Door, Knock, Result, Taken
from collector.peers.hello import Peer, Purpose
from collector.peers.leases import LATER, NEVER
from collector.peers.tables import REACH
from collector.peers.world import Done
from collector.plan import Plan, PlannedPort, Transport
from collector.record import Record

USED = "used: "
"""How the answer of a peer begins on which another program listens."""
TRIES, AGAIN_S = 3, 10.0
"""A question that was not answered is put again so often, so much later."""
LONG_S, LAST_S = 600.0, 120.0
"""A run at least so long asks again, this long before its end."""


class Asking(Protocol):
    """What this needs of the links."""

    def ask(self, purpose: Purpose, node: str, path: str, text: str, done: Done) -> None:
        """Ask a peer on a path."""
        ...

    def usable(self, path: str) -> bool:
        """True if the peer is there and answers on it."""
        ...


@dataclass(slots=True)
class _Owed:
    """A port to be tried."""

    port: PlannedPort
    ways: Sequence[str]
    due_ns: int
    last: bool
    tries: int = 0
    tested: bool = False


class Reach:
    """Both sides of a node: its knocks, one at a time, and the doors that it opens for others."""

    def __init__(
        self,
        plan: Plan,
        node: str,
        clock: Clock,
        selector: selectors.BaseSelector,
        links: Asking,
        key: Callable[[str], bytes | None],
        emit: Callable[[str, tuple[str, ...], list[Sequence[int | None]]], None],
        record: Record,
        planned_s: float,
        note: Callable[[str], None],
        t0_ns: int | None = None,
    ) -> None:
        """`key` tells the key of a path while its peer is there; `emit` takes rows; `note` tells an event.

        `t0_ns`: zero of the run's time axis; unless told, this start is the first.
        """
        self._plan = plan
        self._node = node
        self._clock = clock
        self._selector = selector
        self._links = links
        self._key = key
        self._emit = emit
        self._record = record
        self._note = note
        began_ns = clock.monotonic_ns()
        self._t0_ns = began_ns if t0_ns is None else t0_ns
        self._end_ns = began_ns + round(planned_s * 1e9)
        self._leaving = False
        self._asking: _Owed | None = None
        self._asked_ns = 0
        self._knock: Knock | None = None
        self._doors: dict[tuple[str, str], tuple[str, Door]] = {}
        ports = list(plan.ports())
        self._mine = {(port.source, port.network, port.port.name): port for port in ports if port.target == node}
        twice = planned_s >= LONG_S
        self._owed = [_Owed(port, self._ways(port), began_ns, last=not twice) for port in ports if port.source == node]

    def beat(self) -> None:
        """Once a second or so: close what is late, try what is due."""
        now = self._clock.monotonic_ns()
        for place, (_, door) in list(self._doors.items()):
            if now >= door.deadline_ns:
                door.close()
                del self._doors[place]
        if self._knock is not None:
            self._knock.beat()
        if self._asking is None and not self._leaving:
            due = next((owed for owed in self._owed if owed.due_ns <= now and self._way(owed)), None)
            if due is not None:
                self._ask(due)

    def leave(self) -> None:
        """The run ends: nothing is tried any more, and no door stays open."""
        self._leaving = True
        if self._knock is not None:
            self._knock.close()
        for _, door in self._doors.values():
            door.close()
        self._doors.clear()
        for owed in self._owed:
            if not owed.tested and not self._record.outcome(_name(owed.port)).intervals:
                self._enter(owed.port, State.SKIPPED, f"no collector answered on {owed.port.target}")

    # --- the knocking side -----------------------------------------------------------------------------------------

    def _ways(self, port: PlannedPort) -> list[str]:
        """Probed paths to the target, on the port's own network first."""
        return [
            path.name
            for path in sorted(self._plan.paths(), key=lambda path: path.network != port.network)
            if (path.source, path.target) == (port.source, port.target)
        ]

    def _way(self, owed: _Owed) -> str:
        return next((way for way in owed.ways if self._links.usable(way) and self._key(way) is not None), "")

    def _ask(self, owed: _Owed) -> None:
        way = self._way(owed)
        key = self._key(way)
        assert key is not None
        self._asking, self._asked_ns = owed, self._clock.monotonic_ns()

        def done(answer: str | None, why: str) -> None:
            self._answered(owed, key, answer, why)

        self._links.ask(Purpose.LISTEN, owed.port.target, way, f"{owed.port.port.name} {owed.port.network}", done)

    def _answered(self, owed: _Owed, key: bytes, answer: str | None, why: str) -> None:
        """The peer has opened its door, or says why not."""
        if self._asking is not owed or self._leaving:
            return
        port = owed.port
        if answer is None or answer.startswith(LATER):
            owed.tries += 1
            if owed.tries < TRIES:
                self._asking = None
                owed.due_ns = self._clock.monotonic_ns() + round(AGAIN_S * 1e9)
                return
            said = why if answer is None else answer.removeprefix(LATER)
            self._over(owed, Result.NOT_TESTED, f"{port.target} did not open it: {said}")
        elif answer.startswith(NEVER):
            self._over(owed, Result.NOT_TESTED, f"{port.target}: {answer.removeprefix(NEVER)}")
        elif answer.startswith(USED) and port.port.transport is not Transport.TCP:
            self._over(owed, Result.NOT_TESTED, f"another program uses it on {port.target}")
        else:
            self._try(owed, key, used=answer.startswith(USED))

    def _try(self, owed: _Owed, key: bytes, *, used: bool) -> None:
        port = owed.port

        def done(result: Result, why: str) -> None:
            self._over(owed, result, why)

        ends = (self._address(port.source, port.network), self._address(port.target, port.network))
        try:
            knock = Knock(*ends, port.port, key, self._selector, self._clock, done, used=used)
        except Unavailable as error:
            self._over(owed, Result.NOT_TESTED, str(error))
            return
        if not knock.over:
            self._knock = knock

    def _over(self, owed: _Owed, result: Result, why: str) -> None:
        self._asking = self._knock = None
        now = self._clock.monotonic_ns()
        port = owed.port
        row = ((self._asked_ns - self._t0_ns) // 1000, int(result), (now - self._asked_ns) // 1000)
        self._emit(REACH.name, (port.path, port.port.name), [row])
        owed.tries = 0
        owed.tested |= result is not Result.NOT_TESTED
        self._enter(port, State.SKIPPED if result is Result.NOT_TESTED else State.OK, why)
        if result not in (Result.OPEN, Result.USED):
            self._note(f"{_name(port)}: {result.name.lower().replace('_', ' ')}: {why}")
        if owed.last:
            self._owed.remove(owed)
        else:
            owed.last, owed.due_ns = True, self._end_ns - round(LAST_S * 1e9)

    def _enter(self, port: PlannedPort, state: State, reason: str) -> None:
        outcome = self._record.outcome(_name(port))
        outcome.enter(state, reason, (self._clock.monotonic_ns() - self._t0_ns) // 1000)
        outcome.ticks += state is State.OK

    # --- the other side --------------------------------------------------------------------------------------------

    def asked(self, peer: Peer, reply: Callable[[str], None]) -> None:
        """A peer (proved) asks for a door."""
        name, _, network = peer.text.partition(" ")
        port = self._mine.get((peer.node, network, name))
        if port is None:
            reply(f"{NEVER}the plan has no such port")
        elif self._leaving:
            reply(f"{NEVER}its run is ending")
        else:
            reply(self._admit(port, peer.key))

    def _admit(self, port: PlannedPort, key: bytes) -> str:
        place = (port.network, port.port.name)
        caller, door = self._doors.pop(place, ("", None))
        if door is not None:
            if caller != port.source:
                self._doors[place] = (caller, door)
                return f"{LATER}{caller} is being let in"
            door.close()
        ends = (self._address(self._node, port.network), port.port, self._address(port.source, port.network))
        try:
            self._doors[place] = (port.source, Door(*ends, key, self._selector, self._clock))
        except Taken:
            return f"{USED}another program listens there"
        except Unavailable as error:
            return f"{NEVER}{error}"
        return ""

    @property
    def doors(self) -> Collection[tuple[str, str]]:
        """(network, port) of what is open now."""
        return self._doors.keys()

    def _address(self, node: str, network: str) -> str:
        return str(self._plan.node(node).addresses[network].ip)


def _name(port: PlannedPort) -> str:
    return f"reach {port.path} {port.port.name}"
