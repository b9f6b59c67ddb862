"""Whether the path carries the data rate that was planned for it.

What: Settled TCP goodput of the bandwidth tests of a directed path: their median, and how far they lie apart.
Why HA: Replication, a rejoining node and a backup share the path with the heartbeat; a path that is full delays all of them.
How: Receiver's bytes in steps of 0.1 s without the start of each test. Held against the plan's `rate_bps` of the network, or
    against the rate that the tests were held to where that is less. Of a line rate TCP can carry 1448/1514 (95.6 %) at most, less on
    Ethernet itself (94 %), so 85 % asks for nine tenths of what is possible. Without a planned rate a path within one
    site has to show a link of 1 Gbit/s; between sites nothing can be said without one.
    What replication is planned to send (`load_bps`) has tests of its own, held to that rate: they have to reach it.
Source: Test-NetStack (TCP: 85 % of the link speed); 50 % is a design value. 1 Gbit/s: PAL and Juniper HA warn below; 1 Mbit/s:
    vCenter Server Heartbeat. Spread of one path's tests: design value (IBM's network readiness tool holds 20 % between nodes).
Fails when: below half of the rate, or below 1 Mbit/s where none is planned.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from analyzer.contract import Area, BandwidthTest, Evidence, Limit, Obstacle, Scope, Sense, Status, Throughput
from analyzer.extension import THROUGHPUT, Context, Judgement, Rule
from analyzer.words import either_way, share
from collector.plan import Origin

SHARE = Limit(
    "share of the rate", "ratio", 0.85, 0.5, Sense.AT_LEAST, "warn: Test-NetStack, TCP 85 %; fail: design value"
)
FLOOR = Limit(
    "goodput on one site",
    "bit/s",
    0.85e9,
    1e6,
    Sense.AT_LEAST,
    "warn: PAL and Juniper HA, 1 Gbit/s, of which 85 % arrive (Test-NetStack); fail: vCenter Server Heartbeat, 1 Mbit/s",
)
PLANNED_LOAD = Limit(
    "share of the planned load", "ratio", 0.95, None, Sense.AT_LEAST, "design value; iperf3 holds a rate to 1 %"
)
SPREAD = Limit("spread of the tests", "ratio", 0.2, None, Sense.AT_MOST, "design value")
BUSY = 0.9
"""Share of one core from which on iperf3 itself may be what limits a test (design value)."""

_UNITS = ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"))


def _rate(bps: float) -> str:
    for size, unit in _UNITS:
        if bps >= size:
            return f"{float(f'{bps / size:.3g}'):g} {unit}"
    return f"{bps:.0f} bit/s"


def _check(context: Context) -> Iterator[Judgement]:
    carried = context.throughput
    yield from _at_load(context, carried)
    if carried.median_bps is None:
        yield Judgement(
            Status.SKIPPED,
            f"Path {carried.path}: no bandwidth test gave a figure ({carried.reason}).",
            remedy=_no_test(carried),
        )
        return
    yield _level(context, carried, carried.median_bps)
    spread = (carried.maximum_bps or 0.0) - (carried.minimum_bps or 0.0)
    limit = context.limit(SPREAD.name)
    relative = spread / carried.median_bps if carried.median_bps else 0.0
    if limit.judge(relative) is not Status.PASS:
        yield Judgement(
            Status.INFO if context.plan.origin is Origin.DEMONSTRATION else Status.WARN,
            f"Path {carried.path}: its {len(carried.tests)} bandwidth tests lie between {_rate(carried.minimum_bps or 0.0)} "
            f"and {_rate(carried.maximum_bps or 0.0)}, {share(relative)} of their median apart.",
            (Evidence(limit.name, relative, "ratio", limit),),
            f"See what else uses network {carried.network} at the times of the slow tests: backups, a shared or shaped link.",
        )


def _at_load(context: Context, carried: Throughput) -> Iterator[Judgement]:
    """Whether what replication is planned to send gets through."""
    if carried.load_bps is None or not carried.at_load:
        return
    median_bps = median(test.rate_bps for test in carried.at_load)
    limit = context.limit(PLANNED_LOAD.name)
    part = min(median_bps / carried.load_bps, 1.0)
    status = limit.judge(part)
    yield Judgement(
        status,
        f"Path {carried.path} carried {_rate(median_bps)} of the {_rate(carried.load_bps)} that replication is planned to send.",
        (Evidence(limit.name, part, "ratio", limit),),
        ""
        if status is Status.PASS
        else f"See what limits network {carried.network} between {carried.source} and {carried.target}, a cap_bps in the plan too, or plan for "
        "less: replication that does not get through falls behind.",
    )


def _no_test(carried: Throughput) -> str:
    match carried.obstacle:
        case Obstacle.TOOL:
            return f"Install iperf3 on {carried.source} and {carried.target}, or switch the tests off in the plan, and repeat the run."
        case Obstacle.RATE:
            return f"Add rate_bps to [network.{carried.network}] in plan.toml and repeat the run."
        case Obstacle.ARCHIVE:
            return f"Assess the archive of {carried.source} as well."
        case _:
            return (
                f"See that {carried.source} and {carried.target} have iperf3 and the plan's bandwidth port open between them, that the "
                "run is long enough and outside the quiet hours, and that the budget lasts; or switch the tests off in the plan."
            )


def _level(context: Context, carried: Throughput, median_bps: float) -> Judgement:
    """The goodput against whatever there is to hold it against."""
    planned, held = carried.planned_bps, carried.limit_bps
    tests = f"{len(carried.tests)} bandwidth tests" if len(carried.tests) > 1 else "one bandwidth test"
    fact = f"Path {carried.path} carried {_rate(median_bps)} (median of {tests})"
    figures = (
        Evidence("goodput, median", median_bps, "bit/s"),
        Evidence("goodput, slowest test", carried.minimum_bps, "bit/s"),
        Evidence("goodput, fastest test", carried.maximum_bps, "bit/s"),
    )
    if planned is not None or held is not None:
        capped = held is not None and (planned is None or held < planned)
        rate_bps = float(held if capped and held is not None else planned or 1)
        limit = context.limit(SHARE.name)
        # A test overshoots its limit by a little, and a line its contract: more than all of it is no better.
        part = min(median_bps / rate_bps, 1.0)
        status = limit.judge(part)
        against = f"{share(part)} of the {_rate(rate_bps)} "
        against += "that the tests were held to" if capped else "planned"
        if capped:
            against += (
                f"; whether it carries the planned {_rate(planned)} was not tried"
                if planned
                else "; what it carries beyond was not tried"
            )
        if status is Status.PASS and capped:
            # What was not tried is not known, and so no pass.
            status = Status.INFO
        evidence = (Evidence(limit.name, part, "ratio", limit), *figures)
        return _judgement(status, f"{fact}, {against}", carried, evidence)
    if context.plan.origin is Origin.DEMONSTRATION:
        return Judgement(
            Status.INFO, f"{fact}; the plan names no rate, and a demonstration proves nothing about one.", figures
        )
    if carried.wan:
        return Judgement(
            Status.SKIPPED,
            f"{fact}; between sites that says something only beside the contracted rate, which the plan does not name.",
            figures,
            f"Add rate_bps to [network.{carried.network}] in plan.toml and repeat the run.",
        )
    limit = context.limit(FLOOR.name)
    return _judgement(
        limit.judge(median_bps),
        f"{fact}; within one site a link of 1 Gbit/s is expected",
        carried,
        (Evidence(limit.name, median_bps, "bit/s", limit), *figures[1:]),
    )


def _judgement(status: Status, text: str, carried: Throughput, evidence: tuple[Evidence, ...]) -> Judgement:
    if status in (Status.PASS, Status.INFO):
        return Judgement(status, f"{text}.", evidence)
    remedy = (
        f"Find what limits network {carried.network} between {either_way(carried.source, carried.target)}: speed and duplex of the "
        "ports (see “Links” of both nodes), then a shaped or shared link, a virtual switch."
    )
    if any(test.retransmits != 0 for test in carried.tests):
        remedy += " If the path loses packets, mend that first: TCP slows down for them."
    if _one_core(carried.tests):
        text += "; one core was busy: the machine, not the network, may be the limit"
        remedy = f"Free a core on {carried.source} and {carried.target} and repeat the run. If it stays so: {remedy}"
    return Judgement(status, f"{text}.", evidence, remedy)


def _one_core(tests: tuple[BandwidthTest, ...]) -> bool:
    return any(cpu is not None and cpu >= BUSY for test in tests for cpu in (test.source_cpu, test.target_cpu))


RULE = Rule(
    "bandwidth", "Bandwidth", Area.NETWORK, Scope.PATH, (THROUGHPUT,), (SHARE, FLOOR, PLANNED_LOAD, SPREAD), _check
)
