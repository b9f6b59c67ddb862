"""The probed paths of a node: who may be answered on them, which of them send, how each fares.

It stands between the links, which find out who is there, and the wire process, which sends and answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collector.contract import State
from collector.peers.hello import Peer
from collector.processes import Message
from collector.record import Record
from collector.strangers import Strangers

NOT_STARTED = "Connection refused"
"""The system's words for a machine that is there, with no collector on it."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of all probes of this node so far. `rtt_us`: of the path that is slowest now."""

    sent: int
    answered: int
    rtt_us: int | None


class Paths:
    """The paths in both directions; it does what the links decide (see `collector.peers.links.Owner`)."""

    def __init__(
        self,
        names: Iterable[str],
        order: Callable[[Message], None],
        record: Record,
        now_us: Callable[[], int],
        note: Callable[[str], None],
        strangers: Strangers,
    ) -> None:
        """`names`: the paths this node sends on; `order` reaches the wire process; `note` tells an event."""
        self._strangers = strangers
        self._counts: dict[str, tuple[int, int, int | None]] = dict.fromkeys(names, (0, 0, None))
        self._order = order
        self._record = record
        self._now_us = now_us
        self._note = note
        self._keys: dict[str, bytes] = {}
        self._admitted: dict[str, tuple[str, bytes]] = {}
        self._parted: set[str] = set()

    # --- what the links decide -------------------------------------------------------------------------------------

    def admit(self, path: str, address: str, key: bytes) -> None:
        """Answer who sends on `path`."""
        self._admitted[path] = (address, key)
        self._order(("reflect", path, address, key))

    def established(self, path: str, peer: Peer) -> None:
        """Send on `path`."""
        self._record.met(self._now_us(), path, peer.node, peer.session)
        self._strangers.met(peer.node)
        self._keys[path] = peer.key
        self._parted.discard(path)
        self._enter(path, State.OK, "")
        self._note(f"{path}: the collector on {peer.node} answers (session {peer.session[:8]})")
        self._order(("send", path, peer.key))

    def left(self, path: str, peer: Peer) -> None:
        """Stop sending on `path`: its peer said goodbye."""
        self._keys.pop(path, None)
        self._parted.add(path)
        self._enter(path, State.SKIPPED, f"{peer.node} ended its run")
        self._note(f"{path}: {peer.node} ended its run")
        self._order(("pause", path))

    def trouble(self, path: str, text: str) -> None:
        """Note why nobody was met on `path`."""
        # Nobody has to be told that a peer which said goodbye does not answer.
        if path in self._counts and path not in self._keys and path not in self._parted:
            intervals = self._record.outcome(f"path {path}").intervals
            new = not intervals or intervals[-1].reason != text
            self._enter(path, State.SKIPPED, text)
            peer = path.partition(">")[2].partition("/")[0]
            if self._strangers.refused(peer, text) or not new:
                return
            if text == NOT_STARTED:
                self._note(f"{path}: the collector on {peer} is not started there yet")
            else:
                self._note(f"{path}: no collector answers there yet ({text})")

    def silent(self, path: str, *, silent: bool) -> None:
        """Note that replies stopped, or came again."""
        self._note(f"{path}: {'no answers any more' if silent else 'answers again'}")

    def key(self, path: str) -> bytes | None:
        """The key of `path` while this node may send on it."""
        return self._keys.get(path)

    # --- what the wire process says and needs ----------------------------------------------------------------------

    def counted(self, path: str, sent: int, answered: int, rtt_us: int | None) -> None:
        """Take the present counts of a path."""
        self._counts[path] = (sent, answered, rtt_us)

    def again(self) -> None:
        """The wire process was started anew: tell it all that it has to know."""
        for path, (address, key) in self._admitted.items():
            self._order(("reflect", path, address, key))
        for path, key in self._keys.items():
            self._order(("send", path, key))

    def pause(self) -> None:
        """Stop sending."""
        for path in self._counts:
            self._order(("pause", path))

    # --- what is told of them --------------------------------------------------------------------------------------

    def counts(self) -> dict[str, tuple[int, int, int | None]]:
        """(sent, answered, last round trip in us) of every path of this node."""
        return dict(self._counts)

    def tally(self) -> Tally:
        """All paths together."""
        counts = self._counts.values()
        rtts = [rtt for _, _, rtt in counts if rtt is not None]
        return Tally(sum(row[0] for row in counts), sum(row[1] for row in counts), max(rtts, default=None))

    def save(self) -> None:
        """Bring the outcomes up to date."""
        for path, (sent, _, _) in self._counts.items():
            outcome = self._record.outcome(f"path {path}")
            if not outcome.intervals:
                outcome.enter(State.SKIPPED, "the peer was never met", 0)
            elif outcome.intervals[-1].state is State.OK:
                outcome.enter(State.OK, "", self._now_us())
            outcome.ticks = sent

    def never_met(self) -> tuple[tuple[str, str], ...]:
        """(path, reason) of those that never sent."""
        outcomes = [(path, self._record.outcome(f"path {path}").intervals) for path in self._counts]
        return tuple(
            (path, intervals[-1].reason)
            for path, intervals in outcomes
            if all(interval.state is not State.OK for interval in intervals)
        )

    def lost(self, reason: str) -> None:
        """The wire process is given up."""
        for path in self._counts:
            self._enter(path, State.ERROR, reason)

    def _enter(self, path: str, state: State, reason: str) -> None:
        self._record.outcome(f"path {path}").enter(state, reason, self._now_us())
