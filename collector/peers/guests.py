"""Who may probe without the key: the addresses of the plan's ``open_to``, a few packets at a time.

Anybody on such an address can send as fast as the line carries, and a source address can be forged. So guests share a small
budget of answers per tick, whatever they send; the probes of the peers do not draw on it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from collector.peers.ticker import PERIOD_NS
from collector.plan import AnyNetwork

PER_TICK = 4
"""Answers in 20 ms, for all guests together (design value): 200 a second, far above what test senders ask for."""
MOST_B = 2047
"""No test sender pads more (design value): a jumbo frame's worth of answers to a forged address helps only an attacker."""
_WELL_KNOWN = 862
"""Where reflectors listen (RFC 8762)."""


class Guests:
    """Nobody unless the plan says otherwise, and never a node of the plan: those have the key."""

    def __init__(self, networks: Iterable[AnyNetwork] = (), nodes: Iterable[str] = ()) -> None:
        self._networks = tuple(networks)
        self._nodes = frozenset(nodes)
        self._tick = -1
        self._answered = 0

    def invited(self, address: str) -> bool:
        """Whether a packet from there may be answered without a key."""
        if not self._networks or address in self._nodes:
            return False
        found = ipaddress.ip_address(address.partition("%")[0])
        return any(found in network for network in self._networks)

    def admit(self, port: int, own_port: int, now_ns: int) -> bool:
        """Whether a guest's packet may be answered now; if so, it has drawn on the budget of this tick.

        What comes from a reflector's port may be another reflector's answer: two that answer each other never stop.
        """
        if port in (own_port, _WELL_KNOWN):
            return False
        tick = now_ns // PERIOD_NS
        if tick != self._tick:
            self._tick, self._answered = tick, 0
        self._answered += 1
        return self._answered <= PER_TICK
