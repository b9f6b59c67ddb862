"""What to fix first, with who can do it, at how many places and what that takes: all follow from the findings that ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.contract import Area, Assessment, Effort, Finding, Scope, Status, Subject
from reports import figures, texts
from reports.findings import SCOPES
from reports.texts import mark, say

OWNERS = {
    Area.DATA: mark("whoever measures"),
    Area.HOST: mark("system administrator"),
    Area.NETWORK: mark("network administrator"),
    Area.SETTINGS: mark("installer of the product"),
}
LINKS = frozenset({"link-state", "nic-errors", "link-match"})
"""Rules of the machine whose remedy is at the switch as well."""
EFFORTS = {
    Effort.RUN: mark("another run"),
    Effort.SETTING: mark("settings"),
    Effort.SEARCH: mark("search for the cause"),
    Effort.WINDOW: mark("maintenance window"),
    Effort.RESOURCES: mark("machine, part or line"),
}
"""What a remedy takes, from the least."""
READER = mark("installer")
"""Whom a fix is for that no finding asks for: to fetch an archive, to ask somebody."""

ASKS = frozenset({Status.FAIL, Status.ERROR, Status.WARN, Status.SKIPPED})

_WIDE = frozenset({Scope.PAIR, Scope.CLUSTER})


@dataclass(frozen=True, slots=True)
class Fix:
    """What is to be done, who does it, at how many places ("": not about places), and what it usually takes ("": not known)."""

    what: str
    who: str
    extent: str
    effort: str


def fixes(assessment: Assessment, most: int) -> tuple[Fix, ...]:
    """The first of the assessment's fixes."""
    return tuple(_fix(what, assessment.findings) for what in assessment.fixes[:most])


def _fix(what: str, findings: Sequence[Finding]) -> Fix:
    asking = [found for found in findings if found.remedy == what and found.status in ASKS and found.waiver is None]
    # What a machine does shows on its paths as well; it is mended on the machine.
    causes = [found for found in asking if _of_machine(found)]
    asking = causes or asking
    areas = [area for found in asking for area in (found.area, *((Area.NETWORK,) if found.rule in LINKS else ()))]
    owners = list(dict.fromkeys(say(OWNERS[area]) for area in areas))
    efforts = [found.effort for found in asking if found.effort is not None]
    return Fix(
        what,
        ", ".join(owners) or say(READER),
        _extent(list(dict.fromkeys(found.subject for found in asking))),
        say(EFFORTS[max(efforts, key=list(Effort).index)]) if efforts else "",
    )


def _of_machine(found: Finding) -> bool:
    return found.area is Area.HOST and found.subject.scope is Scope.NODE and found.rule not in LINKS


def _extent(subjects: Sequence[Subject]) -> str:
    """Where it is to be done: what is asked for about a cluster or a pair as well is done on the node that asks for it."""
    places = [subject for subject in subjects if subject.scope not in _WIDE] or [
        subject for subject in subjects if subject.scope is Scope.PAIR
    ]
    if subjects and not places:
        return say("all nodes")
    return _counted(places)


def _counted(subjects: Sequence[Subject]) -> str:
    if len(subjects) == 1:
        return figures.subject(subjects[0].name)
    counts = {scope: sum(subject.scope is scope for subject in subjects) for scope in SCOPES}
    return ", ".join(texts.several(count, *SCOPES[scope]) for scope, count in counts.items() if count)
