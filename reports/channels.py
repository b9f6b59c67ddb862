"""Which networks of a pair carry its heartbeats, and when all of those were out at once.

The public network stays up in most troubles of the channels; counted as one of them, it would hide that they failed together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
    for joint in assessment.joints:
        timings = [item for item in assessment.timings if {item.source, item.target} == set(joint.pair)]
        channels = tuple(name for name in joint.networks if kinds.get(name) in KINDS)
        common: list[tuple[float, float]] | None = None
        for name in channels:
            out = _out(item for item in timings if item.network == name)
            common = out if common is None else _both(common, out)
        lengths = [stop - start for start, stop in common or ()]
        yield Together(
            joint.pair,
            channels,
            tuple(name for name in joint.networks if name not in channels),
            min((rest_s(item) for item in timings if item.network in channels), default=0.0),
            len(lengths),
            max(lengths, default=0.0),
        )


def _out(timings: Iterable[Timing]) -> list[tuple[float, float]]:
    """When a network was out in either direction, without overlaps."""
    merged: list[tuple[float, float]] = []
    spans = sorted((item.start_s, item.start_s + item.length_s) for timing in timings for item in timing.outages)
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def _both(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Overlaps of two lists of stretches, each sorted and without overlaps of its own."""
    found = []
    left = right = 0
    while left < len(one) and right < len(other):
        start, stop = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if stop > start:
            found.append((start, stop))
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return found
