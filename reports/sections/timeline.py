"""Timeline: what happened on all nodes and paths, on one axis.

What: The slowest round trip of all paths over the run, with every outage, the longest pauses of each node, the bandwidth tests and the notes.
Why HA: What comes at the same moment on several nodes has one cause mostly: a switch, a host under several nodes, a job at that hour. Such a cause
    takes down both halves of a pair at once.
How: Marks are on the common time base of the run. The line is the highest value of each bin, of those paths whose bins are the same.
Source: Timings, stalls, throughputs, notes and traces of the assessment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from analyzer.contract import Assessment, Scope
from reports.axes import Axis, fitting_axis, time_axis, time_label
from reports.basis import tested
from reports.contract import Band, Block, Chart, Mark, Paragraph, Section
from reports.notes import pins
from reports.texts import say

ROWS = 3
"""Nodes with a row of marks of their own: the drawing has four, and outages take one."""


def _build(assessment: Assessment) -> Iterator[Block]:
    chart = _chart(assessment)
    if chart is None:
        yield Paragraph(say("No path has a series over time, so nothing can be drawn."))
        return
    yield Paragraph(
        say(
            "Marks of several rows at one place point to one cause: a switch, a host under several nodes, a job at that hour. Of pauses the longest of each "
            "node are drawn. Grey: bandwidth tests."
        )
    )
    yield chart


def _chart(assessment: Assessment) -> Chart | None:
    paths = {item.path for item in assessment.timings}
    traces = [
        trace
        for trace in assessment.traces
        if trace.subject.scope is Scope.PATH and trace.subject.name in paths and trace.unit == "s" and any(trace.high)
    ]
    if not traces:
        return None
    # Traces of one run share their bins; one of a node that came later has others, and is drawn by its own path only.
    (grid, _), *_ = Counter((trace.start_s, trace.step_s, len(trace.high)) for trace in traces).most_common(1)
    start_s, step_s, bins = grid
    alike = [trace.high for trace in traces if (trace.start_s, trace.step_s, len(trace.high)) == grid]
    slowest = tuple(
        max((value for value in values if value is not None), default=None) for values in zip(*alike, strict=True)
    )
    time, height = time_axis(start_s + step_s * bins), fitting_axis(slowest)
    return Chart(
        say("Slowest round trip of all paths, and what happened"),
        time_label(time, assessment.started),
        say("RTT, {unit}{log}", unit=height.unit, log=say(" (log)") if height.wide else ""),
        (
            Band(
                say("slowest round trip"),
                tuple((start_s + place * step_s) / time.size for place in range(bins)),
                height.scaled(slowest),
            ),
        ),
        tuple(_events(assessment, time)),
        tuple(
            Mark(start_s / time.size, length_s / time.size, say("bandwidth test"))
            for item in assessment.throughputs
            for start_s, length_s in tested(item)
        ),
        log_y=height.wide,
        pins=pins(assessment, time.size),
        end=assessment.duration_s / time.size,
    )


def _events(assessment: Assessment, time: Axis) -> Iterator[Mark]:
    """Outages of all paths in one row, pauses in a row for each of a few nodes."""
    for timing in assessment.timings:
        for outage in timing.outages:
            yield Mark(outage.start_s / time.size, outage.length_s / time.size, say("outage of a path"))
    several = len(assessment.stalls) > ROWS
    for node in assessment.stalls:
        label = say("pause of a node") if several else say("pause of {node}", node=node.node)
        for stall in node.worst:
            yield Mark(stall.start_s / time.size, stall.length_s / time.size, label, machine=True)


SECTION = Section("timeline", "Timeline of all nodes", 38, _build)
