"""Bandwidth as tables: what each direction carried, what a full line does to the round trips, and how observers answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from analyzer.contract import Load, ObserverTiming, Throughput, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.texts import each, say, word
from reports.uniform import by_path

PROBES = 1000
"""Of fewer answers the 99.9 % quantile is no other than the largest."""


def throughput_blocks(items: tuple[Throughput, ...]) -> Iterator[Block]:
    """Goodput of each direction, and why tests are missing."""
    if not items:
        yield Paragraph(say("The plan asks for no bandwidth test, so nothing is known about bandwidth."))
        return
    tested = [item for item in items if item.tests]
    if tested:
        yield Paragraph(
            say(
                "Goodput is what arrived, without headers and resends. Limit: what the tests were held to, so that "
                "services in use keep room. CPU: share of one core that the test took at the sending and the receiving node."
            )
        )
        yield from by_path(_goodput(tested))
    yield from _when(items)
    at_load = [item for item in items if item.at_load or item.datagrams]
    if at_load:
        yield from by_path(_at_load(at_load))
    held = [item for item in items if item.made_room[0]]
    if held:
        yield from excerpt(_made_room(held))
    missing: dict[str, list[Throughput]] = defaultdict(list)
    for item in items:
        if item.reason or not item.tests:
            missing[item.reason or say("No reason was recorded.")].append(item)
    if missing:
        yield from excerpt(
            Table(
                each("Why tests are missing", "Paths"),
                tuple(
                    (
                        reason,
                        figures.listing(
                            [f"{figures.direction(item.source, item.target)} ({item.network})" for item in members]
                        ),
                    )
                    for reason, members in missing.items()
                ),
                (40, 60),
            )
        )


def _goodput(items: list[Throughput]) -> Table:
    return Table(
        each(
            "Path",
            "Network",
            "Planned",
            "Limit",
            "Tests",
            "Lowest",
            "Median",
            "Highest",
            "Resent",
            "CPU sender / receiver",
        ),
        tuple(
            (
                figures.direction(item.source, item.target),
                figures.network(item.network, wan=item.wan),
                figures.megabits(item.planned_bps),
                figures.megabits(item.limit_bps) if item.limit_bps is not None else say("none"),
                figures.count(len(item.tests)),
                *(figures.megabits(value) for value in (item.minimum_bps, item.median_bps, item.maximum_bps)),
                figures.count(_sum(test.retransmits for test in item.tests)),
                f"{_share(test.source_cpu for test in item.tests)} / {_share(test.target_cpu for test in item.tests)}",
            )
            for item in items
        ),
        (17, 11, 10, 10, 6, 10, 10, 10, 8, 12),
        say("Goodput, each way"),
        numeric=(2, 3, 4, 5, 6, 7, 8, 9),
    )


def _when(items: Sequence[Throughput]) -> Iterator[Block]:
    """When the tests were: figures of the beginning of a run say nothing of its busy hours."""
    by_path = [sorted(_starts_s(item)) for item in items]
    starts_s = sorted(start_s for path in by_path for start_s in path)
    if starts_s:
        apart_s = max((after - before for path in by_path for before, after in pairwise(path)), default=None)
        text = say(
            "{number}{kinds}, the first {duration} after the start of the run",
            number=figures.several(len(starts_s), "test"),
            kinds=_kinds(items),
            duration=figures.duration(starts_s[0]),
        )
        if len(starts_s) > 1:
            text += say(", the last after {duration}", duration=figures.duration(starts_s[-1]))
        if apart_s is not None:
            text += say(
                "; the longest time from one test of a path to its next was {duration}",
                duration=figures.duration(apart_s),
            )
        yield Paragraph(f"{text}.")


def _kinds(items: Sequence[Throughput]) -> str:
    """What makes up the number, where the tables count more than one kind."""
    counts = {
        say("of goodput"): sum(len(item.tests) for item in items),
        say("at the planned data rate"): sum(len(item.at_load) for item in items),
        say("with UDP"): sum(len(item.datagrams) for item in items),
    }
    told = [f"{figures.count(count)} {kind}" for kind, count in counts.items() if count]
    return f" ({', '.join(told)})" if len(told) > 1 else ""


def _starts_s(item: Throughput) -> Iterator[float]:
    yield from (test.start_s for test in (*item.tests, *item.at_load))
    yield from (test.start_s for test in item.datagrams)


def _at_load(items: list[Throughput]) -> Table:
    def row(item: Throughput) -> tuple[str, ...]:
        rates = [test.rate_bps for test in item.at_load]
        return (
            figures.direction(item.source, item.target),
            figures.network(item.network, wan=item.wan),
            figures.megabits(item.load_bps),
            figures.count(len(rates)),
            figures.megabits(min(rates, default=None)),
            figures.megabits(median(rates) if rates else None),
            figures.count(len(item.datagrams)),
            figures.megabits(max((test.sent_bps for test in item.datagrams), default=None)),
            figures.megabits(median(test.rate_bps for test in item.datagrams) if item.datagrams else None),
            figures.ratio(_worst(test.loss for test in item.datagrams), 2),
            figures.milliseconds(_worst(test.jitter_s for test in item.datagrams)),
        )

    return Table(
        each("Path", "Network", "Planned load", "TCP tests", "Lowest", "Median", "UDP tests", "UDP rate set", "Arrived", "Lost, most", "One-way jitter, most"),
        tuple(row(item) for item in items),
        (17, 11, 10, 6, 10, 10, 6, 10, 10, 8, 8),
        say("At the planned data rate, and with UDP, each way"),
        numeric=(2, 3, 4, 5, 6, 7, 8, 9, 10),
    )  # fmt: skip


def _worst(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _made_room(items: list[Throughput]) -> Table:
    return Table(
        each("Path", "Network", "Times", "Usual reason"),
        tuple(
            (
                figures.direction(item.source, item.target),
                figures.network(item.network, wan=item.wan),
                figures.count(item.made_room[0]),
                item.made_room[1],
            )
            for item in items
        ),
        (20, 14, 8, 58),
        say("Tests that were put off or ended because other programs needed the node"),
        numeric=(2,),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    """The sum of what was told; None: no test told it."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _share(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return figures.ratio(max(known), 2) if known else figures.DASH


def loaded_blocks(timings: tuple[Timing, ...]) -> Iterator[Block]:
    """Round trips while a bandwidth test ran, beside those of the other time."""
    loaded = [item for item in timings if item.loaded.samples or item.loaded_lost]
    if not loaded:
        yield Paragraph(
            say("No probe was under way during a bandwidth test, so nothing is known about delay on a full line.")
        )
        return
    yield Paragraph(
        say(
            "Loaded: while a bandwidth test of either node ran. Idle: all other time, which is what the other tables "
            "count; the settings outlast both. Round trips that grow much under load show long queues in the network."
        )
        + (
            say(" p99.9 is told of 1000 probes and more; of fewer ({dash}) see the maximum.", dash=figures.DASH)
            if _tailed(loaded) and any(min(item.loaded.samples, item.rtt.samples) < PROBES for item in loaded)
            else ""
        )
    )
    yield from by_path(_loaded(loaded))
    fast = [item for item in loaded if item.fast]
    if fast:
        slowest_hz = min(kind.probe_hz for item in fast for kind in item.fast)
        yield Paragraph(
            say(
                "Fast probes: while a path itself was tested its ends sent {number} probes a second and more, in slots of "
                "their own. They are in no other figure; timeouts outlast them all the same.",
                number=figures.number(slowest_hz, 2),
            ),
            leads=True,
        )
        yield from by_path(_fast(fast))


def _tailed(items: Iterable[Timing]) -> bool:
    return any(item.loaded.samples >= PROBES for item in items)


def _loaded(items: list[Timing]) -> Table:
    """With the 99.9 % quantile where any path had the probes for it under load; else the largest says the same."""
    tails = _tailed(items)

    def row(item: Timing) -> Iterator[str]:
        yield figures.direction(item.source, item.target)
        yield figures.network(item.network, wan=item.wan)
        yield from (figures.milliseconds(value) for value in (item.rtt.p50, item.loaded.p50))
        if tails:
            yield from (figures.quantile(one.p999, one.samples, PROBES) for one in (item.rtt, item.loaded))
        yield from (figures.milliseconds(value) for value in (item.rtt.maximum, item.loaded.maximum))
        yield figures.count(item.loaded.samples + item.loaded_lost)
        yield figures.count(item.loaded_lost)
        yield figures.outage(item.loaded_outage_s)

    head = (
        *each("Path", "Network", "Idle p50", "Loaded p50"),
        *(each("Idle p99.9", "Loaded p99.9") if tails else ()),
        *each("Idle max", "Loaded max", "Loaded probes", "Lost of them", "Silent for"),
    )
    return Table(
        head,
        tuple(tuple(row(item)) for item in items),
        (17, 11, 9, 9, *((9, 9) if tails else ()), 9, 9, 8, 7, 8),
        say("Round trips under load"),
        numeric=tuple(range(2, len(head))),
    )


def _fast(items: list[Timing]) -> Table:
    """With the 99.9 % quantile where every path had the probes for it; else with the largest, which few probes do tell."""
    tails = all(fast.rtt.samples >= PROBES for item in items for fast in item.fast)
    kinds = [kind for kind in Load if any(kind is fast.kind for item in items for fast in item.fast)]

    def row(item: Timing) -> Iterator[str]:
        yield figures.direction(item.source, item.target)
        yield figures.network(item.network, wan=item.wan)
        by_kind = {fast.kind: fast for fast in item.fast}
        for kind in kinds:
            fast = by_kind.get(kind)
            if fast is None:
                yield from (figures.DASH,) * 3
            else:
                yield figures.milliseconds(fast.rtt.p50)
                yield figures.milliseconds(fast.rtt.p999 if tails else fast.rtt.maximum)
                yield say("{count} of {count2}", count=figures.count(fast.lost), count2=figures.count(fast.sent))

    heads = [
        f"{what} {word(kind)}"
        for kind in kinds
        for what in (*each("p50"), say("p99.9") if tails else say("max"), say("Lost"))
    ]
    return Table(
        (say("Path"), say("Network"), *heads),
        tuple(tuple(row(item)) for item in items),
        (15, 10, *(8, 8, 9) * len(kinds)),
        say("Fast probes under load"),
        numeric=tuple(range(2, 2 + len(heads))),
    )


def observer_blocks(items: tuple[ObserverTiming, ...]) -> Iterator[Block]:
    """How gateways, name servers and the like answered each node; who did not ask, and why."""
    if not items:
        yield Paragraph(say("The plan names no observers, so nothing outside the nodes was asked."))
        return
    asked = [item for item in items if not item.reason]
    if asked:
        yield from excerpt(
            Table(
                each(
                    "Observer",
                    "Kind",
                    "Address",
                    "Asked by",
                    "Sent",
                    "Lost",
                    "RTT p50",
                    "RTT p99.9",
                    "RTT max",
                    "Longest silence",
                ),
                tuple(
                    (
                        item.observer,
                        item.kind,
                        item.address,
                        item.node,
                        figures.count(item.sent),
                        figures.ratio((item.sent - item.answered) / item.sent, 2) if item.sent else figures.DASH,
                        figures.milliseconds(item.rtt.p50),
                        figures.quantile(item.rtt.p999, item.rtt.samples, PROBES),
                        figures.milliseconds(item.rtt.maximum),
                        figures.outage(item.longest_outage_s) if item.sent else figures.DASH,
                    )
                    for item in asked
                ),
                (14, 9, 14, 12, 8, 8, 9, 9, 9, 10),
                numeric=(4, 5, 6, 7, 8, 9),
            )
        )
        if any(item.rtt.samples < PROBES for item in asked):
            yield Paragraph(
                say("{dash} under RTT p99.9: fewer than 1000 answers, see RTT max.", dash=figures.DASH), small=True
            )
    refused = [item for item in items if item.reason]
    if refused:
        yield from excerpt(
            Table(
                each("Observer", "Kind", "Address", "Not asked by", "Why"),
                tuple((item.observer, item.kind, item.address, item.node, item.reason) for item in refused),
                (16, 10, 16, 14, 44),
                say("Observers that were not asked"),
            )
        )
