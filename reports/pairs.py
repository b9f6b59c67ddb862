"""What each pair of nodes saw over each network, as figures: over the run, and below it how round trips are distributed at rest and under load."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from analyzer.contract import Assessment, Curve, Scope, Spread, Timing, Trace
from reports import figures
from reports.axes import Axis, fitting_axis, time_axis, time_label
from reports.basis import tested
from reports.contract import Band, Block, Chart, Heading, Mark, Paragraph
from reports.notes import note_blocks, pins
from reports.texts import mark, say

LOG = mark(" (log)")
CHARTS = 16
"""Of more pairs only the worst are drawn."""


@dataclass(slots=True)
class _Pair:
    """What is drawn of the paths of two nodes over one network."""

    over_time: list[tuple[Timing, Trace]] = field(default_factory=list)
    idle: list[tuple[Timing, Curve]] = field(default_factory=list)
    loaded: list[tuple[Timing, Curve]] = field(default_factory=list)

    @property
    def timings(self) -> list[Timing]:
        return [timing for timing, _ in (*self.over_time, *self.idle, *self.loaded)]


def chart_name(item: Timing) -> str:
    """The target of the chart of both directions of a path."""
    return f"chart {item.network} {' '.join(sorted((item.source, item.target)))}"


def pair_blocks(assessment: Assessment) -> Iterator[Block]:
    """The figures of the worst pairs, those of each together, and the notes whose numbers stand on them."""
    drawn = _pairs(assessment)
    if drawn:
        yield Heading(say("Round trips of each pair"), 2)
        yield Paragraph(
            say(
                "Over the run: the line is the median of each bin, the band reaches from the lowest to the highest round trip. "
                "Marks at the top show outages, several probes in a row without an answer in time, and the longest pauses of the two nodes. "
                "Grey: a bandwidth test of one of the two; the probes of that time stand apart, as “under load”. Distributions: share of round "
                "trips at or below a time. A steep line is good: all take about the same time. A long tail to the right is not."
            )
        )
    if len(drawn) > CHARTS:
        yield Paragraph(
            say(
                "Drawn are the {charts} pairs with the longest outages and the slowest round trips, of {count}.",
                charts=CHARTS,
                count=len(drawn),
            ),
            small=True,
        )
        drawn.sort(key=lambda pair: -max(map(_severity, pair.timings)))
    for pair in drawn[:CHARTS]:
        if pair.over_time:
            yield _over_the_run(pair.over_time, assessment)
        yield from _distributions(pair)
    yield from note_blocks(assessment)


def _pairs(assessment: Assessment) -> list[_Pair]:
    """What there is to draw, by network and the two nodes, in the order of the paths."""
    paths = {item.path: item for item in assessment.timings}
    found: dict[tuple[str, frozenset[str]], _Pair] = defaultdict(_Pair)

    def pair(timing: Timing) -> _Pair:
        return found[timing.network, frozenset((timing.source, timing.target))]

    for trace in assessment.traces:
        timing = paths.get(trace.subject.name)
        if trace.subject.scope is Scope.PATH and trace.unit == "s" and timing and any(v is not None for v in trace.mid):
            pair(timing).over_time.append((timing, trace))
    for curve in assessment.curves:
        timing = paths.get(curve.subject.name)
        if curve.unit == "s" and timing and curve.value:
            of = pair(timing)
            (of.loaded if curve.title == Spread.LOADED else of.idle).append((timing, curve))
    return list(found.values())


def _severity(item: Timing) -> float:
    return item.longest_outage_s + (item.rtt.p999 or 0.0)


def _over_the_run(members: list[tuple[Timing, Trace]], assessment: Assessment) -> Chart:
    first = members[0][0]
    end = max(trace.start_s + trace.step_s * len(trace.mid) for _, trace in members)
    time = time_axis(end)
    height = fitting_axis(value for _, trace in members for value in (*trace.low, *trace.mid, *trace.high))
    bands = tuple(_band(timing, trace, time, height) for timing, trace in members)
    marks = tuple(
        Mark(
            outage.start_s / time.size,
            outage.length_s / time.size,
            say("outage {direction}", direction=figures.direction(timing.source, timing.target)),
        )
        for timing, _ in members
        for outage in timing.outages
    )
    return Chart(
        say("{pair}: over the run", pair=_name(first)),
        time_label(time, assessment.started),
        say("RTT, {unit}{log}", unit=height.unit, log=say(LOG) if height.wide else ""),
        bands,
        (*marks, *_pauses(first, assessment, time)),
        _tests(first, assessment, time),
        log_y=height.wide,
        caption=_outage_text(members),
        pins=pins(assessment, time.size),
        end=assessment.duration_s / time.size,
        targets=(chart_name(first),),
    )


def _name(path: Timing) -> str:
    return say(
        "{source} and {target}, network {network}",
        source=path.source,
        target=path.target,
        network=figures.network(path.network, wan=path.wan),
    )


def _pauses(path: Timing, assessment: Assessment, time: Axis) -> Iterator[Mark]:
    """The longest pauses of both nodes: answers wait for them, and the network is not to blame."""
    for node in assessment.stalls:
        if node.node in {path.source, path.target}:
            label = say("pause of {node}", node=node.node)
            yield from (
                Mark(stall.start_s / time.size, stall.length_s / time.size, label, machine=True) for stall in node.worst
            )


def _tests(path: Timing, assessment: Assessment, time: Axis) -> tuple[Mark, ...]:
    """When bandwidth tests loaded either node of a path, whichever network they took."""
    ends = {path.source, path.target}
    return tuple(
        Mark(start_s / time.size, length_s / time.size, say("bandwidth test"))
        for item in assessment.throughputs
        if ends & {item.source, item.target}
        for start_s, length_s in tested(item)
    )


def _outage_text(members: list[tuple[Timing, Trace]]) -> str:
    total = sum(len(timing.outages) for timing, _ in members)
    if not total:
        return say("No outage.")
    longest = max(timing.longest_outage_s for timing, _ in members)
    return say(
        "{number}, the longest {seconds}.", number=figures.several(total, "outage"), seconds=figures.seconds(longest)
    )


def _band(timing: Timing, trace: Trace, time: Axis, height: Axis) -> Band:
    return Band(
        figures.direction(timing.source, timing.target),
        tuple((trace.start_s + place * trace.step_s) / time.size for place in range(len(trace.mid))),
        *(height.scaled(values) for values in (trace.mid, trace.low, trace.high)),
    )


def _distributions(pair: _Pair) -> Iterator[Chart]:
    """At rest and under load beside each other, in the same unit and over the same times, so that they can be compared."""
    values = [value for _, curve in (*pair.idle, *pair.loaded) for value in curve.value if value > 0]
    axis = fitting_axis(values)
    span = (min(values) / axis.size, max(values) / axis.size) if values else None
    for members, title in (
        (pair.idle, mark("{pair}: at rest")),
        (pair.loaded, mark("{pair}: under load")),
    ):
        if not members:
            continue
        first = members[0][0]
        yield Chart(
            say(title, pair=_name(first)),
            say("RTT, {unit}{log}", unit=axis.unit, log=say(LOG)),
            say("share, %"),
            tuple(
                Band(
                    figures.direction(timing.source, timing.target),
                    tuple(value / axis.size for value in curve.value),
                    tuple(100 * share for share in curve.fraction),
                )
                for timing, curve in members
            ),
            log_x=True,
            half=True,
            caption=""
            if members is pair.loaded or pair.loaded
            else say("No probe was under way during a bandwidth test."),
            span=span,
        )
