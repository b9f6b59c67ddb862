"""Findings as a table: what needs a person first, everything that is fine in one line per rule."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Sequence

from analyzer.contract import Evidence, Finding, Scope, Sense, Status, Subject
from reports import figures, texts
from reports.contract import Table
from reports.texts import each, forms, mark, say, word

URGENCY = (Status.FAIL, Status.ERROR, Status.WARN, Status.SKIPPED, Status.INFO, Status.PASS)
"""The order in which findings are read. What could not be judged stands before what is fine."""

WORDS = {Status.SKIPPED: mark("not judged")}
"""How a status is called where its own name does not say what it means to a reader."""

SCOPES = {
    Scope.NODE: forms("{count} node", "{count} nodes"),
    Scope.DEVICE: forms("{count} device", "{count} devices"),
    Scope.PAIR: forms("{count} pair", "{count} pairs"),
    Scope.PATH: forms("{count} path", "{count} paths"),
    Scope.CLUSTER: forms("{count} cluster", "{count} clusters"),
}

SHOWN, LISTED = 4, 8
"""Messages and names that one row spells out."""

BRIEF = 260
"""Letters of messages that only inform (design value): four lines. The first stands whole."""


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Failures first, then by rule and subject."""
    return sorted(findings, key=lambda found: (URGENCY.index(found.status), found.rule, found.subject.name))


def gravity(found: Finding) -> float:
    """How near its worst figure comes to its limit, or how far beyond it lies: 1 at the limit, 0 without one."""
    return max(map(_part, found.evidence), default=0.0)


def _part(item: Evidence) -> float:
    bound = None if item.limit is None else item.limit.warn if item.limit.fail is None else item.limit.fail
    if item.limit is None or item.value is None or bound is None or bound <= 0.0:
        return 0.0
    if item.limit.sense is Sense.AT_MOST:
        return item.value / bound
    return bound / item.value if item.value > 0.0 else math.inf


def beyond(item: Evidence) -> bool:
    """Whether a figure lies beyond its limit."""
    return item.limit is not None and item.value is not None and item.limit.judge(item.value) is not Status.PASS


def worst(statuses: Iterable[Status]) -> Status | None:
    """The most urgent of several results; None: there are none."""
    return min(statuses, key=URGENCY.index, default=None)


def tally(statuses: Iterable[Status]) -> str:
    """``1 fail, 12 pass``, the most urgent first; empty for none."""
    counts = Counter(statuses)
    return ", ".join(f"{counts[status]} {called(status)}" for status in URGENCY if counts[status])


def called(status: Status) -> str:
    """A result in a word."""
    return say(WORDS[status]) if status in WORDS else word(status)


def owner(subject: Subject, nodes: Container[str]) -> str | None:
    """The one node that a subject is about, itself or one of its devices; None: another kind, or a node not in `nodes`."""
    name = subject.name
    if subject.scope is Scope.NODE:
        return name if name in nodes else None
    if subject.scope is not Scope.DEVICE:
        return None
    # A device may hold slashes of its own (a mount point), so every one may be where the node's name ends.
    ends = (place for place, letter in enumerate(name) if letter == "/")
    return next((name[:place] for place in ends if name[:place] in nodes), None)


def finding_table(findings: Iterable[Finding]) -> Table | None:
    """What is to be done stands once: findings of one rule and remedy share a row. All that passed is named in the last one.

    None: no findings.
    """
    groups: dict[tuple[Status, str, str], list[Finding]] = defaultdict(list)
    passed: list[Finding] = []
    for found in by_urgency(findings):
        if found.status is Status.PASS and found.waiver is None:
            passed.append(found)
            continue
        # What one remedy makes judgeable (a longer run, mostly) is one point, whichever checks it is about.
        title = "" if found.status is Status.SKIPPED and found.remedy else found.title
        groups[found.status, title, found.remedy].append(found)
    rows = [(status, group, _row(group)) for (status, _, _), group in groups.items()]
    if passed:
        rows.append(
            (
                Status.PASS,
                passed,
                _passed(passed, {(found.title, found.subject) for _, group, _ in rows for found in group}),
            )
        )
    if not rows:
        return None
    return Table(
        each("Check", "Where", "What was found"),
        tuple(row for _, _, row in rows),
        (23, 22, 55),
        statuses=tuple(status for status, _, _ in rows),
        targets=tuple(tuple(dict.fromkeys(map(finding_name, group))) for _, group, _ in rows),
        links=tuple(evidence_name(group[0]) for _, group, _ in rows),
    )


def finding_name(found: Finding) -> str:
    """The target of the row that tells findings of one rule and result."""
    return f"finding {found.rule} {found.status}"


def evidence_name(found: Finding) -> str:
    """The target of the row with the evidence of findings of one rule and result."""
    return f"evidence {found.rule} {found.status}"


def _row(group: list[Finding]) -> tuple[str, str, str]:
    """Titles, subjects and messages of findings that ask for the same, the gravest first: only the first are spelled out."""
    group = sorted(group, key=gravity, reverse=True)
    messages = list(dict.fromkeys(told(found) for found in group))
    most = _room(messages) if group[0].status is Status.INFO else SHOWN
    if len(messages) > most:
        shown = max(1, min(most, SHOWN - 1))
        left = len(messages) - shown
        messages[shown:] = [say("And {count} more: see “All findings with their evidence”.", count=left)]
    if group[0].remedy:
        messages.append(say("What to do: {remedy}", remedy=group[0].remedy))
    titles = "\n".join(_some(found.title for found in group))
    return titles, "\n".join(_some(figures.subject(found.subject.name) for found in group)), "\n".join(messages)


def _room(messages: Sequence[str]) -> int:
    """How many messages fit what a row that only informs may take."""
    letters, count = 0, 0
    for message in messages[:SHOWN]:
        letters += len(message)
        count += letters <= BRIEF or count == 0
    return count


def told(found: Finding) -> str:
    """What was found, and who accepted it: a waived failure never reads as anything else than a failure."""
    waiver = found.waiver
    return (
        say(
            "{message} Waived until {until} by {who}: {reason}.",
            message=found.message,
            until=waiver.until,
            who=waiver.who,
            reason=waiver.reason,
        )
        if waiver
        else found.message
    )


def _some(names: Iterable[str]) -> list[str]:
    """Each once, and not too many."""
    found = list(dict.fromkeys(names))
    return (
        found
        if len(found) <= LISTED
        else [*found[: LISTED - 1], say("and {count} more", count=len(found) - LISTED + 1)]
    )


def _passed(passed: Sequence[Finding], others: Collection[tuple[str, Subject]]) -> tuple[str, str, str]:
    """One row for all that is fine: every check by name, and on how much; the figures stand in the last section.

    A check of `others` found something else elsewhere in the table: where it passed stands beside it. What else it found on the same subject counts more.
    """
    elsewhere = {title for title, _ in others}
    checks: dict[str, dict[Subject, None]] = defaultdict(dict)
    for found in passed:
        # A rule may find several things on one subject, such as a node's word on each observer.
        if (found.title, found.subject) not in others:
            checks[found.title][found.subject] = None
    names = [
        title
        if len(subjects) == 1 and title not in elsewhere
        else say("{title} ({number})", title=title, number=_where(subjects, named=title in elsewhere))
        for title, subjects in checks.items()
    ]
    return (
        say("Passed"),
        texts.several(len(checks), "{count} check", "{count} checks"),
        say("{names}. Figures: see “All findings with their evidence”.", names=", ".join(names)),
    )


def _where(subjects: Collection[Subject], *, named: bool) -> str:
    if named:
        return figures.listing([figures.subject(subject.name) for subject in subjects], LISTED)
    return texts.several(len(subjects), *SCOPES[next(iter(subjects)).scope])
