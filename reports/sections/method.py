"""Method: how it was measured, every finding with its evidence, and what remains open.

What: The method in short, what was not tested and who can confirm it, the arithmetic of the score,
    all findings with figures, limits and the sources of the limits, archive hashes, and words.
Why HA: Whoever signs must be able to follow each number back to a measurement and a limit.
How: Nothing is judged here. Every finding appears once, by urgency and rule; every limit
    appears once with its source; hashes are printed in full so that archives can be checked.
Source: RFC 8762 (STAMP), RFC 8972 (its extensions), and the source named beside each limit.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby, pairwise

from analyzer.contract import Assessment, Finding, Limit, Sense, Status
from reports import figures
from reports.changes import control, usual
from reports.contract import Block, Checklist, Heading, Paragraph, Section, Table
from reports.excerpt import excerpt
from reports.findings import beyond, by_urgency, evidence_name, finding_name, tally, worst
from reports.prose import GLOSSARY, method
from reports.provenance import provenance_blocks
from reports.texts import each, say, word

NAMES = 24
TOGETHER = 12
"""Subjects of one row of evidence: it has to fit a page."""
OF_MEMORY = frozenset({"memory", "collector-cost"})
"""Rules whose bytes are memory, which is told in powers of two as everywhere else."""
SPEAK_FOR_THEMSELVES = frozenset({Status.PASS, Status.INFO})
"""Results whose figures are enough. Of others one has to lie beyond its limit, else the sentence says what is wrong."""
MOST_EVIDENCE = 600
"""Findings come in the order of urgency: what is left out of a very large run are passes."""


def _build(assessment: Assessment) -> Iterator[Block]:
    yield Heading(say("How it was measured"), 2)
    yield Table(("", ""), tuple(method(assessment)), (18, 82))
    yield Heading(say("Not tested: please confirm"), 2)
    if assessment.untested:
        yield Checklist(tuple((item.what, item.who) for item in assessment.untested))
    else:
        yield Paragraph(say("The assessment lists nothing that is left to confirm."))
    yield Heading(say("How the score comes about"), 2)
    yield from _arithmetic(assessment)
    yield from control(assessment.changes, assessment.profile)
    yield from _waivers(assessment)
    yield Heading(say("All findings with their evidence"), 2)
    yield from _evidence(assessment)
    if assessment.findings:
        yield Heading(say("Every rule and its outcome"), 2)
        yield _outcomes(assessment)
    yield Heading(say("Archives, plan and versions"), 2)
    yield from provenance_blocks(assessment)
    yield Heading(say("Words"), 2)
    yield Table(("", ""), tuple(each(*row) for row in GLOSSARY), (20, 80))


def _outcomes(assessment: Assessment) -> Table:
    """One row a rule, also of those that found nothing to say but that all is well."""
    rules: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for found in assessment.findings:
        rules[found.area.value, found.rule].append(found)
    ordered = sorted(rules.items())
    waived = any(item.waiver is not None for item in assessment.findings)
    told = 5 if waived else 4
    return Table(
        each("Check", "Rule", "Area", "Outcome", "Waived")[:told],
        tuple(
            (
                found[0].title,
                rule,
                word(found[0].area),
                tally(item.status for item in found),
                figures.count(sum(item.waiver is not None for item in found) or None),
            )[:told]
            for (_, rule), found in ordered
        ),
        (30, 20, 12, 30, 8)[:told],
        statuses=tuple(worst(item.status for item in found) for _, found in ordered),
        numeric=(4,) if waived else (),
    )


def _waivers(assessment: Assessment) -> Iterator[Block]:
    if not assessment.waivers:
        return
    yield Heading(say("Waivers"), 2)
    yield Paragraph(say("A waived finding keeps its result and its points. Who accepted it answers for it."))
    yield Table(
        each("Check and where", "State", "Who, why, and until when"),
        tuple(
            (
                f"{use.waiver.rule}\n{figures.subject(use.waiver.subject)}",
                f"{word(use.state)}\n{use.remark}".strip(),
                say(
                    "{who}, until {until}\n{reason}",
                    who=use.waiver.who,
                    until=use.waiver.until,
                    reason=use.waiver.reason,
                ),
            )
            for use in assessment.waivers
        ),
        (30, 26, 44),
    )


def _arithmetic(assessment: Assessment) -> Iterator[Block]:
    rows: list[tuple[str, ...]] = []
    for part in assessment.score.areas:
        subjects: dict[str, list[int]] = defaultdict(list)
        for line in part.lines:
            if line.points is not None:
                subjects[line.subject].append(line.points)
        alike: dict[tuple[float, str], list[str]] = defaultdict(list)
        for subject, points in subjects.items():
            alike[sum(points) / len(points), _terms(points)].append(figures.subject(subject))
        if not alike:
            rows.append((word(part.area), say("nothing could be judged"), figures.DASH, figures.DASH))
        for (mean, terms), names in sorted(alike.items()):
            rows.append((word(part.area), figures.listing(names, NAMES), terms, figures.number(mean)))
    if not rows:
        yield Paragraph(say("Nothing was scored."))
        return
    yield from excerpt(
        Table(
            each("Area", "What was judged", "Points of its findings", "Mean"),
            tuple(rows),
            (10, 52, 28, 10),
            numeric=(3,),
        )
    )
    told = ", ".join(f"{word(part.area)} {part.score}" for part in assessment.score.areas if part.score is not None)
    overall = assessment.score.overall
    total = (
        say("none, because too little is known")
        if overall is None
        else say("the lowest of them, {overall}", overall=overall)
    )
    yield Paragraph(
        say(
            "Areas, each from its line with the lowest mean, at most 50 where a check failed: {told}. Overall score: {total}.",
            told=told or say("none"),
            total=total,
        ),
        small=True,
    )


def _terms(points: list[int]) -> str:
    """``(5 x 100 + 1 x 50) / 6``: equal points gathered, best first."""
    kinds = sorted(set(points), reverse=True)
    return f"({' + '.join(f'{points.count(kind)} x {kind}' for kind in kinds)}) / {len(points)}"


def _evidence(assessment: Assessment) -> Iterator[Block]:
    findings = by_urgency(assessment.findings)
    if not findings:
        yield Paragraph(say("No check was made."))
        return
    groups = list(_grouped(findings[:MOST_EVIDENCE]))
    yield Table(
        each("Check", "Where, and evidence"),
        tuple(
            (_check(group[0], before[0] if before else None), _lines(group))
            for before, group in pairwise([[], *groups])
        ),
        (20, 80),
        statuses=tuple(group[0].status for group in groups),
        targets=tuple((evidence_name(group[0]),) for group in groups),
        links=tuple(finding_name(group[0]) for group in groups),
    )
    if len(findings) > MOST_EVIDENCE:
        left = figures.several(len(findings) - MOST_EVIDENCE, "more finding")
        yield Paragraph(
            say("The first {most_evidence}. {left}: see assessment.json.", most_evidence=MOST_EVIDENCE, left=left),
            small=True,
        )
    limits: dict[tuple[str, Limit], None] = {}
    for item in findings:
        for evidence in item.evidence:
            if evidence.limit:
                limits[item.rule, evidence.limit] = None
    if limits:
        yield Table(
            each("Check", "Limit", "Warn", "Fail", "Source of the limit"),
            tuple(
                (
                    rule,
                    f"{limit.name} ({word(limit.sense)})\n{usual(limit)}".strip(),
                    _told(rule, limit.warn, limit.unit),
                    _told(rule, limit.fail, limit.unit),
                    limit.source,
                )
                for rule, limit in sorted(limits, key=lambda pair: (pair[0], pair[1].name))
            ),
            (20, 26, 10, 10, 34),
            say("Limits in use"),
            numeric=(2, 3),
        )


def _check(first: Finding, above: Finding | None) -> str:
    """What a row is called; one that goes on with the row above says so."""
    goes_on = above is not None and (above.status, above.rule, above.title) == (first.status, first.rule, first.title)
    title = say("{name} (cont.)", name=first.title) if goes_on else first.title
    return f"{title}\n{first.rule}"


def _grouped(findings: list[Finding]) -> Iterator[list[Finding]]:
    """Findings of one rule and result, in parts that a page can hold."""
    for _, same in groupby(findings, key=lambda item: (item.status, item.rule, item.title)):
        members = list(same)
        for first in range(0, len(members), TOGETHER):
            yield members[first : first + TOGETHER]


def _lines(group: list[Finding]) -> str:
    """The limits once, then a line for every subject; subjects whose evidence is the same share one."""
    alike: dict[str, list[str]] = defaultdict(list)
    for item in group:
        alike[_figures(item)].append(figures.subject(item.subject.name))
    lines = [_line(list(dict.fromkeys(names)), text) for text, names in alike.items()]
    told = "; ".join(_limits(group))
    return "\n".join([say("Limits: {told}", told=told), *lines] if told else lines)


def _line(names: list[str], text: str) -> str:
    """What was found, behind whom it is about, unless it begins with that: ``Node a has ...`` says it."""
    if len(names) == 1 and re.match(rf"(\w+ )?{re.escape(names[0])}(?![\w.-]*\w)", text):
        return text
    return f"{figures.listing(names, NAMES)}: {text}"


def _limits(group: list[Finding]) -> Iterator[str]:
    """Every limit once. Where several of one name are in use each says where it holds, the commonest of them: elsewhere."""
    held: dict[str, dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for found in group:
        for item in found.evidence:
            if item.limit and (levels := _levels(found.rule, item.limit)):
                held[item.limit.name][levels][figures.subject(found.subject.name)] = None
    for places in held.values():
        commonest = max(places, key=lambda levels: len(places[levels]))
        for levels, names in places.items():
            if len(places) == 1:
                yield levels
            elif levels == commonest:
                yield say("{levels} (elsewhere)", levels=levels)
            else:
                yield say("{levels} (on {names})", levels=levels, names=figures.listing(list(names), NAMES))


def _told(rule: str, value: float | None, unit: str) -> str:
    return figures.memory(value) if unit == "B" and rule in OF_MEMORY else figures.quantity(value, unit)


def _levels(rule: str, limit: Limit) -> str:
    side = say("over") if limit.sense is Sense.AT_MOST else say("under")
    levels = ((say("warn"), limit.warn), (say("fail"), limit.fail))
    told = ", ".join(f"{word} {side} {_told(rule, at, limit.unit)}" for word, at in levels if at is not None)
    changed = (
        say(" ({value} by profile {profile})", value=word(limit.change), profile=limit.profile) if limit.change else ""
    )
    return f"{limit.name}: {told or say('none')}{changed}" if told or changed else ""


def _figures(item: Finding) -> str:
    figured = "; ".join(f"{one.what}: {_told(item.rule, one.value, one.unit)}" for one in item.evidence)
    waived = (
        say(" (waived until {until} by {who})", until=item.waiver.until, who=item.waiver.who) if item.waiver else ""
    )
    if figured and item.status not in SPEAK_FOR_THEMSELVES and not any(map(beyond, item.evidence)):
        figured = say("{message} Measured: {figured}", message=item.message, figured=figured)
    return f"{figured or item.message or figures.DASH}{waived}"


SECTION = Section("method", "Method and evidence", 90, _build)
