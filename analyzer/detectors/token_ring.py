"""Corosync's totem: a token goes round the ring; who has not seen it for the *runtime* token timeout calls for a new membership.

    runtime token  = token + (nodes - 2) x token_coefficient      with 3 nodes or more in the nodelist
    retransmit     = int(runtime token / (retransmits + 0.2))     a lost token is sent again that often
    hold           = int(0.8 x retransmit - 10)                   an idle ring keeps the token that long at one node
    consensus      = 1.2 x runtime token, unless it was written   after the token was lost
    knet ping      = every token / (2 x pong_count), lost after token / pong_count

A loss of the token is a pause or outage as long as the timeout, less the time since a node saw it last (up to `hold`), or the loss of a token and all its retransmissions; so
the replay takes a try every `retransmit` after any probe for a heartbeat, and the runtime token less `hold` for the timer. (A real corosync with token 2000 lost it in an outage of 1.731 s,
`docs/daemons.md`.) Tries are single datagrams. Every path of the ring has to carry the token:
combine the paths with `any_of`, and the knet links of one path with `all_of`. A dead node is noticed after token + consensus at most.

**Trap**: an explicit `consensus` is not rescaled. 3600 is right for token 3000 between two nodes, and in a ring of three (runtime token
3650) it is *shorter* than the token.

Source: corosync exec/totemconfig.c, exec/main.c and corosync.conf(5); a real configuration with its runtime dump confirmed 3650 and 357.
That token + consensus is the whole reaction: unverified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from analyzer.detectors.silence import Timer

COEFFICIENT_MS = 650
RETRANSMITS = 4
CONSENSUS = 1.2
WARNING = 0.75
"""Corosync warns at this share of the token timeout, and that its process was not scheduled at 0.8 of it."""

SCHEDULED = 0.8


@dataclass(frozen=True, slots=True)
class Totem:
    """One setting, in ms as corosync.conf has it. `consensus_ms` None: not written, so corosync computes it."""

    token_ms: int
    nodes: int
    coefficient_ms: int = COEFFICIENT_MS
    retransmits: int = RETRANSMITS
    consensus_ms: int | None = None

    def __post_init__(self) -> None:
        """Raises ValueError: no ring."""
        if self.token_ms < 30 or self.nodes < 2 or self.coefficient_ms < 0 or self.retransmits < 1:
            raise ValueError(f"{self} is no ring: token 30 ms at least, two nodes, one retransmission")

    @property
    def runtime_ms(self) -> int:
        """The timeout that is in force.

        >>> Totem(3000, 3).runtime_ms, Totem(3000, 2).runtime_ms
        (3650, 3000)
        """
        return self.token_ms + max(0, self.nodes - 2) * self.coefficient_ms

    @property
    def retransmit_ms(self) -> int:
        """How often a lost token is sent again.

        >>> Totem(3000, 3, retransmits=10).retransmit_ms, Totem(3000, 2).retransmit_ms
        (357, 714)
        """
        return int(self.runtime_ms / (self.retransmits + 0.2))

    @property
    def consensus_runtime_ms(self) -> int:
        """How long the new membership is agreed upon."""
        return int(CONSENSUS * self.runtime_ms) if self.consensus_ms is None else self.consensus_ms

    @property
    def ping_ms(self) -> tuple[int, int]:
        """The (interval, timeout) of knet's pings by default (two pongs)."""
        return self.runtime_ms // 4, self.runtime_ms // 2

    @property
    def detection_s(self) -> tuple[float, float]:
        """Time from a crash to the loss of the token, and to the new membership at most."""
        whole_s = (self.runtime_ms + self.consensus_runtime_ms) / 1e3
        return self.runtime_ms / 1e3, whole_s

    @property
    def hold_ms(self) -> int:
        """How long an idle ring keeps the token at one node, while the others' timers run.

        >>> Totem(3000, 2).hold_ms
        561
        """
        return max(0, int(0.8 * self.retransmit_ms - 10))

    @property
    def outlasts_s(self) -> float:
        """Longest silence that loses no token, wherever the token was when it began."""
        return (self.runtime_ms - self.hold_ms) / 1e3

    @property
    def timer(self) -> Timer:
        """The silence timer of one path of the ring."""
        return Timer(self.retransmit_ms / 1e3, self.outlasts_s, steady=True)


def trap(totem: Totem) -> str:
    """What is wrong with an explicit consensus, or nothing.

    >>> trap(Totem(3000, 3, consensus_ms=3600))
    'consensus 3600 ms is not above the runtime token of 3650 ms, and below 1.2 x that (4380 ms): an explicit value is not rescaled with the nodes'
    >>> trap(Totem(3000, 3)), trap(Totem(3000, 2, consensus_ms=3600))
    ('', '')
    """
    if totem.consensus_ms is None:
        return ""
    wanted_ms = math.ceil(CONSENSUS * totem.runtime_ms - 1e-6)
    if totem.consensus_ms >= wanted_ms:
        return ""
    beside = (
        f"not above the runtime token of {totem.runtime_ms} ms, and "
        if totem.nodes > 2 and totem.consensus_ms <= totem.runtime_ms
        else ""
    )
    return (
        f"consensus {totem.consensus_ms} ms is {beside}below 1.2 x that ({wanted_ms} ms): an explicit value is not rescaled with the nodes"
        if beside
        else f"consensus {totem.consensus_ms} ms is below 1.2 x the runtime token ({wanted_ms} ms): an explicit value is not rescaled with the nodes"
    )
