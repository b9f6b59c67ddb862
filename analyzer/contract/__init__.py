"""What the analyzer emits: the assessment, which *is* the JSON.

A report can be redrawn from it without the archives. Nothing here needs pandas or numpy, so that `reports/` can import it alone. All times are
seconds; instants are ISO 8601 UTC. The words that the assessment is made of stand in the modules beside this one, and are taken from here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NoReturn

from analyzer.contract.advice import (
    Basis,
    Choice,
    Claim,
    Constraint,
    Fit,
    Recommendation,
    Risk,
    Scenario,
    Setting,
    Snippet,
    TopologyAdvice,
    TradeOff,
)
from analyzer.contract.charts import CpuShare, Curve, Figure, Minutes, Spread, Trace
from analyzer.contract.findings import (
    OF_PATHS,
    Area,
    AreaScore,
    Change,
    Effort,
    Evidence,
    Finding,
    Limit,
    LimitChange,
    Scope,
    Score,
    ScoreLine,
    Sense,
    Status,
    Subject,
    Untested,
    Verdict,
    Waiver,
    WaiverState,
    WaiverUse,
)
from analyzer.contract.nodes import (
    Backlog,
    ClockStep,
    Headroom,
    Keeper,
    NodeClock,
    NodeStalls,
    NodeSummary,
    Note,
    ProbeOutcome,
    Replication,
    Resource,
    Situation,
    Stall,
    StallCause,
    StallTally,
    Tenure,
    Writes,
)
from analyzer.contract.paths import (
    Access,
    BandwidthTest,
    Cause,
    DatagramTest,
    EchoTiming,
    IdleAge,
    Joint,
    Load,
    ObserverTiming,
    Obstacle,
    Outage,
    PathMtu,
    PortTest,
    Quantiles,
    Silence,
    Slowness,
    Throughput,
    Timing,
    UnderLoad,
)
from analyzer.contract.site import AddressFound, Egress, PlanNetwork, PlanNode, Stamping
from analyzer.plain import plain, revive
from collector.errors import ArchiveError

__all__ = [
    "OF_PATHS",
    "SCHEMA",
    "Access",
    "AddressFound",
    "Area",
    "AreaScore",
    "Assessment",
    "Backlog",
    "BandwidthTest",
    "Basis",
    "Cause",
    "Change",
    "Choice",
    "Claim",
    "ClockStep",
    "Constraint",
    "CpuShare",
    "Curve",
    "DatagramTest",
    "EchoTiming",
    "Effort",
    "Egress",
    "Evidence",
    "Figure",
    "Finding",
    "Fit",
    "Headroom",
    "IdleAge",
    "Joint",
    "Keeper",
    "Limit",
    "LimitChange",
    "Load",
    "Minutes",
    "NodeClock",
    "NodeStalls",
    "NodeSummary",
    "Note",
    "ObserverTiming",
    "Obstacle",
    "Outage",
    "PathMtu",
    "PlanNetwork",
    "PlanNode",
    "PortTest",
    "ProbeOutcome",
    "Quantiles",
    "Recommendation",
    "Replication",
    "Resource",
    "Risk",
    "Scenario",
    "Scope",
    "Score",
    "ScoreLine",
    "Sense",
    "Setting",
    "Silence",
    "Situation",
    "Slowness",
    "Snippet",
    "Spread",
    "Stall",
    "StallCause",
    "StallTally",
    "Stamping",
    "Status",
    "Subject",
    "Tenure",
    "Throughput",
    "Timing",
    "TopologyAdvice",
    "Trace",
    "TradeOff",
    "UnderLoad",
    "Untested",
    "Verdict",
    "Waiver",
    "WaiverState",
    "WaiverUse",
    "Writes",
]

_WHICH = "pass an assessment: the .json file that `haready assess` or `haready analyze` wrote"


SCHEMA = 5
"""Version of the assessment; every change of a key is a new one.

History: 1 = first. 2 = topology, LAN plan and ways out, bandwidth, observers, TCP echo, path MTU, ports, notes, clocks, slow answers,
silence under load, basis "provisional", cautions and conditions of settings. 3 = bytes written, stalls by cause, queueing delay per
direction, fast probes under load, tests at the planned rate and with UDP, replication, headroom, advice on topology,
limits changed by a profile, waivers, verdict "suitable with waivers", figures by minute, claims, takeover and
trade-off of settings. 4 = who held which address, what a model of the tails says, the silence outside of the worst hour.
5 = which node stood still while all channels were out, and which products decide for a pair by majority, what a
remedy takes.
"""


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything the report says. `origin` is measured, demonstration or synthetic.

    `profile`: the name of the operator's profile ("": none), `changes` the limits that it changed, `waivers` what came of the operator's waivers.
    """

    schema: int
    tool_version: str
    created: str
    origin: str
    cluster: str
    topology: str
    phase: str
    plan_digest: str
    started: str
    duration_s: float
    verdict: Verdict
    summary: str
    reasons: tuple[str, ...]
    fixes: tuple[str, ...]
    overrides: tuple[str, ...]
    score: Score
    planned: tuple[PlanNode, ...]
    networks: tuple[PlanNetwork, ...]
    addresses: tuple[AddressFound, ...]
    egress: tuple[Egress, ...]
    nodes: tuple[NodeSummary, ...]
    clocks: tuple[NodeClock, ...]
    notes: tuple[Note, ...]
    findings: tuple[Finding, ...]
    timings: tuple[Timing, ...]
    throughputs: tuple[Throughput, ...]
    echoes: tuple[EchoTiming, ...]
    observers: tuple[ObserverTiming, ...]
    joints: tuple[Joint, ...]
    recommendations: tuple[Recommendation, ...]
    scenarios: tuple[Scenario, ...]
    traces: tuple[Trace, ...]
    curves: tuple[Curve, ...]
    untested: tuple[Untested, ...]
    path_mtus: tuple[PathMtu, ...] = ()
    ports: tuple[PortTest, ...] = ()
    writes: tuple[Writes, ...] = ()
    stalls: tuple[NodeStalls, ...] = ()
    replications: tuple[Replication, ...] = ()
    headrooms: tuple[Headroom, ...] = ()
    topologies: tuple[TopologyAdvice, ...] = ()
    profile: str = ""
    changes: tuple[LimitChange, ...] = ()
    waivers: tuple[WaiverUse, ...] = ()
    minutes: tuple[Minutes, ...] = ()
    holdings: tuple[Tenure, ...] = ()

    def to_json(self) -> str:
        """The assessment as JSON text: stable key order, no NaN, newline at the end."""
        return json.dumps(plain(self), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    @property
    def stem(self) -> str:
        """``CLUSTER-START``: how files made from it begin, so that those of two runs never meet. It may come from outside."""
        start = re.sub(r"\W", "", self.started, flags=re.ASCII)
        return re.sub(r"[^\w.-]", "_", f"{self.cluster[:63]}-{start[:16]}", flags=re.ASCII).lstrip(".-")

    @classmethod
    def from_json(cls, text: str) -> Assessment:
        """Read an assessment back.

        Raises:
            ArchiveError: not an assessment, damaged, or of another schema. An older one is made again from its archives,
                which every version reads, rather than filled up with what it does not say.
        """
        try:
            data = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError) as error:
            raise ArchiveError("not an assessment: no JSON", _WHICH) from error
        schema = data.get("schema") if isinstance(data, dict) else None
        if not isinstance(schema, int):
            raise ArchiveError("not an assessment: no schema number", _WHICH)
        if schema > SCHEMA:
            raise ArchiveError(
                f"the assessment was written by a newer haready (schema {schema}; this version reads {SCHEMA})",
                f"install the version that wrote it ({data.get('tool_version', 'unknown')}) or newer",
            )
        if schema < SCHEMA:
            raise ArchiveError(
                f"the assessment was written by an older haready (schema {schema}; this version reads {SCHEMA})",
                "run `haready analyze` on the archives again",
            )
        try:
            assessment = revive(cls, data)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArchiveError(f"assessment is damaged: {error}", "run `haready analyze` again") from error
        assert isinstance(assessment, cls)
        return assessment


def _refused(name: str) -> NoReturn:
    """Infinity and NaN, which Python would read and JSON does not know."""
    raise ValueError(f"{name} is no JSON")
