"""Which archives belong together: one plan, one archive per node, sessions that met."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from analyzer.frames import NodeData
from collector.errors import OperatorError


def ordered(nodes: Sequence[NodeData]) -> list[NodeData]:
    """The archives in plan order, after the checks that make an assessment impossible.

    Raises:
        OperatorError: no archives, different plans, one node twice, or archives of different runs.
    """
    if not nodes:
        raise OperatorError("no archives were given", "pass the archive of every node of the plan")
    first = nodes[0]
    for other in nodes[1:]:
        if other.plan.digest != first.plan.digest:
            raise OperatorError(
                f"{first.path} and {other.path} were made with different plans",
                "assess archives of one run; every node has to run with the same plan.toml",
            )
    for one, other in combinations(nodes, 2):
        if one.name == other.name:
            raise OperatorError(
                f"{one.path} and {other.path} are both of node {one.name!r}",
                "pass one archive per node: those that were collected at the same time",
            )
    joined = {frozenset((path.source, path.target)) for path in first.plan.paths()}
    pairs = [(one, other) for one, other in combinations(nodes, 2) if frozenset((one.name, other.name)) in joined]
    if pairs and not any(met(one, other) for one, other in pairs):
        for one, other in pairs:
            if not _overlap(one, other):
                raise OperatorError(
                    f"{one.path} and {other.path} are of different runs: neither node met the other, "
                    f"and one started at {one.started}, the other at {other.started}",
                    "pass archives that were collected at the same time",
                )
    order = {node.name: place for place, node in enumerate(first.plan.nodes)}
    return sorted(nodes, key=lambda node: order[node.name])


def met(one: NodeData, other: NodeData) -> bool:
    """True if either archive names a session of the other's."""
    return not other.sessions.isdisjoint(one.story.peers.get(other.name, ())) or not one.sessions.isdisjoint(
        other.story.peers.get(one.name, ())
    )


def _overlap(one: NodeData, other: NodeData) -> bool:
    """Whether the two ran at the same time by their wall clocks; clocks that are off count as overlapping by a minute."""
    slack_s = 60.0
    return (
        one.started_s <= other.started_s + other.duration_s + slack_s
        and other.started_s <= one.started_s + one.duration_s + slack_s
    )
