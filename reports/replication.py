"""Replication as tables and charts: who feeds whom, what waits on each path, and what nobody could measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from analyzer.contract import Assessment, Backlog, Finding, Replication, Scope, Situation, Status, Trace
from reports import figures
from reports.axes import time_axis, time_label, unit_axis
from reports.contract import Band, Block, Chart, Checklist, Heading, Paragraph, Table
from reports.excerpt import excerpt
from reports.findings import URGENCY
from reports.notes import pins
from reports.texts import each, say


def replication_blocks(assessment: Assessment) -> Iterator[Block]:
    """The figures of every path that replication takes; a sentence where it takes none."""
    legs = assessment.replications
    if not legs:
        stores = _stores(assessment)
        if stores:
            yield Paragraph(
                say(
                    "Every write to {names} goes to every member over its own log, and waits for a majority of them. What that asks of the "
                    "network was not sized here: see the round trips between the members, and commit latency.",
                    names=figures.listing(stores),
                )
            )
            return
        yield Paragraph(
            say(
                "No planned product replicates what is written, as far as this version knows. A table [replication] in plan.toml asks for these "
                "figures all the same."
            )
        )
        return
    yield Paragraph(_meaning(legs))
    known = [leg for leg in legs if leg.plain is not None]
    if known:
        for table in _backlogs(known, assessment):
            yield from excerpt(table)
    missing: dict[str, list[Replication]] = defaultdict(list)
    for leg in legs:
        if leg.plain is None:
            missing[leg.reason or say("No reason was recorded.")].append(leg)
    if missing:
        rows = tuple((reason, figures.listing([_path(leg) for leg in members])) for reason, members in missing.items())
        yield from excerpt(
            Table(each("Not known because", "Paths"), rows, (50, 50), statuses=(Status.SKIPPED,) * len(rows))
        )
    for leg in _drawn(known, assessment):
        yield from _charts(leg, assessment)
    chains = _chains(legs)
    if chains:
        yield from excerpt(chains)
    questions = tuple(_questions(legs))
    if questions:
        yield Heading(say("To be asked about replication"), 2)
        yield Checklist(questions)


def _stores(assessment: Assessment) -> list[str]:
    """The planned consensus stores: of each the check of its members has a figure, and begins with its name."""
    return list(
        dict.fromkeys(
            item.message.partition(": ")[0]
            for item in assessment.findings
            if item.rule == "consensus" and item.evidence
        )
    )


def _meaning(legs: Sequence[Replication]) -> str:
    first = next((leg for leg in legs if leg.writer), None)
    words = []
    if first is not None:
        where = (
            say("to all its disks")
            if not first.disks
            else say("to {names}, which holds the planned data", names=first.disks[0])
            if len(first.disks) == 1
            else say("to {names}, which hold the planned data", names=figures.listing(list(first.disks)))
        )
        words.append(
            say(
                "What {writer} writes {where}, minute by minute over {number}, with {ratio} growth.",
                writer=first.writer,
                where=where,
                number=figures.several(first.minutes, "minute"),
                ratio=figures.ratio(first.growth),
            )
        )
    if first is not None and len({leg.writer for leg in legs if leg.writer}) > 1:
        words = [
            say("What each node writes, minute by minute, with {ratio} growth.", ratio=figures.ratio(first.growth))
        ]
    words.append(
        say(
            "It is replayed through what the tests of each path carried (median): what is too much waits. Needed: 95 % of all minutes need less. "
            "Recovery point: how old the oldest byte was that had not left; a node that is lost takes it along."
        )
    )
    if any(not backlog.largest_B for leg in legs for backlog, _ in _both(leg)):
        words.append(
            say(
                "“under 1 min”: nothing waits, within a minute's resolution; the line's delay and the product's own queue come on top."
            )
        )
    words.append(say("In step after an outage: from its end, for the worst minute at which it may begin."))
    copied = next((leg for leg in legs if leg.size_B is not None), None)
    if copied is not None:
        words.append(
            say(
                "A full copy is {octets} ({size_from}), beside the mean of the writes.",
                octets=figures.octets(copied.size_B),
                size_from=copied.size_from,
            )
        )
    if not all(leg.in_use for leg in legs if leg.writer):
        words.append(say("These machines are not in use yet, so their writes say little about those to come."))
    return " ".join(words)


def _path(leg: Replication) -> str:
    return (
        f"{figures.direction(leg.source, leg.target)} ({leg.network})"
        if leg.network
        else figures.direction(leg.source, leg.target)
    )


def _both(leg: Replication) -> Iterator[tuple[Backlog, float | None]]:
    """The backlog without compression, and that with the planned one."""
    if leg.plain is not None:
        yield leg.plain, None
    if leg.packed is not None:
        yield leg.packed, leg.compression


def _judged(assessment: Assessment) -> Iterator[Finding]:
    return (found for found in assessment.findings if found.rule == "replication")


def _backlogs(legs: Sequence[Replication], assessment: Assessment) -> Iterator[Table]:
    """What waits on each path, and how long it takes to be in step again: two tables, for no page is wide enough for one."""
    judged = {found.subject.name: found.status for found in _judged(assessment)}
    outages = list(dict.fromkeys(length for leg in legs for backlog, _ in _both(leg) for length, _ in backlog.resync))
    waits, resyncs, statuses = [], [], []
    for leg in legs:
        for backlog, compression in _both(leg):
            needed = None if leg.p95_Bps is None else 8.0 * leg.p95_Bps / (compression or 1.0)
            resync = dict(backlog.resync)
            packed = (
                say("compressed {number} to 1", number=figures.number(compression)) if compression is not None else ""
            )
            where = (packed or figures.direction(leg.source, leg.target), figures.DASH if packed else leg.network)
            waits.append(
                (
                    *where,
                    figures.bits(leg.capacity_bps),
                    figures.bits(needed),
                    figures.ratio(backlog.share),
                    figures.octets(backlog.largest_B) if backlog.largest_B else say("none"),
                    _time(backlog.drain_s) if backlog.largest_B else figures.DASH,
                    _behind(backlog),
                )
            )
            resyncs.append(
                (
                    *where,
                    *(_time(resync[length]) if length in resync else figures.DASH for length in outages),
                    say("size not known") if leg.size_B is None else _time(backlog.copy_s),
                )
            )
            statuses.append(judged.get(leg.path) if backlog is (leg.packed or leg.plain) else None)
    yield Table(
        each("Path", "Network", "Carries", "Needed", "Share", "Largest backlog", "Drained after", "Recovery point"),
        tuple(waits),
        (17, 12, 12, 12, 9, 12, 12, 12),
        say("Writes against bandwidth"),
        tuple(statuses),
        tuple(range(2, 8)),
    )
    head = (
        say("Path"),
        say("Network"),
        *(say("In step after {duration} out", duration=figures.duration(length)) for length in outages),
        say("Full copy"),
    )
    yield Table(
        head,
        tuple(resyncs),
        (17, 12, *(20 for _ in outages), 20),
        say("After an outage, and the first copy"),
        numeric=tuple(range(2, len(head))),
    )


def _behind(backlog: Backlog) -> str:
    """How much of the writes a node that is lost takes with it at most. The replay knows whole minutes, so nothing is no 0 s; what never drains has no most."""
    if not backlog.largest_B:
        return say("under 1 min")
    return say("grows without end") if backlog.drain_s is None else figures.seconds(backlog.behind_s)


def _time(value_s: float | None) -> str:
    return say("never") if value_s is None else figures.seconds(value_s)


def _chains(legs: Sequence[Replication]) -> Table | None:
    """For every state who feeds whom, and the path that decides how far the last node is behind."""
    states: dict[Situation, list[Replication]] = defaultdict(list)
    for leg in legs:
        for situation in leg.situations:
            states[situation].append(leg)
    rows = []
    for state, members in states.items():
        hops = {leg.source: leg.target for leg in members}
        if not state.documented or len({(leg.source, leg.target) for leg in members}) != len(hops):
            continue
        way = [state.active]
        while way[-1] in hops and len(way) <= len(hops):
            way.append(hops[way[-1]])
        on_way = [leg for leg in members if (leg.source, leg.target) in set(pairwise(way))]
        known = [leg for leg in on_way if leg.plain is not None]
        slowest = min(known, key=lambda leg: leg.capacity_bps or 0.0) if len(known) == len(on_way) and known else None
        backlog = None if slowest is None else slowest.packed or slowest.plain
        if len(way) < 2:
            continue
        rows.append(
            (
                say("{active} active", active=state.active)
                + (say(", {lost} lost", lost=state.lost) if state.lost else ""),
                f" {figures.ARROW} ".join(way),
                figures.DASH if slowest is None else _path(slowest),
                say("not known") if backlog is None else _behind(backlog),
            )
        )
    head = each("State", "Way of the data", "Slowest path", "The last node is behind by at most")
    return Table(head, tuple(rows), (26, 34, 24, 16), say("Daisy chain"), numeric=(3,)) if rows else None


def _questions(legs: Sequence[Replication]) -> Iterator[tuple[str, str]]:
    if any(leg.compression is None for leg in legs):
        yield (
            say(
                "Does the product compress, and what does a test with this data show? Until it is stated in the plan nothing is taken off."
            ),
            say("vendor"),
        )
    yield (
        say(
            "How large may the queue grow (memory, disk) before replication stops? Compare it with the largest backlog."
        ),
        say("vendor"),
    )
    if any(leg.size_B is None for leg in legs):
        yield (
            say(
                "How much has a full copy to carry? The plan names no folders of the data, or their file systems are not on record."
            ),
            say("administrator"),
        )
    if any(not leg.disks for leg in legs if leg.writer):
        yield (
            say("Which folders are replicated? Until the plan names them (data), all that is written counts."),
            say("administrator"),
        )
    if any(not situation.documented for leg in legs for situation in leg.situations):
        yield (
            say(
                "Which way does the data go where the vendor's documents do not say it, such as back from an active DR server?"
            ),
            say("vendor"),
        )


def _drawn(legs: Sequence[Replication], assessment: Assessment) -> list[Replication]:
    """The worst path within a site and the worst between sites, as far as anything waits there; else the worst of all.

    Worst: by its result, then by how full it is. What fails has to be seen.
    """
    judged = {found.subject.name: URGENCY.index(found.status) for found in _judged(assessment)}
    full = sorted(legs, key=lambda leg: (judged.get(leg.path, len(URGENCY)), -(leg.plain.share if leg.plain else 0.0)))
    waiting = [leg for leg in full if leg.plain is not None and leg.plain.largest_B]
    found = [next((leg for leg in waiting if leg.wan is wan), None) for wan in (False, True)]
    return [leg for leg in found if leg is not None] or full[:1]


def _charts(leg: Replication, assessment: Assessment) -> Iterator[Block]:
    packed = "" if leg.compression is None else say(", compressed")
    for trace in assessment.traces:
        if trace.subject.scope is Scope.PATH and trace.subject.name == leg.path:
            if trace.unit == "B/s" and any(value is not None for value in trace.mid):
                yield _chart(
                    say("Writes{packed} against {path}", packed=packed, path=_path(leg)),
                    trace,
                    assessment,
                    leg.capacity_bps,
                )
            elif trace.unit == "B" and any(trace.high):
                yield _chart(f"{trace.title}: {_path(leg)}", trace, assessment)


def _chart(title: str, trace: Trace, assessment: Assessment, capacity_bps: float | None = None) -> Chart:
    time = time_axis(trace.start_s + trace.step_s * len(trace.mid))
    line = [] if capacity_bps is None else [capacity_bps / 8.0]
    height = unit_axis(trace.unit, [*trace.high, *line])
    x = tuple((trace.start_s + place * trace.step_s) / time.size for place in range(len(trace.mid)))
    bands = [
        Band(
            say("writes") if line else say("backlog"),
            x,
            *(height.scaled(part) for part in (trace.mid, trace.low, trace.high)),
        )
    ]
    bands += [Band(say("carried at most"), x, height.scaled(line * len(x)))] if line else []
    return Chart(
        title,
        time_label(time, assessment.started),
        height.unit,
        tuple(bands),
        half=True,
        pins=pins(assessment, time.size),
        end=assessment.duration_s / time.size,
    )
