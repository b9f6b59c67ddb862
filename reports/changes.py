"""What the operator changed, in words: limits of a profile beside those that they replaced."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.contract import Change, Limit, LimitChange, Sense
from reports import figures
from reports.contract import Block, Heading, Paragraph, Table

NAMES = 6


def levels(limit: Limit, warn: float | None, fail: float | None) -> str:
    """``warn over 40 ms, fail over 80 ms``; "none" where there is no level at all."""
    side = "over" if limit.sense is Sense.AT_MOST else "under"
    told = [
        f"{word} {side} {figures.quantity(level, limit.unit)}"
        for word, level in (("warn", warn), ("fail", fail))
        if level is not None
    ]
    return ", ".join(told) or "none"


def usual(limit: Limit) -> str:
    """``relaxed by profile wan; usually: warn over 40 ms, fail over 80 ms``; empty for a limit that nobody changed."""
    if limit.change is Change.NONE:
        return ""
    before = levels(limit, limit.default_warn, limit.default_fail)
    return f"{limit.change.value} by profile {limit.profile}; usually: {before}"


def changed_limit(change: LimitChange) -> str:
    """One sentence: whose limit, what it is now, what it was, and what it decided."""
    limit = change.limit
    decided = f" It decided on {figures.listing([figures.subject(name) for name in change.decided], NAMES)}."
    return (
        f"{change.title}, {limit.name}: {levels(limit, limit.warn, limit.fail)} ({usual(limit)}). Source: {limit.source}."
        f"{decided if change.decided else ''}"
    )


def control(changes: tuple[LimitChange, ...], profile: str) -> Iterator[Block]:
    """Every limit that the profile changed, for the last section."""
    if not profile:
        return
    yield Heading(f"Limits changed by profile {profile}", 2)
    if not changes:
        yield Paragraph("It changes none of them.")
        return
    yield Table(
        ("Change", "Limit"),
        tuple((change.limit.change.value, changed_limit(change)) for change in changes),
        (14, 86),
    )
