"""What a check says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from collector.contract import Env, Json


class Level(StrEnum):
    """`warn`: the run will be poorer, or it cannot be told. `fail`: as planned it cannot succeed."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One result: what was found, and (unless all is well) what to do next."""

    name: str
    level: Level
    found: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """What is checked: this machine as a node of the plan, for a run of that length into the folder of `env.run`."""

    env: Env
    duration_s: float
    nics: Mapping[str, Json]
    """The interfaces, as in the inventory."""

    @property
    def networks(self) -> list[str]:
        """The networks on which this node is probed."""
        return sorted({path.network for path in self.env.plan.paths() if path.target == self.env.node.name})

    @property
    def tested(self) -> bool:
        """Whether this node takes part in bandwidth tests."""
        name = self.env.node.name
        return any(name in (path.source, path.target) for path in self.env.plan.bandwidth_paths())


Checker = Callable[[Site], Iterator[Check]]
"""A check. It sends nothing, changes nothing, and yields at least one result."""


def worst(checks: Iterable[Check]) -> Level:
    """The worst of all."""
    levels = {check.level for check in checks}
    return next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)


def or_ok(name: str, troubles: Iterable[Check], good: str) -> Iterator[Check]:
    """The troubles, or that all is well."""
    found = list(troubles)
    yield from found or [Check(name, Level.OK, good)]
