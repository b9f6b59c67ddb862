"""The peers, before a run: HELLO on every path in both directions, and a token through each port beside it.

It is the collector's own HELLO, so key, plan and version are compared as a run would. Two nodes that check at the same time let each other
in (`collector.peers.doors`) on the port of the probes and that of the bandwidth tests. A node that collects already answers, and is not
touched otherwise: that it calls is all that is seen of the other direction.
"""

from __future__ import annotations

import contextlib
import secrets
import selectors
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from collector.contract import tool_version
from collector.errors import Unavailable
from collector.machine import Clock
from collector.paths import NOT_STARTED
from collector.peers.checking import Answer, Doing, read
from collector.peers.doors import DOOR_S, Door, Knock, Result, Taken
from collector.peers.hello import Identity, Peer, Purpose
from collector.peers.leases import LATER
from collector.peers.links import Links
from collector.peers.stamp import session_key
from collector.plan import LoadKind, Plan, PlannedPath, Port, Transport
from collector.plan_schedule import test_kinds
from collector.preflight.means import major
from collector.preflight.result import Check, Level, or_ok
from collector.strangers import refusal

AGAIN_S = 2.0
"""From one try to the next."""
KNOCKS = 2
"""A port that gave no answer is tried so often while its door is open: a machine that is busy for seconds is no firewall."""
LINGER_S = DOOR_S
"""After all is known here, so long for what the peers still want."""


@dataclass(slots=True)
class _Way:
    """A path from here. `wanted`: ports that are to be tried, and how often still; `results` by port, once they are known."""

    path: PlannedPath
    due_ns: int
    asking: bool = False
    met: Answer | None = None
    why: str = "it was not asked"
    wanted: dict[Port, int] = field(default_factory=dict)
    knocks: dict[Port, Knock] = field(default_factory=dict)
    results: dict[Port, tuple[Result, str]] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        return self.met is not None and not self.wanted and not self.knocks


@dataclass(slots=True)
class _Heard:
    """A path to here: whether its source called, and was let in where it asked for that."""

    path: PlannedPath
    called: bool = False


class Meeting:
    """One node's check of its peers."""

    def __init__(
        self, plan: Plan, node: str, key: bytes, clock: Clock, iperf3: str, away: Collection[str] = ()
    ) -> None:
        """`iperf3`: its version here, empty if it cannot be used. `away`: networks on which this node has no address now."""
        self._away = away
        self._plan = plan
        self._node = node
        self._clock = clock
        self._iperf3 = iperf3
        self._me = Identity(plan, node, secrets.token_hex(16), tool_version(), key)
        self._selector = selectors.DefaultSelector()
        self._links = Links(self._me, self._selector, clock, self, self._asked, lambda _peer, sock: sock.close())
        now = clock.monotonic_ns()
        paths = list(plan.paths())
        self._tested = {path.name for path in plan.bandwidth_paths()}
        self._ways = [_Way(path, now) for path in paths if path.source == node]
        self._heard = {path.name: _Heard(path) for path in paths if path.target == node}
        self._doors: dict[tuple[str, Port], tuple[str, Door]] = {}

    def run(self, patience_s: float, look: Callable[[int], None]) -> list[Check]:
        """Ask for so long, or until all is known; `look` is told how many paths are open yet, once a second.

        Raises:
            OperatorError: a port of this node cannot be opened.
        """
        try:
            self._links.listen(self._away)
            self._links.leave()  # it calls nobody by itself then
            self._ask_all(patience_s, look)
        finally:
            self.close()
        return [*self._checks()]

    def close(self) -> None:
        """Close every socket."""
        for way in self._ways:
            for knock in way.knocks.values():
                knock.close()
        for _, door in self._doors.values():
            door.close()
        self._doors.clear()
        self._links.close()
        self._selector.close()

    def _ask_all(self, patience_s: float, look: Callable[[int], None]) -> None:
        end = self._clock.monotonic_ns() + round(patience_s * 1e9)
        leave_ns: int | None = None
        look_ns = 0
        while (now := self._clock.monotonic_ns()) < (end if leave_ns is None else min(end, leave_ns)):
            self._links.beat()
            self._beat(now)
            undecided = sum(not way.decided for way in self._ways) + sum(not one.called for one in self._heard.values())
            if undecided == 0 and leave_ns is None:
                leave_ns = now + round(LINGER_S * 1e9)
            if now >= look_ns:
                look_ns = now + 1_000_000_000
                look(undecided)
            for key, mask in self._selector.select(0.2):
                key.data(mask)

    def _beat(self, now: int) -> None:
        for place, (_, door) in list(self._doors.items()):
            if now >= door.deadline_ns:
                door.close()
                del self._doors[place]
        for way in self._ways:
            for knock in list(way.knocks.values()):
                knock.beat()
            for port in [port for port in way.wanted if port not in way.knocks]:
                self._knock(way, port)
            if way.met is None and not way.asking and now >= way.due_ns:
                self._ask(way, now)

    # --- the asking side -------------------------------------------------------------------------------------------

    def _ask(self, way: _Way, now: int) -> None:
        way.asking, way.due_ns = True, now + round(AGAIN_S * 1e9)

        def done(text: str | None, why: str) -> None:
            way.asking = False
            if text is None:
                way.why = why
                return
            if text.startswith(LATER):
                way.why = text.removeprefix(LATER)
                return
            way.met = read(text)
            way.why = "" if way.met else "it answered something else"
            if way.met is not None and way.met.doing is Doing.CHECK:
                way.wanted = dict.fromkeys(self._ports(way.path), KNOCKS)

        self._links.ask(Purpose.CHECK, way.path.target, way.path.name, self._iperf3, done)

    def _ports(self, path: PlannedPath) -> list[Port]:
        """What a run needs on the path beside HELLO's port."""
        wanted = self._ports_here(path)
        return wanted if self._iperf3 else wanted[:1]

    def _knock(self, way: _Way, port: Port) -> None:
        def done(result: Result, why: str) -> None:
            way.results[port] = (result, why)
            way.knocks.pop(port, None)
            way.wanted[port] -= 1
            if result is not Result.FILTERED or not way.wanted[port]:
                del way.wanted[port]

        assert way.met is not None
        key = session_key(self._me.key, way.path.name, self._me.session, way.met.session)
        ends = self._address(way.path.source, way.path.network), self._address(way.path.target, way.path.network)
        try:
            knock = Knock(*ends, port, key, self._selector, self._clock, done)
        except Unavailable as error:
            done(Result.NOT_TESTED, str(error))
            return
        if not knock.over:
            way.knocks[port] = knock

    # --- the asked side --------------------------------------------------------------------------------------------

    def _asked(self, peer: Peer, reply: Callable[[str], None]) -> None:
        """A peer (proved) asks."""
        if peer.path not in self._heard or peer.purpose is not Purpose.CHECK:
            reply("only a check runs here")
            return
        heard = self._heard[peer.path]
        if all(self._let_in(heard.path, port, peer.key) for port in self._ports_here(heard.path)):
            heard.called = True
            reply(Answer(Doing.CHECK, self._me.session, self._iperf3).text)
        else:
            reply(f"{LATER}another node is being let in")

    def _ports_here(self, path: PlannedPath) -> list[Port]:
        """The port of the probes first, then those of the bandwidth tests."""
        wanted = [Port(Transport.UDP, self._plan.probing.port)]
        if path.name in self._tested:
            wanted.append(Port(Transport.TCP, self._plan.bandwidth.port))
            if LoadKind.UDP in test_kinds(self._plan, path.network):
                wanted.append(Port(Transport.UDP, self._plan.bandwidth.port))
        return wanted

    def _let_in(self, path: PlannedPath, port: Port, key: bytes) -> bool:
        """Open the door; False if it is open for another node."""
        place = (path.network, port)
        caller, door = self._doors.get(place, (path.source, None))
        if caller != path.source:
            return False
        if door is not None:
            door.close()
            del self._doors[place]
        ends = self._address(self._node, path.network), port, self._address(path.source, path.network)
        with contextlib.suppress(Taken, Unavailable):  # a port that another program holds is told by `ports`
            self._doors[place] = (path.source, Door(*ends, key, self._selector, self._clock))
        return True

    # --- what the links tell (see `collector.peers.links.Owner`) -----------------------------------------------------

    def admit(self, path: str, address: str, key: bytes) -> None:  # noqa: ARG002 - the links' way to say it
        """A node that collects calls on `path`. It is not answered, so that it does not begin to send."""
        if path in self._heard:
            self._heard[path].called = True

    def established(self, path: str, peer: Peer) -> None:
        """Never: nobody is called for that."""

    def left(self, path: str, peer: Peer) -> None:
        """A peer ends its run: of no interest here."""

    def trouble(self, path: str, text: str) -> None:
        """A peer's call failed; what it wanted is told where it is asked."""

    def silent(self, path: str, *, silent: bool) -> None:
        """Never: nobody is sent to."""

    # --- what came of it -------------------------------------------------------------------------------------------

    def _checks(self) -> Iterator[Check]:
        for peer in [node.name for node in self._plan.nodes if node.name != self._node]:
            ways = [way for way in self._ways if way.path.target == peer]
            heard = [one for one in self._heard.values() if one.path.source == peer]
            if ways:
                good = f"{peer} answers and calls on {', '.join(way.path.network for way in ways)}{self._beside(ways)}"
                yield from or_ok("peer", self._troubles(peer, ways, heard), good)

    def _beside(self, ways: list[_Way]) -> str:
        if any(way.met is not None and way.met.doing is Doing.COLLECT for way in ways):
            return " (it collects, so its UDP port was not tried)"
        ports = dict.fromkeys(port.name for way in ways for port in way.results)
        return f", also {', '.join(ports)}" if ports else ""

    def _troubles(self, peer: str, ways: list[_Way], heard: list[_Heard]) -> Iterator[Check]:
        if all(way.met is None and way.why == NOT_STARTED for way in ways) and not any(one.called for one in heard):
            hint = f"run `haready check` or `haready collect` on {peer} at the same time"
            yield Check("peer", Level.WARN, f"{peer} is there, and no haready runs on it", hint)
            return
        for way in ways:
            yield from self._way_troubles(peer, way)
        if any(way.met is not None for way in ways):
            for one in heard:
                if not one.called:
                    found = f"{peer} has not called on {one.path.network}, the way back is not known"
                    yield Check("peer", Level.WARN, found, self._open(one.path, f"TCP {self._plan.probing.port}"))
        yield from self._version_troubles(peer, ways)

    def _way_troubles(self, peer: str, way: _Way) -> Iterator[Check]:
        network = way.path.network
        if way.met is None:
            mended = refusal(way.why, self._plan.security.key_file, self._plan.probing.port)
            if mended is not None:
                yield Check("peer", Level.FAIL, f"{peer} on {network} {mended.what}", mended.remedy)
                return
            hint = f"run `haready check` on {peer} at the same time; if it runs there, {self._open(way.path, f'TCP {self._plan.probing.port}')}"
            yield Check("peer", Level.WARN, f"{peer} does not answer on {network}: {way.why}", hint)
        for port, (result, why) in way.results.items():
            if result is Result.OPEN:
                continue
            probes = port.number == self._plan.probing.port
            found = f"{port.name} does not get through to {peer} on {network}: {why}"
            loses = "nothing is measured on this path else" if probes else "no bandwidth is measured else"
            yield Check(
                "peer", Level.FAIL if probes else Level.WARN, found, f"{self._open(way.path, port.name)}: {loses}"
            )

    def _version_troubles(self, peer: str, ways: list[_Way]) -> Iterator[Check]:
        """iperf3 of both ends; only what both told can differ."""
        told = next((way.met.iperf3 for way in ways if way.met is not None), "")
        if self._iperf3 and told and major(told) != major(self._iperf3):
            found = f"{peer} has {told}, this node {self._iperf3}: they do not understand each other"
            yield Check("peer", Level.WARN, found, "install the same iperf3 on every node")

    def _open(self, path: PlannedPath, what: str) -> str:
        ends = self._address(path.source, path.network), self._address(path.target, path.network)
        return f"let {what} pass from {ends[0]} to {ends[1]}, on {path.target} and in every firewall between"

    def _address(self, node: str, network: str) -> str:
        return str(self._plan.node(node).addresses[network].ip)
