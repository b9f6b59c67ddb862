"""TCP echo of this node: makes the connections that the echo process asks for, hands it those of the peers, records how paths fare."""

from __future__ import annotations

import socket
from collections.abc import Callable

from collector.contract import State
from collector.peers.echo import EchoPath
from collector.peers.echolines import PAUSED
from collector.peers.handover import give, hatch
from collector.peers.hello import Peer
from collector.peers.links import Links
from collector.plan import Plan
from collector.processes import Message
from collector.record import Record

NO_ECHO = "its TCP echo does not run"


class Echoes:
    """Stands between the links, which make connections, and the echo process, which uses them."""

    def __init__(
        self,
        plan: Plan,
        node: str,
        session: str,
        links: Links,
        order: Callable[[Message], None],
        record: Record,
        now_us: Callable[[], int],
        note: Callable[[str], None],
    ) -> None:
        """`order` reaches the echo process; `note` tells an event."""
        self.paths = [
            EchoPath(path.name, plan.network(path.network).dscp, asks=path.source == node)
            for path in plan.echo_paths()
            if node in (path.source, path.target)
        ]
        self._session = session
        self._links = links
        self._order = order
        self._record = record
        self._now_us = now_us
        self._note = note
        self._starts = 0
        self._end: socket.socket | None = None

    @property
    def wanted(self) -> bool:
        """True if this node has a part in any echo."""
        return bool(self.paths)

    def begin(self) -> socket.socket:
        """The echo process is about to be started: its end of the way that connections take to it."""
        self.close()
        self._end, other = hatch()
        self._starts += 1
        return other

    def close(self) -> None:
        """Close the way to the echo process."""
        if self._end is not None:
            self._end.close()
            self._end = None

    # --- what a peer wants -----------------------------------------------------------------------------------------

    def asked(self, reply: Callable[[str], None]) -> None:
        """A peer asks for a connection: tell it which start of which process it will talk to. Empty: none."""
        reply(f"{self._session[:16]}-{self._starts}" if self._end is not None else "")

    def called(self, peer: Peer, sock: socket.socket) -> None:
        """A peer's connection is there."""
        self._hand_over("serve", peer, peer.text, sock, "")

    # --- what the echo process says --------------------------------------------------------------------------------

    def heard(self, message: Message) -> None:
        """Take a message of the echo process, but for its rows."""
        match message:
            case ("connect", path, age_s):
                self._links.connect(
                    path,
                    str(age_s),
                    lambda _, why: self._order(("failed", path, age_s, why)),
                    lambda peer, sock: self._made(peer, age_s, sock),
                )
            case ("echo", path, state, reason, sent):
                self._enter(path, State(state), reason)
                self._record.outcome(f"echo {path}").ticks = sent

    def lost(self, reason: str) -> None:
        """The echo process is given up."""
        self.close()
        for path in self.paths:
            if path.asks:
                self._enter(path.name, State.ERROR, reason)

    def _made(self, peer: Peer, age_s: int, sock: socket.socket) -> None:
        if not peer.text:
            sock.close()
            self._order(("failed", peer.path, age_s, NO_ECHO))
        elif not self._hand_over("opened", peer, str(age_s), sock, peer.text):
            self._order(("failed", peer.path, age_s, "it could not be handed over"))

    def _hand_over(self, kind: str, peer: Peer, age: str, sock: socket.socket, who: str) -> bool:
        if self._end is None or not (age.isascii() and age.isdigit() and len(age) <= 6):
            sock.close()
            return False
        return give(self._end, (kind, peer.path, int(age), peer.key, who), sock)

    def _enter(self, path: str, state: State, reason: str) -> None:
        outcome = self._record.outcome(f"echo {path}")
        last = outcome.intervals[-1] if outcome.intervals else None
        if last is not None and last.state is State.OK and state is not State.OK and reason != PAUSED:
            self._note(f"echo {path}: {reason}")
        outcome.enter(state, reason, self._now_us())
