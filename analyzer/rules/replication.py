"""Whether the path carries the replication that will use it.

What: The bytes that the busiest node writes (to the disks of the planned data, else to all) a minute, with growth, against the measured
    bandwidth of every path that replication takes in any state of the chain.
Why HA: A path that carries less than what is written falls behind: what waits is lost with the node, and queues fill until replication stops.
How: 95 % quantile of one-minute sums, taken after the disks were added up, with the plan's `growth` (30 % where it states none) and, where the
    plan states a `compression`, divided by that. The median of the bandwidth tests counts; a path whose tests were held to less than it may carry
    passes if even that is enough, and is not judged if not. Backlog and times come from the replay of the whole series (docs/method.md).
    The daisy chain is the vendor's: the active server feeds the passive one, that one the DR server, and the active one feeds it itself where
    the passive one is lost. What a DR server that is active feeds is not documented, so a fail there only warns.
Source: Azure Site Recovery Deployment Planner: 95 % quantile, 30 % growth; 70 % and 90 % of the measured rate: design values. NF: daisy chain.
    1 Mbit/s to spare: vCenter Server Heartbeat.
Fails when: more than 90 % of the measured rate is needed, in three minutes at least, or less than 1 Mbit/s is left.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Backlog, Effort, Evidence, Limit, Replication, Scope, Sense, Status
from analyzer.extension import REPLICATION, Context, Judgement, Rule
from analyzer.host import LONGER, MINUTES, worst
from analyzer.lengths import lasted
from analyzer.words import bits, either_way, octets, share
from collector.plan import Origin, Role

SHARE = Limit(
    "share of the measured rate",
    "ratio",
    0.7,
    0.9,
    Sense.AT_MOST,
    "ASR: 95 % of all minutes and 30 % growth; 70 % and 90 %: design values",
)
SPARE = Limit("rate to spare", "bit/s", None, 1e6, Sense.AT_LEAST, "vCenter Server Heartbeat: 1 Mbit/s")


def _check(context: Context) -> Iterator[Judgement]:
    leg = context.replication
    backlog = leg.packed or leg.plain
    if leg.reason or backlog is None or leg.capacity_bps is None or leg.p95_Bps is None:
        yield Judgement(
            Status.SKIPPED,
            f"{_who(leg)}: whether it carries the replication is not known: {leg.reason or 'nothing was recorded'}.",
            remedy=_missing(leg),
        )
        return
    if leg.minutes < MINUTES:
        yield Judgement(
            Status.SKIPPED,
            f"{_who(leg)}: what {leg.writer} writes was recorded for less than 15 min: whole minutes: {leg.minutes}.",
            remedy=LONGER,
        )
        return
    yield _judged(context, leg, backlog, leg.capacity_bps, leg.p95_Bps)


def _judged(context: Context, leg: Replication, backlog: Backlog, capacity_bps: float, p95: float) -> Judgement:
    packed = leg.compression or 1.0
    needed_bps = 8.0 * p95 / packed
    spare_bps = capacity_bps - needed_bps
    part, spare = context.limit(SHARE.name), context.limit(SPARE.name)
    status = worst((part.judge(backlog.share), spare.judge(spare_bps)))
    if status is Status.FAIL:
        # In a short run the 95 % quantile is the highest minute, and that alone condemns nobody.
        third_bps = 8.0 * (leg.third_Bps or 0.0) / packed
        lasting = worst((part.judge(third_bps / capacity_bps), spare.judge(capacity_bps - third_bps)))
        status = Status.FAIL if lasting is Status.FAIL and not _undocumented(context, leg) else Status.WARN
    text = (
        f"{_who(leg)} carries {bits(capacity_bps)}; what {leg.writer} writes ({_disks(leg)}, {leg.minutes} min) needs {bits(needed_bps)} with "
        f"{share(leg.growth)} growth{_packed(leg)}, {share(backlog.share)} of that; {_waiting(backlog)}"
    )
    evidence = (
        Evidence(part.name, backlog.share, "ratio", part),
        Evidence(spare.name, spare_bps, "bit/s", spare),
        Evidence("largest backlog", backlog.largest_B, "B"),
        # Where nothing waits the replay, which knows whole minutes, has no figure for it; and what never drains has no worst.
        *(
            [Evidence("worst recovery point, by whole minutes", backlog.behind_s, "s")]
            if backlog.largest_B and backlog.drain_s is not None
            else []
        ),
    )
    charts = (f"churn:{leg.path}", f"backlog:{leg.path}")
    if status is Status.PASS:
        if leg.in_use:
            return Judgement(status, f"{text}.", evidence, traces=charts)
        text += f". {leg.writer} is not in use yet, so this says nothing about the writes to come"
        return Judgement(Status.INFO, f"{text}.", evidence, traces=charts)
    if leg.held:
        text += ". Its tests were held to less than it may carry, so this is no verdict on it"
        remedy = f"Raise cap_bps under [bandwidth] in plan.toml, or state rate_bps of [network.{leg.network}], and repeat the run."
        return Judgement(Status.SKIPPED, f"{text}.", evidence, remedy, charts)
    if context.plan.origin is Origin.DEMONSTRATION:
        return Judgement(Status.INFO, f"{text}; a demonstration proves nothing about a site.", evidence, traces=charts)
    return Judgement(status, f"{text}.", evidence, _remedy(leg), charts)


def _undocumented(context: Context, leg: Replication) -> bool:
    """Whether the path is used only after a switch to the DR server, in an order that nobody documents."""
    return context.plan.node(leg.source).role is Role.TERTIARY and not any(one.documented for one in leg.situations)


def _who(leg: Replication) -> str:
    return f"Path {leg.path}" if leg.network else f"{leg.source} to {leg.target}"


def _disks(leg: Replication) -> str:
    return f"to {', '.join(leg.disks)}" if leg.disks else "to all its disks"


def _packed(leg: Replication) -> str:
    return f" and the planned compression of {leg.compression:g} to 1" if leg.compression is not None else ""


def _waiting(backlog: Backlog) -> str:
    if not backlog.largest_B:
        return "replayed, nothing waits, within a minute's resolution; the line's delay and the product's own queue come on top"
    if backlog.drain_s is None:
        return (
            f"replayed, {octets(backlog.largest_B)} waited in the end, which never drains; a node that is lost takes the more writes with it, "
            "the longer such writes go on"
        )
    gone = f"drains in {lasted(round(backlog.drain_s, 3))}"
    return (
        f"replayed, at most {octets(backlog.largest_B)} waited, which {gone}; a node that is lost then takes up to "
        f"{lasted(round(backlog.behind_s, 3))} of writes with it"
    )


def _remedy(leg: Replication) -> str:
    where = (
        "" if leg.disks else f" Name the replicated folders under data of {leg.writer}, so that only their disk counts."
    )
    ask = (
        " Ask the vendor what its compression does to such data, and state it as compression under [replication]."
        if leg.compression is None
        else ""
    )
    return f"Give network {leg.network} more bandwidth between {either_way(leg.source, leg.target)}, or replicate less.{where}{ask}"


def _missing(leg: Replication) -> str:
    if not leg.network:
        return f"Plan a channel between {leg.source} and {leg.target}, probed and with bandwidth tests, and repeat the run."
    if leg.capacity_bps is None:
        return f"Let bandwidth tests run on [network.{leg.network}] (bandwidth, rate_bps, budget_B; iperf3 on both nodes), and repeat the run."
    return (
        "Run the collector with its disk probe on every node, all at the same time, and assess all archives together."
    )


RULE = Rule(
    "replication",
    "Replication",
    Area.NETWORK,
    Scope.PATH,
    (REPLICATION,),
    (SHARE, SPARE),
    _check,
    effort=Effort.RESOURCES,
)
