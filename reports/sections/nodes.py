"""Nodes: who took part, what each archive holds, how each machine behaved.

What: Per node its role and inventory, the archive with its length, gaps and damage, what could not
    be measured, the checks of the machine and its data, and charts over the run.
Why HA: A node that stalls is taken for dead although its network is fine. A report is only as good
    as the archives behind it.
How: Names and figures come from the archives' manifests. A trace is drawn for the node that it is
    about. Probes that ran without trouble are not listed.
Source: Node summaries, findings of the areas host and data, and traces of the assessment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from analyzer.contract import Area, Assessment, NodeSummary, PlanNode, Scope, Subject, Trace
from reports import figures
from reports.axes import time_axis, unit_axis
from reports.contract import Band, Block, Chart, Heading, Paragraph, Section, Table
from reports.findings import finding_table

LINES_PER_CHART = 6
AREAS = frozenset({Area.HOST, Area.DATA})


def _build(assessment: Assessment) -> Iterator[Block]:
    planned = {node.name: node for node in assessment.planned}
    if not assessment.nodes:
        yield Paragraph("No node has an archive in this assessment. Collect on every node, then analyze again.")
    for node in assessment.nodes:
        yield Heading(node.name, 2)
        yield from _node(node, planned.get(node.name), assessment)
    names = {node.name for node in assessment.nodes}
    shared = finding_table(
        item for item in assessment.findings if item.area in AREAS and not any(_about(item.subject, n) for n in names)
    )
    if shared:
        yield Heading("Checks that are about several nodes", 2)
        yield shared
    missing = [node for node in assessment.planned if node.name not in names]
    if missing:
        yield Heading("Planned, but without an archive", 2)
        yield Table(
            ("Node", "Role", "Site", "What to do"),
            tuple(
                (
                    node.name,
                    node.role or figures.DASH,
                    node.site or figures.DASH,
                    "Fetch its archive and analyze again.",
                )
                for node in missing
            ),
            (26, 18, 18, 38),
        )


def _node(node: NodeSummary, planned: PlanNode | None, assessment: Assessment) -> Iterator[Block]:
    yield _identity(node, planned)
    yield _archive(node)
    if node.damage:
        yield Paragraph("\n".join(f"Damage: {damage}" for damage in node.damage))
    trouble = tuple(item for item in node.outcomes if item.state != "ok")
    if trouble:
        yield Table(
            ("Not measured in full", "State", "Why", "Ticks", "Missed", "For"),
            tuple(
                (
                    item.probe,
                    item.state,
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
        yield Paragraph(f"{figures.several(len(node.outcomes), 'recording')} made, all without trouble.")
    else:
        yield Paragraph("The archive says nothing about its probes.")
    findings = (item for item in assessment.findings if item.area in AREAS and _about(item.subject, node.name))
    yield finding_table(findings) or Paragraph("No check of this machine was made.")
    yield from _charts(node, assessment.traces)


def _about(subject: Subject, node: str) -> bool:
    return (subject.scope is Scope.NODE and subject.name == node) or (
        subject.scope is Scope.DEVICE and subject.name.startswith(f"{node}/")
    )


def _identity(node: NodeSummary, planned: PlanNode | None) -> Table:
    pairs = [("Role", node.role or figures.DASH), ("Site", node.site or figures.DASH)]
    if planned:
        pairs.append(("Physical host", planned.host or "not given in the plan"))
        pairs += [(f"Address on {network}", address) for network, address in planned.addresses]
    return _facts("Machine", (*pairs, *node.inventory))


def _archive(node: NodeSummary) -> Table:
    return _facts(
        "Archive (its hash stands in full in the last section)",
        (
            ("File", node.archive),
            ("SHA-256", f"{node.sha256[:16]}…" if node.sha256 else figures.DASH),
            ("Started", figures.moment(node.started)),
            ("Length", f"{figures.duration(node.duration_s)} of {figures.duration(node.planned_s)} planned"),
            ("Gaps", figures.duration(node.gaps_s) if node.gaps_s else "none"),
            ("Closed", "in order (sealed)" if node.sealed else "not sealed: the run was cut off"),
            ("Damage", figures.several(len(node.damage), "place") if node.damage else "none"),
            ("Clock", _clock(node)),
            ("Collected with", f"haready {node.tool_version}"),
        ),
    )


def _clock(node: NodeSummary) -> str:
    if node.clock_error_s is None:
        return "compared by wall clock only: nothing bounds the error"
    if node.clock_error_s == 0.0:
        return "the time base of this report"
    return f"aligned by the probes, within {figures.seconds(node.clock_error_s)}"


def _facts(caption: str, pairs: tuple[tuple[str, str], ...]) -> Table:
    """Label and value, two pairs to a row: half the height of a plain list."""
    even = (*pairs, ("", "")) if len(pairs) % 2 else pairs
    half = len(even) // 2
    rows = tuple((*even[place], *even[place + half]) for place in range(half))
    return Table(("", "", "", ""), rows, (19, 34, 17, 30), caption)


def _charts(node: NodeSummary, traces: tuple[Trace, ...]) -> Iterator[Block]:
    groups: dict[tuple[str, str], list[Trace]] = defaultdict(list)
    for trace in traces:
        if _about(trace.subject, node.name) and any(value is not None for value in trace.mid):
            groups[trace.title, trace.unit].append(trace)
    for (title, unit), members in groups.items():
        for first in range(0, len(members), LINES_PER_CHART):
            yield _chart(node.name, title, unit, members[first : first + LINES_PER_CHART])


def _chart(node: str, title: str, unit: str, members: list[Trace]) -> Chart:
    time = time_axis(max(trace.start_s + trace.step_s * len(trace.mid) for trace in members))
    height = unit_axis(unit, (value for trace in members for value in (*trace.low, *trace.mid, *trace.high)))
    return Chart(
        title if node in title else f"{title}, {node}",
        f"time since the start, {time.unit}",
        height.unit,
        tuple(
            Band(
                trace.subject.name.removeprefix(f"{node}/"),
                tuple((trace.start_s + place * trace.step_s) / time.size for place in range(len(trace.mid))),
                *(height.scaled(values) for values in (trace.mid, trace.low, trace.high)),
            )
            for trace in members
        ),
        log_y=height.wide,
    )


SECTION = Section("nodes", "Nodes", 40, _build)
