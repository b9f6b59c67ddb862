"""Bandwidth tests of this node: carries what `Turns` decides to the links and to the bandwidth process, and what they say back."""

from __future__ import annotations

from collections.abc import Callable, Collection

from collector.contract import Json, State
from collector.machine import Clock
from collector.peers.guard import Idle, Limits, Meter
from collector.peers.hello import Identity, Peer, Purpose
from collector.peers.links import Links
from collector.peers.turns import Turns
from collector.peers.world import Done, Finish
from collector.plan import Plan, PlannedTest
from collector.processes import Message
from collector.record import Record

_MOST_UNSERVED = 20
"""So many reasons why this node cannot serve are told, each once."""


class Tester:
    """The `collector.peers.world.World` of a node."""

    def __init__(
        self,
        me: Identity,
        clock: Clock,
        planned_s: float,
        links: Links,
        order: Callable[[str, Message], None],
        record: Record,
        now_us: Callable[[], int],
        note: Callable[[str], None],
        settle: Callable[[], None],
    ) -> None:
        """`order` reaches the process of that name; `note` tells an event; `settle` brings the record to the disk."""
        self._plan = me.plan
        self._links = links
        self._order = order
        self._record = record
        self._now_us = now_us
        self._note = note
        self._settle = settle
        self._unserved: set[str] = set()
        self._clock = clock
        self._bursting = ""
        self._room = Idle(Meter(limits(me.plan)))
        self.iperf3 = ""
        """What iperf3 calls itself here; empty if it cannot be used, or is not known yet."""
        self._turns = Turns(me.plan, me.node, self, clock, planned_s, record.spent)

    @property
    def wanted(self) -> bool:
        """True if this node has a part in any test."""
        return self._turns.wanted

    @property
    def busy(self) -> str:
        """The name of the test this node takes part in now; empty if none."""
        return self._turns.busy

    def upcoming(self) -> tuple[str, float] | None:
        """The next test from this node and the seconds until then; None if there is none to come."""
        return self._turns.upcoming()

    def beat(self) -> None:
        """Once a second: begin what is due."""
        if self._turns.wanted:
            self._room.beat(self._clock.monotonic_ns(), testing=bool(self._turns.busy))
        self._turns.beat()

    def leave(self) -> None:
        """The run ends: no test any more, and none is left running."""
        self._turns.leave()
        self._order("bandwidth", ("stop",))

    def asked(self, peer: Peer, reply: Callable[[str], None]) -> None:
        """A peer has a question."""
        self._turns.asked(peer.purpose, peer.node, peer.path, peer.text, reply)

    # --- what the bandwidth process says ---------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """Take a message of the bandwidth process, but for its rows."""
        match message:
            case ("iperf3", version, why_not):
                self.iperf3 = version
                self._record.facts["bandwidth"] = {"iperf3": version}
                if why_not:
                    self._note(f"{why_not}: no bandwidth tests from or to this node")
                self._turns.unable(why_not)
            case ("served-ready", name, why_not):
                if why_not:
                    self._calm()
                if why_not and why_not not in self._unserved and len(self._unserved) < _MOST_UNSERVED:
                    # The source asks again and again; its operator is told at the end of the round, this one now.
                    self._unserved.add(why_not)
                    self._note(f"bandwidth {name}: this node cannot serve: {why_not}")
                self._turns.serving(name, why_not)
            case ("served", name, aborted):
                self._calm()
                if aborted:
                    self._note(f"bandwidth {name}: {aborted}")
                self._turns.served(name)
            case ("tested", name, state, reason, received, receiver_us, sent):
                self._calm()
                self._turns.tested(name, Finish(State(state), reason, received, receiver_us, sent))
            case _:
                raise AssertionError(message[0])

    def interrupted(self, why: str) -> None:
        """The bandwidth process died."""
        self._calm()
        self._turns.interrupted(why)

    def lost(self, reason: str) -> None:
        """The bandwidth process is given up."""
        self._calm()
        self._turns.interrupted(reason)
        self._turns.unable(reason)

    # --- what the turns decide -------------------------------------------------------------------------------------

    def live(self) -> Collection[str]:
        """See `World`."""
        return self._links.live()

    def met(self, path: str) -> bool:
        """See `World`."""
        return self._links.usable(path)

    def call(self, purpose: Purpose, node: str, path: str, ask: str, done: Done) -> None:
        """See `World`."""
        self._links.ask(purpose, node, path, ask, done)

    def laden(self) -> str:
        """See `World`."""
        return self._room.laden

    def serve(self, test: PlannedTest, limit_bps: int | None, deadline_s: float) -> None:
        """See `World`."""
        self._burst(f"{test.target}>{test.source}/{test.network}", deadline_s)
        address = self._address(test.target, test)
        self._order("bandwidth", ("serve", test.name, address, self._plan.bandwidth.port, limit_bps, deadline_s))

    def test(self, test: PlannedTest, seconds: int, limit_bps: int | None, deadline_s: float) -> None:
        """See `World`."""
        self._burst(test.path, deadline_s)
        ends = self._address(test.source, test), self._address(test.target, test)
        port = self._plan.bandwidth.port
        self._order("bandwidth", ("test", test.name, *ends, port, seconds, limit_bps, deadline_s))

    def _burst(self, path: str, seconds: float) -> None:
        """Probe this node's way of the tested path fast; `_calm` ends it, or the time."""
        self._bursting = path
        self._order("wire", ("burst", path, seconds))

    def _calm(self) -> None:
        """No test of this node is on any more."""
        if self._bursting:
            self._order("wire", ("calm", self._bursting))
            self._bursting = ""

    def outcome(self, name: str, state: State, reason: str) -> None:
        """See `World`."""
        outcome = self._record.outcome(f"bandwidth {name}")
        new = not outcome.intervals or (outcome.intervals[-1].state, outcome.intervals[-1].reason) != (state, reason)
        outcome.enter(state, reason, self._now_us())
        outcome.ticks += state is State.OK
        if new and reason:
            self._note(f"bandwidth {name}: {'no test' if state is State.SKIPPED else 'not measured'}: {reason}")

    def spent(self, path: str, whole: int) -> None:
        """See `World`. It is on the disk before the test begins."""
        self._record.spent[path] = whole
        self._settle()

    def note(self, text: str) -> None:
        """See `World`."""
        self._note(text)

    def _address(self, node: str, test: PlannedTest) -> Json:
        return str(self._plan.node(node).addresses[test.network].ip)


def limits(plan: Plan) -> Limits:
    """What other programs may use beside a test."""
    return Limits(plan.bandwidth.cpu_limit, plan.bandwidth.traffic_limit)
