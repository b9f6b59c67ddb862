"""Whether the interfaces at both ends of a network are alike.

What: Speed and duplex of the interfaces that hold the planned addresses of two nodes on each network that joins them on one site.
Why HA: Nodes change places. What the primary sends at ten gigabits its standby has to take in, and send back after a switchover.
How: The inventories of both nodes. A virtual interface that tells no speed says nothing. Between sites each end has a link of its own,
    and the line between them decides: see bandwidth.
Source: KOET: 20 % between nodes (there of the throughput); that it only warns, and duplex, are design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import AddressFound, Area, Effort, Evidence, Limit, Scope, Sense, Status
from analyzer.extension import FACTS, Context, Judgement, Rule
from analyzer.lanplan import addresses
from analyzer.words import quantity, share

APART = Limit(
    "link speeds apart", "ratio", 0.20, None, Sense.AT_MOST, "KOET: 20 % between nodes; only to warn: design value"
)


def _check(context: Context) -> Iterator[Judgement]:
    one, other = context.subject.name.split("+")
    title = f"{one} and {other}"
    if context.plan.is_wan(one, other):
        yield Judgement(Status.INFO, f"{title} stand at two sites: each has a link of its own.")
        return
    silent = [name for name in (one, other) if name not in context.facts]
    if silent:
        yield Judgement(
            Status.SKIPPED,
            f"The links of {title} cannot be compared: {' and '.join(silent)} recorded no inventory.",
            remedy="Compare speed and duplex of their interfaces by hand.",
        )
        return
    rows = {(row.node, row.network): row for row in addresses(context.plan, context.facts)}
    joint = [
        (rows[one, network], rows[other, network])
        for network in context.plan.node(one).addresses
        if (other, network) in rows
    ]
    told = [(mine, its) for mine, its in joint if _telling(mine) and _telling(its)]
    if not told:
        yield Judgement(Status.INFO, f"{title} tell no speed of their links, as many virtual machines.")
        return
    limit = context.limit(APART.name)
    troubles, evidence, status = [], [], Status.PASS
    for mine, its in told:
        apart = _apart(mine, its)
        if apart is not None:
            evidence.append(Evidence(f"link speeds apart on {mine.network}", apart, "ratio", limit))
            if limit.judge(apart) is not Status.PASS:
                speeds = " and ".join(f"{quantity(row.speed_bps, 'bit/s')} on {row.node}" for row in (mine, its))
                troubles.append(f"{mine.network} runs at {speeds}, {share(apart)} apart")
        if mine.duplex and its.duplex and mine.duplex != its.duplex:
            troubles.append(f"{mine.network} is {mine.duplex} duplex on {one} and {its.duplex} duplex on {other}")
    if troubles:
        status = Status.WARN
    networks = ", ".join(mine.network for mine, _ in told)
    yield Judgement(
        status,
        f"{title}: {'; '.join(troubles)}."
        if troubles
        else f"{title} have links of like speed and duplex on {networks}.",
        tuple(evidence),
        f"Let all ends negotiate speed and duplex, and check ports, cables and interfaces of {one} and {other}."
        if troubles
        else "",
    )


def _telling(row: AddressFound) -> bool:
    return bool(row.speed_bps or row.duplex)


def _apart(mine: AddressFound, its: AddressFound) -> float | None:
    """How far the slower link lies below the faster one."""
    if not mine.speed_bps or not its.speed_bps:
        return None
    return abs(mine.speed_bps - its.speed_bps) / max(mine.speed_bps, its.speed_bps)


RULE = Rule(
    "link-match", "Links alike at both ends", Area.HOST, Scope.PAIR, (FACTS,), (APART,), _check, effort=Effort.SETTING
)
