"""When the path MTU of which path is looked for: once the peer is met, then every hour; and what came of it."""

from __future__ import annotations

import selectors
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.contract import State
from collector.errors import Unavailable
from collector.machine import Clock
from collector.peers.pmtu import Phase, Walk
from collector.peers.tables import PMTU
from collector.plan import Plan
from collector.record import Record

EVERY_S = 3600.0
AGAIN_S = 300.0
"""After a search that was given up."""


@dataclass(slots=True)
class _Path:
    """A path this node sends on."""

    source: str
    target: str
    due_ns: int = 0
    walk: Walk | None = None
    unable: bool = False
    ends: tuple[int | None, ...] = ()
    """What the search before found; an event is told only if it is something else now."""


class Sizes:
    """The searches of a node, each path for itself. They run in the main process: no answer's time matters here."""

    def __init__(
        self,
        plan: Plan,
        node: str,
        clock: Clock,
        selector: selectors.BaseSelector,
        key: Callable[[str], bytes | None],
        emit: Callable[[str, tuple[str, ...], list[Sequence[int | None]]], None],
        record: Record,
        t0_ns: int,
        note: Callable[[str], None],
    ) -> None:
        """`key` tells the key of a path while its peer is there; `emit` takes rows; `note` tells an event."""
        self._port = plan.probing.port
        self._clock = clock
        self._selector = selector
        self._key = key
        self._emit = emit
        self._record = record
        self._t0_ns = t0_ns
        self._note = note
        self._paths: Mapping[str, _Path] = {
            path.name: _Path(
                str(plan.node(path.source).addresses[path.network].ip),
                str(plan.node(path.target).addresses[path.network].ip),
            )
            for path in plan.paths()
            if path.source == node
        }

    def beat(self) -> None:
        """Once a second or so."""
        now = self._clock.monotonic_ns()
        for name, path in self._paths.items():
            key = self._key(name)
            if path.walk is not None:
                if key is not None:
                    path.walk.key = key
                path.walk.beat()
                self._look(name, path)
            elif key is not None and now >= path.due_ns and not path.unable:
                self._begin(name, path, key)

    def close(self) -> None:
        """The run ends: no search any more."""
        for name, path in self._paths.items():
            if path.walk is not None:
                self._drop(path)
                self._enter(name, State.SKIPPED, "the run ended before it was found")

    def _begin(self, name: str, path: _Path, key: bytes) -> None:
        try:
            walk = Walk(path.source, (path.target, self._port), key, self._clock)
        except Unavailable as error:
            path.unable = True
            self._enter(name, State.SKIPPED, str(error))
            return
        path.walk = walk
        path.due_ns = walk.began_ns + round(EVERY_S * 1e9)

        def readable(_mask: int) -> None:
            walk.ready()
            self._look(name, path)

        self._selector.register(walk, selectors.EVENT_READ, readable)
        walk.beat()
        self._look(name, path)

    def _look(self, name: str, path: _Path) -> None:
        """Record a search that is over."""
        walk = path.walk
        if walk is None or walk.phase is Phase.UNDER_WAY:
            return
        self._drop(path)
        found, search = walk.phase is Phase.FOUND, walk.search
        ends = (search.size_B, search.refused_B, search.nic_B, search.told_B, 0 if found else 1)
        began_us = (walk.began_ns - self._t0_ns) // 1000
        self._emit(PMTU.name, (name,), [(began_us, *ends)])
        if not found:
            path.due_ns = self._clock.monotonic_ns() + round(AGAIN_S * 1e9)
        self._enter(name, State.OK if found else State.TIMEOUT, walk.why)
        self._record.outcome(f"pmtu {name}").ticks += found
        if ends != path.ends:
            path.ends = ends
            self._note(f"pmtu {name}: {f'{search.size_B} B' if found else f'not found: {walk.why}'}")

    def _drop(self, path: _Path) -> None:
        walk, path.walk = path.walk, None
        if walk is not None:
            self._selector.unregister(walk)
            walk.close()

    def _enter(self, name: str, state: State, reason: str) -> None:
        now_us = (self._clock.monotonic_ns() - self._t0_ns) // 1000
        self._record.outcome(f"pmtu {name}").enter(state, reason, now_us)
