"""The coordinator's side of turns: a lease is given to one source at a time, and ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.plan import PlannedPath

LATER, NEVER = "later: ", "never: "
"""How a refusal begins: ask again, or not in this round."""


@dataclass(frozen=True, slots=True)
class _Lease:
    path: PlannedPath
    number: int
    until_ns: int


class Leases:
    """The coordinator's side: at most one lease at any time."""

    def __init__(self, closed_until_ns: int) -> None:
        self._closed_until_ns = closed_until_ns
        self._held: _Lease | None = None

    def hold_off(self, until_ns: int) -> None:
        """Give none until then."""
        self._closed_until_ns = max(self._closed_until_ns, until_ns)

    def ask(self, path: PlannedPath, number: int, length_s: float, now_ns: int) -> str:
        """Empty if the turn is given, else why not. A source that asks anew has nothing under way: it may."""
        held = self._held
        if held is not None and now_ns < held.until_ns and held.path.source != path.source:
            return f"{LATER}{held.path.name} has the turn"
        if now_ns < self._closed_until_ns:
            return f"{LATER}the coordinator has only just begun"
        self._held = _Lease(path, number, now_ns + round(length_s * 1e9))
        return ""

    def release(self, path: PlannedPath, number: int) -> None:
        """Take the lease back, if it is this one."""
        if self._held is not None and (self._held.path, self._held.number) == (path, number):
            self._held = None


def read_ask(text: str, paths: Mapping[str, PlannedPath]) -> tuple[PlannedPath, int] | None:
    """Path and number of a request for a turn; None if it is none."""
    name, _, number = text.rpartition(" ")
    path = paths.get(name)
    sound = number.isascii() and number.isdigit() and len(number) < 16
    return (path, int(number)) if path is not None and sound else None
