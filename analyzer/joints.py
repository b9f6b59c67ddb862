"""The channels of a pair together: when one was out, when all of them were, on one time base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from analyzer.contract import Joint, Timing
from analyzer.contract.spans import intersection, union
from collector.plan import CHANNELS, Plan


def on_channels(pair: tuple[str, str], plan: Plan, timings: Iterable[Timing]) -> list[Timing]:
    """The timings between two nodes on channels, or all of them where no channel was measured.

    A public network stays up in most troubles of the channels; counted as one it would hide that they failed together.
    """
    between = [timing for timing in timings if {timing.source, timing.target} == set(pair)]
    return [timing for timing in between if plan.network(timing.network).kind in CHANNELS] or between


def joint(pair: tuple[str, str], plan: Plan, timings: Sequence[Timing]) -> Joint:
    """When every network between two nodes of which there are timings was out at the same moment.

    A network is out while either direction is. A network that was not measured is not counted as a help.
    """
    networks = tuple(_outages(pair, plan, timings))
    lengths = [stop - start for start, stop in common_spans(pair, plan, timings)]
    return Joint(pair, networks, len(lengths), max(lengths, default=0.0))


def common_spans(pair: tuple[str, str], plan: Plan, timings: Sequence[Timing]) -> list[tuple[float, float]]:
    """The stretches of the run in which all networks of these timings were out."""
    common: list[tuple[float, float]] | None = None
    for spans in _outages(pair, plan, timings).values():
        common = spans if common is None else intersection(common, spans)
    return common or []


def several_spans(pair: tuple[str, str], plan: Plan, timings: Sequence[Timing]) -> list[tuple[float, float]]:
    """The stretches of the run in which two or more networks of these timings were out."""
    found: list[tuple[float, float]] = []
    for one, other in combinations(_outages(pair, plan, timings).values(), 2):
        found += intersection(one, other)
    return union(found)


def _outages(pair: tuple[str, str], plan: Plan, timings: Sequence[Timing]) -> dict[str, list[tuple[float, float]]]:
    """When each measured network between the two was out, in plan order."""
    between = [timing for timing in timings if {timing.source, timing.target} == set(pair)]
    return {
        network.name: union(
            (outage.start_s, outage.start_s + outage.length_s)
            for timing in between
            if timing.network == network.name
            for outage in timing.outages
        )
        for network in plan.networks
        if any(timing.network == network.name for timing in between)
    }
