"""Verdict: the page to act on.

What: The answer in words, the reasons for it, the values to enter, what to fix first, the score
    with its breakdown, what was relaxed, and how much data it all rests on.
Why HA: Whoever installs the cluster reads one page. It has to be enough to start, to stop, or to
    measure again, and it has to say when it is not about a real site.
How: Verdict, summary, reasons and fixes come from the assessment. Equal values for several
    subjects share one row. The worst area decides the score.
Source: The assessment; each value carries its own source in the section "Settings".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from analyzer.contract import Area, Assessment, Change, Verdict, WaiverState, WaiverUse
from reports import figures
from reports.basis import based_on, classed
from reports.brief import brief, reason
from reports.changes import changed_limit
from reports.contract import Block, Callout, Checklist, Heading, Paragraph, Section, Table, Tone
from reports.findings import tally
from reports.fixes import Fix, fixes
from reports.moments import noted, reasons
from reports.provisional import ready
from reports.texts import each, mark, say, several, word

ROWS_ON_PAGE_ONE, SUBJECTS, NAMES = 6, 4, 12
FIXES, CHANGES = 5, 4
"""What page one has room for: fixes, and waivers and relaxed limits."""

CAUTION = "\N{BLACK UP-POINTING TRIANGLE}"
"""Stands before what has to be known beside the values, with a number, and at the product that it is about."""

NEW_S, IN_USE_S = 15 * 60.0, 24 * 3600.0
"""How long to measure newly installed systems, and systems in use (NF)."""

TOLERATED = 0.95
"""A run may end this early: starting, meeting and stopping take their time."""

WORDS = {
    Verdict.SUITABLE: (mark("Suitable"), Tone.GOOD, mark("Install the cluster with the settings below.")),
    Verdict.WAIVED: (
        mark("Suitable with waivers"),
        Tone.WARN,
        mark("Read what was waived and by whom, below. If you agree, install the cluster with the settings below."),
    ),
    Verdict.CONDITIONAL: (
        mark("Suitable with conditions"),
        Tone.WARN,
        mark("Do what is listed below first, then install."),
    ),
    Verdict.UNSUITABLE: (
        mark("Not suitable"),
        Tone.BAD,
        mark("Do not install yet. Put right what is listed below and measure again."),
    ),
    Verdict.INCONCLUSIVE: (
        mark("No answer yet (inconclusive)"),
        Tone.UNKNOWN,
        mark("There is not enough good data to decide. Measure again."),
    ),
}

ORIGINS = {
    "demonstration": (
        mark("This is a demonstration, not a measurement of a site"),
        (
            mark(
                "All nodes ran on one machine. The figures show what a report looks like. "
                "They say nothing about a real site. Do not enter these settings anywhere."
            )
        ),
    ),
    "synthetic": (
        mark("This report is made from synthetic data"),
        (
            mark(
                "The data was generated, not measured. The figures say nothing about a real site. "
                "Do not enter these settings anywhere."
            )
        ),
    ),
}

AREAS = {
    Area.DATA: mark("Data (how complete the run is)"),
    Area.HOST: mark("Hosts (the machines)"),
    Area.NETWORK: mark("Network"),
    Area.SETTINGS: mark("Settings (do they keep the targets)"),
}


def _build(assessment: Assessment) -> Iterator[Block]:
    if assessment.origin != "measured":
        yield Callout(*_origin(assessment.origin), Tone.WARN)
    answer, tone, advice = WORDS[assessment.verdict]
    action = say(advice)
    if assessment.origin != "measured":
        action = say("On a real site this would mean: {action}", action=f"{action[0].lower()}{action[1:]}")
    if ready(assessment) and any(advice.cautions for advice in assessment.recommendations if advice.settings):
        action = say("{action} Mind the cautions marked {sign} below.", action=action, sign=CAUTION)
    yield Callout(say(answer), "\n".join((assessment.summary, action, *_operated(assessment))), tone)
    if assessment.reasons:
        yield Heading(say("Why"), 2)
        yield Paragraph(
            "\n".join(
                f"{rank}. {reason(assessment, text)} {when}".rstrip()
                for rank, (text, when) in enumerate(reasons(assessment, 3), 1)
            )
        )
    yield Heading(
        say("Settings to enter") if ready(assessment) else say("Provisional settings: do not enter them yet"), 2
    )
    yield from _settings(assessment)
    yield Heading(say("Fix first (who, where, what it usually takes)") if assessment.fixes else say("Fix first"), 2)
    if assessment.fixes:
        yield Checklist(tuple((_assigned(fix), "") for fix in fixes(assessment, FIXES)))
    else:
        suitable = assessment.verdict in (Verdict.SUITABLE, Verdict.WAIVED)
        yield Paragraph(
            say(
                "No check asks for a change. What is advised or stays open stands beside the settings above and under “Not tested: please confirm” in the last section."
            )
            if suitable
            else say("The assessment names nothing that could be fixed.")
        )
    yield from _waived(assessment)
    yield from _relaxed(assessment)
    yield from _score(assessment)
    yield Heading(say("What this rests on"), 2)
    yield _run_facts(assessment)


def _origin(origin: str) -> tuple[str, str]:
    if origin in ORIGINS:
        title, text = ORIGINS[origin]
        return say(title), say(text)
    return say("Origin of the data: {origin}", origin=origin), say("This is not a measurement of a real site.")


def _assigned(fix: Fix) -> str:
    """In one text: a column for the names would take the room of what is to be done."""
    around = "; ".join(part for part in (fix.who, fix.extent, fix.effort) if part)
    return say("{what} ({around})", what=brief(fix.what), around=around)


def _settings(assessment: Assessment) -> Iterator[Block]:
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]], list[str]] = defaultdict(
        list
    )
    for advice in assessment.recommendations:
        if advice.settings:
            # What only some releases have would take the room of what everybody enters.
            pairs = tuple(
                (item.option, f"{figures.entry(item.value)}\N{NO-BREAK SPACE}{figures.unit(item.unit)}".strip())
                for item in advice.settings
                if not item.only_if
            )
            rests = "; ".join(filter(None, (based_on(advice, assessment.timings), classed(advice))))
            groups[advice.title, rests, pairs, advice.cautions].append(figures.subject(advice.subject.name))
    rows: list[tuple[str, ...]] = []
    marks: dict[tuple[str, str], str] = {}
    for (title, basis, pairs, cautions), subjects in list(groups.items())[:ROWS_ON_PAGE_ONE]:
        for caution in cautions:
            marks.setdefault(caution, f"{CAUTION}{len(marks) + 1}")
        marked = " ".join(marks[caution] for caution in cautions)
        left, right = _halves([f"{option}: {value}" for option, value in pairs])
        rows.append((title, f"{_names(subjects)} {marked}".rstrip(), left, right, basis))
    if not rows:
        yield Paragraph(say("This run gives no settings. The section “Settings” says why."))
        return
    yield Table(each("Product", "For", "Enter", "", "Based on"), tuple(rows), (17, 17, 25, 21, 20))
    if marks:
        # Not among the values: beside those a caution looks like one more of them.
        yield Paragraph("\n".join(f"{sign} {what}: {text}" for (what, text), sign in marks.items()), small=True)
    if len(groups) > ROWS_ON_PAGE_ONE:
        more = figures.several(len(groups) - ROWS_ON_PAGE_ONE, "more group")
        yield Paragraph(say("{more} of values: see the section “Settings”.", more=more), small=True)


def _names(subjects: list[str]) -> str:
    left = len(subjects) - SUBJECTS
    return "\n".join(subjects if left <= 0 else (*subjects[:SUBJECTS], say("and {left} more", left=left)))


def _halves(lines: list[str]) -> tuple[str, str]:
    """Option and value stay in one line of text: two columns of them would drift apart where one wraps."""
    half = (len(lines) + 1) // 2
    return "\n".join(lines[:half]), "\n".join(lines[half:])


def _score(assessment: Assessment) -> Iterator[Block]:
    if not assessment.score.areas:
        yield Heading(say("Score"), 2)
        yield Paragraph(say("Nothing could be scored."))
        return
    overall = assessment.score.overall
    yield Heading(
        say("Score: none, too little is known")
        if overall is None
        else say("Score: {overall} of 100 (the worst area decides)", overall=overall),
        2,
    )
    rows = tuple(
        (
            say(AREAS[part.area]),
            say("{score} of 100", score=part.score) if part.score is not None else say("not judged"),
            tally(line.status for line in part.lines),
            figures.subject(part.worst) if part.score is not None and part.score < 100 else figures.DASH,
        )
        for part in assessment.score.areas
        if part.lines
    )
    if rows:
        yield Table(each("Area", "Score", "Checks", "Gravest finding at"), rows, (34, 14, 28, 24))
    else:
        yield Paragraph(say("No check was made."))


def _operated(assessment: Assessment) -> Iterator[str]:
    """That the operator changed something, beside the verdict itself."""
    if assessment.profile:
        relaxed = sum(one.limit.change is Change.RELAXED for one in assessment.changes)
        yield (
            say(
                "Judged with profile {profile}: limits relaxed: {relaxed}, made stricter: {count}.",
                profile=assessment.profile,
                relaxed=relaxed,
                count=len(assessment.changes) - relaxed,
            )
        )
    if assessment.waivers:
        states = Counter(use.state for use in assessment.waivers)
        yield say(
            "Waivers: {names}.",
            names=", ".join(f"{states[state]} {word(state)}" for state in WaiverState if states[state]),
        )


def _waived(assessment: Assessment) -> Iterator[Block]:
    """Every waiver, applied or not: it hides nothing, and what it does not do any more has to be seen."""
    if not assessment.waivers:
        return
    yield Heading(say("Waivers"), 2)
    shown = sorted(assessment.waivers, key=lambda use: use.state is WaiverState.APPLIED)[:CHANGES]
    yield Table(
        each("Check", "Where", "What came of it", "Whose word, and until when"),
        tuple(
            (
                use.waiver.rule,
                figures.subject(use.waiver.subject),
                brief(_outcome(assessment, use)),
                brief(
                    say(
                        "{who}, until {until}: {reason}",
                        who=use.waiver.who,
                        until=use.waiver.until,
                        reason=use.waiver.reason,
                    )
                ),
            )
            for use in shown
        ),
        (14, 18, 34, 34),
    )
    if len(assessment.waivers) > CHANGES:
        yield Paragraph(
            say("{count} more: see “Waivers” in the last section.", count=len(assessment.waivers) - CHANGES), small=True
        )


def _outcome(assessment: Assessment, use: WaiverUse) -> str:
    """What is accepted, in the finding's own words; or why the waiver was not applied."""
    if use.state is not WaiverState.APPLIED:
        return say("NOT APPLIED, {value}: {remark}", value=word(use.state), remark=use.remark)
    found = [item for item in assessment.findings if item.waiver == use.waiver]
    return " ".join(f"{word(item.status)}: {item.message}" for item in found) or word(use.state)


def _relaxed(assessment: Assessment) -> Iterator[Block]:
    rows = [(say("Changed by the plan"), text) for text in assessment.overrides]
    rows += [
        (say("Stall left out"), f"{item.title}, {figures.seconds(item.stall_s)}: {item.why}")
        for item in assessment.scenarios
        if item.default_on and not item.on
    ]
    eased = [one for one in assessment.changes if one.limit.change is Change.RELAXED]
    rows += [(say("Limit relaxed"), changed_limit(one)) for one in eased[:CHANGES]]
    tight = len(assessment.changes) - len(eased)
    if len(eased) > CHANGES:
        rows.append((say("Limits relaxed"), say("{count} more: see the last section.", count=len(eased) - CHANGES)))
    if tight:
        told = say(
            "{number} of profile {profile}: see the last section.",
            number=figures.several(tight, "limit"),
            profile=assessment.profile,
        )
        rows.append((say("Made stricter"), told))
    if rows:
        loose = len(rows) > bool(tight)
        yield Heading(say("Relaxed for this site") if loose else say("Stricter for this site"), 2)
        yield Table(each("What", "How"), tuple(rows), (24, 76))
        if eased:
            yield Paragraph(say("With relaxed limits this is not the product's own verdict."), small=True)


def _run_facts(assessment: Assessment) -> Table:
    planned = max((node.planned_s for node in assessment.nodes), default=0.0)
    gaps = sum(node.gaps_s for node in assessment.nodes)
    damaged = [node.name for node in assessment.nodes if node.damage]
    missing = sorted({node.name for node in assessment.planned} - {node.name for node in assessment.nodes})
    complete = [
        say("gaps of {duration} in all", duration=figures.duration(gaps)) if gaps else say("no gaps"),
        say("damaged archive: {names}", names=figures.listing(damaged, NAMES)) if damaged else say("no damage"),
        say("no archive from: {names}", names=figures.listing(missing, NAMES))
        if missing
        else say("an archive from every planned node"),
    ]
    nodes = figures.listing([node.name for node in assessment.nodes], NAMES) or say("no node")
    length = figures.duration(assessment.duration_s)
    if planned:
        length = say("{length} (planned: {duration})", length=length, duration=figures.duration(planned))
    length = say(
        "{length} from {moment}: {enough}",
        length=length,
        moment=figures.moment(assessment.started),
        enough=_enough(assessment.duration_s),
    )
    return Table(
        ("", ""),
        (
            (say("Measured"), length if assessment.nodes else say("nothing")),
            (
                say("Complete"),
                "; ".join((*complete, *_open(assessment))) if assessment.nodes else say("no archive was read"),
            ),
            *(((say("Bandwidth"), held),) if (held := _held(assessment)) else ()),
            *(((say("Noted"), notes),) if (notes := noted(assessment)) else ()),
            (
                say("Cluster"),
                f"{assessment.topology or say('topology not given')} ({nodes}); {_phase(assessment.phase)}",
            ),
        ),
        (16, 84),
    )


def _open(assessment: Assessment) -> Iterator[str]:
    """How many points only people can confirm."""
    if assessment.untested:
        yield several(
            len(assessment.untested),
            "{count} point not tested: see “Not tested: please confirm” in the last section",
            "{count} points not tested: see “Not tested: please confirm” in the last section",
        )


def _held(assessment: Assessment) -> str:
    """Networks whose planned rate nothing tried: a test that was held below it proves nothing about the rest."""
    found: dict[str, str] = {}
    for item in assessment.throughputs:
        if item.tests and item.planned_bps and item.limit_bps and item.limit_bps < item.planned_bps:
            found[item.network] = say(
                "{network}: planned {bits}, tried only up to {bits2}",
                network=item.network,
                bits=figures.bits(item.planned_bps),
                bits2=figures.bits(item.limit_bps),
            )
    return figures.listing(list(found.values()), SUBJECTS)


def _enough(measured_s: float) -> str:
    """What a run of that length is enough for."""
    if measured_s >= TOLERATED * IN_USE_S:
        return say("enough for systems in use")
    if measured_s >= TOLERATED * NEW_S:
        return say("enough only for a newly installed system; systems in use need 24 h (busy hour and backup not seen)")
    return say("a check of the connections only; a newly installed system needs 15 min, systems in use need 24 h")


def _phase(phase: str) -> str:
    words = {"before": say("measured before the installation"), "live": say("measured on the running cluster")}
    return words.get(phase, phase)


SECTION = Section("verdict", "Verdict", 10, _build)
