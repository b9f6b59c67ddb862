"""Which networks of a pair carry its heartbeats, and how often all of those were out at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.contract import Assessment, Timing
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
    of_pair: dict[frozenset[str], list[Timing]] = defaultdict(list)
    for item in assessment.timings:
        of_pair[frozenset((item.source, item.target))].append(item)
    for joint in assessment.joints:
        timings = of_pair[frozenset(joint.pair)]
        channels = tuple(name for name in joint.networks if kinds.get(name) in KINDS)
        yield Together(
            joint.pair,
            channels,
            tuple(dict.fromkeys(item.network for item in timings if item.network not in channels)),
            min((rest_s(item) for item in timings if item.network in channels), default=0.0),
            joint.common_outages if channels else 0,
            joint.longest_common_outage_s if channels else 0.0,
        )
