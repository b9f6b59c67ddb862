"""Nodes: who took part, what each archive holds, how each machine behaved.

What: All nodes at a glance; the machines side by side, with role, site and inventory, first what differs; their archives with
    length, gaps and damage; then a page for each: what could not be measured, the checks of that node, its pauses by cause, how much it
    writes to its disks, and charts over the run.
Why HA: A node that stalls is taken for dead although its network is fine. A report is only as good
    as the archives behind it.
How: Names and figures come from the archives' manifests. A trace is drawn for the node that it is
    about. Shares of the CPUs' time lie on each other up to 100 %, each the mean of its bin, and a line shows the most that was busy in each; numbers above it are the notes that section Network lists. Probes that ran without trouble are not listed.
Source: Node summaries, addresses, findings about nodes and their devices, stalls and traces of the assessment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from analyzer.contract import Area, Assessment, CpuShare, Finding, NodeClock, NodeSummary, PlanNode, Trace
from reports import figures
from reports.axes import time_axis, time_label, unit_axis
from reports.contract import Band, Block, Chart, Heading, Paragraph, Section, Stack, Table
from reports.excerpt import excerpt
from reports.findings import finding_table, owner, tally, worst
from reports.machines import machine_blocks
from reports.notes import pins
from reports.stalls import stall_blocks
from reports.texts import each, mark, say
from reports.writes import write_blocks

LINES_PER_CHART = 6
STATES = {"skipped": mark("skipped"), "error": mark("error"), "timeout": mark("timeout")}
"""What became of a probe."""

LAYERS = {
    CpuShare.PROGRAMS: mark("programs"),
    CpuShare.KERNEL: mark("kernel"),
    CpuShare.INTERRUPTS: mark("interrupts"),
    CpuShare.STOLEN: mark("stolen"),
    CpuShare.WAITING: mark("waiting for a disk"),
}
"""What a chart of the CPUs' time calls its layers, from below. Waiting is above all that is busy, because a CPU that waits is free."""

AREAS = frozenset({Area.HOST, Area.DATA})


def _build(assessment: Assessment) -> Iterator[Block]:
    planned = {node.name: node for node in assessment.planned}
    names = {node.name for node in assessment.nodes} | set(planned)
    findings: dict[str | None, list[Finding]] = defaultdict(list)
    traces: dict[str | None, list[Trace]] = defaultdict(list)
    for found in assessment.findings:
        findings[owner(found.subject, names)].append(found)
    for trace in assessment.traces:
        traces[owner(trace.subject, names)].append(trace)
    if not assessment.nodes:
        yield Paragraph(say("No node has an archive in this assessment. Collect on every node, then analyze again."))
    if names:
        yield from excerpt(_overview(assessment, findings))
    shared = finding_table(item for item in findings[None] if item.area in AREAS)
    if shared:
        yield Heading(say("Checks that are about several nodes"), 2)
        yield from excerpt(shared)
    yield from machine_blocks(assessment)
    clocks = {clock.node: clock for clock in assessment.clocks}
    stalls = {one.node: one for one in assessment.stalls}
    for node in assessment.nodes:
        yield Heading(node.name, 2, new_page=True)
        yield from _node(node, findings[node.name])
        yield from stall_blocks(stalls.get(node.name), assessment)
        yield from _steps(clocks.get(node.name), assessment)
        carried = any(node.name == leg.writer for leg in assessment.replications)
        yield from write_blocks([item for item in assessment.writes if item.node == node.name], carried=carried)
        yield from _charts(node.name, traces[node.name], assessment)


def _overview(assessment: Assessment, findings: Mapping[str | None, list[Finding]]) -> Table:
    """One row per node: those with an archive, and those that still owe one."""
    archives = {node.name: node for node in assessment.nodes}
    planned = {node.name: node for node in assessment.planned}
    rows = tuple(
        (
            name,
            *_place(archives.get(name), planned.get(name)),
            tally(item.status for item in findings.get(name, ())) or say("none made"),
        )
        for name in dict.fromkeys((*planned, *archives))
    )
    statuses = tuple(worst(item.status for item in findings.get(row[0], ())) for row in rows)
    return Table(
        each("Node", "Role", "Site", "Measured", "Archive", "Checks"),
        rows,
        (18, 11, 13, 18, 22, 18),
        statuses=statuses,
    )


def _place(archive: NodeSummary | None, planned: PlanNode | None) -> tuple[str, str, str, str]:
    where = archive or planned
    role, site = (where.role, where.site) if where else ("", "")
    if archive is None:
        measured, state = each("nothing", "missing. Fetch its archive and analyze again.")
    else:
        measured = say(
            "{duration} of {duration2}",
            duration=figures.duration(archive.duration_s),
            duration2=figures.duration(archive.planned_s),
        )
        state = (
            say("damaged")
            if archive.damage
            else say("whole")
            if archive.sealed
            else say("not sealed: the run was cut off")
        )
    return role or figures.DASH, site or figures.DASH, measured, state


def _node(node: NodeSummary, found: list[Finding]) -> Iterator[Block]:
    if node.damage:
        yield Paragraph("\n".join(say("Damage: {damage}", damage=damage) for damage in node.damage))
    trouble = tuple(item for item in node.outcomes if item.state != "ok")
    if trouble:
        yield Table(
            each("Not measured in full", "State", "Why", "Ticks", "Missed", "For"),
            tuple(
                (
                    item.probe,
                    say(STATES.get(item.state, item.state)),
                    item.reason or figures.DASH,
                    figures.count(item.ticks),
                    figures.count(item.missed),
                    figures.duration(item.seconds),
                )
                for item in trouble
            ),
            (22, 12, 34, 10, 10, 12),
            numeric=(3, 4, 5),
        )
    elif node.outcomes:
        yield Paragraph(
            say("{number} made, all without trouble.", number=figures.several(len(node.outcomes), "recording"))
        )
    else:
        yield Paragraph(say("The archive says nothing about its probes."))
    table = finding_table(found)
    if table:
        yield from excerpt(table)
    else:
        yield Paragraph(say("No check of this machine was made."))


def _steps(clock: NodeClock | None, assessment: Assessment) -> Iterator[Block]:
    if clock is None or not clock.steps:
        return
    most = (
        say(" (the largest of {steps_found})", steps_found=clock.steps_found)
        if clock.steps_found > len(clock.steps)
        else ""
    )
    rows = tuple(
        (
            figures.duration(max(0.0, step.at_s)),
            figures.instant(assessment.started, step.at_s),
            f"{figures.seconds(abs(step.by_s))} {say('forwards') if step.by_s > 0 else say('back')}",
        )
        for step in clock.steps
    )
    yield from excerpt(
        Table(
            each("Seen after", "Time", "Wall clock"),
            rows,
            (25, 45, 30),
            say("Steps of the wall clock{most}", most=most),
        )
    )


def _charts(node: str, traces: list[Trace], assessment: Assessment) -> Iterator[Block]:
    known = [trace for trace in traces if any(value is not None for value in trace.mid)]
    stacked = _stacked(known)
    if stacked:
        yield _cpu(stacked, assessment)
    groups: dict[tuple[str, str], list[Trace]] = defaultdict(list)
    for trace in known:
        # A layer tells only means: where something was stolen, its extremes have a chart of their own.
        if trace not in stacked or (trace.title == CpuShare.STOLEN and any(trace.high)):
            groups[trace.title, trace.unit].append(trace)
    for (title, unit), members in groups.items():
        for first in range(0, len(members), LINES_PER_CHART):
            yield _chart(node, title, unit, members[first : first + LINES_PER_CHART], assessment)


def _stacked(traces: list[Trace]) -> list[Trace]:
    """What is busy and the layers below it, if they have the same bins; else nothing."""
    found = {trace.title: trace for trace in traces if trace.unit == "ratio"}
    busy = found.get(CpuShare.BUSY)
    if busy is None:
        return []
    layers = [found[share] for share in LAYERS if share in found and _bins(found[share]) == _bins(busy)]
    return [busy, *layers] if layers else []


def _bins(trace: Trace) -> tuple[float, float, int]:
    return trace.start_s, trace.step_s, len(trace.mid)


def _cpu(stacked: list[Trace], assessment: Assessment) -> Chart:
    busy, *layers = stacked
    time = time_axis(busy.start_s + busy.step_s * len(busy.mid))
    height = unit_axis(busy.unit, ())
    x = tuple((busy.start_s + place * busy.step_s) / time.size for place in range(len(busy.mid)))
    told = {trace.title for trace in layers}
    untold = [say(label) for share, label in LAYERS.items() if share not in told]
    caption = say("Layers: mean of each bin. What is left is idle.")
    if untold:
        caption += say(" Not recorded: {parts}.", parts=", ".join(untold))
    return Chart(
        say("CPU time"),
        time_label(time, assessment.started),
        height.unit,
        (Band(say("busy, at most"), x, height.scaled(busy.high)),),
        caption=caption,
        pins=pins(assessment, time.size),
        end=assessment.duration_s / time.size,
        stack=Stack(
            tuple(Band(say(LAYERS[CpuShare(trace.title)]), x, height.scaled(trace.mid)) for trace in layers), 100.0
        ),
    )


def _chart(node: str, title: str, unit: str, members: list[Trace], assessment: Assessment) -> Chart:
    time = time_axis(max(trace.start_s + trace.step_s * len(trace.mid) for trace in members))
    height = unit_axis(unit, (value for trace in members for value in (*trace.low, *trace.mid, *trace.high)))
    return Chart(
        title,
        time_label(time, assessment.started),
        say("{unit} (log)", unit=height.unit) if height.wide else height.unit,
        tuple(
            Band(
                trace.subject.name.removeprefix(f"{node}/"),
                tuple((trace.start_s + place * trace.step_s) / time.size for place in range(len(trace.mid))),
                *(height.scaled(values) for values in (trace.mid, trace.low, trace.high)),
            )
            for trace in members
        ),
        log_y=height.wide,
        half=True,
        pins=pins(assessment, time.size),
        end=assessment.duration_s / time.size,
    )


SECTION = Section("nodes", "Nodes", 40, _build)
