"""How two machines differ, in words that name it: which of them has to follow the other, and what is installed on one of them only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from analyzer.words import few
from collector.plan import Node, Role

_LINES = 20_000
"""More is no list of what is installed on a machine."""
_LONGEST = 256
"""Of a line; names and versions of packages together may be longer than a name alone."""


def standby(one: Node, other: Node) -> tuple[Node, Node] | None:
    """(reference, standby) where a primary is in the pair; the plan's order where roles say nothing; else None."""
    if Role.PRIMARY in (one.role, other.role):
        return (one, other) if one.role is Role.PRIMARY else (other, one)
    return (one, other) if one.role is other.role is Role.MEMBER else None


def listed(facts: Mapping[str, Any], key: str) -> dict[str, str] | None:
    """Names with their versions ("" without; several of one name are joined), None where no list was told."""
    told = facts.get("software")
    lines = told.get(key) if isinstance(told, dict) else None
    if not isinstance(lines, str):
        return None
    versions: dict[str, set[str]] = defaultdict(set)
    for line in lines.split("\n")[:_LINES]:
        name, _, version = line[:_LONGEST].partition(" ")
        if name and line.isprintable():
            versions[name].add(version)
    return {name: few(sorted(found)) for name, found in versions.items()} or None


def differences(mine: Mapping[str, str], its: Mapping[str, str], one: str, other: str) -> Iterator[str]:
    """Half sentences: in which versions the two differ, and what only one of them has."""
    apart = sorted(name for name in mine.keys() & its.keys() if mine[name] != its[name])
    if apart:
        yield f"in other versions: {few([f'{name} ({mine[name]} on {one}, {its[name]} on {other})' for name in apart])}"
    for here, there, node in ((mine, its, one), (its, mine, other)):
        alone = sorted(here.keys() - there.keys())
        if alone:
            yield f"only on {node}: {few(alone)}"
