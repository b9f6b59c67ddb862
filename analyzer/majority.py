"""Products whose members decide by majority: who votes, and whether anything is left to decide between two nodes alone.

Such a product has no split brain: the side without a majority stops. What is asked of two nodes that fail over to each other (a veto, room
for both loads) is not asked of it. Where two nodes carry such a product beside one that knows only the two, each is judged by its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analyzer import stacks
from analyzer.contract import Scope
from analyzer.extension import Custom, Stack, Tolerance
from analyzer.tolerance import UNPLANNED, concerns
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


@dataclass(frozen=True, slots=True)
class Settled:
    """The products that join two nodes: `voters` decide by a majority that is sure, `pairs` have nobody but the two."""

    voters: tuple[Voters, ...]
    pairs: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """Whether there are both, so that each has to be judged by its own."""
        return bool(self.voters and self.pairs)

    @property
    def aside(self) -> str:
        """In a mixed plan: of whom split brain is told, and why not of the others."""
        return f"what is told of split brain is about {few(self.pairs)}; {told(self.voters)}, so a cut between the two makes none of it (see quorum)"


def settled(plan: Plan, customs: Mapping[Custom, Sequence[str]], pair: Sequence[str]) -> Settled:
    """How each product that joins the two decides."""
    found = [
        (binding.name, _voters(plan, customs, binding))
        for binding in plan.stacks
        if any(all(network in plan.node(name).addresses for name in pair) for network in binding.networks)
    ]
    sure = [item is not None and not partly(plan, item) for _, item in found]
    return Settled(
        tuple(item for (_, item), by_vote in zip(found, sure, strict=True) if by_vote and item is not None),
        tuple(dict.fromkeys(name for (name, _), by_vote in zip(found, sure, strict=True) if not by_vote)),
    )


def deciding(plan: Plan, customs: Mapping[Custom, Sequence[str]], pair: Sequence[str]) -> tuple[Voters, ...]:
    """Who decides for a pair, if every binding that joins the two decides by a majority that is sure; else, or without any, nobody."""
    found = settled(plan, customs, pair)
    return () if found.pairs else found.voters


def of_pairs(plan: Plan, pair: Sequence[str], products: Sequence[str]) -> Tolerance | None:
    """The shortest timeout of these products alone on the pair; None: none of them depends on it by itself."""
    known: dict[str, Stack] = {spelling(stack.name): stack for stack in discover(stacks, "STACK")}
    found = []
    for binding in plan.stacks:
        if binding.name not in products:
            continue
        stack = known.get(spelling(binding.name))
        if stack is None:
            found.append(UNPLANNED)
        elif stack.scope is not Scope.NODE and concerns(stack, binding, pair):
            found.append(Tolerance(stack.floor_s(plan.is_wan(pair[0], pair[1])), stack.title))
    return min(found, key=lambda one: one.timeout_s, default=None)


def switched_by_hand(plan: Plan, pair: Sequence[str]) -> bool:
    """Whether products join the two, and none of them fails over between them by itself: then a cut splits nothing."""
    known: dict[str, Stack] = {spelling(stack.name): stack for stack in discover(stacks, "STACK")}
    joining = [
        binding
        for binding in plan.stacks
        if any(all(network in plan.node(name).addresses for name in pair) for network in binding.networks)
    ]

    def alone(binding: StackBinding) -> bool:
        stack = known.get(spelling(binding.name))
        if stack is None:
            # Of a product that nobody knows only its pairs tell where it switches.
            return bool(binding.auto_failover) and not any(set(pair) == set(one) for one in binding.auto_failover)
        return not concerns(stack, binding, pair)

    return bool(joining) and all(alone(binding) for binding in joining)


def partly(plan: Plan, item: Voters) -> tuple[str, ...]:
    """Members that are not on every network of the product. They may be none: a node can be on a network for other reasons."""
    return tuple(name for name in item.members if any(net not in plan.node(name).addresses for net in item.networks))


def tolerance(plan: Plan, item: Voters, customs: Mapping[Custom, Sequence[str]]) -> Tolerance:
    """The shortest timeout of the products that decide so and join any two of the members; the design value where no known product does."""
    known: dict[str, Stack] = {spelling(stack.name): stack for stack in discover(stacks, "STACK")}
    found = []
    for binding in plan.stacks:
        stack = known.get(spelling(binding.name))
        if stack is None or stack.scope is Scope.NODE or _voters(plan, customs, binding) is None:
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
