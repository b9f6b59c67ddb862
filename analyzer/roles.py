"""Which node held which address of the plan while a product ran, on the common time base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from analyzer.align import Clock
from analyzer.contract import Holding
from analyzer.frames import NodeData
from collector.plan import Plan

LOOK_S = 10.0
"""How often the collector looks; an address may have moved so long before it was seen."""


def holdings(
    plan: Plan, nodes: Mapping[str, NodeData], clocks: Mapping[str, Clock], start_s: float
) -> tuple[Holding, ...]:
    """All stretches by address, node and time. Addresses that the plan does not have are none."""
    names = watched(plan)
    found = []
    for node, data in nodes.items():
        told = [(t_us / 1e6, ip, held) for t_us, ip, held in data.story.holds if 0 <= t_us / 1e6 <= data.duration_s]
        for ip, from_s, to_s, left in _stretches(sorted(told), data.duration_s):
            if ip in names:
                at_s = clocks[node].to_base(np.array([from_s, to_s])) - start_s
                found.append(Holding(ip, names[ip], node, float(at_s[0]), float(at_s[1]), left))
    return tuple(sorted(found, key=lambda one: (one.address, one.from_s, one.node)))


def watched(plan: Plan) -> dict[str, str]:
    """Addresses that are looked at, and what the plan calls them."""
    own = {
        str(there.ip): f"{node.name} on {network}" for node in plan.nodes for network, there in node.addresses.items()
    }
    return own | {str(observer.address): observer.name for observer in plan.observers}


def _stretches(told: Iterable[tuple[float, str, bool]], end_s: float) -> Iterator[tuple[str, float, float, bool]]:
    since: dict[str, float] = {}
    for at_s, ip, held in told:
        if held:
            since.setdefault(ip, at_s)
        elif ip in since:
            yield ip, since.pop(ip), at_s, True
    for ip, from_s in since.items():
        yield ip, from_s, end_s, False


@dataclass(frozen=True, slots=True)
class Tenure:
    """What became of one address: who held it in turn, for how long two did at once, and how long nobody did in between.

    `twice_s`, `nobody_s`: the longest of each, less than a look of the collector is not seen; `both`: who were the two.
    """

    address: str
    name: str
    holders: tuple[str, ...]
    twice_s: float
    both: tuple[str, ...]
    nobody_s: float


def tenures(held: Iterable[Holding]) -> tuple[Tenure, ...]:
    """One for each address that any node held."""
    by_address: dict[str, list[Holding]] = {}
    for one in held:
        by_address.setdefault(one.address, []).append(one)
    return tuple(_tenure(address, sorted(group, key=lambda one: one.from_s)) for address, group in by_address.items())


def _tenure(address: str, group: list[Holding]) -> Tenure:
    holders = [one.node for number, one in enumerate(group) if not number or one.node != group[number - 1].node]
    twice_s, both = 0.0, ("", "")
    for one, other in combinations(group, 2):
        shared_s = min(one.to_s, other.to_s) - max(one.from_s, other.from_s)
        if one.node != other.node and shared_s > twice_s:
            twice_s, both = shared_s, (one.node, other.node)
    nobody_s, until_s = 0.0, group[0].to_s
    for one in group[1:]:
        nobody_s = max(nobody_s, one.from_s - until_s)
        until_s = max(until_s, one.to_s)
    return Tenure(address, group[0].name, tuple(holders), twice_s, both if twice_s else (), nobody_s)
