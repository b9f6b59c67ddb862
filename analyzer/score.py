"""Points: a mean per subject, the worst subject per area, at most 50 where a check failed, the worst area over all.

Unknown is never a pass: what could not be judged has no points and stands beside the score. An area of which more than half could
not be judged has no score; what was judged of it still counts over all, so that a failure is not hidden with it. A run that answers
nothing has no overall score. Information is not listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

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
    lines: dict[Area, list[ScoreLine]] = defaultdict(list)
    for finding in findings:
        if finding.status in POINTS:
            line = ScoreLine(finding.subject.name, finding.rule, finding.status, POINTS[finding.status])
            lines[finding.area].append(line)
    areas = tuple(_area(area, lines[area]) for area in Area)
    judged = [area.score for area in areas if area.score is not None]
    shown = tuple(replace(area, score=None, worst="") if _mostly_unknown(area) else area for area in areas)
    return Score(None if verdict is Verdict.INCONCLUSIVE else min(judged, default=None), shown)


def _mostly_unknown(area: AreaScore) -> bool:
    return 2 * sum(line.points is None for line in area.lines) > len(area.lines)


def _area(area: Area, lines: list[ScoreLine]) -> AreaScore:
    points: dict[str, list[int]] = defaultdict(list)
    for line in lines:
        if line.points is not None:
            points[line.subject].append(line.points)
    if not points:
        return AreaScore(area, None, "", tuple(lines))
    means = {subject: sum(terms) // len(terms) for subject, terms in points.items()}
    worst = min(means, key=means.__getitem__)
    failed = any(line.status is Status.FAIL for line in lines)
    return AreaScore(area, min(means[worst], FAILED_MOST) if failed else means[worst], worst, tuple(lines))
