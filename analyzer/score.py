"""Points: a mean per subject, the lowest of them per area, at most 50 where a check failed, the worst area over all.

Unknown is never a pass: what could not be judged has no points and stands beside the score. An area of which more than half could
not be judged has no score; what was judged of it still counts over all, so that a failure is not hidden with it. A run that answers
nothing has no overall score. Information is not listed. A mean is the higher the more checks there were, so it says how an area does as
a whole and not where it is worst: that is where the gravest finding is, as in the reasons of the verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from analyzer.concerns import excess, rank
from analyzer.contract import Area, AreaScore, Finding, Score, ScoreLine, Status, Verdict

POINTS: Mapping[Status, int | None] = {
    Status.PASS: 100,
    Status.WARN: 60,
    Status.FAIL: 0,
    Status.SKIPPED: None,
    Status.ERROR: None,
}
"""Design values."""
FAILED_MOST = 50
"""Points of an area in which a check failed, at most (design value): no mean of much that is well makes that good."""


def score(findings: Iterable[Finding], verdict: Verdict) -> Score:
    """The score with every term of its arithmetic; a mean is rounded down. Areas without a judged subject have none."""
    found: dict[Area, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.status in POINTS:
            found[finding.area].append(finding)
    areas = tuple(_area(area, found[area]) for area in Area)
    judged = [area.score for area in areas if area.score is not None]
    shown = tuple(replace(area, score=None, worst="") if _mostly_unknown(area) else area for area in areas)
    return Score(None if verdict is Verdict.INCONCLUSIVE else min(judged, default=None), shown)


def _mostly_unknown(area: AreaScore) -> bool:
    return 2 * sum(line.points is None for line in area.lines) > len(area.lines)


def _area(area: Area, findings: Sequence[Finding]) -> AreaScore:
    lines = tuple(
        ScoreLine(finding.subject.name, finding.rule, finding.status, POINTS[finding.status]) for finding in findings
    )
    points: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        if line.points is not None:
            points[line.subject].append(line.points)
    if not points:
        return AreaScore(area, None, "", lines)
    means = {subject: sum(terms) // len(terms) for subject, terms in points.items()}
    lowest = min(means.values())

    def gravity(finding: Finding) -> tuple[int, int, float, int]:
        return POINTS[finding.status] or 0, rank(finding), -excess(finding), means[finding.subject.name]

    worst = min((finding for finding in findings if POINTS[finding.status] is not None), key=gravity).subject.name
    failed = any(finding.status is Status.FAIL for finding in findings)
    return AreaScore(area, min(lowest, FAILED_MOST) if failed else lowest, worst, lines)
