"""How many of the lost probes of a path lie in its outages: what silences a path is another fault than what drops packets."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.contract import Outage, Timing


def in_outages(outages: Iterable[Outage]) -> int:
    """Probes that were lost in these, without those that were only late."""
    return sum(outage.slots - outage.late for outage in outages)


def silenced(timing: Timing) -> int:
    """The lost probes that lie in outages, where these are more than half of all; else 0."""
    inside = min(in_outages(timing.outages), timing.lost)
    return inside if 2 * inside > timing.lost else 0
