"""Whether each of two nodes can do the work of both.

What: What both nodes used in the same minute, added up: core-seconds against the node's cores, memory, the busy share of the disk that holds the
    planned data (else of the busiest one), and on networks that clients use the traffic of each direction against the speed of the interface.
Why HA: After a switchover one machine has the work of both. One that cannot do it is slow on the day it matters, or goes down as well.
How: 95 % and 99 % quantiles of one-minute sums. The 95 % quantile is judged as the same figure of one node is; the 99 % quantile
    only warns, by the same limit (CPU: above 90 %). What runs on both nodes anyway, such as the operating system, is in the sum twice, so
    memory only warns even where the sum is more than the machine has, and the message says what is counted twice. On a
    running cluster the standby does a part of the work already, so there all of it only warns. Where neither node is in use yet nothing is known
    of the work to come, and the sums are information.
    A virtual interface tells no speed and is not judged.
Source: PAL: CPU 50 % and 80 %, available memory 10 %, network interface 30 % and 50 %; PCP: CPU 90 %, disk 90 % (the sum of two disks may
    be more than one can do, or not: it only warns). That two loads add up: design value.
Fails when: CPU above 80 % or an interface above 50 %, in three minutes at least, before the cluster runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Area, Effort, Evidence, Headroom, Limit, Resource, Scope, Sense, Status
from analyzer.extension import HEADROOM, Context, Custom, Judgement, Rule
from analyzer.host import worst
from analyzer.majority import deciding
from analyzer.troubles import Trouble, words
from analyzer.words import bits, memory, share
from collector.plan import Phase, spelling

_ADDED = "; that loads add up is a design value"
CPU = Limit(
    "CPU with both loads", "ratio", 0.5, 0.8, Sense.AT_MOST, f"PAL: total processor time, 50 % and 80 %{_ADDED}"
)
PEAK = Limit("CPU with both loads, 99 %", "ratio", 0.9, None, Sense.AT_MOST, f"PCP: 90 % over 2 min{_ADDED}")
MEMORY = Limit("memory with both loads", "ratio", 0.9, None, Sense.AT_MOST, f"PAL: available memory, 10 %{_ADDED}")
DISK = Limit("disk busy with both loads", "ratio", 0.9, None, Sense.AT_MOST, f"PCP and PAL: 90 %{_ADDED}")
NIC = Limit(
    "interface with both loads", "ratio", 0.3, 0.5, Sense.AT_MOST, f"PAL: network interface, 30 % and 50 %{_ADDED}"
)

_LIMITS = {Resource.CPU: CPU, Resource.MEMORY: MEMORY, Resource.DISK: DISK, Resource.NIC: NIC}
_WHAT = {Resource.CPU: "CPU", Resource.MEMORY: "memory", Resource.DISK: "disk", Resource.NIC: "interface"}


def _check(context: Context) -> Iterator[Judgement]:
    one, other = (context.plan.node(name).name for name in context.subject.name.split("+"))
    items = context.headrooms
    stores = {spelling(name) for name in context.customs.get(Custom.COMMITS, ())}
    majority = deciding(context.plan, context.customs, (one, other))
    if majority and all(spelling(item.product) in stores for item in majority):
        yield Judgement(
            Status.INFO,
            f"{one} and {other}: every member of {' and '.join(item.product for item in majority)} writes all of the data already, and none takes over the work of "
            "another; what clients asked of one they ask of the others.",
        )
        return
    troubles = [trouble for item in items if (trouble := _trouble(context, item)) is not None]
    evidence = tuple(_evidence(context, item) for item in items if item.share is not None)
    good = f"{one} and {other}: each has room for what both used together."
    if not items:
        yield Judgement(Status.INFO, f"{one} and {other}: no stack of this large plan fails over between the two.")
        return
    if not (context.plan.in_use(one) or context.plan.in_use(other)):
        text = (
            f"{one} and {other}: neither is in use yet, so what both use together says nothing about the work to come."
        )
        yield Judgement(Status.INFO, text, evidence)
        return
    yield from words(context.plan, f"{one} and {other}", troubles, good, evidence)


def _trouble(context: Context, item: Headroom) -> Trouble | None:
    """What is wrong or unknown; None: there is room."""
    what = f"{_WHAT[item.resource]}{f' ({item.of})' if item.of else ''}"
    if item.reason:
        text = f"{what} of {item.node} with the work of {item.other}: {item.reason}"
        return Trouble(Status.SKIPPED, text, "Run the collector on both at the same time, for at least 15 min.")
    if item.share is None or item.peak_share is None or item.third is None or not item.capacity:
        return Trouble(Status.INFO, f"{what} of {item.node} does not tell its limit, as many virtual ones")
    limit = context.limit(_LIMITS[item.resource].name)
    status = limit.judge(item.share)
    # In a short run the 95 % quantile is the highest minute, and that alone condemns nobody.
    if status is Status.FAIL and limit.judge(item.third / item.capacity) is not Status.FAIL:
        status = Status.WARN
    above = context.limit(PEAK.name) if item.resource is Resource.CPU else limit
    if above.judge(item.peak_share) is not Status.PASS:
        status = worst((status, Status.WARN))
    if status is Status.PASS:
        return None
    if status is Status.FAIL and context.plan.phase is Phase.LIVE:
        status = Status.WARN
    text = (
        f"{what} of {item.node} with the work of {item.other} takes {share(item.share)} of what it has ({_amount(item)}, "
        f"99 % of all minutes: {share(item.peak_share)})"
    )
    if item.resource is Resource.MEMORY and item.share > 1.0:
        text += (
            "; the operating system and its services are in that sum twice: it may run only if they take the difference"
        )
    return Trouble(
        status,
        text,
        f"Give {item.node} more {_WHAT[item.resource]}, or decide what is switched off when it works alone.",
    )


def _amount(item: Headroom) -> str:
    used, has = item.p95 or 0.0, item.capacity or 0.0
    match item.resource:
        case Resource.CPU:
            return f"{used:.3g} of {has:g} cores"
        case Resource.MEMORY:
            return f"{memory(used)} of {memory(has)}"
        case Resource.NIC:
            return f"{bits(used)} of {bits(has)}"
        case Resource.DISK:
            return f"busy {share(used)} of the time"


def _evidence(context: Context, item: Headroom) -> Evidence:
    limit = context.limit(_LIMITS[item.resource].name)
    of = f" {item.of}" if item.of else ""
    return Evidence(f"{_WHAT[item.resource]}{of} of {item.node}, both loads, 95 %", item.share, "ratio", limit)


RULE = Rule(
    "headroom",
    "Work of both nodes on one",
    Area.HOST,
    Scope.PAIR,
    (HEADROOM,),
    (CPU, PEAK, MEMORY, DISK, NIC),
    _check,
    effort=Effort.RESOURCES,
)
