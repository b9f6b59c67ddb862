"""The coordinator's side of turns: a lease is given to one source at a time, and ends by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.plan import PlannedTest

LATER, NEVER = "later: ", "never: "
"""How a refusal begins: ask again, or not in this round."""


@dataclass(frozen=True, slots=True)
class _Lease:
    test: PlannedTest
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

    def ask(self, test: PlannedTest, number: int, length_s: float, now_ns: int) -> str:
        """Empty if the turn is given, else why not. A source that asks anew has nothing under way: it may."""
        held = self._held
        if held is not None and now_ns < held.until_ns and held.test.source != test.source:
            return f"{LATER}{held.test.name} has the turn"
        if now_ns < self._closed_until_ns:
            return f"{LATER}the coordinator has only just begun"
        self._held = _Lease(test, number, now_ns + round(length_s * 1e9))
        return ""

    def release(self, test: PlannedTest, number: int) -> None:
        """Take the lease back, if it is this one."""
        if self._held is not None and (self._held.test, self._held.number) == (test, number):
            self._held = None


def read_ask(text: str, tests: Mapping[str, PlannedTest]) -> tuple[PlannedTest, int] | None:
    """Test and number of a request for a turn; None if it is none."""
    name, _, number = text.rpartition(" ")
    test = tests.get(name)
    sound = number.isascii() and number.isdigit() and len(number) < 16
    return (test, int(number)) if test is not None and sound else None
