"""Products whose members decide by majority: who votes, and whether anything is left to decide between two nodes alone.

Such a product has no split brain: the side without a majority stops. What is asked of two nodes that fail over to each other (a veto, room
for both loads) is not asked of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer.extension import Custom
from collector.plan import Plan, spelling

_UNSIZED = frozenset(map(spelling, ("galera", "consul", "zookeeper")))
"""Products that this version has no settings for, and that are known to decide so among the nodes that they run on."""
_ELSEWHERE = frozenset(map(spelling, ("patroni",)))
"""The same, of products that ask a store: who leads has a key in it, and the members of the store need not be nodes of the plan."""


@dataclass(frozen=True, slots=True)
class Voters:
    """A product of the plan that decides by majority. `members`: who votes; empty: that is not known from the plan."""

    product: str
    networks: tuple[str, ...]
    members: tuple[str, ...]

    @property
    def needed(self) -> int:
        """How many make a majority."""
        return len(self.members) // 2 + 1

    @property
    def spare(self) -> int:
        """How many may fail."""
        return len(self.members) - self.needed


def voters(plan: Plan, customs: Mapping[Custom, Sequence[str]]) -> tuple[Voters, ...]:
    """The products of the plan that decide by majority."""
    deciding = {spelling(name) for name in customs.get(Custom.MAJORITY, ())} | _UNSIZED
    two_alone = {spelling(name) for name in customs.get(Custom.TWO_ALONE, ())}
    found = []
    for binding in plan.stacks:
        name = spelling(binding.name)
        members = tuple(
            node.name for node in plan.nodes if any(network in node.addresses for network in binding.networks)
        )
        if name in _ELSEWHERE:
            found.append(Voters(binding.name, binding.networks, ()))
        elif name in deciding and not (len(members) <= 2 and name in two_alone):
            found.append(Voters(binding.name, binding.networks, members))
    return tuple(found)


def deciding(plan: Plan, customs: Mapping[Custom, Sequence[str]], pair: Sequence[str]) -> tuple[Voters, ...]:
    """The products on a pair, if every one that the plan runs there decides by majority; else, or without any, nobody."""
    names = {
        binding.name
        for binding in plan.stacks
        if any(all(network in plan.node(name).addresses for name in pair) for network in binding.networks)
    }
    found = tuple(item for item in voters(plan, customs) if item.product in names)
    return found if {item.product for item in found} == names else ()


def told(found: Sequence[Voters]) -> str:
    """Who decides how, as the beginning of a sentence: "etcd decides by the majority of its 3 members"."""
    return " and ".join(
        f"{item.product} decides by the majority of its {len(item.members)} members"
        if item.members
        else f"{item.product} asks its store, which decides by majority"
        for item in found
    )
