"""The network at a glance: one row a direction and network. A figure that a check finds bad has a sign and a shade."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from analyzer.contract import Assessment, Finding, Scope, Status, Timing
from reports import figures
from reports.contract import Block, Paragraph, Table
from reports.excerpt import excerpt
from reports.findings import URGENCY, beyond
from reports.texts import each, say


class Column(NamedTuple):
    """Which check judges a figure; `tail`: its limits of the slowest probes, not that of the median. `also`: another check that marks it where it finds something."""

    rule: str
    tail: bool = False
    also: str = ""


COLUMNS = (
    Column("delay"),
    Column("delay", tail=True),
    Column(""),
    Column("jitter"),
    Column("loss", also="under-load"),
    Column("outages"),
    Column("bandwidth", also="replication"),
    Column("path-mtu"),
)
"""In the order of the figures; "" where no check judges the figure."""

SIGNS = {
    Status.FAIL: "\N{BALLOT X}",
    Status.WARN: "\N{BLACK UP-POINTING TRIANGLE}",
    Status.ERROR: "\N{WHITE CIRCLE}",
    Status.SKIPPED: "\N{WHITE CIRCLE}",
}
"""What stands before a figure, so that it is seen in grey, too."""

SHADES = {Status.FAIL: 1.0, Status.WARN: 0.45}

Outcomes = Mapping[tuple[str, str], Finding]


def matrix_blocks(assessment: Assessment) -> Iterator[Block]:
    """A table of what matters of every direction; nothing where no path was measured."""
    timings = sorted(assessment.timings, key=lambda item: (item.wan, item.network))
    if not timings:
        return
    outcomes = _outcomes(assessment)
    results = [tuple(_result(item.path, column, outcomes) for column in COLUMNS) for item in timings]
    yield Paragraph(
        say(
            "One row for each network and direction. {fail} and dark: a check of this figure fails. {warn} and light: it warns. {open}: it could "
            "not be judged. See “Network checks”. Loss is judged by the lower end of its 95 % range, and marked as well where heartbeats under load fail or warn; goodput where it does "
            "not carry what replication needs. Jitter is that of whole round trips: their standard deviation, without the slowest 0.1 %. "
            "{dash}: not measured, or too few probes for it.",
            fail=SIGNS[Status.FAIL],
            warn=SIGNS[Status.WARN],
            open=SIGNS[Status.SKIPPED],
            dash=figures.DASH,
        ),
        small=True,
    )
    yield from excerpt(
        Table(
            each(
                "Network",
                "Path",
                "RTT p50",
                "RTT p99.9",
                "RTT max",
                "RTT jitter",
                "Loss",
                "Longest outage",
                "Goodput",
                "MTU",
            ),
            tuple(_row(item, found, assessment) for item, found in zip(timings, results, strict=True)),
            (13, 19, 8.5, 8.5, 8.5, 8, 8, 8.5, 10, 7),
            say("Network matrix"),
            numeric=tuple(range(2, 10)),
            heat=tuple((0.0, 0.0, *(SHADES.get(status, 0.0) for status in found)) for found in results),
        )
    )


def _outcomes(assessment: Assessment) -> Outcomes:
    """The most urgent finding of each rule on each path."""
    found: dict[tuple[str, str], Finding] = {}
    for item in assessment.findings:
        if item.subject.scope is Scope.PATH:
            key = item.rule, item.subject.name
            found[key] = min(found.get(key, item), item, key=lambda one: URGENCY.index(one.status))
    return found


def _result(path: str, column: Column, outcomes: Outcomes) -> Status:
    """What the check says of this figure. Pass also stands for what no check judges: neither has a sign."""
    also = outcomes.get((column.also, path))
    other = also.status if also is not None and also.status in SHADES else Status.PASS
    return min(_own(path, column, outcomes), other, key=URGENCY.index)


def _own(path: str, column: Column, outcomes: Outcomes) -> Status:
    finding = outcomes.get((column.rule, path))
    if finding is None:
        return Status.PASS
    if finding.status in SHADES and any(one.rule == column.rule and one != column for one in COLUMNS):
        # One check judges two figures: which of them it is about, its limits tell.
        crossed = {"99.9" in one.limit.name for one in finding.evidence if one.limit and beyond(one)}
        return finding.status if column.tail in (crossed or {False, True}) else Status.PASS
    return finding.status


def _row(item: Timing, found: tuple[Status, ...], assessment: Assessment) -> tuple[str, ...]:
    goodput = next((one.median_bps for one in assessment.throughputs if one.path == item.path), None)
    mtu = next((one.size_B for one in assessment.path_mtus if one.path == item.path), None)
    told = (
        figures.milliseconds(item.rtt.p50),
        figures.quantile(item.rtt.p999, item.rtt.samples, 1000),
        figures.milliseconds(item.rtt.maximum),
        figures.milliseconds(item.rtt_deviation_s),
        figures.ratio(item.loss, 2),
        figures.outage(item.longest_outage_s) if item.judged else figures.DASH,
        figures.megabits(goodput),
        figures.DASH if mtu is None else f"{mtu} B",
    )
    return (
        figures.network(item.network, wan=item.wan),
        figures.direction(item.source, item.target),
        *(
            f"{SIGNS[status]}\N{NO-BREAK SPACE}{text}" if status in SIGNS else text
            for status, text in zip(found, told, strict=True)
        ),
    )
