"""Which addresses of the plan this machine holds, while a product runs that moves them: at the start and at every change.

Only in the live phase. An address counts as held if packets to it would leave from itself: the kernel is asked for a route, nothing is sent.
Addresses of the peers and of observers are looked at too: one that has come here tells that this node is the active one now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collector.plan import Address, Node, Phase, Plan
from collector.record import Record

LOOK_US = 10_000_000
"""From look to look (design value): a few system calls for each address."""
MOST = 64
"""Addresses that are looked at, this node's own first (design value)."""
CHANGES = 1000
"""So many changes are kept (design value): an address that flaps fills no archive."""


class Roles:
    """Records who holds what. `source` tells from which address packets to another would leave (see `Host.source_address`)."""

    def __init__(
        self,
        plan: Plan,
        node: Node,
        source: Callable[[str], str],
        record: Record,
        now_us: Callable[[], int],
        note: Callable[[str], None],
    ) -> None:
        self._node = node
        self._source = source
        self._record = record
        self._now_us = now_us
        self._note = note
        self._names = dict(list(_watched(plan, node))[:MOST]) if plan.phase is Phase.LIVE else {}
        self._next_us: int | None = None

    def beat(self) -> None:
        """Once a second: look whether it is time."""
        now_us = self._now_us()
        if not self._names or (self._next_us is not None and now_us < self._next_us):
            return
        self._next_us = now_us + LOOK_US
        known = {address: held for _, address, held in self._record.holds}
        own = {there.ip for there in self._node.addresses.values()}
        for ip, name in self._names.items():
            held = _holds(ip, self._source)
            before = known.get(str(ip))
            if before == held or (before is None and not held and ip not in own) or len(self._record.holds) >= CHANGES:
                continue
            self._record.holds.append((now_us, str(ip), held))
            if before is not None:
                self._note(f"{ip} ({name}) {'has come to' if held else 'has left'} this node")
            elif held != (ip in own):
                self._note(f"{ip} ({name}) is {'' if held else 'not '}on this node")


def away(plan: Plan, node: Node, source: Callable[[str], str]) -> frozenset[str]:
    """Networks on which a node does not hold its address now, as the passive node of a running pair may not.

    Empty before a product runs, and if it holds none at all of those that are probed: then it is another machine than the plan means.
    """
    if plan.phase is not Phase.LIVE:
        return frozenset()
    missing = frozenset(name for name, there in node.addresses.items() if not _holds(there.ip, source))
    probed = {path.network for path in plan.paths() if node.name in (path.source, path.target)}
    return frozenset() if probed <= missing else missing


def _holds(ip: Address, source: Callable[[str], str]) -> bool:
    # Of loopback addresses all can be used, and all leave from the first.
    return ip.is_loopback or source(str(ip)).partition("%")[0] == str(ip).partition("%")[0]


def _watched(plan: Plan, node: Node) -> Iterator[tuple[Address, str]]:
    for one in sorted(plan.nodes, key=lambda one: one.name != node.name):
        for network, there in one.addresses.items():
            if not there.ip.is_loopback:
                yield there.ip, f"{one.name} on {network}"
    for observer in plan.observers:
        if not observer.address.is_loopback:
            yield observer.address, f"observer {observer.name}"
