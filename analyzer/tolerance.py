"""What interruption the planned products bear: the strictest of them for each subject, and that as a limit of a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from analyzer.contract import Limit, Scope
from analyzer.extension import Combine, Stack, Tolerance
from collector.plan import Plan, StackBinding, spelling

UNPLANNED = Tolerance(10.0, "no product is planned; what Genesys advises for ADDP stands in")
"""Where no known product is planned: an interruption is judged all the same."""


def borne(limit: Limit, tolerance: Tolerance | None) -> Limit:
    """The limit, failing at half of what the products that depend on the subject bear; without any it can only warn."""
    if tolerance is None:
        return replace(limit, source=f"{limit.source}; no planned product depends on it alone")
    fails = f"fail: half of {tolerance.timeout_s:g} s ({tolerance.product})"
    # What a product bears is no matter of the profile, so it holds without it as well.
    usual = tolerance.half_s if limit.profile else limit.default_fail
    return replace(limit, fail=tolerance.half_s, default_fail=usual, source=f"{limit.source}; {fails}")


def concerns(stack: Stack, binding: StackBinding, pair: Sequence[str]) -> bool:
    """Whether the product has a timeout between the two: where it switches over by itself, or is paired nowhere and does without a person."""
    automatic = {frozenset(switched) for switched in binding.auto_failover}
    return frozenset(pair) in automatic or not (automatic or not stack.manual)


def tolerances(stacks: Sequence[Stack], plan: Plan) -> dict[str, Tolerance]:
    """What the planned products bear, the strictest of them, by name of node, pair and path.

    A path counts for a product that cannot do without it: one that survives while any of its networks lives depends on a single
    network only. Where no known product is planned at all, `UNPLANNED` holds everywhere.
    """
    known = {spelling(stack.name): stack for stack in stacks}
    found: dict[str, Tolerance] = {}

    def note(name: str, tolerance: Tolerance) -> None:
        if name not in found or tolerance.timeout_s < found[name].timeout_s:
            found[name] = tolerance

    bindings = [(known[spelling(one.name)], one) for one in plan.stacks if spelling(one.name) in known]
    for pair in combinations([node.name for node in plan.nodes], 2):
        for stack, binding in bindings:
            automatic = bool(binding.auto_failover)
            if not concerns(stack, binding, pair):
                continue
            paths = [
                path
                for path in plan.paths()
                if path.network in binding.networks and {path.source, path.target} == set(pair)
            ]
            tolerance = Tolerance(stack.floor_s(plan.is_wan(*pair)), stack.title)
            if stack.scope is Scope.NODE:
                # It depends on how each node reaches a third machine, not on the path between the two.
                for name in pair if paths else ():
                    note(name, tolerance)
                continue
            for name in ("+".join(pair), *pair) if paths or automatic else ():
                note(name, tolerance)
            if stack.combine is Combine.WORST or len({path.network for path in paths}) == 1:
                for path in paths:
                    note(path.name, tolerance)
    if not bindings:
        pairs = ["+".join(pair) for pair in combinations([node.name for node in plan.nodes], 2)]
        names = [*pairs, *(node.name for node in plan.nodes), *(path.name for path in plan.paths())]
        found = dict.fromkeys(names, UNPLANNED)
    return found
