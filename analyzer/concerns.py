"""Findings as few reasons: one per rule, the gravest first, with how far beyond its limit each lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from analyzer.contract import Area, Evidence, Finding, Scope, Sense, Status, Subject

_LONG = 200
"""Letters of a reason from which on several points are counted instead of listed; page 1 has no room for the list."""
_RANKS = {"identity": 0, "observers": 4}
_AREAS = {Area.DATA: 1, Area.NETWORK: 1, Area.SETTINGS: 2, Area.HOST: 3}
"""What weighs more: no cluster at all, then the network, what follows from it, the machines, and what stands around them."""
LINK = "link-state"
"""The rule whose failures slow what goes over the link, and damage it."""
_ELSEWHERE = {Status.FAIL: "Also failed:", Status.WARN: "Also warned of:"}
"""The figures of the sentence before are those of the worst subject alone."""
_MOST = 1e9
"""As bad as it gets: nothing, where something is needed."""


def rank(finding: Finding) -> int:
    """Where its area stands among the concerns of a cluster: 0 first."""
    return _RANKS.get(finding.rule, _AREAS[finding.area])


def grouped(
    findings: Iterable[Finding], weaker: Sequence[Finding] = (), causes: Collection[tuple[str, Subject]] = ()
) -> list[tuple[str, str]]:
    """One entry per rule, the worst first: the worst subject's message, and where else it failed, or less of `weaker`.

    What other findings follow from (rule and subject in `causes`) stands before them.
    """
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.rule, []).append(finding)
    found = []

    def order(group: list[Finding]) -> tuple[bool, int, float]:
        cause = any((finding.rule, finding.subject) in causes for finding in group)
        return not cause, rank(group[0]), -max(map(excess, group))

    for members in sorted(groups.values(), key=order):
        worst = max(members, key=excess)
        subjects = {finding.subject for finding in members} - {worst.subject}
        more = f" {_ELSEWHERE.get(worst.status, 'Likewise on')} {names(subjects)}." if subjects else ""
        text = worst.message + more
        text = text if len(text) <= _LONG else _counted(members, worst) or text
        less = {finding.subject for finding in weaker if finding.rule == worst.rule}
        found.append((text + (f" A warning on {names(less)}." if less else ""), worst.remedy))
    return found


def _counted(members: Sequence[Finding], worst: Finding) -> str:
    """Several points in one short sentence: how many of the commonest kind, and where. Empty: the message has no points."""
    points = [(kind, finding) for finding in members for kind in finding.points]
    if len(points) < 2:
        return ""
    kind, count = Counter(kind for kind, _ in points).most_common(1)[0]
    if kind and count > 1:
        where = {finding.subject for mine, finding in points if mine == kind}
        left = len(points) - count
        return f"{count} {kind} of {names(where)}" + (f", and {_more(left)}." if left else ".")
    return f"{worst.message.partition('; ')[0]}, and {_more(len(points) - 1)}."


def _more(count: int) -> str:
    return "1 more point" if count == 1 else f"{count} more points"


def names(subjects: Iterable[Subject]) -> str:
    """Three of them by name, and how many more there are."""
    told = sorted(_plain(subject) for subject in subjects)
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _plain(subject: Subject) -> str:
    """A device's name may begin with a slash of its own: ``sip-b//var`` reads as a mistake."""
    if subject.scope is Scope.DEVICE:
        return subject.name.replace("/", ": ", 1)
    return subject.name.replace("+", " and ")


def excess(finding: Finding) -> float:
    """How many times its worst figure lies beyond the limit that it crossed: 1 at the limit, whichever side is good."""
    return max((beyond(item, finding.status) for item in finding.evidence), default=0.0)


def beyond(item: Evidence, status: Status) -> float:
    """How many times one figure lies beyond the limit that it crossed: 0 within it, 1 at it or where the limit is nothing at all."""
    limit = item.limit
    if limit is None or item.value is None or limit.judge(item.value) is Status.PASS:
        return 0.0
    bounds = (limit.fail, limit.warn) if status is Status.FAIL else (limit.warn, limit.fail)
    # A limit of nothing at all says that any is too much, not how much.
    bound = next((bound for bound in bounds if bound), None)
    if bound is None:
        return 1.0
    ratio = item.value / bound
    if limit.sense is Sense.AT_MOST:
        return ratio
    return min(1.0 / ratio, _MOST) if ratio > 0 else _MOST
