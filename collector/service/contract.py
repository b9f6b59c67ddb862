"""What a service manager is asked for, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from collector.external import Finished
from collector.plan import Plan

Run = Callable[[Sequence[str], float], Finished]
"""Runs a program under a deadline, as `collector.external.run` does."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be installed: the plan with its file, its key's file, the node, and the length of the run."""

    plan: Plan
    plan_file: Path
    key_file: Path
    node: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class ServiceState:
    """How a node's service fares. `state`: in the manager's own words; `said`: by the collector; `archives`: where they are."""

    node: str
    active: bool
    state: str
    said: str
    restarts: int | None
    archives: str


class Services(Protocol):
    """The service manager of an operating system. Every call raises OperatorError with what to do."""

    def install(self, order: Order) -> list[Path]:
        """Set the service up, not started; returns what was written."""
        ...

    def installed(self) -> list[str]:
        """The nodes that have a service here."""
        ...

    def start(self, node: str) -> None:
        """Start it, and wait until it measures."""
        ...

    def state(self, node: str) -> ServiceState:
        """How it fares."""
        ...

    def stop(self, node: str) -> None:
        """End its run early; the archive is sealed."""
        ...

    def uninstall(self, node: str) -> str:
        """Stop it and remove all but its archives; returns where these are."""
        ...
