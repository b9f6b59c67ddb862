"""Whether a product that decides by majority keeps its majority when one part fails.

What: Of each planned product that decides by majority: how many members vote and how many may fail; physical machines, power feeds, sites and switches without
    which too few are left; and for how long no majority was joined during the run.
Why HA: Such a product never serves twice. It stops instead, everywhere, as soon as fewer than half and one of its members hear each other.
How: Members are the nodes on its networks. Two members are cut off while all of its networks between them were out; members that reach each other over
    a third count as joined. Of what the plan does not state nothing is known. A product whose store stands elsewhere (Patroni) is named only.
Source: Raft paper and etcd FAQ: a majority, and three members at least to survive a failure; votequorum(5). What each finding weighs: design values.
Fails when: never; a warning lets the verdict be at best conditional.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from analyzer.contract import Area, Evidence, Limit, Scope, Sense, Status, Timing
from analyzer.extension import TIMINGS, Context, Judgement, Rule
from analyzer.joints import common_spans, union
from analyzer.majority import Voters, voters
from analyzer.troubles import Trouble, words
from analyzer.words import seconds, times
from collector.plan import Plan

CUT = Limit("time without a majority", "s", 0.0, None, Sense.AT_MOST, "design value")

_SITE = "stand at one site"


def _check(context: Context) -> Iterator[Judgement]:
    found = voters(context.plan, context.customs)
    if not found:
        yield Judgement(Status.INFO, "No planned product is known to decide by majority.")
    for item in found:
        if not item.members:
            yield Judgement(
                Status.INFO,
                f"{item.product} asks a store that decides by majority. The plan does not say where its members stand: see that no single machine, "
                "feed or site takes the majority of them.",
            )
            continue
        yield from _one(context, item)


def _one(context: Context, item: Voters) -> Iterator[Judgement]:
    spans, unseen = _without(context.plan, item, context.timings)
    longest_s = max((stop - start for start, stop in spans), default=0.0)
    limit = context.limit(CUT.name)
    evidence = (
        Evidence("members", float(len(item.members)), "1"),
        Evidence("members that may fail", float(item.spare), "1"),
        Evidence(limit.name, longest_s, "s", limit),
    )
    troubles = [*_members(item), *_parts(context.plan, item)]
    if spans:
        troubles.append(
            Trouble(
                limit.judge(longest_s),
                f"fewer than {item.needed} of its {len(item.members)} members reached each other {times(len(spans))}, for up to {seconds(longest_s)}",
                "Find the part that these paths share: a switch, a carrier's line, a power feed.",
                "no majority of the members was joined",
            )
        )
    if unseen:
        troubles.append(
            Trouble(
                Status.SKIPPED,
                f"nothing was measured between {', '.join(unseen)}, so how long its majority was joined is unknown",
                "See why these paths were not measured, and repeat the run.",
            )
        )
    good = (
        f"{item.product}: of its {len(item.members)} members {item.spare} may fail, nothing that the plan states takes more of them at once, and a majority "
        "was joined all the time."
    )
    yield from words(context.plan, item.product, troubles, good, evidence)


def _members(item: Voters) -> Iterator[Trouble]:
    count = len(item.members)
    if item.spare == 0:
        yield Trouble(
            Status.WARN,
            f"it has {count} {'member' if count == 1 else 'members'} and needs {item.needed}, so it stops when any of them fails",
            "Add members until there are three: the least that survives a failure.",
            "no member may fail",
        )
    elif count % 2 == 0:
        yield Trouble(Status.INFO, f"{count} members survive no more failures than {count - 1}")


def _parts(plan: Plan, item: Voters) -> Iterator[Trouble]:
    """What takes more members along than may fail, as far as the plan states it."""
    if item.spare == 0:
        return
    for what, status, remedy, groups in (
        (
            "physical machine",
            Status.WARN,
            "Put its members on physical machines of their own.",
            _by(plan, item, "host"),
        ),
        ("hang on one power feed", Status.WARN, "Feed its members from different circuits.", _by(plan, item, "power")),
        ("hang on one switch", Status.INFO, "", _by_switch(plan, item)),
        (_SITE, Status.INFO, "", _by(plan, item, "site")),
    ):
        for name, members in groups.items():
            if len(members) <= item.spare or (what == _SITE and len(groups) == 1):
                continue
            yield Trouble(
                status,
                f"{_how_many(len(members), len(item.members))} members {what} ({name}): without it there is no majority",
                remedy,
                f"the majority of its members {what}",
            )
    for what, missing in (
        ("physical machine", [name for name in item.members if not plan.node(name).host]),
        ("power feed", [name for name in item.members if not plan.node(name).power]),
    ):
        if missing:
            yield Trouble(Status.INFO, f"the plan does not state the {what} of {', '.join(missing)}")


def _how_many(count: int, of: int) -> str:
    return f"all {of} of its" if count == of else f"{count} of its {of}"


def _by(plan: Plan, item: Voters, part: str) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in item.members:
        if value := str(getattr(plan.node(name), part)):
            groups[value].append(name)
    return groups


def _by_switch(plan: Plan, item: Voters) -> dict[str, list[str]]:
    """Members that have no other switch on any network of the product."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in item.members:
        sockets = plan.node(name).sockets
        switches = {sockets[network].switch for network in item.networks if network in sockets}
        if len(switches) == 1 and (switch := switches.pop()):
            groups[switch].append(name)
    return groups


def _without(plan: Plan, item: Voters, timings: Sequence[Timing]) -> tuple[list[tuple[float, float]], list[str]]:
    """When no majority was joined; and the pairs of which nothing is known, which count as joined."""
    cuts: dict[tuple[str, str], list[tuple[float, float]]] = {}
    unseen = []
    for one, other in combinations(item.members, 2):
        between = [
            timing
            for timing in timings
            if {timing.source, timing.target} == {one, other} and timing.network in item.networks
        ]
        if between:
            cuts[one, other] = common_spans((one, other), plan, between)
        else:
            unseen.append(f"{one} and {other}")
    # At one moment an end comes before a begin, so that stretches that merely touch do not overlap.
    edges = sorted(
        (at_s, begins, pair)
        for pair, spans in cuts.items()
        for span in spans
        for at_s, begins in zip(span, (1, 0), strict=True)
    )
    part = item.needed - 1
    # So many pairs at least are cut where no part has a majority; it spares large clusters most of the work.
    least = part * (len(item.members) - part)
    found = []
    out: set[tuple[str, str]] = set()
    for (start_s, begins, pair), (stop_s, _, _) in pairwise([*edges, *edges[-1:]]):
        (out.add if begins else out.discard)(pair)
        if stop_s > start_s and len(out) >= least and _largest(item.members, out) < item.needed:
            found.append((start_s, stop_s))
    return union(found), unseen


def _largest(members: Sequence[str], out: set[tuple[str, str]]) -> int:
    """How many members the largest part has that is still joined, directly or over others."""
    parts = [{name} for name in members]
    for one, other in combinations(members, 2):
        if (one, other) in out:
            continue
        first = next(part for part in parts if one in part)
        second = next(part for part in parts if other in part)
        if first is not second:
            parts.remove(second)
            first |= second
    return max(map(len, parts), default=0)


RULE = Rule("quorum", "Majority of the members", Area.NETWORK, Scope.CLUSTER, (TIMINGS,), (CUT,), _check)
