"""Whether all nodes of a site carry like rates.

What: Median goodput that each node sends and receives on a network of one site, over all its paths there: how far the nodes lie apart, of the fastest.
Why HA: Any node may become the active one. The one with the slow port or cable is found on the day it does.
How: Bandwidth tests that were held to the same rate, on networks that join three nodes of one site or more; two nodes are compared by
    "asymmetry", and links by "link-match".
Source: KOET (20 % between nodes); failing at 50 % is a design value.
Fails when: a node carries less than half of what the fastest does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status, Throughput
from analyzer.extension import THROUGHPUT, Context, Judgement, Rule
from analyzer.words import quantity, share
from collector.plan import Origin

APART = Limit("nodes apart", "ratio", 0.20, 0.50, Sense.AT_MOST, "KOET: 20 % between nodes; fail: design value")
_FEW = 3


def _check(context: Context) -> Iterator[Judgement]:
    networks: dict[tuple[str, str], list[Throughput]] = defaultdict(list)
    for carried in context.throughputs:
        if not carried.wan:
            networks[carried.network, context.plan.node(carried.source).site].append(carried)
    wide = {place: ways for place, ways in networks.items() if len({end for way in ways for end in _ends(way)}) >= _FEW}
    if not wide:
        yield Judgement(
            Status.INFO,
            "No site has bandwidth tests among three nodes or more, so there is nothing to compare here; the two ends of a path are compared by “Both directions alike”.",
        )
    for (network, site), ways in wide.items():
        yield _network(context, f"Network {network} at {site}", ways)


def _ends(way: Throughput) -> tuple[str, str]:
    return way.source, way.target


def _network(context: Context, title: str, ways: Sequence[Throughput]) -> Judgement:
    nodes = sorted({end for way in ways for end in _ends(way)})
    rates = {node: _rates(node, ways) for node in nodes}
    silent = [node for node, (sends, takes) in rates.items() if sends is None or takes is None]
    if silent:
        return Judgement(
            Status.SKIPPED,
            f"{title}: bandwidth of {', '.join(silent)} was not measured both ways, so the nodes cannot be compared.",
            remedy="See why tests are missing under “Bandwidth”, and repeat the run.",
        )
    if len({way.limit_bps for way in ways}) > 1:
        return Judgement(
            Status.INFO, f"{title}: its paths were held to different rates, so its nodes cannot be compared."
        )
    limit = context.limit(APART.name)
    sends, takes = ({node: rate[place] or 0.0 for node, rate in rates.items()} for place in (0, 1))
    apart = max(_apart(sends), _apart(takes))
    status = Status.INFO if context.plan.origin is Origin.DEMONSTRATION else limit.judge(apart)
    way, found = ("sends", sends) if _apart(sends) >= _apart(takes) else ("receives", takes)
    slow = min(found, key=lambda node: found[node])
    fast = max(found, key=lambda node: found[node])
    return Judgement(
        status,
        f"{title}: {slow} {way} {quantity(found[slow], 'bit/s')}, {fast} {quantity(found[fast], 'bit/s')}, {share(apart)} apart.",
        (
            Evidence(limit.name, apart, "ratio", limit),
            *(Evidence(f"{node} sends, median", rate, "bit/s") for node, rate in sends.items()),
            *(Evidence(f"{node} receives, median", rate, "bit/s") for node, rate in takes.items()),
        ),
        ""
        if status in (Status.PASS, Status.INFO)
        else f"Compare port, cable, driver and CPU of {slow} with those of {fast}.",
    )


def _rates(node: str, ways: Sequence[Throughput]) -> tuple[float | None, float | None]:
    """What it sends and what it receives."""
    out = [way.median_bps for way in ways if way.source == node and way.median_bps is not None]
    back = [way.median_bps for way in ways if way.target == node and way.median_bps is not None]
    return median(out) if out else None, median(back) if back else None


def _apart(rates: Mapping[str, float]) -> float:
    most = max(rates.values())
    return (most - min(rates.values())) / most if most else 0.0


RULE = Rule("node-spread", "Nodes alike", Area.NETWORK, Scope.CLUSTER, (THROUGHPUT,), (APART,), _check)
