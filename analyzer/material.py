"""What rules and stacks may be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analyzer.contract import (
    EchoTiming,
    Headroom,
    NodeClock,
    NodeStalls,
    NodeSummary,
    Note,
    ObserverTiming,
    PathMtu,
    PortTest,
    Replication,
    Scenario,
    Throughput,
    Timing,
)
from analyzer.extension import (
    Custom,
    Tolerance,
)
from analyzer.frames import NodeData
from analyzer.holdings import Holding
from analyzer.netfacts import Neighbour
from collector.plan import Plan

if TYPE_CHECKING:
    from analyzer.detectors.trace import PathTrace


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that can be asked about, by path, node or pair.

    `probes`: by node, which probe writes a table; `reasons`: what the sender's record says of why a planned path was not measured, by the path's name; "": nothing.
    `throughputs` has every path that bandwidth tests were planned for, `echoes` every path of the TCP echo; `facts` the inventory of every node that told it; `tolerances`
    what planned products bear, by name of node, pair (``a+b``) and path.
    """

    plan: Plan
    nodes: Mapping[str, NodeData]
    summaries: Mapping[str, NodeSummary]
    timings: Mapping[str, Timing]
    throughputs: Mapping[str, Throughput]
    echoes: Mapping[str, EchoTiming]
    observers: Sequence[ObserverTiming]
    facts: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]
    meetings: Mapping[tuple[str, str], bool]
    scenarios: tuple[Scenario, ...]
    duration_s: float
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    clocks: Mapping[str, NodeClock] = field(default_factory=dict)
    stalls: Mapping[str, NodeStalls] = field(default_factory=dict)
    mtus: Mapping[str, PathMtu] = field(default_factory=dict)
    ports: Sequence[PortTest] = ()
    customs: Mapping[Custom, tuple[str, ...]] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    replications: Sequence[Replication] = ()
    headrooms: Sequence[Headroom] = ()
    neighbours: Mapping[str, tuple[Neighbour, ...]] = field(default_factory=dict)
    """Who answered for the addresses of the plan, by the node that asked; only of nodes that told it."""
    silences: Mapping[tuple[str, str], tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """When observers did not answer, by node and observer."""
    holdings: Sequence[Holding] = ()
    paths: Mapping[str, PathTrace] = field(default_factory=dict)
    """Every slot of each measured path that a product uses, by its name."""
    recorded: dict[tuple[str, str, str, str], float] = field(default_factory=dict)
    """How long a table was recorded, in s, by node, table, and the label and device that it was cut to: found when it is first asked for."""
    asked: Mapping[str, Mapping[str, PathTrace]] = field(default_factory=dict)
    """Every request to the plan's observers, by node and observer; only where a product depends on them."""
