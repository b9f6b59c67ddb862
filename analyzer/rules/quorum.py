"""Whether a product that decides by majority keeps its majority when one part fails.

What: Of each planned product that decides by majority: how many members vote and how many may fail; physical machines, power feeds, sites and switches without
    which too few are left; and for how long no majority was joined during the run.
Why HA: Such a product never serves twice. It stops instead, everywhere, as soon as fewer than half and one of its members hear each other.
How: Members are the nodes on its networks; where some are not on all of these, that is said. Two members are cut off while all of its networks between them were
    out. Of a store (etcd, Consul, ZooKeeper) one member has to reach the others of a majority directly; of other products members that reach each other over a third
    count as joined. Of what the plan does not state nothing is known. A product whose store stands elsewhere (Patroni) is named only.
Source: Raft paper and etcd FAQ: a majority, and three members at least to survive a failure; votequorum(5). What each finding weighs: design values.
Fails when: no majority was joined for more than half of the shortest timeout that a product starts from which is planned between the members and decides so (5 s where none is known).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations, groupby

from analyzer.contract import Area, Effort, Evidence, Limit, Scope, Sense, Status, Timing
from analyzer.contract.spans import union
from analyzer.extension import TIMINGS, Context, Judgement, Rule
from analyzer.joints import common_spans
from analyzer.majority import Voters, partly, tolerance, voters
from analyzer.tolerance import borne
from analyzer.troubles import Trouble, words
from analyzer.words import few, seconds, times
from collector.plan import Plan

CUT = Limit("time without a majority", "s", 0.0, None, Sense.AT_MOST, "design value")

_Spans = list[tuple[float, float]]


def _check(context: Context) -> Iterator[Judgement]:
    found = voters(context.plan, context.customs)
    if not found:
        yield Judgement(Status.INFO, "No planned product is known to decide by majority.")
    stores = list(dict.fromkeys(item.product for item in found if item.led and item.members))
    for item in found:
        if item.members:
            yield from _one(context, item)
            continue
        where = (
            f"Its store may be {' or '.join(stores)}, see there"
            if stores
            else "The plan does not say where its members stand: see that no single machine, feed or site takes the majority of them"
        )
        yield Judgement(Status.INFO, f"{item.product} asks a store that decides by majority. {where}.")


def _one(context: Context, item: Voters) -> Iterator[Judgement]:
    spans, unseen = _without(context.plan, item, context.timings)
    longest_s = max((stop - start for start, stop in spans), default=0.0)
    limit = borne(context.limit(CUT.name), tolerance(context.plan, item, context.customs))
    evidence = (
        Evidence("members", float(len(item.members)), "1"),
        Evidence("members that may fail", float(item.spare), "1"),
        Evidence(limit.name, longest_s, "s", limit),
    )
    parts = list(_parts(context.plan, item))
    troubles = [*_members(context.plan, item), *parts, *_unstated(context.plan, item)]
    if spans:
        lost = _loss(item)
        troubles.append(
            Trouble(
                limit.judge(longest_s),
                f"{lost} {times(len(spans))}, for up to {seconds(longest_s)}, so no majority was joined",
                "Find the part that these paths share: a switch, a carrier's line, a power feed.",
                "no majority of the members was joined",
            )
        )
    if unseen:
        troubles.append(
            Trouble(
                Status.SKIPPED,
                f"nothing was measured between {few(unseen)}, so how long its majority was joined is unknown",
                "See why these paths were not measured, and repeat the run.",
            )
        )
    yield from words(context.plan, item.product, troubles, _good(context.plan, item, parts), evidence)


def _loss(item: Voters) -> str:
    if not item.led:
        return f"fewer than {item.needed} of its {len(item.members)} members reached each other"
    if len(item.members) == 2:
        return "its two members did not reach each other"
    return f"no member reached {item.needed - 1} of the {len(item.members) - 1} others directly"


def _good(plan: Plan, item: Voters, parts: Sequence[Trouble]) -> str:
    """What is said where nothing is wrong: no more than the points beside it leave true."""
    may = f"{item.product}: of its {len(item.members)} members ({few(item.members)}) {item.spare} may fail"
    joined = "a majority was joined all the time."
    if parts:
        return f"{may}, and {joined}"
    sites = _by(plan, item, "site")
    shared = f", short of their one site ({next(iter(sites))})," if len(sites) == 1 else ""
    return f"{may}, nothing that the plan states{shared} takes more of them at once, and {joined}"


def _members(plan: Plan, item: Voters) -> Iterator[Trouble]:
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
    if doubtful := partly(plan, item):
        yield Trouble(
            Status.INFO,
            f"who its members are is not certain, because {few(doubtful)} {'is' if len(doubtful) == 1 else 'are'} not on every network of it "
            f"({few(item.networks)})",
        )


def _parts(plan: Plan, item: Voters) -> Iterator[Trouble]:
    """What takes more members along than may fail, as far as the plan states it."""
    if item.spare == 0:
        return
    sites = _by(plan, item, "site")
    for what, status, remedy, groups in (
        (
            "stand on one physical machine",
            Status.WARN,
            "Put its members on physical machines of their own.",
            _by(plan, item, "host"),
        ),
        ("hang on one power feed", Status.WARN, "Feed its members from different circuits.", _by(plan, item, "power")),
        ("hang on one switch", Status.INFO, "", _by_switch(plan, item)),
        # Of a cluster at one site that is no news.
        ("stand at one site", Status.INFO, "", sites if len(sites) > 1 else {}),
    ):
        for name, members in groups.items():
            if len(members) <= item.spare:
                continue
            only = what == "hang on one switch" and len(members) == len(item.members) and _only(plan, item, name)
            yield Trouble(
                Status.WARN if only else status,
                f"{_how_many(len(members), len(item.members))} members {what} ({name}): without it there is no majority",
                "Join its members by a second network on a switch of its own." if only else remedy,
                f"the majority of its members {what}",
            )


def _unstated(plan: Plan, item: Voters) -> Iterator[Trouble]:
    for what, missing in (
        ("physical machine", [name for name in item.members if not plan.node(name).host]),
        ("power feed", [name for name in item.members if not plan.node(name).power]),
    ):
        if missing and item.spare:
            yield Trouble(Status.INFO, f"the plan does not state the {what} of {few(missing)}")


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


def _only(plan: Plan, item: Voters, switch: str) -> bool:
    """Whether no network at all joins the members without this switch."""
    ends = [plan.node(name).sockets for name in item.members]
    return all(
        switch in {sockets[net.name].switch for sockets in ends}
        for net in plan.networks
        if all(net.name in sockets for sockets in ends)
    )


def _without(plan: Plan, item: Voters, timings: Sequence[Timing]) -> tuple[_Spans, list[str]]:
    """When no majority was joined; and the pairs of which nothing is known, which count as joined."""
    places = {name: place for place, name in enumerate(item.members)}
    between: dict[tuple[str, str], list[Timing]] = defaultdict(list)
    for timing in timings:
        # A path of which no probe could be judged tells nothing.
        if timing.judged and timing.network in item.networks and {timing.source, timing.target} <= places.keys():
            one, other = sorted((timing.source, timing.target), key=places.__getitem__)
            between[one, other].append(timing)
    unseen = [f"{one} and {other}" for one, other in combinations(item.members, 2) if (one, other) not in between]
    edges = sorted(
        (at_s, begins, places[pair[0]], places[pair[1]])
        for pair, mine in between.items()
        if any(timing.outages for timing in mine)
        for span in common_spans(pair, plan, mine)
        for at_s, begins in zip(span, (True, False), strict=True)
    )
    return _lost(item, edges), unseen


def _lost(item: Voters, edges: Sequence[tuple[float, bool, int, int]]) -> _Spans:
    """When no majority was joined, by when pairs were cut and joined again; asked once for every moment at which that changed."""
    members = len(item.members)
    # Whom each member reaches directly, itself among them, as bits.
    reach = [(1 << members) - 1] * members
    cut, since_s = 0, None
    found: _Spans = []
    part = item.needed - 1
    # So many pairs at least are cut where no part has a majority; it spares large clusters most of the work.
    least = part * (members - part)
    for at_s, changes in groupby(edges, key=lambda edge: edge[0]):
        for _, begins, one, other in changes:
            # Stretches of one pair never touch, so every change is one.
            reach[one] ^= 1 << other
            reach[other] ^= 1 << one
            cut += 1 if begins else -1
        lost = cut >= least and not _majority(reach, item.needed, led=item.led)
        if lost and since_s is None:
            since_s = at_s
        elif not lost and since_s is not None:
            found.append((since_s, at_s))
            since_s = None
    return union(found)


def _majority(reach: Sequence[int], needed: int, *, led: bool) -> bool:
    """Whether so many members are joined: with a leader directly by one of them, else over others as well."""
    if any(mask.bit_count() >= needed for mask in reach):
        return True
    return not led and _largest(reach) >= needed


def _largest(reach: Sequence[int]) -> int:
    """How many members the largest part has that is still joined, directly or over others."""
    left = (1 << len(reach)) - 1
    most = 0
    while left:
        part = new = left & -left
        while new:
            low = new & -new
            further = reach[low.bit_length() - 1] & ~part
            part |= further
            new = (new ^ low) | further
        left &= ~part
        most = max(most, part.bit_count())
    return most


RULE = Rule(
    "quorum",
    "Majority of the members",
    Area.NETWORK,
    Scope.CLUSTER,
    (TIMINGS,),
    (CUT,),
    _check,
    effort=Effort.RESOURCES,
)
