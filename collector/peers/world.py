"""What a node's turns need of the rest of the collector: to ask others, to start iperf3, to record."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from collector.contract import State
from collector.peers.hello import Purpose
from collector.plan import PlannedTest

Done = Callable[["str | None", str], None]
"""Takes the answer to a question, or None and why there is none."""


class World(Protocol):
    """What a node can do; `Turns` decides when."""

    def live(self) -> Collection[str]:
        """The other nodes that can be talked to now."""
        ...

    def met(self, path: str) -> bool:
        """True if the target of the path can be talked to on it now."""
        ...

    def call(self, purpose: Purpose, node: str, path: str, ask: str, done: Done) -> None:
        """Ask `node` something, on `path` if that is not empty. `done` is called once, later or at once."""
        ...

    def laden(self) -> str:
        """Why other programs leave no room for a test on this node now; empty if they do."""
        ...

    def serve(self, test: PlannedTest, limit_bps: int | None, deadline_s: float) -> None:
        """Start a server; `Turns.serving` and `Turns.served` tell of it."""
        ...

    def test(self, test: PlannedTest, seconds: int, limit_bps: int | None, deadline_s: float) -> None:
        """Start a test; `Turns.tested` tells its end."""
        ...

    def outcome(self, name: str, state: State, reason: str) -> None:
        """Record how the tests of that name fare."""
        ...

    def spent(self, path: str, whole: int) -> None:
        """Keep what the tests of a path have cost in this run so far, for a later start of it."""
        ...

    def note(self, text: str) -> None:
        """Tell of an event."""
        ...


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a test. `sent_B`: what it cost (None: not known)."""

    state: State
    reason: str
    received_B: int | None
    receiver_us: int | None
    sent_B: int | None
