"""Fast probes: while a bandwidth test loads a path, it is also probed 25 times a second, in slots of their own.

They go beside the ordinary probes, which keep their schedule, so nothing that is said of the idle path changes. Each path has a second
sender for them: another socket, sequence numbers that bear a mark (`stamp.BURST`), and tables of their own (`burst`, `burst_reply`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collector.machine import Clock
from collector.peers.sender import Sender
from collector.peers.ticker import Emit

PERIOD_NS = 40_000_000
"""Two wake-ups of the ticker: 25 probes a second, where 20 are asked for."""
_TABLES = {"sent": "burst", "reply": "burst_reply"}


def beside(emit: Emit) -> Emit:
    """An `Emit` for a fast sender: the same rows, in the tables of the fast probes."""

    def emitted(table: str, labels: tuple[str, ...], rows: list[tuple[int | None, ...]]) -> None:
        emit(_TABLES[table], labels, rows)

    return emitted


class Bursts:
    """The fast senders of a node. A path gets its own when it is first tested."""

    def __init__(self, make: Callable[[str], Sender], period_ns: int, clock: Clock) -> None:
        """`period_ns`: of the ordinary probes; where they are as fast themselves there are no others."""
        self._make = make
        self._wanted = period_ns > PERIOD_NS
        self._clock = clock
        self._senders: dict[str, Sender] = {}
        self._until_ns: dict[str, int] = {}

    def begin(self, path: str, key: bytes, seconds: float) -> None:
        """Probe `path` fast, for so long at most."""
        if self._wanted:
            if path not in self._senders:
                self._senders[path] = self._make(path)
            self._until_ns[path] = self._clock.monotonic_ns() + round(seconds * 1e9)
            self._senders[path].start(key)

    def again(self, path: str, key: bytes) -> None:
        """`path` has another key; what goes on goes on under it."""
        sender = self._senders.get(path)
        if sender is not None and sender.active:
            sender.start(key)

    def end(self, path: str) -> None:
        """Send no more on `path`; what is under way may still be answered."""
        if path in self._senders:
            self._senders[path].pause()

    def active(self) -> Iterator[Sender]:
        """Those that send now."""
        return (sender for sender in self._senders.values() if sender.active)

    def flush(self, *, everything: bool = False) -> None:
        """Emit what is complete, and end what has lasted too long: whoever was to end it may be gone."""
        now_ns = self._clock.monotonic_ns()
        for path, sender in self._senders.items():
            if now_ns >= self._until_ns[path]:
                sender.pause()
            sender.flush(everything=everything)
