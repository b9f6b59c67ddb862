"""What was written down before a sample was made, and whether an assessment says it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analyzer.contract import Assessment, Finding, Scope, Status

_CONCERNS = (Status.FAIL, Status.WARN, Status.SKIPPED, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule's finding about a subject, and why it is expected."""

    rule: str
    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class Expected:
    """The verdict, and the first reasons for it: none where nothing is wrong."""

    verdict: str
    why: str
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, folder: Path) -> Expected:
        """That of a sample."""
        told = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
        reasons = tuple(Reason(item["rule"], item["subject"], item["why"]) for item in told["reason"])
        return cls(told["verdict"], told["why"], reasons)


def answered(expected: Expected, assessment: Assessment) -> Iterator[str]:
    """What the assessment says otherwise, one line each."""
    if assessment.verdict != expected.verdict:
        yield f"the verdict is {assessment.verdict}, expected was {expected.verdict}"
    concerns = [finding for finding in assessment.findings if finding.status in _CONCERNS]
    if not expected.reasons:
        yield from (
            f"nothing was to be wrong: {finding.rule} {finding.subject.name}: {finding.message}" for finding in concerns
        )
        return
    if len(assessment.reasons) != len(expected.reasons):
        yield f"there are {len(assessment.reasons)} reasons, expected were {len(expected.reasons)}"
    for place, (reason, text) in enumerate(zip(expected.reasons, assessment.reasons, strict=False), 1):
        told = [finding for finding in concerns if _tells(text, finding)]
        if not any(finding.rule == reason.rule for finding in told):
            who = ", ".join(f"{finding.rule} of {finding.subject.name}" for finding in told) or "no finding"
            yield f"reason {place} is {who}, expected was {reason.rule} of {reason.subject}"
        elif not any(_about(finding, reason) and (finding in told or _named(finding) in text) for finding in concerns):
            yield f"reason {place} is {reason.rule}, but does not name {reason.subject}"


def _tells(text: str, finding: Finding) -> bool:
    """Whether a reason is that finding: it begins with its message, or with the first point of a long one."""
    return text.startswith((finding.message, finding.message.partition("; ")[0]))


def _about(finding: Finding, reason: Reason) -> bool:
    return (finding.rule, finding.subject.name) == (reason.rule, reason.subject)


def _named(finding: Finding) -> str:
    """How a reason names further subjects of which the same is true."""
    return (
        finding.subject.name.replace("/", ": ", 1)
        if finding.subject.scope is Scope.DEVICE
        else finding.subject.name.replace("+", " and ")
    )
