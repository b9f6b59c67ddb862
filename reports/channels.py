"""Which networks of a pair carry its heartbeats, when each of them was out, and how often all of those were out at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.contract import Assessment, Timing
from analyzer.contract.spans import Spans, intersection, union
from reports.basis import rest_s

KINDS = frozenset({"channel", "sync"})
"""Kinds of networks that carry heartbeats and replication."""

UNSEEN = 0.5
"""A pause of this share of an outage may be what caused it (design value, as for standstills)."""


@dataclass(frozen=True, slots=True)
class Together:
    """A pair's channels and its other networks, how long all channels were watched, and how often all of them were out at once.

    `stood`, `majority`, `by_hand`: as in `Joint`.
    """

    pair: tuple[str, str]
    channels: tuple[str, ...]
    others: tuple[str, ...]
    watched_s: float
    times: int
    longest_s: float
    stood: str
    majority: tuple[str, ...]
    by_hand: bool


@dataclass(frozen=True, slots=True)
class Incident:
    """Outages of a pair's channels that overlap, on the run's time axis. `longest_s` by channel; `several_s`: longest time with two or more out."""

    pair: tuple[str, str]
    start_s: float
    stop_s: float
    longest_s: Mapping[str, float]
    several_s: float


def between(pair: Iterable[str], assessment: Assessment) -> list[Timing]:
    """The paths between two nodes, both ways."""
    ends = set(pair)
    return [timing for timing in assessment.timings if {timing.source, timing.target} == ends]


def out(timings: Iterable[Timing], network: str) -> Spans:
    """When a network was out: while either direction was."""
    return union(
        (outage.start_s, outage.start_s + outage.length_s)
        for timing in timings
        if timing.network == network
        for outage in timing.outages
    )


def all_out(timings: Sequence[Timing], networks: Iterable[str]) -> Spans:
    """When all of these networks were out at once."""
    common: Spans | None = None
    for name in networks:
        spans = out(timings, name)
        common = spans if common is None else intersection(common, spans)
    return common or []


def up_meanwhile(item: Together, assessment: Assessment) -> list[str]:
    """Other networks of a pair that answered both ways whenever all its channels were out: neither node stood still then.

    One that may have missed that because a node was stalled, or was not asked, tells nothing.
    """
    timings = between(item.pair, assessment)
    spans = all_out(timings, item.channels)
    least_s = min((stop - start for start, stop in spans), default=0.0)

    def steady(name: str) -> bool:
        ways = [timing for timing in timings if timing.network == name]
        return len(ways) == 2 and all(
            way.rtt.samples and max(way.unjudged * way.period_s, way.longest_stall_s) < UNSEEN * least_s for way in ways
        )

    return [name for name in item.others if spans and steady(name) and not intersection(spans, out(timings, name))]


def incidents(assessment: Assessment) -> list[Incident]:
    """Every stretch in which a channel of a pair was out, in order of time. A channel is out while either direction is."""
    found: list[Incident] = []
    for item in together(assessment):
        outages = [
            (start, stop, channel)
            for channel in item.channels
            for start, stop in out(between(item.pair, assessment), channel)
        ]
        found += _swept(item.pair, sorted(outages))
    return sorted(found, key=lambda incident: (incident.start_s, incident.pair))


def _swept(pair: tuple[str, str], outages: Sequence[tuple[float, float, str]]) -> Iterator[Incident]:
    """`outages`: from, to and channel, in order of their beginnings; those of one channel do not overlap."""
    gathered: list[tuple[float, float, str]] = []
    end_s = 0.0
    for outage in outages:
        if gathered and outage[0] >= end_s:
            yield _incident(pair, gathered, end_s)
            gathered = []
        end_s = max(end_s, outage[1]) if gathered else outage[1]
        gathered.append(outage)
    if gathered:
        yield _incident(pair, gathered, end_s)


def _incident(pair: tuple[str, str], outages: Sequence[tuple[float, float, str]], end_s: float) -> Incident:
    longest_s: dict[str, float] = {}
    shared: list[tuple[float, float]] = []
    before_s = outages[0][0]
    for start_s, stop_s, channel in outages:
        longest_s[channel] = max(longest_s.get(channel, 0.0), stop_s - start_s)
        if start_s < before_s:
            shared.append((start_s, min(stop_s, before_s)))
        before_s = max(before_s, stop_s)
    several_s = max((stop - start for start, stop in union(shared)), default=0.0)
    return Incident(pair, outages[0][0], end_s, longest_s, several_s)


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
            joint.stood,
            joint.majority,
            joint.by_hand,
        )
