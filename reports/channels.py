"""Which networks of a pair carry its heartbeats, and how often all of those were out at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.contract import Assessment
from reports.basis import rest_s

KINDS = frozenset({"channel", "sync"})
"""Kinds of networks that carry heartbeats and replication."""


@dataclass(frozen=True, slots=True)
class Together:
    """A pair's channels and its other networks, how long all channels were watched, and how often all of them were out at once."""

    pair: tuple[str, str]
    channels: tuple[str, ...]
    others: tuple[str, ...]
    watched_s: float
    times: int
    longest_s: float


def together(assessment: Assessment) -> Iterator[Together]:
    """Every pair that was measured on common time."""
    kinds = {network.name: network.kind for network in assessment.networks}
    for joint in assessment.joints:
        timings = [item for item in assessment.timings if {item.source, item.target} == set(joint.pair)]
        channels = tuple(name for name in joint.networks if kinds.get(name) in KINDS)
        yield Together(
            joint.pair,
            channels,
            tuple(dict.fromkeys(item.network for item in timings if item.network not in channels)),
            min((rest_s(item) for item in timings if item.network in channels), default=0.0),
            joint.common_outages if channels else 0,
            joint.longest_common_outage_s if channels else 0.0,
        )
