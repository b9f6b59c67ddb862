"""Products whose members decide by majority: who votes, and whether anything is left to decide between two nodes alone.

Such a product has no split brain: the side without a majority stops. What is asked of two nodes that fail over to each other (a veto, room
for both loads) is not asked of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer import stacks
from analyzer.contract import Scope
from analyzer.extension import Custom, Stack, Tolerance
from analyzer.tolerance import UNPLANNED
from analyzer.words import few
from collector.plan import Plan, StackBinding, spelling
from collector.plugins import discover

_UNSIZED = frozenset(map(spelling, ("galera", "consul", "zookeeper")))
"""Products that this version has no settings for, and that are known to decide so among the nodes that they run on."""
_ELSEWHERE = frozenset(map(spelling, ("patroni",)))
"""The same, of products that ask a store: who leads has a key in it, and the members of the store need not be nodes of the plan."""
_LED = frozenset(map(spelling, ("consul", "zookeeper")))
"""Of the first, those with a leader that has to reach the others itself, as etcd."""


@dataclass(frozen=True, slots=True)
class Voters:
    """A product of the plan that decides by majority. `members`: who votes; empty: that is not known from the plan.

    `led`: one of them leads and has to reach the others itself, so that a chain of neighbours is no majority.
    """

    product: str
    networks: tuple[str, ...]
    members: tuple[str, ...]
    led: bool = False

    @property
    def needed(self) -> int:
        """How many make a majority."""
        return len(self.members) // 2 + 1

    @property
    def spare(self) -> int:
        """How many may fail; less than none where the members are not known."""
        return len(self.members) - self.needed


def voters(plan: Plan, customs: Mapping[Custom, Sequence[str]]) -> tuple[Voters, ...]:
    """The products of the plan that decide by majority, one for each binding."""
    found = (_voters(plan, customs, binding) for binding in plan.stacks)
    return tuple(item for item in found if item is not None)


def _voters(plan: Plan, customs: Mapping[Custom, Sequence[str]], binding: StackBinding) -> Voters | None:
    name = spelling(binding.name)
    if name in _ELSEWHERE:
        return Voters(binding.name, binding.networks, ())
    members = tuple(node.name for node in plan.nodes if any(network in node.addresses for network in binding.networks))
    alone = len(members) <= 2 and name in _asking(customs, Custom.TWO_ALONE)
    if alone or name not in _asking(customs, Custom.MAJORITY) | _UNSIZED:
        return None
    return Voters(binding.name, binding.networks, members, name in _asking(customs, Custom.COMMITS) | _LED)


def _asking(customs: Mapping[Custom, Sequence[str]], custom: Custom) -> frozenset[str]:
    return frozenset(map(spelling, customs.get(custom, ())))


def deciding(plan: Plan, customs: Mapping[Custom, Sequence[str]], pair: Sequence[str]) -> tuple[Voters, ...]:
    """Who decides for a pair, if every binding that joins the two decides by a majority that is sure; else, or without any, nobody."""
    found = [
        _voters(plan, customs, binding)
        for binding in plan.stacks
        if any(all(network in plan.node(name).addresses for name in pair) for network in binding.networks)
    ]
    sure = tuple(item for item in found if item is not None and not partly(plan, item))
    return sure if len(sure) == len(found) else ()


def partly(plan: Plan, item: Voters) -> tuple[str, ...]:
    """Members that are not on every network of the product. They may be none: a node can be on a network for other reasons."""
    return tuple(name for name in item.members if any(net not in plan.node(name).addresses for net in item.networks))


def tolerance(plan: Plan, item: Voters) -> Tolerance:
    """The shortest timeout of the products that join any two of the members; the design value where no known product does."""
    known: dict[str, Stack] = {spelling(stack.name): stack for stack in discover(stacks, "STACK")}
    found = []
    for binding in plan.stacks:
        stack = known.get(spelling(binding.name))
        if stack is None or stack.scope is Scope.NODE:
            continue
        wans = set()
        for network in binding.networks:
            at = Counter(plan.node(name).site for name in item.members if network in plan.node(name).addresses)
            wans |= {wan for wan, some in ((False, max(at.values(), default=0) > 1), (True, len(at) > 1)) if some}
        found += [Tolerance(stack.floor_s(wan), stack.title) for wan in sorted(wans)]
    return min(found, key=lambda one: one.timeout_s, default=UNPLANNED)


def told(found: Sequence[Voters]) -> str:
    """Who decides how, as the beginning of a sentence: "etcd decides by the majority of its 3 members (a, b, c)"."""
    return " and ".join(
        f"{item.product} decides by the majority of its {len(item.members)} members ({few(item.members)})"
        if item.members
        else f"{item.product} asks its store, which decides by majority"
        for item in found
    )
