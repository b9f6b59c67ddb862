"""Whether a path carries as much one way as the other.

What: Median goodput of the bandwidth tests there and back, on each network between two nodes: how far they lie apart, of the larger one.
Why HA: Replication turns round after a switchover. A port at half duplex, a shaper or a bad cable often shows in one direction only.
How: Tests of both directions that were held to the same rate. Each direction is held against the planned rate by the rule "bandwidth".
Source: design values (10 % and 50 %), unverified.
Fails when: one way carries less than half of the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status, Throughput
from analyzer.extension import THROUGHPUT, Context, Judgement, Rule
from analyzer.words import quantity, share
from collector.plan import Origin

APART = Limit("directions apart", "ratio", 0.10, 0.50, Sense.AT_MOST, "design values, unverified")


def _check(context: Context) -> Iterator[Judgement]:
    networks: dict[str, list[Throughput]] = defaultdict(list)
    for carried in context.throughputs:
        networks[carried.network].append(carried)
    for name, ways in networks.items():
        yield _network(context, name, ways)


def _network(context: Context, name: str, ways: list[Throughput]) -> Judgement:
    pair = context.subject.name.replace("+", " and ")
    known = [(way, way.median_bps) for way in ways if way.median_bps]
    if len(known) < 2:
        return Judgement(
            Status.SKIPPED,
            f"Network {name} between {pair}: bandwidth was not measured both ways.",
            remedy="See why tests are missing under “Bandwidth”, and repeat the run.",
        )
    (one, one_bps), (other, other_bps) = known[:2]
    if one.limit_bps != other.limit_bps:
        return Judgement(
            Status.INFO,
            f"Network {name} between {pair}: the two directions were held to different rates, so they say nothing.",
        )
    limit = context.limit(APART.name)
    apart = abs(one_bps - other_bps) / max(one_bps, other_bps)
    status = limit.judge(apart)
    slow = one if one_bps < other_bps else other
    if context.plan.origin is Origin.DEMONSTRATION:
        status = Status.INFO
    return Judgement(
        status,
        f"Network {name} between {pair}: {quantity(one_bps, 'bit/s')} from {one.source} to {one.target} and "
        f"{quantity(other_bps, 'bit/s')} back, {share(apart)} apart.",
        (
            Evidence(f"{name}: {limit.name}", apart, "ratio", limit),
            *(
                Evidence(f"{name}: goodput, median, {way.source} to {way.target}", bps, "bit/s")
                for way, bps in known[:2]
            ),
        ),
        ""
        if status in (Status.PASS, Status.INFO)
        else f"Check what {slow.source} sends on {name} and what {slow.target} receives: duplex and speed of both ports (see “Links” of both nodes), shapers, cables.",
    )


RULE = Rule("asymmetry", "Both directions alike", Area.NETWORK, Scope.PAIR, (THROUGHPUT,), (APART,), _check)
