"""The analyzer's two extension points: rules and stacks.

A module in `analyzer/rules/` exports ``RULE``, one in `analyzer/stacks/` exports ``STACK``; the folder listing is the
registry. A rule judges, a stack recommends; both are pure generators over what the context gives them. The engine
iterates the subjects, stamps identity, and turns missing inputs and exceptions into findings. It is long because whoever writes
a rule or a stack finds all that it may say and look at in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from typing import TYPE_CHECKING, Any

from analyzer.contract import (
    Area,
    EchoTiming,
    Effort,
    Evidence,
    Finding,
    Headroom,
    Joint,
    Limit,
    NodeClock,
    NodeStalls,
    NodeSummary,
    Note,
    ObserverTiming,
    PathMtu,
    PortTest,
    Recommendation,
    Replication,
    Scenario,
    Scope,
    Status,
    Subject,
    Throughput,
    Timing,
    TopologyAdvice,
    Untested,
)
from analyzer.words import span
from collector.plan import ObserverKind, Plan, PlannedPath, StackBinding

if TYPE_CHECKING:
    import pandas as pd

    from analyzer.detectors.trace import PathTrace
    from analyzer.holdings import Holding
    from analyzer.netfacts import Neighbour

TIMING, ARCHIVE, MEETING = "timing", "archive", "meeting"
THROUGHPUT, TIMINGS, FACTS, OBSERVERS, ECHO = "throughput", "timings", "facts", "observers", "echo"
CLOCK, NOTES, MTUS, PORTS, STALLS = "clock", "notes", "mtus", "ports", "stalls"
REPLICATION, HEADROOM = "replication", "headroom"
NEIGHBOURS, SILENCES, HOLDS = "neighbours", "silences", "holds"
TESTS = "tests"
WITNESSES = "witnesses"
"""Needs that are no tables, and the scopes that have them:

need | scopes | what the context then gives
--- | --- | ---
`TIMING` | path | its `Timing`
`TIMINGS` | pair, cluster | every `Timing` between the two, or of all paths; it may be empty
`THROUGHPUT` | path | its `Throughput`; paths without planned tests are then no subjects
`THROUGHPUT` | pair | every `Throughput` between the two (`context.throughputs`); pairs without planned tests are then no subjects
`THROUGHPUT` | cluster | every `Throughput` that was planned (`context.throughputs`); it may be empty
`ECHO` | path | its `EchoTiming`; paths without an echo are then no subjects
`MTUS` | path | the `PathMtu` of every probed path by its name, so that both directions can be compared
`REPLICATION` | path | its `Replication`; paths that carry none are then no subjects, and a hop without a path is one as a pair
`HEADROOM` | pair | each node with the work of the other, by resource (`Headroom`)
`PORTS` | pair | every `PortTest` between the two
`NOTES` | all | what people noted during the run, on any node (`Note`); nothing noted is an empty tuple
`CLOCK` | node, device | what the node's clocks did (`NodeClock`)
`TESTS` | node, device | stretches (from, to), in ``t_s``, in which a bandwidth test loaded the node; without tests an empty tuple
`STALLS` | node, device | when the node stood still and why, its clock included (`NodeStalls`)
`STALLS` | path, pair | the same of both ends, by name (`context.ends`)
`MEETING` | pair | whether the two archives name each other
`ARCHIVE` | node, device | the node's `NodeSummary`
`OBSERVERS` | node, device, pair, cluster | how the plan's observers answered the node, or each of these nodes (`ObserverTiming`)
`WITNESSES` | node | the same of the plan's witnesses alone; where it names none the cluster is asked about, once
`SILENCES` | pair | when observers that answered at all did not answer, by node and observer
`NEIGHBOURS` | cluster | who answered for the addresses of the plan (`Neighbour`), by the node that asked, only of those that told it
`HOLDS` | cluster | who held which address of the plan beside a running product (`Holding`); else an empty tuple
`FACTS` | node, device | the node's inventory
`FACTS` | pair, cluster | the inventories by node name, only of the nodes that told one

Any other need is a table of the node's archive, so it exists for the scopes node and device only.
"""

OPTIONAL = frozenset({"pressure"})
"""Tables that a sound system may be unable to tell: a rule that needs one is asked all the same, and has to ask `Context.has`."""

SUFFICIENT_S = 855.0
"""Exposure below which a run is a connectivity check only. Source: NF, at least 15 min on newly installed systems; less 5 %
for what starting, meeting and stopping take of a run of 15 minutes."""

SUFFICIENT_IN_USE_S = 0.95 * 24 * 3600.0
"""The same for systems in use: a day, less 5 %. Source: NF."""


LOADED_SHARE = 0.2
"""Most of an exposure that may be time under bandwidth tests (design value): they are part of a run, and must not be the run."""


def loaded_s(timing: Timing) -> float:
    """How long the path was observed while a bandwidth test loaded one of its nodes."""
    return (timing.loaded.samples + timing.loaded_lost) * timing.period_s


def exposure_s(timing: Timing) -> float:
    """How long the path was really observed, in s: slots that were sent and say something about the network.

    Less than `Timing.hours` where probes went to a peer that was not running. Time under bandwidth tests counts up to a
    fifth of the whole: without it a run of 15 minutes with tests could never be long enough, and a run of tests alone would be.
    """
    idle_s = _idle_s(timing)
    return idle_s + min(loaded_s(timing), idle_s * LOADED_SHARE / (1.0 - LOADED_SHARE))


STAMPED = 0.8
"""Least share of the answers that must have all four kernel stamps, for the wire's figures to stand for the path (design value)."""


def stamped(timing: Timing) -> bool:
    """Whether the figures of the wire stand for the path; a few stamped replies among thousands do not."""
    return 0 < timing.wire.samples >= STAMPED * timing.answered


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The shortest timeout that a planned product starts from, whatever is measured, and which product that is.

    Half of it is what an interruption may take (design value): TCP can make twice as much of it.
    """

    timeout_s: float
    product: str

    @property
    def half_s(self) -> float:
        """What an interruption may take."""
        return self.timeout_s / 2.0


class Custom(StrEnum):
    """What one product asks of its site, or brings along, and another does not. Rules judge by it, never by a product's name."""

    COMMITS = "its nodes answer only when what they were told is on the disk"
    CHANNEL = "it cannot run without a channel between its nodes"
    INTERFACES = "two interfaces per node in a pair, three in a trio"
    MANAGEMENT = "management and public address on one interface, the management address being the lower one"
    VOICE = "calls run through it, so people hear its delay"
    REPLICATES = "what the active node writes to its disks goes to the other nodes"
    CLONES = "its nodes are clones: while it runs they may share the host name and do share the public address"
    MAJORITY = "the majority of its members decides, and whoever is cut off from it stops: never two that serve"
    TWO_ALONE = "with two members only it does without a majority"


def _idle_s(timing: Timing) -> float:
    judged = timing.answered + timing.lost_forward + timing.lost_back + timing.lost_unknown
    return timing.hours * 3600.0 * judged / timing.sent if timing.sent else 0.0


def watched(timing: Timing) -> str:
    """How long the path was observed, in words that hold: the exposure that counts is a figure of its own, and no time of day.

    "36 s at rest and 23 s under bandwidth tests, of which 9 s count".
    """
    idle_s, tests_s = _idle_s(timing), loaded_s(timing)
    if not tests_s:
        return span(idle_s)
    counted_s = exposure_s(timing) - idle_s
    text = f"{span(idle_s)} at rest and {span(tests_s)} under bandwidth tests"
    return text if counted_s > tests_s - 1.0 else f"{text}, of which {span(counted_s)} count"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A rule's word on the subject it was asked about; the engine makes a `Finding` of it."""

    status: Status
    message: str
    evidence: tuple[Evidence, ...] = ()
    remedy: str = ""
    traces: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    effort: Effort | None = None
    """What this remedy takes, if that is another than the rule says."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at. `given` holds exactly what the rule declared in its needs.

    `node` is the subject's node (for a path its sender, for a pair ""), `duration_s` the length of the whole run. `tolerance`: of the
    products that depend on this node, pair or path alone; None: no planned product does.
    `customs`: what the planned products ask for, with the names of those that ask.
    """

    subject: Subject
    plan: Plan
    node: str
    duration_s: float
    given: Mapping[str, Any] = field(repr=False)
    limits: tuple[Limit, ...] = ()
    tolerance: Tolerance | None = None
    customs: Mapping[Custom, tuple[str, ...]] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame:
        """A table of the node's archive: label columns, ``t_us``, ``t_s`` and the raw stored integers.

        Counters stay raw (see `analyzer.rates`); null is NaN. For scope device only the device's rows.

        Raises:
            KeyError: not among the rule's needs.
        """
        frame: pd.DataFrame = self.given[name]
        # They are kept at 32 bits where that holds them; a rule that multiplies them must not find out.
        narrow = frame.select_dtypes("int32").columns
        return frame.astype(dict.fromkeys(narrow, "int64")) if len(narrow) else frame

    def has(self, need: str) -> bool:
        """Whether an optional need of the rule is there."""
        return need in self.given

    @property
    def timing(self) -> Timing:
        """The path's measured budget. Raises KeyError if the rule does not need "timing"."""
        timing: Timing = self.given[TIMING]
        return timing

    @property
    def timings(self) -> tuple[Timing, ...]:
        """The timings of a pair, or of all paths. Raises KeyError if the rule does not need "timings"."""
        timings: tuple[Timing, ...] = self.given[TIMINGS]
        return timings

    @property
    def throughput(self) -> Throughput:
        """What the path carried. Raises KeyError if the rule does not need "throughput"."""
        throughput: Throughput = self.given[THROUGHPUT]
        return throughput

    @property
    def throughputs(self) -> tuple[Throughput, ...]:
        """What the paths of a pair, or all of them, carried. Raises KeyError if the rule does not need "throughput"."""
        throughputs: tuple[Throughput, ...] = self.given[THROUGHPUT]
        return throughputs

    @property
    def echo(self) -> EchoTiming:
        """How TCP fared on the path. Raises KeyError if the rule does not need "echo"."""
        echo: EchoTiming = self.given[ECHO]
        return echo

    @property
    def mtus(self) -> Mapping[str, PathMtu]:
        """Path MTUs by path name. Raises KeyError if the rule does not need "mtus"."""
        mtus: Mapping[str, PathMtu] = self.given[MTUS]
        return mtus

    @property
    def replication(self) -> Replication:
        """What the path will have to replicate. Raises KeyError if the rule does not need "replication"."""
        replication: Replication = self.given[REPLICATION]
        return replication

    @property
    def headrooms(self) -> tuple[Headroom, ...]:
        """Each node of the pair with the work of the other. Raises KeyError if the rule does not need "headroom"."""
        headrooms: tuple[Headroom, ...] = self.given[HEADROOM]
        return headrooms

    @property
    def ports(self) -> tuple[PortTest, ...]:
        """The ports tested between the pair. Raises KeyError if the rule does not need "ports"."""
        ports: tuple[PortTest, ...] = self.given[PORTS]
        return ports

    @property
    def observers(self) -> tuple[ObserverTiming, ...]:
        """How the plan's observers answered the node. Raises KeyError if the rule does not need "observers"."""
        observers: tuple[ObserverTiming, ...] = self.given[OBSERVERS]
        return observers

    @property
    def silences(self) -> Mapping[tuple[str, str], tuple[tuple[float, float], ...]]:
        """When observers did not answer, by node and observer. Raises KeyError if the rule does not need "silences"."""
        silences: Mapping[tuple[str, str], tuple[tuple[float, float], ...]] = self.given[SILENCES]
        return silences

    @property
    def neighbours(self) -> Mapping[str, tuple[Neighbour, ...]]:
        """Who answered for whom, by the node that asked. Raises KeyError if the rule does not need "neighbours"."""
        neighbours: Mapping[str, tuple[Neighbour, ...]] = self.given[NEIGHBOURS]
        return neighbours

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Who held which address, and when. Raises KeyError if the rule does not need "holds"."""
        holdings: tuple[Holding, ...] = self.given[HOLDS]
        return holdings

    @property
    def facts(self) -> Mapping[str, Any]:
        """The inventory: of the node, or by node for pair and cluster. Hostile input: check the type of every value.

        Raises KeyError if the rule does not need "facts".
        """
        facts: Mapping[str, Any] = self.given[FACTS]
        return facts

    @property
    def archive(self) -> NodeSummary:
        """The node's archive in figures. Raises KeyError if the rule does not need "archive"."""
        archive: NodeSummary = self.given[ARCHIVE]
        return archive

    @property
    def clock(self) -> NodeClock:
        """What the node's clocks did. Raises KeyError if the rule does not need "clock"."""
        clock: NodeClock = self.given[CLOCK]
        return clock

    @property
    def stalls(self) -> NodeStalls:
        """When the node stood still, and why. Raises KeyError if the rule does not need "stalls"."""
        stalls: NodeStalls = self.given[STALLS]
        return stalls

    @property
    def ends(self) -> Mapping[str, NodeStalls]:
        """When either end of a path or a pair stood still, and why, by name of the node; empty where that is not known."""
        ends: Mapping[str, NodeStalls] = self.given.get(STALLS, {})
        return ends

    @property
    def tests(self) -> tuple[tuple[float, float], ...]:
        """When bandwidth tests loaded the node. Raises KeyError if the rule does not need "tests"."""
        tests: tuple[tuple[float, float], ...] = self.given[TESTS]
        return tests

    @property
    def notes(self) -> tuple[Note, ...]:
        """What people noted during the run; empty if nothing was, or the rule does not need "notes"."""
        notes: tuple[Note, ...] = self.given.get(NOTES, ())
        return notes

    @property
    def witnesses(self) -> tuple[ObserverTiming, ...]:
        """How the plan's witnesses answered the node. Raises KeyError if the rule does not need "witnesses"."""
        witnesses: tuple[ObserverTiming, ...] = self.given[WITNESSES]
        return witnesses

    @property
    def met(self) -> bool:
        """Whether the pair's archives name each other. Raises KeyError if the rule does not need "meeting"."""
        met: bool = self.given[MEETING]
        return met

    def limit(self, name: str) -> Limit:
        """The rule's limit of that name. Raises KeyError if it declares none."""
        for limit in self.limits:
            if limit.name == name:
                return limit
        raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `needs` names tables of the node's archive, or one of the constants above.

    `effort`: what it usually takes to mend what it warns of or fails; what it could not judge asks for another run.
    """

    id: str
    title: str
    area: Area
    scope: Scope
    needs: tuple[str, ...]
    limits: tuple[Limit, ...]
    check: Callable[[Context], Iterator[Judgement]]
    effort: Effort = Effort.SEARCH


class Combine(StrEnum):
    """How a product uses the networks it is bound to."""

    SURVIVES = "survives while any lives"
    WORST = "worst of them"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a product, in the product's own spelling and unit. None: no such bound, or not a number."""

    name: str
    section: str
    unit: str
    default: int | float | str | None
    minimum: float | None
    maximum: float | None
    integer: bool
    source: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Commits:
    """How long small writes of a node took until they were on its disk; the slowest folder counts. `planned`: it is one of the plan's `data`."""

    node: str
    writes: int
    p99_s: float
    maximum_s: float
    planned: bool


@dataclass(frozen=True, slots=True)
class StackContext:
    """What a stack may look at: the nodes that it is about and the paths between them over the bound networks.

    `pair` are the nodes: two, or for a stack of scope cluster all that have a bound network, or for one of scope node that one.
    `paths` are those the plan asks for, in both directions; `timings` those that were measured. `automatic` says
    whether they fail over without a person. `joint`: the bound networks together, None if none was measured. `throughputs`: what
    these paths carried. `hurt`: nodes of the pair whose record has holes: what happened meanwhile is not known. `echoes`: what the
    TCP echo showed on these paths, without those that it did not measure. `traces`: every slot of the measured paths by their names, with the pauses of both ends, on one
    time base; `asked`: the same of what a single node asked observers, by their names (scope node only); `partners`: the same contexts of the nodes that this one swaps roles with. `commits`: of the nodes that timed their disk. `clocks`: what the nodes' clocks did, as far as told. `facts`: their inventories by name, as far as told;
    `observers`: how these were answered. `failed`: what rules found to fail of these nodes, and of the networks between them that the product uses; advice on
    topology alone is given it.
    """

    plan: Plan
    binding: StackBinding
    subject: Subject
    pair: tuple[str, ...]
    automatic: bool
    paths: tuple[PlannedPath, ...]
    timings: tuple[Timing, ...]
    scenarios: tuple[Scenario, ...]
    joint: Joint | None = None
    throughputs: tuple[Throughput, ...] = ()
    hurt: tuple[str, ...] = ()
    echoes: tuple[EchoTiming, ...] = ()
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    observers: tuple[ObserverTiming, ...] = ()
    traces: Mapping[str, PathTrace] = field(default_factory=dict, repr=False)
    asked: Mapping[str, PathTrace] = field(default_factory=dict, repr=False)
    partners: tuple[StackContext, ...] = field(default=(), repr=False)
    commits: tuple[Commits, ...] = ()
    clocks: Mapping[str, NodeClock] = field(default_factory=dict)
    failed: tuple[Finding, ...] = ()

    @property
    def wan(self) -> bool:
        """True if any two of the nodes stand at different sites."""
        return any(self.plan.is_wan(*two) for two in combinations(self.pair, 2))

    @property
    def networks(self) -> tuple[str, ...]:
        """Those of the bound networks that join these nodes; of a single node all of them."""
        if len(self.pair) == 1:
            return self.binding.networks
        return tuple(name for name in self.binding.networks if any(path.network == name for path in self.paths))

    @property
    def leg(self) -> str:
        """What the pair is called where a person switches it."""
        return "DR leg" if self.wan else "pair without automatic failover"

    @property
    def exposure_s(self) -> float:
        """Shortest exposure of all paths that are used; 0 if one of them was never measured."""
        if len(self.pair) == 1:
            return min((trace.exposure_s for trace in self.asked.values()), default=0.0)
        measured = {timing.path: exposure_s(timing) for timing in self.timings}
        return min((measured.get(path.name, 0.0) for path in self.paths), default=0.0)


@dataclass(frozen=True, slots=True)
class Stack:
    """One HA product: its options, and what it should be set to for a pair of nodes.

    `name` is what the plan writes under ``[[stack]] name``. `floor_s` gives the shortest timeout that the vendor advises, in s, for a pair
    at two sites (True) or at one. `manual`: its timeout decides something also where a person switches over.
    `customs` say how it changes what is right on a site. `scope`: it has one setting per pair of nodes, per node (how that reaches the plan's
    observers), or for the cluster.
    """

    name: str
    title: str
    combine: Combine
    floor_s: Callable[[bool], float]
    manual: bool
    options: tuple[Option, ...]
    recommend: Callable[[StackContext], Iterator[Recommendation]]
    untested: tuple[Untested, ...] = ()
    """What decides about this product and is not measured: listed in the report with who can confirm it."""
    ports: tuple[str, ...] = ()
    """What the vendor documents between the nodes, as a plan writes it; listed as not tested where it was not."""
    customs: frozenset[Custom] = frozenset()
    scope: Scope = Scope.PAIR
    advise: Callable[[StackContext], Iterator[TopologyAdvice]] | None = None
    """How the product may be built on a pair, where that depends on what is found."""
    unobserved: tuple[tuple[ObserverKind, Untested], ...] = ()
    """As `untested`, of what is measured where the plan names an observer of that kind and every node that asked it was answered."""
    systems: tuple[str, ...] = ()
    """Operating systems that the product is known to run on, as an inventory spells them; none: any, or that is not known."""
