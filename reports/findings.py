"""Findings as a table: what needs a person first, everything that is fine in one line per rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from analyzer.contract import Finding, Status
from reports import figures
from reports.contract import Table

URGENCY = (Status.FAIL, Status.ERROR, Status.WARN, Status.SKIPPED, Status.INFO, Status.PASS)
"""The order in which findings are read. What could not be judged stands before what is fine."""


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """Failures first, then by rule and subject."""
    return sorted(findings, key=lambda found: (URGENCY.index(found.status), found.rule, found.subject.name))


def finding_table(findings: Iterable[Finding]) -> Table | None:
    """One row per finding that is not a pass; passes are gathered by rule. None: no findings."""
    rows: list[tuple[str, str, str]] = []
    statuses: list[Status | None] = []
    passed: dict[str, list[Finding]] = defaultdict(list)
    for found in by_urgency(findings):
        if found.status is Status.PASS:
            passed[found.title].append(found)
            continue
        text = f"{found.message}\nWhat to do: {found.remedy}" if found.remedy else found.message
        rows.append((found.title, figures.subject(found.subject.name), text))
        statuses.append(found.status)
    for title, group in passed.items():
        rows.append((title, *_gathered(group)))
        statuses.append(Status.PASS)
    if not rows:
        return None
    return Table(("Check", "Where", "What was found"), tuple(rows), (24, 24, 52), statuses=tuple(statuses))


def _gathered(group: list[Finding]) -> tuple[str, str]:
    if len(group) == 1:
        return figures.subject(group[0].subject.name), group[0].message
    messages = {found.message for found in group}
    where = figures.several(len(group), group[0].subject.scope.value)
    return where, messages.pop() if len(messages) == 1 else "All pass."
