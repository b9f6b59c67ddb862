"""Network: what every path did during the run.

What: A matrix of all directions at a glance; round trips, losses, outages and stalls per directed path; which way packets waited; why answers were slow; outages of channels on one time axis, and those that hit all channels of a pair at
    once; how TCP connections fared; bandwidth each way and round trips under load; path MTU, changes of route and order of packets; ports; how observers answered; the network checks; for each pair and network a chart over
    the run and below it how round trips are distributed, at rest and under load; what people noted during the run, as numbers on the charts and as a list.
Why HA: Heartbeats cross these paths. Rare long delays cause false failovers, not the average. When
    all channels fail together, both nodes can go active: a split brain.
How: "RTT" is what an application sees. "Wire" is the network alone, from kernel timestamps at both
    ends. Charts keep the lowest and highest value of every bin, so that no peak is lost; outages, pauses of both nodes, tests and notes
    are marked on the same time axis in all of them.
Source: Timings, stalls, joints, TCP echoes, throughputs, path MTUs, ports, observers, notes, traces and curves of the assessment. The method is in the last section.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from analyzer.contract import Area, Assessment, Scope, Timing
from reports import figures
from reports.bandwidth import loaded_blocks, observer_blocks, throughput_blocks
from reports.basis import loaded_s, rest_s
from reports.channels import Incident, Together, incidents, together, up_meanwhile
from reports.contract import Block, Heading, Paragraph, Section, Table
from reports.detours import marked
from reports.echo import echo_blocks
from reports.excerpt import MOST, excerpt
from reports.findings import finding_table
from reports.matrix import matrix_blocks
from reports.pairs import chart_name, pair_blocks
from reports.queueing import queueing_blocks
from reports.routes import port_blocks, route_blocks
from reports.slowness import slowness_blocks
from reports.stamps import stamp_blocks
from reports.texts import each, say, several
from reports.uniform import FEW, by_path


def _build(assessment: Assessment) -> Iterator[Block]:
    return marked(_blocks(assessment), assessment)


def _blocks(assessment: Assessment) -> Iterator[Block]:
    timings = assessment.timings
    if timings:
        yield Heading(say("At a glance"), 2)
        yield from matrix_blocks(assessment)
    yield Heading(say("Every path, each way"), 2)
    if timings:
        yield Paragraph(
            say(
                "RTT is what an application sees. Wire is the network without the two machines. "
                "p99.9 means: 999 of 1000 probes were this fast or faster."
            )
            + (
                say(" {dash}: too few probes for that, see RTT max.", dash=figures.DASH)
                if any(item.rtt.samples < 1000 for item in timings)
                else ""
            )
        )
        shown = _worst_first(timings) if len(timings) > MOST else timings
        yield from by_path(_delays(shown))
        yield from _lost(shown)
        if any(item.loaded.samples or item.loaded_lost for item in timings):
            yield Paragraph(
                say(
                    "At rest: the time that these figures rest on. Probes during a bandwidth test of either node stand apart, under "
                    "“Round trips under load”."
                )
                + _whole(timings),
                small=True,
            )
        if any(item.unjudged for item in timings):
            yield Paragraph(
                say(
                    "Unjudged: the sender was stalled or the peer was not running, "
                    "so these probes say nothing about the network. They count neither as lost nor as answered."
                ),
                small=True,
            )
        yield from stamp_blocks(assessment)
    else:
        yield Paragraph(
            say("No path was measured. Check that the nodes ran at the same time and can reach each other.")
        )
    if timings:
        yield from queueing_blocks(timings)
        yield Heading(say("Why answers were slow"), 2)
        yield from slowness_blocks(timings)
    yield Heading(say("Channels that failed together"), 2)
    yield from _joints(assessment)
    yield Heading(say("Over TCP"), 2)
    yield from echo_blocks(assessment.echoes)
    yield Heading(say("Bandwidth"), 2)
    yield from throughput_blocks(assessment.throughputs)
    yield Heading(say("Round trips under load"), 2)
    yield from loaded_blocks(timings)
    yield Heading(say("Path MTU and route"), 2)
    yield from route_blocks(timings, assessment.path_mtus)
    yield Heading(say("Ports between the nodes"), 2)
    yield from port_blocks(assessment.ports)
    yield Heading(say("Observers"), 2)
    yield from observer_blocks(assessment.observers)
    yield Heading(say("Network checks"), 2)
    network = finding_table(item for item in assessment.findings if item.area is Area.NETWORK)
    if network:
        yield from excerpt(network)
    else:
        yield Paragraph(say("No network check was made."))
    yield from pair_blocks(assessment)


def _whole(timings: Iterable[Timing]) -> str:
    """How both times add up, for the path that was tested longest: beside each other they would look like a mistake."""
    item = max(timings, key=loaded_s)
    return say(
        " {path}: {rest} at rest and {loaded} during tests, in all {whole}. “Measurement of the path” counts both, the tests up to a fifth of the whole.",
        path=f"{figures.direction(item.source, item.target)} ({item.network})",
        rest=figures.duration(rest_s(item)),
        loaded=figures.duration(loaded_s(item)),
        whole=figures.duration(rest_s(item) + loaded_s(item)),
    )


def _worst_first(timings: Iterable[Timing]) -> tuple[Timing, ...]:
    """Longest outage, then slowest; what has no figure at all stands first."""
    return tuple(
        sorted(
            timings,
            key=lambda item: (
                item.rtt.p999 is not None,
                -item.longest_outage_s,
                -(item.loss or 0),
                -(item.rtt.p999 or 0),
            ),
        )
    )


def _delays(timings: tuple[Timing, ...]) -> Table:
    return Table(
        each("Path", "Network", "RTT p50", "RTT p99", "RTT p99.9", "RTT max", "Wire p50", "Wire p99"),
        tuple(
            (
                figures.direction(item.source, item.target),
                figures.network(item.network, wan=item.wan),
                figures.milliseconds(item.rtt.p50),
                figures.quantile(item.rtt.p99, item.rtt.samples, 100),
                figures.quantile(item.rtt.p999, item.rtt.samples, 1000),
                figures.milliseconds(item.rtt.maximum),
                *(
                    "< 0.001 ms" if value == 0.0 else figures.milliseconds(value)
                    for value in (item.wire.p50, item.wire.p99)
                ),
            )
            for item in timings
        ),
        (22, 14, 10.6, 10.6, 10.6, 10.6, 10.6, 10.6),
        say("Delay"),
        numeric=(2, 3, 4, 5, 6, 7),
        links=tuple(chart_name(item) for item in timings),
    )


def _lost(timings: tuple[Timing, ...]) -> Iterator[Block]:
    """A row for each path that lost something or cannot be told; those that lost nothing share a sentence."""
    whole = [item for item in timings if item.loss == 0 and not item.outages and not item.unjudged]
    if len(whole) < FEW:
        yield from excerpt(_losses(timings))
        return
    rest = tuple(item for item in timings if item not in whole)
    if rest:
        yield from excerpt(_losses(rest))
    sent = [item.sent for item in whole]
    rests_s = [rest_s(item) for item in whole]
    high = max((item.loss_high for item in whole if item.loss_high is not None), default=None)
    if any(item.loss_high is None for item in whole):
        high = None
    yield Paragraph(
        (
            say("No path lost anything or had an outage.")
            if not rest
            else say("The other {count} paths lost nothing and had no outage.", count=len(whole))
        )
        + say(
            " Each sent {sent} probes, at rest for {rest}; at 95 % confidence each loses at most {high}. The longest pause of a node on them: {pause}.",
            sent=_between(figures.count(min(sent)), figures.count(max(sent))),
            rest=_between(figures.duration(min(rests_s)), figures.duration(max(rests_s))),
            high=figures.ratio(high, 2),
            pause=figures.milliseconds(max(item.longest_stall_s for item in whole)),
        )
    )


def _between(low: str, high: str) -> str:
    return low if low == high else say("{low} to {high}", low=low, high=high)


def _losses(timings: tuple[Timing, ...]) -> Table:
    unjudged = any(item.unjudged for item in timings)
    head = each(
        "Path",
        "Network",
        "Loss",
        "95 % range",
        "Lost there / back",
        "Longest outage",
        "Longest pause",
        "At rest",
        "Sent",
    )
    rows = tuple(
        (
            figures.direction(item.source, item.target),
            figures.network(item.network, wan=item.wan),
            figures.ratio(item.loss, 2),
            figures.span(item.loss_low, item.loss_high),
            _directions(item),
            figures.outage(item.longest_outage_s) if item.judged else figures.DASH,
            figures.milliseconds(item.longest_stall_s),
            figures.duration(rest_s(item)),
            figures.count(item.sent),
            *((figures.count(item.unjudged),) if unjudged else ()),
        )
        for item in timings
    )
    widths = (20, 14, 9, 17, 9, 9, 9, 7, 9)
    return Table(
        (*head, say("Unjudged")) if unjudged else head,
        rows,
        (*widths, 9) if unjudged else widths,
        say("Loss and silence"),
        numeric=(2, 3, 4, 5, 6, 7, 8, 9),
    )


def _directions(item: Timing) -> str:
    text = f"{figures.count(item.lost_forward)} / {figures.count(item.lost_back)}"
    return (
        say("{text}, unknown {count}", text=text, count=figures.count(item.lost_unknown)) if item.lost_unknown else text
    )


def _joints(assessment: Assessment) -> Iterator[Block]:
    found = list(together(assessment))
    if not found:
        yield Paragraph(say("No pair of nodes was measured on common time, so this cannot be said."))
        return
    yield Paragraph(
        say(
            "Channels are the networks that the plan made for heartbeats and replication (kind channel or sync). A public network "
            "is none: it serves others, and it may be up while every channel is out."
        )
    )
    shown = sorted(found, key=lambda item: -item.longest_s) if len(found) > MOST else found
    yield from excerpt(
        Table(
            each("Pair", "Channels", "Other networks", "All channels out", "Longest", "What it means"),
            tuple(
                (
                    say("{pair} and {pair2}", pair=item.pair[0], pair2=item.pair[1]),
                    ", ".join(item.channels) or say("none"),
                    ", ".join(item.others) or say("none"),
                    figures.several(item.times, "time") if item.channels else figures.DASH,
                    figures.seconds(item.longest_s) if item.times else say("none") if item.channels else figures.DASH,
                    _meaning(item, assessment),
                )
                for item in shown
            ),
            (18, 12, 14, 12, 9, 35),
        )
    )
    yield from _incidents(assessment)


_INCIDENTS = 12
"""Rows of the time axis (design value): the gravest; a flapping line would fill pages."""


def _incidents(assessment: Assessment) -> Iterator[Block]:
    """Every outage of a channel on one time axis; of many those that hit several channels, then the longest."""
    found = incidents(assessment)
    gravest = sorted(found, key=lambda item: (-item.several_s, item.start_s - item.stop_s))[:_INCIDENTS]
    if not found:
        return
    shown = [item for item in found if item in gravest]
    redundant = {item.pair for item in together(assessment) if len(item.channels) > 1}
    head, times = _moments(assessment, shown)
    apart = any(item.pair in redundant for item in shown)
    yield Table(
        (
            *head,
            *each("Pair", "Channels out, and for how long at most"),
            *((say("Several at once"),) if apart else ()),
        ),
        tuple(
            (
                *between,
                say("{one} and {other}", one=item.pair[0], other=item.pair[1]),
                ", ".join(f"{channel} {figures.seconds(length_s)}" for channel, length_s in item.longest_s.items()),
                *((_several(item, redundant),) if apart else ()),
            )
            for item, between in zip(shown, times, strict=True)
        ),
        (19, 19, 20, 30, 12) if apart else (19, 19, 22, 40),
        say("Outages of channels in order of time"),
    )
    if len(found) > len(gravest):
        left = several(
            len(found) - len(gravest),
            "{count} further outage is less grave: see assessment.json.",
            "{count} further outages are less grave: see assessment.json.",
        )
        yield Paragraph(left, small=True)


def _several(item: Incident, redundant: Collection[tuple[str, str]]) -> str:
    if item.pair not in redundant:
        return figures.DASH
    return figures.seconds(item.several_s) if item.several_s else say("no")


def _moments(assessment: Assessment, shown: Sequence[Incident]) -> tuple[tuple[str, str], list[tuple[str, str]]]:
    """Head and cells of the moments from and to.

    What the clocks are called stands in the head: in a cell it would wrap alone. It stays there where it changes meanwhile (summer time).
    """
    times = [
        (figures.instant(assessment.started, item.start_s), figures.instant(assessment.started, item.stop_s))
        for item in shown
    ]
    zones = {moment.rpartition(" ")[2] for both in times for moment in both}
    zone = zones.pop() if len(zones) == 1 else figures.DASH
    if zone == figures.DASH:
        return (say("From"), say("To")), times
    return (say("From ({zone})", zone=zone), say("To ({zone})", zone=zone)), [
        (start.rpartition(" ")[0], stop.rpartition(" ")[0]) for start, stop in times
    ]


def _meaning(item: Together, assessment: Assessment) -> str:
    if len(item.channels) < 2 and item.majority and (told := _said(item, assessment)):
        return told
    if not item.channels:
        return say("No channel joins them. Plan one, apart from the networks that serve others.")
    if len(item.channels) == 1 and item.by_hand and not item.majority:
        return say(
            "Only one channel: each of its outages stops what is replicated over it. No planned product switches between the two by itself, so no failover follows."
        )
    if len(item.channels) == 1:
        return (
            say("Only one channel: each of its outages cuts the pair.")
            if item.majority
            else say("Only one channel: each of its outages cuts the pair. Add a second, independent one.")
        )
    if item.times:
        danger = (
            say("Meanwhile the side without a majority stops.")
            if item.majority
            else say("Meanwhile nothing is replicated; no planned product switches between the two by itself.")
            if item.by_hand
            else say("This can split the cluster.")
        )
        if item.stood:
            return say(
                "{node} stood still with its clock (see its page), which takes all channels at once. End what stops it. {danger}",
                node=item.stood,
                danger=danger,
            )
        if up := up_meanwhile(item, assessment):
            return say(
                "{names} answered meanwhile, so neither node stood still: the channels share something (switch, cable, provider). Find it, and end that. {danger}",
                names=figures.listing(up),
                danger=danger,
            )
        return say(
            "Either one of the nodes stood still (see its page), or the channels share something (switch, cable, provider). Find out, and end that. {danger}",
            danger=danger,
        )
    return say("In {duration} no common outage was seen.", duration=figures.duration(item.watched_s))


def _said(item: Together, assessment: Assessment) -> str:
    """What is said of a pair's redundancy, without its name."""
    return " ".join(
        found.message.removeprefix(f"{found.subject.name.replace('+', ' and ')}: ")
        for found in assessment.findings
        if found.rule == "redundancy"
        and found.subject.scope is Scope.PAIR
        and set(found.subject.name.split("+")) == set(item.pair)
    )


SECTION = Section("network", "Network", 30, _build)
