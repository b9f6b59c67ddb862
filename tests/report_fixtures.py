"""Assessments built by hand: what the report has to cope with, without any archive."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import permutations
from statistics import mean
from typing import Any

import numpy as np

from analyzer.contract import (
    SCHEMA,
    Access,
    AddressFound,
    Area,
    AreaScore,
    Assessment,
    Backlog,
    BandwidthTest,
    Basis,
    Cause,
    Choice,
    Claim,
    ClockStep,
    Constraint,
    CpuShare,
    Curve,
    DatagramTest,
    EchoTiming,
    Egress,
    Evidence,
    Finding,
    Fit,
    Headroom,
    IdleAge,
    Joint,
    Keeper,
    Limit,
    Load,
    NodeClock,
    NodeStalls,
    NodeSummary,
    Note,
    ObserverTiming,
    Outage,
    PathMtu,
    PlanNetwork,
    PlanNode,
    PortTest,
    ProbeOutcome,
    Quantiles,
    Recommendation,
    Replication,
    Resource,
    Risk,
    Scenario,
    Scope,
    Score,
    ScoreLine,
    Sense,
    Setting,
    Silence,
    Situation,
    Slowness,
    Snippet,
    Spread,
    Stall,
    StallCause,
    StallTally,
    Stamping,
    Status,
    Subject,
    Tenure,
    Throughput,
    Timing,
    TopologyAdvice,
    Trace,
    TradeOff,
    UnderLoad,
    Untested,
    Verdict,
    Writes,
)
from analyzer.replay import Line

HOSTILE = "Zürich-Süd <script>alert(1)</script> & Северный " + "x" * 160
LONG = "n" * 200

RTT = Limit("rtt_p999_s", "s", 0.05, 0.15, Sense.AT_MOST, "Genesys SIP Server HA guide: ADDP >= 2 x latency")
LOSS = Limit("loss", "ratio", 0.001, 0.01, Sense.AT_MOST, "design value: lower end of the 95 % interval")
STALL = Limit("stall_s", "s", 0.5, 2.0, Sense.AT_MOST, "corosync: token warning at 75 %; design value")
GAP = Limit("coverage", "ratio", 0.99, 0.9, Sense.AT_LEAST, "design value: share of planned time with data")
DISK = Limit(
    "fsync_p99_s", "s", 0.01, 0.05, Sense.AT_MOST, "etcd hardware guide: 99th percentile of WAL fsync below 10 ms"
)

PAIRS = (("sip-a", "sip-b"), ("sip-a", "sip-dr"), ("sip-b", "sip-dr"))
NETWORKS = ("ha", "public")
TEST_SCENARIOS = (
    Scenario(
        "migration",
        "Live migration or snapshot of a virtual machine",
        2.0,
        False,
        True,
        True,
        "The plan does not rule it out.",
        "design value; detectors, tier C",
    ),
    Scenario(
        "rstp",
        "Rapid spanning tree converges",
        6.0,
        True,
        True,
        True,
        "Switches can be replaced while the cluster runs.",
        "IEEE 802.1w; design value",
    ),
    Scenario(
        "stp",
        "Classic spanning tree converges",
        50.0,
        True,
        False,
        False,
        "The plan says that all ports of the nodes are edge ports.",
        "IEEE 802.1D: 2 x 15 s + 20 s",
    ),
)


NOTES = (
    Note("sip-a", 26780.0, "cable of ha pulled on sip-a"),
    Note("sip-b", 26780.4, "cable of ha pulled on sip-a"),
    Note("sip-a", 26790.0, "the same cable put back"),
    Note("sip-dr", 53500.0, f"live migration {HOSTILE}"[:200]),
    Note("sip-a", 90_000.0, "after the last value of any chart"),
)
"""The first two are one mark that was set on two nodes; the third lies too near for a label of its own."""


def _delay(wan: bool) -> tuple[float, float]:
    return (0.0213, 0.0008) if wan else (0.00021, 0.00003)


def _trace(path: str, wan: bool, spikes: float, bins: int, step_s: float, hole: tuple[int, int] | None) -> Trace:
    dice = random.Random(path)
    base, spread = _delay(wan)
    low, mid, high = [], [], []
    for place in range(bins):
        if hole and hole[0] <= place < hole[1]:
            low.append(None), mid.append(None), high.append(None)
            continue
        day = 1 + 0.3 * max(0.0, math.sin(math.pi * (place / bins * 24 - 7) / 12))
        low.append(base * (1 + 0.02 * dice.random()))
        mid.append(low[-1] + spread * day * (0.8 + 0.4 * dice.random()))
        high.append(mid[-1] + spread * 4 * dice.random() + (spikes * dice.random() if dice.random() < 0.05 else 0.0))
    return Trace(f"rtt:{path}", "RTT", "s", Subject(Scope.PATH, path), 0.0, step_s, tuple(low), tuple(mid), tuple(high))


def _curve(path: str, wan: bool, spikes: float) -> Curve:
    base, spread = _delay(wan)
    shift = random.Random(path).random() * 0.2
    shares = [place / 100 for place in range(1, 100)] + [0.995, 0.999, 0.9995, 0.9999, 1.0]
    values = []
    for share in shares:
        tail = spikes * max(0.0, share - 0.99) ** 2 * 9000
        values.append(base + spread * (shift + 2 * share**2 - math.log(1.0001 - share) / 3) + tail)
    return Curve(f"rtt-cdf:{path}", "RTT", "s", Subject(Scope.PATH, path), tuple(values), tuple(shares))


def _loaded(curve: Curve) -> Curve:
    """The same path while a bandwidth test fills it."""
    values = tuple(1.6 * value for value in curve.value)
    return replace(curve, id=curve.id.replace("rtt", "rtt-load"), title=Spread.LOADED, value=values)


def _timing(source: str, target: str, network: str, wan: bool, seconds: float, bad: bool) -> Timing:
    base, spread = _delay(wan)
    sent = int(seconds * 10)
    outages = (Outage(0.31 * seconds, 4.2, 42), Outage(0.62 * seconds, 61.4, 614)) if bad else ()
    lost = sum(outage.slots for outage in outages) + (3 if wan else 0)
    return Timing(
        path=f"{source}>{target}/{network}",
        source=source,
        target=target,
        network=network,
        wan=wan,
        period_s=0.1,
        hours=sent * 0.1 / 3600,
        sent=sent,
        answered=sent - lost,
        lost_forward=lost // 2,
        lost_back=lost - lost // 2,
        lost_unknown=0,
        unjudged=12 if bad else 0,
        duplicates=0,
        rtt=Quantiles(
            sent - lost, base, base + spread, base + 4 * spread, base + 9 * spread, base + (0.9 if bad else 0.012)
        ),
        wire=Quantiles(
            sent - lost,
            2e-6 if not wan else base - 1e-4,
            3.1e-6 if not wan else base,
            5.4e-6 if not wan else base * 1.1,
            base,
            base * 1.6,
        ),
        residence=Quantiles(sent - lost, 4e-5, 8.4e-5, 1.5e-4, 4e-4, 3e-3),
        loss=lost / sent,
        loss_low=lost / sent * 0.8,
        loss_high=lost / sent * 1.25 + 4 / sent,
        outages=outages,
        longest_outage_s=61.4 if bad else 0.0,
        longest_stall_s=3.31 if bad else 0.043,
        stalls=7 if bad else 2,
        clock_offset_s=0.0123,
        clock_error_s=0.0001,
        loaded=Quantiles(
            1190,
            base,
            base + 6 * spread,
            base + 20 * spread,
            base + (0.38 if bad else 0.0042),
            base + (0.41 if bad else 0.0087),
        ),
        loaded_lost=10 if bad else 0,
        loaded_low=0.004 if bad else 0.0,
        loaded_outage_s=1.4 if bad else 0.0,
        slow=(Slowness(Cause.PEER_STARVATION, 812, 1.74), Slowness(Cause.WIRE, 33, 0.21)) if bad else (),
        reordered=3 if bad else 0,
        route_changes_there=2 if bad else 0,
        route_changes_back=0,
        queued_there=Quantiles(sent - lost, 0.0, 4e-6, 0.041 if bad else 8e-5, 0.11, 0.19 if bad else 1e-3),
        queued_back=Quantiles(sent - lost, 0.0, 4e-6, 9e-5, 3e-4, 2e-3),
        fast=(
            UnderLoad(
                Load.FULL,
                24,
                25.0,
                2400,
                31 if bad else 0,
                Quantiles(2369, base, base * 4, base * 9, base * 11, base * 14),
                0.16 if bad else 0.0,
            ),
            UnderLoad(
                Load.PLANNED, 24, 25.0, 2400, 0, Quantiles(2400, base, base * 1.1, base * 1.5, base * 2, base * 3), 0.0
            ),
        )
        if network == "ha"
        else (),
    )


def _mtu(item: Timing, size: int | None = 1500) -> PathMtu:
    return PathMtu(
        item.path, item.source, item.target, item.network, item.wan, 24 if size else 0, size, size, 1500 if size else None,
        None, "" if size else "not even small packets were answered",
    )  # fmt: skip


def _ports(item: Timing, access: Access = Access.OPEN, reason: str = "") -> PortTest:
    return PortTest(item.source, item.target, item.network, "tcp/57348", "neverfail", access, 2, reason)


def _planned(rate_bps: int, tests: tuple[BandwidthTest, ...]) -> dict[str, Any]:
    """What a planned load adds to the tests of a path."""
    load_bps = rate_bps // 5
    return {
        "load_bps": load_bps,
        "at_load": tuple(replace(test, rate_bps=float(load_bps), received_B=test.received_B // 5) for test in tests),
        "datagrams": tuple(
            DatagramTest(test.start_s + 10.0, test.length_s, load_bps, load_bps * 0.99, 0.002, 3.1e-5, 0.2, 0.1)
            for test in tests
        ),
        "made_room": (3, "ended after 1 s, busy: ens224 carried more than 30% of its speed for others"),
    }


def _throughput(item: Timing, share: float = 0.94) -> Throughput:
    planned = 100_000_000 if item.wan else 1_000_000_000
    dice = random.Random(f"rate {item.path}")
    tests = tuple(
        BandwidthTest(
            600.0 + 3600 * place,
            30.0 if item.wan else 2.0,
            int(planned * share / 8 * (30 if item.wan else 2)),
            planned * share * (0.97 + 0.03 * dice.random()),
            place * 3,
            0.11,
            0.23,
        )
        for place in range(24)
    )
    rates = sorted(test.rate_bps for test in tests)
    return Throughput(
        item.path,
        item.source,
        item.target,
        item.network,
        item.wan,
        planned,
        planned,
        tests,
        rates[0],
        rates[12],
        rates[-1],
        "",
        **(_planned(planned, tests[:12]) if item.network == "ha" else {}),
    )


def _untested(item: Throughput, reason: str) -> Throughput:
    return replace(
        item, tests=(), minimum_bps=None, median_bps=None, maximum_bps=None, reason=reason, at_load=(), datagrams=()
    )


def _address(node: str, place: int, network: str, *, told: bool = True) -> AddressFound:
    nic = {"ha": "ens224", "public": "ens192", "management": "ens161"}.get(network, "ens256")
    subnet = {"ha": "10.1.1", "public": "192.0.2", "management": "10.9.0"}.get(network, "10.7.7")
    planned = (node, network, f"{subnet}.{place}/24", nic, f"sw-{network}-1", f"Gi1/0/{place}")
    if not told:
        return AddressFound(*planned, None, "", None, "", None, None, None, "", None)
    mac = ":".join(f"{value:02x}" for value in random.Random(node + network).randbytes(6))
    stamping = Stamping.NONE if network == "public" else Stamping.OFF
    return AddressFound(*planned, True, nic, 24, mac, True, True, 1_000_000_000, "full", 1500, stamping=stamping)


def _egress(rows: tuple[AddressFound, ...]) -> tuple[Egress, ...]:
    return tuple(
        Egress(
            one.node, other.node, one.network, other.address.partition("/")[0], one.nic, one.address.partition("/")[0],
            "10.1.1.254" if other.node == "sip-dr" else "", True,
        )
        for one in rows
        for other in rows
        if one.network == other.network and one.node != other.node
    )  # fmt: skip


def _observed(name: str, kind: str, address: str, node: str, lost: int = 0, reason: str = "") -> ObserverTiming:
    sent = 0 if reason else 86400
    answered = 0 if reason else sent - lost
    rtt = Quantiles(answered, 0.0002, 0.00041, 0.0009, 0.0021, 0.0123) if answered else Quantiles(0)
    return ObserverTiming(name, kind, address, node, sent, answered, rtt, 2.0 if lost else 0.0, reason)


def _echo(item: Timing) -> EchoTiming:
    """A day of the TCP echo on a path that is well; connections of every age were used again."""
    half = 0.011 if item.wan else 0.0002
    rtt = Quantiles(86000, half, 2 * half, 3 * half, 0.21, 0.62)
    ages = tuple(IdleAge(age, 86400 // age - 1, 0, 0, None) for age in (300, 1800, 3600, 7200))
    silences = (Silence(4000.0, 0.62),)
    loaded = Quantiles(120, half, 3 * half, 0.3, 0.4, 0.4)
    return EchoTiming(
        item.path,
        item.source,
        item.target,
        item.network,
        item.wan,
        86000,
        86000,
        rtt,
        silences,
        0.62,
        0,
        12,
        0.204,
        loaded,
        ages,
        "",
    )


def _observers(names: tuple[str, ...]) -> tuple[ObserverTiming, ...]:
    return tuple(
        _observed(observer, kind, address, node)
        for observer, kind, address in (("gw-1", "gateway", "192.0.2.254"), ("scs-1", "scs", "192.0.2.40"))
        for node in names
    )


NETWORKS_PLANNED = (
    PlanNetwork("ha", "channel", 120, 1_000_000_000, 46, True, True),
    PlanNetwork("public", "public", None, 1_000_000_000, 0, True, False),
    PlanNetwork("management", "management", 9, None, 0, False, False),
)


def _finding(
    rule: str,
    title: str,
    area: Area,
    scope: Scope,
    name: str,
    status: Status,
    message: str,
    *evidence: Evidence,
    remedy: str = "",
) -> Finding:
    return Finding(rule, title, area, Subject(scope, name), status, message, evidence, remedy)


def _advice(pair: tuple[str, str], wan: bool) -> Recommendation:
    timeout = 20 if wan else 10
    page = "docs.genesys.com, T-Server, backup-sync Section"
    return Recommendation(
        stack="genesys_sip",
        title="Genesys SIP Server (HA sync)",
        subject=Subject(Scope.PAIR, "+".join(pair)),
        networks=("ha",),
        where="SIP Server application, Options, section backup-sync, on primary and backup",
        basis=Basis.FLOOR,
        settings=(
            Setting("protocol", "addp", "", "Without it the other options of the section are ignored.", page),
            Setting("addp-timeout", timeout, "s", "The floor decides; the measurement alone would allow less.", page),
            Setting("addp-remote-timeout", timeout, "s", "The same in both directions, because roles swap.", page),
            Setting(
                "sync-reconnect-tout",
                2 * timeout + 1,
                "s",
                "At least 2 x T + p99.9 RTT, rounded up.",
                "Genesys SIP Server HA guide",
                verified=False,
            ),
        ),
        constraints=(
            Constraint("floor", float(timeout), "Genesys advises 10 s on links at risk; 20 s on a WAN", binding=True),
            Constraint("latency", 2 * _delay(wan)[0] * 1.4, "2 x p99.9 RTT"),
            Constraint("scenario rstp", 7.5, "1.25 x 6 s: rapid spanning tree"),
        ),
        detection_s=(float(timeout), 2.0 * timeout),
        override="",
        notes=("Restart is not needed; a new connection takes the values.",),
        snippets=tuple(
            Snippet(
                node,
                "Options of the SIP Server application",
                f"[backup-sync]\nprotocol=addp\naddp-timeout={timeout}\naddp-remote-timeout={timeout}\nsync-reconnect-tout={2 * timeout + 1}\n",
            )
            for node in pair
        ),
        cautions=(("Host object [addp], SCS to host", "NOT SIZED, ask the Genesys administrator"),),
    )


def _neverfail(pair: tuple[str, str], wan: bool) -> Recommendation:
    timeout = 75 if wan else 60
    page = "vCenter Server Heartbeat 6.5 Administration Guide, p. 32; Neverfail KB “Configuring Failover Timeout”"
    return Recommendation(
        stack="neverfail",
        title="Neverfail Continuity Engine, failover between servers",
        subject=Subject(Scope.PAIR, "+".join(pair)),
        networks=("ha", "public"),
        where="Management client: Server > Monitoring > Configure Failover",
        basis=Basis.MEASURED,
        settings=(
            Setting(
                "Failover timeout",
                timeout,
                "s",
                "The vendor's default is the largest of all candidates.",
                page,
                place="Monitoring > Configure Failover",
            ),
            Setting(
                "Ping Interval (server monitoring)", 10, "s", "Four in a row fit the timeout.", page, verified=False
            ),
            Setting("Public network: ping interval", 10, "s", "The default; nothing measured asks for more.", page),
            Setting("Public network: ping echo timeout", 5, "s", "The default; the slowest answer took 12 ms.", page),
            Setting(
                "Low Bandwidth Module", "on" if wan else "off", "", "For channels slower than 10 Mbit/s only.", page
            ),
            Setting(
                "Heartbeats missed",
                3,
                "1",
                "3 x 20 s = 60 s.",
                page,
                only_if="only if your release is 5.5 or older, instead of Failover timeout",
            ),
        ),
        constraints=(
            Constraint("floor", 60.0, "floor 60 s, the vendor's default", binding=not wan),
            Constraint("pause of a node", 75.0 if wan else 7.5, "1.25 x the longest pause", binding=wan),
        ),
        detection_s=(float(timeout), timeout + 10.0),
        override="",
        notes=("Lower values on a thin channel risk a split brain.",),
        snippets=(),
        takeover="Then the protected services start on the other server: not measured.",
        risk=Risk(
            Claim.UNREFUTED,
            1.0,
            0,
            86400.0,
            1094.2,
            18.2 if wan else 0.62,
            4000.0,
            (18.2 if wan else 0.62, 0.62),
            "In 24 h of valid measurement there was no silence in which this setting would have given up a healthy peer.",
            "The bound holds if incidents come independently.",
            "To certify 1 a year takes 1094 clean days.",
            model="No model of the tails backs it: once in 365 days looks further ahead than 10 times the 24 h that were measured.",
            elsewhere_s=0.62,
        ),
        tradeoff=tuple(
            TradeOff(
                float(at), at + 25.0, 2 if wan and at < 20 else 0, 2300.0 if wan and at < 20 else 1094.2, at == timeout
            )
            for at in (10, 15, 30, timeout, 120)
        ),
        change="Decided by the floor; only a named override in the plan goes below.",
        nodes=pair,
    )


def _node(name: str, role: str, site: str, seconds: float, archive: str = "") -> NodeSummary:
    digest = random.Random(name).randbytes(32).hex()
    return NodeSummary(
        name=name,
        role=role,
        site=site,
        archive=archive or f"voice-{name}-20261120T093500Z.haready",
        sha256=digest,
        session=digest[:8],
        tool_version="0.1.0",
        started="2026-11-20T09:35:00Z",
        duration_s=seconds,
        planned_s=seconds,
        gaps_s=0.0,
        sealed=True,
        damage=(),
        restarts=0,
        dropped=0,
        clock_error_s=0.0001,
        inventory=(
            ("System", "Red Hat Enterprise Linux 9.4"),
            ("Kernel", "5.14.0-427.13.1.el9_4.x86_64"),
            ("Processor", "4 x Intel Xeon Gold 6338"),
            ("Memory", "15.6 GB"),
            ("Virtual", "VMware"),
            ("Clock source", "tsc, chrony synchronised"),
        ),
        outcomes=tuple(
            ProbeOutcome(probe, "ok", "", int(seconds), 0, seconds)
            for probe in ("cpu", "memory", "disk", "nic", "stall")
        ),
    )


CPU_PARTS = {
    CpuShare.PROGRAMS: 0.6,
    CpuShare.KERNEL: 0.3,
    CpuShare.INTERRUPTS: 0.1,
    CpuShare.STOLEN: 0.0,
    CpuShare.WAITING: 0.2,
}
"""Parts of what is busy, and what waits beside it."""


def _machine_traces(node: str, bins: int, step_s: float) -> tuple[Trace, ...]:
    dice = random.Random(node)
    cpu = [0.08 + 0.05 * math.sin(place / bins * 6.3) ** 2 + 0.02 * dice.random() for place in range(bins)]
    fsync = [0.0011 + 0.0004 * dice.random() for _ in range(bins)]
    subject = Subject(Scope.NODE, node)
    return (
        Trace(
            f"cpu:{node}",
            CpuShare.BUSY,
            "ratio",
            subject,
            0.0,
            step_s,
            tuple(v * 0.6 for v in cpu),
            tuple(cpu),
            tuple(min(1.0, v * (1.5 + 3 * (dice.random() < 0.02))) for v in cpu),
        ),
        Trace(
            f"stall:{node}",
            "Late wake-ups",
            "s",
            subject,
            0.0,
            step_s,
            (5e-5,) * bins,
            (9e-5,) * bins,
            tuple(2e-4 + (0.04 * dice.random() if dice.random() < 0.03 else 0) for _ in range(bins)),
        ),
        Trace(
            f"fsync:{node}",
            "Time to make a write durable",
            "s",
            Subject(Scope.DEVICE, f"{node}/sda"),
            0.0,
            step_s,
            tuple(v * 0.8 for v in fsync),
            tuple(fsync),
            tuple(v * 2.2 for v in fsync),
        ),
        *(
            Trace(
                f"cpu-{share.name.lower()}:{node}",
                share,
                "ratio",
                subject,
                0.0,
                step_s,
                *((tuple(part * v for v in cpu),) * 3),
            )
            for share, part in CPU_PARTS.items()
        ),
    )


def _writes(node: str) -> tuple[Writes, ...]:
    """A day on a disk of which a logical volume holds the planned data."""
    dice = random.Random(node)
    day = tuple(2e6 + 1e6 * dice.random() + 2e7 * (dice.random() < 0.01) for _ in range(1440))
    disks = (("", (), True, 1.0), ("sda", (), True, 1.0), ("dm-0", ("/var/lib/sip",), False, 0.7))
    return tuple(
        Writes(
            node, disk, holds, counted, 1440, *(share * value for value in (2.3e11, 2.7e6, 2.5e6, 3.1e6, 2.2e7, 2.4e7, 1.4e10)),
            60.0, *((tuple(share * value for value in day),) * 2 if holds or not disk else ((), ())),
        )
        for disk, holds, counted, share in disks
    )  # fmt: skip


CHAIN = {
    ("sip-a", "sip-b"): (Situation("sip-a", "", documented=True),),
    ("sip-b", "sip-a"): (Situation("sip-b", "", documented=True),),
    ("sip-b", "sip-dr"): (Situation("sip-a", "", documented=True), Situation("sip-b", "sip-a", documented=True)),
    ("sip-a", "sip-dr"): (Situation("sip-b", "", documented=True), Situation("sip-a", "sip-b", documented=True)),
    ("sip-dr", "sip-a"): (Situation("sip-dr", "", documented=False),),
    ("sip-dr", "sip-b"): (Situation("sip-dr", "", documented=False),),
}


def _replication(item: Throughput, written: Writes, compression: float | None = None) -> Replication:
    """The writes of a day to the planned data, replayed through the median of the tests."""
    rates = np.array(written.mean_series_Bps) * 1.3
    found = []
    for ratio in (1.0, compression or 1.0):
        line = Line(rates / ratio, 60.0, (item.median_bps or 1.0) / 8)
        told = line.replay()
        resync = tuple((outage_s, line.resync_s(outage_s)) for outage_s in (600.0, 3600.0))
        share = 8 * 1.3 * written.p95_Bps / ratio / (item.median_bps or 1.0)
        figures = (told.largest_B, told.at_s, told.drain_s, told.behind_s, told.left_B)
        found.append(Backlog(share, *figures, resync, line.copy_s(4e10 / ratio)))
    return Replication(
        item.path, item.source, item.target, item.network, item.wan, CHAIN[item.source, item.target], written.node, (written.disk,), True, 1440,
        0.3, *(1.3 * value for value in (written.mean_Bps, written.p95_Bps, written.p99_Bps, written.maximum_Bps, written.maximum_Bps)),
        item.median_bps, False, compression, found[0], found[1] if compression else None, 4e10, f"used space of /var on {written.node}", "",
    )  # fmt: skip


def _replicated(item: Replication, rates: tuple[float | None, ...]) -> tuple[Trace, ...]:
    """Charts of the writes and of what waits, three minutes a bin."""
    subject = Subject(Scope.PATH, item.path)
    known = [1.3 * (value or 0.0) for value in rates]
    backlog = Line(np.array(known), 60.0, (item.capacity_bps or 1.0) / 8).replay().backlog_B.tolist()
    return tuple(
        Trace(
            f"{name}:{item.path}", title, unit, subject, 0.0, 180.0,
            *(tuple(pick(values[place : place + 3]) for place in range(0, len(values), 3)) for pick in (min, mean, max)),
        )
        for name, title, unit, values in (
            ("churn", "To be replicated, with growth", "B/s", known),
            ("backlog", "Waiting to be replicated", "B", backlog),
        )
    )  # fmt: skip


def _headrooms(one: str, other: str) -> tuple[Headroom, ...]:
    return (
        Headroom(one, other, Resource.CPU, "", 1440, 2.1, 1.2, 3.0, 3.9, 3.95, 8.0, ""),
        Headroom(one, other, Resource.MEMORY, "", 1440, 6e9, 3e9, 9e9, 9.1e9, 9.1e9, 1.7e10, ""),
        Headroom(one, other, Resource.DISK, "sda", 1440, 0.3, 0.1, 0.35, 0.6, 0.62, 1.0, ""),
        Headroom(
            one, other, Resource.NIC, "public", 1440, 2e7, 1e7, 2.5e7, 4e7, 4.1e7, None if one == "sip-dr" else 1e9, ""
        ),
    )


def _topology(pair: tuple[str, str], weaker: bool | None = False) -> TopologyAdvice:
    return TopologyAdvice(
        "genesys-addp",
        "Genesys SIP Server: how the address moves, and what stands by",
        Subject(Scope.PAIR, "+".join(pair)),
        (
            Choice("IP address takeover", Fit.ADVISED, ("both servers stand in 192.0.2.0/24 on public, by the plan", "it needs no further device")),
            Choice("Windows NLB", Fit.RULED_OUT, ("sip-a runs Linux",)),
            Choice("External device (F5 BIG-IP LTM)", Fit.POSSIBLE, ("it needs a further device",)),
            Choice("Both servers on one host", Fit.RULED_OUT, ("not needed: the plan has two physical machines (esx-1, esx-2)",)),
        ),
        (
            Choice("Hot standby", Fit.ADVISED, ("the HA-sync link (ha) was watched for 24 h: longest outage 0 s",)),
            Choice("Warm standby", Fit.POSSIBLE, ("nothing is synchronised",)),
        ),
        weaker,
        () if weaker is None else ("scs-1 and sip-a: longest silence 0 s, loss 0 %", "the pair's own link (ha): longest outage 0 s, loss 0 %"),
        (Untested("Whether the subnet of public accepts gratuitous ARP, and serves the SIP Servers alone", "network administrator"),),
        "Genesys SIP Server HA guide (GSIP)",
    )  # fmt: skip


def _path_findings(item: Timing) -> tuple[Finding, ...]:
    rtt, loss = item.rtt.p999, item.loss_low
    return (
        _finding(
            "path.rtt",
            "Round trips",
            Area.NETWORK,
            Scope.PATH,
            item.path,
            RTT.judge(rtt or 0),
            "999 of 1000 round trips are within the limit.",
            Evidence("RTT p99.9", rtt, "s", RTT),
            Evidence("RTT median", item.rtt.p50, "s"),
        ),
        _finding(
            "path.loss",
            "Loss",
            Area.NETWORK,
            Scope.PATH,
            item.path,
            LOSS.judge(loss or 0),
            "The loss is within the limit.",
            Evidence("loss, lower end", loss, "ratio", LOSS),
            Evidence("probes sent", float(item.sent), "count"),
        ),
    )


def _score(findings: tuple[Finding, ...]) -> Score:
    points = {Status.PASS: 100, Status.INFO: 100, Status.WARN: 50, Status.FAIL: 0, Status.ERROR: 0}
    areas = []
    for area in Area:
        lines = tuple(
            ScoreLine(item.subject.name, item.rule, item.status, points[item.status])
            for item in findings
            if item.area is area and item.status in points
        )
        means = {
            name: sum(line.points for line in lines if line.subject == name)
            / sum(line.subject == name for line in lines)
            for name in {line.subject for line in lines}
        }
        worst = min(sorted(means), key=means.__getitem__, default="")
        areas.append(AreaScore(area, round(means[worst]) if worst else None, worst, lines))
    judged = [area.score for area in areas if area.score is not None]
    return Score(min(judged) if judged else None, tuple(areas))


def trio() -> Assessment:
    """Three nodes, two networks, one site over a WAN, 24 clean hours."""
    seconds, bins = 86400.0, 480
    names = ("sip-a", "sip-b", "sip-dr")
    roles = (("primary", "Zürich"), ("backup", "Zürich"), ("recovery", "Genève"))
    timings, traces, curves = [], [], []
    for left, right in PAIRS:
        for network in NETWORKS:
            for source, target in ((left, right), (right, left)):
                wan = "sip-dr" in (left, right)
                timings.append(_timing(source, target, network, wan, seconds, bad=False))
                traces.append(_trace(timings[-1].path, wan, 0.01, bins, seconds / bins, None))
                curves.append(_curve(timings[-1].path, wan, 0.01))
                if wan:
                    curves.append(_loaded(curves[-1]))
    nodes = tuple(_node(name, *role, seconds) for name, role in zip(names, roles, strict=True))
    findings = tuple(found for item in timings for found in _path_findings(item))
    for name in names:
        findings += (
            _finding(
                "node.stall",
                "Stalls of the machine",
                Area.HOST,
                Scope.NODE,
                name,
                Status.PASS,
                "The longest stall is 43 ms.",
                Evidence("longest stall", 0.043, "s", STALL),
            ),
            _finding(
                "node.fsync",
                "Durable writes",
                Area.HOST,
                Scope.DEVICE,
                f"{name}/sda",
                Status.PASS,
                "Writes become durable fast enough.",
                Evidence("fsync p99", 0.0019, "s", DISK),
            ),
            _finding(
                "data.coverage",
                "Data is complete",
                Area.DATA,
                Scope.NODE,
                name,
                Status.PASS,
                "All planned time has data.",
                Evidence("coverage", 1.0, "ratio", GAP),
            ),
        )
    findings += (
        _finding(
            "node.clock",
            "Clock synchronisation",
            Area.HOST,
            Scope.NODE,
            "sip-dr",
            Status.WARN,
            "Only one time server is set up.",
            Evidence("time servers", 1.0, "count", Limit("servers", "count", 3, None, Sense.AT_LEAST, "chrony FAQ")),
            remedy="Add two more time servers to chrony.conf on sip-dr.",
        ),
        _finding(
            "pair.hosts",
            "Separate physical hosts",
            Area.HOST,
            Scope.PAIR,
            "sip-a+sip-b",
            Status.PASS,
            "The plan names two physical hosts.",
        ),
        _finding(
            "cluster.targets",
            "Targets of the plan",
            Area.SETTINGS,
            Scope.CLUSTER,
            "voice",
            Status.PASS,
            "Detection within 40 s is below the target of 60 s.",
            Evidence("slowest detection", 40.0, "s"),
        ),
    )
    for name in names:
        traces.extend(_machine_traces(name, bins, seconds / bins))
    addresses = tuple(
        _address(name, place, network.name) for place, name in enumerate(names, 1) for network in NETWORKS_PLANNED
    )
    (written,) = (item for item in _writes("sip-a") if item.holds)
    legs = tuple(_replication(_throughput(item), written) for item in timings if item.network == "ha")
    for leg in legs:
        traces.extend(_replicated(leg, written.mean_series_Bps))
    return Assessment(
        schema=SCHEMA,
        tool_version="0.1.0",
        created="2026-11-21T10:02:11Z",
        origin="measured",
        cluster="Contact centre voice",
        topology="trio: primary and backup at one site, recovery over a WAN",
        phase="before",
        plan_digest="5d41402abc4b2a76b9719d911017c592aa00ffee",
        started="2026-11-20T09:35:00Z",
        duration_s=seconds,
        verdict=Verdict.SUITABLE,
        summary="All three machines and both networks carry the cluster. Nothing measured in 24 hours speaks against it.",
        reasons=(
            "No path was out for longer than one probe; the loss on the WAN is 3 of 864 000 probes.",
            "The slowest round trip in a thousand is 28.5 ms on the WAN, far below the limit of 50 ms.",
            "The longest stall of a machine is 43 ms; the timeouts survive 6 s.",
        ),
        fixes=("Add two more time servers to chrony.conf on sip-dr.",),
        overrides=(),
        score=_score(findings),
        planned=tuple(
            PlanNode(name, *role, f"esx-{place}", f"feed {'AB'[place % 2]}")
            for place, (name, role) in enumerate(zip(names, roles, strict=True), 1)
        ),
        networks=NETWORKS_PLANNED,
        addresses=addresses,
        egress=_egress(addresses),
        nodes=nodes,
        clocks=tuple(
            NodeClock(name, 8700, 12.345 * place, 0.4 * place, 0, (), (Keeper(0.0, "chronyd", True),))
            for place, name in enumerate(names)
        ),
        notes=(),
        stalls=tuple(NodeStalls(name, (), (), 2) for name in names),
        findings=findings,
        timings=tuple(timings),
        throughputs=tuple(_throughput(item) for item in timings if item.network == "ha"),
        echoes=tuple(_echo(item) for item in timings if item.network == "ha"),
        path_mtus=tuple(_mtu(item) for item in timings),
        ports=tuple(_ports(item) for item in timings),
        writes=tuple(item for name in names for item in _writes(name)),
        replications=legs,
        headrooms=tuple(item for one, other in permutations(names, 2) for item in _headrooms(one, other)),
        topologies=(_topology(PAIRS[0]),),
        observers=_observers(names),
        joints=tuple(Joint(pair, NETWORKS, 0, 0.0) for pair in PAIRS),
        recommendations=(
            *(_advice(pair, "sip-dr" in pair) for pair in PAIRS),
            *(_neverfail(pair, "sip-dr" in pair) for pair in PAIRS),
        ),
        scenarios=TEST_SCENARIOS,
        traces=tuple(traces),
        curves=tuple(curves),
        untested=(
            Untested(
                "The virtual address moves within the time that callers accept.", "Installer, in the acceptance test"
            ),
            Untested("A switchover with a live call, and back again.", "Installer and customer"),
            Untested("The two network channels use separate switches and cables.", "Network team of the customer"),
        ),
    )


def demonstration() -> Assessment:
    """Two nodes on one machine for a minute: too little to decide."""
    full = trio()
    keep = tuple(item for item in full.timings if {item.source, item.target} == {"sip-a", "sip-b"})
    paths = {item.path for item in keep}
    timings = tuple(_timing(item.source, item.target, item.network, False, 60.0, bad=False) for item in keep)
    coverage = tuple(
        _finding(
            "data.coverage",
            "Data is complete",
            Area.DATA,
            Scope.NODE,
            name,
            Status.WARN,
            "The run lasted 60 s; 24 h are needed.",
            Evidence(
                "length",
                60.0,
                "s",
                Limit("length_s", "s", 86400, 3600, Sense.AT_LEAST, "design value: one business day"),
            ),
            remedy="Measure for 24 hours.",
        )
        for name in ("sip-a", "sip-b")
    )
    findings = coverage + tuple(found for item in timings for found in _path_findings(item))
    findings += (
        _finding(
            "node.psi",
            "Pressure stall information",
            Area.HOST,
            Scope.NODE,
            "sip-b",
            Status.SKIPPED,
            "Not judged: no PSI on this kernel.",
        ),
    )
    return replace(
        full,
        origin="demonstration",
        cluster="demo",
        topology="pair",
        duration_s=60.0,
        replications=tuple(replace(item, plain=None, reason="no iperf3 on sip-b") for item in full.replications[:2]),
        headrooms=tuple(replace(item, p95=None, p99=None, reason="too short") for item in full.headrooms[:4]),
        topologies=(_topology(PAIRS[0], None),),
        verdict=Verdict.INCONCLUSIVE,
        summary="One minute of data is too little to decide.",
        reasons=("The run lasted 60 s; 24 h are needed.",),
        fixes=("Measure for 24 hours.",),
        score=_score(findings),
        planned=full.planned[:2],
        nodes=tuple(_node(name, "node", "here", 60.0) for name in ("sip-a", "sip-b")),
        findings=findings,
        timings=timings,
        addresses=tuple(_address(name, place, "ha", told=False) for place, name in enumerate(("sip-a", "sip-b"), 1)),
        egress=(),
        throughputs=tuple(_untested(_throughput(item), "iperf3 is not installed on sip-b") for item in timings),
        echoes=tuple(
            replace(
                _echo(item),
                sent=0,
                answered=0,
                rtt=Quantiles(0),
                loaded=Quantiles(0),
                silences=(),
                longest_silence_s=0.0,
                retransmissions=None,
                rto_s=None,
                idle=(),
                reason=f"the TCP echo of {item.path} was never measured",
            )
            for item in timings
        ),
        path_mtus=tuple(_mtu(item, 65535) for item in timings),
        observers=(),
        joints=full.joints[:1],
        recommendations=(
            replace(
                full.recommendations[0],
                settings=(),
                constraints=(),
                detection_s=None,
                override="",
                snippets=(),
                notes=("No values from one minute of data. Measure for 24 hours.",),
            ),
        ),
        traces=tuple(_trace(item.path, False, 0.002, 60, 1.0, None) for item in timings)
        + _machine_traces("sip-a", 60, 1.0)[:1],
        curves=tuple(curve for curve in full.curves if curve.subject.name in paths),
    )


def bad() -> Assessment:
    """Outages on both channels at once, a damaged archive, a missing node, stalls, an override."""
    full = trio()
    timings = tuple(
        _timing(item.source, item.target, item.network, item.wan, 86400.0, bad=item.wan)
        for item in full.timings
        if "sip-b" not in (item.source, item.target) or not item.wan
    )
    worst = "sip-a>sip-dr/ha"
    findings = (
        *tuple(found for item in timings for found in _path_findings(item)),
        _finding(
            "path.outage",
            "Outages",
            Area.NETWORK,
            Scope.PATH,
            worst,
            Status.FAIL,
            "The path was out for 61.4 s; the timeout is 20 s.",
            Evidence(
                "longest outage",
                61.4,
                "s",
                Limit("outage_s", "s", 5, 20, Sense.AT_MOST, "the timeout that the stack needs"),
            ),
            remedy="Ask the provider for the line protocol of 2026-11-21, 00:27 UTC.",
        ),
        _finding(
            "pair.joint",
            "Channels fail together",
            Area.NETWORK,
            Scope.PAIR,
            "sip-a+sip-dr",
            Status.FAIL,
            "Both channels were out at once, twice, for up to 61.4 s.",
            Evidence("longest common outage", 61.4, "s"),
            remedy="Lead the second channel over another provider.",
        ),
        _finding(
            "node.stall",
            "Stalls of the machine",
            Area.HOST,
            Scope.NODE,
            "sip-a",
            Status.WARN,
            "The machine stood still for 3.31 s.",
            Evidence("longest stall", 3.31, "s", STALL),
            remedy="Stop snapshots of sip-a, or move them out of service hours.",
        ),
        _finding(
            "node.fsync",
            "Durable writes",
            Area.HOST,
            Scope.DEVICE,
            "sip-a/sda",
            Status.ERROR,
            "The rule stopped with an error of its own; this is a bug of haready.",
        ),
        _finding(
            "node.psi",
            "Pressure stall information",
            Area.HOST,
            Scope.NODE,
            "sip-dr",
            Status.SKIPPED,
            "Not judged: no PSI on this kernel.",
        ),
        _finding(
            "data.damage",
            "Archive is whole",
            Area.DATA,
            Scope.NODE,
            "sip-dr",
            Status.FAIL,
            "The archive is cut off; 37 of 144 parts are missing.",
            Evidence("parts", 107.0, "count"),
            remedy="Fetch the archive again.",
        ),
        _finding(
            "data.note",
            "Notes of the operator",
            Area.DATA,
            Scope.NODE,
            "sip-a",
            Status.INFO,
            "“backup job started” at 22:00.",
        ),
    )
    damaged = replace(
        full.nodes[2],
        duration_s=64000.0,
        gaps_s=731.0,
        sealed=False,
        damage=("member 107 of 144 ends in the middle of a line", "no manifest; 37 parts missing"),
        restarts=0,
        dropped=0,
        clock_error_s=0.0001,
        outcomes=(
            ProbeOutcome("cpu", "ok", "", 64000, 0, 64000.0),
            ProbeOutcome("psi", "skipped", "no PSI on this kernel", 0, 0, 0.0),
            ProbeOutcome("fsync", "timeout", "the disk did not answer within 30 s", 6100, 312, 61000.0),
        ),
    )
    pairs = tuple((left, right) for left, right in PAIRS if right != "sip-dr" or left == "sip-a")
    return replace(
        full,
        verdict=Verdict.UNSUITABLE,
        summary="The WAN fails for longer than any timeout bridges, on both channels at once.",
        reasons=(
            "Both channels between sip-a and sip-dr were out together for 61.4 s.",
            "sip-a stood still for 3.31 s during a snapshot.",
            "The archive of sip-dr is cut off: 5 h 13 min are missing.",
        ),
        fixes=(
            "Lead the second channel to the recovery site over another provider.",
            "Stop snapshots of sip-a, or move them out of service hours.",
            "Fetch the archive of sip-dr again.",
        ),
        overrides=(
            "ADDP floor lowered from 20 s to 15 s on the WAN (plan: [stack.override], signed by the customer).",
        ),
        score=_score(findings),
        nodes=(full.nodes[0], damaged),
        notes=NOTES,
        holdings=(
            Tenure("10.40.1.100", "vip", "sip-a", 0.0, 3600.0, left=True),
            Tenure("10.40.1.100", "vip", "sip-b", 3605.0, 86400.0, left=False),
        ),
        replications=(
            *(
                _replication(_throughput(item, 0.3), full.writes[2], 2.0)
                for item in timings
                if item.network == "ha" and item.source == "sip-a"
            ),
            replace(full.replications[-1], plain=None, capacity_bps=None, reason="the budget of the run was spent"),
            replace(
                full.replications[-1],
                path="sip-dr+sip-b",
                network="",
                plain=None,
                reason="no probed channel joins sip-dr and sip-b",
            ),
        ),
        topologies=(_topology(PAIRS[0], True),),
        clocks=(
            replace(
                full.clocks[0], steps_found=3, steps=(ClockStep(400.0, -0.02, 0.009), ClockStep(7000.5, 1.5, 1.489))
            ),
            NodeClock("sip-dr", 0, None, None, 0, (), ()),
        ),
        stalls=(
            NodeStalls(
                "sip-a",
                (
                    StallTally(StallCause.STUN, 3, 6.1, 3.31),
                    StallTally(StallCause.STARVATION, 412, 20.4, 0.31),
                    StallTally(StallCause.FROZEN, 1, 4.2, 4.2),
                ),
                (
                    Stall(26784.0, 4.2, StallCause.FROZEN),
                    Stall(4000.0, 3.31, StallCause.STUN, 0.0, 0.0, 0.0, 0.0, None, 0.0, 0.0, True),
                    Stall(7000.0, 0.31, StallCause.STARVATION, 0.3, 0.3, 0.0, 0.0, 0.0, 4.0, 0.02, False),
                ),
                1,
            ),
            NodeStalls("sip-dr", (), (), 0),
        ),
        findings=findings,
        timings=timings,
        addresses=(
            replace(full.addresses[0], found_nic="ens256", found_prefix=16, up=False, static=False),
            replace(full.addresses[1], found=False, found_nic="", mac=""),
            *(_address("sip-b", 2, network, told=False) for network in NETWORKS),
            *full.addresses[6:],
        ),
        egress=(
            replace(full.egress[0], nic="ens192", source="192.0.2.1", as_planned=False),
            replace(full.egress[1], nic="", source="", as_planned=None),
            *full.egress[2:],
            Egress("sip-a", "gw-1", "", "192.0.2.254", "ens192", "192.0.2.1", "", None),
        ),
        throughputs=tuple(
            _throughput(item, 0.07)
            if item.source == "sip-a"
            else _untested(_throughput(item), "the budget of the run was spent")
            for item in timings
            if item.network == "ha"
        ),
        echoes=tuple(
            replace(
                _echo(item),
                answered=85000,
                longest_silence_s=91.3,
                silences=(Silence(4000.0, 91.3),),
                resets=2,
                retransmissions=4123,
                idle=(IdleAge(300, 287, 0, 0, None), IdleAge(1800, 0, 40, 1, 1800.0)),
            )
            if item.source == "sip-a"
            else replace(_echo(item), resets=1)
            for item in timings
            if item.network == "ha"
        ),
        ports=tuple(_ports(item, access, f"because {access}") for item, access in zip(timings, Access, strict=False)),
        path_mtus=tuple(
            _mtu(item, None)
            if item.source == "sip-dr"
            else replace(_mtu(item, 1400), largest_B=1472 if item.wan else 1400, told_B=1400 if item.wan else None)
            for item in timings
        ),
        observers=(
            _observed("gw-1", "gateway", "192.0.2.254", "sip-a", lost=432),
            _observed("gw-1", "gateway", "192.0.2.254", "sip-dr", lost=86400),
            _observed("dns-1", "dns", "192.0.2.53", "sip-a"),
            _observed("dns-1", "dns", "192.0.2.53", "sip-dr", reason="the node may not send ICMP echo requests"),
        ),
        joints=tuple(
            Joint(
                pair,
                NETWORKS if "sip-dr" in pair else ("ha",),
                2 if "sip-dr" in pair else 0,
                61.4 if "sip-dr" in pair else 0.0,
            )
            for pair in pairs
        ),
        recommendations=(
            replace(full.recommendations[1], basis=Basis.OVERRIDE),
            replace(full.recommendations[0], settings=(), notes=("No archive of sip-b.",)),
            full.recommendations[4],
        ),
        traces=tuple(
            _trace(item.path, item.wan, 0.8 if item.wan else 0.01, 480, 180.0, (297, 300) if item.wan else None)
            for item in timings
        )
        + _machine_traces("sip-a", 480, 180.0),
        curves=tuple(_curve(item.path, item.wan, 0.8 if item.wan else 0.01) for item in timings),
    )


def empty() -> Assessment:
    """Nothing at all: no nodes, no findings, no figures."""
    return replace(
        trio(), cluster="nothing", topology="", duration_s=0.0, verdict=Verdict.INCONCLUSIVE, summary="No archive could be read.",
        reasons=(), fixes=(), overrides=(), score=Score(None, ()), planned=(), networks=(), addresses=(), egress=(),
        nodes=(), clocks=(), notes=(), stalls=(), findings=(), timings=(), throughputs=(), echoes=(), path_mtus=(), ports=(), writes=(), observers=(),
        replications=(), headrooms=(), topologies=(), joints=(),
        recommendations=(), scenarios=(), traces=(), curves=(), untested=(), plan_digest="", started="",
    )  # fmt: skip


def hostile() -> Assessment:
    """The bad site with names that no layout likes: long, foreign, full of markup."""
    base = bad()
    names = {"sip-a": HOSTILE, "sip-dr": LONG}

    text = base.to_json()
    for old, new in names.items():
        text = text.replace(old, new)
    renamed_all = Assessment.from_json(text)
    first = renamed_all.recommendations[0]
    return replace(
        renamed_all,
        origin="synthetic",
        cluster=HOSTILE,
        summary=HOSTILE + " \ud800\x00\x1b[31m",
        overrides=("z" * 3000, *renamed_all.overrides),
        recommendations=(
            replace(first, snippets=(Snippet(LONG, HOSTILE, "a" * 700 + "\n  <b>&amp;\n" + LONG),)),
            *renamed_all.recommendations[1:],
        ),
        untested=(Untested(LONG, HOSTILE), Untested("word " * 2500, "")),
    )


def crowd() -> Assessment:
    """Six nodes with names as long as a plan allows, three networks, more observers than a drawing takes."""
    names = tuple(f"{place}{'very-long-host-name.' * 4}"[:63] for place in range(1, 7))
    base = trio()
    planned = tuple(
        PlanNode(name, "member", "x" * 63 if place < 3 else "Genève", "h" * 63, "p" * 63)
        for place, name in enumerate(names)
    )
    nets = tuple(PlanNetwork(f"{'net-' * 15}{place}", "channel", 4094, 10**11, 63, True, True) for place in range(3))
    timings = tuple(
        _timing(one, other, net.name, True, 86400.0, bad=other == names[5])
        for net in nets
        for one in names
        for other in names
        if one != other
    )
    findings = tuple(found for item in timings for found in _path_findings(item))
    addresses = tuple(
        AddressFound(
            name, net.name, "fd00:1234:5678:9abc:def0:1234:5678:9abc/64", "n" * 15, "s" * 63, "p" * 63,
            False, "", None, "", None, None, None, "", None,
        )
        for name in names
        for net in nets
    )  # fmt: skip
    observers = tuple(
        _observed(f"{place}{'observer' * 8}"[:63], "gateway", f"fd00:1234:5678:9abc:def0:1234:5678:{place:04x}", name)
        for place in range(11)
        for name in names
    )
    return replace(
        base,
        planned=planned,
        networks=nets,
        addresses=addresses,
        egress=_egress(addresses),
        nodes=tuple(_node(node.name, node.role, node.site, 86400.0) for node in planned),
        findings=findings,
        timings=timings,
        throughputs=tuple(_throughput(item) for item in timings),
        echoes=tuple(_echo(item) for item in timings),
        replications=tuple(
            replace(base.replications[0], path=item.path, source=item.source, target=item.target) for item in timings
        ),
        headrooms=tuple(item for one, other in permutations(names, 2) for item in _headrooms(one, other)),
        topologies=tuple(_topology((one, other)) for one, other in permutations(names, 2)),
        path_mtus=tuple(_mtu(item) for item in timings),
        observers=observers,
        joints=(),
        score=_score(findings),
        recommendations=base.recommendations[:2],
        traces=(),
        curves=(),
    )


def bare() -> Assessment:
    """Two nodes that told nothing: every figure that may be absent is."""
    void = Quantiles(0)
    full = trio()
    first = full.timings[0]
    blank = replace(
        first, sent=0, answered=0, lost_forward=0, lost_back=0, hours=0.0, rtt=void, wire=void, residence=void, loss=None,
        loss_low=None, loss_high=None, outages=(), longest_outage_s=0.0, longest_stall_s=0.0, stalls=0,
        clock_offset_s=None, clock_error_s=None, loaded=void, loaded_lost=7, loaded_low=None,
        loaded_outage_s=0.0, slow=(), fast=(UnderLoad(Load.UDP, 1, 0.0, 1, 1, void, 0.0),),
    )  # fmt: skip
    test = BandwidthTest(0.0, 0.0, 0, 0.0, None, None, None)
    return replace(
        full,
        duration_s=60.0,
        verdict=Verdict.INCONCLUSIVE,
        score=Score(None, tuple(AreaScore(area, None, "", ()) for area in Area)),
        planned=tuple(PlanNode(name, "", "", "", "") for name in ("sip-a", "sip-b")),
        networks=(PlanNetwork("ha", "", None, None, 0, True, True),),
        addresses=(
            AddressFound("sip-a", "ha", "10.1.1.1/24", "", "", "", None, "", None, "", None, None, None, "", None),
            AddressFound("sip-b", "ha", "10.1.1.2/24", "", "", "", True, "", None, "", None, None, None, "", None),
            AddressFound("sip-b", "gone", "10.1.1.2", "", "", "", False, "", None, "", None, None, None, "", None),
        ),
        egress=(Egress("sip-a", "sip-b", "ha", "10.1.1.2", "", "", "", None),),
        nodes=(
            replace(
                _node("sip-a", "", "", 0.0),
                sha256="",
                session="",
                started="",
                clock_error_s=None,
                inventory=(),
                outcomes=(),
            ),
        ),
        findings=(Finding("x", "Rule", Area.DATA, Subject(Scope.DEVICE, "sip-a//"), Status.SKIPPED, ""),),
        timings=(blank,),
        throughputs=(
            replace(
                _throughput(first),
                planned_bps=None,
                limit_bps=None,
                tests=(test,),
                minimum_bps=None,
                median_bps=None,
                maximum_bps=None,
            ),
            replace(_untested(_throughput(full.timings[1]), ""), planned_bps=None, limit_bps=None),
        ),
        echoes=(
            EchoTiming(
                first.path,
                "sip-a",
                "sip-b",
                "",
                False,
                0,
                0,
                void,
                (),
                0.0,
                3,
                None,
                None,
                void,
                (IdleAge(0, 0, 1, 1, 0.0),),
                "",
            ),
        ),
        path_mtus=(replace(_mtu(first), nic_B=None, largest_B=None), replace(_mtu(full.timings[1], None), reason="")),
        writes=(replace(full.writes[0], hour_B=None, minutes=1, mean_series_Bps=(None,), maximum_series_Bps=(None,)),),
        replications=(
            replace(
                full.replications[0],
                writer="",
                disks=(),
                in_use=False,
                minutes=0,
                mean_Bps=None,
                p95_Bps=None,
                p99_Bps=None,
                maximum_Bps=None,
                third_Bps=None,
                capacity_bps=None,
                plain=None,
                size_B=None,
                size_from="",
                reason="",
            ),
            replace(
                full.replications[2],
                p95_Bps=None,
                size_B=None,
                size_from="",
                plain=Backlog(2.0, 1e12, 0.0, None, 9e5, 1e12, ((600.0, None),), None),
            ),
        ),
        headrooms=(Headroom("sip-a", "sip-b", Resource.CPU, "", 0, None, None, None, None, None, None, ""),),
        topologies=(
            TopologyAdvice(
                "",
                "",
                Subject(Scope.PAIR, "sip-a+sip-b"),
                (Choice("", Fit.OPEN, ()),),
                (Choice("", Fit.OPEN, ()),),
                None,
                (),
                (),
                "",
            ),
        ),
        observers=(ObserverTiming("gw", "", "", "sip-a", 0, 0, void, 0.0, ""),),
        joints=(),
        recommendations=(),
        traces=(),
        curves=(),
    )


def wordy() -> Assessment:
    """Two products, and every text of the verdict as long as the analyzer makes them."""
    full = trio()
    path = "sip-switch-primary-01>sip-switch-recovery-01/replication"
    return replace(
        full,
        verdict=Verdict.CONDITIONAL,
        summary=(
            "The machines and network of Contact centre voice will carry a cluster once the points below are settled "
            "(11 warned, 7 could not be judged)."
        ),
        reasons=tuple(
            f"Path {path}: the busiest 5 % of all minutes lost 0.31 % of all probes or more, and the longest outage lasted 14.2 s, "
            f"which is more than the 10 s of the warning. The same on {path}, {path}, {path} and {place} more."
            for place in (4, 17, 93)
        ),
        fixes=tuple(
            f"Ask the network team for the counters of the switch ports on {path}, compare them with the time of the outages in "
            f"section “Network”, and repeat the run after the repair ({place})."
            for place in range(5)
        ),
        overrides=(
            "ADDP floor lowered from 20 s to 15 s on the WAN (plan: [stack.override], signed by the customer's head of operations).",
        ),
        scenarios=tuple(replace(item, on=False) for item in full.scenarios),
        recommendations=tuple(
            replace(item, subject=Subject(Scope.PAIR, f"sip-switch-primary-01+sip-switch-recovery-0{place}"))
            for place, item in enumerate(full.recommendations)
        ),
    )


def many(count: int = 120) -> Assessment:
    """More nodes than anybody draws: every pair joined, one of them bad."""
    base = trio()
    names = tuple(f"node-{place:03}" for place in range(count))
    planned = tuple(
        PlanNode(name, "member", f"site {place % 5}", f"esx-{place // 4}", "") for place, name in enumerate(names)
    )
    site = {node.name: node.site for node in planned}
    timings = tuple(
        _timing(one, other, "ha", site[one] != site[other], 900.0, bad=(one, other) == names[7:9])
        for one in names
        for other in names
        if one != other
    )
    findings = (
        *tuple(found for item in timings for found in _path_findings(item)),
        *(
            _finding(
                "cpu-busy", "CPU", Area.HOST, Scope.NODE, name, Status.WARN, f"{name} is busy.", remedy="Add CPUs."
            )
            for name in names
        ),
    )
    addresses = tuple(_address(name, place % 250 + 1, "ha") for place, name in enumerate(names))
    return replace(
        base,
        planned=planned,
        networks=NETWORKS_PLANNED[:1],
        addresses=addresses,
        egress=_egress(addresses),
        nodes=tuple(_node(node.name, node.role, node.site, 900.0) for node in planned),
        findings=findings,
        timings=timings,
        throughputs=tuple(_throughput(item) for item in timings[: 10 * count]),
        path_mtus=tuple(_mtu(item) for item in timings[: 10 * count]),
        observers=tuple(_observed("gw-1", "gateway", "192.0.2.254", name) for name in names),
        joints=tuple(Joint((one, other), ("ha",), 0, 0.0) for one in names for other in names if one < other),
        score=Score(
            60, (AreaScore(Area.HOST, 60, names[0], tuple(ScoreLine(n, "cpu-busy", Status.WARN, 60) for n in names)),)
        ),
        recommendations=tuple(
            replace(base.recommendations[0], subject=Subject(Scope.PAIR, f"{one}+{other}"))
            for one in names[:20]
            for other in names[:20]
            if one < other
        ),
        traces=tuple(_trace(item.path, False, 0.0, 20, 45.0, None) for item in timings)
        + tuple(trace for name in names for trace in _machine_traces(name, 20, 45.0)[:2]),
        curves=tuple(_curve(item.path, item.wan, 0.0) for item in timings[:500]),
    )


ALL = {
    "trio": trio,
    "demonstration": demonstration,
    "bad": bad,
    "empty": empty,
    "hostile": hostile,
    "crowd": crowd,
    "bare": bare,
    "wordy": wordy,
}
