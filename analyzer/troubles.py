"""Several points about one subject as few findings: one for each status, so that no point hides behind another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analyzer.contract import Effort, Evidence, Status
from analyzer.extension import Judgement
from collector.plan import Origin, Plan

_ORDER = (Status.FAIL, Status.WARN, Status.SKIPPED, Status.INFO)
_ONE_MACHINE = "In this demonstration all nodes are one machine, so this was to be expected."


@dataclass(frozen=True, slots=True)
class Trouble:
    """One point: half a sentence, and what to do. Status info is worth knowing and no trouble.

    `effort`: what the remedy takes, if that is another than the rule says. `kind`: the same for many of its kind, without names, as in "planned addresses are on no interface".
    """

    status: Status
    text: str
    remedy: str = ""
    kind: str = ""
    effort: Effort | None = None


def words(
    plan: Plan, owner: str, troubles: Sequence[Trouble], good: str, evidence: tuple[Evidence, ...] = ()
) -> Iterator[Judgement]:
    """A judgement per status; `good` is the pass where nothing is wrong or unknown.

    A demonstration puts all nodes on one machine on purpose: what is wrong with that is information.
    """
    if all(trouble.status is Status.INFO for trouble in troubles):
        yield Judgement(Status.PASS, good, evidence)
        evidence = ()
    for status in _ORDER:
        points = [trouble for trouble in troubles if trouble.status is status]
        if not points:
            continue
        text = f"{owner}: {'; '.join(point.text for point in points)}."
        remedy = " ".join(dict.fromkeys(point.remedy for point in points if point.remedy))
        if plan.origin is Origin.DEMONSTRATION and status in (Status.FAIL, Status.WARN):
            yield Judgement(Status.INFO, f"{text} {_ONE_MACHINE}", evidence)
        else:
            kinds = tuple(point.kind for point in points)
            yield Judgement(status, text, evidence, remedy, points=kinds, effort=_effort(points))
        evidence = ()


def _effort(points: Sequence[Trouble]) -> Effort | None:
    """The largest of what their remedies take; None, which leaves it to the rule, where one of them does."""
    known = [point.effort for point in points if point.remedy]
    told = [effort for effort in known if effort is not None]
    return max(told, key=list(Effort).index) if told and len(told) == len(known) else None
