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
from reports.changes import changed_limit
from reports.contract import Block, Callout, Checklist, Heading, Paragraph, Section, Table, Tone
from reports.findings import tally
from reports.provisional import ready

ROWS_ON_PAGE_ONE, SUBJECTS, NAMES = 6, 4, 12
FIXES, LONGEST, CHANGES = 5, 240, 4
"""What page one has room for: fixes, letters of a reason or a fix, and waivers and relaxed limits."""

NEW_S, IN_USE_S = 15 * 60.0, 24 * 3600.0
"""How long to measure newly installed systems, and systems in use (NF)."""

TOLERATED = 0.95
"""A run may end this early: starting, meeting and stopping take their time."""

WORDS = {
    Verdict.SUITABLE: ("Suitable", Tone.GOOD, "Install the cluster with the settings below."),
    Verdict.WAIVED: (
        "Suitable with waivers",
        Tone.WARN,
        "Read what was waived and by whom, below. If you agree, install the cluster with the settings below.",
    ),
    Verdict.CONDITIONAL: ("Suitable with conditions", Tone.WARN, "Do what is listed below first, then install."),
    Verdict.UNSUITABLE: (
        "Not suitable",
        Tone.BAD,
        "Do not install yet. Put right what is listed below and measure again.",
    ),
    Verdict.INCONCLUSIVE: (
        "No answer yet (inconclusive)",
        Tone.UNKNOWN,
        "There is not enough good data to decide. Measure again.",
    ),
}

ORIGINS = {
    "demonstration": (
        "This is a demonstration, not a measurement of a site",
        (
            "All nodes ran on one machine. The figures show what a report looks like. "
            "They say nothing about a real site. Do not enter these settings anywhere."
        ),
    ),
    "synthetic": (
        "This report is made from synthetic data",
        (
            "The data was generated, not measured. The figures say nothing about a real site. "
            "Do not enter these settings anywhere."
        ),
    ),
}

AREAS = {
    Area.DATA: "Data (how complete the run is)",
    Area.HOST: "Hosts (the machines)",
    Area.NETWORK: "Network",
    Area.SETTINGS: "Settings (do they keep the targets)",
}


def _build(assessment: Assessment) -> Iterator[Block]:
    if assessment.origin != "measured":
        fallback = (f"Origin of the data: {assessment.origin}", "This is not a measurement of a real site.")
        yield Callout(*ORIGINS.get(assessment.origin, fallback), Tone.WARN)
    word, tone, action = WORDS[assessment.verdict]
    if assessment.origin != "measured":
        action = f"On a real site this would mean: {action[0].lower()}{action[1:]}"
    yield Callout(word, "\n".join((assessment.summary, action, *_operated(assessment))), tone)
    if assessment.reasons:
        yield Heading("Why", 2)
        yield Paragraph("\n".join(f"{rank}. {_brief(text)}" for rank, text in enumerate(assessment.reasons[:3], 1)))
    yield Heading("Settings to enter" if ready(assessment) else "Provisional settings: do not enter them yet", 2)
    yield from _settings(assessment)
    yield Heading("Fix first", 2)
    if assessment.fixes:
        yield Checklist(tuple((_brief(fix), "") for fix in assessment.fixes[:FIXES]))
    else:
        suitable = assessment.verdict in (Verdict.SUITABLE, Verdict.WAIVED)
        yield Paragraph("Nothing has to be fixed." if suitable else "The assessment names nothing that could be fixed.")
    yield from _waived(assessment)
    yield from _relaxed(assessment)
    yield from _score(assessment)
    yield Heading("What this rests on", 2)
    yield _run_facts(assessment)


def _brief(text: str) -> str:
    """The first sentences of a long text: the whole of it stands with its finding, further on."""
    if len(text) <= LONGEST:
        return text
    end = text.rfind(". ", 0, LONGEST - 2) + 1
    return f"{text[: end or LONGEST - 2].rstrip()} …"


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
    told: set[tuple[str, str]] = set()
    for (title, basis, pairs, cautions), subjects in list(groups.items())[:ROWS_ON_PAGE_ONE]:
        lines = [f"{option}: {value}" for option, value in pairs]
        left, right = _halves(lines)
        missing = [f"{what}: {text}" for what, text in cautions if (what, text) not in told]
        rows.append((title, _names(subjects), "\n".join((left, *missing)), right, basis))
        told.update(cautions)
    if not rows:
        yield Paragraph("This run gives no settings. The section “Settings” says why.")
        return
    yield Table(("Product", "For", "Enter", "", "Based on"), tuple(rows), (14, 20, 25, 21, 20))
    if len(groups) > ROWS_ON_PAGE_ONE:
        more = figures.several(len(groups) - ROWS_ON_PAGE_ONE, "more group")
        yield Paragraph(f"{more} of values: see the section “Settings”.", small=True)


def _names(subjects: list[str]) -> str:
    left = len(subjects) - SUBJECTS
    return "\n".join(subjects if left <= 0 else (*subjects[:SUBJECTS], f"and {left} more"))


def _halves(lines: list[str]) -> tuple[str, str]:
    """Option and value stay in one line of text: two columns of them would drift apart where one wraps."""
    half = (len(lines) + 1) // 2
    return "\n".join(lines[:half]), "\n".join(lines[half:])


def _score(assessment: Assessment) -> Iterator[Block]:
    if not assessment.score.areas:
        yield Heading("Score", 2)
        yield Paragraph("Nothing could be scored.")
        return
    overall = assessment.score.overall
    yield Heading(
        "Score: none, too little is known" if overall is None else f"Score: {overall} of 100 (the worst area decides)",
        2,
    )
    rows = tuple(
        (
            AREAS[part.area],
            f"{part.score} of 100" if part.score is not None else "not judged",
            tally(line.status for line in part.lines),
            figures.subject(part.worst) if part.score is not None and part.score < 100 else figures.DASH,
        )
        for part in assessment.score.areas
        if part.lines
    )
    if rows:
        yield Table(("Area", "Score", "Checks", "Worst"), rows, (34, 14, 28, 24))
    else:
        yield Paragraph("No check was made.")


def _operated(assessment: Assessment) -> Iterator[str]:
    """That the operator changed something, beside the verdict itself."""
    if assessment.profile:
        relaxed = sum(one.limit.change is Change.RELAXED for one in assessment.changes)
        yield (
            f"Judged with profile {assessment.profile}: limits relaxed: {relaxed}, made stricter: "
            f"{len(assessment.changes) - relaxed}."
        )
    if assessment.waivers:
        states = Counter(use.state for use in assessment.waivers)
        yield f"Waivers: {', '.join(f'{states[state]} {state.value}' for state in WaiverState if states[state])}."


def _waived(assessment: Assessment) -> Iterator[Block]:
    """Every waiver, applied or not: it hides nothing, and what it does not do any more has to be seen."""
    if not assessment.waivers:
        return
    yield Heading("Waivers", 2)
    shown = sorted(assessment.waivers, key=lambda use: use.state is WaiverState.APPLIED)[:CHANGES]
    yield Table(
        ("Check", "Where", "What came of it", "Whose word, and until when"),
        tuple(
            (
                use.waiver.rule,
                figures.subject(use.waiver.subject),
                _brief(_outcome(assessment, use)),
                _brief(f"{use.waiver.who}, until {use.waiver.until}: {use.waiver.reason}"),
            )
            for use in shown
        ),
        (14, 18, 34, 34),
    )
    if len(assessment.waivers) > CHANGES:
        yield Paragraph(f"{len(assessment.waivers) - CHANGES} more: see “Waivers” in the last section.", small=True)


def _outcome(assessment: Assessment, use: WaiverUse) -> str:
    """What is accepted, in the finding's own words; or why the waiver was not applied."""
    if use.state is not WaiverState.APPLIED:
        return f"NOT APPLIED, {use.state.value}: {use.remark}"
    found = [item for item in assessment.findings if item.waiver == use.waiver]
    return " ".join(f"{item.status.value}: {item.message}" for item in found) or use.state.value


def _relaxed(assessment: Assessment) -> Iterator[Block]:
    rows = [("Changed by the plan", text) for text in assessment.overrides]
    rows += [
        ("Stall left out", f"{item.title}, {figures.seconds(item.stall_s)}: {item.why}")
        for item in assessment.scenarios
        if item.default_on and not item.on
    ]
    eased = [one for one in assessment.changes if one.limit.change is Change.RELAXED]
    rows += [("Limit relaxed", changed_limit(one)) for one in eased[:CHANGES]]
    tight = len(assessment.changes) - len(eased)
    if len(eased) > CHANGES:
        rows.append(("Limits relaxed", f"{len(eased) - CHANGES} more: see the last section."))
    if tight:
        told = f"{figures.several(tight, 'limit')} of profile {assessment.profile}: see the last section."
        rows.append(("Made stricter", told))
    if rows:
        loose = len(rows) > bool(tight)
        yield Heading("Relaxed for this site" if loose else "Stricter for this site", 2)
        yield Table(("What", "How"), tuple(rows), (24, 76))
        if eased:
            yield Paragraph("With relaxed limits this is not the product's own verdict.", small=True)


def _run_facts(assessment: Assessment) -> Table:
    planned = max((node.planned_s for node in assessment.nodes), default=0.0)
    gaps = sum(node.gaps_s for node in assessment.nodes)
    damaged = [node.name for node in assessment.nodes if node.damage]
    missing = sorted({node.name for node in assessment.planned} - {node.name for node in assessment.nodes})
    complete = [
        f"gaps of {figures.duration(gaps)} in all" if gaps else "no gaps",
        f"damaged archive: {figures.listing(damaged, NAMES)}" if damaged else "no damage",
        f"no archive from: {figures.listing(missing, NAMES)}" if missing else "an archive from every planned node",
    ]
    nodes = figures.listing([node.name for node in assessment.nodes], NAMES) or "no node"
    length = figures.duration(assessment.duration_s)
    if planned:
        length = f"{length} (planned: {figures.duration(planned)})"
    length = f"{length} from {figures.moment(assessment.started)}: {_enough(assessment.duration_s)}"
    return Table(
        ("", ""),
        (
            ("Measured", length if assessment.nodes else "nothing"),
            ("Complete", "; ".join(complete) if assessment.nodes else "no archive was read"),
            *((("Bandwidth", held),) if (held := _held(assessment)) else ()),
            ("Cluster", f"{assessment.topology or 'topology not given'} ({nodes}); {_phase(assessment.phase)}"),
        ),
        (16, 84),
    )


def _held(assessment: Assessment) -> str:
    """Networks whose planned rate nothing tried: a test that was held below it proves nothing about the rest."""
    found: dict[str, str] = {}
    for item in assessment.throughputs:
        if item.tests and item.planned_bps and item.limit_bps and item.limit_bps < item.planned_bps:
            found[item.network] = (
                f"{item.network}: planned {figures.bits(item.planned_bps)}, tried only up to {figures.bits(item.limit_bps)}"
            )
    return figures.listing(list(found.values()), SUBJECTS)


def _enough(measured_s: float) -> str:
    """What a run of that length is enough for."""
    if measured_s >= TOLERATED * IN_USE_S:
        return "enough for systems in use"
    if measured_s >= TOLERATED * NEW_S:
        return "enough only for a newly installed system; systems in use need 24 h (busy hour and backup not seen)"
    return "a check of the connections only; a newly installed system needs 15 min, systems in use need 24 h"


def _phase(phase: str) -> str:
    words = {"before": "measured before the installation", "live": "measured on the running cluster"}
    return words.get(phase, phase)


SECTION = Section("verdict", "Verdict", 10, _build)
